/*
 * decide.h - from a verified session, the service's rules and the role's
 * record to a decision. Pure: no clock, no store, no allocation on the way to
 * an allow. Everything starts as a denial.
 */
#ifndef SG_GATE_DECIDE_H
#define SG_GATE_DECIDE_H

#include "config/config.h"
#include "session/session.h"
#include "store/record.h"

#include <stsgate/stsgate.h>

struct sg_decision {
    enum stsgate_verdict verdict;
    enum stsgate_reason reason;
    int64_t cutoff_ms;        /* that decided, or the greatest that bears; SG_CUTOFF_NONE */
    int64_t accepted_from_ms; /* uncertain: a token minted from then on passes; 0: not known */
    char detail[200];         /* which rule or statement */
};

/* Who may enter and the service's own rules: roles, token age, session age, cutoffs.
 * `role-not-allowed`, `token-too-old`, `session-too-old`, `service-cutoff`, `issue-time-uncertain`;
 * or ALLOW as far as the service goes. */
void sg_decide_service(struct sg_decision *decision, const struct sg_session *session,
                       const struct sg_service *service, const struct sg_issuer *issuer,
                       int64_t now_ms);

/* What a decision on the role's record rests on. All borrowed. */
struct sg_grounds {
    const struct sg_session *session;
    const struct sg_service *service;
    const struct sg_issuer *issuer;
    const struct sg_account *account;
    const struct sg_record *record;
    const struct stsgate_request *request; /* the host's; NULL: nothing is known of it */
    struct sg_text credential;             /* whose signature was verified; empty: not at hand */
    int64_t now_ms;                        /* this host's clock */
    /* AWS's clock: the Date of its last complete answer, carried on by one that is never stepped */
    int64_t aws_now_ms;
    /* Told how each statement that bears was decided, part by part; step NULL: nobody looks. */
    void (*step)(void *payload, const char *name, const char *text);
    void *payload;
};

/*
 * What IAM holds of the role: `session-revoked`, `role-denied`, `role-deleted`, `role-recreated`,
 * `issue-time-uncertain`; or ALLOW. An unknown key that a Deny hangs on counts as matching.
 */
void sg_decide_record(struct sg_decision *decision, const struct sg_grounds *grounds);

/*
 * Evidence (DESIGN.md section 4): does what AWS authorised at session->evidence_ms prove that
 * `statement` does not match this session? *from_ms: from when on it would, were it done now; 0
 * where it never can.
 */
bool sg_evidence_settles(int64_t *from_ms, const struct sg_grounds *grounds,
                         const struct sg_statement *statement);
/* Could it ever, for a credential of this kind? */
bool sg_evidence_possible(const struct sg_statement *statement, enum sg_issuer_kind kind);

#endif
