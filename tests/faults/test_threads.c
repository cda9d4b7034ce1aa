/*
 * One gate, many threads with a reader each, while the store changes under them: each answer must
 * be right for some instant between the question and the answer. Under ThreadSanitizer (make
 * check-threads) it also shows that what they share is not written.
 */
#include "tests/unit/gate_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS  40

static char *tokens[4]; /* RS256, ES384, forged, expired */
static _Atomic bool revoked, stop;
static _Atomic unsigned changes; /* odd while one is under way */
static _Atomic unsigned looks, wrong;

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

static char *token_of(enum sg_alg alg, int64_t iat_s)
{
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, iat_s);
    return jwt_token(alg, &claims);
}

static enum stsgate_reason ask(struct stsgate_reader *reader, const char *token,
                               const struct stsgate_seal *seal)
{
    const struct stsgate_request request = {.size = sizeof(request),
                                            .service = {"payments", 8},
                                            .credential = {token, strlen(token)},
                                            .seal = seal};
    struct stsgate_result result = {.size = sizeof(result)};

    if (stsgate_check(&result, reader, &request) != result.verdict)
        atomic_fetch_add(&wrong, 1);
    return result.reason;
}

static void look_once(struct stsgate_reader *reader, struct stsgate_reader *sibling)
{
    const struct stsgate_request request = {.size = sizeof(request),
                                            .service = {"payments", 8},
                                            .credential = {tokens[1], strlen(tokens[1])}};
    struct stsgate_seal seal;
    enum stsgate_reason reason;
    unsigned before;
    bool due;

    for (int i = 0; i < 2; i++) {
        before = changes;
        due = revoked;
        reason = ask(reader, tokens[i], NULL);
        if (reason != STSGATE_REASON_NONE && reason != STSGATE_REASON_SESSION_REVOKED)
            atomic_fetch_add(&wrong, 1);
        if (before % 2 == 0 && changes == before &&
            (reason == STSGATE_REASON_SESSION_REVOKED) != due)
            atomic_fetch_add(&wrong, 1);
    }
    if (ask(reader, tokens[2], NULL) != STSGATE_REASON_BAD_SIGNATURE ||
        ask(reader, tokens[3], NULL) != STSGATE_REASON_EXPIRED)
        atomic_fetch_add(&wrong, 1);
    if (stsgate_verify(&seal, sibling, &request) == 0 &&
        ask(reader, tokens[1], &seal) == STSGATE_REASON_BAD_SIGNATURE)
        atomic_fetch_add(&wrong, 1);
    atomic_fetch_add(&looks, 1);
}

static void *run(void *gate)
{
    while (!stop) {
        struct stsgate_reader *reader = NULL, *sibling = NULL;

        if (stsgate_reader_open(&reader, gate, NULL) != 0 ||
            stsgate_reader_open(&sibling, gate, reader) != 0)
            atomic_fetch_add(&wrong, 1);
        for (int i = 0; i < 20 && !stop; i++)
            look_once(reader, sibling);
        stsgate_reader_close(sibling);
        stsgate_reader_close(reader);
    }
    return NULL;
}

/* While it lasts, either answer is right. */
static void publish(struct gate_fixture *f, bool revoke)
{
    static const char document[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\","
        "\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":"
        "\"2099-01-01T00:00:00Z\"}}}}";

    atomic_fetch_add(&changes, 1);
    gate_fixture_publish_role(f, "prod", true, revoke ? document : NULL, f->wall_ms);
    revoked = revoke;
    atomic_fetch_add(&changes, 1);
}

static void readers_of_many_threads_follow_a_store_that_changes(void **state)
{
    struct gate_fixture *f = *state;
    pthread_t threads[THREADS];
    char *signature;

    gate_fixture_write_usual(f, "");
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384));
    publish(f, false);
    assert_int_equal(gate_fixture_open(f), 0);
    tokens[0] = token_of(SG_ALG_RS256, JWT_IAT_S);
    tokens[1] = token_of(SG_ALG_ES384, JWT_IAT_S);
    tokens[2] = token_of(SG_ALG_RS256, JWT_IAT_S);
    tokens[3] = token_of(SG_ALG_RS256, JWT_IAT_S - 100000);
    signature = strrchr(tokens[2], '.') + 1;
    memcpy(signature, "AAAA", 4);

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, f->gate), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned target = looks + 8;

        publish(f, round % 2 == 0);
        while (looks < target && wrong == 0)
            sched_yield();
    }
    stop = true;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(wrong, 0);
    assert_true(looks > 100);
    for (size_t i = 0; i < 4; i++)
        free(tokens[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_of_many_threads_follow_a_store_that_changes, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
