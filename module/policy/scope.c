/*
 * scope.c - what a statement covers: Action or NotAction, Resource or
 * NotResource. Must never narrow a Deny by an element that could not be read.
 *
 * Source: IAM reference, policy elements Action and Resource.
 */
#include "policy/compile.h"
#include "policy/values.h"

/* What evidence is made with: a minted token, a signed read of the role. */
#define MINT_ACTION SG_TEXT("sts:GetWebIdentityToken")
#define READ_ACTION SG_TEXT("iam:GetRole")

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

void sg_read_actions(struct sg_draft *draft, const struct sg_compiler *compiler,
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
void sg_read_resources(struct sg_draft *draft, const struct sg_compiler *compiler,
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
