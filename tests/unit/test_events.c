/*
 * test_events.c - what a message of the events queue is taken for: whose account, which role, whose
 * call; what is nobody's, and what is refused. And what SQS's answers hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/events.h"
#include "aws/sqs.h"
#include "base/date.h"

#include <stdio.h>
#include <string.h>

#define AT       INT64_C(1795514400000) /* 2026-11-24T10:00:00Z */
#define ACCOUNT  "123456789012"
#define DOCUMENT "{\\\"Version\\\":\\\"2012-10-17\\\"}"
#define TOKEN    "IQoJb3JpZ2luX2VjEXAMPLE"

#define PUT   "{\"roleName\":\"App\",\"policyName\":\"Revoke\",\"policyDocument\":\"" DOCUMENT "\"}"
#define ALICE "{\"type\":\"IAMUser\",\"principalId\":\"AIDAEXAMPLE\",\"accessKeyId\":\"AKIA1\"}"
#define SESSION                                                                                    \
    "{\"type\":\"AssumedRole\",\"principalId\":\"AROAEXAMPLE:bob\","                               \
    "\"accessKeyId\":\"ASIAEXAMPLE000000001\",\"sessionContext\":{\"sessionIssuer\":{"             \
    "\"arn\":\"arn:aws:iam::123456789012:role/team/app\"},"                                        \
    "\"attributes\":{\"creationDate\":\"2026-11-24T09:00:00Z\"}}}"
#define ASSUMED                                                                                    \
    "{\"credentials\":{\"accessKeyId\":\"ASIAEXAMPLE000000002\",\"sessionToken\":\"" TOKEN "\"},"  \
    "\"assumedRoleUser\":{\"arn\":\"arn:aws:sts::123456789012:assumed-role/App/bob\"}}"

struct message {
    const char *type, *source, *account, *recipient, *event_source, *name, *time, *identity;
    const char *parameters, *elements, *more;
};

static const struct message usual = {
    .type = "AWS API Call via CloudTrail",
    .source = "aws.iam",
    .account = ACCOUNT,
    .recipient = ACCOUNT,
    .event_source = "iam.amazonaws.com",
    .name = "PutRolePolicy",
    .time = "2026-11-24T10:00:00Z",
    .identity = ALICE,
    .parameters = PUT,
    .elements = "null",
    .more = "",
};

static int read_text(struct sg_event *event, const char *text)
{
    char why[96] = "";
    const int error = sg_event_read(event, sg_text_of(text), why, sizeof why);

    if (error != SG_OK) {
        assert_int_equal(event->kind, SG_EVENT_NONE);
        assert_int_equal(event->account[0], '\0');
        assert_null(event->document.data);
        assert_true(why[0] != '\0');
    }
    return error;
}

static int read_message(struct sg_event *event, const struct message *message)
{
    char text[4096];
    const int length = snprintf(
        text, sizeof text,
        "{\"detail-type\":\"%s\",\"source\":\"%s\",\"account\":\"%s\",\"detail\":{"
        "\"userIdentity\":%s,\"eventTime\":\"%s\",\"eventSource\":\"%s\",\"eventName\":\"%s\","
        "\"requestParameters\":%s,\"responseElements\":%s,\"eventID\":\"e-1\","
        "\"recipientAccountId\":\"%s\"%s}}",
        message->type, message->source, message->account, message->identity, message->time,
        message->event_source, message->name, message->parameters, message->elements,
        message->recipient, message->more);

    assert_true(length > 0 && (size_t)length < sizeof text);
    return read_text(event, text);
}

/* ---- changes ---- */

static void put_role_policy_tells_role_policy_and_document(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};

    (void)state;
    assert_int_equal(read_message(&event, &usual), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_ROLE);
    assert_string_equal(event.account, ACCOUNT);
    assert_string_equal(event.role, "App");
    assert_string_equal(event.policy, "Revoke");
    assert_true(event.touches);
    assert_int_equal(event.origin, SG_POLICY_INLINE);
    assert_int_equal(event.at_ms, AT);
    assert_true(
        sg_text_equal(sg_buffer_text(&event.document), SG_TEXT("{\"Version\":\"2012-10-17\"}")));
    assert_int_equal(event.actor.role_arn[0], '\0'); /* a user's keys have no issue time */
    sg_event_clear(&event);
    assert_null(event.document.data);
}

