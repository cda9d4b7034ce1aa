/*
 * chain.c - one fetch of keys: the way that the plan names, then the roles assumed one on top of
 * the other, the account's own last. Must never mix the keys of two steps, and cleanses each step's
 * when the next has its own.
 */
#include "aws/chain.h"

#include <stdio.h>

static void task_done(void *payload, int error);

void sg_chain_drop(struct sg_provider *provider)
{
    sg_provider_stop(&provider->on_base);
    sg_task_stop(&provider->task);
    sg_plan_clear(&provider->plan);
    sg_credentials_clear(&provider->with);
    provider->fetching = false;
}

static void fail_with(struct sg_provider *provider, int error, struct sg_problems *problems)
{
    char trouble[sizeof provider->trouble] = "out of memory";

    if (problems->stored > 0)
        (void)snprintf(trouble, sizeof trouble, "%s%s", problems->texts[0],
                       problems->count > 1 ? " (and more)" : "");
    sg_problems_clear(problems);
    sg_provider__fail(provider, error, trouble);
}

static void write_source(struct sg_provider *provider, const char *way_words)
{
    const struct sg_provider_options *options = &provider->options;
    struct sg_provider_state base = {.source = ""};

    if (options->base != NULL)
        sg_provider_state(&base, options->base);
    (void)snprintf(provider->source, sizeof provider->source, "%s%s%s%s",
                   options->base != NULL               ? base.source
                   : provider->plan.words.data != NULL ? provider->plan.words.data
                                                       : "",
                   way_words, options->assume_role == NULL ? "" : ", role ",
                   options->assume_role == NULL ? "" : options->assume_role);
    sg_text_make_printable(provider->source, strlen(provider->source));
}

static void begin_task(struct sg_provider *provider)
{
    sg_task_stop(&provider->task);
    provider->task = (struct sg_task){
        .http = provider->options.http,
        .plan = &provider->plan,
        .sts_url = provider->sts.url,
        .sts_region = provider->sts.region,
        .clock = provider->options.clock,
        .clock_offset_ms = provider->clock_offset_ms,
        .done = task_done,
        .payload = provider,
        .fd = -1,
    };
}

static void next_hop(struct sg_provider *provider)
{
    const size_t hop = provider->hop++;
    const struct sg_hop *to = NULL;

    if (hop < provider->plan.hop_count)
        to = &provider->plan.hops[hop];
    else if (hop == provider->plan.hop_count && provider->own.role_arn != NULL)
        to = &provider->own;
    if (to == NULL) {
        sg_provider__succeed(provider);
        return;
    }
    begin_task(provider);
    const int error = sg_task_assume(&provider->task, to, &provider->with);
    if (error != SG_OK)
        sg_provider__fail(provider, error, provider->task.trouble);
}

static void task_done(void *payload, int error)
{
    struct sg_provider *provider = payload;
    struct sg_task *task = &provider->task;
    char words[400] = "";

    provider->clock_offset_ms = task->clock_offset_ms;
    if (error == SG_E_UNTRUSTED && provider->options.base != NULL)
        sg_provider_refused(provider->options.base, provider->with.access_key_id);
    if (error != SG_OK) {
        sg_provider__fail(provider, error, task->trouble);
        return;
    }
    if (provider->hop == 0) {
        (void)snprintf(words, sizeof words, "%s%s", task->words[0] == '\0' ? "" : ", ",
                       task->words);
        write_source(provider, words);
    }
    sg_credentials_clear(&provider->with);
    provider->with = task->keys;
    task->keys = (struct sg_credentials){.expires_ms = 0};
    next_hop(provider);
}

static void base_ready(void *payload, int error)
{
    struct sg_provider *provider = payload;
    const struct sg_credentials *keys =
        error == SG_OK ? sg_provider_current(provider->options.base) : NULL;
    struct sg_provider_state state;

    if (keys == NULL || sg_credentials_copy(&provider->with, keys) != SG_OK) {
        sg_provider_state(&state, provider->options.base);
        sg_provider__fail(provider, error == SG_OK ? SG_E_ABSENT : error, state.trouble);
        return;
    }
    write_source(provider, "");
    next_hop(provider);
}

static void begin_base(struct sg_provider *provider)
{
    if (sg_provider_current(provider->options.base) != NULL) {
        base_ready(provider, SG_OK);
        return;
    }
    provider->on_base.call = base_ready;
    provider->on_base.payload = provider;
    sg_provider_wait(provider->options.base, &provider->on_base);
}

static int begin_way(struct sg_provider *provider)
{
    begin_task(provider);
    switch (provider->plan.way) {
    case SG_WAY_WEB_IDENTITY:
        return sg_task_web_identity(&provider->task);
    case SG_WAY_PROCESS:
        return sg_task_process(&provider->task);
    case SG_WAY_CONTAINER:
        return sg_task_container(&provider->task);
    case SG_WAY_INSTANCE:
        return sg_task_instance(&provider->task);
    case SG_WAY_KEYS:
    case SG_WAY_NONE:
        break;
    }
    return sg_task_fail(&provider->task, SG_E_INVALID, "no way to get AWS credentials");
}

static int place_sts(struct sg_provider *provider, struct sg_problems *problems)
{
    struct sg_endpoint_options options = provider->options.sts;
    const bool needed = provider->own.role_arn != NULL || provider->plan.hop_count > 0 ||
                        provider->plan.way == SG_WAY_WEB_IDENTITY;

    options.service = SG_AWS_STS;
    options.profile_region = provider->plan.region;
    return needed ? sg_endpoint_place(&provider->sts, &options, problems) : SG_OK;
}

void sg_chain_begin(struct sg_provider *provider)
{
    struct sg_problems problems = {0};
    int error = SG_OK;

    provider->fetching = true;
    provider->hop = 0;
    if (provider->options.base == NULL)
        error = sg_plan_make(&provider->plan, provider->options.profile, &problems);
    if (error == SG_OK)
        error = place_sts(provider, &problems);
    if (error != SG_OK) {
        fail_with(provider, error, &problems);
        return;
    }
    sg_problems_clear(&problems);
    if (provider->options.base != NULL) {
        begin_base(provider);
        return;
    }
    if (provider->plan.way == SG_WAY_KEYS) {
        provider->with = provider->plan.keys;
        provider->plan.keys = (struct sg_credentials){.expires_ms = 0};
        write_source(provider, "");
        next_hop(provider);
        return;
    }
    error = begin_way(provider);
    if (error != SG_OK)
        sg_provider__fail(provider, error, provider->task.trouble);
}
