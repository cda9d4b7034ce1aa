/*
 * SQS's actions. Each is signed and needs a permission, as IAM's; a ReceiveMessage with nothing to
 * give waits, in http.c, until there is something or its time is up.
 */
#include <openssl/evp.h>
#include <string.h>

#include "queue.h"
#include "sqs_wire.h"

enum { MOST_WAIT_S = 20, MOST_MESSAGES = 10, MAX_MESSAGE = 1024 * 1024 };

struct sqs {
    struct sb_call call;
    struct json_object *input;
    struct sb_queue *queue; /* of QueueUrl */
    struct json_object *result;
};

static const char *field(struct json_object *input, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(input, name, &value) || value == NULL)
        return NULL;
    return json_object_get_string(value);
}

static int number(struct sqs *sqs, int64_t *value, const char *name, int64_t fallback, int64_t most)
{
    const char *text = field(sqs->input, name);

    *value = fallback;
    if (text == NULL || sb_integer(value, text, 0, most) == 0)
        return 0;
    return sb_fail(&sqs->call, 400, "InvalidParameterValue",
                   "Value %s for parameter %s is invalid. Reason: Must be between 0 and %lld.",
                   text, name, (long long)most);
}

static int need(struct sqs *sqs, const char **value, const char *name)
{
    *value = field(sqs->input, name);
    if (*value != NULL && (*value)[0] != '\0')
        return 0;
    return sb_fail(&sqs->call, 400, "MissingParameter",
                   "The request must contain the parameter %s.", name);
}

static void put(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, json_object_new_string(value));
}

static void put_md5(struct json_object *object, const char *name, const char *text)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct sb_text hex = {0};
    unsigned i;

    if (EVP_Digest(text, strlen(text), hash, &length, EVP_md5(), NULL) != 1)
        return;
    for (i = 0; i < length; i++)
        sb_text_printf(&hex, "%02x", hash[i]);
    put(object, name, hex.bytes);
    sb_text_free(&hex);
}

static void put_url(struct sqs *sqs, const struct sb_queue *queue)
{
    char *url = sb_queue_url(sqs->call.box, queue);

    put(sqs->result, "QueueUrl", url);
    free(url);
}

/* ---- actions ---- */

/* {"deadLetterTargetArn":"arn:aws:sqs:..:NAME","maxReceiveCount":"5"} */
static int set_redrive(struct sqs *sqs, struct sb_queue *queue, const char *text)
{
    struct json_object *policy = json_tokener_parse(text);
    const char *arn = policy != NULL ? field(policy, "deadLetterTargetArn") : NULL;
    const char *name = arn != NULL ? strrchr(arn, ':') : NULL;
    const char *most = policy != NULL ? field(policy, "maxReceiveCount") : NULL;
    struct sb_queue *dead =
        name != NULL ? sb_queue_find(sqs->call.box, queue->account, name + 1) : NULL;
    int result = 0;

    if (dead == NULL || most == NULL || sb_integer(&queue->max_receives, most, 1, 1000) != 0)
        result = sb_fail(&sqs->call, 400, "InvalidParameterValue",
                         "Value for parameter RedrivePolicy is invalid.");
    else
        queue->dead = dead;
    json_object_put(policy);
    return result;
}

static int create_queue(struct sqs *sqs)
{
    const char *name;
    struct json_object *attributes = NULL;
    struct sb_queue *queue;
    int64_t seconds = 30;

    if (need(sqs, &name, "QueueName") != 0)
        return -1;
    queue = sb_queue_add(sqs->call.box, sqs->call.caller.account, name);
    if (json_object_object_get_ex(sqs->input, "Attributes", &attributes) && attributes != NULL) {
        const char *visibility = field(attributes, "VisibilityTimeout");
        const char *redrive = field(attributes, "RedrivePolicy");

        if (visibility != NULL && sb_integer(&seconds, visibility, 0, 43200) != 0)
            return sb_fail(&sqs->call, 400, "InvalidAttributeValue",
                           "Invalid value for the parameter VisibilityTimeout.");
        queue->visibility_ms = seconds * 1000;
        if (redrive != NULL && set_redrive(sqs, queue, redrive) != 0)
            return -1;
    }
    put_url(sqs, queue);
    return 0;
}

static int get_queue_url(struct sqs *sqs)
{
    const char *name;
    const char *owner = field(sqs->input, "QueueOwnerAWSAccountId");
    const struct sb_account *account = sqs->call.caller.account;
    const struct sb_queue *queue;

    if (need(sqs, &name, "QueueName") != 0)
        return -1;
    if (owner != NULL)
        account = sb_account_find(sqs->call.box->world, owner);
    queue = account != NULL ? sb_queue_find(sqs->call.box, account, name) : NULL;
    if (queue == NULL)
        return sb_fail(&sqs->call, 400, "QueueDoesNotExist", "The specified queue does not exist.");
    put_url(sqs, queue);
    return 0;
}

