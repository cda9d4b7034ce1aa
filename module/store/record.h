/*
 * record.h - the role record: all that is known of one role, flat. What the
 * agent writes and readers evaluate in place; never trusted before
 * sg_record_read() has checked it.
 */
#ifndef SG_STORE_RECORD_H
#define SG_STORE_RECORD_H

#include "policy/policy.h"

enum sg_role_state {
    SG_ROLE_PRESENT = 1,
    SG_ROLE_DELETED = 2, /* GetRole says there is no such role */
};

#define SG_RECORD_MAX_BYTES (1024 * 1024)

/* In the file, native byte order (the store never leaves the host; the file header tells the
 * order). */
struct sg_record_header {
    uint32_t size;          /* whole */
    uint16_t state;         /* enum sg_role_state */
    uint16_t residual;      /* how many enforced statements are not SG_STATEMENT_SIMPLE */
    int64_t cutoff_ms;      /* greatest of the simple statements; SG_CUTOFF_NONE */
    int64_t created_ms;     /* CreateDate */
    int64_t stale_since_ms; /* AWS's Date of the last whole read, when reads of this role have
                               failed since; 0: as fresh as its account */
    uint16_t arn_at, arn_length;
    uint16_t role_id_at, role_id_length;
    uint32_t statements_at, statements_length;
};

/* A checked view into the mapping: valid until the reader's next sg_store_refresh(). */
struct sg_record {
    enum sg_role_state state;
    bool residual;
    int64_t cutoff_ms, created_ms, stale_since_ms;
    struct sg_text arn, role_id;
    struct sg_text statements; /* walk with sg_statement_next() */
};

/*
 * Checks all of it: offsets, texts, every statement, and that cutoff_ms and residual are what the
 * statements say. The bytes must begin at a multiple of 8. False: *record must not be used.
 */
bool sg_record_read(struct sg_record *record, struct sg_text bytes);

/*
 * The same view for bytes that sg_record_read() has accepted before and that have not changed
 * since: header and offsets are checked, statements are not walked. What readers do a request.
 */
bool sg_record_view(struct sg_record *record, struct sg_text bytes);

/*
 * Appends the flat form; cutoff_ms and residual are computed here from the statements. False, with
 * nothing appended: too long, malformed, or out of memory.
 */
bool sg_record_write(struct sg_buffer *out, const struct sg_record *record);

#endif
