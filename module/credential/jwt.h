/*
 * jwt.h - from the bytes a client presents to an unverified session: form,
 * header, issuer, audience, times and names, everything that is cheap. The
 * signature is the caller's next step, over what this returns; until then nothing here is true.
 */
#ifndef SG_CREDENTIAL_JWT_H
#define SG_CREDENTIAL_JWT_H

#include "config/config.h"
#include "credential/jws.h"
#include "session/session.h"

#include <stsgate/stsgate.h>

#define SG_CREDENTIAL_MAX 8192
#define SG_CLAIMS_MAX     6144

struct sg_jwt {
    const struct sg_issuer
        *issuer;     /* the one of the service's accepted issuers whose URL equals iss */
    enum sg_alg alg; /* pinned: in the issuer's list */
    char kid[256];   /* empty: none */
    struct sg_text signing_input; /* into the credential */
    struct sg_text signature;     /* base64url text, into the credential */
    struct sg_session session;    /* unverified */
};

/*
 * Reads `credential` for `service` at `now_ms` (skew: the service's). 0 (STSGATE_REASON_NONE), or
 * why not: malformed, unknown-issuer, bad-algorithm, wrong-audience, expired, not-yet-valid,
 * token-too-old is the caller's. On failure jwt->session is zeroed; jwt->issuer stays set when it
 * was found (for the log). No allocation. The decoded claims are cleansed before it returns.
 * `now_ms` also bounds iat (not in the future by more than the skew). session.expires_ms and
 * not_before_ms are exp and nbf as the token says them: whoever checks them again later adds the
 * service's skew, as this does. An assumed role's ARN (jwt only) becomes the role's without a path.
 */
enum stsgate_reason sg_jwt_read(struct sg_jwt *jwt, struct sg_text credential,
                                const struct sg_service *service, int64_t now_ms);

/*
 * The step after: decodes the signature (one spelling only) and verifies it with `key`. False as
 * well when the key is for another algorithm than the token's, or NULL.
 */
bool sg_jwt_verify(const struct sg_jwt *jwt, struct sg_verify_key *key)
    __attribute__((warn_unused_result));

#endif
