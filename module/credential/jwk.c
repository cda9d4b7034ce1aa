/*
 * jwk.c - JSON Web Keys (RFC 7517, RFC 7518 6, RFC 8037) into
 * SubjectPublicKeyInfo. Which algorithm a key serves follows from its own type
 * and `alg`, never from a token, and whether it is fit is jws.c's word alone.
 * Off the request path; must never write key material into a problem.
 */
#include "credential/jwk.h"

#include "base/encoding.h"
#include "base/json.h"

#include <json-c/json.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define MEMBER_MAX     2048 /* decoded bytes: an RSA modulus of 16384 bits, or a secret */
#define COORDINATE_MAX 48

/* One element of "keys" while it is read. why: what is wrong with it, NULL so far. */
struct candidate {
    struct json_object *object;
    struct sg_text kty, crv;
    const char *why;
};

/* --- members --------------------------------------------------------------------------------- */

/* False when it is there and no string. */
static bool get_string(struct sg_text *text, struct json_object *object, const char *name)
{
    struct json_object *member;

    *text = (struct sg_text){NULL, 0};
    if (!json_object_object_get_ex(object, name, &member))
        return true;
    if (!json_object_is_type(member, json_type_string))
        return false;
    *text = (struct sg_text){json_object_get_string(member),
                             (size_t)json_object_get_string_len(member)};
    return true;
}

/* A required base64url member; its length, 0 when it is absent, not base64url or too long. */
static size_t get_bytes(unsigned char *out, size_t size, struct json_object *object,
                        const char *name)
{
    struct sg_text text;
    size_t length = 0;

    if (!get_string(&text, object, name) || !sg_base64url_decode(out, size, &length, text))
        return 0;
    return length;
}

static bool has(struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}

/* RFC 7517 4.3: what the key is for. Absent, or one of them is "verify". */
static bool key_ops_fit(struct json_object *object)
{
    struct json_object *ops;

    if (!json_object_object_get_ex(object, "key_ops", &ops))
        return true;
    if (!json_object_is_type(ops, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(ops); i++) {
        struct json_object *op = json_object_array_get_idx(ops, i);

        if (json_object_is_type(op, json_type_string) &&
            strcmp(json_object_get_string(op), "verify") == 0)
            return true;
    }
    return false;
}

static bool read_kid(char kid[static SG_KID_MAX + 1], struct json_object *object)
{
    struct sg_text text;

    if (!get_string(&text, object, "kid"))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    }
    return sg_text_copy(kid, SG_KID_MAX + 1, text);
}

/* The algorithms that a key of this kty and crv could serve. */
static unsigned algs_of_type(const struct candidate *candidate)
{
    if (sg_text_equal(candidate->kty, SG_TEXT("RSA")))
        return SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_PS256);
    if (sg_text_equal(candidate->kty, SG_TEXT("oct")))
        return SG_ALGS_SECRET;
    if (sg_text_equal(candidate->kty, SG_TEXT("EC"))) {
        if (sg_text_equal(candidate->crv, SG_TEXT("P-256")))
            return SG_ALG_BIT(SG_ALG_ES256);
        if (sg_text_equal(candidate->crv, SG_TEXT("P-384")))
            return SG_ALG_BIT(SG_ALG_ES384);
    }
    if (sg_text_equal(candidate->kty, SG_TEXT("OKP")) &&
        sg_text_equal(candidate->crv, SG_TEXT("Ed25519")))
        return SG_ALG_BIT(SG_ALG_EDDSA);
    return 0;
}

/* --- public keys ----------------------------------------------------------------------------- */

static bool build_spki(struct sg_buffer *spki, const char *type, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    unsigned char *der = NULL;
    int length = -1;

    if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1)
        length = i2d_PUBKEY(key, &der);
    if (length > 0)
        sg_buffer_add(spki, der, (size_t)length);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return length > 0 && !spki->failed;
}

