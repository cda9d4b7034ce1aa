/*
 * Memory that ends: each allocation of stsgate_open(), stsgate_reader_open() and stsgate_check()
 * fails in turn, alone and with all that follow. What must hold: an error or a refusal, never an
 * allow that is not due, nothing leaked, nothing left behind that spoils the next call.
 */
#include "heap.h"
#include "tests/unit/gate_fixture.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST_ALLOCATIONS 20000 /* of one call; more means that the loop does not end */

#define REVOKED                                                                                    \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\","             \
    "\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":"                  \
    "\"2099-01-01T00:00:00Z\"}}}}"

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

static long held(void)
{
    return heap_counts().held;
}

/* Two kinds of issuer, a key set, a secret and rules: all that a configuration can hold. */
static void write_rich(struct gate_fixture *f)
{
    char *keys =
        jwt_key_set(SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384) | SG_ALG_BIT(SG_ALG_EDDSA));

    gate_fixture_write(f, "keys.json", keys);
    free(keys);
    gate_fixture_write_usual(f, "");
    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstate = %STATE%\nsocket = %FOLDER%/agent.sock\nuser = %USER%\n"
                       "[account prod]\nid = " JWT_ACCOUNT "\n"
                       "[issuer prod]\nkind = aws-web-identity\nurl = " JWT_ISSUER
                       "\naccount = prod\n"
                       "[issuer own]\nkind = jwt\nurl = " JWT_OWN_ISSUER
                       "\nkeys = %FOLDER%/conf/keys.json\nalgorithms = RS256 ES384 EdDSA\n"
                       "issue_time = session:assumed_at\naccount = prod\n");
    gate_fixture_write(f, "services.d/own.conf",
                       "[service]\naccept = own prod\naudience = " JWT_AUDIENCE
                       "\nallow_roles = arn:aws:iam::" JWT_ACCOUNT ":role/team/*\n"
                       "[cutoff arn:aws:iam::" JWT_ACCOUNT ":role/team/old-*]\n"
                       "issued_before = 2020-01-01T00:00:00Z\n");
}

static void counted(void *payload, const char *text)
{
    (void)text;
    ++*(int *)payload;
}

static void open_never_half_opens(void **state)
{
    struct gate_fixture *f = *state;
    int told = 0;
    struct stsgate_options options = {
        .size = sizeof(options), .folder = f->conf, .problem = counted, .payload = &told};
    struct stsgate *gate = NULL;
    unsigned long n = 0;
    long before;

    if (!heap_stands_in_front())
        skip();
    write_rich(f);
    assert_int_equal(stsgate_open(&gate, &options), 0); /* libcrypto has loaded what it keeps */
    stsgate_close(gate);
    for (int on = 0; on < 2; on++) {
        for (n = 1; n < MOST_ALLOCATIONS; n++) {
            before = held();
            heap_fail(n, on != 0);
            const int error = stsgate_open(&gate, &options);
            const bool reached = heap_failed() > 0;
            heap_fail(0, false);
            if (error == 0)
                assert_true(stsgate_has_service(gate, (struct stsgate_text){"own", 3}));
            else
                assert_null(gate);
            stsgate_close(gate);
            ERR_clear_error();
            if (!reached) {
                assert_int_equal(error, 0);
                break;
            }
            assert_true(held() <= before + 8); /* an error queue of libcrypto's, at most */
        }
        assert_in_range(n, 100, MOST_ALLOCATIONS - 1);
    }
    /* Nothing adds up either. */
    before = held();
    for (n = 1; n < 400; n++) {
        heap_fail(n, true);
        (void)stsgate_open(&gate, &options);
        heap_fail(0, false);
        stsgate_close(gate);
        ERR_clear_error();
    }
    assert_true(held() <= before + 8);
}

static void usual(struct gate_fixture *f, const char *policy)
{
    write_rich(f);
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384));
    gate_fixture_publish_role(f, "prod", true, policy, 0);
}

static void reader_never_half_opens(void **state)
{
    struct gate_fixture *f = *state;
    struct stsgate_reader *reader = NULL;
    unsigned long n = 0;

    if (!heap_stands_in_front())
        skip();
    usual(f, NULL);
    assert_int_equal(gate_fixture_open(f), 0);
    for (int on = 0; on < 2; on++) {
        for (n = 1; n < MOST_ALLOCATIONS; n++) {
            const long before = held();

            heap_fail(n, on != 0);
            const int error = stsgate_reader_open(&reader, f->gate, NULL);
            const bool reached = heap_failed() > 0;
            heap_fail(0, false);
            if (error != 0)
                assert_null(reader);
            stsgate_reader_close(reader);
            ERR_clear_error();
            if (!reached) {
                assert_int_equal(error, 0);
                break;
            }
            assert_true(held() <= before + 8);
        }
        assert_in_range(n, 5, MOST_ALLOCATIONS - 1);
    }
}

