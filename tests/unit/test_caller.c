/*
 * test_caller.c - what AWS says of a signed request, read by the agent: both of its languages, and
 * nothing that only looks like an answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/caller.h"

#include <stdio.h>

#define ARN  "arn:aws:sts::123456789012:assumed-role/payments-writer/julie"
#define USER "AROAEXAMPLE0000000001:julie"

static const struct sg_account account = {
    .label = "prod", .id = "123456789012", .partition = "aws"};
static struct sg_identity_answer answer;

static int read_one(const char *body)
{
    answer = (struct sg_identity_answer){.date_ms = 1};
    return sg_caller_read(&answer, sg_text_of(body), &account);
}

static int read_json(const char *arn, const char *user, const char *id)
{
    char body[1024];

    (void)snprintf(
        body, sizeof(body),
        "{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{\"Account\":\"%s\","
        "\"Arn\":\"%s\",\"UserId\":\"%s\"},\"ResponseMetadata\":{\"RequestId\":\"x\"}}}",
        id, arn, user);
    return read_one(body);
}

static void json_and_xml_say_the_same(void **state)
{
    (void)state;
    assert_int_equal(read_json(ARN, USER, "123456789012"), SG_OK);
    assert_string_equal(answer.role_name, "payments-writer");
    assert_string_equal(answer.role_id, "AROAEXAMPLE0000000001");
    assert_string_equal(answer.session_name, "julie");
    assert_string_equal(answer.account, "123456789012");
    answer.head.magic = SG_ASK_MAGIC;
    assert_true(sg_identity_answer_valid(&answer));
    assert_int_equal(
        read_one("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                 "<GetCallerIdentityResult><Arn>" ARN "</Arn><UserId>" USER "</UserId>"
                 "<Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata>"
                 "<RequestId>x</RequestId></ResponseMetadata></GetCallerIdentityResponse>"),
        SG_OK);
    assert_string_equal(answer.session_name, "julie");
}

static void principal_that_is_no_role_is_told_as_such(void **state)
{
    static const char *const arns[] = {
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/emy",
        "arn:aws:iam::123456789012:role/payments-writer",
        "arn:aws:sts::123456789012:assumed-role/team/payments-writer/julie",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(arns) / sizeof(arns[0]); i++) {
        assert_int_equal(read_json(arns[i], USER, "123456789012"), SG_OK);
        assert_int_equal(answer.head.status, SG_IDENTITY_NO_ROLE);
        assert_string_equal(answer.role_name, "");
    }
}

static void user_is_told_with_his_id_and_no_session(void **state)
{
    (void)state;
    assert_int_equal(read_json("arn:aws:iam::123456789012:user/team/Emy", "AIDAEXAMPLE0000000001",
                               "123456789012"),
                     SG_OK);
    assert_int_equal(answer.head.status, 0);
    assert_string_equal(answer.role_name, "Emy");
    assert_string_equal(answer.role_id, "AIDAEXAMPLE0000000001");
    assert_string_equal(answer.session_name, "");
}

/* Neither may pass for the other: not a user with a role's id, nor a session with a user's. */
static void user_and_role_are_never_mixed(void **state)
{
    static const char *const wrong[][2] = {
        {"arn:aws:iam::123456789012:user/emy", USER},
        {"arn:aws:iam::123456789012:user/emy", "AROAEXAMPLE0000000001"},
        {"arn:aws:iam::123456789012:user/emy", "AIDAEXAMPLE0000000001:julie"},
        {"arn:aws:iam::123456789012:user/emy", "123456789012:emy"},
        {"arn:aws:iam::123456789012:user/emy", ""},
        {"arn:aws:iam::210987654321:user/emy", "AIDAEXAMPLE0000000001"},
        {"arn:aws-cn:iam::123456789012:user/emy", "AIDAEXAMPLE0000000001"},
        {ARN, "AIDAEXAMPLE0000000001:julie"},
        {ARN, "AIDAEXAMPLE0000000001"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(read_json(wrong[i][0], wrong[i][1], "123456789012"), SG_E_INVALID);
}

static void answer_of_another_account_is_none(void **state)
{
    (void)state;
    assert_int_equal(read_json(ARN, USER, "210987654321"), SG_E_INVALID);
    assert_int_equal(read_json("arn:aws:sts::210987654321:assumed-role/payments-writer/julie", USER,
                               "123456789012"),
                     SG_E_INVALID);
    assert_int_equal(read_json("arn:aws-cn:sts::123456789012:assumed-role/payments-writer/julie",
                               USER, "123456789012"),
                     SG_E_INVALID);
}

static void user_id_must_be_the_sessions(void **state)
{
    static const char *const ids[] = {
        "AROAEXAMPLE0000000001:emy",    "AROAEXAMPLE0000000001",
        "AIDAEXAMPLE0000000001:julie",  ":julie",
        "AROAEXAMPLE0000000001:julie:", "julie",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        assert_int_equal(read_json(ARN, ids[i], "123456789012"), SG_E_INVALID);
}

static void what_is_no_such_answer_is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "<html>sts</html>",
        "{}",
        "{\"GetCallerIdentityResponse\":{}}",
        "{\"GetSessionTokenResponse\":{\"GetCallerIdentityResult\":{\"Account\":\"123456789012\","
        "\"Arn\":\"" ARN "\",\"UserId\":\"" USER "\"}}}",
        /* one level too deep, and not deep enough: an answer that reflects what was sent */
        "{\"GetCallerIdentityResponse\":{\"x\":{\"GetCallerIdentityResult\":{\"Account\":"
        "\"123456789012\",\"Arn\":\"" ARN "\",\"UserId\":\"" USER "\"}}}}",
        "{\"GetCallerIdentityResponse\":{\"Account\":\"123456789012\",\"Arn\":\"" ARN
        "\",\"UserId\":\"" USER "\"}}",
        "{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{\"Account\":\"123456789012\","
        "\"Arn\":\"" ARN "\",\"UserId\":\"" USER "\"}}} {}",
        "{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{\"Account\":\"123456789012\","
        "\"Arn\":\"" ARN "\",\"UserId\":\"" USER "\"",
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>" ARN "</Arn><Arn>" ARN "</Arn>"
        "<UserId>" USER "</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
        "</GetCallerIdentityResponse>",
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>" ARN "</Arn><UserId>" USER
        "</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><GetCallerIdentityResponse/>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_not_equal(read_one(bodies[i]), SG_OK);
}

static void texts_too_long_for_us_are_refused(void **state)
{
    char session[80] = "", arn[200], user[200];

    (void)state;
    memset(session, 's', 65);
    (void)snprintf(arn, sizeof(arn), "arn:aws:sts::123456789012:assumed-role/payments-writer/%s",
                   session);
    (void)snprintf(user, sizeof(user), "AROAEXAMPLE0000000001:%s", session);
    (void)read_json(arn, user, "123456789012");
    assert_string_equal(answer.session_name, "");
}

/* ---- the companion ---- */

static int read_role(bool *same, const char *arn, const char *id)
{
    char body[1024];

    (void)snprintf(body, sizeof(body),
                   "{\"GetRoleResponse\":{\"GetRoleResult\":{\"Role\":{\"Arn\":\"%s\","
                   "\"RoleId\":\"%s\",\"RoleName\":\"payments-writer\",\"Path\":\"/team/\","
                   "\"CreateDate\":1700000000.0}},\"ResponseMetadata\":{\"RequestId\":\"x\"}}}",
                   arn, id);
    return sg_caller_read_role(same, sg_text_of(body), &answer, &account);
}

static void companion_is_of_the_same_role_or_worth_nothing(void **state)
{
    bool same = false;

    (void)state;
    assert_int_equal(read_json(ARN, USER, "123456789012"), SG_OK);
    assert_int_equal(read_role(&same, "arn:aws:iam::123456789012:role/team/payments-writer",
                               "AROAEXAMPLE0000000001"),
                     SG_OK);
    assert_true(same);
    assert_int_equal(read_role(&same, "arn:aws:iam::123456789012:role/team/payments-writer",
                               "AROAEXAMPLE0000000002"),
                     SG_OK);
    assert_false(same);
    assert_int_equal(read_role(&same, "arn:aws:iam::210987654321:role/team/payments-writer",
                               "AROAEXAMPLE0000000001"),
                     SG_OK);
    assert_false(same);
    assert_int_equal(read_role(&same, "arn:aws:iam::123456789012:role/team/payments-reader",
                               "AROAEXAMPLE0000000001"),
                     SG_OK);
    assert_false(same);
    same = true;
    assert_int_not_equal(sg_caller_read_role(&same, SG_TEXT("{}"), &answer, &account), SG_OK);
    assert_false(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_and_xml_say_the_same),
        cmocka_unit_test(principal_that_is_no_role_is_told_as_such),
        cmocka_unit_test(user_is_told_with_his_id_and_no_session),
        cmocka_unit_test(user_and_role_are_never_mixed),
        cmocka_unit_test(answer_of_another_account_is_none),
        cmocka_unit_test(user_id_must_be_the_sessions),
        cmocka_unit_test(what_is_no_such_answer_is_none),
        cmocka_unit_test(texts_too_long_for_us_are_refused),
        cmocka_unit_test(companion_is_of_the_same_role_or_worth_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
