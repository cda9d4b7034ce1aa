/*
 * call.c - one call of IAM, with the patience it needs: pauses with full jitter where trying again
 * helps (AWS's own advice, "Exponential Backoff And Jitter"), fresh keys or a corrected clock once,
 * and a modest pace for each account, whose limits are shared with everybody else in it. What it
 * never does is make an answer of an error.
 */
#include "agent/agent.h"

#include <stdio.h>

#define ATTEMPTS_MAX   5
#define FIRST_PAUSE_MS 250
#define MOST_PAUSE_MS  10000
#define THROTTLE_MS    1000
#define PACE_MS        80   /* 12 calls a second */
#define BURST_MS       2000 /* what may have been saved up: 25 calls */
#define AWAY_MS        5000

static void send_call(void *payload);

static void finish(struct sg_call *call, const struct sg_iam_answer *answer)
{
    if (answer->date_ms != 0)
        sg_account_note_date(call->account, answer->date_ms);
    call->done(call->payload, answer);
}

static void later(struct sg_call *call, int64_t pause_ms)
{
    struct sg_agent *agent = call->account->agent;

    sg_timer_set(&agent->timers, &call->timer, sg_now_ms(agent) + pause_ms, send_call, call);
}

/* Mends what can be mended without anybody: true when the call is to go out again. */
static bool mend(struct sg_call *call, const struct sg_iam_answer *answer)
{
    struct sg_agent_account *account = call->account;

    if (call->renewed)
        return false;
    call->renewed = true;
    if (answer->outcome == SG_IAM_CREDENTIALS)
        return sg_account_load_credentials(account) == SG_OK;
    if (answer->date_ms == 0)
        return false;
    const int64_t offset_ms = answer->date_ms - sg_clock_wall_ms(account->agent->clock);
    if (offset_ms > -AWAY_MS && offset_ms < AWAY_MS && account->iam.clock_offset_ms == 0)
        return sg_account_load_credentials(account) == SG_OK;
    account->iam.clock_offset_ms = offset_ms; /* also when our clock was mended since */
    return true;
}

static void answered(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_call *call = payload;
    const bool throttled = answer->outcome == SG_IAM_THROTTLED;

    call->call = NULL;
    call->account->throttled += throttled;
    if ((throttled || answer->outcome == SG_IAM_TRANSIENT) && call->attempts < ATTEMPTS_MAX) {
        int64_t most_ms = (throttled ? THROTTLE_MS : FIRST_PAUSE_MS) << call->attempts;
        if (most_ms > MOST_PAUSE_MS)
            most_ms = MOST_PAUSE_MS;
        later(call, 1 + sg_jitter_ms(most_ms));
        return;
    }
    if ((answer->outcome == SG_IAM_CREDENTIALS || answer->outcome == SG_IAM_CLOCK) &&
        mend(call, answer)) {
        later(call, 0);
        return;
    }
    finish(call, answer);
}

static void send_call(void *payload)
{
    struct sg_call *call = payload;
    struct sg_agent_account *account = call->account;
    struct sg_iam_answer failed = {.outcome = SG_IAM_FAILED};
    int error = SG_OK;

    call->attempts++;
    if (account->iam.credentials.access_key_id == NULL)
        error = sg_account_load_credentials(account);
    if (error == SG_OK) {
        account->calls++;
        account->round_calls++;
        error = sg_iam_start(&call->call, &account->iam, &call->request,
                             (struct sg_iam_done){answered, call});
    }
    if (error == SG_OK)
        return;
    (void)snprintf(failed.message, sizeof failed.message, "%s",
                   account->iam.credentials.access_key_id == NULL
                       ? "there are no AWS credentials to sign with; the lines above say why"
                       : "the request could not be made");
    finish(call, &failed);
}

void sg_call_start(struct sg_call *call)
{
    struct sg_agent_account *account = call->account;
    const int64_t now_ms = sg_now_ms(account->agent);

    call->attempts = 0;
    call->renewed = false;
    call->call = NULL;
    if (account->budget_ms < now_ms - BURST_MS)
        account->budget_ms = now_ms - BURST_MS;
    account->budget_ms += PACE_MS;
    later(call, account->budget_ms > now_ms ? account->budget_ms - now_ms : 0);
}

void sg_call_stop(struct sg_call *call)
{
    if (call->account == NULL)
        return;
    sg_timer_stop(&call->account->agent->timers, &call->timer);
    sg_iam_cancel(call->call);
    call->call = NULL;
}
