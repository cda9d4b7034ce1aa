/*
 * provider_sts.c - keys from STS: a role assumed with other keys, or with the token that a cluster
 * (EKS) writes into a file and renews there.
 */
#include "aws/provider.h"

#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define ATTEMPTS_MAX    3
#define PAUSE_MS        300
#define TOKEN_BYTES_MAX 65536 /* STS takes 20,000 */

static void try_again(void *payload, bool readable);

/* What an administrator has to do about it, where STS's own words don't say. */
static const char *advice(const struct sg_sts_answer *answer)
{
    if (answer->outcome == SG_IAM_DENIED)
        return " (the role's trust policy must name who assumes it, with the external id if it "
               "asks "
               "for one, and who assumes it needs sts:AssumeRole)";
    if (strcmp(answer->code, "InvalidIdentityToken") == 0 ||
        strcmp(answer->code, "ExpiredTokenException") == 0)
        return " (the web identity's token in the file)";
    return "";
}

static int error_of(enum sg_iam_outcome outcome)
{
    if (outcome == SG_IAM_CREDENTIALS)
        return SG_E_UNTRUSTED; /* the keys that asked are not good any more */
    return outcome == SG_IAM_THROTTLED || outcome == SG_IAM_TRANSIENT ? SG_E_NETWORK : SG_E_INVALID;
}

static void answered(void *payload, struct sg_sts_answer *answer)
{
    struct sg_task *task = payload;
    const bool passing = answer->outcome == SG_IAM_THROTTLED || answer->outcome == SG_IAM_TRANSIENT;
    const bool clock = answer->outcome == SG_IAM_CLOCK && answer->date_ms != 0;

    task->call = NULL;
    if (answer->outcome == SG_IAM_OK) {
        task->keys = answer->credentials;
        answer->credentials = (struct sg_credentials){.expires_ms = 0};
        sg_task_end(task, SG_OK);
        return;
    }
    (void)sg_task_fail(task, SG_E_INVALID, "STS, role %s: %s%s%s%s", task->hop->role_arn,
                       answer->code, answer->code[0] == '\0' ? "" : ": ", answer->message,
                       advice(answer));
    if ((!passing && !clock) || task->attempts >= ATTEMPTS_MAX) {
        sg_task_end(task, error_of(answer->outcome));
        return;
    }
    if (clock)
        task->clock_offset_ms = answer->date_ms - sg_clock_wall_ms(task->clock);
    task->watch.fd = -1;
    task->watch.at_ms =
        sg_clock_boot_ms(&sg_clock_system) + (clock ? 0 : PAUSE_MS << task->attempts);
    task->watch.call = try_again;
    task->watch.payload = task;
    sg_http_watch(task->http, &task->watch);
}

/* Read again for each try: what stands in the file is renewed. */
static int read_token(struct sg_task *task)
{
    const char *file = task->plan->token_file;

    sg_buffer_wipe(&task->secret);
    const int error = sg_file_read(&task->secret, AT_FDCWD, file, TOKEN_BYTES_MAX, NULL, NULL);
    if (error != SG_OK)
        return sg_task_fail(task, error, "web identity: the token file %s can't be read", file);
    while (task->secret.length > 0 && task->secret.data[task->secret.length - 1] <= ' ')
        task->secret.data[--task->secret.length] = '\0';
    if (task->secret.length == 0)
        return sg_task_fail(task, SG_E_INVALID, "web identity: the token file %s is empty", file);
    return SG_OK;
}

static int try_once(struct sg_task *task)
{
    struct sg_sts_request request = {
        .url = task->sts_url,
        .region = task->sts_region,
        .now_ms = sg_clock_wall_ms(task->clock) + task->clock_offset_ms,
        .credentials = task->with,
        .role_arn = task->hop->role_arn,
        .session_name = task->hop->session_name,
        .external_id = task->hop->external_id,
        .duration_s = task->hop->duration_s,
    };
    int error = SG_OK;

    if (task->with == NULL)
        error = read_token(task);
    if (error != SG_OK)
        return error;
    request.web_identity_token = sg_buffer_text(&task->secret);
    task->attempts++;
    error = sg_sts_start(&task->call, task->http, &request, (struct sg_sts_done){answered, task});
    return error == SG_OK ? SG_OK : sg_task_fail(task, error, "STS could not be asked");
}

static void try_again(void *payload, bool readable)
{
    struct sg_task *task = payload;
    const int error = try_once(task);

    (void)readable;
    if (error != SG_OK)
        sg_task_end(task, error);
}

int sg_task_web_identity(struct sg_task *task)
{
    task->hop = &task->plan->web;
    task->with = NULL;
    return try_once(task);
}

int sg_task_assume(struct sg_task *task, const struct sg_hop *hop,
                   const struct sg_credentials *with)
{
    task->hop = hop;
    task->with = with;
    return try_once(task);
}
