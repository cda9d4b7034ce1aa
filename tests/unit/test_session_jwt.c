/*
 * test_session_jwt.c - JWTs of a self-hosted STS: role, name and issue time
 * come from the claims that the configuration names, and from nowhere else.
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
    jwt_claims_session(&claims, JWT_IAT_S);
    return 0;
}

static void expect(enum stsgate_reason reason)
{
    char *token = jwt_token(SG_ALG_ES256, &claims);

    assert_int_equal(sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS), reason);
    free(token);
}

static void each_algorithm_is_read_and_verifies(void **state)
{
    (void)state;
    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        struct sg_verify_key *key = NULL;
        char *token = jwt_token(alg, &claims);

        assert_int_equal(sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS), OK);
        assert_ptr_equal(jwt.issuer, &with.own);
        assert_int_equal(sg_verify_key_new(&key, alg, jwt_key_material(alg)), 0);
        assert_true(sg_jwt_verify(&jwt, key));
        token[strlen(token) - 5] = token[strlen(token) - 5] == 'A' ? 'B' : 'A';
        assert_int_equal(sg_jwt_read(&jwt, sg_text_of(token), &with.service, NOW_MS), OK);
        assert_false(sg_jwt_verify(&jwt, key));
        sg_verify_key_free(key);
        free(token);
    }
}

static void algorithm_outside_the_issuers_list_is_refused(void **state)
{
    (void)state;
    with.own.algorithms = SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_HS256);
    expect(STSGATE_REASON_BAD_ALGORITHM);
}

/* --- issue time ------------------------------------------------------------------------------ */

static void session_claim_is_the_exact_issue_time(void **state)
{
    (void)state;
    expect(OK);
    assert_true(jwt.session.issued.earliest_ms == (JWT_IAT_S - 60) * 1000);
    assert_true(jwt.session.issued.latest_ms == (JWT_IAT_S - 60) * 1000);
    jwt_set(&claims, "assumed_at", "%" PRId64, JWT_IAT_S - 50); /* integer seconds do as well */
    expect(OK);
    assert_true(jwt.session.issued.latest_ms == (JWT_IAT_S - 50) * 1000);
}

static void issuer_skew_widens_both_ends(void **state)
{
    (void)state;
    with.own.issuer_skew_ms = 1500;
    expect(OK);
    assert_true(jwt.session.issued.earliest_ms == (JWT_IAT_S - 60) * 1000 - 1500);
    assert_true(jwt.session.issued.latest_ms == (JWT_IAT_S - 60) * 1000 + 1500);
}

static void token_claim_bounds_the_issue_time_from_above_only(void **state)
{
    (void)state;
    with.own.issue_time = SG_ISSUE_TIME_TOKEN;
    with.own.issue_time_claim = "iat";
    with.own.longest_session_ms = SG_HOUR_MS;
    expect(OK);
    assert_true(jwt.session.issued.latest_ms == JWT_IAT_S * 1000);
    assert_true(jwt.session.issued.earliest_ms == JWT_IAT_S * 1000 - SG_HOUR_MS);
}

/* "If it is absent, use iat" would make every refresh a new session. */
static void missing_issue_time_is_malformed(void **state)
{
    (void)state;
    jwt_drop(&claims, "assumed_at");
    expect(MALFORMED);
    jwt_set(&claims, "x", "{\"assumed_at\":%" PRId64 "}", JWT_IAT_S);
    expect(MALFORMED);
    jwt_set(&claims, "Assumed_At", "%" PRId64, JWT_IAT_S);
    expect(MALFORMED);
}

static void issue_time_of_another_form_is_malformed(void **state)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "\"1700000000\"",
                                         "1700000000.5",
                                         "1.7e9",
                                         "0",
                                         "-5",
                                         "[]",
                                         "{}",
                                         "\"\"",
                                         "\"2023-11-14 22:00:00Z\"",
                                         "\"2023-11-14T22:00:00\"",
                                         "\"yesterday\"",
                                         "99999999999999999999",
                                         "\"2023-11-14T22:00:00Z\\u0000\"",
                                         "1700000000000"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_set(&claims, "assumed_at", "%s", values[i]);
        expect(MALFORMED);
    }
}

