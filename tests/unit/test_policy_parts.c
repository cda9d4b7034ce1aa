/*
 * test_policy_parts.c - the pieces that conditions are decided with: keys,
 * patterns, numbers, addresses, variables, what is unknown, and flat tests that
 * nobody wrote. The operators themselves have their cases in tests/data/policy.
 */
#include "policy/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOON_MS INT64_C(1714564800000)

/* --- keys --- */

static void keys_are_found_in_any_case_and_families_by_their_prefix(void **state)
{
    (void)state;
    assert_int_equal(sg_key_find(SG_TEXT("AWS:UserID")), SG_KEY_USERID);
    assert_int_equal(sg_key_find(SG_TEXT("aws:useri")), SG_KEY_OTHER);
    assert_int_equal(sg_key_find(SG_TEXT("aws:principaltag/x")), SG_KEY_PRINCIPAL_TAG);
    assert_int_equal(sg_key_find(SG_TEXT("aws:PrincipalTag/")), SG_KEY_OTHER);
    assert_int_equal(sg_key_find(SG_TEXT("")), SG_KEY_OTHER);
}

static void each_key_of_the_table_is_found_by_its_own_name(void **state)
{
    (void)state;
    for (int key = 1; key < SG_KEY_COUNT; key++) {
        char name[96];
        const struct sg_text text = sg_key_name((enum sg_key)key);

        snprintf(name, sizeof name, "%.*s%s", SG_TEXT_ARG(text),
                 (sg_key_traits((enum sg_key)key) & SG_KEY_FAMILY) != 0 ? "x" : "");
        assert_int_equal(sg_key_find(sg_text_of(name)), key);
    }
}

static enum sg_telling telling(const char *name)
{
    return sg_key_telling(sg_key_find(sg_text_of(name)), sg_text_of(name), SG_CREDENTIAL_JWT,
                          SG_TEXT("execute-api:Invoke"));
}

static void keys_outside_the_table_are_absent_only_when_they_are_another_services(void **state)
{
    (void)state;
    assert_int_equal(telling("s3:prefix"), SG_TELLS_ABSENT);
    assert_int_equal(telling("sts:RoleSessionName"), SG_TELLS_ABSENT);
    assert_int_equal(telling("execute-api:viaSomething"), SG_TELLS_NOT);
    assert_int_equal(telling("aws:KeyOfTomorrow"), SG_TELLS_NOT);
    assert_int_equal(telling("AWS:KeyOfTomorrow"), SG_TELLS_NOT);
    assert_int_equal(telling("accounts.google.com:sub"), SG_TELLS_NOT);
    assert_int_equal(telling("oidc.example/id/1:sub"), SG_TELLS_NOT);
    assert_int_equal(telling("saml:sub"), SG_TELLS_NOT);
    assert_int_equal(telling("no-colon"), SG_TELLS_NOT);
}

/* --- patterns --- */

static bool like(const char *pattern, const char *text)
{
    const struct sg_pattern one = sg_pattern_of(sg_text_of(pattern));

    return sg_pattern_match(&one, sg_text_of(text));
}

static void question_mark_is_one_character_not_one_byte(void **state)
{
    (void)state;
    assert_true(like("a?c", "a\xc3\xa9"
                            "c"));
    assert_false(like("a??c", "a\xc3\xa9"
                              "c"));
    assert_true(like("*?", "\xe2\x82\xac"));
    assert_false(like("*??", "\xe2\x82\xac"));
    assert_false(like("?", ""));
}

static void stars_need_no_more_than_one_step_back(void **state)
{
    char pattern[2002], text[1001];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        pattern[2 * i] = '*';
        pattern[2 * i + 1] = 'a';
        text[i] = 'a';
    }
    pattern[2000] = 'b';
    pattern[2001] = text[1000] = '\0';
    assert_false(like(pattern, text));
    pattern[2000] = '\0';
    assert_true(like(pattern, text));
}

static bool covers(const char *pattern, const char *resource)
{
    const struct sg_pattern one = sg_pattern_of(sg_text_of(pattern));

    return sg_pattern_match_resource(&one, sg_text_of(resource));
}

