/*
 * compile.c - reads IAM policy documents, statement by statement. Must never
 * ignore a policy that is there: what can't be read becomes a statement that
 * counts as matching, with a note that says what and where.
 *
 * Source: IAM reference, policy elements and grammar.
 */
#include "policy/compile.h"
#include "base/encoding.h"
#include "base/json.h"
#include "policy/values.h"

#include <json-c/json.h>

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

static bool add_pattern(struct patterns *patterns, struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string) || patterns->count == UINT16_MAX)
        return false;

    const struct sg_text pattern = {json_object_get_string(value),
                                    (size_t)json_object_get_string_len(value)};
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

static bool read_patterns(struct patterns *patterns, struct json_object *value)
{
    if (!json_object_is_type(value, json_type_array))
        return add_pattern(patterns, value);
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        if (!add_pattern(patterns, json_object_array_get_idx(value, i)))
            return false;
    }
    return patterns->count > 0;
}

/* False, with a note, when the element can't be read: the statement then covers every action or
 * resource. */
static bool read_element(struct patterns *patterns, struct sg_draft *draft,
                         struct json_object *statement, const struct element *element)
{
    struct json_object *plain, *negated;
    const bool has_plain = json_object_object_get_ex(statement, element->name, &plain);
    const bool has_negated = json_object_object_get_ex(statement, element->negated_name, &negated);
    const char *name = has_plain ? element->name : element->negated_name;

