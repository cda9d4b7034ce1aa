/*
 * test_gate_policy.c - conditional Deny statements from the policy to the
 * verdict: a whole gate, its store and signed tokens. Each is checked twice, as
 * a new credential and as one that is remembered.
 */
#include "gate_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define RS256 SG_ALG_BIT(SG_ALG_RS256)
#define DENY(condition)                                                                            \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\","             \
    "\"Resource\":\"*\",\"Condition\":" condition "}}"

static int set_up(void **state)
{
    struct gate_fixture *f = calloc(1, sizeof(*f));

    gate_fixture_init(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_clear(f);
    free(f);
    return 0;
}

/* First seen an hour before the token was minted. */
static void open_with(struct gate_fixture *f, const char *extra, const char *policy)
{
    gate_fixture_write_usual(f, extra);
    gate_fixture_publish_keys(f, "prod", RS256);
    gate_fixture_publish_role(f, "prod", true, policy, (JWT_IAT_S - 3600) * 1000);
    assert_int_equal(gate_fixture_open(f), 0);
}

static char *token_with(const char *claim, const char *value)
{
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, JWT_IAT_S);
    jwt_set(&claims, claim, "%s", value == NULL ? "0" : value);
    if (value == NULL)
        jwt_drop(&claims, claim);
    return jwt_token(SG_ALG_RS256, &claims);
}

static void assert_checked(struct gate_fixture *f, char *token, const char *word)
{
    for (int i = 0; i < 2; i++)
        assert_string_equal(stsgate_reason_word(gate_fixture_check(f, token).reason), word);
    free(token);
}

static void source_identity_that_a_deny_names_is_refused(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "", DENY("{\"StringEquals\":{\"aws:SourceIdentity\":\"eve\"}}"));
    assert_checked(f, token_with("sts/source_identity", "\"eve\""), "session-revoked");
    assert_checked(f, token_with("sts/source_identity", "\"ann\""), "ok");
    assert_checked(f, token_with("sts/source_identity", NULL), "ok");
}

static void person_of_identity_center_that_a_deny_names_is_refused(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "",
              DENY("{\"StringEquals\":{\"identitystore:userId\":\"u-1\"},\"DateLessThan\":{"
                   "\"aws:TokenIssueTime\":\"2099-01-01T00:00:00Z\"}}"));
    assert_checked(f, token_with("sts/identity_store_user_id", "\"u-1\""), "session-revoked");
    assert_checked(f, token_with("sts/identity_store_user_id", "\"u-2\""), "ok");
}

static void tag_that_a_deny_excepts_passes_and_others_do_not(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "", DENY("{\"StringNotEquals\":{\"aws:PrincipalTag/team\":[\"a\",\"b\"]}}"));
    assert_checked(f, token_with("sts/principal_tags", "{\"Team\":\"b\"}"), "ok");
    assert_checked(f, token_with("sts/principal_tags", "{\"Team\":\"c\"}"), "session-revoked");
    assert_checked(f, token_with("sts/principal_tags", NULL), "session-revoked");
}

static void standing_deny_on_userid_does_not_lock_out_who_mints_under_it(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "", DENY("{\"StringLike\":{\"aws:userid\":\"*:eve\"}}"));
    assert_checked(f, token_with("jti", "\"1\""), "ok");
}

/* The role's id is its record's, whether the session is remembered or not. */
static void deny_on_userid_decides_a_jwt_alike_each_time(void **state)
{
    struct gate_fixture *f = *state;
    struct jwt_claims claims;

    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstate = %STATE%\nsocket = %FOLDER%/a.sock\nuser = %USER%\n"
                       "[account prod]\nid = " JWT_ACCOUNT
                       "\n[issuer prod]\nkind = jwt\nurl = " JWT_OWN_ISSUER
                       "\naccount = prod\njwks = " JWT_OWN_ISSUER "/keys\n"
                       "algorithms = RS256\nissue_time = session:assumed_at\n"
                       "session_name_claim = snam\n");
    gate_fixture_write(f, "services.d/payments.conf",
                       "[service]\naccept = prod\naudience = " JWT_AUDIENCE
                       "\nallow_roles = " JWT_ROLE "\n");
    gate_fixture_publish_keys(f, "prod", RS256);
    gate_fixture_publish_role(f, "prod", true, DENY("{\"StringLike\":{\"aws:userid\":\"*:eve\"}}"),
                              (JWT_IAT_S - 3600) * 1000);
    assert_int_equal(gate_fixture_open(f), 0);
    jwt_claims_session(&claims, JWT_IAT_S);
    jwt_set_string(&claims, "snam", "ann");
    assert_checked(f, jwt_token(SG_ALG_RS256, &claims), "ok");
    jwt_set_string(&claims, "snam", "eve");
    assert_checked(f, jwt_token(SG_ALG_RS256, &claims), "session-revoked");
}