static void calls_about_users_are_never_about_roles(void **state)
{
    struct message message = usual;
    struct sg_event event = {.kind = SG_EVENT_NONE};

    (void)state;
    message.name = "PutUserPolicy";
    message.parameters = "{\"userName\":\"Bob\",\"policyName\":\"Revoke\","
                         "\"policyDocument\":\"" DOCUMENT "\"}";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_ROLE);
    assert_string_equal(event.role, "user/Bob");
    assert_string_equal(event.policy, "Revoke");
    assert_true(event.document.length > 0);
    sg_event_clear(&event);
    message.name = "RemoveUserFromGroup";
    message.parameters = "{\"userName\":\"Bob\",\"groupName\":\"Ops\"}";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_string_equal(event.role, "user/Bob");
    assert_false(event.touches);
    sg_event_clear(&event);
    message.name = "DeleteGroupPolicy";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_GROUP);
    sg_event_clear(&event);
    message.name = "PutUserPolicy"; /* names no user */
    message.parameters = PUT;
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message = usual;
    message.parameters = "{\"roleName\":\"user/Bob\",\"policyName\":\"Revoke\"}";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
}

static void other_calls_tell_what_they_touch_and_no_document(void **state)
{
    static const struct {
        const char *name, *parameters, *policy;
        enum sg_event_kind kind;
        bool touches;
        enum sg_policy_origin origin;
    } calls[] = {
        {"DeleteRolePolicy", PUT, "Revoke", SG_EVENT_ROLE, true, SG_POLICY_INLINE},
        {"DetachRolePolicy", "{\"roleName\":\"app\",\"policyArn\":\"arn:p\"}", "arn:p",
         SG_EVENT_ROLE, true, SG_POLICY_ATTACHED},
        {"AttachRolePolicy", "{\"roleName\":\"app\",\"policyArn\":\"arn:p\"}", "", SG_EVENT_ROLE,
         false, SG_POLICY_ATTACHED},
        {"PutRolePermissionsBoundary", "{\"roleName\":\"app\",\"permissionsBoundary\":\"arn:p\"}",
         "", SG_EVENT_ROLE, true, SG_POLICY_BOUNDARY},
        {"DeleteRolePermissionsBoundary", "{\"roleName\":\"app\"}", "", SG_EVENT_ROLE, true,
         SG_POLICY_BOUNDARY},
        {"DeleteRole", "{\"roleName\":\"app\"}", "", SG_EVENT_ROLE, false, SG_POLICY_INLINE},
        {"SetDefaultPolicyVersion", "{\"policyArn\":\"arn:p\",\"versionId\":\"v1\"}", "arn:p",
         SG_EVENT_POLICY, true, SG_POLICY_ATTACHED},
        {"ListRoles", "null", "", SG_EVENT_NONE, false, SG_POLICY_INLINE},
        {"CreateGroup", "{\"groupName\":\"app\"}", "", SG_EVENT_NONE, false, SG_POLICY_INLINE},
    };
    struct sg_event event = {.kind = SG_EVENT_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct message message = usual;

        message.name = calls[i].name;
        message.parameters = calls[i].parameters;
        assert_int_equal(read_message(&event, &message), SG_OK);
        assert_int_equal(event.kind, calls[i].kind);
        assert_string_equal(event.policy, calls[i].policy);
        assert_int_equal(event.touches, calls[i].touches);
        assert_true(!event.touches || event.origin == calls[i].origin);
        assert_int_equal(event.document.length, 0);
    }
}

static void managed_policy_that_is_hung_on_a_role_is_told(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.name = "AttachRolePolicy";
    message.parameters = "{\"roleName\":\"app\",\"policyArn\":\"arn:p\"}";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_string_equal(event.hangs, "arn:p");
    assert_int_equal(event.origin, SG_POLICY_ATTACHED);
    message.parameters = "{\"roleName\":\"app\"}";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message.name = "PutRolePermissionsBoundary";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message.parameters = "{\"roleName\":\"app\",\"permissionsBoundary\":\"arn:b\"}";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_string_equal(event.hangs, "arn:b");
    assert_int_equal(event.origin, SG_POLICY_BOUNDARY);
    sg_event_clear(&event);
}

