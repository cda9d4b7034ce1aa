/*
 * test_session.c - role ARNs have one spelling, and an issue-time interval is
 * never narrower than the credential proves.
 */
#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ACCOUNT "123456789012"
#define IAM     "arn:aws:iam::" ACCOUNT ":"
#define STS     "arn:aws:sts::" ACCOUNT ":"

static bool parses(const char *text, bool allow_no_account)
{
    struct sg_role_arn arn;
    const bool done = sg_role_arn_parse(&arn, sg_text_of(text), allow_no_account);

    if (!done) {
        assert_int_equal(arn.name.length, 0);
        assert_int_equal(arn.account.length, 0);
    }
    return done;
}

static bool assumed_parses(const char *text)
{
    struct sg_role_arn arn;
    struct sg_text session_name;
    const bool done = sg_assumed_role_arn_parse(&arn, &session_name, sg_text_of(text), false);

    if (!done) {
        assert_int_equal(arn.name.length, 0);
        assert_int_equal(session_name.length, 0);
    }
    return done;
}

static void assert_text(struct sg_text text, const char *want)
{
    assert_true(sg_text_equal(text, sg_text_of(want)));
}

/* --- ARNs --- */

static void a_role_arn_is_cut_into_its_parts(void **state)
{
    (void)state;
    struct sg_role_arn arn;

    assert_true(sg_role_arn_parse(&arn, SG_TEXT(IAM "role/team/x/Pay_+=,.@-9"), false));
    assert_text(arn.partition, "aws");
    assert_text(arn.account, ACCOUNT);
    assert_text(arn.path, "/team/x/");
    assert_text(arn.name, "Pay_+=,.@-9");

    assert_true(sg_role_arn_parse(&arn, SG_TEXT("arn:aws-us-gov:iam::" ACCOUNT ":role/A"), false));
    assert_text(arn.partition, "aws-us-gov");
    assert_text(arn.path, "/");
    assert_text(arn.name, "A");
}

static void an_identity_centre_role_has_a_path(void **state)
{
    (void)state;
    struct sg_role_arn arn;

    assert_true(sg_role_arn_parse(
        &arn,
        SG_TEXT(IAM
                "role/aws-reserved/sso.amazonaws.com/eu-west-2/AWSReservedSSO_P_0123456789abcdef"),
        false));
    assert_text(arn.path, "/aws-reserved/sso.amazonaws.com/eu-west-2/");
    assert_text(arn.name, "AWSReservedSSO_P_0123456789abcdef");
}

static void a_path_may_hold_a_colon(void **state)
{
    (void)state;
    struct sg_role_arn arn;

    assert_true(sg_role_arn_parse(&arn, SG_TEXT(IAM "role/a:b/R"), false));
    assert_text(arn.path, "/a:b/");
    assert_text(arn.name, "R");
}

static void a_missing_account_needs_leave(void **state)
{
    (void)state;
    assert_false(parses("arn:aws:iam:::role/R", false));
    assert_true(parses("arn:aws:iam:::role/R", true));
    assert_true(parses(IAM "role/R", true));
}

static void an_account_is_twelve_digits(void **state)
{
    (void)state;
    for (int leave = 0; leave < 2; leave++) {
        assert_false(parses("arn:aws:iam::12345678901:role/R", leave == 1));
        assert_false(parses("arn:aws:iam::1234567890123:role/R", leave == 1));
        assert_false(parses("arn:aws:iam::12345678901a:role/R", leave == 1));
        assert_false(parses("arn:aws:iam:: 23456789012:role/R", leave == 1));
        assert_false(parses("arn:aws:iam::*:role/R", leave == 1));
    }
    assert_true(sg_account_id_valid(SG_TEXT("000000000000")));
    assert_false(sg_account_id_valid(SG_TEXT("")));
    assert_false(sg_account_id_valid(SG_TEXT("00000000000\0")));
}

static void what_is_not_a_role_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "arn",
        "arn:aws:iam::" ACCOUNT,
        IAM,
        IAM "role",
        IAM "role/",
        IAM "role//",
        IAM "user/R",
        IAM "Role/R",
        IAM "roles/R",
        IAM "roleR",
        IAM "assumed-role/R/s",
        IAM "policy/R",
        STS "role/R",
        STS "assumed-role/R/session",
        "arn:aws:iam:us-east-1:" ACCOUNT ":role/R",
        "arn:aws:IAM::" ACCOUNT ":role/R",
        "ARN:aws:iam::" ACCOUNT ":role/R",
        "arn::iam::" ACCOUNT ":role/R",
        "arn:AWS:iam::" ACCOUNT ":role/R",
        "arn:-aws:iam::" ACCOUNT ":role/R",
        "arn:aws_:iam::" ACCOUNT ":role/R",
        " arn:aws:iam::" ACCOUNT ":role/R",
        "arn:aws:iam::" ACCOUNT ":role/R ",
        "arn:aws:iam::" ACCOUNT ":role/R\n",
        "xarn:aws:iam::" ACCOUNT ":role/R",
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(parses(refused[i], false));
}

