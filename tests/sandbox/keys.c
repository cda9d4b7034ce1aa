/*
 * Token signing keys on OpenSSL; see keys.h. Shapes follow AWS: RSA 2048 without an alg member,
 * P-384 with one; key ids count up from 0 and are the same in every account.
 */
#include "keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

enum slot { RSA_KEY, EC384_KEY, EC256_KEY, SLOTS };

struct key {
    EVP_PKEY *pair;
    char *kid;
    struct key *older;
};

struct sb_keys {
    struct key *slots[SLOTS]; /* newest first */
    unsigned generation;
};

static void broken(const char *what)
{
    fprintf(stderr, "stsgate-sandbox: OpenSSL failed: %s\n", what);
    abort();
}

struct sb_keys *sb_keys_new(void)
{
    return sb_alloc(sizeof(struct sb_keys));
}

static void free_keys(struct key *key)
{
    struct key *older;

    for (; key != NULL; key = older) {
        older = key->older;
        EVP_PKEY_free(key->pair);
        free(key->kid);
        free(key);
    }
}

void sb_keys_free(struct sb_keys *keys)
{
    int slot;

    if (keys == NULL)
        return;
    for (slot = 0; slot < SLOTS; slot++)
        free_keys(keys->slots[slot]);
    free(keys);
}

static int slot_of(const char *alg)
{
    if (strcmp(alg, "RS256") == 0 || strcmp(alg, "PS256") == 0)
        return RSA_KEY;
    if (strcmp(alg, "ES384") == 0)
        return EC384_KEY;
    if (strcmp(alg, "ES256") == 0)
        return EC256_KEY;
    return -1;
}

static void generate(struct sb_keys *keys, int slot)
{
    static const char *const names[] = {"RSA", "EC384", "EC256"};
    struct key *key = sb_alloc(sizeof(*key));

    if (slot == RSA_KEY)
        key->pair = EVP_RSA_gen(2048);
    if (slot != RSA_KEY)
        key->pair = EVP_EC_gen(slot == EC384_KEY ? "P-384" : "P-256");
    if (key->pair == NULL)
        broken("key generation");
    key->kid = sb_format("%s_%u", names[slot], keys->generation);
    key->older = keys->slots[slot];
    keys->slots[slot] = key;
}

static struct key *current(struct sb_keys *keys, int slot)
{
    if (keys->slots[slot] == NULL)
        generate(keys, slot);
    return keys->slots[slot];
}

EVP_PKEY *sb_keys_signer(struct sb_keys *keys, const char *alg)
{
    int slot = slot_of(alg);

    return slot < 0 ? NULL : current(keys, slot)->pair;
}

const char *sb_keys_kid(struct sb_keys *keys, const char *alg)
{
    int slot = slot_of(alg);

    return slot < 0 ? NULL : current(keys, slot)->kid;
}

void sb_keys_rotate(struct sb_keys *keys, bool keep, bool same_kid)
{
    int slot;

    for (slot = RSA_KEY; slot <= EC384_KEY; slot++)
        (void)current(keys, slot);
    if (!same_kid)
        keys->generation++;
    for (slot = RSA_KEY; slot <= EC384_KEY; slot++) {
        generate(keys, slot);
        if (keep && !same_kid)
            continue;
        free_keys(keys->slots[slot]->older);
        keys->slots[slot]->older = NULL;
    }
}

static void add_number(struct json_object *jwk, const char *member, EVP_PKEY *key,
                       const char *parameter, int width)
{
    BIGNUM *number = NULL;
    unsigned char bytes[512];
    char *text;

    if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1)
        broken("key parameter");
    if (width == 0)
        width = BN_num_bytes(number);
    if (width > (int)sizeof(bytes) || BN_bn2binpad(number, bytes, width) != width)
        broken("key width");
    text = sb_base64url(bytes, (size_t)width);
    json_object_object_add(jwk, member, json_object_new_string(text));
    free(text);
    BN_free(number);
}

static struct json_object *public_jwk(const struct key *key, int slot)
{
    struct json_object *jwk = json_object_new_object();

