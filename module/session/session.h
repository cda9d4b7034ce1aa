/*
 * session.h - the verified facts of one STS session, and the interval in
 * which it was issued. Fixed size, no pointers: it can be cached and copied.
 */
#ifndef SG_SESSION_SESSION_H
#define SG_SESSION_SESSION_H

#include "session/arn.h"

#define SG_MINUTE_MS           INT64_C(60000)
#define SG_HOUR_MS             (60 * SG_MINUTE_MS)
#define SG_SHORTEST_SESSION_MS (15 * SG_MINUTE_MS) /* 900 s: the least that any STS call gives */
#define SG_USER_SESSION_MS     (36 * SG_HOUR_MS)   /* the most that GetSessionToken gives */

/*
 * When the session's temporary credentials were made. earliest <= latest; equal when the credential
 * tells the instant.
 */
struct sg_interval {
    int64_t earliest_ms;
    int64_t latest_ms;
};

/* In place of the interval where there is none: a long-term key was never issued, and IAM's request
 * has no aws:TokenIssueTime. Later than any instant, so that no comparison calls it old. */
#define SG_NEVER_ISSUED ((struct sg_interval){INT64_MAX, INT64_MAX})

/* Of a role, or of an IAM user: then what is said of the role below is the user's, role_key begins
 * with `user/`, and there is no session name. */
struct sg_session {
    struct sg_interval issued;
    /* AWS itself authorised this session for sts:GetWebIdentityToken then (iat); 0: no evidence */
    int64_t evidence_ms;
    int64_t token_issued_ms; /* when the credential was made (iat): max_token_age counts from it */
    int64_t not_before_ms;   /* INT64_MIN: none */
    int64_t expires_ms;      /* of the credential; refused from this instant on */
    char partition[33];
    char account[13];                        /* empty: self-hosted without accounts */
    char role_arn[SG_ARN_MAX + 1];           /* IAM form, with path when the credential tells it */
    char role_name[SG_ROLE_NAME_MAX + 1];    /* as written */
    char role_key[SG_PRINCIPAL_KEY_MAX + 1]; /* sg_principal_key(): what records are found by */
    char role_id[33];         /* AROA..., a user's AIDA...; empty: the credential does not tell */
    char session_name[65];    /* empty: the credential does not tell */
    char source_identity[65]; /* empty: not told or not set */
};

/*
 * The interval of a JWT of sts:GetWebIdentityToken: latest = min(iat, X - 900 s); earliest =
 * X - longest, or iat - longest where X (original_session_exp) is absent (INT64_MIN) or would put
 * it after iat; 1 s wider at each end for rounding.
 */
struct sg_interval sg_issued_web_identity(int64_t iat_ms, int64_t original_exp_ms,
                                          int64_t longest_ms);

/*
 * session:CLAIM is exact, token:CLAIM bounds from above only (a refresh renews iat); either widened
 * by skew_ms at each end.
 */
struct sg_interval sg_issued_exact(int64_t at_ms, int64_t skew_ms);
struct sg_interval sg_issued_latest(int64_t at_ms, int64_t longest_ms, int64_t skew_ms);

static inline bool sg_session_is_long_term(const struct sg_session *session)
{
    return session->issued.earliest_ms == INT64_MAX;
}

/*
 * Fills partition, account, role_arn, role_name and role_key from a parsed ARN and its text; an
 * assumed-role ARN is turned into IAM's form, without the path that it does not tell; so is a
 * user's whose `path` is empty. False, and all of them empty, when something is too long.
 */
bool sg_session_set_role(struct sg_session *session, const struct sg_role_arn *arn,
                         struct sg_text text);

#endif
