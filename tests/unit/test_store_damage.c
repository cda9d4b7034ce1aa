/*
 * test_store_damage.c - files of the store that are damaged, foreign or not to be trusted: each is
 * refused, named, and allows nothing; what was good before stays, and ages.
 */
#include "store_world.h"

#include "store/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUTOFF INT64_C(1780000000000)
#define TABLE  "account-prod.cdb"

/* A store with one account, and no reader yet. */
static struct world *with_table(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    return world;
}

/* A reader that begins now learns nothing of the account, and the log names the file and `words`.
 */
static void assert_table_refused(struct world *world, const char *words)
{
    struct sg_stamp stamp;

    world_forget_log(world);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_E_INVALID);
    assert_int_equal(stamp.generation, 0);
    assert_false(stamp.this_boot);
    if (strstr(world->logged, world_path(world, TABLE)) == NULL ||
        strstr(world->logged, words) == NULL)
        fail_msg("the log says not \"%s\" of %s but: %s", words, TABLE, world->logged);
}

static void assert_table_accepted(struct world *world)
{
    int64_t cutoff_ms = 0;

    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
}

/* ---- tables ---- */

static void truncated_table_is_refused_at_every_length(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer good = world_read(world, TABLE);
    const size_t lengths[] = {0,
                              1,
                              2047,
                              2048,
                              2048 + sizeof(struct sg_table_trailer),
                              good.length / 2,
                              good.length - sizeof(struct sg_table_trailer),
                              good.length - 8,
                              good.length - 1};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        world_write(world, TABLE, (struct sg_text){good.data, lengths[i]});
        assert_table_refused(world, "");
    }
    world_write(world, TABLE, sg_buffer_text(&good));
    assert_table_accepted(world);
    sg_buffer_clear(&good);
}

static void table_with_something_behind_its_end_is_refused(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer bytes = world_read(world, TABLE);

    sg_buffer_add(&bytes, "\0", 1);
    world_write(world, TABLE, sg_buffer_text(&bytes));
    assert_table_refused(world, "damaged");
    sg_buffer_clear(&bytes);
}

static void flipped_bit_in_a_table_is_refused_wherever_it_is(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer bytes = world_read(world, TABLE);

    for (size_t at = 0; at < bytes.length; at += at < 2040 ? 255 : 7) {
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << (at % 8)));
        world_write(world, TABLE, sg_buffer_text(&bytes));
        assert_table_refused(world, "");
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << (at % 8)));
    }
    sg_buffer_clear(&bytes);
}

static void assert_version_refused(struct world *world, int version)
{
    struct sg_buffer bytes = world_read(world, TABLE);
    struct sg_table_trailer *trailer =
        (void *)(bytes.data + bytes.length - sizeof(struct sg_table_trailer));
    char why[32];

    snprintf(why, sizeof(why), "format version %d", version);
    trailer->version = (uint32_t)version;
    world_write(world, TABLE, sg_buffer_text(&bytes));
    assert_table_refused(world, why);
    sg_buffer_clear(&bytes);
}

static void table_of_a_newer_version_is_refused_and_says_so(void **state)
{
    assert_version_refused(with_table(state), SG_TABLE_VERSION + 1);
}

static void table_of_an_older_version_is_refused_and_says_so(void **state)
{
    assert_version_refused(with_table(state), SG_TABLE_VERSION - 1);
}

static void table_of_another_byte_order_is_refused_and_says_so(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer bytes = world_read(world, TABLE);
    struct sg_table_trailer *trailer =
        (void *)(bytes.data + bytes.length - sizeof(struct sg_table_trailer));

    trailer->order = __builtin_bswap32(trailer->order);
    world_write(world, TABLE, sg_buffer_text(&bytes));
    assert_table_refused(world, "byte order");
    sg_buffer_clear(&bytes);
}

static void table_of_another_account_under_this_name_is_refused(void **state)
{
    struct world *world = with_table(state);

    world_publish(world, "test", "admin", CUTOFF - 1);
    struct sg_buffer other = world_read(world, "account-test.cdb");
    world_write(world, TABLE, sg_buffer_text(&other));
    assert_table_refused(world, "of something else");
    sg_buffer_clear(&other);
}

static void old_copy_that_was_put_back_is_refused(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer old = world_read(world, TABLE);

    world_publish(world, "prod", "admin", CUTOFF + 1);
    world_write(world, TABLE, sg_buffer_text(&old));
    assert_table_refused(world, "older than");
    sg_buffer_clear(&old);
}

