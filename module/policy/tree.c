/*
 * tree.c - builds the nodes of a document while it is scanned. Must never keep
 * more of it than the scanner has accepted.
 */
#include "policy/tree.h"

#include "base/error.h"

#include <stdlib.h>

struct build {
    struct sg_tree *tree;
    uint32_t open[SG_JSON_MAX_DEPTH + 1]; /* the container that items of the next depth belong to */
    uint32_t last[SG_JSON_MAX_DEPTH + 1]; /* its latest child; 0: none yet */
    size_t length;                        /* of the document */
    bool no_memory;
};

static struct sg_node *add_node(struct build *build)
{
    struct sg_tree *tree = build->tree;

    if (tree->count == tree->capacity) {
        const uint32_t capacity = tree->capacity == 0 ? 256 : 2 * tree->capacity;
        struct sg_node *nodes = realloc(tree->nodes, capacity * sizeof *nodes);

        if (nodes == NULL) {
            build->no_memory = true;
            return NULL;
        }
        tree->nodes = nodes;
        tree->capacity = capacity;
    }
    struct sg_node *node = &tree->nodes[tree->count++];
    *node = (struct sg_node){.type = SG_JSON_NULL};
    return node;
}

/* Room for all that a document's escapes can come to is made once, so that texts stay in place. */
static struct sg_text unescape(struct build *build, struct sg_text raw)
{
    struct sg_buffer *texts = &build->tree->texts;
    struct sg_text rest = raw;
    const size_t at = texts->length;
    char character[4];
    size_t length;

    if (memchr(raw.data == NULL ? "" : raw.data, '\\', raw.length) == NULL)
        return raw;
    if (texts->data == NULL) {
        char *room = malloc(build->length + 1);

        if (room == NULL) {
            build->no_memory = true;
            return (struct sg_text){NULL, 0};
        }
        *texts = (struct sg_buffer){.data = room, .capacity = build->length + 1};
    }
    while ((length = sg_json_next_character(character, &rest)) > 0) {
        memcpy(texts->data + texts->length, character, length);
        texts->length += length;
    }
    return (struct sg_text){texts->data + at, texts->length - at};
}

static bool take_item(void *payload, const struct sg_json_item *item)
{
    struct build *build = payload;
    const uint32_t index = build->tree->count;
    struct sg_node *node = add_node(build), *parent;
    const unsigned depth = item->depth;

    if (node == NULL)
        return false;
    node->type = item->type;
    node->key = unescape(build, item->key);
    if (item->type == SG_JSON_OBJECT || item->type == SG_JSON_ARRAY)
        node->raw = item->raw.data;
    else
        node->text = item->type == SG_JSON_STRING ? unescape(build, item->raw) : item->raw;

    parent = &build->tree->nodes[build->open[depth - 1]];
    parent->count++;
    if (build->last[depth - 1] == 0)
        parent->first = index;
    else
        build->tree->nodes[build->last[depth - 1]].next = index;
    build->last[depth - 1] = index;
    if (depth <= SG_JSON_MAX_DEPTH) {
        build->open[depth] = index;
        build->last[depth] = 0;
    }
    return !build->no_memory;
}

int sg_tree_read(struct sg_tree *tree, struct sg_text document, size_t max_length)
{
    struct build build = {.tree = tree, .length = document.length};
    struct sg_node *root;
    size_t at = 0;

    *tree = (struct sg_tree){.nodes = NULL};
    if (document.length > max_length)
        return SG_E_LIMIT;
    while (at < document.length && memchr(" \t\r\n", document.data[at], 4) != NULL)
        at++;
    root = add_node(&build);
    if (root == NULL)
        return SG_E_MEMORY;
    const int status = sg_json_scan(document, NULL, take_item, &build);
    if (build.no_memory)
        return SG_E_MEMORY;
    if (status != SG_OK)
        return status;

    root = &tree->nodes[0];
    root->raw = document.data + at;
    if (*root->raw != '{' && *root->raw != '[')
        return SG_E_INVALID;
    root->type = *root->raw == '{' ? SG_JSON_OBJECT : SG_JSON_ARRAY;
    return SG_OK;
}

void sg_tree_clear(struct sg_tree *tree)
{
    free(tree->nodes);
    sg_buffer_clear(&tree->texts);
    *tree = (struct sg_tree){.nodes = NULL};
}

const struct sg_node *sg_node_get(const struct sg_tree *tree, const struct sg_node *node,
                                  const char *name)
{
    const struct sg_text wanted = sg_text_of(name);

    if (node->type != SG_JSON_OBJECT)
        return NULL;
    for (node = sg_node_first(tree, node); node != NULL; node = sg_node_next(tree, node)) {
        if (sg_text_equal(node->key, wanted))
            return node;
    }
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void sg_node_pack(struct sg_buffer *out, const struct sg_node *node, struct sg_text document)
{
    const char *at = node->raw, *end = document.data + document.length, *begin = at;
    unsigned depth = 0;
    bool inside = false; /* a text */

    for (; at < end; at++) {
        if (inside) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                inside = false;
            continue;
        }
        if (is_blank(*at)) {
            sg_buffer_add(out, begin, (size_t)(at - begin));
            begin = at + 1;
        }
        inside = *at == '"';
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        if (depth == 0)
            break;
    }
    if (at < end)
        sg_buffer_add(out, begin, (size_t)(at + 1 - begin));
}
