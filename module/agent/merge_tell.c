/*
 * merge_tell.c - one line of the log a revocation that came or went. Must never leave out which
 * role, which statement, or from which cutoff to which.
 */
#include "agent/merge_tell.h"

#include "base/date.h"

int64_t sg_merge_greatest_cutoff(int64_t cutoff_ms, struct sg_text run)
{
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (sg_statement_counts(statement) && statement->cutoff_ms > cutoff_ms)
            cutoff_ms = statement->cutoff_ms;
    }
    return cutoff_ms;
}

static const char *date_or_none(char *date, int64_t cutoff_ms)
{
    return cutoff_ms == SG_CUTOFF_NONE ? "none" : sg_date_format(date, cutoff_ms);
}

void sg_merge_tell(const struct sg_log *log, enum sg_log_level level, const char *where,
                   const char *what, int64_t old_ms, int64_t new_ms,
                   const struct sg_statement *statement)
{
    char old_date[SG_DATE_SIZE], new_date[SG_DATE_SIZE];
    struct sg_buffer words = {0};

    sg_statement_describe(&words, statement);
    sg_log(log, level, "%s revocation=%s old=%s new=%s: %s", where, what,
           date_or_none(old_date, old_ms), date_or_none(new_date, new_ms),
           words.failed || words.data == NULL ? "(out of memory)" : words.data);
    sg_buffer_clear(&words);
}
