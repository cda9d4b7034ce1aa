/*
 * config.h - stsgate.conf and services.d/NAME.conf, read once into an
 * immutable object. Every mistake is reported with file, line and what was
 * expected; a configuration with a mistake is no configuration. The keys, their types and defaults
 * are one X-macro table in config.c that the manual is tested against.
 */
#ifndef SG_CONFIG_CONFIG_H
#define SG_CONFIG_CONFIG_H

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

enum sg_issuer_kind {
    SG_ISSUER_WEB_IDENTITY = 1, /* aws-web-identity */
    SG_ISSUER_JWT,              /* jwt */
    SG_ISSUER_CALLER_IDENTITY,  /* aws-caller-identity */
};
/* How a signed GetCallerIdentity may be presented; credential/caller_identity.h. */
enum sg_form { SG_FORM_URL = 1, SG_FORM_POST = 2, SG_FORM_COMPANION = 4 };
enum sg_source { SG_SOURCE_IAM = 1, SG_SOURCE_FILE };
enum sg_discover { SG_DISCOVER_SWEEP = 1, SG_DISCOVER_ON_DEMAND };
enum sg_policies { SG_POLICIES_ALL = 1, SG_POLICIES_INLINE /* IAM has no others */ };
enum sg_mode { SG_MODE_ENFORCE = 1, SG_MODE_OBSERVE };
enum sg_issue_time { SG_ISSUE_TIME_SESSION = 1 /* exact */, SG_ISSUE_TIME_TOKEN /* latest only */ };

struct sg_account { /* [account LABEL] */
    const char *label;
    const char *id;             /* 12 digits; "" for a self-hosted IAM whose ARNs have none */
    const char *partition;      /* default "aws" */
    enum sg_source source;      /* default iam */
    const char *folder;         /* source = file: ROLE/POLICY.json files below it */
    enum sg_discover discover;  /* default sweep */
    enum sg_policies policies;  /* default all: inline, attached, boundary */
    int64_t refresh_ms;         /* default 15 s, at least 1 s */
    int64_t max_stale_ms;       /* default 10 min */
    int64_t settle_ms;          /* default 60 s: evidence rule's S at first */
    int64_t settled_ms;         /* default 300 s: and from cutoff + 300 s on */
    const char *extra_policies; /* a folder of policies of one's own; NULL: none */
    bool ratchet;               /* keep what was loosened until no session can be older */
    int64_t longest_session_ms; /* of its issuers, and at least 12 h: how long to keep it */
    const char *endpoint;       /* IAM's URL; NULL: the partition's */
    const char *region;         /* signing region; NULL: the partition's */
    const char *sts_endpoint;   /* STS's URL; NULL: `endpoint`'s when that is given, else the
                                   partition's */
    bool fips, dual_stack;      /* which of the partition's endpoints */
    bool users;                 /* a service lets IAM users of it in: they are read, too */
    const char *profile;        /* of AWS's shared files; NULL: the standard order */
    const char *assume_role;    /* ARN of the role that reads this account; NULL: none */
    const char *external_id;    /* for assume_role; NULL: none */
    const char *session_name;   /* for assume_role; default "stsgate" */
    unsigned calls_per_second;  /* of each API; default 10 */
    const char *events_queue;   /* URL of the SQS queue with its events; NULL: none */
    uint64_t origin; /* a number over all that says whose role records these are: what was stored
                        under another is not this account's, though its label is the same */
};

struct sg_issuer { /* [issuer LABEL] */
    const char *label;
    enum sg_issuer_kind kind;
    const char *url;                  /* iss, byte for byte; NULL: aws-caller-identity has none */
    const struct sg_account *account; /* whose role records bear on its sessions; NULL: none, only
                                         the service's own cutoffs */
    const char *jwks;    /* URL of the key set; NULL: discovery below url, unless keys */
    const char *keys;    /* key file, read by the gate when it opens: no agent needed; NULL: none */
    unsigned algorithms; /* SG_ALG_BIT()s; web identity: RS256 ES384 */
    int64_t longest_session_ms;     /* default 12 h */
    enum sg_issue_time issue_time;  /* jwt: required */
    const char *issue_time_claim;   /* jwt: required; integer seconds or RFC 3339 */
    int64_t issuer_skew_ms;         /* jwt: widens the interval at both ends; default 0 */
    const char *role_claim;         /* jwt: a role ARN; default "sub" */
    const char *session_name_claim; /* jwt: NULL: none */
    /* aws-caller-identity: the signed header that binds a request to this gateway, and its value */
    const char *bind_header, *bind_value;
    unsigned forms;               /* aws-caller-identity: bits of enum sg_form */
    const char *companion_header; /* aws-caller-identity: HEADER-Method, -URL, -Headers, -Body */
    bool allow_long_term;         /* aws-caller-identity: a user's own keys may sign; default off */
    bool opaque_time; /* aws-caller-identity: the session token's own time counts while a probe
                         holds (store/probe.h) */
};

struct sg_cutoff {       /* [cutoff PATTERN] of a service */
    const char *pattern; /* over the role's ARN, `*` does not cross `/` */
    int64_t issued_before_ms;
};

struct sg_texts {
    const char **items;
    size_t count;
};

struct sg_service { /* services.d/NAME.conf */
    const char *name;
    const struct sg_issuer **accept;
    size_t accept_count;
    struct sg_texts audience;    /* any of them must be in aud; required where JWTs are accepted */
    struct sg_texts allow_roles; /* patterns; required */
    enum sg_mode mode;           /* default enforce */
    bool allow_uncertain;        /* uncertain = deny | allow */
    bool allow_undecided;        /* undecided = deny (503) | allow */
    bool deny_all;               /* deny = revocation | all: guardrails count, too */
    bool allow_indeterminate;    /* indeterminate = deny | allow: statements that can't be read */
    const char *action;          /* what a statement must cover; default execute-api:Invoke */
    const char *resource;        /* NULL: one made of partition, account and name */
    int64_t clock_skew_ms;       /* default 60 s; for exp, nbf and iat, never for cutoffs */
    int64_t max_token_age_ms;    /* default 15 min (aws-web-identity only); 0: none */
    int64_t max_session_age_ms;  /* 0: none; denies on latest alone */
    int64_t issued_before_ms;    /* a floor for all roles; INT64_MIN: none */
    struct sg_cutoff *cutoffs;
    size_t cutoff_count;
};

struct sg_config {
    const char *folder;         /* where it was read from */
    const char *state;          /* default /var/lib/stsgate */
    const char *socket;         /* default /run/stsgate/agent.sock */
    const char *user;           /* the agent's user, name or number; default stsgate */
    bool environment_endpoints; /* AWS_ENDPOINT_URL and its kin count */
    const char *proxy;          /* a URL; "environment"; NULL: none */
    const char *ca_bundle;      /* PEM file; NULL: the system's */
    struct sg_owners owners;    /* root and that user */
    struct sg_account *accounts;
    size_t account_count;
    struct sg_issuer *issuers;
    size_t issuer_count;
    struct sg_service *services; /* sorted by name */
    size_t service_count;
    void *memory; /* internal */
};

/* Reads FOLDER/stsgate.conf and FOLDER/services.d/ *.conf. SG_OK, SG_E_INVALID (problems say what,
 * all of it), SG_E_MEMORY. */
int sg_config_read(struct sg_config **config, const char *folder, struct sg_problems *problems);
void sg_config_free(struct sg_config *config);

/* NULL when there is none. */
const struct sg_service *sg_config_service(const struct sg_config *config, struct sg_text name);

#endif