static bool read_rsa(struct sg_buffer *spki, struct json_object *object, OSSL_PARAM_BLD *builder)
{
    unsigned char n_bytes[MEMBER_MAX], e_bytes[16];
    const size_t n_length = get_bytes(n_bytes, sizeof(n_bytes), object, "n");
    const size_t e_length = get_bytes(e_bytes, sizeof(e_bytes), object, "e");
    BIGNUM *n = NULL, *e = NULL;
    bool built = false;

    if (n_length == 0 || e_length == 0)
        return false;
    n = BN_bin2bn(n_bytes, (int)n_length, NULL);
    e = BN_bin2bn(e_bytes, (int)e_length, NULL);
    if (n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        built = build_spki(spki, "RSA", builder);
    BN_free(n);
    BN_free(e);
    return built;
}

/* Coordinates in full width (RFC 7518 6.2.1.2); that the point is on the curve is OpenSSL's to
 * check. */
static bool read_ec(struct sg_buffer *spki, const struct candidate *candidate,
                    OSSL_PARAM_BLD *builder)
{
    const bool p256 = sg_text_equal(candidate->crv, SG_TEXT("P-256"));
    const char *group = p256 ? "prime256v1" : "secp384r1";
    const size_t bytes = p256 ? 32 : 48;
    unsigned char point[1 + 2 * COORDINATE_MAX] = {POINT_CONVERSION_UNCOMPRESSED};

    if (get_bytes(point + 1, bytes, candidate->object, "x") != bytes ||
        get_bytes(point + 1 + bytes, bytes, candidate->object, "y") != bytes)
        return false;
    return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                            1 + 2 * bytes) == 1 &&
           build_spki(spki, "EC", builder);
}

static bool read_okp(struct sg_buffer *spki, struct json_object *object, OSSL_PARAM_BLD *builder)
{
    unsigned char x[32];

    return get_bytes(x, sizeof(x), object, "x") == sizeof(x) &&
           OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, x, sizeof(x)) == 1 &&
           build_spki(spki, "ED25519", builder);
}

static bool read_secret(struct sg_buffer *secret, struct json_object *object)
{
    unsigned char k[MEMBER_MAX];
    const size_t length = get_bytes(k, sizeof(k), object, "k");

    if (length > 0)
        sg_buffer_add(secret, k, length);
    OPENSSL_cleanse(k, sizeof(k));
    return length > 0 && !secret->failed;
}

static bool read_material(struct sg_buffer *material, const struct candidate *candidate)
{
    bool built = false;

    if (sg_text_equal(candidate->kty, SG_TEXT("oct")))
        return read_secret(material, candidate->object);

    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL)
        return false;
    ERR_set_mark();
    if (sg_text_equal(candidate->kty, SG_TEXT("RSA")))
        built = read_rsa(material, candidate->object, builder);
    else if (sg_text_equal(candidate->kty, SG_TEXT("EC")))
        built = read_ec(material, candidate, builder);
    else if (sg_text_equal(candidate->kty, SG_TEXT("OKP")))
        built = read_okp(material, candidate->object, builder);
    ERR_pop_to_mark();
    OSSL_PARAM_BLD_free(builder);
    return built;
}

/* --- one key --------------------------------------------------------------------------------- */

unsigned sg_jwk_fit_algs(struct sg_text material, unsigned algs)
{
    unsigned fit = 0;

    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        struct sg_verify_key *key = NULL;

        if ((algs & SG_ALG_BIT(alg)) != 0 && sg_verify_key_new(&key, alg, material) == SG_OK)
            fit |= SG_ALG_BIT(alg);
        sg_verify_key_free(key);
    }
    return fit;
}

/* What the members that say what a key is for leave of `algs`; 0 with a reason when nothing. */
static unsigned narrow_algs(struct candidate *candidate, unsigned algs)
{
    struct json_object *object = candidate->object;
    struct sg_text alg, use;

    if (!get_string(&use, object, "use") || !get_string(&alg, object, "alg") ||
        !key_ops_fit(object)) {
        candidate->why = "its use, alg or key_ops is not for verifying signatures";
        return 0;
    }
    if (use.data != NULL && !sg_text_equal(use, SG_TEXT("sig"))) {
        candidate->why = "its use is not sig";
        return 0;
    }
    if (alg.data != NULL)
        algs &= SG_ALG_BIT(sg_alg_of(alg)) & ~SG_ALG_BIT(SG_ALG_NONE);
    if (algs == 0)
        candidate->why = "it serves none of the algorithms that the issuer may use";
    return algs;
}

