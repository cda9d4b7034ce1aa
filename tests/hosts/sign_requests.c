/*
 * sign_requests.c - signs what it reads: a JSON object a line with method, path, query, headers
 * ([[name, value], ...]), body (hex), region, service, now_ms, id, secret, token; a line with the
 * Authorization header's value for each, or "refused". For test_signer.py.
 */
#include "aws/sigv4.h"
#include "base/json.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX (1024 * 1024)

static struct sg_text text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, key, &value) || value == NULL)
        return (struct sg_text){0};
    return (struct sg_text){json_object_get_string(value),
                            (size_t)json_object_get_string_len(value)};
}

static size_t take_headers(struct sg_header *headers, struct json_object *object)
{
    struct json_object *list = NULL;
    size_t count = 0;

    if (!json_object_object_get_ex(object, "headers", &list))
        return 0;
    for (; count < json_object_array_length(list) && count < SG_SIGV4_HEADERS_MAX; count++) {
        struct json_object *pair = json_object_array_get_idx(list, count);
        const char *name = json_object_get_string(json_object_array_get_idx(pair, 0));
        const char *value = json_object_get_string(json_object_array_get_idx(pair, 1));
        headers[count] = (struct sg_header){sg_text_of(name), sg_text_of(value)};
    }
    return count;
}

static bool take_body(struct sg_buffer *body, struct sg_text hex)
{
    for (size_t i = 0; i + 1 < hex.length; i += 2) {
        const char digits[3] = {hex.data[i], hex.data[i + 1], '\0'};
        const char byte = (char)strtoul(digits, NULL, 16);
        sg_buffer_add(body, &byte, 1);
    }
    return !body->failed && hex.length % 2 == 0;
}

static bool sign_line(struct sg_text line)
{
    struct sg_header headers[SG_SIGV4_HEADERS_MAX];
    struct sg_buffer body = {0};
    struct sg_sigv4 signature = {.date = ""};
    struct json_object *now = NULL;
    int error = SG_E_INVALID;
    struct json_object *object = sg_json_parse(line, LINE_BYTES_MAX, &error);

    if (object == NULL || !json_object_object_get_ex(object, "now_ms", &now) ||
        !take_body(&body, text_of(object, "body"))) {
        json_object_put(object);
        return false;
    }
    const struct sg_text token = text_of(object, "token");
    const struct sg_credentials credentials = {
        .access_key_id = (char *)(uintptr_t)text_of(object, "id").data,
        .secret_access_key = (char *)(uintptr_t)text_of(object, "secret").data,
        .session_token = (char *)(uintptr_t)token.data,
    };
    const struct sg_sigv4_request request = {
        .method = text_of(object, "method"),
        .path = text_of(object, "path"),
        .query = text_of(object, "query"),
        .body = sg_buffer_text(&body),
        .headers = headers,
        .header_count = take_headers(headers, object),
        .region = text_of(object, "region"),
        .service = text_of(object, "service"),
        .now_ms = json_object_get_int64(now),
    };
    error = sg_sigv4_sign(&signature, &request, &credentials);
    printf("%s\n", error == SG_OK ? signature.authorization.data : "refused");
    sg_sigv4_clear(&signature);
    sg_buffer_clear(&body);
    json_object_put(object);
    return true;
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    int result = EXIT_SUCCESS;

    while ((length = getline(&line, &size, stdin)) > 0) {
        if (!sign_line(sg_text_trim((struct sg_text){line, (size_t)length - 1}))) {
            (void)fprintf(stderr, "not a request: %s", line);
            result = EXIT_FAILURE;
            break;
        }
    }
    free(line);
    return result;
}
