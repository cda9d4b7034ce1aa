/*
 * provider_process.c - keys from a program that a profile names (AWS SDKs and Tools Reference
 * Guide, "Process credential provider"). It is run without a shell, with no descriptor of ours but
 * its output, in a process group of its own, for so long and so much output only. The loop never
 * waits for it: its output is watched, and its end is looked for from time to time.
 */
#include "aws/provider.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX  65536
#define TIME_MS           60000
#define LOOK_MS           20
#define COMMAND_BYTES_MAX 16384

extern char **environ;

/* ---- words ---- */

struct splitter {
    const char *at, *end;
    char *out; /* into the texts behind argv */
    bool failed;
};

/* A backslash: within double quotes it only quotes a quote or itself (shlex, POSIX). */
static void take_escaped(struct splitter *splitter, char quote)
{
    if (splitter->at == splitter->end) {
        splitter->failed = true;
        return;
    }
    if (quote == '"' && *splitter->at != '"' && *splitter->at != '\\')
        *splitter->out++ = '\\';
    *splitter->out++ = *splitter->at++;
}

static void take_word(struct splitter *splitter)
{
    char quote = '\0';

    while (splitter->at < splitter->end && !splitter->failed) {
        const char c = *splitter->at++;

        if (quote == '\0' && (c == ' ' || c == '\t'))
            break;
        if (c == '\\' && quote != '\'')
            take_escaped(splitter, quote);
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (quote != '\0' && c == quote)
            quote = '\0';
        else
            *splitter->out++ = c;
    }
    splitter->failed = splitter->failed || quote != '\0';
    *splitter->out++ = '\0';
}

static bool skip_blanks(struct splitter *splitter)
{
    while (splitter->at < splitter->end && (*splitter->at == ' ' || *splitter->at == '\t'))
        splitter->at++;
    return splitter->at < splitter->end;
}

int sg_command_split(char ***out, struct sg_text command)
{
    const size_t most = command.length / 2 + 2; /* words and the NULL behind them */
    size_t count = 0;

    *out = NULL;
    if (command.length > COMMAND_BYTES_MAX)
        return SG_E_LIMIT;
    if (command.length == 0 || memchr(command.data, '\0', command.length) != NULL)
        return SG_E_INVALID;
    char **argv = sg_alloc(1, most * sizeof *argv + 2 * command.length + 2);
    if (argv == NULL)
        return SG_E_MEMORY;
    struct splitter splitter = {
        .at = command.data, .end = command.data + command.length, .out = (char *)(argv + most)};
    while (skip_blanks(&splitter) && !splitter.failed) {
        argv[count++] = splitter.out;
        take_word(&splitter);
    }
    if (splitter.failed || count == 0 || argv[0][0] == '\0') {
        free(argv);
        return SG_E_INVALID;
    }
    *out = argv;
    return SG_OK;
}

/* ---- running ---- */

/* Signals as a program expects them, whatever we block; its own group; nothing of ours open. */
static int spawn(pid_t *pid, char **argv, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = ENOMEM;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0)
        goto out_actions;
    if (posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, output, 1) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) != 0 ||
        posix_spawn_file_actions_addclosefrom_np(&actions, 3) != 0 ||
        posix_spawnattr_setpgroup(&attributes, 0) != 0 ||
        posix_spawnattr_setsigmask(&attributes, &none) != 0 ||
        posix_spawnattr_setsigdefault(&attributes, &all) != 0 ||
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF) != 0)
        goto out;
    error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
out:
    (void)posix_spawnattr_destroy(&attributes);
out_actions:
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void look(void *payload, bool readable);

static void watch(struct sg_task *task, int fd, int64_t at_ms)
{
    task->watch.fd = fd;
    task->watch.at_ms = at_ms < task->end_boot_ms ? at_ms : task->end_boot_ms;
    task->watch.call = look;
    task->watch.payload = task;
    sg_http_watch(task->http, &task->watch);
}

