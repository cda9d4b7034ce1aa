/*
 * cache.c - the credential cache: sets of 16 slots, the set chosen by the
 * keyed hash, so that nobody outside can aim at one. Holds no credential.
 */
#include "gate/cache.h"

#include "base/buffer.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/mman.h>

#define WAYS     16
#define SETS     (SG_CACHE_SLOTS / WAYS)
#define TEXT_MAX 216

/* A session with its texts end to end: ARN, role id, session name, source identity. */
struct packed {
    struct sg_cache_key key;
    uint64_t epoch; /* of the record; 0: none is held */
    struct sg_text statements;
    int64_t cutoff_ms, created_ms, stale_since_ms;
    uint8_t state;
    bool residual;
    uint64_t generation;
    struct sg_interval issued;
    int64_t evidence_ms, token_issued_ms, not_before_ms, expires_ms;
    uint16_t issuer;
    uint16_t arn_length;
    uint8_t partition_length, account_length, name_length;
    uint8_t role_id_length, session_name_length, source_identity_length;
    char texts[TEXT_MAX];
};

/* What a search reads lies in one cache line; `used` is read only to find a way to fill. */
struct set {
    uint16_t tags[WAYS]; /* the end of the key; its start chose the set */
    uint16_t at[WAYS];   /* 1 + the place in sessions[]; 0: never used */
    uint32_t used[WAYS]; /* tick of the last use */
};
_Static_assert(sizeof(struct set) % 64 == 0, "sets begin at cache lines");

/* Sessions lie in the order in which ways were first used, so that a few take few pages. */
struct slots {
    struct set sets[SETS];
    struct packed sessions[SG_CACHE_SLOTS];
};

struct sg_cache {
    struct slots *slots;
    EVP_MAC_CTX *poly1305, *siphash;
    uint32_t tick;
    uint16_t filled; /* how many of slots->sessions were ever used */
    unsigned char poly1305_key[32], siphash_key[16];
};

/* What a hash is for, so that a cache key is never a seal. */
enum purpose { PURPOSE_KEY = 1, PURPOSE_SEAL = 2 };

static EVP_MAC_CTX *new_mac(const char *name)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);

    EVP_MAC_free(mac);
    return context;
}

static bool open_macs(struct sg_cache *cache)
{
    size_t size = 16;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};

    cache->poly1305 = new_mac("POLY1305");
    cache->siphash = new_mac("SIPHASH");
    return cache->poly1305 != NULL && cache->siphash != NULL &&
           EVP_MAC_CTX_set_params(cache->siphash, params) == 1;
}

struct sg_cache *sg_cache_new(const struct sg_cache *sibling)
{
    struct sg_cache *cache = sg_alloc(1, sizeof(*cache));

    if (cache == NULL)
        return NULL;
    if (sibling != NULL) {
        memcpy(cache->poly1305_key, sibling->poly1305_key, sizeof(cache->poly1305_key));
        memcpy(cache->siphash_key, sibling->siphash_key, sizeof(cache->siphash_key));
    } else if (RAND_priv_bytes(cache->poly1305_key, sizeof(cache->poly1305_key)) != 1 ||
               RAND_priv_bytes(cache->siphash_key, sizeof(cache->siphash_key)) != 1) {
        goto fail;
    }
    if (!open_macs(cache))
        goto fail;
    cache->slots = mmap(NULL, sizeof(*cache->slots), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cache->slots == MAP_FAILED) {
        cache->slots = NULL;
        goto fail;
    }
    return cache;

fail:
    sg_cache_free(cache);
    return NULL;
}

void sg_cache_free(struct sg_cache *cache)
{
    if (cache == NULL)
        return;
    EVP_MAC_CTX_free(cache->poly1305);
    EVP_MAC_CTX_free(cache->siphash);
    if (cache->slots != NULL)
        munmap(cache->slots, sizeof(*cache->slots));
    OPENSSL_cleanse(cache->poly1305_key, sizeof(cache->poly1305_key));
    OPENSSL_cleanse(cache->siphash_key, sizeof(cache->siphash_key));
    free(cache);
}

/*
 * Poly1305 over all the bytes, for a third of what SipHash takes for a token, then SipHash-2-4-128
 * over its 16: two credentials of up to 8 KiB meet in the first with a chance of at most 2^-93
 * (Bernstein, The Poly1305-AES MAC, 2005) as long as its outputs are not seen, and what is seen of
 * the second, by timing or in a seal, tells nothing of them.
 */
