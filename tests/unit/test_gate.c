/*
 * The gate from outside: what a host sees of a request's life, with a real
 * configuration folder, a real store and tokens that AWS could have made.
 */
#include "base/date.h"
#include "gate_fixture.h"

#include <linux/seccomp.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN true
#else
#define UNDER_TSAN false
#endif

#define RS256_AND_ES384 (SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384))
#define MINUTES         INT64_C(60000)

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

/* Everything as in a quiet week: keys and a record without a revocation. */
static void usual(struct gate_fixture *f, const char *extra)
{
    gate_fixture_write_usual(f, extra);
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    assert_int_equal(gate_fixture_open(f), 0);
}

static char *token_minted(enum sg_alg alg, int64_t iat_s)
{
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, iat_s);
    return jwt_token(alg, &claims);
}

static const char *revoke_before(int64_t cutoff_ms)
{
    static char document[400];
    struct sg_buffer text = {0};

    sg_policy_write_revocation(&text, cutoff_ms);
    snprintf(document, sizeof(document), "%s", text.data);
    sg_buffer_clear(&text);
    return document;
}

#define assert_result(result, what, why)                                                           \
    do {                                                                                           \
        struct stsgate_result result_ = (result);                                                  \
        assert_string_equal(stsgate_reason_word(result_.reason), why);                             \
        assert_int_equal(result_.verdict, what);                                                   \
    } while (0)

static void good_token_is_allowed_and_its_session_told(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate_result result;

    usual(f, "");
    result = gate_fixture_check(f, token);
    assert_result(result, STSGATE_ALLOW, "ok");
    assert_string_equal(result.role, JWT_ROLE);
    assert_string_equal(result.account, JWT_ACCOUNT);
    assert_int_equal(result.would_be, STSGATE_ALLOW);
    assert_true(result.issued_latest_ms <= (JWT_IAT_S + 1) * 1000);
    free(token);
}

static void cached_session_is_told_as_the_verified_one(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_ES384, JWT_IAT_S);
    struct stsgate_result first, second;

    usual(f, "");
    first = gate_fixture_check(f, token);
    second = gate_fixture_check(f, token);
    assert_memory_equal(&first, &second, sizeof(first));
    assert_result(second, STSGATE_ALLOW, "ok");
    free(token);
}

static void revocation_reaches_a_cached_session(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);

    usual(f, "");
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    gate_fixture_publish_role(f, "prod", true, revoke_before((JWT_IAT_S + 5) * 1000),
                              (JWT_IAT_S + 5) * 1000);
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "session-revoked");
    /* and the undo lifts it */
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    free(token);
}

static void token_minted_after_the_cutoff_is_told_from_when_it_is_accepted(void **state)
{
    struct gate_fixture *f = *state;
    int64_t cutoff_ms = JWT_IAT_S * 1000;
    char *early = token_minted(SG_ALG_RS256, JWT_IAT_S + 59);
    char *late = token_minted(SG_ALG_RS256, JWT_IAT_S + 60);
    struct stsgate_result result;
    char date[SG_DATE_SIZE];

    usual(f, "");
    f->wall_ms += 2 * MINUTES;
    f->boot_ms += 2 * MINUTES;
    gate_fixture_publish_role(f, "prod", true, revoke_before(cutoff_ms), cutoff_ms);
    result = gate_fixture_check(f, early);
    assert_result(result, STSGATE_DENY, "issue-time-uncertain");
    assert_int_equal(result.accepted_from_ms, cutoff_ms + MINUTES);
    sg_date_format(date, cutoff_ms + MINUTES);
    assert_non_null(strstr(result.description, date));
    assert_result(gate_fixture_check(f, late), STSGATE_ALLOW, "ok");
    free(early);
    free(late);
}