/* It would be younger than any cutoff. */
static void session_from_the_future_is_not_yet_valid(void **state)
{
    (void)state;
    jwt_set(&claims, "assumed_at", "%" PRId64, NOW_MS / 1000 + 60);
    expect(OK);
    jwt_set(&claims, "assumed_at", "%" PRId64, NOW_MS / 1000 + 61);
    expect(STSGATE_REASON_NOT_YET_VALID);
}

static void token_is_no_evidence_since_aws_authorised_nothing(void **state)
{
    (void)state;
    jwt_set(&claims, "sts/original_session_exp", "\"2023-11-14T23:12:20Z\"");
    expect(OK);
    assert_true(jwt.session.evidence_ms == 0);
    assert_true(jwt.session.token_issued_ms == JWT_IAT_S * 1000);
}

static void token_may_live_longer_than_an_hour(void **state)
{
    (void)state;
    jwt_set(&claims, "exp", "%" PRId64, JWT_IAT_S + 43200);
    expect(OK);
    assert_true(jwt.session.expires_ms == (JWT_IAT_S + 43200) * 1000);
}

/* --- role ------------------------------------------------------------------------------------ */

static void role_comes_from_the_configured_claim(void **state)
{
    (void)state;
    with.own.role_claim = "role";
    jwt_set_string(&claims, "sub", "session-17");
    jwt_set_string(&claims, "role", JWT_ROLE);
    expect(OK);
    assert_string_equal(jwt.session.role_arn, JWT_ROLE);
    jwt_drop(&claims, "role");
    expect(MALFORMED);
    jwt_set_string(&claims, "sub", JWT_ROLE); /* never from another claim */
    expect(MALFORMED);
}

static void assumed_role_arn_names_role_and_session(void **state)
{
    (void)state;
    jwt_drop(&claims, "snam");
    jwt_set_string(&claims, "sub", "arn:aws:sts::123456789012:assumed-role/Payments-Writer/julie");
    expect(OK);
    assert_string_equal(jwt.session.role_arn, "arn:aws:iam::123456789012:role/Payments-Writer");
    assert_string_equal(jwt.session.role_name, "Payments-Writer");
    assert_string_equal(jwt.session.role_key, "payments-writer");
    assert_string_equal(jwt.session.session_name, "julie");
}

static void two_session_names_that_differ_are_malformed(void **state)
{
    (void)state;
    jwt_set_string(&claims, "sub", "arn:aws:sts::123456789012:assumed-role/payments-writer/julie");
    expect(OK); /* snam says julie too */
    jwt_set_string(&claims, "snam", "emy");
    expect(MALFORMED);
}

static void role_that_is_no_role_arn_is_malformed(void **state)
{
    static const char *const values[] = {
        "\"payments-writer\"",
        "\"arn:aws:iam::123456789012:user/julie\"",
        "\"\"",
        "null",
        "1",
        "[\"" JWT_ROLE "\"]",
        "{}",
        "\"arn:aws:iam::123456789012:role/a\\nb\"",
        "\"arn:aws:iam::123456789012:role/*\"",
        "\"arn:aws:sts::123456789012:assumed-role/a\"",
        "\"arn:aws:sts::123456789012:assumed-role/a/b/c\"",
        "\"arn:aws:sts::123456789012:assumed-role/a/\"",
        "\"arn:aws:sts::123456789012:federated-user/a\"",
        "\"arn:aws:iam::123456789012:role/\\u0000\"",
        "\"arn:aws:iam::123456789012:role/\xc3\xa4\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_set(&claims, "sub", "%s", values[i]);
        expect(MALFORMED);
    }
}

static void role_of_another_account_or_partition_is_of_the_wrong_account(void **state)
{
    static const char *const arns[] = {
        "arn:aws:iam::999999999999:role/payments-writer",
        "arn:aws:iam:::role/payments-writer",
        "arn:aws-cn:iam::123456789012:role/payments-writer",
        "arn:aws:sts::999999999999:assumed-role/payments-writer/julie",
    };

    (void)state;
    for (size_t i = 0; i < sizeof arns / sizeof arns[0]; i++) {
        jwt_set_string(&claims, "sub", arns[i]);
        expect(STSGATE_REASON_WRONG_ACCOUNT);
    }
}

