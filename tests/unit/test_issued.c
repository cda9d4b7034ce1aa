/*
 * test_issued.c - exact issue times: what the agent noted is found by the session's own access key
 * and role only, the earlier of two tellings holds, and a page that is missing, full, damaged or
 * put in another's place tells nothing rather than something else.
 */
#include "store_world.h"

#include "store/writer.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORIGIN UINT64_C(0x1122334455667788)
#define KEY    "ASIAEXAMPLE000000001"
#define ISSUED (START_WALL - 1234000)

static int note(struct world *world, const char *key, const char *role, int64_t issued_ms)
{
    return sg_store_issue(world->writer, ORIGIN, sg_text_of(key), sg_text_of(role), issued_ms,
                          world->wall_ms, &world->problems);
}

static int look(struct world *world, struct sg_interval *issued, const char *key, const char *role)
{
    return sg_store_issued(issued, world->store, world->boot_ms, ORIGIN, sg_text_of(key),
                           sg_text_of(role));
}

static void opened(struct world *world)
{
    world_open_writer(world);
    assert_int_equal(note(world, KEY, "app", ISSUED), SG_OK);
    world_open_store(world);
}

static void issue_time_is_the_second_that_was_told_and_one_before(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(issued.earliest_ms, ISSUED - 1000);
    assert_int_equal(issued.latest_ms, ISSUED + 999);
}

static void other_keys_roles_and_accounts_are_not_known(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    assert_int_equal(look(world, &issued, "ASIAEXAMPLE000000002", "app"), SG_E_ABSENT);
    assert_int_equal(look(world, &issued, KEY, "apq"), SG_E_ABSENT);
    assert_int_equal(look(world, &issued, KEY, "ap"), SG_E_ABSENT);
    assert_int_equal(look(world, &issued, KEY "a", "pp"), SG_E_ABSENT);
    assert_int_equal(look(world, &issued, KEY, ""), SG_E_ABSENT);
    assert_int_equal(look(world, &issued, "", "app"), SG_E_ABSENT);
    assert_int_equal(sg_store_issued(&issued, world->store, world->boot_ms, ORIGIN + 1,
                                     SG_TEXT(KEY), SG_TEXT("app")),
                     SG_E_ABSENT);
    assert_int_equal(issued.latest_ms, 0);
}

static void later_telling_never_makes_a_session_younger(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    assert_int_equal(note(world, KEY, "app", ISSUED + 5000), SG_OK);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(issued.latest_ms, ISSUED + 999);
    assert_int_equal(note(world, KEY, "app", ISSUED - 5000), SG_OK);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(issued.latest_ms, ISSUED - 5000 + 999);
}

static void access_key_of_one_role_is_not_taken_by_another(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    assert_int_equal(note(world, KEY, "thief", ISSUED + 5000), SG_E_INVALID);
    assert_int_equal(look(world, &issued, KEY, "thief"), SG_E_ABSENT);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
}

static void malformed_keys_and_impossible_times_are_refused(void **state)
{
    struct world *world = *state;
    char longest[SG_ACCESS_KEY_ID_MAX + 2];

    world_open_writer(world);
    memset(longest, 'A', sizeof longest);
    longest[SG_ACCESS_KEY_ID_MAX + 1] = '\0';
    assert_int_equal(note(world, longest, "app", ISSUED), SG_E_INVALID);
    longest[SG_ACCESS_KEY_ID_MAX] = '\0';
    assert_int_equal(note(world, longest, "app", ISSUED), SG_OK);
    assert_int_equal(note(world, "ASIA", "app", ISSUED), SG_E_INVALID);
    assert_int_equal(note(world, "ASIAEXAMPLE00000000/", "app", ISSUED), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "", ISSUED), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", 0), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", -1), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", INT64_MAX), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", START_WALL + SG_HOUR_MS), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", START_WALL - 38 * SG_HOUR_MS), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", START_WALL - 36 * SG_HOUR_MS), SG_OK);
}

static void page_that_appears_later_is_found_within_a_second(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    world_open_writer(world);
    world_open_store(world);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_INVALID);
    assert_int_equal(note(world, KEY, "app", ISSUED), SG_OK);
    world->boot_ms += 1000;
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(world->log_lines, 0);
}

static void page_outlives_its_writer(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    sg_store_writer_close(world->writer);
    world->writer = NULL;
    world_open_writer(world);
    assert_int_equal(note(world, "ASIAEXAMPLE000000002", "app", ISSUED), SG_OK);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(look(world, &issued, "ASIAEXAMPLE000000002", "app"), SG_OK);
}

static void name_key(char key[static 24], unsigned number)
{
    (void)snprintf(key, 24, "ASIA%016u", number);
}

static uint32_t bucket_of(const struct world *world, unsigned number)
{
    struct sg_issued_entry entry;
    uint32_t bucket;
    char key[24];

    name_key(key, number);
    assert_true(sg_issued_digests(&entry, &bucket, world->writer->issued.page, ORIGIN,
                                  sg_text_of(key), SG_TEXT("app")));
    return bucket;
}

