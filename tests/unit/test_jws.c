/*
 * test_jws.c - signatures and the keys that verify them, named after the bug
 * or the attack that each test keeps out.
 */
#include "base/buffer.h"
#include "credential/jws.h"
#include "jwt_maker.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct sg_text input = {"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0", 36};

#define EACH_ALG(alg) (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++)

static struct sg_verify_key *key_of(enum sg_alg alg)
{
    struct sg_verify_key *key = NULL;

    assert_int_equal(sg_verify_key_new(&key, alg, jwt_key_material(alg)), SG_OK);
    assert_non_null(key);
    assert_int_equal(sg_verify_key_alg(key), alg);
    return key;
}

static void refuse_key(enum sg_alg alg, struct sg_text material)
{
    struct sg_verify_key *key = NULL;

    assert_int_equal(sg_verify_key_new(&key, alg, material), SG_E_INVALID);
    assert_null(key);
}

/* The private key of a test pair, to sign in ways that jwt_maker does not. */
static EVP_PKEY *private_key(enum sg_alg alg)
{
    BIO *bio = BIO_new_mem_buf(jwt_private_pem(alg), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(key);
    return key;
}

static size_t sign(unsigned char signature[512], enum sg_alg alg, const EVP_MD *digest, int padding,
                   int salt_length)
{
    EVP_PKEY *key = private_key(alg);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters;
    size_t length = 512;

    assert_int_equal(EVP_DigestSignInit(context, &parameters, digest, NULL, key), 1);
    if (padding != 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, padding), 1);
    if (padding == RSA_PKCS1_PSS_PADDING)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_length), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &length, (const unsigned char *)input.data,
                                    input.length),
                     1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return length;
}

/* --- signatures ------------------------------------------------------------------------------ */

static void each_algorithm_verifies_its_own_signature(void **state)
{
    unsigned char signature[512];

    (void)state;
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);
            const size_t length = jwt_signature(signature, alg, input);

            for (int i = 0; i < 3; i++) /* one prepared context, used again */
                assert_true(sg_verify(key, input, signature, length));
            sg_verify_key_free(key);
        }
}

static void a_flipped_bit_anywhere_in_the_signature_is_refused(void **state)
{
    unsigned char signature[512];

    (void)state;
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);
            const size_t length = jwt_signature(signature, alg, input);
            const size_t step = alg == SG_ALG_ES384 ? 11 : 1;

            for (size_t i = 0; i < length; i += step) {
                signature[i] ^= 1;
                assert_false(sg_verify(key, input, signature, length));
                signature[i] ^= 1;
            }
            assert_true(sg_verify(key, input, signature, length));
            sg_verify_key_free(key);
        }
}

static void a_changed_signing_input_is_refused(void **state)
{
    unsigned char signature[512];
    char changed[64];

    (void)state;
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);
            const size_t length = jwt_signature(signature, alg, input);

            for (size_t i = 0; i < input.length; i += 7) {
                memcpy(changed, input.data, input.length);
                changed[i] ^= 1;
                assert_false(
                    sg_verify(key, (struct sg_text){changed, input.length}, signature, length));
            }
            assert_false(
                sg_verify(key, (struct sg_text){input.data, input.length - 1}, signature, length));
            assert_false(sg_verify(key, (struct sg_text){input.data, 0}, signature, length));
            sg_verify_key_free(key);
        }
}

static void a_signature_of_another_length_is_refused(void **state)
{
    unsigned char signature[1024] = {0}, longer[1024];

    (void)state;
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);
            const size_t length = jwt_signature(signature, alg, input);

            assert_false(sg_verify(key, input, signature, 0));
            assert_false(sg_verify(key, input, signature, 1));
            assert_false(sg_verify(key, input, signature, length / 2));
            assert_false(sg_verify(key, input, signature, length - 1));
            assert_false(sg_verify(key, input, signature, length + 1));
            assert_false(sg_verify(key, input, signature, 2 * length));
            longer[0] = 0; /* a leading zero more */
            memcpy(longer + 1, signature, length);
            assert_false(sg_verify(key, input, longer, length + 1));
            assert_false(sg_verify(key, input, NULL, 0));
            sg_verify_key_free(key);
        }
    assert_false(sg_verify(NULL, input, signature, 256));
}

