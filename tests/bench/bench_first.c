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

#define TOKENS 512

struct first {
    struct gate_fixture f;
    enum sg_alg alg;
    char *tokens[TOKENS];
};

static void configure(struct first *first, enum sg_alg alg)
{
    struct gate_fixture *f = &first->f;
    char text[512];

    first->alg = alg;
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
    bench_must(gate_fixture_open(f) == 0, f->problems.data == NULL ? "open" : f->problems.data);
    for (size_t i = 0; i < TOKENS; i++) {
        struct jwt_claims claims;

        jwt_claims_session(&claims, JWT_IAT_S);
        jwt_set(&claims, "jti", "\"bench-%08zu-ef56-7890\"", i);
        jwt_set(&claims, "padding", "\"%0440d\"", 0); /* as long as a web identity token */
        first->tokens[i] = jwt_token(alg, &claims);
    }
}

/* Forgets every credential, since keys of another generation verified them, but not the memory that
 * they lie in. The last token tells that they are in use; no batch checks it. */
static void renew(void *payload)
{
    struct first *first = payload;

    gate_fixture_publish_keys(&first->f, "prod", SG_ALG_BIT(first->alg));
    bench_must(gate_fixture_check(&first->f, first->tokens[TOKENS - 1]).verdict == STSGATE_ALLOW,
               "new keys");
}

static void check(void *payload, uint64_t i)
{
    struct first *first = payload;
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {first->tokens[i], strlen(first->tokens[i])}};
    static struct stsgate_result result;

    result.size = sizeof(result);
    bench_must(stsgate_check(&result, first->f.reader, &request) == STSGATE_ALLOW,
               stsgate_reason_word(result.reason));
}

static void bench_alg(enum sg_alg alg, size_t count)
{
    static struct first first;
    struct floor *floor;
    char name[48];

    /* No token twice in a batch. */
    bench_must(count < TOKENS, "too many");
    configure(&first, alg);
    floor = floor_new(alg, first.tokens, TOKENS);
    snprintf(name, sizeof(name), "first_seen_%s", sg_alg_name(alg));
    bench_beside(name, count, (struct bench_work){check, &first, renew},
                 (struct bench_work){floor_verify, floor, NULL});
    floor_free(floor);
    gate_fixture_clear(&first.f);
    for (size_t i = 0; i < TOKENS; i++)
        free(first.tokens[i]);
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
