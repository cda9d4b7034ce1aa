/*
 * context.h - IAM's request context as the evaluator sees it: keys are asked
 * for one by one, while a statement is evaluated, and each is present, absent
 * or unknown. Nothing is collected beforehand, nothing is allocated.
 */
#ifndef SG_POLICY_CONTEXT_H
#define SG_POLICY_CONTEXT_H

#include "policy/keys.h"
#include "session/session.h"

/* ABSENT: the request that IAM would decide has no such key. UNKNOWN: nobody here can tell. */
enum sg_presence { SG_KEY_UNKNOWN = 0, SG_KEY_ABSENT, SG_KEY_PRESENT };

/* What a context has of one key. Texts are borrowed, or lie in `room`. */
struct sg_key_values {
    enum sg_presence presence;
    size_t count;                 /* PRESENT: how many values; 0 is an empty set */
    const struct sg_text *values; /* count of them; NULL: `one` is the only one */
    struct sg_text one;
    char room[128]; /* for a text that has to be put together, such as aws:userid */
};

/*
 * The request that a statement is held against. All borrowed. A zeroed rest means: issued when
 * `issued` says, everything else unknown.
 */
struct sg_policy_request {
    struct sg_text action;     /* "execute-api:Invoke" */
    struct sg_text resource;   /* a concrete ARN */
    struct sg_interval issued; /* aws:TokenIssueTime */
    bool no_issue_time;        /* the principal has no temporary credentials: the key is absent */
    int64_t now_ms;            /* aws:CurrentTime, aws:EpochTime; 0: unknown */
    /*
     * Every other key: fills *values (UNKNOWN when called) for `key`, whose `name` is as the policy
     * spells it, in any case: the only way to tell what SG_KEY_OTHER is, or which tag. NULL: all
     * unknown. Called a few times a statement at most, and only when its outcome hangs on it.
     */
    void (*ask)(struct sg_key_values *values, const struct sg_policy_request *request,
                enum sg_key key, struct sg_text name);
    void *payload; /* for `ask` */
};

/* An IPv4 or IPv6 address, no range: what aws:SourceIp can be compared as. */
bool sg_ip_address_valid(struct sg_text text);

/*
 * A context written out, for tools and tests: payload is a struct sg_context_list, ask is
 * sg_context_list_ask(). Names are compared without regard to case; what is not listed is
 * `otherwise`.
 */
struct sg_context_entry {
    struct sg_text name;
    enum sg_presence presence;
    const struct sg_text *values;
    size_t count;
};
struct sg_context_list {
    const struct sg_context_entry *entries;
    size_t count;
    enum sg_presence otherwise;
};
void sg_context_list_ask(struct sg_key_values *values, const struct sg_policy_request *request,
                         enum sg_key key, struct sg_text name);

#endif