static void resource_star_crosses_colons_only_at_the_end_of_a_part(void **state)
{
    (void)state;
    assert_true(covers("arn:aws:s3:::b*", "arn:aws:s3:::b:c:d"));
    assert_true(covers("arn:aws:*:x", "arn:aws:a:b:c:x"));
    assert_true(covers("arn:aws:e*", "arn:aws:execute-api:us-east-1:1:x"));
    assert_false(covers("arn:aws:s3:::b*x", "arn:aws:s3:::b:x"));
    assert_true(covers("arn:aws:s3:::b*x", "arn:aws:s3:::b/x"));
    assert_false(covers("arn:aws:s3?::b", "arn:aws:s3:::b"));
    assert_true(covers("a*b:**", "aXb:c:d"));
    assert_false(covers("a*b*c", "a:bc"));
    assert_true(covers("*", ""));
    assert_false(covers("", "a"));
}

static bool arn_like(const char *pattern, const char *text)
{
    const struct sg_pattern one = sg_pattern_of(sg_text_of(pattern));

    return sg_pattern_match_arn(&one, sg_text_of(text));
}

static void arns_are_compared_part_by_part(void **state)
{
    (void)state;
    assert_true(arn_like("arn:*:iam::*:role/*", "arn:aws:iam::123456789012:role/a:b"));
    assert_false(arn_like("arn:*:role/x", "arn:aws:iam::123456789012:role/x"));
    assert_false(arn_like("arn:aws:iam:*:role/x", "arn:aws:iam::123456789012:role/x"));
    assert_false(arn_like("arn:aws:iam::123456789012:role/X", "arn:aws:iam::123456789012:role/x"));
    assert_false(arn_like("*:*:*:*:*:*", "urn:aws:iam::1:x"));
    assert_false(arn_like("arn:aws:iam::1:*", "arn:aws:iam::1"));
}

/* --- numbers and addresses --- */

static void numbers_are_compared_exactly(void **state)
{
    (void)state;
    assert_int_equal(sg_number_compare(SG_TEXT("16777217"), SG_TEXT("16777216")), 1);
    assert_int_equal(
        sg_number_compare(SG_TEXT("99999999999999999999"), SG_TEXT("100000000000000000000")), -1);
    assert_int_equal(sg_number_compare(SG_TEXT("0.10"), SG_TEXT(".1")), 0);
    assert_int_equal(sg_number_compare(SG_TEXT("-0"), SG_TEXT("+0.0")), 0);
    assert_int_equal(sg_number_compare(SG_TEXT("-2"), SG_TEXT("-10")), 1);
    assert_int_equal(sg_number_compare(SG_TEXT("007"), SG_TEXT("7.")), 0);
    assert_int_equal(sg_number_compare(SG_TEXT("1.25"), SG_TEXT("1.3")), -1);
    assert_false(sg_number_valid(SG_TEXT("")));
    assert_false(sg_number_valid(SG_TEXT("-")));
    assert_false(sg_number_valid(SG_TEXT(".")));
    assert_false(sg_number_valid(SG_TEXT("1e3")));
    assert_false(sg_number_valid(SG_TEXT("1 ")));
    assert_false(sg_number_valid(SG_TEXT("0x1")));
}

static bool holds(const char *range_text, const char *address_text)
{
    struct sg_ip_range range, address;

    assert_true(sg_ip_range_parse(&range, sg_text_of(range_text)));
    assert_true(sg_ip_range_parse(&address, sg_text_of(address_text)));
    return sg_ip_range_holds(&range, &address);
}