static void missing_table_is_refused(void **state)
{
    struct world *world = with_table(state);

    assert_int_equal(unlink(world_path(world, TABLE)), 0);
    assert_table_refused(world, "does not exist");
}

static void group_or_world_writable_table_is_refused(void **state)
{
    struct world *world = with_table(state);

    assert_int_equal(chmod(world_path(world, TABLE), 0664), 0);
    assert_table_refused(world, "writable by others");
    assert_int_equal(chmod(world_path(world, TABLE), 0646), 0);
    assert_table_refused(world, "writable by others");
    assert_int_equal(chmod(world_path(world, TABLE), 0444), 0);
    assert_table_accepted(world);
}

static void table_of_another_owner_is_refused(void **state)
{
    struct world *world = with_table(state);

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(world_path(world, TABLE), 65534, 65534), 0);
    assert_table_refused(world, "owned by uid 65534");
}

static void symlinked_table_is_refused(void **state)
{
    struct world *world = with_table(state);
    char other[192];

    (void)snprintf(other, sizeof other, "%s/elsewhere.cdb", world->root);
    assert_int_equal(rename(world_path(world, TABLE), other), 0);
    assert_int_equal(symlink(other, world_path(world, TABLE)), 0);
    assert_table_refused(world, "symbolic link");
}

static void fifo_or_folder_in_place_of_a_table_is_refused_without_waiting(void **state)
{
    struct world *world = with_table(state);

    assert_int_equal(unlink(world_path(world, TABLE)), 0);
    assert_int_equal(mkfifo(world_path(world, TABLE), 0644), 0);
    assert_table_refused(world, "not a regular file");
    assert_int_equal(unlink(world_path(world, TABLE)), 0);
    assert_int_equal(mkdir(world_path(world, TABLE), 0755), 0);
    assert_table_refused(world, "not a regular file");
}

/* The dangerous mistake: old content that looks as fresh as the new one that could not be read. */
static void last_good_content_stays_but_grows_no_younger(void **state)
{
    struct world *world = with_table(state);
    struct sg_stamp before, after;
    int64_t cutoff_ms;

    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, &before), SG_OK);
    world->boot_ms += 15000;
    world_publish(world, "prod", "admin", CUTOFF + 1);
    struct sg_buffer good = world_read(world, TABLE);
    good.data[2100] = (char)(good.data[2100] ^ 1);
    world_write(world, TABLE, sg_buffer_text(&good));

    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &after), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(world->log_lines, 1);
    for (int i = 0; i < 5; i++) { /* said once, however often it is met */
        world->boot_ms += 1000;
        assert_int_equal(world_look(world, "prod", "admin", NULL, &after), SG_OK);
        assert_memory_equal(&before, &after, sizeof before);
    }
    assert_int_equal(world->log_lines, 1);

    good.data[2100] = (char)(good.data[2100] ^ 1);
    world_write(world, TABLE, sg_buffer_text(&good));
    world->boot_ms += 1000;
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &after), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
    assert_int_equal(after.complete_boot_ms, START_BOOT + 15000);
    sg_buffer_clear(&good);
}

static void writer_names_a_damaged_table_and_replaces_it(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer bytes = world_read(world, TABLE);
    int64_t cutoff_ms;

    bytes.data[2100] = (char)(bytes.data[2100] ^ 1);
    world_write(world, TABLE, sg_buffer_text(&bytes));
    sg_buffer_clear(&bytes);
    sg_store_writer_close(world->writer);
    world->writer = NULL;
    world_open_writer(world);
    assert_true(world_problem(world, "account-prod.cdb: is damaged"));
    world_publish(world, "prod", "admin", CUTOFF + 1);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
}

/* ---- the page ---- */

/* A reader that begins now knows nothing, and its opening names the page and `words`. */
static void assert_page_refused(struct world *world, const char *words)
{
    struct sg_stamp stamp;

    sg_problems_clear(&world->problems);
    world_forget_log(world);
    world_open_store(world);
    assert_int_equal(world->problems.count, 1);
    assert_true(world_problem(world, world_path(world, "now")));
    assert_true(world_problem(world, words));
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_E_INVALID);
    assert_false(stamp.this_boot);
    assert_int_equal(world->log_lines, 0);
    world->boot_ms += 5000;
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_E_INVALID);
    assert_int_equal(world->log_lines, 0); /* said once, by the opening */
}

