/*
 * IAM's policy evaluation, the sandbox's own: shares nothing with the product's.
 */
#ifndef SB_EVALUATE_H
#define SB_EVALUATE_H

#include <json-c/json.h>
#include <stdbool.h>

enum sb_effect { SB_IMPLICIT_DENY = 0, SB_EXPLICIT_DENY, SB_ALLOW };

/* Who asks, as a Principal element sees him. */
struct sb_who {
    const char *account;
    const char *arn;      /* user, or sts assumed-role */
    const char *role_arn; /* NULL for a user */
};

struct sb_question {
    const char *action;
    const char *resource;
    /* lower-case condition key to a string, or to an array of strings */
    struct json_object *context;
    const struct sb_who *who;
};

/* One parsed document. *direct (NULL: not wanted): an Allow names the caller himself, not his
 * account. */
enum sb_effect sb_evaluate(const struct sb_question *question, struct json_object *document,
                           bool *direct);
/* An array of documents: an explicit Deny in any of them first, then an Allow in any. */
enum sb_effect sb_evaluate_all(const struct sb_question *question, struct json_object *documents);

/* True when the Condition object (NULL: none) holds. undecidable is the answer for unknown
 * operators. */
bool sb_condition_holds(struct json_object *condition, struct json_object *context,
                        bool undecidable);
/* Whether the operator is known, and whether it compares dates. */
bool sb_condition_operator(const char *name, bool *dates);

/* '*' and '?'. */
bool sb_wildcard(const char *pattern, const char *text, bool fold);

#endif
