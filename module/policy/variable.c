/*
 * variable.c - policy variables in a value or a resource. Must never let a
 * character of a request's value act as a wildcard.
 *
 * Source: IAM reference, policy elements: variables and tags.
 */
#include "policy/values.h"

static void skip(struct sg_text *text, size_t length)
{
    text->data += length;
    text->length -= length;
}

static struct sg_text find(struct sg_text text, const char *what)
{
    const char *at = memmem(text.data, text.length, what, strlen(what));
    const size_t before = at == NULL ? text.length : (size_t)(at - text.data);

    return (struct sg_text){text.data, before};
}

/* Behind `${`: "key}", "key, 'default'}" or one of "*}", "?}", "$}". */
static bool take_variable(struct sg_piece *piece, struct sg_text *rest)
{
    struct sg_text text = *rest, name = {text.data, 0};

    if (text.length >= 2 && text.data[1] == '}' && memchr("*?$", text.data[0], 3) != NULL) {
        *piece = (struct sg_piece){.kind = SG_PIECE_ESCAPED, .text = {text.data, 1}};
        skip(rest, 2);
        return true;
    }
    while (name.length < text.length && memchr(",}{'$*?", text.data[name.length], 7) == NULL)
        name.length++;
    if (name.length == text.length)
        return false;
    skip(&text, name.length);
    *piece = (struct sg_piece){.kind = SG_PIECE_VARIABLE, .text = sg_text_trim(name)};
    if (text.data[0] == ',') {
        skip(&text, 1);
        text = sg_text_trim(text);
        if (text.length == 0 || text.data[0] != '\'')
            return false;
        skip(&text, 1);
        piece->has_otherwise = true;
        piece->otherwise = find(text, "'");
        if (piece->otherwise.length == text.length)
            return false;
        skip(&text, piece->otherwise.length + 1);
        while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
            skip(&text, 1);
    }
    if (text.length == 0 || text.data[0] != '}' || piece->text.length == 0)
        return false;
    skip(rest, (size_t)(text.data + 1 - rest->data));
    return true;
}

bool sg_piece_next(struct sg_piece *piece, struct sg_text *rest, bool *broken)
{
    struct sg_text after;

    if (rest->length == 0)
        return false;
    *piece = (struct sg_piece){.kind = SG_PIECE_LITERAL, .text = find(*rest, "${")};
    if (piece->text.length > 0) {
        skip(rest, piece->text.length);
        return true;
    }
    after = (struct sg_text){rest->data + 2, rest->length - 2};
    if (take_variable(piece, &after)) {
        *rest = after;
        return true;
    }
    *broken = true;
    *piece = (struct sg_piece){.kind = SG_PIECE_LITERAL, .text = {rest->data, 2}};
    skip(rest, 2);
    return true;
}

static bool add(struct sg_units *units, struct sg_text text, bool wild)
{
    const struct sg_pattern pattern = sg_pattern_of(text);

    if (text.length >= SG_UNITS_MAX - units->length) /* the last place is for a `*` */
        return false;
    for (size_t i = 0; i < text.length; i++)
        units->units[units->length++] =
            (uint16_t)(wild ? sg_pattern_at(&pattern, i) : (unsigned char)text.data[i]);
    return true;
}

/* A key of many values can't be put in, and an empty string is null: as if the key were not there
 * (IAM reference, variables; condition, the request context). */
static enum sg_truth add_variable(struct sg_units *units, const struct sg_piece *piece,
                                  const struct sg_policy_request *request)
{
    struct sg_key_values values;
    const enum sg_truth known =
        sg_values_ask(&values, request, sg_key_find(piece->text), piece->text);
    struct sg_text text = {NULL, 0};

    if (known != SG_TRUE)
        return known;
    if (values.presence == SG_KEY_PRESENT && values.count == 1)
        text = values.values == NULL ? values.one : values.values[0];
    if (text.length == 0) {
        if (!piece->has_otherwise)
            return SG_FALSE;
        text = piece->otherwise;
    }
    return add(units, text, false) ? SG_TRUE : SG_KEY_VALUE_UNKNOWN;
}

enum sg_truth sg_units_expand(struct sg_units *units, struct sg_text text, bool wild,
                              const struct sg_policy_request *request)
{
    enum sg_truth result = SG_TRUE;
    struct sg_piece piece;
    bool broken = false;

    units->length = 0;
    while (sg_piece_next(&piece, &text, &broken)) {
        enum sg_truth added = SG_TRUE;

        if (piece.kind == SG_PIECE_VARIABLE)
            added = add_variable(units, &piece, request);
        else if (!add(units, piece.text, wild && piece.kind == SG_PIECE_LITERAL))
            added = SG_KEY_VALUE_UNKNOWN;
        if (added == SG_FALSE)
            return SG_FALSE;
        if (added != SG_TRUE && units->length < SG_UNITS_MAX)
            units->units[units->length++] = SG_UNIT_STAR;
        result = sg_truth_and(result, added);
    }
    return result;
}