/* The next writer sets it right, and the same reader sees that. */
static void assert_page_recovers(struct world *world)
{
    int64_t cutoff_ms;

    sg_store_writer_close(world->writer);
    world->writer = NULL;
    world_open_writer(world);
    world->boot_ms += 1000;
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
}

static void truncated_page_is_refused_and_recovers(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer page = world_read(world, "now");
    const size_t lengths[] = {0, 1, 127, 128, page.length / 2, page.length - 1};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        world_write(world, "now", (struct sg_text){page.data, lengths[i]});
        assert_page_refused(world, "bytes, expected");
    }
    assert_page_recovers(world);
    sg_buffer_clear(&page);
}

static void flipped_bit_in_the_header_of_the_page_is_refused_and_recovers(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer page = world_read(world, "now");
    /* magic, version, order, slot count, slot size, check */
    const size_t places[] = {0, 7, 8, 11, 12, 15, 24, 25, 28, 30, 112, 127};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        page.data[places[i]] = (char)(page.data[places[i]] ^ 4);
        world_write(world, "now", sg_buffer_text(&page));
        assert_page_refused(world, "");
        page.data[places[i]] = (char)(page.data[places[i]] ^ 4);
    }
    assert_page_recovers(world);
    sg_buffer_clear(&page);
}

/* Either the very stamp that was written, or nothing. */
static void flipped_bit_in_a_slot_never_makes_another_stamp(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer page = world_read(world, "now");
    struct sg_stamp good, stamp;
    unsigned refused = 0;

    world_open_store(world);
    good = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    for (size_t bit = 128 * 8; bit < 256 * 8; bit += 3) {
        page.data[bit / 8] = (char)(page.data[bit / 8] ^ (1 << (bit % 8)));
        world_write(world, "now", sg_buffer_text(&page));
        world_open_store(world);
        stamp = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
        if (memcmp(&stamp, &good, sizeof good) != 0) {
            assert_int_equal(stamp.generation, 0);
            assert_false(stamp.this_boot);
            refused++;
        }
        page.data[bit / 8] = (char)(page.data[bit / 8] ^ (1 << (bit % 8)));
    }
    assert_true(refused > 300); /* all but the sequence word's upper bits */
    assert_non_null(strstr(world->logged, "the slot of prod is damaged"));
    assert_page_recovers(world);
    sg_buffer_clear(&page);
}

static void page_of_a_newer_version_is_refused_and_says_so(void **state)
{
    struct world *world = with_table(state);
    struct sg_buffer page = world_read(world, "now");

    page.data[8]++;
    world_write(world, "now", sg_buffer_text(&page));
    assert_page_refused(world, "format version 2");
    assert_page_recovers(world);
    sg_buffer_clear(&page);
}

static void group_writable_page_is_refused(void **state)
{
    struct world *world = with_table(state);

    assert_int_equal(chmod(world_path(world, "now"), 0664), 0);
    assert_page_refused(world, "writable by others");
}

static void page_of_another_owner_is_refused(void **state)
{
    struct world *world = with_table(state);

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(world_path(world, "now"), 65534, 65534), 0);
    assert_page_refused(world, "owned by uid 65534");
}

static void symlinked_page_is_refused(void **state)
{
    struct world *world = with_table(state);
    char other[192];

    (void)snprintf(other, sizeof other, "%s/elsewhere", world->root);
    assert_int_equal(rename(world_path(world, "now"), other), 0);
    assert_int_equal(symlink(other, world_path(world, "now")), 0);
    assert_page_refused(world, "symbolic link");
}

static void fifo_in_place_of_the_page_is_refused_without_waiting(void **state)
{
    struct world *world = with_table(state);

    assert_int_equal(unlink(world_path(world, "now")), 0);
    assert_int_equal(mkfifo(world_path(world, "now"), 0644), 0);
    assert_page_refused(world, "not a regular file");
}

