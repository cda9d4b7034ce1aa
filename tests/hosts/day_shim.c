/*
 * day_shim.c - preloaded into the agent and the gate for a test: both clocks that they ask are
 * ahead by what a mapped file says, and the process can be made to die at its Nth step towards the
 * disk. CLOCK_MONOTONIC, by which libcurl counts, stays as it is.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default) /* these stand in front of the C library's own */

struct offsets {
    volatile int64_t wall_ms, boot_ms;
};

static struct offsets none;
static struct offsets *offsets = &none;
static long steps_left; /* 0: it lives on */

__attribute__((constructor)) static void open_shim(void)
{
    const char *path = getenv("DAY_CLOCK"), *steps = getenv("DAY_DIE_AT");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (steps != NULL)
        steps_left = strtol(steps, NULL, 10);
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *offsets, PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (page != MAP_FAILED)
        offsets = page;
}

static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);

    if (real == NULL)
        *(void **)&real = next_of("clock_gettime");
    const int error = real(clock, time);
    const int64_t ahead_ms = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE
                                 ? offsets->wall_ms
                             : clock == CLOCK_BOOTTIME ? offsets->boot_ms
                                                       : 0;
    const int64_t ns = time->tv_nsec + ahead_ms % 1000 * 1000000;
    time->tv_sec += ahead_ms / 1000 + (ns >= 1000000000 ? 1 : ns < 0 ? -1 : 0);
    time->tv_nsec = ns >= 1000000000 ? ns - 1000000000 : ns < 0 ? ns + 1000000000 : ns;
    return error;
}

/* What a power cut can fall between. */
static void step(void)
{
    if (steps_left > 0 && --steps_left == 0)
        (void)kill(getpid(), SIGKILL);
}

#define STEP(type, name, parameters, arguments)                                                    \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
                                                                                                   \
        if (real == NULL)                                                                          \
            *(void **)&real = next_of(#name);                                                      \
        step();                                                                                    \
        return real arguments;                                                                     \
    }

STEP(int, fsync, (int fd), (fd))
STEP(int, fdatasync, (int fd), (fd))
STEP(int, ftruncate, (int fd, off_t length), (fd, length))
STEP(int, rename, (const char *from, const char *to), (from, to))
STEP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
STEP(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))

/* Not the log, which goes to a pipe and is no step. */
ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);

    if (real == NULL)
        *(void **)&real = next_of("write");
    if (fd > 2)
        step();
    return real(fd, data, size);
}
