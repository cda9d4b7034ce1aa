/*
 * test_jwt.c - what is read of a JWT before its signature: form, header,
 * issuer, audience and times, named after the attack that each test keeps out.
 * What only one kind of token has is in test_web_identity.c and test_session_jwt.c.
 */
#include "credential/jwt.h"
#include "jwt_maker.h"
#include "jwt_service.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS ((JWT_IAT_S + 100) * 1000)

static struct jwt_service with;
static struct jwt_claims claims;
static struct sg_jwt jwt;

static int set_up(void **state)
{
    (void)state;
    jwt_service_init(&with);
    jwt_claims_web_identity(&claims, JWT_IAT_S);
    return 0;
}

static bool is_zero(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < length; i++) {
        if (at[i] != 0)
            return false;
    }
    return true;
}

static enum stsgate_reason read_at(const char *token, size_t length, int64_t now_ms)
{
    /* Exactly as long as the token, so that ASan sees any reading past its end. */
    char *copy = malloc(length == 0 ? 1 : length);

    assert_non_null(copy);
    memcpy(copy, token, length);
    const enum stsgate_reason reason =
        sg_jwt_read(&jwt, (struct sg_text){copy, length}, &with.service, now_ms);
    if (reason != STSGATE_REASON_NONE) {
        assert_true(is_zero(&jwt.session, sizeof jwt.session));
        assert_null(jwt.signature.data);
    }
    free(copy);
    return reason;
}

static void expect_text(const char *token, enum stsgate_reason reason)
{
    assert_int_equal(read_at(token, strlen(token), NOW_MS), reason);
}

/* The claims as they now stand, signed well. */
static void expect_at(int64_t now_ms, enum stsgate_reason reason)
{
    char *token = jwt_token(SG_ALG_RS256, &claims);

    assert_int_equal(read_at(token, strlen(token), now_ms), reason);
    free(token);
}

static void expect(enum stsgate_reason reason)
{
    expect_at(NOW_MS, reason);
}

static void expect_header(const char *header, enum stsgate_reason reason)
{
    char *json = jwt_claims_json(&claims);
    char *token = jwt_token_of(SG_ALG_RS256, header, json);

    expect_text(token, reason);
    free(json);
    free(token);
}

static void expect_claims(const char *json, enum stsgate_reason reason)
{
    char *header = jwt_header_json(SG_ALG_RS256);
    char *token = jwt_token_of(SG_ALG_RS256, header, json);

    expect_text(token, reason);
    free(header);
    free(token);
}

#define MALFORMED STSGATE_REASON_MALFORMED
#define OK        STSGATE_REASON_NONE

/* --- what is accepted ------------------------------------------------------------------------ */

static void token_of_sts_is_read_and_verifies(void **state)
{
    static const enum sg_alg algs[] = {SG_ALG_RS256, SG_ALG_ES384};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sg_verify_key *key = NULL;
        char *token = jwt_token(algs[i], &claims);

        assert_int_equal(sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS), OK);
        assert_ptr_equal(jwt.issuer, &with.web_identity);
        assert_int_equal(jwt.alg, algs[i]);
        assert_string_equal(jwt.kid, jwt_kid(algs[i]));
        assert_ptr_equal(jwt.signing_input.data, token);
        assert_ptr_equal(jwt.signature.data, token + jwt.signing_input.length + 1);
        assert_int_equal(jwt.signing_input.length + 1 + jwt.signature.length, strlen(token));
        assert_int_equal(sg_verify_key_new(&key, algs[i], jwt_key_material(algs[i])), SG_OK);
        assert_true(sg_jwt_verify(&jwt, key));
        sg_verify_key_free(key);
        free(token);
    }
}

/* Wycheproof ModifiedSignature; a key of one algorithm is never used for a token of another. */
static void signature_is_verified_with_the_key_of_its_own_algorithm_only(void **state)
{
    struct sg_verify_key *rs256 = NULL, *ps256 = NULL;
    char *token = jwt_token(SG_ALG_RS256, &claims);

    (void)state;
    assert_int_equal(sg_verify_key_new(&rs256, SG_ALG_RS256, jwt_key_material(SG_ALG_RS256)), 0);
    assert_int_equal(sg_verify_key_new(&ps256, SG_ALG_PS256, jwt_key_material(SG_ALG_RS256)), 0);
    assert_int_equal(sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS), OK);
    assert_true(sg_jwt_verify(&jwt, rs256));
    assert_false(sg_jwt_verify(&jwt, ps256));
    assert_false(sg_jwt_verify(&jwt, NULL));
    jwt.alg = SG_ALG_NONE;
    assert_false(sg_jwt_verify(&jwt, rs256));
    jwt.alg = SG_ALG_PS256;
    assert_false(sg_jwt_verify(&jwt, rs256));
    sg_verify_key_free(rs256);
    sg_verify_key_free(ps256);
    free(token);
}