static bool hash(unsigned char out[static 16], struct sg_cache *cache, const void *head,
                 size_t head_length, struct sg_text credential)
{
    const unsigned char *bytes = (const unsigned char *)credential.data;
    unsigned char inner[16];
    size_t length = 0;
    const bool good =
        EVP_MAC_init(cache->poly1305, cache->poly1305_key, sizeof(cache->poly1305_key), NULL) ==
            1 &&
        EVP_MAC_update(cache->poly1305, head, head_length) == 1 &&
        EVP_MAC_update(cache->poly1305, bytes, credential.length) == 1 &&
        EVP_MAC_final(cache->poly1305, inner, &length, sizeof(inner)) == 1 && length == 16 &&
        EVP_MAC_init(cache->siphash, cache->siphash_key, sizeof(cache->siphash_key), NULL) == 1 &&
        EVP_MAC_update(cache->siphash, inner, sizeof(inner)) == 1 &&
        EVP_MAC_final(cache->siphash, out, &length, 16) == 1 && length == 16;

    OPENSSL_cleanse(inner, sizeof(inner));
    return good;
}

bool sg_cache_key(struct sg_cache_key *key, struct sg_cache *cache, size_t service,
                  struct sg_text credential)
{
    const uint64_t head[] = {PURPOSE_KEY, service};

    return hash(key->bytes, cache, head, sizeof(head), credential);
}

bool sg_cache_seal(struct stsgate_seal *seal, struct sg_cache *cache, size_t service, size_t issuer,
                   uint64_t generation, struct sg_text credential)
{
    const uint64_t head[] = {PURPOSE_SEAL, service, issuer, generation};

    return hash(seal->bytes, cache, head, sizeof(head), credential);
}

static struct set *set_of(const struct sg_cache *cache, const struct sg_cache_key *key)
{
    uint16_t low;

    memcpy(&low, key->bytes, sizeof(low));
    return &cache->slots->sets[low % SETS];
}

static uint16_t tag_of(const struct sg_cache_key *key)
{
    uint16_t tag;

    memcpy(&tag, key->bytes + sizeof(*key) - sizeof(tag), sizeof(tag));
    return tag;
}

static struct packed *session_of(const struct sg_cache *cache, const struct set *set, size_t way)
{
    return &cache->slots->sessions[set->at[way] - 1];
}

/* The way that holds `key`, or WAYS. */
static size_t way_of(const struct sg_cache *cache, const struct set *set,
                     const struct sg_cache_key *key)
{
    uint16_t tag = tag_of(key);

    for (size_t way = 0; way < WAYS; way++) {
        if (set->tags[way] == tag && set->at[way] != 0 &&
            memcmp(&session_of(cache, set, way)->key, key, sizeof(*key)) == 0)
            return way;
    }
    return WAYS;
}

static bool pack(struct packed *packed, const struct sg_cached *cached)
{
    const struct sg_session *session = &cached->session;
    struct sg_text texts[] = {sg_text_of(session->role_arn), sg_text_of(session->role_id),
                              sg_text_of(session->session_name),
                              sg_text_of(session->source_identity)};
    size_t at = 0;

    if (cached->issuer > UINT16_MAX)
        return false;
    for (size_t i = 0; i < 4; i++) {
        if (texts[i].length > TEXT_MAX - at)
            return false;
        memcpy(packed->texts + at, texts[i].data, texts[i].length);
        at += texts[i].length;
    }
    packed->generation = cached->generation;
    packed->issued = session->issued;
    packed->evidence_ms = session->evidence_ms;
    packed->token_issued_ms = session->token_issued_ms;
    packed->not_before_ms = session->not_before_ms;
    packed->expires_ms = session->expires_ms;
    packed->issuer = (uint16_t)cached->issuer;
    packed->arn_length = (uint16_t)texts[0].length;
    packed->role_id_length = (uint8_t)texts[1].length;
    packed->session_name_length = (uint8_t)texts[2].length;
    packed->source_identity_length = (uint8_t)texts[3].length;
    packed->partition_length = (uint8_t)strlen(session->partition);
    packed->account_length = (uint8_t)strlen(session->account);
    packed->name_length = (uint8_t)strlen(session->role_name);
    return true;
}

