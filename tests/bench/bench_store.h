/*
 * bench_store.h - a gate over a store of many roles, at most 5,000 an account,
 * one in a hundred of them revoked long ago, with credentials spread over them.
 */
#ifndef SG_TESTS_BENCH_STORE_H
#define SG_TESTS_BENCH_STORE_H

#include "gate_fixture.h"

#define BENCH_TOKENS       2000
#define BENCH_ACCOUNTS     200
#define BENCH_ACCOUNT_ROLE 5000

struct bench_store {
    struct gate_fixture f;
    size_t accounts, roles_each;
    struct stsgate_reader *reader; /* the one that bench_store_check() uses */
    char *text[BENCH_TOKENS];
    size_t length[BENCH_TOKENS];
};

/* `roles` in all; opened, f.reader too. */
void bench_store_make(struct bench_store *store, size_t roles);
void bench_store_clear(struct bench_store *store);
void bench_store_publish(struct bench_store *store, size_t account);

/* work() of bench.h: the check of one of the credentials, which must be let in. */
void bench_store_check(void *store, uint64_t i);

/* "a007", "123456789012" and "payments-00042". */
void bench_store_label(char out[static 16], const char *kind, size_t account);
void bench_store_account(char out[static 16], size_t account);
void bench_store_role(char out[static 32], size_t role);

#endif
