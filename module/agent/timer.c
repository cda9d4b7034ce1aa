/*
 * timer.c - a sorted list of timers. Must never call a timer that was stopped, whoever stopped it
 * and when: a due timer is taken off the list before its call, one at a time.
 */
#include "agent/timer.h"

#include <stddef.h>

void sg_timer_stop(struct sg_timers *timers, struct sg_timer *timer)
{
    if (!timer->set)
        return;
    for (struct sg_timer **at = &timers->first; *at != NULL; at = &(*at)->next) {
        if (*at != timer)
            continue;
        *at = timer->next;
        break;
    }
    timer->set = false;
    timer->next = NULL;
}

void sg_timer_set(struct sg_timers *timers, struct sg_timer *timer, int64_t at_ms,
                  void (*call)(void *payload), void *payload)
{
    struct sg_timer **at = &timers->first;

    sg_timer_stop(timers, timer);
    timer->at_ms = at_ms;
    timer->call = call;
    timer->payload = payload;
    timer->set = true;
    while (*at != NULL && (*at)->at_ms <= at_ms)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
}

int sg_timers_wait_ms(const struct sg_timers *timers, int64_t now_ms, int most)
{
    if (timers->first == NULL || timers->first->at_ms - now_ms > most)
        return most;
    if (timers->first->at_ms <= now_ms)
        return 0;
    return (int)(timers->first->at_ms - now_ms);
}

void sg_timers_run(struct sg_timers *timers, int64_t now_ms)
{
    size_t due = 0;

    for (const struct sg_timer *timer = timers->first; timer != NULL && timer->at_ms <= now_ms;
         timer = timer->next)
        due++;
    while (due-- > 0) {
        struct sg_timer *timer = timers->first;

        if (timer == NULL || timer->at_ms > now_ms)
            return;
        sg_timer_stop(timers, timer);
        timer->call(timer->payload);
    }
}
