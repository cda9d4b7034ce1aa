/*
 * test_web_identity.c - the claims of sts:GetWebIdentityToken: whose session
 * it is, when it was issued at the earliest and the latest, and what AWS would
 * never have signed.
 */
#include "credential/jwt.h"
#include "jwt_maker.h"
#include "jwt_service.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS    ((JWT_IAT_S + 100) * 1000)
#define MALFORMED STSGATE_REASON_MALFORMED
#define OK        STSGATE_REASON_NONE

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

static void expect(enum stsgate_reason reason)
{
    char *token = jwt_token(SG_ALG_ES384, &claims);

    assert_int_equal(sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS), reason);
    free(token);
}

static void set_role(const char *arn)
{
    jwt_set_string(&claims, "sub", arn);
    jwt_set_string(&claims, "sts/principal_id", arn);
}

/* --- what it tells --------------------------------------------------------------------------- */

static void role_is_kept_whole_with_its_path(void **state)
{
    (void)state;
    expect(OK);
    assert_string_equal(jwt.session.role_arn, JWT_ROLE);
    assert_string_equal(jwt.session.role_name, "payments-writer");
    assert_string_equal(jwt.session.account, JWT_ACCOUNT);
    assert_string_equal(jwt.session.partition, "aws");
}

static void role_key_is_case_folded_and_the_name_is_not(void **state)
{
    (void)state;
    set_role("arn:aws:iam::123456789012:role/DataProcessingRole");
    expect(OK);
    assert_string_equal(jwt.session.role_name, "DataProcessingRole");
    assert_string_equal(jwt.session.role_key, "dataprocessingrole");
}

static void role_of_identity_center_is_read(void **state)
{
    (void)state;
    set_role("arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-2/"
             "AWSReservedSSO_ExampleRole_0123456789abcdef");
    expect(OK);
    assert_string_equal(jwt.session.role_name, "AWSReservedSSO_ExampleRole_0123456789abcdef");
}

static void session_name_and_role_id_are_not_told(void **state)
{
    (void)state;
    expect(OK);
    assert_string_equal(jwt.session.session_name, "");
    assert_string_equal(jwt.session.role_id, "");
    assert_string_equal(jwt.session.source_identity, "");
}

static void mint_is_evidence_at_iat(void **state)
{
    (void)state;
    expect(OK);
    assert_true(jwt.session.evidence_ms == JWT_IAT_S * 1000);
    assert_true(jwt.session.token_issued_ms == JWT_IAT_S * 1000);
    assert_true(jwt.session.expires_ms == JWT_EXP_S * 1000);
}

/* A session of one hour, 60 s before the mint: X - 900 s lies after iat. */
static void issue_time_is_bounded_by_iat_and_the_longest_session(void **state)
{
    (void)state;
    expect(OK);
    assert_true(jwt.session.issued.latest_ms == JWT_IAT_S * 1000 + 1000);
    assert_true(jwt.session.issued.earliest_ms ==
                (JWT_IAT_S - 60 + 3600 - 12 * 3600) * 1000 - 1000);
}

/* Ten minutes are left of the session: it began 15 minutes before its end at the latest. */
static void issue_time_is_bounded_by_the_shortest_session(void **state)
{
    (void)state;
    jwt_set(&claims, "sts/original_session_exp", "\"2023-11-14T22:23:20Z\""); /* iat + 600 */
    expect(OK);
    assert_true(jwt.session.issued.latest_ms == (JWT_IAT_S - 300) * 1000 + 1000);
}

static void issue_time_without_the_sessions_end_is_bounded_by_iat_alone(void **state)
{
    (void)state;
    jwt_drop(&claims, "sts/original_session_exp");
    expect(OK);
    assert_true(jwt.session.issued.latest_ms == JWT_IAT_S * 1000 + 1000);
    assert_true(jwt.session.issued.earliest_ms == (JWT_IAT_S - 12 * 3600) * 1000 - 1000);
}

static void longest_session_of_the_issuer_is_used(void **state)
{
    (void)state;
    with.web_identity.longest_session_ms = SG_HOUR_MS;
    expect(OK);
    assert_true(jwt.session.issued.earliest_ms == (JWT_IAT_S - 60) * 1000 - 1000);
}

