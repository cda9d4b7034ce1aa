/*
 * describe.c - a compiled statement as one line for people, and the console's
 * revocation document. Must never let a byte of a policy reach a terminal that
 * is not printable text.
 */
#include "base/date.h"
#include "policy/compile.h"

#define PATTERNS_SHOWN 2

static const char *relation(enum sg_date_operator kind)
{
    switch (kind) {
    case SG_DATE_LESS:
        return "before";
    case SG_DATE_LESS_EQUAL:
        return "at or before";
    case SG_DATE_GREATER:
        return "after";
    case SG_DATE_GREATER_EQUAL:
        return "at or after";
    case SG_DATE_EQUAL:
        return "at";
    case SG_DATE_NOT_EQUAL:
        return "not at";
    case SG_DATE_NULL:
        return "whenever";
    }
    return "?";
}

/* The date that a range came from. */
static int64_t range_date(enum sg_date_operator kind, const struct sg_date_range *range)
{
    switch (kind) {
    case SG_DATE_LESS:
        return range->high_ms == INT64_MAX ? INT64_MAX : range->high_ms + 1;
    case SG_DATE_LESS_EQUAL:
        return range->high_ms;
    case SG_DATE_GREATER:
        return range->low_ms == INT64_MIN ? INT64_MIN : range->low_ms - 1;
    case SG_DATE_GREATER_EQUAL:
    case SG_DATE_EQUAL:
    case SG_DATE_NOT_EQUAL:
    case SG_DATE_NULL:
        break;
    }
    return range->low_ms;
}

static void describe_test(struct sg_buffer *out, const struct sg_date_test *test)
{
    const enum sg_date_operator kind = test->kind;
    const struct sg_date_range *range = sg_date_test_ranges(test);
    char date[SG_DATE_SIZE];

    if (test->ranges == 0) {
        sg_buffer_addf(out, test->negated ? "whenever" : "never");
        return;
    }
    sg_buffer_addf(out, "%s", relation(kind));
    for (uint16_t i = 0; i < test->ranges && kind != SG_DATE_NULL; i++) {
        if (i == PATTERNS_SHOWN) {
            sg_buffer_addf(out, " or %d more", test->ranges - PATTERNS_SHOWN);
            break;
        }
        sg_buffer_addf(out, "%s %s", i == 0 ? "" : " or",
                       sg_date_format(date, range_date(kind, &range[i])));
    }
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
    const struct sg_date_test *test = sg_flat_dates_at(&tests, statement);

    if (tests == 0 && (statement->flags & SG_STATEMENT_UNEVALUATED) != 0)
        sg_buffer_addf(out, "sessions on conditions");
    else
        sg_buffer_addf(out, tests == 0 ? "every session" : "sessions issued ");
    for (uint16_t i = 0; i < tests; i++, test = sg_date_test_next(test)) {
        sg_buffer_addf(out, i == 0 ? "" : " and ");
        describe_test(out, test);
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
