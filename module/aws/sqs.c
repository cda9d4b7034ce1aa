/*
 * sqs.c - asking SQS: what is sent, and what an error of it means. The queue's URL names the host
 * that is asked; nothing of an answer ever does.
 */
#include "aws/sqs.h"

#include "aws/signed.h"
#include "base/json.h"

#include <json-c/json.h>
#include <stdio.h>

#define JSON_TYPE  "application/x-amz-json-1.0"
#define TIMEOUT_MS 20000
#define WAIT_MS    (SG_SQS_WAIT_S * 1000 + TIMEOUT_MS)

/* ---- the queue's URL ---- */

/* sqs.REGION.amazonaws.com and its kin; legacy REGION.queue.amazonaws.com. */
static void region_of(char *region, size_t size, struct sg_text host)
{
    struct sg_text first, second;
    struct sg_text rest = host;

    region[0] = '\0';
    if (!sg_text_cut(&first, &rest, '.') || !sg_text_cut(&second, &rest, '.') ||
        memchr(rest.data, '.', rest.length) == NULL)
        return;
    if (sg_text_equal(first, SG_TEXT("sqs")) || sg_text_equal(first, SG_TEXT("sqs-fips")))
        (void)sg_text_copy(region, size, second);
    else if (sg_text_equal(second, SG_TEXT("queue")))
        (void)sg_text_copy(region, size, first);
}

static bool path_names_a_queue(struct sg_text path)
{
    struct sg_text account;

    if (!sg_text_cut(&account, &path, '/') || account.length == 0 || path.length == 0 ||
        path.length > 80)
        return false;
    for (size_t i = 0; i < path.length; i++) {
        const char c = path.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

bool sg_sqs_queue_of(struct sg_sqs_queue *queue, const char *url)
{
    struct sg_text rest = sg_text_of(url), scheme, host, name;

    *queue = (struct sg_sqs_queue){.url = url};
    if (!sg_http_url_allowed(url, NULL) || !sg_text_cut(&scheme, &rest, ':') ||
        !sg_text_starts(rest, SG_TEXT("//")))
        return false;
    rest.data += 2;
    rest.length -= 2;
    if (!sg_text_cut(&host, &rest, '/') || host.length == 0 || !path_names_a_queue(rest))
        return false;
    const int length = snprintf(queue->endpoint, sizeof queue->endpoint, "%.*s://%.*s/",
                                SG_TEXT_ARG(scheme), SG_TEXT_ARG(host));
    (void)sg_text_cut(&name, &host, ':');
    region_of(queue->region, sizeof queue->region, name);
    return length > 0 && (size_t)length < sizeof queue->endpoint;
}

/* ---- calls ---- */

static int start(struct sg_http_transfer **transfer, const struct sg_sqs_queue *queue,
                 const struct sg_sqs_signer *signer, const char *target, struct sg_buffer *body,
                 bool patient, struct sg_http_done done)
{
    const struct sg_signed_request request = {
        .url = queue->endpoint,
        .region = signer->region,
        .service = "sqs",
        .content_type = JSON_TYPE,
        .target = target,
        .body = sg_buffer_text(body),
        .credentials = signer->credentials,
        .now_ms = signer->now_ms,
        .max_bytes = SG_SQS_ANSWER_BYTES,
        .timeout_ms = patient ? WAIT_MS : TIMEOUT_MS,
        .patient = patient,
    };
    const int error =
        body->failed ? SG_E_MEMORY : sg_signed_start(transfer, signer->http, &request, done);

    sg_buffer_clear(body);
    return error;
}

int sg_sqs_receive(struct sg_http_transfer **transfer, const struct sg_sqs_queue *queue,
                   const struct sg_sqs_signer *signer, unsigned most, unsigned wait_s,
                   struct sg_http_done done)
{
    struct sg_buffer body = {0};

    sg_buffer_add_text(&body, SG_TEXT("{\"QueueUrl\":"));
    sg_json_quote(&body, sg_text_of(queue->url));
    /* AttributeNames is the older spelling, which every SQS takes. */
    sg_buffer_addf(&body,
                   ",\"MaxNumberOfMessages\":%u,\"WaitTimeSeconds\":%u,"
                   "\"AttributeNames\":[\"ApproximateReceiveCount\"]}",
                   most, wait_s);
    return start(transfer, queue, signer, "AmazonSQS.ReceiveMessage", &body, true, done);
}

int sg_sqs_delete(struct sg_http_transfer **transfer, const struct sg_sqs_queue *queue,
                  const struct sg_sqs_signer *signer, const char *const *handles, size_t count,
                  struct sg_http_done done)
{
    struct sg_buffer body = {0};

    sg_buffer_add_text(&body, SG_TEXT("{\"QueueUrl\":"));
    sg_json_quote(&body, sg_text_of(queue->url));
    sg_buffer_add_text(&body, SG_TEXT(",\"Entries\":["));
    for (size_t i = 0; i < count; i++) {
        sg_buffer_addf(&body, "%s{\"Id\":\"%zu\",\"ReceiptHandle\":", i > 0 ? "," : "", i);
        sg_json_quote(&body, sg_text_of(handles[i]));
        sg_buffer_add_text(&body, SG_TEXT("}"));
    }
    sg_buffer_add_text(&body, SG_TEXT("]}"));
    return start(transfer, queue, signer, "AmazonSQS.DeleteMessageBatch", &body, false, done);
}

/* ---- what an answer means ---- */

/* {"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"..."} (Smithy, awsJson1_0) */
static void read_error(struct sg_iam_answer *answer, struct sg_text body)
{
    int error;
    struct json_object *whole = sg_json_parse(body, SG_SQS_MESSAGE_BYTES, &error), *value;

    if (json_object_is_type(whole, json_type_object)) {
        if (json_object_object_get_ex(whole, "__type", &value) &&
            json_object_is_type(value, json_type_string)) {
            struct sg_text head, code = sg_text_of(json_object_get_string(value));

            if (memchr(code.data, '#', code.length) != NULL)
                (void)sg_text_cut(&head, &code, '#');
            (void)sg_text_copy(answer->code, sizeof answer->code, code);
        }
        if ((json_object_object_get_ex(whole, "message", &value) ||
             json_object_object_get_ex(whole, "Message", &value)) &&
            json_object_is_type(value, json_type_string))
            (void)snprintf(answer->message, sizeof answer->message, "%s",
                           json_object_get_string(value));
    }
    json_object_put(whole);
    sg_text_make_printable(answer->code, strlen(answer->code));
    sg_text_make_printable(answer->message, strlen(answer->message));
}

void sg_sqs_classify(struct sg_iam_answer *answer, const struct sg_http_answer *http)
{
    *answer = (struct sg_iam_answer){.outcome = SG_IAM_FAILED, .date_ms = http->date_ms};
    if (http->error != SG_OK) {
        answer->outcome = http->error == SG_E_NETWORK ? SG_IAM_TRANSIENT : SG_IAM_FAILED;
        (void)snprintf(answer->message, sizeof answer->message, "%s",
                       http->problem != NULL ? http->problem : "no answer");
        sg_text_make_printable(answer->message, strlen(answer->message));
        return;
    }
    if (http->status == 200) {
        answer->outcome = SG_IAM_OK;
        answer->body = http->body;
        return;
    }
    read_error(answer, http->body);
    answer->outcome = sg_iam_outcome_of(answer->code, http->status);
    if (answer->message[0] == '\0')
        (void)snprintf(answer->message, sizeof answer->message, "HTTP status %ld", http->status);
}
