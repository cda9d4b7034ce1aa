/*
 * http.h - HTTP requests that never block, on libcurl's multi interface: many transfers in one
 * thread, connections kept for the next. It is closed by default: TLS verified, no redirects, no
 * proxy, no user in the URL, https only (http when the host is this machine), a size limit and a
 * deadline for every answer, and an end to those that only drip.
 */
#ifndef SG_AWS_HTTP_H
#define SG_AWS_HTTP_H

#include "base/error.h"
#include "base/text.h"

#include <poll.h>

struct sg_header {
    struct sg_text name, value;
};

struct sg_http;          /* one thread's */
struct sg_http_transfer; /* one request under way */

struct sg_http_request {
    const char *url;
    bool post;
    bool put;                        /* without a body */
    bool metadata;                   /* of a container or an instance: http may go to the link-local
                                        addresses where AWS serves them too; never by a proxy */
    bool patient;                    /* a long poll: nothing may come for all of timeout_ms */
    struct sg_text body;             /* post: copied */
    const struct sg_header *headers; /* besides those that HTTP itself needs; copied */
    size_t header_count;
    size_t max_bytes;   /* of the answer's body */
    int64_t timeout_ms; /* for all of it: name, connection, answer */
};

struct sg_http_answer {
    int error; /* SG_OK: there is an answer, whatever its status; SG_E_NETWORK, SG_E_LIMIT,
                  SG_E_MEMORY */
    const char *problem; /* what went wrong, in words; NULL when error is SG_OK */
    long status;
    int64_t date_ms;     /* of its Date header; 0: none, or not readable */
    struct sg_text body; /* ends with the callback */
};

/* Called once a transfer, from sg_http_wait() only. It may start and cancel transfers. */
struct sg_http_done {
    void (*call)(void *payload, const struct sg_http_answer *answer);
    void *payload;
};

/* False, with a problem: not a URL that we go to. */
bool sg_http_url_allowed(const char *url, struct sg_problems *problems);
/* The same for where a container or an instance gets its credentials (sg_http_request.metadata). */
bool sg_http_metadata_url_allowed(const char *url, struct sg_problems *problems);

int sg_http_open(struct sg_http **http);
void sg_http_close(struct sg_http *http); /* transfers under way end without a call */

struct sg_http_settings {
    const char *proxy; /* a URL; "environment": https_proxy, no_proxy and their kin; NULL: none */
    const char *ca_bundle; /* PEM file of the authorities to trust; NULL: the system's */
    long drip_s;           /* an answer that only drips for so long is given up; 0: 12 */
};
/* For transfers begun from now on; the texts are copied. SG_OK or SG_E_MEMORY. */
int sg_http_configure(struct sg_http *http, const struct sg_http_settings *settings);

/* SG_OK, SG_E_INVALID (the URL, a header), SG_E_MEMORY. *transfer (may be NULL) is valid until the
 * call. */
int sg_http_start(struct sg_http_transfer **transfer, struct sg_http *http,
                  const struct sg_http_request *request, struct sg_http_done done);
void sg_http_cancel(struct sg_http_transfer *transfer); /* no call will come */

/*
 * What else sg_http_wait() looks after for who uses this thread's transfers: a descriptor to become
 * readable, a time to come. Zero it to start; it stays where it is until called or stopped.
 */
struct sg_http_watch {
    struct sg_http_watch *next;
    struct sg_http *http;                       /* NULL: not watched */
    int fd;                                     /* -1: none */
    int64_t at_ms;                              /* CLOCK_BOOTTIME; INT64_MAX: never */
    void (*call)(void *payload, bool readable); /* once; false: the time came first */
    void *payload;
};
void sg_http_watch(struct sg_http *http, struct sg_http_watch *watch);
void sg_http_unwatch(struct sg_http_watch *watch);

/*
 * Waits for any transfer, or for one of `others` (fd, events; revents is filled in), at most
 * timeout_ms; then moves the transfers on and calls those that are done. SG_OK or SG_E_SYSTEM.
 */
int sg_http_wait(struct sg_http *http, struct pollfd *others, size_t count, int timeout_ms);

#endif
