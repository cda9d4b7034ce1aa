/*
 * iam.c - one signed POST a call, and the meaning of what comes back. Reading what an answer holds
 * is iam_read.c's. Must never turn an error into an empty answer.
 */
#include "aws/iam.h"

#include "aws/signed.h"
#include "base/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define ANSWER_BYTES_MAX SG_WALK_MAX_BYTES
#define IAM_VERSION      "2010-05-08"
#define STS_VERSION      "2011-06-15"

struct sg_iam_call {
    struct sg_http_transfer *transfer;
    struct sg_iam_done done;
};

/* ---- what an error answer means ---- */

struct code_class {
    const char *code;
    enum sg_iam_outcome outcome;
};

static const struct code_class code_classes[] = {
    {"NoSuchEntity", SG_IAM_NO_SUCH_ENTITY},
    {"NoSuchEntityException", SG_IAM_NO_SUCH_ENTITY},
    {"Throttling", SG_IAM_THROTTLED},
    {"ThrottlingException", SG_IAM_THROTTLED},
    {"ThrottledException", SG_IAM_THROTTLED},
    {"RequestThrottled", SG_IAM_THROTTLED},
    {"RequestThrottledException", SG_IAM_THROTTLED},
    {"RequestLimitExceeded", SG_IAM_THROTTLED},
    {"TooManyRequestsException", SG_IAM_THROTTLED},
    {"BandwidthLimitExceeded", SG_IAM_THROTTLED},
    {"PriorRequestNotComplete", SG_IAM_THROTTLED},
    {"SlowDown", SG_IAM_THROTTLED},
    {"ServiceFailure", SG_IAM_TRANSIENT},
    {"ServiceUnavailable", SG_IAM_TRANSIENT},
    {"InternalFailure", SG_IAM_TRANSIENT},
    {"InternalError", SG_IAM_TRANSIENT},
    {"RequestTimeout", SG_IAM_TRANSIENT},
    {"RequestTimeoutException", SG_IAM_TRANSIENT},
    {"ExpiredToken", SG_IAM_CREDENTIALS},
    {"ExpiredTokenException", SG_IAM_CREDENTIALS},
    {"InvalidClientTokenId", SG_IAM_CREDENTIALS},
    {"UnrecognizedClientException", SG_IAM_CREDENTIALS},
    {"InvalidAccessKeyId", SG_IAM_CREDENTIALS}, /* S3's words for the same: Ceph's IAM */
    {"InvalidToken", SG_IAM_CREDENTIALS},
    {"IncompleteSignature", SG_IAM_CREDENTIALS},
    {"SignatureDoesNotMatch", SG_IAM_CLOCK}, /* also what a stale date answers with */
    {"InvalidSignatureException", SG_IAM_CLOCK},
    {"RequestExpired", SG_IAM_CLOCK},
    {"RequestTimeTooSkewed", SG_IAM_CLOCK},
    {"AccessDenied", SG_IAM_DENIED},
    {"AccessDeniedException", SG_IAM_DENIED},
};

static bool take_error(void *payload, const struct sg_step *step)
{
    struct sg_iam_answer *answer = payload;

    if (!step->leaving)
        return true;
    if (sg_step_is(step, "Error", "Code"))
        (void)sg_text_copy(answer->code, sizeof answer->code, step->text);
    if (sg_step_is(step, "Error", "Message")) {
        struct sg_text text = step->text;
        if (text.length >= sizeof answer->message)
            text.length = sizeof answer->message - 1;
        (void)sg_text_copy(answer->message, sizeof answer->message, text);
    }
    return true;
}

enum sg_iam_outcome sg_iam_outcome_of(const char *code, long status)
{
    for (size_t i = 0; i < sizeof code_classes / sizeof code_classes[0]; i++) {
        if (strcmp(code, code_classes[i].code) == 0)
            return code_classes[i].outcome;
    }
    if (status == 429)
        return SG_IAM_THROTTLED;
    return status >= 500 ? SG_IAM_TRANSIENT : SG_IAM_FAILED;
}

static void say(struct sg_iam_answer *answer, const char *text)
{
    (void)snprintf(answer->message, sizeof answer->message, "%s", text);
}

void sg_iam_classify(struct sg_iam_answer *answer, const struct sg_http_answer *http)
{
    *answer = (struct sg_iam_answer){.outcome = SG_IAM_FAILED, .date_ms = http->date_ms};
    if (http->error != SG_OK) {
        answer->outcome = http->error == SG_E_NETWORK ? SG_IAM_TRANSIENT : SG_IAM_FAILED;
        say(answer, http->problem != NULL ? http->problem : "no answer");
        sg_text_make_printable(answer->message, strlen(answer->message));
        return;
    }
    if (http->status == 200) {
        if (http->date_ms == 0) {
            say(answer, "the answer carries no Date, so it can't be told when it was true");
            return;
        }
        answer->outcome = SG_IAM_OK;
        answer->body = http->body;
        return;
    }
    (void)sg_answer_walk(http->body, (struct sg_walk){take_error, answer});
    sg_text_make_printable(answer->code, strlen(answer->code));
    sg_text_make_printable(answer->message, strlen(answer->message));
    answer->outcome = sg_iam_outcome_of(answer->code, http->status);
    if (answer->message[0] == '\0')
        (void)snprintf(answer->message, sizeof answer->message, "HTTP status %ld", http->status);
    if (answer->outcome == SG_IAM_NO_SUCH_ENTITY && answer->date_ms == 0) {
        answer->outcome = SG_IAM_FAILED;
        say(answer, "the answer carries no Date, so it can't be told when it was true");
    }
}

