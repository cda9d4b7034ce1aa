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
    sg_read_actions(draft, compiler, statement);
    sg_read_resources(draft, compiler, statement);
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