static void wildcards_and_strange_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        IAM "role/*",    IAM "role/R?",       IAM "role/a*/R",       IAM "role/?/R",
        IAM "role//R",   IAM "role/a//R",     IAM "role/a/",         IAM "role/R:x",
        IAM "role/R x",  IAM "role/a b/R",    IAM "role/R\x7f",      IAM "role/a\x7f/R",
        IAM "role/R%41", IAM "role/\xc3\xa9", IAM "role/\xc3\xa9/R", IAM "role/${aws}",
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(parses(refused[i], false));
}

static void an_embedded_nul_is_refused(void **state)
{
    (void)state;
    struct sg_role_arn arn;

    assert_false(sg_role_arn_parse(&arn, SG_TEXT(IAM "role/R\0"), false));
    assert_false(sg_role_arn_parse(&arn, SG_TEXT(IAM "role/a\0b/R"), false));
    assert_false(sg_role_arn_parse(&arn, SG_TEXT("arn:aws\0:iam::" ACCOUNT ":role/R"), false));
}

/* A role ARN with a path (slashes included) and a name of these lengths. */
static bool lengths_parse(size_t path, size_t name)
{
    char text[1024] = IAM "role/";
    size_t at = strlen(text);

    for (size_t i = 1; i < path; i++)
        text[at++] = i + 1 == path ? '/' : 'p';
    for (size_t i = 0; i < name; i++)
        text[at++] = 'n';
    return parses(text, false);
}

static void the_longest_name_and_path_fit_and_no_longer(void **state)
{
    (void)state;
    assert_true(lengths_parse(1, SG_ROLE_NAME_MAX));
    assert_false(lengths_parse(1, SG_ROLE_NAME_MAX + 1));
    assert_true(lengths_parse(SG_ROLE_PATH_MAX, SG_ROLE_NAME_MAX));
    assert_false(lengths_parse(SG_ROLE_PATH_MAX + 1, 1));
    assert_false(lengths_parse(SG_ROLE_PATH_MAX + 1, SG_ROLE_NAME_MAX));
}

static void a_partition_is_at_most_32_lower_case_characters(void **state)
{
    (void)state;
    assert_true(sg_partition_valid(SG_TEXT("aws")));
    assert_true(sg_partition_valid(SG_TEXT("aws-iso-b")));
    assert_true(sg_partition_valid(SG_TEXT("abcdefghijklmnopqrstuvwxyz012345")));
    assert_false(sg_partition_valid(SG_TEXT("abcdefghijklmnopqrstuvwxyz0123456")));
    assert_false(sg_partition_valid(SG_TEXT("")));
    assert_false(sg_partition_valid(SG_TEXT("1aws")));
    assert_false(sg_partition_valid(SG_TEXT("aws*")));
}

static void an_assumed_role_arn_is_cut_into_its_parts(void **state)
{
    (void)state;
    struct sg_role_arn arn;
    struct sg_text session_name;

    assert_true(sg_assumed_role_arn_parse(
        &arn, &session_name, SG_TEXT(STS "assumed-role/Pay/julie@example.com"), false));
    assert_text(arn.partition, "aws");
    assert_text(arn.account, ACCOUNT);
    assert_text(arn.path, "");
    assert_text(arn.name, "Pay");
    assert_text(session_name, "julie@example.com");
}

static void what_is_not_an_assumed_role_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        STS "assumed-role",
        STS "assumed-role/R",
        STS "assumed-role/R/",
        STS "assumed-role//session",
        STS "assumed-role/R/s",
        STS "assumed-role/R/a/session",
        STS "assumed-role/R/se:ssion",
        STS "assumed-role/R/se ssion",
        STS "assumed-role/R*/session",
        STS "federated-user/name",
        STS "role/R/session",
        IAM "assumed-role/R/session",
        IAM "role/R",
        "arn:aws:sts:::assumed-role/R/session",
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(assumed_parses(refused[i]));
    assert_true(assumed_parses(STS "assumed-role/R/session"));
}

