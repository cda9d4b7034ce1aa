/*
 * iam.h - the calls of IAM that stsgate makes: what is sent, what an answer says, and what its
 * error codes mean. One call, one request: trying again is the caller's. An error is never read as
 * an empty answer, and an answer that lacks what it must hold is an error.
 */
#ifndef SG_AWS_IAM_H
#define SG_AWS_IAM_H

#include "aws/answer.h"
#include "aws/credentials.h"
#include "aws/http.h"
#include "base/buffer.h"
#include "base/clock.h"

/* Where, and as whom. Texts are borrowed. */
struct sg_iam {
    struct sg_http *http;
    const struct sg_clock *clock;
    const char *url;    /* "https://iam.amazonaws.com/" */
    const char *region; /* signing region */
    bool sts;           /* it is STS that stands there: the same protocol, another service */
    struct sg_credentials credentials;
    int64_t
        clock_offset_ms; /* added to our clock when signing; set by the caller after SG_IAM_CLOCK */
};

#define SG_IAM_PARAMETERS_MAX 8
struct sg_iam_request {
    const char *action;
    struct {
        const char *name;
        struct sg_text value;
    } parameters[SG_IAM_PARAMETERS_MAX]; /* the first without a name ends them */
};

/* What an answer means, by its Code (facts: IAM's error classes); the status decides only without
 * one. */
enum sg_iam_outcome {
    SG_IAM_OK,
    SG_IAM_NO_SUCH_ENTITY,
    SG_IAM_THROTTLED,   /* back off, try again */
    SG_IAM_TRANSIENT,   /* no answer, 5xx: try again */
    SG_IAM_CREDENTIALS, /* expired or unknown keys: load them again, try once more */
    SG_IAM_CLOCK,  /* our clock and AWS's differ too much: correct by the Date, try once more */
    SG_IAM_DENIED, /* an administrator has to act */
    SG_IAM_FAILED, /* anything else; will not mend by itself */
};

struct sg_iam_answer {
    enum sg_iam_outcome outcome;
    char code[64];     /* "AccessDenied"; empty when there was no error answer */
    char message[320]; /* in words, printable; never empty unless SG_IAM_OK */
    int64_t date_ms; /* AWS's Date; set with SG_IAM_OK and SG_IAM_NO_SUCH_ENTITY always, else 0 when
                        unknown */
    struct sg_text body; /* SG_IAM_OK; ends with the callback */
};

struct sg_iam_done {
    void (*call)(void *payload, const struct sg_iam_answer *answer);
    void *payload;
};

#define SG_IAM_TIMEOUT_MS 20000

struct sg_iam_call;
/* SG_OK and a call to `done` later (from sg_http_wait()), or a negative error and none. */
int sg_iam_start(struct sg_iam_call **call, struct sg_iam *iam,
                 const struct sg_iam_request *request, struct sg_iam_done done);
void sg_iam_cancel(struct sg_iam_call *call);

/*
 * The same, waiting for it; tries again on THROTTLED and TRANSIENT with growing pauses, at most
 * about `deadline_ms` in all. Never for a daemon. answer->body is copied into *body (may be NULL),
 * which the caller clears. The outcome is also returned.
 */
enum sg_iam_outcome sg_iam_run(struct sg_iam_answer *answer, struct sg_buffer *body,
                               struct sg_iam *iam, const struct sg_iam_request *request,
                               int64_t deadline_ms);

/* Classes of an answer; for tests and for what does not go through sg_iam_start(). */
void sg_iam_classify(struct sg_iam_answer *answer, const struct sg_http_answer *http);
/* What an error's code means, of AWS's other services too; the status decides without one. */
enum sg_iam_outcome sg_iam_outcome_of(const char *code, long status);

/* ---- what answers hold ---- */

struct sg_iam_document {
    struct sg_text name;     /* of the policy */
    struct sg_text document; /* as sent: JSON, or the same percent-encoded */
};

/* One role, user or group: what differs is told by which of the sink's calls has it. Texts end with
 * the callback. */
struct sg_iam_role {
    struct sg_text arn, name, role_id;
    int64_t created_ms;
    bool whole; /* every part that must be there was; a role that is not whole must not be used */
    struct sg_iam_document *inline_policies; /* GetAccountAuthorizationDetails only */
    size_t inline_count;
    struct sg_text *attached; /* ARNs; GetAccountAuthorizationDetails only */
    size_t attached_count;
    struct sg_text boundary; /* ARN; empty: none */
    bool groups_told;        /* users of GetAccountAuthorizationDetails: the list was there */
    struct sg_text *groups;  /* and these names were in it */
    size_t group_count;
};

/* A managed policy, in the version that holds. */
struct sg_iam_managed {
    struct sg_text arn;
    struct sg_text document;
};

struct sg_iam_sink {
    bool (*role)(void *payload, const struct sg_iam_role *role); /* false: stop, SG_E_MEMORY */
    bool (*managed)(void *payload, const struct sg_iam_managed *managed);
    void *payload;
    /* As `role`; NULL: passed over. A group has no boundary. */
    bool (*user)(void *payload, const struct sg_iam_role *user);
    bool (*group)(void *payload, const struct sg_iam_role *group);
};

#define SG_IAM_MARKER_MAX 4096 /* the model says 320; self-hosted ones are longer */
struct sg_iam_page {
    bool may_omit;                      /* set by the caller, for a self-hosted IAM: an answer that
                                           does not say IsTruncated is whole; AWS always says it */
    bool truncated;                     /* only this says that there is more */
    char marker[SG_IAM_MARKER_MAX + 1]; /* for the next page; set when truncated */
};

/* Readers: SG_OK; SG_E_INVALID: not this call's answer, or not whole; SG_E_LIMIT; SG_E_MEMORY. */
int sg_iam_read_details(struct sg_iam_page *page, struct sg_text body,
                        const struct sg_iam_sink *sink);
int sg_iam_read_role(struct sg_text body, const struct sg_iam_sink *sink); /* GetRole: one role */
int sg_iam_read_user(struct sg_text body, const struct sg_iam_sink *sink); /* GetUser: sink->user */
/* Of a role, user or group: ListRolePolicies and its kin (names), ListAttachedRolePolicies and its
 * kin (ARNs); ListGroupsForUser (names). `action` says whose answer it must be. */
int sg_iam_read_names_of(struct sg_iam_page *page, struct sg_text body, const char *action,
                         bool (*name)(void *payload, struct sg_text name), void *payload);
/* ListRolePolicies (names) and ListAttachedRolePolicies (ARNs), whichever it is. */
int sg_iam_read_names(struct sg_iam_page *page, struct sg_text body,
                      bool (*name)(void *payload, struct sg_text name), void *payload);
/* GetRolePolicy, GetUserPolicy, GetGroupPolicy and GetPolicyVersion: the document. */
int sg_iam_read_document(struct sg_buffer *document, struct sg_text body);
/* GetPolicy: the default version's id; policy_id tells policies of one ARN apart that were deleted
 * and made again, and is empty where IAM does not say it. */
int sg_iam_read_default_version(struct sg_buffer *version, struct sg_buffer *policy_id,
                                struct sg_text body);
/* STS's GetCallerIdentity: whose keys these are, an account id. */
int sg_iam_read_caller_account(struct sg_buffer *account, struct sg_text body);

#endif
