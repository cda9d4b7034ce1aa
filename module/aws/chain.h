/*
 * chain.h - the inside of a provider that provider.c (when, and who is told) and chain.c (the steps
 * of one fetch) share.
 */
#ifndef SG_AWS_CHAIN_H
#define SG_AWS_CHAIN_H

#include "aws/provider.h"

#define SG_KEYS_LAST_MS 5000 /* of a life that is not used: a request takes time */

struct sg_provider {
    struct sg_provider_options options;
    struct sg_hop own; /* options.assume_role; its texts are the options' */

    struct sg_credentials keys;
    int64_t fetched_ms, fetched_boot_ms;
    bool refused; /* AWS takes these keys no more */
    unsigned refusals, failures;
    char source[1200], trouble[512];
    int error; /* of the last fetch */
    int64_t retry_boot_ms, clock_offset_ms;

    struct sg_provider_waiter *waiters;
    struct sg_http_watch soon; /* the next step is due: it is taken in sg_http_wait() only */
    bool fetching;
    struct sg_plan plan;
    struct sg_credentials with; /* what the steps so far gave */
    size_t hop;
    struct sg_endpoint_place sts;
    struct sg_task task;
    struct sg_provider_waiter on_base;
};

/* chain.c: begins a fetch; it ends in one of the two below. From sg_http_wait() only. */
void sg_chain_begin(struct sg_provider *provider);
void sg_chain_drop(struct sg_provider *provider); /* ends it without a word; cleanses */

/* provider.c: provider->with holds the keys; or there are none, and why. */
void sg_provider__succeed(struct sg_provider *provider);
void sg_provider__fail(struct sg_provider *provider, int error, const char *trouble);

#endif