/* Another last character may spell the same bytes: only the canonical one passes. */
static void signature_has_one_spelling_only(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. ";
    struct sg_verify_key *key = NULL;
    char *token = jwt_token(SG_ALG_RS256, &claims);
    char *last = token + strlen(token) - 1;
    const char right = *last;
    int accepted = 0;

    (void)state;
    assert_int_equal(sg_verify_key_new(&key, SG_ALG_RS256, jwt_key_material(SG_ALG_RS256)), 0);
    for (const char *c = alphabet; *c != '\0'; c++) {
        *last = *c;
        const bool valid = sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS) == OK &&
                           sg_jwt_verify(&jwt, key);
        accepted += valid;
        assert_true(!valid || *c == right);
    }
    assert_int_equal(accepted, 1);
    sg_verify_key_free(key);
    free(token);
}

/* --- form ------------------------------------------------------------------------------------ */

static void credential_that_is_not_three_parts_is_malformed(void **state)
{
    static const char *const forms[] = {
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.",
        "a..c",
        ".b.c",
        "a.b.c.d",
        "a.b.c.",
        ".a.b.c",
        "eyJhbGciOiJSUzI1NiJ9",
        "eyJhbGciOiJSUzI1NiJ9..",
        "eyJhbGciOiJSUzI1NiJ9.e30.",
    };

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        expect_text(forms[i], MALFORMED);
}

static void token_with_another_part_or_an_empty_one_is_malformed(void **state)
{
    char *token = jwt_token(SG_ALG_RS256, &claims);
    const size_t length = strlen(token);
    char *longer = malloc(length + 8);

    (void)state;
    assert_true(snprintf(longer, length + 8, "%s.", token) > 0);
    expect_text(longer, MALFORMED);
    assert_true(snprintf(longer, length + 8, "%s.AAAA", token) > 0);
    expect_text(longer, MALFORMED);
    assert_true(snprintf(longer, length + 8, ".%s", token) > 0);
    expect_text(longer, MALFORMED);
    *strrchr(token, '.') = '\0'; /* the signature left out: AlgIsNone's form */
    expect_text(token, MALFORMED);
    assert_true(snprintf(longer, length + 8, "%s.", token) > 0);
    expect_text(longer, MALFORMED);
    free(longer);
    free(token);
}

/* CVE-2025-27144, CVE-2025-30204: memory by the number of dots. */
static void a_million_dots_are_refused_at_once(void **state)
{
    char *dots = malloc(1000000);

    (void)state;
    assert_non_null(dots);
    memset(dots, '.', 1000000);
    assert_int_equal(read_at(dots, 1000000, NOW_MS), MALFORMED);
    assert_int_equal(read_at(dots, SG_CREDENTIAL_MAX, NOW_MS), MALFORMED);
    free(dots);
}

static void credential_over_8_kib_is_malformed(void **state)
{
    char *token = jwt_token(SG_ALG_RS256, &claims);
    const size_t length = strlen(token);
    char *longer = malloc(1024 * 1024);

    (void)state;
    assert_non_null(longer);
    memset(longer, 'A', 1024 * 1024);
    memcpy(longer, token, length);
    assert_int_equal(read_at(longer, SG_CREDENTIAL_MAX, NOW_MS),
                     OK); /* the signature is not looked at yet */
    assert_int_equal(read_at(longer, SG_CREDENTIAL_MAX + 1, NOW_MS), MALFORMED);
    assert_int_equal(read_at(longer, 1024 * 1024, NOW_MS), MALFORMED);
    free(longer);
    free(token);
}

/* Wycheproof ModifiedPadding: 213 ways to spell a token otherwise. */
static void base64url_that_is_not_canonical_is_malformed(void **state)
{
    char *token = jwt_token(SG_ALG_RS256, &claims);
    const size_t length = strlen(token), end_of_header = (size_t)(strchr(token, '.') - token);
    static const char *const insertions[] = {"=", "==", " ", "\n",   "\r\n", "\t",
                                             "+", "/",  "%", "\x80", "%3D"};
    char *other = malloc(length + 8);

    (void)state;
    for (size_t i = 0; i < sizeof insertions / sizeof insertions[0]; i++) {
        const char *in = insertions[i];
        const size_t places[] = {0, 3, end_of_header, end_of_header + 1, end_of_header + 9};

        for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
            memcpy(other, token, places[p]);
            memcpy(other + places[p], in, strlen(in));
            memcpy(other + places[p] + strlen(in), token + places[p], length - places[p] + 1);
            expect_text(other, MALFORMED);
        }
    }
    free(other);
    free(token);
}

