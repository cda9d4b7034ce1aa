/*
 * Reads and writes SQS's JSON and Query protocols, see sqs_wire.h. Debian 12's boto3 speaks the
 * older one, everybody else's the newer.
 */
#include "sqs_wire.h"

#include <string.h>

#include "queue.h"

bool sb_sqs_speaks_json(const struct sb_request *request)
{
    return sb_form_get(&request->headers, "x-amz-target") != NULL;
}

/* DeleteMessageBatchRequestEntry.1.Id=..: a list of objects; AttributeName.1=..: one of strings. */
static void read_entries(struct json_object *input, const struct sb_form *form, const char *prefix)
{
    struct json_object *list = json_object_new_array();
    unsigned n;

    for (n = 1; n <= 10; n++) {
        char *id = sb_format("%s.%u.Id", prefix, n);
        char *handle = sb_format("%s.%u.ReceiptHandle", prefix, n);
        const char *id_text = sb_form_get(form, id);
        const char *handle_text = sb_form_get(form, handle);

        if (id_text != NULL && handle_text != NULL) {
            struct json_object *entry = json_object_new_object();

            json_object_object_add(entry, "Id", json_object_new_string(id_text));
            json_object_object_add(entry, "ReceiptHandle", json_object_new_string(handle_text));
            json_object_array_add(list, entry);
        }
        free(id);
        free(handle);
    }
    json_object_object_add(input, "Entries", list);
}

static void read_attributes(struct json_object *input, const struct sb_form *form)
{
    struct json_object *attributes = json_object_new_object();
    unsigned n;

    for (n = 1; n <= 10; n++) {
        char *name = sb_format("Attribute.%u.Name", n);
        char *value = sb_format("Attribute.%u.Value", n);

        if (sb_form_get(form, name) != NULL && sb_form_get(form, value) != NULL)
            json_object_object_add(attributes, sb_form_get(form, name),
                                   json_object_new_string(sb_form_get(form, value)));
        free(name);
        free(value);
    }
    json_object_object_add(input, "Attributes", attributes);
}

struct json_object *sb_sqs_input(const struct sb_request *request)
{
    const struct sb_form *form = &request->form;
    struct json_object *input;
    size_t i;

    if (sb_sqs_speaks_json(request)) {
        input = request->body.length > 0 ? json_tokener_parse(request->body.bytes) : NULL;
        if (json_object_is_type(input, json_type_object))
            return input;
        json_object_put(input);
        return NULL;
    }
    input = json_object_new_object();
    for (i = 0; i < form->count; i++) {
        if (strchr(form->fields[i].name, '.') == NULL)
            json_object_object_add(input, form->fields[i].name,
                                   json_object_new_string(form->fields[i].value));
    }
    read_entries(input, form, "DeleteMessageBatchRequestEntry");
    read_attributes(input, form);
    return input;
}

static void add_escaped(struct sb_text *xml, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            sb_text_put(xml, "&lt;");
        else if (*text == '>')
            sb_text_put(xml, "&gt;");
        else if (*text == '&')
            sb_text_put(xml, "&amp;");
        else
            sb_text_add(xml, text, 1);
    }
}

/* Lists are flattened: each element bears the name that Query gives it. */
static const char *element_of(const char *list)
{
    static const struct {
        const char *list, *element;
    } names[] = {
        {"Messages", "Message"},
        {"Successful", "DeleteMessageBatchResultEntry"},
        {"Failed", "BatchResultErrorEntry"},
        {"QueueUrls", "QueueUrl"},
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].list, list) == 0)
            return names[i].element;
    }
    return "member";
}

static void add_xml(struct sb_text *xml, const char *name, struct json_object *value)
{
    size_t i;

    if (json_object_is_type(value, json_type_array)) {
        for (i = 0; i < json_object_array_length(value); i++)
            add_xml(xml, element_of(name), json_object_array_get_idx(value, i));
        return;
    }
    if (strcmp(name, "Attributes") == 0) {
        json_object_object_foreach(value, key, inner)
        {
            sb_text_printf(xml, "<Attribute><Name>%s</Name><Value>", key);
            add_escaped(xml, json_object_get_string(inner));
            sb_text_put(xml, "</Value></Attribute>\n");
        }
        return;
    }
    sb_text_printf(xml, "<%s>", name);
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, member, inner) add_xml(xml, member, inner);
    } else {
        add_escaped(xml, json_object_get_string(value));
    }
    sb_text_printf(xml, "</%s>\n", name);
}

void sb_sqs_render(struct sb_answer *answer, const struct sb_request *request, const char *action,
                   struct json_object *result, const char *request_id)
{
    struct sb_text xml = {0};

    if (sb_sqs_speaks_json(request)) {
        sb_answer_json(answer, 200, json_object_get(result));
        answer->content_type = "application/x-amz-json-1.0";
        return;
    }
    sb_text_printf(&xml,
                   "<%sResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><%sResult>\n",
                   action, action);
    json_object_object_foreach(result, member, value) add_xml(&xml, member, value);
    sb_text_printf(&xml,
                   "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata>"
                   "</%sResponse>\n",
                   action, request_id, action);
    answer->status = 200;
    answer->content_type = "text/xml";
    answer->body = xml.bytes;
}

void sb_sqs_error(struct sb_answer *answer, const struct sb_request *request, unsigned status,
                  const char *code, const char *message)
{
    struct json_object *whole;
    char *type;

    if (!sb_sqs_speaks_json(request)) {
        sb_render_error(answer, false, "sqs", status, code, message);
        return;
    }
    whole = json_object_new_object();
    type = sb_format("com.amazonaws.sqs#%s", code);
    json_object_object_add(whole, "__type", json_object_new_string(type));
    json_object_object_add(whole, "message", json_object_new_string(message));
    free(type);
    sb_answer_json(answer, status, whole);
    answer->content_type = "application/x-amz-json-1.0";
}
