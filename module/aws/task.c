/*
 * task.c - what all ways to get keys share: how one ends, and how it is taken apart at any point.
 */
#include "aws/provider.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its group too: what a script started must not outlive it. It is our child until we have waited,
 * so the number can't have become another's. */
static void end_process(struct sg_task *task)
{
    if (task->pid <= 0)
        return;
    if (task->fd >= 0)
        (void)close(task->fd);
    (void)kill(-task->pid, SIGKILL);
    (void)kill(task->pid, SIGKILL);
    (void)waitpid(task->pid, NULL, 0);
    task->pid = 0;
    task->fd = -1;
}

void sg_task_stop(struct sg_task *task)
{
    sg_http_cancel(task->transfer);
    sg_sts_cancel(task->call);
    task->transfer = NULL;
    task->call = NULL;
    sg_http_unwatch(&task->watch);
    end_process(task);
    sg_buffer_wipe(&task->url);
    sg_buffer_wipe(&task->secret);
    sg_buffer_wipe(&task->output);
    sg_credentials_clear(&task->keys);
}

int sg_task_fail(struct sg_task *task, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(task->trouble, sizeof task->trouble, format, arguments);
    va_end(arguments);
    sg_text_make_printable(task->trouble, strlen(task->trouble));
    return error;
}

void sg_task_end(struct sg_task *task, int error)
{
    struct sg_credentials keys = task->keys;

    task->keys = (struct sg_credentials){.expires_ms = 0};
    sg_task_stop(task);
    if (error != SG_OK)
        sg_credentials_clear(&keys);
    task->keys = keys;
    task->done(task->payload, error);
}
