/*
 * provider.c - a provider of credentials as its users see it: when a fetch is due, and who is told.
 * Old keys are given until they expire, whatever becomes of a fetch; keys that AWS has refused are
 * not.
 */
#include "aws/chain.h"

#include "base/date.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define MINUTE_MS       60000
#define AHEAD_MS        (15 * MINUTE_MS) /* of expiry, as AWS's SDKs do */
#define FIRST_PAUSE_MS  1000
#define MOST_PAUSE_MS   MINUTE_MS
#define REFUSED_SOON_MS MINUTE_MS

static void take_turn(void *payload, bool readable);

/* ---- time ---- */

static int64_t aws_now_ms(const struct sg_provider *provider)
{
    return sg_clock_wall_ms(provider->options.clock) + provider->clock_offset_ms;
}

static int64_t boot_now_ms(const struct sg_provider *provider)
{
    return sg_clock_boot_ms(provider->options.clock);
}

static bool is_usable(const struct sg_provider *provider)
{
    const struct sg_credentials *keys = &provider->keys;

    return keys->access_key_id != NULL && !provider->refused &&
           (keys->expires_ms == 0 || aws_now_ms(provider) < keys->expires_ms - SG_KEYS_LAST_MS);
}

/* Keys that live for minutes only are not fetched over and over: half their life will do. */
static bool is_due(const struct sg_provider *provider)
{
    const int64_t expires_ms = provider->keys.expires_ms;
    int64_t ahead_ms = (expires_ms - provider->fetched_ms) / 2;

    if (!is_usable(provider))
        return true;
    if (expires_ms == 0)
        return false;
    if (ahead_ms > AHEAD_MS)
        ahead_ms = AHEAD_MS;
    return aws_now_ms(provider) >= expires_ms - ahead_ms;
}

/* Half of it is certain, half is chance: a fleet must not ask in step. */
static int64_t pause_ms(unsigned failures)
{
    const unsigned doublings = failures > 7 ? 6 : failures - (failures > 0);
    int64_t most_ms = (int64_t)FIRST_PAUSE_MS << doublings;
    uint32_t random = 0;

    if (most_ms > MOST_PAUSE_MS)
        most_ms = MOST_PAUSE_MS;
    (void)!getrandom(&random, sizeof random, 0);
    return most_ms / 2 + random % (most_ms / 2 + 1);
}

/* ---- who waits ---- */

static void turn_soon(struct sg_provider *provider)
{
    if (provider->soon.http != NULL)
        return;
    provider->soon.fd = -1;
    provider->soon.at_ms = 0;
    provider->soon.call = take_turn;
    provider->soon.payload = provider;
    sg_http_watch(provider->options.http, &provider->soon);
}

void sg_provider_wait(struct sg_provider *provider, struct sg_provider_waiter *waiter)
{
    struct sg_provider_waiter **at = &provider->waiters;

    sg_provider_stop(waiter);
    while (*at != NULL)
        at = &(*at)->next;
    *at = waiter;
    waiter->next = NULL;
    waiter->provider = provider;
    turn_soon(provider);
}

void sg_provider_stop(struct sg_provider_waiter *waiter)
{
    if (waiter->provider == NULL)
        return;
    for (struct sg_provider_waiter **at = &waiter->provider->waiters; *at != NULL;
         at = &(*at)->next) {
        if (*at != waiter)
            continue;
        *at = waiter->next;
        break;
    }
    waiter->provider = NULL;
    waiter->next = NULL;
}

/* One at a time from the front: a call may stop others, or wait anew (at the end). */
static void tell(struct sg_provider *provider)
{
    const int error = is_usable(provider)        ? SG_OK
                      : provider->error != SG_OK ? provider->error
                                                 : SG_E_ABSENT;
    size_t count = 0;

    for (const struct sg_provider_waiter *at = provider->waiters; at != NULL; at = at->next)
        count++;
    while (count-- > 0 && provider->waiters != NULL) {
        struct sg_provider_waiter *waiter = provider->waiters;

        sg_provider_stop(waiter);
        waiter->call(waiter->payload, error);
    }
}

/* ---- how a fetch ends ---- */

void sg_provider__fail(struct sg_provider *provider, int error, const char *trouble)
{
    const struct sg_provider_options *options = &provider->options;

    (void)snprintf(provider->trouble, sizeof provider->trouble, "%s", trouble);
    sg_text_make_printable(provider->trouble, strlen(provider->trouble));
    provider->error = error;
    provider->failures++;
    provider->retry_boot_ms = boot_now_ms(provider) + pause_ms(provider->failures);
    sg_chain_drop(provider);
    sg_log(options->log, is_usable(provider) ? SG_LOG_WARNING : SG_LOG_ERROR,
           "account=%s credentials=not-fetched failures=%u: %s%s",
           options->label == NULL ? "" : options->label, provider->failures, provider->trouble,
           is_usable(provider) ? "; the old ones serve until they expire" : "");
    tell(provider);
}

