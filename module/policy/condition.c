/*
 * condition.c - compiles a Condition: each operator on a key becomes a test.
 * Must never drop a part of a condition without saying that the whole is then
 * indeterminate: a condition narrows a Deny, so one that is lost denies too much,
 * one that is misread too little.
 *
 * Sources: IAM reference, condition operators, multi-valued keys, global keys.
 */
#include "base/encoding.h"
#include "policy/compile.h"
#include "policy/values.h"

#include <json-c/json.h>
#include <stdlib.h>

bool sg_scalar_text(struct sg_text *text, const struct sg_node *value)
{
    switch (value->type) {
    case SG_JSON_STRING:
    case SG_JSON_NUMBER:
    case SG_JSON_TRUE:
    case SG_JSON_FALSE:
        *text = value->text;
        return true;
    case SG_JSON_NULL:
    case SG_JSON_ARRAY:
    case SG_JSON_OBJECT:
        break;
    }
    return false;
}

/* --- values --- */

void sg_test_draft_count(struct sg_test_draft *test)
{
    if (test->head.values == UINT16_MAX)
        test->too_long = true;
    else
        test->head.values++;
}

static bool is_bool(struct sg_text text)
{
    return sg_text_equal_nocase(text, SG_TEXT("true")) ||
           sg_text_equal_nocase(text, SG_TEXT("false"));
}

/* What is wrong with a value that holds no variable; NULL: nothing. */
static const char *value_problem(enum sg_family family, struct sg_text text)
{
    switch (family) {
    case SG_FAMILY_STRING:
        return NULL;
    case SG_FAMILY_NUMERIC:
        return sg_number_valid(text) ? NULL : "not a number";
    case SG_FAMILY_DATE:
        return "not a date that IAM accepts";
    case SG_FAMILY_BOOL:
    case SG_FAMILY_NULL:
        return is_bool(text) ? NULL : "neither true nor false";
    case SG_FAMILY_BINARY:
        return "not base64";
    case SG_FAMILY_IP:
        return "not an IP address or range";
    case SG_FAMILY_ARN:
        return sg_is_arn(text) ? NULL : "not an ARN of six parts";
    }
    return "of no kind that IAM has";
}

/* The variables of a value: whether all are written as IAM writes them, and stay the same for a
 * session. */
static bool variables_readable(struct sg_condition *out, struct sg_text text)
{
    struct sg_piece piece;
    bool broken = false;

    while (sg_piece_next(&piece, &text, &broken)) {
        if (piece.kind == SG_PIECE_VARIABLE &&
            (sg_key_traits(sg_key_find(piece.text)) & SG_KEY_CONSTANT) == 0)
            out->inconstant = true;
    }
    return !broken;
}

static void add_text(struct sg_test_draft *test, struct sg_text text)
{
    const uint16_t length = (uint16_t)text.length;

    if (text.length > UINT16_MAX)
        test->too_long = true;
    sg_buffer_add(&test->values, &length, sizeof length);
    sg_buffer_add_text(&test->values, text);
    sg_test_draft_count(test);
}

/* The bytes are kept: IAM compares the request's value with them. */
static bool add_base64(struct sg_test_draft *test, struct sg_text text)
{
    const size_t room = SG_BASE64URL_SIZE(text.length);
    unsigned char *bytes = sg_alloc(1, room);
    size_t length = 0;

    if (bytes == NULL) {
        test->values.failed = true;
        return true;
    }
    const bool good = sg_base64_decode(bytes, room, &length, text);
    if (good)
        add_text(test, (struct sg_text){(const char *)bytes, length});
    free(bytes);
    return good;
}

/* NULL when the value was added, else what is wrong with it. */
static const char *add_value(struct sg_condition *out, struct sg_test_draft *test,
                             struct sg_notes *notes, struct sg_text text)
{
    const enum sg_family family = sg_operator_family(test->head.op);
    struct sg_ip_range range;

