/*
 * test_store_restart.c - readers and the writer come and go: what was known stays known, what a
 * killed writer left is mended, and a request costs no system call.
 */
#include "store_world.h"

#include "store/writer.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CUTOFF INT64_C(1780000000000)

static void close_writer(struct world *world)
{
    sg_store_writer_close(world->writer);
    world->writer = NULL;
}

static void last_known_good_survives_a_restart_of_either_side(void **state)
{
    struct world *world = *state;
    const char *const pairs[][2] = {{"one", "k1"}};
    struct sg_stamp before, after;
    struct sg_text key;
    int64_t cutoff_ms;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_put_keys(world, pairs, 1, "one");
    world_open_store(world);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    close_writer(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &after), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
    assert_memory_equal(&before, &after, sizeof before);
    world_open_writer(world);
    assert_int_equal(world->problems.count, 0);
    after = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    assert_int_equal(before.generation, after.generation);
    assert_int_equal(before.complete_boot_ms, after.complete_boot_ms);
    assert_int_equal(world_find_key(world, "one", "k1", &key), SG_OK);
}

static void second_writer_is_refused_and_told_who_holds_the_store(void **state)
{
    struct world *world = *state;
    struct sg_store_writer *second;
    char pid[32];

    world_open_writer(world);
    assert_int_equal(sg_store_writer_open(&second, world->folder, &world->owners, &world->clock,
                                          &world->problems),
                     SG_E_BUSY);
    assert_null(second);
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_true(world_problem(world, pid));
}

/* Whoever can open the lock could hold it for ever. */
static void lock_cannot_be_taken_by_others(void **state)
{
    struct world *world = *state;
    struct stat info;

    world_open_writer(world);
    assert_int_equal(stat(world_path(world, "lock"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void leftovers_of_a_killed_writer_are_cleared(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    close_writer(world);
    world_write(world, "account-x.cdb.new", SG_TEXT("half"));
    world_write(world, "now.new", SG_TEXT("half"));
    world_write(world, "notes.txt", SG_TEXT("mine"));
    world_open_writer(world);
    assert_int_equal(access(world_path(world, "account-x.cdb.new"), F_OK), -1);
    assert_int_equal(access(world_path(world, "now.new"), F_OK), -1);
    assert_int_equal(access(world_path(world, "notes.txt"), F_OK), 0);
}

static uint64_t step_back;

static void published_before(struct sg_now_entry *entry)
{
    entry->generation = step_back;
}

static void table_renamed_by_a_writer_killed_before_publishing_is_taken_over(void **state)
{
    struct world *world = *state;
    int64_t cutoff_ms;
    struct sg_stamp stamp;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    step_back = world_stamp(world, SG_SLOT_ACCOUNT, "prod").generation;
    world_publish(world, "prod", "admin", CUTOFF + 1);
    world_edit_slot(world, "prod", published_before);
    close_writer(world);

    /* Who opens now has the newer content already; who was there sees no change yet. */
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
    world_open_writer(world);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &stamp), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
    assert_true(stamp.generation > step_back);
}

static void writer_killed_inside_a_slot_leaves_what_was_seen_before(void **state)
{
    struct world *world = *state;
    struct sg_now_slot *slot;
    struct sg_stamp before, stamp;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    before = world_stamp(world, SG_SLOT_ACCOUNT, "prod");
    slot = &world->writer->now.page->slots[0];
    atomic_fetch_or(&slot->sequence, 1);
    atomic_store(&slot->words[10], UINT64_MAX);

    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_OK);
    assert_memory_equal(&before, &stamp, sizeof stamp);
    /* A reader that begins now has nothing to go by. */
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_E_INVALID);
    assert_false(stamp.this_boot);

    close_writer(world);
    world_open_writer(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, &stamp), SG_OK);
    assert_int_equal(stamp.generation, before.generation);
    assert_false(stamp.this_boot); /* when it was last fresh is lost: stale until the next answer */
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){world->boot_ms, 9}),
                     SG_OK);
    assert_true(world_stamp(world, SG_SLOT_ACCOUNT, "prod").this_boot);
}

static void retired_page_is_left_for_its_successor(void **state)
{
    struct world *world = *state;
    int64_t cutoff_ms;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    atomic_store(&world->writer->now.page->retired, 1);
    /* As long as there is no other, what it says still holds. */
    world->boot_ms += 1000;
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    close_writer(world);
    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF + 1);
    world->boot_ms += 1000;
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
}

static void two_stores_in_one_process_do_not_disturb_each_other(void **state)
{
    struct world *world = *state;
    struct sg_store *old;
    int64_t cutoff_ms;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    old = world->store;
    world->store = NULL;
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    sg_store_close(old);
    world_publish(world, "prod", "admin", CUTOFF + 1);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, NULL), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
}

/* ---- the request path ---- */

static void look_a_thousand_times(struct world *world, struct sg_slot *slot)
{
    struct sg_record record;
    struct sg_stamp stamp;

    for (int i = 0; i < 1000; i++) {
        sg_store_refresh(world->store, slot, world->boot_ms, &stamp);
        if (sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &record) !=
            SG_OK)
            return;
    }
    (void)syscall(SYS_exit, 0);
}

static void refresh_and_lookup_make_no_system_call(void **state)
{
    struct world *world = *state;
    const char *preload = getenv("LD_PRELOAD");
    int status;

    if (preload != NULL && strstr(preload, "vgpreload") != NULL)
        skip(); /* valgrind makes calls of its own */
    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", NULL, NULL), SG_OK);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sg_slot *slot = sg_store_slot(world->store, SG_SLOT_ACCOUNT, SG_TEXT("prod"));

        /* From here on anything but read, write and exit kills. */
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
            _exit(77);
        look_a_thousand_times(world, slot);
        (void)syscall(SYS_exit, 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void cdb_tool_reads_a_table(void **state)
{
    struct world *world = *state;
    const char *tool = getenv("SG_CDB");
    int status;

    if (tool == NULL || tool[0] == '\0' || access(tool, X_OK) != 0)
        skip();
    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int out = open(world_path(world, "dump"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

        (void)dup2(out, STDOUT_FILENO);
        (void)execl(tool, tool, "-d", world_path(world, "account-prod.cdb"), (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct sg_buffer dump = world_read(world, "dump");
    assert_true(dump.length > 100);
    assert_non_null(memmem(dump.data, dump.length, "123456789012\0admin", 18));
    sg_buffer_clear(&dump);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(last_known_good_survives_a_restart_of_either_side),
        WORLD_TEST(second_writer_is_refused_and_told_who_holds_the_store),
        WORLD_TEST(lock_cannot_be_taken_by_others),
        WORLD_TEST(leftovers_of_a_killed_writer_are_cleared),
        WORLD_TEST(table_renamed_by_a_writer_killed_before_publishing_is_taken_over),
        WORLD_TEST(writer_killed_inside_a_slot_leaves_what_was_seen_before),
        WORLD_TEST(retired_page_is_left_for_its_successor),
        WORLD_TEST(two_stores_in_one_process_do_not_disturb_each_other),
        WORLD_TEST(refresh_and_lookup_make_no_system_call),
        WORLD_TEST(cdb_tool_reads_a_table),
    };

    return cmocka_run_group_tests_name("store_restart", tests, NULL, NULL);
}
