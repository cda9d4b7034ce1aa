/*
 * test_record.c - the role record's flat form: what was written reads back, and nothing else is
 * read at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/record.h"

#include <stdlib.h>

#define EARLY INT64_C(1700000000000)
#define LATE  INT64_C(1800000000000)
#define ARN   SG_TEXT("arn:aws:iam::123456789012:role/team/payments")

static void add_revocation(struct sg_buffer *run, int64_t cutoff_ms)
{
    struct sg_buffer document = {0};

    sg_policy_write_revocation(&document, cutoff_ms);
    assert_int_equal(sg_policy_compile(run, sg_buffer_text(&document), SG_POLICY_INLINE,
                                       SG_TEXT("AWSRevokeOlderSessions"), NULL),
                     SG_OK);
    sg_buffer_clear(&document);
}

/* Enforced, and more than a cutoff: it names who. */
static void add_conditional(struct sg_buffer *run)
{
    assert_int_equal(
        sg_policy_compile(
            run,
            SG_TEXT("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\","
                    "\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                    "\"DateLessThan\":{\"aws:TokenIssueTime\":\"2026-01-01T00:00:00Z\"},"
                    "\"StringEquals\":{\"aws:SourceIdentity\":\"mallory\"}}}}"),
            SG_POLICY_INLINE, SG_TEXT("quarantine"), NULL),
        SG_OK);
}

static struct sg_record sample(const struct sg_buffer *run)
{
    return (struct sg_record){
        .state = SG_ROLE_PRESENT,
        .created_ms = 12345,
        .stale_since_ms = 678,
        .arn = ARN,
        .role_id = SG_TEXT("AROAEXAMPLEID"),
        .statements = sg_buffer_text(run),
    };
}

/* A record of one revocation at EARLY, to be damaged. */
static struct sg_buffer written(void)
{
    struct sg_buffer run = {0}, out = {0};

    add_revocation(&run, EARLY);
    const struct sg_record record = sample(&run);
    assert_true(sg_record_write(&out, &record));
    sg_buffer_clear(&run);
    return out;
}

static struct sg_record_header *header_of(const struct sg_buffer *bytes)
{
    return (struct sg_record_header *)(void *)bytes->data;
}

static bool accepted(const struct sg_buffer *bytes)
{
    struct sg_record record;

    return sg_record_read(&record, sg_buffer_text(bytes));
}

static void what_was_written_reads_back(void **state)
{
    struct sg_buffer out = written();
    struct sg_record record;

    (void)state;
    assert_true(sg_record_read(&record, sg_buffer_text(&out)));
    assert_int_equal(record.state, SG_ROLE_PRESENT);
    assert_int_equal(record.created_ms, 12345);
    assert_int_equal(record.stale_since_ms, 678);
    assert_true(sg_text_equal(record.arn, ARN));
    assert_true(sg_text_equal(record.role_id, SG_TEXT("AROAEXAMPLEID")));
    assert_int_equal(record.cutoff_ms, EARLY);
    assert_false(record.residual);
    assert_true(sg_statement_run_valid(record.statements));
    assert_int_equal(out.length % 8, 0);
    sg_buffer_clear(&out);
}

static void view_agrees_with_the_full_check(void **state)
{
    struct sg_buffer out = written();
    struct sg_record full, view;

    (void)state;
    assert_true(sg_record_read(&full, sg_buffer_text(&out)));
    assert_true(sg_record_view(&view, sg_buffer_text(&out)));
    assert_int_equal(view.cutoff_ms, full.cutoff_ms);
    assert_int_equal(view.residual, full.residual);
    assert_ptr_equal(view.arn.data, full.arn.data);
    assert_ptr_equal(view.statements.data, full.statements.data);
    sg_buffer_clear(&out);
}

static void cutoff_is_the_greatest_of_the_simple_statements(void **state)
{
    struct sg_buffer run = {0}, out = {0};
    struct sg_record record;

    (void)state;
    add_revocation(&run, EARLY);
    add_revocation(&run, LATE);
    add_revocation(&run, EARLY + 1);
    record = sample(&run);
    record.cutoff_ms = EARLY; /* what the caller says does not matter */
    assert_true(sg_record_write(&out, &record));
    assert_true(sg_record_read(&record, sg_buffer_text(&out)));
    assert_int_equal(record.cutoff_ms, LATE);
    assert_false(record.residual);
    sg_buffer_clear(&run);
    sg_buffer_clear(&out);
}

