/*
 * budget_file.c - pauses that outlive a restart: a small text in the state folder, one line a
 * pause, in wall time. It is written when an API throttles and at no other time. Whatever stands in
 * it, damaged or forged, no more can come of it than SG_BUDGET_PAUSE_MS without calls.
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <unistd.h>

#define BUDGET_NAME    "budget"
#define BUDGET_MAX     (1024 * 1024)
#define WRITE_AGAIN_MS 1000
#define FIRST_LINE     "stsgate budget 1"

static bool take_number(uint64_t *number, struct sg_text *line)
{
    struct sg_text word;

    (void)sg_text_cut(&word, line, ' ');
    return sg_text_to_uint(number, word, INT64_MAX / 2); /* whatever the clocks say, no overflow */
}

/* LABEL API LEVEL UNTIL */
static void take_line(struct sg_agent *agent, struct sg_text line)
{
    const int64_t apart_ms = sg_clock_wall_ms(agent->clock) - sg_now_ms(agent);
    struct sg_text label, api;
    uint64_t level, until_ms;

    if (!sg_text_cut(&label, &line, ' ') || !sg_text_cut(&api, &line, ' ') ||
        !take_number(&level, &line) || !take_number(&until_ms, &line) || line.length > 0)
        return;
    for (size_t i = 0; i < agent->account_count; i++) {
        struct sg_agent_account *account = &agent->accounts[i];

        if (sg_text_equal(sg_text_of(account->config->label), label))
            sg_budget_resume(&account->budget, api, level < 100 ? (unsigned)level : 100,
                             (int64_t)until_ms - apart_ms, sg_now_ms(agent));
    }
}

void sg_budget_take_text(struct sg_agent *agent, struct sg_text text)
{
    struct sg_text line;

    (void)sg_text_cut(&line, &text, '\n');
    if (!sg_text_equal(line, SG_TEXT(FIRST_LINE)))
        return;
    while (text.length > 0) {
        (void)sg_text_cut(&line, &text, '\n');
        take_line(agent, line);
    }
}

void sg_budget_load(struct sg_agent *agent)
{
    struct sg_buffer content = {0};
    struct sg_problems problems = {0};
    const int folder = open(agent->config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return;
    /* What can't be read is as good as not there. */
    if (sg_file_read(&content, folder, BUDGET_NAME, BUDGET_MAX, &agent->config->owners,
                     &problems) == SG_E_ABSENT)
        sg_problems_clear(&problems);
    (void)close(folder);
    sg_log_problems(agent, SG_LOG_WARNING, "store", &problems);
    sg_budget_take_text(agent, sg_buffer_text(&content));
    sg_buffer_clear(&content);
}

static void write_pauses(struct sg_buffer *out, const struct sg_agent_account *account,
                         int64_t apart_ms)
{
    for (size_t i = 0; i < account->budget.count; i++) {
        const struct sg_budget_api *api = &account->budget.apis[i];

        if (api->until_ms > sg_now_ms(account->agent))
            sg_buffer_addf(out, "%s %s %u %lld\n", account->config->label, api->name, api->level,
                           (long long)api->until_ms + apart_ms);
    }
}

static void write_due(void *payload)
{
    struct sg_agent *agent = payload;
    const int64_t apart_ms = sg_clock_wall_ms(agent->clock) - sg_now_ms(agent);
    const int folder = open(agent->config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sg_problems problems = {0};
    struct sg_buffer text = {.limit = BUDGET_MAX};

    agent->budget_written_ms = sg_now_ms(agent);
    sg_buffer_addf(&text, FIRST_LINE "\n");
    for (size_t i = 0; i < agent->account_count; i++)
        write_pauses(&text, &agent->accounts[i], apart_ms);
    if (folder >= 0 && !text.failed)
        (void)sg_file_replace(folder, BUDGET_NAME, sg_buffer_text(&text), 0644, &problems);
    sg_log_problems(agent, SG_LOG_WARNING, "store", &problems);
    sg_buffer_clear(&text);
    if (folder >= 0)
        (void)close(folder);
}

void sg_budget_keep(struct sg_agent *agent)
{
    if (!agent->budget_timer.set)
        sg_timer_set(&agent->timers, &agent->budget_timer,
                     agent->budget_written_ms == 0 ? sg_now_ms(agent)
                                                   : agent->budget_written_ms + WRITE_AGAIN_MS,
                     write_due, agent);
}
