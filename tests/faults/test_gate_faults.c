/*
 * A gate whose clock is stepped, and what a gate leaves in memory: of a credential nothing once it
 * is checked, of a secret nothing once the gate is closed. Memory is searched the way somebody with
 * a core file would.
 */
#include "tests/unit/gate_fixture.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTES INT64_C(60000)
#define HOURS   (60 * MINUTES)

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

static void usual(struct gate_fixture *f)
{
    gate_fixture_write_usual(f, "");
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384));
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    assert_int_equal(gate_fixture_open(f), 0);
}

/* --- the clock ------------------------------------------------------------------------------- */

static void assert_reason(struct gate_fixture *f, const char *token, const char *reason)
{
    assert_string_equal(stsgate_reason_word(gate_fixture_check(f, token).reason), reason);
}

static char *token_of(enum sg_alg alg)
{
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, JWT_IAT_S);
    return jwt_token(alg, &claims);
}

static void wall_clock_stepped_either_way_refuses_and_heals(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_of(SG_ALG_RS256);
    const int64_t right_ms = f->wall_ms;

    usual(f);
    for (int remembered = 0; remembered < 2; remembered++) {
        f->wall_ms = right_ms - 2 * HOURS;
        assert_reason(f, token, "not-yet-valid");
        f->wall_ms = right_ms + 24 * HOURS;
        assert_reason(f, token, "expired");
        f->wall_ms = 1;
        assert_reason(f, token, "not-yet-valid");
        f->wall_ms = INT64_MAX;
        assert_reason(f, token, "internal-error");
        f->wall_ms = right_ms;
        assert_reason(f, token, "ok");
    }
    free(token);
}

/* What is fresh is told by a clock that nobody steps and that counts sleep. */
static void wall_clock_makes_nothing_fresh_or_stale(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_of(SG_ALG_RS256);

    usual(f);
    f->wall_ms -= 8000;
    assert_reason(f, token, "ok");
    f->wall_ms += 8000;
    f->boot_ms += 11 * MINUTES; /* a suspended machine wakes */
    assert_reason(f, token, "cutoffs-unavailable");
    f->wall_ms -= 8000;
    assert_reason(f, token, "cutoffs-unavailable");
    free(token);
}

/* A stamp from another run of the clock is not of this one, however fresh it looks. */
static void monotonic_clock_that_went_back_makes_everything_stale(void **state)
{
    struct gate_fixture *f = *state;
    char *token = token_of(SG_ALG_RS256);

    f->boot_ms = 24 * HOURS;
    usual(f);
    assert_reason(f, token, "ok");
    stsgate_reader_close(f->reader);
    f->reader = NULL;
    f->boot_ms = 5000;
    assert_int_equal(stsgate_reader_open(&f->reader, f->gate, NULL), 0);
    assert_int_equal(stsgate_reason_http_status(gate_fixture_check(f, token).reason), 503);
    free(token);
}

/* --- what stays in memory -------------------------------------------------------------------- */

/* Sanitizers' shadows are too large to search, and valgrind keeps what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEARCHABLE false
#else
#define SEARCHABLE (getenv("SG_UNDER") == NULL)
#endif

/* Kept under a mask, so that it does not find itself. */
struct needle {
    unsigned char masked[64];
    size_t length;
};
#define MASK 0xa7

struct parcel {
    char token[2048]; /* to be presented, then wiped */
    struct needle claims, signature, text, secret;
};
static struct parcel parcel;

static void mask(struct needle *needle, const void *bytes, size_t length)
{
    if (length > sizeof(needle->masked))
        length = sizeof(needle->masked);
    for (size_t i = 0; i < length; i++)
        needle->masked[i] = ((const unsigned char *)bytes)[i] ^ MASK;
    needle->length = length;
}

__attribute__((no_sanitize("address", "undefined"))) static unsigned
count_in(const volatile unsigned char *at, size_t size, const struct needle *needle)
{
    unsigned found = 0;

    for (size_t i = 0; i + needle->length <= size; i++) {
        size_t same = 0;

        while (same < needle->length && (at[i + same] ^ MASK) == needle->masked[same])
            same++;
        found += same == needle->length;
    }
    return found;
}

/* In all that this process may write to: heap, stack, what is mapped. */
static unsigned count_in_memory(const struct needle *needle)
{
    unsigned found = 0;
    char line[512], rights[8];
    unsigned long from, to;
    FILE *maps = fopen("/proc/self/maps", "re");

    assert_non_null(maps);
    assert_true(needle->length >= 16);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
            rights[1] != 'w' || strstr(line, "[v") != NULL)
            continue;
        found += count_in((const volatile unsigned char *)from, to - from, needle);
    }
    (void)fclose(maps);
    return found;
}

