/*
 * policy.h - IAM policy documents, compiled once when they are read and
 * evaluated in place by readers: no JSON on the request path.
 *
 * Only Deny statements matter here: an explicit Deny in any policy ends IAM's evaluation, so
 * policies can be evaluated in any order and merged. A compiled statement is flat (offsets, no
 * pointers), 8-aligned and self-delimiting, so that a role record is a header and a run of them.
 * Source: IAM reference, policy elements and evaluation logic.
 */
#ifndef SG_POLICY_POLICY_H
#define SG_POLICY_POLICY_H

#include "base/buffer.h"
#include "base/error.h"
#include "policy/context.h"

#define SG_POLICY_MAX_BYTES 131072 /* API model limit of a document */
#define SG_CUTOFF_NONE      INT64_MIN

/* Where a document hangs. The order is that of explain's output. EXTRA: one of the operator's own,
 * which no IAM knows. */
enum sg_policy_origin {
    SG_POLICY_INLINE,
    SG_POLICY_ATTACHED,
    SG_POLICY_BOUNDARY,
    SG_POLICY_EXTRA,
};

/*
 * ENFORCED: it names aws:TokenIssueTime, or has only keys that describe the principal, or is
 * UNCONDITIONAL. Other guardrails are listed only, unless a service says otherwise.
 */
enum sg_statement_flag {
    SG_STATEMENT_ENFORCED = 1,       /* counts as a revocation */
    SG_STATEMENT_UNCONDITIONAL = 2,  /* no Condition, Action * and Resource *: role-denied */
    SG_STATEMENT_SIMPLE = 4,         /* says only: issued before cutoff_ms */
    SG_STATEMENT_CONSTANT_KEYS = 8,  /* all keys are constant for a session: evidence may settle */
    SG_STATEMENT_COVERS_MINT = 16,   /* covers sts:GetWebIdentityToken on any resource */
    SG_STATEMENT_COVERS_READ = 32,   /* covers iam:GetRole on any resource */
    SG_STATEMENT_INDETERMINATE = 64, /* not readable (date, operator, document): may match */
    SG_STATEMENT_FROM_IAM = 128,     /* set by the agent: AWS itself answered with it */
    SG_STATEMENT_GONE_ONCE = 256,    /* set by the agent: absent from the last read, once */
    SG_STATEMENT_RATCHETED = 512,    /* set by the agent: absent, and kept until kept_until_ms */
    SG_STATEMENT_HELD = 1024,        /* set by the agent: whoever removed it was revoked by it */
};

/*
 * The flat form. Texts are (offset, length) from the start of this header; lists are a 16-bit count
 * and then length-prefixed texts. sg_statement_run_valid() has checked every offset before anyone
 * follows one.
 */
struct sg_statement {
    uint32_t size;  /* whole, header included, multiple of 8 */
    uint16_t flags; /* enum sg_statement_flag */
    uint8_t origin; /* enum sg_policy_origin */
    uint8_t reserved;
    int64_t cutoff_ms; /* latest aws:TokenIssueTime date it names; SG_CUTOFF_NONE: none */
    /* No session issued then or later can match, whatever else it says; INT64_MAX: no such bound */
    int64_t bites_before_ms;
    /* AWS's Date of the first answer, in an unbroken run, that showed it; the agent sets it */
    int64_t first_seen_ms;
    /* Set by the agent, else 0. GONE_ONCE, RATCHETED: AWS's Date of the last answer that showed it,
     * or earlier; 0: not known. RATCHETED: when the last session that it revoked has ended. */
    int64_t last_seen_ms, kept_until_ms;
    /* SHA-256 of origin, policy name and content, cut: the same statement in the next read */
    unsigned char identity[16];
    uint16_t policy_at, policy_length; /* policy name or ARN */
    uint16_t sid_at, sid_length;
    uint16_t actions_at, resources_at; /* lists; 0: none */
    uint16_t tests_at;                 /* of its Condition, flat.h; 0: none */
    uint16_t notes_at;                 /* a text: what could not be read, in words; 0: none */
    uint16_t scope;                    /* enum sg_scope */
    uint16_t reserved2[3];
};

