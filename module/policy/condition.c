/*
 * condition.c - compiles a Condition: date operators on aws:TokenIssueTime
 * become ranges of instants, everything else a note. Must never drop a part of a
 * condition without saying that the whole is then uncertain: a condition narrows
 * a Deny, so one that is lost denies too much, one that is misread too little.
 *
 * Sources: IAM reference, condition operators, multi-valued keys, global keys.
 */
#include "base/date.h"
#include "policy/compile.h"

#include <json-c/json.h>

#define QUOTE_MAX 64 /* bytes of the document's own text that a note repeats */

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
    {{"DateLessThan", 12}, FAMILY_DATE, SG_DATE_LESS},
    {{"DateLessThanEquals", 18}, FAMILY_DATE, SG_DATE_LESS_EQUAL},
    {{"DateGreaterThan", 15}, FAMILY_DATE, SG_DATE_GREATER},
    {{"DateGreaterThanEquals", 21}, FAMILY_DATE, SG_DATE_GREATER_EQUAL},
    {{"DateEquals", 10}, FAMILY_DATE, SG_DATE_EQUAL},
    {{"DateNotEquals", 13}, FAMILY_DATE, SG_DATE_NOT_EQUAL},
    {{"Null", 4}, FAMILY_NULL, SG_DATE_NULL},
    {{"StringEquals", 12}, FAMILY_OTHER, 0},
    {{"StringNotEquals", 15}, FAMILY_OTHER, 0},
    {{"StringEqualsIgnoreCase", 22}, FAMILY_OTHER, 0},
    {{"StringNotEqualsIgnoreCase", 25}, FAMILY_OTHER, 0},
    {{"StringLike", 10}, FAMILY_OTHER, 0},
    {{"StringNotLike", 13}, FAMILY_OTHER, 0},
    {{"ArnEquals", 9}, FAMILY_OTHER, 0},
    {{"ArnLike", 7}, FAMILY_OTHER, 0},
    {{"ArnNotEquals", 12}, FAMILY_OTHER, 0},
    {{"ArnNotLike", 10}, FAMILY_OTHER, 0},
    {{"NumericEquals", 13}, FAMILY_OTHER, 0},
    {{"NumericNotEquals", 16}, FAMILY_OTHER, 0},
    {{"NumericLessThan", 15}, FAMILY_OTHER, 0},
    {{"NumericLessThanEquals", 21}, FAMILY_OTHER, 0},
    {{"NumericGreaterThan", 18}, FAMILY_OTHER, 0},
    {{"NumericGreaterThanEquals", 24}, FAMILY_OTHER, 0},
    {{"Bool", 4}, FAMILY_OTHER, 0},
    {{"BinaryEquals", 12}, FAMILY_OTHER, 0},
    {{"IpAddress", 9}, FAMILY_OTHER, 0},
    {{"NotIpAddress", 12}, FAMILY_OTHER, 0},
};

/* Keys that a session carries unchanged from the call that made it to its end. */
static const struct sg_text constant_keys[] = {
    {"aws:TokenIssueTime", 18},
    {"aws:userid", 10},
    {"aws:SourceIdentity", 18},
    {"identitystore:UserId", 20},
};