static void every_cut_of_a_token_is_refused_without_reading_past_it(void **state)
{
    char *token = jwt_token(SG_ALG_RS256, &claims);
    const size_t signed_part = (size_t)(strrchr(token, '.') - token) + 1;

    (void)state;
    for (size_t length = 0; length <= signed_part; length++)
        assert_int_not_equal(read_at(token, length, NOW_MS), OK);
    free(token);
}

static void nul_in_a_credential_is_malformed(void **state)
{
    char *token = jwt_token(SG_ALG_RS256, &claims);
    const size_t length = strlen(token);

    (void)state;
    token[10] = '\0';
    assert_int_equal(read_at(token, length, NOW_MS), MALFORMED);
    free(token);
}

static void json_serialization_is_malformed(void **state)
{
    (void)state;
    expect_text("{\"payload\":\"e30\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}",
                MALFORMED);
    expect_text("{\"payload\":\"a.b.c\"}", MALFORMED);
}

static void encrypted_token_of_five_parts_is_malformed(void **state)
{
    (void)state;
    expect_text(
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
        MALFORMED);
}

/* --- algorithm ------------------------------------------------------------------------------- */

/* CVE-2015-9235; Wycheproof AlgIsNone. */
static void alg_none_in_any_spelling_is_a_bad_algorithm(void **state)
{
    static const char *const names[] = {"none", "None",  "nOnE",  "NONE",
                                        "",     " none", "none ", "null"};
    char header[64];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[i]) > 0);
        expect_header(header, STSGATE_REASON_BAD_ALGORITHM);
    }
    expect_header("{\"alg\":\"n\\u006fne\"}", STSGATE_REASON_BAD_ALGORITHM);
    /* Not even an issuer whose list would have it. */
    with.web_identity.algorithms |= SG_ALG_BIT(SG_ALG_NONE);
    expect_header("{\"alg\":\"none\"}", STSGATE_REASON_BAD_ALGORITHM);
}

static void alg_that_is_missing_or_no_string_is_malformed(void **state)
{
    static const char *const headers[] = {
        "{}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":null}",
        "{\"alg\":1}",
        "{\"alg\":true}",
        "{\"alg\":[\"RS256\"]}",
        "{\"alg\":{\"RS256\":1}}",
        "{\"ALG\":\"RS256\"}",
        "{\"\\u0061lg\":\"RS256\"}",
        "{\"x\":{\"alg\":\"RS256\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        expect_header(headers[i], MALFORMED);
}

static void alg_that_is_not_the_issuers_is_a_bad_algorithm(void **state)
{
    static const char *const names[] = {"RS512", "RS384",  "rs256", "RS256 ",   "PS512",
                                        "ES512", "ES256K", "HS256", "HS384",    "HS512",
                                        "PS256", "ES256",  "EdDSA", "RSA-OAEP", "dir"};
    char header[64];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[i]) > 0);
        expect_header(header, STSGATE_REASON_BAD_ALGORITHM);
    }
    with.web_identity.algorithms = SG_ALG_BIT(SG_ALG_ES384);
    expect_header("{\"alg\":\"RS256\"}", STSGATE_REASON_BAD_ALGORITHM);
}

/* CVE-2016-10555: HS256 keyed with a public key. STS never signs with a shared secret. */
static void shared_secret_is_never_taken_for_a_token_of_sts(void **state)
{
    (void)state;
    with.web_identity.algorithms = ~0u;
    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        char *token = jwt_token(alg, &claims);
        const bool theirs = alg == SG_ALG_RS256 || alg == SG_ALG_ES384;

        expect_text(token, theirs ? OK : STSGATE_REASON_BAD_ALGORITHM);
        free(token);
    }
}

/* --- header ---------------------------------------------------------------------------------- */

/* CVE-2025-59420, CVE-2026-32597: an extension that is not understood was passed over. */
static void crit_is_malformed_whatever_it_holds(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"RS256\",\"crit\":[]}",
        "{\"alg\":\"RS256\",\"crit\":null}",
        "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":true}",
        "{\"alg\":\"RS256\",\"crit\":\"exp\"}",
        "{\"crit\":{},\"alg\":\"RS256\"}",
        "{\"alg\":\"RS256\",\"crit\":[\"a\",\"a\"]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        expect_header(headers[i], MALFORMED);
}