/* In a process of its own, whose memory nobody searches. */
static void make_parcel(int out, enum sg_alg alg, const char *secret_path)
{
    unsigned char signature[512], secret[64];
    struct jwt_claims claims;
    struct sg_text input;
    char *token, *text;
    FILE *file;

    jwt_claims_web_identity(&claims, JWT_IAT_S);
    jwt_set_string(&claims, "jti", "e2b1a8f4-5c0d-4b7e-9f6a-needle-of-the-claims");
    if (alg == SG_ALG_HS256) {
        jwt_claims_session(&claims, JWT_IAT_S);
        if (RAND_bytes(secret, sizeof(secret)) != 1)
            _exit(1);
        file = fopen(secret_path, "we");
        if (file == NULL || fwrite(secret, 1, sizeof(secret), file) != sizeof(secret) ||
            fclose(file) != 0 || chmod(secret_path, 0600) != 0)
            _exit(1);
        mask(&parcel.secret, secret, sizeof(secret));
    }
    text = jwt_claims_json(&claims);
    token = alg == SG_ALG_HS256 ? jwt_token_of(alg, "{\"alg\":\"HS256\"}", text)
                                : jwt_token(alg, &claims);
    if (strlen(token) >= sizeof(parcel.token))
        _exit(1);
    memcpy(parcel.token, token, strlen(token) + 1);
    mask(&parcel.claims, "e2b1a8f4-5c0d-4b7e-9f6a-needle-of-the-claims", 44);
    input = (struct sg_text){token, (size_t)(strrchr(token, '.') - token)};
    mask(&parcel.text, input.data + input.length - 64, 64);
    mask(&parcel.signature, signature, jwt_signature(signature, alg, input));
    _exit(write(out, &parcel, sizeof(parcel)) == sizeof(parcel) ? 0 : 1);
}

static void fetch_parcel(enum sg_alg alg, const char *secret_path)
{
    size_t have = 0;
    int ends[2], status;
    pid_t maker;

    assert_int_equal(pipe(ends), 0);
    maker = fork();
    assert_true(maker >= 0);
    if (maker == 0)
        make_parcel(ends[1], alg, secret_path);
    (void)close(ends[1]);
    while (have < sizeof(parcel)) {
        const ssize_t got = read(ends[0], (char *)&parcel + have, sizeof(parcel) - have);

        assert_true(got > 0);
        have += (size_t)got;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(maker, &status, 0), maker);
    assert_int_equal(status, 0);
}

static void the_search_finds_what_is_there(void **state)
{
    char *there = malloc(64);
    struct needle needle;

    (void)state;
    if (!SEARCHABLE) {
        free(there);
        skip();
    }
    assert_non_null(there);
    for (size_t i = 0; i < 64; i++)
        there[i] = (char)('A' + i % 23);
    mask(&needle, there, 64);
    assert_true(count_in_memory(&needle) >= 1);
    OPENSSL_cleanse(there, 64);
    assert_int_equal(count_in_memory(&needle), 0);
    free(there);
}

static void nothing_of_a_credential_stays_in_memory(void **state)
{
    static const enum sg_alg algs[] = {SG_ALG_RS256, SG_ALG_ES384};
    struct gate_fixture *f = *state;

    if (!SEARCHABLE)
        skip();
    usual(f);
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        fetch_parcel(algs[i], NULL);
        assert_reason(f, parcel.token, "ok");
        assert_reason(f, parcel.token, "ok"); /* and out of the cache */
        assert_true(count_in_memory(&parcel.text) >= 1);
        OPENSSL_cleanse(parcel.token, sizeof(parcel.token));
        assert_int_equal(count_in_memory(&parcel.text), 0);
        assert_int_equal(count_in_memory(&parcel.claims), 0);
        if (algs[i] == SG_ALG_RS256) /* an ECDSA signature of its own was made for the needle */
            assert_int_equal(count_in_memory(&parcel.signature), 0);
    }
}

static void nothing_of_a_secret_stays_once_the_gate_is_closed(void **state)
{
    struct gate_fixture *f = *state;
    char path[128];

    if (!SEARCHABLE)
        skip();
    snprintf(path, sizeof(path), "%s/secret", f->conf);
    fetch_parcel(SG_ALG_HS256, path);
    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstate = %STATE%\nsocket = %FOLDER%/agent.sock\nuser = %USER%\n"
                       "[account prod]\nid = " JWT_ACCOUNT "\n"
                       "[issuer own]\nkind = jwt\nurl = " JWT_OWN_ISSUER
                       "\nkeys = %FOLDER%/conf/secret\nalgorithms = HS256\n"
                       "issue_time = session:assumed_at\naccount = prod\n");
    gate_fixture_write(f, "services.d/payments.conf",
                       "[service]\naccept = own\naudience = " JWT_AUDIENCE
                       "\nallow_roles = arn:aws:iam::" JWT_ACCOUNT ":role/team/*\n");
    assert_int_equal(gate_fixture_open(f), 0);
    assert_reason(f, parcel.token, "bad-signature"); /* the maker's HMAC key is another */
    assert_true(count_in_memory(&parcel.secret) >= 1);
    stsgate_reader_close(f->reader);
    stsgate_close(f->gate);
    f->reader = NULL;
    f->gate = NULL;
    assert_int_equal(count_in_memory(&parcel.secret), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(wall_clock_stepped_either_way_refuses_and_heals),
        T(wall_clock_makes_nothing_fresh_or_stale),
        T(monotonic_clock_that_went_back_makes_everything_stale),
        T(the_search_finds_what_is_there),
        T(nothing_of_a_credential_stays_in_memory),
        T(nothing_of_a_secret_stays_once_the_gate_is_closed),
    };

    return cmocka_run_group_tests_name("gate_faults", tests, NULL, NULL);
}
