/*
 * provider.h - the inside of a provider of credentials, for module/aws alone. A plan says how the
 * keys will be got; it is made anew from the environment and the shared files for every fetch. A
 * task gets them, one file a way (provider_*.c); chain.c puts both together.
 */
#ifndef SG_AWS_PROVIDER_H
#define SG_AWS_PROVIDER_H

#include "aws/credentials.h"
#include "aws/http.h"
#include "aws/sts.h"
#include "base/buffer.h"

#include <sys/types.h>

/* ---- texts of keys ---- */

/* What a key, a secret or a token may be: visible ASCII, at least one byte, no more than this. */
#define SG_KEY_TEXT_MAX 16384
bool sg_key_text_valid(struct sg_text text);
/* Takes a copy in place of what *into held. False: not valid, or memory ended. */
bool sg_key_text_take(char **into, struct sg_text text);
void sg_key_text_wipe(char **text);

enum sg_key_json { SG_KEY_JSON_PROCESS, SG_KEY_JSON_METADATA };
/* The JSON that processes, containers and instances answer with. SG_OK; SG_E_INVALID and words in
 * `trouble` that hold none of the values. *keys must be empty. */
int sg_key_json_read(struct sg_credentials *keys, char *trouble, size_t trouble_size,
                     struct sg_text json, enum sg_key_json kind);

/* ---- plans ---- */

enum sg_way {
    SG_WAY_NONE,
    SG_WAY_KEYS, /* they stand in the environment or in a file */
    SG_WAY_WEB_IDENTITY,
    SG_WAY_PROCESS,
    SG_WAY_CONTAINER,
    SG_WAY_INSTANCE,
};

struct sg_hop { /* a role to assume; owned texts */
    char *role_arn, *external_id, *session_name;
    int64_t duration_s; /* 0: STS's default */
};

#define SG_HOPS_MAX 8
struct sg_plan {
    enum sg_way way;
    struct sg_credentials keys;      /* SG_WAY_KEYS */
    char *command;                   /* SG_WAY_PROCESS */
    char *token_file;                /* SG_WAY_WEB_IDENTITY */
    struct sg_hop web;               /* its role */
    struct sg_hop hops[SG_HOPS_MAX]; /* in the order of their assuming */
    size_t hop_count;
    char *region;                            /* of the profile, for STS */
    char *metadata_endpoint, *metadata_mode; /* of the profile, for an instance */
    struct sg_buffer words;                  /* "profile app of /root/.aws/config" */
};

/* SG_OK; SG_E_ABSENT: no way at all; SG_E_INVALID; SG_E_MEMORY. */
int sg_plan_make(struct sg_plan *plan, const char *profile, struct sg_problems *problems);
void sg_plan_clear(struct sg_plan *plan);

/* provider_env.c: SG_E_ABSENT when the environment holds no keys. */
int sg_plan_environment(struct sg_plan *plan, struct sg_problems *problems);
/* The same for a web identity. */
int sg_plan_environment_identity(struct sg_plan *plan, struct sg_problems *problems);
bool sg_environment_names_container(void);
const char *sg_environment(const char *name); /* NULL when unset or empty */

/* provider_files.c: a profile of the shared files, to be freed by sg_profiles_free(). */
#define SG_PROFILE_KEYS(X)                                                                         \
    X(aws_access_key_id)                                                                           \
    X(aws_secret_access_key)                                                                       \
    X(aws_session_token)                                                                           \
    X(role_arn)                                                                                    \
    X(source_profile)                                                                              \
    X(credential_source)                                                                           \
    X(external_id)                                                                                 \
    X(role_session_name)                                                                           \
    X(duration_seconds)                                                                            \
    X(mfa_serial)                                                                                  \
    X(web_identity_token_file)                                                                     \
    X(credential_process)                                                                          \
    X(sso_session)                                                                                 \
    X(sso_start_url)                                                                               \
    X(login_session)                                                                               \
    X(region)                                                                                      \
    X(endpoint_url)                                                                                \
    X(services)                                                                                    \
    X(ignore_configured_endpoint_urls)                                                             \
    X(ec2_metadata_service_endpoint)                                                               \
    X(ec2_metadata_service_endpoint_mode)
struct sg_profile {
    struct sg_profile *next;
    char *name;
    char *file;       /* that it was met in first */
    bool keys_first;  /* aws_access_key_id stands in the credentials file */
    bool of_services; /* no profile, but a [services NAME] that profiles name: endpoint_urls */
    char *endpoint_urls[SG_AWS_SERVICES];
#define SG_PROFILE_MEMBER(key) char *key;
    SG_PROFILE_KEYS(SG_PROFILE_MEMBER)
#undef SG_PROFILE_MEMBER
};
int sg_profiles_read(struct sg_profile **profiles, struct sg_problems *problems);
void sg_profiles_free(struct sg_profile *profiles);
/* One file's text; for the above and for fuzzing. config: sections are [profile NAME]. */
int sg_profiles_parse(struct sg_profile **profiles, struct sg_text text, const char *file,
                      bool config, struct sg_problems *problems);

/* profile_endpoint.c: what AWS's shared files say of a service's endpoint; freed by the caller.
 * *ignored: so that the environment's count no more either. SG_OK, *url may be NULL; SG_E_INVALID,
 * SG_E_MEMORY. */
int sg_profile_endpoint(char **url, bool *ignored, const char *profile, enum sg_aws_service service,
                        struct sg_problems *problems);

/* ---- tasks ---- */

/* One way under way. Zero it, set the first part; it stays where it is until it is done. */
struct sg_task {
    struct sg_http *http;
    const struct sg_plan *plan;
    const char *sts_url, *sts_region;
    const struct sg_clock *clock;
    int64_t clock_offset_ms;                /* added to it; STS's Date may mend it */
    void (*done)(void *payload, int error); /* from sg_http_wait() only */
    void *payload;

    struct sg_credentials keys; /* with SG_OK */
    char trouble[400];          /* else */
    char words[320];            /* more of where they came from; may stay empty */

    /* the ways' own */
    struct sg_http_transfer *transfer;
    struct sg_sts_call *call;
    const struct sg_hop *hop;          /* STS: the role, */
    const struct sg_credentials *with; /* and who asks for it; NULL: a web identity */
    struct sg_http_watch watch;
    struct sg_buffer url, secret, output; /* secret: a token */
    unsigned attempts, step;
    pid_t pid; /* 0: none */
    int fd;    /* with a pid: -1 when it has ended its output */
    int64_t end_boot_ms;
};

/* SG_OK: done() comes. Else an error and task->trouble, and it does not. */
int sg_task_container(struct sg_task *task);
int sg_task_instance(struct sg_task *task);
int sg_task_process(struct sg_task *task);
int sg_task_web_identity(struct sg_task *task);
/* AssumeRole with `with`; both stay until it is done. SG_E_UNTRUSTED: STS knows `with` no more. */
int sg_task_assume(struct sg_task *task, const struct sg_hop *hop,
                   const struct sg_credentials *with);
/* Ends it without a call; cleanses what it holds. Fine on one that is done or never began. */
void sg_task_stop(struct sg_task *task);
/* Words into task->trouble, and the error back. */
int sg_task_fail(struct sg_task *task, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends it: cleanses, calls. */
void sg_task_end(struct sg_task *task, int error);

/* provider_process.c: words of a command line as AWS documents them: blanks part, quotes and
 * backslashes as in a POSIX shell's words; nothing is expanded. argv: one allocation, free() it.
 * SG_OK, SG_E_INVALID, SG_E_LIMIT, SG_E_MEMORY. */
int sg_command_split(char ***argv, struct sg_text command);

#endif