static void a_session_name_has_2_to_64_characters(void **state)
{
    (void)state;
    char name[65];

    memset(name, 'a', sizeof name);
    assert_false(sg_session_name_valid((struct sg_text){name, 0}));
    assert_false(sg_session_name_valid((struct sg_text){name, 1}));
    assert_true(sg_session_name_valid((struct sg_text){name, 2}));
    assert_true(sg_session_name_valid((struct sg_text){name, 64}));
    assert_false(sg_session_name_valid((struct sg_text){name, 65}));
    assert_false(sg_session_name_valid(SG_TEXT("a/b")));
    assert_false(sg_session_name_valid(SG_TEXT("a:b")));
    assert_false(sg_session_name_valid(SG_TEXT("a\0b")));
}

static void role_names_that_differ_in_case_only_have_one_key(void **state)
{
    (void)state;
    char one[SG_ROLE_NAME_MAX + 1], other[SG_ROLE_NAME_MAX + 1];

    assert_true(sg_role_name_fold(one, SG_TEXT("Payments-Role_1")));
    assert_true(sg_role_name_fold(other, SG_TEXT("pAYMENTS-rOLE_1")));
    assert_string_equal(one, "payments-role_1");
    assert_string_equal(one, other);
}

static void user_and_role_of_one_name_have_two_keys(void **state)
{
    char role[SG_PRINCIPAL_KEY_MAX + 1], user[SG_PRINCIPAL_KEY_MAX + 1];

    (void)state;
    assert_true(sg_principal_key(role, false, SG_TEXT("Bob")));
    assert_true(sg_principal_key(user, true, SG_TEXT("BOB")));
    assert_string_equal(role, "bob");
    assert_string_equal(user, "user/bob");
    assert_false(sg_key_is_user(role));
    assert_true(sg_key_is_user(user));
    assert_string_equal(sg_key_name_of(user), "bob");
    /* no role's name makes a user's key, whatever it is */
    assert_false(sg_principal_key(role, false, SG_TEXT("user/bob")));
    assert_false(sg_principal_key(user, true, SG_TEXT("user/bob")));
    assert_false(sg_principal_key(user, true, SG_TEXT("")));
    assert_true(sg_principal_key(role, false, SG_TEXT("user")));
    assert_false(sg_key_is_user(role));
}

static void user_arn_is_none_of_a_role(void **state)
{
    const struct sg_text user = SG_TEXT("arn:aws:iam::123456789012:user/team/Bob");
    static const char *const none[] = {
        "arn:aws:iam::123456789012:role/team/Bob",
        "arn:aws:sts::123456789012:user/Bob",
        "arn:aws:sts::123456789012:federated-user/Bob",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::123456789012:users/Bob",
        "arn:aws:iam::123456789012:user//Bob",
        "arn:aws:iam::123456789012:User/Bob",
        "arn:aws:iam:::user/Bob",
        "arn:aws:iam::123456789012:user/*",
    };
    struct sg_session session;
    struct sg_role_arn arn;

    (void)state;
    assert_false(sg_role_arn_parse(&arn, user, true));
    assert_true(sg_user_arn_parse(&arn, user));
    assert_text(arn.path, "/team/");
    assert_true(sg_session_set_role(&session, &arn, user));
    assert_string_equal(session.role_key, "user/bob");
    assert_string_equal(session.role_arn, user.data);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(sg_user_arn_parse(&arn, sg_text_of(none[i])));
        assert_false(arn.user);
    }
}

static void a_name_that_is_none_has_no_key(void **state)
{
    (void)state;
    char folded[SG_ROLE_NAME_MAX + 1], longer[SG_ROLE_NAME_MAX + 1];

    memset(longer, 'a', sizeof longer);
    assert_true(sg_role_name_fold(folded, (struct sg_text){longer, SG_ROLE_NAME_MAX}));
    assert_false(sg_role_name_fold(folded, (struct sg_text){longer, SG_ROLE_NAME_MAX + 1}));
    assert_string_equal(folded, "");
    assert_false(sg_role_name_fold(folded, SG_TEXT("")));
    assert_false(sg_role_name_fold(folded, SG_TEXT("a/b")));
    assert_false(sg_role_name_fold(folded, SG_TEXT("a\0b")));
}

/* --- the interval --- */

#define IAT  INT64_C(1700000000000)
#define LONG (12 * SG_HOUR_MS)

static void assert_interval(struct sg_interval issued, int64_t earliest_ms, int64_t latest_ms)
{
    assert_int_equal(issued.earliest_ms, earliest_ms);
    assert_int_equal(issued.latest_ms, latest_ms);
    assert_true(issued.earliest_ms <= issued.latest_ms);
}