/* Fills *key, whose material is the caller's to wipe; false and candidate->why when the key is to
 * be left out. */
static bool read_key(struct sg_jwk *key, struct candidate *candidate, unsigned allowed,
                     bool allow_secret)
{
    struct json_object *object = candidate->object;

    candidate->why = "it is not an object with a kty";
    if (!json_object_is_type(object, json_type_object) ||
        !get_string(&candidate->kty, object, "kty") || candidate->kty.length == 0 ||
        !get_string(&candidate->crv, object, "crv"))
        return false;
    candidate->why = "its kid is not a string of at most 255 bytes without control characters";
    if (!read_kid(key->kid, object))
        return false;

    const bool secret = sg_text_equal(candidate->kty, SG_TEXT("oct"));
    candidate->why = "it is a secret (oct), which only a key file may hold";
    if (secret && !allow_secret)
        return false;
    candidate->why = "it is a private key, which belongs to the issuer alone";
    if (!secret && (has(object, "d") || has(object, "p") || has(object, "q") || has(object, "oth")))
        return false;
    candidate->why = "its kty and crv are not of a kind that is known here";
    key->algs = algs_of_type(candidate);
    if (key->algs == 0)
        return false;
    key->algs = narrow_algs(candidate, key->algs & allowed);
    if (key->algs == 0)
        return false;
    candidate->why = "its members are missing, not canonical base64url, or no key";
    if (!read_material(&key->material, candidate))
        return false;
    candidate->why = "it is too weak (RSA: 2048 to 16384 bits; HS: as long as the hash)";
    key->algs = sg_jwk_fit_algs(sg_buffer_text(&key->material), key->algs);
    return key->algs != 0;
}

/* --- the set --------------------------------------------------------------------------------- */

int sg_jwks_add(struct sg_jwks *jwks, struct sg_jwk *key, const char *where,
                struct sg_problems *problems)
{
    for (size_t i = 0; i < jwks->count; i++) {
        const struct sg_jwk *other = &jwks->keys[i];

        if (strcmp(other->kid, key->kid) != 0)
            continue;
        if (other->algs == key->algs &&
            sg_text_equal(sg_buffer_text(&other->material), sg_buffer_text(&key->material))) {
            sg_buffer_wipe(&key->material); /* told twice */
            return SG_OK;
        }
        sg_problem(problems, where, 0,
                   key->kid[0] == '\0'
                       ? "two keys%s without a kid: give each a kid, or leave one"
                       : "two different keys have the kid \"%s\": a kid must name one key",
                   key->kid);
        return SG_E_INVALID;
    }
    if (jwks->keys == NULL) {
        jwks->keys = sg_alloc(SG_JWKS_MAX_KEYS, sizeof(*jwks->keys));
        if (jwks->keys == NULL)
            return SG_E_MEMORY;
    }
    if (jwks->count == SG_JWKS_MAX_KEYS) {
        sg_problem(problems, where, 0, "more than %d keys", SG_JWKS_MAX_KEYS);
        return SG_E_LIMIT;
    }
    jwks->keys[jwks->count++] = *key;
    *key = (struct sg_jwk){.algs = 0};
    return SG_OK;
}

static int add_element(struct sg_jwks *jwks, struct json_object *element, size_t number,
                       unsigned allowed, bool allow_secret, const char *where,
                       struct sg_problems *problems)
{
    struct candidate candidate = {.object = element};
    struct sg_jwk key = {.algs = 0};
    int error = SG_OK;

    if (read_key(&key, &candidate, allowed, allow_secret))
        error = sg_jwks_add(jwks, &key, where, problems);
    else
        sg_problem(problems, where, 0, "key %zu%s%s is left out: %s", number,
                   key.kid[0] == '\0' ? "" : ", kid ", key.kid, candidate.why);
    sg_buffer_wipe(&key.material);
    return error;
}

