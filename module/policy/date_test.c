/*
 * date_test.c - one operator on aws:TokenIssueTime with its values, as ranges of
 * instants. Must never make a range narrower than what was written: every
 * rounding errs towards denying.
 */
#include "base/date.h"
#include "policy/compile.h"

#include <json-c/json.h>

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
        /* SG_DATE_MAX_MS is later than any session, so that nothing is lost by stopping short. */
        add_range(test, INT64_MIN, between || ms == SG_DATE_MAX_MS ? before : ms);
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
                SG_TEXT_ARG(sg_note_quote(text)));
    return true;
}

void sg_date_test_compile(struct sg_condition *out, struct sg_notes *notes, struct sg_text name,
                          enum sg_date_operator kind, struct json_object *values)
{
    struct test test = {
        .head = {.kind = (uint8_t)kind, .negated = kind == SG_DATE_NOT_EQUAL},
        .latest_ms = SG_CUTOFF_NONE,
        .simple_ms = SG_CUTOFF_NONE,
    };
    bool readable = true;

    for (size_t i = 0; i < sg_value_count(values); i++) {
        struct sg_text text = {"", 0};

        if (sg_scalar_text(&text, sg_value_at(values, i)) && add_value(&test, notes, text))
            continue;
        sg_note(notes, "%.*s on aws:TokenIssueTime: \"%.*s\" is %s, so it counts as matching",
                SG_TEXT_ARG(sg_note_quote(name)), SG_TEXT_ARG(sg_note_quote(text)),
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
