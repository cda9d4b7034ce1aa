/*
 * test_store.c - what the writer publishes and what readers then see: generations, stamps, two
 * issuers in one key table.
 */
#include "store_world.h"

#include "store/now.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUTOFF INT64_C(1780000000000)

/* ---- before anything is there ---- */

static void reader_that_meets_no_store_yet_knows_nothing(void **state)
{
    struct world *world = *state;
    struct sg_stamp stamp;

    world_open_store(world);
    assert_int_equal(world->problems.count, 0);
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_E_INVALID);
    assert_int_equal(stamp.generation, 0);
    assert_false(stamp.this_boot);
    assert_int_equal(stamp.complete_boot_ms, SG_NEVER_MS);
    assert_int_equal(world->log_lines, 0);
}

static void store_that_appears_is_found_within_a_second(void **state)
{
    struct world *world = *state;
    struct sg_stamp stamp;
    int64_t cutoff_ms;

    world_open_store(world);
    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world->boot_ms += 999;
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_E_INVALID);
    world->boot_ms += 1;
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &stamp), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
    assert_true(stamp.this_boot);
    assert_int_equal(stamp.complete_boot_ms, START_BOOT);
}

static void account_that_was_never_published_is_not_an_account_without_roles(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("test"),
                                    &(struct sg_complete){world->boot_ms, 1}),
                     SG_OK);
    world_open_store(world);
    assert_int_equal(world_look(world, "test", "admin", NULL, NULL), SG_E_INVALID);
    assert_int_equal(world_look(world, "other", "admin", NULL, NULL), SG_E_INVALID);
}

/* ---- roles ---- */

static void role_that_is_not_in_a_good_table_is_absent(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    assert_int_equal(world_look(world, "prod", "Admin", NULL, NULL), SG_E_ABSENT);
    assert_int_equal(world_look(world, "prod", "admi", NULL, NULL), SG_E_ABSENT);
    assert_int_equal(world_look(world, "prod", "", NULL, NULL), SG_E_ABSENT);
}

static void empty_account_is_a_good_table(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    assert_int_equal(world_put(world, SG_TEXT("prod"), NULL, 0), SG_OK);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_E_ABSENT);
}

/* CVE-2025-11621: one account's role must never be found by another's name. */
static void parts_of_a_role_key_never_run_together(void **state)
{
    struct world *world = *state;
    struct sg_slot *slot;
    struct sg_record record;
    struct sg_stamp stamp;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    slot = sg_store_slot(world->store, SG_SLOT_ACCOUNT, SG_TEXT("prod"));
    sg_store_refresh(world->store, slot, world->boot_ms, &stamp);
    assert_int_equal(
        sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &record),
        SG_OK);
    assert_int_equal(
        sg_store_role(world->store, slot, SG_TEXT("aws-cn"), ACCOUNT, SG_TEXT("admin"), &record),
        SG_E_ABSENT);
    assert_int_equal(
        sg_store_role(world->store, slot, SG_TEXT("aws"), SG_TEXT(""), SG_TEXT("admin"), &record),
        SG_E_ABSENT);
    assert_int_equal(sg_store_role(world->store, slot,
                                   SG_TEXT("aws\0"
                                           "123456789012\0admin"),
                                   SG_TEXT(""), SG_TEXT(""), &record),
                     SG_E_ABSENT);
    assert_int_equal(
        sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin\0\0"), &record),
        SG_E_ABSENT);
    assert_int_equal(record.cutoff_ms, SG_CUTOFF_NONE);
}

static void name_longer_than_iam_allows_is_absent(void **state)
{
    struct world *world = *state;
    char name[200];

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", name, NULL, NULL), SG_E_ABSENT);
}

static bool count_role(void *payload, struct sg_text partition, struct sg_text account,
                       struct sg_text role_key, const struct sg_record *record)
{
    unsigned *seen = payload;

