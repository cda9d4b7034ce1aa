/*
 * gate.h - private to module/gate and the tool: what a gate and a reader are
 * made of. Hosts see <stsgate/stsgate.h> alone.
 */
#ifndef SG_GATE_GATE_H
#define SG_GATE_GATE_H

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "credential/jwk.h"
#include "credential/jwt.h"
#include "gate/cache.h"
#include "gate/identity.h"
#include "gate/questions.h"
#include "store/ask.h"
#include "store/store.h"

#include <stsgate/stsgate.h>

#define SG_KEYS_MAX_AGE_MS                                                                         \
    (24 * SG_HOUR_MS) /* a key set that cannot be fetched is good this long */

/* Immutable once open, but for what its hosts put there before the first reader: log and clock. */
struct stsgate {
    struct sg_config *config;
    struct sg_jwks *key_files; /* one an issuer; empty where its keys come from the store */
    struct sg_clock clock;
    struct sg_log log;
    void (*host_log)(void *payload, int level, const char *line);
    void *host_payload;
};

/* A step of a check, for `stsgatectl explain`. */
struct sg_trace {
    void (*step)(void *payload, const char *name, const char *text);
    void *payload;
};

struct sg_prepared_key {
    struct sg_prepared_key *next;
    struct sg_verify_key *key;
    char kid[]; /* terminated */
};

/* What a reader holds of an issuer: its place in the store, and keys ready to verify with. */
struct sg_issuer_view {
    struct sg_slot *slot;         /* NULL: keys come from a file */
    int64_t tried_boot_ms;        /* when the agent last tried to fetch the key set */
    uint64_t prepared_generation; /* `prepared` is of this one */
    struct sg_prepared_key *prepared;
    int64_t asked_boot_ms; /* when the agent was last asked for its keys; 0: never */
};

struct stsgate_reader {
    const struct stsgate *gate;
    struct sg_store *store;
    struct sg_issuer_view *issuers; /* parallel to config->issuers */
    struct sg_slot **accounts;      /* parallel to config->accounts */
    struct sg_cache *cache;
    struct sg_questions questions;
    struct sg_identities identities;
    struct sg_trace trace; /* step NULL: nobody looks */
};

/* For tests, before the first reader: every instant comes from `clock`. */
void sg_gate_set_clock(struct stsgate *gate, const struct sg_clock *clock);
const struct sg_config *sg_gate_config(const struct stsgate *gate);
/* For the tool: told each step of every check of this reader. */
void sg_reader_set_trace(struct stsgate_reader *reader, const struct sg_trace *trace);
void sg_trace_tell(const struct sg_trace *trace, const char *name, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));
/* Where nobody looks, its arguments are not even evaluated. */
#define sg_trace_step(trace, ...)                                                                  \
    do {                                                                                           \
        if ((trace)->step != NULL)                                                                 \
            sg_trace_tell((trace), __VA_ARGS__);                                                   \
    } while (0)

/*
 * keys.c. The issuer's view brought up to date: STSGATE_REASON_NONE, or keys-unavailable when its
 * key set is missing or too old. A cached credential of another generation than
 * view->prepared_generation is verified again.
 */
enum stsgate_reason sg_reader_issuer(struct sg_issuer_view **view, struct stsgate_reader *reader,
                                     size_t issuer, int64_t boot_ms);
/* After that: the prepared key for a token. unknown-key, bad-algorithm; keys-unavailable when the
 * agent may yet fetch it. */
enum stsgate_reason sg_reader_key(struct sg_verify_key **key, struct stsgate_reader *reader,
                                  size_t issuer, const struct sg_jwt *jwt, int64_t boot_ms);
void sg_reader_drop_keys(struct sg_issuer_view *view);

#endif
