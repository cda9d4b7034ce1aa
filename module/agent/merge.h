/*
 * merge.h - what is published of a role: what was read now, held against what was published
 * before. Tightening counts at once; loosening only when two reads in a row say so, and with a
 * ratchet not before every session that was revoked has ended.
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
    struct sg_text extras;     /* the same, of policies of one's own */
    int64_t created_ms;
    int64_t aws_ms;    /* AWS's Date of the answer that told it; a file source's own clock */
    int64_t began_ms;  /* Date of the first answer of this read; 0: not known */
    int64_t before_ms; /* began_ms of the read before it, which showed what is absent now; or 0 */
    bool from_iam;     /* AWS itself said so: evidence may settle its statements */
    bool extras_only;  /* only the extras were read: the rest stays as it is */
    bool extras_again; /* the extras were not read again: that one is absent says nothing new */
    bool ratchet;
    int64_t longest_session_ms; /* with ratchet */
};

struct sg_merged {
    unsigned added, kept_once, ratcheted, dropped; /* statements that count as revocations */
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

/*
 * The same record without those ratcheted statements that a lift's `content` names (store/lift.h).
 * *lifted: how many went. In lift.c.
 */
int sg_merge_lift(struct sg_buffer *packed, unsigned *lifted, const struct sg_record *previous,
                  struct sg_text content, const struct sg_log *log, const char *where);

#endif
