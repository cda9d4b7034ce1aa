/*
 * evaluate.c - one operator on one key, held against the request: is the key
 * there, how many values has it, does each compare. Runs on the request path:
 * no allocation. Must never call false what it could not tell.
 *
 * Sources: IAM reference, condition operators; multi-valued context keys.
 */
#include "base/date.h"
#include "policy/values.h"

#include <stdio.h>

/* --- the request's values --- */

/* As AWS writes instants in a context: whole seconds, a fraction only when there is one. */
static enum sg_truth put_time(struct sg_key_values *values, int64_t ms)
{
    char date[SG_DATE_SIZE];
    struct sg_text text = sg_text_of(sg_date_format(date, ms));

    if (text.length < 24 || text.data[text.length - 1] != 'Z')
        return SG_KEY_VALUE_UNKNOWN; /* no date that has digits */
    if (ms % 1000 == 0) {
        text.length -= 5;
        date[text.length++] = 'Z';
    }
    memcpy(values->room, text.data, text.length);
    values->one = (struct sg_text){values->room, text.length};
    return SG_TRUE;
}

static enum sg_truth ask_time(struct sg_key_values *values, const struct sg_policy_request *request,
                              enum sg_key key)
{
    const int64_t now_s = request->now_ms / 1000;

    values->presence = SG_KEY_PRESENT;
    values->count = 1;
    if (key == SG_KEY_TOKEN_ISSUE_TIME) {
        if (request->no_issue_time)
            values->presence = SG_KEY_ABSENT;
        else if (request->issued.earliest_ms != request->issued.latest_ms)
            return SG_TIME_UNKNOWN;
        return request->no_issue_time ? SG_TRUE : put_time(values, request->issued.latest_ms);
    }
    if (request->now_ms == 0)
        return SG_KEY_VALUE_UNKNOWN;
    if (key == SG_KEY_CURRENT_TIME)
        return put_time(values, now_s * 1000);
    const int length = snprintf(values->room, sizeof values->room, "%lld", (long long)now_s);
    values->one = (struct sg_text){values->room, length < 0 ? 0 : (size_t)length};
    return SG_TRUE;
}

static bool is_time(enum sg_key key)
{
    return key == SG_KEY_TOKEN_ISSUE_TIME || key == SG_KEY_CURRENT_TIME || key == SG_KEY_EPOCH_TIME;
}

enum sg_truth sg_values_ask(struct sg_key_values *values, const struct sg_policy_request *request,
                            enum sg_key key, struct sg_text name)
{
    values->presence = SG_KEY_UNKNOWN;
    values->count = 0;
    values->values = NULL;
    values->one = (struct sg_text){NULL, 0};
    if (is_time(key))
        return ask_time(values, request, key);
    if (request->ask != NULL)
        request->ask(values, request, key, name);
    return values->presence == SG_KEY_UNKNOWN ? SG_KEY_VALUE_UNKNOWN : SG_TRUE;
}

/* --- one value --- */

static bool compare_plain(enum sg_family family, enum sg_relation relation, struct sg_text wanted,
                          struct sg_text value)
{
    const struct sg_pattern pattern = sg_pattern_of(wanted);

    if (family == SG_FAMILY_ARN)
        return sg_pattern_match_arn(&pattern, value);
    if (relation == SG_EQUAL_NOCASE)
        return sg_text_equal_nocase(wanted, value);
    if (relation == SG_LIKE)
        return sg_pattern_match(&pattern, value);
    return sg_text_equal(wanted, value);
}

static bool compare_units(enum sg_family family, enum sg_relation relation,
                          const struct sg_units *units, struct sg_text value)
{
    const struct sg_pattern pattern = {NULL, units->units, units->length};

    if (family == SG_FAMILY_ARN)
        return sg_pattern_match_arn(&pattern, value);
    if (relation == SG_LIKE)
        return sg_pattern_match(&pattern, value);
    return sg_pattern_equal(&pattern, value,
                            relation == SG_EQUAL_NOCASE || family == SG_FAMILY_BOOL);
}

static bool compare_number(enum sg_relation relation, struct sg_text wanted, struct sg_text value)
{
    const int order = sg_number_compare(value, wanted);

    switch (relation) {
    case SG_LESS:
        return order < 0;
    case SG_LESS_EQUAL:
        return order <= 0;
    case SG_GREATER:
        return order > 0;
    case SG_GREATER_EQUAL:
        return order >= 0;
    case SG_EQUAL:
    case SG_EQUAL_NOCASE:
    case SG_LIKE:
        break;
    }
    return order == 0;
}

/* The policy's text with the request's values put in. */
static enum sg_truth compare_variables(const struct sg_test *test, struct sg_text wanted,
                                       struct sg_text value,
                                       const struct sg_policy_request *request)
{
    const enum sg_family family = sg_operator_family(test->op);
    const enum sg_relation relation = sg_operator_relation(test->op);
    struct sg_units units;
    const enum sg_truth known = sg_units_expand(&units, wanted, relation == SG_LIKE, request);
    const struct sg_pattern pattern = {NULL, units.units, units.length};

    if (known == SG_TRUE)
        return sg_truth_of(compare_units(family, relation, &units, value));
    if (known != SG_FALSE && relation != SG_EQUAL_NOCASE && family == SG_FAMILY_STRING &&
        !sg_pattern_match(&pattern, value))
        return SG_FALSE;
    return known;
}

