/*
 * fuzz_jwks.c - a key set from the network or a key file: JWKS, a JWK, PEM or
 * a secret. Whatever is taken must be fit for each algorithm it is taken for,
 * and a secret only where one is allowed.
 */
#include "credential/jwk.h"

#include <stdint.h>
#include <stdlib.h>

#define ALL ((SG_ALG_BIT(SG_ALG_COUNT) - 1) & ~SG_ALG_BIT(SG_ALG_NONE))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check(const struct sg_jwks *jwks, unsigned allowed)
{
    must(jwks->count > 0 && jwks->count <= SG_JWKS_MAX_KEYS);
    for (size_t i = 0; i < jwks->count; i++) {
        const struct sg_jwk *key = &jwks->keys[i];
        struct sg_buffer packed = {.limit = 0};
        struct sg_text material;
        unsigned algs;

        must(key->algs != 0 && (key->algs & ~allowed) == 0);
        must(sg_jwk_fit_algs(sg_buffer_text(&key->material), key->algs) == key->algs);
        for (size_t other = 0; other < i; other++)
            must(strcmp(key->kid, jwks->keys[other].kid) != 0);
        sg_jwk_pack(&packed, key);
        must(sg_jwk_unpack(&algs, &material, sg_buffer_text(&packed)) && algs == key->algs);
        must(sg_text_equal(material, sg_buffer_text(&key->material)));
        sg_buffer_wipe(&packed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text text = {(const char *)data, size};
    struct sg_problems problems = {.texts = NULL};
    struct sg_jwks jwks;

    if (sg_jwks_parse(&jwks, text, ALL, false, "set", &problems) == SG_OK)
        check(&jwks, ALL & ~SG_ALGS_SECRET);
    else
        must(jwks.count == 0 && problems.count > 0);
    sg_jwks_clear(&jwks);
    if (sg_keys_parse(&jwks, text, ALL, true, "file", &problems) == SG_OK)
        check(&jwks, ALL);
    else
        must(jwks.count == 0 && problems.count > 0);
    sg_jwks_clear(&jwks);
    sg_problems_clear(&problems);
    return 0;
}