static void no_store_yet_is_undecided_never_allowed(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    char moved[96];

    gate_fixture_write_usual(f, "");
    snprintf(moved, sizeof(moved), "%s.away", f->state);
    assert_int_equal(rename(f->state, moved), 0);
    assert_int_equal(gate_fixture_open(f), 0);
    assert_result(gate_fixture_check(f, token), STSGATE_UNDECIDED, "keys-unavailable");
    /* the agent starts */
    assert_int_equal(rename(moved, f->state), 0);
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    f->boot_ms += 2000;
    assert_result(gate_fixture_check(f, token), STSGATE_UNDECIDED, "cutoffs-unavailable");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    f->boot_ms += 2000;
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    free(token);
}

static void stale_cutoffs_are_undecided_until_they_are_read_again(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S + 600);
    struct stsgate_result result;

    usual(f, "");
    f->wall_ms += 10 * MINUTES;
    f->boot_ms += 10 * MINUTES;
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    f->boot_ms += 1;
    result = gate_fixture_check(f, token);
    assert_result(result, STSGATE_UNDECIDED, "cutoffs-unavailable");
    assert_int_equal(stsgate_reason_http_status(result.reason), 503);
    assert_true(result.retry_after_s > 0);
    assert_int_equal(sg_store_stamp(f->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){f->boot_ms, f->wall_ms}),
                     SG_OK);
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    free(token);
}

static void table_of_what_a_label_was_before_decides_nothing(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);

    gate_fixture_write_usual(f, "");
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    gate_fixture_publish_role(f, "prod", false, NULL, 0);
    /* With source = file a role that is not in the table has no revocation. */
    gate_fixture_write(
        f, "stsgate.conf",
        "[agent]\nstate = %STATE%\nsocket = %FOLDER%/agent.sock\nuser = %USER%\n"
        "[account prod]\nid = " JWT_ACCOUNT "\nsource = file\nfolder = %FOLDER%/roles\n"
        "[issuer prod]\nkind = aws-web-identity\nurl = " JWT_ISSUER "\naccount = prod\n");
    assert_int_equal(gate_fixture_open(f), 0);
    assert_result(gate_fixture_check(f, token), STSGATE_UNDECIDED, "cutoffs-unavailable");
    gate_fixture_claim(f, "prod");
    assert_result(gate_fixture_check(f, token), STSGATE_UNDECIDED, "cutoffs-unavailable");
    assert_int_equal(sg_store_stamp(f->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){f->boot_ms, f->wall_ms}),
                     SG_OK);
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    free(token);
}

static void service_that_allows_the_undecided_still_denies_the_known_revoked(void **state)
{
    struct gate_fixture *f = *state;
    char *old = token_minted(SG_ALG_RS256, JWT_IAT_S + 660);
    char *fresh = token_minted(SG_ALG_RS256, JWT_IAT_S + 661);

    usual(f, "undecided = allow");
    gate_fixture_publish_role(f, "prod", true, revoke_before((JWT_IAT_S + 662) * 1000),
                              (JWT_IAT_S)*1000);
    f->wall_ms += 11 * MINUTES;
    f->boot_ms += 11 * MINUTES;
    assert_result(gate_fixture_check(f, old), STSGATE_DENY, "session-revoked");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    f->wall_ms += 11 * MINUTES;
    f->boot_ms += 11 * MINUTES;
    free(fresh);
    fresh = token_minted(SG_ALG_RS256, f->wall_ms / 1000);
    assert_result(gate_fixture_check(f, fresh), STSGATE_ALLOW, "cutoffs-unavailable");
    free(old);
    free(fresh);
}

static void role_the_store_does_not_know_is_asked_for(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate_result result;
    struct sg_question question;

    usual(f, "");
    gate_fixture_publish_role(f, "prod", false, NULL, 0);
    result = gate_fixture_check(f, token);
    assert_result(result, STSGATE_UNDECIDED, "role-pending");
    memcpy(&question, result.want, sizeof(question));
    assert_true(sg_question_valid(&question, sizeof(question)));
    assert_int_equal(question.kind, SG_ASK_ROLE);
    assert_string_equal(question.label, "prod");
    assert_string_equal(question.role_name, "payments-writer");
    /* there is no agent to ask: the host hears so at once */
    assert_int_equal(stsgate_ask(f->reader, &result, &result), STSGATE_E_AGENT);
    free(token);
}

