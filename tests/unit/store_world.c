/*
 * store_world.c - making and removing the state folder of a test.
 */
#include "store_world.h"

#include "base/file.h"
#include "store/writer.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t wall_ms(void *context)
{
    return ((const struct world *)context)->wall_ms;
}

static int64_t boot_ms(void *context)
{
    return ((const struct world *)context)->boot_ms;
}

static void keep_line(void *context, enum sg_log_level level, const char *line)
{
    struct world *world = context;
    const size_t used = strlen(world->logged);

    (void)level;
    world->log_lines++;
    (void)snprintf(world->logged + used, sizeof world->logged - used, "%s\n", line);
}

int world_setup(void **state)
{
    struct world *world = sg_alloc(1, sizeof *world);

    if (world == NULL)
        return -1;
    /* In memory where that can be had: the writer syncs at each step. */
    (void)snprintf(world->root, sizeof world->root, "%s/stsgate-store.XXXXXX",
                   access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(world->root) == NULL || chmod(world->root, 0755) != 0)
        return -1;
    (void)snprintf(world->folder, sizeof world->folder, "%s/state", world->root);
    world->owners = (struct sg_owners){{geteuid()}, 1};
    world->clock = (struct sg_clock){wall_ms, boot_ms, world};
    world->wall_ms = START_WALL;
    world->boot_ms = START_BOOT;
    world->log = (struct sg_log){keep_line, world, SG_LOG_DEBUG};
    *state = world;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

int world_teardown(void **state)
{
    struct world *world = *state;

    sg_store_close(world->store);
    sg_store_writer_close(world->writer);
    sg_problems_clear(&world->problems);
    (void)nftw(world->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(world);
    return 0;
}

void world_forget_log(struct world *world)
{
    world->logged[0] = '\0';
    world->log_lines = 0;
}

bool world_problem(const struct world *world, const char *words)
{
    for (size_t i = 0; i < world->problems.stored; i++) {
        if (strstr(world->problems.texts[i], words) != NULL)
            return true;
    }
    return false;
}

void world_open_writer(struct world *world)
{
    assert_null(world->writer);
    const int status = sg_store_writer_open(&world->writer, world->folder, &world->owners,
                                            &world->clock, &world->problems);

    for (size_t i = 0; status != SG_OK && i < world->problems.stored; i++)
        print_error("%s\n", world->problems.texts[i]);
    assert_int_equal(status, SG_OK);
}

void world_open_store(struct world *world)
{
    sg_store_close(world->store);
    world->store = NULL;
    assert_int_equal(sg_store_open(&world->store, world->folder, &world->owners, &world->clock,
                                   &world->log, &world->problems),
                     SG_OK);
}

static void add_revocation(struct sg_buffer *run, int64_t cutoff_ms)
{
    struct sg_buffer document = {0};

    sg_policy_write_revocation(&document, cutoff_ms);
    assert_int_equal(sg_policy_compile(run, sg_buffer_text(&document), SG_POLICY_INLINE,
                                       SG_TEXT(SG_REVOCATION_POLICY_NAME), NULL),
                     SG_OK);
    sg_buffer_clear(&document);
}

static void put_role(struct sg_table *table, const struct role *role)
{
    struct sg_buffer run = {0};
    char arn[160];

    if (role->cutoff_ms != SG_CUTOFF_NONE)
        add_revocation(&run, role->cutoff_ms);
    (void)snprintf(arn, sizeof arn, "arn:aws:iam::123456789012:role/%s", role->name);
    const struct sg_record record = {
        .state = SG_ROLE_PRESENT,
        .created_ms = 1,
        .arn = sg_text_of(arn),
        .role_id = SG_TEXT("AROAEXAMPLE"),
        .statements = sg_buffer_text(&run),
    };
    assert_int_equal(
        sg_table_put_role(table, SG_TEXT("aws"), ACCOUNT, sg_text_of(role->name), &record), SG_OK);
    sg_buffer_clear(&run);
}

int world_put(struct world *world, struct sg_text label, const struct role *roles, size_t count)
{
    struct sg_table *table;

    const int status = sg_table_begin_account(&table, world->writer, label, &world->problems);
    if (status != SG_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        put_role(table, &roles[i]);
    return sg_table_commit(table, NULL, 0);
}

void world_publish(struct world *world, const char *label, const char *role, int64_t cutoff_ms)
{
    const struct role one = {role, cutoff_ms};

    assert_int_equal(world_put(world, sg_text_of(label), &one, 1), SG_OK);
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                                    &(struct sg_complete){world->boot_ms, world->wall_ms}),
                     SG_OK);
}

int world_look(struct world *world, const char *label, const char *role, int64_t *cutoff_ms,
               struct sg_stamp *stamp)
{
    struct sg_slot *slot = sg_store_slot(world->store, SG_SLOT_ACCOUNT, sg_text_of(label));
    struct sg_stamp ignored;
    struct sg_record record;

    assert_non_null(slot);
    sg_store_refresh(world->store, slot, world->boot_ms, stamp != NULL ? stamp : &ignored);
    const int status =
        sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT, sg_text_of(role), &record);
    if (status == SG_OK && cutoff_ms != NULL)
        *cutoff_ms = record.cutoff_ms;
    return status;
}

