/*
 * merge_world.h - a role that is read again and again, for tests of what its record becomes.
 */
#ifndef TESTS_UNIT_MERGE_WORLD_H
#define TESTS_UNIT_MERGE_WORLD_H

#include "agent/merge.h"
#include "base/date.h"
#include "store/lift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ARN      SG_TEXT("arn:aws:iam::123456789012:role/app")
#define EARLY    "2026-01-01T00:00:00Z"
#define LATE     "2026-02-01T00:00:00Z"
#define FIRST_MS INT64_C(1780000000000) /* 2026-05-28T20:26:40Z */

struct world {
    struct sg_buffer packed; /* the record as it stands */
    struct sg_merged merged;
    char log[4096];       /* of the last read */
    const char *document; /* one more inline policy; NULL: none */
    const char *extra;    /* date of an extra policy; NULL: none */
    bool extras_only, extras_again, ratchet;
    int64_t before_ms; /* when the last read began; 0: not known, as after a restart */
};

int64_t ms_of(const char *date);
/* One read at aws_ms that shows these cutoffs (NULL: none), each in a policy of its own that is
 * named after its place in the list. */
void read_role(struct world *world, const char *const *dates, int64_t aws_ms, const char *role_id,
               bool from_iam);
void read_once(struct world *world, const char *date, int64_t aws_ms); /* NULL: none */
struct sg_record record_of(const struct world *world);
const struct sg_statement *first_of(const struct world *world); /* NULL: there is none */
/* The record as something else has made it. */
void take_packed(struct world *world, struct sg_buffer *packed);
void forget(struct world *world);

int world_make(void **state);
int world_clear(void **state);

#endif
