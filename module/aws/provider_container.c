/*
 * provider_container.c - keys from the endpoint that ECS and EKS Pod Identity put beside a
 * container (AWS SDKs and Tools Reference Guide, "Container credential provider"). The token goes
 * only where http.c lets it go: https, or the few addresses where AWS serves it.
 */
#include "aws/provider.h"

#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>

#define RELATIVE_HOST    "http://169.254.170.2"
#define TIMEOUT_MS       2000
#define ATTEMPTS_MAX     3
#define PAUSE_MS         200
#define ANSWER_BYTES_MAX 65536
#define TOKEN_BYTES_MAX  SG_KEY_TEXT_MAX

/* Its path is never told: ECS gives a task's keys to whoever knows it. */
#define WHERE "the container's endpoint"

static int try_once(struct sg_task *task);

static int find_url(struct sg_task *task)
{
    const char *relative = sg_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = sg_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (relative != NULL && relative[0] != '/')
        return sg_task_fail(task, SG_E_INVALID,
                            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /");
    if (relative != NULL)
        sg_buffer_addf(&task->url, RELATIVE_HOST "%s", relative);
    else if (full != NULL)
        sg_buffer_addf(&task->url, "%s", full);
    else
        return sg_task_fail(
            task, SG_E_ABSENT,
            "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor ..._FULL_URI is set");
    if (task->url.failed)
        return sg_task_fail(task, SG_E_MEMORY, "out of memory");
    if (!sg_http_metadata_url_allowed(task->url.data, NULL))
        return sg_task_fail(
            task, SG_E_INVALID,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: keys are asked for by https, or by "
            "http from a loopback address, 169.254.170.2, 169.254.170.23 or "
            "[fd00:ec2::23] only");
    return SG_OK;
}

/* The file wins, and is read each time: EKS renews what stands in it. */
static int find_token(struct sg_task *task)
{
    const char *file = sg_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = sg_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");

    sg_buffer_wipe(&task->secret);
    if (file != NULL) {
        const int error = sg_file_read(&task->secret, AT_FDCWD, file, TOKEN_BYTES_MAX, NULL, NULL);
        if (error != SG_OK)
            return sg_task_fail(task, error, "%s: the token in it can't be read", file);
        while (task->secret.length > 0 && task->secret.data[task->secret.length - 1] == '\n')
            task->secret.data[--task->secret.length] = '\0';
    } else if (token != NULL) {
        sg_buffer_addf(&task->secret, "%s", token);
    }
    for (size_t i = 0; i < task->secret.length; i++) {
        if (task->secret.data[i] < 0x20 || task->secret.data[i] > 0x7e)
            return sg_task_fail(task, SG_E_INVALID,
                                "the container's authorization token holds a line break or another "
                                "byte that no header may hold");
    }
    return task->secret.failed ? sg_task_fail(task, SG_E_MEMORY, "out of memory") : SG_OK;
}

static void try_again(void *payload, bool readable)
{
    struct sg_task *task = payload;

    (void)readable;
    const int error = try_once(task);
    if (error != SG_OK)
        sg_task_end(task, error);
}

static void answered(void *payload, const struct sg_http_answer *answer)
{
    struct sg_task *task = payload;
    char why[200];
    int error = SG_E_NETWORK;

    task->transfer = NULL;
    if (answer->error != SG_OK)
        (void)sg_task_fail(task, error, WHERE ": %s", answer->problem);
    else if (answer->status != 200)
        (void)sg_task_fail(task, error, WHERE " answered with HTTP status %ld", answer->status);
    const bool passing =
        answer->error == SG_E_NETWORK ||
        (answer->error == SG_OK && (answer->status == 429 || answer->status >= 500));
    if (passing && task->attempts < ATTEMPTS_MAX) {
        task->watch.fd = -1;
        task->watch.at_ms = sg_clock_boot_ms(&sg_clock_system) + PAUSE_MS * task->attempts;
        task->watch.call = try_again;
        task->watch.payload = task;
        sg_http_watch(task->http, &task->watch);
        return;
    }
    if (answer->error == SG_OK && answer->status == 200) {
        error = sg_key_json_read(&task->keys, why, sizeof why, answer->body, SG_KEY_JSON_METADATA);
        if (error != SG_OK)
            (void)sg_task_fail(task, error, WHERE ": %s", why);
    }
    sg_task_end(task, error);
}

static int try_once(struct sg_task *task)
{
    const int error = find_token(task);
    if (error != SG_OK)
        return error;

    const struct sg_header headers[] = {
        {SG_TEXT("Accept"), SG_TEXT("application/json")},
        {SG_TEXT("Authorization"), sg_buffer_text(&task->secret)},
    };
    const struct sg_http_request request = {
        .url = task->url.data,
        .metadata = true,
        .headers = headers,
        .header_count = task->secret.length > 0 ? 2 : 1,
        .max_bytes = ANSWER_BYTES_MAX,
        .timeout_ms = TIMEOUT_MS,
    };
    task->attempts++;
    if (sg_http_start(&task->transfer, task->http, &request,
                      (struct sg_http_done){answered, task}) != SG_OK)
        return sg_task_fail(task, SG_E_MEMORY, "out of memory");
    return SG_OK;
}

int sg_task_container(struct sg_task *task)
{
    int error = find_url(task);

    if (error == SG_OK)
        error = try_once(task);
    return error;
}
