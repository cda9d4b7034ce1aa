/*
 * gone.c - roles that GetRole says do not exist. One that was seen stays "deleted" until nobody can
 * hold a session of it; a name that somebody only asked for is kept for a moment, and few of them:
 * anyone on this machine can ask.
 */
#include "agent/agent.h"

#define NEVER_SEEN_MAX     256
#define NEVER_SEEN_KEPT_MS SG_MINUTE_MS

static bool is_deleted(const struct sg_role *role, struct sg_record *record)
{
    return sg_role_record(record, role) && record->state == SG_ROLE_DELETED;
}

bool sg_gone_never_seen(const struct sg_role *role)
{
    struct sg_record record;

    return is_deleted(role, &record) && record.arn.length == 0;
}

bool sg_gone_expire(struct sg_agent_account *account, struct sg_role *role)
{
    const int64_t gone_ms = sg_now_ms(account->agent) - role->deleted_boot_ms;
    int64_t kept_ms = SG_DELETED_KEPT_MS;
    struct sg_record record;

    if (role->fetch != NULL || !is_deleted(role, &record))
        return false;
    if (record.arn.length == 0)
        kept_ms = account->config->refresh_ms < NEVER_SEEN_KEPT_MS ? account->config->refresh_ms
                                                                   : NEVER_SEEN_KEPT_MS;
    if (gone_ms < kept_ms)
        return false;
    sg_roles_remove(&account->roles, role);
    account->dirty = true;
    return true;
}

/* The oldest makes room, so that a flood of names keeps nobody else's from being told. */
static void make_room(struct sg_agent_account *account)
{
    struct sg_role *oldest = NULL;
    size_t count = 0;

    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        if (!sg_gone_never_seen(role))
            continue;
        count++;
        if (role->fetch == NULL &&
            (oldest == NULL || role->deleted_boot_ms < oldest->deleted_boot_ms))
            oldest = role;
    }
    if (count < NEVER_SEEN_MAX || oldest == NULL)
        return;
    sg_roles_remove(&account->roles, oldest);
    account->dirty = true;
}

void sg_account_take_deleted(struct sg_agent_account *account, struct sg_role *role)
{
    struct sg_record previous;
    struct sg_buffer packed = {0};
    char where[160];
    const bool known = sg_role_record(&previous, role);

    if (known && previous.state == SG_ROLE_DELETED)
        return;
    if (known)
        sg_log(&account->agent->log, SG_LOG_NOTICE, "%s state=deleted: %s says there is none",
               sg_account_where(where, sizeof where, account, role->key),
               sg_key_is_user(role->key) ? "GetUser" : "GetRole");
    else
        make_room(account);
    role->deleted_boot_ms = sg_now_ms(account->agent);
    if (sg_merge_deleted(&packed, known ? &previous : NULL) == SG_OK)
        (void)sg_account_take_packed(account, role, &packed);
    sg_buffer_clear(&packed);
}
