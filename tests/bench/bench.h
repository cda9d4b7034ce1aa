/*
 * bench.h - thread CPU time of a piece of work, in batches: the least of them
 * is what the machine can do, the median says how quiet it was.
 */
#ifndef SG_TESTS_BENCH_H
#define SG_TESTS_BENCH_H

#include <stdint.h>

#define BENCH_BATCHES 25

/* Runs work(payload, i) `count` times a batch; prints "NAME min median ns". */
void bench(const char *name, uint64_t count, void (*work)(void *payload, uint64_t i),
           void *payload);
/* "NAME value unit" */
void bench_value(const char *name, double value, const char *unit);
int64_t bench_now_ns(void); /* CLOCK_MONOTONIC: between processes */

#endif