static int send_message(struct sqs *sqs)
{
    const struct sb_message *message;
    const char *body;
    int64_t delay_s;

    if (need(sqs, &body, "MessageBody") != 0 || number(sqs, &delay_s, "DelaySeconds", 0, 900) != 0)
        return -1;
    if (strlen(body) > MAX_MESSAGE)
        return sb_fail(&sqs->call, 400, "InvalidParameterValue",
                       "One or more parameters are invalid. Reason: Message must be shorter than "
                       "%d bytes.",
                       MAX_MESSAGE);
    message = sb_queue_send(sqs->queue, body, delay_s * 1000);
    put(sqs->result, "MessageId", message->id);
    put_md5(sqs->result, "MD5OfMessageBody", body);
    return 0;
}

static struct json_object *message_json(const struct sb_message *message)
{
    struct json_object *object = json_object_new_object();
    struct json_object *attributes = json_object_new_object();
    char *count = sb_format("%lld", (long long)message->receives);

    put(object, "MessageId", message->id);
    put(object, "ReceiptHandle", message->handle);
    put_md5(object, "MD5OfBody", message->body);
    put(object, "Body", message->body);
    put(attributes, "ApproximateReceiveCount", count);
    json_object_object_add(object, "Attributes", attributes);
    free(count);
    return object;
}

static int receive_message(struct sqs *sqs)
{
    struct json_object *list = json_object_new_array();
    const struct sb_message *message;
    int64_t most, visibility_s, wait_s;

    if (number(sqs, &most, "MaxNumberOfMessages", 1, MOST_MESSAGES) != 0 ||
        number(sqs, &wait_s, "WaitTimeSeconds", 0, MOST_WAIT_S) != 0 ||
        number(sqs, &visibility_s, "VisibilityTimeout", sqs->queue->visibility_ms / 1000, 43200) !=
            0) {
        json_object_put(list);
        return -1;
    }
    sqs->queue->call++;
    while (most-- > 0 && (message = sb_queue_receive(sqs->queue, visibility_s * 1000)) != NULL)
        json_object_array_add(list, message_json(message));
    if (json_object_array_length(list) > 0)
        json_object_object_add(sqs->result, "Messages", list);
    else
        json_object_put(list);
    return 0;
}

static int delete_message(struct sqs *sqs)
{
    const char *handle;

    if (need(sqs, &handle, "ReceiptHandle") != 0)
        return -1;
    (void)sb_queue_delete(sqs->queue, handle); /* one that is out of date deletes nothing */
    return 0;
}

static int delete_batch(struct sqs *sqs)
{
    struct json_object *entries = NULL, *list = json_object_new_array();
    size_t i;

    (void)json_object_object_get_ex(sqs->input, "Entries", &entries);
    for (i = 0; entries != NULL && i < json_object_array_length(entries); i++) {
        struct json_object *entry = json_object_array_get_idx(entries, i);
        struct json_object *done = json_object_new_object();
        const char *id = field(entry, "Id"), *handle = field(entry, "ReceiptHandle");

        (void)sb_queue_delete(sqs->queue, handle != NULL ? handle : "");
        put(done, "Id", id != NULL ? id : "");
        json_object_array_add(list, done);
    }
    json_object_object_add(sqs->result, "Successful", list);
    if (i > 0 && i <= MOST_MESSAGES)
        return 0;
    return sb_fail(&sqs->call, 400, "TooManyEntriesInBatchRequest",
                   "A batch holds 1 to 10 entries.");
}

static int change_visibility(struct sqs *sqs)
{
    const char *handle;
    int64_t seconds;

    if (need(sqs, &handle, "ReceiptHandle") != 0 ||
        number(sqs, &seconds, "VisibilityTimeout", 30, 43200) != 0)
        return -1;
    if (sb_queue_hide(sqs->queue, handle, seconds * 1000))
        return 0;
    return sb_fail(&sqs->call, 400, "MessageNotInflight", "The message is not in flight.");
}

static int get_attributes(struct sqs *sqs)
{
    struct json_object *attributes = json_object_new_object();
    const struct sb_message *message;
    int64_t now_ms = sb_steady_ms(), visible = 0, hidden = 0;
    char *text;

    for (message = sqs->queue->messages; message != NULL; message = message->next) {
        visible += message->visible_ms <= now_ms;
        hidden += message->visible_ms > now_ms;
    }
    text = sb_format("%lld", (long long)visible);
    put(attributes, "ApproximateNumberOfMessages", text);
    free(text);
    text = sb_format("%lld", (long long)hidden);
    put(attributes, "ApproximateNumberOfMessagesNotVisible", text);
    free(text);
    text = sb_format("arn:aws:sqs:us-east-1:%s:%s", sqs->queue->account->id, sqs->queue->name);
    put(attributes, "QueueArn", text);
    free(text);
    json_object_object_add(sqs->result, "Attributes", attributes);
    return 0;
}

static const struct action {
    const char *name;
    int (*handler)(struct sqs *sqs);
    bool of_queue; /* its QueueUrl must be one */
} actions[] = {
    {"ChangeMessageVisibility", change_visibility, true},
    {"CreateQueue", create_queue, false},
    {"DeleteMessage", delete_message, true},
    {"DeleteMessageBatch", delete_batch, true},
    {"GetQueueAttributes", get_attributes, true},
    {"GetQueueUrl", get_queue_url, false},
    {"ReceiveMessage", receive_message, true},
    {"SendMessage", send_message, true},
};

