/*
 * bench_tokens.c - writes COUNT different tokens of the test issuer, one a
 * line, minted from now backwards within the last five minutes.
 *
 *     bench_tokens ALG COUNT ISSUER
 *     bench_tokens --keys ALG...        the key set, as JSON
 */
#include "jwt_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    unsigned algs = 0;

    if (argc >= 3 && strcmp(argv[1], "--keys") == 0) {
        for (int i = 2; i < argc; i++)
            algs |= SG_ALG_BIT(sg_alg_of(sg_text_of(argv[i])));
        puts(jwt_key_set(algs));
        return 0;
    }
    if (argc != 4)
        return 2;
    for (long i = 0, count = strtol(argv[2], NULL, 10); i < count; i++) {
        struct jwt_claims claims;
        char *token;

        jwt_claims_web_identity(&claims, (int64_t)time(NULL) - 5);
        jwt_set(&claims, "exp", "%lld", (long long)time(NULL) + 3500);
        jwt_set(&claims, "jti", "\"bench-%08ld-ef56-7890\"", i);
        jwt_set_string(&claims, "iss", argv[3]);
        token = jwt_token(sg_alg_of(sg_text_of(argv[1])), &claims);
        puts(token);
        free(token);
    }
    return 0;
}