/* Texts: any of them. A value of the wrong kind compares with none. */
static enum sg_truth texts_hold(const struct sg_test *test, struct sg_text value,
                                const struct sg_policy_request *request)
{
    const enum sg_family family = sg_operator_family(test->op);
    const enum sg_relation relation =
        family == SG_FAMILY_BOOL ? SG_EQUAL_NOCASE : sg_operator_relation(test->op);
    struct sg_flat_list list = sg_test_texts(test);
    enum sg_truth result = SG_FALSE;
    struct sg_text wanted;

    if (family == SG_FAMILY_NUMERIC && !sg_number_valid(value))
        return SG_FALSE;
    while (result != SG_TRUE && sg_flat_list_next(&wanted, &list)) {
        enum sg_truth held;

        if (family == SG_FAMILY_NUMERIC)
            held = sg_truth_of(compare_number(relation, wanted, value));
        else if ((test->flags & SG_TEST_VARIABLES) != 0)
            held = compare_variables(test, wanted, value, request);
        else
            held = sg_truth_of(compare_plain(family, relation, wanted, value));
        result = sg_truth_or(result, held);
    }
    return result;
}

static enum sg_truth address_holds(const struct sg_test *test, struct sg_text value)
{
    const struct sg_ip_range *ranges = sg_test_values(test);
    struct sg_ip_range address;

    if (!sg_ip_address_valid(value) || !sg_ip_range_parse(&address, value))
        return SG_FALSE;
    for (uint16_t i = 0; i < test->values; i++) {
        if (sg_ip_range_holds(&ranges[i], &address))
            return SG_TRUE;
    }
    return SG_FALSE;
}

static enum sg_truth date_holds(const struct sg_test *test, struct sg_text value)
{
    struct sg_interval instant;

    if (!sg_instant_parse(&instant, value))
        return SG_FALSE;
    return sg_instant_in(sg_test_values(test), test->values, instant);
}

/* OR over the policy's values; a negated operator is true when none holds (NOR). */
static enum sg_truth value_holds(const struct sg_test *test, struct sg_text value,
                                 const struct sg_policy_request *request)
{
    enum sg_truth held = SG_FALSE;

    switch (sg_operator_family(test->op)) {
    case SG_FAMILY_DATE:
        held = date_holds(test, value);
        break;
    case SG_FAMILY_IP:
        held = address_holds(test, value);
        break;
    case SG_FAMILY_STRING:
    case SG_FAMILY_NUMERIC:
    case SG_FAMILY_BOOL:
    case SG_FAMILY_BINARY:
    case SG_FAMILY_ARN:
        held = texts_hold(test, value, request);
        break;
    case SG_FAMILY_NULL:
        break;
    }
    return sg_operator_negated(test->op) ? sg_truth_not(held) : held;
}

/* --- the test --- */

/* Null: "true" wants the key absent, "false" wants it there, with a value. */
static enum sg_truth null_holds(const struct sg_test *test, const struct sg_key_values *values)
{
    struct sg_flat_list list = sg_test_texts(test);
    const bool absent = values->presence == SG_KEY_ABSENT || values->count == 0;
    struct sg_text wanted;

    while (sg_flat_list_next(&wanted, &list)) {
        if (sg_text_equal_nocase(wanted, SG_TEXT("true")) == absent)
            return SG_TRUE;
    }
    return SG_FALSE;
}

static enum sg_truth absent_holds(const struct sg_test *test)
{
    if (test->quantifier == SG_FOR_ALL_VALUES || (test->flags & SG_TEST_IF_EXISTS) != 0)
        return SG_TRUE;
    if (test->quantifier == SG_FOR_ANY_VALUE)
        return SG_FALSE;
    return sg_truth_of(sg_operator_negated(test->op));
}

static enum sg_truth values_hold(const struct sg_test *test, const struct sg_key_values *values,
                                 const struct sg_policy_request *request)
{
    const bool all = test->quantifier == SG_FOR_ALL_VALUES;
    enum sg_truth result = sg_truth_of(all);

    /* IAM reference: many values and no set operator never match, negated or not. */
    if (test->quantifier == SG_ONE_VALUE && values->count > 1)
        return SG_FALSE;
    for (size_t i = 0; i < values->count; i++) {
        const struct sg_text value = values->values == NULL ? values->one : values->values[i];
        enum sg_truth held = value_holds(test, value, request);

        /* "a null data set, such as an empty string" counts as none. */
        if (all && value.length == 0 && values->count == 1)
            held = SG_TRUE;
        result = all ? sg_truth_and(result, held) : sg_truth_or(result, held);
        if (result == sg_truth_of(!all))
            break;
    }
    return result;
}

/* The issue time is an interval, and dates are what it is asked about. */
static enum sg_truth issue_time_holds(const struct sg_test *test,
                                      const struct sg_policy_request *request)
{
    const enum sg_truth held = sg_instant_in(sg_test_values(test), test->values, request->issued);

    return sg_operator_negated(test->op) ? sg_truth_not(held) : held;
}

enum sg_truth sg_test_evaluate(const struct sg_test *test, const struct sg_policy_request *request)
{
    const enum sg_family family = sg_operator_family(test->op);
    struct sg_key_values values;
    enum sg_truth known;

    if (test->key == SG_KEY_TOKEN_ISSUE_TIME && family == SG_FAMILY_DATE && !request->no_issue_time)
        return issue_time_holds(test, request);
    known = sg_values_ask(&values, request, test->key, sg_test_name(test));
    if (family == SG_FAMILY_NULL && values.presence != SG_KEY_UNKNOWN)
        return null_holds(test, &values);
    /* Whatever instant it is, it is no number, address or ARN. */
    if (known == SG_TIME_UNKNOWN && family != SG_FAMILY_STRING)
        return sg_truth_of(sg_operator_negated(test->op));
    if (known != SG_TRUE)
        return known;
    if (values.presence == SG_KEY_ABSENT || values.count == 0)
        return absent_holds(test);
    return values_hold(test, &values, request);
}
