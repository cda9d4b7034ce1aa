/*
 * merge.c - how one role's record follows from the last one. Must never drop a revocation that
 * one read alone did not show, nor give a statement an earlier first sight than AWS's answers
 * prove.
 */
#include "agent/merge.h"

#include "base/date.h"

#include <stdlib.h>

#define YOUNG_CUTOFF_MS (5 * SG_MINUTE_MS)

struct merge {
    struct sg_buffer statements;
    struct sg_merged *merged;
    const struct sg_record *previous; /* of the same role; NULL: none */
    const struct sg_reading *reading;
    const struct sg_log *log;
    const char *where;
};

static const struct sg_statement *find(struct sg_text run, const struct sg_statement *wanted)
{
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (memcmp(statement->identity, wanted->identity, sizeof wanted->identity) == 0)
            return statement;
    }
    return NULL;
}

static void log_statement(const struct merge *merge, enum sg_log_level level, const char *what,
                          const struct sg_statement *statement)
{
    struct sg_buffer words = {0};

    sg_statement_describe(&words, statement);
    sg_log(merge->log, level, "%s %s: %s", merge->where, what,
           words.failed || words.data == NULL ? "(out of memory)" : words.data);
    sg_buffer_clear(&words);
}

/* The copy that goes into the record, to be changed; NULL: memory. */
static struct sg_statement *append(struct merge *merge, const struct sg_statement *statement)
{
    const size_t at = merge->statements.length;

    sg_buffer_add(&merge->statements, statement, statement->size);
    if (merge->statements.failed)
        return NULL;
    /* malloc aligns the buffer, sizes are multiples of 8. */
    return (struct sg_statement *)(void *)(merge->statements.data + at);
}

/* A statement of this read keeps its first sight only when the run was never broken. */
static bool take_present(struct merge *merge, const struct sg_statement *statement)
{
    const struct sg_statement *before =
        merge->previous == NULL ? NULL : find(merge->previous->statements, statement);
    const unsigned from_iam = merge->reading->from_iam ? SG_STATEMENT_FROM_IAM : 0;
    struct sg_statement *copy = append(merge, statement);

    if (copy == NULL)
        return false;
    copy->flags =
        (uint16_t)((copy->flags & ~(unsigned)(SG_STATEMENT_FROM_IAM | SG_STATEMENT_GONE_ONCE)) |
                   from_iam);
    copy->first_seen_ms = merge->reading->aws_ms;
    if (before != NULL && (before->flags & SG_STATEMENT_GONE_ONCE) == 0 &&
        (before->flags & SG_STATEMENT_FROM_IAM) == from_iam && before->first_seen_ms != 0)
        copy->first_seen_ms = before->first_seen_ms;
    if (before == NULL && (copy->flags & SG_STATEMENT_ENFORCED) != 0) {
        merge->merged->added++;
        log_statement(merge, SG_LOG_NOTICE, "revocation=new", copy);
    }
    return true;
}

static bool take_absent(struct merge *merge, const struct sg_statement *statement)
{
    if ((statement->flags & SG_STATEMENT_ENFORCED) == 0 ||
        find(merge->reading->statements, statement) != NULL)
        return true;
    if ((statement->flags & SG_STATEMENT_GONE_ONCE) == 0) {
        struct sg_statement *copy = append(merge, statement);
        if (copy == NULL)
            return false;
        copy->flags |= SG_STATEMENT_GONE_ONCE;
        merge->merged->kept_once++;
        return true;
    }
    merge->merged->dropped++;
    /* Whoever removes a fresh cutoff is likely to be the one that it is for. */
    const bool young = statement->cutoff_ms != SG_CUTOFF_NONE &&
                       statement->cutoff_ms > merge->reading->aws_ms - YOUNG_CUTOFF_MS;
    log_statement(merge, young ? SG_LOG_WARNING : SG_LOG_NOTICE,
                  young ? "revocation=gone alarm=cutoff-younger-than-5m" : "revocation=gone",
                  statement);
    return true;
}

static int merge_statements(struct merge *merge)
{
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(merge->reading->statements, &at)) != NULL) {
        if (!take_present(merge, statement))
            return SG_E_MEMORY;
    }
    if (at != merge->reading->statements.length)
        return SG_E_INVALID;
    if (merge->previous == NULL)
        return SG_OK;
    at = 0;
    while ((statement = sg_statement_next(merge->previous->statements, &at)) != NULL) {
        if (!take_absent(merge, statement))
            return SG_E_MEMORY;
    }
    return SG_OK;
}

static int pack(struct sg_buffer *packed, const struct sg_record *record)
{
    sg_buffer_clear(packed);
    if (sg_record_write(packed, record))
        return SG_OK;
    return packed->failed ? SG_E_MEMORY : SG_E_LIMIT;
}

int sg_merge(struct sg_buffer *packed, struct sg_merged *merged, const struct sg_record *previous,
             const struct sg_reading *reading, const struct sg_log *log, const char *where)
{
    struct merge merge = {.merged = merged, .reading = reading, .log = log, .where = where};
    const bool recreated = previous != NULL && previous->role_id.length > 0 &&
                           reading->role_id.length > 0 &&
                           !sg_text_equal(previous->role_id, reading->role_id);

    *merged = (struct sg_merged){0};
    if (recreated)
        sg_log(log, SG_LOG_NOTICE, "%s state=recreated id=%.*s", where,
               SG_TEXT_ARG(reading->role_id));
    if (previous != NULL && previous->state == SG_ROLE_PRESENT && !recreated)
        merge.previous = previous;

    int error = merge_statements(&merge);
    if (error == SG_OK) {
        const struct sg_record record = {
            .state = SG_ROLE_PRESENT,
            .created_ms = reading->created_ms,
            .arn = reading->arn,
            .role_id = reading->role_id,
            .statements = sg_buffer_text(&merge.statements),
        };
        error = pack(packed, &record);
    }
    sg_buffer_clear(&merge.statements);
    return error;
}

int sg_merge_deleted(struct sg_buffer *packed, const struct sg_record *previous)
{
    struct sg_record record = {.state = SG_ROLE_DELETED};

    if (previous != NULL) {
        record.arn = previous->arn;
        record.role_id = previous->role_id;
        record.created_ms = previous->created_ms;
    }
    return pack(packed, &record);
}

int sg_merge_stale(struct sg_buffer *packed, const struct sg_record *previous, int64_t since_ms)
{
    struct sg_record record = *previous;

    if (record.stale_since_ms == 0)
        record.stale_since_ms = since_ms;
    return pack(packed, &record);
}