static void role_without_an_account_is_for_an_iam_without_accounts(void **state)
{
    (void)state;
    with.account.id = "";
    expect(STSGATE_REASON_WRONG_ACCOUNT); /* it names one */
    jwt_set_string(&claims, "sub", "arn:aws:iam:::role/payments-writer");
    expect(OK);
    assert_string_equal(jwt.session.account, "");
    assert_string_equal(jwt.session.role_arn, "arn:aws:iam:::role/payments-writer");
}

static void issuer_without_an_account_vouches_for_any(void **state)
{
    (void)state;
    with.own.account = NULL;
    jwt_set_string(&claims, "sub", "arn:aws:iam::999999999999:role/payments-writer");
    expect(OK);
    assert_string_equal(jwt.session.account, "999999999999");
}

/* --- session name ---------------------------------------------------------------------------- */

static void session_name_comes_from_the_configured_claim(void **state)
{
    (void)state;
    expect(OK);
    assert_string_equal(jwt.session.session_name, "julie");
    jwt_drop(&claims, "snam");
    expect(OK);
    assert_string_equal(jwt.session.session_name, "");
    with.own.session_name_claim = NULL;
    jwt_set_string(&claims, "snam", "julie");
    expect(OK);
    assert_string_equal(jwt.session.session_name, "");
}

static void session_name_that_is_no_plain_string_is_malformed(void **state)
{
    static const char *const values[] = {
        "null",
        "1",
        "true",
        "[\"julie\"]",
        "{}",
        "\"\"",
        "\"a\\nb\"",
        "\"a\\r\\nX-Role: admin\"",
        "\"\\u0000\"",
        "\"\\u001b[2J\"",
        "\"\\u007f\"",
        "\"01234567890123456789012345678901234567890123456789012345678901234\"", /* 65: never cut */
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jwt_set(&claims, "snam", "%s", values[i]);
        expect(MALFORMED);
    }
    jwt_set(&claims, "snam", "%s",
            "\"0123456789012345678901234567890123456789012345678901234567890123\"");
    expect(OK);
}

static void claims_of_aws_are_not_believed_from_another_issuer(void **state)
{
    (void)state;
    jwt_set_string(&claims, "sts/source_identity", "root");
    jwt_set_string(&claims, "sts/aws_account", "999999999999");
    expect(OK);
    assert_string_equal(jwt.session.source_identity, "");
    assert_string_equal(jwt.session.account, JWT_ACCOUNT);
}

/* One issuer's rules never serve a token of the other. */
static void kind_follows_from_the_issuer_alone(void **state)
{
    (void)state;
    jwt_set_string(&claims, "iss", JWT_ISSUER);
    expect(STSGATE_REASON_BAD_ALGORITHM); /* ES256 is not STS's */
    with.web_identity.algorithms = ~0u;
    expect(STSGATE_REASON_BAD_ALGORITHM);
    jwt_claims_web_identity(&claims, JWT_IAT_S);
    jwt_set_string(&claims, "iss", JWT_OWN_ISSUER);
    expect(MALFORMED); /* no assumed_at */
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_algorithm_is_read_and_verifies),
        TEST(algorithm_outside_the_issuers_list_is_refused),
        TEST(session_claim_is_the_exact_issue_time),
        TEST(issuer_skew_widens_both_ends),
        TEST(token_claim_bounds_the_issue_time_from_above_only),
        TEST(missing_issue_time_is_malformed),
        TEST(issue_time_of_another_form_is_malformed),
        TEST(session_from_the_future_is_not_yet_valid),
        TEST(token_is_no_evidence_since_aws_authorised_nothing),
        TEST(token_may_live_longer_than_an_hour),
        TEST(role_comes_from_the_configured_claim),
        TEST(assumed_role_arn_names_role_and_session),
        TEST(two_session_names_that_differ_are_malformed),
        TEST(role_that_is_no_role_arn_is_malformed),
        TEST(role_of_another_account_or_partition_is_of_the_wrong_account),
        TEST(role_without_an_account_is_for_an_iam_without_accounts),
        TEST(issuer_without_an_account_vouches_for_any),
        TEST(session_name_comes_from_the_configured_claim),
        TEST(session_name_that_is_no_plain_string_is_malformed),
        TEST(claims_of_aws_are_not_believed_from_another_issuer),
        TEST(kind_follows_from_the_issuer_alone),
    };

    return cmocka_run_group_tests_name("session_jwt", tests, NULL, NULL);
}