    assert_true(sg_text_equal(partition, SG_TEXT("aws")));
    assert_true(sg_text_equal(account, ACCOUNT));
    assert_int_equal(role_key.length, 1);
    assert_int_equal(record->cutoff_ms, role_key.data[0]);
    *seen |= 1u << (role_key.data[0] - 'a');
    return true;
}

static void every_role_is_listed(void **state)
{
    struct world *world = *state;
    const struct role roles[] = {{"a", 'a'}, {"b", 'b'}, {"c", 'c'}};
    unsigned seen = 0;

    world_open_writer(world);
    assert_int_equal(world_put(world, SG_TEXT("prod"), roles, 3), SG_OK);
    world_open_store(world);
    (void)world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_int_equal(
        sg_store_each_role(world->store,
                           sg_store_slot(world->store, SG_SLOT_ACCOUNT, SG_TEXT("prod")),
                           count_role, &seen),
        SG_OK);
    assert_int_equal(seen, 7);
}

static void duplicate_role_is_refused(void **state)
{
    struct world *world = *state;
    const struct sg_record record = {.state = SG_ROLE_DELETED};
    struct sg_table *table;

    world_open_writer(world);
    assert_int_equal(
        sg_table_begin_account(&table, world->writer, SG_TEXT("prod"), &world->problems), SG_OK);
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &record),
                     SG_OK);
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &record),
                     SG_E_INVALID);
    assert_true(world_problem(world, "role admin is there twice"));
    sg_table_abandon(table);
}

static void label_that_would_leave_the_folder_is_refused(void **state)
{
    struct world *world = *state;
    const char *const labels[] = {
        "",   "../x", "a/b", ".hidden",
        "-x", "a b",  "a\n", "123456789012345678901234567890123456789012345678"};
    struct sg_table *table;

    world_open_writer(world);
    world_open_store(world);
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        const struct sg_text label = sg_text_of(labels[i]);

        assert_int_equal(sg_table_begin_account(&table, world->writer, label, NULL), SG_E_INVALID);
        assert_null(table);
        assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, label,
                                        &(struct sg_complete){world->boot_ms, 1}),
                         SG_E_INVALID);
        assert_null(sg_store_slot(world->store, SG_SLOT_ACCOUNT, label));
    }
}

static void abandoned_table_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct sg_table *table;

    world_open_writer(world);
    assert_int_equal(sg_table_begin_account(&table, world->writer, SG_TEXT("prod"), NULL), SG_OK);
    assert_int_equal(access(world_path(world, "account-prod.cdb.new"), F_OK), 0);
    sg_table_abandon(table);
    assert_int_equal(access(world_path(world, "account-prod.cdb.new"), F_OK), -1);
    assert_int_equal(access(world_path(world, "account-prod.cdb"), F_OK), -1);
}

/* ---- generations and stamps ---- */

static void change_in_one_account_moves_that_account_only(void **state)
{
    struct world *world = *state;
    struct sg_stamp before, after;
    int64_t cutoff_ms;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_publish(world, "test", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "test");
    world_publish(world, "prod", "admin", CUTOFF + 1);
    after = world_stamp(world, SG_SLOT_ACCOUNT, "test");
    assert_int_equal(before.generation, after.generation);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
}

static void views_outlive_a_refresh_until_the_epoch_moves(void **state)
{
    struct world *world = *state;
    struct sg_slot *slot;
    struct sg_record kept, again;

    world_open_writer(world);
    world_open_store(world);
    slot = sg_store_slot(world->store, SG_SLOT_ACCOUNT, SG_TEXT("prod"));
    assert_int_equal(sg_store_epoch(world->store, slot), 0);
    world_publish(world, "prod", "admin", CUTOFF);
    world_publish(world, "test", "admin", CUTOFF);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    const uint64_t epoch = sg_store_epoch(world->store, slot);
    assert_int_not_equal(epoch, 0);
    assert_int_equal(
        sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &kept), SG_OK);

    /* Neither a stamp nor another account's change ends the view. */
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){world->boot_ms, 2}),
                     SG_OK);
    world_publish(world, "test", "admin", CUTOFF + 1);
    assert_int_equal(world_look(world, "test", "admin", NULL, NULL), SG_OK);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    assert_int_equal(sg_store_epoch(world->store, slot), epoch);
    assert_int_equal(
        sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &again),
        SG_OK);
    assert_ptr_equal(kept.arn.data, again.arn.data);

    world_publish(world, "prod", "admin", CUTOFF + 1);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    assert_int_not_equal(sg_store_epoch(world->store, slot), epoch);
}

