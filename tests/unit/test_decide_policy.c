/*
 * test_decide_policy.c - conditional statements against what a session, its
 * credential and the host tell: keys, evidence for unknown ones, guardrails,
 * what can't be read, and a service's own action and resource.
 */
#include "base/encoding.h"
#include "gate/context.h"
#include "gate/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR_MS   INT64_C(3600000)
#define SEEN_MS   INT64_C(1795514400000)          /* when every statement was first seen */
#define ISSUED_MS (SEEN_MS - HOUR_MS)             /* exactly, unless told otherwise */
#define NOW_MS    (SEEN_MS + 10 * INT64_C(60000)) /* past settled */
#define ROLE      "arn:aws:iam::123456789012:role/team/payments"

struct fixture {
    struct sg_account account;
    struct sg_issuer issuer;
    struct sg_service service;
    struct sg_session session;
    struct sg_record record;
    struct sg_buffer statements, token, trace;
    struct stsgate_request request;
    struct sg_grounds grounds;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sg_role_arn arn;

    assert_non_null(f);
    f->account = (struct sg_account){.label = "prod", .settle_ms = 60000, .settled_ms = 300000};
    f->issuer = (struct sg_issuer){.kind = SG_ISSUER_WEB_IDENTITY, .account = &f->account};
    f->service = (struct sg_service){.name = "payments", .issued_before_ms = INT64_MIN};
    assert_true(sg_role_arn_parse(&arn, SG_TEXT(ROLE), false));
    assert_true(sg_session_set_role(&f->session, &arn, SG_TEXT(ROLE)));
    f->session.issued = (struct sg_interval){ISSUED_MS, ISSUED_MS};
    f->record = (struct sg_record){.state = SG_ROLE_PRESENT,
                                   .cutoff_ms = SG_CUTOFF_NONE,
                                   .role_id = SG_TEXT("AROAEXAMPLE"),
                                   .arn = SG_TEXT(ROLE)};
    f->request = (struct stsgate_request){.size = sizeof(f->request),
                                          .source_ip = {"192.0.2.7", 9},
                                          .user_agent = {"curl/8", 6},
                                          .referer = {"", 0},
                                          .secure_transport = true};
    f->grounds = (struct sg_grounds){.session = &f->session,
                                     .service = &f->service,
                                     .issuer = &f->issuer,
                                     .account = &f->account,
                                     .record = &f->record,
                                     .request = &f->request,
                                     .now_ms = NOW_MS,
                                     .aws_now_ms = NOW_MS};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sg_buffer_clear(&f->statements);
    sg_buffer_clear(&f->token);
    sg_buffer_clear(&f->trace);
    free(f);
    return 0;
}

/* One statement more, as the agent keeps it. */
static void give(struct fixture *f, const char *statement)
{
    const struct sg_statement *found;
    struct sg_buffer document = {0};
    size_t at = 0;

    sg_buffer_addf(&document, "{\"Version\":\"2012-10-17\",\"Statement\":[%s]}", statement);
    assert_int_equal(sg_policy_compile(&f->statements, sg_buffer_text(&document), SG_POLICY_INLINE,
                                       SG_TEXT("Test"), NULL),
                     SG_OK);
    sg_buffer_clear(&document);
    f->record.statements = sg_buffer_text(&f->statements);
    while ((found = sg_statement_next(f->record.statements, &at)) != NULL) {
        struct sg_statement *one = (struct sg_statement *)(void *)found;

        one->flags |= SG_STATEMENT_FROM_IAM;
        one->first_seen_ms = SEEN_MS;
        f->record.residual = true;
    }
}

static void give_condition(struct fixture *f, const char *condition)
{
    char statement[1024];

    snprintf(statement, sizeof(statement),
             "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":%s}",
             condition);
    give(f, statement);
}

/* AWS's claims of a token; nobody looks at its header or signature here. */
static void give_claims(struct fixture *f, const char *claims)
{
    struct sg_buffer text = {0};

    sg_buffer_addf(&text, "{\"https://sts.amazonaws.com/\":%s}", claims);
    sg_buffer_clear(&f->token);
    sg_buffer_addf(&f->token, "e30.");
    sg_base64url_encode(&f->token, (const unsigned char *)text.data, text.length);
    sg_buffer_addf(&f->token, ".c2ln");
    sg_buffer_clear(&text);
    f->grounds.credential = sg_buffer_text(&f->token);
}

static struct sg_decision decide(const struct fixture *f)
{
    struct sg_decision decision;

    sg_decide_record(&decision, &f->grounds);
    return decision;
}