static void managed_policys_document_counts_when_it_is_the_default(void **state)
{
    static const struct {
        const char *standing;
        enum sg_event_kind kind;
    } versions[] = {
        {",\"setAsDefault\":true", SG_EVENT_POLICY},
        {",\"setAsDefault\":\"true\"", SG_EVENT_POLICY}, /* what is no boolean is looked into */
        {",\"setAsDefault\":false", SG_EVENT_NONE},
        {"", SG_EVENT_NONE},
    };
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;
    char parameters[256];

    (void)state;
    message.name = "CreatePolicyVersion";
    message.parameters = parameters;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        (void)snprintf(parameters, sizeof parameters,
                       "{\"policyArn\":\"arn:p\",\"policyDocument\":\"" DOCUMENT "\"%s}",
                       versions[i].standing);
        assert_int_equal(read_message(&event, &message), SG_OK);
        assert_int_equal(event.kind, versions[i].kind);
        assert_int_equal(event.document.length > 0, versions[i].kind == SG_EVENT_POLICY);
    }
    sg_event_clear(&event);
}

static void new_managed_policy_is_told_by_the_arn_that_it_got(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.name = "CreatePolicy";
    message.parameters = "{\"policyName\":\"p\",\"policyDocument\":\"" DOCUMENT "\"}";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message.elements = "{\"policy\":{\"arn\":\"arn:p\"}}";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_MADE);
    assert_string_equal(event.policy, "arn:p");
    assert_true(event.document.length > 0 && !event.touches);
    sg_event_clear(&event);
}

static void session_that_calls_is_told_with_its_issue_time(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.identity = SESSION;
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_string_equal(event.actor.role_arn, "arn:aws:iam::123456789012:role/team/app");
    assert_string_equal(event.actor.access_key_id, "ASIAEXAMPLE000000001");
    assert_string_equal(event.actor.user_id, "AROAEXAMPLE:bob");
    assert_int_equal(event.actor.issued_ms, AT - SG_HOUR_MS);
    sg_event_clear(&event);
}

static void caller_that_is_not_told_whole_is_nobody(void **state)
{
    static const char *const identities[] = {
        "null",
        "{}",
        "\"AssumedRole\"",
        "{\"type\":\"AssumedRole\"}",
        "{\"type\":\"AssumedRole\",\"principalId\":\"A:b\",\"accessKeyId\":\"ASIA1\","
        "\"sessionContext\":{\"sessionIssuer\":{\"arn\":\"arn:x\"},"
        "\"attributes\":{\"creationDate\":\"soon\"}}}",
        "{\"type\":\"AWSService\",\"invokedBy\":\"sso.amazonaws.com\"}",
    };
    struct sg_event event = {.kind = SG_EVENT_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        struct message message = usual;

        message.identity = identities[i];
        assert_int_equal(read_message(&event, &message), SG_OK);
        assert_int_equal(event.kind, SG_EVENT_ROLE);
        assert_int_equal(event.actor.role_arn[0], '\0');
        assert_int_equal(event.actor.issued_ms, 0);
        sg_event_clear(&event);
    }
}

static void call_that_failed_says_nothing(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.more = ",\"errorCode\":\"AccessDenied\"";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_NONE);
    assert_int_equal(event.document.length, 0);
}

/* ---- sessions ---- */

static void assumed_session_is_told_and_its_token_is_not_kept(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.source = "aws.sts";
    message.event_source = "sts.amazonaws.com";
    message.elements = ASSUMED;
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"AssumeRole", "AssumeRoleWithSAML",
                                            "AssumeRoleWithWebIdentity"};

        message.name = names[i];
        assert_int_equal(read_message(&event, &message), SG_OK);
        assert_int_equal(event.kind, SG_EVENT_SESSION);
        assert_string_equal(event.issued.role_arn, "arn:aws:iam::123456789012:role/App");
        assert_string_equal(event.issued.access_key_id, "ASIAEXAMPLE000000002");
        assert_int_equal(event.issued.issued_ms, AT);
        assert_null(memmem(&event, sizeof event, TOKEN, sizeof TOKEN - 1));
    }
    message.name = "GetSessionToken";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_NONE);
}

static void call_of_one_service_is_not_taken_for_anothers(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.name = "AssumeRole"; /* of IAM's event source */
    message.elements = ASSUMED;
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_NONE);
    message = usual;
    message.event_source = "sts.amazonaws.com";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_NONE);
    message = usual;
    message.source = "com.example"; /* what anybody may put on a bus */
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_NONE);
    message = usual;
    message.type = "Scheduled Event";
    assert_int_equal(read_message(&event, &message), SG_OK);
    assert_int_equal(event.kind, SG_EVENT_NONE);
}

/* ---- what is refused ---- */

static void event_that_is_about_two_accounts_is_refused(void **state)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    message.account = "210987654321";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message.account = "";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message.account = message.recipient = "12345678901";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
}

