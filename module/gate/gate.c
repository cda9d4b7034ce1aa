/*
 * gate.c - the life of a request: find the service, know the session (from the
 * cache, or by reading and verifying the credential), then its times, the
 * service's rules and the role's record. Memory only: nothing here waits,
 * writes or asks anyone. Whatever is not decided otherwise is denied.
 */
#include "gate/gate.h"

#include "base/date.h"
#include "gate/decide.h"

#include <openssl/crypto.h>
#include <stdio.h>

#define YEAR_10000_MS (INT64_C(253402300800) * 1000)

struct check {
    struct stsgate_result *result;
    struct stsgate_reader *reader;
    const struct stsgate_request *request;
    const struct sg_service *service;
    size_t service_index;
    struct sg_text credential;
    int64_t now_ms, boot_ms;
    struct sg_cached known; /* the session, once it has verified */
};

static const struct sg_config *config_of(const struct check *check)
{
    return check->reader->gate->config;
}

static const struct sg_issuer *issuer_of(const struct check *check)
{
    return &config_of(check)->issuers[check->known.issuer];
}

static enum stsgate_reason find_service(struct check *check)
{
    const struct stsgate_text name = check->request->service;

    check->service = sg_config_service(config_of(check), (struct sg_text){name.data, name.length});
    if (check->service == NULL)
        return STSGATE_REASON_UNKNOWN_SERVICE;
    check->service_index = (size_t)(check->service - config_of(check)->services);
    check->credential =
        (struct sg_text){check->request->credential.data, check->request->credential.length};
    if (check->credential.length == 0)
        return STSGATE_REASON_NO_CREDENTIAL;
    if (check->credential.length > STSGATE_CREDENTIAL_MAX)
        return STSGATE_REASON_MALFORMED;
    return STSGATE_REASON_NONE;
}

/* Up to its end only: what stands behind it in a session out of the cache is nobody's. */
static void put(char *out, size_t size, const char *text)
{
    (void)sg_text_copy(out, size, sg_text_of(text));
}

/* What the agent is to be asked; see stsgate_ask(). */
static void want(struct check *check, enum sg_ask_kind kind, const char *label)
{
    struct sg_question question = {.magic = SG_ASK_MAGIC, .kind = kind};

    _Static_assert(sizeof(question) <= sizeof(check->result->want), "a question fits");
    put(question.label, sizeof(question.label), label);
    if (kind == SG_ASK_ROLE) {
        put(question.partition, sizeof(question.partition), check->known.session.partition);
        put(question.account, sizeof(question.account), check->known.session.account);
        put(question.role_name, sizeof(question.role_name), check->known.session.role_name);
    }
    memcpy(check->result->want, &question, sizeof(question));
}

/* A sibling reader of this process has checked the signature of these very bytes with today's keys.
 */
static bool sealed(struct check *check, size_t issuer, uint64_t generation)
{
    struct stsgate_seal seal;

    return check->request->seal != NULL &&
           sg_cache_seal(&seal, check->reader->cache, check->service_index, issuer, generation,
                         check->credential) &&
           CRYPTO_memcmp(&seal, check->request->seal, sizeof(seal)) == 0;
}

/* Everything cheap first, the signature last. */
static enum stsgate_reason verify(struct check *check, bool *signature_checked)
{
    struct stsgate_reader *reader = check->reader;
    struct sg_issuer_view *view = NULL;
    struct sg_verify_key *key = NULL;
    enum stsgate_reason reason;
    struct sg_jwt jwt;
    size_t issuer;

    *signature_checked = false;
    reason = sg_jwt_read(&jwt, check->credential, check->service, check->now_ms);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    issuer = (size_t)(jwt.issuer - config_of(check)->issuers);
    sg_trace_step(&reader->trace, "credential", "%s of [issuer %s], %s, kid \"%s\"",
                  jwt.issuer->kind == SG_ISSUER_JWT ? "jwt" : "aws-web-identity", jwt.issuer->label,
                  sg_alg_name(jwt.alg), jwt.kid);
    reason = sg_reader_issuer(&view, reader, issuer, check->boot_ms);
    if (reason == STSGATE_REASON_NONE)
        reason = sg_reader_key(&key, reader, issuer, &jwt, check->boot_ms);
    if (reason == STSGATE_REASON_KEYS_UNAVAILABLE)
        want(check, SG_ASK_KEYS, jwt.issuer->label);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    if (!sealed(check, issuer, view->prepared_generation)) {
        if (check->request->defer_slow && sg_alg_is_slow(jwt.alg))
            return STSGATE_REASON_SLOW_SIGNATURE;
        if (!sg_jwt_verify(&jwt, key))
            return STSGATE_REASON_BAD_SIGNATURE;
    }
    *signature_checked = true;
    check->known = (struct sg_cached){
        .issuer = issuer, .generation = view->prepared_generation, .session = jwt.session};
    sg_trace_step(&reader->trace, "signature", "good");
    return STSGATE_REASON_NONE;
}