static void unknown_key_is_asked_for_outside_the_window_only(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_ES384, JWT_IAT_S);

    usual(f, "");
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(SG_ALG_RS256));
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "unknown-key");
    f->boot_ms += SG_KEY_REFETCH_WINDOW_MS;
    assert_result(gate_fixture_check(f, token), STSGATE_UNDECIDED, "keys-unavailable");
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    free(token);
}

/*
 * In a child that the kernel kills at its first system call but read, write and exit: whatever a
 * cached check did, it did in memory. The allocator is counted by the difference that a thousand
 * checks leave in what it handed out.
 */
static void cached_check_makes_no_system_call_and_keeps_no_memory(void **state)
{
    struct gate_fixture *f = *state;
    struct stsgate_request request = {.size = sizeof(request), .service = {"payments", 8}};
    struct stsgate_result result = {.size = sizeof(result)};
    size_t before, after;
    int status = 0;
    char *token;
    pid_t pid;

    if (UNDER_TSAN || getenv("SG_UNDER") != NULL)
        skip(); /* both make calls of their own */
    token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    request.credential = (struct stsgate_text){token, strlen(token)};
    f->boot_ms = sg_clock_boot_ms(&sg_clock_system);
    usual(f, "");
    f->clock = sg_clock_system; /* by vDSO; the token's time is the request's */
    sg_gate_set_clock(f->gate, &f->clock);
    request.now_ms = (JWT_IAT_S + 10) * 1000;
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_ALLOW);
    before = mallinfo2().uordblks;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_ALLOW);
    after = mallinfo2().uordblks;
    assert_int_equal(after, before);
    pid = fork();
    if (pid == 0) {
        int allowed = 0;

        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
            _exit(77);
        for (int i = 0; i < 1000; i++)
            allowed += stsgate_check(&result, f->reader, &request) == STSGATE_ALLOW;
        syscall(SYS_exit, allowed == 1000 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    free(token);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void withdrawn_key_ends_cached_credentials(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_ES384, JWT_IAT_S);

    usual(f, "");
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(SG_ALG_RS256));
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "unknown-key");
    free(token);
}

static void keys_that_could_not_be_fetched_for_a_day_are_not_used(void **state)
{
    struct gate_fixture *f = *state;
    char *token;

    usual(f, "");
    f->wall_ms += 24 * 60 * MINUTES + 1;
    f->boot_ms += 24 * 60 * MINUTES + 1;
    token = token_minted(SG_ALG_RS256, f->wall_ms / 1000);
    assert_result(gate_fixture_check(f, token), STSGATE_UNDECIDED, "keys-unavailable");
    free(token);
}

static void tampered_signature_is_refused_and_not_remembered(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    char *last = token + strlen(token) - 20;

    usual(f, "");
    *last = *last == 'A' ? 'B' : 'A';
    for (int i = 0; i < 3; i++) {
        struct stsgate_result result = gate_fixture_check(f, token);

        assert_result(result, STSGATE_DENY, "bad-signature");
        assert_string_equal(result.role, "");
    }
    free(token);
}

static void cached_token_expires_on_time(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);

    usual(f, "clock_skew = 0");
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    f->wall_ms = JWT_EXP_S * 1000 - 1;
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    f->wall_ms = JWT_EXP_S * 1000;
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "expired");
    free(token);
}

static void clock_set_back_before_the_mint_refuses_a_cached_token(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);

    usual(f, "");
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    f->wall_ms = (JWT_IAT_S - 3600) * 1000;
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "not-yet-valid");
    free(token);
}

