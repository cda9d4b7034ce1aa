/*
 * The gate where a host, a memory or a clock is at its edge: what a remembered session leaves
 * behind in a question or a result, instants that make no sense, words from outside in an
 * explanation.
 */
#include "gate_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define RS256   SG_ALG_BIT(SG_ALG_RS256)
#define MINUTES INT64_C(60000)

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

static void usual(struct gate_fixture *f, const char *extra, bool role)
{
    gate_fixture_write_usual(f, extra);
    gate_fixture_publish_keys(f, "prod", RS256);
    gate_fixture_publish_role(f, "prod", role, NULL, 0);
    assert_int_equal(gate_fixture_open(f), 0);
}

static char *token_minted(int64_t iat_s)
{
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, iat_s);
    return jwt_token(SG_ALG_RS256, &claims);
}

/* What an earlier call left on the stack must not reach the next one. */
static void soil_the_stack(void)
{
    volatile unsigned char soil[32768];

    for (size_t i = 0; i < sizeof(soil); i++)
        soil[i] = 0x5a;
}

static void role_of_a_remembered_session_can_be_asked_for(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(JWT_IAT_S);
    struct stsgate_result result;

    usual(f, "", false);
    for (int i = 0; i < 3; i++) {
        soil_the_stack();
        result = gate_fixture_check(f, token);
        assert_int_equal(result.reason, STSGATE_REASON_ROLE_PENDING);
        assert_true(sg_question_valid(result.want, sizeof(struct sg_question)));
    }
    free(token);
}

/* With discover = on-demand nothing is ever read of an account, and nothing stamped, before
 * somebody asks. */
static void role_that_nobody_has_read_is_asked_for_though_its_account_is_stale(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(JWT_IAT_S);
    struct stsgate_result result;

    usual(f, "", false);
    f->boot_ms += 11 * MINUTES;
    result = gate_fixture_check(f, token);
    assert_int_equal(result.verdict, STSGATE_UNDECIDED);
    assert_int_equal(result.reason, STSGATE_REASON_ROLE_PENDING);
    assert_true(sg_question_valid(result.want, sizeof(struct sg_question)));
    free(token);
}

static void nothing_stands_behind_the_texts_of_a_remembered_session(void **state)
{
    static const char zeros[sizeof(((struct stsgate_result *)NULL)->role)];
    struct gate_fixture *f = *state;
    char *token = token_minted(JWT_IAT_S);
    struct stsgate_result result;

    usual(f, "", true);
    for (int i = 0; i < 2; i++) {
        soil_the_stack();
        result = gate_fixture_check(f, token);
        assert_int_equal(result.verdict, STSGATE_ALLOW);
        assert_memory_equal(result.role + strlen(result.role), zeros,
                            sizeof(result.role) - strlen(result.role));
        assert_memory_equal(result.account + strlen(result.account), zeros,
                            sizeof(result.account) - strlen(result.account));
        assert_memory_equal(result.session_name + strlen(result.session_name), zeros,
                            sizeof(result.session_name) - strlen(result.session_name));
    }
    free(token);
}

static void instant_that_makes_no_sense_denies(void **state)
{
    static const int64_t instants_ms[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MAX - 1, INT64_MAX};
    struct gate_fixture *f = *state;
    char *token = token_minted(JWT_IAT_S);
    struct stsgate_request request = {
        .size = sizeof(request), .service = {"payments", 8}, .credential = {token, strlen(token)}};

    usual(f, "mode = observe\nundecided = allow", true);
    assert_int_equal(gate_fixture_check(f, token).verdict, STSGATE_ALLOW); /* now remembered */
    for (size_t i = 0; i < sizeof(instants_ms) / sizeof(instants_ms[0]); i++) {
        struct stsgate_result result = {.size = sizeof(result), .verdict = STSGATE_ALLOW};
        struct stsgate_seal seal;

        request.now_ms = instants_ms[i];
        assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_DENY);
        assert_int_equal(result.verdict, STSGATE_DENY);
        assert_int_not_equal(stsgate_verify(&seal, f->reader, &request), 0);
    }
    free(token);
}

