/*
 * operators.c - the table of condition operators. Must never take a name that
 * IAM does not have for one that it has.
 */
#include "policy/operators.h"

static const struct operator_row {
    struct sg_text name;
    enum sg_family family;
    enum sg_relation relation;
    bool negated;
} rows[SG_OPERATOR_COUNT] = {
#define X(id, name, family, relation, negated)                                                     \
    [SG_OPERATOR_##                                                                                \
        id] = {{(name), sizeof(name) - 1}, SG_FAMILY_##family, SG_##relation, (negated) != 0},
    SG_OPERATORS(X)
#undef X
};

static const struct sg_text prefixes[SG_QUANTIFIERS] = {
    [SG_ONE_VALUE] = {"", 0},
    [SG_FOR_ALL_VALUES] = {"ForAllValues:", 13},
    [SG_FOR_ANY_VALUE] = {"ForAnyValue:", 12},
};
static const struct sg_text suffix = {"IfExists", 8};

static bool cut_prefix(struct sg_text *text, struct sg_text prefix)
{
    if (!sg_text_starts_nocase(*text, prefix))
        return false;
    text->data += prefix.length;
    text->length -= prefix.length;
    return true;
}

static bool cut_suffix(struct sg_text *text)
{
    if (text->length < suffix.length ||
        !sg_text_equal_nocase(
            (struct sg_text){text->data + text->length - suffix.length, suffix.length}, suffix))
        return false;
    text->length -= suffix.length;
    return true;
}

bool sg_operation_find(struct sg_operation *operation, struct sg_text name)
{
    *operation = (struct sg_operation){.quantifier = SG_ONE_VALUE};
    if (cut_prefix(&name, prefixes[SG_FOR_ALL_VALUES]))
        operation->quantifier = SG_FOR_ALL_VALUES;
    else if (cut_prefix(&name, prefixes[SG_FOR_ANY_VALUE]))
        operation->quantifier = SG_FOR_ANY_VALUE;
    operation->if_exists = cut_suffix(&name);

    for (int i = 0; i < SG_OPERATOR_COUNT; i++) {
        if (!sg_text_equal_nocase(name, rows[i].name))
            continue;
        operation->op = (enum sg_operator)i;
        /* Null asks for the key itself: there are no values to go over, and nothing to add. */
        return i != SG_OPERATOR_NULL ||
               (operation->quantifier == SG_ONE_VALUE && !operation->if_exists);
    }
    return false;
}

void sg_operation_name(struct sg_buffer *out, const struct sg_operation *operation)
{
    sg_buffer_add_text(out, prefixes[operation->quantifier]);
    sg_buffer_add_text(out, rows[operation->op].name);
    if (operation->if_exists)
        sg_buffer_add_text(out, suffix);
}

enum sg_family sg_operator_family(enum sg_operator op)
{
    return rows[op].family;
}

enum sg_relation sg_operator_relation(enum sg_operator op)
{
    return rows[op].relation;
}

bool sg_operator_negated(enum sg_operator op)
{
    return rows[op].negated;
}

bool sg_family_takes_variables(enum sg_family family)
{
    return family == SG_FAMILY_STRING || family == SG_FAMILY_ARN || family == SG_FAMILY_BOOL;
}
