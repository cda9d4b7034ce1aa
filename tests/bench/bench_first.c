/*
 * bench_first.c - in process: the check of a credential at first sight, in
 * batches that alternate with the bare verification of the same tokens.
 *
 *     bench_first [ALG COUNT]
 */
#include "bench.h"
#include "floor.h"
#include "gate_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOKENS 512

static char *tokens[TOKENS];

static int64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void configure(struct gate_fixture *f, enum sg_alg alg)
{
    char text[512];

    gate_fixture_init(f);
    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstate = %STATE%\nsocket = %FOLDER%/a.sock\nuser = %USER%\n"
                       "[account prod]\nid = " JWT_ACCOUNT "\n[issuer prod]\nkind = jwt\n"
                       "url = " JWT_OWN_ISSUER "\naccount = prod\njwks = " JWT_OWN_ISSUER "/keys\n"
                       "algorithms = RS256 ES256 ES384 EdDSA\nissue_time = session:assumed_at\n");
    snprintf(text, sizeof(text),
             "[service]\naccept = prod\naudience = " JWT_AUDIENCE "\nallow_roles = %s\n", JWT_ROLE);
    gate_fixture_write(f, "services.d/payments.conf", text);
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(alg));
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    if (gate_fixture_open(f) != 0) {
        fprintf(stderr, "bench_first: %s\n", f->problems.data);
        exit(1);
    }
    for (size_t i = 0; i < TOKENS; i++) {
        struct jwt_claims claims;

        jwt_claims_session(&claims, JWT_IAT_S);
        jwt_set(&claims, "jti", "\"bench-%08zu-ef56-7890\"", i);
        jwt_set(&claims, "padding", "\"%0440d\"", 0); /* as long as a web identity token */
        free(tokens[i]);
        tokens[i] = jwt_token(alg, &claims);
    }
}

/* Forgets every credential, since keys of another generation verified them, but not the memory that
 * they lie in. */
static void renew(struct gate_fixture *f, enum sg_alg alg)
{
    gate_fixture_publish_keys(f, "prod", SG_ALG_BIT(alg));
    if (gate_fixture_check(f, tokens[TOKENS - 1]).verdict != STSGATE_ALLOW)
        abort();
}

static void check(struct gate_fixture *f, size_t i)
{
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {tokens[i], strlen(tokens[i])}};
    static struct stsgate_result result;

    result.size = sizeof(result);
    if (stsgate_check(&result, f->reader, &request) != STSGATE_ALLOW) {
        fprintf(stderr, "bench_first: %s\n", stsgate_reason_word(result.reason));
        exit(1);
    }
}

static void bench_alg(enum sg_alg alg, size_t count)
{
    static struct gate_fixture f;
    double first[BENCH_BATCHES], bare[BENCH_BATCHES];
    struct floor *floor;

    configure(&f, alg);
    floor = floor_new(alg, tokens, TOKENS);
    for (size_t i = 0; i < count; i++)
        check(&f, i); /* warm */
    for (int batch = 0; batch < BENCH_BATCHES; batch++) {
        int64_t began = cpu_ns();

        for (size_t i = 0; i < count; i++)
            floor_verify(floor, i);
        bare[batch] = (double)(cpu_ns() - began) / (double)count;
        renew(&f, alg);
        began = cpu_ns();
        for (size_t i = 0; i < count; i++)
            check(&f, i);
        first[batch] = (double)(cpu_ns() - began) / (double)count;
    }
    qsort(first, BENCH_BATCHES, sizeof(first[0]), by_value);
    qsort(bare, BENCH_BATCHES, sizeof(bare[0]), by_value);
    printf("floor_%s %.1f %.1f ns\n", sg_alg_name(alg), bare[0], bare[BENCH_BATCHES / 2]);
    printf("first_sight_%s %.1f %.1f ns\n", sg_alg_name(alg), first[0], first[BENCH_BATCHES / 2]);
    fflush(stdout);
    floor_free(floor);
    gate_fixture_clear(&f);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        bench_alg(sg_alg_of(sg_text_of(argv[1])), strtoull(argv[2], NULL, 10));
        return 0;
    }
    bench_alg(SG_ALG_RS256, 500);
    bench_alg(SG_ALG_ES256, 300);
    bench_alg(SG_ALG_ES384, 30);
    bench_alg(SG_ALG_EDDSA, 200);
    return 0;
}
