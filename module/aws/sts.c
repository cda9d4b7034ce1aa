/*
 * sts.c - AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity of STS's Query API
 * (2011-06-15). Must never keep a secret beyond the answer it came in.
 */
#include "aws/sts.h"

#include "aws/provider.h"
#include "aws/signed.h"
#include "base/date.h"
#include "base/encoding.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES_MAX (64 * 1024)

struct sg_sts_call {
    struct sg_http_transfer *transfer;
    struct sg_sts_done done;
    bool assumed;
};

#define API_VERSION "2011-06-15"

/* ---- what an answer holds ---- */

/* XML has a date; JSON, which nobody documents, seconds. */
static bool take_expiration(int64_t *ms, struct sg_text text)
{
    uint64_t seconds;

    if (sg_date_parse_rfc3339(ms, text))
        return true;
    if (!sg_text_to_uint(&seconds, text, INT64_MAX / 1000))
        return false;
    *ms = (int64_t)seconds * 1000;
    return true;
}

static bool take_step(void *payload, const struct sg_step *step)
{
    struct sg_sts_answer *answer = payload;
    struct sg_credentials *keys = &answer->credentials;

    if (!step->leaving)
        return true;
    if (sg_step_is(step, "Credentials", "AccessKeyId"))
        return sg_key_text_take(&keys->access_key_id, step->text);
    if (sg_step_is(step, "Credentials", "SecretAccessKey"))
        return sg_key_text_take(&keys->secret_access_key, step->text);
    if (sg_step_is(step, "Credentials", "SessionToken"))
        return sg_key_text_take(&keys->session_token, step->text);
    if (sg_step_is(step, "Credentials", "Expiration"))
        return take_expiration(&keys->expires_ms, step->text);
    if (sg_step_is(step, "AssumedRoleUser", "Arn") ||
        sg_step_is(step, "GetCallerIdentityResult", "Arn"))
        return sg_text_copy(answer->arn, sizeof answer->arn, step->text);
    return true;
}

static bool is_whole(const struct sg_sts_answer *answer, bool assumed)
{
    const struct sg_credentials *keys = &answer->credentials;

    if (!assumed)
        return answer->arn[0] != '\0';
    return keys->access_key_id != NULL && keys->secret_access_key != NULL &&
           keys->session_token != NULL && keys->expires_ms > 0;
}

void sg_sts_read(struct sg_sts_answer *answer, const struct sg_http_answer *http, bool assumed)
{
    struct sg_iam_answer classified;

    *answer = (struct sg_sts_answer){.outcome = SG_IAM_FAILED};
    sg_iam_classify(&classified, http);
    answer->outcome = classified.outcome;
    answer->date_ms = classified.date_ms;
    (void)snprintf(answer->code, sizeof answer->code, "%s", classified.code);
    (void)snprintf(answer->message, sizeof answer->message, "%s", classified.message);
    if (answer->outcome != SG_IAM_OK)
        return;
    const int error = sg_answer_walk(classified.body, (struct sg_walk){take_step, answer});
    if (error == SG_OK && is_whole(answer, assumed)) {
        sg_text_make_printable(answer->arn, strlen(answer->arn));
        return;
    }
    sg_credentials_clear(&answer->credentials);
    answer->outcome = SG_IAM_FAILED;
    (void)snprintf(answer->message, sizeof answer->message,
                   "the answer is not STS's, or not whole");
}

/* ---- a call ---- */

static void finish(void *payload, const struct sg_http_answer *http)
{
    struct sg_sts_call *call = payload;
    struct sg_sts_answer answer;

    sg_sts_read(&answer, http, call->assumed);
    call->done.call(call->done.payload, &answer);
    sg_credentials_clear(&answer.credentials);
    free(call);
}

static void add(struct sg_buffer *form, const char *name, struct sg_text value)
{
    if (value.length == 0)
        return;
    sg_buffer_addf(form, "&%s=", name);
    sg_percent_encode(form, value, false);
}

static void write_form(struct sg_buffer *form, const struct sg_sts_request *request)
{
    const char *action = request->role_arn == NULL      ? "GetCallerIdentity"
                         : request->credentials == NULL ? "AssumeRoleWithWebIdentity"
                                                        : "AssumeRole";

    sg_buffer_addf(form, "Action=%s&Version=" API_VERSION, action);
    if (request->role_arn == NULL)
        return;
    add(form, "RoleArn", sg_text_of(request->role_arn));
    add(form, "RoleSessionName",
        request->session_name == NULL ? SG_TEXT("stsgate") : sg_text_of(request->session_name));
    add(form, "ExternalId", sg_text_of(request->external_id));
    add(form, "WebIdentityToken", request->web_identity_token);
    if (request->duration_s > 0)
        sg_buffer_addf(form, "&DurationSeconds=%lld", (long long)request->duration_s);
}

int sg_sts_start(struct sg_sts_call **out, struct sg_http *http,
                 const struct sg_sts_request *request, struct sg_sts_done done)
{
    struct sg_sts_call *call = sg_alloc(1, sizeof *call);
    struct sg_buffer form = {0};
    int error = SG_E_MEMORY;

    *out = NULL;
    if (call == NULL)
        return SG_E_MEMORY;
    call->done = done;
    call->assumed = request->role_arn != NULL;
    write_form(&form, request);
    if (form.failed)
        goto out;
    const struct sg_signed_request sent = {
        .url = request->url,
        .region = request->region,
        .service = "sts",
        .content_type = SG_FORM_TYPE,
        .body = sg_buffer_text(&form),
        .credentials = request->credentials,
        .now_ms = request->now_ms,
        .max_bytes = ANSWER_BYTES_MAX,
        .timeout_ms = SG_STS_TIMEOUT_MS,
    };
    error = sg_signed_start(&call->transfer, http, &sent, (struct sg_http_done){finish, call});
out:
    sg_buffer_wipe(&form); /* a web identity token is in it */
    if (error != SG_OK)
        free(call);
    else
        *out = call;
    return error;
}

void sg_sts_cancel(struct sg_sts_call *call)
{
    if (call == NULL)
        return;
    sg_http_cancel(call->transfer);
    free(call);
}