static void change_that_names_no_role_or_policy_is_refused(void **state)
{
    static const char *const parameters[] = {
        "null",
        "{}",
        "[]",
        "{\"roleName\":1,\"policyName\":\"x\"}",
        "{\"roleName\":\"\",\"policyName\":\"x\"}",
        "{\"roleName\":\"a/b\",\"policyName\":\"x\"}",
        "{\"roleName\":\"app\"}",
        "{\"roleName\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"policyName\":\"x\"}",
    };
    struct sg_event event = {.kind = SG_EVENT_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        struct message message = usual;

        message.parameters = parameters[i];
        assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    }
}

static void session_of_no_role_is_refused(void **state)
{
    static const char *const elements[] = {
        "null",
        "{\"assumedRoleUser\":{\"arn\":\"arn:aws:sts::123456789012:assumed-role/App/bob\"}}",
        "{\"credentials\":{\"accessKeyId\":\"ASIA1\"}}",
        "{\"credentials\":{\"accessKeyId\":\"ASIA1\"},"
        "\"assumedRoleUser\":{\"arn\":\"arn:aws:iam::123456789012:role/App\"}}",
    };
    struct sg_event event = {.kind = SG_EVENT_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        struct message message = usual;

        message.source = "aws.sts";
        message.event_source = "sts.amazonaws.com";
        message.name = "AssumeRole";
        message.elements = elements[i];
        assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    }
}

static void text_that_is_no_event_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "no json",
        "{}",
        "[]",
        "null",
        "{\"detail-type\":\"x\"}",
        "{} {}",
        "{\"a\":1,\"a\":2}",
        "{\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\"}",
        "{\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\",\"detail\":[]}",
        "\xef\xbb\xbf{}",
    };
    struct sg_event event = {.kind = SG_EVENT_NONE};
    struct message message = usual;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(read_text(&event, texts[i]), SG_E_INVALID);
    message.time = "24 November 2026";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
    message.time = "1969-12-31T23:59:59Z";
    assert_int_equal(read_message(&event, &message), SG_E_INVALID);
}

/* ---- SQS ---- */

static void url_of_a_queue_tells_where_it_is_asked_and_signed_for(void **state)
{
    static const char *const queues[][3] = {
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/events",
         "https://sqs.eu-west-1.amazonaws.com/", "eu-west-1"},
        {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/e",
         "https://sqs.cn-north-1.amazonaws.com.cn/", "cn-north-1"},
        {"https://us-west-2.queue.amazonaws.com/123456789012/e",
         "https://us-west-2.queue.amazonaws.com/", "us-west-2"},
        {"https://queue.amazonaws.com/123456789012/e", "https://queue.amazonaws.com/", ""},
        {"http://127.0.0.1:4566/123456789012/e", "http://127.0.0.1:4566/", ""},
    };
    static const char *const none[] = {
        "",
        "https://sqs.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com/",
        "https://sqs.eu-west-1.amazonaws.com/e",
        "https://sqs.eu-west-1.amazonaws.com//e",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/a/b",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/a?b",
        "http://sqs.eu-west-1.amazonaws.com/123456789012/e",
    };
    struct sg_sqs_queue queue;

    (void)state;
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        assert_true(sg_sqs_queue_of(&queue, queues[i][0]));
        assert_string_equal(queue.url, queues[i][0]);
        assert_string_equal(queue.endpoint, queues[i][1]);
        assert_string_equal(queue.region, queues[i][2]);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(sg_sqs_queue_of(&queue, none[i]));
}

static void count_message(void *payload, const struct sg_sqs_message *message)
{
    struct sg_sqs_message *last = payload;

    assert_true(message->body.length < 100);
    last->receive_count += message->receive_count;
    last->handle.length++;
}

static int messages(struct sg_sqs_message *sum, const char *text)
{
    *sum = (struct sg_sqs_message){.receive_count = 0};
    return sg_sqs_read_messages(sg_text_of(text), count_message, sum);
}

