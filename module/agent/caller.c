/*
 * caller.c - the questions about signed requests: one entry each, queued, called, told, forgotten.
 * Bounded in all that a client could make grow: entries, calls at once, calls a second, and calls a
 * second for clients near each other.
 */
#include "agent/caller_table.h"
#include "credential/caller_identity.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

static struct sg_callers *callers_of(struct sg_agent *agent)
{
    struct sg_callers *callers = agent->callers;

    if (callers != NULL)
        return callers;
    callers = sg_alloc(1, sizeof *callers + agent->account_count * sizeof callers->counts[0]);
    if (callers == NULL)
        return NULL;
    if (RAND_bytes(callers->source_key, sizeof callers->source_key) != 1) {
        free(callers);
        return NULL;
    }
    agent->callers = callers;
    return callers;
}

static const struct sg_issuer *find_issuer(const struct sg_config *config, const char *label)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (config->issuers[i].kind == SG_ISSUER_CALLER_IDENTITY &&
            strcmp(config->issuers[i].label, label) == 0)
            return &config->issuers[i];
    }
    return NULL;
}

/* Is it a request that may be sent at all? The gate has looked already, but anyone may connect. */
static bool request_is_good(int64_t *signed_ms, const struct sg_issuer *issuer,
                            struct sg_text request)
{
    struct sg_caller_identity *identity = sg_alloc(1, sizeof *identity);
    const bool good =
        identity != NULL && sg_identity_unpack(identity, request, issuer) == STSGATE_REASON_NONE;

    if (identity != NULL) {
        *signed_ms = identity->sts.date_ms;
        sg_identity_wipe(identity);
    }
    free(identity);
    return good;
}

/* A new entry; or NULL and why not. */
static struct sg_caller *begin(int *error, struct sg_agent *agent, const unsigned char *digest,
                               const struct sg_issuer *issuer, uint64_t source,
                               struct sg_text request)
{
    struct sg_callers *callers = agent->callers;
    struct sg_caller_counts *counts = sg_caller_counts(agent, issuer->account);
    struct sg_caller *caller;
    int64_t signed_ms = 0;

    *error = SG_E_INVALID;
    if (!request_is_good(&signed_ms, issuer, request)) {
        counts->refused++;
        return NULL;
    }
    *error = SG_E_BUSY;
    if (callers->pending >= SG_CALLERS_PENDING || !sg_caller_make_room(callers, digest[2])) {
        counts->crowded++;
        return NULL;
    }
    if (!sg_caller_source_turn(callers, source, sg_now_ms(agent))) {
        counts->over_budget++;
        return NULL;
    }
    *error = SG_E_MEMORY;
    caller = sg_caller_add(agent, digest, issuer, request);
    if (caller == NULL)
        return NULL;
    caller->counts = counts;
    caller->signed_ms = signed_ms;
    return caller;
}

/* The entry, made when there is none; or NULL and why not. */
static struct sg_caller *find_caller(int *error, struct sg_agent *agent,
                                     const struct sg_issuer *issuer, uint64_t source,
                                     struct sg_text request)
{
    struct sg_callers *callers = agent->callers;
    const int64_t now_ms = sg_now_ms(agent);
    unsigned char digest[32];
    struct sg_caller **place;

    *error = SG_E_CRYPTO;
    if (!sg_caller_digest(digest, issuer, request))
        return NULL;
    sg_caller_sweep(callers, now_ms);
    place = sg_caller_place(callers, digest);
    if (*place != NULL && (*place)->state == SG_CALLER_TOLD && (*place)->until_boot_ms <= now_ms)
        sg_caller_forget(callers, place);
    place = sg_caller_place(callers, digest);
    if (*place == NULL)
        return begin(error, agent, digest, issuer, source, request);
    (*place)->counts->known++;
    return *place;
}

void sg_ask_identity(struct sg_agent *agent, const struct sg_waiter *waiter, struct sg_text rest)
{
    const struct sg_issuer *issuer = find_issuer(agent->config, waiter->question.label);
    struct sg_caller *caller = NULL;
    int error = SG_E_ABSENT;
    uint64_t source;

    if (issuer != NULL && rest.length > sizeof source) {
        memcpy(&source, rest.data, sizeof source);
        rest = (struct sg_text){rest.data + sizeof source, rest.length - sizeof source};
        error = SG_E_MEMORY;
        if (callers_of(agent) != NULL) {
            sg_caller_counts(agent, issuer->account)->asked++;
            caller = find_caller(&error, agent, issuer, source, rest);
        }
    }
    if (caller == NULL) {
        sg_waiter_answer(agent, waiter, error);
        return;
    }
    if (caller->state == SG_CALLER_TOLD) {
        sg_caller_tell(caller, waiter);
        return;
    }
    if (sg_waiters_add(&caller->waiters, waiter) != SG_OK)
        sg_waiter_answer(agent, waiter, SG_E_MEMORY);
    sg_caller_pump(agent);
}

void sg_callers_close(struct sg_agent *agent)
{
    struct sg_callers *callers = agent->callers;

    if (callers == NULL)
        return;
    sg_timer_stop(&agent->timers, &callers->timer);
    for (size_t i = 0; i < SG_CALLER_BUCKETS; i++) {
        while (callers->buckets[i] != NULL) {
            sg_waiters_answer(agent, &callers->buckets[i]->waiters, SG_E_NETWORK);
            sg_caller_forget(callers, &callers->buckets[i]);
        }
    }
    OPENSSL_cleanse(callers->source_key, sizeof callers->source_key);
    free(callers);
    agent->callers = NULL;
}
