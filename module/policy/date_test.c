/*
 * date_test.c - the values of a date operator as ranges of instants. Must never
 * make a range narrower than what was written: every rounding errs towards
 * denying.
 */
#include "base/date.h"
#include "policy/compile.h"
#include "policy/values.h"

/* Two ranges that reach the same end of time are one: what matters is the farther. */
static bool merge_range(struct sg_test_draft *test, struct sg_date_range range)
{
    struct sg_date_range last;

    if (test->head.values == 0 || test->values.failed)
        return false;
    const size_t at = test->values.length - sizeof last;
    memcpy(&last, test->values.data + at, sizeof last);
    if (last.low_ms == range.low_ms && range.low_ms == INT64_MIN)
        last.high_ms = last.high_ms > range.high_ms ? last.high_ms : range.high_ms;
    else if (last.high_ms == range.high_ms && range.high_ms == INT64_MAX)
        last.low_ms = last.low_ms < range.low_ms ? last.low_ms : range.low_ms;
    else
        return false;
    memcpy(test->values.data + at, &last, sizeof last);
    return true;
}

static void add_range(struct sg_test_draft *test, int64_t low_ms, int64_t high_ms)
{
    const struct sg_date_range range = {low_ms, high_ms};

    if (low_ms > high_ms || merge_range(test, range))
        return;
    sg_buffer_add(&test->values, &range, sizeof range);
    sg_test_draft_count(test);
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

bool sg_instant_parse(struct sg_interval *instant, struct sg_text text)
{
    if (text.length == 0 || !sg_date_parse_iam(&instant->latest_ms, text))
        return false;
    instant->earliest_ms = instant->latest_ms;
    if (is_between_ms(text) && instant->earliest_ms > INT64_MIN)
        instant->earliest_ms--;
    return true;
}

enum sg_truth sg_instant_in(const struct sg_date_range *ranges, uint16_t count,
                            struct sg_interval instant)
{
    enum sg_truth result = SG_FALSE;

    for (uint16_t i = 0; i < count; i++) {
        if (ranges[i].low_ms <= instant.earliest_ms && instant.latest_ms <= ranges[i].high_ms)
            return SG_TRUE;
        if (ranges[i].low_ms <= instant.latest_ms && instant.earliest_ms <= ranges[i].high_ms)
            result = SG_TIME_UNKNOWN;
    }
    return result;
}

/*
 * Issue times are whole milliseconds, so that each operator covers a range of
 * them. `ms` is the date, rounded up when it lies between two of them.
 */
static void add_date(struct sg_test_draft *test, int64_t ms, bool between)
{
    const int64_t before = ms == INT64_MIN ? ms : ms - 1;
    const int64_t after = ms == INT64_MAX ? ms : ms + 1;

    if (test->latest_ms < ms)
        test->latest_ms = ms;
    switch (sg_operator_relation(test->head.op)) {
    case SG_LESS:
        add_range(test, INT64_MIN, before);
        break;
    case SG_LESS_EQUAL:
        /* SG_DATE_MAX_MS is later than any session, so that nothing is lost by stopping short. */
        add_range(test, INT64_MIN, between || ms == SG_DATE_MAX_MS ? before : ms);
        break;
    case SG_GREATER:
        if (between)
            add_range(test, ms, INT64_MAX);
        else if (ms < INT64_MAX)
            add_range(test, after, INT64_MAX);
        break;
    case SG_GREATER_EQUAL:
        add_range(test, ms, INT64_MAX);
        break;
    case SG_EQUAL:
    case SG_EQUAL_NOCASE:
    case SG_LIKE:
        if (!between)
            add_range(test, ms, ms);
        break;
    }
    if (sg_operator_relation(test->head.op) == SG_LESS_EQUAL && !between)
        ms = after;
    if ((sg_operator_relation(test->head.op) == SG_LESS ||
         sg_operator_relation(test->head.op) == SG_LESS_EQUAL) &&
        test->simple_ms < ms)
        test->simple_ms = ms;
}

bool sg_date_value_compile(struct sg_test_draft *test, struct sg_notes *notes, struct sg_text text)
{
    int64_t ms;

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
