/*
 * Counters and the log: what was called, by whom, with what outcome. Never a secret, a token, a
 * signature or a query string.
 */
#include <string.h>

#include "sandbox.h"

void sb_count(struct json_object *counters, const char *name)
{
    struct json_object *old = json_object_object_get(counters, name);
    int64_t count = old != NULL ? json_object_get_int64(old) : 0;

    json_object_object_add(counters, name, json_object_new_int64(count + 1));
}

static void put(struct json_object *line, const char *name, const char *value)
{
    if (value != NULL)
        json_object_object_add(line, name, json_object_new_string(value));
}

void sb_log_answer(struct sb_sandbox *box, const struct sb_request *request,
                   const struct sb_call *call, unsigned status)
{
    struct json_object *line;
    char *time;

    if (box->log == NULL)
        return;
    line = json_object_new_object();
    time = sb_iso_millis(sb_now_ms(box));
    put(line, "time", time);
    put(line, "method", request->method);
    put(line, "path", request->path);
    if (call != NULL) {
        put(line, "action", call->action);
        put(line, "principal", call->caller.arn);
        put(line, "role", sb_form_get(&request->form, "RoleName"));
        put(line, "code", call->code);
        put(line, "message", call->message);
        put(line, "request_id", call->request_id);
    }
    json_object_object_add(line, "status", json_object_new_int64(status));
    fprintf(box->log, "%s\n",
            json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN |
                                                     JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)fflush(box->log);
    free(time);
    json_object_put(line);
}