static void page_that_is_replaced_by_a_bad_one_changes_nothing_for_a_running_reader(void **state)
{
    struct world *world = with_table(state);
    struct sg_stamp before, after;

    world_open_store(world);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    world_write(world, "now", SG_TEXT("not a page"));
    world->boot_ms += 60000;
    assert_int_equal(world_look(world, "prod", "admin", NULL, &after), SG_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(world->log_lines, 1);
    world->boot_ms += 60000;
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    assert_int_equal(world->log_lines, 1);
}

/* ---- the folder ---- */

static void assert_folder_refused(struct world *world, const char *words)
{
    sg_problems_clear(&world->problems);
    world_open_store(world);
    assert_int_equal(world->problems.count, 1);
    assert_true(world_problem(world, world->folder));
    assert_true(world_problem(world, words));
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_E_INVALID);
}

static void folder_that_others_may_write_is_refused_by_both_sides(void **state)
{
    struct world *world = with_table(state);

    assert_int_equal(chmod(world->folder, 0775), 0);
    assert_folder_refused(world, "writable by others");
    assert_int_equal(chmod(world->folder, 0757), 0);
    assert_folder_refused(world, "writable by others");
    sg_store_writer_close(world->writer);
    assert_int_equal(sg_store_writer_open(&world->writer, world->folder, &world->owners,
                                          &world->clock, &world->problems),
                     SG_E_UNTRUSTED);
    assert_null(world->writer);
}

static void folder_of_another_owner_is_refused(void **state)
{
    struct world *world = with_table(state);

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(world->folder, 65534, 65534), 0);
    assert_folder_refused(world, "owned by uid 65534");
}

static void symlinked_folder_is_refused(void **state)
{
    struct world *world = with_table(state);
    char other[192];

    (void)snprintf(other, sizeof other, "%s/elsewhere", world->root);
    assert_int_equal(rename(world->folder, other), 0);
    assert_int_equal(symlink(other, world->folder), 0);
    assert_folder_refused(world, "symbolic link");
}

/* An agent whose files every gateway would refuse says so at once. */
static void writer_that_readers_do_not_trust_is_refused(void **state)
{
    struct world *world = *state;
    const struct sg_owners others = {{4711}, 1};

    if (geteuid() == 0)
        skip(); /* root is always trusted */
    assert_int_equal(sg_store_writer_open(&world->writer, world->folder, &others, &world->clock,
                                          &world->problems),
                     SG_E_UNTRUSTED);
    assert_true(world_problem(world, "gateways would refuse"));
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(truncated_table_is_refused_at_every_length),
        WORLD_TEST(table_with_something_behind_its_end_is_refused),
        WORLD_TEST(flipped_bit_in_a_table_is_refused_wherever_it_is),
        WORLD_TEST(table_of_a_newer_version_is_refused_and_says_so),
        WORLD_TEST(table_of_an_older_version_is_refused_and_says_so),
        WORLD_TEST(table_of_another_byte_order_is_refused_and_says_so),
        WORLD_TEST(table_of_another_account_under_this_name_is_refused),
        WORLD_TEST(old_copy_that_was_put_back_is_refused),
        WORLD_TEST(missing_table_is_refused),
        WORLD_TEST(group_or_world_writable_table_is_refused),
        WORLD_TEST(table_of_another_owner_is_refused),
        WORLD_TEST(symlinked_table_is_refused),
        WORLD_TEST(fifo_or_folder_in_place_of_a_table_is_refused_without_waiting),
        WORLD_TEST(last_good_content_stays_but_grows_no_younger),
        WORLD_TEST(writer_names_a_damaged_table_and_replaces_it),
        WORLD_TEST(truncated_page_is_refused_and_recovers),
        WORLD_TEST(flipped_bit_in_the_header_of_the_page_is_refused_and_recovers),
        WORLD_TEST(flipped_bit_in_a_slot_never_makes_another_stamp),
        WORLD_TEST(page_of_a_newer_version_is_refused_and_says_so),
        WORLD_TEST(group_writable_page_is_refused),
        WORLD_TEST(page_of_another_owner_is_refused),
        WORLD_TEST(symlinked_page_is_refused),
        WORLD_TEST(fifo_in_place_of_the_page_is_refused_without_waiting),
        WORLD_TEST(page_that_is_replaced_by_a_bad_one_changes_nothing_for_a_running_reader),
        WORLD_TEST(folder_that_others_may_write_is_refused_by_both_sides),
        WORLD_TEST(folder_of_another_owner_is_refused),
        WORLD_TEST(symlinked_folder_is_refused),
        WORLD_TEST(writer_that_readers_do_not_trust_is_refused),
    };

    return cmocka_run_group_tests_name("store_damage", tests, NULL, NULL);
}
