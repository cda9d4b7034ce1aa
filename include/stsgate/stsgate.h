/*
 * stsgate.h - the gate: verifies the STS session that a request presents,
 * learns when that session was issued, compares it with the revocation cutoffs
 * that IAM holds for the session's role, and rejects sessions older than the
 * cutoff. The whole C ABI of libstsgate.so; a host needs no other header.
 *
 * Shape
 *   A *gate* is a configuration, immutable once open: reload is another gate. A *reader* is one
 * thread's view of a gate. stsgate_check() reads memory only: it makes no network call, takes no
 * lock, blocks on nothing. What it cannot decide without the agent is STSGATE_UNDECIDED; then an
 * event loop calls stsgate_ask() and watches stsgate_fd(), a thread that may block calls
 * stsgate_wait().
 *
 * Rules
 *   Every result starts as STSGATE_DENY. Nothing in a request or a result needs freeing. No
 * function writes a credential, a signature or a key anywhere. No function starts a thread,
 * installs a handler or keeps global state; after stsgate_close() of the last gate the library may
 * be dlclose()d. Structs carry their size, so that they can grow: set `size` to sizeof the struct.
 *   Functions that return int return 0 or a negative enum stsgate_error.
 */
#ifndef STSGATE_STSGATE_H
#define STSGATE_STSGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STSGATE_ABI 1
#define STSGATE_API __attribute__((visibility("default")))

/* What to do with the request. A host that knows no better treats every value but STSGATE_ALLOW as
 * a refusal. */
enum stsgate_verdict {
    STSGATE_DENY = 0,
    STSGATE_ALLOW = 1,
    STSGATE_UNDECIDED = 2,
};

enum stsgate_error {
    STSGATE_E_ARGUMENT = -1, /* a NULL, a size of 0 or another misuse */
    STSGATE_E_CONFIG = -2,   /* the configuration has mistakes; options->problem was told each */
    STSGATE_E_MEMORY = -3,
    STSGATE_E_AGENT = -4, /* the agent can't be reached, or is not who it must be */
    STSGATE_E_BUSY = -5,  /* STSGATE_MAX_WAITING requests of this reader wait already */
    STSGATE_E_SYSTEM = -6,
};

/*
 * Why. X(NAME, word, http_status, text): the word is stable, the same in logs,
 * metrics, variables and stsgatectl explain; http_status is what a host of HTTP
 * answers when the verdict is not ALLOW; text is for people.
 */
#define STSGATE_REASONS(X)                                                                         \
    X(NONE, "ok", 200, "the session may pass")                                                     \
    X(NO_CREDENTIAL, "no-credential", 401, "no credential was presented")                          \
    X(MALFORMED, "malformed", 401, "the credential is not of a form that is accepted here")        \
    X(UNKNOWN_ISSUER, "unknown-issuer", 401, "the issuer is not one that this service accepts")    \
    X(BAD_ALGORITHM, "bad-algorithm", 401, "the algorithm is not one of the issuer's")             \
    X(UNKNOWN_KEY, "unknown-key", 401, "the issuer has no such key")                               \
    X(BAD_SIGNATURE, "bad-signature", 401, "the signature does not verify")                        \
    X(WRONG_AUDIENCE, "wrong-audience", 401, "the credential is for another audience")             \
    X(WRONG_ACCOUNT, "wrong-account", 401,                                                         \
      "the session is of another account than its issuer vouches for")                             \
    X(EXPIRED, "expired", 401, "the credential has expired")                                       \
    X(NOT_YET_VALID, "not-yet-valid", 401, "the credential is from the future")                    \
    X(TOKEN_TOO_OLD, "token-too-old", 401,                                                         \
      "the token is older than this service takes; mint a new one")                                \
    X(SESSION_REVOKED, "session-revoked", 401,                                                     \
      "the session was issued before its role's revocation cutoff")                                \
    X(ROLE_DENIED, "role-denied", 401, "the role is denied everything")                            \
    X(ROLE_DELETED, "role-deleted", 401, "the session's role does not exist any more")             \
    X(ROLE_RECREATED, "role-recreated", 401,                                                       \
      "the session's role was deleted and created again since")                                    \
    X(SESSION_TOO_OLD, "session-too-old", 401, "the session is older than this service takes")     \
    X(SERVICE_CUTOFF, "service-cutoff", 401,                                                       \
      "the session was issued before this service's cutoff")                                       \
    X(ISSUE_TIME_UNCERTAIN, "issue-time-uncertain", 401,                                           \
      "it can't be told whether the session is older than a cutoff")                               \
    X(ROLE_NOT_ALLOWED, "role-not-allowed", 403, "the role may not enter this service")            \
    X(ROLE_PENDING, "role-pending", 503, "the role is not known here yet; the agent has to ask")   \
    X(CUTOFFS_UNAVAILABLE, "cutoffs-unavailable", 503,                                             \
      "the role's cutoffs are missing or too old")                                                 \
    X(KEYS_UNAVAILABLE, "keys-unavailable", 503, "the issuer's keys are missing or too old")       \
    X(SLOW_SIGNATURE, "slow-signature", 503, "the signature is to be checked off the event loop")  \
    X(BUSY, "busy", 503, "too many requests are waiting for a decision")                           \
    X(UNKNOWN_SERVICE, "unknown-service", 503, "this gateway has no service of that name")         \
    X(INTERNAL_ERROR, "internal-error", 503, "memory or another resource ended")                   \
    X(IDENTITY_PENDING, "identity-pending", 503,                                                   \
      "AWS has not been asked yet who signed the request")                                         \
    X(COMPANION_REFUSED, "companion-refused", 401,                                                 \
      "AWS refused the companion request, or it is not of the same session and role")              \
    X(LONG_TERM_KEY, "long-term-key", 401,                                                         \
      "a long-term key signed the request; take a session of it")                                  \
    X(UNSUPPORTED_PRINCIPAL, "unsupported-principal", 401,                                         \
      "AWS does not tell whose policies bear on the session (a root's, a federated user's)")       \
    X(OVER_BUDGET, "over-budget", 503,                                                             \
      "too many signatures that are slow to check failed a moment ago")

