/*
 * bench_verify.c - the floor of a first sight: bare OpenSSL, one digest and one
 * EVP_PKEY_verify with a prepared context, nothing of ours but the test's keys. Of many tokens in
 * turn, as a gateway sees them: of one alone the processor would learn the branches.
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

#define SIGNED 256

struct floor {
    EVP_PKEY_CTX *context;
    const EVP_MD *md;
    EVP_MD_CTX *digest;
    struct one {
        struct sg_text input;
        unsigned char signature[600];
        size_t length;
    } signed_ones[SIGNED];
};

static void verify(void *payload, uint64_t i)
{
    struct floor *floor = payload;
    const struct one *one = &floor->signed_ones[i % SIGNED];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (EVP_DigestInit_ex(floor->digest, floor->md, NULL) != 1 ||
        EVP_DigestUpdate(floor->digest, one->input.data, one->input.length) != 1 ||
        EVP_DigestFinal_ex(floor->digest, digest, &length) != 1 ||
        EVP_PKEY_verify(floor->context, one->signature, one->length, digest, length) != 1)
        abort();
}

/* r||s of the token to the DER that OpenSSL wants; once, outside the measurement. */
static void to_der(struct one *one)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    unsigned char *out = one->signature;
    size_t half = one->length / 2;

    ECDSA_SIG_set0(pair, BN_bin2bn(one->signature, (int)half, NULL),
                   BN_bin2bn(one->signature + half, (int)half, NULL));
    one->length = (size_t)i2d_ECDSA_SIG(pair, &out);
    ECDSA_SIG_free(pair);
}

static void sign(struct one *one, enum sg_alg alg, int64_t iat_s)
{
    struct jwt_claims claims;
    char *text;
    size_t dot;

    jwt_claims_web_identity(&claims, iat_s);
    text = jwt_token(alg, &claims);
    dot = strlen(text) - 1;
    while (text[dot] != '.')
        dot--;
    one->input = (struct sg_text){text, dot};
    if (!sg_base64url_decode(one->signature, sizeof(one->signature), &one->length,
                             sg_text_of(text + dot + 1)))
        abort();
    if (alg != SG_ALG_RS256)
        to_der(one);
}

int main(int argc, char **argv)
{
    enum sg_alg alg = argc == 3 ? sg_alg_of(sg_text_of(argv[1])) : SG_ALG_NONE;
    static struct floor floor;
    const unsigned char *der;
    struct sg_text spki;
    char name[32];

    if (alg != SG_ALG_RS256 && alg != SG_ALG_ES256 && alg != SG_ALG_ES384)
        return 2;
    for (size_t i = 0; i < SIGNED; i++)
        sign(&floor.signed_ones[i], alg, JWT_IAT_S + (int64_t)i);
    floor.digest = EVP_MD_CTX_new();
    floor.md = alg == SG_ALG_ES384 ? EVP_sha384() : EVP_sha256();
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
