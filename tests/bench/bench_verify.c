/*
 * bench_verify.c - the floor of a first sight: bare OpenSSL, one digest and one
 * EVP_PKEY_verify with a prepared context, nothing of ours but the test's keys.
 *
 *     bench_verify RS256|ES256|ES384 COUNT
 */
#include "base/encoding.h"
#include "bench.h"
#include "jwt_maker.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

struct floor {
    EVP_PKEY_CTX *context;
    const EVP_MD *md;
    EVP_MD_CTX *digest;
    struct sg_text input;
    unsigned char signature[600];
    size_t length;
};

static void verify(void *payload, uint64_t i)
{
    struct floor *floor = payload;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    (void)i;
    if (EVP_DigestInit_ex(floor->digest, floor->md, NULL) != 1 ||
        EVP_DigestUpdate(floor->digest, floor->input.data, floor->input.length) != 1 ||
        EVP_DigestFinal_ex(floor->digest, digest, &length) != 1 ||
        EVP_PKEY_verify(floor->context, floor->signature, floor->length, digest, length) != 1)
        abort();
}

/* r||s of the token to the DER that OpenSSL wants; once, outside the measurement. */
static void to_der(struct floor *floor)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    unsigned char *out = floor->signature;
    size_t half = floor->length / 2;

    ECDSA_SIG_set0(pair, BN_bin2bn(floor->signature, (int)half, NULL),
                   BN_bin2bn(floor->signature + half, (int)half, NULL));
    floor->length = (size_t)i2d_ECDSA_SIG(pair, &out);
    ECDSA_SIG_free(pair);
}

int main(int argc, char **argv)
{
    enum sg_alg alg = argc == 3 ? sg_alg_of(sg_text_of(argv[1])) : SG_ALG_NONE;
    struct jwt_claims claims;
    struct floor floor = {.digest = EVP_MD_CTX_new()};
    struct sg_text spki, token;
    const unsigned char *der;
    char *text, name[32];
    size_t dot;

    if (alg != SG_ALG_RS256 && alg != SG_ALG_ES256 && alg != SG_ALG_ES384)
        return 2;
    jwt_claims_web_identity(&claims, JWT_IAT_S);
    text = jwt_token(alg, &claims);
    token = sg_text_of(text);
    for (dot = token.length - 1; text[dot] != '.'; dot--)
        ;
    floor.input = (struct sg_text){text, dot};
    floor.md = alg == SG_ALG_ES384 ? EVP_sha384() : EVP_sha256();
    sg_base64url_decode(floor.signature, sizeof(floor.signature), &floor.length,
                        (struct sg_text){text + dot + 1, token.length - dot - 1});
    if (alg != SG_ALG_RS256)
        to_der(&floor);
    spki = jwt_key_material(alg);
    der = (const unsigned char *)spki.data;
    floor.context = EVP_PKEY_CTX_new(d2i_PUBKEY(NULL, &der, (long)spki.length), NULL);
    if (EVP_PKEY_verify_init(floor.context) != 1 ||
        (alg == SG_ALG_RS256 &&
         EVP_PKEY_CTX_set_rsa_padding(floor.context, RSA_PKCS1_PADDING) != 1) ||
        EVP_PKEY_CTX_set_signature_md(floor.context, floor.md) != 1)
        abort();
    snprintf(name, sizeof(name), "floor_%s", argv[1]);
    bench(name, strtoull(argv[2], NULL, 10), verify, &floor);
    return 0;
}