/* To another reader of JSON they are these members. */
static void header_member_spelled_with_an_escape_is_malformed(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"RS256\",\"cr\\u0069t\":[\"exp\"]}",
        "{\"alg\":\"RS256\",\"\\u0063rit\":[]}",
        "{\"alg\":\"RS256\",\"b6\\u0034\":false}",
        "{\"alg\":\"RS256\",\"k\\u0069d\":\"other\"}",
        "{\"alg\":\"RS256\",\"ty\\u0070\":\"JOSE\"}",
        "{\"a\\u006cg\":\"RS256\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        expect_header(headers[i], MALFORMED);
    /* Further down they name nothing. */
    expect_header("{\"alg\":\"RS256\",\"x\":{\"cr\\u0069t\":[]}}", OK);
}

/* RFC 7797: the payload would be signed as it stands. */
static void b64_is_malformed(void **state)
{
    (void)state;
    expect_header("{\"alg\":\"RS256\",\"b64\":false}", MALFORMED);
    expect_header("{\"alg\":\"RS256\",\"b64\":true}", MALFORMED);
}

/* CVE-2018-0114: the key that the token brings. jws.h has no way to take one; it must not matter
 * either. */
static void embedded_and_remote_keys_are_ignored(void **state)
{
    (void)state;
    expect_header(
        "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
        "\"jku\":\"http://127.0.0.1:1/keys\",\"x5u\":\"http://127.0.0.1:1/c\",\"x5c\":[\"MIIB\"],"
        "\"x5t\":\"AA\",\"kid\":\"RSA_0\"}",
        OK);
    assert_string_equal(jwt.kid, "RSA_0");
}

static void kid_is_optional(void **state)
{
    (void)state;
    expect_header("{\"alg\":\"RS256\"}", OK);
    assert_string_equal(jwt.kid, "");
}

static void kid_inside_another_member_is_not_the_kid(void **state)
{
    (void)state;
    expect_header("{\"alg\":\"RS256\",\"jwk\":{\"kid\":\"x\",\"alg\":\"none\",\"crit\":1}}", OK);
    assert_string_equal(jwt.kid, "");
    assert_int_equal(jwt.alg, SG_ALG_RS256);
}

static void kid_that_is_no_plain_string_is_malformed(void **state)
{
    static const char *const kids[] = {"1",           "null",        "true",        "[\"a\"]",
                                       "{}",          "\"\"",        "\"a\\nb\"",   "\"\\r\"",
                                       "\"\\u0001\"", "\"\\u007f\"", "\"\\u0000\"", "\"\\ud800\""};
    char header[1200], kid[1000];

    (void)state;
    for (size_t i = 0; i < sizeof kids / sizeof kids[0]; i++) {
        assert_true(snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":%s}", kids[i]) > 0);
        expect_header(header, MALFORMED);
    }
    memset(kid, 'k', sizeof kid);
    assert_true(snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%.256s\"}", kid) > 0);
    expect_header(header, MALFORMED);
    assert_true(snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%.255s\"}", kid) > 0);
    expect_header(header, OK);
    assert_int_equal(strlen(jwt.kid), 255);
    expect_header("{\"alg\":\"RS256\",\"kid\":\"..\\/..\\/etc\"}", OK); /* a name, never a path */
    assert_string_equal(jwt.kid, "../../etc");
}

static void typ_is_jwt_or_at_jwt_in_any_case(void **state)
{
    static const char *const good[] = {"\"JWT\"", "\"jwt\"", "\"Jwt\"", "\"at+jwt\"", "\"AT+JWT\""};
    static const char *const bad[] = {"\"\"",    "\"JWE\"", "\"secevent+jwt\"", "\"logout+jwt\"",
                                      "1",       "null",    "[\"JWT\"]",        "\"dpop+jwt\"",
                                      "\"JWT \""};
    char header[64];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"typ\":%s}", good[i]) > 0);
        expect_header(header, OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"typ\":%s}", bad[i]) > 0);
        expect_header(header, MALFORMED);
    }
}

static void duplicate_header_member_is_malformed(void **state)
{
    (void)state;
    expect_header("{\"alg\":\"none\",\"alg\":\"RS256\"}", MALFORMED);
    expect_header("{\"alg\":\"RS256\",\"alg\":\"none\"}", MALFORMED);
    expect_header("{\"alg\":\"RS256\",\"kid\":\"a\",\"kid\":\"b\"}", MALFORMED);
    expect_header("{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", MALFORMED);
}

