/*
 * fuzz_statement.c - a run of compiled statements as a damaged store might hold
 * it. What sg_statement_run_valid() accepts must be walked, matched and
 * described without a step outside.
 */
#include "policy/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Some of each: two values, one, an empty one, none, absent, unknown. */
static void ask(struct sg_key_values *values, const struct sg_policy_request *request,
                enum sg_key key, struct sg_text name)
{
    static const struct sg_text two[] = {{"arn:aws:iam::123456789012:role/a", 32}, {"10.0.0.1", 8}};

    (void)request;
    (void)name;
    values->presence = key % 4 == 0   ? SG_KEY_ABSENT
                       : key % 7 == 0 ? SG_KEY_UNKNOWN
                                      : SG_KEY_PRESENT;
    values->count = key % 3;
    values->values = two;
    if (key % 3 == 1 && key % 2 == 0)
        values->values = NULL;
}

static void step(void *payload, const struct sg_policy_step *told)
{
    sg_buffer_add_text(payload, told->had);
}

static void walk(struct sg_text run)
{
    const struct sg_policy_request request = {
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = SG_TEXT("arn:aws:execute-api:us-east-1:123456789012:payments"),
        .issued = {1714564800000, 1714568400000},
        .now_ms = 1714568400000,
        .ask = ask,
    };
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        struct sg_buffer line = {0};

        if (sg_statement_match(statement, &request) !=
            sg_statement_trace(statement, &request, step, &line))
            abort();
        sg_statement_describe(&line, statement);
        sg_buffer_add_text(&line, sg_statement_policy(statement));
        sg_buffer_add_text(&line, sg_statement_sid(statement));
        sg_buffer_add_text(&line, sg_statement_notes(statement));
        sg_buffer_clear(&line);
    }
    if (at != run.length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* In memory of its own: 8-aligned, as the store keeps runs, and of its very size. */
    char *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    if (sg_statement_run_valid((struct sg_text){copy, size}))
        walk((struct sg_text){copy, size});
    free(copy);
    return 0;
}
