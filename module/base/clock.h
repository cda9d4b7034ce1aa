/*
 * clock.h - the only place that asks what time it is. Everything else takes
 * time as a parameter or through a struct sg_clock, so that tests can set it.
 */
#ifndef SG_BASE_CLOCK_H
#define SG_BASE_CLOCK_H

#include <stdint.h>

struct sg_clock {
    int64_t (*wall_ms)(void *context); /* Unix time */
    int64_t (*boot_ms)(void *context); /* CLOCK_BOOTTIME: counts sleep, is never stepped */
    void *context;
};

/* The system's clocks, by vDSO: no system call on the platforms we know. */
extern const struct sg_clock sg_clock_system;

static inline int64_t sg_clock_wall_ms(const struct sg_clock *clock)
{
    return clock->wall_ms(clock->context);
}
static inline int64_t sg_clock_boot_ms(const struct sg_clock *clock)
{
    return clock->boot_ms(clock->context);
}

/* This boot's id (/proc/sys/kernel/random/boot_id), 16 bytes. SG_OK or SG_E_SYSTEM. */
int sg_clock_boot_id(unsigned char id[static 16]);

#endif