    patterns->negated = has_negated;
    if (has_plain == has_negated)
        sg_note(&draft->notes, "it has %s %s %s %s, so it counts as covering everything",
                has_plain ? "both" : "neither", element->name, has_plain ? "and" : "nor",
                element->negated_name);
    else if (!read_patterns(patterns, has_plain ? plain : negated))
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

static void read_actions(struct sg_draft *draft, struct json_object *statement)
{
    struct patterns patterns = {0};

    if (read_element(&patterns, draft, statement, &action_element)) {
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
static void read_resources(struct sg_draft *draft, struct json_object *statement,
                           struct sg_text version)
{
    struct patterns patterns = {0};

    if (read_element(&patterns, draft, statement, &resource_element)) {
        set_scope(draft, &patterns, &resource_element);
        draft->every_resource = patterns.star && !patterns.negated;
        if (patterns.variable && sg_text_equal(version, SG_TEXT("2012-10-17")))
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
static bool is_misspelt(const char *member, const char *const *known)
{
    for (; *known != NULL; known++) {
        if (strcmp(member, *known) != 0 &&
            sg_text_equal_nocase(sg_text_of(member), sg_text_of(*known)))
            return true;
    }
    return false;
}

static void check_members(struct sg_draft *draft, struct json_object *statement)
{
    json_object_object_foreach(statement, name, value)
    {
        (void)value;
        if (is_misspelt(name, statement_members)) {
            draft->unreadable = true;
            sg_note(&draft->notes, "\"%s\" is not how IAM spells it, so it counts as matching",
                    name);
        }
        if (strcmp(name, "Principal") == 0 || strcmp(name, "NotPrincipal") == 0) {
            draft->unreadable = true;
            sg_note(&draft->notes, "%s has no place in a role's policy, so it counts as matching",
                    name);
        }
    }
}

static void read_sid(struct sg_draft *draft, struct json_object *statement)
{
    struct json_object *sid;

    if (json_object_object_get_ex(statement, "Sid", &sid))
        (void)sg_scalar_text(&draft->sid, sid);
}

enum effect { EFFECT_DENY, EFFECT_ALLOW, EFFECT_UNREADABLE };

/* The guide calls the value case-sensitive; IAM was seen to take other case. A Deny in any case is
 * a Deny. */
static enum effect read_effect(struct json_object *statement)
{
    struct json_object *value;
    struct sg_text text;

    if (!json_object_object_get_ex(statement, "Effect", &value) ||
        !json_object_is_type(value, json_type_string) || !sg_scalar_text(&text, value))
        return EFFECT_UNREADABLE;
    if (sg_text_equal_nocase(text, SG_TEXT("Allow")))
        return EFFECT_ALLOW;
    return sg_text_equal_nocase(text, SG_TEXT("Deny")) ? EFFECT_DENY : EFFECT_UNREADABLE;
}

static int compile_statement(const struct sg_compiler *compiler, size_t number,
                             struct json_object *statement)
{
    struct sg_draft draft = {0};
    int result = SG_E_MEMORY;

    const char *content = json_object_to_json_string_ext(statement, JSON_C_TO_STRING_PLAIN);
    if (content == NULL || !sg_draft_identify(&draft, compiler, sg_text_of(content)))
        goto out;
    if (!json_object_is_type(statement, json_type_object)) {
        sg_note(&draft.notes, "the statement is not an object, so it counts as matching");
        sg_draft_give_up(&draft);
        result = sg_statement_emit(compiler, number, &draft);
        goto out;
    }

    const enum effect effect = read_effect(statement);
    if (effect == EFFECT_ALLOW) {
        result = SG_OK;
        goto out;
    }
    read_sid(&draft, statement);
    if (effect == EFFECT_UNREADABLE) {
        draft.unreadable = true;
        sg_note(&draft.notes, "Effect is neither Deny nor Allow, so it counts as Deny");
    }
    check_members(&draft, statement);
    read_actions(&draft, statement);
    read_resources(&draft, statement, compiler->version);
    if (draft.actions.failed || draft.resources.failed ||
        !sg_condition_compile(&draft.condition, &draft.notes, statement, compiler->version))
        goto out;
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
static const char *read_version(struct sg_compiler *compiler, struct json_object *tree)
{
    struct json_object *version;

    json_object_object_foreach(tree, name, value)
    {
        (void)value;
        if (is_misspelt(name, document_members))
            return "a member of the document is not spelt as IAM spells it";
    }
    if (!json_object_object_get_ex(tree, "Version", &version))
        return NULL;
    if (!json_object_is_type(version, json_type_string) ||
        !sg_scalar_text(&compiler->version, version) ||
        (!sg_text_equal(compiler->version, SG_TEXT("2012-10-17")) &&
         !sg_text_equal(compiler->version, SG_TEXT("2008-10-17"))))
        return "its Version is neither 2012-10-17 nor 2008-10-17";
    return NULL;
}

static int compile_tree(struct sg_compiler *compiler, struct json_object *tree,
                        struct sg_text document)
{
    struct json_object *statements;

    if (!json_object_is_type(tree, json_type_object))
        return give_up(compiler, document, "it is not a JSON object");

    const char *why = read_version(compiler, tree);
    if (why != NULL)
        return give_up(compiler, document, why);
    if (!json_object_object_get_ex(tree, "Statement", &statements))
        return give_up(compiler, document, "it has no Statement");
    if (!json_object_is_type(statements, json_type_array))
        return compile_statement(compiler, 1, statements);
    if (json_object_array_length(statements) > STATEMENTS_MAX)
        return give_up(compiler, document, "it has more statements than IAM allows");
    for (size_t i = 0; i < json_object_array_length(statements); i++) {
        const int result =
            compile_statement(compiler, i + 1, json_object_array_get_idx(statements, i));

        if (result != SG_OK)
            return result;
    }
    return SG_OK;
}

static const char *why_no_json(int error)
{
    if (error == SG_E_LIMIT)
        return "it is larger, nested deeper or has more members than a policy can have";
    return "it is not JSON (RFC 8259), has one member twice or a number out of range";
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
    const struct sg_compiler compiler = {.out = out, .origin = origin, .policy_name = policy_name};

    return give_up(&compiler, sg_text_of(why), why);
}

int sg_policy_compile(struct sg_buffer *out, struct sg_text document, enum sg_policy_origin origin,
                      struct sg_text policy_name, struct sg_problems *problems)
{
    struct sg_compiler compiler = {
        .out = out, .problems = problems, .origin = origin, .policy_name = policy_name};
    struct sg_buffer decoded = {.limit = SG_POLICY_MAX_BYTES};
    struct json_object *tree = NULL;
    int result, error = SG_OK;

    if (is_encoded(document)) {
        if (document.length > 3 * (size_t)SG_POLICY_MAX_BYTES ||
            !sg_percent_decode(&decoded, document)) {
            result =
                give_up(&compiler, document, "its percent-encoding is broken, or it is too large");
            goto out;
        }
        document = sg_buffer_text(&decoded);
    }
    tree = sg_json_parse(document, SG_POLICY_MAX_BYTES, &error);
    if (tree == NULL) {
        result =
            error == SG_E_MEMORY ? SG_E_MEMORY : give_up(&compiler, document, why_no_json(error));
        goto out;
    }
    result = compile_tree(&compiler, tree, document);
out:
    json_object_put(tree);
    sg_buffer_clear(&decoded);
    return result;
}
