/*
 * heap.c - see heap.h. A program's own malloc comes before libc's for every library it loads.
 */
#include "heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OURS __attribute__((visibility("default"), used))

static struct heap_counts counts;
static unsigned long fail_at, reached, failed;
static bool fail_on;

struct heap_counts heap_counts(void)
{
    return counts;
}

void heap_fail(unsigned long nth, bool from_there_on)
{
    fail_at = nth;
    fail_on = from_there_on;
    reached = failed = 0;
}

unsigned long heap_failed(void)
{
    return failed;
}

bool heap_stands_in_front(void)
{
    const unsigned long before = counts.allocations;
    void *(*volatile get)(size_t) = malloc;

    free(get(1));
    return counts.allocations == before + 1;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static int (*lock_mutex)(pthread_mutex_t *mutex);
static int (*lock_to_read)(pthread_rwlock_t *lock);
static int (*lock_to_write)(pthread_rwlock_t *lock);

/* Whoever comes first: libraries take locks while they are loaded. */
static void find_locks(void)
{
    if (lock_to_write != NULL)
        return;
    *(void **)(void *)&lock_mutex = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    *(void **)(void *)&lock_to_read = dlsym(RTLD_NEXT, "pthread_rwlock_rdlock");
    *(void **)(void *)&lock_to_write = dlsym(RTLD_NEXT, "pthread_rwlock_wrlock");
}

static void *held(void *memory)
{
    counts.held += memory != NULL;
    return memory;
}

static bool refuse(void)
{
    counts.allocations++;
    if (fail_at == 0)
        return false;
    reached++;
    if (reached != fail_at && !(fail_on && reached > fail_at))
        return false;
    failed++;
    errno = ENOMEM;
    return true;
}

OURS void *malloc(size_t size)
{
    return refuse() ? NULL : held(__libc_malloc(size));
}

OURS void *calloc(size_t count, size_t size)
{
    return refuse() ? NULL : held(__libc_calloc(count, size));
}

OURS void *realloc(void *old, size_t size)
{
    void *got = refuse() ? NULL : __libc_realloc(old, size);

    return old == NULL ? held(got) : got;
}

OURS void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || refuse())
        return NULL;
    return old == NULL ? held(__libc_malloc(bytes)) : __libc_realloc(old, bytes);
}

/* Never fails: json-c 0.16 does not look at its copy of a member's name, and ends the process. It
 * runs when a configuration is opened and in the agent, not in a check. */
OURS char *strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = held(__libc_malloc(size));

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    return copy;
}

OURS int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *got = refuse() ? NULL : held(__libc_memalign(alignment, size));

    if (got == NULL)
        return ENOMEM;
    *memory = got;
    return 0;
}

OURS void *aligned_alloc(size_t alignment, size_t size)
{
    return refuse() ? NULL : held(__libc_memalign(alignment, size));
}

OURS void free(void *memory)
{
    counts.held -= memory != NULL;
    __libc_free(memory);
}

OURS int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    counts.locks++;
    find_locks();
    return lock_mutex(mutex);
}

OURS int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    counts.locks++;
    find_locks();
    return lock_to_read(lock);
}

OURS int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    counts.locks++;
    find_locks();
    return lock_to_write(lock);
}

#endif
