/*
 * test_jwk.c - key sets and key files: which keys are taken, for which
 * algorithms, and what is left out or refuses the whole set.
 */
#include "credential/jwk.h"
#include "jwt_maker.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL    ((SG_ALG_BIT(SG_ALG_COUNT) - 1) & ~SG_ALG_BIT(SG_ALG_NONE))
#define PUBLIC (ALL & ~SG_ALGS_SECRET)

static struct sg_problems problems;
static struct sg_jwks jwks;

static int tear_down(void **state)
{
    (void)state;
    sg_jwks_clear(&jwks);
    sg_problems_clear(&problems);
    return 0;
}

static int parse(const char *json, unsigned allowed, bool allow_secret)
{
    (void)tear_down(NULL);
    const int error =
        sg_jwks_parse(&jwks, sg_text_of(json), allowed, allow_secret, "set", &problems);
    assert_true((error == SG_OK) == (jwks.count > 0));
    return error;
}

static bool problem_says(const char *words)
{
    for (size_t i = 0; i < problems.stored; i++) {
        if (strstr(problems.texts[i], words) != NULL)
            return true;
    }
    return false;
}

/* A set of one test key, with `from` in its text replaced by `to`. */
static char *set_with(enum sg_alg alg, const char *from, const char *to)
{
    char *set = jwt_key_set(SG_ALG_BIT(alg)), *changed = NULL;
    const char *at = strstr(set, from);

    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - set), set, to, at + strlen(from)) > 0);
    free(set);
    return changed;
}

static void expect_left_out(enum sg_alg alg, const char *from, const char *to, const char *words)
{
    char *set = set_with(alg, from, to);

    assert_int_equal(parse(set, ALL, true), SG_E_INVALID);
    if (!problem_says(words))
        print_message("%s: %s\n", set, problems.stored > 0 ? problems.texts[0] : "no problem");
    assert_true(problem_says(words));
    assert_true(problem_says("no key that can be used"));
    free(set);
}

/* --- what is taken --------------------------------------------------------------------------- */

static void each_kind_of_key_is_read_and_verifies(void **state)
{
    const struct sg_text input = SG_TEXT("a.b");
    char *set = jwt_key_set(ALL);
    unsigned char signature[512];

    (void)state;
    assert_int_equal(parse(set, ALL, true), SG_OK);
    assert_int_equal(jwks.count, SG_ALG_COUNT - 1);
    assert_int_equal(problems.count, 0);
    for (size_t i = 0; i < jwks.count; i++) {
        const enum sg_alg alg = (enum sg_alg)(i + 1);
        struct sg_verify_key *key = NULL;

        assert_string_equal(jwks.keys[i].kid, jwt_kid(alg));
        assert_int_equal(jwks.keys[i].algs, SG_ALG_BIT(alg));
        const struct sg_text expected = jwt_key_material(alg);
        assert_int_equal(jwks.keys[i].material.length, expected.length);
        assert_memory_equal(jwks.keys[i].material.data, expected.data, expected.length);
        assert_int_equal(sg_verify_key_new(&key, alg, sg_buffer_text(&jwks.keys[i].material)), 0);
        assert_true(sg_verify(key, input, signature, jwt_signature(signature, alg, input)));
        sg_verify_key_free(key);
    }
    free(set);
}

/* STS's own RSA key has no alg member. */
static void key_without_alg_serves_what_its_type_may_and_the_issuer_allows(void **state)
{
    char *set = set_with(SG_ALG_RS256, "\"alg\":\"RS256\",", "");

    (void)state;
    assert_int_equal(parse(set, SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384), false), SG_OK);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_RS256));
    assert_int_equal(parse(set, ALL, true), SG_OK);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_PS256));
    free(set);
    set = set_with(SG_ALG_ES256, "\"alg\":\"ES256\",", "");
    assert_int_equal(parse(set, ALL, true), SG_OK);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_ES256));
    free(set);
}