static void header_that_is_no_object_is_malformed(void **state)
{
    static const char *const headers[] = {"[]",
                                          "null",
                                          "\"RS256\"",
                                          "1",
                                          "[\"alg\",\"RS256\"]",
                                          "",
                                          "{\"alg\":\"RS256\"",
                                          "{\"alg\":\"RS256\"}x",
                                          "\xef\xbb\xbf{\"alg\":\"RS256\"}",
                                          "{'alg':'RS256'}",
                                          "{\"alg\":\"RS256\",}",
                                          "[{\"alg\":\"RS256\"}]"};

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        expect_header(headers[i], MALFORMED);
    expect_header(" \n{ \"alg\" : \"RS256\" } ", OK);
}

/* --- JSON (the rows of what json-c takes) ---------------------------------------------------- */

static void duplicate_claim_is_refused(void **state)
{
    static const char *const names[] = {"iss", "aud", "sub", "iat", "exp", "jti"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)set_up(NULL);
        jwt_add(&claims, names[i], "1");
        expect(MALFORMED);
    }
    (void)set_up(NULL);
    jwt_add(&claims, "sts/aws_account", "\"" JWT_ACCOUNT "\"");
    expect(MALFORMED);
    (void)set_up(NULL);
    jwt_add(&claims, "https://sts.amazonaws.com/", "{}");
    expect(MALFORMED);
}

static void duplicate_claim_spelled_with_an_escape_is_refused(void **state)
{
    (void)state;
    jwt_add(&claims, "i\\u0061t", "1");
    expect(MALFORMED);
}

static void claim_spelled_with_an_escape_is_not_the_claim(void **state)
{
    (void)state;
    jwt_drop(&claims, "iat");
    jwt_add(&claims, "i\\u0061t", "1700000000");
    expect(MALFORMED);
}

/* exp, iat and nbf as json-c would have read them: 1, 0, INT64_MAX, INT64_MIN... */
static void time_that_is_no_integer_in_range_is_malformed(void **state)
{
    static const char *const names[] = {"exp", "iat", "nbf"};
    static const char *const values[] = {
        "\"1700000000\"",
        "true",
        "false",
        "null",
        "1e300",
        "1.7e9",
        "1700000000.0",
        "1700000000.5",
        "-1",
        "0",
        "-0",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999",
        "-9223372036854775808",
        "253402300800",
        "[1700000000]",
        "{\"v\":1700000000}",
        "NaN",
        "-Infinity",
        "Infinity",
        "01700000000",
        "+1700000000",
        "0x6553f100",
        "1700000000 1",
        ".5",
        "1.",
        "1e",
        "\"\"",
    };

    (void)state;
    for (size_t n = 0; n < 3; n++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            (void)set_up(NULL);
            jwt_set(&claims, names[n], "%s", values[i]);
            expect(MALFORMED);
        }
    }
}

static void claims_that_are_no_strict_json_object_are_malformed(void **state)
{
    static const char *const texts[] = {
        "[]",
        "null",
        "1",
        "\"x\"",
        "",
        "{",
        "}",
        "{}x",
        "{}{}",
        "{} {}",
        "\xef\xbb\xbf{}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{'iss':'x'}",
        "{\"a\":\"raw\nnewline\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"ia\\u0000t\":1}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":/* c */1}",
        "{\"a\":1}//",
        "{a:1}",
        "{\"a\":NaN}",
        "{\"a\":-Infinity}",
        "{\"a\":01}",
        "{\"a\":tru}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_claims(texts[i], MALFORMED);
}

static void strict_json_violation_anywhere_refuses_a_good_token(void **state)
{
    static const char *const values[] = {
        "NaN", "01", "\"\\u0000\"", "\"\x1f\"", "\"\xff\"", "{\"a\":1,\"a\":2}", "'x'"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)set_up(NULL);
        jwt_set(&claims, "x", "%s", values[i]);
        expect(MALFORMED);
    }
}

static void bytes_behind_the_claims_are_malformed(void **state)
{
    char *json = jwt_claims_json(&claims);
    const size_t length = strlen(json);
    char *longer = malloc(length + 8);
    char *header = jwt_header_json(SG_ALG_RS256),
         *encoded_header = jwt_base64url(header, strlen(header));
    char token[4096];

    (void)state;
    memcpy(longer, json, length);
    memcpy(longer + length, "\0junk", 5); /* json-c stops at the NUL and is content */
    char *encoded = jwt_base64url(longer, length + 5);
    assert_true((size_t)snprintf(token, sizeof token, "%s.%s.AAAA", encoded_header, encoded) <
                sizeof token);
    expect_text(token, MALFORMED);
    free(encoded);
    encoded = jwt_base64url(longer, length);
    assert_true((size_t)snprintf(token, sizeof token, "%s.%s.AAAA", encoded_header, encoded) <
                sizeof token);
    expect_text(token, OK);
    free(encoded);
    free(encoded_header);
    free(header);
    free(longer);
    free(json);
}

