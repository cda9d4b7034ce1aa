/*
 * answer.c - walks JSON as if it were XML: the strict scanner meets containers first and then what
 * is in them, so that where one ends shows when the depth falls. No tree is built.
 */
#include "aws/answer.h"

#include "base/buffer.h"
#include "base/json.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct json_walk {
    struct sg_walk walk;
    struct sg_text path[SG_WALK_MAX_DEPTH];
    char names[SG_WALK_MAX_DEPTH][SG_WALK_MAX_NAME + 1];
    unsigned depth; /* of what is open */
    char *text;     /* of the last string that held escapes */
    size_t text_size;
    int error;
};

static bool step(struct json_walk *json, bool leaving, struct sg_text text)
{
    const struct sg_step at = {
        .leaving = leaving, .depth = json->depth, .path = json->path, .text = text};

    if (json->walk.step(json->walk.payload, &at))
        return true;
    json->error = SG_E_INVALID;
    return false;
}

static bool leave_down_to(struct json_walk *json, unsigned depth)
{
    while (json->depth > depth) {
        if (!step(json, true, (struct sg_text){0}))
            return false;
        json->depth--;
    }
    return true;
}

static bool enter(struct json_walk *json, struct sg_text key)
{
    const struct sg_text name = key.length == 0 ? SG_TEXT("member") : key;

    if (json->depth == SG_WALK_MAX_DEPTH ||
        !sg_text_copy(json->names[json->depth], SG_WALK_MAX_NAME + 1, name)) {
        json->error = SG_E_LIMIT;
        return false;
    }
    json->path[json->depth] = (struct sg_text){json->names[json->depth], name.length};
    json->depth++;
    return step(json, false, (struct sg_text){0});
}

/* STS's answers hold secrets. */
static void drop_text(struct json_walk *json)
{
    if (json->text != NULL)
        OPENSSL_cleanse(json->text, json->text_size);
    free(json->text);
    json->text = NULL;
}

/* What is unescaped is never longer than what is escaped. */
static bool unescape(struct json_walk *json, struct sg_text *text, const struct sg_json_item *item)
{
    const size_t size = item->raw.length + 1;

    if (size > json->text_size) {
        char *larger = sg_alloc(size, 1);
        if (larger == NULL) {
            json->error = SG_E_MEMORY;
            return false;
        }
        drop_text(json);
        json->text = larger;
        json->text_size = size;
    }
    text->data = json->text;
    return sg_json_string(json->text, json->text_size, &text->length, item);
}

static bool take_item(void *payload, const struct sg_json_item *item)
{
    struct json_walk *json = payload;
    struct sg_text text = item->raw;

    if (item->depth == 0)
        return true;
    if (!leave_down_to(json, item->depth - 1) || !enter(json, item->key))
        return false;
    switch (item->type) {
    case SG_JSON_ARRAY:
    case SG_JSON_OBJECT:
        return true; /* left when the next item stands no deeper, or at the end */
    case SG_JSON_NULL:
        text = (struct sg_text){0};
        break;
    case SG_JSON_STRING:
        if (item->raw.length > SG_WALK_MAX_TEXT ||
            (item->escaped && !unescape(json, &text, item))) {
            json->error = json->error == SG_OK ? SG_E_LIMIT : json->error;
            return false;
        }
        break;
    case SG_JSON_TRUE:
    case SG_JSON_FALSE:
    case SG_JSON_NUMBER:
        break;
    }
    if (!step(json, true, text))
        return false;
    json->depth--;
    return true;
}

static int walk_json(struct sg_text body, struct sg_walk walk)
{
    if (body.length > SG_WALK_MAX_BYTES)
        return SG_E_LIMIT;
    struct json_walk *json = sg_alloc(1, sizeof *json);
    if (json == NULL)
        return SG_E_MEMORY;
    json->walk = walk;
    int error = sg_json_scan(body, NULL, take_item, json);
    if (json->error != SG_OK)
        error = json->error;
    if (error == SG_OK && !leave_down_to(json, 0))
        error = json->error;
    drop_text(json);
    free(json);
    return error;
}

int sg_answer_walk(struct sg_text body, struct sg_walk walk)
{
    size_t at = 0;

    while (at < body.length && strchr(" \t\r\n", body.data[at]) != NULL && body.data[at] != '\0')
        at++;
    if (at < body.length && body.data[at] == '{')
        return walk_json(body, walk);
    return sg_xml_walk(body, walk);
}

bool sg_step_is(const struct sg_step *step, const char *parent, const char *name)
{
    return step->depth >= 2 && sg_text_equal(step->path[step->depth - 1], sg_text_of(name)) &&
           sg_text_equal(step->path[step->depth - 2], sg_text_of(parent));
}
