/*
 * check.h - private to module/gate: one check under way, and its parts that
 * have a file of their own.
 */
#ifndef SG_GATE_CHECK_H
#define SG_GATE_CHECK_H

#include "gate/decide.h"
#include "gate/gate.h"

struct sg_check {
    struct stsgate_result *result; /* whole, whatever the host's size */
    struct stsgate_reader *reader;
    const struct stsgate_request *request;
    const struct sg_service *service;
    size_t service_index;
    struct sg_text credential;
    int64_t now_ms, boot_ms;
    struct sg_cache_key key; /* of the credential */
    struct sg_cached known;  /* the session, once it has verified */
    bool path_untold;        /* the role's path is needed and not known: nothing may pass */
};

static inline const struct sg_config *sg_check_config(const struct sg_check *check)
{
    return check->reader->gate->config;
}

static inline const struct sg_issuer *sg_check_issuer(const struct sg_check *check)
{
    return &sg_check_config(check)->issuers[check->known.issuer];
}

/* Texts of a session end at their NUL: what stands behind it in one out of the cache is nobody's.
 */
static inline void sg_check_put(char *out, size_t size, const char *text)
{
    (void)sg_text_copy(out, size, sg_text_of(text));
}

/* verify.c: reads the credential and verifies its signature, or takes the request's seal for it;
 * NONE fills check->known. */
enum stsgate_reason sg_check_verify(struct sg_check *check);
/* standing.c: the question for the record of the session's role or user. */
void sg_check_want_record(struct sg_check *check, const char *label);
/* standing.c: what the store holds of the session's role, and what follows from it. */
enum stsgate_reason sg_check_standing(struct sg_check *check);
/* Takes a decision into the result; true when it ends the check. */
bool sg_check_take(struct sg_check *check, const struct sg_decision *decision);
/* What the agent is to be asked; see stsgate_ask(). */
void sg_check_want(struct sg_check *check, enum sg_ask_kind kind, const char *label);

/* trace.c: steps in words; called only where somebody looks. */
__attribute__((cold)) void sg_trace_session(const struct sg_check *check);
__attribute__((cold)) void sg_trace_record(const struct sg_check *check,
                                           const struct sg_record *record,
                                           const struct sg_account *account, int64_t aws_now_ms,
                                           bool stale);

#endif