static void token_for_one_service_is_not_remembered_for_another(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate_request request = {.size = sizeof(request), .service = {"orders", 6}};
    struct stsgate_result result = {.size = sizeof(result)};

    gate_fixture_write(f, "services.d/orders.conf",
                       "[service]\naccept = prod\naudience = https://orders.example.com\n"
                       "allow_roles = arn:aws:iam::*:role/team/*\n");
    usual(f, "");
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    request.credential = (struct stsgate_text){token, strlen(token)};
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_DENY);
    assert_result(result, STSGATE_DENY, "wrong-audience");
    free(token);
}

static void observe_lets_a_revoked_session_through_and_says_so(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate_result result;

    usual(f, "mode = observe");
    gate_fixture_publish_role(f, "prod", true, revoke_before((JWT_IAT_S + 5) * 1000),
                              (JWT_IAT_S + 5) * 1000);
    result = gate_fixture_check(f, token);
    assert_result(result, STSGATE_ALLOW, "session-revoked");
    assert_int_equal(result.would_be, STSGATE_DENY);
    free(token);
}

static void observe_never_lets_a_credential_through_that_does_not_verify(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);

    usual(f, "mode = observe");
    token[strlen(token) - 20] ^= 1;
    assert_int_equal(gate_fixture_check(f, token).verdict, STSGATE_DENY);
    assert_result(gate_fixture_check(f, NULL), STSGATE_DENY, "no-credential");
    free(token);
    token = token_minted(SG_ALG_RS256, JWT_IAT_S - 3600);
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "expired");
    free(token);
}

static void role_not_allowed_is_403(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate_result result;

    gate_fixture_write_usual(f, "");
    gate_fixture_write(f, "services.d/payments.conf",
                       "[service]\naccept = prod\naudience = " JWT_AUDIENCE
                       "\nallow_roles = arn:aws:iam::" JWT_ACCOUNT ":role/other-*\n");
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    assert_int_equal(gate_fixture_open(f), 0);
    result = gate_fixture_check(f, token);
    assert_result(result, STSGATE_DENY, "role-not-allowed");
    assert_int_equal(stsgate_reason_http_status(result.reason), 403);
    free(token);
}

static void credential_of_8193_bytes_is_malformed(void **state)
{
    struct gate_fixture *f = *state;
    char *long_one = malloc(8194);

    usual(f, "");
    memset(long_one, 'a', 8193);
    long_one[8193] = 0;
    assert_result(gate_fixture_check(f, long_one), STSGATE_DENY, "malformed");
    free(long_one);
}

/* ---- seals ---- */

static void slow_signature_is_deferred_and_its_seal_spares_the_second_check(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_ES384, JWT_IAT_S);
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {token, strlen(token)},
                                      .defer_slow = true};
    struct stsgate_result result = {.size = sizeof(result)};
    struct stsgate_reader *thread = NULL;
    struct stsgate_seal seal, forged = {{0}};

    usual(f, "");
    assert_int_equal(stsgate_reader_open(&thread, f->gate, f->reader), 0);
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_UNDECIDED);
    assert_string_equal(stsgate_reason_word(result.reason), "slow-signature");
    request.seal = &forged;
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_UNDECIDED);
    request.seal = NULL;
    assert_int_equal(stsgate_verify(&seal, thread, &request), 0);
    request.seal = &seal;
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_ALLOW);
    request.seal = NULL;
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_ALLOW);
    stsgate_reader_close(thread);
    free(token);
}