/* HAProxy 648b0e7be: a long ES256 signature overran the DER buffer. */
static void a_signature_of_64_kib_overruns_nothing(void **state)
{
    unsigned char *huge = sg_alloc(65536, 1);

    (void)state;
    assert_non_null(huge);
    memset(huge, 0xff, 65536);
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);

            assert_false(sg_verify(key, input, huge, 65536));
            sg_verify_key_free(key);
        }
    free(huge);
}

/* CVE-2022-21449: r = s = 0 verified for any input. */
static void ecdsa_values_of_zero_or_not_below_the_order_are_refused(void **state)
{
    static const enum sg_alg algs[] = {SG_ALG_ES256, SG_ALG_ES384};
    static const int nids[] = {NID_X9_62_prime256v1, NID_secp384r1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sg_verify_key *key = key_of(algs[i]);
        const size_t width = i == 0 ? 32 : 48;
        unsigned char right[512], wrong[96], order[48], zero[48] = {0}, ones[48];
        EC_GROUP *group = EC_GROUP_new_by_curve_name(nids[i]);

        assert_int_equal(jwt_signature(right, algs[i], input), 2 * width);
        assert_int_equal(BN_bn2binpad(EC_GROUP_get0_order(group), order, (int)width), (int)width);
        memset(ones, 0xff, sizeof ones);
        const unsigned char *const values[] = {zero, order, ones};
        for (size_t v = 0; v < 3; v++) {
            for (int which = 1; which <= 3; which++) { /* r, s, both */
                memcpy(wrong, right, 2 * width);
                if (which & 1)
                    memcpy(wrong, values[v], width);
                if (which & 2)
                    memcpy(wrong + width, values[v], width);
                assert_false(sg_verify(key, input, wrong, 2 * width));
            }
        }
        assert_true(sg_verify(key, input, right, 2 * width));
        EC_GROUP_free(group);
        sg_verify_key_free(key);
    }
}

static void small_ecdsa_values_are_encoded_and_refused(void **state)
{
    struct sg_verify_key *key = key_of(SG_ALG_ES256);
    unsigned char signature[64];

    (void)state;
    for (size_t r = 0; r < 32; r++) { /* each width of r and s, with and without the top bit */
        memset(signature, 0, sizeof signature);
        signature[r] = r % 2 ? 0x80 : 0x01;
        signature[63 - r] = r % 2 ? 0x7f : 0xff;
        assert_false(sg_verify(key, input, signature, sizeof signature));
    }
    sg_verify_key_free(key);
}

/* Signatures with short r or s are rare, one in 128: enough of them that both paddings are met. */
static void ecdsa_signatures_of_every_width_verify(void **state)
{
    struct sg_verify_key *key = key_of(SG_ALG_ES256);
    unsigned char signature[512];
    bool high = false, low = false;

    (void)state;
    for (int i = 0; i < 64; i++) {
        const size_t length = jwt_signature(signature, SG_ALG_ES256, input);

        high |= (signature[0] & 0x80) != 0;
        low |= (signature[0] & 0x80) == 0;
        assert_true(sg_verify(key, input, signature, length));
    }
    assert_true(high && low);
    sg_verify_key_free(key);
}

static void an_ecdsa_signature_in_der_is_refused(void **state)
{
    static const enum sg_alg algs[] = {SG_ALG_ES256, SG_ALG_ES384};
    unsigned char der[512];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sg_verify_key *key = key_of(algs[i]);
        const size_t length = sign(der, algs[i], i == 0 ? EVP_sha256() : EVP_sha384(), 0, 0);

        assert_false(sg_verify(key, input, der, length));
        assert_false(sg_verify(key, input, der, i == 0 ? 64 : 96));
        sg_verify_key_free(key);
    }
}

