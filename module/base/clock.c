/*
 * clock.c - the system's clocks, and nothing derived from them.
 */
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now = {0};

    /* Can't fail: both clocks exist on every Linux that we build for. */
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_boot_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_BOOTTIME);
}

const struct sg_clock sg_clock_system = {system_wall_ms, system_boot_ms, NULL};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int sg_clock_boot_id(unsigned char id[static 16])
{
    char text[64];
    size_t digits = 0;

    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return SG_E_SYSTEM;
    ssize_t length = read(file, text, sizeof text);
    const int saved = errno;
    close(file);
    errno = saved;
    if (length < 0)
        return SG_E_SYSTEM;

    for (ssize_t i = 0; i < length && text[i] != '\n'; i++) {
        const int value = hex_value(text[i]);

        if (text[i] == '-')
            continue;
        if (value < 0 || digits == 32)
            break;
        if (digits % 2 == 0)
            id[digits / 2] = (unsigned char)(value << 4);
        else
            id[digits / 2] = (unsigned char)(id[digits / 2] | value);
        digits++;
    }
    if (digits == 32)
        return SG_OK;
    errno = EINVAL;
    return SG_E_SYSTEM;
}
