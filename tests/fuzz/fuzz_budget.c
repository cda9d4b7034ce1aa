/*
 * fuzz_budget.c - the file of pauses in the state folder, written by whom it may. Whatever stands
 * in it, no API pauses for longer than SG_BUDGET_PAUSE_MS, none but those of a known label does,
 * and no more than SG_BUDGET_APIS_MAX are kept.
 */
#include "agent/agent.h"

#include <stdlib.h>

#define NOW_MS  INT64_C(86400000)      /* CLOCK_BOOTTIME */
#define WALL_MS INT64_C(1795514400000) /* 2026-11-24T10:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return WALL_MS;
}

static int64_t boot_ms(void *context)
{
    (void)context;
    return NOW_MS;
}

static void check(struct sg_budget *budget)
{
    must(budget->count <= SG_BUDGET_APIS_MAX);
    for (size_t i = 0; i < budget->count; i++) {
        struct sg_budget_api *api = &budget->apis[i];
        const struct sg_text name = sg_text_of(api->name);

        must(memchr(api->name, '\0', sizeof api->name) != NULL);
        must(api->until_ms <= NOW_MS + SG_BUDGET_PAUSE_MS);
        must(api->next_ms <= NOW_MS + SG_BUDGET_PAUSE_MS);
        must(sg_budget_wait_ms(budget, name, NOW_MS) <= SG_BUDGET_PAUSE_MS + 1000); /* jitter */
        /* Another throttling must be able to raise the level that was read. */
        sg_budget_throttled(budget, name, NOW_MS);
        must(api->until_ms <= NOW_MS + 1 + SG_BUDGET_PAUSE_MS);
        sg_budget_answered(budget, name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_clock clock = {.wall_ms = wall_ms, .boot_ms = boot_ms};
    const struct sg_account prod = {.label = "prod"};
    const struct sg_account other = {.label = "other"};
    struct sg_agent agent = {.clock = &clock};
    struct sg_agent_account accounts[2] = {{.agent = &agent, .config = &prod},
                                           {.agent = &agent, .config = &other}};

    agent.accounts = accounts;
    agent.account_count = 2;
    for (size_t i = 0; i < 2; i++)
        sg_budget_open(&accounts[i].budget, 10, NOW_MS);
    sg_budget_take_text(&agent, (struct sg_text){(const char *)data, size});
    for (size_t i = 0; i < 2; i++)
        check(&accounts[i].budget);
    return 0;
}