static void stamp_without_a_change_moves_no_generation(void **state)
{
    struct world *world = *state;
    struct sg_stamp before, after;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    world->boot_ms += 15000;
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){world->boot_ms, 77}),
                     SG_OK);
    after = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_int_equal(before.generation, after.generation);
    assert_int_equal(after.complete_boot_ms, START_BOOT + 15000);
    assert_int_equal(after.complete_aws_ms, 77);
}

static void stamp_is_as_old_as_the_beginning_of_what_it_speaks_of(void **state)
{
    struct world *world = *state;
    struct sg_complete complete = {world->boot_ms, 77};
    struct sg_stamp stamp;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    world->boot_ms += 400000;
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"), &complete),
                     SG_OK);
    stamp = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_int_equal(stamp.complete_boot_ms, START_BOOT);
    assert_int_equal(stamp.complete_aws_ms, 77);
    assert_int_equal(stamp.tried_boot_ms, START_BOOT + 400000);
}

static void stamp_is_never_ahead_of_the_clock(void **state)
{
    struct world *world = *state;
    const struct sg_complete complete = {START_BOOT + 5000, 77};

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"), &complete),
                     SG_OK);
    assert_int_equal(world_stamp(world, SG_SLOT_ACCOUNT, "prod").complete_boot_ms, START_BOOT);
}

