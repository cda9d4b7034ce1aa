/*
 * Roles and the views of them that authorisation sees; see world.h.
 *
 * The API reads a role itself, authorisation reads its newest view that has become effective: so an
 * enforcement delay is nothing but a later effective time.
 */
#include <ctype.h>
#include <string.h>

#include "util.h"
#include "world.h"

static char *fold(const char *name)
{
    char *folded = sb_copy(name);
    char *c;

    for (c = folded; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return folded;
}

struct sb_role *sb_role_find(const struct sb_account *account, const char *name)
{
    char *folded = fold(name);
    void *found = NULL;

    if (!lh_table_lookup_ex(account->roles_by_name, folded, &found))
        found = NULL;
    free(folded);
    return found;
}

struct sb_role *sb_role_by_arn(const struct sb_world *world, const char *arn)
{
    const struct sb_account *account;
    const char *name = strrchr(arn, '/');
    struct sb_role *role;

    if (name == NULL)
        return NULL;
    for (account = world->accounts; account != NULL; account = account->next) {
        role = sb_role_find(account, name + 1);
        if (role != NULL && strcmp(role->arn, arn) == 0)
            return role;
    }
    return NULL;
}

struct sb_role *sb_role_add(struct sb_world *world, struct sb_account *account, const char *path,
                            const char *name, const char *trust_text, struct json_object *trust)
{
    struct sb_role *role = sb_alloc(sizeof(*role));

    role->account = account;
    role->serial = ++world->last_serial;
    role->name = sb_copy(name);
    role->path = sb_copy(path);
    role->id = sb_random_name("AROA", 17);
    role->arn = sb_format("arn:aws:iam::%s:role%s%s", account->id, path, name);
    role->description = sb_copy("");
    role->created_ms = sb_wall_ms();
    role->max_session_s = 3600;
    role->trust_text = sb_copy(trust_text);
    role->trust = trust;
    account->roles = sb_grow(account->roles, account->role_count + 1, sizeof(*account->roles));
    account->roles[account->role_count++] = role;
    if (lh_table_insert(account->roles_by_name, fold(name), role) != 0)
        abort();
    return role;
}

static void free_views(struct sb_view *view)
{
    struct sb_view *older;

    for (; view != NULL; view = older) {
        older = view->older;
        json_object_put(view->trust);
        json_object_put(view->identity);
        json_object_put(view->boundary);
        free(view);
    }
}

static void forget_role(struct sb_role *role)
{
    struct sb_account *account = role->account;
    char *folded = fold(role->name);
    size_t i;

    (void)lh_table_delete(account->roles_by_name, folded);
    free(folded);
    for (i = account->role_count; i > 0; i--) {
        if (account->roles[i - 1] != role)
            continue;
        memmove(&account->roles[i - 1], &account->roles[i],
                (account->role_count - i) * sizeof(*account->roles));
        account->role_count--;
        return;
    }
}

void sb_role_remove(struct sb_role *role)
{
    struct sb_attachment *attachment;

    forget_role(role);
    while (role->inline_policies != NULL)
        (void)sb_document_remove(&role->inline_policies, role->inline_policies->name);
    while ((attachment = role->attachments) != NULL) {
        role->attachments = attachment->next;
        free(attachment);
    }
    free_views(role->view);
    json_object_put(role->trust);
    json_object_put(role->tags);
    free(role->trust_text);
    free(role->name);
    free(role->path);
    free(role->id);
    free(role->arn);
    free(role->description);
    free(role);
}

void sb_role_publish(struct sb_role *role, int64_t effective_ms)
{
    struct sb_view *view = sb_alloc(sizeof(*view));
    const struct sb_document *document;
    const struct sb_attachment *attachment;

    view->effective_ms = effective_ms;
    view->trust = json_object_get(role->trust);
    view->identity = json_object_new_array();
    for (document = role->inline_policies; document != NULL; document = document->next)
        json_object_array_add(view->identity, json_object_get(document->parsed));
    for (attachment = role->attachments; attachment != NULL; attachment = attachment->next) {
        json_object_array_add(view->identity,
                              json_object_get(attachment->policy->standing->parsed));
    }
    if (role->boundary != NULL)
        view->boundary = json_object_get(role->boundary->standing->parsed);
    view->older = role->view;
    role->view = view;
}

const struct sb_view *sb_role_view(struct sb_role *role, int64_t now_ms)
{
    struct sb_view *view = role->view;

    while (view != NULL && view->effective_ms > now_ms)
        view = view->older;
    if (view == NULL)
        return NULL;
    free_views(view->older); /* superseded for good */
    view->older = NULL;
    return view;
}

bool sb_role_attaches(const struct sb_role *role, const struct sb_policy *policy)
{
    const struct sb_attachment *attachment;

    for (attachment = role->attachments; attachment != NULL; attachment = attachment->next) {
        if (attachment->policy == policy)
            return true;
    }
    return role->boundary == policy;
}
