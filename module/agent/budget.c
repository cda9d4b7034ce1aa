/*
 * budget.c - token buckets and pauses; see budget.h. Must never let a call out before its time.
 */
#include "agent/budget.h"

#include "agent/agent.h"

#define FIRST_PAUSE_MS 1000
#define LEVEL_MAX      8u

static int64_t period_ms(const struct sg_budget *budget)
{
    return budget->rate == 0 ? 1000 : (1000 + budget->rate - 1) / budget->rate;
}

void sg_budget_open(struct sg_budget *budget, unsigned rate, int64_t now_ms)
{
    *budget = (struct sg_budget){.rate = rate, .began_ms = now_ms};
}

static struct sg_budget_api *find(struct sg_budget *budget, struct sg_text api)
{
    for (size_t i = 0; i < budget->count; i++) {
        if (sg_text_equal(sg_text_of(budget->apis[i].name), api))
            return &budget->apis[i];
    }
    if (budget->count == SG_BUDGET_APIS_MAX)
        return &budget->apis[SG_BUDGET_APIS_MAX - 1];
    struct sg_budget_api *fresh = &budget->apis[budget->count++];
    *fresh = (struct sg_budget_api){.next_ms = budget->began_ms + period_ms(budget)};
    if (!sg_text_copy(fresh->name, sizeof fresh->name, api))
        (void)sg_text_copy(fresh->name, sizeof fresh->name, SG_TEXT("other"));
    return fresh;
}

int64_t sg_budget_take(struct sg_budget *budget, struct sg_text name, int64_t now_ms)
{
    struct sg_budget_api *api = find(budget, name);

    api->calls++;
    if (api->next_ms < now_ms - SG_BUDGET_BURST_MS)
        api->next_ms = now_ms - SG_BUDGET_BURST_MS;
    const int64_t at_ms = api->next_ms;
    api->next_ms += period_ms(budget);
    return at_ms > now_ms ? at_ms - now_ms : 0;
}

int64_t sg_budget_wait_ms(struct sg_budget *budget, struct sg_text name, int64_t now_ms)
{
    const struct sg_budget_api *api = find(budget, name);

    if (api->until_ms <= now_ms)
        return 0;
    /* Those that waited for the same instant do not come back in one burst. */
    return api->until_ms - now_ms + sg_jitter_ms(period_ms(budget) * 4);
}

/* AWS, "Exponential Backoff And Jitter": any time below a bound that doubles. */
void sg_budget_throttled(struct sg_budget *budget, struct sg_text name, int64_t now_ms)
{
    struct sg_budget_api *api = find(budget, name);
    int64_t most_ms = (int64_t)FIRST_PAUSE_MS << api->level;

    if (most_ms > SG_BUDGET_PAUSE_MS)
        most_ms = SG_BUDGET_PAUSE_MS;
    const int64_t until_ms = now_ms + 1 + sg_jitter_ms(most_ms);
    api->throttled++;
    if (api->level < LEVEL_MAX)
        api->level++;
    if (until_ms > api->until_ms)
        api->until_ms = until_ms;
    /* What was saved up is not spent on an API that has just said that it is too much. */
    if (api->next_ms < api->until_ms)
        api->next_ms = api->until_ms;
}

void sg_budget_answered(struct sg_budget *budget, struct sg_text name)
{
    struct sg_budget_api *api = find(budget, name);

    if (api->level > 0)
        api->level--;
}

void sg_budget_resume(struct sg_budget *budget, struct sg_text name, unsigned level,
                      int64_t until_ms, int64_t now_ms)
{
    struct sg_budget_api *api = find(budget, name);

    if (until_ms <= now_ms)
        return;
    if (until_ms > now_ms + SG_BUDGET_PAUSE_MS)
        until_ms = now_ms + SG_BUDGET_PAUSE_MS;
    api->level = level < LEVEL_MAX ? level : LEVEL_MAX;
    api->until_ms = until_ms;
    if (api->next_ms < until_ms)
        api->next_ms = until_ms;
}