/* libjwt #340: a key pinned to RS256 took RS512. */
static void same_family_downgrade_is_refused(void **state)
{
    struct sg_verify_key *rs256 = key_of(SG_ALG_RS256);
    struct sg_verify_key *es256 = key_of(SG_ALG_ES256);
    unsigned char signature[512];

    (void)state;
    size_t length = sign(signature, SG_ALG_RS256, EVP_sha512(), RSA_PKCS1_PADDING, 0);
    assert_false(sg_verify(rs256, input, signature, length));
    length = sign(signature, SG_ALG_RS256, EVP_sha1(), RSA_PKCS1_PADDING, 0);
    assert_false(sg_verify(rs256, input, signature, length));
    length = jwt_signature(signature, SG_ALG_HS512, input);
    struct sg_verify_key *hs256 = key_of(SG_ALG_HS256);
    assert_false(sg_verify(hs256, input, signature, length));
    assert_false(sg_verify(hs256, input, signature, 32));
    length = jwt_signature(signature, SG_ALG_ES384, input);
    assert_false(sg_verify(es256, input, signature, length));
    assert_false(sg_verify(es256, input, signature, 64));
    sg_verify_key_free(rs256);
    sg_verify_key_free(es256);
    sg_verify_key_free(hs256);
}

static void rsa_paddings_do_not_stand_for_each_other(void **state)
{
    struct sg_verify_key *pkcs1 = key_of(SG_ALG_RS256);
    struct sg_verify_key *pss = key_of(SG_ALG_PS256);
    unsigned char signature[512];
    size_t length = jwt_signature(signature, SG_ALG_RS256, input);

    (void)state;
    assert_true(sg_verify(pkcs1, input, signature, length));
    assert_false(sg_verify(pss, input, signature, length));
    length = jwt_signature(signature, SG_ALG_PS256, input);
    assert_true(sg_verify(pss, input, signature, length));
    assert_false(sg_verify(pkcs1, input, signature, length));
    sg_verify_key_free(pkcs1);
    sg_verify_key_free(pss);
}

/* RFC 7518 3.5: the salt is as long as the hash. */
static void pss_with_another_salt_length_is_refused(void **state)
{
    static const int salts[] = {0, 20, 31, 33, 222};
    struct sg_verify_key *key = key_of(SG_ALG_PS256);
    unsigned char signature[512];

    (void)state;
    for (size_t i = 0; i < sizeof salts / sizeof salts[0]; i++) {
        const size_t length =
            sign(signature, SG_ALG_PS256, EVP_sha256(), RSA_PKCS1_PSS_PADDING, salts[i]);

        assert_false(sg_verify(key, input, signature, length));
    }
    const size_t length = sign(signature, SG_ALG_PS256, EVP_sha256(), RSA_PKCS1_PSS_PADDING, 32);
    assert_true(sg_verify(key, input, signature, length));
    sg_verify_key_free(key);
}

/* Bleichenbacher 2006: 2^(8k) - small cubes, and the all-zero and all-one blocks. */
static void rsa_signatures_that_are_plain_blocks_are_refused(void **state)
{
    struct sg_verify_key *key = key_of(SG_ALG_RS256);
    unsigned char signature[256];

    (void)state;
    memset(signature, 0, sizeof signature);
    assert_false(sg_verify(key, input, signature, sizeof signature));
    signature[255] = 1;
    assert_false(sg_verify(key, input, signature, sizeof signature));
    memset(signature, 0xff, sizeof signature); /* above the modulus */
    assert_false(sg_verify(key, input, signature, sizeof signature));
    sg_verify_key_free(key);
}

/* CVE-2024-25189 compared with strcmp: a prefix or an early NUL passed. */
static void a_truncated_mac_is_refused(void **state)
{
    unsigned char signature[512];

    (void)state;
    for (enum sg_alg alg = SG_ALG_HS256; alg <= SG_ALG_HS512; alg++) {
        struct sg_verify_key *key = key_of(alg);
        const size_t length = jwt_signature(signature, alg, input);

        for (size_t shorter = 0; shorter < length; shorter++)
            assert_false(sg_verify(key, input, signature, shorter));
        memset(signature + 1, 0, length - 1);
        assert_false(sg_verify(key, input, signature, length));
        sg_verify_key_free(key);
    }
}