/* CVE-2026-44699, CVE-2024-54150, CVE-2016-10555: each kty under each alg. */
static void key_is_only_ever_used_for_algorithms_of_its_type(void **state)
{
    char from[32], to[32];

    (void)state;
    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        for (enum sg_alg claimed = SG_ALG_RS256; claimed < SG_ALG_COUNT; claimed++) {
            const bool rsa = alg <= SG_ALG_PS256 && claimed <= SG_ALG_PS256;
            const bool secret = alg >= SG_ALG_HS256 && claimed >= SG_ALG_HS256;

            if (rsa || secret || alg == claimed)
                continue;
            assert_true(snprintf(from, sizeof from, "\"alg\":\"%s\"", sg_alg_name(alg)) > 0);
            assert_true(snprintf(to, sizeof to, "\"alg\":\"%s\"", sg_alg_name(claimed)) > 0);
            expect_left_out(alg, from, to, "none of the algorithms");
        }
    }
}

static void key_whose_alg_the_issuer_may_not_use_is_left_out(void **state)
{
    char *set = jwt_key_set(SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES256));

    (void)state;
    assert_int_equal(parse(set, SG_ALG_BIT(SG_ALG_ES256), false), SG_OK);
    assert_int_equal(jwks.count, 1);
    assert_string_equal(jwks.keys[0].kid, "EC256_0");
    assert_true(problem_says("RSA_0"));
    free(set);
}

static void unknown_members_are_ignored(void **state)
{
    char *set = set_with(SG_ALG_RS256, "{\"keys\"", "{\"x\":{\"keys\":[]},\"keys\"");

    (void)state;
    assert_int_equal(parse(set, ALL, false), SG_OK);
    free(set);
    set = set_with(SG_ALG_RS256, "\"kty\"",
                   "\"x5c\":[\"MII\"],\"x5u\":\"http://127.0.0.1:1/\",\"z\":null,\"kty\"");
    assert_int_equal(parse(set, ALL, false), SG_OK);
    free(set);
}

/* --- what is left out ------------------------------------------------------------------------ */

static void key_that_is_not_for_verifying_is_left_out(void **state)
{
    (void)state;
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"use\":\"enc\"", "use is not sig");
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"use\":\"\"", "use is not sig");
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"use\":[\"sig\"]", "not for verifying");
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"key_ops\":[\"encrypt\"]",
                    "not for verifying");
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"key_ops\":[]", "not for verifying");
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"key_ops\":\"verify\"", "not for verifying");
    expect_left_out(SG_ALG_RS256, "\"use\":\"sig\"", "\"key_ops\":[1]", "not for verifying");

    char *set = set_with(SG_ALG_RS256, "\"use\":\"sig\"", "\"key_ops\":[\"verify\"]");
    assert_int_equal(parse(set, ALL, false), SG_OK);
    free(set);
    set = set_with(SG_ALG_RS256, ",\"use\":\"sig\"", "");
    assert_int_equal(parse(set, ALL, false), SG_OK);
    free(set);
}

static void key_of_an_unknown_type_or_curve_is_left_out(void **state)
{
    (void)state;
    expect_left_out(SG_ALG_RS256, "\"kty\":\"RSA\"", "\"kty\":\"rsa\"", "not of a kind");
    expect_left_out(SG_ALG_RS256, "\"kty\":\"RSA\"", "\"kty\":\"EC\"", "not of a kind");
    expect_left_out(SG_ALG_RS256, "\"kty\":\"RSA\"", "\"kty\":\"AKP\"", "not of a kind");
    expect_left_out(SG_ALG_RS256, "\"kty\":\"RSA\"", "\"kty\":7", "not an object with a kty");
    expect_left_out(SG_ALG_RS256, "\"kty\":\"RSA\",", "", "not an object with a kty");
    expect_left_out(SG_ALG_ES256, "\"crv\":\"P-256\"", "\"crv\":\"P-521\"", "not of a kind");
    expect_left_out(SG_ALG_ES256, "\"crv\":\"P-256\"", "\"crv\":\"secp256k1\"", "not of a kind");
    expect_left_out(SG_ALG_ES256, "\"crv\":\"P-256\"", "\"crv\":\"P-384\"",
                    "none of the algorithms");
    expect_left_out(SG_ALG_EDDSA, "\"crv\":\"Ed25519\"", "\"crv\":\"X25519\"", "not of a kind");
    expect_left_out(SG_ALG_EDDSA, "\"crv\":\"Ed25519\"", "\"crv\":\"Ed448\"", "not of a kind");
}

