/*
 * extras_set.h - policies of one's own as they lie in their folder, compiled: one item for all
 * roles and one for each folder that names some. For extras.c and extras_read.c.
 */
#ifndef SG_AGENT_EXTRAS_SET_H
#define SG_AGENT_EXTRAS_SET_H

#include "base/buffer.h"
#include "base/error.h"

struct sg_agent_account;

struct sg_extra {
    char *folder; /* below the account's; NULL: the account's own, or what concerns all roles */
    struct sg_buffer statements;
};

struct sg_extra_set {
    struct sg_extra *items;
    size_t count;
};

/* Which folders there are; then what is in them. What can't be read is named in `problems`, and
 * becomes a statement that counts as matching. SG_OK (also then), SG_E_MEMORY. */
int sg_extra_set_list(struct sg_extra_set *set, const struct sg_agent_account *account,
                      struct sg_problems *problems);
int sg_extra_set_read(struct sg_extra_set *set, const struct sg_agent_account *account,
                      struct sg_problems *problems);
/* Appends what bears on the role. */
void sg_extra_set_add(struct sg_buffer *statements, const struct sg_extra_set *set,
                      struct sg_text role_key);
bool sg_extra_set_equal(const struct sg_extra_set *a, const struct sg_extra_set *b);
void sg_extra_set_clear(struct sg_extra_set *set);

#endif