/* SG_OK: more may come. SG_E_ABSENT: the output has ended. */
static int read_some(struct sg_task *task)
{
    char piece[4096];
    const ssize_t got = read(task->fd, piece, sizeof piece);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR
                   ? SG_OK
                   : sg_task_fail(task, SG_E_SYSTEM,
                                  "credential_process: its output can't be read");
    sg_buffer_add(&task->output, piece, (size_t)got);
    explicit_bzero(piece, sizeof piece);
    if (task->output.failed)
        return sg_task_fail(task, SG_E_LIMIT,
                            "credential_process writes more than %d bytes; it must write one JSON "
                            "object with the keys",
                            OUTPUT_BYTES_MAX);
    return got == 0 ? SG_E_ABSENT : SG_OK;
}

static int read_result(struct sg_task *task, int status)
{
    char why[200];

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return sg_task_fail(task, SG_E_SYSTEM,
                            "credential_process ended with %s %d; run it by hand as the agent's "
                            "user to see why",
                            WIFEXITED(status) ? "exit code" : "signal",
                            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    const int error = sg_key_json_read(&task->keys, why, sizeof why, sg_buffer_text(&task->output),
                                       SG_KEY_JSON_PROCESS);
    return error == SG_OK ? SG_OK : sg_task_fail(task, error, "credential_process: %s", why);
}

/* The output has ended; the program most often has, too. */
static void look_for_end(struct sg_task *task)
{
    int status = 0;
    const pid_t ended = waitpid(task->pid, &status, WNOHANG);

    if (ended == 0) {
        watch(task, -1, sg_clock_boot_ms(&sg_clock_system) + LOOK_MS);
        return;
    }
    task->pid = 0;
    if (ended < 0)
        sg_task_end(task, sg_task_fail(task, SG_E_SYSTEM,
                                       "credential_process: how it ended can't be told: %m"));
    else
        sg_task_end(task, read_result(task, status));
}

static void look(void *payload, bool readable)
{
    struct sg_task *task = payload;

    if (!readable && sg_clock_boot_ms(&sg_clock_system) >= task->end_boot_ms) {
        sg_task_end(task,
                    sg_task_fail(task, SG_E_NETWORK, "credential_process did not end within %d s",
                                 TIME_MS / 1000));
        return;
    }
    if (task->fd < 0) {
        look_for_end(task);
        return;
    }
    const int error = readable ? read_some(task) : SG_OK;
    if (error == SG_OK) {
        watch(task, task->fd, INT64_MAX);
        return;
    }
    if (error != SG_E_ABSENT) {
        sg_task_end(task, error);
        return;
    }
    (void)close(task->fd);
    task->fd = -1;
    look_for_end(task);
}

int sg_task_process(struct sg_task *task)
{
    int ends[2] = {-1, -1};
    char **argv;
    int error = sg_command_split(&argv, sg_text_of(task->plan->command));

    if (error != SG_OK)
        return sg_task_fail(task, error,
                            "credential_process is not a command: is a quote left open?");
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        error = sg_task_fail(task, SG_E_SYSTEM, "credential_process: no pipe: %m");
        goto out;
    }
    error = spawn(&task->pid, argv, ends[1]);
    if (error != 0) {
        task->pid = 0;
        errno = error;
        error = sg_task_fail(task, SG_E_SYSTEM, "credential_process: %s can't be run: %m", argv[0]);
        goto out;
    }
    task->fd = ends[0];
    ends[0] = -1;
    task->output.limit = OUTPUT_BYTES_MAX;
    task->end_boot_ms = sg_clock_boot_ms(&sg_clock_system) + TIME_MS;
    watch(task, task->fd, INT64_MAX);
    error = SG_OK;
out:
    if (ends[0] >= 0)
        (void)close(ends[0]);
    if (ends[1] >= 0)
        (void)close(ends[1]);
    free(argv);
    return error;
}