static void take(char *out, const char **at, size_t length)
{
    memcpy(out, *at, length);
    out[length] = 0;
    *at += length;
}

/* arn:PARTITION:iam::ACCOUNT:role...NAME, or user...NAME, so that every part is cut out of the ARN.
 */
static void unpack(struct sg_cached *cached, const struct packed *packed)
{
    struct sg_session *session = &cached->session;
    const char *at = packed->texts;
    char *key = session->role_key;
    bool user;

    cached->issuer = packed->issuer;
    cached->generation = packed->generation;
    cached->epoch = packed->epoch;
    cached->record = (struct sg_record){.state = (enum sg_role_state)packed->state,
                                        .residual = packed->residual,
                                        .cutoff_ms = packed->cutoff_ms,
                                        .created_ms = packed->created_ms,
                                        .stale_since_ms = packed->stale_since_ms,
                                        .statements = packed->statements};
    session->issued = packed->issued;
    session->evidence_ms = packed->evidence_ms;
    session->token_issued_ms = packed->token_issued_ms;
    session->not_before_ms = packed->not_before_ms;
    session->expires_ms = packed->expires_ms;
    take(session->role_arn, &at, packed->arn_length);
    take(session->role_id, &at, packed->role_id_length);
    take(session->session_name, &at, packed->session_name_length);
    take(session->source_identity, &at, packed->source_identity_length);
    at = session->role_arn + sizeof("arn:") - 1;
    take(session->partition, &at, packed->partition_length);
    at += sizeof(":iam::") - 1;
    take(session->account, &at, packed->account_length);
    user = at[1] == SG_USER_KEY_PREFIX[0];
    at = session->role_arn + packed->arn_length - packed->name_length;
    take(session->role_name, &at, packed->name_length);
    if (user)
        memcpy(key, SG_USER_KEY_PREFIX, sizeof(SG_USER_KEY_PREFIX) - 1);
    key += user ? sizeof(SG_USER_KEY_PREFIX) - 1 : 0;
    for (size_t i = 0; i <= packed->name_length; i++) {
        char c = session->role_name[i];

        key[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
}

bool sg_cache_find(struct sg_cached *cached, struct sg_cache *cache, const struct sg_cache_key *key)
{
    struct set *set = set_of(cache, key);
    size_t way = way_of(cache, set, key);

    if (way == WAYS)
        return false;
    set->used[way] = ++cache->tick;
    unpack(cached, session_of(cache, set, way));
    cached->at = set->at[way];
    return true;
}

/* A way of the set that was never used, has expired or, failing that, was used longest ago. */
static size_t way_to_fill(const struct sg_cache *cache, const struct set *set, int64_t now_ms)
{
    size_t oldest = 0;

    for (size_t way = 0; way < WAYS; way++) {
        if (set->at[way] == 0 || session_of(cache, set, way)->expires_ms <= now_ms)
            return way;
        if (cache->tick - set->used[way] > cache->tick - set->used[oldest])
            oldest = way;
    }
    return oldest;
}

void sg_cache_put(struct sg_cache *cache, const struct sg_cache_key *key, struct sg_cached *cached,
                  int64_t now_ms)
{
    struct packed packed = {.key = *key};
    struct set *set = set_of(cache, key);
    size_t way = way_of(cache, set, key);

    cached->at = SG_CACHE_NOWHERE;
    if (!pack(&packed, cached))
        return;
    if (way == WAYS)
        way = way_to_fill(cache, set, now_ms);
    if (set->at[way] == 0)
        set->at[way] = ++cache->filled;
    cached->at = set->at[way];
    *session_of(cache, set, way) = packed;
    set->tags[way] = tag_of(key);
    set->used[way] = ++cache->tick;
}

void sg_cache_put_record(struct sg_cache *cache, const struct sg_cached *cached)
{
    struct packed *packed;

    if (cached->at == SG_CACHE_NOWHERE)
        return;
    packed = &cache->slots->sessions[cached->at - 1];
    packed->epoch = cached->epoch;
    packed->state = (uint8_t)cached->record.state;
    packed->residual = cached->record.residual;
    packed->cutoff_ms = cached->record.cutoff_ms;
    packed->created_ms = cached->record.created_ms;
    packed->stale_since_ms = cached->record.stale_since_ms;
    packed->statements = cached->record.statements;
}
