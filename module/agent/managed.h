/*
 * managed.h - managed policies by ARN, compiled for both places where they can hang. AWS
 * says which version holds.
 */
#ifndef SG_AGENT_MANAGED_H
#define SG_AGENT_MANAGED_H

#include "base/buffer.h"
#include "policy/policy.h"

struct sg_managed_read;

struct sg_managed {
    struct sg_managed *next;
    char *arn;
    char version[64], policy_id[64]; /* of the document; empty: IAM did not say it */
    struct sg_managed_read *readers; /* the first asks IAM, the others wait for it */
    bool known;                      /* its document was read */
    bool failed;                     /* and could not be */
    int64_t aws_ms;                  /* Date of the answer that told the document */
    int64_t read_boot_ms;            /* when that, or that it still holds, was here */
    int64_t used_boot_ms;
    struct sg_buffer attached, boundary; /* compiled statements */
};

#define SG_MANAGED_BUCKETS 512
struct sg_managed_set {
    struct sg_managed **buckets; /* NULL: it is empty */
    size_t count;
};

struct sg_managed *sg_managed_find(const struct sg_managed_set *set, struct sg_text arn);
struct sg_managed *sg_managed_add(struct sg_managed_set *set,
                                  struct sg_text arn); /* NULL: memory */
/* Compiles; a document that can't be read as a policy becomes a statement that always matches. */
int sg_managed_set_document(struct sg_managed *managed, struct sg_text document, int64_t aws_ms,
                            struct sg_problems *problems);
/* Takes a copy of what `from` tells. False: memory. */
bool sg_managed_copy(struct sg_managed *into, const struct sg_managed *from);
/* Drops those that nobody reads and that were not used since then. */
void sg_managed_prune(struct sg_managed_set *set, int64_t used_before_ms);
void sg_managed_clear(struct sg_managed_set *set);

#endif
