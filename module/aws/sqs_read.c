/*
 * sqs_read.c - what answers of SQS hold. An answer is taken whole or not at all, and no message's
 * body stays in memory: AssumeRole's events hold session tokens.
 */
#include "aws/sqs.h"

#include "base/json.h"

#include <json-c/json.h>
#include <openssl/crypto.h>

static bool string_of(struct sg_text *text, struct json_object *object, const char *name)
{
    struct json_object *value;

    *text = (struct sg_text){0};
    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &value) ||
        !json_object_is_type(value, json_type_string))
        return false;
    *text =
        (struct sg_text){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    return true;
}

static bool read_message(struct sg_sqs_message *message, struct json_object *object)
{
    struct json_object *attributes;
    struct sg_text count;

    *message = (struct sg_sqs_message){0};
    if (!string_of(&message->handle, object, "ReceiptHandle") || message->handle.length == 0 ||
        message->handle.length >= SG_SQS_HANDLE_BYTES || !string_of(&message->body, object, "Body"))
        return false;
    (void)string_of(&message->id, object, "MessageId");
    if (json_object_object_get_ex(object, "Attributes", &attributes) &&
        string_of(&count, attributes, "ApproximateReceiveCount") &&
        !sg_text_to_uint(&message->receive_count, count, INT32_MAX))
        message->receive_count = 0;
    return true;
}

/* NULL and an error when the answer is another one. An empty queue's holds no list, or null. */
static struct json_object *list_of(struct json_object *whole, const char *name, int *error)
{
    struct json_object *list = NULL;

    if (!json_object_is_type(whole, json_type_object))
        *error = SG_E_INVALID;
    else if (json_object_object_get_ex(whole, name, &list) && list != NULL &&
             !json_object_is_type(list, json_type_array))
        *error = SG_E_INVALID;
    return *error == SG_OK ? list : NULL;
}

static void wipe(struct json_object *list)
{
    struct sg_text body;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (string_of(&body, json_object_array_get_idx(list, i), "Body") && body.length > 0)
            OPENSSL_cleanse((void *)(uintptr_t)body.data, body.length);
    }
}

int sg_sqs_read_messages(struct sg_text body,
                         void (*message)(void *payload, const struct sg_sqs_message *message),
                         void *payload)
{
    struct sg_sqs_message each;
    int error = SG_OK;
    struct json_object *whole = sg_json_parse(body, SG_SQS_ANSWER_BYTES, &error);
    struct json_object *list = whole == NULL ? NULL : list_of(whole, "Messages", &error);

    if (list != NULL && json_object_array_length(list) > SG_SQS_BATCH)
        error = SG_E_LIMIT;
    for (size_t i = 0; error == SG_OK && list != NULL && i < json_object_array_length(list); i++) {
        if (!read_message(&each, json_object_array_get_idx(list, i)))
            error = SG_E_INVALID;
    }
    for (size_t i = 0; error == SG_OK && list != NULL && i < json_object_array_length(list); i++) {
        (void)read_message(&each, json_object_array_get_idx(list, i));
        message(payload, &each);
    }
    if (list != NULL)
        wipe(list);
    json_object_put(whole);
    return error;
}

int sg_sqs_read_failed(struct sg_text body)
{
    int error = SG_OK;
    struct json_object *whole = sg_json_parse(body, SG_SQS_MESSAGE_BYTES, &error);
    struct json_object *list = whole == NULL ? NULL : list_of(whole, "Failed", &error);
    const size_t count = list == NULL ? 0 : json_object_array_length(list);

    json_object_put(whole);
    return error != SG_OK || count > SG_SQS_BATCH ? -1 : (int)count;
}