static void deep_nesting_is_malformed(void **state)
{
    char deep[5600];

    (void)state;
    jwt_set(&claims, "x", "%s", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
    expect(OK);
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    expect_claims(deep, MALFORMED);
    memcpy(deep, "{\"x\":", 5);
    expect_claims(deep, MALFORMED);
}

static void more_claims_than_any_token_has_are_malformed(void **state)
{
    char name[16];

    (void)state;
    for (int i = 0; i < 70; i++) {
        assert_true(snprintf(name, sizeof name, "claim%d", i) > 0);
        jwt_add(&claims, name, "1");
    }
    expect(MALFORMED);
    for (int i = 0; i < 10; i++) {
        assert_true(snprintf(name, sizeof name, "claim%d", i) > 0);
        jwt_drop(&claims, name);
    }
    expect(OK);
}

/* --- issuer ---------------------------------------------------------------------------------- */

static void issuer_that_the_service_does_not_accept_is_unknown(void **state)
{
    static const char *const urls[] = {
        "https://other.example.com",
        JWT_ISSUER "/",
        " " JWT_ISSUER,
        JWT_ISSUER ".evil.example",
        "HTTPS://11111111-2222-4333-8444-555555555555.tokens.sts.global.api.aws",
        "",
        "http://11111111-2222-4333-8444-555555555555.tokens.sts.global.api.aws",
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        jwt_set_string(&claims, "iss", urls[i]);
        expect(STSGATE_REASON_UNKNOWN_ISSUER);
        assert_null(jwt.issuer);
    }
    (void)set_up(NULL);
    with.service.accept_count = 0;
    expect(STSGATE_REASON_UNKNOWN_ISSUER);
    with.service.accept = with.accept + 1;
    with.service.accept_count = 1;
    expect(STSGATE_REASON_UNKNOWN_ISSUER);
}

/* CVE-2025-30144: iss as an array of which one member matched. */
static void issuer_that_is_no_string_is_malformed(void **state)
{
    static const char *const values[] = {"[\"" JWT_ISSUER "\"]", "{\"x\":\"" JWT_ISSUER "\"}",
                                         "null", "1", "true"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_set(&claims, "iss", "%s", values[i]);
        expect(MALFORMED);
    }
}

static void issuer_with_escaped_slashes_is_the_same_issuer(void **state)
{
    (void)state;
    jwt_set(&claims, "iss", "%s",
            "\"https:\\/\\/11111111-2222-4333-8444-555555555555.tokens.sts.global.api.aws\"");
    expect(OK);
    jwt_set(&claims, "iss", "%s",
            "\"https:\\/\\/11111111-2222-4333-8444-555555555555.tokens.sts.global.api.aws\\/\"");
    expect(STSGATE_REASON_UNKNOWN_ISSUER);
}

static void issuer_is_told_for_the_log_when_a_later_check_fails(void **state)
{
    (void)state;
    jwt_set_string(&claims, "aud", "https://elsewhere.example.com");
    expect(STSGATE_REASON_WRONG_AUDIENCE);
    assert_ptr_equal(jwt.issuer, &with.web_identity);
    assert_string_equal(jwt.kid, "");
}

/* --- audience -------------------------------------------------------------------------------- */

static void audience_is_a_string_or_an_array_that_holds_it(void **state)
{
    static const char *const good[] = {
        "\"" JWT_AUDIENCE "\"",          "[\"" JWT_AUDIENCE "\"]",
        "[\"x\",\"" JWT_AUDIENCE "\"]",  "[\"" JWT_AUDIENCE "\",\"x\"]",
        "\"https://other.example.com\"", "\"https:\\/\\/payments.example.com\"",
        "[\"\",\"" JWT_AUDIENCE "\"]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        jwt_set(&claims, "aud", "%s", good[i]);
        expect(OK);
    }
}

/* CVE-2020-26160, CVE-2024-5798: no audience, an empty one or a part of one matched. */
static void audience_of_another_service_is_wrong(void **state)
{
    static const char *const bad[] = {
        "\"\"",
        "[]",
        "[\"\"]",
        "\"x\"",
        "\"https://payments.example.com/\"",
        "\"https://payments.example\"",
        "\"HTTPS://payments.example.com\"",
        "\"*\"",
        "[\"x\",\"y\"]",
        "\"https://payments.example.com https://x\"",
        "\" https://payments.example.com\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jwt_set(&claims, "aud", "%s", bad[i]);
        expect(STSGATE_REASON_WRONG_AUDIENCE);
    }
    jwt_drop(&claims, "aud");
    expect(STSGATE_REASON_WRONG_AUDIENCE);
}

static void empty_audience_never_matches_even_an_empty_one_of_the_service(void **state)
{
    (void)state;
    with.audience[0] = "";
    jwt_set(&claims, "aud", "%s", "\"\"");
    expect(STSGATE_REASON_WRONG_AUDIENCE);
    jwt_set(&claims, "aud", "%s", "[\"\"]");
    expect(STSGATE_REASON_WRONG_AUDIENCE);
    (void)set_up(NULL);
    with.service.audience.count = 0;
    expect(STSGATE_REASON_WRONG_AUDIENCE);
}

static void audience_of_another_type_is_malformed(void **state)
{
    static const char *const bad[] = {
        "null",
        "1",
        "true",
        "{\"a\":\"" JWT_AUDIENCE "\"}",
        "[1,\"" JWT_AUDIENCE "\"]",
        "[\"" JWT_AUDIENCE "\",null]",
        "[[\"" JWT_AUDIENCE "\"]]",
        "[{\"a\":\"" JWT_AUDIENCE "\"}]",
        "[\"" JWT_AUDIENCE "\",[]]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jwt_set(&claims, "aud", "%s", bad[i]);
        expect(MALFORMED);
    }
}

static void audience_inside_another_claim_is_not_the_audience(void **state)
{
    (void)state;
    jwt_drop(&claims, "aud");
    jwt_set(&claims, "x", "%s", "{\"aud\":\"" JWT_AUDIENCE "\"}");
    jwt_set(&claims, "y", "%s", "[\"" JWT_AUDIENCE "\"]");
    jwt_set(&claims, "sts/aud", "%s", "\"" JWT_AUDIENCE "\"");
    expect(STSGATE_REASON_WRONG_AUDIENCE);
}

/* --- times ----------------------------------------------------------------------------------- */

static void token_is_refused_from_exp_plus_skew_on(void **state)
{
    (void)state;
    expect_at(JWT_EXP_S * 1000 + 60000 - 1, OK);
    expect_at(JWT_EXP_S * 1000 + 60000, STSGATE_REASON_EXPIRED);
    expect_at(INT64_MAX, STSGATE_REASON_EXPIRED);
    with.service.clock_skew_ms = 0;
    expect_at(JWT_EXP_S * 1000 - 1, OK);
    expect_at(JWT_EXP_S * 1000, STSGATE_REASON_EXPIRED);
}

static void token_from_the_future_is_not_yet_valid(void **state)
{
    (void)state;
    expect_at(JWT_IAT_S * 1000 - 60000, OK);
    expect_at(JWT_IAT_S * 1000 - 60001, STSGATE_REASON_NOT_YET_VALID);
    expect_at(INT64_MIN, STSGATE_REASON_NOT_YET_VALID);
    with.service.clock_skew_ms = 0;
    expect_at(JWT_IAT_S * 1000, OK);
    expect_at(JWT_IAT_S * 1000 - 1, STSGATE_REASON_NOT_YET_VALID);
}

static void nbf_is_optional_and_obeyed(void **state)
{
    (void)state;
    expect(OK);
    assert_true(jwt.session.not_before_ms == INT64_MIN);
    jwt_set(&claims, "nbf", "%" PRId64, JWT_IAT_S + 50);
    expect(OK);
    assert_true(jwt.session.not_before_ms == (JWT_IAT_S + 50) * 1000);
    jwt_set(&claims, "nbf", "%" PRId64, JWT_IAT_S + 160);
    expect(OK);
    jwt_set(&claims, "nbf", "%" PRId64, JWT_IAT_S + 161);
    expect(STSGATE_REASON_NOT_YET_VALID);
}

static void token_that_expires_before_it_was_issued_is_malformed(void **state)
{
    (void)state;
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S);
    expect(MALFORMED);
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S - 1);
    expect(MALFORMED);
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S + 1);
    expect_at(JWT_IAT_S * 1000, OK);
}

