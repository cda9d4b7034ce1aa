/*
 * alg.h - the JWS algorithms by name (RFC 7518, RFC 8037). An issuer's list in
 * the configuration pins them; a token never chooses.
 */
#ifndef SG_CONFIG_ALG_H
#define SG_CONFIG_ALG_H

#include "base/text.h"

enum sg_alg {
    SG_ALG_NONE = 0, /* never verifies */
    SG_ALG_RS256,
    SG_ALG_PS256,
    SG_ALG_ES256,
    SG_ALG_ES384,
    SG_ALG_EDDSA, /* Ed25519 */
    SG_ALG_HS256,
    SG_ALG_HS384,
    SG_ALG_HS512,
};
#define SG_ALG_COUNT    9
#define SG_ALG_BIT(alg) (1u << (alg))
#define SG_ALGS_SECRET                                                                             \
    (SG_ALG_BIT(SG_ALG_HS256) | SG_ALG_BIT(SG_ALG_HS384) | SG_ALG_BIT(SG_ALG_HS512))

enum sg_alg
sg_alg_of(struct sg_text name); /* exact, case-sensitive; "none" and unknown: SG_ALG_NONE */
const char *sg_alg_name(enum sg_alg alg); /* "none" for SG_ALG_NONE */
bool sg_alg_is_slow(enum sg_alg alg);     /* a check takes over a tenth of a millisecond: ES384 */

#endif