static void assert_reason(const struct fixture *f, const char *word)
{
    const struct sg_decision decision = decide(f);

    assert_string_equal(stsgate_reason_word(decision.reason), word);
    assert_int_equal(decision.verdict, strcmp(word, "ok") == 0 ? STSGATE_ALLOW : STSGATE_DENY);
}

static void put(char *out, size_t size, const char *text)
{
    assert_true(sg_text_copy(out, size, sg_text_of(text)));
}

/* --- who tells what --- */

static void session_that_a_deny_names_is_revoked_and_others_are_not(void **state)
{
    struct fixture *f = *state;

    f->issuer.kind = SG_ISSUER_CALLER_IDENTITY;
    put(f->session.role_id, sizeof(f->session.role_id), "AROAEXAMPLE");
    put(f->session.session_name, sizeof(f->session.session_name), "alice");
    give_condition(f, "{\"StringEquals\":{\"aws:userid\":\"AROAEXAMPLE:alice\"}}");
    assert_reason(f, "session-revoked");
    put(f->session.session_name, sizeof(f->session.session_name), "bob");
    assert_reason(f, "ok");
}

static void role_id_of_a_self_hosted_session_is_its_records(void **state)
{
    struct fixture *f = *state;

    f->issuer.kind = SG_ISSUER_JWT;
    put(f->session.session_name, sizeof(f->session.session_name), "alice");
    give_condition(f, "{\"StringLike\":{\"aws:userid\":\"AROAEXAMPLE:al*\"}}");
    assert_reason(f, "session-revoked");
    put(f->session.session_name, sizeof(f->session.session_name), "bob");
    assert_reason(f, "ok");
    f->session.session_name[0] = '\0';
    assert_reason(f, "session-revoked"); /* unknown, and nothing proves the contrary */
}

static void source_identity_of_a_token_decides(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringEquals\":{\"aws:SourceIdentity\":\"eve\"}}");
    give_claims(f, "{\"source_identity\":\"eve\"}");
    assert_reason(f, "session-revoked");
    give_claims(f, "{\"source_identity\":\"\\u0065ve\"}");
    assert_reason(f, "session-revoked");
    give_claims(f, "{\"source_identity\":\"ann\"}");
    assert_reason(f, "ok");
    give_claims(f, "{}");
    assert_reason(f, "ok");
}

static void claim_of_a_wrong_type_is_unknown_not_absent(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringEquals\":{\"aws:SourceIdentity\":\"eve\"}}");
    give_claims(f, "{\"source_identity\":7}");
    assert_reason(f, "session-revoked");
    give_claims(f, "{\"source_identity\":null}");
    assert_reason(f, "session-revoked");
}

static void token_that_is_not_at_hand_leaves_its_keys_unknown(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringEquals\":{\"aws:PrincipalTag/team\":\"x\"}}");
    assert_reason(f, "session-revoked");
    f->grounds.credential = SG_TEXT("not a token");
    assert_reason(f, "session-revoked");
}

static void tags_are_found_whatever_their_case_and_request_tags_are_not_believed(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringEquals\":{\"aws:PrincipalTag/Team\":\"x\"}}");
    give_claims(f, "{\"principal_tags\":{\"team\":\"x\"}}");
    assert_reason(f, "session-revoked");
    give_claims(f, "{\"principal_tags\":{\"team\":\"X\"},\"request_tags\":{\"team\":\"x\"}}");
    assert_reason(f, "ok");
    give_claims(f, "{\"request_tags\":{\"team\":\"x\"}}");
    assert_reason(f, "ok");
    give_claims(f, "{\"principal_tags\":{\"t\\u0065am\":\"x\"}}");
    assert_reason(f, "session-revoked"); /* a name that can't be compared may be this one */
}

static void paths_of_an_organization_are_a_set(void **state)
{
    struct fixture *f = *state;

    give_condition(f,
                   "{\"ForAnyValue:StringLike\":{\"aws:PrincipalOrgPaths\":\"o-1/r-1/ou-1-*\"}}");
    give_claims(f, "{\"ou_path\":[\"o-1/r-1/ou-2-x/\",\"o-1/r-1/ou-1-x/\"]}");
    assert_reason(f, "session-revoked");
    give_claims(f, "{\"ou_path\":\"o-1/r-1/ou-1-x/\"}");
    assert_reason(f, "session-revoked");
    give_claims(f, "{\"ou_path\":[\"o-1/r-1/ou-2-x/\"]}");
    assert_reason(f, "ok");
    give_claims(f, "{\"ou_path\":[]}");
    assert_reason(f, "ok");
}

