/*
 * claims.h - the claims of a JWT as they stand in its text, found in one scan,
 * and the typed reading of one. Private to module/credential. Items point into
 * the decoded claims and live no longer. Nothing here is verified.
 */
#ifndef SG_CREDENTIAL_CLAIMS_H
#define SG_CREDENTIAL_CLAIMS_H

#include "base/json.h"
#include "config/config.h"
#include "session/session.h"

#include <stsgate/stsgate.h>

/* Claims that every token may have, and those below AWS's namespace. */
enum sg_claim {
    SG_CLAIM_ISS,
    SG_CLAIM_SUB,
    SG_CLAIM_EXP,
    SG_CLAIM_IAT,
    SG_CLAIM_NBF,
    SG_CLAIM_AWS_ACCOUNT, /* from here on in https://sts.amazonaws.com/ */
    SG_CLAIM_PRINCIPAL_ID,
    SG_CLAIM_ORIGINAL_SESSION_EXP,
    SG_CLAIM_SOURCE_IDENTITY,
    SG_CLAIM_COUNT,
};

#define SG_CLAIM_OTHERS_MAX 64   /* further claims at the top; a token with more is malformed */
#define SG_CLAIM_STRING_MAX 1024 /* an audience is 1000 characters at most (STS API reference) */

struct sg_claims {
    const struct sg_service *service;
    const struct sg_issuer
        *issuer;            /* the one that iss names; NULL: none that the service accepts */
    bool for_us;            /* aud holds one of the service's audiences */
    int64_t exp_ms, iat_ms; /* set once the times were read */

    /* The rest is claims.c's. */
    enum { SG_INSIDE_OTHER, SG_INSIDE_AUDIENCE, SG_INSIDE_NAMESPACE } inside;
    unsigned present; /* bits of known */
    struct sg_json_item known[SG_CLAIM_COUNT];
    struct sg_json_item others[SG_CLAIM_OTHERS_MAX];
    size_t other_count;
};

/*
 * Scans the JSON object `text` for `service`. False when it is not strict JSON, no object, has too
 * many claims, an iss that is no string, or an aud that is neither a string nor an array of
 * strings.
 */
bool sg_claims_scan(struct sg_claims *claims, struct sg_text text,
                    const struct sg_service *service);

/* NULL when the token does not have it. */
const struct sg_json_item *sg_claims_get(const struct sg_claims *claims, enum sg_claim claim);
/* A claim of the top object by a configured name. */
const struct sg_json_item *sg_claims_find(const struct sg_claims *claims, struct sg_text name);

/* Readers: false when the item is NULL, of another type, out of range or too long. */

/* Integer seconds (RFC 7519 NumericDate without a fraction), after 1970 and before the year 10000.
 */
bool sg_claim_seconds(int64_t *ms, const struct sg_json_item *item);
/* RFC 3339 in a string, same range. */
bool sg_claim_rfc3339(int64_t *ms, const struct sg_json_item *item);
/* A string that is not empty and has no control byte: it may end up in a log line or a header. */
bool sg_claim_text(char *buffer, size_t size, struct sg_text *text,
                   const struct sg_json_item *item);
bool sg_claim_equals(const struct sg_json_item *item, struct sg_text text);

/* JSON text whose value is an object. */
bool sg_claims_is_object(struct sg_text text);

/*
 * One kind each: issuer, audience and times have passed. Fill names, issue time and evidence.
 * STSGATE_REASON_NONE, or why not.
 */
enum stsgate_reason sg_web_identity_read(struct sg_session *session,
                                         const struct sg_claims *claims);
enum stsgate_reason sg_session_jwt_read(struct sg_session *session, const struct sg_claims *claims,
                                        int64_t now_ms);

#endif
