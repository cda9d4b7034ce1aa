/*
 * budget.h - how often each API of one account is called, and for how long none of its calls goes
 * out after it throttled. AWS's limits are a token bucket an account and API, shared with everybody
 * else in the account. Nothing is saved up at a start, so that restarts in a row stay within the
 * rate, and a pause outlives a restart (budget_file.c).
 */
#ifndef SG_AGENT_BUDGET_H
#define SG_AGENT_BUDGET_H

#include "base/text.h"

struct sg_agent;

#define SG_BUDGET_APIS_MAX 32   /* the last one stands for all that are beyond */
#define SG_BUDGET_BURST_MS 1000 /* what may be saved up: one second's calls */
#define SG_BUDGET_PAUSE_MS 30000

struct sg_budget_api {
    char name[64];
    uint64_t calls, throttled;
    int64_t next_ms;  /* CLOCK_BOOTTIME: when the next call may go out */
    int64_t until_ms; /* none goes out before, since it throttled; 0: it did not */
    unsigned level;   /* how often it throttled, less how often it answered since */
};

struct sg_budget {
    unsigned rate;    /* calls a second of one API */
    int64_t began_ms; /* CLOCK_BOOTTIME */
    struct sg_budget_api apis[SG_BUDGET_APIS_MAX];
    size_t count;
};

void sg_budget_open(struct sg_budget *budget, unsigned rate, int64_t now_ms);

/* One call more of `api`, counted from now: how long it has to wait. */
int64_t sg_budget_take(struct sg_budget *budget, struct sg_text api, int64_t now_ms);
/* When that time has come: how much longer, because the API throttled since; 0: none. */
int64_t sg_budget_wait_ms(struct sg_budget *budget, struct sg_text api, int64_t now_ms);
/* It throttled: pauses with full jitter, for longer each time. */
void sg_budget_throttled(struct sg_budget *budget, struct sg_text api, int64_t now_ms);
/* It answered something else. */
void sg_budget_answered(struct sg_budget *budget, struct sg_text api);
/* What an earlier run learned: the API's pause, at most SG_BUDGET_PAUSE_MS of it. */
void sg_budget_resume(struct sg_budget *budget, struct sg_text api, unsigned level,
                      int64_t until_ms, int64_t now_ms);

/* budget_file.c: what the file says, whoever wrote it, to the agent's accounts. */
void sg_budget_take_text(struct sg_agent *agent, struct sg_text text);

#endif
