/*
 * context.h - private to module/gate: IAM's request context of one check. What a session, its
 * credential and the host tell of a condition key is found out when a statement asks for it.
 */
#ifndef SG_GATE_CONTEXT_H
#define SG_GATE_CONTEXT_H

#include "gate/decide.h"
#include "gate/token_keys.h"

#define SG_RESOURCE_MAX 640

struct sg_context {
    struct sg_policy_request request; /* what statements are held against */
    const struct sg_grounds *grounds;
    enum sg_credential_kind kind;
    bool token_read;
    char userid[128]; /* aws:userid, put together when it is first asked for */
    size_t userid_length;
    struct sg_token_keys token; /* once token_read */
    char resource[SG_RESOURCE_MAX];
};

/* Touches little of its memory; *grounds and *context must stay where they are. */
void sg_context_open(struct sg_context *context, const struct sg_grounds *grounds);
void sg_context_close(struct sg_context *context);

/* trace_statement.c, for whoever looks: the statement's match told part by part, */
enum sg_match sg_trace_statement(const struct sg_context *context,
                                 const struct sg_statement *statement);
/* and that evidence has settled it, in which case it denies nobody. */
void sg_trace_evidence(const struct sg_grounds *grounds, const struct sg_statement *statement);

#endif
