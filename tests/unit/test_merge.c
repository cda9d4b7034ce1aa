/*
 * test_merge.c - how a role's record follows from the last one: tightening at once, loosening by
 * the second read, and no statement ever seen earlier than AWS's answers prove.
 */
#include "agent/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ARN      SG_TEXT("arn:aws:iam::123456789012:role/app")
#define EARLY    "2026-01-01T00:00:00Z"
#define LATE     "2026-02-01T00:00:00Z"
#define FIRST_MS INT64_C(1780000000000)

struct world {
    struct sg_buffer packed; /* the record as it stands */
    struct sg_merged merged;
    char log[1024];
};

static void keep_line(void *context, enum sg_log_level level, const char *line)
{
    struct world *world = context;
    const size_t used = strlen(world->log);

    (void)snprintf(world->log + used, sizeof world->log - used, "%d %s\n", (int)level, line);
}

static void compile(struct sg_buffer *statements, const char *date)
{
    char document[512];

    (void)snprintf(document, sizeof document,
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":"
                   "[\"*\"],\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{"
                   "\"aws:TokenIssueTime\":\"%s\"}}}]}",
                   date);
    assert_int_equal(sg_policy_compile(statements, sg_text_of(document), SG_POLICY_INLINE,
                                       SG_TEXT("revoke"), NULL),
                     SG_OK);
}

/* One read at aws_ms that shows these cutoffs (NULL: none). */
static void read_role(struct world *world, const char *const *dates, int64_t aws_ms,
                      const char *role_id, bool from_iam)
{
    const struct sg_log log = {.write = keep_line, .context = world, .most = SG_LOG_DEBUG};
    struct sg_buffer statements = {0}, packed = {0};
    struct sg_reading reading = {
        .arn = ARN, .role_id = sg_text_of(role_id), .aws_ms = aws_ms, .from_iam = from_iam};
    struct sg_record previous;
    const bool known =
        world->packed.length > 0 && sg_record_read(&previous, sg_buffer_text(&world->packed));

    for (; dates != NULL && *dates != NULL; dates++)
        compile(&statements, *dates);
    reading.statements = sg_buffer_text(&statements);
    world->log[0] = '\0';
    assert_int_equal(
        sg_merge(&packed, &world->merged, known ? &previous : NULL, &reading, &log, "role=app"),
        SG_OK);
    sg_buffer_clear(&world->packed);
    world->packed = packed;
    sg_buffer_clear(&statements);
}

static void read_once(struct world *world, const char *date, int64_t aws_ms)
{
    const char *const dates[] = {date, NULL};

    read_role(world, dates, aws_ms, "AROA1", true);
}

static struct sg_record record_of(const struct world *world)
{
    struct sg_record record;

    assert_true(sg_record_read(&record, sg_buffer_text(&world->packed)));
    return record;
}

static const struct sg_statement *first_of(const struct world *world)
{
    const struct sg_record record = record_of(world);
    size_t at = 0;

    return sg_statement_next(record.statements, &at);
}

static int make(void **state)
{
    static struct world world;

    world = (struct world){0};
    *state = &world;
    return 0;
}

static int clear(void **state)
{
    sg_buffer_clear(&((struct world *)*state)->packed);
    return 0;
}

static void first_sight_is_the_date_of_the_first_answer_in_an_unbroken_run(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS);
    assert_true(first_of(world)->flags & SG_STATEMENT_FROM_IAM);
    assert_int_equal(world->merged.added, 1);
    read_once(world, EARLY, FIRST_MS + 15000);
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS);
    assert_int_equal(world->merged.added, 0);
}

static void statement_that_was_gone_for_one_read_is_first_seen_anew(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    read_once(world, NULL, FIRST_MS + 1);
    read_once(world, EARLY, FIRST_MS + 2);
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS + 2);
    assert_false(first_of(world)->flags & SG_STATEMENT_GONE_ONCE);
}

static void statement_that_is_gone_counts_for_one_more_read(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    const int64_t cutoff_ms = record_of(world).cutoff_ms;
    read_once(world, NULL, FIRST_MS + 1);
    assert_int_equal(record_of(world).cutoff_ms, cutoff_ms);
    assert_true(first_of(world)->flags & SG_STATEMENT_GONE_ONCE);
    assert_int_equal(world->merged.kept_once, 1);
    read_once(world, NULL, FIRST_MS + 2);
    assert_int_equal(record_of(world).cutoff_ms, SG_CUTOFF_NONE);
    assert_int_equal(world->merged.dropped, 1);
}

static void later_date_counts_at_once_and_earlier_only_by_the_second_read(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    const int64_t early_ms = record_of(world).cutoff_ms;
    read_once(world, LATE, FIRST_MS + 1);
    const int64_t late_ms = record_of(world).cutoff_ms;
    assert_true(late_ms > early_ms);
    read_once(world, EARLY, FIRST_MS + 2);
    assert_int_equal(record_of(world).cutoff_ms, late_ms);
    read_once(world, EARLY, FIRST_MS + 3);
    assert_int_equal(record_of(world).cutoff_ms, early_ms);
}

