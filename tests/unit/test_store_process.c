/*
 * test_store_process.c - readers in other processes: another user, a read-only mount, another pid
 * namespace, and a writer that is killed again and again while they read.
 */
#include "store_world.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CUTOFF INT64_C(1780000000000)

enum { CHILD_SKIPS = 77, KILLS = 40, ROLES = 40 };

/* What a child looks at: a fresh reader of the folder finds the role as published. */
static bool sees_the_role(struct world *world)
{
    struct sg_store *store;
    struct sg_record record;
    struct sg_stamp stamp;
    bool seen = false;

    if (sg_store_open(&store, world->folder, &world->owners, &world->clock, NULL, NULL) != SG_OK)
        return false;
    struct sg_slot *slot = sg_store_slot(store, SG_SLOT_ACCOUNT, SG_TEXT("prod"));
    if (slot != NULL) {
        sg_store_refresh(store, slot, world->boot_ms, &stamp);
        seen = stamp.this_boot &&
               sg_store_role(store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("admin"), &record) ==
                   SG_OK &&
               record.cutoff_ms == CUTOFF;
    }
    sg_store_close(store);
    return seen;
}

/* Runs `inside` in a child and expects true; CHILD_SKIPS: this machine does not permit it. */
static void expect_in_child(struct world *world, int (*inside)(struct world *world))
{
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(inside(world));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_SKIPS) {
        print_message("# not permitted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct world *with_table(void **state)
{
    struct world *world = *state;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    return world;
}

static int as_nobody(struct world *world)
{
    if (geteuid() != 0 || setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
        return CHILD_SKIPS;
    return sees_the_role(world) ? 0 : 1;
}

static void reader_of_another_user_needs_no_right_to_write(void **state)
{
    expect_in_child(with_table(state), as_nobody);
}

/* The files' owner is neither root nor the reader nor one that it was told of. */
static int as_nobody_trusting_root_only(struct world *world)
{
    world->owners.count = 0;
    return as_nobody(world) == CHILD_SKIPS ? CHILD_SKIPS : sees_the_role(world) ? 1 : 0;
}

static void reader_trusts_only_whom_it_was_told_to(void **state)
{
    struct world *world = *state;
    int status;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(world->root, 4711, 4711), 0);
    const pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        world->owners = (struct sg_owners){{4711}, 1};
        if (setgid(4711) != 0 || setuid(4711) != 0)
            _exit(1);
        world_open_writer(world);
        world_publish(world, "prod", "admin", CUTOFF);
        _exit(0);
    }
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    expect_in_child(world, as_nobody_trusting_root_only);
    world->owners = (struct sg_owners){{4711}, 1};
    assert_true(sees_the_role(world));
}

static int on_read_only_mount(struct world *world)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(world->root, world->root, "none", MS_BIND, NULL) != 0 ||
        mount("none", world->root, "none", MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return CHILD_SKIPS;
    if (open(world_path(world, "probe"), O_CREAT | O_WRONLY, 0600) >= 0 || errno != EROFS)
        return 2;
    return sees_the_role(world) ? 0 : 1;
}

static void reader_works_on_a_read_only_mount(void **state)
{
    expect_in_child(with_table(state), on_read_only_mount);
}

static int in_pid_namespace(struct world *world)
{
    int status;

    if (unshare(CLONE_NEWPID) != 0)
        return CHILD_SKIPS;
    const pid_t child = fork();
    if (child == 0)
        _exit(getpid() == 1 && sees_the_role(world) ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return CHILD_SKIPS;
    return status;
}

static void reader_works_in_another_pid_namespace(void **state)
{
    expect_in_child(with_table(state), in_pid_namespace);
}

/* ---- killing the writer ---- */

/* Shared by the readers and the test. */
struct watch {
    _Atomic bool stop;
    _Atomic unsigned published;
    _Atomic unsigned torn, older, unreadable;
    _Atomic uint64_t looks;
    _Atomic int64_t newest;
};

static void wait_a_while(unsigned microseconds)
{
    const struct timespec pause = {0, (long)microseconds * 1000};

    (void)nanosleep(&pause, NULL);
}

static const char *role_name(char buffer[static 16], int i)
{
    (void)snprintf(buffer, 16, "role%d", i);
    return buffer;
}

/* A table in which every role has the same cutoff, each table later than the one before. */
static void publish_for_ever(struct world *world, struct watch *watch)
{
    struct role roles[ROLES];
    char names[ROLES][16];
    int64_t cutoff_ms = CUTOFF;

    world->clock = sg_clock_system;
    world_open_store(world);
    for (int i = 0; i < ROLES; i++)
        roles[i].name = role_name(names[i], i);
    world->boot_ms = sg_clock_boot_ms(&world->clock);
    (void)world_look(world, "prod", "role0", &cutoff_ms, NULL);
    if (sg_store_writer_open(&world->writer, world->folder, &world->owners, &world->clock, NULL) !=
        SG_OK)
        _exit(1);
    for (;;) {
        cutoff_ms++;
        for (int i = 0; i < ROLES; i++)
            roles[i].cutoff_ms = cutoff_ms;
        if (world_put(world, SG_TEXT("prod"), roles, ROLES) != SG_OK)
            _exit(1);
        for (int i = 0; i < 50; i++)
            (void)sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                 &(struct sg_complete){world->boot_ms, cutoff_ms});
        watch->published++;
    }
}

/* The newest that one reader saw. */
struct seen {
    int64_t cutoff_ms, boot_ms;
};

/* One look: the first and the last role must say the same, and never an earlier instant. */
static void look(struct world *world, struct watch *watch, struct seen *seen)
{
    int64_t first_ms = 0, last_ms = 0;
    struct sg_slot *slot = sg_store_slot(world->store, SG_SLOT_ACCOUNT, SG_TEXT("prod"));
    struct sg_record first, last;
    struct sg_stamp stamp;
    char name[16];

    world->boot_ms = sg_clock_boot_ms(&sg_clock_system);
    sg_store_refresh(world->store, slot, world->boot_ms, &stamp);
    const int status =
        sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, SG_TEXT("role0"), &first);
    watch->looks++;
    if (status != SG_OK) {
        if (seen->cutoff_ms != 0)
            watch->unreadable++;
        return;
    }
    first_ms = first.cutoff_ms;
    if (sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT,
                      sg_text_of(role_name(name, ROLES - 1)), &last) != SG_OK) {
        watch->torn++;
        return;
    }
    last_ms = last.cutoff_ms;
    if (first_ms != last_ms || first_ms < CUTOFF)
        watch->torn++;
    if (first_ms < seen->cutoff_ms || (stamp.this_boot && stamp.complete_boot_ms < seen->boot_ms))
        watch->older++;
    if (stamp.this_boot)
        seen->boot_ms = stamp.complete_boot_ms;
    seen->cutoff_ms = first_ms;
    if (first_ms > watch->newest)
        watch->newest = first_ms;
}

