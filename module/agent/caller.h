/*
 * caller.h - who signed a request: one call of STS, and one of IAM where there is a companion, for
 * each request, however many workers ask. Facts that AWS told are kept for what is left of the
 * request's 15 minutes; what could not be found out is not kept at all.
 */
#ifndef SG_AGENT_CALLER_H
#define SG_AGENT_CALLER_H

#include "agent/agent.h"

/* A question of SG_ASK_IDENTITY; `rest` is what came behind it, and stays the caller's. */
void sg_ask_identity(struct sg_agent *agent, const struct sg_waiter *waiter, struct sg_text rest);
void sg_callers_close(struct sg_agent *agent); /* who waits is told that it could not be asked */
/* The account's part of the status; nothing when it has no such issuer. */
void sg_callers_status(struct sg_buffer *out, const struct sg_agent_account *account);

/* ---- caller_read.c: what AWS said ---- */

/*
 * An answer of GetCallerIdentity, XML or JSON. SG_OK: a role's session or a user of `account`, and
 * the names are set; or head.status says that it is neither. SG_E_INVALID: not such an answer, or
 * not one that fits `account`; SG_E_MEMORY, SG_E_LIMIT.
 */
int sg_caller_read(struct sg_identity_answer *answer, struct sg_text body,
                   const struct sg_account *account);
/* Is this an answer of GetRole about the very role of `answer`? Negative: not an answer. */
int sg_caller_read_role(bool *same, struct sg_text body, const struct sg_identity_answer *answer,
                        const struct sg_account *account);

#endif