static void times_after_2038_and_2106_are_read(void **state)
{
    static const int64_t starts[] = {INT64_C(2147483647), INT64_C(4294967296),
                                     INT64_C(250000000000)};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        jwt_claims_web_identity(&claims, starts[i]);
        expect_at(starts[i] * 1000, OK);
        assert_true(jwt.session.token_issued_ms == starts[i] * 1000);
        expect_at((starts[i] + 360) * 1000, STSGATE_REASON_EXPIRED);
    }
}

/* GHSA-wcvh-g65p-v576 and others: what is missing passed. */
static void each_required_claim_dropped_refuses(void **state)
{
    static const char *const names[] = {"iss", "aud", "sub", "iat", "exp", "sts/aws_account"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)set_up(NULL);
        jwt_drop(&claims, names[i]);
        expect(strcmp(names[i], "aud") == 0 ? STSGATE_REASON_WRONG_AUDIENCE : MALFORMED);
    }
    expect_claims("{}", MALFORMED);
}

static void checks_come_in_the_order_of_their_price(void **state)
{
    (void)state;
    /* Everything is wrong: issuer, algorithm, audience, time. */
    jwt_set_string(&claims, "iss", "x");
    jwt_set_string(&claims, "aud", "x");
    jwt_set(&claims, "exp", "%d", 10);
    jwt_set(&claims, "iat", "%d", 5);
    with.web_identity.algorithms = 0;
    expect(STSGATE_REASON_UNKNOWN_ISSUER);
    jwt_set_string(&claims, "iss", JWT_ISSUER);
    expect(STSGATE_REASON_BAD_ALGORITHM);
    with.web_identity.algorithms = SG_ALG_BIT(SG_ALG_RS256);
    expect(STSGATE_REASON_WRONG_AUDIENCE);
    jwt_set_string(&claims, "aud", JWT_AUDIENCE);
    expect(STSGATE_REASON_EXPIRED);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_of_sts_is_read_and_verifies),
        TEST(signature_is_verified_with_the_key_of_its_own_algorithm_only),
        TEST(signature_has_one_spelling_only),
        TEST(credential_that_is_not_three_parts_is_malformed),
        TEST(token_with_another_part_or_an_empty_one_is_malformed),
        TEST(a_million_dots_are_refused_at_once),
        TEST(credential_over_8_kib_is_malformed),
        TEST(base64url_that_is_not_canonical_is_malformed),
        TEST(every_cut_of_a_token_is_refused_without_reading_past_it),
        TEST(nul_in_a_credential_is_malformed),
        TEST(json_serialization_is_malformed),
        TEST(encrypted_token_of_five_parts_is_malformed),
        TEST(alg_none_in_any_spelling_is_a_bad_algorithm),
        TEST(alg_that_is_missing_or_no_string_is_malformed),
        TEST(alg_that_is_not_the_issuers_is_a_bad_algorithm),
        TEST(shared_secret_is_never_taken_for_a_token_of_sts),
        TEST(crit_is_malformed_whatever_it_holds),
        TEST(header_member_spelled_with_an_escape_is_malformed),
        TEST(b64_is_malformed),
        TEST(embedded_and_remote_keys_are_ignored),
        TEST(kid_is_optional),
        TEST(kid_inside_another_member_is_not_the_kid),
        TEST(kid_that_is_no_plain_string_is_malformed),
        TEST(typ_is_jwt_or_at_jwt_in_any_case),
        TEST(duplicate_header_member_is_malformed),
        TEST(header_that_is_no_object_is_malformed),
        TEST(duplicate_claim_is_refused),
        TEST(duplicate_claim_spelled_with_an_escape_is_refused),
        TEST(claim_spelled_with_an_escape_is_not_the_claim),
        TEST(time_that_is_no_integer_in_range_is_malformed),
        TEST(claims_that_are_no_strict_json_object_are_malformed),
        TEST(strict_json_violation_anywhere_refuses_a_good_token),
        TEST(bytes_behind_the_claims_are_malformed),
        TEST(deep_nesting_is_malformed),
        TEST(more_claims_than_any_token_has_are_malformed),
        TEST(issuer_that_the_service_does_not_accept_is_unknown),
        TEST(issuer_that_is_no_string_is_malformed),
        TEST(issuer_with_escaped_slashes_is_the_same_issuer),
        TEST(issuer_is_told_for_the_log_when_a_later_check_fails),
        TEST(audience_is_a_string_or_an_array_that_holds_it),
        TEST(audience_of_another_service_is_wrong),
        TEST(empty_audience_never_matches_even_an_empty_one_of_the_service),
        TEST(audience_of_another_type_is_malformed),
        TEST(audience_inside_another_claim_is_not_the_audience),
        TEST(token_is_refused_from_exp_plus_skew_on),
        TEST(token_from_the_future_is_not_yet_valid),
        TEST(nbf_is_optional_and_obeyed),
        TEST(token_that_expires_before_it_was_issued_is_malformed),
        TEST(times_after_2038_and_2106_are_read),
        TEST(each_required_claim_dropped_refuses),
        TEST(checks_come_in_the_order_of_their_price),
    };

    return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
