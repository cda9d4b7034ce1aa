/*
 * caller.c - the questions about signed requests: one entry each, found by the SHA-256 of all its
 * parts; queued, called, told, forgotten. Bounded in all that a client could make grow: entries,
 * calls at once, calls a second, and calls a second for clients near each other.
 */
#include "agent/caller.h"

#include "agent/caller_send.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define BUCKETS       1024
#define ENTRIES_MAX   16384
#define PENDING_MAX   1024
#define CALLS_AT_ONCE 64
#define QUEUED_MS     2500 /* who asks waits 3 s */
#define SWEEP_MS      10000
#define REFUSED_MS    10000
/* Calls a second, and how many may have been saved up: of all, and of one neighbourhood. */
#define PACE_MS         10
#define BURST_MS        2000
#define SOURCE_PACE_MS  50
#define SOURCE_BURST_MS 3000
#define SOURCES         4096

struct entry {
    struct entry *next;   /* in its bucket */
    struct entry *queued; /* behind it in the queue */
    struct sg_agent *agent;
    const struct sg_issuer *issuer;
    unsigned char digest[32];
    enum { QUEUED, CALLING, TOLD } state;
    int64_t since_boot_ms;    /* QUEUED */
    int64_t until_boot_ms;    /* TOLD */
    struct sg_buffer request; /* until it is told: a secret */
    struct sg_http_transfer *transfer;
    struct sg_waiters waiters;
    struct sg_identity_answer answer;
};

struct sg_callers {
    struct entry *buckets[BUCKETS];
    struct entry *first, *last; /* the queue */
    size_t count, pending, calling;
    int64_t all_ms, source_ms[SOURCES]; /* when the next call may go out */
    uint64_t salt;
    int64_t swept_boot_ms;
    bool in_trouble;
    struct sg_timer timer;
};

static void pump(struct sg_agent *agent);

static struct sg_callers *callers_of(struct sg_agent *agent)
{
    if (agent->callers == NULL) {
        agent->callers = sg_alloc(1, sizeof *agent->callers);
        if (agent->callers != NULL)
            agent->callers->salt = (uint64_t)sg_jitter_ms(INT64_MAX);
    }
    return agent->callers;
}

/* ---- entries ---- */

static struct entry **place_of(struct sg_callers *callers, const unsigned char *digest)
{
    struct entry **place = &callers->buckets[(digest[0] | digest[1] << 8) % BUCKETS];

    while (*place != NULL && memcmp((*place)->digest, digest, sizeof(*place)->digest) != 0)
        place = &(*place)->next;
    return place;
}

static void free_entry(struct entry *entry)
{
    sg_http_cancel(entry->transfer);
    sg_buffer_wipe(&entry->request);
    sg_waiters_clear(&entry->waiters);
    free(entry);
}

static void forget(struct sg_callers *callers, struct entry **place)
{
    struct entry *entry = *place;

    *place = entry->next;
    callers->count--;
    free_entry(entry);
}

static void sweep(struct sg_callers *callers, int64_t now_ms)
{
    callers->swept_boot_ms = now_ms;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry **place = &callers->buckets[i]; *place != NULL;) {
            if ((*place)->state == TOLD && (*place)->until_boot_ms <= now_ms)
                forget(callers, place);
            else
                place = &(*place)->next;
        }
    }
}

/* Room for one more: what was told may be asked again, since readers remember it themselves. */
static bool make_room(struct sg_callers *callers, size_t from)
{
    for (size_t i = 0; callers->count >= ENTRIES_MAX && i < BUCKETS; i++) {
        struct entry **place = &callers->buckets[(from + i) % BUCKETS];

        while (*place != NULL && (*place)->state != TOLD)
            place = &(*place)->next;
        if (*place != NULL)
            forget(callers, place);
    }
    return callers->count < ENTRIES_MAX;
}

