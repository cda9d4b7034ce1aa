/*
 * hung.c - lists of managed policies by role, and what those policies deny. The lists are texts,
 * one line a policy: a letter for where it hangs, and its ARN. A sweep may hold 10,000 of them.
 */
#include "agent/hung.h"

#include <stdlib.h>

#define REMEMBERED_MOST 1024 /* policies that deny something */

static char letter_of(enum sg_policy_origin origin)
{
    return origin == SG_POLICY_BOUNDARY ? 'b' : 'a';
}

void sg_hung_add(struct sg_buffer *list, enum sg_policy_origin origin, struct sg_text arn)
{
    const char letter = letter_of(origin);

    if (arn.length == 0 || memchr(arn.data, '\n', arn.length) != NULL ||
        memchr(arn.data, '\0', arn.length) != NULL)
        return;
    sg_buffer_add(list, &letter, 1);
    sg_buffer_add_text(list, arn);
    sg_buffer_add_text(list, SG_TEXT("\n"));
}

void sg_role_set_hung(struct sg_role *role, struct sg_buffer *list)
{
    /* As long as it has to be: the buffer may be twice that. */
    char *hung = list->failed ? NULL : sg_text_dup(sg_buffer_text(list));

    if (hung != NULL) {
        free(role->hung);
        role->hung = hung;
    }
    sg_buffer_clear(list);
}

void sg_role_add_hung(struct sg_role *role, enum sg_policy_origin origin, struct sg_text arn)
{
    struct sg_buffer list = {0};

    if (sg_role_has_hung(role, origin, arn))
        return;
    if (role->hung != NULL)
        sg_buffer_add_text(&list, sg_text_of(role->hung));
    sg_hung_add(&list, origin, arn);
    sg_role_set_hung(role, &list);
}

bool sg_role_has_hung(const struct sg_role *role, enum sg_policy_origin origin, struct sg_text arn)
{
    struct sg_text rest = sg_text_of(role->hung == NULL ? "" : role->hung), line;

    while (rest.length > 0) {
        (void)sg_text_cut(&line, &rest, '\n');
        if (line.length == arn.length + 1 && line.data[0] == letter_of(origin) &&
            memcmp(line.data + 1, arn.data, arn.length) == 0)
            return true;
    }
    return false;
}

void sg_hung_remember(struct sg_managed_set *told, const struct sg_managed *managed,
                      int64_t now_boot_ms)
{
    struct sg_managed *known = sg_managed_find(told, sg_text_of(managed->arn));

    if (!managed->known || (known != NULL && known->aws_ms > managed->aws_ms) ||
        (known == NULL && managed->attached.length == 0))
        return;
    if (known == NULL && told->count >= REMEMBERED_MOST)
        sg_managed_clear(told); /* it only helps to be quick */
    known = sg_managed_add(told, sg_text_of(managed->arn));
    if (known == NULL)
        return;
    (void)sg_managed_copy(known, managed);
    known->used_boot_ms = now_boot_ms;
}

void sg_hung_remember_all(struct sg_managed_set *told, const struct sg_managed_set *read,
                          int64_t now_boot_ms)
{
    for (size_t i = 0; i < (read->buckets == NULL ? 0 : SG_MANAGED_BUCKETS); i++) {
        for (const struct sg_managed *managed = read->buckets[i]; managed != NULL;
             managed = managed->next)
            sg_hung_remember(told, managed, now_boot_ms);
    }
}