static void seal_is_good_for_its_bytes_its_reader_family_and_its_keys_only(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_ES384, JWT_IAT_S);
    char *other = token_minted(SG_ALG_ES384, JWT_IAT_S + 1);
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {token, strlen(token)},
                                      .defer_slow = true};
    struct stsgate_result result = {.size = sizeof(result)};
    struct stsgate_reader *stranger = NULL;
    struct stsgate_seal seal;

    usual(f, "");
    assert_int_equal(stsgate_reader_open(&stranger, f->gate, NULL), 0);
    assert_int_equal(stsgate_verify(&seal, f->reader, &request), 0);
    request.seal = &seal;
    assert_int_equal(stsgate_check(&result, stranger, &request), STSGATE_UNDECIDED);
    request.credential = (struct stsgate_text){other, strlen(other)};
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_UNDECIDED);
    request.credential = (struct stsgate_text){token, strlen(token)};
    f->boot_ms++;
    gate_fixture_publish_keys(f, "prod", RS256_AND_ES384);
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_UNDECIDED);
    stsgate_reader_close(stranger);
    free(token);
    free(other);
}

static void tampered_token_gets_no_seal(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_ES384, JWT_IAT_S);
    struct stsgate_request request = {
        .size = sizeof(request), .service = {"payments", 8}, .credential = {token, strlen(token)}};
    struct stsgate_seal seal;
    static const struct stsgate_seal none;

    usual(f, "");
    token[strlen(token) - 20] = token[strlen(token) - 20] == 'A' ? 'B' : 'A';
    memset(&seal, 0xff, sizeof(seal));
    assert_int_not_equal(stsgate_verify(&seal, f->reader, &request), 0);
    assert_memory_equal(&seal, &none, sizeof(seal));
    free(token);
}

/* ---- the ABI's edges ---- */

static void misuse_denies(void **state)
{
    struct gate_fixture *f = *state;
    struct stsgate_request request = {.size = sizeof(request)};
    struct stsgate_result result = {.size = 0};

    usual(f, "");
    assert_int_equal(stsgate_check(NULL, f->reader, &request), STSGATE_DENY);
    result.verdict = STSGATE_ALLOW;
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_DENY);
    result.size = sizeof(result);
    assert_int_equal(stsgate_check(&result, NULL, &request), STSGATE_DENY);
    assert_int_equal(result.verdict, STSGATE_DENY);
    result.verdict = STSGATE_ALLOW;
    assert_int_equal(stsgate_check(&result, f->reader, NULL), STSGATE_DENY);
    assert_int_equal(result.verdict, STSGATE_DENY);
    request.size = 0;
    result.verdict = STSGATE_ALLOW;
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_DENY);
    assert_int_equal(result.verdict, STSGATE_DENY);
    request.size = sizeof(request);
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_DENY);
    assert_string_equal(stsgate_reason_word(result.reason), "unknown-service");
}

static void older_host_with_a_shorter_result_is_not_written_beyond(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate_request request = {
        .size = sizeof(request), .service = {"payments", 8}, .credential = {token, strlen(token)}};
    struct stsgate_result result;
    const unsigned char *bytes = (const unsigned char *)&result;

    usual(f, "");
    memset(&result, 0xa5, sizeof(result));
    result.size = offsetof(struct stsgate_result, role);
    assert_int_equal(stsgate_check(&result, f->reader, &request), STSGATE_ALLOW);
    assert_int_equal(result.verdict, STSGATE_ALLOW);
    for (size_t i = offsetof(struct stsgate_result, role); i < sizeof(result); i++)
        assert_int_equal(bytes[i], 0xa5);
    free(token);
}

static void reload_is_another_gate_beside_the_first(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_minted(SG_ALG_RS256, JWT_IAT_S);
    struct stsgate *old_gate;
    struct stsgate_reader *old_reader;

    usual(f, "");
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    old_gate = f->gate;
    old_reader = f->reader;
    gate_fixture_write_usual(f, "issued_before = 2030-01-01T00:00:00Z");
    assert_int_equal(gate_fixture_open(f), 0);
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "service-cutoff");
    stsgate_reader_close(old_reader);
    stsgate_close(old_gate);
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "service-cutoff");
    free(token);
}

