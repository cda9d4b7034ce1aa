/*
 * main.c - stsgated's command line and its start: options, configuration, user, signals.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define DEFAULT_FOLDER "/etc/stsgate"

struct options {
    const char *folder;
    bool foreground, once, check;
    enum sg_log_level most;
};

static const char usage[] =
    "usage: stsgated [--conf FOLDER] [--foreground] [--once | --check] [-v]\n"
    "  --conf FOLDER  configuration (default " DEFAULT_FOLDER ")\n"
    "  --foreground   stay attached to the terminal\n"
    "  --once         read every account and key set once, then exit: 0 all well, 1 not\n"
    "  --check        read the configuration, tell every mistake, exit\n"
    "  -v             tell more; twice: all\n";

/* 0, or what to exit with, less one. */
static int read_options(struct options *options, int count, char **arguments)
{
    enum { FOREGROUND = 256, ONCE, CHECK, SHOW_VERSION };
    static const struct option known[] = {
        {"conf", required_argument, NULL, 'c'},
        {"foreground", no_argument, NULL, FOREGROUND},
        {"once", no_argument, NULL, ONCE},
        {"check", no_argument, NULL, CHECK},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, SHOW_VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    *options = (struct options){.folder = DEFAULT_FOLDER, .most = SG_LOG_INFO};
    while ((option = getopt_long(count, arguments, "c:vh", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->folder = optarg;
            break;
        case FOREGROUND:
            options->foreground = true;
            break;
        case ONCE:
            options->once = true;
            break;
        case CHECK:
            options->check = true;
            break;
        case 'v':
            options->most = SG_LOG_DEBUG;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 1;
        case SHOW_VERSION:
            (void)puts("stsgated " PACKAGE_VERSION);
            return 1;
        default:
            (void)fputs(usage, stderr);
            return 3;
        }
    }
    if (optind == count)
        return 0;
    (void)fputs(usage, stderr);
    return 3;
}

/* Files of another user would be refused by every gateway: better not to begin. */
static bool user_is_right(const struct sg_agent *agent)
{
    if (sg_owner_trusted(&agent->config->owners, geteuid()))
        return true;
    sg_log(&agent->log, SG_LOG_ERROR,
           "problem=runs as uid %u, but [agent] says user = %s: start it as that user",
           (unsigned)geteuid(), agent->config->user);
    return false;
}

static int open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/*
 * How many clients there is room for: they must never take the descriptors that reading AWS needs,
 * nor leave the loop with connections that it can't accept.
 */
static size_t room_for_clients(void)
{
    const rlim_t own = 256, wanted = SG_CLIENTS_MAX + own;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return SG_CLIENTS_MAX / 4;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
            return SG_CLIENTS_MAX / 4;
    }
    if (limit.rlim_cur >= wanted)
        return SG_CLIENTS_MAX;
    return limit.rlim_cur > 2 * own ? (size_t)(limit.rlim_cur - own) : (size_t)limit.rlim_cur / 2;
}

static int run(struct sg_agent *agent, const struct options *options)
{
    /* Before anything is opened: locks and helper threads do not survive it. */
    if (!options->foreground && !options->once && daemon(1, 1) != 0) {
        sg_log(&agent->log, SG_LOG_ERROR, "problem=can't go to the background: %s",
               strerror(errno));
        return SG_E_SYSTEM;
    }
    int error = sg_drop_root(agent);
    if (error != SG_OK)
        return error;
    error = sg_http_open(&agent->http);
    agent->clients = sg_alloc(SG_CLIENTS_MAX, sizeof *agent->clients);
    if (error != SG_OK || agent->clients == NULL)
        return SG_E_MEMORY;
    agent->client_count = room_for_clients();
    for (size_t i = 0; i < agent->client_count; i++)
        agent->clients[i].fd = -1;
    agent->started_boot_ms = sg_now_ms(agent);
    agent->once = options->once;
    error = sg_agent_load(agent);
    if (error != SG_OK)
        return error;
    sg_log(&agent->log, SG_LOG_NOTICE,
           "start=done version=" PACKAGE_VERSION " accounts=%zu issuers=%zu state=%s",
           agent->account_count, agent->issuer_count, agent->config->state);
    sg_notify("READY=1");
    error = sg_loop_run(agent);
    sg_notify("STOPPING=1");
    sg_agent_unload(agent);
    sg_log(&agent->log, SG_LOG_NOTICE, "stop=done");
    return error;
}

int main(int count, char **arguments)
{
    struct options options;
    struct sg_problems problems = {0};
    const int exit_code = read_options(&options, count, arguments);

    if (exit_code != 0)
        return exit_code - 1;
    struct sg_agent agent = {
        .folder = options.folder,
        .log = sg_log_stderr(options.most),
        .clock = &sg_clock_system,
        .listen_fd = -1,
        .inotify_fd = -1,
    };
    (void)umask(022);
    agent.signal_fd = open_signals();
    int error = agent.signal_fd < 0 ? SG_E_SYSTEM
                                    : sg_config_read(&agent.config, options.folder, &problems);
    sg_log_problems(&agent, error == SG_OK ? SG_LOG_WARNING : SG_LOG_ERROR, "configuration",
                    &problems);
    if (error == SG_OK && !options.check)
        error = user_is_right(&agent) ? run(&agent, &options) : SG_E_UNTRUSTED;
    sg_http_close(agent.http);
    free(agent.clients);
    sg_config_free(agent.config);
    (void)close(agent.signal_fd);
    return error == SG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