    json_object_object_add(jwk, "kty", json_object_new_string(slot == RSA_KEY ? "RSA" : "EC"));
    json_object_object_add(jwk, "use", json_object_new_string("sig"));
    json_object_object_add(jwk, "kid", json_object_new_string(key->kid));
    if (slot == RSA_KEY) {
        add_number(jwk, "n", key->pair, OSSL_PKEY_PARAM_RSA_N, 0);
        add_number(jwk, "e", key->pair, OSSL_PKEY_PARAM_RSA_E, 0);
        return jwk;
    }
    json_object_object_add(jwk, "alg", json_object_new_string("ES384"));
    json_object_object_add(jwk, "crv", json_object_new_string("P-384"));
    add_number(jwk, "x", key->pair, OSSL_PKEY_PARAM_EC_PUB_X, 48);
    add_number(jwk, "y", key->pair, OSSL_PKEY_PARAM_EC_PUB_Y, 48);
    return jwk;
}

struct json_object *sb_keys_set(struct sb_keys *keys)
{
    struct json_object *set = json_object_new_object();
    struct json_object *list = json_object_new_array();
    const struct key *key;
    int slot;

    for (slot = RSA_KEY; slot <= EC384_KEY; slot++) {
        for (key = current(keys, slot); key != NULL; key = key->older)
            json_object_array_add(list, public_jwk(key, slot));
    }
    json_object_object_add(set, "keys", list);
    return set;
}

char *sb_keys_rsa_pem(struct sb_keys *keys)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    char *pem;
    long length;

    if (memory == NULL || PEM_write_bio_PUBKEY(memory, current(keys, RSA_KEY)->pair) != 1)
        broken("PEM");
    length = BIO_get_mem_data(memory, &bytes);
    pem = sb_copy_range(bytes, length > 0 ? (size_t)length : 0);
    BIO_free(memory);
    return pem;
}

/* DER to the fixed-width r||s of RFC 7518 3.4. */
static char *raw_ecdsa(const unsigned char *der, size_t length, int width)
{
    const unsigned char *at = der;
    unsigned char raw[96];
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)length);

    if (signature == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, width) != width ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + width, width) != width)
        broken("ECDSA");
    ECDSA_SIG_free(signature);
    return sb_base64url(raw, (size_t)width * 2);
}

static bool fits(EVP_PKEY *key, const char *alg)
{
    int slot = slot_of(alg);

    if (key == NULL || slot < 0)
        return false;
    if (slot == RSA_KEY)
        return EVP_PKEY_is_a(key, "RSA") == 1;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_bits(key) == (slot == EC384_KEY ? 384 : 256);
}

char *sb_jws_sign(EVP_PKEY *key, const char *alg, const char *input)
{
    EVP_MD_CTX *digest = NULL;
    EVP_PKEY_CTX *padding = NULL;
    const EVP_MD *md = strcmp(alg, "ES384") == 0 ? EVP_sha384() : EVP_sha256();
    unsigned char signature[512];
    size_t length = sizeof(signature);

    if (!fits(key, alg))
        return NULL;
    digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestSignInit(digest, &padding, md, NULL, key) != 1)
        broken("sign");
    if (strcmp(alg, "PS256") == 0 &&
        (EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) != 1))
        broken("PSS");
    if (EVP_DigestSign(digest, signature, &length, (const unsigned char *)input, strlen(input)) !=
        1)
        broken("sign");
    EVP_MD_CTX_free(digest);
    if (slot_of(alg) == RSA_KEY)
        return sb_base64url(signature, length);
    return raw_ecdsa(signature, length, slot_of(alg) == EC384_KEY ? 48 : 32);
}

char *sb_jws_hmac(const char *key, const char *alg, const char *input)
{
    const EVP_MD *md = NULL;
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (strcmp(alg, "HS256") == 0)
        md = EVP_sha256();
    if (strcmp(alg, "HS384") == 0)
        md = EVP_sha384();
    if (strcmp(alg, "HS512") == 0)
        md = EVP_sha512();
    if (md == NULL)
        return NULL;
    if (HMAC(md, key, (int)strlen(key), (const unsigned char *)input, strlen(input), mac,
             &length) == NULL)
        broken("HMAC");
    return sb_base64url(mac, length);
}
