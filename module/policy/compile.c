/*
 * compile.c - reads IAM policy documents, statement by statement. Must never
 * ignore a policy that is there: what can't be read becomes a statement that
 * counts as matching, with a note that says what and where.
 *
 * Source: IAM reference, policy elements and grammar.
 */
#include "policy/compile.h"
#include "base/encoding.h"
#include "policy/values.h"

#include <openssl/evp.h>

#define STATEMENTS_MAX 512 /* of a document; IAM's size limits allow fewer */
#define MINT_ACTION    SG_TEXT("sts:GetWebIdentityToken")
#define READ_ACTION    SG_TEXT("iam:GetRole")

/* --- Action and Resource --- */

/* The two elements of which a statement has exactly one, and where their patterns go. */
struct element {
    const char *name, *negated_name;
    enum sg_scope negated_bit, any_bit;
};
static const struct element action_element = {"Action", "NotAction", SG_SCOPE_NOT_ACTION,
                                              SG_SCOPE_ANY_ACTION};
static const struct element resource_element = {"Resource", "NotResource", SG_SCOPE_NOT_RESOURCE,
                                                SG_SCOPE_ANY_RESOURCE};

/* The patterns of one element. */
struct patterns {
    struct sg_buffer list; /* uint16 length, bytes, for each */
    uint16_t count;
    bool negated;
    bool star;     /* one is only `*` */
    bool variable; /* one holds a policy variable */
    bool mint;     /* one matches sts:GetWebIdentityToken */
    bool read;     /* one matches iam:GetRole */
};

static bool is_star(struct sg_text pattern)
{
    for (size_t i = 0; i < pattern.length; i++) {
        if (pattern.data[i] != '*')
            return false;
    }
    return pattern.length > 0;
}

static bool add_pattern(struct patterns *patterns, const struct sg_node *value)
{
    if (value->type != SG_JSON_STRING || patterns->count == UINT16_MAX)
        return false;

    const struct sg_text pattern = value->text;
    if (pattern.length == 0 || pattern.length > UINT16_MAX)
        return false;

    const uint16_t length = (uint16_t)pattern.length;
    sg_buffer_add(&patterns->list, &length, sizeof length);
    sg_buffer_add_text(&patterns->list, pattern);
    patterns->count++;
    patterns->star |= is_star(pattern);
    patterns->variable |= memmem(pattern.data, pattern.length, "${", 2) != NULL;
    patterns->mint |= sg_text_match(pattern, MINT_ACTION, '\0', true);
    patterns->read |= sg_text_match(pattern, READ_ACTION, '\0', true);
    return true;
}

static bool read_patterns(struct patterns *patterns, const struct sg_tree *tree,
                          const struct sg_node *values)
{
    for (const struct sg_node *one = sg_values_first(tree, values); one != NULL;
         one = sg_values_next(tree, values, one)) {
        if (!add_pattern(patterns, one))
            return false;
    }
    return patterns->count > 0;
}

/* False, with a note, when the element can't be read: the statement then covers every action or
 * resource. */
static bool read_element(struct patterns *patterns, struct sg_draft *draft,
                         const struct sg_compiler *compiler, const struct sg_node *statement,
                         const struct element *element)
{
    const struct sg_node *plain = sg_node_get(compiler->tree, statement, element->name);
    const struct sg_node *negated = sg_node_get(compiler->tree, statement, element->negated_name);
    const bool has_plain = plain != NULL, has_negated = negated != NULL;
    const char *name = has_plain ? element->name : element->negated_name;

    patterns->negated = has_negated;
    if (has_plain == has_negated)
        sg_note(&draft->notes, "it has %s %s %s %s, so it counts as covering everything",
                has_plain ? "both" : "neither", element->name, has_plain ? "and" : "nor",
                element->negated_name);
    else if (!read_patterns(patterns, compiler->tree, has_plain ? plain : negated))
        sg_note(&draft->notes,
                "%s is not a text or a list of texts, so it counts as covering "
                "everything",
                name);
    else
        return true;
    draft->unreadable = true;
    draft->scope |= (uint16_t)element->any_bit;
    return false;
}

