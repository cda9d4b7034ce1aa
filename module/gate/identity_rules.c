/*
 * identity_rules.c - what signed requests need besides the rules that hold for every session: the
 * path of the role's ARN, an exact issue time that may have become known since, and what a
 * companion that AWS denied means. Must never make of a refusal anything but another refusal.
 */
#include "credential/caller_identity.h"
#include "gate/check.h"
#include "store/issued.h"

#include <stdio.h>

/* STS drops the path: the record of the role with the same id tells it. */
static void take_path(struct sg_check *check, const struct sg_record *record)
{
    struct sg_session *session = &check->known.session, with_path = *session;
    const bool user = sg_key_is_user(session->role_key);
    struct sg_role_arn arn;

    if (record->state != SG_ROLE_PRESENT || record->arn.length == 0 ||
        sg_text_equal(record->arn, sg_text_of(session->role_arn)) ||
        (record->role_id.length > 0 &&
         !sg_text_equal(record->role_id, sg_text_of(session->role_id))) ||
        !(user ? sg_user_arn_parse(&arn, record->arn)
               : sg_role_arn_parse(&arn, record->arn, false)) ||
        !sg_session_set_role(&with_path, &arn, record->arn))
        return;
    if (strcmp(with_path.role_key, session->role_key) != 0 ||
        strcmp(with_path.account, session->account) != 0 ||
        strcmp(with_path.partition, session->partition) != 0)
        return;
    *session = with_path;
    sg_cache_put(check->reader->cache, &check->key, &check->known, check->now_ms);
}

static void trace_identity(const struct sg_check *check)
{
    const struct sg_session *session = &check->known.session;

    sg_trace_step(&check->reader->trace, "identity", "AWS vouches for %s%s, %s id %s%s",
                  sg_key_is_user(session->role_key) ? "user " : "", session->role_name,
                  sg_key_is_user(session->role_key) ? "user" : "role", session->role_id,
                  session->evidence_ms > 0                      ? "; it authorised the companion"
                  : session->evidence_ms == SG_COMPANION_DENIED ? "; it denied the companion"
                                                                : "");
}

enum stsgate_reason sg_check_role_path(struct sg_check *check)
{
    const struct sg_account *account = sg_check_issuer(check)->account;
    const struct sg_session *session = &check->known.session;
    struct stsgate_reader *reader = check->reader;
    struct sg_slot *slot = reader->accounts[account - sg_check_config(check)->accounts];
    const char *kind = sg_key_is_user(session->role_key) ? "user" : "role";
    struct sg_record record = {0};
    struct sg_stamp stamp;
    uint64_t epoch;
    int error;

    if (reader->trace.step != NULL)
        trace_identity(check);
    /* Nobody reads this account's users, since no pattern could match one whatever his path. */
    if (sg_key_is_user(session->role_key) && !account->users) {
        check->path_untold = true;
        sg_check_put(check->result->role, sizeof(check->result->role), session->role_arn);
        snprintf(check->result->detail, sizeof(check->result->detail),
                 "no allow_roles pattern names IAM users of account %s (arn:...:user/...)",
                 account->label);
        return STSGATE_REASON_ROLE_NOT_ALLOWED;
    }
    /* Nearly always: the record's ARN was this session's, and one with another id is not its. */
    epoch = sg_store_epoch(reader->store, slot);
    if (epoch != 0 && check->known.epoch == epoch)
        return STSGATE_REASON_NONE;
    sg_store_refresh(reader->store, slot, check->boot_ms, &stamp);
    check->path_untold = true;
    if (stamp.generation == 0 || stamp.origin != account->origin)
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    error = sg_store_role(reader->store, slot, sg_text_of(session->partition),
                          sg_text_of(session->account), sg_text_of(session->role_key), &record);
    if (error == SG_E_ABSENT && account->source != SG_SOURCE_FILE) {
        sg_check_want_record(check, account->label);
        return STSGATE_REASON_ROLE_PENDING;
    }
    if (error != SG_OK && error != SG_E_ABSENT)
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    if (error == SG_E_ABSENT || (record.state == SG_ROLE_PRESENT && record.arn.length == 0)) {
        snprintf(check->result->detail, sizeof(check->result->detail),
                 "AWS does not tell the path of %s %s, and account %s's folder has no %s.json "
                 "with its arn",
                 kind, session->role_name, account->label, kind);
        return STSGATE_REASON_CUTOFFS_UNAVAILABLE;
    }
    check->path_untold = false;
    take_path(check, &record);
    return STSGATE_REASON_NONE;
}

bool sg_check_narrow(struct sg_check *check, enum stsgate_reason reason)
{
    const struct sg_account *account = sg_check_issuer(check)->account;
    struct sg_session *session = &check->known.session;
    struct sg_caller_identity identity;
    struct sg_interval issued;
    bool known = false;

    if (reason != STSGATE_REASON_ISSUE_TIME_UNCERTAIN)
        return false;
    /* The cache does not keep the access key id: it is read once more, off the usual way. */
    if (sg_identity_read(&identity, check->credential, check->service, check->now_ms) ==
        STSGATE_REASON_NONE)
        known =
            sg_store_issued(&issued, check->reader->store, check->boot_ms, account->origin,
                            identity.sts.access_key_id, sg_text_of(session->role_key)) == SG_OK &&
            (issued.earliest_ms != session->issued.earliest_ms ||
             issued.latest_ms != session->issued.latest_ms);
    sg_identity_wipe(&identity);
    if (!known)
        return false;
    session->issued = issued;
    sg_cache_put(check->reader->cache, &check->key, &check->known, check->now_ms);
    check->result->detail[0] = 0;
    check->result->accepted_from_ms = 0;
    return true;
}

enum stsgate_reason sg_check_companion(const struct sg_check *check, enum stsgate_reason reason)
{
    /* Without a companion, a later one of the same kind will tell no more. */
    if (check->known.session.evidence_ms == 0)
        check->result->accepted_from_ms = 0;
    if (check->known.session.evidence_ms != SG_COMPANION_DENIED)
        return reason;
    /* AWS refused, and a statement that could match is there: it does. */
    if (reason == STSGATE_REASON_ISSUE_TIME_UNCERTAIN) {
        check->result->accepted_from_ms = 0;
        return STSGATE_REASON_SESSION_REVOKED;
    }
    switch (reason) {
    case STSGATE_REASON_SESSION_REVOKED:
    case STSGATE_REASON_ROLE_DENIED:
    case STSGATE_REASON_ROLE_DELETED:
    case STSGATE_REASON_ROLE_RECREATED:
        return reason;
    default: /* neither a mode nor a setting may lift AWS's own refusal */
        check->result->detail[0] = 0;
        check->result->accepted_from_ms = 0;
        return STSGATE_REASON_COMPANION_REFUSED;
    }
}
