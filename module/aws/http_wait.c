/*
 * http_wait.c - the one place where a thread of ours sleeps: transfers, the caller's descriptors
 * and watches, whichever moves first. Must never let one call starve the rest.
 */
#include "aws/http_inside.h"

#include "base/clock.h"

#include <limits.h>
#include <stdlib.h>

/* Sends and receives what can be, calls those that are done. True when there was one. */
static bool move_on(struct sg_http *http)
{
    CURLMsg *message;
    int running, left;
    bool any = false;

    (void)curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        char *private = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode result = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        sg_http__finish((struct sg_http_transfer *)(void *)private, result);
        any = true;
    }
    return any;
}

/* ---- watches ---- */

void sg_http_watch(struct sg_http *http, struct sg_http_watch *watch)
{
    sg_http_unwatch(watch);
    watch->http = http;
    watch->next = http->watches;
    http->watches = watch;
}

void sg_http_unwatch(struct sg_http_watch *watch)
{
    if (watch->http == NULL)
        return;
    for (struct sg_http_watch **at = &watch->http->watches; *at != NULL; at = &(*at)->next) {
        if (*at != watch)
            continue;
        *at = watch->next;
        break;
    }
    watch->http = NULL;
    watch->next = NULL;
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return fd >= 0 && poll(&one, 1, 0) == 1 && one.revents != 0;
}

/*
 * Calls those that are due, one at a time and from the start of the list each time: a call may stop
 * any other. What a call sets anew waits for the next wait, so that no call can keep us here.
 */
static void call_watches(struct sg_http *http)
{
    const int64_t now_ms = sg_clock_boot_ms(&sg_clock_system);
    size_t most = 0;

    for (const struct sg_http_watch *watch = http->watches; watch != NULL; watch = watch->next)
        most++;
    while (most-- > 0) {
        struct sg_http_watch *watch = http->watches;
        bool readable = false;

        while (watch != NULL && !(readable = is_readable(watch->fd)) && watch->at_ms > now_ms)
            watch = watch->next;
        if (watch == NULL)
            return;
        sg_http_unwatch(watch);
        watch->call(watch->payload, readable);
    }
}

static int shorten(const struct sg_http *http, int timeout_ms)
{
    const int64_t now_ms = sg_clock_boot_ms(&sg_clock_system);

    for (const struct sg_http_watch *watch = http->watches; watch != NULL; watch = watch->next) {
        if (watch->at_ms == INT64_MAX)
            continue;
        const int64_t left_ms = watch->at_ms <= now_ms ? 0 : watch->at_ms - now_ms;
        if (timeout_ms < 0 || left_ms < timeout_ms)
            timeout_ms = (int)(left_ms < INT_MAX ? left_ms : INT_MAX);
    }
    return timeout_ms;
}

/* ---- waiting ---- */

/* The caller's descriptors first, then the watches'. *total: how many. */
static int collect(struct sg_http *http, const struct pollfd *others, size_t count, size_t *total)
{
    size_t needed = count;

    for (const struct sg_http_watch *watch = http->watches; watch != NULL; watch = watch->next)
        needed += watch->fd >= 0;
    if (needed > http->others_size) {
        struct curl_waitfd *larger = reallocarray(http->others, needed, sizeof *larger);
        if (larger == NULL)
            return SG_E_MEMORY;
        http->others = larger;
        http->others_size = needed;
    }
    for (size_t i = 0; i < count; i++) {
        const short in = (others[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0;
        const short out = (others[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0;
        http->others[i] = (struct curl_waitfd){.fd = others[i].fd, .events = (short)(in | out)};
    }
    *total = count;
    for (const struct sg_http_watch *watch = http->watches; watch != NULL; watch = watch->next) {
        if (watch->fd >= 0)
            http->others[(*total)++] =
                (struct curl_waitfd){.fd = watch->fd, .events = CURL_WAIT_POLLIN};
    }
    return SG_OK;
}

int sg_http_wait(struct sg_http *http, struct pollfd *others, size_t count, int timeout_ms)
{
    size_t total;

    /* What the last callbacks began goes out before we sleep; it may even be answered already. */
    if (move_on(http))
        timeout_ms = 0;
    const int error = collect(http, others, count, &total);
    if (error != SG_OK)
        return error;
    timeout_ms = shorten(http, timeout_ms);
    if (curl_multi_poll(http->multi, http->others, (unsigned)total, timeout_ms, NULL) != CURLM_OK)
        return SG_E_SYSTEM;
    for (size_t i = 0; i < count; i++) {
        const short got = http->others[i].revents;
        others[i].revents = (short)(((got & CURL_WAIT_POLLIN) != 0 ? POLLIN : 0) |
                                    ((got & CURL_WAIT_POLLOUT) != 0 ? POLLOUT : 0));
    }
    (void)move_on(http);
    call_watches(http);
    return SG_OK;
}