static void tokens_minted_before_a_deny_on_userid_are_told_when_to_come_again(void **state)
{
    struct gate_fixture *f = *state;
    struct stsgate_result result;
    char *token = token_with("jti", "\"1\"");

    gate_fixture_write_usual(f, "");
    gate_fixture_publish_keys(f, "prod", RS256);
    gate_fixture_publish_role(f, "prod", true, DENY("{\"StringLike\":{\"aws:userid\":\"*:eve\"}}"),
                              (JWT_IAT_S + 5) * 1000);
    assert_int_equal(gate_fixture_open(f), 0);
    result = gate_fixture_check(f, token);
    assert_string_equal(stsgate_reason_word(result.reason), "session-revoked");
    assert_int_equal(result.accepted_from_ms, (JWT_IAT_S + 65) * 1000);
    assert_non_null(strstr(result.description, "will be accepted"));
    free(token);
}

static void guardrail_on_addresses_holds_where_the_service_wants_all(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_with("jti", "\"1\"");
    struct stsgate_request request = {
        .size = sizeof(request),
        .service = {"payments", 8},
        .credential = {token, strlen(token)},
        .source_ip = {"192.0.2.7", 9},
        .secure_transport = true,
    };
    struct stsgate_result result = {.size = sizeof(result)};

    open_with(f, "deny = all",
              DENY("{\"NotIpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"},"
                   "\"Bool\":{\"aws:ViaAWSService\":\"false\"}}"));
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_ALLOW);
    request.source_ip = (struct stsgate_text){"198.51.100.7", 12};
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_DENY);
    assert_string_equal(stsgate_reason_word(result.reason), "session-revoked");
    free(token);
}

static void guardrail_is_not_enforced_otherwise(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "", DENY("{\"NotIpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}"));
    assert_checked(f, token_with("jti", "\"1\""), "ok");
}

static void unreadable_date_refuses_unless_the_service_lets_it_pass(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "", DENY("{\"DateLessThan\":{\"aws:TokenIssueTime\":\"soon\"}}"));
    assert_checked(f, token_with("jti", "\"1\""), "session-revoked");
}

static void unreadable_date_passes_where_the_service_says_so(void **state)
{
    struct gate_fixture *f = *state;

    open_with(f, "indeterminate = allow",
              DENY("{\"DateLessThan\":{\"aws:TokenIssueTime\":\"soon\"}}"));
    assert_checked(f, token_with("jti", "\"1\""), "ok");
}

static void take_step(void *payload, const char *name, const char *text)
{
    sg_buffer_addf(payload, "%s: %s\n", name, text);
}

static void explanation_shows_each_condition_and_no_token(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_buffer told = {0};
    const struct sg_trace trace = {.step = take_step, .payload = &told};
    char *token = token_with("sts/source_identity", "\"eve\"");

    open_with(f, "", DENY("{\"StringEquals\":{\"aws:SourceIdentity\":[\"ann\",\"eve\"]}}"));
    sg_reader_set_trace(f->reader, &trace);
    (void)gate_fixture_check(f, token);
    assert_non_null(strstr(told.data, "condition: match: StringEquals aws:SourceIdentity \"ann\" "
                                      "\"eve\"; the request: \"eve\"\n"));
    assert_null(strstr(told.data, token));
    sg_buffer_clear(&told);
    free(token);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(source_identity_that_a_deny_names_is_refused),
        T(person_of_identity_center_that_a_deny_names_is_refused),
        T(tag_that_a_deny_excepts_passes_and_others_do_not),
        T(standing_deny_on_userid_does_not_lock_out_who_mints_under_it),
        T(deny_on_userid_decides_a_jwt_alike_each_time),
        T(tokens_minted_before_a_deny_on_userid_are_told_when_to_come_again),
        T(guardrail_on_addresses_holds_where_the_service_wants_all),
        T(guardrail_is_not_enforced_otherwise),
        T(unreadable_date_refuses_unless_the_service_lets_it_pass),
        T(unreadable_date_passes_where_the_service_says_so),
        T(explanation_shows_each_condition_and_no_token),
    };

    return cmocka_run_group_tests_name("gate_policy", tests, NULL, NULL);
}
