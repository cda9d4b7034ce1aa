/*
 * caller_calls.c - from the queue to STS, to IAM where there is a companion, and back to who waits.
 * Must never tell one request's answer for another's, and never keep a request once it is told.
 */
#include "agent/caller_send.h"
#include "agent/caller_table.h"
#include "agent/opaque_time.h"

#define CALLS_AT_ONCE 64
#define QUEUED_MS     2500 /* who asks waits 3 s */
#define REFUSED_MS    10000
#define AGAIN_MS      10

/* ---- answering ---- */

void sg_caller_tell(const struct sg_caller *caller, const struct sg_waiter *waiter)
{
    struct sg_identity_answer answer = caller->answer;

    answer.head.magic = SG_ASK_MAGIC;
    answer.head.id = waiter->id;
    sg_waiter_tell(caller->agent, waiter, &answer, sizeof answer);
}

/* How long what AWS said holds: no longer than STS would take the request. */
static int64_t kept_ms(const struct sg_caller *caller)
{
    const int64_t left_ms =
        caller->signed_ms + SG_IDENTITY_LIFE_MS - sg_clock_wall_ms(caller->agent->clock);

    if (caller->answer.head.status > 0)
        return REFUSED_MS;
    if (caller->answer.head.status < 0 || left_ms < 0)
        return 0;
    return left_ms < SG_IDENTITY_LIFE_MS ? left_ms : SG_IDENTITY_LIFE_MS;
}

/* It is over: everyone who waits is told, and what AWS said is kept. */
static void end(struct sg_caller *caller)
{
    struct sg_agent *agent = caller->agent;
    struct sg_callers *callers = agent->callers;

    callers->pending--;
    if (caller->state == SG_CALLER_CALLING)
        callers->calling--;
    sg_buffer_wipe(&caller->request);
    caller->state = SG_CALLER_TOLD;
    caller->until_boot_ms = sg_now_ms(agent) + kept_ms(caller);
    for (size_t i = 0; i < caller->waiters.count; i++)
        sg_caller_tell(caller, &caller->waiters.items[i]);
    sg_waiters_clear(&caller->waiters);
    if (caller->answer.head.status < 0)
        sg_caller_forget(callers, sg_caller_place(callers, caller->digest));
}

static void end_unasked(struct sg_caller *caller, int status)
{
    caller->answer = (struct sg_identity_answer){.head = {.status = status}};
    end(caller);
}

static void end_unknown(struct sg_caller *caller, int status, const char *trouble)
{
    caller->counts->failed++;
    sg_caller_tell_trouble(caller, trouble);
    end_unasked(caller, status);
}

static void end_refused(struct sg_caller *caller, int status)
{
    caller->counts->denied++;
    sg_caller_tell_trouble(caller, NULL);
    end_unasked(caller, status);
}

static void end_vouched(struct sg_caller *caller)
{
    caller->counts->vouched++;
    sg_caller_tell_trouble(caller, NULL);
    end(caller);
}

/* ---- calling ---- */

/* AWS understood and said no, as far as it said anything that we know. */
static bool is_refusal(const struct sg_iam_answer *answer)
{
    return answer->code[0] != '\0' && answer->outcome != SG_IAM_OK &&
           answer->outcome != SG_IAM_THROTTLED && answer->outcome != SG_IAM_TRANSIENT;
}

static void end_by(struct sg_caller *caller, const struct sg_iam_answer *answer, int refusal)
{
    if (is_refusal(answer))
        end_refused(caller,
                    strncmp(answer->code, "ExpiredToken", 12) == 0 ? SG_IDENTITY_EXPIRED : refusal);
    else
        end_unknown(caller, answer->outcome == SG_IAM_THROTTLED ? SG_E_BUSY : SG_E_NETWORK,
                    answer->code[0] != '\0' ? answer->code : answer->message);
    /* `caller` may be gone. A message is told only where there is no code: AWS's may hold what was
     * signed. */
}

