/*
 * caller_table.h - private to caller*.c: the signed requests that are asked about, one entry each.
 * caller.c takes questions, caller_table.c keeps entries, caller_pace.c says how often,
 * caller_calls.c asks AWS and tells who waits, and caller_count.c counts what came of it.
 */
#ifndef SG_AGENT_CALLER_TABLE_H
#define SG_AGENT_CALLER_TABLE_H

#include "agent/caller.h"

#define SG_CALLER_BUCKETS  1024
#define SG_CALLER_SOURCES  4096
#define SG_CALLERS_PENDING 1024 /* queued and calling; beyond, nobody is asked */

/* Of one account. Every question is counted in `asked`, and in one of those down to `called`. */
struct sg_caller_counts {
    uint64_t asked;
    uint64_t known;       /* was told before, or had been asked by somebody else already */
    uint64_t refused;     /* nothing that may be sent, or out of date when its turn came */
    uint64_t over_budget; /* of clients near each other */
    uint64_t crowded;     /* no place in the queue, or no turn in time */
    uint64_t called;      /* calls of STS */
    uint64_t companions;  /* and of IAM */
    uint64_t throttled;   /* of both */
    uint64_t vouched, denied, failed; /* what AWS said; failed: nothing that we could use */
    bool told_trouble;
    struct sg_rated trouble;
};

struct sg_caller {
    struct sg_caller *next;   /* in its bucket */
    struct sg_caller *queued; /* behind it in the queue */
    struct sg_agent *agent;
    const struct sg_issuer *issuer;
    struct sg_caller_counts *counts; /* of the issuer's account */
    unsigned char digest[32];
    int64_t signed_ms; /* X-Amz-Date */
    enum { SG_CALLER_QUEUED, SG_CALLER_CALLING, SG_CALLER_TOLD } state;
    int64_t since_boot_ms;    /* queued */
    int64_t until_boot_ms;    /* told */
    struct sg_buffer request; /* until it is told: a secret */
    struct sg_http_transfer *transfer;
    struct sg_waiters waiters;
    struct sg_identity_answer answer;
};

struct sg_callers {
    struct sg_caller *buckets[SG_CALLER_BUCKETS];
    struct sg_caller *first, *last; /* the queue */
    size_t count, pending, calling;
    int64_t all_ms, source_ms[SG_CALLER_SOURCES]; /* when the next call may go out */
    unsigned char source_key[16];                 /* so that nobody can aim at a slot of those */
    int64_t swept_boot_ms;
    struct sg_timer timer;
    struct sg_caller_counts counts[]; /* in the order of agent->accounts */
};

/* ---- caller_table.c ---- */

/* SHA-256 over the issuer and all parts of the request. False only when OpenSSL fails. */
bool sg_caller_digest(unsigned char digest[static 32], const struct sg_issuer *issuer,
                      struct sg_text request);
/* Where the entry of this digest is, or belongs. */
struct sg_caller **sg_caller_place(struct sg_callers *callers, const unsigned char *digest);
/* A new one, queued. NULL when memory ends. */
struct sg_caller *sg_caller_add(struct sg_agent *agent, const unsigned char *digest,
                                const struct sg_issuer *issuer, struct sg_text request);
void sg_caller_forget(struct sg_callers *callers, struct sg_caller **place);
/* Forgets what is out of date, now and then. */
void sg_caller_sweep(struct sg_callers *callers, int64_t now_ms);
/* Room for one more: what was told may be asked again, since readers remember it themselves. */
bool sg_caller_make_room(struct sg_callers *callers, size_t from);

/* ---- caller_pace.c: true, and a turn is taken ---- */

bool sg_caller_turn(struct sg_callers *callers, int64_t now_ms);
bool sg_caller_source_turn(struct sg_callers *callers, uint64_t source, int64_t now_ms);

/* ---- caller_count.c ---- */

struct sg_caller_counts *sg_caller_counts(const struct sg_agent *agent,
                                          const struct sg_account *account);
/* Says that AWS could not be asked, once and at most once a minute; `trouble` NULL: it could. */
void sg_caller_tell_trouble(struct sg_caller *caller, const char *trouble);

/* ---- caller_calls.c ---- */

/* Sends what may go out by now, and gives up on what has waited too long. */
void sg_caller_pump(struct sg_agent *agent);
void sg_caller_tell(const struct sg_caller *caller, const struct sg_waiter *waiter);

#endif
