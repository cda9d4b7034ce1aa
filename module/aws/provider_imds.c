/*
 * provider_imds.c - keys of an EC2 instance's role, from its metadata service, version 2 only: a
 * session token by PUT, the role's name, its keys (Amazon EC2 User Guide, "Use the Instance
 * Metadata Service"). Version 1 is never fallen back to: any request that an instance can be talked
 * into would do for it.
 */
#include "aws/provider.h"

#include "base/clock.h"

#include <stdio.h>

#define IPV4_ENDPOINT    "http://169.254.169.254"
#define IPV6_ENDPOINT    "http://[fd00:ec2::254]"
#define TOKEN_PATH       "/latest/api/token"
#define ROLES_PATH       "/latest/meta-data/iam/security-credentials/"
#define TOKEN_TTL_S      "21600"
#define TIMEOUT_MS       1000
#define ATTEMPTS_MAX     3
#define PAUSE_MS         200
#define ANSWER_BYTES_MAX 65536
#define ROLE_NAME_MAX    128

enum { GET_TOKEN, GET_NAME, GET_KEYS };

static int send_step(struct sg_task *task);

static const char *endpoint(const struct sg_plan *plan)
{
    const char *named = sg_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = sg_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

    if (named == NULL)
        named = plan->metadata_endpoint;
    if (mode == NULL)
        mode = plan->metadata_mode;
    if (named != NULL)
        return named;
    return sg_text_equal_nocase(sg_text_of(mode), SG_TEXT("ipv6")) ? IPV6_ENDPOINT : IPV4_ENDPOINT;
}

static void write_url(struct sg_task *task, const char *path, const char *name)
{
    const char *base = endpoint(task->plan);
    size_t length = strlen(base);

    while (length > 0 && base[length - 1] == '/')
        length--;
    sg_buffer_clear(&task->url);
    sg_buffer_addf(&task->url, "%.*s%s%s", (int)length, base, path, name);
}

/* ---- what the steps' answers hold ---- */

static int take_token(struct sg_task *task, struct sg_text body)
{
    body = sg_text_trim(body);
    if (!sg_key_text_valid(body))
        return sg_task_fail(task, SG_E_INVALID,
                            "instance metadata: its session token is malformed");
    sg_buffer_wipe(&task->secret);
    sg_buffer_add_text(&task->secret, body);
    task->step = GET_NAME;
    return SG_OK;
}

/* It goes into a path. */
static bool is_role_name(struct sg_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              memchr("+=,.@_-", c, 7) != NULL))
            return false;
    }
    return name.length > 0 && name.length <= ROLE_NAME_MAX && !sg_text_equal(name, SG_TEXT(".")) &&
           !sg_text_equal(name, SG_TEXT(".."));
}

/* The first line. */
static int take_name(struct sg_task *task, struct sg_text body)
{
    struct sg_text name;

    (void)sg_text_cut(&name, &body, '\n');
    name = sg_text_trim(name);
    if (!is_role_name(name))
        return sg_task_fail(task, SG_E_INVALID, "instance metadata: what it lists is no role");
    (void)snprintf(task->words, sizeof task->words, "role %.*s", SG_TEXT_ARG(name));
    task->step = GET_KEYS;
    return SG_OK;
}

/*
 * While the service that makes them is down, an instance goes on handing out keys that are about to
 * expire or have, and AWS goes on taking them: they are used a while longer, and asked for again
 * (AWS's own SDKs do so, "static stability").
 */
static int take_keys(struct sg_task *task, struct sg_text body)
{
    const int64_t minute_ms = 60000;
    const int64_t now_ms = sg_clock_wall_ms(task->clock) + task->clock_offset_ms;
    char why[200];

    const int error = sg_key_json_read(&task->keys, why, sizeof why, body, SG_KEY_JSON_METADATA);
    if (error != SG_OK)
        return sg_task_fail(task, error, "instance metadata: %s", why);
    if (task->keys.expires_ms < now_ms + 10 * minute_ms)
        task->keys.expires_ms = now_ms + 20 * minute_ms;
    return SG_OK;
}

static int take_answer(struct sg_task *task, struct sg_text body)
{
    if (task->step == GET_TOKEN)
        return take_token(task, body);
    return task->step == GET_NAME ? take_name(task, body) : take_keys(task, body);
}

/* ---- asking ---- */

