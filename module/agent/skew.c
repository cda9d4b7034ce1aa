/*
 * skew.c - AWS's clock and ours. Cutoffs go by AWS's; tokens' own times by this host's, so that an
 * administrator has to know when it is wrong.
 */
#include "agent/agent.h"

#define SKEW_MS 5000 /* Date has whole seconds, and an answer takes its time */

static int64_t size_of(int64_t skew_ms)
{
    return skew_ms < 0 ? -skew_ms : skew_ms;
}

/* AWS answered at some time between `sent` and now: only what lies outside is our clock's fault. */
static int64_t skew_of(int64_t aws_ms, int64_t sent_ms, int64_t now_ms)
{
    if (aws_ms > now_ms)
        return aws_ms - now_ms;
    return aws_ms < sent_ms ? aws_ms - sent_ms : 0;
}

void sg_account_note_date(struct sg_agent_account *account, int64_t aws_ms, int64_t sent_ms)
{
    const struct sg_log *log = &account->agent->log;
    const int64_t skew_ms = skew_of(aws_ms, sent_ms, sg_clock_wall_ms(account->agent->clock));

    if (size_of(skew_ms) < SKEW_MS) {
        if (account->skew_told_ms != 0)
            sg_log(log, SG_LOG_NOTICE, "account=%s clock=good: this host's clock is AWS's again",
                   account->config->label);
        account->skew_told_ms = 0;
        return;
    }
    if (size_of(skew_ms - account->skew_told_ms) < SKEW_MS)
        return;
    account->skew_told_ms = skew_ms;
    sg_log(log, SG_LOG_WARNING,
           "account=%s problem=clock: this host's clock is %lld s %s AWS's; cutoffs are compared "
           "by AWS's, but tokens' times by this one: mend its time synchronisation",
           account->config->label, (long long)(size_of(skew_ms) / 1000),
           skew_ms < 0 ? "ahead of" : "behind");
}