static int add_all(struct sg_jwks *jwks, struct json_object *tree, unsigned allowed,
                   bool allow_secret, const char *where, struct sg_problems *problems)
{
    struct json_object *keys;
    int error = SG_OK;

    if (!json_object_is_type(tree, json_type_object) ||
        !json_object_object_get_ex(tree, "keys", &keys) ||
        !json_object_is_type(keys, json_type_array)) {
        sg_problem(problems, where, 0, "not a JSON Web Key Set: expected {\"keys\": [...]}");
        return SG_E_INVALID;
    }

    const size_t count = json_object_array_length(keys);
    if (count > SG_JWKS_MAX_KEYS) {
        sg_problem(problems, where, 0, "%zu keys; at most %d are read", count, SG_JWKS_MAX_KEYS);
        return SG_E_LIMIT;
    }
    for (size_t i = 0; i < count && error == SG_OK; i++)
        error = add_element(jwks, json_object_array_get_idx(keys, i), i + 1, allowed, allow_secret,
                            where, problems);
    return error;
}

/* json-c frees its copy of a secret without cleansing it. */
static void wipe_secret(struct json_object *object)
{
    struct json_object *k;

    if (json_object_is_type(object, json_type_object) &&
        json_object_object_get_ex(object, "k", &k) && json_object_is_type(k, json_type_string))
        OPENSSL_cleanse((void *)(uintptr_t)json_object_get_string(k),
                        (size_t)json_object_get_string_len(k));
}

static void free_tree(struct json_object *tree)
{
    struct json_object *keys;

    wipe_secret(tree);
    if (json_object_is_type(tree, json_type_object) &&
        json_object_object_get_ex(tree, "keys", &keys) &&
        json_object_is_type(keys, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(keys); i++)
            wipe_secret(json_object_array_get_idx(keys, i));
    }
    json_object_put(tree);
}

int sg_jwks_parse(struct sg_jwks *jwks, struct sg_text json, unsigned allowed, bool allow_secret,
                  const char *where, struct sg_problems *problems)
{
    int error = SG_OK;

    *jwks = (struct sg_jwks){.keys = NULL};
    struct json_object *tree = sg_json_parse(json, SG_JWKS_MAX_BYTES, &error);
    if (tree == NULL) {
        sg_problem(problems, where, 0,
                   error == SG_E_LIMIT ? "too large or too deep for a key set"
                                       : "not valid JSON (strictly: no duplicate members)");
        return error;
    }
    if (json_object_is_type(tree, json_type_object) && has(tree, "kty") && !has(tree, "keys"))
        error = add_element(jwks, tree, 1, allowed, allow_secret, where, problems);
    else
        error = add_all(jwks, tree, allowed, allow_secret, where, problems);
    free_tree(tree);

    if (error == SG_OK && jwks->count == 0) {
        sg_problem(problems, where, 0, "no key that can be used");
        error = SG_E_INVALID;
    }
    if (error != SG_OK)
        sg_jwks_clear(jwks);
    return error;
}

void sg_jwks_clear(struct sg_jwks *jwks)
{
    for (size_t i = 0; i < jwks->count; i++)
        sg_buffer_wipe(&jwks->keys[i].material);
    free(jwks->keys);
    *jwks = (struct sg_jwks){.keys = NULL};
}

/* --- the store's form ------------------------------------------------------------------------ */

void sg_jwk_pack(struct sg_buffer *out, const struct sg_jwk *key)
{
    const unsigned char algs[2] = {(unsigned char)(key->algs & 0xff),
                                   (unsigned char)(key->algs >> 8 & 0xff)};

    sg_buffer_add(out, algs, sizeof(algs));
    sg_buffer_add_text(out, sg_buffer_text(&key->material));
}

bool sg_jwk_unpack(unsigned *algs, struct sg_text *material, struct sg_text packed)
{
    const unsigned known = (SG_ALG_BIT(SG_ALG_COUNT) - 1) & ~SG_ALG_BIT(SG_ALG_NONE);

    *algs = 0;
    *material = (struct sg_text){NULL, 0};
    if (packed.length < 3)
        return false;

    const unsigned bits =
        (unsigned)(unsigned char)packed.data[0] | (unsigned)(unsigned char)packed.data[1] << 8;
    if (bits == 0 || (bits & ~known) != 0)
        return false;
    *algs = bits;
    *material = (struct sg_text){packed.data + 2, packed.length - 2};
    return true;
}
