/*
 * timer.h - what is to happen later, on CLOCK_BOOTTIME. One thread; few enough that a list does.
 */
#ifndef SG_AGENT_TIMER_H
#define SG_AGENT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Zero it to start; its owner keeps it until it has fired or was stopped. */
struct sg_timer {
    struct sg_timer *next;
    int64_t at_ms;
    void (*call)(void *payload);
    void *payload;
    bool set;
};

struct sg_timers {
    struct sg_timer *first; /* soonest first */
};

/* Sets, or sets anew. The call comes from sg_timers_run() only. */
void sg_timer_set(struct sg_timers *timers, struct sg_timer *timer, int64_t at_ms,
                  void (*call)(void *payload), void *payload);
void sg_timer_stop(struct sg_timers *timers, struct sg_timer *timer);

/* Milliseconds to the soonest, 0 when it is due, at most `most`. */
int sg_timers_wait_ms(const struct sg_timers *timers, int64_t now_ms, int most);
/* Calls all that are due now; what they set to now or earlier waits for the next run. */
void sg_timers_run(struct sg_timers *timers, int64_t now_ms);

#endif
