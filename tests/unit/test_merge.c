/*
 * test_merge.c - how a role's record follows from the last one: tightening at once, loosening by
 * the second read, and no statement ever seen earlier than AWS's answers prove.
 */
#include "merge_world.h"

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
    const int64_t late_ms = ms_of(LATE);

    read_once(world, LATE, late_ms + 45000);
    read_once(world, NULL, late_ms + 60000);
    read_once(world, NULL, late_ms + 75000);
    assert_non_null(strstr(world->log,
                           "4 account=prod role=app revocation=gone "
                           "alarm=cutoff-younger-than-5m old=2026-02-01T00:00:00.000Z new=none: "
                           "inline policy revoke: Deny sessions issued before "));
    read_once(world, LATE, late_ms + 580000);
    read_once(world, NULL, late_ms + 600000);
    read_once(world, NULL, late_ms + 615000);
    assert_non_null(strstr(world->log, "5 account=prod role=app revocation=gone old="));
    assert_null(strstr(world->log, "alarm"));
}

static void young_date_moved_back_is_an_alarm_that_tells_both_dates(void **state)
{
    struct world *world = *state;

    read_once(world, LATE, FIRST_MS);
    const int64_t late_ms = record_of(world).cutoff_ms;
    read_once(world, LATE, late_ms + 1000);
    read_once(world, EARLY, late_ms + 16000);
    assert_null(strstr(world->log, "alarm"));
    read_once(world, EARLY, late_ms + 31000);
    assert_non_null(strstr(world->log, "4 account=prod role=app revocation=moved-back "
                                       "alarm=cutoff-younger-than-5m old=2026-02-01T00:00:00.000Z "
                                       "new=2026-01-01T00:00:00.000Z: inline policy revoke"));
}

/* A slow reader learns of it late: what counts is how young it was when it was seen last. */
static void cutoff_that_was_young_when_last_seen_is_an_alarm_however_late_the_second_read(void **s)
{
    struct world *world = *s;

    read_once(world, LATE, FIRST_MS);
    const int64_t late_ms = record_of(world).cutoff_ms;
    read_once(world, LATE, late_ms + 200000);
    read_once(world, NULL, late_ms + 500000);
    read_once(world, NULL, late_ms + 900000);
    assert_non_null(strstr(world->log, "alarm=cutoff-younger-than-5m"));
}

static void later_date_in_its_place_is_no_alarm(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    const int64_t early_ms = record_of(world).cutoff_ms;
    read_once(world, EARLY, early_ms + 1);
    read_once(world, LATE, early_ms + 2);
    assert_int_equal(world->merged.kept_once, 0);
    assert_non_null(strstr(world->log, "6 account=prod role=app revocation=replaced"));
    assert_null(strstr(world->log, "alarm"));
    read_once(world, LATE, early_ms + 3);
    assert_null(strstr(world->log, "revocation="));
}

/* Evidence could settle AWS's own, but not what a file said. */
static void later_date_of_iam_takes_no_place_of_one_that_evidence_can_not_settle(void **state)
{
    struct world *world = *state;
    const char *const early[] = {EARLY, NULL}, *const late[] = {LATE, NULL};

    read_role(world, early, FIRST_MS, "AROA1", false);
    read_role(world, late, FIRST_MS + 1, "AROA1", true);
    assert_int_equal(world->merged.kept_once, 1);
}

/*
 * Every order in which two dates come and go, in two policies: what stands is what this read or the
 * one before it showed, and nothing is older than the run of reads that shows it.
 */
static void every_order_of_coming_and_going_stands_by_two_reads(void **state)
{
    static const char *const shown[][3] = {{NULL}, {EARLY}, {LATE}, {EARLY, LATE}};
    struct world *world = *state;
    const int64_t cutoffs[] = {SG_CUTOFF_NONE, ms_of(EARLY), ms_of(LATE), ms_of(LATE)};

    for (unsigned order = 0; order < 4096; order++) {
        int64_t early_since_ms = 0;

        forget(world);
        for (int i = 0; i < 6; i++) {
            const unsigned now = order >> (2 * i) & 3,
                           before = i == 0 ? 0 : order >> (2 * i - 2) & 3;
            const int64_t at_ms = FIRST_MS + i;

            read_role(world, shown[now], at_ms, "AROA1", true);
            const int64_t wanted_ms =
                cutoffs[now] > cutoffs[before] ? cutoffs[now] : cutoffs[before];
            assert_int_equal(record_of(world).cutoff_ms, wanted_ms);
            if ((now & 1) == 0)
                early_since_ms = 0;
            else if (early_since_ms == 0)
                early_since_ms = at_ms;
            if ((now & 1) != 0)
                assert_int_equal(first_of(world)->first_seen_ms, early_since_ms);
        }
    }
}

/* A service that counts all Denys needs the second look for those as well. */
static void guardrail_that_is_gone_stands_for_one_more_read_and_is_not_told(void **state)
{
    struct world *world = *state;

    world->document = "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
                      "\"Condition\":{\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}}}";
    read_once(world, NULL, FIRST_MS);
    assert_false(first_of(world)->flags & SG_STATEMENT_ENFORCED);
    world->document = NULL;
    world->ratchet = true;
    read_once(world, NULL, FIRST_MS + 1);
    assert_int_equal(first_of(world)->flags & (SG_STATEMENT_GONE_ONCE | SG_STATEMENT_RATCHETED),
                     SG_STATEMENT_GONE_ONCE);
    assert_int_equal(world->merged.kept_once, 0);
    read_once(world, NULL, FIRST_MS + 2);
    assert_null(first_of(world));
    assert_null(strstr(world->log, "revocation="));
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
    take_packed(world, &packed);
    const struct sg_record once = record_of(world);
    assert_int_equal(once.stale_since_ms, FIRST_MS);
    assert_true(once.cutoff_ms != SG_CUTOFF_NONE);
    assert_int_equal(sg_merge_stale(&packed, &once, FIRST_MS + 99), SG_OK);
    take_packed(world, &packed);
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
    take_packed(world, &packed);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)
    const struct CMUnitTest tests[] = {
        TEST(first_sight_is_the_date_of_the_first_answer_in_an_unbroken_run),
        TEST(statement_that_was_gone_for_one_read_is_first_seen_anew),
        TEST(statement_that_is_gone_counts_for_one_more_read),
        TEST(later_date_counts_at_once_and_earlier_only_by_the_second_read),
        TEST(end_of_a_young_cutoff_is_an_alarm),
        TEST(young_date_moved_back_is_an_alarm_that_tells_both_dates),
        TEST(cutoff_that_was_young_when_last_seen_is_an_alarm_however_late_the_second_read),
        TEST(later_date_in_its_place_is_no_alarm),
        TEST(later_date_of_iam_takes_no_place_of_one_that_evidence_can_not_settle),
        TEST(every_order_of_coming_and_going_stands_by_two_reads),
        TEST(guardrail_that_is_gone_stands_for_one_more_read_and_is_not_told),
        TEST(recreated_role_inherits_nothing),
        TEST(statement_of_a_file_is_not_iams_and_never_becomes_it_by_inheritance),
        TEST(failed_read_keeps_the_record_and_the_time_of_the_first_failure),
        TEST(deleted_role_keeps_its_name_and_no_statement),
        TEST(same_read_twice_gives_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
