/*
 * managed.h - managed policies by ARN, compiled for both places where they can hang. AWS
 * says which version holds.
 */
#ifndef SG_AGENT_MANAGED_H
#define SG_AGENT_MANAGED_H

#include "base/buffer.h"
#include "policy/policy.h"

struct sg_managed {
    struct sg_managed *next;
    char *arn;
    bool known;                          /* its document was read */
    bool failed;                         /* and could not be */
    int64_t aws_ms;                      /* Date of the answer that told the document */
    int64_t read_boot_ms;                /* and when that was here */
    struct sg_buffer attached, boundary; /* compiled statements */
};

struct sg_managed_set {
    struct sg_managed **buckets;
    size_t count;
};

struct sg_managed *sg_managed_find(const struct sg_managed_set *set, struct sg_text arn);
struct sg_managed *sg_managed_add(struct sg_managed_set *set,
                                  struct sg_text arn); /* NULL: memory */
/* Compiles; a document that can't be read as a policy becomes a statement that always matches. */
int sg_managed_set_document(struct sg_managed *managed, struct sg_text document, int64_t aws_ms,
                            struct sg_problems *problems);
void sg_managed_clear(struct sg_managed_set *set);

#endif
