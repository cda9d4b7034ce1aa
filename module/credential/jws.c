/*
 * jws.c - JWS signatures on OpenSSL: one digest of our own, then one
 * EVP_PKEY_verify on a context prepared once for the key. Anything but a
 * plain success is a refusal, and OpenSSL's error queue is left as it was
 * found: it belongs to the host. Never parses a key on the request path, never
 * takes an algorithm from a token.
 */
#include "credential/jws.h"

#include "base/buffer.h"
#include "credential/p384.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_MIN      2048
#define RSA_BITS_MAX      16384
#define RSA_EXPONENT_BITS 64 /* above it OpenSSL takes large moduli for an attack on its time */
#define ED25519_SIGNATURE 64
#define FIELD_BYTES_MAX   48 /* P-384 */
#define SECRET_MAX        (64 * 1024)

enum family { FAMILY_RSA, FAMILY_PSS, FAMILY_EC, FAMILY_ED25519, FAMILY_HMAC };

/* What an algorithm demands of its key. */
struct recipe {
    enum family family;
    const char *digest;
    const char *key_type; /* EVP_PKEY_is_a */
    const char *curve;
    size_t bytes; /* EC: of a coordinate; HMAC: of the hash */
};

static const struct recipe recipes[SG_ALG_COUNT] = {
    [SG_ALG_RS256] = {FAMILY_RSA, "SHA256", "RSA", NULL, 0},
    [SG_ALG_PS256] = {FAMILY_PSS, "SHA256", "RSA", NULL, 0},
    [SG_ALG_ES256] = {FAMILY_EC, "SHA256", "EC", "prime256v1", 32},
    [SG_ALG_ES384] = {FAMILY_EC, "SHA384", "EC", "secp384r1", 48},
    [SG_ALG_EDDSA] = {FAMILY_ED25519, NULL, "ED25519", NULL, 0},
    [SG_ALG_HS256] = {FAMILY_HMAC, "SHA256", NULL, NULL, 32},
    [SG_ALG_HS384] = {FAMILY_HMAC, "SHA384", NULL, NULL, 48},
    [SG_ALG_HS512] = {FAMILY_HMAC, "SHA512", NULL, NULL, 64},
};

struct sg_verify_key {
    enum sg_alg alg;
    const struct recipe *recipe;
    EVP_PKEY *public_key;
    EVP_PKEY_CTX *verifier;   /* RSA and EC: key, padding and digest are set */
    struct sg_p384_key *p384; /* ES384, instead of the verifier; NULL: not there */
    EVP_MD *digest;
    EVP_MD_CTX *digesting; /* Ed25519 */
    EVP_MAC_CTX *mac;      /* HMAC: keyed */
    size_t signature_length;
};

/* --- preparing a key ------------------------------------------------------------------------- */

static bool rsa_fits(const EVP_PKEY *key)
{
    const int bits = EVP_PKEY_get_bits(key);
    BIGNUM *e = NULL;
    bool fits = false;

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return false;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        fits = BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= RSA_EXPONENT_BITS;
    BN_free(e);
    return fits;
}

/*
 * A curve given by its parameters instead of its name is refused even when it looks like the right
 * one (CVE-2020-0601), and so is the point at infinity, for which anyone can sign.
 */
static bool ec_fits(EVP_PKEY *key, const char *curve)
{
    char name[64];
    size_t length = 0;
    int explicit_parameters = 1;
    bool fits = false;

    if (EVP_PKEY_get_group_name(key, name, sizeof(name), &length) != 1 || strcmp(name, curve) != 0)
        return false;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &explicit_parameters) != 1 ||
        explicit_parameters != 0)
        return false;

    EVP_PKEY_CTX *check = EVP_PKEY_CTX_new(key, NULL);
    if (check != NULL)
        fits = EVP_PKEY_public_check_quick(check) == 1;
    EVP_PKEY_CTX_free(check);
    return fits;
}