static void statement_with_other_conditions_is_residual_and_sets_no_cutoff(void **state)
{
    struct sg_buffer run = {0}, out = {0};
    struct sg_record record;

    (void)state;
    add_conditional(&run);
    record = sample(&run);
    assert_true(sg_record_write(&out, &record));
    assert_true(sg_record_read(&record, sg_buffer_text(&out)));
    assert_int_equal(record.cutoff_ms, SG_CUTOFF_NONE);
    assert_true(record.residual);
    sg_buffer_clear(&run);
    sg_buffer_clear(&out);
}

static void role_without_statements_has_no_cutoff(void **state)
{
    struct sg_buffer run = {0}, out = {0};
    struct sg_record record = sample(&run);

    (void)state;
    assert_true(sg_record_write(&out, &record));
    assert_true(sg_record_read(&record, sg_buffer_text(&out)));
    assert_int_equal(record.cutoff_ms, SG_CUTOFF_NONE);
    assert_false(record.residual);
    assert_int_equal(record.statements.length, 0);
    sg_buffer_clear(&out);
}

static void deleted_role_without_arn_reads_back_as_deleted(void **state)
{
    const struct sg_record record = {.state = SG_ROLE_DELETED};
    struct sg_buffer out = {0};
    struct sg_record again;

    (void)state;
    assert_true(sg_record_write(&out, &record));
    assert_true(sg_record_read(&again, sg_buffer_text(&out)));
    assert_int_equal(again.state, SG_ROLE_DELETED);
    assert_int_equal(again.arn.length, 0);
    sg_buffer_clear(&out);
}

static void truncated_record_is_refused_at_every_length(void **state)
{
    struct sg_buffer out = written();
    struct sg_record record;

    (void)state;
    for (size_t length = 0; length < out.length; length++) {
        char *exact = malloc(length > 0 ? length : 1); /* so that a read past it is seen */
        assert_non_null(exact);
        memcpy(exact, out.data, length);
        assert_false(sg_record_read(&record, (struct sg_text){exact, length}));
        assert_false(sg_record_view(&record, (struct sg_text){exact, length}));
        free(exact);
    }
    sg_buffer_clear(&out);
}

static void longer_record_is_refused(void **state)
{
    struct sg_buffer out = written();

    (void)state;
    sg_buffer_add(&out, "\0\0\0\0\0\0\0\0", 8);
    assert_false(accepted(&out));
    sg_buffer_clear(&out);
}

static void misaligned_record_is_refused(void **state)
{
    struct sg_buffer out = written();
    struct sg_record record;
    char *moved = malloc(out.length + 4);

    (void)state;
    assert_non_null(moved);
    memcpy(moved + 4, out.data, out.length);
    assert_false(sg_record_read(&record, (struct sg_text){moved + 4, out.length}));
    free(moved);
    sg_buffer_clear(&out);
}

static void header_cutoff_that_the_statements_do_not_say_is_refused(void **state)
{
    struct sg_buffer out = written();

    (void)state;
    header_of(&out)->cutoff_ms = SG_CUTOFF_NONE;
    assert_false(accepted(&out));
    header_of(&out)->cutoff_ms = EARLY - 1;
    assert_false(accepted(&out));
    header_of(&out)->cutoff_ms = EARLY;
    assert_true(accepted(&out));
    sg_buffer_clear(&out);
}

static void header_that_hides_a_residual_statement_is_refused(void **state)
{
    struct sg_buffer run = {0}, out = {0};
    struct sg_record record;

    (void)state;
    add_conditional(&run);
    record = sample(&run);
    assert_true(sg_record_write(&out, &record));
    header_of(&out)->residual = 0;
    assert_false(accepted(&out));
    sg_buffer_clear(&run);
    sg_buffer_clear(&out);
}

static void unknown_state_is_refused(void **state)
{
    struct sg_buffer out = written();
    const uint16_t wrong[] = {0, 3, 256, UINT16_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        header_of(&out)->state = wrong[i];
        assert_false(accepted(&out));
    }
    sg_buffer_clear(&out);
}

static void offset_into_the_header_or_past_the_end_is_refused(void **state)
{
    struct sg_buffer out = written();
    const uint16_t wrong[] = {0, 47, UINT16_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct sg_record_header good = *header_of(&out);

        header_of(&out)->arn_at = wrong[i];
        assert_false(accepted(&out));
        *header_of(&out) = good;
        header_of(&out)->role_id_at = wrong[i];
        assert_false(accepted(&out));
        *header_of(&out) = good;
        header_of(&out)->statements_at = wrong[i];
        assert_false(accepted(&out));
        *header_of(&out) = good;
        header_of(&out)->statements_at = UINT32_MAX - wrong[i];
        assert_false(accepted(&out));
        *header_of(&out) = good;
    }
    assert_true(accepted(&out));
    sg_buffer_clear(&out);
}