static void ranges_hold_their_own_family_only(void **state)
{
    (void)state;
    assert_true(holds("192.0.2.0/24", "192.0.2.255"));
    assert_false(holds("192.0.2.0/24", "192.0.3.0"));
    assert_true(holds("192.0.2.128/25", "192.0.2.129"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("192.0.2.99/24", "192.0.2.1"));
    assert_true(holds("0.0.0.0/0", "255.255.255.255"));
    assert_false(holds("::/0", "192.0.2.1"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_true(holds("192.0.2.1", "::ffff:192.0.2.1"));
    assert_true(holds("2001:DB8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {
        "",           "/24",       "1.2.3",       "1.2.3.4/33",   "1.2.3.4/",
        "1.2.3.4/-1", "::1/129",   "1.2.3.4/024", "01.2.3.4",     "1.2.3.4 ",
        "::1%lo",     "localhost", "1.2.3.4/8/8", "[2001:db8::1]"};
    struct sg_ip_range range;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sg_ip_range_parse(&range, sg_text_of(bad[i])));
    assert_false(sg_ip_address_valid(SG_TEXT("192.0.2.0/24")));
    assert_true(sg_ip_address_valid(SG_TEXT("192.0.2.0")));
}

/* --- statements --- */

static struct sg_buffer compile(const char *condition)
{
    struct sg_buffer document = {0}, out = {0};

    sg_buffer_addf(
        &document,
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\","
        "\"Resource\":\"*\",\"Condition\":%s}}",
        condition);
    assert_int_equal(
        sg_policy_compile(&out, sg_buffer_text(&document), SG_POLICY_INLINE, SG_TEXT("Test"), NULL),
        SG_OK);
    assert_true(sg_statement_run_valid(sg_buffer_text(&out)));
    sg_buffer_clear(&document);
    return out;
}

/* What a request with these keys, and no others, is told. */
static enum sg_match match(const char *condition, const struct sg_context_entry *entries,
                           size_t count, enum sg_presence otherwise)
{
    struct sg_context_list list = {entries, count, otherwise};
    const struct sg_policy_request request = {.action = SG_TEXT("execute-api:Invoke"),
                                              .resource = SG_TEXT("arn:aws:x:::y"),
                                              .issued = {NOON_MS, NOON_MS},
                                              .now_ms = NOON_MS + 1500,
                                              .ask = sg_context_list_ask,
                                              .payload = &list};
    struct sg_buffer out = compile(condition);
    const enum sg_match result = sg_statement_match((const void *)out.data, &request);

    sg_buffer_clear(&out);
    return result;
}

static void false_decides_whatever_is_unknown_beside_it(void **state)
{
    const struct sg_text bob = SG_TEXT("bob");
    const struct sg_context_entry entry = {SG_TEXT("aws:userid"), SG_KEY_PRESENT, &bob, 1};

    (void)state;
    assert_int_equal(match("{\"StringEquals\":{\"aws:userid\":\"ann\",\"aws:username\":\"x\"}}",
                           &entry, 1, SG_KEY_UNKNOWN),
                     SG_MATCH_NO);
    assert_int_equal(match("{\"StringEquals\":{\"aws:userid\":\"bob\",\"aws:username\":\"x\"}}",
                           &entry, 1, SG_KEY_UNKNOWN),
                     SG_MATCH_KEY_UNKNOWN);
    assert_int_equal(match("{\"StringEquals\":{\"aws:userid\":\"ann\"},\"NoSuch\":{\"a:b\":1}}",
                           &entry, 1, SG_KEY_ABSENT),
                     SG_MATCH_NO);
    assert_int_equal(match("{\"StringEquals\":{\"aws:userid\":\"bob\"},\"NoSuch\":{\"a:b\":1}}",
                           &entry, 1, SG_KEY_UNKNOWN),
                     SG_MATCH_INDETERMINATE);
}

static void unknown_key_stays_unknown_under_every_operator(void **state)
{
    static const char *const conditions[] = {
        "{\"StringNotEquals\":{\"aws:userid\":\"x\"}}",
        "{\"StringEqualsIfExists\":{\"aws:userid\":\"x\"}}",
        "{\"ForAllValues:StringLike\":{\"aws:userid\":\"x\"}}",
        "{\"ForAnyValue:StringNotLike\":{\"aws:userid\":\"x\"}}",
        "{\"Null\":{\"aws:userid\":\"true\"}}",
        "{\"Null\":{\"aws:userid\":\"false\"}}",
        "{\"NumericLessThan\":{\"aws:MultiFactorAuthAge\":5}}",
        "{\"DateNotEquals\":{\"x:y\":\"2024-05-01\"}}",
        "{\"Bool\":{\"aws:SecureTransport\":true}}",
        "{\"BinaryEquals\":{\"x:y\":\"QQ==\"}}",
        "{\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}",
        "{\"ArnNotLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::1:role/x\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
        assert_int_equal(match(conditions[i], NULL, 0, SG_KEY_UNKNOWN), SG_MATCH_KEY_UNKNOWN);
}

static void variable_of_an_unknown_key_matches_only_what_it_could_make(void **state)
{
    const struct sg_text name = SG_TEXT("team-a");
    const struct sg_context_entry entry = {SG_TEXT("aws:SourceIdentity"), SG_KEY_PRESENT, &name, 1};

    (void)state;
    assert_int_equal(match("{\"StringEquals\":{\"aws:SourceIdentity\":\"team-${aws:userid}\"}}",
                           &entry, 1, SG_KEY_UNKNOWN),
                     SG_MATCH_KEY_UNKNOWN);
    assert_int_equal(match("{\"StringEquals\":{\"aws:SourceIdentity\":\"crew-${aws:userid}\"}}",
                           &entry, 1, SG_KEY_UNKNOWN),
                     SG_MATCH_NO);
    assert_int_equal(match("{\"StringNotEquals\":{\"aws:SourceIdentity\":\"crew-${aws:userid}\"}}",
                           &entry, 1, SG_KEY_UNKNOWN),
                     SG_MATCH_YES);
    assert_int_equal(
        match("{\"StringEquals\":{\"aws:SourceIdentity\":\"team-${aws:userid, 'a'}\"}}", &entry, 1,
              SG_KEY_ABSENT),
        SG_MATCH_YES);
}

static void values_star_is_a_letter_not_a_wildcard(void **state)
{
    const struct sg_text star = SG_TEXT("*"), alice = SG_TEXT("alice");
    const struct sg_context_entry entries[] = {
        {SG_TEXT("aws:PrincipalTag/x"), SG_KEY_PRESENT, &star, 1},
        {SG_TEXT("aws:userid"), SG_KEY_PRESENT, &alice, 1}};

    (void)state;
    assert_int_equal(match("{\"StringLike\":{\"aws:userid\":\"${aws:PrincipalTag/x}\"}}", entries,
                           2, SG_KEY_ABSENT),
                     SG_MATCH_NO);
    assert_int_equal(
        match("{\"StringLike\":{\"aws:PrincipalTag/x\":\"${*}\"}}", entries, 2, SG_KEY_ABSENT),
        SG_MATCH_YES);
    assert_int_equal(match("{\"StringLike\":{\"aws:userid\":\"${*}\"}}", entries, 2, SG_KEY_ABSENT),
                     SG_MATCH_NO);
}

static void variable_that_grows_too_long_is_unknown(void **state)
{
    char *longest = malloc(SG_UNITS_MAX + 1);

    (void)state;
    assert_non_null(longest);
    memset(longest, 'a', SG_UNITS_MAX + 1);
    const struct sg_text text = {longest, SG_UNITS_MAX + 1};
    const struct sg_context_entry entry = {SG_TEXT("aws:userid"), SG_KEY_PRESENT, &text, 1};
    assert_int_equal(
        match("{\"StringEquals\":{\"aws:userid\":\"${aws:userid}\"}}", &entry, 1, SG_KEY_ABSENT),
        SG_MATCH_KEY_UNKNOWN);
    free(longest);
}

static void current_time_and_epoch_time_are_now_in_whole_seconds(void **state)
{
    (void)state;
    assert_int_equal(match("{\"DateEquals\":{\"aws:CurrentTime\":\"2024-05-01T12:00:01Z\"},"
                           "\"NumericEquals\":{\"aws:EpochTime\":1714564801},"
                           "\"DateGreaterThan\":{\"aws:EpochTime\":1714564800}}",
                           NULL, 0, SG_KEY_ABSENT),
                     SG_MATCH_YES);
    assert_int_equal(match("{\"StringEquals\":{\"aws:TokenIssueTime\":\"2024-05-01T12:00:00Z\"}}",
                           NULL, 0, SG_KEY_ABSENT),
                     SG_MATCH_YES);
}

static void principal_without_temporary_credentials_has_no_issue_time(void **state)
{
    const struct sg_policy_request request = {.action = SG_TEXT("a:b"), .no_issue_time = true};
    struct sg_buffer plain = compile("{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2099-01-01\"}}");
    struct sg_buffer if_exists =
        compile("{\"DateLessThanIfExists\":{\"aws:TokenIssueTime\":\"2001-01-01\"}}");

    (void)state;
    assert_int_equal(sg_statement_match((const void *)plain.data, &request), SG_MATCH_NO);
    assert_int_equal(sg_statement_match((const void *)if_exists.data, &request), SG_MATCH_YES);
    sg_buffer_clear(&plain);
    sg_buffer_clear(&if_exists);
}

static int64_t bound_of(const char *condition)
{
    struct sg_buffer out = compile(condition);
    const int64_t bound_ms = ((const struct sg_statement *)(const void *)out.data)->bites_before_ms;

    sg_buffer_clear(&out);
    return bound_ms;
}

static void statement_says_until_when_it_can_bite(void **state)
{
    (void)state;
    assert_int_equal(bound_of("{\"DateLessThan\":{\"aws:TokenIssueTime\":[\"1714564800\",\"7\"]},"
                              "\"StringLike\":{\"aws:userid\":\"x\"}}"),
                     NOON_MS);
    assert_int_equal(bound_of("{\"DateLessThanEquals\":{\"aws:TokenIssueTime\":\"1714564800\"}}"),
                     NOON_MS + 1);
    assert_int_equal(bound_of("{\"DateLessThan\":{\"aws:TokenIssueTime\":\"1714564800\"},"
                              "\"DateEquals\":{\"aws:TokenIssueTime\":\"7\"}}"),
                     7001);
    assert_int_equal(bound_of("{\"DateGreaterThan\":{\"aws:TokenIssueTime\":\"7\"}}"), INT64_MAX);
    assert_int_equal(bound_of("{\"DateNotEquals\":{\"aws:TokenIssueTime\":\"7\"}}"), INT64_MAX);
    assert_int_equal(bound_of("{\"DateLessThan\":{\"aws:CurrentTime\":\"7\"}}"), INT64_MAX);
    assert_int_equal(bound_of("{\"StringLike\":{\"aws:userid\":\"x\"}}"), INT64_MAX);
}

/* --- the flat form is not trusted --- */

static const char *const every_family =
    "{\"StringLike\":{\"aws:userid\":[\"a*\",\"${aws:username, 'b'}\"]},\"NumericLessThan\":{"
    "\"aws:MultiFactorAuthAge\":5},\"DateGreaterThan\":{\"aws:TokenIssueTime\":\"2020-01-01\"},"
    "\"BoolIfExists\":{\"aws:SecureTransport\":true},\"BinaryEquals\":{\"x:y\":\"QQ==\"},"
    "\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"2001:db8::/32\"]},\"ForAllValues:ArnLike\":{"
    "\"aws:PrincipalArn\":\"arn:aws:iam::*:role/x\"},\"Null\":{\"aws:username\":\"true\"}}";

static void step_over(void *payload, const struct sg_policy_step *step)
{
    (void)payload;
    (void)step;
}

/* Each byte in turn set to values that mislead; what is accepted must be walked without harm. */
static void damaged_tests_are_refused_or_harmless(void **state)
{
    static const unsigned char values[] = {0, 1, 7, 8, 0x7f, 0x80, 0xf8, 0xff};
    struct sg_buffer out = compile(every_family);
    const struct sg_policy_request request = {.action = SG_TEXT("a:b"), .issued = {0, 1}};
    size_t refused = 0;

    (void)state;
    for (size_t i = sizeof(struct sg_statement); i < out.length; i++) {
        for (size_t v = 0; v < sizeof values; v++) {
            char *copy = malloc(out.length); /* of the exact size, for the sanitizer */

            assert_non_null(copy);
            memcpy(copy, out.data, out.length);
            copy[i] = (char)values[v];
            if (sg_statement_run_valid((struct sg_text){copy, out.length}))
                (void)sg_statement_trace((const void *)copy, &request, step_over, NULL);
            else
                refused++;
            free(copy);
        }
    }
    assert_in_range(refused, 100, SIZE_MAX);
    sg_buffer_clear(&out);
}

static struct sg_test *first_test(struct sg_buffer *out)
{
    uint16_t count;

    return (struct sg_test *)(void *)sg_flat_tests_at(&count, (const void *)out->data);
}

static void test_whose_key_is_not_what_its_name_says_is_refused(void **state)
{
    struct sg_buffer out = compile("{\"StringLike\":{\"aws:userid\":\"x\"}}");

    (void)state;
    first_test(&out)->key = SG_KEY_USERNAME;
    assert_false(sg_statement_run_valid(sg_buffer_text(&out)));
    first_test(&out)->key = SG_KEY_USERID;
    assert_true(sg_statement_run_valid(sg_buffer_text(&out)));
    first_test(&out)->op = SG_OPERATOR_DATE_LESS;
    assert_false(sg_statement_run_valid(sg_buffer_text(&out)));
    first_test(&out)->op = SG_OPERATOR_COUNT;
    assert_false(sg_statement_run_valid(sg_buffer_text(&out)));
    first_test(&out)->op = SG_OPERATOR_STRING_LIKE;
    first_test(&out)->quantifier = SG_QUANTIFIERS;
    assert_false(sg_statement_run_valid(sg_buffer_text(&out)));
    first_test(&out)->quantifier = 0;
    first_test(&out)->flags = 4;
    assert_false(sg_statement_run_valid(sg_buffer_text(&out)));
    first_test(&out)->flags = 0;
    first_test(&out)->values = 9;
    assert_false(sg_statement_run_valid(sg_buffer_text(&out)));
    sg_buffer_clear(&out);
}

static void values_that_no_statement_can_hold_deny_everything(void **state)
{
    struct sg_buffer condition = {0};

    (void)state;
    sg_buffer_addf(&condition, "{\"StringEquals\":{\"aws:userid\":[\"x\"");
    for (int i = 0; i < 14000; i++)
        sg_buffer_addf(&condition, ",\"abc\"");
    sg_buffer_addf(&condition, "]}}");
    struct sg_buffer out = compile(condition.data);
    const struct sg_statement *statement = (const void *)out.data;

    assert_int_equal(statement->flags, SG_STATEMENT_ENFORCED | SG_STATEMENT_INDETERMINATE);
    assert_int_equal(statement->bites_before_ms, INT64_MAX);
    sg_buffer_clear(&out);
    sg_buffer_clear(&condition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_in_any_case_and_families_by_their_prefix),
        cmocka_unit_test(each_key_of_the_table_is_found_by_its_own_name),
        cmocka_unit_test(keys_outside_the_table_are_absent_only_when_they_are_another_services),
        cmocka_unit_test(question_mark_is_one_character_not_one_byte),
        cmocka_unit_test(stars_need_no_more_than_one_step_back),
        cmocka_unit_test(resource_star_crosses_colons_only_at_the_end_of_a_part),
        cmocka_unit_test(arns_are_compared_part_by_part),
        cmocka_unit_test(numbers_are_compared_exactly),
        cmocka_unit_test(ranges_hold_their_own_family_only),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(false_decides_whatever_is_unknown_beside_it),
        cmocka_unit_test(unknown_key_stays_unknown_under_every_operator),
        cmocka_unit_test(variable_of_an_unknown_key_matches_only_what_it_could_make),
        cmocka_unit_test(values_star_is_a_letter_not_a_wildcard),
        cmocka_unit_test(variable_that_grows_too_long_is_unknown),
        cmocka_unit_test(current_time_and_epoch_time_are_now_in_whole_seconds),
        cmocka_unit_test(principal_without_temporary_credentials_has_no_issue_time),
        cmocka_unit_test(statement_says_until_when_it_can_bite),
        cmocka_unit_test(damaged_tests_are_refused_or_harmless),
        cmocka_unit_test(test_whose_key_is_not_what_its_name_says_is_refused),
        cmocka_unit_test(values_that_no_statement_can_hold_deny_everything),
    };

    return cmocka_run_group_tests_name("policy_parts", tests, NULL, NULL);
}
