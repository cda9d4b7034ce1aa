/*
 * condition.c - compiles a Condition: date operators on aws:TokenIssueTime
 * become ranges of instants, everything else a note. Must never drop a part of a
 * condition without saying that the whole is then uncertain: a condition narrows
 * a Deny, so one that is lost denies too much, one that is misread too little.
 *
 * Sources: IAM reference, condition operators, multi-valued keys, global keys.
 */
#include "policy/compile.h"

#include <json-c/json.h>

/* A member of a table of names. */
#define NAME(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

enum family {
    FAMILY_DATE,
    FAMILY_NULL,
    FAMILY_OTHER, /* IAM knows it, this version does not evaluate it */
    FAMILY_UNKNOWN,
};

static const struct operator_name {
    struct sg_text name;
    enum family family;
    enum sg_date_operator kind;
} operators[] = {
    {NAME("DateLessThan"), FAMILY_DATE, SG_DATE_LESS},
    {NAME("DateLessThanEquals"), FAMILY_DATE, SG_DATE_LESS_EQUAL},
    {NAME("DateGreaterThan"), FAMILY_DATE, SG_DATE_GREATER},
    {NAME("DateGreaterThanEquals"), FAMILY_DATE, SG_DATE_GREATER_EQUAL},
    {NAME("DateEquals"), FAMILY_DATE, SG_DATE_EQUAL},
    {NAME("DateNotEquals"), FAMILY_DATE, SG_DATE_NOT_EQUAL},
    {NAME("Null"), FAMILY_NULL, SG_DATE_NULL},
    {NAME("StringEquals"), FAMILY_OTHER, 0},
    {NAME("StringNotEquals"), FAMILY_OTHER, 0},
    {NAME("StringEqualsIgnoreCase"), FAMILY_OTHER, 0},
    {NAME("StringNotEqualsIgnoreCase"), FAMILY_OTHER, 0},
    {NAME("StringLike"), FAMILY_OTHER, 0},
    {NAME("StringNotLike"), FAMILY_OTHER, 0},
    {NAME("ArnEquals"), FAMILY_OTHER, 0},
    {NAME("ArnLike"), FAMILY_OTHER, 0},
    {NAME("ArnNotEquals"), FAMILY_OTHER, 0},
    {NAME("ArnNotLike"), FAMILY_OTHER, 0},
    {NAME("NumericEquals"), FAMILY_OTHER, 0},
    {NAME("NumericNotEquals"), FAMILY_OTHER, 0},
    {NAME("NumericLessThan"), FAMILY_OTHER, 0},
    {NAME("NumericLessThanEquals"), FAMILY_OTHER, 0},
    {NAME("NumericGreaterThan"), FAMILY_OTHER, 0},
    {NAME("NumericGreaterThanEquals"), FAMILY_OTHER, 0},
    {NAME("Bool"), FAMILY_OTHER, 0},
    {NAME("BinaryEquals"), FAMILY_OTHER, 0},
    {NAME("IpAddress"), FAMILY_OTHER, 0},
    {NAME("NotIpAddress"), FAMILY_OTHER, 0},
};

/* Keys that a session carries unchanged from the call that made it to its end. */
static const struct sg_text constant_keys[] = {
    NAME("aws:TokenIssueTime"),
    NAME("aws:userid"),
    NAME("aws:SourceIdentity"),
    NAME("identitystore:UserId"),
};

static const struct sg_text principal_keys[] = {
    NAME("aws:TokenIssueTime"),     NAME("aws:userid"),
    NAME("aws:username"),           NAME("aws:SourceIdentity"),
    NAME("identitystore:UserId"),   NAME("aws:PrincipalArn"),
    NAME("aws:PrincipalAccount"),   NAME("aws:PrincipalType"),
    NAME("aws:PrincipalOrgID"),     NAME("aws:PrincipalOrgPaths"),
    NAME("aws:FederatedProvider"),  NAME("aws:MultiFactorAuthPresent"),
    NAME("aws:MultiFactorAuthAge"),
};

static bool key_in(struct sg_text key, const struct sg_text *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sg_text_equal_nocase(key, keys[i]))
            return true;
    }
    return false;
}

static bool starts_nocase(struct sg_text text, struct sg_text prefix)
{
    return text.length >= prefix.length &&
           sg_text_equal_nocase((struct sg_text){text.data, prefix.length}, prefix);
}

static bool key_is_issue_time(struct sg_text key)
{
    return sg_text_equal_nocase(key, SG_TEXT("aws:TokenIssueTime"));
}

static bool key_is_constant(struct sg_text key)
{
    return key_in(key, constant_keys, sizeof constant_keys / sizeof constant_keys[0]);
}

static bool key_describes_principal(struct sg_text key)
{
    return key_in(key, principal_keys, sizeof principal_keys / sizeof principal_keys[0]) ||
           starts_nocase(key, SG_TEXT("aws:PrincipalTag/"));
}