static void set_scope(struct sg_draft *draft, const struct patterns *patterns,
                      const struct element *element)
{
    if (patterns->negated)
        draft->scope |= (uint16_t)element->negated_bit;
    else if (patterns->star)
        draft->scope |= (uint16_t)element->any_bit;
}

static void read_actions(struct sg_draft *draft, const struct sg_compiler *compiler,
                         const struct sg_node *statement)
{
    struct patterns patterns = {0};

    if (read_element(&patterns, draft, compiler, statement, &action_element)) {
        set_scope(draft, &patterns, &action_element);
        draft->every_action = patterns.star && !patterns.negated;
        draft->covers_mint_action = patterns.mint != patterns.negated;
        draft->covers_read_action = patterns.read != patterns.negated;
        draft->actions = patterns.list;
        draft->action_count = patterns.count;
        return;
    }
    sg_buffer_clear(&patterns.list);
}

/* Resources are put together with the request's values; one that can't be counts as covered. */
static void read_variables(struct sg_draft *draft, const struct patterns *patterns)
{
    struct sg_flat_list list = {patterns->list.data, patterns->count};
    struct sg_piece piece;
    struct sg_text text;
    bool broken = false;

    while (!patterns->list.failed && sg_flat_list_next(&text, &list)) {
        while (sg_piece_next(&piece, &text, &broken))
            continue;
    }
    draft->scope |= SG_SCOPE_VARIABLES;
    if (!broken)
        return;
    draft->unreadable = true;
    draft->scope |= SG_SCOPE_ANY_RESOURCE;
    sg_note(&draft->notes,
            "%s holds a policy variable that is not how IAM writes one, so it counts as covering "
            "every resource",
            patterns->negated ? "NotResource" : "Resource");
}

/* Policy variables came with Version 2012-10-17; before, `${` is text like any other. */
static void read_resources(struct sg_draft *draft, const struct sg_compiler *compiler,
                           const struct sg_node *statement)
{
    struct patterns patterns = {0};

    if (read_element(&patterns, draft, compiler, statement, &resource_element)) {
        set_scope(draft, &patterns, &resource_element);
        draft->every_resource = patterns.star && !patterns.negated;
        if (patterns.variable && sg_text_equal(compiler->version, SG_TEXT("2012-10-17")))
            read_variables(draft, &patterns);
        draft->resources = patterns.list;
        draft->resource_count = patterns.count;
        return;
    }
    sg_buffer_clear(&patterns.list);
}

/* --- statements --- */

static const char *const statement_members[] = {
    "Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
    "NotAction", "Resource", "NotResource", "Condition",    NULL,
};
static const char *const document_members[] = {"Version", "Id", "Statement", NULL};

/*
 * IAM's element names are case-sensitive and it refuses others; a system that is
 * less strict may read "condition" as Condition. Members nobody knows are ignored.
 */
static bool is_misspelt(struct sg_text member, const char *const *known)
{
    for (; *known != NULL; known++) {
        const struct sg_text name = sg_text_of(*known);

        if (member.length == name.length && !sg_text_equal(member, name) &&
            sg_text_equal_nocase(member, name))
            return true;
    }
    return false;
}

static void check_members(struct sg_draft *draft, const struct sg_tree *tree,
                          const struct sg_node *statement)
{
    for (const struct sg_node *member = sg_node_first(tree, statement); member != NULL;
         member = sg_node_next(tree, member)) {
        const struct sg_text name = member->key;

        if (is_misspelt(name, statement_members)) {
            draft->unreadable = true;
            sg_note(&draft->notes, "\"%.*s\" is not how IAM spells it, so it counts as matching",
                    SG_TEXT_ARG(name));
        }
        if (sg_text_equal(name, SG_TEXT("Principal")) ||
            sg_text_equal(name, SG_TEXT("NotPrincipal"))) {
            draft->unreadable = true;
            sg_note(&draft->notes, "%.*s has no place in a role's policy, so it counts as matching",
                    SG_TEXT_ARG(name));
        }
    }
}

