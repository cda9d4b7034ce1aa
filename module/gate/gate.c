/*
 * gate.c - the life of a request: find the service, know the session (from the
 * cache, or by reading and verifying the credential), then its times, the
 * service's rules and the role's record. Memory only: nothing here waits,
 * writes or asks anyone. Whatever is not decided otherwise is denied.
 */
#include "base/date.h"
#include "gate/check.h"

#include <stdio.h>

#define YEAR_10000_MS (INT64_C(253402300800) * 1000)

static enum stsgate_reason find_service(struct sg_check *check)
{
    const struct stsgate_text name = check->request->service;

    check->service =
        sg_config_service(sg_check_config(check), (struct sg_text){name.data, name.length});
    if (check->service == NULL)
        return STSGATE_REASON_UNKNOWN_SERVICE;
    check->service_index = (size_t)(check->service - sg_check_config(check)->services);
    check->credential =
        (struct sg_text){check->request->credential.data, check->request->credential.length};
    if (check->credential.length == 0)
        return STSGATE_REASON_NO_CREDENTIAL;
    if (check->credential.length > STSGATE_CREDENTIAL_MAX)
        return STSGATE_REASON_MALFORMED;
    return STSGATE_REASON_NONE;
}

/* The session behind the credential: remembered as long as its issuer's keys are the same, else
 * verified. */
static enum stsgate_reason know_session(struct sg_check *check)
{
    struct stsgate_reader *reader = check->reader;
    struct sg_issuer_view *view;
    enum stsgate_reason reason;

    if (!sg_cache_key(&check->key, reader->cache, check->service_index, check->credential))
        return STSGATE_REASON_INTERNAL_ERROR;
    if (sg_cache_find(&check->known, reader->cache, &check->key)) {
        reason = sg_reader_issuer(&view, reader, check->known.issuer, check->boot_ms);
        if (reason != STSGATE_REASON_NONE)
            return reason;
        if (view->prepared_generation == check->known.generation)
            return STSGATE_REASON_NONE;
    }
    reason = sg_check_verify(check);
    if (reason == STSGATE_REASON_NONE)
        sg_cache_put(reader->cache, &check->key, &check->known, check->now_ms);
    return reason;
}

static enum stsgate_reason check_times(const struct sg_check *check)
{
    const struct sg_session *session = &check->known.session;
    const bool signed_request = sg_check_issuer(check)->kind == SG_ISSUER_CALLER_IDENTITY;
    int64_t skew_ms = check->service->clock_skew_ms;

    /* STS takes a signature for 15 minutes by its own clock, and so is it remembered. */
    if (check->now_ms - (signed_request ? 0 : skew_ms) >= session->expires_ms)
        return STSGATE_REASON_EXPIRED;
    if (check->now_ms + skew_ms < session->token_issued_ms ||
        check->now_ms + skew_ms < session->not_before_ms)
        return STSGATE_REASON_NOT_YET_VALID;
    return STSGATE_REASON_NONE;
}

static void publish_session(struct sg_check *check)
{
    const struct sg_session *session = &check->known.session;
    struct stsgate_result *result = check->result;

    sg_check_put(result->role, sizeof(result->role), session->role_arn);
    sg_check_put(result->account, sizeof(result->account), session->account);
    sg_check_put(result->session_name, sizeof(result->session_name), session->session_name);
    if (!sg_session_is_long_term(session)) {
        result->issued_earliest_ms = session->issued.earliest_ms;
        result->issued_latest_ms = session->issued.latest_ms;
    }
    result->expires_ms = session->expires_ms;
}

static enum stsgate_reason decide_by_rules(struct sg_check *check)
{
    struct sg_decision decision;

    publish_session(check);
    if (check->reader->trace.step != NULL)
        sg_trace_session(check);
    sg_decide_service(&decision, &check->known.session, check->service, sg_check_issuer(check),
                      check->now_ms);
    if (sg_check_take(check, &decision))
        return decision.reason;
    sg_trace_step(&check->reader->trace, "service", "%s lets this role and age in",
                  check->service->name);
    return sg_check_standing(check);
}

/* Revocation, age and role: what `mode = observe` lets through. Reports whether the session had
 * verified by then. */
static enum stsgate_reason decide_session(struct sg_check *check)
{
    enum stsgate_reason reason = STSGATE_REASON_NONE;

    if (sg_check_issuer(check)->kind != SG_ISSUER_CALLER_IDENTITY)
        return decide_by_rules(check);
    reason = sg_check_role_path(check);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    reason = decide_by_rules(check);
    if (sg_check_narrow(check, reason))
        reason = decide_by_rules(check);
    return sg_check_companion(check, reason);
}

static bool undecided(enum stsgate_reason reason)
{
    return reason == STSGATE_REASON_ROLE_PENDING || reason == STSGATE_REASON_CUTOFFS_UNAVAILABLE ||
           reason == STSGATE_REASON_KEYS_UNAVAILABLE || reason == STSGATE_REASON_SLOW_SIGNATURE ||
           reason == STSGATE_REASON_IDENTITY_PENDING;
}