static void keys_of_the_request_are_the_hosts(void **state)
{
    struct fixture *f = *state;

    f->service.deny_all = true;
    give_condition(f, "{\"NotIpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}");
    assert_reason(f, "ok");
    f->request.source_ip = (struct stsgate_text){"198.51.100.1", 12};
    assert_reason(f, "session-revoked");
    f->request.source_ip = (struct stsgate_text){"::ffff:192.0.2.9", 16};
    assert_reason(f, "ok");
    f->request.source_ip = (struct stsgate_text){"unix:", 5};
    assert_reason(f, "session-revoked"); /* no address is known: it counts as matching */
    f->grounds.request = NULL;
    assert_reason(f, "session-revoked");
}

static void tls_user_agent_and_referer_are_the_hosts(void **state)
{
    struct fixture *f = *state;

    f->service.deny_all = true;
    give_condition(f, "{\"Bool\":{\"aws:SecureTransport\":\"false\"}}");
    give_condition(f, "{\"StringLike\":{\"aws:UserAgent\":\"python*\"}}");
    give_condition(f, "{\"StringLike\":{\"aws:referer\":\"*\"}}");
    give_condition(f, "{\"Bool\":{\"aws:ViaAWSService\":\"true\"}}");
    assert_reason(f, "ok");
    f->request.secure_transport = false;
    assert_reason(f, "session-revoked");
    f->request.secure_transport = true;
    f->request.user_agent = (struct stsgate_text){"python/3", 8};
    assert_reason(f, "session-revoked");
}

/* --- evidence for unknown keys --- */

static void standing_deny_on_userid_lets_in_what_was_minted_since(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringLike\":{\"aws:userid\":\"*:eve\"}}");
    give_claims(f, "{}");
    f->session.evidence_ms = SEEN_MS + 299999;
    assert_reason(f, "session-revoked");
    assert_int_equal(decide(f).accepted_from_ms, SEEN_MS + 300000);
    f->session.evidence_ms = SEEN_MS + 300000;
    assert_reason(f, "ok");
}

static void deny_on_a_tag_is_not_settled_by_evidence(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringLike\":{\"aws:userid\":\"*:eve\","
                      "\"aws:PrincipalTag/team\":\"x\"}}");
    f->session.evidence_ms = SEEN_MS + 300000;
    assert_reason(f, "session-revoked");
    assert_int_equal(decide(f).accepted_from_ms, 0);
    give_claims(f, "{\"principal_tags\":{\"team\":\"y\"}}");
    assert_reason(f, "ok"); /* false decides, whatever else is unknown */
}

static void signed_get_role_is_evidence_only_for_what_covers_it(void **state)
{
    struct fixture *f = *state;

    f->issuer.kind = SG_ISSUER_CALLER_IDENTITY;
    f->session.issued.earliest_ms = ISSUED_MS - HOUR_MS;
    f->session.evidence_ms = SEEN_MS + 300000;
    give(f, "{\"Effect\":\"Deny\",\"NotAction\":\"iam:*\",\"Resource\":\"*\",\"Condition\":{"
            "\"DateLessThan\":{\"aws:TokenIssueTime\":\"1795510000\"}}}");
    assert_reason(f, "issue-time-uncertain");
    f->issuer.kind = SG_ISSUER_WEB_IDENTITY;
    assert_reason(f, "ok"); /* a mint is covered by that statement */
}

static void evidence_from_after_a_statement_was_gone_proves_nothing(void **state)
{
    struct fixture *f = *state;
    struct sg_statement *statement;

    give_condition(f, "{\"StringLike\":{\"aws:userid\":\"*:eve\"}}");
    statement = (void *)f->statements.data;
    f->session.evidence_ms = SEEN_MS + 400000;
    statement->flags |= SG_STATEMENT_RATCHETED;
    statement->last_seen_ms = SEEN_MS + 350000;
    assert_reason(f, "session-revoked");
    assert_int_equal(decide(f).accepted_from_ms, 0);
    f->session.evidence_ms = SEEN_MS + 350000;
    assert_reason(f, "ok");
}

static void unknown_key_outweighs_an_uncertain_time_that_the_service_lets_in(void **state)
{
    struct fixture *f = *state;

    f->service.allow_uncertain = true;
    f->session.issued.earliest_ms = ISSUED_MS - HOUR_MS;
    give_condition(f, "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"1795510000\"}}");
    assert_reason(f, "ok");
    give_condition(f, "{\"StringLike\":{\"aws:userid\":\"*:eve\"}}");
    assert_reason(f, "session-revoked");
}

/* --- which statements count --- */

static void guardrails_count_only_where_the_service_says_so(void **state)
{
    struct fixture *f = *state;

    give(f, "{\"Effect\":\"Deny\",\"NotAction\":\"iam:*\",\"Resource\":\"*\"}");
    f->record.residual = false; /* as the record says: nothing of it is enforced */
    assert_reason(f, "ok");
    f->service.deny_all = true;
    assert_reason(f, "session-revoked");
}

