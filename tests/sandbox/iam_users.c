/*
 * IAM's actions on users, their keys and their groups, and on the policies of both. Enforced at
 * once: only roles know a delay.
 */
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "iam.h"

static struct sb_user *called_user(struct sb_call *call)
{
    const char *name = sb_need(call, "UserName");
    struct sb_user *user = name == NULL ? NULL : sb_user_find(call->caller.account, name);

    if (name != NULL && user == NULL)
        (void)sb_fail_missing(call, "user", name);
    return user;
}

static struct sb_group *called_group(struct sb_call *call)
{
    const char *name = sb_need(call, "GroupName");
    struct sb_group *group = name == NULL ? NULL : sb_group_find(call->caller.account, name);

    if (name != NULL && group == NULL)
        (void)sb_fail_missing(call, "group", name);
    return group;
}

/* Of the user or group that the action is about; *name: as it is spelled. */
static struct sb_bag *called_bag(struct sb_call *call, const char **field, const char **name)
{
    struct sb_user *user;
    struct sb_group *group;

    if (strstr(call->action, "Group") != NULL) {
        group = called_group(call);
        *field = "GroupName";
        *name = group == NULL ? NULL : group->name;
        return group == NULL ? NULL : &group->bag;
    }
    user = called_user(call);
    *field = "UserName";
    *name = user == NULL ? NULL : user->name;
    return user == NULL ? NULL : &user->bag;
}

static struct json_object *user_json(const struct sb_user *user)
{
    struct json_object *object = json_object_new_object();

    sb_add_string(object, "Path", user->path);
    sb_add_string(object, "UserName", user->name);
    sb_add_string(object, "UserId", user->id);
    sb_add_string(object, "Arn", user->arn);
    sb_add_instant(object, "CreateDate", user->created_ms);
    json_object_object_add(object, "PermissionsBoundary", sb_boundary_json(user->boundary));
    return object;
}

static struct json_object *group_json(const struct sb_group *group)
{
    struct json_object *object = json_object_new_object();

    sb_add_string(object, "Path", "/");
    sb_add_string(object, "GroupName", group->name);
    sb_add_string(object, "GroupId", group->id);
    sb_add_string(object, "Arn", group->arn);
    sb_add_instant(object, "CreateDate", group->created_ms);
    return object;
}

int sb_create_user(struct sb_call *call)
{
    const char *name = sb_need(call, "UserName");
    const char *path = sb_form_get_or(&call->request->form, "Path", "/");
    struct sb_user *user;

    if (name == NULL)
        return -1;
    if (sb_user_find(call->caller.account, name) != NULL)
        return sb_fail(call, 409, "EntityAlreadyExists", "User with name %s already exists.", name);
    user = sb_user_create(call->caller.account, path, name);
    user->created_ms = sb_now_ms(call->box);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "User", user_json(user));
    return 0;
}

int sb_get_user(struct sb_call *call)
{
    const struct sb_user *user = called_user(call);

    if (user == NULL)
        return -1;
    call->result = json_object_new_object();
    json_object_object_add(call->result, "User", user_json(user));
    return 0;
}

int sb_delete_user(struct sb_call *call)
{
    struct sb_user *user = called_user(call);

    if (user == NULL)
        return -1;
    if (user->access_key != NULL || user->groups != NULL || user->bag.inline_policies != NULL ||
        user->bag.attachments != NULL)
        return sb_fail(call, 409, "DeleteConflict",
                       "Cannot delete entity, must remove keys, policies and groups first.");
    user->deleted = true;
    return 0;
}

int sb_create_access_key(struct sb_call *call)
{
    struct sb_user *user = called_user(call);
    struct json_object *object;

    if (user == NULL)
        return -1;
    if (user->access_key != NULL)
        return sb_fail(call, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 1");
    sb_user_make_key(user);
    object = json_object_new_object();
    sb_add_string(object, "UserName", user->name);
    sb_add_string(object, "AccessKeyId", user->access_key);
    sb_add_string(object, "Status", "Active");
    sb_add_string(object, "SecretAccessKey", user->secret);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "AccessKey", object);
    return 0;
}

int sb_delete_access_key(struct sb_call *call)
{
    struct sb_user *user = called_user(call);
    const char *key = sb_need(call, "AccessKeyId");

    if (user == NULL || key == NULL)
        return -1;
    if (user->access_key == NULL || strcmp(user->access_key, key) != 0)
        return sb_fail_missing(call, "access key", key);
    sb_wipe_string(user->secret);
    free(user->access_key);
    user->access_key = user->secret = NULL;
    return 0;
}

int sb_create_group(struct sb_call *call)
{
    const char *name = sb_need(call, "GroupName");

    if (name == NULL)
        return -1;
    if (sb_group_find(call->caller.account, name) != NULL)
        return sb_fail(call, 409, "EntityAlreadyExists", "Group with name %s already exists.",
                       name);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "Group",
                           group_json(sb_group_create(call->caller.account, name)));
    return 0;
}

int sb_add_to_group(struct sb_call *call)
{
    struct sb_user *user = called_user(call);
    struct sb_group *group = user == NULL ? NULL : called_group(call);
    struct sb_membership *member;

    if (group == NULL)
        return -1;
    for (member = user->groups; member != NULL; member = member->next) {
        if (member->group == group)
            return 0;
    }
    member = sb_alloc(sizeof(*member));
    member->group = group;
    member->next = user->groups;
    user->groups = member;
    return 0;
}

int sb_remove_from_group(struct sb_call *call)
{
    struct sb_user *user = called_user(call);
    struct sb_group *group = user == NULL ? NULL : called_group(call);
    struct sb_membership **at, *gone;

    if (group == NULL)
        return -1;
    for (at = &user->groups; *at != NULL && (*at)->group != group; at = &(*at)->next)
        ;
    if (*at == NULL)
        return sb_fail_missing(call, "user in group", user->name);
    gone = *at;
    *at = gone->next;
    free(gone);
    return 0;
}