    if (family == SG_FAMILY_DATE)
        return sg_date_value_compile(test, notes, text) ? NULL : value_problem(family, text);
    if (family == SG_FAMILY_BINARY)
        return add_base64(test, text) ? NULL : value_problem(family, text);
    if (family == SG_FAMILY_IP) {
        if (!sg_ip_range_parse(&range, text))
            return value_problem(family, text);
        sg_buffer_add(&test->values, &range, sizeof range);
        sg_test_draft_count(test);
        return NULL;
    }
    if (test->variables && sg_family_takes_variables(family) &&
        memmem(text.data, text.length, "${", 2) != NULL) {
        if (!variables_readable(out, text))
            return "not how IAM writes a policy variable";
        test->head.flags |= SG_TEST_VARIABLES;
    } else {
        const char *problem = value_problem(family, text);

        if (problem != NULL)
            return problem;
    }
    add_text(test, text);
    return NULL;
}

/* --- tests --- */

static void add_test(struct sg_condition *out, struct sg_test_draft *test)
{
    static const char zeros[8];
    const struct sg_text values = sg_buffer_text(&test->values);
    const size_t size = sizeof test->head + sg_pad8(test->name.length) + sg_pad8(values.length);

    if (test->values.failed)
        out->tests.failed = true;
    if (test->too_long || size > SG_STATEMENT_MAX_BYTES || out->test_count == UINT16_MAX)
        out->too_long = true;
    if (out->tests.failed || out->too_long)
        return;
    test->head.size = (uint16_t)size;
    test->head.name_length = (uint16_t)test->name.length;
    sg_buffer_add(&out->tests, &test->head, sizeof test->head);
    sg_buffer_add_text(&out->tests, test->name);
    sg_buffer_add(&out->tests, zeros, sg_pad8(test->name.length) - test->name.length);
    sg_buffer_add_text(&out->tests, values);
    sg_buffer_add(&out->tests, zeros, sg_pad8(values.length) - values.length);
    out->test_count++;
}

/* After the last of these instants the test is false; INT64_MAX: it may always hold. */
static int64_t holds_before(const struct sg_test_draft *test)
{
    int64_t bound_ms = INT64_MIN;

    if (test->head.key != SG_KEY_TOKEN_ISSUE_TIME ||
        sg_operator_family(test->head.op) != SG_FAMILY_DATE || sg_operator_negated(test->head.op))
        return INT64_MAX;
    for (uint16_t i = 0; i < test->head.values; i++) {
        struct sg_date_range range;

        memcpy(&range, test->values.data + i * sizeof range, sizeof range);
        if (range.high_ms == INT64_MAX)
            return INT64_MAX;
        if (bound_ms < range.high_ms + 1)
            bound_ms = range.high_ms + 1;
    }
    return bound_ms;
}

/* False, with a note for each, when a value can't be read. */
static bool add_values(struct sg_condition *out, struct sg_test_draft *test, struct sg_notes *notes,
                       const struct sg_node *values)
{
    bool readable = true;

    for (const struct sg_node *one = sg_values_first(out->tree, values); one != NULL;
         one = sg_values_next(out->tree, values, one)) {
        struct sg_text text = {"", 0};
        const char *problem = "no text, number or truth value";

        if (sg_scalar_text(&text, one))
            problem = add_value(out, test, notes, text);
        if (problem == NULL)
            continue;
        sg_note(notes, "%.*s on %.*s: \"%.*s\" is %s, so it counts as matching",
                SG_TEXT_ARG(sg_note_quote(test->operation)), SG_TEXT_ARG(sg_note_quote(test->name)),
                SG_TEXT_ARG(sg_note_quote(text)), problem);
        readable = false;
    }
    return readable;
}

/* A test that can't be read is left out: the rest may still say no. */
static void compile_test(struct sg_condition *out, struct sg_test_draft *test,
                         struct sg_notes *notes, const struct sg_node *values)
{
    const bool issue_time = test->head.key == SG_KEY_TOKEN_ISSUE_TIME;

    if (!add_values(out, test, notes, values)) {
        out->indeterminate = true;
        if (issue_time && out->cutoff_ms < test->latest_ms)
            out->cutoff_ms = test->latest_ms;
        return;
    }
    add_test(out, test);
    if (out->tests.failed || out->too_long)
        return;
    if (issue_time && out->cutoff_ms < test->latest_ms)
        out->cutoff_ms = test->latest_ms;
    if (issue_time && test->simple_ms != SG_CUTOFF_NONE)
        out->simple_ms = test->simple_ms;
    const int64_t bound_ms = holds_before(test);
    if (out->bites_before_ms > bound_ms)
        out->bites_before_ms = bound_ms;
}

