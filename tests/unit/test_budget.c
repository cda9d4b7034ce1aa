/*
 * test_budget.c - how often an API is called, whatever callers wish, and for how long not at all.
 */
#include "agent/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define API  SG_TEXT("GetRole")
#define T0   INT64_C(1000000)
#define RATE 10

static void nothing_is_saved_up_at_the_start(void **state)
{
    struct sg_budget budget;

    (void)state;
    sg_budget_open(&budget, RATE, T0);
    for (int64_t i = 1; i <= 30; i++)
        assert_int_equal(sg_budget_take(&budget, API, T0), i * 100);
}

static void one_second_of_calls_is_saved_up_and_no_more(void **state)
{
    struct sg_budget budget;
    int at_once = 0;

    (void)state;
    sg_budget_open(&budget, RATE, T0);
    while (sg_budget_take(&budget, API, T0 + 3600000) == 0)
        at_once++;
    assert_in_range(at_once, RATE, RATE + 1);
}

static void another_api_has_a_bucket_of_its_own(void **state)
{
    struct sg_budget budget;

    (void)state;
    sg_budget_open(&budget, RATE, T0);
    for (int i = 0; i < 100; i++)
        (void)sg_budget_take(&budget, API, T0 + 5000);
    assert_int_equal(sg_budget_take(&budget, SG_TEXT("GetPolicy"), T0 + 5000), 0);
}

static void restarts_in_a_row_stay_within_the_rate(void **state)
{
    int sent = 0;

    (void)state;
    for (int64_t start = 0; start < 1000; start += 20) { /* an agent that ends at once */
        struct sg_budget budget;

        sg_budget_open(&budget, RATE, T0 + start);
        sent += sg_budget_take(&budget, API, T0 + start) < 20;
    }
    assert_int_equal(sent, 0);
}

static void throttling_pauses_for_a_random_time_below_a_bound(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct sg_budget budget;
        int64_t bound = 1000;

        sg_budget_open(&budget, RATE, T0);
        for (int64_t now = T0; now < T0 + 20 * SG_BUDGET_PAUSE_MS; now += SG_BUDGET_PAUSE_MS + 1) {
            sg_budget_throttled(&budget, API, now);
            assert_true(budget.apis[0].until_ms > now);
            assert_true(budget.apis[0].until_ms <= now + bound + 1);
            bound = bound * 2 > SG_BUDGET_PAUSE_MS ? SG_BUDGET_PAUSE_MS : bound * 2;
        }
    }
}

static void call_that_waited_waits_for_a_pause_that_came_since(void **state)
{
    struct sg_budget budget;

    (void)state;
    sg_budget_open(&budget, RATE, T0);
    (void)sg_budget_take(&budget, API, T0);
    assert_int_equal(sg_budget_wait_ms(&budget, API, T0 + 100), 0);
    sg_budget_resume(&budget, API, 3, T0 + 5000, T0 + 100);
    assert_true(sg_budget_wait_ms(&budget, API, T0 + 100) >= 4900);
    assert_int_equal(sg_budget_wait_ms(&budget, API, T0 + 5000), 0);
    assert_true(sg_budget_take(&budget, API, T0 + 100) >= 4900);
}

static void no_remembered_pause_is_longer_than_the_longest(void **state)
{
    static const int64_t untils[] = {INT64_MAX, T0 + SG_BUDGET_PAUSE_MS + 1, T0 + 1, T0, 0, -1,
                                     INT64_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof untils / sizeof untils[0]; i++) {
        struct sg_budget budget;

        sg_budget_open(&budget, RATE, T0);
        sg_budget_resume(&budget, API, 4000000000u, untils[i], T0);
        assert_true(sg_budget_take(&budget, API, T0) <= SG_BUDGET_PAUSE_MS);
        assert_int_equal(sg_budget_wait_ms(&budget, API, T0 + SG_BUDGET_PAUSE_MS), 0);
        sg_budget_throttled(&budget, API, T0); /* whatever level that was */
        assert_true(budget.apis[0].until_ms <= T0 + SG_BUDGET_PAUSE_MS + 1);
    }
}

static void answers_shorten_the_next_pause(void **state)
{
    struct sg_budget budget;

    (void)state;
    sg_budget_open(&budget, RATE, T0);
    for (int i = 0; i < 20; i++)
        sg_budget_throttled(&budget, API, T0);
    const unsigned level = budget.apis[0].level;
    for (unsigned i = 0; i < level + 5; i++)
        sg_budget_answered(&budget, API);
    assert_int_equal(budget.apis[0].level, 0);
    assert_int_equal(budget.apis[0].throttled, 20);
}

static void more_apis_than_there_is_room_for_share_the_last_bucket(void **state)
{
    struct sg_budget budget;
    char name[32];

    (void)state;
    sg_budget_open(&budget, RATE, T0);
    for (int i = 0; i < 3 * SG_BUDGET_APIS_MAX; i++) {
        (void)snprintf(name, sizeof name, "Api%d", i);
        assert_true(sg_budget_take(&budget, sg_text_of(name), T0) > 0);
    }
    assert_int_equal(budget.count, SG_BUDGET_APIS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_saved_up_at_the_start),
        cmocka_unit_test(one_second_of_calls_is_saved_up_and_no_more),
        cmocka_unit_test(another_api_has_a_bucket_of_its_own),
        cmocka_unit_test(restarts_in_a_row_stay_within_the_rate),
        cmocka_unit_test(throttling_pauses_for_a_random_time_below_a_bound),
        cmocka_unit_test(call_that_waited_waits_for_a_pause_that_came_since),
        cmocka_unit_test(no_remembered_pause_is_longer_than_the_longest),
        cmocka_unit_test(answers_shorten_the_next_pause),
        cmocka_unit_test(more_apis_than_there_is_room_for_share_the_last_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