static void a_refusal_leaves_the_key_fit_for_the_next_check(void **state)
{
    unsigned char right[512], wrong[512];

    (void)state;
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);
            const size_t length = jwt_signature(right, alg, input);

            memcpy(wrong, right, length);
            wrong[length - 1] ^= 0x55;
            for (int i = 0; i < 4; i++) {
                assert_false(sg_verify(key, input, wrong, length));
                assert_true(sg_verify(key, input, right, length));
            }
            sg_verify_key_free(key);
        }
}

/* nginx logs what others leave in OpenSSL's queue as its own errors. */
static void openssl_error_queue_is_left_as_it_was_found(void **state)
{
    unsigned char signature[512] = {1};

    (void)state;
    ERR_clear_error();
    for
        EACH_ALG(alg)
        {
            struct sg_verify_key *key = key_of(alg);

            assert_false(
                sg_verify(key, input, signature, jwt_signature(signature, alg, input) - 1));
            memset(signature, 0x11, sizeof signature);
            assert_false(sg_verify(key, input, signature, alg <= SG_ALG_PS256 ? 256 : 64));
            sg_verify_key_free(key);
            refuse_key(alg, SG_TEXT("0"));
            assert_int_equal(ERR_peek_error(), 0);
        }
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    struct sg_verify_key *key = key_of(SG_ALG_RS256);
    assert_false(sg_verify(key, input, signature, 256));
    sg_verify_key_free(key);
    assert_int_equal(ERR_GET_LIB(ERR_get_error()), ERR_LIB_USER);
    assert_int_equal(ERR_get_error(), 0);
}

/* --- keys ------------------------------------------------------------------------------------ */

/* Each kind of key under each algorithm: only its own take it. */
static void a_key_of_another_type_is_refused(void **state)
{
    (void)state;
    for
        EACH_ALG(alg)
        {
            for (enum sg_alg other = SG_ALG_RS256; other <= SG_ALG_EDDSA; other++) {
                const bool rsa = alg <= SG_ALG_PS256 && other <= SG_ALG_PS256;

                if (alg >= SG_ALG_HS256 || alg == other || rsa)
                    continue;
                refuse_key(alg, jwt_key_material(other));
            }
            if (alg < SG_ALG_HS256)
                refuse_key(alg, jwt_key_material(SG_ALG_HS256));
        }
}

static void no_algorithm_takes_no_key(void **state)
{
    (void)state;
    refuse_key(SG_ALG_NONE, jwt_key_material(SG_ALG_RS256));
    refuse_key(SG_ALG_NONE, (struct sg_text){NULL, 0});
    refuse_key(SG_ALG_COUNT, jwt_key_material(SG_ALG_RS256));
    for
        EACH_ALG(alg)
    refuse_key(alg, (struct sg_text){NULL, 0});
    sg_verify_key_free(NULL);
}

static void key_with_bytes_behind_it_or_cut_short_is_refused(void **state)
{
    char longer[600];

    (void)state;
    for (enum sg_alg alg = SG_ALG_RS256; alg <= SG_ALG_EDDSA; alg++) {
        const struct sg_text whole = jwt_key_material(alg);

        memcpy(longer, whole.data, whole.length);
        longer[whole.length] = 0;
        refuse_key(alg, (struct sg_text){longer, whole.length + 1});
        for (size_t length = 0; length < whole.length; length += 9)
            refuse_key(alg, (struct sg_text){longer, length});
    }
}

/* CVE-2026-44699, CVE-2024-54150: an empty secret verified anything. RFC 7518 3.2. */
static void a_secret_shorter_than_the_hash_is_refused(void **state)
{
    const struct sg_text secret = jwt_key_material(SG_ALG_HS512);
    static const size_t least[] = {32, 48, 64};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const enum sg_alg alg = (enum sg_alg)(SG_ALG_HS256 + i);
        struct sg_verify_key *key = NULL;

        refuse_key(alg, (struct sg_text){"", 0});
        refuse_key(alg, (struct sg_text){secret.data, 1});
        refuse_key(alg, (struct sg_text){secret.data, least[i] - 1});
        assert_int_equal(sg_verify_key_new(&key, alg, (struct sg_text){secret.data, least[i]}),
                         SG_OK);
        sg_verify_key_free(key);
    }
}

