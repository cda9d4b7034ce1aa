/*
 * fuzz_record.c - the role record: whatever the bytes are, reading and evaluating stays inside
 * them, and what is accepted means the same after being written anew.
 */
#include "store/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct sg_record *record)
{
    const struct sg_policy_request request = {
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = SG_TEXT("arn:aws:execute-api:us-east-1:123456789012:stsgate"),
        .issued = {1700000000000, 1700003600000},
    };
    const struct sg_statement *statement;
    struct sg_buffer words = {0};
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        (void)sg_statement_match(statement, &request);
        sg_statement_describe(&words, statement);
    }
    if (at != record->statements.length)
        abort();
    sg_buffer_clear(&words);
}

static void write_anew(const struct sg_record *record)
{
    struct sg_buffer out = {0};
    struct sg_record again;

    if (!sg_record_write(&out, record) || !sg_record_read(&again, sg_buffer_text(&out)))
        abort();
    if (again.cutoff_ms != record->cutoff_ms || again.residual != record->residual ||
        again.state != record->state || !sg_text_equal(again.arn, record->arn) ||
        !sg_text_equal(again.statements, record->statements))
        abort();
    sg_buffer_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *aligned = malloc(size > 0 ? size : 1);
    struct sg_record record;

    if (aligned == NULL)
        return 0;
    if (size > 0)
        memcpy(aligned, data, size);
    if (sg_record_read(&record, (struct sg_text){aligned, size})) {
        evaluate(&record);
        write_anew(&record);
    }
    free(aligned);
    return 0;
}