/* More sessions than a bucket has room for: there is no growing and no refusing. */
static void full_bucket_forgets_the_oldest_and_keeps_the_newest(void **state)
{
    enum { TRIED = 40000, MOST = SG_ISSUED_WAYS + 1 };
    static unsigned char counts[SG_ISSUED_BUCKETS];
    struct world *world = *state;
    struct sg_interval issued;
    uint32_t full = 0;
    unsigned noted = 0;
    char key[24], first[24] = "";

    opened(world);
    memset(counts, 0, sizeof counts);
    for (unsigned i = 0; i < TRIED && counts[full] < MOST; i++) {
        const uint32_t bucket = bucket_of(world, i);

        if (++counts[bucket] > counts[full])
            full = bucket;
    }
    assert_int_equal(counts[full], MOST);
    for (unsigned i = 0; noted < MOST; i++) {
        if (bucket_of(world, i) != full)
            continue;
        name_key(key, i);
        if (noted++ == 0)
            (void)snprintf(first, sizeof first, "%s", key);
        world->wall_ms++;
        assert_int_equal(note(world, key, "app", ISSUED), SG_OK);
        world->boot_ms += 1000;
        assert_int_equal(look(world, &issued, key, "app"), SG_OK);
        assert_int_equal(look(world, &issued, first, "app"), noted < MOST ? SG_OK : SG_E_ABSENT);
    }
}

/* Whoever can have sessions told would aim at the bucket of another's. */
static void access_keys_that_share_a_bucket_do_not_on_another_page(void **state)
{
    enum { PAIRS = 64 };
    struct world *world = *state;
    uint32_t before[PAIRS];
    unsigned same = 0;

    opened(world);
    for (unsigned i = 0; i < PAIRS; i++)
        before[i] = bucket_of(world, i);
    sg_store_writer_close(world->writer);
    world->writer = NULL;
    assert_int_equal(unlink(world_path(world, SG_ISSUED_NAME)), 0);
    opened(world);
    for (unsigned i = 0; i < PAIRS; i++)
        same += bucket_of(world, i) == before[i];
    assert_in_range(same, 0, PAIRS / 4);
}

static void page_of_another_key_is_refused(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    world->writer->issued.page->key[0] ^= 1;
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_INVALID);
}

static void damaged_slot_tells_nothing_and_is_used_again(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    struct sg_issued_page *page = world->writer->issued.page;
    for (size_t i = 0; i < SG_ISSUED_BUCKETS * SG_ISSUED_WAYS; i++) {
        if (atomic_load(&page->slots[i].words[4]) != 0)
            atomic_fetch_add(&page->slots[i].words[4], 3600000); /* younger by an hour */
    }
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_ABSENT);
    assert_int_equal(note(world, KEY, "app", ISSUED), SG_OK);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(issued.latest_ms, ISSUED + 999);
}

static void slot_that_a_killed_writer_left_open_tells_nothing(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    struct sg_issued_page *page = world->writer->issued.page;
    for (size_t i = 0; i < SG_ISSUED_BUCKETS * SG_ISSUED_WAYS; i++) {
        if (atomic_load(&page->slots[i].words[4]) != 0)
            atomic_fetch_add(&page->slots[i].sequence, 1);
    }
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_ABSENT);
    assert_int_equal(note(world, KEY, "app", ISSUED), SG_OK);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
}

static void page_that_is_no_page_is_refused_once_and_made_anew(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    world_open_writer(world);
    world_write(world, SG_ISSUED_NAME, SG_TEXT("nonsense"));
    world_open_store(world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look(world, &issued, KEY, "app"), SG_E_INVALID);
        world->boot_ms += 1000;
    }
    assert_int_equal(world->log_lines, 1);
    assert_int_equal(note(world, KEY, "app", ISSUED), SG_OK);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
}

static void page_that_others_may_write_is_not_believed(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    assert_int_equal(chmod(world_path(world, SG_ISSUED_NAME), 0666), 0);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_INVALID);
    assert_int_equal(world->log_lines, 1);
    world->boot_ms += 1000;
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_INVALID);
    assert_int_equal(world->log_lines, 1);
    assert_int_equal(chmod(world_path(world, SG_ISSUED_NAME), 0644), 0);
    world->boot_ms += 1000;
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
}

static void page_that_was_removed_is_forgotten(void **state)
{
    struct world *world = *state;
    struct sg_interval issued;

    opened(world);
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    assert_int_equal(unlink(world_path(world, SG_ISSUED_NAME)), 0);
    world->boot_ms += 19999;
    assert_int_equal(look(world, &issued, KEY, "app"), SG_OK);
    world->boot_ms += 1;
    assert_int_equal(look(world, &issued, KEY, "app"), SG_E_INVALID);
}

static void no_access_key_and_no_role_name_stands_in_the_page(void **state)
{
    struct world *world = *state;

    opened(world);
    struct sg_buffer page = world_read(world, SG_ISSUED_NAME);
    assert_null(memmem(page.data, page.length, KEY, 8));
    assert_null(memmem(page.data, page.length, "app", 3));
    sg_buffer_clear(&page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(issue_time_is_the_second_that_was_told_and_one_before),
        TEST(other_keys_roles_and_accounts_are_not_known),
        TEST(later_telling_never_makes_a_session_younger),
        TEST(access_key_of_one_role_is_not_taken_by_another),
        TEST(malformed_keys_and_impossible_times_are_refused),
        TEST(page_that_appears_later_is_found_within_a_second),
        TEST(page_outlives_its_writer),
        TEST(full_bucket_forgets_the_oldest_and_keeps_the_newest),
        TEST(access_keys_that_share_a_bucket_do_not_on_another_page),
        TEST(page_of_another_key_is_refused),
        TEST(damaged_slot_tells_nothing_and_is_used_again),
        TEST(slot_that_a_killed_writer_left_open_tells_nothing),
        TEST(page_that_is_no_page_is_refused_once_and_made_anew),
        TEST(page_that_others_may_write_is_not_believed),
        TEST(page_that_was_removed_is_forgotten),
        TEST(no_access_key_and_no_role_name_stands_in_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