static void undecided_names_no_instant_of_acceptance(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(JWT_IAT_S);
    struct stsgate_result result;
    struct sg_buffer policy = {0};

    usual(f, "max_token_age = 1h", true);
    sg_policy_write_revocation(&policy, (JWT_IAT_S - 60) * 1000);
    gate_fixture_publish_role(f, "prod", true, policy.data, JWT_IAT_S * 1000);
    sg_buffer_clear(&policy);
    result = gate_fixture_check(f, token);
    assert_int_equal(result.reason, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    assert_true(result.accepted_from_ms > 0);
    f->boot_ms += 11 * MINUTES; /* stale, and the token is still good */
    result = gate_fixture_check(f, token);
    assert_int_equal(result.reason, STSGATE_REASON_CUTOFFS_UNAVAILABLE);
    assert_int_equal(result.accepted_from_ms, 0);
    assert_string_equal(result.description,
                        stsgate_reason_text(STSGATE_REASON_CUTOFFS_UNAVAILABLE));
    free(token);
}

/* How many questions came to the agent's socket. */
static int questions_that_came(int listening)
{
    const int came = accept(listening, NULL, NULL);
    struct sg_question question;
    int count = 0;

    while (came >= 0 &&
           recv(came, &question, sizeof(question), MSG_DONTWAIT) == (ssize_t)sizeof(question))
        count++;
    if (came >= 0)
        close(came);
    return count;
}

static void unknown_keys_are_asked_for_once_in_a_window_by_those_who_wait_too(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(JWT_IAT_S), path[96];
    struct stsgate_request request = {
        .size = sizeof(request), .service = {"payments", 8}, .credential = {token, strlen(token)}};
    struct sg_problems problems = {0};
    int listening;

    usual(f, "", true);
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(SG_ALG_ES384));
    f->boot_ms += SG_KEY_REFETCH_WINDOW_MS;
    snprintf(path, sizeof(path), "%s/agent.sock", f->folder);
    listening = sg_ask_listen(path, &problems);
    assert_true(listening >= 0);
    for (int i = 0; i < 5; i++) {
        struct stsgate_result result = {.size = sizeof(result)};

        assert_int_equal(stsgate_wait(&result, f->reader, &request, 0), STSGATE_UNDECIDED);
        assert_int_equal(result.reason, STSGATE_REASON_KEYS_UNAVAILABLE);
    }
    assert_int_equal(questions_that_came(listening), 1);
    close(listening);
    free(token);
}

static void keep_step(void *payload, const char *name, const char *text)
{
    struct sg_buffer *steps = payload;

    sg_buffer_addf(steps, "%s: %s\n", name, text);
}

static void explanation_holds_no_control_character_of_a_token(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_buffer steps = {0};
    const struct sg_trace trace = {.step = keep_step, .payload = &steps};
    struct jwt_claims claims;
    char *token, *json;

    usual(f, "", true);
    jwt_claims_web_identity(&claims, JWT_IAT_S);
    /* U+009B is CSI: terminals that know C1 obey what follows */
    json = jwt_claims_json(&claims);
    token = jwt_token_of(SG_ALG_RS256,
                         "{\"alg\":\"RS256\",\"kid\":\"k\xc2\x9b"
                         "2J\"}",
                         json);
    sg_reader_set_trace(f->reader, &trace);
    assert_int_equal(gate_fixture_check(f, token).verdict, STSGATE_DENY);
    assert_non_null(strstr(steps.data, "credential"));
    assert_null(strstr(steps.data, "\xc2\x9b"));
    sg_buffer_clear(&steps);
    free(json);
    free(token);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(role_of_a_remembered_session_can_be_asked_for),
        T(role_that_nobody_has_read_is_asked_for_though_its_account_is_stale),
        T(nothing_stands_behind_the_texts_of_a_remembered_session),
        T(instant_that_makes_no_sense_denies),
        T(undecided_names_no_instant_of_acceptance),
        T(unknown_keys_are_asked_for_once_in_a_window_by_those_who_wait_too),
        T(explanation_holds_no_control_character_of_a_token),
    };

    return cmocka_run_group_tests_name("gate edges", tests, NULL, NULL);
}
