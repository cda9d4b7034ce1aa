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

bool bench_small(void)
{
    return getenv("BENCH_SMALL") != NULL;
}

void bench_must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void sort(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), by_value);
}

static double batch_ns(const struct bench_work *one, uint64_t count)
{
    int64_t began;

    if (one->before != NULL)
        one->before(one->payload);
    began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < count; i++)
        one->work(one->payload, i);
    return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)count;
}

void bench_measure(struct bench_figures *figures, uint64_t count, struct bench_work product,
                   const struct bench_work *floor)
{
    double products[BENCH_BATCHES], floors[BENCH_BATCHES] = {0}, ratios[BENCH_BATCHES] = {0},
                                    added[BENCH_BATCHES] = {0};
    size_t batches = bench_small() ? 3 : BENCH_BATCHES;

    count = bench_small() ? count / 100 + 1 : count;
    (void)batch_ns(&product, count); /* warm */
    if (floor != NULL)
        (void)batch_ns(floor, count);
    for (size_t i = 0; i < batches; i++) {
        products[i] = batch_ns(&product, count);
        if (floor == NULL)
            continue;
        floors[i] = batch_ns(floor, count);
        ratios[i] = products[i] / floors[i];
        added[i] = products[i] - floors[i];
    }
    sort(products, batches);
    sort(floors, batches);
    sort(ratios, batches);
    sort(added, batches);
    *figures = (struct bench_figures){.product = products[0],
                                      .product_median = products[batches / 2],
                                      .floor = floors[0],
                                      .floor_median = floors[batches / 2],
                                      .ratio = ratios[batches / 2],
                                      .ratio_least = ratios[0],
                                      .ratio_most = ratios[batches - 1],
                                      .added = added[batches / 2]};
}

void bench_print(const char *name, const struct bench_figures *f)
{
    printf("{\"name\": \"%s\", \"unit\": \"ns\", \"product\": %.2f, \"product_median\": %.2f", name,
           f->product, f->product_median);
    if (f->floor > 0)
        printf(", \"floor\": %.2f, \"floor_median\": %.2f, \"ratio\": %.4f, \"ratio_least\": %.4f, "
               "\"ratio_most\": %.4f, \"added\": %.2f",
               f->floor, f->floor_median, f->ratio, f->ratio_least, f->ratio_most, f->added);
    printf("}\n");
    fflush(stdout);
}

void bench(const char *name, uint64_t count, void (*work)(void *payload, uint64_t i), void *payload)
{
    struct bench_figures figures;

    bench_measure(&figures, count, (struct bench_work){work, payload, NULL}, NULL);
    bench_print(name, &figures);
}

void bench_beside(const char *name, uint64_t count, struct bench_work product,
                  struct bench_work floor)
{
    struct bench_figures figures;

    bench_measure(&figures, count, product, &floor);
    bench_print(name, &figures);
}

void bench_value(const char *name, double value, const char *unit)
{
    printf("{\"name\": \"%s\", \"unit\": \"%s\", \"product\": %.3f}\n", name, unit, value);
    fflush(stdout);
}
