/*
 * caller_pace.c - how often AWS is asked who signed a request: by all, and by clients near each
 * other, so that nobody uses up the calls of everybody. Never by how often somebody may be told
 * what is known already.
 */
#include "agent/caller_table.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Calls a second, and how many may have been saved up: of all, and of one neighbourhood. */
#define PACE_MS         10
#define BURST_MS        2000
#define SOURCE_PACE_MS  50
#define SOURCE_BURST_MS 3000

static bool take_turn(int64_t *next_ms, int64_t now_ms, int64_t pace_ms, int64_t burst_ms)
{
    if (*next_ms > now_ms)
        return false;
    if (*next_ms < now_ms - burst_ms)
        *next_ms = now_ms - burst_ms;
    *next_ms += pace_ms;
    return true;
}

bool sg_caller_turn(struct sg_callers *callers, int64_t now_ms)
{
    return take_turn(&callers->all_ms, now_ms, PACE_MS, BURST_MS);
}

/* Which slot is whose is not to be found out: who holds many addresses would use up another's. */
static bool slot_of(size_t *slot, const struct sg_callers *callers, uint64_t source)
{
    unsigned char bytes[sizeof callers->source_key + sizeof source], digest[EVP_MAX_MD_SIZE];
    uint32_t number;

    memcpy(bytes, callers->source_key, sizeof callers->source_key);
    memcpy(bytes + sizeof callers->source_key, &source, sizeof source);
    const bool good = EVP_Digest(bytes, sizeof bytes, digest, NULL, EVP_sha256(), NULL) == 1;
    memcpy(&number, digest, sizeof number);
    OPENSSL_cleanse(bytes, sizeof bytes);
    *slot = number % SG_CALLER_SOURCES;
    return good;
}

bool sg_caller_source_turn(struct sg_callers *callers, uint64_t source, int64_t now_ms)
{
    size_t slot;

    return slot_of(&slot, callers, source) &&
           take_turn(&callers->source_ms[slot], now_ms, SOURCE_PACE_MS, SOURCE_BURST_MS);
}