void sg_provider__succeed(struct sg_provider *provider)
{
    const struct sg_provider_options *options = &provider->options;
    const bool first = provider->keys.access_key_id == NULL || provider->failures > 0;
    char until[SG_DATE_SIZE];

    if (provider->with.expires_ms != 0 &&
        provider->with.expires_ms - SG_KEYS_LAST_MS <= aws_now_ms(provider)) {
        sg_provider__fail(
            provider, SG_E_ABSENT,
            "the keys that were found have expired; if they stand in the environment, start the "
            "agent with new ones, or give it a way to get them itself");
        return;
    }
    sg_credentials_clear(&provider->keys);
    provider->keys = provider->with;
    provider->with = (struct sg_credentials){.expires_ms = 0};
    provider->fetched_ms = aws_now_ms(provider);
    provider->fetched_boot_ms = boot_now_ms(provider);
    provider->refused = false;
    provider->failures = 0;
    provider->error = SG_OK;
    provider->trouble[0] = '\0';
    sg_chain_drop(provider);
    sg_log(options->log, first ? SG_LOG_NOTICE : SG_LOG_INFO,
           "account=%s credentials=fetched until=%s: %s",
           options->label == NULL ? "" : options->label,
           provider->keys.expires_ms == 0 ? "not-said"
                                          : sg_date_format(until, provider->keys.expires_ms),
           provider->source);
    tell(provider);
}

static void take_turn(void *payload, bool readable)
{
    struct sg_provider *provider = payload;

    (void)readable;
    if (!provider->fetching && is_due(provider) && boot_now_ms(provider) >= provider->retry_boot_ms)
        sg_chain_begin(provider);
    if (!provider->fetching || is_usable(provider))
        tell(provider);
}

/* ---- what others see ---- */

int sg_provider_open(struct sg_provider **out, const struct sg_provider_options *options)
{
    struct sg_provider *provider = sg_alloc(1, sizeof *provider);

    *out = provider;
    if (provider == NULL)
        return SG_E_MEMORY;
    provider->options = *options;
    provider->task.fd = -1;
    provider->own.role_arn = (char *)(uintptr_t)options->assume_role; /* borrowed, never freed */
    provider->own.external_id = (char *)(uintptr_t)options->external_id;
    provider->own.session_name = (char *)(uintptr_t)options->session_name;
    return SG_OK;
}

void sg_provider_close(struct sg_provider *provider)
{
    if (provider == NULL)
        return;
    while (provider->waiters != NULL)
        sg_provider_stop(provider->waiters);
    sg_http_unwatch(&provider->soon);
    sg_chain_drop(provider);
    sg_credentials_clear(&provider->keys);
    free(provider);
}

const struct sg_credentials *sg_provider_current(struct sg_provider *provider)
{
    const bool usable = is_usable(provider);

    if (usable && !provider->fetching && is_due(provider) &&
        boot_now_ms(provider) >= provider->retry_boot_ms)
        turn_soon(provider);
    return usable ? &provider->keys : NULL;
}

/* Once is what happens when keys are replaced; twice within a minute is a source that goes on
 * giving bad ones, and gets a pause. */
void sg_provider_refused(struct sg_provider *provider, const char *access_key_id)
{
    const int64_t now_ms = boot_now_ms(provider);

    if (provider->keys.access_key_id == NULL || access_key_id == NULL || provider->refused ||
        strcmp(provider->keys.access_key_id, access_key_id) != 0)
        return;
    provider->refused = true;
    provider->refusals =
        now_ms - provider->fetched_boot_ms > REFUSED_SOON_MS ? 1 : provider->refusals + 1;
    (void)snprintf(provider->trouble, sizeof provider->trouble,
                   "AWS does not take the keys of: %.400s", provider->source);
    provider->error = SG_E_UNTRUSTED;
    if (provider->refusals > 1)
        provider->retry_boot_ms = now_ms + pause_ms(provider->refusals - 1);
}

void sg_provider_set_clock_offset(struct sg_provider *provider, int64_t offset_ms)
{
    provider->clock_offset_ms = offset_ms;
}

void sg_provider_state(struct sg_provider_state *state, const struct sg_provider *provider)
{
    const bool usable = is_usable(provider);

    *state = (struct sg_provider_state){
        .source = provider->source,
        .expires_ms = usable ? provider->keys.expires_ms : 0,
        .fetched_ms = usable ? provider->fetched_ms : 0,
        .trouble = provider->trouble,
        .fetching = provider->fetching,
    };
}

/* ---- the same, waiting ---- */

struct run {
    bool done;
    int error;
};

static void run_done(void *payload, int error)
{
    struct run *run = payload;

    run->done = true;
    run->error = error;
}

int sg_provider_run(struct sg_provider *provider, int64_t deadline_ms)
{
    const int64_t end_ms = sg_clock_boot_ms(&sg_clock_system) + deadline_ms;
    struct run run = {.error = SG_E_NETWORK};
    struct sg_provider_waiter waiter = {.call = run_done, .payload = &run};

    sg_provider_wait(provider, &waiter);
    while (!run.done && sg_clock_boot_ms(&sg_clock_system) < end_ms) {
        if (sg_http_wait(provider->options.http, NULL, 0, 100) != SG_OK)
            break;
    }
    sg_provider_stop(&waiter);
    return run.error;
}
