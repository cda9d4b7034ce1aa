/*
 * web_identity.c - the JWT of sts:GetWebIdentityToken: its claims into a
 * session. `sub` is the role with its path; the token tells neither session
 * name nor role id nor when the session was issued, only bounds for it. Tags
 * that the caller chose (request_tags) must never be read here.
 */
#include "credential/claims.h"

#define LONGEST_LIFE_MS SG_HOUR_MS /* STS API reference: DurationSeconds is 60 to 3600 */

/* STS refuses a token that would outlive its session, so exp <= original_session_exp holds. */
static bool read_original_exp(int64_t *original_exp_ms, const struct sg_claims *claims)
{
    const struct sg_json_item *item = sg_claims_get(claims, SG_CLAIM_ORIGINAL_SESSION_EXP);

    *original_exp_ms = INT64_MIN;
    if (item == NULL)
        return true;
    return sg_claim_rfc3339(original_exp_ms, item) &&
           claims->exp_ms <= *original_exp_ms + claims->service->clock_skew_ms;
}

static bool read_source_identity(struct sg_session *session, const struct sg_claims *claims)
{
    const struct sg_json_item *item = sg_claims_get(claims, SG_CLAIM_SOURCE_IDENTITY);
    struct sg_text text;

    if (item == NULL)
        return true;
    /* The same alphabet as a session name (STS API reference, SourceIdentity). */
    return sg_claim_text(session->source_identity, sizeof(session->source_identity), &text, item) &&
           sg_session_name_valid(text);
}

static enum stsgate_reason read_role(struct sg_session *session, const struct sg_claims *claims)
{
    const struct sg_account *account = claims->issuer->account;
    const struct sg_json_item *principal = sg_claims_get(claims, SG_CLAIM_PRINCIPAL_ID);
    char buffer[SG_ARN_MAX + 1], id_buffer[16];
    struct sg_role_arn arn;
    struct sg_text sub, id;

    /* A user's ARN, a root's or a federated user's is no role: such a principal has no session to
     * revoke. */
    if (!sg_claim_text(buffer, sizeof(buffer), &sub, sg_claims_get(claims, SG_CLAIM_SUB)) ||
        !sg_role_arn_parse(&arn, sub, false))
        return STSGATE_REASON_MALFORMED;
    if (principal != NULL && !sg_claim_equals(principal, sub))
        return STSGATE_REASON_MALFORMED;
    if (!sg_claim_text(id_buffer, sizeof(id_buffer), &id,
                       sg_claims_get(claims, SG_CLAIM_AWS_ACCOUNT)) ||
        !sg_account_id_valid(id))
        return STSGATE_REASON_MALFORMED;

    /* Each issuer is one account's; whoever signs for another is not believed. */
    if (!sg_text_equal(arn.account, id))
        return STSGATE_REASON_WRONG_ACCOUNT;
    if (account != NULL && (!sg_text_equal(id, sg_text_of(account->id)) ||
                            !sg_text_equal(arn.partition, sg_text_of(account->partition))))
        return STSGATE_REASON_WRONG_ACCOUNT;
    return sg_session_set_role(session, &arn, sub) ? STSGATE_REASON_NONE : STSGATE_REASON_MALFORMED;
}

enum stsgate_reason sg_web_identity_read(struct sg_session *session, const struct sg_claims *claims)
{
    int64_t original_exp_ms;

    if (claims->exp_ms - claims->iat_ms > LONGEST_LIFE_MS)
        return STSGATE_REASON_MALFORMED;
    if (!read_original_exp(&original_exp_ms, claims) || !read_source_identity(session, claims))
        return STSGATE_REASON_MALFORMED;

    session->issued =
        sg_issued_web_identity(claims->iat_ms, original_exp_ms, claims->issuer->longest_session_ms);
    session->evidence_ms = claims->iat_ms;
    return read_role(session, claims);
}