static void answer_is_taken_whole_or_not_at_all(void **state)
{
    struct sg_sqs_message sum;

    (void)state;
    assert_int_equal(
        messages(&sum, "{\"Messages\":[{\"ReceiptHandle\":\"a\",\"Body\":\"x\",\"Attributes\":{"
                       "\"ApproximateReceiveCount\":\"3\"}},{\"ReceiptHandle\":\"b\","
                       "\"Body\":\"\"}]}"),
        SG_OK);
    assert_int_equal(sum.handle.length, 2);
    assert_int_equal(sum.receive_count, 3);
    assert_int_equal(messages(&sum, "{}"), SG_OK);
    assert_int_equal(messages(&sum, "{\"Messages\":null}"), SG_OK);
    assert_int_equal(messages(&sum, ""), SG_E_INVALID);
    assert_int_equal(messages(&sum, "[]"), SG_E_INVALID);
    assert_int_equal(messages(&sum, "<html>"), SG_E_INVALID);
    assert_int_equal(messages(&sum, "{\"Messages\":{}}"), SG_E_INVALID);
    assert_int_equal(messages(&sum, "{\"Messages\":[{\"ReceiptHandle\":\"a\",\"Body\":\"x\"},"
                                    "{\"ReceiptHandle\":\"\",\"Body\":\"x\"}]}"),
                     SG_E_INVALID);
    assert_int_equal(sum.handle.length, 0);
    assert_int_equal(messages(&sum, "{\"Messages\":[{\"ReceiptHandle\":\"a\"}]}"), SG_E_INVALID);
    assert_int_equal(messages(&sum, "{\"Messages\":[1,1,1,1,1,1,1,1,1,1,1]}"), SG_E_LIMIT);
}

static void error_of_sqs_is_known_by_its_code(void **state)
{
    static const struct {
        const char *body;
        long status;
        enum sg_iam_outcome outcome;
    } errors[] = {
        {"{\"__type\":\"com.amazonaws.sqs#RequestThrottled\"}", 400, SG_IAM_THROTTLED},
        {"{\"__type\":\"com.amazon.coral.service#AccessDeniedException\"}", 400, SG_IAM_DENIED},
        {"{\"__type\":\"com.amazon.coral.service#ExpiredTokenException\"}", 400,
         SG_IAM_CREDENTIALS},
        {"{\"__type\":\"InvalidSignatureException\"}", 403, SG_IAM_CLOCK},
        {"{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"no\"}", 400,
         SG_IAM_FAILED},
        {"<html>", 503, SG_IAM_TRANSIENT},
        {"", 400, SG_IAM_FAILED},
        {"{\"__type\":1,\"message\":{}}", 400, SG_IAM_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const struct sg_http_answer http = {.status = errors[i].status,
                                            .body = sg_text_of(errors[i].body)};
        struct sg_iam_answer answer;

        sg_sqs_classify(&answer, &http);
        assert_int_equal(answer.outcome, errors[i].outcome);
        assert_true(answer.message[0] != '\0');
        assert_int_equal(answer.body.length, 0);
    }
}

static void messages_that_stayed_are_counted(void **state)
{
    (void)state;
    assert_int_equal(sg_sqs_read_failed(SG_TEXT("{\"Successful\":[{\"Id\":\"0\"}]}")), 0);
    assert_int_equal(sg_sqs_read_failed(SG_TEXT("{\"Failed\":[{},{}]}")), 2);
    assert_int_equal(sg_sqs_read_failed(SG_TEXT("{\"Failed\":{}}")), -1);
    assert_int_equal(sg_sqs_read_failed(SG_TEXT("")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_role_policy_tells_role_policy_and_document),
        cmocka_unit_test(other_calls_tell_what_they_touch_and_no_document),
        cmocka_unit_test(managed_policy_that_is_hung_on_a_role_is_told),
        cmocka_unit_test(managed_policys_document_counts_when_it_is_the_default),
        cmocka_unit_test(new_managed_policy_is_told_by_the_arn_that_it_got),
        cmocka_unit_test(session_that_calls_is_told_with_its_issue_time),
        cmocka_unit_test(caller_that_is_not_told_whole_is_nobody),
        cmocka_unit_test(call_that_failed_says_nothing),
        cmocka_unit_test(assumed_session_is_told_and_its_token_is_not_kept),
        cmocka_unit_test(call_of_one_service_is_not_taken_for_anothers),
        cmocka_unit_test(event_that_is_about_two_accounts_is_refused),
        cmocka_unit_test(change_that_names_no_role_or_policy_is_refused),
        cmocka_unit_test(session_of_no_role_is_refused),
        cmocka_unit_test(text_that_is_no_event_is_refused),
        cmocka_unit_test(url_of_a_queue_tells_where_it_is_asked_and_signed_for),
        cmocka_unit_test(answer_is_taken_whole_or_not_at_all),
        cmocka_unit_test(error_of_sqs_is_known_by_its_code),
        cmocka_unit_test(messages_that_stayed_are_counted),
        cmocka_unit_test(calls_about_users_are_never_about_roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
