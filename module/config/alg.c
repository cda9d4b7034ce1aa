/*
 * alg.c - algorithm names. Knows no key and no signature.
 */
#include "config/alg.h"

static const char *const names[SG_ALG_COUNT] = {
    [SG_ALG_NONE] = "none",   [SG_ALG_RS256] = "RS256", [SG_ALG_PS256] = "PS256",
    [SG_ALG_ES256] = "ES256", [SG_ALG_ES384] = "ES384", [SG_ALG_EDDSA] = "EdDSA",
    [SG_ALG_HS256] = "HS256", [SG_ALG_HS384] = "HS384", [SG_ALG_HS512] = "HS512",
};

enum sg_alg sg_alg_of(struct sg_text name)
{
    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        if (sg_text_equal(name, sg_text_of(names[alg])))
            return alg;
    }
    return SG_ALG_NONE;
}

const char *sg_alg_name(enum sg_alg alg)
{
    return alg > SG_ALG_NONE && alg < SG_ALG_COUNT ? names[alg] : names[SG_ALG_NONE];
}

bool sg_alg_is_slow(enum sg_alg alg)
{
    return alg == SG_ALG_ES384;
}
