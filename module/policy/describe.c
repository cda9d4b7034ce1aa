/*
 * describe.c - a compiled statement as one line for people, and the console's
 * revocation document. Must never let a byte of a policy reach a terminal that
 * is not printable text.
 */
#include "base/date.h"
#include "policy/compile.h"
#include "policy/match.h"

#define PATTERNS_SHOWN 2

static const char *relation(enum sg_operator op)
{
    switch (sg_operator_relation(op)) {
    case SG_LESS:
        return "before";
    case SG_LESS_EQUAL:
        return "at or before";
    case SG_GREATER:
        return "after";
    case SG_GREATER_EQUAL:
        return "at or after";
    case SG_EQUAL:
    case SG_EQUAL_NOCASE:
    case SG_LIKE:
        break;
    }
    return sg_operator_negated(op) ? "not at" : "at";
}

int64_t sg_range_date(enum sg_relation relation, const struct sg_date_range *range)
{
    switch (relation) {
    case SG_LESS:
        return range->high_ms == INT64_MAX ? INT64_MAX : range->high_ms + 1;
    case SG_LESS_EQUAL:
        return range->high_ms;
    case SG_GREATER:
        return range->low_ms == INT64_MIN ? INT64_MIN : range->low_ms - 1;
    case SG_GREATER_EQUAL:
    case SG_EQUAL:
    case SG_EQUAL_NOCASE:
    case SG_LIKE:
        break;
    }
    return range->low_ms;
}

/* A date operator on the issue time reads as a clause of its own. */
static bool is_issue_date(const struct sg_test *test)
{
    return test->key == SG_KEY_TOKEN_ISSUE_TIME && sg_operator_family(test->op) == SG_FAMILY_DATE;
}

static void describe_date(struct sg_buffer *out, const struct sg_test *test)
{
    const struct sg_date_range *range = sg_test_values(test);
    char date[SG_DATE_SIZE];

    if (test->values == 0) {
        sg_buffer_addf(out, sg_operator_negated(test->op) ? "whenever" : "never");
        return;
    }
    sg_buffer_addf(out, "%s", relation(test->op));
    for (uint16_t i = 0; i < test->values; i++) {
        if (i == PATTERNS_SHOWN) {
            sg_buffer_addf(out, " or %d more", test->values - PATTERNS_SHOWN);
            break;
        }
        sg_buffer_addf(
            out, "%s %s", i == 0 ? "" : " or",
            sg_date_format(date, sg_range_date(sg_operator_relation(test->op), &range[i])));
    }
}

/* StringLike aws:userid "AROAEXAMPLE:*", ... */
static void describe_test(struct sg_buffer *out, const struct sg_test *test)
{
    const struct sg_operation operation = {
        .op = test->op,
        .quantifier = test->quantifier,
        .if_exists = (test->flags & SG_TEST_IF_EXISTS) != 0,
    };
    const struct sg_text name = sg_test_name(test);

    sg_operation_name(out, &operation);
    sg_buffer_addf(out, " ");
    sg_buffer_add_text(out, (struct sg_text){name.data, name.length > 64 ? 64 : name.length});
    sg_buffer_addf(out, " ");
    sg_test_values_write(out, test, PATTERNS_SHOWN);
}

static void describe_list(struct sg_buffer *out, const struct sg_statement *statement, uint16_t at)
{
    struct sg_flat_list list = sg_flat_list_at(statement, at);
    const int count = list.left;
    struct sg_text pattern;

    for (int i = 0; i < PATTERNS_SHOWN && sg_flat_list_next(&pattern, &list); i++) {
        sg_buffer_addf(out, "%s", i == 0 ? "" : ", ");
        sg_buffer_add_text(out, pattern);
    }
    if (count > PATTERNS_SHOWN)
        sg_buffer_addf(out, " and %d more", count - PATTERNS_SHOWN);
}

/* "Deny", or "Deny s3:* on arn:..." when it does not cover everything. */
static void describe_scope(struct sg_buffer *out, const struct sg_statement *statement)
{
    const bool any_action = (statement->scope & SG_SCOPE_ANY_ACTION) != 0;
    const bool any_resource = (statement->scope & SG_SCOPE_ANY_RESOURCE) != 0;

    sg_buffer_addf(out, "Deny ");
    if (!any_action || !any_resource) {
        sg_buffer_addf(out, (statement->scope & SG_SCOPE_NOT_ACTION) != 0 ? "all but " : "");
        if (any_action)
            sg_buffer_addf(out, "everything");
        else
            describe_list(out, statement, statement->actions_at);
    }
    if (!any_resource) {
        sg_buffer_addf(out,
                       (statement->scope & SG_SCOPE_NOT_RESOURCE) != 0 ? " except on " : " on ");
        describe_list(out, statement, statement->resources_at);
    }
    if (!any_action || !any_resource)
        sg_buffer_addf(out, " to ");
}

static void describe_sessions(struct sg_buffer *out, const struct sg_statement *statement)
{
    uint16_t tests;
    const struct sg_test *first = sg_flat_tests_at(&tests, statement), *test = first;
    bool some = false;

    sg_buffer_addf(out, "%s", tests == 0 ? "every session" : "sessions");
    for (uint16_t i = 0; i < tests; i++, test = sg_test_next(test)) {
        if (!is_issue_date(test))
            continue;
        sg_buffer_addf(out, some ? " and " : " issued ");
        describe_date(out, test);
        some = true;
    }
    some = false;
    test = first;
    for (uint16_t i = 0; i < tests; i++, test = sg_test_next(test)) {
        if (is_issue_date(test))
            continue;
        sg_buffer_addf(out, some ? " and " : " with ");
        describe_test(out, test);
        some = true;
    }
}

void sg_statement_describe(struct sg_buffer *out, const struct sg_statement *statement)
{
    const struct sg_text sid = sg_statement_sid(statement);
    const struct sg_text notes = sg_statement_notes(statement);
    const size_t start = out->length;

    sg_buffer_addf(out, "%s ", sg_policy_origin_word(statement->origin));
    sg_buffer_add_text(out, sg_statement_policy(statement));
    if (sid.length > 0) {
        sg_buffer_addf(out, " (Sid ");
        sg_buffer_add_text(out, sid);
        sg_buffer_addf(out, ")");
    }
    sg_buffer_addf(out, ": ");
    describe_scope(out, statement);
    describe_sessions(out, statement);
    if ((statement->flags & SG_STATEMENT_ENFORCED) == 0)
        sg_buffer_addf(out, " (listed, not enforced)");
    if (notes.length > 0) {
        sg_buffer_addf(out, "; ");
        sg_buffer_add_text(out, notes);
    }
    if (out->length > start)
        sg_text_make_printable(out->data + start, out->length - start);
}

/* Byte for byte what the console's "Revoke active sessions" attaches, but for the date. */
void sg_policy_write_revocation(struct sg_buffer *out, int64_t cutoff_ms)
{
    char date[SG_DATE_SIZE];
    int64_t again;

    if (!sg_date_parse_iam(&again, sg_text_of(sg_date_format(date, cutoff_ms)))) {
        out->failed = true; /* "never" is no date: a document without one would revoke nobody */
        return;
    }
    sg_buffer_addf(
        out,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"*\"],"
        "\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":\"%s\"}}}"
        "]}",
        date);
}