static int tell_status(struct sg_task *task, const struct sg_http_answer *answer)
{
    if (answer->error != SG_OK)
        return sg_task_fail(
            task, SG_E_NETWORK,
            "no way to AWS credentials is configured, and instance metadata does not answer: %s "
            "(on EC2, in a container: the instance's metadata hop limit must be 2)",
            answer->problem);
    if (task->step == GET_TOKEN)
        return sg_task_fail(task, SG_E_NETWORK,
                            "instance metadata refuses a session token with HTTP status %ld; is "
                            "its version 2 enabled?",
                            answer->status);
    if (task->step == GET_NAME && answer->status == 404)
        return sg_task_fail(task, SG_E_ABSENT,
                            "instance metadata: this instance has no role (instance profile)");
    return sg_task_fail(task, SG_E_NETWORK, "instance metadata answered with HTTP status %ld",
                        answer->status);
}

static void go_on(struct sg_task *task, int error)
{
    if (error == SG_OK)
        error = send_step(task);
    if (error != SG_OK)
        sg_task_end(task, error);
}

static void try_again(void *payload, bool readable)
{
    (void)readable;
    go_on(payload, SG_OK);
}

static void answered(void *payload, const struct sg_http_answer *answer)
{
    struct sg_task *task = payload;
    const bool token_ended =
        answer->error == SG_OK && answer->status == 401 && task->step != GET_TOKEN;
    const bool passing =
        answer->error == SG_E_NETWORK || token_ended ||
        (answer->error == SG_OK && (answer->status == 429 || answer->status >= 500));

    task->transfer = NULL;
    if (answer->error == SG_OK && answer->status == 200) {
        const bool last = task->step == GET_KEYS;
        task->attempts = 0;
        const int error = take_answer(task, answer->body);
        if (last)
            sg_task_end(task, error);
        else
            go_on(task, error);
        return;
    }
    if (!passing || task->attempts >= ATTEMPTS_MAX) {
        sg_task_end(task, tell_status(task, answer));
        return;
    }
    if (token_ended)
        task->step = GET_TOKEN;
    task->watch.fd = -1;
    task->watch.at_ms = sg_clock_boot_ms(&sg_clock_system) + PAUSE_MS * task->attempts;
    task->watch.call = try_again;
    task->watch.payload = task;
    sg_http_watch(task->http, &task->watch);
}

static int send_step(struct sg_task *task)
{
    const struct sg_header ttl = {SG_TEXT("X-aws-ec2-metadata-token-ttl-seconds"),
                                  SG_TEXT(TOKEN_TTL_S)};
    const struct sg_header token = {SG_TEXT("X-aws-ec2-metadata-token"),
                                    sg_buffer_text(&task->secret)};

    if (task->step == GET_TOKEN)
        write_url(task, TOKEN_PATH, "");
    else if (task->step == GET_NAME)
        write_url(task, ROLES_PATH, "");
    else
        write_url(task, ROLES_PATH, task->words + strlen("role "));
    if (task->url.failed || task->secret.failed)
        return sg_task_fail(task, SG_E_MEMORY, "out of memory");
    if (!sg_http_metadata_url_allowed(task->url.data, NULL))
        return sg_task_fail(
            task, SG_E_INVALID,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT or ec2_metadata_service_endpoint: keys are asked "
            "for by https, or by http from a loopback address, 169.254.169.254 or "
            "[fd00:ec2::254] only");
    const struct sg_http_request request = {
        .url = task->url.data,
        .put = task->step == GET_TOKEN,
        .metadata = true,
        .headers = task->step == GET_TOKEN ? &ttl : &token,
        .header_count = 1,
        .max_bytes = ANSWER_BYTES_MAX,
        .timeout_ms = TIMEOUT_MS,
    };
    task->attempts++;
    if (sg_http_start(&task->transfer, task->http, &request,
                      (struct sg_http_done){answered, task}) != SG_OK)
        return sg_task_fail(task, SG_E_MEMORY, "out of memory");
    return SG_OK;
}

int sg_task_instance(struct sg_task *task)
{
    const char *disabled = sg_environment("AWS_EC2_METADATA_DISABLED");

    if (sg_text_equal_nocase(sg_text_of(disabled), SG_TEXT("true")))
        return sg_task_fail(
            task, SG_E_ABSENT,
            "no AWS credentials: neither AWS_ACCESS_KEY_ID in the environment, nor "
            "a profile of AWS's shared files, nor a web identity, nor a container's "
            "endpoint; and AWS_EC2_METADATA_DISABLED rules out the instance's");
    task->step = GET_TOKEN;
    return send_step(task);
}
