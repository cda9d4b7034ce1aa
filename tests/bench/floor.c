/*
 * floor.c - see floor.h.
 */
#include "floor.h"

#include "base/encoding.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct one {
    struct sg_text input;
    unsigned char signature[600];
    size_t length;
};

struct floor {
    EVP_PKEY *key;
    EVP_PKEY_CTX *context; /* NULL: Ed25519 */
    const EVP_MD *md;
    EVP_MD_CTX *digest;
    size_t count;
    struct one ones[];
};

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

static void take(struct one *one, enum sg_alg alg, const char *token)
{
    size_t dot = strlen(token);

    while (token[--dot] != '.')
        ;
    one->input = (struct sg_text){token, dot};
    if (!sg_base64url_decode(one->signature, sizeof(one->signature), &one->length,
                             sg_text_of(token + dot + 1)))
        abort();
    if (alg == SG_ALG_ES256 || alg == SG_ALG_ES384)
        to_der(one);
}

static void prepare(struct floor *floor, enum sg_alg alg)
{
    struct sg_text spki = jwt_key_material(alg);
    const unsigned char *der = (const unsigned char *)spki.data;

    floor->key = d2i_PUBKEY(NULL, &der, (long)spki.length);
    floor->digest = EVP_MD_CTX_new();
    if (alg == SG_ALG_EDDSA)
        return;
    floor->md = alg == SG_ALG_ES384 ? EVP_sha384() : EVP_sha256();
    floor->context = EVP_PKEY_CTX_new(floor->key, NULL);
    if (EVP_PKEY_verify_init(floor->context) != 1 ||
        (alg == SG_ALG_RS256 &&
         EVP_PKEY_CTX_set_rsa_padding(floor->context, RSA_PKCS1_PADDING) != 1) ||
        EVP_PKEY_CTX_set_signature_md(floor->context, floor->md) != 1)
        abort();
}

struct floor *floor_new(enum sg_alg alg, char *const *tokens, size_t count)
{
    struct floor *floor = calloc(1, sizeof(*floor) + count * sizeof(floor->ones[0]));

    floor->count = count;
    prepare(floor, alg);
    for (size_t i = 0; i < count; i++)
        take(&floor->ones[i], alg, tokens[i]);
    return floor;
}

static bool verify_ed25519(struct floor *floor, const struct one *one)
{
    return EVP_DigestVerifyInit(floor->digest, NULL, NULL, NULL, floor->key) == 1 &&
           EVP_DigestVerify(floor->digest, one->signature, one->length,
                            (const unsigned char *)one->input.data, one->input.length) == 1;
}

static bool verify_digest(struct floor *floor, const struct one *one)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    return EVP_DigestInit_ex(floor->digest, floor->md, NULL) == 1 &&
           EVP_DigestUpdate(floor->digest, one->input.data, one->input.length) == 1 &&
           EVP_DigestFinal_ex(floor->digest, digest, &length) == 1 &&
           EVP_PKEY_verify(floor->context, one->signature, one->length, digest, length) == 1;
}

void floor_verify(void *payload, uint64_t i)
{
    struct floor *floor = payload;
    const struct one *one = &floor->ones[i % floor->count];

    if (!(floor->context == NULL ? verify_ed25519(floor, one) : verify_digest(floor, one)))
        abort();
}

void floor_free(struct floor *floor)
{
    EVP_PKEY_CTX_free(floor->context);
    EVP_PKEY_free(floor->key);
    EVP_MD_CTX_free(floor->digest);
    free(floor);
}