enum stsgate_reason {
#define STSGATE_X(name, word, status, text) STSGATE_REASON_##name,
    STSGATE_REASONS(STSGATE_X)
#undef STSGATE_X
        STSGATE_REASON_COUNT
};

/* Bytes with a length; not terminated. */
struct stsgate_text {
    const char *data;
    size_t length;
};

/* An opaque word that one reader gave for a credential whose signature it checked; see
 * stsgate_verify(). */
struct stsgate_seal {
    unsigned char bytes[16];
};

struct stsgate_options {
    size_t size;
    const char *folder; /* configuration: stsgate.conf and services.d/; copied */
    /* Called during stsgate_open() for each mistake, one line each: "FILE:LINE: what, expected
     * what". May be NULL. */
    void (*problem)(void *payload, const char *text);
    /* Called by any reader's thread for what an operator should see; level is syslog's (3 error ..
     * 7 debug). May be NULL. */
    void (*log)(void *payload, int level, const char *line);
    void *payload;
};

#define STSGATE_CREDENTIAL_MAX 8192 /* bytes; longer is malformed */
#define STSGATE_MAX_WAITING    256  /* questions of one reader that may be open at once */

/* One request. All borrowed for the length of the call. */
struct stsgate_request {
    size_t size;
    struct stsgate_text service;    /* name of a services.d file, without .conf */
    struct stsgate_text credential; /* as presented, scheme word removed; empty: no-credential */
    /* As the host knows them. NULL: it can't tell; empty: the client sent none. */
    struct stsgate_text source_ip, user_agent, referer;
    bool secure_transport;
    bool defer_slow; /* STSGATE_UNDECIDED, slow-signature, instead of a first check that takes over
                        0.1 ms */
    bool last; /* the host has waited already or will not: what stays undecided is what the service
                  says of it */
    int64_t now_ms;                  /* Unix time; 0: the system clock */
    const struct stsgate_seal *seal; /* from stsgate_verify() for these very bytes; NULL: none */
};

/* What is known of the session, and the decision. Fixed size, no pointers. A zeroed one denies. */
struct stsgate_result {
    size_t size; /* set by the caller: at most this much is written; less than the first member
                    beyond `reason`: denies, writes nothing */
    enum stsgate_verdict verdict;  /* what to do */
    enum stsgate_verdict would_be; /* what `mode = enforce` would have done */
    enum stsgate_reason reason;    /* why verdict is not ALLOW, or what observe mode let through */
    unsigned retry_after_s;        /* for a 503; else 0 */
    /* The session; empty or 0 until the credential has verified. Each terminated. */
    char role[640]; /* ARN */
    char account[16];
    char session_name[72];                        /* empty when the credential does not tell it */
    int64_t issued_earliest_ms, issued_latest_ms; /* Unix time; equal when the instant is known; 0:
                                                     not told, or a long-term key's, never issued */
    int64_t cutoff_ms; /* the cutoff that decided, else the greatest that bears on the role;
                          INT64_MIN: none */
    int64_t expires_ms;
    int64_t accepted_from_ms; /* issue-time-uncertain: a token minted from this instant on is
                                 accepted; 0: not known */
    char description[200];    /* one sentence for the client, ASCII without quotes or backslashes:
                                 error_description of RFC 6750 */
    char detail[200];         /* for the log: which statement, file or key decided */
    unsigned char want[320];  /* STSGATE_UNDECIDED: what stsgate_ask() is to ask for. Opaque */
};

