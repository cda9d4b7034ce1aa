/*
 * trace.c - a match told part by part, for explain and the tool. Must never
 * answer otherwise than match.c does, nor show a byte that a terminal would obey.
 */
#include "base/date.h"
#include "policy/match.h"

#define VALUES_SHOWN 4

struct teller {
    void (*step)(void *payload, const struct sg_policy_step *step);
    void *payload;
    struct sg_buffer what, key, values, had;
};

static struct sg_text printable(struct sg_buffer *buffer)
{
    if (buffer->data != NULL)
        sg_text_make_printable(buffer->data, buffer->length);
    return sg_buffer_text(buffer);
}

static void tell(struct teller *teller, enum sg_truth truth)
{
    const struct sg_policy_step step = {
        .what = printable(&teller->what),
        .key = printable(&teller->key),
        .values = printable(&teller->values),
        .had = printable(&teller->had),
        .result = sg_truth_match(truth),
    };

    teller->step(teller->payload, &step);
    sg_buffer_clear(&teller->what);
    sg_buffer_clear(&teller->key);
    sg_buffer_clear(&teller->values);
    sg_buffer_clear(&teller->had);
}

/* `i`: how many stand before it. */
static void add_quoted(struct sg_buffer *out, size_t i, struct sg_text text)
{
    sg_buffer_addf(out, "%s\"", i == 0 ? "" : " ");
    sg_buffer_add_text(out, text);
    sg_buffer_addf(out, "\"");
}

static void add_more(struct sg_buffer *out, size_t count, size_t most)
{
    if (count > most)
        sg_buffer_addf(out, " and %zu more", count - most);
}

static void add_texts(struct sg_buffer *out, struct sg_flat_list list, size_t most)
{
    const size_t count = list.left;
    struct sg_text text;

    for (size_t i = 0; i < most && sg_flat_list_next(&text, &list); i++)
        add_quoted(out, i, text);
    add_more(out, count, most);
}

void sg_test_values_write(struct sg_buffer *out, const struct sg_test *test, size_t most)
{
    const struct sg_date_range *dates = sg_test_values(test);
    const struct sg_ip_range *addresses = sg_test_values(test);
    const enum sg_family family = sg_operator_family(test->op);
    char date[SG_DATE_SIZE];

    if (test->values == 0)
        sg_buffer_addf(out, "(no value)");
    if (family != SG_FAMILY_DATE && family != SG_FAMILY_IP) {
        add_texts(out, sg_test_texts(test), most);
        return;
    }
    for (size_t i = 0; i < test->values && i < most; i++) {
        if (family == SG_FAMILY_DATE) {
            const int64_t ms = sg_range_date(sg_operator_relation(test->op), &dates[i]);

            add_quoted(out, i, sg_text_of(sg_date_format(date, ms)));
            continue;
        }
        sg_buffer_addf(out, "%s\"", i == 0 ? "" : " ");
        sg_ip_range_write(out, &addresses[i]);
        sg_buffer_addf(out, "\"");
    }
    add_more(out, test->values, most);
}

static void add_issue_time(struct sg_buffer *out, const struct sg_policy_request *request)
{
    char earliest[SG_DATE_SIZE], latest[SG_DATE_SIZE];

    sg_date_format(earliest, request->issued.earliest_ms);
    sg_date_format(latest, request->issued.latest_ms);
    if (request->no_issue_time)
        sg_buffer_addf(out, "absent");
    else if (request->issued.earliest_ms == request->issued.latest_ms)
        sg_buffer_addf(out, "%s", latest);
    else
        sg_buffer_addf(out, "%s to %s", earliest, latest);
}

static void add_had(struct sg_buffer *out, const struct sg_test *test,
                    const struct sg_policy_request *request)
{
    struct sg_key_values values;

    if (test->key == SG_KEY_TOKEN_ISSUE_TIME) {
        add_issue_time(out, request);
        return;
    }
    (void)sg_values_ask(&values, request, test->key, sg_test_name(test));
    if (values.presence != SG_KEY_PRESENT) {
        sg_buffer_addf(out, values.presence == SG_KEY_ABSENT ? "absent" : "unknown");
        return;
    }
    if (values.count == 0)
        sg_buffer_addf(out, "present, without a value");
    for (size_t i = 0; i < values.count && i < VALUES_SHOWN; i++)
        add_quoted(out, i, values.values == NULL ? values.one : values.values[i]);
    add_more(out, values.count, VALUES_SHOWN);
}

static enum sg_truth tell_test(struct teller *teller, const struct sg_test *test,
                               const struct sg_policy_request *request)
{
    const struct sg_operation operation = {
        .op = test->op,
        .quantifier = test->quantifier,
        .if_exists = (test->flags & SG_TEST_IF_EXISTS) != 0,
    };
    const enum sg_truth truth = sg_test_evaluate(test, request);

    sg_operation_name(&teller->what, &operation);
    sg_buffer_add_text(&teller->key, sg_test_name(test));
    sg_test_values_write(&teller->values, test, VALUES_SHOWN);
    add_had(&teller->had, test, request);
    tell(teller, truth);
    return truth;
}

static enum sg_truth tell_scope(struct teller *teller, const struct sg_statement *statement,
                                const struct sg_policy_request *request)
{
    const enum sg_truth action = sg_covers_action(statement, request);
    const enum sg_truth resource = sg_covers_resource(statement, request);

    sg_buffer_addf(&teller->what,
                   (statement->scope & SG_SCOPE_NOT_ACTION) != 0 ? "NotAction" : "Action");
    add_texts(&teller->values, sg_flat_list_at(statement, statement->actions_at), VALUES_SHOWN);
    add_quoted(&teller->had, 0, request->action);
    tell(teller, action);
    sg_buffer_addf(&teller->what,
                   (statement->scope & SG_SCOPE_NOT_RESOURCE) != 0 ? "NotResource" : "Resource");
    add_texts(&teller->values, sg_flat_list_at(statement, statement->resources_at), VALUES_SHOWN);
    add_quoted(&teller->had, 0, request->resource);
    tell(teller, resource);
    return sg_truth_and(action, resource);
}

enum sg_match sg_statement_trace(const struct sg_statement *statement,
                                 const struct sg_policy_request *request,
                                 void (*step)(void *payload, const struct sg_policy_step *step),
                                 void *payload)
{
    struct teller teller = {.step = step, .payload = payload};
    enum sg_truth result = tell_scope(&teller, statement, request);
    uint16_t left;
    const struct sg_test *test = sg_flat_tests_at(&left, statement);

    for (; left > 0; left--, test = sg_test_next(test))
        result = sg_truth_and(result, tell_test(&teller, test, request));
    if ((statement->flags & SG_STATEMENT_INDETERMINATE) != 0) {
        sg_buffer_addf(&teller.what, "unreadable");
        sg_buffer_add_text(&teller.values, sg_statement_notes(statement));
        tell(&teller, SG_UNREADABLE);
        result = sg_truth_and(result, SG_UNREADABLE);
    }
    return sg_truth_match(result);
}
