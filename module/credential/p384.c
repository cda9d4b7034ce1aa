/*
 * p384.c - see p384.h. Everything in it is public (keys, digests, signatures),
 * so that nothing here needs constant time. GMP ends the process when memory does.
 */
#include "credential/p384.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#ifdef SG_HAVE_NETTLE

#include "base/buffer.h"

#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <stdlib.h>

#define COORDINATE (SG_P384_SIGNATURE / 2)

struct sg_p384_key {
    struct ecc_point point;
};

static void import(mpz_t out, const unsigned char *bytes)
{
    mpz_import(out, COORDINATE, 1, 1, 1, 0, bytes);
}

static bool coordinate(mpz_t out, const EVP_PKEY *key, const char *name)
{
    unsigned char bytes[COORDINATE];
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                BN_bn2binpad(number, bytes, sizeof(bytes)) == sizeof(bytes);

    if (good)
        import(out, bytes);
    BN_free(number);
    return good;
}

struct sg_p384_key *sg_p384_key_new(const EVP_PKEY *key)
{
    struct sg_p384_key *prepared = sg_alloc(1, sizeof(*prepared));
    mpz_t x, y;
    bool good;

    if (prepared == NULL)
        return NULL;
    mpz_inits(x, y, NULL);
    ecc_point_init(&prepared->point, nettle_get_secp_384r1());
    good = coordinate(x, key, OSSL_PKEY_PARAM_EC_PUB_X) &&
           coordinate(y, key, OSSL_PKEY_PARAM_EC_PUB_Y) &&
           ecc_point_set(&prepared->point, x, y) == 1;
    mpz_clears(x, y, NULL);
    if (good)
        return prepared;
    sg_p384_key_free(prepared);
    return NULL;
}

void sg_p384_key_free(struct sg_p384_key *key)
{
    if (key == NULL)
        return;
    ecc_point_clear(&key->point);
    free(key);
}

bool sg_p384_verify(const struct sg_p384_key *key,
                    const unsigned char signature[static SG_P384_SIGNATURE],
                    const unsigned char *digest, size_t digest_length)
{
    struct dsa_signature pair;
    bool valid;

    dsa_signature_init(&pair);
    import(pair.r, signature);
    import(pair.s, signature + COORDINATE);
    valid = ecdsa_verify(&key->point, digest_length, digest, &pair) == 1;
    dsa_signature_clear(&pair);
    return valid;
}

#else /* no nettle */

struct sg_p384_key *sg_p384_key_new(const EVP_PKEY *key)
{
    (void)key;
    return NULL;
}

void sg_p384_key_free(struct sg_p384_key *key)
{
    (void)key;
}

bool sg_p384_verify(const struct sg_p384_key *key,
                    const unsigned char signature[static SG_P384_SIGNATURE],
                    const unsigned char *digest, size_t digest_length)
{
    (void)key;
    (void)signature;
    (void)digest;
    (void)digest_length;
    return false;
}

#endif
