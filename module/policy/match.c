/*
 * match.c - does a compiled statement deny this session? Runs on the request
 * path: no allocation, no clock, no JSON. Must never answer "no" for anything
 * that it could not tell.
 */
#include "policy/match.h"

const char *sg_match_word(enum sg_match match)
{
    switch (match) {
    case SG_MATCH_NO:
        return "no match";
    case SG_MATCH_YES:
        return "match";
    case SG_MATCH_TIME_UNKNOWN:
        return "issue time not known well enough";
    case SG_MATCH_KEY_UNKNOWN:
        return "unknown";
    case SG_MATCH_INDETERMINATE:
        return "indeterminate";
    }
    return "?";
}

static bool action_listed(const struct sg_statement *statement, struct sg_text action)
{
    struct sg_flat_list list = sg_flat_list_at(statement, statement->actions_at);
    struct sg_text pattern;

    while (sg_flat_list_next(&pattern, &list)) {
        if (sg_text_match(pattern, action, '\0', true))
            return true;
    }
    return false;
}

enum sg_truth sg_covers_action(const struct sg_statement *statement,
                               const struct sg_policy_request *request)
{
    if ((statement->scope & SG_SCOPE_ANY_ACTION) != 0)
        return SG_TRUE;
    return sg_truth_of(action_listed(statement, request->action) !=
                       ((statement->scope & SG_SCOPE_NOT_ACTION) != 0));
}

/* One pattern, with the request's values put in where it holds variables. */
static enum sg_truth resource_matches(const struct sg_statement *statement, struct sg_text text,
                                      const struct sg_policy_request *request)
{
    struct sg_pattern pattern = sg_pattern_of(text);
    struct sg_units units;

    if ((statement->scope & SG_SCOPE_VARIABLES) != 0 &&
        memmem(text.data, text.length, "${", 2) != NULL) {
        const enum sg_truth known = sg_units_expand(&units, text, true, request);

        pattern = (struct sg_pattern){NULL, units.units, units.length};
        if (known != SG_TRUE)
            return sg_pattern_match(&pattern, request->resource) ? known : SG_FALSE;
    }
    return sg_truth_of(sg_pattern_match_resource(&pattern, request->resource));
}

enum sg_truth sg_covers_resource(const struct sg_statement *statement,
                                 const struct sg_policy_request *request)
{
    struct sg_flat_list list = sg_flat_list_at(statement, statement->resources_at);
    enum sg_truth result = SG_FALSE;
    struct sg_text pattern;

    if ((statement->scope & SG_SCOPE_ANY_RESOURCE) != 0)
        return SG_TRUE;
    while (result != SG_TRUE && sg_flat_list_next(&pattern, &list))
        result = sg_truth_or(result, resource_matches(statement, pattern, request));
    return (statement->scope & SG_SCOPE_NOT_RESOURCE) != 0 ? sg_truth_not(result) : result;
}

/* All parts are ANDed: the first that is false decides. */
enum sg_match sg_statement_match(const struct sg_statement *statement,
                                 const struct sg_policy_request *request)
{
    const bool unreadable = (statement->flags & SG_STATEMENT_INDETERMINATE) != 0;
    enum sg_truth result = sg_covers_action(statement, request);
    uint16_t left;
    const struct sg_test *test = sg_flat_tests_at(&left, statement);

    for (; left > 0 && result != SG_FALSE; left--, test = sg_test_next(test))
        result = sg_truth_and(result, sg_test_evaluate(test, request));
    if (result != SG_FALSE)
        result = sg_truth_and(result, sg_covers_resource(statement, request));
    return sg_truth_match(unreadable ? sg_truth_and(result, SG_UNREADABLE) : result);
}