static void end_of_a_young_cutoff_is_an_alarm(void **state)
{
    struct world *world = *state;
    int64_t late_ms;

    read_once(world, LATE, FIRST_MS);
    late_ms = record_of(world).cutoff_ms;
    read_once(world, NULL, late_ms + 60000);
    read_once(world, NULL, late_ms + 75000);
    assert_non_null(strstr(world->log, "4 role=app revocation=gone alarm="));
    read_once(world, LATE, late_ms + 80000);
    read_once(world, NULL, late_ms + 600000);
    read_once(world, NULL, late_ms + 615000);
    assert_non_null(strstr(world->log, "5 role=app revocation=gone:"));
}

static void recreated_role_inherits_nothing(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    read_role(world, NULL, FIRST_MS + 1, "AROA2", true);
    assert_int_equal(record_of(world).cutoff_ms, SG_CUTOFF_NONE);
    assert_true(sg_text_equal(record_of(world).role_id, SG_TEXT("AROA2")));
}

static void statement_of_a_file_is_not_iams_and_never_becomes_it_by_inheritance(void **state)
{
    struct world *world = *state;
    const char *const dates[] = {EARLY, NULL};

    read_role(world, dates, FIRST_MS, "AROA1", false);
    assert_false(first_of(world)->flags & SG_STATEMENT_FROM_IAM);
    read_role(world, dates, FIRST_MS + 9, "AROA1", true);
    assert_true(first_of(world)->flags & SG_STATEMENT_FROM_IAM);
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS + 9);
    read_role(world, dates, FIRST_MS + 10, "AROA1", false);
    assert_false(first_of(world)->flags & SG_STATEMENT_FROM_IAM);
}

static void failed_read_keeps_the_record_and_the_time_of_the_first_failure(void **state)
{
    struct world *world = *state;
    struct sg_buffer packed = {0};

    read_once(world, EARLY, FIRST_MS);
    const struct sg_record before = record_of(world);
    assert_int_equal(sg_merge_stale(&packed, &before, FIRST_MS), SG_OK);
    sg_buffer_clear(&world->packed);
    world->packed = packed;
    packed = (struct sg_buffer){0};
    const struct sg_record once = record_of(world);
    assert_int_equal(once.stale_since_ms, FIRST_MS);
    assert_true(once.cutoff_ms != SG_CUTOFF_NONE);
    assert_int_equal(sg_merge_stale(&packed, &once, FIRST_MS + 99), SG_OK);
    sg_buffer_clear(&world->packed);
    world->packed = packed;
    assert_int_equal(record_of(world).stale_since_ms, FIRST_MS);
    read_once(world, EARLY, FIRST_MS + 100);
    assert_int_equal(record_of(world).stale_since_ms, 0);
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS);
}

static void deleted_role_keeps_its_name_and_no_statement(void **state)
{
    struct world *world = *state;
    struct sg_buffer packed = {0};

    read_once(world, EARLY, FIRST_MS);
    const struct sg_record before = record_of(world);
    assert_int_equal(sg_merge_deleted(&packed, &before), SG_OK);
    sg_buffer_clear(&world->packed);
    world->packed = packed;
    assert_int_equal(record_of(world).state, SG_ROLE_DELETED);
    assert_true(sg_text_equal(record_of(world).arn, ARN));
    assert_int_equal(record_of(world).statements.length, 0);
}

static void same_read_twice_gives_the_same_bytes(void **state)
{
    struct world *world = *state;
    struct sg_buffer before = {0};

    read_once(world, EARLY, FIRST_MS);
    sg_buffer_add_text(&before, sg_buffer_text(&world->packed));
    read_once(world, EARLY, FIRST_MS + 1);
    assert_true(sg_text_equal(sg_buffer_text(&before), sg_buffer_text(&world->packed)));
    sg_buffer_clear(&before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(first_sight_is_the_date_of_the_first_answer_in_an_unbroken_run),
        TEST(statement_that_was_gone_for_one_read_is_first_seen_anew),
        TEST(statement_that_is_gone_counts_for_one_more_read),
        TEST(later_date_counts_at_once_and_earlier_only_by_the_second_read),
        TEST(end_of_a_young_cutoff_is_an_alarm),
        TEST(recreated_role_inherits_nothing),
        TEST(statement_of_a_file_is_not_iams_and_never_becomes_it_by_inheritance),
        TEST(failed_read_keeps_the_record_and_the_time_of_the_first_failure),
        TEST(deleted_role_keeps_its_name_and_no_statement),
        TEST(same_read_twice_gives_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
