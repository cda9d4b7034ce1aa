/*
 * match.c - does a compiled statement deny this session? Runs on the request
 * path: no allocation, no clock, no JSON. Must never answer "no" for anything
 * that it could not tell.
 */
#include "policy/flat.h"

enum truth { FALSE, UNKNOWN, TRUE };

static bool listed(const struct sg_statement *statement, uint16_t at, struct sg_text text,
                   bool ignore_case)
{
    struct sg_flat_list list = sg_flat_list_at(statement, at);
    struct sg_text pattern;

    while (sg_flat_list_next(&pattern, &list)) {
        if (sg_text_match(pattern, text, '\0', ignore_case))
            return true;
    }
    return false;
}

static bool covers_action(const struct sg_statement *statement, struct sg_text action)
{
    if ((statement->scope & SG_SCOPE_ANY_ACTION) != 0)
        return true;
    return listed(statement, statement->actions_at, action, true) !=
           ((statement->scope & SG_SCOPE_NOT_ACTION) != 0);
}

static bool covers_resource(const struct sg_statement *statement, struct sg_text resource)
{
    if ((statement->scope & SG_SCOPE_ANY_RESOURCE) != 0)
        return true;
    return listed(statement, statement->resources_at, resource, false) !=
           ((statement->scope & SG_SCOPE_NOT_RESOURCE) != 0);
}

/* OR over the values; a negated operator is true when none holds (NOR). */
static enum truth test_holds(const struct sg_date_test *test, struct sg_interval issued)
{
    const struct sg_date_range *range = sg_date_test_ranges(test);
    enum truth result = FALSE;

    for (uint16_t i = 0; i < test->ranges && result != TRUE; i++) {
        if (range[i].low_ms <= issued.earliest_ms && issued.latest_ms <= range[i].high_ms)
            result = TRUE;
        else if (range[i].low_ms <= issued.latest_ms && issued.earliest_ms <= range[i].high_ms)
            result = UNKNOWN;
    }
    if (test->negated == 0 || result == UNKNOWN)
        return result;
    return result == TRUE ? FALSE : TRUE;
}

/* AND over the tests: one that is false decides, whatever is unknown beside it. */
static enum truth dates_hold(const struct sg_statement *statement, struct sg_interval issued)
{
    uint16_t left;
    const struct sg_date_test *test = sg_flat_dates_at(&left, statement);
    enum truth result = TRUE;

    for (; left > 0; left--, test = sg_date_test_next(test)) {
        const enum truth held = test_holds(test, issued);

        if (held == FALSE)
            return FALSE;
        if (held == UNKNOWN)
            result = UNKNOWN;
    }
    return result;
}

/* All parts are ANDed, so the cheapest comes first: comparing two numbers before reading patterns.
 */
enum sg_match sg_statement_match(const struct sg_statement *statement,
                                 const struct sg_policy_request *request)
{
    const enum truth dates = dates_hold(statement, request->issued);

    if (dates == FALSE || !covers_action(statement, request->action) ||
        !covers_resource(statement, request->resource))
        return SG_MATCH_NO;
    if ((statement->flags & (SG_STATEMENT_UNEVALUATED | SG_STATEMENT_INDETERMINATE)) != 0)
        return SG_MATCH_KEY_UNKNOWN;
    return dates == TRUE ? SG_MATCH_YES : SG_MATCH_TIME_UNKNOWN;
}
