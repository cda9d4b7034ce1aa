/*
 * What every part of the sandbox shares: one sandbox, one request, one call and its answer.
 */
#ifndef SB_SANDBOX_H
#define SB_SANDBOX_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "faults.h"
#include "form.h"
#include "keys.h"
#include "util.h"
#include "world.h"

struct sb_queue;
struct sb_sink;

struct sb_sandbox {
    struct sb_world *world;
    struct sb_faults faults;
    struct sb_keys *foreign;     /* keys that are in no key set */
    struct json_object *actions; /* counters, see README */
    struct json_object *paths;
    struct json_object *codes;
    int64_t dropped;
    struct sb_queue *queues;
    struct sb_sink *sinks; /* where events go */
    int64_t clock_offset_ms;
    char *base_url;
    FILE *log; /* NULL: none */
};

/* The sandbox's own wall clock. */
int64_t sb_now_ms(const struct sb_sandbox *box);
/* When a policy change made now is to be enforced. */
int64_t sb_enforced_ms(const struct sb_sandbox *box);
char *sb_issuer(const struct sb_sandbox *box, const struct sb_account *account);

/* One HTTP request, whole. */
struct sb_request {
    char *method;
    char *path;             /* as sent */
    char *query_text;       /* as sent, without '?' */
    struct sb_form headers; /* names in lower case */
    struct sb_form query;
    struct sb_form form; /* query first, then the body's fields: the query wins, as at STS */
    struct sb_text body;
};

/* One HTTP answer. The body is owned by it. */
struct sb_answer {
    unsigned status;
    const char *content_type;
    char *body;
    char *request_id; /* NULL: no such header */
};

/* Who made a call: a user or a session. */
struct sb_caller {
    const struct sb_user *user;
    const struct sb_session *session;
    struct sb_account *account;
    const char *arn;     /* borrowed from the user or session */
    const char *user_id; /* likewise */
};

/* One call of the Query protocol. */
struct sb_call {
    struct sb_sandbox *box;
    const struct sb_request *request;
    const char *action;
    const char *service; /* "iam", "sts" */
    char region[32];     /* of the signature's scope */
    struct sb_caller caller;
    struct json_object *result; /* NULL: the action answers nothing but metadata */
    unsigned status;            /* 0: no error */
    char *code;
    char *message;
    char *request_id;
};

/* Records the error and returns -1. */
int sb_fail(struct sb_call *call, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int sb_fail_missing(struct sb_call *call, const char *what, const char *name);

/* The form field, or NULL and a ValidationError recorded. */
const char *sb_need(struct sb_call *call, const char *field);
/* An optional integer field: fallback when absent; -1 and ValidationError when not within the
 * range. */
int sb_number(struct sb_call *call, int64_t *value, const char *field, int64_t fallback,
              int64_t least, int64_t most);
/* PREFIX.member.N.SUFFIX (no suffix: NULL), N from 1; NULL past the end. Borrowed. */
const char *sb_member(const struct sb_call *call, const char *prefix, unsigned n,
                      const char *suffix);

/* sigv4.c: who signed the request; 0, or -1 with the error recorded. */
int sb_authenticate(struct sb_call *call);

/* permit.c: 0, or -1 with AccessDenied recorded. extra (NULL: none): more context keys, taken over.
 */
int sb_permit(struct sb_call *call, const char *action, const char *resource,
              struct json_object *extra);
/* AssumeRole: trust policy and, where needed, the caller's own policies. */
int sb_permit_assume(struct sb_call *call, const char *action, const char *role_arn,
                     struct sb_role *role, struct json_object *extra);

/* actions.c: runs one request to "/" and answers it. */
void sb_answer_call(struct sb_sandbox *box, const struct sb_request *request,
                    struct sb_answer *answer);
/* The Action parameter of a known action, else "other": bounded for counters. */
const char *sb_action_word(const struct sb_request *request, const char **service);

/* control.c, discovery.c: 0 when the path was theirs. */
int sb_answer_control(struct sb_sandbox *box, const struct sb_request *request,
                      struct sb_answer *answer);
int sb_answer_discovery(struct sb_sandbox *box, const struct sb_request *request,
                        struct sb_answer *answer);
/* "jwks", "discovery" or NULL. */
const char *sb_discovery_word(const struct sb_sandbox *box, const char *path);

/* token.c: header and claims (NULL kid: none) as a compact JWS by the account's current key. */
char *sb_token_sign(struct sb_account *account, const char *alg, struct json_object *claims);

/* answer.c: the call's result or error as XML or JSON. */
void sb_render(const struct sb_call *call, struct sb_answer *answer);
void sb_render_error(struct sb_answer *answer, bool json, const char *service, unsigned status,
                     const char *code, const char *message);
bool sb_wants_json(const struct sb_request *request);
unsigned sb_status_of(const char *code);
void sb_answer_json(struct sb_answer *answer, unsigned status, struct json_object *body);

/* counters and the log */
void sb_count(struct json_object *counters, const char *name);
void sb_log_answer(struct sb_sandbox *box, const struct sb_request *request,
                   const struct sb_call *call, unsigned status);

#endif
