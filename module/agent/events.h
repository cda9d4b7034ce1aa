/*
 * events.h - changes that AWS tells of by itself: CloudTrail's events, brought by EventBridge into
 * an SQS queue. What a message says (events_read.c); events_queue.h has what it sets off.
 *
 * An event's word may tighten at once and never loosens; a read of IAM confirms it, and only then
 * is the message deleted. Delivery is best effort, so polling stays what makes a gateway right.
 */
#ifndef SG_AGENT_EVENTS_H
#define SG_AGENT_EVENTS_H

#include "policy/policy.h"

#define SG_EVENT_MAX_BYTES (1024 * 1024) /* SQS's own limit of a message */
#define SG_ACCESS_KEY_SIZE 129

enum sg_event_kind {
    SG_EVENT_NONE,    /* a good message that has nothing to say to us */
    SG_EVENT_ROLE,    /* a role or user is another one now: its policies, its boundary, itself */
    SG_EVENT_GROUP,   /* a group's policies are others now, and with them an unknown set of users */
    SG_EVENT_POLICY,  /* a managed policy is another one now, and with it an unknown set of roles */
    SG_EVENT_MADE,    /* a managed policy is new, and hangs on nothing yet */
    SG_EVENT_SESSION, /* a session of a role was issued */
};

/* A session and when it was issued, in whole seconds. Empty role_arn: not told. */
struct sg_event_session {
    char role_arn[SG_ARN_MAX + 1]; /* IAM's form; of a new session without its path */
    char user_id[128];             /* aws:userid; of who called only */
    char access_key_id[SG_ACCESS_KEY_SIZE];
    int64_t issued_ms;
};

/* Zero it to start. */
struct sg_event {
    enum sg_event_kind kind;
    char id[40];                         /* eventID */
    char name[48];                       /* eventName */
    char account[13];                    /* whose resources it is about */
    int64_t at_ms;                       /* eventTime: whole seconds of the call's end */
    char role[SG_PRINCIPAL_KEY_MAX + 1]; /* SG_EVENT_ROLE; of a user: `user/NAME` */
    /* Which policy may be another one now, or gone: an inline policy's name, a managed one's ARN.
     * Empty: any of that origin; and `touches` false: none */
    bool touches;
    enum sg_policy_origin origin;
    char policy[SG_ARN_MAX + 1];
    char hangs[SG_ARN_MAX + 1];     /* SG_EVENT_ROLE: managed policy that hangs on it now, as
                                       `origin` says; empty: none was added */
    struct sg_buffer document;      /* as it stands in that policy now; empty: not told, or too
                                       long for CloudTrail */
    struct sg_event_session actor;  /* whose call it was */
    struct sg_event_session issued; /* SG_EVENT_SESSION */
};

/*
 * What a message says. SG_OK, with kind NONE for other sources, failed calls and calls that change
 * nothing we keep; SG_E_INVALID, with `why` in words; SG_E_MEMORY. `body` may hold a session token,
 * which *event never does: wiping the body is the caller's.
 */
int sg_event_read(struct sg_event *event, struct sg_text body, char *why, size_t why_size);
void sg_event_clear(struct sg_event *event);

#endif
