/*
 * test_ratchet.c - what a ratchet keeps, for how long, and who lets it go; and what policies of
 * one's own do to a record.
 */
#include "merge_world.h"

#define NEAR  "2026-05-28T20:00:00Z" /* before FIRST_MS, by less than a session */
#define NEXT  "2026-05-28T20:20:00Z"
#define AHEAD "2026-06-28T00:00:00Z"

static unsigned flags_of(const struct world *world)
{
    return first_of(world) == NULL ? 0 : first_of(world)->flags;
}

/* Shown until FIRST_MS + 1, gone in two reads. */
static void lose(struct world *world, const char *date)
{
    world->ratchet = true;
    read_once(world, date, FIRST_MS);
    read_once(world, date, FIRST_MS + 1000);
    read_once(world, NULL, FIRST_MS + 2000);
    read_once(world, NULL, FIRST_MS + 3000);
}

/* ---- kept ---- */

static void revocation_that_is_taken_back_is_kept_until_no_session_can_be_older(void **state)
{
    struct world *world = *state;

    lose(world, NEAR);
    assert_int_equal(world->merged.ratcheted, 1);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    assert_int_equal(flags_of(world) & (SG_STATEMENT_RATCHETED | SG_STATEMENT_GONE_ONCE),
                     SG_STATEMENT_RATCHETED);
    assert_int_equal(first_of(world)->kept_until_ms, ms_of(NEAR) + 12 * SG_HOUR_MS);
    read_once(world, NULL, ms_of(NEAR) + 12 * SG_HOUR_MS - 1);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    read_once(world, NULL, ms_of(NEAR) + 12 * SG_HOUR_MS);
    assert_int_equal(record_of(world).cutoff_ms, SG_CUTOFF_NONE);
    assert_non_null(
        strstr(world->log, "5 account=prod role=app revocation=gone ratchet=over old="));
}

static void ratchet_holds_from_the_first_read_that_lacks_the_statement(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    read_once(world, NEAR, FIRST_MS);
    read_once(world, NULL, FIRST_MS + 2000);
    assert_true(flags_of(world) & SG_STATEMENT_RATCHETED);
    assert_int_equal(first_of(world)->last_seen_ms, FIRST_MS);
    assert_null(strstr(world->log, "revocation=gone"));
}

static void statement_was_last_seen_when_the_read_that_showed_it_began(void **state)
{
    struct world *world = *state;

    lose(world, NEAR);
    assert_int_equal(first_of(world)->last_seen_ms, FIRST_MS + 1000);
}

/* Evidence needs to know when it was seen last: what is not known is never. */
static void statement_that_was_lost_over_a_restart_was_last_seen_never(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    read_once(world, NEAR, FIRST_MS);
    world->before_ms = 0;
    read_once(world, NULL, FIRST_MS + 2000);
    read_once(world, NULL, FIRST_MS + 3000);
    assert_true(flags_of(world) & SG_STATEMENT_RATCHETED);
    assert_int_equal(first_of(world)->last_seen_ms, 0);
}

static void date_that_is_moved_back_is_kept_beside_the_earlier_one(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    read_once(world, NEXT, FIRST_MS);
    for (int i = 1; i < 5; i++)
        read_once(world, NEAR, FIRST_MS + i * 1000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEXT));
}

static void future_date_is_kept_for_one_session_from_when_it_was_gone(void **state)
{
    struct world *world = *state;

    lose(world, AHEAD);
    assert_int_equal(first_of(world)->kept_until_ms, FIRST_MS + 2000 + 12 * SG_HOUR_MS);
}

static void date_that_no_session_can_be_older_than_is_not_kept(void **state)
{
    struct world *world = *state;

    lose(world, EARLY);
    assert_int_equal(record_of(world).cutoff_ms, SG_CUTOFF_NONE);
}

static void without_a_ratchet_nothing_is_kept(void **state)
{
    struct world *world = *state;

    lose(world, NEAR);
    world->ratchet = false;
    read_once(world, NULL, FIRST_MS + 4000);
    assert_int_equal(record_of(world).statements.length, 0);
}

/* The word of an event that no read has confirmed. */
static void statement_that_no_read_has_shown_is_not_kept(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    read_once(world, NEAR, FIRST_MS);
    struct sg_record record = record_of(world);
    struct sg_statement *told = (void *)(uintptr_t)first_of(world);
    struct sg_buffer packed = {0};
    told->first_seen_ms = 0;
    told->flags &= (uint16_t)~SG_STATEMENT_FROM_IAM;
    assert_true(sg_record_write(&packed, &record));
    take_packed(world, &packed);
    read_once(world, NULL, FIRST_MS + 2000);
    read_once(world, NULL, FIRST_MS + 3000);
    assert_int_equal(record_of(world).statements.length, 0);
}