static void private_key_is_left_out_and_named(void **state)
{
    (void)state;
    expect_left_out(SG_ALG_RS256, "\"kty\"", "\"d\":\"AQAB\",\"kty\"", "private key");
    expect_left_out(SG_ALG_RS256, "\"kty\"", "\"p\":\"AQAB\",\"kty\"", "private key");
    expect_left_out(SG_ALG_ES256, "\"kty\"", "\"d\":\"AQAB\",\"kty\"", "private key");
    expect_left_out(SG_ALG_EDDSA, "\"kty\"", "\"d\":null,\"kty\"", "private key");
}

static void secret_in_a_published_set_is_left_out(void **state)
{
    char *set = jwt_key_set(SG_ALG_BIT(SG_ALG_HS256) | SG_ALG_BIT(SG_ALG_RS256));

    (void)state;
    assert_int_equal(parse(set, ALL, false), SG_OK);
    assert_int_equal(jwks.count, 1);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_RS256));
    assert_true(problem_says("secret"));
    free(set);
}

/* CVE-2026-44699: an empty oct key verified anything. */
static void secret_that_is_empty_or_short_is_left_out(void **state)
{
    static const char *const values[] = {
        "", "AA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}; /* 31 bytes */
    char json[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(snprintf(json, sizeof json, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"%s\"}]}",
                             values[i]) > 0);
        assert_int_equal(parse(json, ALL, true), SG_E_INVALID);
    }
    assert_int_equal(parse("{\"keys\":[{\"kty\":\"oct\"}]}", ALL, true), SG_E_INVALID);
    assert_int_equal(parse("{\"keys\":[{\"kty\":\"oct\",\"k\":7}]}", ALL, true), SG_E_INVALID);
    /* 32 bytes serve HS256 alone */
    assert_int_equal(
        parse(
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
            ALL, true),
        SG_OK);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_HS256));
}

/* e = 1: each signature is its own padding. */
static void rsa_key_with_a_bad_exponent_or_modulus_is_left_out(void **state)
{
    (void)state;
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":\"AQ\"", "too weak");
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":\"AA\"", "");
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":\"AQAA\"", "too weak");
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":\"AQAAAAAAAAAB\"",
                    "too weak"); /* 2^64 + 1 */
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":\"\"", "members are missing");
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":65537", "members are missing");
    expect_left_out(SG_ALG_RS256, ",\"e\":\"AQAB\"", "", "members are missing");
    expect_left_out(SG_ALG_RS256, "\"e\":\"AQAB\"", "\"e\":\"AQAB=\"", "members are missing");
    expect_left_out(SG_ALG_RS256, "\"n\":\"", "\"n\":\"+", "members are missing");
    expect_left_out(SG_ALG_RS256, "\"n\":\"", "\"m\":\"", "members are missing");
    assert_int_equal(
        parse("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", ALL, false),
        SG_E_INVALID);
}

static void ec_key_off_the_curve_or_of_another_width_is_left_out(void **state)
{
    (void)state;
    expect_left_out(SG_ALG_ES256, "\"x\":\"", "\"x\":\"A", "members are missing");
    expect_left_out(SG_ALG_ES256, "\"x\":\"", "\"x\":\"AAAA", "members are missing");
    expect_left_out(SG_ALG_ES256, "\"x\"", "\"z\"", "members are missing");
    expect_left_out(SG_ALG_ES256, "\"y\"", "\"z\"", "members are missing");
    assert_int_equal(parse("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                           "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
                           "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
                           ALL, false),
                     SG_E_INVALID);
    assert_int_equal(
        parse("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", ALL,
              false),
        SG_E_INVALID);
}

static void kid_that_is_no_plain_string_leaves_the_key_out(void **state)
{
    char longer[400] = "\"kid\":\"", *end = longer + 7;

    (void)state;
    memset(end, 'k', 256);
    memcpy(end + 256, "\"", 2);
    expect_left_out(SG_ALG_RS256, "\"kid\":\"RSA_0\"", longer, "kid is not");
    expect_left_out(SG_ALG_RS256, "\"kid\":\"RSA_0\"", "\"kid\":1", "kid is not");
    expect_left_out(SG_ALG_RS256, "\"kid\":\"RSA_0\"", "\"kid\":null", "kid is not");
    expect_left_out(SG_ALG_RS256, "\"kid\":\"RSA_0\"", "\"kid\":\"a\\nb\"", "kid is not");
    memcpy(end + 255, "\"", 2);
    char *set = set_with(SG_ALG_RS256, "\"kid\":\"RSA_0\"", longer);
    assert_int_equal(parse(set, ALL, false), SG_OK);
    assert_int_equal(strlen(jwks.keys[0].kid), 255);
    free(set);
}