static void length_past_the_end_is_refused(void **state)
{
    struct sg_buffer out = written();
    const struct sg_record_header good = *header_of(&out);

    (void)state;
    header_of(&out)->arn_length = UINT16_MAX;
    assert_false(accepted(&out));
    *header_of(&out) = good;
    header_of(&out)->role_id_length = UINT16_MAX;
    assert_false(accepted(&out));
    *header_of(&out) = good;
    header_of(&out)->statements_length += 8;
    assert_false(accepted(&out));
    header_of(&out)->statements_length = UINT32_MAX;
    assert_false(accepted(&out));
    sg_buffer_clear(&out);
}

/* Under the sanitizers: whatever bit is wrong, reading stays inside, and a cutoff is never lost
 * while its statement is there. */
static void flipped_bit_is_refused_or_harmless(void **state)
{
    struct sg_buffer out = written();
    struct sg_record record;

    (void)state;
    for (size_t bit = 0; bit < out.length * 8; bit++) {
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << (bit % 8)));
        if (sg_record_read(&record, sg_buffer_text(&out)) && record.statements.length > 0) {
            size_t at = 0;
            const struct sg_statement *statement = sg_statement_next(record.statements, &at);

            assert_non_null(statement);
            if ((statement->flags & SG_STATEMENT_ENFORCED) != 0 && !record.residual)
                assert_int_equal(record.cutoff_ms, statement->cutoff_ms);
        }
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << (bit % 8)));
    }
    sg_buffer_clear(&out);
}

static void arn_or_role_id_that_is_not_plain_is_not_written(void **state)
{
    struct sg_buffer run = {0}, out = {0};
    char longest[SG_ARN_MAX + 1];
    struct sg_record record = sample(&run);

    (void)state;
    record.arn = SG_TEXT("arn:aws:iam::123456789012:role/a b");
    assert_false(sg_record_write(&out, &record));
    record.arn = SG_TEXT("arn:aws:iam::123456789012:role/a\n");
    assert_false(sg_record_write(&out, &record));
    record.arn = SG_TEXT("arn:aws:iam::123456789012:role/\xc3\xa9");
    assert_false(sg_record_write(&out, &record));
    memset(longest, 'a', sizeof longest);
    record.arn = (struct sg_text){longest, sizeof longest};
    assert_false(sg_record_write(&out, &record));
    record.arn.length = SG_ARN_MAX;
    assert_true(sg_record_write(&out, &record));
    sg_buffer_clear(&out);
    record.role_id = (struct sg_text){longest, 33};
    assert_false(sg_record_write(&out, &record));
    assert_int_equal(out.length, 0);
}

static void malformed_statements_are_not_written(void **state)
{
    struct sg_buffer run = {0}, out = {0};
    struct sg_record record;

    (void)state;
    add_revocation(&run, EARLY);
    record = sample(&run);
    record.statements.length -= 8;
    assert_false(sg_record_write(&out, &record));
    assert_int_equal(out.length, 0);
    sg_buffer_clear(&run);
}

static void record_that_does_not_fit_leaves_nothing_behind(void **state)
{
    struct sg_buffer run = {0}, out = {.limit = 100};
    struct sg_record record;

    (void)state;
    sg_buffer_add(&out, "12345678", 8);
    add_revocation(&run, EARLY);
    record = sample(&run);
    assert_false(sg_record_write(&out, &record));
    assert_int_equal(out.length, 8);
    sg_buffer_clear(&run);
    sg_buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(view_agrees_with_the_full_check),
        cmocka_unit_test(cutoff_is_the_greatest_of_the_simple_statements),
        cmocka_unit_test(statement_with_other_conditions_is_residual_and_sets_no_cutoff),
        cmocka_unit_test(role_without_statements_has_no_cutoff),
        cmocka_unit_test(deleted_role_without_arn_reads_back_as_deleted),
        cmocka_unit_test(truncated_record_is_refused_at_every_length),
        cmocka_unit_test(longer_record_is_refused),
        cmocka_unit_test(misaligned_record_is_refused),
        cmocka_unit_test(header_cutoff_that_the_statements_do_not_say_is_refused),
        cmocka_unit_test(header_that_hides_a_residual_statement_is_refused),
        cmocka_unit_test(unknown_state_is_refused),
        cmocka_unit_test(offset_into_the_header_or_past_the_end_is_refused),
        cmocka_unit_test(length_past_the_end_is_refused),
        cmocka_unit_test(flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(arn_or_role_id_that_is_not_plain_is_not_written),
        cmocka_unit_test(malformed_statements_are_not_written),
        cmocka_unit_test(record_that_does_not_fit_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
