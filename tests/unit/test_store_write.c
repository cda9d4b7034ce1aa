/*
 * test_store_write.c - tables that can't be written: each is named, nothing half-made is left, and
 * what was published before stays in force.
 */
#include "store_world.h"

#include "store/table.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUTOFF INT64_C(1780000000000)
#define TABLE  "account-prod.cdb"

static struct world *with_table(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    return world;
}

static void assert_last_table_stands(struct world *world)
{
    int64_t cutoff_ms = 0;

    assert_int_not_equal(access(world_path(world, TABLE ".new"), F_OK), 0);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
}

/* A limit on the size of files stands for a full disk; root meets it as well. */
static void disk_that_is_full_keeps_the_last_table(void **state)
{
    struct world *world = with_table(state);
    const struct role later = {"admin", CUTOFF + 1};
    struct sg_buffer whole = world_read(world, TABLE);
    struct rlimit usual, full;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t room = 0; room < whole.length; room += room < 2048 ? 512 : 16) {
        full = (struct rlimit){room, usual.rlim_max};
        sg_problems_clear(&world->problems);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        const int status = world_put(world, SG_TEXT("prod"), &later, 1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
        assert_int_equal(status, SG_E_SYSTEM);
        assert_true(world_problem(world, "cannot be written: File too large"));
        assert_last_table_stands(world);
    }
    sg_buffer_clear(&whole);
    world_publish(world, "prod", "admin", CUTOFF + 2);
}

static void folder_in_the_place_aside_is_named(void **state)
{
    struct world *world = with_table(state);
    const struct role later = {"admin", CUTOFF + 1};

    assert_int_equal(mkdir(world_path(world, TABLE ".new"), 0755), 0);
    assert_int_equal(world_put(world, SG_TEXT("prod"), &later, 1), SG_E_SYSTEM);
    assert_true(world_problem(world, TABLE ".new: cannot be written: Is a directory"));
    assert_int_equal(rmdir(world_path(world, TABLE ".new")), 0);
    assert_last_table_stands(world);
}

static void label_that_is_no_file_name_is_refused(void **state)
{
    struct world *world = with_table(state);
    static const char *const bad[] = {"", "..", "a/b", "a\nb"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(world_put(world, sg_text_of(bad[i]), NULL, 0), SG_E_INVALID);
    assert_true(world_problem(world, "can't be part of a file name"));
}

static void role_twice_malformed_or_without_a_name_is_refused(void **state)
{
    struct world *world = with_table(state);
    const struct sg_record nothing = {0};
    const struct sg_record good = {
        .state = SG_ROLE_PRESENT,
        .created_ms = 1,
        .arn = SG_TEXT("arn:aws:iam::123456789012:role/ops"),
        .role_id = SG_TEXT("AROAEXAMPLE"),
    };
    struct sg_table *table;

    assert_int_equal(
        sg_table_begin_account(&table, world->writer, SG_TEXT("prod"), &world->problems), SG_OK);
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, SG_TEXT(""), &good),
                     SG_E_INVALID);
    assert_true(world_problem(world, "role name \"\" is malformed"));
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, SG_TEXT("ops"), &nothing),
                     SG_E_INVALID);
    assert_true(world_problem(world, "the record of role ops is malformed"));
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, SG_TEXT("ops"), &good),
                     SG_OK);
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, SG_TEXT("ops"), &good),
                     SG_E_INVALID);
    assert_true(world_problem(world, "role ops is there twice"));
    assert_int_equal(sg_table_put_key(table, SG_TEXT("prod"), SG_TEXT("k"), SG_TEXT("{}")),
                     SG_E_INVALID);
    sg_table_abandon(table);
    assert_last_table_stands(world);
}

static void key_twice_or_too_long_is_refused(void **state)
{
    struct world *world = with_table(state);
    static char big[SG_KEY_MAX_BYTES + 1];
    struct sg_table *table;

    assert_int_equal(sg_table_begin_keys(&table, world->writer, &world->problems), SG_OK);
    assert_int_equal(sg_table_put_key(table, SG_TEXT("prod"), SG_TEXT("k"), SG_TEXT("{}")), SG_OK);
    assert_int_equal(sg_table_put_key(table, SG_TEXT("prod"), SG_TEXT("k"), SG_TEXT("[]")),
                     SG_E_INVALID);
    assert_true(world_problem(world, "key k of issuer prod is there twice"));
    assert_int_equal(
        sg_table_put_key(table, SG_TEXT("prod"), SG_TEXT("l"), (struct sg_text){big, sizeof(big)}),
        SG_E_INVALID);
    assert_true(world_problem(world, "a key id of issuer prod is malformed"));
    sg_table_abandon(table);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(disk_that_is_full_keeps_the_last_table),
        WORLD_TEST(folder_in_the_place_aside_is_named),
        WORLD_TEST(label_that_is_no_file_name_is_refused),
        WORLD_TEST(role_twice_malformed_or_without_a_name_is_refused),
        WORLD_TEST(key_twice_or_too_long_is_refused),
    };

    return cmocka_run_group_tests_name("store_write", tests, NULL, NULL);
}