int sb_list_groups_for_user(struct sb_call *call)
{
    const struct sb_user *user = called_user(call);
    const struct sb_membership *member;
    struct json_object *list;
    struct sb_page page;
    int64_t position = 0;

    if (user == NULL || sb_page_begin(call, &page) != 0)
        return -1;
    list = json_object_new_array();
    for (member = user->groups; member != NULL; member = member->next) {
        if (sb_page_take(&page, ++position))
            json_object_array_add(list, group_json(member->group));
    }
    call->result = json_object_new_object();
    json_object_object_add(call->result, "Groups", list);
    sb_page_end(&page, call->result);
    return 0;
}

/* ---- policies of either ---- */

int sb_put_bag_policy(struct sb_call *call)
{
    const char *field, *owner, *name = sb_need(call, "PolicyName");
    struct sb_bag *bag = name == NULL ? NULL : called_bag(call, &field, &owner);
    struct json_object *parsed =
        bag == NULL ? NULL : sb_called_document(call, "PolicyDocument", false);

    if (parsed == NULL)
        return -1;
    sb_document_put(&bag->inline_policies, name,
                    sb_form_get(&call->request->form, "PolicyDocument"), parsed,
                    sb_now_ms(call->box));
    return 0;
}

int sb_get_bag_policy(struct sb_call *call)
{
    const char *field, *owner, *name = sb_need(call, "PolicyName");
    struct sb_bag *bag = name == NULL ? NULL : called_bag(call, &field, &owner);
    const struct sb_document *document;

    if (bag == NULL)
        return -1;
    document = sb_document_find(bag->inline_policies, name);
    if (document == NULL)
        return sb_fail_missing(call, "policy", name);
    call->result = json_object_new_object();
    sb_add_string(call->result, field, owner);
    sb_add_string(call->result, "PolicyName", document->name);
    sb_add_encoded(call->result, "PolicyDocument", document->text);
    return 0;
}

int sb_delete_bag_policy(struct sb_call *call)
{
    const char *field, *owner, *name = sb_need(call, "PolicyName");
    struct sb_bag *bag = name == NULL ? NULL : called_bag(call, &field, &owner);

    if (bag == NULL)
        return -1;
    if (!sb_document_remove(&bag->inline_policies, name))
        return sb_fail_missing(call, "policy", name);
    return 0;
}

int sb_list_bag_policies(struct sb_call *call)
{
    const char *field, *owner;
    struct sb_bag *bag = called_bag(call, &field, &owner);
    const struct sb_document *document;
    struct json_object *names;
    struct sb_page page;
    int64_t position = 0;

    if (bag == NULL || sb_page_begin(call, &page) != 0)
        return -1;
    names = json_object_new_array();
    for (document = bag->inline_policies; document != NULL; document = document->next) {
        if (sb_page_take(&page, ++position))
            json_object_array_add(names, json_object_new_string(document->name));
    }
    call->result = json_object_new_object();
    json_object_object_add(call->result, "PolicyNames", names);
    sb_page_end(&page, call->result);
    return 0;
}

int sb_attach_bag_policy(struct sb_call *call)
{
    const char *field, *owner;
    struct sb_bag *bag = called_bag(call, &field, &owner);
    struct sb_policy *policy = bag == NULL ? NULL : sb_called_policy(call);
    struct sb_attachment *attachment;

    if (policy == NULL)
        return -1;
    if (sb_bag_attaches(bag, policy))
        return 0;
    attachment = sb_alloc(sizeof(*attachment));
    attachment->policy = policy;
    attachment->next = bag->attachments;
    bag->attachments = attachment;
    return 0;
}

int sb_detach_bag_policy(struct sb_call *call)
{
    const char *field, *owner;
    struct sb_bag *bag = called_bag(call, &field, &owner);
    struct sb_policy *policy = bag == NULL ? NULL : sb_called_policy(call);
    struct sb_attachment **at, *gone;

    if (policy == NULL)
        return -1;
    for (at = &bag->attachments; *at != NULL && (*at)->policy != policy; at = &(*at)->next)
        ;
    if (*at == NULL)
        return sb_fail(call, 404, "NoSuchEntity", "Policy %s was not found.", policy->arn);
    gone = *at;
    *at = gone->next;
    free(gone);
    return 0;
}

int sb_list_bag_attached(struct sb_call *call)
{
    const char *field, *owner;
    struct sb_bag *bag = called_bag(call, &field, &owner);
    const struct sb_attachment *attachment;
    struct json_object *list;
    struct sb_page page;
    int64_t position = 0;

    if (bag == NULL || sb_page_begin(call, &page) != 0)
        return -1;
    list = json_object_new_array();
    for (attachment = bag->attachments; attachment != NULL; attachment = attachment->next) {
        if (sb_page_take(&page, ++position))
            json_object_array_add(list, sb_attached_json(attachment->policy));
    }
    call->result = json_object_new_object();
    json_object_object_add(call->result, "AttachedPolicies", list);
    sb_page_end(&page, call->result);
    return 0;
}

int sb_put_user_boundary(struct sb_call *call)
{
    struct sb_user *user = called_user(call);
    const char *arn = sb_need(call, "PermissionsBoundary");
    struct sb_policy *policy;

    if (user == NULL || arn == NULL)
        return -1;
    policy = sb_policy_find(call->box->world, call->caller.account, arn);
    if (policy == NULL)
        return sb_fail(call, 404, "NoSuchEntity", "Scope ARN: %s does not exist.", arn);
    user->boundary = policy;
    return 0;
}