/* ---- one call ---- */

bool sb_is_sqs(const struct sb_request *request)
{
    const char *target = sb_form_get(&request->headers, "x-amz-target");

    return (target != NULL && strncmp(target, "AmazonSQS.", 10) == 0) ||
           strcmp(sb_form_get_or(&request->form, "Version", ""), "2012-11-05") == 0;
}

static const struct action *find_action(const struct sb_request *request)
{
    const char *target = sb_form_get(&request->headers, "x-amz-target");
    const char *name = target != NULL && strncmp(target, "AmazonSQS.", 10) == 0
                           ? target + 10
                           : sb_form_get_or(&request->form, "Action", "");
    size_t i;

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    return NULL;
}

const char *sb_sqs_word(const struct sb_request *request)
{
    const struct action *action = find_action(request);

    return action != NULL ? action->name : "other";
}

/* AWS's permission for a batch is the single call's. */
static int permit(struct sqs *sqs, const struct action *action)
{
    const char *word =
        strcmp(action->name, "DeleteMessageBatch") == 0 ? "DeleteMessage" : action->name;
    const char *name = sqs->queue != NULL ? sqs->queue->name : field(sqs->input, "QueueName");
    const struct sb_account *account =
        sqs->queue != NULL ? sqs->queue->account : sqs->call.caller.account;
    char *resource =
        sb_format("arn:aws:sqs:us-east-1:%s:%s", account->id, name != NULL ? name : "*");
    char *whole = sb_format("sqs:%s", word);
    int result = sb_permit(&sqs->call, whole, resource, NULL);

    free(resource);
    free(whole);
    return result;
}

/* Everything before the handler. */
static int enter(struct sqs *sqs, const struct action *action)
{
    const char *url;

    if (action == NULL)
        return sb_fail(&sqs->call, 400, "InvalidAction", "The action is not known.");
    if (sb_authenticate(&sqs->call) != 0)
        return -1;
    sqs->input = sb_sqs_input(sqs->call.request);
    if (sqs->input == NULL)
        return sb_fail(&sqs->call, 400, "MalformedInput", "The body is no JSON object.");
    if (action->of_queue) {
        if (need(sqs, &url, "QueueUrl") != 0)
            return -1;
        sqs->queue = sb_queue_by_url(sqs->call.box, url);
        if (sqs->queue == NULL)
            return sb_fail(&sqs->call, 400, "QueueDoesNotExist",
                           "The specified queue does not exist.");
    }
    return permit(sqs, action);
}

static void begin(struct sqs *sqs, struct sb_sandbox *box, const struct sb_request *request,
                  const struct action *action)
{
    memset(sqs, 0, sizeof(*sqs));
    sqs->call.box = box;
    sqs->call.request = request;
    sqs->call.action = action != NULL ? action->name : "other";
    sqs->call.service = "sqs";
    sqs->call.request_id = sb_random_uuid();
    sqs->result = json_object_new_object();
}

static void end(struct sqs *sqs)
{
    json_object_put(sqs->input);
    json_object_put(sqs->result);
    free(sqs->call.code);
    free(sqs->call.message);
    free(sqs->call.request_id);
}

void sb_answer_sqs(struct sb_sandbox *box, const struct sb_request *request,
                   struct sb_answer *answer)
{
    const struct action *action = find_action(request);
    struct sqs sqs;

    begin(&sqs, box, request, action);
    if (enter(&sqs, action) == 0 && sb_faults_touch(&box->faults, action->name, "sqs") &&
        sb_faults_throttle(&box->faults, sqs.call.caller.account->id, action->name))
        (void)sb_fail(&sqs.call, 400, "RequestThrottled", "Rate exceeded");
    if (sqs.call.code == NULL)
        (void)action->handler(&sqs);
    answer->request_id = sb_copy(sqs.call.request_id);
    if (sqs.call.code != NULL) {
        sb_count(box->codes, sqs.call.code);
        sb_sqs_error(answer, request, sqs.call.status, sqs.call.code, sqs.call.message);
    } else {
        sb_sqs_render(answer, request, action->name, sqs.result, sqs.call.request_id);
    }
    sb_log_answer(box, request, &sqs.call, answer->status);
    end(&sqs);
}

struct sb_queue *sb_sqs_waits(struct sb_sandbox *box, const struct sb_request *request,
                              int64_t *until_ms)
{
    const struct action *action = find_action(request);
    struct sb_queue *queue = NULL;
    struct sqs sqs;
    int64_t wait_s = 0;

    if (action == NULL || action->handler != receive_message)
        return NULL;
    begin(&sqs, box, request, action);
    if (enter(&sqs, action) == 0 && number(&sqs, &wait_s, "WaitTimeSeconds", 0, MOST_WAIT_S) == 0 &&
        wait_s > 0 && sb_queue_next_ms(sqs.queue) > sb_steady_ms()) {
        queue = sqs.queue;
        *until_ms = sb_steady_ms() + wait_s * 1000;
    }
    end(&sqs);
    return queue;
}