static void what_cannot_be_read_is_as_the_service_says(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"soon\"}}");
    assert_reason(f, "session-revoked");
    assert_non_null(strstr(decide(f).detail, "soon"));
    f->service.allow_indeterminate = true;
    assert_reason(f, "ok");
    give_condition(f, "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2099-01-01\"}}");
    assert_reason(f, "session-revoked"); /* what can be read still counts */
}

static void action_and_resource_are_the_services(void **state)
{
    struct fixture *f = *state;

    give(f, "{\"Effect\":\"Deny\",\"Action\":\"s3:Get*\",\"Resource\":\"arn:aws:s3:::b*/*\","
            "\"Condition\":{\"Null\":{\"aws:TokenIssueTime\":\"false\"}}}");
    assert_reason(f, "ok");
    f->service.action = "s3:GetObject";
    assert_reason(f, "ok");
    f->service.resource = "arn:aws:s3:::bucket/key";
    assert_reason(f, "session-revoked");
    f->service.resource = "arn:aws:s3:::other/key";
    assert_reason(f, "ok");
}

static void resource_may_hold_the_sessions_own_values(void **state)
{
    struct fixture *f = *state;

    give(f,
         "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"arn:aws:execute-api::${"
         "aws:PrincipalAccount}:pay*\",\"Condition\":{\"Null\":{\"aws:TokenIssueTime\":false}}}");
    assert_reason(f, "session-revoked");
    f->service.name = "reports";
    assert_reason(f, "ok");
}

static int steps;

static void count_step(void *payload, const char *name, const char *text)
{
    struct fixture *f = payload;

    steps++;
    sg_buffer_addf(&f->trace, "%s|%s\n", name, text);
}

static void statements_that_can_no_longer_bite_are_passed_over(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2020-01-01\"},"
                      "\"StringLike\":{\"aws:userid\":\"*\"}}");
    f->grounds.step = count_step;
    f->grounds.payload = f;
    steps = 0;
    assert_reason(f, "ok");
    assert_int_equal(steps, 0);
    f->session.issued.earliest_ms = 0;
    assert_reason(f, "issue-time-uncertain");
    assert_true(steps > 0);
}

static void every_part_of_a_statement_is_told(void **state)
{
    struct fixture *f = *state;

    give_condition(f, "{\"StringNotLike\":{\"aws:PrincipalTag/team\":[\"a\",\"b\"]},"
                      "\"NotIpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"},"
                      "\"DateLessThan\":{\"aws:TokenIssueTime\":\"2099-01-01\"}}");
    give_claims(f, "{\"principal_tags\":{\"team\":\"c\\u001b[2J\"}}");
    f->grounds.step = count_step;
    f->grounds.payload = f;
    assert_reason(f, "ok");
    assert_non_null(strstr(f->trace.data, "condition|match: StringNotLike aws:PrincipalTag/team "
                                          "\"a\" \"b\"; the request: \"c?[2J\"\n"));
    assert_non_null(strstr(f->trace.data, "condition|no match: NotIpAddress aws:SourceIp "
                                          "\"192.0.2.0/24\"; the request: \"192.0.2.7\"\n"));
    assert_non_null(strstr(f->trace.data, "outcome|no match\n"));
    assert_null(strchr(f->trace.data, '\033'));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(session_that_a_deny_names_is_revoked_and_others_are_not),
        T(role_id_of_a_self_hosted_session_is_its_records),
        T(source_identity_of_a_token_decides),
        T(claim_of_a_wrong_type_is_unknown_not_absent),
        T(token_that_is_not_at_hand_leaves_its_keys_unknown),
        T(tags_are_found_whatever_their_case_and_request_tags_are_not_believed),
        T(paths_of_an_organization_are_a_set),
        T(keys_of_the_request_are_the_hosts),
        T(tls_user_agent_and_referer_are_the_hosts),
        T(standing_deny_on_userid_lets_in_what_was_minted_since),
        T(deny_on_a_tag_is_not_settled_by_evidence),
        T(signed_get_role_is_evidence_only_for_what_covers_it),
        T(evidence_from_after_a_statement_was_gone_proves_nothing),
        T(unknown_key_outweighs_an_uncertain_time_that_the_service_lets_in),
        T(guardrails_count_only_where_the_service_says_so),
        T(what_cannot_be_read_is_as_the_service_says),
        T(action_and_resource_are_the_services),
        T(resource_may_hold_the_sessions_own_values),
        T(statements_that_can_no_longer_bite_are_passed_over),
        T(every_part_of_a_statement_is_told),
    };

    return cmocka_run_group_tests_name("decide_policy", tests, NULL, NULL);
}