static void bad_key_beside_a_good_one_does_not_matter(void **state)
{
    static const char *const others[] = {
        "null",
        "1",
        "[]",
        "\"x\"",
        "{}",
        "{\"kty\":\"RSA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"}",
        "{\"kty\":\"RSA\",\"use\":\"enc\",\"kid\":\"RSA_0\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"};
    char to[256];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_true(snprintf(to, sizeof to, "[%s,", others[i]) > 0);
        char *set = set_with(SG_ALG_RS256, "[", to);

        assert_int_equal(parse(set, ALL, false), SG_OK);
        assert_int_equal(jwks.count, 1);
        assert_int_equal(problems.count, 1);
        assert_true(problem_says("key 1"));
        free(set);
    }
}

/* --- what refuses the set -------------------------------------------------------------------- */

static void two_keys_of_one_kid_refuse_the_set(void **state)
{
    char *set = jwt_key_set(SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES256));
    char *at = strstr(set, "\"kid\":\"EC256_0\""), *changed = NULL;

    (void)state;
    assert_true(asprintf(&changed, "%.*s\"kid\":\"RSA_0\"%s", (int)(at - set), set, at + 15) > 0);
    assert_int_equal(parse(changed, ALL, false), SG_E_INVALID);
    assert_true(problem_says("RSA_0"));
    free(changed);
    free(set);
}

static void two_keys_without_a_kid_refuse_the_set(void **state)
{
    char *rsa = set_with(SG_ALG_RS256, "\"kid\":\"RSA_0\",", ""),
         *ec = set_with(SG_ALG_ES256, "\"kid\":\"EC256_0\",", "");
    char *both = NULL;

    (void)state;
    assert_int_equal(parse(rsa, ALL, false), SG_OK);
    assert_string_equal(jwks.keys[0].kid, "");
    assert_true(asprintf(&both, "%.*s,%s", (int)strlen(rsa) - 2, rsa, strchr(ec, '[') + 1) > 0);
    assert_int_equal(parse(both, ALL, false), SG_E_INVALID);
    assert_true(problem_says("without a kid"));
    free(rsa);
    free(ec);
    free(both);
}

static void same_key_told_twice_is_one_key(void **state)
{
    char *set = jwt_key_set(SG_ALG_BIT(SG_ALG_RS256)), *twice = NULL;

    (void)state;
    assert_true(asprintf(&twice, "%.*s,%s", (int)strlen(set) - 2, set, strchr(set, '[') + 1) > 0);
    assert_int_equal(parse(twice, ALL, false), SG_OK);
    assert_int_equal(jwks.count, 1);
    free(twice);
    free(set);
}

/* 10,000 keys, a megabyte, a thousand levels: an answer, not an effort. */
static void set_of_too_many_keys_or_bytes_is_refused(void **state)
{
    char *set = malloc(2 * 1024 * 1024);
    size_t length = 9;

    (void)state;
    assert_non_null(set);
    memcpy(set, "{\"keys\":[", 9);
    for (int i = 0; i < 10000; i++) {
        size_t more = i == 0 ? 2 : 3;

        memcpy(set + length, i == 0 ? "{}" : ",{}", more);
        length += more;
    }
    memcpy(set + length, "]}", 3);
    assert_int_equal(parse(set, ALL, false), SG_E_LIMIT);
    memset(set, ' ', 1024 * 1024);
    set[1024 * 1024] = '\0';
    assert_int_equal(parse(set, ALL, false), SG_E_LIMIT);
    memset(set, '[', 1000);
    set[1000] = '\0';
    assert_int_equal(parse(set, ALL, false), SG_E_LIMIT);
    free(set);
}

