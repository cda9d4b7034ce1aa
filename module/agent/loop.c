/*
 * loop.c - the one loop: transfers, signals, the socket, clients, folders, timers. Nothing in it
 * blocks but the wait itself.
 */
#include "agent/agent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define FIXED     3 /* signals, socket, folders */
#define WAIT_MOST 60000

struct polled {
    struct pollfd *items;
    size_t *clients; /* items[FIXED + i] is this client's */
    size_t count;
};

static void collect(struct polled *polled, const struct sg_agent *agent)
{
    const int fixed[FIXED] = {agent->signal_fd, agent->accept_timer.set ? -1 : agent->listen_fd,
                              agent->inotify_fd};

    polled->count = 0;
    for (size_t i = 0; i < FIXED; i++)
        polled->items[polled->count++] = (struct pollfd){.fd = fixed[i], .events = POLLIN};
    for (size_t i = 0; i < agent->client_count; i++) {
        if (agent->clients[i].fd < 0)
            continue;
        polled->clients[polled->count - FIXED] = i;
        polled->items[polled->count++] =
            (struct pollfd){.fd = agent->clients[i].fd, .events = POLLIN};
    }
}

static void take_signals(struct sg_agent *agent)
{
    struct signalfd_siginfo info;

    while (read(agent->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            agent->reload = true;
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            agent->stop = true;
    }
}

static void serve(struct sg_agent *agent, const struct polled *polled)
{
    if (polled->items[0].revents != 0)
        take_signals(agent);
    if (polled->items[2].revents != 0)
        sg_files_changed(agent);
    for (size_t i = FIXED; i < polled->count; i++) {
        const size_t client = polled->clients[i - FIXED];

        if (polled->items[i].revents != 0 && agent->clients[client].fd == polled->items[i].fd)
            sg_socket_read(agent, client);
    }
    if (polled->items[1].revents != 0)
        sg_socket_accept(agent);
}

/* systemd.service(5), Type=notify-reload, wants to know when. */
static void notify_reloading(void)
{
    struct timespec now = {0};
    char words[64];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    sg_notify(words);
}

/* A mistake in the new configuration leaves the old one in force, whole. */
static int reload(struct sg_agent *agent)
{
    struct sg_problems problems = {0};
    struct sg_config *fresh = NULL;

    agent->reload = false;
    notify_reloading();
    if (sg_config_read(&fresh, agent->folder, &problems) != SG_OK) {
        sg_log_problems(agent, SG_LOG_ERROR, "configuration", &problems);
        sg_log(&agent->log, SG_LOG_ERROR,
               "reload=refused problem=the configuration has mistakes; the old one stays in force");
        sg_notify("READY=1");
        return SG_OK;
    }
    sg_log_problems(agent, SG_LOG_WARNING, "configuration", &problems);
    sg_agent_unload(agent);
    struct sg_config *old = agent->config;
    agent->config = fresh;
    int error = sg_agent_load(agent);
    if (error != SG_OK) {
        sg_log(&agent->log, SG_LOG_ERROR, "reload=refused; back to the old configuration");
        agent->config = old;
        old = fresh;
        error = sg_agent_load(agent);
    } else {
        sg_log(&agent->log, SG_LOG_NOTICE, "reload=done accounts=%zu issuers=%zu",
               agent->account_count, agent->issuer_count);
    }
    sg_config_free(old);
    sg_notify("READY=1");
    return error;
}

static void watchdog_due(void *payload)
{
    struct sg_agent *agent = payload;

    sg_notify("WATCHDOG=1");
    sg_timer_set(&agent->timers, &agent->watchdog, sg_now_ms(agent) + sg_notify_watchdog_ms(),
                 watchdog_due, agent);
}

static int turn(struct sg_agent *agent, struct polled *polled)
{
    collect(polled, agent);
    const int wait_ms = sg_timers_wait_ms(&agent->timers, sg_now_ms(agent), WAIT_MOST);
    const int error = sg_http_wait(agent->http, polled->items, polled->count, wait_ms);
    if (error != SG_OK)
        return error;
    serve(agent, polled);
    sg_timers_run(&agent->timers, sg_now_ms(agent));
    return agent->reload && !agent->stop ? reload(agent) : SG_OK;
}

int sg_loop_run(struct sg_agent *agent)
{
    struct polled polled = {
        .items = sg_alloc(agent->client_count + FIXED, sizeof(struct pollfd)),
        .clients = sg_alloc(agent->client_count, sizeof(size_t)),
    };
    int error = polled.items == NULL || polled.clients == NULL ? SG_E_MEMORY : SG_OK;
    bool good = true;

    if (error == SG_OK && sg_notify_watchdog_ms() > 0)
        watchdog_due(agent);
    while (error == SG_OK && !agent->stop) {
        if (agent->once && sg_agent_tried_all(agent, &good)) {
            error = good ? SG_OK : SG_E_NETWORK;
            break;
        }
        error = turn(agent, &polled);
    }
    sg_timer_stop(&agent->timers, &agent->watchdog);
    free(polled.items);
    free(polled.clients);
    return error;
}
