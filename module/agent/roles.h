/*
 * roles.h - the roles and users of one account as the agent last published or is about to publish
 * them.
 */
#ifndef SG_AGENT_ROLES_H
#define SG_AGENT_ROLES_H

#include "base/buffer.h"
#include "store/record.h"

struct sg_fetch;

/* The longest session there is: nobody holds one of a role that has been gone for longer. */
#define SG_DELETED_KEPT_MS (36 * SG_HOUR_MS)

struct sg_role {
    struct sg_role *next;               /* of its bucket */
    char key[SG_PRINCIPAL_KEY_MAX + 1]; /* sg_principal_key(): IAM users are kept here, too */
    char name[SG_ROLE_NAME_MAX + 1];    /* as it was asked for last; empty: it was not */
    struct sg_buffer record; /* packed; empty: nothing whole is known yet, nothing is published */
    struct sg_fetch *fetch;  /* being read by itself right now; NULL: not */
    uint64_t seen;           /* number of the last round that showed it */
    char *hung;              /* managed policies, hung.h; NULL: not read in this run */
    bool in_trouble;         /* its last read by itself went wrong, which was told */
    bool doubled;            /* source = file: two folders are named after it, neither is taken */
    int64_t deleted_boot_ms; /* when we learned that it is gone */
    int64_t read_aws_ms;     /* AWS's Date of the last whole read in this run; 0: none */
    int64_t began_aws_ms;    /* and of that read's first answer, where it is known */
    uint64_t extras_reads;   /* which reading of policies of one's own its record holds */
};

struct sg_roles {
    struct sg_role **buckets;
    size_t bucket_count, count, deleted;
};

struct sg_role *sg_roles_find(const struct sg_roles *roles, struct sg_text key);
struct sg_role *sg_roles_add(struct sg_roles *roles,
                             struct sg_text key); /* found or new; NULL: memory */
void sg_roles_remove(struct sg_roles *roles, struct sg_role *role);
void sg_roles_clear(struct sg_roles *roles);

/* Takes the packed record over (the old one is freed). True when the bytes are others than before.
 */
bool sg_role_take(struct sg_roles *roles, struct sg_role *role, struct sg_buffer *packed);
/* False: it has no record. */
bool sg_role_record(struct sg_record *record, const struct sg_role *role);

/* for (role = sg_roles_first(..); role != NULL; role = sg_roles_next(..)); removing the current one
 * is allowed when the next was taken before. */
struct sg_role *sg_roles_first(const struct sg_roles *roles);
struct sg_role *sg_roles_next(const struct sg_roles *roles, const struct sg_role *role);

#endif