static void read_until_told(struct world *world, struct watch *watch)
{
    struct seen seen = {0};

    world->clock = sg_clock_system;
    while (!watch->stop) {
        world_open_store(world);
        for (int i = 0; i < 2000 && !watch->stop; i++) {
            look(world, watch, &seen);
            if (i % 100 == 0) /* leave the writer some of the processor */
                wait_a_while(500);
        }
    }
}

static pid_t start(struct world *world, struct watch *watch,
                   void (*run)(struct world *world, struct watch *watch))
{
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        run(world, watch);
        _exit(0);
    }
    return child;
}

static void write_until_killed(struct world *world, struct watch *watch)
{
    publish_for_ever(world, watch);
}

/* Whatever instant it was killed at, a writer and a reader that begin now find a whole store. */
static void assert_store_is_whole(struct world *world)
{
    struct sg_store_writer *writer;
    struct sg_problems problems = {0};
    int64_t cutoff_ms = 0;

    assert_int_equal(
        sg_store_writer_open(&writer, world->folder, &world->owners, &sg_clock_system, &problems),
        SG_OK);
    assert_int_equal(problems.count, 0);
    sg_store_writer_close(writer);
    world->boot_ms = sg_clock_boot_ms(&sg_clock_system);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "role0", &cutoff_ms, NULL), SG_OK);
    assert_true(cutoff_ms >= CUTOFF);
}

static void writer_killed_at_any_instant_leaves_no_torn_and_no_older_read(void **state)
{
    struct world *world = *state;
    struct watch *watch =
        mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct role first[] = {{"role0", CUTOFF}, {"role39", CUTOFF}};
    pid_t readers[2];
    unsigned seed = 12345;
    int status;

    assert_true(watch != MAP_FAILED);
    world->clock = sg_clock_system;
    world_open_writer(world);
    assert_int_equal(world_put(world, SG_TEXT("prod"), first, 2), SG_OK);
    sg_store_writer_close(world->writer);
    world->writer = NULL;
    for (size_t i = 0; i < 2; i++)
        readers[i] = start(world, watch, read_until_told);
    for (int i = 0; i < KILLS; i++) {
        const unsigned target = watch->published + (unsigned)i % 4;
        const pid_t writer = start(world, watch, write_until_killed);

        /* Every fourth while it opens the store, the others after one to three tables. */
        for (int tries = 0; watch->published < target && tries < 10000; tries++)
            wait_a_while(1000);
        seed = seed * 1103515245u + 12345u;
        wait_a_while((seed >> 16) % 5000);
        assert_int_equal(kill(writer, SIGKILL), 0);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_true(WIFSIGNALED(status)); /* it had not failed by itself */
        if (i % 10 == 9)
            assert_store_is_whole(world);
    }
    watch->stop = true;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(watch->torn, 0);
    assert_int_equal(watch->older, 0);
    assert_int_equal(watch->unreadable, 0);
    assert_true(watch->looks > 100);
    assert_true(watch->newest > CUTOFF);
    (void)munmap(watch, sizeof *watch);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(reader_of_another_user_needs_no_right_to_write),
        WORLD_TEST(reader_trusts_only_whom_it_was_told_to),
        WORLD_TEST(reader_works_on_a_read_only_mount),
        WORLD_TEST(reader_works_in_another_pid_namespace),
        WORLD_TEST(writer_killed_at_any_instant_leaves_no_torn_and_no_older_read),
    };

    return cmocka_run_group_tests_name("store_process", tests, NULL, NULL);
}
