/*
 * flat.h - the inside of a compiled statement, for the files of this folder
 * only. Nothing outside may know it: readers go through policy.h.
 *
 *     struct sg_statement
 *     policy name, Sid         bytes, printable
 *     notes                    uint16 length, bytes
 *     actions, resources       uint16 count, then for each uint16 length, bytes
 *     dates                    8-aligned: struct sg_flat_dates, then for each test
 *                              struct sg_date_test and its ranges
 *
 * Native byte order: it never leaves the host.
 */
#ifndef SG_POLICY_FLAT_H
#define SG_POLICY_FLAT_H

#include "policy/policy.h"

/* What fits 16-bit offsets; a longer statement becomes an indeterminate one. */
#define SG_STATEMENT_MAX_BYTES 65528

/* Bits of sg_statement.scope. */
enum sg_scope {
    SG_SCOPE_NOT_ACTION = 1,   /* the actions are those that it does not cover */
    SG_SCOPE_NOT_RESOURCE = 2, /* so with the resources */
    SG_SCOPE_ANY_ACTION = 4,   /* covers every action: the list need not be read */
    SG_SCOPE_ANY_RESOURCE = 8, /* covers every resource, or counts as doing so */
    SG_SCOPE_ALL = 15,
};

enum sg_date_operator {
    SG_DATE_LESS,
    SG_DATE_LESS_EQUAL,
    SG_DATE_GREATER,
    SG_DATE_GREATER_EQUAL,
    SG_DATE_EQUAL,
    SG_DATE_NOT_EQUAL,
    SG_DATE_NULL, /* Null: the key is absent, which it never is here */
};
#define SG_DATE_OPERATORS 7

struct sg_flat_dates {
    uint16_t tests;
    uint16_t reserved[3];
};

/* One operator on aws:TokenIssueTime: holds when the instant lies in one of the ranges; negated: in
 * none. */
struct sg_date_test {
    uint8_t kind; /* enum sg_date_operator, for describing */
    uint8_t negated;
    uint16_t ranges;
    uint32_t reserved;
};

struct sg_date_range {
    int64_t low_ms, high_ms; /* both inclusive, low <= high */
};

/* --- walking what sg_statement_run_valid() has accepted --- */

/* The texts of the list at offset `at` (not 0), one after another. */
struct sg_flat_list {
    const char *next;
    uint16_t left;
};
struct sg_flat_list sg_flat_list_at(const struct sg_statement *statement, uint16_t at);
bool sg_flat_list_next(struct sg_text *text, struct sg_flat_list *list);

/* The date tests; *count 0 when there are none. */
const struct sg_date_test *sg_flat_dates_at(uint16_t *count, const struct sg_statement *statement);
static inline const struct sg_date_range *sg_date_test_ranges(const struct sg_date_test *test)
{
    return (const struct sg_date_range *)(const void *)(test + 1);
}
static inline const struct sg_date_test *sg_date_test_next(const struct sg_date_test *test)
{
    return (const struct sg_date_test *)(const void *)(sg_date_test_ranges(test) + test->ranges);
}

#endif
