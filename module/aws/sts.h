/*
 * sts.h - the calls of STS that stsgate makes for itself: taking on a role, and asking who one is.
 * Outcomes are read as IAM's are (iam.h): one call, one request, and an error is never an answer.
 */
#ifndef SG_AWS_STS_H
#define SG_AWS_STS_H

#include "aws/iam.h"

struct sg_sts_call;

struct sg_sts_request {
    const char *url, *region;
    int64_t now_ms;                           /* to sign with */
    const struct sg_credentials *credentials; /* NULL: AssumeRoleWithWebIdentity */
    const char *role_arn;                     /* NULL: GetCallerIdentity */
    const char *session_name, *external_id;   /* external_id may be NULL */
    struct sg_text web_identity_token;        /* AssumeRoleWithWebIdentity */
    int64_t duration_s;                       /* 0: STS's own default */
};

struct sg_sts_answer {
    enum sg_iam_outcome outcome;
    char code[64], message[320];       /* as in struct sg_iam_answer */
    int64_t date_ms;                   /* 0: not known */
    struct sg_credentials credentials; /* AssumeRole*: SG_IAM_OK only; whoever is called takes them,
                                          or they are cleansed when the call returns */
    char arn[700];                     /* of who one is, or became */
};

struct sg_sts_done {
    void (*call)(void *payload, struct sg_sts_answer *answer);
    void *payload;
};

#define SG_STS_TIMEOUT_MS 10000

/* SG_OK and a call to `done` later, or a negative error and none. */
int sg_sts_start(struct sg_sts_call **call, struct sg_http *http,
                 const struct sg_sts_request *request, struct sg_sts_done done);
void sg_sts_cancel(struct sg_sts_call *call);

/* What an answer says; for tests and fuzzing. The caller clears answer->credentials. */
void sg_sts_read(struct sg_sts_answer *answer, const struct sg_http_answer *http, bool assumed);

#endif