static void source_identity_is_kept(void **state)
{
    (void)state;
    jwt_set_string(&claims, "sts/source_identity", "julie@example.com");
    expect(OK);
    assert_string_equal(jwt.session.source_identity, "julie@example.com");
}

static void claims_that_are_not_ours_may_be_of_any_form(void **state)
{
    static const char *const values[] = {"null", "1",   "[]", "{\"a\":{\"b\":[1,2]}}",
                                         "\"\"", "true"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_set(&claims, "sts/ou_path", "%s", values[i]);
        jwt_set(&claims, "sts/principal_tags", "%s", values[i]);
        jwt_set(&claims, "jti", "%s", values[i]);
        jwt_set(&claims, "sts/new_claim", "%s", values[i]);
        expect(OK);
    }
}

/* --- whose it is ----------------------------------------------------------------------------- */

static void principal_that_is_no_role_is_malformed(void **state)
{
    static const char *const arns[] = {
        "arn:aws:iam::123456789012:user/julie",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/payments-writer/julie",
        "arn:aws:sts::123456789012:federated-user/julie",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role",
        "arn:aws:iam::123456789012:role//x",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:role/a?",
        "arn:aws:iam::123456789012:ROLE/x",
        "arn:aws:iam::12345678901:role/x",
        "arn:aws:iam::1234567890123:role/x",
        "arn:aws:iam:::role/x",
        "arn:aws:iam:us-east-1:123456789012:role/x",
        "arn:aws:s3::123456789012:role/x",
        "arn::iam::123456789012:role/x",
        "aws:iam::123456789012:role/x",
        " " JWT_ROLE,
        JWT_ROLE " ",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof arns / sizeof arns[0]; i++) {
        set_role(arns[i]);
        expect(MALFORMED);
    }
}

/* CR, LF and NUL in a claim went into a header at peers. */
static void control_bytes_in_a_kept_claim_are_malformed(void **state)
{
    static const char *const names[] = {"sub", "sts/principal_id", "sts/aws_account",
                                        "sts/source_identity", "sts/original_session_exp"};
    static const char *const escapes[] = {
        "\\n", "\\r", "\\u0000", "\\u0001", "\\u007f", "\\t", "\\r\\nX-Role: admin"};

    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
            (void)set_up(NULL);
            if (n == 0)
                jwt_drop(&claims, "sts/principal_id");
            const char *value = n <= 1   ? JWT_ROLE
                                : n == 2 ? JWT_ACCOUNT
                                : n == 3 ? "julie"
                                         : "2023-11-14T23:00:00Z";
            jwt_set(&claims, names[n], "\"%s%s\"", value, escapes[i]);
            expect(MALFORMED);
            jwt_set(&claims, names[n], "\"%s%s\"", escapes[i], value);
            expect(MALFORMED);
        }
    }
}

static void claim_of_another_type_is_malformed(void **state)
{
    static const char *const names[] = {"sub", "sts/principal_id", "sts/aws_account",
                                        "sts/source_identity", "sts/original_session_exp"};
    static const char *const values[] = {"null", "1",  "123456789012", "true", "[\"" JWT_ROLE "\"]",
                                         "{}",   "[]", "1700003540",   "\"\""};

    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            (void)set_up(NULL);
            jwt_set(&claims, names[n], "%s", values[i]);
            expect(MALFORMED);
        }
    }
}

/* CVE-2025-11621: one role name, two accounts. */
static void role_of_another_account_is_of_the_wrong_account(void **state)
{
    (void)state;
    set_role("arn:aws:iam::999999999999:role/payments-writer");
    expect(STSGATE_REASON_WRONG_ACCOUNT);
    jwt_set_string(&claims, "sts/aws_account", "999999999999");
    expect(STSGATE_REASON_WRONG_ACCOUNT); /* the issuer is not theirs */
    set_role(JWT_ROLE);
    expect(STSGATE_REASON_WRONG_ACCOUNT);
}