struct sg_stamp world_stamp(struct world *world, enum sg_slot_kind kind, const char *label)
{
    struct sg_slot *slot = sg_store_slot(world->store, kind, sg_text_of(label));
    struct sg_stamp stamp;

    assert_non_null(slot);
    sg_store_refresh(world->store, slot, world->boot_ms, &stamp);
    return stamp;
}

const char *world_path(const struct world *world, const char *name)
{
    static char path[192];

    (void)snprintf(path, sizeof path, "%s/%s", world->folder, name);
    return path;
}

struct sg_buffer world_read(const struct world *world, const char *name)
{
    struct sg_buffer content = {0};

    assert_int_equal(
        sg_file_read(&content, AT_FDCWD, world_path(world, name), 1u << 24, NULL, NULL), SG_OK);
    return content;
}

void world_write(const struct world *world, const char *name, struct sg_text content)
{
    assert_int_equal(sg_file_replace(AT_FDCWD, world_path(world, name), content, 0644, NULL),
                     SG_OK);
}

void world_put_keys(struct world *world, const char *const pairs[][2], size_t count,
                    const char *changed)
{
    const struct sg_text moved = sg_text_of(changed);
    struct sg_table *table;

    assert_int_equal(sg_table_begin_keys(&table, world->writer, &world->problems), SG_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sg_table_put_key(table, sg_text_of(pairs[i][0]), sg_text_of(pairs[i][1]),
                                          sg_text_of(pairs[i][0])),
                         SG_OK);
    assert_int_equal(sg_table_commit(table, &moved, 1), SG_OK);
}

int world_find_key(struct world *world, const char *issuer, const char *kid, struct sg_text *key)
{
    struct sg_slot *slot = sg_store_slot(world->store, SG_SLOT_ISSUER, sg_text_of(issuer));

    assert_non_null(slot);
    (void)world_stamp(world, SG_SLOT_ISSUER, issuer);
    return sg_store_key(world->store, slot, sg_text_of(kid), key);
}

void world_edit_slot(struct world *world, const char *label,
                     void (*edit)(struct sg_now_entry *entry))
{
    struct sg_now_page *page = world->writer->now.page;
    const uint32_t index =
        sg_now_find(page, SG_SLOT_ACCOUNT, sg_text_of(label), 0, sg_now_used(page));
    struct sg_now_entry entry;
    uint64_t sequence;

    assert_int_not_equal(index, SG_NOW_NONE);
    assert_int_equal(sg_now_read(&entry, &sequence, page, index), SG_OK);
    edit(&entry);
    sg_now_write(page, index, &entry);
}