static void label_that_gets_another_meaning_was_never_read(void **state)
{
    struct world *world = *state;
    struct sg_stamp stamp;

    world_open_writer(world);
    assert_int_equal(sg_store_claim(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"), 7), SG_OK);
    world_publish(world, "prod", "admin", CUTOFF);
    assert_int_equal(sg_store_claim(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"), 7), SG_OK);
    world_open_store(world);
    stamp = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_true(stamp.this_boot);
    assert_int_equal(stamp.origin, 7);
    assert_int_equal(sg_store_claim(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"), 8), SG_OK);
    stamp = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_false(stamp.this_boot);
    assert_int_equal(stamp.complete_aws_ms, SG_NEVER_MS);
    assert_int_equal(stamp.origin, 8);
}

static void failed_attempt_does_not_look_fresh(void **state)
{
    struct world *world = *state;
    struct sg_stamp stamp;

    world_open_writer(world);
    assert_int_equal(sg_store_tried(world->writer, SG_SLOT_ISSUER, SG_TEXT("prod")), SG_OK);
    world_open_store(world);
    stamp = world_stamp(world, SG_SLOT_ISSUER, "prod");
    assert_false(stamp.this_boot);
    assert_int_equal(stamp.tried_boot_ms, START_BOOT);
    assert_int_equal(stamp.complete_boot_ms, SG_NEVER_MS);
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ISSUER, SG_TEXT("prod"),
                                    &(struct sg_complete){world->boot_ms, 5}),
                     SG_OK);
    world->boot_ms += 500;
    assert_int_equal(sg_store_tried(world->writer, SG_SLOT_ISSUER, SG_TEXT("prod")), SG_OK);
    stamp = world_stamp(world, SG_SLOT_ISSUER, "prod");
    assert_true(stamp.this_boot);
    assert_int_equal(stamp.tried_boot_ms, START_BOOT + 500);
    assert_int_equal(stamp.complete_boot_ms, START_BOOT);
}

static void generation_grows_though_the_clock_steps_back(void **state)
{
    struct world *world = *state;
    struct sg_stamp before, after;
    int64_t cutoff_ms;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_int_equal(before.generation, START_WALL);
    world->wall_ms -= 3600000;
    world_publish(world, "prod", "admin", CUTOFF + 1);
    after = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_true(after.generation > before.generation);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
}

static void generation_grows_though_the_folder_was_deleted(void **state)
{
    struct world *world = *state;
    struct sg_stamp before, after;
    int64_t cutoff_ms;
    char moved[128];

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    sg_store_writer_close(world->writer);
    world->writer = NULL;
    (void)snprintf(moved, sizeof moved, "%s/gone", world->root);
    assert_int_equal(rename(world->folder, moved), 0);

    world->wall_ms += 5000;
    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF + 1);
    world->boot_ms += 20000; /* by then a reader whose page stands still looks at the folder */
    after = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_true(after.generation > before.generation);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
}

static void of_another_boot(struct sg_now_entry *entry)
{
    entry->boot_id[0] ^= 1;
}

static void stamp_of_another_boot_is_stale_whatever_it_says(void **state)
{
    struct world *world = *state;
    struct sg_stamp stamp;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_edit_slot(world, "prod", of_another_boot);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_OK);
    assert_false(stamp.this_boot);
    assert_int_equal(stamp.complete_boot_ms, SG_NEVER_MS);
    assert_int_equal(stamp.tried_boot_ms, SG_NEVER_MS);

    /* An attempt after the boot does not lend the old answer a new age. */
    assert_int_equal(sg_store_tried(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod")), SG_OK);
    stamp = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_false(stamp.this_boot);
    assert_int_equal(stamp.tried_boot_ms, START_BOOT);
}

static void from_the_future(struct sg_now_entry *entry)
{
    entry->complete_boot_ms += 3600000;
}

static void stamp_from_the_future_is_not_fresh(void **state)
{
    struct world *world = *state;
    struct sg_stamp stamp;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_edit_slot(world, "prod", from_the_future);
    world_open_store(world);
    stamp = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_false(stamp.this_boot);
    assert_int_equal(stamp.complete_boot_ms, SG_NEVER_MS);
}

static void page_that_is_full_is_reported(void **state)
{
    struct world *world = *state;
    char label[32];

    world_open_writer(world);
    for (unsigned i = 0; i < SG_STORE_SLOTS; i++) {
        (void)snprintf(label, sizeof label, "a%u", i);
        assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                                        &(struct sg_complete){world->boot_ms, 1}),
                         SG_OK);
    }
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ISSUER, SG_TEXT("a0"),
                                    &(struct sg_complete){world->boot_ms, 1}),
                     SG_E_LIMIT);
    assert_int_equal(world_put(world, SG_TEXT("more"), NULL, 0), SG_E_LIMIT);
    assert_true(world_problem(world, "has no slot left"));
    world_open_store(world);
    assert_int_equal(world_stamp(world, SG_SLOT_ACCOUNT, "a1023").complete_aws_ms, 1);
}

/* ---- keys ---- */

static void key_is_found_by_its_own_issuer_only(void **state)
{
    struct world *world = *state;
    const char *const pairs[][2] = {{"one", "k1"}, {"two", "k2"}, {"one", ""}};
    struct sg_text key;

    world_open_writer(world);
    world_put_keys(world, pairs, 3, "one");
    world_open_store(world);
    assert_int_equal(world_find_key(world, "one", "k1", &key), SG_OK);
    assert_true(sg_text_equal(key, SG_TEXT("one")));
    assert_int_equal(world_find_key(world, "one", "", &key), SG_OK);
    assert_int_equal(world_find_key(world, "one", "k2", &key), SG_E_ABSENT);
    assert_int_equal(world_find_key(world, "one", "k", &key), SG_E_ABSENT);
    /* Nothing was published of this one yet. */
    assert_int_equal(world_find_key(world, "two", "k2", &key), SG_E_INVALID);
}