static void read_sid(struct sg_draft *draft, const struct sg_tree *tree,
                     const struct sg_node *statement)
{
    const struct sg_node *sid = sg_node_get(tree, statement, "Sid");

    if (sid != NULL)
        (void)sg_scalar_text(&draft->sid, sid);
}

enum effect { EFFECT_DENY, EFFECT_ALLOW, EFFECT_UNREADABLE };

/* The guide calls the value case-sensitive; IAM was seen to take other case. A Deny in any case is
 * a Deny. */
static enum effect read_effect(const struct sg_tree *tree, const struct sg_node *statement)
{
    const struct sg_node *value = sg_node_get(tree, statement, "Effect");

    if (value == NULL || value->type != SG_JSON_STRING)
        return EFFECT_UNREADABLE;
    if (sg_text_equal_nocase(value->text, SG_TEXT("Allow")))
        return EFFECT_ALLOW;
    return sg_text_equal_nocase(value->text, SG_TEXT("Deny")) ? EFFECT_DENY : EFFECT_UNREADABLE;
}

/* Its content in one layout, so that it is known again. */
static bool identify(struct sg_draft *draft, const struct sg_compiler *compiler,
                     const struct sg_node *statement)
{
    struct sg_buffer content = {0};

    if (statement->raw != NULL)
        sg_node_pack(&content, statement, compiler->document);
    else
        sg_buffer_add_text(&content, statement->text);
    const bool done =
        !content.failed && sg_draft_identify(draft, compiler, sg_buffer_text(&content));
    sg_buffer_clear(&content);
    return done;
}

static int compile_deny(const struct sg_compiler *compiler, size_t number, struct sg_draft *draft,
                        const struct sg_node *statement)
{
    check_members(draft, compiler->tree, statement);
    read_actions(draft, compiler, statement);
    read_resources(draft, compiler, statement);
    if (draft->actions.failed || draft->resources.failed ||
        !sg_condition_compile(&draft->condition, &draft->notes, compiler->tree, statement,
                              compiler->version))
        return SG_E_MEMORY;
    return sg_statement_emit(compiler, number, draft);
}

static int compile_statement(const struct sg_compiler *compiler, size_t number,
                             const struct sg_node *statement)
{
    struct sg_draft draft = {0};
    int result = SG_E_MEMORY;

    if (statement->type == SG_JSON_OBJECT) {
        const enum effect effect = read_effect(compiler->tree, statement);

        if (effect == EFFECT_ALLOW)
            return SG_OK;
        read_sid(&draft, compiler->tree, statement);
        if (effect == EFFECT_UNREADABLE) {
            draft.unreadable = true;
            sg_note(&draft.notes, "Effect is neither Deny nor Allow, so it counts as Deny");
        }
    }
    if (!identify(&draft, compiler, statement))
        goto out;
    if (statement->type == SG_JSON_OBJECT) {
        result = compile_deny(compiler, number, &draft, statement);
        goto out;
    }
    sg_note(&draft.notes, "the statement is not an object, so it counts as matching");
    sg_draft_give_up(&draft);
    result = sg_statement_emit(compiler, number, &draft);
out:
    sg_draft_clear(&draft);
    return result;
}

/* --- documents --- */

static int give_up(const struct sg_compiler *compiler, struct sg_text document, const char *why)
{
    struct sg_draft draft = {0};
    int result = SG_E_MEMORY;

    sg_note(&draft.notes, "%s, so it counts as denying everything", why);
    sg_draft_give_up(&draft);
    if (sg_draft_identify(&draft, compiler, document))
        result = sg_statement_emit(compiler, 0, &draft);
    sg_draft_clear(&draft);
    return result;
}

/* NULL when its envelope is one that IAM takes. */
static const char *read_version(struct sg_compiler *compiler, const struct sg_node *root)
{
    const struct sg_node *version = sg_node_get(compiler->tree, root, "Version");

    for (const struct sg_node *member = sg_node_first(compiler->tree, root); member != NULL;
         member = sg_node_next(compiler->tree, member)) {
        if (is_misspelt(member->key, document_members))
            return "a member of the document is not spelt as IAM spells it";
    }
    if (version == NULL)
        return NULL;
    if (version->type == SG_JSON_STRING)
        compiler->version = version->text;
    if (version->type != SG_JSON_STRING ||
        (!sg_text_equal(compiler->version, SG_TEXT("2012-10-17")) &&
         !sg_text_equal(compiler->version, SG_TEXT("2008-10-17"))))
        return "its Version is neither 2012-10-17 nor 2008-10-17";
    return NULL;
}

