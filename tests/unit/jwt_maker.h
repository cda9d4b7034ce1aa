/*
 * jwt_maker.h - makes JWTs for tests: any algorithm, the claims of both kinds,
 * and every mistake one likes. The keys are fixed and public: never use them
 * for anything but tests. What is returned as char * is the caller's: free().
 * Any failure ends the program.
 */
#ifndef SG_TESTS_JWT_MAKER_H
#define SG_TESTS_JWT_MAKER_H

#include "config/alg.h"

#include <stdint.h>

#define JWT_ISSUER     "https://11111111-2222-4333-8444-555555555555.tokens.sts.global.api.aws"
#define JWT_OWN_ISSUER "https://sts.example.com" /* of kind jwt */
#define JWT_AUDIENCE   "https://payments.example.com"
#define JWT_ACCOUNT    "123456789012"
#define JWT_ROLE       "arn:aws:iam::" JWT_ACCOUNT ":role/team/payments-writer"
#define JWT_IAT_S      INT64_C(1700000000) /* 2023-11-14T22:13:20Z */
#define JWT_EXP_S      (JWT_IAT_S + 300)

/* Claims by name, as JSON text, in the order in which they were added. "sts/NAME" is a member of
 * AWS's namespace. */
struct jwt_claims {
    struct jwt_claim {
        char name[64];
        char json[1600];
    } items[96];
    unsigned count;
};

/* A token of sts:GetWebIdentityToken as AWS makes them: 685 bytes or so, session from iat - 60 s
 * for one hour. */
void jwt_claims_web_identity(struct jwt_claims *claims, int64_t iat_s);
/* A token of kind jwt: role in "sub", session name in "snam", "iat" and "assumed_at" (iat - 60 s,
 * RFC 3339). */
void jwt_claims_session(struct jwt_claims *claims, int64_t iat_s);

/* Replaces a claim or adds it; `json` is JSON: jwt_set(c, "iat", "%d", 1), jwt_set(c, "aud",
 * "[\"a\",\"b\"]"). */
void jwt_set(struct jwt_claims *claims, const char *name, const char *json, ...)
    __attribute__((format(printf, 3, 4)));
void jwt_set_string(struct jwt_claims *claims, const char *name,
                    const char *value); /* quotes it; no escapes */
void jwt_add(struct jwt_claims *claims, const char *name,
             const char *json); /* even if it is there already */
void jwt_drop(struct jwt_claims *claims, const char *name);
char *jwt_claims_json(const struct jwt_claims *claims);

/* A token signed with the fixed key of `alg`; the header names alg, typ and jwt_kid(alg). */
char *jwt_token(enum sg_alg alg, const struct jwt_claims *claims);
/* The same of any header and claims text, whatever they say. */
char *jwt_token_of(enum sg_alg alg, const char *header_json, const char *claims_json);
char *jwt_header_json(enum sg_alg alg); /* what jwt_token() puts in front */

/* The fixed keys. */
const char *jwt_kid(enum sg_alg alg);             /* "RSA_0", "EC384_0", ... */
const char *jwt_private_pem(enum sg_alg alg);     /* NULL for HS* */
struct sg_text jwt_key_material(enum sg_alg alg); /* as sg_verify_key_new() wants it; static */
char *jwt_key_set(unsigned algs); /* a JWKS of these algorithms' keys, kid and alg told */
/* The signature alone, decoded: length, at most 512 bytes. */
size_t jwt_signature(unsigned char signature[512], enum sg_alg alg, struct sg_text signing_input);
char *jwt_base64url(const void *bytes, size_t length);

#endif