static size_t rsa_spki(unsigned char der[4096], unsigned bits, const char *exponent)
{
    BIGNUM *e = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    unsigned char *at = der;

    assert_true(BN_dec2bn(&e, exponent) > 0);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    const int length = i2d_PUBKEY(key, &at);
    assert_true(length > 0 && length <= 4096);
    BN_free(e);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return (size_t)length;
}

static void rsa_below_2048_bits_is_refused(void **state)
{
    unsigned char der[4096];
    const size_t length = rsa_spki(der, 1024, "65537");

    (void)state;
    refuse_key(SG_ALG_RS256, (struct sg_text){(char *)der, length});
    refuse_key(SG_ALG_PS256, (struct sg_text){(char *)der, length});
}

/* e = 1 makes every block its own signature; an even or an endless e is no key. */
static void rsa_with_a_bad_exponent_is_refused(void **state)
{
    const struct sg_text good = jwt_key_material(SG_ALG_RS256);
    unsigned char der[512];

    (void)state;
    memcpy(der, good.data, good.length);
    assert_memory_equal(der + good.length - 5, "\x02\x03\x01\x00\x01", 5);
    memcpy(der + good.length - 5, "\x02\x03\x00\x00\x01", 5); /* 1, not minimal */
    refuse_key(SG_ALG_RS256, (struct sg_text){(char *)der, good.length});
    memcpy(der + good.length - 5, "\x02\x03\x01\x00\x00", 5); /* even */
    refuse_key(SG_ALG_RS256, (struct sg_text){(char *)der, good.length});
    memcpy(der + good.length - 5, "\x02\x03\x01\x00\x03", 5); /* another one, odd: a key */
    struct sg_verify_key *key = NULL;
    assert_int_equal(
        sg_verify_key_new(&key, SG_ALG_RS256, (struct sg_text){(char *)der, good.length}), SG_OK);
    unsigned char signature[512];
    const size_t length = jwt_signature(signature, SG_ALG_RS256, input);
    assert_false(sg_verify(key, input, signature, length));
    sg_verify_key_free(key);
}

static size_t ec_spki(unsigned char der[1024], int nid, int asn1_flag, bool infinity)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
    unsigned char *at = der;

    EC_GROUP_set_asn1_flag(group, asn1_flag);
    /* SubjectPublicKeyInfo by hand, since OpenSSL does not write these. */
    unsigned char *parameters = NULL, *point_bytes = NULL;
    const int parameters_length = i2d_ECPKParameters(group, &parameters);
    EC_POINT *point = EC_POINT_new(group);
    if (!infinity)
        assert_int_equal(EC_POINT_copy(point, EC_GROUP_get0_generator(group)), 1);
    const size_t point_length =
        EC_POINT_point2buf(group, point, POINT_CONVERSION_UNCOMPRESSED, &point_bytes, NULL);
    assert_true(parameters_length > 0 && point_length > 0);

    X509_PUBKEY *spki = X509_PUBKEY_new();
    ASN1_STRING *text = ASN1_STRING_new();
    assert_int_equal(ASN1_STRING_set(text, parameters, parameters_length), 1);
    const int kind = asn1_flag == OPENSSL_EC_NAMED_CURVE ? V_ASN1_OBJECT : V_ASN1_SEQUENCE;
    void *value = text;
    if (kind == V_ASN1_OBJECT) {
        value = OBJ_nid2obj(nid);
        ASN1_STRING_free(text);
    }
    assert_int_equal(X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), kind,
                                            value, point_bytes, (int)point_length),
                     1);
    const int length = i2d_X509_PUBKEY(spki, &at);
    assert_true(length > 0 && length <= 1024);
    X509_PUBKEY_free(spki); /* takes the point's bytes along */
    OPENSSL_free(parameters);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return (size_t)length;
}

