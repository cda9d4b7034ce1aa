/*
 * test_iam_selfhosted.c - an IAM that is not AWS's (Ceph RGW): ARNs without an account, errors in
 * S3's form, lists that say nothing of an end, documents escaped for XML and not percent-encoded.
 */
#include "aws/iam.h"
#include "base/date.h"
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DATE_MS INT64_C(1795514400000)
#define CUTOFF  "2026-11-24T09:00:00.000Z"
#define META    "<ResponseMetadata><RequestId>tx0000067aa-1</RequestId></ResponseMetadata>"
#define S3_ERROR(code)                                                                             \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>" code                                 \
    "</Code><Message></Message><RequestId>tx1-default</RequestId><HostId>1-default</HostId></"     \
    "Error>"

static struct sg_iam_answer classify(long status, const char *body)
{
    const struct sg_http_answer http = {
        .status = status, .date_ms = DATE_MS, .body = sg_text_of(body)};
    struct sg_iam_answer answer;

    sg_iam_classify(&answer, &http);
    return answer;
}

static void errors_in_the_form_of_s3_are_understood(void **state)
{
    static const struct {
        const char *body;
        long status;
        enum sg_iam_outcome outcome;
    } cases[] = {
        {S3_ERROR("NoSuchEntity"), 404, SG_IAM_NO_SUCH_ENTITY},
        {S3_ERROR("AccessDenied"), 403, SG_IAM_DENIED},
        {S3_ERROR("InvalidAccessKeyId"), 403, SG_IAM_CREDENTIALS},
        {S3_ERROR("ExpiredToken"), 403, SG_IAM_CREDENTIALS},
        {S3_ERROR("SignatureDoesNotMatch"), 403, SG_IAM_CLOCK},
        {S3_ERROR("RequestTimeTooSkewed"), 403, SG_IAM_CLOCK},
        {S3_ERROR("SlowDown"), 503, SG_IAM_THROTTLED},
        {S3_ERROR("ServiceUnavailable"), 503, SG_IAM_TRANSIENT},
        {S3_ERROR("InternalError"), 500, SG_IAM_TRANSIENT},
        {S3_ERROR("UnknownError"), 500, SG_IAM_TRANSIENT},
        {S3_ERROR("MethodNotAllowed"), 405, SG_IAM_FAILED},
        {S3_ERROR("NoSuchBucket"), 404, SG_IAM_FAILED},
        {S3_ERROR("NoSuchKey"), 404, SG_IAM_FAILED},
        {"", 404, SG_IAM_FAILED},
        {"<html><body>404</body></html>", 404, SG_IAM_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sg_iam_answer answer = classify(cases[i].status, cases[i].body);
        if (answer.outcome != cases[i].outcome)
            fail_msg("%s: outcome %d", cases[i].body, (int)answer.outcome);
        assert_true(answer.message[0] != '\0');
    }
}

/* "There is none" must be said, not guessed from a status. */
static void status_404_alone_is_never_no_such_role(void **state)
{
    (void)state;
    assert_int_equal(classify(404, S3_ERROR("NoSuchEntit")).outcome, SG_IAM_FAILED);
    assert_int_equal(classify(404, "<Error><Message>NoSuchEntity</Message></Error>").outcome,
                     SG_IAM_FAILED);
}

struct seen {
    unsigned roles;
    bool whole;
    char arn[128], name[64], role_id[64];
    int64_t created_ms;
};

static bool see_role(void *payload, const struct sg_iam_role *role)
{
    struct seen *seen = payload;

    seen->roles++;
    seen->whole = role->whole;
    seen->created_ms = role->created_ms;
    return sg_text_copy(seen->arn, sizeof seen->arn, role->arn) &&
           sg_text_copy(seen->name, sizeof seen->name, role->name) &&
           sg_text_copy(seen->role_id, sizeof seen->role_id, role->role_id);
}

#define ROLE                                                                                       \
    "<GetRoleResponse>" META "<GetRoleResult><Role>"                                               \
    "<RoleId>8f41f4e0-7094-4dc0-ac20-074a881ccbc5</RoleId><RoleName>S3Access</RoleName>"           \
    "<Path>/application_abc/</Path><Arn>arn:aws:iam:::role/application_abc/S3Access</Arn>"         \
    "<CreateDate>2026-01-23T07:43:42.811Z</CreateDate><MaxSessionDuration>3600"                    \
    "</MaxSessionDuration><AssumeRolePolicyDocument>{&quot;Version&quot;:&quot;2012-10-17&quot;,"  \
    "&quot;Statement&quot;:[]}</AssumeRolePolicyDocument></Role></GetRoleResult></"                \
    "GetRoleResponse>"

static void role_whose_arn_has_no_account_is_read_whole(void **state)
{
    struct seen seen = {.roles = 0};
    const struct sg_iam_sink sink = {.role = see_role, .payload = &seen};

    (void)state;
    assert_int_equal(sg_iam_read_role(sg_text_of(ROLE), &sink), SG_OK);
    assert_int_equal(seen.roles, 1);
    assert_true(seen.whole);
    assert_string_equal(seen.arn, "arn:aws:iam:::role/application_abc/S3Access");
    assert_string_equal(seen.role_id, "8f41f4e0-7094-4dc0-ac20-074a881ccbc5");
    assert_true(seen.created_ms > 0);
}

static void document_escaped_for_xml_is_the_same_policy(void **state)
{
    static const char body[] =
        "<GetRolePolicyResponse>" META "<GetRolePolicyResult><PolicyName>AWSRevokeOlderSessions"
        "</PolicyName><RoleName>S3Access</RoleName><PolicyDocument>{&quot;Version&quot;:"
        "&quot;2012-10-17&quot;,&quot;Statement&quot;:[{&quot;Effect&quot;:&quot;Deny&quot;,"
        "&quot;Action&quot;:[&quot;*&quot;],&quot;Resource&quot;:[&quot;*&quot;],"
        "&quot;Condition&quot;:{&quot;DateLessThan&quot;:{&quot;aws:TokenIssueTime&quot;:&"
        "quot;" CUTOFF "&quot;}}}]}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>";
    struct sg_buffer document = {0}, compiled = {0};
    int64_t cutoff_ms = 0;
    size_t at = 0;

    (void)state;
    assert_int_equal(sg_iam_read_document(&document, sg_text_of(body)), SG_OK);
    assert_true(document.length > 0 && document.data[0] == '{');
    assert_int_equal(sg_policy_compile(&compiled, sg_buffer_text(&document), SG_POLICY_INLINE,
                                       SG_TEXT("AWSRevokeOlderSessions"), NULL),
                     SG_OK);
    const struct sg_statement *statement = sg_statement_next(sg_buffer_text(&compiled), &at);
    assert_non_null(statement);
    assert_true(sg_date_parse_iam(&cutoff_ms, SG_TEXT(CUTOFF)));
    assert_int_equal(statement->cutoff_ms, cutoff_ms);
    sg_buffer_clear(&document);
    sg_buffer_clear(&compiled);
}

/* A plain document may hold a percent sign; what is JSON already is not decoded once more. */
static void percent_sign_in_a_plain_document_stays(void **state)
{
    static const char body[] =
        "<GetRolePolicyResponse><GetRolePolicyResult><PolicyDocument>{&quot;Version&quot;:"
        "&quot;2012-10-17&quot;,&quot;Statement&quot;:{&quot;Effect&quot;:&quot;Deny&quot;,"
        "&quot;Action&quot;:&quot;*&quot;,&quot;Resource&quot;:&quot;*&quot;,&quot;Condition&quot;:"
        "{&quot;StringLike&quot;:{&quot;aws:userid&quot;:&quot;100%zz%41&quot;}}}}"
        "</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>";
    struct sg_buffer document = {0}, compiled = {0}, text = {0};
    size_t at = 0;

    (void)state;
    assert_int_equal(sg_iam_read_document(&document, sg_text_of(body)), SG_OK);
    assert_int_equal(sg_policy_compile(&compiled, sg_buffer_text(&document), SG_POLICY_INLINE,
                                       SG_TEXT("x"), NULL),
                     SG_OK);
    const struct sg_statement *statement = sg_statement_next(sg_buffer_text(&compiled), &at);
    assert_non_null(statement);
    sg_statement_describe(&text, statement);
    assert_non_null(strstr(text.data, "100%zz%41"));
    sg_buffer_clear(&text);
    sg_buffer_clear(&document);
    sg_buffer_clear(&compiled);
}

static bool count_name(void *payload, struct sg_text name)
{
    (void)name;
    (*(unsigned *)payload)++;
    return true;
}

static void list_that_says_nothing_of_its_end_is_whole_only_where_that_is_known(void **state)
{
    static const char body[] =
        "<ListRolePoliciesResponse>" META "<ListRolePoliciesResult><PolicyNames><member>Policy1"
        "</member><member>Policy2</member></PolicyNames></ListRolePoliciesResult>"
        "</ListRolePoliciesResponse>";
    static struct sg_iam_page page;
    unsigned count = 0;

    (void)state;
    assert_int_equal(sg_iam_read_names(&page, sg_text_of(body), count_name, &count), SG_E_INVALID);
    page.may_omit = true;
    count = 0;
    assert_int_equal(sg_iam_read_names(&page, sg_text_of(body), count_name, &count), SG_OK);
    assert_int_equal(count, 2);
    assert_false(page.truncated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_in_the_form_of_s3_are_understood),
        cmocka_unit_test(status_404_alone_is_never_no_such_role),
        cmocka_unit_test(role_whose_arn_has_no_account_is_read_whole),
        cmocka_unit_test(document_escaped_for_xml_is_the_same_policy),
        cmocka_unit_test(percent_sign_in_a_plain_document_stays),
        cmocka_unit_test(list_that_says_nothing_of_its_end_is_whole_only_where_that_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
