/*
 * call.c - one call of IAM or STS, with the patience it needs: within the account's budget, pauses
 * with full jitter where trying again helps (AWS's own advice, "Exponential Backoff And Jitter"),
 * fresh keys or a corrected clock once. What it never does is make an answer of an error.
 */
#include "agent/agent.h"

#include <stdio.h>

#define ATTEMPTS_MAX   5
#define FIRST_PAUSE_MS 250
#define MOST_PAUSE_MS  10000
#define AWAY_MS        5000

static void send_call(void *payload);

static void finish(struct sg_call *call, const struct sg_iam_answer *answer)
{
    if (answer->date_ms != 0)
        sg_account_note_date(call->account, answer->date_ms, call->sent_ms);
    call->done(call->payload, answer);
}

static void finish_unsent(struct sg_call *call, const char *why)
{
    struct sg_iam_answer failed = {.outcome = SG_IAM_FAILED};

    (void)snprintf(failed.message, sizeof failed.message, "%s", why);
    sg_text_make_printable(failed.message, strlen(failed.message));
    call->done(call->payload, &failed);
}

/* At the earliest in pause_ms, and when the budget allows it. */
static void later(struct sg_call *call, int64_t pause_ms)
{
    struct sg_agent *agent = call->account->agent;
    const int64_t now_ms = sg_now_ms(agent);
    const int64_t wait_ms =
        sg_budget_take(&call->account->budget, sg_text_of(call->request.action), now_ms);

    sg_timer_set(&agent->timers, &call->timer, now_ms + (wait_ms > pause_ms ? wait_ms : pause_ms),
                 send_call, call);
}

void sg_account_set_clock_offset(struct sg_agent_account *account, int64_t offset_ms)
{
    account->iam.clock_offset_ms = account->sts.clock_offset_ms = offset_ms;
    sg_provider_set_clock_offset(account->provider, offset_ms);
}

/* Mends what can be mended without anybody: true when the call is to go out again. */
static bool mend(struct sg_call *call, const struct sg_iam_answer *answer)
{
    struct sg_agent_account *account = call->account;

    if (call->renewed)
        return false;
    call->renewed = true;
    const int64_t offset_ms = answer->date_ms - sg_clock_wall_ms(account->agent->clock);
    const bool away = offset_ms <= -AWAY_MS || offset_ms >= AWAY_MS;
    if (answer->outcome == SG_IAM_CLOCK && answer->date_ms != 0 &&
        (away || account->iam.clock_offset_ms != 0))
        sg_account_set_clock_offset(account, offset_ms); /* also when our clock was mended since */
    else
        sg_provider_refused(account->provider, call->key_id);
    return true;
}

static void answered(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_call *call = payload;
    struct sg_agent *agent = call->account->agent;
    const struct sg_text api = sg_text_of(call->request.action);

    call->call = NULL;
    if (answer->outcome == SG_IAM_THROTTLED) {
        sg_budget_throttled(&call->account->budget, api, sg_now_ms(agent));
        sg_budget_keep(agent);
        if (call->attempts < ATTEMPTS_MAX) {
            later(call, 0);
            return;
        }
    } else if (answer->outcome != SG_IAM_TRANSIENT) {
        sg_budget_answered(&call->account->budget, api);
    } else if (call->attempts < ATTEMPTS_MAX) {
        const int64_t most_ms = (int64_t)FIRST_PAUSE_MS << call->attempts;
        later(call, 1 + sg_jitter_ms(most_ms < MOST_PAUSE_MS ? most_ms : MOST_PAUSE_MS));
        return;
    }
    if ((answer->outcome == SG_IAM_CREDENTIALS || answer->outcome == SG_IAM_CLOCK) &&
        mend(call, answer)) {
        later(call, 0);
        return;
    }
    finish(call, answer);
}

/* ---- keys ---- */

static void keys_came(void *payload, int error)
{
    struct sg_call *call = payload;
    struct sg_provider_state state;
    char why[400];

    if (error == SG_OK) {
        send_call(call);
        return;
    }
    sg_provider_state(&state, call->account->provider);
    (void)snprintf(why, sizeof why, "there are no AWS credentials to sign with: %s", state.trouble);
    finish_unsent(call, why);
}

/* False: they are waited for. */
static bool take_keys(struct sg_call *call, struct sg_iam *iam)
{
    const struct sg_credentials *keys = sg_provider_current(call->account->provider);

    if (keys != NULL && sg_credentials_copy(&iam->credentials, keys) == SG_OK &&
        sg_text_copy(call->key_id, sizeof call->key_id, sg_text_of(keys->access_key_id)))
        return true;
    if (keys == NULL) {
        call->waiter.call = keys_came;
        call->waiter.payload = call;
        sg_provider_wait(call->account->provider, &call->waiter);
    } else {
        finish_unsent(call, "out of memory, or an access key id that is none");
    }
    return false;
}

/* ---- sending ---- */

static void send_call(void *payload)
{
    struct sg_call *call = payload;
    struct sg_agent_account *account = call->account;
    struct sg_agent *agent = account->agent;
    struct sg_iam *iam = call->service == SG_AWS_STS ? &account->sts : &account->iam;
    const int64_t wait_ms =
        sg_budget_wait_ms(&account->budget, sg_text_of(call->request.action), sg_now_ms(agent));

    if (wait_ms > 0) {
        sg_timer_set(&agent->timers, &call->timer, sg_now_ms(agent) + wait_ms, send_call, call);
        return;
    }
    if (!take_keys(call, iam))
        return;
    call->attempts++;
    call->sent_ms = sg_clock_wall_ms(agent->clock);
    account->round_calls++;
    if (sg_iam_start(&call->call, iam, &call->request, (struct sg_iam_done){answered, call}) !=
        SG_OK)
        finish_unsent(call, "the request could not be made");
}

void sg_call_start(struct sg_call *call)
{
    call->attempts = 0;
    call->renewed = false;
    call->call = NULL;
    later(call, 0);
}

void sg_call_stop(struct sg_call *call)
{
    if (call->account == NULL)
        return;
    sg_timer_stop(&call->account->agent->timers, &call->timer);
    sg_provider_stop(&call->waiter);
    sg_iam_cancel(call->call);
    call->call = NULL;
}
