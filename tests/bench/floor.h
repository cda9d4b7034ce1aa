/*
 * floor.h - the floor of a first sight: bare OpenSSL, one digest and one
 * EVP_PKEY_verify with a prepared context (Ed25519: one EVP_DigestVerify), nothing of ours but the
 * test's keys. Of many tokens in turn, as a gateway sees them: of one alone the processor would
 * learn the branches.
 */
#ifndef SG_TESTS_BENCH_FLOOR_H
#define SG_TESTS_BENCH_FLOOR_H

#include "jwt_maker.h"

struct floor;

/* `tokens` are borrowed; any failure ends the program. */
struct floor *floor_new(enum sg_alg alg, char *const *tokens, size_t count);
void floor_verify(void *floor, uint64_t i); /* the i-th, modulo their count: for bench() */
void floor_free(struct floor *floor);

#endif
