/*
 * session_jwt.c - the JWT of a self-hosted STS or a token exchange: role,
 * session name and issue time stand in claims that the issuer's configuration
 * names. No default is guessed for a missing one, and such a token is never
 * evidence: AWS has authorised nothing.
 */
#include "credential/claims.h"

static enum stsgate_reason read_role(struct sg_session *session, const struct sg_claims *claims)
{
    const struct sg_issuer *issuer = claims->issuer;
    const struct sg_json_item *item = sg_claims_find(claims, sg_text_of(issuer->role_claim));
    char buffer[SG_ARN_MAX + 128]; /* an assumed role's ARN ends in the session name */
    struct sg_text text, name = {NULL, 0};
    struct sg_role_arn arn;

    if (!sg_claim_text(buffer, sizeof(buffer), &text, item))
        return STSGATE_REASON_MALFORMED;

    /* An ARN without an account is taken here, so that where one is due the reason is
     * wrong-account. */
    if (!sg_role_arn_parse(&arn, text, true) && !sg_assumed_role_arn_parse(&arn, &name, text, true))
        return STSGATE_REASON_MALFORMED;
    if (issuer->account != NULL &&
        (!sg_text_equal(arn.account, sg_text_of(issuer->account->id)) ||
         !sg_text_equal(arn.partition, sg_text_of(issuer->account->partition))))
        return STSGATE_REASON_WRONG_ACCOUNT;
    if (!sg_session_set_role(session, &arn, text))
        return STSGATE_REASON_MALFORMED;
    return sg_text_copy(session->session_name, sizeof(session->session_name), name)
               ? STSGATE_REASON_NONE
               : STSGATE_REASON_MALFORMED;
}

/* Two names for one session can't both be right. */
static bool read_session_name(struct sg_session *session, const struct sg_claims *claims)
{
    const struct sg_json_item *item;
    char buffer[sizeof(session->session_name)];
    struct sg_text text;

    if (claims->issuer->session_name_claim == NULL)
        return true;
    item = sg_claims_find(claims, sg_text_of(claims->issuer->session_name_claim));
    if (item == NULL)
        return true;
    if (!sg_claim_text(buffer, sizeof(buffer), &text, item))
        return false;
    if (session->session_name[0] != '\0')
        return sg_text_equal(text, sg_text_of(session->session_name));
    return sg_text_copy(session->session_name, sizeof(session->session_name), text);
}

static enum stsgate_reason read_issue_time(struct sg_session *session,
                                           const struct sg_claims *claims, int64_t now_ms)
{
    const struct sg_issuer *issuer = claims->issuer;
    const struct sg_json_item *item = sg_claims_find(claims, sg_text_of(issuer->issue_time_claim));
    int64_t at_ms;

    if (!sg_claim_seconds(&at_ms, item) && !sg_claim_rfc3339(&at_ms, item))
        return STSGATE_REASON_MALFORMED;
    /* A session from the future would be younger than any cutoff. */
    if (at_ms - claims->service->clock_skew_ms > now_ms)
        return STSGATE_REASON_NOT_YET_VALID;

    switch (issuer->issue_time) {
    case SG_ISSUE_TIME_SESSION:
        session->issued = sg_issued_exact(at_ms, issuer->issuer_skew_ms);
        return STSGATE_REASON_NONE;
    case SG_ISSUE_TIME_TOKEN:
        session->issued =
            sg_issued_latest(at_ms, issuer->longest_session_ms, issuer->issuer_skew_ms);
        return STSGATE_REASON_NONE;
    }
    return STSGATE_REASON_INTERNAL_ERROR;
}

enum stsgate_reason sg_session_jwt_read(struct sg_session *session, const struct sg_claims *claims,
                                        int64_t now_ms)
{
    enum stsgate_reason reason = read_issue_time(session, claims, now_ms);

    if (reason == STSGATE_REASON_NONE)
        reason = read_role(session, claims);
    if (reason == STSGATE_REASON_NONE && !read_session_name(session, claims))
        reason = STSGATE_REASON_MALFORMED;
    session->evidence_ms = 0;
    return reason;
}
