/*
 * test_file.c - which files are trusted, and that replacing one leaves the old or the new, whole.
 * Runs as any user: where only root could make the file, the test is skipped.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ANOTHER_UID 12345

/* A folder of the test's own, the writer as a trusted owner, and what was said. */
static struct world {
    char path[64];
    int dir;
    struct sg_owners us;
    struct sg_problems problems;
} world;

static int build_world(void **state)
{
    (void)state;
    strncpy(world.path, "/tmp/stsgate-test-file.XXXXXX", sizeof world.path);
    if (mkdtemp(world.path) == NULL)
        return -1;
    world.dir = open(world.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world.us = (struct sg_owners){.uids = {geteuid()}, .count = 1};
    world.problems = (struct sg_problems){0};
    return world.dir < 0 ? -1 : 0;
}

static int clear_world(void **state)
{
    static const char *const names[] = {"f", "f.new", "link", "fifo", "outside"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlinkat(world.dir, names[i], 0);
    (void)unlinkat(world.dir, "folder", AT_REMOVEDIR);
    (void)close(world.dir);
    sg_problems_clear(&world.problems);
    return rmdir(world.path);
}

static void make_file(const char *name, const char *content, mode_t mode)
{
    const int file = openat(world.dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(close(file), 0);
}

static int read_file(const char *name, size_t max_bytes, const struct sg_owners *owners,
                     const char *want)
{
    struct sg_buffer out = {0};
    const int status = sg_file_read(&out, world.dir, name, max_bytes, owners, &world.problems);

    if (status == SG_OK) {
        assert_int_equal(out.length, strlen(want));
        assert_string_equal(out.data, want);
    }
    sg_buffer_clear(&out);
    return status;
}

static void assert_said(const char *part)
{
    assert_int_equal(world.problems.count, 1);
    if (strstr(world.problems.texts[0], part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", world.problems.texts[0], part);
}

static void file_of_a_trusted_owner_is_read(void **state)
{
    (void)state;
    make_file("f", "content", 0644);
    assert_int_equal(read_file("f", 7, &world.us, "content"), SG_OK);
    make_file("f", "", 0600);
    assert_int_equal(read_file("f", 0, &world.us, ""), SG_OK);
    assert_int_equal(world.problems.count, 0);
}

static void absent_file_is_said_to_be_absent(void **state)
{
    (void)state;
    assert_int_equal(read_file("f", 9, &world.us, ""), SG_E_ABSENT);
    assert_said("f: does not exist");
}

static void file_over_the_limit_is_refused(void **state)
{
    (void)state;
    make_file("f", "content", 0600);
    assert_int_equal(read_file("f", 6, &world.us, ""), SG_E_LIMIT);
    assert_said("larger than 6 bytes");
}

static void endless_file_meets_the_limit(void **state)
{
    struct sg_buffer out = {0};

    (void)state;
    /* A regular file by its mode, of size 0 by its stat, and longer than that. */
    assert_int_equal(sg_file_read(&out, AT_FDCWD, "/proc/self/maps", 10, NULL, &world.problems),
                     SG_E_LIMIT);
    sg_buffer_clear(&out);
}

static void group_writable_file_is_refused(void **state)
{
    (void)state;
    make_file("f", "content", 0664);
    assert_int_equal(read_file("f", 9, &world.us, ""), SG_E_UNTRUSTED);
    assert_said("mode 0664");
    assert_int_equal(read_file("f", 9, NULL, "content"), SG_OK);
}

static void world_writable_file_is_refused(void **state)
{
    (void)state;
    make_file("f", "content", 0602);
    assert_int_equal(read_file("f", 9, &world.us, ""), SG_E_UNTRUSTED);
    assert_said("chmod go-w");
}

static void file_of_another_owner_is_refused(void **state)
{
    const struct sg_owners root_only = {.count = 0};

    (void)state;
    make_file("f", "content", 0644);
    if (geteuid() == 0)
        assert_int_equal(fchownat(world.dir, "f", ANOTHER_UID, (gid_t)-1, 0), 0);
    assert_int_equal(read_file("f", 9, &root_only, ""), SG_E_UNTRUSTED);
    assert_said("is owned by uid");
}

static void root_and_the_named_owners_are_trusted(void **state)
{
    const struct sg_owners owners = {.uids = {5, 6, 7, 8}, .count = 2};

    (void)state;
    assert_true(sg_owner_trusted(&owners, 0));
    assert_true(sg_owner_trusted(&owners, 5));
    assert_true(sg_owner_trusted(&owners, 6));
    assert_false(sg_owner_trusted(&owners, 7));
    assert_false(sg_owner_trusted(&owners, 9));
}

static void symbolic_link_is_refused_where_owners_matter(void **state)
{
    (void)state;
    make_file("f", "content", 0644);
    assert_int_equal(symlinkat("f", world.dir, "link"), 0);
    assert_int_equal(read_file("link", 9, &world.us, ""), SG_E_UNTRUSTED);
    assert_said("symbolic link");
    assert_int_equal(read_file("link", 9, NULL, "content"), SG_OK);
}

static void fifo_is_refused_without_waiting_for_its_writer(void **state)
{
    (void)state;
    assert_int_equal(mkfifoat(world.dir, "fifo", 0600), 0);
    assert_int_equal(read_file("fifo", 9, &world.us, ""), SG_E_UNTRUSTED);
    assert_said("not a regular file");
    assert_int_equal(read_file("fifo", 9, NULL, ""), SG_E_UNTRUSTED);
}

static void folder_and_device_are_refused(void **state)
{
    struct sg_buffer out = {0};

    (void)state;
    assert_int_equal(mkdirat(world.dir, "folder", 0700), 0);
    assert_int_equal(read_file("folder", 9, NULL, ""), SG_E_UNTRUSTED);
    assert_int_equal(sg_file_read(&out, AT_FDCWD, "/dev/null", 9, NULL, NULL), SG_E_UNTRUSTED);
    sg_buffer_clear(&out);
}

static void file_that_may_not_be_read_keeps_errno(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); /* root may */
    make_file("f", "content", 0);
    assert_int_equal(read_file("f", 9, &world.us, ""), SG_E_SYSTEM);
    assert_int_equal(errno, EACCES);
    assert_said("Permission denied");
}

static void replaced_file_has_the_content_and_exactly_the_mode(void **state)
{
    struct stat info;
    const mode_t kept = umask(077);

    (void)state;
    assert_int_equal(sg_file_replace(world.dir, "f", SG_TEXT("one"), 0644, &world.problems), SG_OK);
    (void)umask(kept);
    assert_int_equal(fstatat(world.dir, "f", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0644);
    assert_int_equal(read_file("f", 9, &world.us, "one"), SG_OK);
    assert_int_equal(sg_file_replace(world.dir, "f", SG_TEXT(""), 0600, &world.problems), SG_OK);
    assert_int_equal(read_file("f", 9, &world.us, ""), SG_OK);
    assert_int_equal(faccessat(world.dir, "f.new", F_OK, 0), -1);
}

static void reader_of_the_old_file_keeps_it_whole(void **state)
{
    char content[8] = {0};

    (void)state;
    make_file("f", "old", 0600);
    const int file = sg_file_open(world.dir, "f", &world.us, &world.problems);
    assert_true(file >= 0);
    assert_int_equal(sg_file_replace(world.dir, "f", SG_TEXT("newer"), 0600, NULL), SG_OK);
    assert_int_equal(read(file, content, sizeof content), 3);
    assert_string_equal(content, "old");
    assert_int_equal(close(file), 0);
}

static void what_a_crash_left_aside_is_replaced(void **state)
{
    (void)state;
    make_file("f.new", "half of someth", 0600);
    assert_int_equal(sg_file_replace(world.dir, "f", SG_TEXT("whole"), 0600, NULL), SG_OK);
    assert_int_equal(read_file("f", 9, &world.us, "whole"), SG_OK);
}

static void link_in_the_place_aside_is_not_written_through(void **state)
{
    (void)state;
    make_file("outside", "untouched", 0600);
    assert_int_equal(symlinkat("outside", world.dir, "f.new"), 0);
    assert_int_equal(sg_file_replace(world.dir, "f", SG_TEXT("x"), 0600, NULL), SG_OK);
    assert_int_equal(read_file("outside", 9, &world.us, "untouched"), SG_OK);
    assert_int_equal(read_file("f", 9, &world.us, "x"), SG_OK);
}

static void replacing_by_path_works_as_below_a_folder(void **state)
{
    char path[128];

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/f", world.path) > 0);
    assert_int_equal(sg_file_replace(AT_FDCWD, path, SG_TEXT("x"), 0600, &world.problems), SG_OK);
    assert_int_equal(read_file("f", 9, &world.us, "x"), SG_OK);
}

static void replacing_in_a_missing_folder_fails_and_says_so(void **state)
{
    (void)state;
    assert_int_equal(sg_file_replace(world.dir, "missing/f", SG_TEXT("x"), 0600, &world.problems),
                     SG_E_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_said("missing/f");
}

static void failed_replacement_leaves_the_old_file(void **state)
{
    (void)state;
    make_file("f", "old", 0600);
    assert_int_equal(mkdirat(world.dir, "f.new", 0700), 0);
    assert_int_equal(sg_file_replace(world.dir, "f", SG_TEXT("new"), 0600, &world.problems),
                     SG_E_SYSTEM);
    assert_int_equal(unlinkat(world.dir, "f.new", AT_REMOVEDIR), 0);
    assert_int_equal(read_file("f", 9, &world.us, "old"), SG_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, build_world, clear_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_of_a_trusted_owner_is_read),
        TEST(absent_file_is_said_to_be_absent),
        TEST(file_over_the_limit_is_refused),
        TEST(endless_file_meets_the_limit),
        TEST(group_writable_file_is_refused),
        TEST(world_writable_file_is_refused),
        TEST(file_of_another_owner_is_refused),
        TEST(root_and_the_named_owners_are_trusted),
        TEST(symbolic_link_is_refused_where_owners_matter),
        TEST(fifo_is_refused_without_waiting_for_its_writer),
        TEST(folder_and_device_are_refused),
        TEST(file_that_may_not_be_read_keeps_errno),
        TEST(replaced_file_has_the_content_and_exactly_the_mode),
        TEST(reader_of_the_old_file_keeps_it_whole),
        TEST(what_a_crash_left_aside_is_replaced),
        TEST(link_in_the_place_aside_is_not_written_through),
        TEST(replacing_by_path_works_as_below_a_folder),
        TEST(replacing_in_a_missing_folder_fails_and_says_so),
        TEST(failed_replacement_leaves_the_old_file),
    };

    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
