/*
 * flat.h - the inside of a compiled statement, for the files of this folder
 * only. Nothing outside may know it: readers go through policy.h.
 *
 *     struct sg_statement
 *     policy name, Sid         bytes, printable
 *     notes                    uint16 length, bytes
 *     actions, resources       uint16 count, then for each uint16 length, bytes
 *     tests                    8-aligned: struct sg_flat_tests, then the tests
 *
 * A test is a struct sg_test, the key's name as written, zeros up to 8, and its values:
 * struct sg_date_range or struct sg_ip_range, or texts (uint16 length, bytes) and zeros up to 8.
 *
 * Native byte order: it never leaves the host.
 */
#ifndef SG_POLICY_FLAT_H
#define SG_POLICY_FLAT_H

#include "policy/operators.h"
#include "policy/policy.h"

/* What fits 16-bit offsets; a longer statement becomes an indeterminate one. */
#define SG_STATEMENT_MAX_BYTES 65528

/* Bits of sg_statement.scope. */
enum sg_scope {
    SG_SCOPE_NOT_ACTION = 1,   /* the actions are those that it does not cover */
    SG_SCOPE_NOT_RESOURCE = 2, /* so with the resources */
    SG_SCOPE_ANY_ACTION = 4,   /* covers every action: the list need not be read */
    SG_SCOPE_ANY_RESOURCE = 8, /* covers every resource, or counts as doing so */
    SG_SCOPE_VARIABLES = 16,   /* resources hold policy variables */
    SG_SCOPE_ALL = 31,
};

struct sg_flat_tests {
    uint16_t count;
    uint16_t reserved[3];
};

enum sg_test_flag {
    SG_TEST_IF_EXISTS = 1,
    SG_TEST_VARIABLES = 2, /* texts hold policy variables */
};

/* One operator on one key. */
struct sg_test {
    uint16_t size;   /* whole, multiple of 8 */
    uint16_t values; /* how many */
    uint16_t name_length;
    uint8_t op;         /* enum sg_operator */
    uint8_t quantifier; /* enum sg_quantifier */
    uint8_t flags;      /* enum sg_test_flag */
    uint8_t key;        /* enum sg_key, as its name says */
    uint16_t reserved[3];
};

/* Date operators hold when the instant lies in one of them. */
struct sg_date_range {
    int64_t low_ms, high_ms; /* both inclusive, low <= high */
};

/* An address and how many of its first bits count; IPv4 as ::ffff:0:0/96. */
struct sg_ip_range {
    unsigned char address[16];
    uint8_t bits;
    uint8_t reserved[7];
};

static inline size_t sg_pad8(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

/* --- walking what sg_statement_run_valid() has accepted --- */

/* Texts of a list, one after another. */
struct sg_flat_list {
    const char *next;
    uint16_t left;
};
/* The list at offset `at`; empty for 0. */
struct sg_flat_list sg_flat_list_at(const struct sg_statement *statement, uint16_t at);
bool sg_flat_list_next(struct sg_text *text, struct sg_flat_list *list);

/* The first test; *count 0 when there are none. */
const struct sg_test *sg_flat_tests_at(uint16_t *count, const struct sg_statement *statement);
static inline const struct sg_test *sg_test_next(const struct sg_test *test)
{
    return (const struct sg_test *)(const void *)((const char *)test + test->size);
}
static inline struct sg_text sg_test_name(const struct sg_test *test)
{
    return (struct sg_text){(const char *)(test + 1), test->name_length};
}
static inline const void *sg_test_values(const struct sg_test *test)
{
    return (const char *)(test + 1) + sg_pad8(test->name_length);
}
static inline struct sg_flat_list sg_test_texts(const struct sg_test *test)
{
    return (struct sg_flat_list){sg_test_values(test), test->values};
}

#endif
