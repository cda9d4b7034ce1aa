/*
 * tree.h - a JSON document as nodes in one array, over the strict scanner: what
 * the compiler walks. For the files of this folder. Texts point into the
 * document, which must live as long, or into the tree.
 */
#ifndef SG_POLICY_TREE_H
#define SG_POLICY_TREE_H

#include "base/buffer.h"
#include "base/json.h"

struct sg_node {
    enum sg_json_type type;
    uint32_t count;       /* of members or elements */
    uint32_t first, next; /* indices; 0: none. Members stand in the document's order */
    struct sg_text key;   /* members: escapes undone; empty in arrays */
    struct sg_text text;  /* strings: escapes undone; numbers and truth values as written */
    const char *raw;      /* containers: where they begin in the document */
};

struct sg_tree {
    struct sg_node *nodes; /* [0] is the document's value */
    uint32_t count, capacity;
    struct sg_buffer texts; /* that were escaped */
};

/*
 * SG_OK; SG_E_LIMIT, SG_E_INVALID (also for a value that is neither object nor array), SG_E_MEMORY.
 * sg_tree_clear() frees, also after a failure.
 */
int sg_tree_read(struct sg_tree *tree, struct sg_text document, size_t max_length);
void sg_tree_clear(struct sg_tree *tree);

static inline const struct sg_node *sg_tree_root(const struct sg_tree *tree)
{
    return &tree->nodes[0];
}
/* The first member or element, and the one after; NULL: no more. */
static inline const struct sg_node *sg_node_first(const struct sg_tree *tree,
                                                  const struct sg_node *node)
{
    return node->first == 0 ? NULL : &tree->nodes[node->first];
}
static inline const struct sg_node *sg_node_next(const struct sg_tree *tree,
                                                 const struct sg_node *node)
{
    return node->next == 0 ? NULL : &tree->nodes[node->next];
}
/* The member of that name; NULL: none, or no object. */
const struct sg_node *sg_node_get(const struct sg_tree *tree, const struct sg_node *node,
                                  const char *name);

/* Appends the object or array that begins at `raw` as it was written, but for blanks outside texts;
 * for the same content in another layout the same. */
void sg_node_pack(struct sg_buffer *out, const struct sg_node *node, struct sg_text document);

#endif
