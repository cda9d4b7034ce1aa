/*
 * sources.c - whose keys the store holds. Keys lie in it by the issuer's label; when an operator
 * gives a label another URL, the keys of the old one must not vouch for the new one's tokens for
 * even one moment. So the agent writes down which URL each label's keys came from, and takes over
 * from an earlier run only those that match.
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <unistd.h>

#define SOURCES_NAME "issuers"
#define SOURCES_MAX  (1024 * 1024)

static void write_line(struct sg_buffer *out, const struct sg_issuer *issuer)
{
    sg_buffer_addf(out, "%s %s %s\n", issuer->label, issuer->jwks != NULL ? issuer->jwks : "-",
                   issuer->url);
}

static bool holds_line(struct sg_text text, struct sg_text line)
{
    struct sg_text one;

    line.length--; /* its newline */
    while (text.length > 0) {
        (void)sg_text_cut(&one, &text, '\n');
        if (sg_text_equal(one, line))
            return true;
    }
    return false;
}

static bool same_source(struct sg_text text, const struct sg_agent_issuer *issuer)
{
    struct sg_buffer line = {0};

    write_line(&line, issuer->config);
    const bool same = !line.failed && holds_line(text, sg_buffer_text(&line));
    sg_buffer_clear(&line);
    return same;
}

static void forget_keys(struct sg_agent *agent, struct sg_agent_issuer *issuer)
{
    sg_log(&agent->log, SG_LOG_NOTICE,
           "issuer=%s keys=dropped: they came from another URL than the one configured now",
           issuer->config->label);
    sg_buffer_clear(&issuer->keys);
    issuer->key_count = 0;
}

int sg_sources_check(struct sg_agent *agent)
{
    struct sg_problems problems = {0};
    struct sg_buffer before = {0}, now = {0};
    const int folder = open(agent->config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = folder < 0 ? SG_E_SYSTEM : SG_OK;

    /* What can't be read is as good as not there: no key is taken over. */
    if (error == SG_OK && sg_file_read(&before, folder, SOURCES_NAME, SOURCES_MAX,
                                       &agent->config->owners, &problems) == SG_E_ABSENT)
        sg_problems_clear(&problems);
    for (size_t i = 0; error == SG_OK && i < agent->issuer_count; i++) {
        struct sg_agent_issuer *issuer = &agent->issuers[i];

        write_line(&now, issuer->config);
        if (issuer->key_count == 0 || same_source(sg_buffer_text(&before), issuer))
            continue;
        forget_keys(agent, issuer);
        error = sg_publish_keys(agent, issuer);
    }
    if (error == SG_OK && now.failed)
        error = SG_E_MEMORY;
    if (error == SG_OK && !sg_text_equal(sg_buffer_text(&before), sg_buffer_text(&now)))
        error = sg_file_replace(folder, SOURCES_NAME, sg_buffer_text(&now), 0644, &problems);
    sg_log_problems(agent, error == SG_OK ? SG_LOG_WARNING : SG_LOG_ERROR, "store", &problems);
    sg_buffer_clear(&before);
    sg_buffer_clear(&now);
    if (folder >= 0)
        (void)close(folder);
    return error;
}
