/*
 * merge.h - what is published of a role: what was read now, held against what was published
 * before. Tightening counts at once; loosening only when two reads in a row say so.
 */
#ifndef SG_AGENT_MERGE_H
#define SG_AGENT_MERGE_H

#include "base/log.h"
#include "store/record.h"

/* One whole read of one role. */
struct sg_reading {
    struct sg_text arn; /* empty: not known (a file source without role.json) */
    struct sg_text role_id;
    struct sg_text statements; /* compiled, first_seen_ms 0 */
    int64_t created_ms;
    int64_t aws_ms; /* AWS's Date of the answer that told it; a file source's own clock */
    bool from_iam;  /* AWS itself said so: evidence may settle its statements */
};

struct sg_merged {
    unsigned added, kept_once, dropped; /* statements that count as revocations */
};

/*
 * The packed record that follows from `previous` (NULL: none) and `reading`. What changed for
 * sessions is logged with `where` (account and role). SG_OK, SG_E_LIMIT (too long for a record),
 * SG_E_MEMORY.
 */
int sg_merge(struct sg_buffer *packed, struct sg_merged *merged, const struct sg_record *previous,
             const struct sg_reading *reading, const struct sg_log *log, const char *where);

/* The record of a role that GetRole says does not exist. `previous` may be NULL. */
int sg_merge_deleted(struct sg_buffer *packed, const struct sg_record *previous);

/* The same record, marked as not read whole since `since_ms` unless it was marked before. */
int sg_merge_stale(struct sg_buffer *packed, const struct sg_record *previous, int64_t since_ms);

#endif
