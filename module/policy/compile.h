/*
 * compile.h - what the parts of the compiler share: documents (compile.c),
 * conditions (condition.c), the flat form (emit.c). For the files of this folder only; nothing of
 * it runs for a request.
 */
#ifndef SG_POLICY_COMPILE_H
#define SG_POLICY_COMPILE_H

#include "policy/flat.h"
#include "policy/tree.h"

/* Sentences for people, kept short: past a limit they are only counted. */
struct sg_notes {
    struct sg_buffer text;
    unsigned left_out;
};
void sg_note(struct sg_notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct sg_text
sg_note_quote(struct sg_text text);        /* of the document's own: as much as a note repeats */
void sg_notes_end(struct sg_notes *notes); /* says how many were left out */

/* A string, number or truth value as text; false for any other type. */
bool sg_scalar_text(struct sg_text *text, const struct sg_node *value);

/* A value may stand alone or in an array. */
static inline const struct sg_node *sg_values_first(const struct sg_tree *tree,
                                                    const struct sg_node *values)
{
    return values->type == SG_JSON_ARRAY ? sg_node_first(tree, values) : values;
}
static inline const struct sg_node *
sg_values_next(const struct sg_tree *tree, const struct sg_node *values, const struct sg_node *one)
{
    return values->type == SG_JSON_ARRAY ? sg_node_next(tree, one) : NULL;
}

/* One Condition element, understood. sg_condition_clear() frees it. */
struct sg_condition {
    const struct sg_tree *tree;
    struct sg_buffer tests; /* struct sg_test with name and values, one after another */
    uint16_t test_count;
    size_t keys;             /* how many operators on keys it has in all */
    int64_t cutoff_ms;       /* latest date named on aws:TokenIssueTime; SG_CUTOFF_NONE */
    int64_t simple_ms;       /* all it says is: issued before this; SG_CUTOFF_NONE: more */
    int64_t bites_before_ms; /* false for sessions issued then or later; INT64_MAX */
    bool variables;          /* the document's version has policy variables */
    bool names_issue_time;
    bool names_other;   /* a key that does not describe the principal */
    bool inconstant;    /* a key, also one in a variable, that may change during a session */
    bool indeterminate; /* something IAM itself would not have accepted */
    bool unreadable;    /* so much so that its keys are not known */
    bool too_long;      /* for any statement */
};

/* The Condition of a statement, if it has one; sets all of *out. False when memory ended. */
bool sg_condition_compile(struct sg_condition *out, struct sg_notes *notes,
                          const struct sg_tree *tree, const struct sg_node *statement,
                          struct sg_text version);
void sg_condition_clear(struct sg_condition *condition);

/* One operator on one key, while its values are read. */
struct sg_test_draft {
    struct sg_test head;
    struct sg_text operation, name; /* as the document has them */
    struct sg_buffer values;        /* as they will stand in the flat form */
    int64_t latest_ms;              /* of the dates named; SG_CUTOFF_NONE: none */
    int64_t simple_ms; /* first instant that "less than" no longer covers; SG_CUTOFF_NONE: none */
    bool variables, too_long;
};
/* One value more. */
void sg_test_draft_count(struct sg_test_draft *test);
/* date_test.c: one value of a date operator. False: not a date. */
bool sg_date_value_compile(struct sg_test_draft *test, struct sg_notes *notes, struct sg_text text);

/* What is compiled, and where its problems go. */
struct sg_compiler {
    struct sg_buffer *out;
    struct sg_problems *problems;
    enum sg_policy_origin origin;
    struct sg_text policy_name;
    struct sg_text version; /* of the document; empty when it has none */
    struct sg_text document;
    const struct sg_tree *tree;
    struct evp_md_ctx_st *digest; /* SHA-256; NULL: none could be had */
};

/* One statement on its way into the flat form. */
struct sg_draft {
    struct sg_text sid;
    uint16_t scope;
    bool every_action, every_resource;           /* a pattern that is only `*`, not negated */
    bool covers_mint_action, covers_read_action; /* sts:GetWebIdentityToken, iam:GetRole */
    bool unreadable; /* the statement itself is malformed, not only its condition */
    struct sg_buffer actions, resources;
    uint16_t action_count, resource_count;
    struct sg_notes notes;
    struct sg_condition condition;
    unsigned char identity[16];
};

/* scope.c: its Action and NotAction, its Resource and NotResource. Memory that ended shows in
 * draft->actions and ->resources. */
void sg_read_actions(struct sg_draft *draft, const struct sg_compiler *compiler,
                     const struct sg_node *statement);
void sg_read_resources(struct sg_draft *draft, const struct sg_compiler *compiler,
                       const struct sg_node *statement);

void sg_draft_clear(struct sg_draft *draft);
/* Forgets what the draft narrows itself to: it then covers everything, and counts as matching.
 * Notes stay. */
void sg_draft_give_up(struct sg_draft *draft);
/* Hashes all that the statement says, so that it is known again in the next read. False when memory
 * ended. */
bool sg_draft_identify(struct sg_draft *draft, const struct sg_compiler *compiler,
                       struct sg_text content);
/* Appends the flat form and reports what was unreadable. `number` counts from 1; 0: the whole
 * document. */
int sg_statement_emit(const struct sg_compiler *compiler, size_t number, struct sg_draft *draft);

const char *sg_policy_origin_word(enum sg_policy_origin origin);

#endif
