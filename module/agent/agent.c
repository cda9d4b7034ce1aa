/*
 * agent.c - the agent as a whole: made of a configuration and the store, taken apart again for a
 * new configuration or the end.
 */
#include "agent/caller.h"
#include "agent/events_queue.h"
#include "agent/opaque_time.h"

#include "base/date.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <unistd.h>

int64_t sg_now_ms(const struct sg_agent *agent)
{
    return sg_clock_boot_ms(agent->clock);
}

int64_t sg_jitter_ms(int64_t most_ms)
{
    uint64_t random = 0;

    if (most_ms <= 0 || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return 0;
    return (int64_t)(random % (uint64_t)most_ms);
}

bool sg_rated_tell(struct sg_rated *rated, const struct sg_agent *agent, unsigned *left_out)
{
    const int64_t now_ms = sg_now_ms(agent);

    *left_out = rated->left_out;
    if (rated->told_boot_ms != 0 && now_ms - rated->told_boot_ms < SG_MINUTE_MS) {
        if (rated->left_out < UINT_MAX)
            rated->left_out++;
        return false;
    }
    rated->told_boot_ms = now_ms;
    rated->left_out = 0;
    return true;
}

void sg_health_good(struct sg_health *health)
{
    *health = (struct sg_health){.tried = true, .good = true};
}

void sg_health_bad(struct sg_health *health, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(health->trouble, sizeof health->trouble, format, arguments);
    va_end(arguments);
    sg_text_make_printable(health->trouble, strlen(health->trouble));
    health->tried = true;
    health->good = false;
    if (health->failures < 1000000)
        health->failures++;
}

void sg_log_problems(const struct sg_agent *agent, enum sg_log_level level, const char *where,
                     struct sg_problems *problems)
{
    for (size_t i = 0; i < problems->stored; i++)
        sg_log(&agent->log, level, "%s: %s", where, problems->texts[i]);
    if (problems->count > problems->stored)
        sg_log(&agent->log, level, "%s: and %zu more", where, problems->count - problems->stored);
    sg_problems_clear(problems);
}

bool sg_agent_tried_all(const struct sg_agent *agent, bool *good)
{
    *good = true;
    for (size_t i = 0; i < agent->account_count; i++) {
        const struct sg_agent_account *account = &agent->accounts[i];
        if (!account->health.tried || account->fetch_count > 0 || account->in_round)
            return false;
        *good = *good && account->health.good;
    }
    for (size_t i = 0; i < agent->issuer_count; i++) {
        if (!agent->issuers[i].health.tried || agent->issuers[i].transfer != NULL)
            return false;
        *good = *good && agent->issuers[i].health.good;
    }
    return true;
}

/* ---- making and taking apart ---- */

static int open_accounts(struct sg_agent *agent)
{
    const struct sg_config *config = agent->config;

    agent->accounts = sg_alloc(config->account_count + 1, sizeof *agent->accounts);
    if (agent->accounts == NULL)
        return SG_E_MEMORY;
    for (size_t i = 0; i < config->account_count; i++) {
        const int error = sg_account_open(&agent->accounts[i], agent, &config->accounts[i]);
        agent->account_count++;
        if (error != SG_OK)
            return error;
    }
    return SG_OK;
}

static int open_issuers(struct sg_agent *agent)
{
    const struct sg_config *config = agent->config;

    agent->issuers = sg_alloc(config->issuer_count + 1, sizeof *agent->issuers);
    if (agent->issuers == NULL)
        return SG_E_MEMORY;
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (!sg_issuer_needs_agent(&config->issuers[i]))
            continue;
        const int error =
            sg_issuer_open(&agent->issuers[agent->issuer_count], agent, &config->issuers[i]);
        agent->issuer_count++;
        if (error != SG_OK)
            return error;
    }
    return SG_OK;
}

static int open_store(struct sg_agent *agent)
{
    struct sg_problems problems = {0};
    const int error = sg_store_writer_open(&agent->writer, agent->config->state,
                                           &agent->config->owners, agent->clock, &problems);

    if (error != SG_OK && problems.count == 0)
        sg_problem(&problems, agent->config->state, 0, "the store can't be opened (%d)", error);
    sg_log_problems(agent, error == SG_OK ? SG_LOG_WARNING : SG_LOG_ERROR, "store", &problems);
    return error;
}

static int open_socket(struct sg_agent *agent)
{
    struct sg_problems problems = {0};

    if (agent->once)
        return SG_OK;
    agent->listen_fd = sg_ask_listen(agent->config->socket, &problems);
    if (agent->listen_fd < 0 && problems.count == 0)
        sg_problem(&problems, agent->config->socket, 0, "can't listen here (%d)", agent->listen_fd);
    sg_log_problems(agent, agent->listen_fd < 0 ? SG_LOG_ERROR : SG_LOG_WARNING, "socket",
                    &problems);
    return agent->listen_fd < 0 ? agent->listen_fd : SG_OK;
}

static int configure_http(struct sg_agent *agent)
{
    return sg_http_configure(agent->http,
                             &(struct sg_http_settings){.proxy = agent->config->proxy,
                                                        .ca_bundle = agent->config->ca_bundle});
}

int sg_agent_load(struct sg_agent *agent)
{
    agent->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int error = agent->inotify_fd < 0 ? SG_E_SYSTEM : configure_http(agent);
    if (error == SG_OK)
        error = open_store(agent);
    if (error == SG_OK)
        error = open_accounts(agent);
    if (error == SG_OK)
        error = open_issuers(agent);
    if (error == SG_OK)
        error = open_socket(agent);
    if (error == SG_OK) {
        sg_publish_load(agent);
        sg_budget_load(agent);
        error = sg_sources_check(agent);
    }
    if (error == SG_OK)
        error = sg_events_open(agent);
    if (error != SG_OK) {
        sg_agent_unload(agent);
        return error;
    }
    sg_lifts_open(agent);
    sg_opaque_time_open(agent);
    for (size_t i = 0; i < agent->issuer_count; i++)
        sg_issuer_refresh(&agent->issuers[i]);
    for (size_t i = 0; i < agent->account_count; i++)
        sg_account_refresh(&agent->accounts[i]);
    return SG_OK;
}

void sg_agent_unload(struct sg_agent *agent)
{
    sg_events_close(agent);
    for (size_t i = 0; i < agent->account_count; i++)
        sg_account_close(&agent->accounts[i]);
    for (size_t i = 0; i < agent->issuer_count; i++)
        sg_issuer_close(&agent->issuers[i]);
    sg_callers_close(agent);
    free(agent->accounts);
    free(agent->issuers);
    agent->accounts = NULL;
    agent->issuers = NULL;
    agent->account_count = agent->issuer_count = 0;
    sg_signers_close(agent);
    sg_timer_stop(&agent->timers, &agent->budget_timer);
    sg_timer_stop(&agent->timers, &agent->accept_timer);
    sg_lifts_close(agent);
    sg_store_writer_close(agent->writer);
    agent->writer = NULL;
    sg_socket_close_all(agent);
    if (agent->listen_fd >= 0)
        (void)close(agent->listen_fd);
    if (agent->inotify_fd >= 0)
        (void)close(agent->inotify_fd);
    agent->listen_fd = agent->inotify_fd = -1;
}
