/*
 * events_queue.h - one events queue and what its messages set off. events.c polls and deletes,
 * events_apply.c takes what a message says, events_tell.c tells the roles of it, events_hold.c
 * keeps what a revoked session removed.
 *
 * Which messages are deleted: those that were dealt with, those that are nobody's here, and one
 * that can't be read once it was received often. Others are left to come again, and to the queue's
 * redrive.
 */
#ifndef SG_AGENT_EVENTS_QUEUE_H
#define SG_AGENT_EVENTS_QUEUE_H

#include "agent/agent.h"
#include "agent/events.h"
#include "aws/sqs.h"

#define SG_EVENTS_SEEN    256 /* event ids: duplicates come within minutes */
#define SG_EVENTS_REMOVED 64  /* who removed what lately */

/* A change that a read has to confirm. Where several accounts of ours have the same id, a message
 * has one for each, and is deleted when all are confirmed. */
struct sg_pending {
    struct sg_pending *next;
    struct sg_events *events;
    struct sg_agent_account *account;
    char id[40];  /* eventID; empty: no message waits, it is only looked again */
    char *handle; /* of the message's last receipt; NULL: as before */
    bool spoilt;  /* another account could not confirm it: the message comes again */
    char role[SG_PRINCIPAL_KEY_MAX + 1];
    int64_t at_ms; /* eventTime */
    struct sg_reread reread;
    struct sg_timer timer; /* to look again */
    uint64_t round;        /* SG_EVENT_POLICY: a good round of this number or later confirms it */
    struct sg_managed_read read; /* SG_EVENT_POLICY that tells no document */
    bool reading;
};

/* Who took what away, should the event of its making come after that of its removal. */
struct sg_removal {
    const struct sg_agent_account *account;
    char id[40]; /* eventID */
    enum sg_event_kind kind;
    char role[SG_PRINCIPAL_KEY_MAX + 1]; /* its key; empty: all that the policy hangs on */
    char name[48];                       /* of the call */
    char policy[SG_ARN_MAX + 1];
    enum sg_policy_origin origin;
    int64_t at_ms;
    struct sg_event_session actor;
};

struct sg_events {
    struct sg_events *next;
    struct sg_agent *agent;
    struct sg_agent_account *account; /* whose keys read the queue: the first that names it */
    struct sg_sqs_queue queue;
    const char *region;
    struct sg_http_transfer *receiving, *deleting;
    struct sg_provider_waiter waiter;
    struct sg_timer timer;
    struct sg_health health;
    struct sg_rated malformed_told;
    char key_id[SG_KEY_ID_MAX + 1]; /* that signed the last receive */
    bool renewed;                   /* keys or clock were mended since the last good answer */
    unsigned most;                  /* messages to ask for */
    struct sg_pending *pending;
    size_t pending_count;
    char **done; /* handles of messages to delete */
    size_t done_count;
    bool taking; /* the messages of one answer */
    char seen[SG_EVENTS_SEEN][40];
    size_t seen_at;
    struct sg_removal removed[SG_EVENTS_REMOVED];
    size_t removed_at;
    int64_t polled_boot_ms; /* when the last good answer came */
    uint64_t received, applied, foreign, malformed, duplicate, sessions, held;
};

/* ---- events.c ---- */

/* All queues that the configuration names. SG_OK or SG_E_MEMORY; none with --once. */
int sg_events_open(struct sg_agent *agent);
void sg_events_close(struct sg_agent *agent);
/* A round of the account is over. */
void sg_events_round_ended(struct sg_agent_account *account, bool good);
/* The account's part of the status; nothing when it has no queue. */
void sg_events_status(struct sg_buffer *out, const struct sg_agent_account *account,
                      int64_t now_ms);
/* The message with this handle was dealt with. Takes the handle over. */
void sg_events_done(struct sg_events *events, char *handle);
/* There may be room again for more messages. */
void sg_events_go_on(struct sg_events *events);

/* ---- events_apply.c ---- */

/* One message, as it was received. */
void sg_events_take(struct sg_events *events, const struct sg_sqs_message *message);
void sg_pending_stop(struct sg_pending *pending); /* forgets it; its message is not deleted */

/* ---- events_tell.c ---- */

/* What the event says is denied from now on. role: its role, or NULL where it is about a policy. */
void sg_events_tell(struct sg_events *events, struct sg_agent_account *account,
                    const struct sg_event *event, struct sg_role *role);
/* The same of a policy that was read because of an event. */
void sg_events_tell_policy(struct sg_events *events, struct sg_agent_account *account,
                           const struct sg_managed *managed, const char *id, int64_t at_ms);
/* Whether that policy hangs on any role here. */
bool sg_events_hangs(const struct sg_agent_account *account, struct sg_text arn);

/* ---- events_hold.c ---- */

/*
 * Where the session that called is itself revoked by what is known of its role: the statements that
 * the call touches are held, that is kept as with `ratchet = on`, whatever reads show from now on.
 */
void sg_hold_touched(struct sg_events *events, struct sg_agent_account *account,
                     const struct sg_event *event);
struct sg_told_policy {
    enum sg_policy_origin origin;
    struct sg_text policy; /* its name or ARN */
    const char *id;        /* of the event, which has removed nothing of what it brings */
    int64_t at_ms;
};
/* That policy of the role has just been told: was it removed, later, by somebody it revokes? */
void sg_hold_late(struct sg_events *events, struct sg_agent_account *account, struct sg_role *role,
                  const struct sg_told_policy *told);

#endif
