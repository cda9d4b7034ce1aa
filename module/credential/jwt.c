/*
 * jwt.c - the compact form, the header, and the order of the checks that cost
 * little and come before any signature: algorithm, issuer, audience, times,
 * names. Must never follow a key that the token brings (jwk, jku, x5u, x5c) nor let it choose an
 * algorithm, and leaves no decoded claim behind.
 */
#include "credential/jwt.h"

#include "base/encoding.h"
#include "credential/claims.h"

#include <openssl/crypto.h>

_Static_assert(SG_BASE64URL_SIZE(SG_CREDENTIAL_MAX) <= SG_CLAIMS_MAX + 3,
               "whatever a credential holds can be decoded");

/* STS signs with these two only. */
#define WEB_IDENTITY_ALGS (SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384))

struct parts {
    struct sg_text header, claims, signature;
};

/* Exactly three, none of them empty, however many dots there are (CVE-2025-27144, CVE-2025-30204).
 */
static bool split(struct parts *parts, struct sg_text credential)
{
    struct sg_text rest = credential;

    if (credential.length == 0 || credential.length > SG_CREDENTIAL_MAX)
        return false;
    if (!sg_text_cut(&parts->header, &rest, '.') || !sg_text_cut(&parts->claims, &rest, '.'))
        return false;
    parts->signature = rest;
    return parts->header.length > 0 && parts->claims.length > 0 && rest.length > 0 &&
           memchr(rest.data, '.', rest.length) == NULL;
}

/* --- header ---------------------------------------------------------------------------------- */

struct header {
    bool has_alg;
    enum sg_alg alg;
    char *kid; /* 256 bytes */
};

static bool read_alg(struct header *header, const struct sg_json_item *item)
{
    if (item->type != SG_JSON_STRING)
        return false;
    header->has_alg = true;
    /* Raw: no algorithm's name needs an escape, and one spelled with escapes is none. */
    header->alg = sg_alg_of(item->raw);
    return true;
}

static bool read_kid(struct header *header, const struct sg_json_item *item)
{
    struct sg_text kid;

    return sg_claim_text(header->kid, 256, &kid, item);
}

static bool typ_fits(const struct sg_json_item *item)
{
    if (item->type != SG_JSON_STRING)
        return false;
    return sg_text_equal_nocase(item->raw, SG_TEXT("JWT")) ||
           sg_text_equal_nocase(item->raw, SG_TEXT("at+jwt")); /* RFC 9068 */
}

static bool header_item(void *payload, const struct sg_json_item *item)
{
    struct header *header = payload;

    if (item->depth != 1)
        return true;
    /* "cr\u0069t" is crit to whoever reads JSON, and no header needs such a spelling. */
    if (item->key.length > 0 && memchr(item->key.data, '\\', item->key.length) != NULL)
        return false;
    if (sg_text_equal(item->key, SG_TEXT("alg")))
        return read_alg(header, item);
    if (sg_text_equal(item->key, SG_TEXT("kid")))
        return read_kid(header, item);
    if (sg_text_equal(item->key, SG_TEXT("typ")))
        return typ_fits(item);
    /* We understand no extension (RFC 7515 4.1.11; CVE-2025-59420), and b64 is one (RFC 7797). */
    return !sg_text_equal(item->key, SG_TEXT("crit")) && !sg_text_equal(item->key, SG_TEXT("b64"));
}

static enum stsgate_reason read_header(struct sg_jwt *jwt, struct sg_text text)
{
    struct header header = {.kid = jwt->kid};

    if (!sg_claims_is_object(text) || sg_json_scan(text, NULL, header_item, &header) != 0 ||
        !header.has_alg)
        return STSGATE_REASON_MALFORMED;
    jwt->alg = header.alg;
    return header.alg == SG_ALG_NONE ? STSGATE_REASON_BAD_ALGORITHM : STSGATE_REASON_NONE;
}

/* --- claims ---------------------------------------------------------------------------------- */

static bool alg_allowed(enum sg_alg alg, const struct sg_issuer *issuer)
{
    unsigned allowed = issuer->algorithms;

    if (issuer->kind == SG_ISSUER_WEB_IDENTITY)
        allowed &= WEB_IDENTITY_ALGS;
    return (allowed & SG_ALG_BIT(alg)) != 0;
}

