/*
 * Results and errors as AWS writes them: XML, or JSON for who asks for it.
 *
 * A result is a JSON tree that both forms are made of: arrays become <X><member>..</member></X>,
 * null disappears from XML, and an integer whose name ends in Date or is Expiration is an instant
 * in epoch seconds, which XML spells out.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"

bool sb_wants_json(const struct sb_request *request)
{
    const char *accept = sb_form_get(&request->headers, "accept");

    return accept != NULL && strstr(accept, "application/json") != NULL;
}

static void add_escaped(struct sb_text *xml, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            sb_text_put(xml, "&lt;");
            break;
        case '>':
            sb_text_put(xml, "&gt;");
            break;
        case '&':
            sb_text_put(xml, "&amp;");
            break;
        case '"':
            sb_text_put(xml, "&quot;");
            break;
        default:
            sb_text_add(xml, text, 1);
        }
    }
}

static bool is_instant(const char *name, struct json_object *value)
{
    size_t length = strlen(name);

    if (!json_object_is_type(value, json_type_int))
        return false;
    return strcmp(name, "Expiration") == 0 ||
           (length >= 4 && strcmp(name + length - 4, "Date") == 0);
}

static void add_scalar(struct sb_text *xml, const char *name, struct json_object *value)
{
    char *instant;

    if (!is_instant(name, value)) {
        add_escaped(xml, json_object_get_string(value));
        return;
    }
    instant = sb_iso_seconds(json_object_get_int64(value) * 1000);
    sb_text_put(xml, instant);
    free(instant);
}

static void add_element(struct sb_text *xml, const char *name, struct json_object *value)
{
    size_t i;

    if (value == NULL)
        return;
    sb_text_printf(xml, "<%s>", name);
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, member, inner) add_element(xml, member, inner);
    } else if (json_object_is_type(value, json_type_array)) {
        for (i = 0; i < json_object_array_length(value); i++)
            add_element(xml, "member", json_object_array_get_idx(value, i));
    } else {
        add_scalar(xml, name, value);
    }
    sb_text_printf(xml, "</%s>\n", name);
}

static const char *namespace_of(const char *service)
{
    if (service != NULL && strcmp(service, "sts") == 0)
        return "https://sts.amazonaws.com/doc/2011-06-15/";
    return "https://iam.amazonaws.com/doc/2010-05-08/";
}

static struct json_object *metadata(const char *request_id)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "RequestId", json_object_new_string(request_id));
    return object;
}

/* {"GetRoleResult":..,"ResponseMetadata":..}; the tree below GetRoleResponse. */
static struct json_object *response_of(const struct sb_call *call)
{
    struct json_object *response = json_object_new_object();
    char *name = sb_format("%sResult", call->action);

    if (call->result != NULL)
        json_object_object_add(response, name, json_object_get(call->result));
    json_object_object_add(response, "ResponseMetadata", metadata(call->request_id));
    free(name);
    return response;
}

static void render_result(const struct sb_call *call, struct sb_answer *answer)
{
    struct json_object *response = response_of(call);
    struct json_object *whole = json_object_new_object();
    char *name = sb_format("%sResponse", call->action);
    struct sb_text xml = {0};

    json_object_object_add(whole, name, response);
    if (sb_wants_json(call->request)) {
        sb_answer_json(answer, 200, json_object_get(whole));
    } else {
        sb_text_printf(&xml, "<%s xmlns=\"%s\">\n", name, namespace_of(call->service));
        json_object_object_foreach(response, member, inner) add_element(&xml, member, inner);
        sb_text_printf(&xml, "</%s>\n", name);
        answer->status = 200;
        answer->content_type = "text/xml";
        answer->body = xml.bytes;
    }
    json_object_put(whole);
    free(name);
}

static struct json_object *error_object(unsigned status, const char *code, const char *message)
{
    struct json_object *error = json_object_new_object();
    const char *type = status >= 500 ? "Receiver" : "Sender";

    json_object_object_add(error, "Type", json_object_new_string(type));
    json_object_object_add(error, "Code", json_object_new_string(code));
    json_object_object_add(error, "Message", json_object_new_string(message));
    return error;
}

void sb_render_error(struct sb_answer *answer, bool json, const char *service, unsigned status,
                     const char *code, const char *message)
{
    struct json_object *whole = json_object_new_object();
    struct json_object *error = error_object(status, code, message);
    struct sb_text xml = {0};

    if (answer->request_id == NULL)
        answer->request_id = sb_random_uuid();
    json_object_object_add(whole, "Error", error);
    json_object_object_add(whole, "RequestId", json_object_new_string(answer->request_id));
    if (json) {
        sb_answer_json(answer, status, whole);
        return;
    }
    sb_text_printf(&xml, "<ErrorResponse xmlns=\"%s\">\n", namespace_of(service));
    json_object_object_foreach(whole, member, inner) add_element(&xml, member, inner);
    sb_text_put(&xml, "</ErrorResponse>\n");
    answer->status = status;
    answer->content_type = "text/xml";
    answer->body = xml.bytes;
    json_object_put(whole);
}

void sb_render(const struct sb_call *call, struct sb_answer *answer)
{
    answer->request_id = sb_copy(call->request_id);
    if (call->code == NULL) {
        render_result(call, answer);
        return;
    }
    sb_render_error(answer, sb_wants_json(call->request), call->service, call->status, call->code,
                    call->message);
}

/* Takes the body over. */
void sb_answer_json(struct sb_answer *answer, unsigned status, struct json_object *body)
{
    int style = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

    answer->status = status;
    answer->content_type = "application/json";
    answer->body = sb_copy(json_object_to_json_string_ext(body, style));
    json_object_put(body);
}

int sb_fail(struct sb_call *call, unsigned status, const char *code, const char *format, ...)
{
    va_list arguments;
    char *message = NULL;

    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        abort();
    va_end(arguments);
    free(call->code);
    free(call->message);
    call->status = status;
    call->code = sb_copy(code);
    call->message = message;
    return -1;
}

int sb_fail_missing(struct sb_call *call, const char *what, const char *name)
{
    return sb_fail(call, 404, "NoSuchEntity", "The %s with name %s cannot be found.", what, name);
}

unsigned sb_status_of(const char *code)
{
    static const struct {
        const char *code;
        unsigned status;
    } known[] = {
        {"AccessDenied", 403},
        {"ExpiredToken", 403},
        {"InternalFailure", 500},
        {"InvalidClientTokenId", 403},
        {"NoSuchEntity", 404},
        {"RequestLimitExceeded", 503},
        {"ServiceFailure", 500},
        {"ServiceUnavailable", 503},
        {"SignatureDoesNotMatch", 403},
        {"SlowDown", 503},
        {"TooManyRequestsException", 429},
    };
    int64_t number;
    size_t i;

    if (sb_integer(&number, code, 200, 599) == 0)
        return (unsigned)number;
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].code, code) == 0)
            return known[i].status;
    }
    return 400;
}