/* ---- a call ---- */

static void finish(void *payload, const struct sg_http_answer *http)
{
    struct sg_iam_call *call = payload;
    struct sg_iam_answer answer;

    sg_iam_classify(&answer, http);
    call->done.call(call->done.payload, &answer);
    free(call);
}

static void write_form(struct sg_buffer *out, const struct sg_iam_request *request,
                       const char *version)
{
    sg_buffer_addf(out, "Action=%s&Version=%s", request->action, version);
    for (size_t i = 0; i < SG_IAM_PARAMETERS_MAX && request->parameters[i].name != NULL; i++) {
        sg_buffer_addf(out, "&%s=", request->parameters[i].name);
        sg_percent_encode(out, request->parameters[i].value, false);
    }
}

static int send_signed(struct sg_iam_call *call, struct sg_iam *iam, struct sg_text form)
{
    const struct sg_signed_request request = {
        .url = iam->url,
        .region = iam->region,
        .service = iam->sts ? "sts" : "iam",
        .content_type = SG_FORM_TYPE,
        .accept = "application/json",
        .body = form,
        .credentials = &iam->credentials,
        .now_ms = sg_clock_wall_ms(iam->clock) + iam->clock_offset_ms,
        .max_bytes = ANSWER_BYTES_MAX,
        .timeout_ms = SG_IAM_TIMEOUT_MS,
    };

    return sg_signed_start(&call->transfer, iam->http, &request,
                           (struct sg_http_done){finish, call});
}

int sg_iam_start(struct sg_iam_call **out, struct sg_iam *iam, const struct sg_iam_request *request,
                 struct sg_iam_done done)
{
    struct sg_iam_call *call = sg_alloc(1, sizeof *call);
    struct sg_buffer form = {0};
    int error = SG_E_MEMORY;

    *out = NULL;
    if (call == NULL)
        return SG_E_MEMORY;
    call->done = done;
    write_form(&form, request, iam->sts ? STS_VERSION : IAM_VERSION);
    if (!form.failed)
        error = send_signed(call, iam, sg_buffer_text(&form));
    sg_buffer_clear(&form);
    if (error != SG_OK)
        free(call);
    else
        *out = call;
    return error;
}

void sg_iam_cancel(struct sg_iam_call *call)
{
    if (call == NULL)
        return;
    sg_http_cancel(call->transfer);
    free(call);
}

/* ---- the same, waiting ---- */

struct waiting {
    struct sg_iam_answer *answer;
    struct sg_buffer *body;
    bool done;
};

static void keep_answer(void *payload, const struct sg_iam_answer *answer)
{
    struct waiting *waiting = payload;

    waiting->done = true;
    *waiting->answer = *answer;
    waiting->answer->body = (struct sg_text){0};
    if (waiting->body == NULL)
        return;
    sg_buffer_clear(waiting->body);
    sg_buffer_add_text(waiting->body, answer->body);
    if (waiting->body->failed) {
        waiting->answer->outcome = SG_IAM_FAILED;
        say(waiting->answer, "out of memory");
    }
}

static void run_once(struct sg_iam_answer *answer, struct sg_buffer *body, struct sg_iam *iam,
                     const struct sg_iam_request *request)
{
    struct waiting waiting = {.answer = answer, .body = body};
    struct sg_iam_call *call;

    *answer = (struct sg_iam_answer){.outcome = SG_IAM_FAILED};
    say(answer, "the request could not be made");
    if (sg_iam_start(&call, iam, request, (struct sg_iam_done){keep_answer, &waiting}) != SG_OK)
        return;
    while (!waiting.done) {
        if (sg_http_wait(iam->http, NULL, 0, 1000) != SG_OK) {
            sg_iam_cancel(call);
            return;
        }
    }
}

static void pause_ms(int64_t ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

enum sg_iam_outcome sg_iam_run(struct sg_iam_answer *answer, struct sg_buffer *body,
                               struct sg_iam *iam, const struct sg_iam_request *request,
                               int64_t deadline_ms)
{
    const int64_t end_ms = sg_clock_boot_ms(iam->clock) + deadline_ms;
    int64_t pause = 250;
    bool corrected = false;

    for (;;) {
        run_once(answer, body, iam, request);
        const bool again =
            answer->outcome == SG_IAM_THROTTLED || answer->outcome == SG_IAM_TRANSIENT;
        const bool clock = answer->outcome == SG_IAM_CLOCK && answer->date_ms != 0 && !corrected;
        if (clock) {
            iam->clock_offset_ms = answer->date_ms - sg_clock_wall_ms(iam->clock);
            corrected = true;
            continue;
        }
        if (!again || sg_clock_boot_ms(iam->clock) + pause > end_ms)
            return answer->outcome;
        uint16_t random = 0;
        (void)!getrandom(&random, sizeof random, 0);
        pause_ms(random % pause + 1);
        if (pause < 8000)
            pause *= 2;
    }
}
