/*
 * caller_calls.c - from the queue to STS, to IAM where there is a companion, and back to who waits.
 * Must never tell one request's answer for another's, and never keep a request once it is told.
 */
#include "agent/caller_send.h"
#include "agent/caller_table.h"

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

static void log_outcome(struct sg_caller *caller, const char *trouble)
{
    struct sg_callers *callers = caller->agent->callers;

    if (trouble == NULL && caller->answer.head.status < 0)
        return; /* nobody was asked */
    if (trouble != NULL && !callers->in_trouble)
        sg_log(&caller->agent->log, SG_LOG_WARNING, "issuer=%s identity=unknown: %s",
               caller->issuer->label, trouble);
    if (trouble == NULL && callers->in_trouble)
        sg_log(&caller->agent->log, SG_LOG_NOTICE, "issuer=%s identity=known again",
               caller->issuer->label);
    callers->in_trouble = trouble != NULL;
}

/* How long what AWS said holds: no longer than STS would take the request. */
static int64_t kept_ms(const struct sg_caller *caller, int64_t signed_ms)
{
    const int64_t left_ms =
        signed_ms + SG_IDENTITY_LIFE_MS - sg_clock_wall_ms(caller->agent->clock);
    const int64_t most_ms =
        caller->answer.head.status == 0 ? (int64_t)SG_IDENTITY_LIFE_MS : (int64_t)REFUSED_MS;

    if (left_ms < 0)
        return 0;
    return left_ms < most_ms ? left_ms : most_ms;
}

/* It is over: everyone who waits is told, and what AWS said is kept. */
static void end(struct sg_caller *caller, int64_t signed_ms, const char *trouble)
{
    struct sg_agent *agent = caller->agent;
    struct sg_callers *callers = agent->callers;

    callers->pending--;
    if (caller->state == SG_CALLER_CALLING)
        callers->calling--;
    log_outcome(caller, trouble);
    sg_buffer_wipe(&caller->request);
    caller->state = SG_CALLER_TOLD;
    caller->until_boot_ms =
        caller->answer.head.status < 0 ? 0 : sg_now_ms(agent) + kept_ms(caller, signed_ms);
    for (size_t i = 0; i < caller->waiters.count; i++)
        sg_caller_tell(caller, &caller->waiters.items[i]);
    sg_waiters_clear(&caller->waiters);
    if (caller->answer.head.status < 0)
        sg_caller_forget(callers, sg_caller_place(callers, caller->digest));
}

static void end_unknown(struct sg_caller *caller, int status, const char *trouble)
{
    caller->answer = (struct sg_identity_answer){.head = {.status = status}};
    end(caller, 0, trouble);
}

static void end_refused(struct sg_caller *caller, int status)
{
    caller->answer = (struct sg_identity_answer){.head = {.status = status}};
    end(caller, sg_clock_wall_ms(caller->agent->clock), NULL);
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
    if (answer.outcome == SG_IAM_OK && sg_caller_read_role(&same, answer.body, &caller->answer,
                                                           caller->issuer->account) != SG_OK) {
        end_unknown(caller, SG_E_NETWORK, "IAM's answer is not one of GetRole");
    } else if (answer.outcome == SG_IAM_OK && !same) {
        end_refused(caller, SG_IDENTITY_BAD_COMPANION);
    } else if (answer.outcome == SG_IAM_OK || answer.outcome == SG_IAM_DENIED) {
        caller->answer.companion_ms =
            answer.outcome == SG_IAM_OK ? answer.date_ms : SG_COMPANION_DENIED;
        end(caller, caller->answer.date_ms, NULL);
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
        error = sg_caller_send_companion(&caller->transfer, agent->http, caller->issuer,
                                         sg_buffer_text(&caller->request),
                                         (struct sg_http_done){took_role, caller});
        if (error == SG_E_ABSENT)
            end(caller, caller->answer.date_ms, NULL);
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

void sg_caller_pump(struct sg_agent *agent)
{
    struct sg_callers *callers = agent->callers;
    const int64_t now_ms = sg_now_ms(agent);

    while (callers->first != NULL) {
        struct sg_caller *caller = callers->first;

        if (now_ms - caller->since_boot_ms > QUEUED_MS) {
            end_unknown(next_queued(callers), SG_E_BUSY, NULL);
            continue;
        }
        if (callers->calling == CALLS_AT_ONCE || !sg_caller_turn(callers, now_ms))
            break;
        (void)next_queued(callers);
        caller->state = SG_CALLER_CALLING;
        callers->calling++;
        if (sg_caller_send(&caller->transfer, agent->http, caller->issuer,
                           sg_buffer_text(&caller->request),
                           (struct sg_http_done){took_identity, caller}) != SG_OK)
            end_unknown(caller, SG_E_NETWORK, "the request could not be sent");
    }
    if (callers->first != NULL)
        sg_timer_set(&agent->timers, &callers->timer, now_ms + AGAIN_MS, pump_due, agent);
}