static enum stsgate_reason read_times(struct sg_session *session, struct sg_claims *claims,
                                      int64_t now_ms)
{
    const int64_t skew_ms = claims->service->clock_skew_ms;
    const struct sg_json_item *nbf = sg_claims_get(claims, SG_CLAIM_NBF);

    session->not_before_ms = INT64_MIN;
    if (!sg_claim_seconds(&claims->exp_ms, sg_claims_get(claims, SG_CLAIM_EXP)) ||
        !sg_claim_seconds(&claims->iat_ms, sg_claims_get(claims, SG_CLAIM_IAT)) ||
        claims->exp_ms <= claims->iat_ms)
        return STSGATE_REASON_MALFORMED;
    if (nbf != NULL && !sg_claim_seconds(&session->not_before_ms, nbf))
        return STSGATE_REASON_MALFORMED;

    session->expires_ms = claims->exp_ms;
    session->token_issued_ms = claims->iat_ms;
    if (now_ms >= claims->exp_ms + skew_ms)
        return STSGATE_REASON_EXPIRED;
    /* Claims are bounded, now_ms is the host's: so that nothing can overflow, the skew is taken off
     * here. */
    if (claims->iat_ms - skew_ms > now_ms ||
        (nbf != NULL && session->not_before_ms - skew_ms > now_ms))
        return STSGATE_REASON_NOT_YET_VALID;
    return STSGATE_REASON_NONE;
}

static enum stsgate_reason read_claims(struct sg_jwt *jwt, struct sg_text text,
                                       const struct sg_service *service, int64_t now_ms)
{
    struct sg_claims claims;
    enum stsgate_reason reason;

    const bool scanned = sg_claims_scan(&claims, text, service);
    jwt->issuer = claims.issuer;
    if (!scanned || sg_claims_get(&claims, SG_CLAIM_ISS) == NULL)
        return STSGATE_REASON_MALFORMED;
    if (claims.issuer == NULL)
        return STSGATE_REASON_UNKNOWN_ISSUER;
    if (!alg_allowed(jwt->alg, claims.issuer))
        return STSGATE_REASON_BAD_ALGORITHM;
    if (!claims.for_us)
        return STSGATE_REASON_WRONG_AUDIENCE;
    reason = read_times(&jwt->session, &claims, now_ms);
    if (reason != STSGATE_REASON_NONE)
        return reason;

    switch (claims.issuer->kind) {
    case SG_ISSUER_WEB_IDENTITY:
        return sg_web_identity_read(&jwt->session, &claims);
    case SG_ISSUER_JWT:
        return sg_session_jwt_read(&jwt->session, &claims, now_ms);
    case SG_ISSUER_CALLER_IDENTITY: /* has no iss, so that no token is its */
        break;
    }
    return STSGATE_REASON_INTERNAL_ERROR;
}

enum stsgate_reason sg_jwt_read(struct sg_jwt *jwt, struct sg_text credential,
                                const struct sg_service *service, int64_t now_ms)
{
    char decoded[SG_CLAIMS_MAX + 3];
    size_t header_length = 0, claims_length = 0;
    enum stsgate_reason reason = STSGATE_REASON_MALFORMED;
    struct parts parts;

    *jwt = (struct sg_jwt){.issuer = NULL};
    if (!split(&parts, credential))
        return STSGATE_REASON_MALFORMED;
    if (!sg_base64url_decode((unsigned char *)decoded, sizeof(decoded), &header_length,
                             parts.header))
        goto out;
    reason = read_header(jwt, (struct sg_text){decoded, header_length});
    if (reason != STSGATE_REASON_NONE)
        goto out;

    reason = STSGATE_REASON_MALFORMED;
    if (!sg_base64url_decode((unsigned char *)decoded, sizeof(decoded), &claims_length,
                             parts.claims))
        goto out;
    reason = read_claims(jwt, (struct sg_text){decoded, claims_length}, service, now_ms);
    jwt->signing_input =
        (struct sg_text){credential.data, parts.header.length + 1 + parts.claims.length};
    jwt->signature = parts.signature;
out:
    /* As much as either decode may have written, a refused one included. */
    OPENSSL_cleanse(decoded, SG_BASE64URL_SIZE(parts.header.length > parts.claims.length
                                                   ? parts.header.length
                                                   : parts.claims.length));
    if (reason != STSGATE_REASON_NONE)
        *jwt = (struct sg_jwt){.issuer = jwt->issuer};
    return reason;
}

bool sg_jwt_verify(const struct sg_jwt *jwt, struct sg_verify_key *key)
{
    unsigned char signature[SG_SIGNATURE_MAX];
    size_t length = 0;
    bool valid = false;

    if (key == NULL || jwt->alg == SG_ALG_NONE || sg_verify_key_alg(key) != jwt->alg)
        return false;
    if (sg_base64url_decode(signature, sizeof(signature), &length, jwt->signature))
        valid = sg_verify(key, jwt->signing_input, signature, length);
    OPENSSL_cleanse(signature, length == 0 ? sizeof(signature) : length);
    return valid;
}