static int read_public_key(EVP_PKEY **public_key, const struct recipe *recipe, struct sg_text der)
{
    const unsigned char *at = (const unsigned char *)der.data;
    bool fits = false;

    if (der.length == 0 || der.length > LONG_MAX)
        return SG_E_INVALID;

    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.length);
    if (key == NULL)
        return SG_E_INVALID;
    if (at == (const unsigned char *)der.data + der.length &&
        EVP_PKEY_is_a(key, recipe->key_type)) {
        switch (recipe->family) {
        case FAMILY_RSA:
        case FAMILY_PSS:
            fits = rsa_fits(key);
            break;
        case FAMILY_EC:
            fits = ec_fits(key, recipe->curve);
            break;
        case FAMILY_ED25519:
            fits = true;
            break;
        case FAMILY_HMAC:
            break;
        }
    }
    if (!fits) {
        EVP_PKEY_free(key);
        return SG_E_INVALID;
    }
    *public_key = key;
    return SG_OK;
}

static int prepare_verifier(struct sg_verify_key *key)
{
    EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key->public_key, NULL);

    key->verifier = verifier;
    if (verifier == NULL || EVP_PKEY_verify_init(verifier) != 1)
        return SG_E_CRYPTO;
    if (EVP_PKEY_CTX_set_signature_md(verifier, key->digest) != 1)
        return SG_E_CRYPTO;
    if (key->recipe->family == FAMILY_EC) {
        key->signature_length = 2 * key->recipe->bytes;
        if (key->alg == SG_ALG_ES384)
            key->p384 = sg_p384_key_new(key->public_key);
        return SG_OK;
    }

    const bool pss = key->recipe->family == FAMILY_PSS;
    const int padding = pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    const int size = EVP_PKEY_get_size(key->public_key);
    if (size <= 0 || EVP_PKEY_CTX_set_rsa_padding(verifier, padding) != 1)
        return SG_E_CRYPTO;
    /* RFC 7518 3.5: salt as long as the digest, MGF1 with the same digest (OpenSSL's default). */
    if (pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(verifier, RSA_PSS_SALTLEN_DIGEST) != 1)
        return SG_E_CRYPTO;
    key->signature_length = (size_t)size;
    return SG_OK;
}

static int prepare_mac(struct sg_verify_key *key, struct sg_text secret)
{
    char digest[16];
    OSSL_PARAM parameters[2];

    if (secret.length < key->recipe->bytes || secret.length > SECRET_MAX)
        return SG_E_INVALID;
    if (!sg_text_copy(digest, sizeof(digest), sg_text_of(key->recipe->digest)))
        return SG_E_CRYPTO;

    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac == NULL)
        return SG_E_CRYPTO;
    key->mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    if (key->mac == NULL)
        return SG_E_MEMORY;

    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    parameters[1] = OSSL_PARAM_construct_end();
    if (EVP_MAC_init(key->mac, (const unsigned char *)secret.data, secret.length, parameters) != 1)
        return SG_E_CRYPTO;
    key->signature_length = key->recipe->bytes;
    return SG_OK;
}

static int prepare(struct sg_verify_key *key, struct sg_text material)
{
    if (key->recipe->family == FAMILY_HMAC)
        return prepare_mac(key, material);

    const int error = read_public_key(&key->public_key, key->recipe, material);
    if (error != SG_OK)
        return error;
    if (key->recipe->family == FAMILY_ED25519) {
        key->digesting = EVP_MD_CTX_new();
        key->signature_length = ED25519_SIGNATURE;
        return key->digesting == NULL ? SG_E_MEMORY : SG_OK;
    }
    key->digest = EVP_MD_fetch(NULL, key->recipe->digest, NULL);
    if (key->digest == NULL)
        return SG_E_CRYPTO;
    return prepare_verifier(key);
}

int sg_verify_key_new(struct sg_verify_key **key_out, enum sg_alg alg, struct sg_text material)
{
    *key_out = NULL;
    if (alg <= SG_ALG_NONE || alg >= SG_ALG_COUNT)
        return SG_E_INVALID;

    struct sg_verify_key *key = sg_alloc(1, sizeof(*key));
    if (key == NULL)
        return SG_E_MEMORY;
    key->alg = alg;
    key->recipe = &recipes[alg];

    ERR_set_mark();
    const int error = prepare(key, material);
    ERR_pop_to_mark();
    if (error != SG_OK) {
        sg_verify_key_free(key);
        return error;
    }
    *key_out = key;
    return SG_OK;
}

void sg_verify_key_free(struct sg_verify_key *key)
{
    if (key == NULL)
        return;
    EVP_MAC_CTX_free(key->mac); /* cleanses the secret */
    EVP_MD_CTX_free(key->digesting);
    EVP_MD_free(key->digest);
    sg_p384_key_free(key->p384);
    EVP_PKEY_CTX_free(key->verifier);
    EVP_PKEY_free(key->public_key);
    free(key);
}

