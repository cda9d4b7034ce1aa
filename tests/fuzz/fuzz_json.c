/*
 * fuzz_json.c - the strict scanner against json-c: whatever the scanner accepts, json-c must read,
 * and as the same values. Every item is read on the way, and what is written is read back.
 */
#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Walks json-c's tree in the order of the scan: json-c keeps the order of members. */
struct walk {
    struct json_object
        *open[SG_JSON_MAX_DEPTH + 1]; /* open[d]: the container of items at depth d */
    struct lh_entry *member[SG_JSON_MAX_DEPTH + 1];
    size_t element[SG_JSON_MAX_DEPTH + 1];
    char *text;
    size_t size;
};

static void enter(struct walk *walk, unsigned depth, struct json_object *container)
{
    walk->open[depth] = container;
    walk->element[depth] = 0;
    walk->member[depth] = json_object_is_type(container, json_type_object)
                              ? json_object_get_object(container)->head
                              : NULL;
}

static void check_string(struct walk *walk, const struct sg_json_item *item, const char *want,
                         size_t want_length)
{
    size_t length;

    REQUIRE(sg_json_string(walk->text, walk->size, &length, item));
    REQUIRE(length == want_length && memcmp(walk->text, want, length) == 0);
}

/* The value of the next member, whose key must be the item's. */
static struct json_object *next_value(struct walk *walk, const struct sg_json_item *item)
{
    const unsigned depth = item->depth;
    struct json_object *container = walk->open[depth];

    if (json_object_is_type(container, json_type_array)) {
        REQUIRE(item->key.length == 0);
        REQUIRE(walk->element[depth] < json_object_array_length(container));
        return json_object_array_get_idx(container, walk->element[depth]++);
    }

    struct lh_entry *entry = walk->member[depth];
    const struct sg_json_item key = {.type = SG_JSON_STRING, .raw = item->key, .escaped = true};
    REQUIRE(entry != NULL);
    walk->member[depth] = entry->next;
    const char *name = lh_entry_k(entry);
    check_string(walk, &key, name, strlen(name));
    return lh_entry_v(entry);
}

static void check_number(struct json_object *value, const struct sg_json_item *item)
{
    char digits[512];
    int64_t integer;

    if (json_object_is_type(value, json_type_int)) {
        REQUIRE(sg_json_int(&integer, item));
        REQUIRE(json_object_get_int64(value) == integer);
        return;
    }
    REQUIRE(json_object_is_type(value, json_type_double));
    if (sg_text_equal(item->raw, SG_TEXT("-0"))) /* json-c makes a double of it */
        return;
    REQUIRE(!sg_json_int(&integer, item));
    REQUIRE(sg_text_copy(digits, sizeof digits, item->raw));
    const double want = strtod(digits, NULL), have = json_object_get_double(value);
    REQUIRE(!(have < want) && !(have > want));
}

static bool check_item(void *payload, const struct sg_json_item *item)
{
    struct walk *walk = payload;
    struct json_object *value = next_value(walk, item);

    switch (item->type) {
    case SG_JSON_NULL:
        REQUIRE(value == NULL);
        break;
    case SG_JSON_FALSE:
    case SG_JSON_TRUE:
        REQUIRE(json_object_is_type(value, json_type_boolean));
        REQUIRE((json_object_get_boolean(value) != 0) == (item->type == SG_JSON_TRUE));
        break;
    case SG_JSON_NUMBER:
        check_number(value, item);
        break;
    case SG_JSON_STRING:
        REQUIRE(json_object_is_type(value, json_type_string));
        check_string(walk, item, json_object_get_string(value),
                     (size_t)json_object_get_string_len(value));
        break;
    case SG_JSON_ARRAY:
        REQUIRE(json_object_is_type(value, json_type_array));
        enter(walk, item->depth + 1, value);
        break;
    case SG_JSON_OBJECT:
        REQUIRE(json_object_is_type(value, json_type_object));
        enter(walk, item->depth + 1, value);
        break;
    }
    return true;
}

static void compare(struct sg_text text, struct json_object *tree)
{
    struct walk walk = {.size = text.length + 1};

    walk.text = malloc(walk.size);
    REQUIRE(walk.text != NULL);
    if (!json_object_is_type(tree, json_type_string))
        enter(&walk, 1, tree);
    REQUIRE(sg_json_scan(text, NULL, check_item, &walk) == SG_OK);
    free(walk.text);
}

/* Any bytes, written as a string, must be a string that the scanner takes. */
static void check_quote(struct sg_text text)
{
    struct sg_buffer quoted = {0};

    sg_json_quote(&quoted, text);
    const bool has_nul = text.length > 0 && memchr(text.data, '\0', text.length) != NULL;
    REQUIRE(quoted.failed || sg_json_scan(sg_buffer_text(&quoted), NULL, NULL, NULL) ==
                                 (has_nul ? SG_E_INVALID : SG_OK));
    sg_buffer_clear(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text text = {(const char *)data, size};
    size_t position;
    int error;

    const int status = sg_json_scan(text, &position, NULL, NULL);
    REQUIRE(position <= size);
    struct json_object *tree = sg_json_parse(text, size, &error);
    REQUIRE(tree == NULL || (status == SG_OK && error == SG_OK));
    if (status == SG_OK && tree == NULL) {
        /* A scalar alone or a number that json-c would clamp. */
        REQUIRE(error == SG_E_INVALID);
    }
    if (tree != NULL) {
        compare(text, tree);
        json_object_put(tree);
    }
    check_quote(text);
    return 0;
}