/* The session behind the credential: remembered as long as its issuer's keys are the same, else
 * verified. */
static enum stsgate_reason know_session(struct check *check)
{
    struct stsgate_reader *reader = check->reader;
    struct sg_issuer_view *view;
    struct sg_cache_key key;
    enum stsgate_reason reason;
    bool signature_checked;

    if (!sg_cache_key(&key, reader->cache, check->service_index, check->credential))
        return STSGATE_REASON_INTERNAL_ERROR;
    if (sg_cache_find(&check->known, reader->cache, &key)) {
        reason = sg_reader_issuer(&view, reader, check->known.issuer, check->boot_ms);
        if (reason != STSGATE_REASON_NONE)
            return reason;
        if (view->prepared_generation == check->known.generation)
            return STSGATE_REASON_NONE;
    }
    reason = verify(check, &signature_checked);
    if (reason == STSGATE_REASON_NONE && signature_checked)
        sg_cache_put(reader->cache, &key, &check->known, check->now_ms);
    return reason;
}

static enum stsgate_reason check_times(const struct check *check)
{
    const struct sg_session *session = &check->known.session;
    int64_t skew_ms = check->service->clock_skew_ms;

    if (check->now_ms - skew_ms >= session->expires_ms)
        return STSGATE_REASON_EXPIRED;
    if (check->now_ms + skew_ms < session->token_issued_ms ||
        check->now_ms + skew_ms < session->not_before_ms)
        return STSGATE_REASON_NOT_YET_VALID;
    return STSGATE_REASON_NONE;
}

static void publish_session(struct check *check)
{
    const struct sg_session *session = &check->known.session;
    struct stsgate_result *result = check->result;

    put(result->role, sizeof(result->role), session->role_arn);
    put(result->account, sizeof(result->account), session->account);
    put(result->session_name, sizeof(result->session_name), session->session_name);
    result->issued_earliest_ms = session->issued.earliest_ms;
    result->issued_latest_ms = session->issued.latest_ms;
    result->expires_ms = session->expires_ms;
}

/* For explain only: dates are not worth formatting otherwise. */
static void trace_session(const struct check *check)
{
    const struct sg_session *session = &check->known.session;
    const struct sg_trace *trace = &check->reader->trace;
    char earliest[SG_DATE_SIZE], latest[SG_DATE_SIZE], expires[SG_DATE_SIZE];

    if (trace->step == NULL)
        return;
    sg_trace_step(trace, "session", "%s%s%s", session->role_arn,
                  session->session_name[0] == 0 ? "" : ", session ", session->session_name);
    sg_trace_step(trace, "issued", "%s%s%s; the credential expires %s",
                  sg_date_format(earliest, session->issued.earliest_ms),
                  session->issued.earliest_ms == session->issued.latest_ms ? "" : " to ",
                  session->issued.earliest_ms == session->issued.latest_ms
                      ? ""
                      : sg_date_format(latest, session->issued.latest_ms),
                  sg_date_format(expires, session->expires_ms));
}

static void trace_record(const struct check *check, const struct sg_record *record,
                         const struct sg_account *account, int64_t aws_now_ms, bool stale)
{
    const struct sg_trace *trace = &check->reader->trace;
    char cutoff[SG_DATE_SIZE], now[SG_DATE_SIZE];

    if (trace->step == NULL)
        return;
    sg_trace_step(trace, "record", "account %s, %s at AWS's %s%s%s", account->label,
                  stale ? "stale" : "fresh", sg_date_format(now, aws_now_ms),
                  record->state == 0                    ? ", nothing held of this role"
                  : record->cutoff_ms == SG_CUTOFF_NONE ? ", no unconditional cutoff"
                                                        : ", cutoff ",
                  record->state == 0 || record->cutoff_ms == SG_CUTOFF_NONE
                      ? ""
                      : sg_date_format(cutoff, record->cutoff_ms));
}