static void sixty_four_keys_are_taken_and_one_more_refuses_the_set(void **state)
{
    char *one = set_with(SG_ALG_EDDSA, "ED_0", "%d");
    char *set = NULL, *next = NULL;
    char element[512];

    (void)state;
    const char *from = strchr(one, '[') + 1;
    const int length = (int)(strrchr(one, ']') - from);
    assert_true(asprintf(&set, "{\"keys\":[") > 0);
    for (int i = 0; i < 65; i++) {
        const char *at = strstr(from, "%d");

        assert_true(snprintf(element, sizeof element, "%.*s%d%.*s", (int)(at - from), from, i,
                             (int)(length - (at + 2 - from)), at + 2) > 0);
        assert_true(asprintf(&next, "%s%s%s", set, i == 0 ? "" : ",", element) > 0);
        free(set);
        set = next;
        if (i == 63) {
            assert_true(asprintf(&next, "%s]}", set) > 0);
            assert_int_equal(parse(next, ALL, false), SG_OK);
            assert_int_equal(jwks.count, 64);
            free(next);
        }
    }
    assert_true(asprintf(&next, "%s]}", set) > 0);
    assert_int_equal(parse(next, ALL, false), SG_E_LIMIT);
    free(next);
    free(set);
    free(one);
}

static void text_that_is_no_key_set_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "{}",
                                        "[]",
                                        "null",
                                        "1",
                                        "\"keys\"",
                                        "{\"keys\":{}}",
                                        "{\"keys\":null}",
                                        "{\"keys\":[]}",
                                        "{\"keys\":[],\"keys\":[]}",
                                        "{\"keys\":[]}x",
                                        "<html>",
                                        "{\"error\":\"x\"}",
                                        "{\"keys\":[{\"kty\":\"RSA\",\"kty\":\"EC\"}]}",
                                        "\xef\xbb\xbf{\"keys\":[]}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(parse(texts[i], ALL, true), SG_E_INVALID);
        assert_true(problems.count > 0);
    }
}

static void problems_never_show_key_material(void **state)
{
    char *set = set_with(SG_ALG_HS256, "\"alg\":\"HS256\"", "\"alg\":\"RS256\"");
    const char *k = strstr(set, "\"k\":\"") + 5;
    char start[12];

    (void)state;
    assert_true(snprintf(start, sizeof start, "%.8s", k) > 0);
    assert_int_equal(parse(set, ALL, true), SG_E_INVALID);
    assert_false(problem_says(start));
    assert_false(problem_says("0123456789abcdef"));
    free(set);
}

/* --- key files ------------------------------------------------------------------------------- */

static char file_name[64];

static int read_file(const void *content, size_t length, unsigned allowed, bool allow_secret)
{
    (void)tear_down(NULL);
    memcpy(file_name, "/tmp/stsgate-test-jwk.XXXXXX", 29);
    const int file = mkstemp(file_name);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, length), length);
    close(file);
    const int error = sg_keys_read_file(&jwks, file_name, allowed, allow_secret, &problems);
    unlink(file_name);
    assert_true((error == SG_OK) == (jwks.count > 0));
    return error;
}

static char *public_pem(enum sg_alg alg)
{
    const struct sg_text der = jwt_key_material(alg);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *pem;

    assert_true(PEM_write_bio(bio, "PUBLIC KEY", "", (const unsigned char *)der.data,
                              (long)der.length) > 0);
    const long length = BIO_get_mem_data(bio, &data);
    assert_true(asprintf(&pem, "%.*s", (int)length, data) > 0);
    BIO_free(bio);
    return pem;
}

static void pem_public_key_is_read(void **state)
{
    (void)state;
    for (enum sg_alg alg = SG_ALG_RS256; alg <= SG_ALG_EDDSA; alg++) {
        char *pem = public_pem(alg);

        assert_int_equal(read_file(pem, strlen(pem), SG_ALG_BIT(alg), false), SG_OK);
        assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(alg));
        assert_string_equal(jwks.keys[0].kid, "");
        assert_int_equal(problems.count, 0);
        assert_int_equal(read_file(pem, strlen(pem), SG_ALG_BIT(SG_ALG_HS256), false),
                         SG_E_INVALID);
        free(pem);
    }
}

/* CVE-2016-10555: the public key, known to all, as the secret of HS256. */
static void pem_is_never_taken_for_a_secret(void **state)
{
    char *pem = public_pem(SG_ALG_RS256), *indented = NULL;

    (void)state;
    assert_int_equal(read_file(pem, strlen(pem), SG_ALGS_SECRET, true), SG_E_INVALID);
    assert_true(asprintf(&indented, "\n\n  Key of the issuer:\n%s", pem) > 0);
    assert_int_equal(read_file(indented, strlen(indented), SG_ALGS_SECRET, true), SG_E_INVALID);
    free(indented);
    free(pem);
}