static void new_keys_of_one_issuer_move_that_issuer_only(void **state)
{
    struct world *world = *state;
    const char *const first[][2] = {{"one", "k1"}, {"two", "k2"}};
    const char *const second[][2] = {{"one", "k1"}, {"two", "k3"}};
    struct sg_stamp one, two;
    struct sg_text key;

    world_open_writer(world);
    world_put_keys(world, first, 2, "one");
    world_put_keys(world, first, 2, "two");
    world_open_store(world);
    one = world_stamp(world, SG_SLOT_ISSUER, "one");
    two = world_stamp(world, SG_SLOT_ISSUER, "two");
    world_put_keys(world, second, 2, "two");
    assert_int_equal(world_stamp(world, SG_SLOT_ISSUER, "one").generation, one.generation);
    assert_true(world_stamp(world, SG_SLOT_ISSUER, "two").generation > two.generation);
    assert_int_equal(world_find_key(world, "two", "k2", &key), SG_E_ABSENT);
    assert_int_equal(world_find_key(world, "two", "k3", &key), SG_OK);
    assert_int_equal(world_find_key(world, "one", "k1", &key), SG_OK);
}

static bool count_key(void *payload, struct sg_text kid, struct sg_text key)
{
    assert_true(sg_text_equal(kid, SG_TEXT("k1")));
    assert_true(sg_text_equal(key, SG_TEXT("one")));
    ++*(unsigned *)payload;
    return true;
}

static void only_the_keys_of_the_issuer_are_listed(void **state)
{
    struct world *world = *state;
    const char *const pairs[][2] = {{"one", "k1"}, {"two", "k2"}};
    unsigned count = 0;

    world_open_writer(world);
    world_put_keys(world, pairs, 2, "one");
    world_open_store(world);
    (void)world_stamp(world, SG_SLOT_ISSUER, "one");
    assert_int_equal(sg_store_each_key(world->store,
                                       sg_store_slot(world->store, SG_SLOT_ISSUER, SG_TEXT("one")),
                                       count_key, &count),
                     SG_OK);
    assert_int_equal(count, 1);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(reader_that_meets_no_store_yet_knows_nothing),
        WORLD_TEST(store_that_appears_is_found_within_a_second),
        WORLD_TEST(account_that_was_never_published_is_not_an_account_without_roles),
        WORLD_TEST(role_that_is_not_in_a_good_table_is_absent),
        WORLD_TEST(empty_account_is_a_good_table),
        WORLD_TEST(parts_of_a_role_key_never_run_together),
        WORLD_TEST(name_longer_than_iam_allows_is_absent),
        WORLD_TEST(every_role_is_listed),
        WORLD_TEST(duplicate_role_is_refused),
        WORLD_TEST(label_that_would_leave_the_folder_is_refused),
        WORLD_TEST(abandoned_table_leaves_nothing),
        WORLD_TEST(change_in_one_account_moves_that_account_only),
        WORLD_TEST(views_outlive_a_refresh_until_the_epoch_moves),
        WORLD_TEST(stamp_without_a_change_moves_no_generation),
        WORLD_TEST(stamp_is_as_old_as_the_beginning_of_what_it_speaks_of),
        WORLD_TEST(stamp_is_never_ahead_of_the_clock),
        WORLD_TEST(label_that_gets_another_meaning_was_never_read),
        WORLD_TEST(failed_attempt_does_not_look_fresh),
        WORLD_TEST(generation_grows_though_the_clock_steps_back),
        WORLD_TEST(generation_grows_though_the_folder_was_deleted),
        WORLD_TEST(stamp_of_another_boot_is_stale_whatever_it_says),
        WORLD_TEST(stamp_from_the_future_is_not_fresh),
        WORLD_TEST(page_that_is_full_is_reported),
        WORLD_TEST(key_is_found_by_its_own_issuer_only),
        WORLD_TEST(new_keys_of_one_issuer_move_that_issuer_only),
        WORLD_TEST(only_the_keys_of_the_issuer_are_listed),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
