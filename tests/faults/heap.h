/*
 * heap.h - stands in front of malloc and of the locks of everything that is linked, OpenSSL and
 * json-c included: counts, and makes the nth allocation fail. For programs of one thread.
 */
#ifndef SG_TESTS_HEAP_H
#define SG_TESTS_HEAP_H

#include <stdbool.h>

struct heap_counts {
    unsigned long allocations; /* malloc, calloc, realloc and their kin */
    long held;                 /* blocks that are allocated and not freed */
    unsigned long locks;       /* pthread mutexes and rwlocks */
};

/* False where another allocator stands in front already: under sanitizers and valgrind. */
bool heap_stands_in_front(void);

struct heap_counts heap_counts(void);

/* Of the allocations from now on the nth fails (the first is 1), and with `from_there_on` each one
 * after it. 0: none. */
void heap_fail(unsigned long nth, bool from_there_on);
/* How many have failed since heap_fail(). */
unsigned long heap_failed(void);

#endif