static void gate_with_key_files_and_own_cutoffs_needs_no_agent(void **state)
{
    struct gate_fixture *f = *state;
    char *keys = jwt_key_set(SG_ALG_BIT(SG_ALG_ES256));
    struct jwt_claims claims;
    char *token;

    gate_fixture_write(f, "keys.json", keys);
    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstate = /nonexistent\nuser = %USER%\n"
                       "[issuer own]\nkind = jwt\nurl = " JWT_OWN_ISSUER
                       "\nkeys = %FOLDER%/conf/keys.json\nalgorithms = ES256\n"
                       "issue_time = session:assumed_at\nsession_name_claim = snam\n");
    gate_fixture_write(f, "services.d/payments.conf",
                       "[service]\naccept = own\naudience = " JWT_AUDIENCE
                       "\nallow_roles = arn:aws:iam::*:role/team/*\n"
                       "issued_before = 2023-11-14T22:12:21Z\n");
    assert_int_equal(gate_fixture_open(f), 0);
    jwt_claims_session(&claims, JWT_IAT_S + 1); /* the session began 60 s before: at the cutoff */
    token = jwt_token(SG_ALG_ES256, &claims);
    assert_result(gate_fixture_check(f, token), STSGATE_ALLOW, "ok");
    free(token);
    jwt_claims_session(&claims, JWT_IAT_S);
    token = jwt_token(SG_ALG_ES256, &claims);
    assert_result(gate_fixture_check(f, token), STSGATE_DENY, "service-cutoff");
    free(token);
    free(keys);
}

static void hundreds_of_tokens_are_remembered_each_as_itself(void **state)
{
    struct gate_fixture *f = *state;
    struct stsgate_result result;
    char *tokens[400];

    usual(f, "");
    f->wall_ms += 400000;
    f->boot_ms += 1000;
    for (int i = 0; i < 400; i++)
        tokens[i] = token_minted(SG_ALG_RS256, JWT_IAT_S + 110 + i % 300 + i / 300);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 400; i++) {
            result = gate_fixture_check(f, tokens[i]);
            assert_result(result, STSGATE_ALLOW, "ok");
            assert_int_equal(result.expires_ms, (JWT_IAT_S + 410 + i % 300 + i / 300) * 1000);
        }
    }
    for (int i = 0; i < 400; i++)
        free(tokens[i]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(good_token_is_allowed_and_its_session_told),
        T(cached_session_is_told_as_the_verified_one),
        T(revocation_reaches_a_cached_session),
        T(token_minted_after_the_cutoff_is_told_from_when_it_is_accepted),
        T(no_store_yet_is_undecided_never_allowed),
        T(stale_cutoffs_are_undecided_until_they_are_read_again),
        T(table_of_what_a_label_was_before_decides_nothing),
        T(service_that_allows_the_undecided_still_denies_the_known_revoked),
        T(role_the_store_does_not_know_is_asked_for),
        T(unknown_key_is_asked_for_outside_the_window_only),
        T(cached_check_makes_no_system_call_and_keeps_no_memory),
        T(withdrawn_key_ends_cached_credentials),
        T(keys_that_could_not_be_fetched_for_a_day_are_not_used),
        T(tampered_signature_is_refused_and_not_remembered),
        T(cached_token_expires_on_time),
        T(clock_set_back_before_the_mint_refuses_a_cached_token),
        T(token_for_one_service_is_not_remembered_for_another),
        T(observe_lets_a_revoked_session_through_and_says_so),
        T(observe_never_lets_a_credential_through_that_does_not_verify),
        T(role_not_allowed_is_403),
        T(credential_of_8193_bytes_is_malformed),
        T(slow_signature_is_deferred_and_its_seal_spares_the_second_check),
        T(seal_is_good_for_its_bytes_its_reader_family_and_its_keys_only),
        T(tampered_token_gets_no_seal),
        T(misuse_denies),
        T(older_host_with_a_shorter_result_is_not_written_beyond),
        T(reload_is_another_gate_beside_the_first),
        T(gate_with_key_files_and_own_cutoffs_needs_no_agent),
        T(hundreds_of_tokens_are_remembered_each_as_itself),
    };

    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
