/*
 * bench.h - thread CPU time of a piece of work, in batches: the least of them
 * is what the machine can do, the median says how quiet it was. Beside a floor, each batch of the
 * work is followed at once by one of the floor, and the ratios are of such neighbours.
 *
 * Each figure is one line of JSON, written as soon as it is known. $BENCH_SMALL makes everything so
 * short that nothing can be concluded from it but that it runs.
 */
#ifndef SG_TESTS_BENCH_H
#define SG_TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_BATCHES 25

/* One thing to measure: work(payload, i) `count` times a batch, after before(payload) (may be
 * NULL), which is not measured. */
struct bench_work {
    void (*work)(void *payload, uint64_t i);
    void *payload;
    void (*before)(void *payload);
};

/* What the batches came to. Without a floor its members are 0. */
struct bench_figures {
    double product, product_median, floor, floor_median; /* ns; the least, and the median */
    double ratio, ratio_least, ratio_most;               /* of neighbours; ratio: their median */
    double added;                                        /* ns; the median of the differences */
};

void bench_measure(struct bench_figures *figures, uint64_t count, struct bench_work product,
                   const struct bench_work *floor);
void bench_print(const char *name, const struct bench_figures *figures);

void bench(const char *name, uint64_t count, void (*work)(void *payload, uint64_t i),
           void *payload);
void bench_beside(const char *name, uint64_t count, struct bench_work product,
                  struct bench_work floor);
void bench_value(const char *name, double value, const char *unit);

bool bench_small(void);
int64_t bench_now_ns(void); /* CLOCK_MONOTONIC: between processes */
/* Ends the program when it does not hold. */
void bench_must(bool holds, const char *what);

#endif