/* True when the decision ends the check. */
static bool take(struct check *check, const struct sg_decision *decision)
{
    struct stsgate_result *result = check->result;

    if (decision->cutoff_ms > result->cutoff_ms || decision->verdict != STSGATE_ALLOW)
        result->cutoff_ms = decision->cutoff_ms;
    if (decision->verdict == STSGATE_ALLOW)
        return false;
    result->accepted_from_ms = decision->accepted_from_ms;
    memcpy(result->detail, decision->detail, sizeof(result->detail));
    return true;
}

/*
 * The record beside the remembered session, while the account's table is the same; else from the
 * table. Remembered is only one whose names agree with the session's: there is nothing left to
 * compare them with, and the table's memory is not touched.
 */
static int look_up(struct check *check, struct sg_record *record, struct sg_slot *slot)
{
    const struct sg_session *session = &check->known.session;
    struct stsgate_reader *reader = check->reader;
    uint64_t epoch = sg_store_epoch(reader->store, slot);
    int error;

    if (epoch != 0 && check->known.epoch == epoch) {
        *record = check->known.record;
        return SG_OK;
    }
    error = sg_store_role(reader->store, slot, sg_text_of(session->partition),
                          sg_text_of(session->account), sg_text_of(session->role_key), record);
    if (error != SG_OK || epoch == 0)
        return error;
    if (!sg_text_equal(record->arn, sg_text_of(session->role_arn)) ||
        (session->role_id[0] != 0 && !sg_text_equal(record->role_id, sg_text_of(session->role_id))))
        return SG_OK;
    check->known.epoch = epoch;
    check->known.record = *record;
    sg_cache_put_record(reader->cache, &check->known);
    return SG_OK;
}

/* The role's record and how fresh it is. NONE with record->state 0: the source is complete and has
 * nothing of this role. */
static enum stsgate_reason find_record(struct check *check, struct sg_record *record,
                                       int64_t *aws_now_ms, bool *stale)
{
    const struct sg_account *account = issuer_of(check)->account;
    size_t index = (size_t)(account - config_of(check)->accounts);
    struct stsgate_reader *reader = check->reader;
    struct sg_stamp stamp;
    int error;

    memset(record, 0, sizeof(*record));
    sg_store_refresh(reader->store, reader->accounts[index], check->boot_ms, &stamp);
    if (stamp.generation == 0) {
        snprintf(check->result->detail, sizeof(check->result->detail),
                 "account %s has no table in the store yet; is stsgated running?", account->label);
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    }
    if (stamp.origin != account->origin) {
        snprintf(check->result->detail, sizeof(check->result->detail),
                 "the store holds what account %s was in another configuration; reload stsgated",
                 account->label);
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    }
    *aws_now_ms = stamp.complete_aws_ms + (check->boot_ms - stamp.complete_boot_ms);
    *stale = !stamp.this_boot || check->boot_ms - stamp.complete_boot_ms > account->max_stale_ms;
    error = look_up(check, record, reader->accounts[index]);
    if (error == SG_E_ABSENT && account->source == SG_SOURCE_FILE)
        return STSGATE_REASON_NONE;
    /* Stale or not: an on-demand account that knows no role yet is never read but for a question.
     */
    if (error == SG_E_ABSENT)
        return STSGATE_REASON_ROLE_PENDING;
    if (error != SG_OK)
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    if (record->stale_since_ms != 0 && *aws_now_ms - record->stale_since_ms > account->max_stale_ms)
        *stale = true;
    return STSGATE_REASON_NONE;
}

static enum stsgate_reason decide_role(struct check *check)
{
    const struct sg_issuer *issuer = issuer_of(check);
    struct sg_decision decision;
    enum stsgate_reason reason;
    struct sg_record record;
    int64_t aws_now_ms = 0;
    bool stale = false, denied = false;