enum sg_alg sg_verify_key_alg(const struct sg_verify_key *key)
{
    return key->alg;
}

/* --- verifying ------------------------------------------------------------------------------- */

/* One DER INTEGER of `bytes` big-endian bytes; its length, or 0 when it is zero. out has room for
 * bytes + 3. */
static size_t der_integer(unsigned char *out, const unsigned char *value, size_t bytes)
{
    while (bytes > 0 && value[0] == 0) {
        value++;
        bytes--;
    }
    if (bytes == 0)
        return 0;

    const size_t pad = value[0] >> 7;
    out[0] = 0x02;
    out[1] = (unsigned char)(bytes + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, value, bytes);
    return 2 + pad + bytes;
}

#define DER_SIGNATURE_MAX (2 + 2 * (FIELD_BYTES_MAX + 3))

/*
 * JWS writes r and s side by side (RFC 7518 3.4), OpenSSL wants ECDSA-Sig-Value. The caller has
 * checked that the signature is 2 * bytes long; zero is no r and no s (CVE-2022-21449). At P-384
 * the content is 102 bytes at most, so that one length byte does.
 */
static size_t der_signature(unsigned char out[static DER_SIGNATURE_MAX],
                            const unsigned char *signature, size_t bytes)
{
    const size_t r = der_integer(out + 2, signature, bytes);
    if (r == 0)
        return 0;
    const size_t s = der_integer(out + 2 + r, signature + bytes, bytes);
    if (s == 0)
        return 0;
    out[0] = 0x30;
    out[1] = (unsigned char)(r + s);
    return 2 + r + s;
}

static bool verify_digest(struct sg_verify_key *key, struct sg_text input,
                          const unsigned char *signature)
{
    unsigned char digest[EVP_MAX_MD_SIZE], der[DER_SIGNATURE_MAX];
    unsigned digest_length = 0;
    size_t length = key->signature_length;

    if (EVP_Digest(input.data, input.length, digest, &digest_length, key->digest, NULL) != 1)
        return false;
    if (key->p384 != NULL)
        return sg_p384_verify(key->p384, signature, digest, digest_length);
    if (key->recipe->family == FAMILY_EC) {
        length = der_signature(der, signature, key->recipe->bytes);
        if (length == 0)
            return false;
        signature = der;
    }
    return EVP_PKEY_verify(key->verifier, signature, length, digest, digest_length) == 1;
}

static bool verify_ed25519(struct sg_verify_key *key, struct sg_text input,
                           const unsigned char *signature)
{
    if (EVP_DigestVerifyInit(key->digesting, NULL, NULL, NULL, key->public_key) != 1)
        return false;
    return EVP_DigestVerify(key->digesting, signature, key->signature_length,
                            (const unsigned char *)input.data, input.length) == 1;
}

static bool verify_mac(struct sg_verify_key *key, struct sg_text input,
                       const unsigned char *signature)
{
    unsigned char expected[EVP_MAX_MD_SIZE];
    size_t length = 0;
    bool equal = false;

    /* No key, no parameters: the keyed context starts over. */
    if (EVP_MAC_init(key->mac, NULL, 0, NULL) == 1 &&
        EVP_MAC_update(key->mac, (const unsigned char *)input.data, input.length) == 1 &&
        EVP_MAC_final(key->mac, expected, &length, sizeof(expected)) == 1 &&
        length == key->signature_length)
        equal = CRYPTO_memcmp(expected, signature, length) == 0;
    OPENSSL_cleanse(expected, sizeof(expected)); /* a valid signature of what was presented */
    return equal;
}

bool sg_verify(struct sg_verify_key *key, struct sg_text signing_input,
               const unsigned char *signature, size_t signature_length)
{
    bool valid = false;

    if (key == NULL || signature == NULL || signature_length != key->signature_length)
        return false;

    ERR_set_mark();
    switch (key->recipe->family) {
    case FAMILY_RSA:
    case FAMILY_PSS:
    case FAMILY_EC:
        valid = verify_digest(key, signing_input, signature);
        break;
    case FAMILY_ED25519:
        valid = verify_ed25519(key, signing_input, signature);
        break;
    case FAMILY_HMAC:
        valid = verify_mac(key, signing_input, signature);
        break;
    }
    ERR_pop_to_mark();
    return valid;
}
