/*
 * The store damaged at random places while readers run: cut short, flipped, by replacement and in
 * place. A reader answers what was published or nothing, and never ends. (Cut short in place it
 * does end: whoever may do that could as well write tables of his own; see SECURITY.md.)
 */
#include "tests/unit/store_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CUTOFF INT64_C(1780000000000)
#define PLACES 500
#define ROLES  40

/* What the reader's process and the test share. */
struct watch {
    volatile bool stop;
    volatile bool any_value; /* content that is changed in place may be read as it stands then */
    volatile unsigned looks, answered, wrong;
};

static const char *role_name(char name[static 16], unsigned number)
{
    (void)snprintf(name, 16, "role%u", number);
    return name;
}

static void publish_all(struct world *world)
{
    struct role roles[ROLES];
    char names[ROLES][16];

    for (unsigned i = 0; i < ROLES; i++)
        roles[i] = (struct role){role_name(names[i], i), CUTOFF};
    assert_int_equal(world_put(world, SG_TEXT("prod"), roles, ROLES), SG_OK);
    assert_int_equal(sg_store_stamp(world->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){world->boot_ms, world->wall_ms}),
                     SG_OK);
}

static void look(struct world *world, struct watch *watch, unsigned number)
{
    struct sg_slot *slot = sg_store_slot(world->store, SG_SLOT_ACCOUNT, SG_TEXT("prod"));
    struct sg_record record;
    struct sg_stamp stamp;
    char name[16];

    world->boot_ms = sg_clock_boot_ms(&sg_clock_system);
    sg_store_refresh(world->store, slot, world->boot_ms, &stamp);
    const int status = sg_store_role(world->store, slot, SG_TEXT("aws"), ACCOUNT,
                                     sg_text_of(role_name(name, number % ROLES)), &record);
    watch->looks++;
    if (status != SG_OK)
        return;
    watch->answered++;
    if (record.cutoff_ms != CUTOFF && !watch->any_value)
        watch->wrong++;
}

static void read_until_told(struct world *world, struct watch *watch)
{
    const struct timespec while_ = {.tv_nsec = 200000};

    world->clock = sg_clock_system;
    for (unsigned i = 0; !watch->stop; i++) {
        if (i % 50 == 0) {
            sg_problems_clear(&world->problems);
            world_forget_log(world);
            world_open_store(world);
        }
        look(world, watch, i);
        if (i % 10 == 0)
            (void)nanosleep(&while_, NULL);
    }
}

/* Until the reader has looked again, so that each damage is met. */
static void let_look(const struct watch *watch, pid_t reader)
{
    const struct timespec while_ = {.tv_nsec = 500000};
    const unsigned target = watch->looks + 60;

    for (int i = 0; watch->looks < target && i < 60000; i++) {
        assert_int_equal(waitpid(reader, NULL, WNOHANG), 0);
        (void)nanosleep(&while_, NULL);
    }
    assert_true(watch->looks >= target);
}

static void damage(struct sg_buffer *bytes, unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    const size_t place = (*seed >> 8) % bytes->length;

    if ((*seed & 0x40) != 0)
        bytes->length = place;
    else
        bytes->data[place] = (char)(bytes->data[place] ^ (1 << (*seed >> 3 & 7)));
}

static void damage_in_place(const struct world *world, const char *name, unsigned *seed)
{
    struct sg_buffer bytes = world_read(world, name);
    const int file = open(world_path(world, name), O_WRONLY | O_CLOEXEC);
    size_t place;

    assert_true(file >= 0);
    *seed = *seed * 1103515245u + 12345u;
    place = (*seed >> 8) % bytes.length;
    const char other = (char)(bytes.data[place] ^ (1 << (*seed >> 3 & 7)));
    assert_int_equal(pwrite(file, &other, 1, (off_t)place), 1);
    assert_int_equal(close(file), 0);
    sg_buffer_clear(&bytes);
}

static pid_t start_reader(struct world *world, struct watch **watch)
{
    pid_t reader;

    world_open_writer(world);
    publish_all(world);
    *watch = mmap(NULL, sizeof **watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(*watch != MAP_FAILED);
    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion leaves it alone */
        read_until_told(world, *watch);
        _exit(0);
    }
    return reader;
}

static void end_reader(struct watch *watch, pid_t reader)
{
    int status;

    watch->stop = true;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_true(watch->answered > 100);
    assert_int_equal(watch->wrong, 0);
    (void)munmap(watch, sizeof *watch);
}

static void files_damaged_at_500_places_are_never_believed_by_readers_that_run(void **state)
{
    struct world *world = *state;
    struct watch *watch;
    unsigned seed = 20261124;

    world->clock = sg_clock_system;
    const pid_t reader = start_reader(world, &watch);
    for (unsigned i = 0; i < PLACES; i++) {
        const char *name = i % 3 == 0 ? "now" : "account-prod.cdb";
        struct sg_buffer good = world_read(world, name), bad = world_read(world, name);

        damage(&bad, &seed);
        world_write(world, name, sg_buffer_text(&bad));
        if (i % 10 == 0)
            let_look(watch, reader);
        world_write(world, name, sg_buffer_text(&good));
        sg_buffer_clear(&good);
        sg_buffer_clear(&bad);
    }
    let_look(watch, reader);
    end_reader(watch, reader);
}

static void bytes_changed_under_a_reader_at_500_places_never_end_it(void **state)
{
    struct world *world = *state;
    struct watch *watch;
    unsigned seed = 4711;

    world->clock = sg_clock_system;
    const pid_t reader = start_reader(world, &watch);
    watch->any_value = true;
    for (unsigned i = 0; i < PLACES; i++) {
        const char *name = i % 3 == 0 ? "now" : "account-prod.cdb";
        struct sg_buffer good = world_read(world, name);

        for (int bits = 0; bits < 4; bits++)
            damage_in_place(world, name, &seed);
        if (i % 10 == 0)
            let_look(watch, reader);
        world_write(world, name, sg_buffer_text(&good));
        sg_buffer_clear(&good);
    }
    let_look(watch, reader);
    end_reader(watch, reader);
}

/* A reader that can't open the new table answers from the old one, which gets no younger. */
static void descriptors_that_ran_out_are_waited_for(void **state)
{
    struct world *world = *state;
    struct sg_stamp before, after;
    int64_t cutoff_ms = 0;
    int taken[4096];
    size_t count = 0;

    world_open_writer(world);
    world_publish(world, "prod", "admin", CUTOFF);
    world_open_store(world);
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &before), SG_OK);
    world->boot_ms += 15000;
    world_publish(world, "prod", "admin", CUTOFF + 1);
    while (count < 4096 && (taken[count] = dup(0)) >= 0)
        count++;
    if (count == 4096) { /* there is no end to them here */
        while (count > 0)
            (void)close(taken[--count]);
        skip();
    }
    const int status = world_look(world, "prod", "admin", &cutoff_ms, &after);
    while (count > 0)
        (void)close(taken[--count]);
    assert_int_equal(status, SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF);
    assert_memory_equal(&before, &after, sizeof before);
    world->boot_ms += 2000;
    assert_int_equal(world_look(world, "prod", "admin", &cutoff_ms, &after), SG_OK);
    assert_int_equal(cutoff_ms, CUTOFF + 1);
    assert_int_equal(after.complete_boot_ms, START_BOOT + 15000);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(files_damaged_at_500_places_are_never_believed_by_readers_that_run),
        WORLD_TEST(bytes_changed_under_a_reader_at_500_places_never_end_it),
        WORLD_TEST(descriptors_that_ran_out_are_waited_for),
    };

    return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