    if (issuer->account == NULL)
        return STSGATE_REASON_NONE;
    reason = find_record(check, &record, &aws_now_ms, &stale);
    if (reason == STSGATE_REASON_ROLE_PENDING)
        want(check, SG_ASK_ROLE, issuer->account->label);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    trace_record(check, &record, issuer->account, aws_now_ms, stale);
    if (record.state != 0) {
        sg_decide_record(&decision, &check->known.session, check->service, issuer->account, &record,
                         aws_now_ms);
        denied = take(check, &decision);
    }
    /* A stale record says what was: that may have been tightened since, or undone. But where
     * undecided means to let pass, what it denies stays denied. */
    if (stale && !(denied && check->service->allow_undecided)) {
        check->result->accepted_from_ms = 0;
        snprintf(check->result->detail, sizeof(check->result->detail),
                 "account %s was last read whole over max_stale ago", issuer->account->label);
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    }
    return denied ? decision.reason : STSGATE_REASON_NONE;
}

/* Revocation, age and role: what `mode = observe` lets through. Reports whether the session had
 * verified by then. */
static enum stsgate_reason decide_session(struct check *check)
{
    struct sg_decision decision;

    publish_session(check);
    trace_session(check);
    sg_decide_service(&decision, &check->known.session, check->service, issuer_of(check),
                      check->now_ms);
    if (take(check, &decision))
        return decision.reason;
    sg_trace_step(&check->reader->trace, "service", "%s lets this role and age in",
                  check->service->name);
    return decide_role(check);
}

static bool undecided(enum stsgate_reason reason)
{
    return reason == STSGATE_REASON_ROLE_PENDING || reason == STSGATE_REASON_CUTOFFS_UNAVAILABLE ||
           reason == STSGATE_REASON_KEYS_UNAVAILABLE || reason == STSGATE_REASON_SLOW_SIGNATURE;
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
static void conclude(struct check *check, enum stsgate_reason reason, bool verified)
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

static void run(struct check *check)
{
    enum stsgate_reason reason = find_service(check);
    bool verified = false;

    if (reason == STSGATE_REASON_NONE)
        reason = know_session(check);
    if (reason == STSGATE_REASON_NONE)
        reason = check_times(check);
    if (reason == STSGATE_REASON_NONE) {
        verified = true;
        reason = decide_session(check);
    }
    conclude(check, reason, verified);
}

/* False when a call makes no sense; the result, as far as there is one, then denies. */
static bool begin(struct check *check, struct stsgate_result *result, struct stsgate_reader *reader,
                  const struct stsgate_request *request)
{
    const struct sg_clock *clock;

    if (reader == NULL || request == NULL || request->size < sizeof(*request))
        return false;
    clock = &reader->gate->clock;
    check->result = result;
    check->reader = reader;
    check->request = request;
    check->now_ms = request->now_ms != 0 ? request->now_ms : sg_clock_wall_ms(clock);
    check->boot_ms = sg_clock_boot_ms(clock);
    /* Bounds that no token's times reach past, so that no difference to one can overflow. */
    return check->now_ms > 0 && check->now_ms < YEAR_10000_MS;
}

enum stsgate_verdict stsgate_check(struct stsgate_result *result, struct stsgate_reader *reader,
                                   const struct stsgate_request *request)
{
    const size_t smallest = offsetof(struct stsgate_result, retry_after_s);
    struct stsgate_result whole;
    struct check check;
    size_t size;

    if (result == NULL || result->size < smallest)
        return STSGATE_DENY;
    size = result->size < sizeof(whole) ? result->size : sizeof(whole);
    memset(&whole, 0, sizeof(whole));
    whole.size = result->size;
    whole.reason = STSGATE_REASON_INTERNAL_ERROR;
    whole.cutoff_ms = SG_CUTOFF_NONE;
    if (begin(&check, &whole, reader, request))
        run(&check);
    memcpy(result, &whole, size);
    return whole.verdict;
}

int stsgate_verify(struct stsgate_seal *seal, struct stsgate_reader *reader,
                   const struct stsgate_request *request)
{
    struct stsgate_result result = {.size = sizeof(result)};
    struct stsgate_request now;
    bool signature_checked;
    struct check check;

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
        verify(&check, &signature_checked) != STSGATE_REASON_NONE || !signature_checked ||
        !sg_cache_seal(seal, reader->cache, check.service_index, check.known.issuer,
                       check.known.generation, check.credential)) {
        memset(seal, 0, sizeof(*seal));
        return STSGATE_E_ARGUMENT;
    }
    return 0;
}