static char *token_of(enum sg_alg alg, bool own)
{
    struct jwt_claims claims;

    if (own)
        jwt_claims_session(&claims, JWT_IAT_S);
    else
        jwt_claims_web_identity(&claims, JWT_IAT_S);
    return jwt_token(alg, &claims);
}

static struct stsgate_result check(struct stsgate_reader *reader, const char *token)
{
    const struct stsgate_request request = {
        .size = sizeof(request), .service = {"own", 3}, .credential = {token, strlen(token)}};
    struct stsgate_result result = {.size = sizeof(result)};

    const enum stsgate_verdict verdict = stsgate_check(&result, reader, &request);

    assert_int_equal(verdict, result.verdict);
    return result;
}

/*
 * The first check by a reader that has just been opened, which prepares the key, with the nth
 * allocation failing; then again with memory: the right answer must come, whatever was left
 * unfinished. `due` is that answer.
 */
static void check_each(struct gate_fixture *f, const char *token, enum stsgate_reason due)
{
    const int64_t start_ms = f->boot_ms;
    unsigned long n = 0;

    for (int on = 0; on < 2; on++) {
        for (n = 1; n < MOST_ALLOCATIONS; n++) {
            struct stsgate_reader *reader = NULL;
            struct stsgate_result result;

            f->boot_ms = start_ms;
            assert_int_equal(stsgate_reader_open(&reader, f->gate, NULL), 0);
            heap_fail(n, on != 0);
            result = check(reader, token);
            const bool reached = heap_failed() > 0;
            heap_fail(0, false);
            /* libcrypto does not tell a bad signature from one that it had no memory to check. */
            if (result.reason != due && result.reason != STSGATE_REASON_BAD_SIGNATURE)
                assert_int_equal(stsgate_reason_http_status(result.reason), 503);
            if (result.reason != due)
                assert_int_not_equal(result.verdict, STSGATE_ALLOW);
            if (due != STSGATE_REASON_NONE)
                assert_int_not_equal(result.verdict, STSGATE_ALLOW);
            f->boot_ms = start_ms + 2000; /* what failed may be tried again after a second */
            assert_int_equal(check(reader, token).reason, due);
            stsgate_reader_close(reader);
            ERR_clear_error();
            if (!reached) {
                assert_int_equal(result.reason, due);
                break;
            }
        }
        assert_in_range(n, 2, MOST_ALLOCATIONS - 1);
    }
}

static void first_check_refuses_and_the_next_is_right(void **state)
{
    static const struct {
        enum sg_alg alg;
        bool own;
    } kinds[] = {
        {SG_ALG_RS256, false}, {SG_ALG_ES384, false}, {SG_ALG_RS256, true}, {SG_ALG_EDDSA, true}};
    struct gate_fixture *f = *state;

    if (!heap_stands_in_front())
        skip();
    usual(f, NULL);
    assert_int_equal(gate_fixture_open(f), 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char *token = token_of(kinds[i].alg, kinds[i].own);

        check_each(f, token, STSGATE_REASON_NONE);
        free(token);
    }
}

static void forged_and_revoked_are_never_let_in(void **state)
{
    struct gate_fixture *f = *state;
    char *token, *signature;

    if (!heap_stands_in_front())
        skip();
    token = token_of(SG_ALG_RS256, false);
    signature = strrchr(token, '.') + 1;
    usual(f, REVOKED);
    assert_int_equal(gate_fixture_open(f), 0);
    check_each(f, token, STSGATE_REASON_SESSION_REVOKED);
    memcpy(signature, "AAAA", 4);
    check_each(f, token, STSGATE_REASON_BAD_SIGNATURE);
    free(token);
}

/* The new table can't be mapped for want of memory: what is known stays, and gets no younger. */
static void revocation_that_could_not_be_mapped_is_mapped_later(void **state)
{
    struct gate_fixture *f = *state;
    unsigned long n;
    char *token;

    if (!heap_stands_in_front())
        skip();
    token = token_of(SG_ALG_ES384, false);
    usual(f, NULL);
    assert_int_equal(gate_fixture_open(f), 0);
    for (n = 1; n < 200; n++) {
        gate_fixture_publish_role(f, "prod", true, NULL, 0);
        f->boot_ms += 2000;
        assert_int_equal(check(f->reader, token).reason, STSGATE_REASON_NONE);
        gate_fixture_publish_role(f, "prod", true, REVOKED, f->wall_ms);
        heap_fail(n, true);
        assert_int_equal(check(f->reader, token).size, sizeof(struct stsgate_result));
        const bool reached = heap_failed() > 0;
        heap_fail(0, false);
        f->boot_ms += 2000;
        assert_int_equal(check(f->reader, token).reason, STSGATE_REASON_SESSION_REVOKED);
        if (!reached)
            break;
    }
    assert_in_range(n, 1, 199);
    free(token);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(open_never_half_opens),
        T(reader_never_half_opens),
        T(first_check_refuses_and_the_next_is_right),
        T(forged_and_revoked_are_never_let_in),
        T(revocation_that_could_not_be_mapped_is_mapped_later),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