static void role_of_another_partition_is_of_the_wrong_account(void **state)
{
    (void)state;
    set_role("arn:aws-cn:iam::123456789012:role/team/payments-writer");
    expect(STSGATE_REASON_WRONG_ACCOUNT);
    with.account.partition = "aws-cn";
    expect(OK);
    assert_string_equal(jwt.session.partition, "aws-cn");
}

static void issuer_of_an_account_without_an_id_vouches_for_nobody(void **state)
{
    (void)state;
    with.account.id = "";
    expect(STSGATE_REASON_WRONG_ACCOUNT);
}

static void principal_id_that_is_not_the_subject_is_malformed(void **state)
{
    (void)state;
    jwt_set_string(&claims, "sts/principal_id", "arn:aws:iam::123456789012:role/payments-writer");
    expect(MALFORMED);
    jwt_set_string(&claims, "sts/principal_id", "AROAEXAMPLE");
    expect(MALFORMED);
    jwt_drop(&claims, "sts/principal_id");
    expect(OK);
}

static void namespace_that_is_no_object_tells_nothing(void **state)
{
    static const char *const values[] = {"null",
                                         "[]",
                                         "\"x\"",
                                         "1",
                                         "[{\"aws_account\":\"" JWT_ACCOUNT "\"}]",
                                         "{\"x\":{\"aws_account\":\"" JWT_ACCOUNT "\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_claims_web_identity(&claims, JWT_IAT_S);
        while (claims.count > 6)
            jwt_drop(&claims, claims.items[6].name);
        jwt_set(&claims, "https://sts.amazonaws.com/", "%s", values[i]);
        expect(MALFORMED);
    }
}

static void namespace_claims_at_the_top_or_elsewhere_are_not_read(void **state)
{
    (void)state;
    jwt_drop(&claims, "sts/aws_account");
    jwt_set_string(&claims, "aws_account", JWT_ACCOUNT);
    jwt_set(&claims, "other", "{\"aws_account\":\"%s\"}", JWT_ACCOUNT);
    jwt_set(&claims, "sts/request_tags", "{\"aws_account\":\"%s\"}", JWT_ACCOUNT);
    expect(MALFORMED);
}

/* request_tags are the caller's own words. */
static void request_tags_change_nothing(void **state)
{
    (void)state;
    jwt_set(&claims, "sts/request_tags",
            "{\"source_identity\":\"root\",\"original_session_exp\":\"2030-01-01T00:00:00Z\","
            "\"principal_id\":\"x\",\"aws_account\":\"999999999999\"}");
    expect(OK);
    assert_string_equal(jwt.session.source_identity, "");
    assert_true(jwt.session.issued.earliest_ms ==
                (JWT_IAT_S - 60 + 3600 - 12 * 3600) * 1000 - 1000);
}

static void source_identity_outside_its_alphabet_is_malformed(void **state)
{
    static const char *const names[] = {
        "a",
        "a b",
        "a/b",
        "a:b",
        "a*",
        "\xc3\xa4"
        "bc",
        "a<b>",
        "0123456789012345678901234567890123456789012345678901234567890123456"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        jwt_set_string(&claims, "sts/source_identity", names[i]);
        expect(MALFORMED);
    }
}

static void role_arn_that_is_too_long_is_malformed_and_never_cut(void **state)
{
    char arn[1200] = "arn:aws:iam::123456789012:role/";
    size_t length = strlen(arn);

    (void)state;
    while (length < 700)
        arn[length++] = 'p';
    arn[length] = '\0';
    set_role(arn);
    expect(MALFORMED);
    arn[strlen("arn:aws:iam::123456789012:role/") + 65] = '\0'; /* a name of 65 */
    set_role(arn);
    expect(MALFORMED);
    arn[strlen("arn:aws:iam::123456789012:role/") + 64] = '\0';
    set_role(arn);
    expect(OK);
}

/* --- what STS would not have signed ---------------------------------------------------------- */

static void token_that_lives_longer_than_an_hour_is_malformed(void **state)
{
    (void)state;
    jwt_drop(&claims, "sts/original_session_exp");
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S + 3600);
    expect(OK);
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S + 3601);
    expect(MALFORMED);
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S + 86400);
    expect(MALFORMED);
}

