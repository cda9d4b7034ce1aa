/*
 * standing.c - how the session's role stands: its record in the store, how
 * fresh that is, and what follows. "Could not tell" is undecided, never an allow.
 */
#include "gate/check.h"

#include <stdio.h>

void sg_check_want(struct sg_check *check, enum sg_ask_kind kind, const char *label)
{
    struct sg_question question = {.magic = SG_ASK_MAGIC, .kind = kind};

    _Static_assert(sizeof(question) <= sizeof(check->result->want), "a question fits");
    sg_check_put(question.label, sizeof(question.label), label);
    if (kind == SG_ASK_ROLE || kind == SG_ASK_USER) {
        sg_check_put(question.partition, sizeof(question.partition),
                     check->known.session.partition);
        sg_check_put(question.account, sizeof(question.account), check->known.session.account);
        sg_check_put(question.role_name, sizeof(question.role_name),
                     check->known.session.role_name);
    }
    memcpy(check->result->want, &question, sizeof(question));
}

void sg_check_want_record(struct sg_check *check, const char *label)
{
    sg_check_want(check, sg_key_is_user(check->known.session.role_key) ? SG_ASK_USER : SG_ASK_ROLE,
                  label);
}

bool sg_check_take(struct sg_check *check, const struct sg_decision *decision)
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
static int look_up(struct sg_check *check, struct sg_record *record, struct sg_slot *slot)
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
    if ((record->arn.length > 0 && !sg_text_equal(record->arn, sg_text_of(session->role_arn))) ||
        (session->role_id[0] != 0 && !sg_text_equal(record->role_id, sg_text_of(session->role_id))))
        return SG_OK;
    /* The role's id is not kept beside the session, and a statement may ask for aws:userid. */
    if (session->role_id[0] == 0 && (record->residual || check->service->deny_all))
        return SG_OK;
    check->known.epoch = epoch;
    check->known.record = *record;
    if (session->role_id[0] != 0) /* the same id was compared above; it is not kept */
        check->known.record.created_ms = INT64_MIN;
    sg_cache_put_record(reader->cache, &check->known);
    return SG_OK;
}

/* The role's record and how fresh it is. NONE with record->state 0: the source is complete and has
 * nothing of this role. */
static enum stsgate_reason find_record(struct sg_check *check, struct sg_record *record,
                                       int64_t *aws_now_ms, bool *stale)
{
    const struct sg_account *account = sg_check_issuer(check)->account;
    size_t index = (size_t)(account - sg_check_config(check)->accounts);
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

enum stsgate_reason sg_check_standing(struct sg_check *check)
{
    const struct sg_issuer *issuer = sg_check_issuer(check);
    struct sg_decision decision;
    enum stsgate_reason reason;
    struct sg_record record;
    int64_t aws_now_ms = 0;
    bool stale = false, denied = false;

    if (issuer->account == NULL)
        return STSGATE_REASON_NONE;
    reason = find_record(check, &record, &aws_now_ms, &stale);
    if (reason == STSGATE_REASON_ROLE_PENDING)
        sg_check_want_record(check, issuer->account->label);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    if (check->reader->trace.step != NULL)
        sg_trace_record(check, &record, issuer->account, aws_now_ms, stale);
    if (record.state != 0) {
        const struct sg_grounds grounds = {
            .session = &check->known.session,
            .service = check->service,
            .issuer = issuer,
            .account = issuer->account,
            .record = &record,
            .request = check->request,
            .credential = check->credential,
            .now_ms = check->now_ms,
            .aws_now_ms = aws_now_ms,
            .step = check->reader->trace.step,
            .payload = check->reader->trace.payload,
        };

        sg_decide_record(&decision, &grounds);
        denied = sg_check_take(check, &decision);
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
