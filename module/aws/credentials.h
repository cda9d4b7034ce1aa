/*
 * credentials.h - whose keys sign the requests of one account, and who provides them: AWS's
 * standard chain (environment, shared files, web identity, process, container, instance), then the
 * roles assumed on top. Nothing here blocks but sg_provider_run(); what takes time moves on in
 * sg_http_wait(). Secrets are cleansed wherever they leave memory, and no problem ever tells one.
 */
#ifndef SG_AWS_CREDENTIALS_H
#define SG_AWS_CREDENTIALS_H

#include "aws/endpoints.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

/* Zero it to start. The texts are its own. */
struct sg_credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: long-term keys */
    int64_t expires_ms;  /* Unix time; 0: nobody said */
};

/* Cleanses, then frees. */
void sg_credentials_clear(struct sg_credentials *credentials);
/* Replaces what *into held; SG_OK or SG_E_MEMORY, and then *into is empty. */
int sg_credentials_copy(struct sg_credentials *into, const struct sg_credentials *from);

struct sg_http;
struct sg_provider; /* of one account; one thread's */

/* Texts are borrowed until sg_provider_close(). */
struct sg_provider_options {
    struct sg_http *http;
    const struct sg_clock *clock;
    const char *profile; /* of AWS's shared files; then the environment's keys are skipped. NULL:
                            the standard order */
    struct sg_endpoint_options sts; /* where roles are assumed; its service is set here */
    /* The role assumed last, with what the chain gives; NULL: none. */
    const char *assume_role, *external_id;
    const char *session_name; /* NULL: "stsgate" */
    const struct sg_log *log; /* NULL: nothing is logged */
    const char *label;        /* of the account, for the log */
    /* Another provider in place of the chain (profile is not looked at): many accounts then share
     * one. It must be closed after this one. NULL: the chain. */
    struct sg_provider *base;
};

/* SG_OK or SG_E_MEMORY. Nothing is asked yet. */
int sg_provider_open(struct sg_provider **provider, const struct sg_provider_options *options);
/* Whoever still waits gets no call. NULL is fine. */
void sg_provider_close(struct sg_provider *provider);

/*
 * What to sign with now, or NULL: then sg_provider_wait(). Ahead of expiry this begins to fetch new
 * ones and goes on giving the old until they expire. Valid until the next call into this
 * provider or sg_http_wait().
 */
const struct sg_credentials *sg_provider_current(struct sg_provider *provider);

/* Who waits; zero it to start, it stays where it is until called or stopped. */
struct sg_provider_waiter {
    struct sg_provider_waiter *next;
    struct sg_provider *provider; /* NULL: does not wait */
    /* From sg_http_wait() only. SG_OK: sg_provider_current() is not NULL. Else an sg_error, and
     * sg_provider_state() tells the trouble. */
    void (*call)(void *payload, int error);
    void *payload;
};
/* Waits for the fetch under way, or begins one. After a failure there is a pause before the next:
 * within it, the waiter is told of that failure. */
void sg_provider_wait(struct sg_provider *provider, struct sg_provider_waiter *waiter);
void sg_provider_stop(struct sg_provider_waiter *waiter); /* no call will come */

/* AWS said that the keys with this id are expired or unknown: they are given no more, and the next
 * sg_provider_wait() fetches others. Another id than the current one's is no news. */
void sg_provider_refused(struct sg_provider *provider, const char *access_key_id);
/* Added to our clock for signing and for expiry, once it is known to be wrong. */
void sg_provider_set_clock_offset(struct sg_provider *provider, int64_t offset_ms);

/* For status and for people: never a secret. */
struct sg_provider_state {
    const char *source;  /* "environment", "profile app (/etc/aws/config), role arn:..."; "" before
                            the first fetch */
    int64_t expires_ms;  /* 0: not said, or there are none */
    int64_t fetched_ms;  /* Unix time; 0: there are none */
    const char *trouble; /* of the last fetch, in words; "" when it went well */
    bool fetching;
};
void sg_provider_state(struct sg_provider_state *state, const struct sg_provider *provider);

/* Waits until there are keys or a failure, at most deadline_ms. Never for a daemon. SG_OK or an
 * sg_error; then sg_provider_state() tells. */
int sg_provider_run(struct sg_provider *provider, int64_t deadline_ms);

#endif
