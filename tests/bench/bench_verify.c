/*
 * bench_verify.c - the floor of a first sight, alone, for the gateway's bench.
 *
 *     bench_verify RS256|ES256|ES384 COUNT
 */
#include "bench.h"
#include "floor.h"

#include <stdio.h>
#include <stdlib.h>

#define TOKENS 256

int main(int argc, char **argv)
{
    enum sg_alg alg = argc == 3 ? sg_alg_of(sg_text_of(argv[1])) : SG_ALG_NONE;
    static char *tokens[TOKENS];
    struct jwt_claims claims;
    char name[32];

    if (alg != SG_ALG_RS256 && alg != SG_ALG_ES256 && alg != SG_ALG_ES384)
        return 2;
    for (size_t i = 0; i < TOKENS; i++) {
        jwt_claims_web_identity(&claims, JWT_IAT_S + (int64_t)i);
        tokens[i] = jwt_token(alg, &claims);
    }
    snprintf(name, sizeof(name), "floor_%s", argv[1]);
    bench(name, strtoull(argv[2], NULL, 10), floor_verify, floor_new(alg, tokens, TOKENS));
    return 0;
}