/*
 * "ForAnyValue:DateLessThanIfExists" -> DateLessThan. The prefix and the suffix
 * only tell what happens when the key is absent or has many values;
 * aws:TokenIssueTime is always present here and has one. Null takes neither.
 */
static struct operator_name find_operator(struct sg_text name)
{
    const struct sg_text any = SG_TEXT("ForAnyValue:"), all = SG_TEXT("ForAllValues:");
    const struct sg_text suffix = SG_TEXT("IfExists");
    const size_t whole = name.length;

    if (starts_nocase(name, any) || starts_nocase(name, all)) {
        const size_t skip = starts_nocase(name, any) ? any.length : all.length;

        name.data += skip;
        name.length -= skip;
    }
    if (name.length > suffix.length &&
        starts_nocase((struct sg_text){name.data + name.length - suffix.length, suffix.length},
                      suffix))
        name.length -= suffix.length;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (sg_text_equal_nocase(name, operators[i].name) &&
            (operators[i].family != FAMILY_NULL || name.length == whole))
            return operators[i];
    }
    return (struct operator_name){{NULL, 0}, FAMILY_UNKNOWN, 0};
}

bool sg_scalar_text(struct sg_text *text, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        *text = (struct sg_text){json_object_get_string(value),
                                 (size_t)json_object_get_string_len(value)};
        return true;
    case json_type_int:
    case json_type_double:
    case json_type_boolean:
        *text = sg_text_of(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        return text->data != NULL;
    case json_type_null:
    case json_type_object:
    case json_type_array:
        break;
    }
    return false;
}

size_t sg_value_count(struct json_object *values)
{
    return json_object_is_type(values, json_type_array) ? json_object_array_length(values) : 1;
}

struct json_object *sg_value_at(struct json_object *values, size_t i)
{
    return json_object_is_type(values, json_type_array) ? json_object_array_get_idx(values, i)
                                                        : values;
}

/* No value is, or may hold, a policy variable: those can change while a session lives. */
static bool values_are_literal(struct json_object *values)
{
    for (size_t i = 0; i < sg_value_count(values); i++) {
        struct sg_text text;

        if (!sg_scalar_text(&text, sg_value_at(values, i)) ||
            memmem(text.data, text.length, "${", 2) != NULL)
            return false;
    }
    return true;
}

static void compile_key(struct sg_condition *out, struct sg_notes *notes, struct sg_text name,
                        struct sg_text key, struct json_object *values)
{
    const struct operator_name found = find_operator(name);
    const bool issue_time = key_is_issue_time(key);

    out->keys++;
    out->names_issue_time |= issue_time;
    out->names_other |= !key_describes_principal(key);
    out->inconstant |= !key_is_constant(key) || !values_are_literal(values);

    if (found.family == FAMILY_UNKNOWN) {
        out->indeterminate = true;
        sg_note(notes, "%.*s on %.*s: no such operator in IAM, so it counts as matching",
                SG_TEXT_ARG(sg_note_quote(name)), SG_TEXT_ARG(sg_note_quote(key)));
    } else if (issue_time && found.family != FAMILY_OTHER) {
        sg_date_test_compile(out, notes, name, found.kind, values);
    } else {
        out->unevaluated = true;
        sg_note(notes, "%.*s on %.*s is not evaluated by this version, so it counts as matching",
                SG_TEXT_ARG(sg_note_quote(name)), SG_TEXT_ARG(sg_note_quote(key)));
    }
}

static void unreadable(struct sg_condition *out, struct sg_notes *notes, struct sg_text what,
                       const char *why)
{
    out->unreadable = out->indeterminate = true;
    sg_note(notes, "%.*s %s, so it counts as matching", SG_TEXT_ARG(sg_note_quote(what)), why);
}

bool sg_condition_compile(struct sg_condition *out, struct sg_notes *notes,
                          struct json_object *statement)
{
    struct json_object *condition;

    *out = (struct sg_condition){.cutoff_ms = SG_CUTOFF_NONE, .simple_ms = SG_CUTOFF_NONE};
    if (!json_object_object_get_ex(statement, "Condition", &condition))
        return true;
    if (!json_object_is_type(condition, json_type_object)) {
        unreadable(out, notes, SG_TEXT("Condition"), "is not an object");
        return true;
    }
    json_object_object_foreach(condition, name, keys)
    {
        if (!json_object_is_type(keys, json_type_object)) {
            unreadable(out, notes, sg_text_of(name), "does not hold an object of keys");
            continue;
        }
        json_object_object_foreach(keys, key, values)
        {
            compile_key(out, notes, sg_text_of(name), sg_text_of(key), values);
        }
    }
    if (out->keys != 1 || out->unevaluated || out->indeterminate)
        out->simple_ms = SG_CUTOFF_NONE;
    return !out->tests.failed;
}

void sg_condition_clear(struct sg_condition *condition)
{
    sg_buffer_clear(&condition->tests);
    *condition = (struct sg_condition){0};
}
