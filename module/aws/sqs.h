/*
 * sqs.h - the two calls of SQS that an events queue needs: ReceiveMessage, waiting for one, and
 * DeleteMessageBatch. AWS's JSON protocol (SQS API reference, "Making Query API requests", 2023).
 * Trying again is the caller's; an answer that is not whole is an error, never an empty queue.
 */
#ifndef SG_AWS_SQS_H
#define SG_AWS_SQS_H

#include "aws/iam.h"

#define SG_SQS_BATCH         10 /* messages of one call, SQS's own limit */
#define SG_SQS_WAIT_S        20 /* the longest poll there is */
#define SG_SQS_MESSAGE_BYTES (1024 * 1024)
/* Ten of usual size, and one of the largest with every byte of it escaped. */
#define SG_SQS_ANSWER_BYTES (8 * 1024 * 1024)
#define SG_SQS_HANDLE_BYTES 4096

/* Where a queue lives: what its URL tells. */
struct sg_sqs_queue {
    const char *url;    /* borrowed */
    char endpoint[288]; /* "https://sqs.eu-west-1.amazonaws.com/" */
    char region[40];    /* from the host's name; empty when it tells none */
};
/* False: not a URL of a queue, scheme://host/ACCOUNT/NAME. */
bool sg_sqs_queue_of(struct sg_sqs_queue *queue, const char *url);

/* Borrowed for the length of a call. */
struct sg_sqs_signer {
    struct sg_http *http;
    const struct sg_credentials *credentials;
    const char *region;
    int64_t now_ms; /* AWS's clock, as well as it is known */
};

struct sg_sqs_handle {
    char text[SG_SQS_HANDLE_BYTES];
};

/* Begins; `done` comes later, from sg_http_wait() only. Errors are sg_signed_start()'s. wait_s: at
 * most so long for the first message; 0: not at all. */
int sg_sqs_receive(struct sg_http_transfer **transfer, const struct sg_sqs_queue *queue,
                   const struct sg_sqs_signer *signer, unsigned most, unsigned wait_s,
                   struct sg_http_done done);
/* count: 1 to SG_SQS_BATCH. */
int sg_sqs_delete(struct sg_http_transfer **transfer, const struct sg_sqs_queue *queue,
                  const struct sg_sqs_signer *signer, const char *const *handles, size_t count,
                  struct sg_http_done done);

/* What an answer means, as for IAM's; its body is the answer's when the outcome is SG_IAM_OK. */
void sg_sqs_classify(struct sg_iam_answer *answer, const struct sg_http_answer *http);

/* One message. Texts end with the callback; the body is wiped after it. */
struct sg_sqs_message {
    struct sg_text id, handle;
    struct sg_text body;
    uint64_t receive_count; /* this time included; 0: not told */
};
/* Each message of an answer of ReceiveMessage. SG_OK; SG_E_INVALID: not such an answer; SG_E_LIMIT;
 * SG_E_MEMORY. Nothing was called then. */
int sg_sqs_read_messages(struct sg_text body,
                         void (*message)(void *payload, const struct sg_sqs_message *message),
                         void *payload);
/* How many of a batch were not deleted; -1: not such an answer. */
int sg_sqs_read_failed(struct sg_text body);

#endif