static void a_token_without_session_end_bounds_by_iat_alone(void **state)
{
    (void)state;
    assert_interval(sg_issued_web_identity(IAT, INT64_MIN, LONG), IAT - LONG - 1000, IAT + 1000);
}

static void a_session_that_ends_soon_is_older_than_the_longest_life_left_over(void **state)
{
    (void)state;
    const int64_t end = IAT + SG_HOUR_MS;

    assert_interval(sg_issued_web_identity(IAT, end, LONG), end - LONG - 1000, IAT + 1000);
}

static void a_session_about_to_end_was_issued_at_least_900_s_before(void **state)
{
    (void)state;
    const int64_t end = IAT + 5 * SG_MINUTE_MS;

    assert_interval(sg_issued_web_identity(IAT, end, LONG), end - LONG - 1000,
                    end - SG_SHORTEST_SESSION_MS + 1000);
}

static void a_session_that_ends_when_the_longest_would_begins_at_iat(void **state)
{
    (void)state;
    assert_interval(sg_issued_web_identity(IAT, IAT + LONG, LONG), IAT - 1000, IAT + 1000);
}

static void a_session_longer_than_the_longest_falls_back_to_iat(void **state)
{
    (void)state;
    assert_interval(sg_issued_web_identity(IAT, IAT + LONG + 1, LONG), IAT - LONG - 1000,
                    IAT + 1000);
    assert_interval(sg_issued_web_identity(IAT, INT64_MAX, LONG), IAT - LONG - 1000, IAT + 1000);
}

static void a_longest_session_under_900_s_does_not_turn_the_interval_round(void **state)
{
    (void)state;
    const int64_t end = IAT + SG_MINUTE_MS;
    const struct sg_interval issued = sg_issued_web_identity(IAT, end, SG_MINUTE_MS);

    assert_interval(issued, end - SG_SHORTEST_SESSION_MS - 1000,
                    end - SG_SHORTEST_SESSION_MS + 1000);
}

static void an_exact_time_is_exact_but_for_the_skew(void **state)
{
    (void)state;
    assert_interval(sg_issued_exact(IAT, 0), IAT, IAT);
    assert_interval(sg_issued_exact(IAT, 5000), IAT - 5000, IAT + 5000);
}

static void a_negative_skew_narrows_nothing(void **state)
{
    (void)state;
    assert_interval(sg_issued_exact(IAT, -5000), IAT, IAT);
    assert_interval(sg_issued_latest(IAT, LONG, -5000), IAT - LONG, IAT);
}

static void a_refreshed_time_bounds_from_above_only(void **state)
{
    (void)state;
    assert_interval(sg_issued_latest(IAT, LONG, 0), IAT - LONG, IAT);
    assert_interval(sg_issued_latest(IAT, LONG, 2000), IAT - LONG - 2000, IAT + 2000);
    assert_interval(sg_issued_latest(IAT, -LONG, 0), IAT, IAT);
}

static void times_at_the_ends_of_the_range_saturate(void **state)
{
    (void)state;
    assert_interval(sg_issued_exact(INT64_MAX, 1000), INT64_MAX - 1000, INT64_MAX);
    assert_interval(sg_issued_exact(INT64_MIN, 1000), INT64_MIN, INT64_MIN + 1000);
    assert_interval(sg_issued_latest(INT64_MIN + 5, INT64_MAX, INT64_MAX), INT64_MIN, 4);
    assert_interval(sg_issued_web_identity(INT64_MIN, INT64_MIN + 1, INT64_MAX), INT64_MIN,
                    INT64_MIN + 1000);
    assert_interval(sg_issued_web_identity(INT64_MAX, INT64_MAX, LONG), INT64_MAX - LONG - 1000,
                    INT64_MAX - SG_SHORTEST_SESSION_MS + 1000);
}

/* --- the session's role --- */

static void a_session_takes_its_role_from_the_arn(void **state)
{
    (void)state;
    const struct sg_text text = SG_TEXT(IAM "role/team/Pay");
    struct sg_session session = {0};
    struct sg_role_arn arn;

    assert_true(sg_role_arn_parse(&arn, text, false));
    assert_true(sg_session_set_role(&session, &arn, text));
    assert_string_equal(session.partition, "aws");
    assert_string_equal(session.account, ACCOUNT);
    assert_string_equal(session.role_arn, IAM "role/team/Pay");
    assert_string_equal(session.role_name, "Pay");
    assert_string_equal(session.role_key, "pay");
}