static void statement_that_is_shown_again_is_kept_no_more_and_is_seen_anew(void **state)
{
    struct world *world = *state;

    lose(world, NEAR);
    read_once(world, NEAR, FIRST_MS + 4000);
    assert_false(flags_of(world) & SG_STATEMENT_RATCHETED);
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS + 4000);
    assert_int_equal(first_of(world)->last_seen_ms, 0);
    assert_int_equal(first_of(world)->kept_until_ms, 0);
    assert_non_null(strstr(world->log, "revocation=back"));
}

/* As events_hold.c leaves it when the session that it revokes has removed it at FIRST_MS + 1 s. */
static void hold(struct world *world)
{
    struct sg_record record = record_of(world);
    struct sg_statement *held = (void *)(uintptr_t)first_of(world);
    struct sg_buffer packed = {0};

    held->flags |= SG_STATEMENT_HELD;
    held->last_seen_ms = FIRST_MS + 1000;
    assert_true(sg_record_write(&packed, &record));
    take_packed(world, &packed);
}

static void read_from_before_the_removal_lets_nothing_go_that_is_held(void **state)
{
    struct world *world = *state;

    read_once(world, NEAR, FIRST_MS);
    hold(world);
    read_once(world, NEAR, FIRST_MS + 2000);
    for (int i = 3; i < 9; i++)
        read_once(world, NULL, FIRST_MS + i * 1000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    assert_true(flags_of(world) & SG_STATEMENT_RATCHETED);
}

static void hold_ends_when_iam_still_shows_the_statement_later(void **state)
{
    struct world *world = *state;

    read_once(world, NEAR, FIRST_MS);
    hold(world);
    read_once(world, NEAR, FIRST_MS + 400000);
    assert_false(flags_of(world) & SG_STATEMENT_HELD);
    assert_int_equal(first_of(world)->last_seen_ms, 0);
}

static void later_date_takes_the_place_of_one_that_is_kept(void **state)
{
    struct world *world = *state;
    size_t at = 0;

    lose(world, NEAR);
    read_once(world, NEXT, FIRST_MS + 4000);
    const struct sg_record record = record_of(world);
    assert_int_equal(record.cutoff_ms, ms_of(NEXT));
    assert_non_null(sg_statement_next(record.statements, &at));
    assert_null(sg_statement_next(record.statements, &at));
}

static void what_is_kept_changes_no_byte_from_read_to_read(void **state)
{
    struct world *world = *state;
    struct sg_buffer before = {0};

    lose(world, NEAR);
    sg_buffer_add_text(&before, sg_buffer_text(&world->packed));
    read_once(world, NULL, FIRST_MS + 60000);
    assert_true(sg_text_equal(sg_buffer_text(&before), sg_buffer_text(&world->packed)));
    sg_buffer_clear(&before);
}

static void young_revocation_that_is_kept_is_an_alarm_once(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    read_once(world, NEXT, ms_of(NEXT) + 1000);
    read_once(world, NULL, ms_of(NEXT) + 2000);
    read_once(world, NULL, ms_of(NEXT) + 3000);
    assert_non_null(strstr(world->log,
                           "4 account=prod role=app revocation=gone alarm=cutoff-younger-than-5m "
                           "ratchet=kept-until-2026-05-29T08:20:00.000Z "
                           "old=2026-05-28T20:20:00.000Z new=none: inline policy revoke: Deny"));
    read_once(world, NULL, ms_of(NEXT) + 4000);
    assert_null(strstr(world->log, "revocation="));
}

/* ---- a role that goes ---- */

static void role_that_looked_deleted_keeps_what_the_ratchet_holds(void **state)
{
    struct world *world = *state;
    struct sg_buffer packed = {0};

    lose(world, NEAR);
    const struct sg_record before = record_of(world);
    assert_int_equal(sg_merge_deleted(&packed, &before), SG_OK);
    take_packed(world, &packed);
    read_once(world, NULL, FIRST_MS + 4000);
    assert_int_equal(record_of(world).state, SG_ROLE_PRESENT);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
}

static void recreated_role_is_not_held_by_the_old_ones_ratchet(void **state)
{
    struct world *world = *state;

    lose(world, NEAR);
    read_role(world, NULL, FIRST_MS + 4000, "AROA2", true);
    assert_int_equal(record_of(world).statements.length, 0);
}

/* ---- lifting ---- */

static unsigned lift(struct world *world, struct sg_text content)
{
    const struct sg_log none = {.most = SG_LOG_ERROR};
    const struct sg_record before = record_of(world);
    struct sg_buffer packed = {0};
    unsigned lifted;

    assert_int_equal(sg_merge_lift(&packed, &lifted, &before, content, &none, "role=app"), SG_OK);
    take_packed(world, &packed);
    return lifted;
}

static void what_is_lifted_is_gone_and_stays_gone(void **state)
{
    struct world *world = *state;
    struct sg_buffer content = {0};

    lose(world, NEAR);
    sg_lift_add(&content, first_of(world));
    assert_int_equal(lift(world, sg_buffer_text(&content)), 1);
    assert_int_equal(record_of(world).statements.length, 0);
    assert_int_equal(record_of(world).cutoff_ms, SG_CUTOFF_NONE);
    read_once(world, NULL, FIRST_MS + 4000);
    assert_int_equal(record_of(world).statements.length, 0);
    sg_buffer_clear(&content);
}

static void lift_touches_nothing_that_it_does_not_name(void **state)
{
    struct world *world = *state, other = {0};
    struct sg_buffer content = {0};

    lose(world, NEAR);
    lose(&other, NEXT);
    sg_lift_add(&content, first_of(&other));
    assert_int_equal(lift(world, sg_buffer_text(&content)), 0);
    assert_int_equal(lift(world, SG_TEXT("")), 0);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    sg_buffer_clear(&content);
    forget(&other);
}

static void lift_never_lets_go_of_what_iam_shows(void **state)
{
    struct world *world = *state;
    struct sg_buffer content = {0};

    lose(world, NEAR);
    sg_lift_add(&content, first_of(world));
    read_once(world, NEAR, FIRST_MS + 4000);
    assert_int_equal(lift(world, sg_buffer_text(&content)), 0);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    sg_buffer_clear(&content);
}

static void lift_that_was_cut_short_names_nothing(void **state)
{
    struct world *world = *state;
    struct sg_buffer content = {0};

    lose(world, NEAR);
    sg_lift_add(&content, first_of(world));
    const struct sg_text whole = sg_buffer_text(&content);
    for (size_t length = 0; length < whole.length; length++)
        assert_int_equal(lift(world, (struct sg_text){whole.data, length}), 0);
    sg_buffer_clear(&content);
}

static void name_of_a_lift_tells_account_and_role_and_nothing_else_is_one(void **state)
{
    static const char *const others[] = {
        "lift:prod:app",  "lift:prod:app:.new", "lift:prod:app:x:", "lift::app:", "lift:prod::",
        "lift:prod:app ", "account-prod.cdb",   "lifts:prod:app:",  "lift:",      ""};
    struct sg_buffer name = {0};
    struct sg_text label, role;

    (void)state;
    sg_lift_write_name(&name, SG_TEXT("prod-1.eu"), SG_TEXT("app+=,.@-_"));
    assert_true(sg_lift_read_name(&label, &role, sg_buffer_text(&name)));
    assert_true(sg_text_equal(label, SG_TEXT("prod-1.eu")));
    assert_true(sg_text_equal(role, SG_TEXT("app+=,.@-_")));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(sg_lift_read_name(&label, &role, sg_text_of(others[i])));
    sg_buffer_clear(&name);
}

/* ---- policies of one's own ---- */

static void extra_policy_is_never_aws_word(void **state)
{
    struct world *world = *state;

    world->extra = NEAR;
    read_once(world, NULL, FIRST_MS);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    assert_false(flags_of(world) & SG_STATEMENT_FROM_IAM);
    assert_int_equal(first_of(world)->origin, SG_POLICY_EXTRA);
}

static void reading_extras_alone_leaves_what_iam_said_as_it_was(void **state)
{
    struct world *world = *state;

    read_once(world, EARLY, FIRST_MS);
    world->extras_only = true;
    world->extra = NEAR;
    read_once(world, NULL, FIRST_MS + 1000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    assert_true(sg_text_equal(record_of(world).arn, ARN));
    world->extra = NULL;
    read_once(world, NULL, FIRST_MS + 2000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    read_once(world, NULL, FIRST_MS + 3000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(EARLY));
    assert_int_equal(first_of(world)->first_seen_ms, FIRST_MS);
    assert_int_equal(flags_of(world) & (SG_STATEMENT_FROM_IAM | SG_STATEMENT_GONE_ONCE),
                     SG_STATEMENT_FROM_IAM);
}

static void read_of_iam_alone_is_no_second_look_into_the_folder(void **state)
{
    struct world *world = *state;

    world->extra = NEAR;
    read_once(world, NULL, FIRST_MS);
    world->extra = NULL;
    read_once(world, NULL, FIRST_MS + 1000);
    world->extras_again = true;
    for (int i = 2; i < 5; i++)
        read_once(world, NULL, FIRST_MS + i * 1000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
    world->extras_again = false;
    read_once(world, NULL, FIRST_MS + 9000);
    assert_int_equal(record_of(world).cutoff_ms, SG_CUTOFF_NONE);
}

static void ratchet_does_not_keep_what_the_operator_removes_himself(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    world->extra = NEAR;
    read_once(world, NULL, FIRST_MS);
    world->extra = NULL;
    read_once(world, NULL, FIRST_MS + 1000);
    read_once(world, NULL, FIRST_MS + 2000);
    assert_int_equal(record_of(world).statements.length, 0);
}

static void extra_policy_is_no_stand_in_for_what_the_ratchet_keeps(void **state)
{
    struct world *world = *state;

    world->ratchet = true;
    read_once(world, NEAR, FIRST_MS);
    world->extra = NEXT;
    for (int i = 1; i < 4; i++)
        read_once(world, NULL, FIRST_MS + i * 1000);
    world->extra = NULL;
    for (int i = 4; i < 8; i++)
        read_once(world, NULL, FIRST_MS + i * 1000);
    assert_int_equal(record_of(world).cutoff_ms, ms_of(NEAR));
}

/* ---- every order ---- */

/* With a ratchet the cutoff never falls while a session of then may live, whatever comes and goes.
 */
static void no_order_of_coming_and_going_lowers_a_cutoff_that_is_held(void **state)
{
    static const char *const shown[][3] = {{NULL}, {NEAR}, {NEXT}, {NEAR, NEXT}};
    struct world *world = *state;
    const int64_t cutoffs[] = {SG_CUTOFF_NONE, ms_of(NEAR), ms_of(NEXT), ms_of(NEXT)};

    for (unsigned order = 0; order < 4096; order++) {
        int64_t highest_ms = SG_CUTOFF_NONE;

        forget(world);
        world->ratchet = true;
        for (int i = 0; i < 6; i++) {
            const unsigned now = order >> (2 * i) & 3;

            read_role(world, shown[now], FIRST_MS + i, "AROA1", true);
            if (cutoffs[now] > highest_ms)
                highest_ms = cutoffs[now];
            assert_int_equal(record_of(world).cutoff_ms, highest_ms);
        }
        read_once(world, NULL, ms_of(NEXT) + 12 * SG_HOUR_MS);
        read_once(world, NULL, ms_of(NEXT) + 12 * SG_HOUR_MS + 1);
        assert_int_equal(record_of(world).statements.length, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)
    const struct CMUnitTest tests[] = {
        TEST(revocation_that_is_taken_back_is_kept_until_no_session_can_be_older),
        TEST(ratchet_holds_from_the_first_read_that_lacks_the_statement),
        TEST(statement_was_last_seen_when_the_read_that_showed_it_began),
        TEST(statement_that_was_lost_over_a_restart_was_last_seen_never),
        TEST(date_that_is_moved_back_is_kept_beside_the_earlier_one),
        TEST(future_date_is_kept_for_one_session_from_when_it_was_gone),
        TEST(date_that_no_session_can_be_older_than_is_not_kept),
        TEST(without_a_ratchet_nothing_is_kept),
        TEST(statement_that_no_read_has_shown_is_not_kept),
        TEST(statement_that_is_shown_again_is_kept_no_more_and_is_seen_anew),
        TEST(read_from_before_the_removal_lets_nothing_go_that_is_held),
        TEST(hold_ends_when_iam_still_shows_the_statement_later),
        TEST(later_date_takes_the_place_of_one_that_is_kept),
        TEST(what_is_kept_changes_no_byte_from_read_to_read),
        TEST(young_revocation_that_is_kept_is_an_alarm_once),
        TEST(role_that_looked_deleted_keeps_what_the_ratchet_holds),
        TEST(recreated_role_is_not_held_by_the_old_ones_ratchet),
        TEST(what_is_lifted_is_gone_and_stays_gone),
        TEST(lift_touches_nothing_that_it_does_not_name),
        TEST(lift_never_lets_go_of_what_iam_shows),
        TEST(lift_that_was_cut_short_names_nothing),
        TEST(name_of_a_lift_tells_account_and_role_and_nothing_else_is_one),
        TEST(extra_policy_is_never_aws_word),
        TEST(reading_extras_alone_leaves_what_iam_said_as_it_was),
        TEST(read_of_iam_alone_is_no_second_look_into_the_folder),
        TEST(ratchet_does_not_keep_what_the_operator_removes_himself),
        TEST(extra_policy_is_no_stand_in_for_what_the_ratchet_keeps),
        TEST(no_order_of_coming_and_going_lowers_a_cutoff_that_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
