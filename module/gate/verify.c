/*
 * verify.c - from a credential to a session that is known to be true: what is
 * cheap first, the signature last. Never fetches a key; never believes a seal of another process.
 */
#include "credential/caller_identity.h"
#include "gate/check.h"

#include <openssl/crypto.h>

/* A sibling reader of this process has checked the signature of these very bytes with today's keys.
 */
static bool sealed(struct sg_check *check, size_t issuer, uint64_t generation)
{
    struct stsgate_seal seal;

    return check->request->seal != NULL &&
           sg_cache_seal(&seal, check->reader->cache, check->service_index, issuer, generation,
                         check->credential) &&
           CRYPTO_memcmp(&seal, check->request->seal, sizeof(seal)) == 0;
}

/* Everything cheap first, the signature last. */
enum stsgate_reason sg_check_verify(struct sg_check *check)
{
    struct stsgate_reader *reader = check->reader;
    struct sg_issuer_view *view = NULL;
    struct sg_verify_key *key = NULL;
    enum stsgate_reason reason;
    struct sg_jwt jwt;
    size_t issuer;

    if (sg_identity_presented(check->credential))
        return sg_check_caller_identity(check);
    reason = sg_jwt_read(&jwt, check->credential, check->service, check->now_ms);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    issuer = (size_t)(jwt.issuer - sg_check_config(check)->issuers);
    sg_trace_step(&reader->trace, "credential", "%s of [issuer %s], %s, kid \"%s\"",
                  jwt.issuer->kind == SG_ISSUER_JWT ? "jwt" : "aws-web-identity", jwt.issuer->label,
                  sg_alg_name(jwt.alg), jwt.kid);
    reason = sg_reader_issuer(&view, reader, issuer, check->boot_ms);
    if (reason == STSGATE_REASON_NONE)
        reason = sg_reader_key(&key, reader, issuer, &jwt, check->boot_ms);
    if (reason == STSGATE_REASON_KEYS_UNAVAILABLE)
        sg_check_want(check, SG_ASK_KEYS, jwt.issuer->label);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    if (!sealed(check, issuer, view->prepared_generation)) {
        if (check->request->defer_slow && sg_alg_is_slow(jwt.alg))
            return STSGATE_REASON_SLOW_SIGNATURE;
        if (!sg_jwt_verify(&jwt, key))
            return STSGATE_REASON_BAD_SIGNATURE;
    }
    check->known = (struct sg_cached){
        .issuer = issuer, .generation = view->prepared_generation, .session = jwt.session};
    sg_trace_step(&reader->trace, "signature", "good");
    return STSGATE_REASON_NONE;
}
