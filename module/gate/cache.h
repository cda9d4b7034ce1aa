/*
 * cache.h - verified credentials that a reader remembers: facts, never
 * verdicts. Found by a keyed hash of all the bytes (Poly1305, then SipHash-2-4-128; random keys a
 * process); the bytes themselves are not kept. Fixed size, one reader, no lock; memory is touched
 * only as it fills.
 */
#ifndef SG_GATE_CACHE_H
#define SG_GATE_CACHE_H

#include "base/text.h"
#include "session/session.h"
#include "store/record.h"

#include <stsgate/stsgate.h>

#define SG_CACHE_SLOTS 4096

struct sg_cache;
struct sg_cache_key {
    unsigned char bytes[16];
};

/* A sibling shares its hash key, so that seals pass between them; NULL makes a new one. NULL when
 * memory ends. */
struct sg_cache *sg_cache_new(const struct sg_cache *sibling);
void sg_cache_free(struct sg_cache *cache);

/* False only when OpenSSL fails. */
bool sg_cache_key(struct sg_cache_key *key, struct sg_cache *cache, size_t service,
                  struct sg_text credential);
/* Says that this process verified these bytes for this service with keys of this generation. */
bool sg_cache_seal(struct stsgate_seal *seal, struct sg_cache *cache, size_t service, size_t issuer,
                   uint64_t generation, struct sg_text credential);

struct sg_cached {
    size_t issuer; /* index in the configuration */
    uint64_t generation;
    struct sg_session session;
    /* The role's record, as long as the store's epoch of its account is this one; 0: not looked up
     * yet. */
    uint64_t epoch;
    struct sg_record record;
    uint16_t at; /* where it is remembered, counted from 1; SG_CACHE_NOWHERE */
};
#define SG_CACHE_NOWHERE 0

bool sg_cache_find(struct sg_cached *cached, struct sg_cache *cache,
                   const struct sg_cache_key *key);
/* Replaces what has expired at now_ms, else the one used longest ago. Sessions with very long names
 * are not remembered. Sets cached->at. */
void sg_cache_put(struct sg_cache *cache, const struct sg_cache_key *key, struct sg_cached *cached,
                  int64_t now_ms);
/* Remembers cached->record and its epoch beside the session, but for the role's names: the caller
 * has compared them. */
void sg_cache_put_record(struct sg_cache *cache, const struct sg_cached *cached);

#endif
