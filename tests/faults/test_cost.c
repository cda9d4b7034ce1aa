/*
 * What a check costs in kind: once a reader has seen a credential, a check of it allocates nothing,
 * frees nothing and takes no lock, OpenSSL's own included; and what a reader holds does not grow.
 */
#include "heap.h"
#include "tests/unit/gate_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
    static struct gate_fixture fixture;

    gate_fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    gate_fixture_clear(*state);
    return 0;
}

#define RS256_AND_ES384 (SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384))

static void open_usual(struct gate_fixture *f, const char *extra, const char *policy)
{
    if (!heap_stands_in_front())
        skip();
    gate_fixture_write_usual(f, extra);
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    gate_fixture_publish_role(f, "prod", true, policy, 0);
    assert_int_equal(gate_fixture_open(f), 0);
}

static char *token_of(enum sg_alg alg, int64_t iat_s)
{
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, iat_s);
    return jwt_token(alg, &claims);
}

/* A thousand checks of what was seen once. */
static void assert_free_of_charge(struct gate_fixture *f, const char *token, const char *reason)
{
    struct heap_counts before, after;

    assert_string_equal(stsgate_reason_word(gate_fixture_check(f, token).reason), reason);
    before = heap_counts();
    for (int i = 0; i < 1000; i++) {
        if (strcmp(stsgate_reason_word(gate_fixture_check(f, token).reason), reason) != 0)
            fail();
    }
    after = heap_counts();
    assert_int_equal(after.allocations, before.allocations);
    assert_int_equal(after.held, before.held);
    assert_int_equal(after.locks, before.locks);
}

static void cached_check_allocates_nothing_and_takes_no_lock(void **state)
{
    struct gate_fixture *f = *state;
    char *rsa, *ec;

    open_usual(f, "", NULL);
    rsa = token_of(SG_ALG_RS256, JWT_IAT_S);
    ec = token_of(SG_ALG_ES384, JWT_IAT_S);
    assert_free_of_charge(f, rsa, "ok");
    assert_free_of_charge(f, ec, "ok");
    free(rsa);
    free(ec);
}

/* It describes the statement for the log, which takes memory for as long as that lasts. */
static void refusal_of_a_revoked_session_takes_no_lock_and_leaves_nothing_behind(void **state)
{
    struct gate_fixture *f = *state;
    struct heap_counts before, after;
    char *token;

    open_usual(f, "",
               "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\","
               "\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":"
               "\"2099-01-01T00:00:00Z\"}}}}");
    token = token_of(SG_ALG_RS256, JWT_IAT_S);
    for (int i = -1; i < 1000; i++) {
        assert_string_equal(stsgate_reason_word(gate_fixture_check(f, token).reason),
                            "session-revoked");
        if (i == -1)
            before = heap_counts();
    }
    after = heap_counts();
    assert_int_equal(after.held, before.held);
    assert_int_equal(after.locks, before.locks);
    free(token);
}

static void what_is_refused_before_any_signature_allocates_nothing_and_takes_no_lock(void **state)
{
    struct gate_fixture *f = *state;
    char *expired, *other;

    open_usual(f, "", NULL);
    expired = token_of(SG_ALG_RS256, JWT_IAT_S - 100000);
    other = token_of(SG_ALG_ES256, JWT_IAT_S);
    assert_free_of_charge(f, NULL, "no-credential");
    assert_free_of_charge(f, "a.b.c", "malformed");
    assert_free_of_charge(f, expired, "expired");
    assert_free_of_charge(f, other, "bad-algorithm");
    free(expired);
    free(other);
}

static void thousand_forgeries_leave_nothing_behind(void **state)
{
    struct gate_fixture *f = *state;
    struct heap_counts before, after;
    char *token, *signature;

    open_usual(f, "", NULL);
    token = token_of(SG_ALG_RS256, JWT_IAT_S);
    signature = strrchr(token, '.') + 1;
    for (int i = -10; i < 1000; i++) {
        if (i == 0)
            before = heap_counts();
        snprintf(signature, 5, "%04x", (unsigned)(i + 10));
        signature[4] = 'A';
        assert_string_equal(stsgate_reason_word(gate_fixture_check(f, token).reason),
                            "bad-signature");
    }
    after = heap_counts();
    assert_int_equal(after.held, before.held);
    free(token);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(cached_check_allocates_nothing_and_takes_no_lock),
        T(refusal_of_a_revoked_session_takes_no_lock_and_leaves_nothing_behind),
        T(what_is_refused_before_any_signature_allocates_nothing_and_takes_no_lock),
        T(thousand_forgeries_leave_nothing_behind),
    };

    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
