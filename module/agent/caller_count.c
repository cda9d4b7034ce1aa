/*
 * caller_count.c - what came of questions about signed requests, an account each: for the status,
 * and for the log when AWS can't be asked. Must never hold more than numbers.
 */
#include "agent/caller_table.h"

struct sg_caller_counts *sg_caller_counts(const struct sg_agent *agent,
                                          const struct sg_account *account)
{
    size_t i = 0;

    while (i + 1 < agent->account_count && agent->accounts[i].config != account)
        i++;
    return &agent->callers->counts[i];
}

void sg_caller_tell_trouble(struct sg_caller *caller, const char *trouble)
{
    struct sg_caller_counts *counts = caller->counts;
    struct sg_agent *agent = caller->agent;
    unsigned left_out;

    if (trouble != NULL && !counts->told_trouble &&
        sg_rated_tell(&counts->trouble, agent, &left_out)) {
        sg_log(&agent->log, SG_LOG_WARNING, "issuer=%s identity=unknown: %s (%u times untold)",
               caller->issuer->label, trouble, left_out);
        counts->told_trouble = true;
    }
    if (trouble == NULL && counts->told_trouble) {
        sg_log(&agent->log, SG_LOG_NOTICE, "issuer=%s identity=known again", caller->issuer->label);
        counts->told_trouble = false;
    }
}

static bool has_issuer(const struct sg_agent *agent, const struct sg_account *account)
{
    for (size_t i = 0; i < agent->config->issuer_count; i++) {
        if (agent->config->issuers[i].kind == SG_ISSUER_CALLER_IDENTITY &&
            agent->config->issuers[i].account == account)
            return true;
    }
    return false;
}

void sg_callers_status(struct sg_buffer *out, const struct sg_agent_account *account)
{
    static const struct sg_caller_counts none = {0};
    const struct sg_agent *agent = account->agent;

    if (!has_issuer(agent, account->config))
        return;
    const struct sg_caller_counts *counts =
        agent->callers == NULL ? &none : sg_caller_counts(agent, account->config);
    const struct {
        const char *name;
        uint64_t count;
    } all[] = {
        {"asked", counts->asked},           {"known", counts->known},
        {"refused", counts->refused},       {"over_budget", counts->over_budget},
        {"crowded", counts->crowded},       {"calls", counts->called},
        {"companions", counts->companions}, {"throttled", counts->throttled},
        {"vouched", counts->vouched},       {"denied", counts->denied},
        {"failed", counts->failed},
    };
    sg_buffer_addf(out, ",\"identities\":{");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sg_buffer_addf(out, "%s\"%s\":%llu", i > 0 ? "," : "", all[i].name,
                       (unsigned long long)all[i].count);
    sg_buffer_add_text(out, SG_TEXT("}"));
}