static int compile_tree(struct sg_compiler *compiler, struct sg_text document)
{
    const struct sg_tree *tree = compiler->tree;
    const struct sg_node *root = sg_tree_root(tree), *statements, *one;
    size_t number = 0;

    if (root->type != SG_JSON_OBJECT)
        return give_up(compiler, document, "it is not a JSON object");

    const char *why = read_version(compiler, root);
    if (why != NULL)
        return give_up(compiler, document, why);
    statements = sg_node_get(tree, root, "Statement");
    if (statements == NULL)
        return give_up(compiler, document, "it has no Statement");
    if (statements->type == SG_JSON_ARRAY && statements->count > STATEMENTS_MAX)
        return give_up(compiler, document, "it has more statements than IAM allows");
    for (one = sg_values_first(tree, statements); one != NULL;
         one = sg_values_next(tree, statements, one)) {
        const int result = compile_statement(compiler, ++number, one);

        if (result != SG_OK)
            return result;
    }
    return SG_OK;
}

static const char *why_no_json(int error)
{
    if (error == SG_E_LIMIT)
        return "it is larger, nested deeper or has more members than a policy can have";
    return "it is not JSON (RFC 8259), is no object, or has one member twice";
}

/* IAM answers with documents percent-encoded (RFC 3986); in events and files they are plain. */
static bool is_encoded(struct sg_text document)
{
    size_t i = 0;

    while (i < document.length && memchr(" \t\r\n", document.data[i], 4) != NULL)
        i++;
    return i < document.length && document.data[i] == '%';
}

int sg_policy_unreadable(struct sg_buffer *out, const char *why, enum sg_policy_origin origin,
                         struct sg_text policy_name)
{
    struct sg_compiler compiler = {.out = out, .origin = origin, .policy_name = policy_name};
    int result = SG_E_MEMORY;

    compiler.digest = EVP_MD_CTX_new();
    if (compiler.digest != NULL)
        result = give_up(&compiler, sg_text_of(why), why);
    EVP_MD_CTX_free(compiler.digest);
    return result;
}

/* The document as plain JSON text; NULL, and decoded, as IAM sends it. */
static const char *decode(struct sg_text *document, struct sg_buffer *decoded)
{
    if (!is_encoded(*document))
        return NULL;
    if (document->length > 3 * (size_t)SG_POLICY_MAX_BYTES ||
        !sg_percent_decode(decoded, *document))
        return "its percent-encoding is broken, or it is too large";
    *document = sg_buffer_text(decoded);
    return NULL;
}

int sg_policy_compile(struct sg_buffer *out, struct sg_text document, enum sg_policy_origin origin,
                      struct sg_text policy_name, struct sg_problems *problems)
{
    struct sg_buffer decoded = {.limit = SG_POLICY_MAX_BYTES};
    struct sg_tree tree = {.nodes = NULL};
    struct sg_compiler compiler = {.out = out,
                                   .problems = problems,
                                   .origin = origin,
                                   .policy_name = policy_name,
                                   .tree = &tree,
                                   .digest = EVP_MD_CTX_new()};
    int result = SG_E_MEMORY;

    if (compiler.digest == NULL)
        goto out;
    const char *why = decode(&document, &decoded);
    if (why != NULL) {
        result = give_up(&compiler, document, why);
        goto out;
    }
    compiler.document = document;
    const int error = sg_tree_read(&tree, document, SG_POLICY_MAX_BYTES);
    if (error == SG_OK)
        result = compile_tree(&compiler, document);
    else if (error != SG_E_MEMORY)
        result = give_up(&compiler, document, why_no_json(error));
out:
    EVP_MD_CTX_free(compiler.digest);
    sg_tree_clear(&tree);
    sg_buffer_clear(&decoded);
    return result;
}