static void ec_key_at_the_generator_is_a_key(void **state)
{
    unsigned char der[1024];
    const size_t length = ec_spki(der, NID_X9_62_prime256v1, OPENSSL_EC_NAMED_CURVE, false);
    struct sg_verify_key *key = NULL;

    (void)state;
    assert_int_equal(sg_verify_key_new(&key, SG_ALG_ES256, (struct sg_text){(char *)der, length}),
                     SG_OK);
    sg_verify_key_free(key);
}

/* CVE-2020-0601: parameters instead of a name may hide another generator. */
static void ec_key_with_explicit_parameters_is_refused(void **state)
{
    unsigned char der[1024];
    size_t length = ec_spki(der, NID_X9_62_prime256v1, OPENSSL_EC_EXPLICIT_CURVE, false);

    (void)state;
    refuse_key(SG_ALG_ES256, (struct sg_text){(char *)der, length});
    length = ec_spki(der, NID_secp384r1, OPENSSL_EC_EXPLICIT_CURVE, false);
    refuse_key(SG_ALG_ES384, (struct sg_text){(char *)der, length});
}

/* With the point at infinity anyone can sign. */
static void ec_key_at_infinity_or_off_the_curve_is_refused(void **state)
{
    unsigned char der[1024];
    size_t length = ec_spki(der, NID_X9_62_prime256v1, OPENSSL_EC_NAMED_CURVE, true);

    (void)state;
    refuse_key(SG_ALG_ES256, (struct sg_text){(char *)der, length});
    length = ec_spki(der, NID_X9_62_prime256v1, OPENSSL_EC_NAMED_CURVE, false);
    der[length - 1] ^= 1;
    refuse_key(SG_ALG_ES256, (struct sg_text){(char *)der, length});
}

static void ec_key_of_another_curve_is_refused(void **state)
{
    unsigned char der[1024];
    size_t length = ec_spki(der, NID_secp256k1, OPENSSL_EC_NAMED_CURVE, false);

    (void)state;
    refuse_key(SG_ALG_ES256, (struct sg_text){(char *)der, length});
    length = ec_spki(der, NID_secp521r1, OPENSSL_EC_NAMED_CURVE, false);
    refuse_key(SG_ALG_ES384, (struct sg_text){(char *)der, length});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_verifies_its_own_signature),
        cmocka_unit_test(a_flipped_bit_anywhere_in_the_signature_is_refused),
        cmocka_unit_test(a_changed_signing_input_is_refused),
        cmocka_unit_test(a_signature_of_another_length_is_refused),
        cmocka_unit_test(a_signature_of_64_kib_overruns_nothing),
        cmocka_unit_test(ecdsa_values_of_zero_or_not_below_the_order_are_refused),
        cmocka_unit_test(small_ecdsa_values_are_encoded_and_refused),
        cmocka_unit_test(ecdsa_signatures_of_every_width_verify),
        cmocka_unit_test(an_ecdsa_signature_in_der_is_refused),
        cmocka_unit_test(same_family_downgrade_is_refused),
        cmocka_unit_test(rsa_paddings_do_not_stand_for_each_other),
        cmocka_unit_test(pss_with_another_salt_length_is_refused),
        cmocka_unit_test(rsa_signatures_that_are_plain_blocks_are_refused),
        cmocka_unit_test(a_truncated_mac_is_refused),
        cmocka_unit_test(a_refusal_leaves_the_key_fit_for_the_next_check),
        cmocka_unit_test(openssl_error_queue_is_left_as_it_was_found),
        cmocka_unit_test(a_key_of_another_type_is_refused),
        cmocka_unit_test(no_algorithm_takes_no_key),
        cmocka_unit_test(key_with_bytes_behind_it_or_cut_short_is_refused),
        cmocka_unit_test(a_secret_shorter_than_the_hash_is_refused),
        cmocka_unit_test(rsa_below_2048_bits_is_refused),
        cmocka_unit_test(rsa_with_a_bad_exponent_is_refused),
        cmocka_unit_test(ec_key_at_the_generator_is_a_key),
        cmocka_unit_test(ec_key_with_explicit_parameters_is_refused),
        cmocka_unit_test(ec_key_at_infinity_or_off_the_curve_is_refused),
        cmocka_unit_test(ec_key_of_another_curve_is_refused),
    };

    return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
