/*
 * Queues of messages, as SQS keeps them: visible, in flight, or moved to the queue for dead ones.
 */
#ifndef SB_QUEUE_H
#define SB_QUEUE_H

#include "sandbox.h"

struct sb_message {
    char *id, *body;
    char *handle;       /* of the last receipt; NULL: none yet */
    int64_t visible_ms; /* steady */
    int64_t receives;
    int64_t call; /* the last that gave it out: none gives it twice */
    struct sb_message *next;
};

struct sb_queue {
    struct sb_account *account;
    char *name;
    int64_t visibility_ms;
    int64_t max_receives; /* then to `dead`; 0: never */
    struct sb_queue *dead;
    int64_t call;                /* number of the ReceiveMessage under way */
    struct sb_message *messages; /* oldest first */
    struct sb_queue *next;
};

/* Where an account's events go. */
struct sb_sink {
    struct sb_account *account;
    struct sb_queue *queue;
    bool sessions; /* AssumeRole's too */
    int64_t delay_ms;
    struct sb_sink *next;
};

void sb_queues_free(struct sb_sandbox *box);

struct sb_queue *sb_queue_find(const struct sb_sandbox *box, const struct sb_account *account,
                               const char *name);
/* Found or new, with SQS's defaults. */
struct sb_queue *sb_queue_add(struct sb_sandbox *box, struct sb_account *account, const char *name);
char *sb_queue_url(const struct sb_sandbox *box, const struct sb_queue *queue);
/* By http://HOST/ACCOUNT/NAME, whatever the host; NULL: there is none. */
struct sb_queue *sb_queue_by_url(const struct sb_sandbox *box, const char *url);

struct sb_message *sb_queue_send(struct sb_queue *queue, const char *body, int64_t delay_ms);
/* When the next message is visible, steady; INT64_MAX: never. */
int64_t sb_queue_next_ms(const struct sb_queue *queue);
/* The next visible message, in flight from now on; NULL: none. */
struct sb_message *sb_queue_receive(struct sb_queue *queue, int64_t visibility_ms);
/* False: no message was received with that handle last. */
bool sb_queue_delete(struct sb_queue *queue, const char *handle);
bool sb_queue_hide(struct sb_queue *queue, const char *handle, int64_t visibility_ms);

/* sqs.c */
bool sb_is_sqs(const struct sb_request *request);
const char *sb_sqs_word(const struct sb_request *request); /* the action's name, or "other" */
void sb_answer_sqs(struct sb_sandbox *box, const struct sb_request *request,
                   struct sb_answer *answer);
void sb_sqs_error(struct sb_answer *answer, const struct sb_request *request, unsigned status,
                  const char *code, const char *message);
/* The queue that a ReceiveMessage may wait for until *until_ms (steady); NULL: answer now. */
struct sb_queue *sb_sqs_waits(struct sb_sandbox *box, const struct sb_request *request,
                              int64_t *until_ms);

/* events.c: what CloudTrail would tell of this call, into the queues that want it. */
void sb_tell_event(struct sb_call *call);
/* control: where an account's events go. NULL, or what is wrong. */
const char *sb_events_set(struct sb_sandbox *box, const struct sb_form *form,
                          struct json_object *result);

#endif