static bool is_key_name(struct sg_text key)
{
    const char *colon = memchr(key.data, ':', key.length);

    return colon != NULL && colon != key.data && colon + 1 < key.data + key.length;
}

static void compile_key(struct sg_condition *out, struct sg_notes *notes, struct sg_text name,
                        struct sg_text key, const struct sg_node *values)
{
    const enum sg_key found = sg_key_find(key);
    struct sg_test_draft test = {
        .head = {.key = (uint8_t)found},
        .operation = name,
        .name = key,
        .latest_ms = SG_CUTOFF_NONE,
        .simple_ms = SG_CUTOFF_NONE,
        .variables = out->variables,
    };
    struct sg_operation operation;

    out->keys++;
    out->names_issue_time |= found == SG_KEY_TOKEN_ISSUE_TIME;
    out->names_other |= (sg_key_traits(found) & SG_KEY_PRINCIPAL) == 0;
    out->inconstant |= (sg_key_traits(found) & SG_KEY_CONSTANT) == 0;

    if (!sg_operation_find(&operation, name)) {
        out->indeterminate = true;
        sg_note(notes, "%.*s on %.*s: no such operator in IAM, so it counts as matching",
                SG_TEXT_ARG(sg_note_quote(name)), SG_TEXT_ARG(sg_note_quote(key)));
        return;
    }
    if (!is_key_name(key)) {
        out->unreadable = out->indeterminate = true;
        sg_note(notes, "%.*s on \"%.*s\", which names no condition key, so it counts as matching",
                SG_TEXT_ARG(sg_note_quote(name)), SG_TEXT_ARG(sg_note_quote(key)));
        return;
    }
    test.head.op = (uint8_t)operation.op;
    test.head.quantifier = (uint8_t)operation.quantifier;
    test.head.flags = operation.if_exists ? SG_TEST_IF_EXISTS : 0;
    compile_test(out, &test, notes, values);
    sg_buffer_clear(&test.values);
}

static void unreadable(struct sg_condition *out, struct sg_notes *notes, struct sg_text what,
                       const char *why)
{
    out->unreadable = out->indeterminate = true;
    sg_note(notes, "%.*s %s, so it counts as matching", SG_TEXT_ARG(sg_note_quote(what)), why);
}

bool sg_condition_compile(struct sg_condition *out, struct sg_notes *notes,
                          const struct sg_tree *tree, const struct sg_node *statement,
                          struct sg_text version)
{
    const struct sg_node *condition = sg_node_get(tree, statement, "Condition");

    *out = (struct sg_condition){
        .tree = tree,
        .cutoff_ms = SG_CUTOFF_NONE,
        .simple_ms = SG_CUTOFF_NONE,
        .bites_before_ms = INT64_MAX,
        .variables = sg_text_equal(version, SG_TEXT("2012-10-17")),
    };
    if (condition == NULL)
        return true;
    if (condition->type != SG_JSON_OBJECT) {
        unreadable(out, notes, SG_TEXT("Condition"), "is not an object");
        return true;
    }
    for (const struct sg_node *keys = sg_node_first(tree, condition); keys != NULL;
         keys = sg_node_next(tree, keys)) {
        if (keys->type != SG_JSON_OBJECT) {
            unreadable(out, notes, keys->key, "does not hold an object of keys");
            continue;
        }
        for (const struct sg_node *values = sg_node_first(tree, keys); values != NULL;
             values = sg_node_next(tree, values))
            compile_key(out, notes, keys->key, values->key, values);
    }
    if (out->keys != 1 || out->indeterminate)
        out->simple_ms = SG_CUTOFF_NONE;
    return !out->tests.failed;
}

void sg_condition_clear(struct sg_condition *condition)
{
    sg_buffer_clear(&condition->tests);
    *condition = (struct sg_condition){0};
}