static void key_set_is_never_taken_for_a_secret(void **state)
{
    char *set = jwt_key_set(PUBLIC), *indented = NULL;

    (void)state;
    assert_int_equal(read_file(set, strlen(set), SG_ALGS_SECRET, true), SG_E_INVALID);
    assert_true(asprintf(&indented, "\r\n\t %s", set) > 0);
    assert_int_equal(read_file(indented, strlen(indented), SG_ALGS_SECRET, true), SG_E_INVALID);
    free(indented);
    free(set);
}

static void private_key_file_is_refused(void **state)
{
    (void)state;
    for (enum sg_alg alg = SG_ALG_RS256; alg <= SG_ALG_EDDSA; alg++) {
        const char *pem = jwt_private_pem(alg);

        assert_int_equal(read_file(pem, strlen(pem), ALL, true), SG_E_INVALID);
        assert_true(problem_says("private key"));
    }
}

static void pem_that_is_broken_or_of_another_kind_is_refused(void **state)
{
    static const char *const texts[] = {
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n",
        "-----BEGIN \n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_file(texts[i], strlen(texts[i]), ALL, true), SG_E_INVALID);
        assert_true(problems.count > 0);
    }
    char *pem = public_pem(SG_ALG_ES256), *half = NULL;
    assert_true(asprintf(&half, "%s-----BEGIN PUBLIC KEY-----\nAAAA\n", pem) > 0);
    assert_int_equal(read_file(half, strlen(half), ALL, true), SG_E_INVALID);
    free(half);
    free(pem);
}

static void two_keys_in_one_pem_file_are_refused(void **state)
{
    char *rsa = public_pem(SG_ALG_RS256), *ec = public_pem(SG_ALG_ES256), *both = NULL;

    (void)state;
    assert_true(asprintf(&both, "%s%s", rsa, ec) > 0);
    assert_int_equal(read_file(both, strlen(both), ALL, false), SG_E_INVALID);
    assert_true(problem_says("without a kid"));
    free(rsa);
    free(ec);
    free(both);
}

static void certificate_gives_its_public_key(void **state)
{
    BIO *in = BIO_new_mem_buf(jwt_private_pem(SG_ALG_ES256), -1), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    X509 *certificate = X509_new();
    char *data;

    (void)state;
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 60));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(out, certificate), 1);
    const long length = BIO_get_mem_data(out, &data);
    assert_int_equal(read_file(data, (size_t)length, ALL, false), SG_OK);
    const struct sg_text expected = jwt_key_material(SG_ALG_ES256);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_ES256));
    assert_int_equal(jwks.keys[0].material.length, expected.length);
    assert_memory_equal(jwks.keys[0].material.data, expected.data, expected.length);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
}

static void key_set_and_single_key_files_are_read(void **state)
{
    char *set = jwt_key_set(ALL), *one = jwt_key_set(SG_ALG_BIT(SG_ALG_HS256));

    (void)state;
    assert_int_equal(read_file(set, strlen(set), ALL, true), SG_OK);
    assert_int_equal(jwks.count, SG_ALG_COUNT - 1);
    assert_int_equal(read_file(set, strlen(set), PUBLIC, false), SG_OK);
    assert_int_equal(jwks.count, 5);
    char *start = strchr(one, '[') + 1;
    *strrchr(one, ']') = '\0';
    assert_int_equal(read_file(start, strlen(start), ALL, true), SG_OK);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_HS256));
    assert_int_equal(read_file(start, strlen(start), ALL, false), SG_E_INVALID);
    free(set);
    free(one);
}

static void raw_secret_loses_one_newline_only(void **state)
{
    static const char secret[] = "0123456789abcdef0123456789abcde\n\n"; /* 31 characters */

    (void)state;
    assert_int_equal(read_file(secret, 33, ALL, true), SG_OK);
    assert_int_equal(jwks.keys[0].material.length, 32);
    assert_memory_equal(jwks.keys[0].material.data, secret, 32);
    assert_int_equal(jwks.keys[0].algs, SG_ALG_BIT(SG_ALG_HS256));
    assert_int_equal(read_file(secret, 32, ALL, true), SG_E_INVALID);
    assert_true(problem_says("31 bytes"));
    assert_false(problem_says("0123456789abcdef"));
    assert_int_equal(read_file(secret, 33, PUBLIC, false), SG_E_INVALID);
    assert_int_equal(read_file("", 0, ALL, true), SG_E_INVALID);
}

