/*
 * merge_tell.h - how a change of a role's revocations is told in the log: on one line, with all
 * that whoever is woken by it needs. For merge.c and lift.c.
 */
#ifndef SG_AGENT_MERGE_TELL_H
#define SG_AGENT_MERGE_TELL_H

#include "agent/merge.h"

static inline bool sg_statement_counts(const struct sg_statement *statement)
{
    return (statement->flags & SG_STATEMENT_ENFORCED) != 0;
}

/* The latest date that revocations of the run name, and not before cutoff_ms. */
int64_t sg_merge_greatest_cutoff(int64_t cutoff_ms, struct sg_text run);

/* `where revocation=WHAT old=... new=...: the statement`; SG_CUTOFF_NONE is "none". */
void sg_merge_tell(const struct sg_log *log, enum sg_log_level level, const char *where,
                   const char *what, int64_t old_ms, int64_t new_ms,
                   const struct sg_statement *statement);

#endif