struct stsgate;        /* a configuration; any thread may read it */
struct stsgate_reader; /* one thread's view; never shared, made after fork */

/*
 * Opens the configuration in options->folder and the key files it names. *gate is the caller's:
 * stsgate_close(). The store and the agent need not be there yet. STSGATE_E_CONFIG after telling
 * options->problem every mistake; STSGATE_E_ARGUMENT, STSGATE_E_MEMORY.
 */
STSGATE_API int stsgate_open(struct stsgate **gate, const struct stsgate_options *options);

/* NULL is allowed. All readers must be closed before. */
STSGATE_API void stsgate_close(struct stsgate *gate);

STSGATE_API bool stsgate_has_service(const struct stsgate *gate, struct stsgate_text name);

/*
 * A reader for the calling thread. `sibling` (may be NULL) is another reader of the same gate and
 * process whose seals the new one is to accept, and the other way round. The caller's:
 * stsgate_reader_close(). STSGATE_E_ARGUMENT, STSGATE_E_MEMORY, STSGATE_E_SYSTEM.
 */
STSGATE_API int stsgate_reader_open(struct stsgate_reader **reader, struct stsgate *gate,
                                    const struct stsgate_reader *sibling);
/* NULL is allowed. Open questions are forgotten. */
STSGATE_API void stsgate_reader_close(struct stsgate_reader *reader);

/*
 * Decides. Never blocks. *result is written whole (as far as result->size) on every path; the
 * return value equals result->verdict. A NULL or a size of 0 denies.
 */
STSGATE_API enum stsgate_verdict stsgate_check(struct stsgate_result *result,
                                               struct stsgate_reader *reader,
                                               const struct stsgate_request *request)
    __attribute__((warn_unused_result));

/*
 * The slow part of a first check, for a thread with a reader of its own: verifies form and
 * signature only. 0 and *seal, which makes stsgate_check() on a sibling reader pass over the
 * signature for these very bytes and this service, as long as the issuer's keys have not changed;
 * otherwise STSGATE_E_ARGUMENT and a zeroed seal, and stsgate_check() without a seal says why.
 */
STSGATE_API int stsgate_verify(struct stsgate_seal *seal, struct stsgate_reader *reader,
                               const struct stsgate_request *request);

/*
 * Event loops: sends the question of an UNDECIDED result to the agent without blocking. The result
 * must be that of the reader's latest check: for identity-pending, the reader holds the request to
 * ask about no longer than that. `payload`
 * (not NULL) comes back from stsgate_answered() when it is time to check again. 1: sent, but this
 * kind of question has nobody wait for it (an unknown key): answer 503 now. 0: wait.
 * STSGATE_E_BUSY, STSGATE_E_AGENT, STSGATE_E_ARGUMENT (nothing to ask): answer 503 now.
 */
STSGATE_API int stsgate_ask(struct stsgate_reader *reader, const struct stsgate_result *result,
                            void *payload);
/*
 * The descriptor to watch for reading, -1 while there is no connection. May change in stsgate_ask()
 * and stsgate_answered(): when it did, stop watching the old one (it is closed) and read
 * stsgate_answered() once, since a lost connection answers all that waited on it.
 */
STSGATE_API int stsgate_fd(const struct stsgate_reader *reader);
/* Reads what came without blocking; the payload of one answered question, or NULL when there is
 * none left. All come back when the connection is lost. */
STSGATE_API void *stsgate_answered(struct stsgate_reader *reader);
/* The request behind `payload` is gone: it will not come back. */
STSGATE_API void stsgate_forget(struct stsgate_reader *reader, const void *payload);

/*
 * Threads that may block: check, and where undecided ask the agent and check again, after at most
 * timeout_ms. Having waited too long is never a reason for ALLOW, but where the service itself says
 * `undecided = allow`. Not on a reader with which stsgate_ask() is used, too: it reads the answers.
 */
STSGATE_API enum stsgate_verdict
stsgate_wait(struct stsgate_result *result, struct stsgate_reader *reader,
             const struct stsgate_request *request, unsigned timeout_ms)
    __attribute__((warn_unused_result));

/* Static strings; "internal-error" and its kin for values out of range. */
STSGATE_API const char *stsgate_reason_word(enum stsgate_reason reason);
STSGATE_API const char *stsgate_reason_text(enum stsgate_reason reason);
STSGATE_API int stsgate_reason_http_status(enum stsgate_reason reason);
/* "0.1.0" */
STSGATE_API const char *stsgate_version(void);

#ifdef __cplusplus
}
#endif

#endif