static void key_file_that_is_absent_is_named(void **state)
{
    (void)state;
    (void)tear_down(NULL);
    assert_int_not_equal(sg_keys_read_file(&jwks, "/nonexistent/keys.json", ALL, false, &problems),
                         SG_OK);
    assert_true(problem_says("/nonexistent/keys.json"));
    assert_int_equal(jwks.count, 0);
}

/* --- the store's form ------------------------------------------------------------------------ */

static void packed_key_comes_back(void **state)
{
    struct sg_buffer packed = {.limit = 0};
    struct sg_text material;
    unsigned algs;
    char *set = jwt_key_set(SG_ALG_BIT(SG_ALG_HS512));

    (void)state;
    assert_int_equal(parse(set, ALL, true), SG_OK);
    sg_jwk_pack(&packed, &jwks.keys[0]);
    assert_false(packed.failed);
    assert_true(sg_jwk_unpack(&algs, &material, sg_buffer_text(&packed)));
    assert_int_equal(algs, SG_ALG_BIT(SG_ALG_HS512));
    assert_true(sg_text_equal(material, jwt_key_material(SG_ALG_HS512)));
    sg_buffer_wipe(&packed);
    free(set);
}

static void packed_key_that_is_damaged_is_refused(void **state)
{
    static const struct sg_text damaged[] = {
        {"", 0},          {"\x02", 1},      {"\x02\x00", 2},  {"\x00\x00x", 3},
        {"\x01\x00x", 3}, {"\x02\x02x", 3}, {"\xff\xffx", 3},
    };
    struct sg_text material;
    unsigned algs;

    (void)state;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        assert_false(sg_jwk_unpack(&algs, &material, damaged[i]));
        assert_int_equal(algs, 0);
        assert_null(material.data);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_of_key_is_read_and_verifies),
        TEST(key_without_alg_serves_what_its_type_may_and_the_issuer_allows),
        TEST(key_is_only_ever_used_for_algorithms_of_its_type),
        TEST(key_whose_alg_the_issuer_may_not_use_is_left_out),
        TEST(unknown_members_are_ignored),
        TEST(key_that_is_not_for_verifying_is_left_out),
        TEST(key_of_an_unknown_type_or_curve_is_left_out),
        TEST(private_key_is_left_out_and_named),
        TEST(secret_in_a_published_set_is_left_out),
        TEST(secret_that_is_empty_or_short_is_left_out),
        TEST(rsa_key_with_a_bad_exponent_or_modulus_is_left_out),
        TEST(ec_key_off_the_curve_or_of_another_width_is_left_out),
        TEST(kid_that_is_no_plain_string_leaves_the_key_out),
        TEST(bad_key_beside_a_good_one_does_not_matter),
        TEST(two_keys_of_one_kid_refuse_the_set),
        TEST(two_keys_without_a_kid_refuse_the_set),
        TEST(same_key_told_twice_is_one_key),
        TEST(set_of_too_many_keys_or_bytes_is_refused),
        TEST(sixty_four_keys_are_taken_and_one_more_refuses_the_set),
        TEST(text_that_is_no_key_set_is_refused),
        TEST(problems_never_show_key_material),
        TEST(pem_public_key_is_read),
        TEST(pem_is_never_taken_for_a_secret),
        TEST(key_set_is_never_taken_for_a_secret),
        TEST(private_key_file_is_refused),
        TEST(pem_that_is_broken_or_of_another_kind_is_refused),
        TEST(two_keys_in_one_pem_file_are_refused),
        TEST(certificate_gives_its_public_key),
        TEST(key_set_and_single_key_files_are_read),
        TEST(raw_secret_loses_one_newline_only),
        TEST(key_file_that_is_absent_is_named),
        TEST(packed_key_comes_back),
        TEST(packed_key_that_is_damaged_is_refused),
    };

    return cmocka_run_group_tests_name("jwk", tests, NULL, NULL);
}