static bool digest_of(unsigned char digest[static 32], const struct sg_issuer *issuer,
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

/* ---- answering ---- */

static void tell(const struct entry *entry, const struct sg_waiter *waiter)
{
    struct sg_identity_answer answer = entry->answer;

    answer.head.magic = SG_ASK_MAGIC;
    answer.head.id = waiter->id;
    sg_waiter_tell(entry->agent, waiter, &answer, sizeof answer);
}

static void log_outcome(struct entry *entry, const char *trouble)
{
    struct sg_callers *callers = entry->agent->callers;

    if (trouble == NULL && entry->answer.head.status < 0)
        return; /* nobody was asked */
    if (trouble != NULL && !callers->in_trouble)
        sg_log(&entry->agent->log, SG_LOG_WARNING, "issuer=%s identity=unknown: %s",
               entry->issuer->label, trouble);
    if (trouble == NULL && callers->in_trouble)
        sg_log(&entry->agent->log, SG_LOG_NOTICE, "issuer=%s identity=known again",
               entry->issuer->label);
    callers->in_trouble = trouble != NULL;
}

/* How long what AWS said holds: no longer than STS would take the request. */
static int64_t kept_ms(const struct entry *entry, int64_t signed_ms)
{
    const int64_t left_ms = signed_ms + SG_IDENTITY_LIFE_MS - sg_clock_wall_ms(entry->agent->clock);
    const int64_t most_ms =
        entry->answer.head.status == 0 ? (int64_t)SG_IDENTITY_LIFE_MS : (int64_t)REFUSED_MS;

    if (left_ms < 0)
        return 0;
    return left_ms < most_ms ? left_ms : most_ms;
}

/* It is over: everyone who waits is told, and what AWS said is kept. */
static void end(struct entry *entry, int64_t signed_ms, const char *trouble)
{
    struct sg_agent *agent = entry->agent;
    struct sg_callers *callers = agent->callers;

    callers->pending--;
    if (entry->state == CALLING)
        callers->calling--;
    log_outcome(entry, trouble);
    sg_buffer_wipe(&entry->request);
    entry->state = TOLD;
    entry->until_boot_ms =
        entry->answer.head.status < 0 ? 0 : sg_now_ms(agent) + kept_ms(entry, signed_ms);
    for (size_t i = 0; i < entry->waiters.count; i++)
        tell(entry, &entry->waiters.items[i]);
    sg_waiters_clear(&entry->waiters);
    if (entry->answer.head.status < 0)
        forget(callers, place_of(callers, entry->digest));
}

static void end_unknown(struct entry *entry, int status, const char *trouble)
{
    entry->answer = (struct sg_identity_answer){.head = {.status = status}};
    end(entry, 0, trouble);
}

static void end_refused(struct entry *entry, int status)
{
    entry->answer = (struct sg_identity_answer){.head = {.status = status}};
    end(entry, sg_clock_wall_ms(entry->agent->clock), NULL);
}

/* ---- calling ---- */

/* AWS understood and said no, as far as it said anything that we know. */
static bool is_refusal(const struct sg_iam_answer *answer)
{
    return answer->code[0] != '\0' && answer->outcome != SG_IAM_OK &&
           answer->outcome != SG_IAM_THROTTLED && answer->outcome != SG_IAM_TRANSIENT;
}

static void end_by(struct entry *entry, const struct sg_iam_answer *answer, int refusal)
{
    if (is_refusal(answer))
        end_refused(entry,
                    strncmp(answer->code, "ExpiredToken", 12) == 0 ? SG_IDENTITY_EXPIRED : refusal);
    else
        end_unknown(entry, answer->outcome == SG_IAM_THROTTLED ? SG_E_BUSY : SG_E_NETWORK,
                    answer->code[0] != '\0' ? answer->code : answer->message);
    /* `entry` may be gone. A message is told only where there is no code: AWS's may hold what was
     * signed. */
}

static void took_role(void *payload, const struct sg_http_answer *http)
{
    struct entry *entry = payload;
    struct sg_agent *agent = entry->agent;
    struct sg_iam_answer answer;
    bool same = false;

    entry->transfer = NULL;
    sg_iam_classify(&answer, http);
    if (answer.outcome == SG_IAM_OK &&
        sg_caller_read_role(&same, answer.body, &entry->answer, entry->issuer->account) != SG_OK) {
        end_unknown(entry, SG_E_NETWORK, "IAM's answer is not one of GetRole");
    } else if (answer.outcome == SG_IAM_OK && !same) {
        end_refused(entry, SG_IDENTITY_BAD_COMPANION);
    } else if (answer.outcome == SG_IAM_OK || answer.outcome == SG_IAM_DENIED) {
        entry->answer.companion_ms =
            answer.outcome == SG_IAM_OK ? answer.date_ms : SG_COMPANION_DENIED;
        end(entry, entry->answer.date_ms, NULL);
    } else {
        end_by(entry, &answer, SG_IDENTITY_BAD_COMPANION);
    }
    pump(agent);
}

static void took_identity(void *payload, const struct sg_http_answer *http)
{
    struct entry *entry = payload;
    struct sg_agent *agent = entry->agent;
    struct sg_iam_answer answer;
    int error = SG_OK;

    entry->transfer = NULL;
    sg_iam_classify(&answer, http);
    entry->answer = (struct sg_identity_answer){.date_ms = answer.date_ms};
    if (answer.outcome == SG_IAM_OK)
        error = sg_caller_read(&entry->answer, answer.body, entry->issuer->account);
    if (answer.outcome != SG_IAM_OK) {
        end_by(entry, &answer, SG_IDENTITY_BAD_SIGNATURE);
    } else if (error != SG_OK) {
        end_unknown(entry, SG_E_NETWORK, "STS's answer is not one of this account");
    } else if (entry->answer.head.status != 0) {
        end_refused(entry, entry->answer.head.status);
    } else {
        error = sg_caller_send_companion(&entry->transfer, agent->http, entry->issuer,
                                         sg_buffer_text(&entry->request),
                                         (struct sg_http_done){took_role, entry});
        if (error == SG_E_ABSENT)
            end(entry, entry->answer.date_ms, NULL);
        else if (error != SG_OK)
            end_unknown(entry, SG_E_NETWORK, "the companion could not be sent");
    }
    pump(agent);
}

/* A pace with a burst: true, and one more is taken. */
static bool take_turn(int64_t *next_ms, int64_t now_ms, int64_t pace_ms, int64_t burst_ms)
{
    if (*next_ms > now_ms)
        return false;
    if (*next_ms < now_ms - burst_ms)
        *next_ms = now_ms - burst_ms;
    *next_ms += pace_ms;
    return true;
}

static void pump_due(void *payload)
{
    pump(payload);
}

static struct entry *next_queued(struct sg_callers *callers)
{
    struct entry *entry = callers->first;

    callers->first = entry->queued;
    if (callers->first == NULL)
        callers->last = NULL;
    entry->queued = NULL;
    return entry;
}

/* Sends what may go out by now, and gives up on what has waited too long. */
static void pump(struct sg_agent *agent)
{
    struct sg_callers *callers = agent->callers;
    const int64_t now_ms = sg_now_ms(agent);

    while (callers->first != NULL) {
        struct entry *entry = callers->first;

        if (now_ms - entry->since_boot_ms > QUEUED_MS) {
            end_unknown(next_queued(callers), SG_E_BUSY, NULL);
            continue;
        }
        if (callers->calling == CALLS_AT_ONCE ||
            !take_turn(&callers->all_ms, now_ms, PACE_MS, BURST_MS))
            break;
        (void)next_queued(callers);
        entry->state = CALLING;
        callers->calling++;
        if (sg_caller_send(&entry->transfer, agent->http, entry->issuer,
                           sg_buffer_text(&entry->request),
                           (struct sg_http_done){took_identity, entry}) != SG_OK)
            end_unknown(entry, SG_E_NETWORK, "the request could not be sent");
    }
    if (callers->first != NULL)
        sg_timer_set(&agent->timers, &callers->timer, now_ms + PACE_MS, pump_due, agent);
}

/* ---- questions ---- */

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
static bool request_is_good(const struct sg_issuer *issuer, struct sg_text request)
{
    struct sg_caller_identity *identity = sg_alloc(1, sizeof *identity);
    const bool good =
        identity != NULL && sg_identity_unpack(identity, request, issuer) == STSGATE_REASON_NONE;

    if (identity != NULL)
        sg_identity_wipe(identity);
    free(identity);
    return good;
}

static struct entry *add_entry(struct sg_agent *agent, struct entry **place,
                               const struct sg_issuer *issuer, struct sg_text request)
{
    struct sg_callers *callers = agent->callers;
    struct entry *entry = sg_alloc(1, sizeof *entry);

    if (entry == NULL)
        return NULL;
    entry->agent = agent;
    entry->issuer = issuer;
    entry->since_boot_ms = sg_now_ms(agent);
    sg_buffer_add_text(&entry->request, request);
    if (entry->request.failed) {
        free_entry(entry);
        return NULL;
    }
    *place = entry;
    callers->count++;
    callers->pending++;
    if (callers->last != NULL)
        callers->last->queued = entry;
    else
        callers->first = entry;
    callers->last = entry;
    return entry;
}

/* The entry, made when there is none; or NULL and why not. */
static struct entry *find_entry(int *error, struct sg_agent *agent, const struct sg_issuer *issuer,
                                uint64_t source, struct sg_text request)
{
    struct sg_callers *callers = agent->callers;
    const int64_t now_ms = sg_now_ms(agent);
    unsigned char digest[32];
    struct entry **place, *entry;

    *error = SG_E_CRYPTO;
    if (!digest_of(digest, issuer, request))
        return NULL;
    if (now_ms - callers->swept_boot_ms >= SWEEP_MS)
        sweep(callers, now_ms);
    place = place_of(callers, digest);
    if (*place != NULL && (*place)->state == TOLD && (*place)->until_boot_ms <= now_ms)
        forget(callers, place);
    place = place_of(callers, digest);
    if (*place != NULL)
        return *place;
    *error = SG_E_INVALID;
    if (!request_is_good(issuer, request))
        return NULL;
    *error = SG_E_BUSY;
    if (callers->pending >= PENDING_MAX || !make_room(callers, digest[2]) ||
        !take_turn(&callers->source_ms[(source ^ callers->salt) % SOURCES], now_ms, SOURCE_PACE_MS,
                   SOURCE_BURST_MS))
        return NULL;
    *error = SG_E_MEMORY;
    entry = add_entry(agent, place_of(callers, digest), issuer, request);
    if (entry != NULL)
        memcpy(entry->digest, digest, sizeof digest);
    return entry;
}

void sg_ask_identity(struct sg_agent *agent, const struct sg_waiter *waiter, struct sg_text rest)
{
    const struct sg_issuer *issuer = find_issuer(agent->config, waiter->question.label);
    struct entry *entry = NULL;
    int error = SG_E_ABSENT;
    uint64_t source;

    if (issuer != NULL && rest.length > sizeof source) {
        memcpy(&source, rest.data, sizeof source);
        rest = (struct sg_text){rest.data + sizeof source, rest.length - sizeof source};
        error = SG_E_MEMORY;
        if (callers_of(agent) != NULL)
            entry = find_entry(&error, agent, issuer, source, rest);
    }
    if (entry == NULL) {
        sg_waiter_answer(agent, waiter, error);
        return;
    }
    if (entry->state == TOLD) {
        tell(entry, waiter);
        return;
    }
    if (sg_waiters_add(&entry->waiters, waiter) != SG_OK)
        sg_waiter_answer(agent, waiter, SG_E_MEMORY);
    pump(agent);
}

void sg_callers_close(struct sg_agent *agent)
{
    struct sg_callers *callers = agent->callers;

    if (callers == NULL)
        return;
    sg_timer_stop(&agent->timers, &callers->timer);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (callers->buckets[i] != NULL) {
            sg_waiters_answer(agent, &callers->buckets[i]->waiters, SG_E_NETWORK);
            forget(callers, &callers->buckets[i]);
        }
    }
    free(callers);
    agent->callers = NULL;
}