static void describe(struct stsgate_result *result)
{
    char date[SG_DATE_SIZE];

    if (result->accepted_from_ms != 0 && result->accepted_from_ms != INT64_MAX)
        snprintf(result->description, sizeof(result->description),
                 "%s; a token minted from %s on will be accepted",
                 stsgate_reason_text(result->reason),
                 sg_date_format(date, result->accepted_from_ms));
    else
        snprintf(result->description, sizeof(result->description), "%s",
                 stsgate_reason_text(result->reason));
}

/* The one place where a verdict other than DENY is made. `verified`: the credential is good, and
 * `reason` is about its session. */
static void conclude(struct sg_check *check, enum stsgate_reason reason, bool verified)
{
    struct stsgate_result *result = check->result;
    enum stsgate_verdict verdict = STSGATE_DENY;

    if (reason == STSGATE_REASON_NONE)
        verdict = STSGATE_ALLOW;
    else if (undecided(reason))
        verdict = STSGATE_UNDECIDED;
    result->reason = reason;
    result->would_be = verdict;
    if (verified && verdict == STSGATE_DENY && check->service->mode == SG_MODE_OBSERVE)
        verdict = STSGATE_ALLOW;
    if (verified && verdict == STSGATE_UNDECIDED && check->service->allow_undecided &&
        (check->request->last || reason == STSGATE_REASON_CUTOFFS_UNAVAILABLE))
        verdict = STSGATE_ALLOW;
    if (verdict != STSGATE_ALLOW && stsgate_reason_http_status(reason) == 503)
        result->retry_after_s = reason == STSGATE_REASON_CUTOFFS_UNAVAILABLE ? 5 : 1;
    if (reason != STSGATE_REASON_NONE)
        describe(result);
    result->verdict = verdict;
    sg_trace_step(&check->reader->trace, "verdict", "%s: %s%s%s", stsgate_reason_word(reason),
                  stsgate_reason_text(reason), result->detail[0] == 0 ? "" : "; ", result->detail);
}

static void run(struct sg_check *check)
{
    enum stsgate_reason reason = find_service(check);
    bool verified = false;

    if (reason == STSGATE_REASON_NONE)
        reason = know_session(check);
    if (reason == STSGATE_REASON_NONE)
        reason = check_times(check);
    if (reason == STSGATE_REASON_NONE) {
        reason = decide_session(check);
        verified = !check->path_untold && reason != STSGATE_REASON_COMPANION_REFUSED;
    }
    conclude(check, reason, verified);
}

/* False when a call makes no sense; the result, as far as there is one, then denies. */
static bool begin(struct sg_check *check, struct stsgate_result *result,
                  struct stsgate_reader *reader, const struct stsgate_request *request)
{
    const struct sg_clock *clock;

    if (reader == NULL || request == NULL || request->size < sizeof(*request))
        return false;
    clock = &reader->gate->clock;
    sg_buffer_wipe(&reader->identities.request); /* of an earlier check: nobody may ask it now */
    check->result = result;
    check->reader = reader;
    check->request = request;
    check->path_untold = false;
    check->now_ms = request->now_ms != 0 ? request->now_ms : sg_clock_wall_ms(clock);
    check->boot_ms = sg_clock_boot_ms(clock);
    /* Bounds that no token's times reach past, so that no difference to one can overflow. */
    return check->now_ms > 0 && check->now_ms < YEAR_10000_MS;
}

enum stsgate_verdict stsgate_check(struct stsgate_result *result, struct stsgate_reader *reader,
                                   const struct stsgate_request *request)
{
    const size_t smallest = offsetof(struct stsgate_result, retry_after_s);
    struct stsgate_result whole, *out = &whole;
    struct sg_check check;
    size_t size;

    if (result == NULL || result->size < smallest)
        return STSGATE_DENY;
    size = result->size;
    if (size >= sizeof(whole)) /* in place; else only as much as the host knows of */
        out = result;
    memset(out, 0, sizeof(*out));
    out->size = size;
    out->reason = STSGATE_REASON_INTERNAL_ERROR;
    out->cutoff_ms = SG_CUTOFF_NONE;
    if (begin(&check, out, reader, request))
        run(&check);
    if (out != result)
        memcpy(result, out, size);
    return out->verdict;
}

int stsgate_verify(struct stsgate_seal *seal, struct stsgate_reader *reader,
                   const struct stsgate_request *request)
{
    struct stsgate_result result = {.size = sizeof(result)};
    struct stsgate_request now;
    struct sg_check check;

    if (seal == NULL)
        return STSGATE_E_ARGUMENT;
    memset(seal, 0, sizeof(*seal));
    if (!begin(&check, &result, reader, request))
        return STSGATE_E_ARGUMENT;
    now = *request;
    now.defer_slow = false;
    now.seal = NULL;
    check.request = &now;
    if (find_service(&check) != STSGATE_REASON_NONE ||
        sg_check_verify(&check) != STSGATE_REASON_NONE ||
        !sg_cache_seal(seal, reader->cache, check.service_index, check.known.issuer,
                       check.known.generation, check.credential)) {
        memset(seal, 0, sizeof(*seal));
        return STSGATE_E_ARGUMENT;
    }
    return 0;
}
