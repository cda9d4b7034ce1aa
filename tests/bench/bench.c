/*
 * bench.c - see bench.h.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void bench(const char *name, uint64_t count, void (*work)(void *payload, uint64_t i), void *payload)
{
    double batches[BENCH_BATCHES];

    for (uint64_t i = 0; i < count; i++)
        work(payload, i); /* warm */
    for (int batch = 0; batch < BENCH_BATCHES; batch++) {
        int64_t began = clock_ns(CLOCK_THREAD_CPUTIME_ID);

        for (uint64_t i = 0; i < count; i++)
            work(payload, i);
        batches[batch] = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)count;
    }
    qsort(batches, BENCH_BATCHES, sizeof(batches[0]), by_value);
    printf("%s %.1f %.1f ns\n", name, batches[0], batches[BENCH_BATCHES / 2]);
    fflush(stdout);
}

void bench_value(const char *name, double value, const char *unit)
{
    printf("%s %.3f %.3f %s\n", name, value, value, unit);
    fflush(stdout);
}