/* SessionDurationEscalationException: exp <= original_session_exp. */
static void token_that_outlives_its_session_is_malformed(void **state)
{
    (void)state;
    jwt_set(&claims, "sts/original_session_exp",
            "\"2023-11-14T22:17:20Z\""); /* exp - 60, the skew */
    expect(OK);
    jwt_set(&claims, "sts/original_session_exp", "\"2023-11-14T22:17:19Z\"");
    expect(MALFORMED);
    with.service.clock_skew_ms = 0;
    jwt_set(&claims, "sts/original_session_exp", "\"2023-11-14T22:18:20Z\""); /* exp */
    expect(OK);
    jwt_set(&claims, "sts/original_session_exp", "\"2023-11-14T22:18:19Z\"");
    expect(MALFORMED);
}

static void end_of_the_session_in_another_form_is_malformed(void **state)
{
    static const char *const values[] = {"2023-11-14T23:12:20",
                                         "2023-11-14",
                                         "1700003540",
                                         "2023-11-14T23:12:60Z",
                                         "2023-11-14T24:00:00Z",
                                         "2023-13-14T23:12:20Z",
                                         "14 Nov 2023 23:12:20 GMT",
                                         "2023-11-14T23:12:20Zx",
                                         " 2023-11-14T23:12:20Z",
                                         "10000-11-14T23:12:20Z"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_set_string(&claims, "sts/original_session_exp", values[i]);
        expect(MALFORMED);
    }
    jwt_set_string(&claims, "sts/original_session_exp", "2023-11-15T00:12:20+01:00");
    expect(OK);
}

/* Clocks of AWS's own machines differ too: an X that puts the session's begin after iat gives no
 * lower bound. */
static void end_of_the_session_that_is_impossibly_far_narrows_nothing(void **state)
{
    (void)state;
    jwt_set_string(&claims, "sts/original_session_exp", "2024-11-14T23:12:20Z");
    expect(OK);
    assert_true(jwt.session.issued.earliest_ms == (JWT_IAT_S - 12 * 3600) * 1000 - 1000);
    assert_true(jwt.session.issued.latest_ms == JWT_IAT_S * 1000 + 1000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(role_is_kept_whole_with_its_path),
        TEST(role_key_is_case_folded_and_the_name_is_not),
        TEST(role_of_identity_center_is_read),
        TEST(session_name_and_role_id_are_not_told),
        TEST(mint_is_evidence_at_iat),
        TEST(issue_time_is_bounded_by_iat_and_the_longest_session),
        TEST(issue_time_is_bounded_by_the_shortest_session),
        TEST(issue_time_without_the_sessions_end_is_bounded_by_iat_alone),
        TEST(longest_session_of_the_issuer_is_used),
        TEST(source_identity_is_kept),
        TEST(claims_that_are_not_ours_may_be_of_any_form),
        TEST(principal_that_is_no_role_is_malformed),
        TEST(control_bytes_in_a_kept_claim_are_malformed),
        TEST(claim_of_another_type_is_malformed),
        TEST(role_of_another_account_is_of_the_wrong_account),
        TEST(role_of_another_partition_is_of_the_wrong_account),
        TEST(issuer_of_an_account_without_an_id_vouches_for_nobody),
        TEST(principal_id_that_is_not_the_subject_is_malformed),
        TEST(namespace_that_is_no_object_tells_nothing),
        TEST(namespace_claims_at_the_top_or_elsewhere_are_not_read),
        TEST(request_tags_change_nothing),
        TEST(source_identity_outside_its_alphabet_is_malformed),
        TEST(role_arn_that_is_too_long_is_malformed_and_never_cut),
        TEST(token_that_lives_longer_than_an_hour_is_malformed),
        TEST(token_that_outlives_its_session_is_malformed),
        TEST(end_of_the_session_in_another_form_is_malformed),
        TEST(end_of_the_session_that_is_impossibly_far_narrows_nothing),
    };

    return cmocka_run_group_tests_name("web_identity", tests, NULL, NULL);
}