static void an_assumed_role_is_told_in_iams_form(void **state)
{
    (void)state;
    const struct sg_text text = SG_TEXT(STS "assumed-role/Pay/julie");
    struct sg_session session = {0};
    struct sg_role_arn arn;
    struct sg_text session_name;

    assert_true(sg_assumed_role_arn_parse(&arn, &session_name, text, false));
    assert_true(sg_session_set_role(&session, &arn, text));
    assert_string_equal(session.role_arn, IAM "role/Pay");
}

static void the_longest_arn_fits_a_session(void **state)
{
    (void)state;
    char text[SG_ARN_MAX + 1] = IAM "role/";
    size_t at = strlen(text);
    struct sg_session session = {0};
    struct sg_role_arn arn;

    for (size_t i = 1; i < SG_ROLE_PATH_MAX; i++)
        text[at++] = i + 1 == SG_ROLE_PATH_MAX ? '/' : 'p';
    memset(text + at, 'n', SG_ROLE_NAME_MAX);
    text[at + SG_ROLE_NAME_MAX] = '\0';
    assert_true(sg_role_arn_parse(&arn, sg_text_of(text), false));
    assert_true(sg_session_set_role(&session, &arn, sg_text_of(text)));
    assert_string_equal(session.role_arn, text);
}

static void a_role_that_does_not_fit_leaves_no_half_of_it(void **state)
{
    (void)state;
    char longer[SG_ARN_MAX + 2];
    struct sg_session session = {.role_key = "other", .account = "1", .role_arn = "x"};
    const struct sg_role_arn arn = {
        .partition = SG_TEXT("aws"),
        .account = SG_TEXT(ACCOUNT),
        .path = SG_TEXT("/"),
        .name = SG_TEXT("Pay"),
    };

    memset(longer, 'a', sizeof longer);
    assert_false(sg_session_set_role(&session, &arn, (struct sg_text){longer, sizeof longer}));
    assert_string_equal(session.role_key, "");
    assert_string_equal(session.role_name, "");
    assert_string_equal(session.role_arn, "");
    assert_string_equal(session.account, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_arn_is_cut_into_its_parts),
        cmocka_unit_test(an_identity_centre_role_has_a_path),
        cmocka_unit_test(a_path_may_hold_a_colon),
        cmocka_unit_test(a_missing_account_needs_leave),
        cmocka_unit_test(an_account_is_twelve_digits),
        cmocka_unit_test(what_is_not_a_role_is_refused),
        cmocka_unit_test(wildcards_and_strange_bytes_are_refused),
        cmocka_unit_test(an_embedded_nul_is_refused),
        cmocka_unit_test(the_longest_name_and_path_fit_and_no_longer),
        cmocka_unit_test(a_partition_is_at_most_32_lower_case_characters),
        cmocka_unit_test(an_assumed_role_arn_is_cut_into_its_parts),
        cmocka_unit_test(what_is_not_an_assumed_role_is_refused),
        cmocka_unit_test(a_session_name_has_2_to_64_characters),
        cmocka_unit_test(role_names_that_differ_in_case_only_have_one_key),
        cmocka_unit_test(a_name_that_is_none_has_no_key),
        cmocka_unit_test(a_token_without_session_end_bounds_by_iat_alone),
        cmocka_unit_test(a_session_that_ends_soon_is_older_than_the_longest_life_left_over),
        cmocka_unit_test(a_session_about_to_end_was_issued_at_least_900_s_before),
        cmocka_unit_test(a_session_that_ends_when_the_longest_would_begins_at_iat),
        cmocka_unit_test(a_session_longer_than_the_longest_falls_back_to_iat),
        cmocka_unit_test(a_longest_session_under_900_s_does_not_turn_the_interval_round),
        cmocka_unit_test(an_exact_time_is_exact_but_for_the_skew),
        cmocka_unit_test(a_negative_skew_narrows_nothing),
        cmocka_unit_test(a_refreshed_time_bounds_from_above_only),
        cmocka_unit_test(times_at_the_ends_of_the_range_saturate),
        cmocka_unit_test(a_session_takes_its_role_from_the_arn),
        cmocka_unit_test(an_assumed_role_is_told_in_iams_form),
        cmocka_unit_test(the_longest_arn_fits_a_session),
        cmocka_unit_test(a_role_that_does_not_fit_leaves_no_half_of_it),
        cmocka_unit_test(user_and_role_of_one_name_have_two_keys),
        cmocka_unit_test(user_arn_is_none_of_a_role),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