/*
 * Compiles each Deny statement of `document` (JSON, or the same percent-encoded) that covers
 * sessions or is worth listing, appending to `out`. Statements that do not bear on sessions at all
 * (Allow) leave nothing. A document that cannot be read as a policy gives one INDETERMINATE
 * statement and a problem: a policy that is there is never ignored. SG_OK (also then), SG_E_MEMORY.
 */
int sg_policy_compile(struct sg_buffer *out, struct sg_text document, enum sg_policy_origin origin,
                      struct sg_text policy_name, struct sg_problems *problems);

/* For a policy that is there but can't be got at (`why`, words for people): one INDETERMINATE
 * statement, as for a document that can't be read. SG_OK, SG_E_MEMORY. */
int sg_policy_unreadable(struct sg_buffer *out, const char *why, enum sg_policy_origin origin,
                         struct sg_text policy_name);

/*
 * The statement at *at of `run`, advanced; NULL at the end or when the rest is malformed (*at is
 * then != run.length). A run that is not 8-aligned in memory is malformed.
 */
const struct sg_statement *sg_statement_next(struct sg_text run, size_t *at);
bool sg_statement_run_valid(struct sg_text run);
struct sg_text sg_statement_policy(const struct sg_statement *statement);
struct sg_text sg_statement_sid(const struct sg_statement *statement);
struct sg_text sg_statement_notes(const struct sg_statement *statement);

enum sg_match {
    SG_MATCH_NO,
    SG_MATCH_YES,
    SG_MATCH_TIME_UNKNOWN,  /* the issue-time interval straddles a date */
    SG_MATCH_KEY_UNKNOWN,   /* hangs on a key that this credential or gateway cannot tell */
    SG_MATCH_INDETERMINATE, /* hangs on something that could not be read */
};
const char *sg_match_word(enum sg_match match); /* "no match", "match", ... */

/*
 * Action, resource and conditions, exactly as IAM combines them (AND over keys, OR over values),
 * with Kleene's logic for what is unknown: one part that is false decides, whatever the others are.
 * The statement must be of a run that sg_statement_run_valid() has accepted. No allocation.
 */
enum sg_match sg_statement_match(const struct sg_statement *statement,
                                 const struct sg_policy_request *request);

/* One part of a statement, evaluated. Texts are printable and live as long as the call. */
struct sg_policy_step {
    struct sg_text what;   /* "Action", "NotResource", "ForAnyValue:StringLikeIfExists", ... */
    struct sg_text key;    /* as the policy spells it; empty for actions and resources */
    struct sg_text values; /* the policy's, `"a" "b" and 3 more` */
    struct sg_text had;    /* the request's: `"a"`, "absent", "unknown", an interval */
    enum sg_match result;
};

/*
 * The same answer, and every part is evaluated and told to `step` in the order Action, Resource,
 * conditions; what was unreadable comes last. Allocates; for explain and the tool.
 */
enum sg_match sg_statement_trace(const struct sg_statement *statement,
                                 const struct sg_policy_request *request,
                                 void (*step)(void *payload, const struct sg_policy_step *step),
                                 void *payload);

/* One line: `inline policy AWSRevokeOlderSessions (Sid x): Deny sessions issued before T`. */
void sg_statement_describe(struct sg_buffer *out, const struct sg_statement *statement);

/*
 * The console's document: Deny * on * for sessions issued before `cutoff_ms`. `out` fails when that
 * is no date of the years 0 to 9999.
 */
void sg_policy_write_revocation(struct sg_buffer *out, int64_t cutoff_ms);
#define SG_REVOCATION_POLICY_NAME "AWSRevokeOlderSessions"

#endif