static void took_role(void *payload, const struct sg_http_answer *http)
{
    struct sg_caller *caller = payload;
    struct sg_agent *agent = caller->agent;
    struct sg_iam_answer answer;
    bool same = false;

    caller->transfer = NULL;
    sg_iam_classify(&answer, http);
    caller->counts->throttled += answer.outcome == SG_IAM_THROTTLED;
    if (answer.outcome == SG_IAM_OK && sg_caller_read_role(&same, answer.body, &caller->answer,
                                                           caller->issuer->account) != SG_OK) {
        end_unknown(caller, SG_E_NETWORK, "IAM's answer is not one of GetRole");
    } else if (answer.outcome == SG_IAM_OK && !same) {
        end_refused(caller, SG_IDENTITY_BAD_COMPANION);
    } else if (answer.outcome == SG_IAM_OK || answer.outcome == SG_IAM_DENIED) {
        caller->answer.companion_ms =
            answer.outcome == SG_IAM_OK ? answer.date_ms : SG_COMPANION_DENIED;
        end_vouched(caller);
    } else {
        end_by(caller, &answer, SG_IDENTITY_BAD_COMPANION);
    }
    sg_caller_pump(agent);
}

static void took_identity(void *payload, const struct sg_http_answer *http)
{
    struct sg_caller *caller = payload;
    struct sg_agent *agent = caller->agent;
    struct sg_iam_answer answer;
    int error = SG_OK;

    caller->transfer = NULL;
    sg_iam_classify(&answer, http);
    caller->counts->throttled += answer.outcome == SG_IAM_THROTTLED;
    caller->answer = (struct sg_identity_answer){.date_ms = answer.date_ms};
    if (answer.outcome == SG_IAM_OK)
        error = sg_caller_read(&caller->answer, answer.body, caller->issuer->account);
    if (answer.outcome != SG_IAM_OK) {
        end_by(caller, &answer, SG_IDENTITY_BAD_SIGNATURE);
    } else if (error != SG_OK) {
        end_unknown(caller, SG_E_NETWORK, "STS's answer is not one of this account");
    } else if (caller->answer.head.status != 0) {
        end_refused(caller, caller->answer.head.status);
    } else {
        sg_opaque_time_take(&caller->answer, agent, caller->issuer,
                            sg_buffer_text(&caller->request));
        error = sg_caller_send_companion(&caller->transfer, agent->http, caller->issuer,
                                         sg_buffer_text(&caller->request),
                                         (struct sg_http_done){took_role, caller});
        caller->counts->companions += error == SG_OK;
        if (error == SG_E_ABSENT)
            end_vouched(caller);
        else if (error != SG_OK)
            end_unknown(caller, SG_E_NETWORK, "the companion could not be sent");
    }
    sg_caller_pump(agent);
}

static void pump_due(void *payload)
{
    sg_caller_pump(payload);
}

static struct sg_caller *next_queued(struct sg_callers *callers)
{
    struct sg_caller *caller = callers->first;

    callers->first = caller->queued;
    if (callers->first == NULL)
        callers->last = NULL;
    caller->queued = NULL;
    return caller;
}

static void send_next(struct sg_callers *callers)
{
    struct sg_caller *caller = next_queued(callers);

    caller->state = SG_CALLER_CALLING;
    callers->calling++;
    caller->counts->called++;
    if (sg_caller_send(&caller->transfer, caller->agent->http, caller->issuer,
                       sg_buffer_text(&caller->request),
                       (struct sg_http_done){took_identity, caller}) != SG_OK)
        end_unknown(caller, SG_E_NETWORK, "the request could not be sent");
}

/* Gives up on it when it has waited too long, or STS would not take it any more. */
static bool give_up(struct sg_caller *caller, int64_t now_ms)
{
    struct sg_callers *callers = caller->agent->callers;

    if (now_ms - caller->since_boot_ms > QUEUED_MS) {
        caller->counts->crowded++;
        end_unasked(next_queued(callers), SG_E_BUSY);
        return true;
    }
    if (sg_clock_wall_ms(caller->agent->clock) - caller->signed_ms <= SG_IDENTITY_LIFE_MS)
        return false;
    caller->counts->refused++;
    end_unasked(next_queued(callers), SG_IDENTITY_EXPIRED);
    return true;
}

void sg_caller_pump(struct sg_agent *agent)
{
    struct sg_callers *callers = agent->callers;
    const int64_t now_ms = sg_now_ms(agent);

    while (callers->first != NULL) {
        if (give_up(callers->first, now_ms))
            continue;
        if (callers->calling == CALLS_AT_ONCE || !sg_caller_turn(callers, now_ms))
            break;
        send_next(callers);
    }
    if (callers->first != NULL)
        sg_timer_set(&agent->timers, &callers->timer, now_ms + AGAIN_MS, pump_due, agent);
}
