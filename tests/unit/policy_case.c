/*
 * policy_case.c - reads a case, compiles its document and asks each statement, as the gate does.
 */
#include "policy_case.h"

#include "base/date.h"
#include "policy/context.h"

#include <stdlib.h>

#define MAX_ENTRIES 32
#define MAX_VALUES  64

struct reading {
    struct json_object *one, *group;
    struct sg_context_entry entries[MAX_ENTRIES];
    size_t entry_count;
    struct sg_text values[MAX_VALUES];
    size_t value_count;
};

static struct json_object *member(const struct reading *reading, const char *name)
{
    struct json_object *value = NULL;

    if (json_object_object_get_ex(reading->one, name, &value))
        return value;
    return json_object_object_get_ex(reading->group, name, &value) ? value : NULL;
}

static struct sg_text words(struct json_object *value)
{
    return sg_text_of(json_object_get_string(value));
}

/* An instant, or fallback where there is none. */
static bool instant(int64_t *ms, struct json_object *value, struct sg_text fallback)
{
    return sg_date_parse_iam(ms, value == NULL ? fallback : words(value));
}

static bool add_entry(struct reading *reading, const char *name, struct json_object *value)
{
    struct sg_context_entry *entry = &reading->entries[reading->entry_count];
    const bool many = json_object_is_type(value, json_type_array);
    const size_t count = many ? json_object_array_length(value) : 1;

    if (reading->entry_count == MAX_ENTRIES || count > MAX_VALUES - reading->value_count)
        return false;
    reading->entry_count++;
    entry->name = sg_text_of(name);
    entry->presence = SG_KEY_PRESENT;
    entry->values = reading->values + reading->value_count;
    entry->count = count;
    for (size_t i = 0; i < count; i++)
        reading->values[reading->value_count++] =
            words(many ? json_object_array_get_idx(value, i) : value);
    return true;
}

static bool read_context(struct reading *reading)
{
    struct json_object *context = member(reading, "context");
    struct json_object *unknown = member(reading, "unknown");

    if (context != NULL) {
        json_object_object_foreach(context, name, value)
        {
            if (!add_entry(reading, name, value))
                return false;
        }
    }
    for (size_t i = 0; unknown != NULL && i < json_object_array_length(unknown); i++) {
        if (reading->entry_count == MAX_ENTRIES)
            return false;
        reading->entries[reading->entry_count++] = (struct sg_context_entry){
            .name = words(json_object_array_get_idx(unknown, i)), .presence = SG_KEY_UNKNOWN};
    }
    return true;
}

static bool read_request(struct sg_policy_request *request, const struct reading *reading)
{
    struct json_object *issued = member(reading, "issued");
    struct json_object *latest = issued, *value;

    if (json_object_is_type(issued, json_type_array)) {
        latest = json_object_array_get_idx(issued, 1);
        issued = json_object_array_get_idx(issued, 0);
    }
    request->action = SG_TEXT("execute-api:Invoke");
    request->resource = SG_TEXT("arn:aws:execute-api:us-east-1:123456789012:payments/prod");
    if ((value = member(reading, "action")) != NULL)
        request->action = words(value);
    if ((value = member(reading, "resource")) != NULL)
        request->resource = words(value);
    return instant(&request->issued.earliest_ms, issued, SG_TEXT("2024-05-01T12:00:00Z")) &&
           instant(&request->issued.latest_ms, latest, SG_TEXT("2024-05-01T12:00:00Z")) &&
           instant(&request->now_ms, member(reading, "now"), SG_TEXT("2024-05-01T13:00:00Z"));
}

static void write_document(struct sg_buffer *out, const struct reading *reading)
{
    struct json_object *value, *version = member(reading, "version");

    if ((value = member(reading, "document")) != NULL) {
        sg_buffer_addf(out, "%s", json_object_to_json_string(value));
        return;
    }
    sg_buffer_addf(out, "{");
    if (version != NULL)
        sg_buffer_addf(out, "\"Version\":%s,", json_object_to_json_string(version));
    if ((value = member(reading, "statement")) != NULL)
        sg_buffer_addf(out, "\"Statement\":%s}", json_object_to_json_string(value));
    else if ((value = member(reading, "resources")) != NULL)
        sg_buffer_addf(out, "\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":%s}}",
                       json_object_to_json_string(value));
    else
        sg_buffer_addf(out,
                       "\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
                       "\"Condition\":%s}}",
                       json_object_to_json_string(member(reading, "condition")));
}

/* A sure denial decides; else whatever is least sure. */
static const char *ask_each(struct sg_text run, const struct sg_policy_request *request)
{
    const struct sg_statement *statement;
    const char *result = "no";
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        const enum sg_match match = sg_statement_match(statement, request);

        if (match == SG_MATCH_NO)
            continue;
        if (match == SG_MATCH_YES)
            return "yes";
        if ((statement->flags & SG_STATEMENT_INDETERMINATE) != 0)
            result = "indeterminate";
        else if (strcmp(result, "no") == 0)
            result = "unknown";
    }
    return result;
}

const char *policy_case_decide(struct json_object *one, struct json_object *group)
{
    struct reading reading = {.one = one, .group = group};
    struct sg_context_list list = {.entries = reading.entries, .otherwise = SG_KEY_ABSENT};
    struct sg_policy_request request = {.ask = sg_context_list_ask, .payload = &list};
    struct sg_buffer document = {0}, run = {0};
    const char *result = NULL;

    if (!read_context(&reading) || !read_request(&request, &reading))
        return NULL;
    list.count = reading.entry_count;
    write_document(&document, &reading);
    if (!document.failed &&
        sg_policy_compile(&run, sg_buffer_text(&document), SG_POLICY_INLINE, SG_TEXT("Test"),
                          NULL) == SG_OK &&
        sg_statement_run_valid(sg_buffer_text(&run)))
        result = ask_each(sg_buffer_text(&run), &request);
    sg_buffer_clear(&document);
    sg_buffer_clear(&run);
    return result;
}
