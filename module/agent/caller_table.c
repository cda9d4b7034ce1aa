/*
 * caller_table.c - entries of signed requests, found by the SHA-256 of all their parts. Bounded in
 * number; what is queued or on its way is never dropped to make room.
 */
#include "agent/caller_table.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define ENTRIES_MAX 16384
#define SWEEP_MS    10000

struct sg_caller **sg_caller_place(struct sg_callers *callers, const unsigned char *digest)
{
    struct sg_caller **place = &callers->buckets[(digest[0] | digest[1] << 8) % SG_CALLER_BUCKETS];

    while (*place != NULL && memcmp((*place)->digest, digest, sizeof(*place)->digest) != 0)
        place = &(*place)->next;
    return place;
}

static void free_caller(struct sg_caller *caller)
{
    sg_http_cancel(caller->transfer);
    sg_buffer_wipe(&caller->request);
    sg_waiters_clear(&caller->waiters);
    free(caller);
}

void sg_caller_forget(struct sg_callers *callers, struct sg_caller **place)
{
    struct sg_caller *caller = *place;

    *place = caller->next;
    callers->count--;
    free_caller(caller);
}

void sg_caller_sweep(struct sg_callers *callers, int64_t now_ms)
{
    if (now_ms - callers->swept_boot_ms < SWEEP_MS)
        return;
    callers->swept_boot_ms = now_ms;
    for (size_t i = 0; i < SG_CALLER_BUCKETS; i++) {
        for (struct sg_caller **place = &callers->buckets[i]; *place != NULL;) {
            if ((*place)->state == SG_CALLER_TOLD && (*place)->until_boot_ms <= now_ms)
                sg_caller_forget(callers, place);
            else
                place = &(*place)->next;
        }
    }
}

bool sg_caller_make_room(struct sg_callers *callers, size_t from)
{
    for (size_t i = 0; callers->count >= ENTRIES_MAX && i < SG_CALLER_BUCKETS; i++) {
        struct sg_caller **place = &callers->buckets[(from + i) % SG_CALLER_BUCKETS];

        while (*place != NULL && (*place)->state != SG_CALLER_TOLD)
            place = &(*place)->next;
        if (*place != NULL)
            sg_caller_forget(callers, place);
    }
    return callers->count < ENTRIES_MAX;
}

bool sg_caller_digest(unsigned char digest[static 32], const struct sg_issuer *issuer,
                      struct sg_text request)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                      EVP_DigestUpdate(context, issuer->label, strlen(issuer->label) + 1) == 1 &&
                      EVP_DigestUpdate(context, request.data, request.length) == 1 &&
                      EVP_DigestFinal_ex(context, digest, NULL) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

struct sg_caller *sg_caller_add(struct sg_agent *agent, const unsigned char *digest,
                                const struct sg_issuer *issuer, struct sg_text request)
{
    struct sg_callers *callers = agent->callers;
    struct sg_caller *caller = sg_alloc(1, sizeof *caller);

    if (caller == NULL)
        return NULL;
    caller->agent = agent;
    caller->issuer = issuer;
    caller->since_boot_ms = sg_now_ms(agent);
    sg_buffer_add_text(&caller->request, request);
    if (caller->request.failed) {
        free_caller(caller);
        return NULL;
    }
    memcpy(caller->digest, digest, sizeof caller->digest);
    *sg_caller_place(callers, digest) = caller;
    callers->count++;
    callers->pending++;
    if (callers->last != NULL)
        callers->last->queued = caller;
    else
        callers->first = caller;
    callers->last = caller;
    return caller;
}
