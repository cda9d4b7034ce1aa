/*
 * fuzz_iam_policy.c - policy documents. Whatever is thrown in, what comes out
 * is a valid run, and every statement of it can be matched and described; the
 * promises of the flags hold. Compiled again it is the same, and so it is out
 * of a role record.
 */
#include "policy/policy.h"
#include "store/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A simple statement says no more and no less than its cutoff. */
static void check_simple(const struct sg_statement *statement, struct sg_policy_request request)
{
    const int64_t cutoff_ms = statement->cutoff_ms;

    request.issued.earliest_ms = request.issued.latest_ms = cutoff_ms - 1;
    check(sg_statement_match(statement, &request) == SG_MATCH_YES);
    request.issued.latest_ms = cutoff_ms;
    check(sg_statement_match(statement, &request) == SG_MATCH_TIME_UNKNOWN);
    request.issued.earliest_ms = cutoff_ms;
    check(sg_statement_match(statement, &request) == SG_MATCH_NO);
}

static void check_statement(const struct sg_statement *statement)
{
    struct sg_buffer line = {0};
    struct sg_policy_request request = {
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = SG_TEXT("arn:aws:execute-api:us-east-1:123456789012:payments"),
        .issued = {1714564800000, 1714564800000},
    };
    const enum sg_match match = sg_statement_match(statement, &request);

    if ((statement->flags & SG_STATEMENT_INDETERMINATE) != 0)
        check(match == SG_MATCH_NO || match == SG_MATCH_INDETERMINATE);
    else
        check(match != SG_MATCH_INDETERMINATE && match != SG_MATCH_TIME_UNKNOWN);
    if ((statement->flags & SG_STATEMENT_UNCONDITIONAL) != 0)
        check(match == SG_MATCH_YES);
    if ((statement->flags & SG_STATEMENT_SIMPLE) != 0)
        check_simple(statement, request);
    sg_statement_describe(&line, statement);
    check(!line.failed && memchr(line.data, '\n', line.length) == NULL);
    sg_buffer_clear(&line);
}

static void check_again(struct sg_text run, struct sg_text document)
{
    const struct sg_record record = {.state = SG_ROLE_PRESENT,
                                     .arn = SG_TEXT("arn:aws:iam::123456789012:role/a"),
                                     .role_id = SG_TEXT("AROAEXAMPLE"),
                                     .statements = run};
    struct sg_buffer again = {0}, written = {0};
    struct sg_problems problems = {0};
    struct sg_record read;

    check(sg_policy_compile(&again, document, SG_POLICY_ATTACHED,
                            SG_TEXT("arn:aws:iam::aws:policy/p"), &problems) == SG_OK);
    check(sg_text_equal(sg_buffer_text(&again), run));
    if (sg_record_write(&written, &record)) {
        check(sg_record_read(&read, sg_buffer_text(&written)));
        check(sg_text_equal(read.statements, run) && sg_text_equal(read.arn, record.arn));
    } else {
        check(run.length > SG_RECORD_MAX_BYTES / 2);
    }
    sg_problems_clear(&problems);
    sg_buffer_clear(&written);
    sg_buffer_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_buffer out = {0};
    struct sg_problems problems = {0};
    const struct sg_statement *statement;
    size_t at = 0;
    bool indeterminate = false;

    check(sg_policy_compile(&out, (struct sg_text){(const char *)data, size}, SG_POLICY_ATTACHED,
                            SG_TEXT("arn:aws:iam::aws:policy/p"), &problems) == SG_OK);
    check(sg_statement_run_valid(sg_buffer_text(&out)));
    while ((statement = sg_statement_next(sg_buffer_text(&out), &at)) != NULL) {
        check_statement(statement);
        indeterminate |= (statement->flags & SG_STATEMENT_INDETERMINATE) != 0;
    }
    check(indeterminate == (problems.count > 0));
    check_again(sg_buffer_text(&out), (struct sg_text){(const char *)data, size});
    sg_problems_clear(&problems);
    sg_buffer_clear(&out);
    return 0;
}