static const struct sg_text principal_keys[] = {
    {"aws:TokenIssueTime", 18},     {"aws:userid", 10},
    {"aws:username", 12},           {"aws:SourceIdentity", 18},
    {"identitystore:UserId", 20},   {"aws:PrincipalArn", 16},
    {"aws:PrincipalAccount", 20},   {"aws:PrincipalType", 17},
    {"aws:PrincipalOrgID", 18},     {"aws:PrincipalOrgPaths", 21},
    {"aws:FederatedProvider", 21},  {"aws:MultiFactorAuthPresent", 26},
    {"aws:MultiFactorAuthAge", 22},
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

static struct sg_text cut_for_quote(struct sg_text text)
{
    if (text.length > QUOTE_MAX)
        text.length = QUOTE_MAX;
    return text;
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

/* A value may stand alone or in an array. */
static size_t value_count(struct json_object *values)
{
    return json_object_is_type(values, json_type_array) ? json_object_array_length(values) : 1;
}

static struct json_object *value_at(struct json_object *values, size_t i)
{
    return json_object_is_type(values, json_type_array) ? json_object_array_get_idx(values, i)
                                                        : values;
}

/* No value is, or may hold, a policy variable: those can change while a session lives. */
static bool values_are_literal(struct json_object *values)
{
    for (size_t i = 0; i < value_count(values); i++) {
        struct sg_text text;

        if (!sg_scalar_text(&text, value_at(values, i)) ||
            memmem(text.data, text.length, "${", 2) != NULL)
            return false;
    }
    return true;
}

/* --- one date test --- */

struct test {
    struct sg_date_test head;
    struct sg_buffer ranges;
    int64_t latest_ms; /* of the dates named; SG_CUTOFF_NONE: none */
    int64_t simple_ms; /* first instant that "less than" no longer covers; SG_CUTOFF_NONE: none */
};

/* Two ranges that reach the same end of time are one: what matters is the farther. */
static bool merge_range(struct test *test, struct sg_date_range range)
{
    struct sg_date_range last;

    if (test->head.ranges == 0)
        return false;
    const size_t at = test->ranges.length - sizeof last;
    memcpy(&last, test->ranges.data + at, sizeof last);
    if (last.low_ms == range.low_ms && range.low_ms == INT64_MIN)
        last.high_ms = last.high_ms > range.high_ms ? last.high_ms : range.high_ms;
    else if (last.high_ms == range.high_ms && range.high_ms == INT64_MAX)
        last.low_ms = last.low_ms < range.low_ms ? last.low_ms : range.low_ms;
    else
        return false;
    memcpy(test->ranges.data + at, &last, sizeof last);
    return true;
}

static void add_range(struct test *test, int64_t low_ms, int64_t high_ms)
{
    const struct sg_date_range range = {low_ms, high_ms};

    if (low_ms > high_ms || merge_range(test, range))
        return;
    /* So many do not fit a statement anyway, which is then refused for its size. */
    if (test->head.ranges == UINT16_MAX)
        return;
    sg_buffer_add(&test->ranges, &range, sizeof range);
    test->head.ranges++;
}

/* Digits finer than a millisecond that are not zero: the date parser has rounded up over them. */
static bool is_between_ms(struct sg_text date)
{
    const char *dot = memchr(date.data, '.', date.length);

    if (dot == NULL)
        return false;
    const char *end = date.data + date.length;
    for (const char *at = dot + 1; at < end && *at >= '0' && *at <= '9'; at++) {
        if (at - dot > 3 && *at != '0')
            return true;
    }
    return false;
}

/*
 * Issue times are whole milliseconds, so that each operator covers a range of
 * them. `ms` is the date, rounded up when it lies between two of them.
 */
static void add_date(struct test *test, int64_t ms, bool between)
{
    const int64_t before = ms == INT64_MIN ? ms : ms - 1;
    const int64_t after = ms == INT64_MAX ? ms : ms + 1;

    if (test->latest_ms < ms)
        test->latest_ms = ms;
    switch ((enum sg_date_operator)test->head.kind) {
    case SG_DATE_LESS:
        add_range(test, INT64_MIN, before);
        break;
    case SG_DATE_LESS_EQUAL:
        add_range(test, INT64_MIN, between ? before : ms);
        break;
    case SG_DATE_GREATER:
        if (between)
            add_range(test, ms, INT64_MAX);
        else if (ms < INT64_MAX)
            add_range(test, after, INT64_MAX);
        break;
    case SG_DATE_GREATER_EQUAL:
        add_range(test, ms, INT64_MAX);
        break;
    case SG_DATE_EQUAL:
    case SG_DATE_NOT_EQUAL:
        if (!between)
            add_range(test, ms, ms);
        break;
    case SG_DATE_NULL:
        break;
    }
    if (test->head.kind == SG_DATE_LESS_EQUAL && !between)
        ms = after;
    if ((test->head.kind == SG_DATE_LESS || test->head.kind == SG_DATE_LESS_EQUAL) &&
        test->simple_ms < ms)
        test->simple_ms = ms;
}

/* Null: "true" matches an absent key, "false" one that is there, as aws:TokenIssueTime of a session
 * always is. */
static bool add_null(struct test *test, struct sg_text text)
{
    if (sg_text_equal_nocase(text, SG_TEXT("false"))) {
        add_range(test, INT64_MIN, INT64_MAX);
        return true;
    }
    return sg_text_equal_nocase(text, SG_TEXT("true"));
}

static bool add_value(struct test *test, struct sg_notes *notes, struct sg_text text)
{
    int64_t ms;

    if (test->head.kind == SG_DATE_NULL)
        return add_null(test, text);
    if (!sg_date_parse_iam(&ms, text))
        return false;
    add_date(test, ms, is_between_ms(text));

    /* A 13-digit number is JavaScript's idea of now; IAM reads a far future, and so does this. */
    if (text.length > 11 && memchr(text.data, '-', text.length) == NULL)
        sg_note(notes,
                "the date %.*s counts seconds, thousands of years ahead: milliseconds meant?",
                SG_TEXT_ARG(cut_for_quote(text)));
    return true;
}

/* The values of one operator on aws:TokenIssueTime. A value that can't be read spoils the test, and
 * it is left out. */
static void compile_test(struct sg_condition *out, struct sg_notes *notes, struct sg_text name,
                         enum sg_date_operator kind, struct json_object *values)
{
    struct test test = {
        .head = {.kind = (uint8_t)kind, .negated = kind == SG_DATE_NOT_EQUAL},
        .latest_ms = SG_CUTOFF_NONE,
        .simple_ms = SG_CUTOFF_NONE,
    };
    bool readable = true;

    for (size_t i = 0; i < value_count(values); i++) {
        struct sg_text text = {"", 0};

        if (sg_scalar_text(&text, value_at(values, i)) && add_value(&test, notes, text))
            continue;
        sg_note(notes, "%.*s on aws:TokenIssueTime: \"%.*s\" is %s, so it counts as matching",
                SG_TEXT_ARG(cut_for_quote(name)), SG_TEXT_ARG(cut_for_quote(text)),
                kind == SG_DATE_NULL ? "neither true nor false" : "not a date that IAM accepts");
        readable = false;
    }
    if (out->cutoff_ms < test.latest_ms)
        out->cutoff_ms = test.latest_ms;
    if (!readable || out->test_count == UINT16_MAX) {
        out->indeterminate = true;
        goto out;
    }
    out->simple_ms = test.simple_ms;
    out->test_count++;
    sg_buffer_add(&out->tests, &test.head, sizeof test.head);
    sg_buffer_add_text(&out->tests, sg_buffer_text(&test.ranges));
    if (test.ranges.failed)
        out->tests.failed = true;
out:
    sg_buffer_clear(&test.ranges);
}

/* --- the whole --- */

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
                SG_TEXT_ARG(cut_for_quote(name)), SG_TEXT_ARG(cut_for_quote(key)));
    } else if (issue_time && found.family != FAMILY_OTHER) {
        compile_test(out, notes, name, found.kind, values);
    } else {
        out->unevaluated = true;
        sg_note(notes, "%.*s on %.*s is not evaluated by this version, so it counts as matching",
                SG_TEXT_ARG(cut_for_quote(name)), SG_TEXT_ARG(cut_for_quote(key)));
    }
}

static void unreadable(struct sg_condition *out, struct sg_notes *notes, struct sg_text what,
                       const char *why)
{
    out->unreadable = out->indeterminate = true;
    sg_note(notes, "%.*s %s, so it counts as matching", SG_TEXT_ARG(cut_for_quote(what)), why);
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
