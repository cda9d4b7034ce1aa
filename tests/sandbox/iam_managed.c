/*
 * IAM's actions on managed policies, their attachment to roles, and permissions boundaries.
 */
#include <string.h>

#include "actions.h"
#include "iam.h"

/* Every role that the policy bears on sees its new default version. */
static void publish_policy(struct sb_call *call, const struct sb_policy *policy)
{
    struct sb_account *account = call->caller.account;
    size_t i;

    for (i = 0; i < account->role_count; i++) {
        if (sb_role_attaches(account->roles[i], policy))
            sb_role_publish(account->roles[i], sb_enforced_ms(call->box));
    }
}

static struct json_object *policy_json(const struct sb_call *call, const struct sb_policy *policy)
{
    struct json_object *object = json_object_new_object();
    const struct sb_account *account = call->caller.account;

    sb_add_string(object, "PolicyName", policy->name);
    sb_add_string(object, "PolicyId", policy->id);
    sb_add_string(object, "Arn", policy->arn);
    sb_add_string(object, "Path", policy->path);
    sb_add_string(object, "DefaultVersionId", policy->standing->name);
    json_object_object_add(object, "AttachmentCount",
                           json_object_new_int64(sb_policy_uses(account, policy, false)));
    json_object_object_add(object, "PermissionsBoundaryUsageCount",
                           json_object_new_int64(sb_policy_uses(account, policy, true)));
    json_object_object_add(object, "IsAttachable", json_object_new_boolean(true));
    sb_add_instant(object, "CreateDate", policy->created_ms);
    sb_add_instant(object, "UpdateDate", policy->updated_ms);
    return object;
}

static struct json_object *version_json(const struct sb_policy *policy,
                                        const struct sb_document *version, bool document)
{
    struct json_object *object = json_object_new_object();

    if (document)
        sb_add_encoded(object, "Document", version->text);
    sb_add_string(object, "VersionId", version->name);
    json_object_object_add(object, "IsDefaultVersion",
                           json_object_new_boolean(version == policy->standing));
    sb_add_instant(object, "CreateDate", version->created_ms);
    return object;
}

int sb_create_policy(struct sb_call *call)
{
    struct sb_account *account = call->caller.account;
    const struct sb_form *form = &call->request->form;
    const char *name = sb_need(call, "PolicyName");
    const char *path = sb_form_get_or(form, "Path", "/");
    struct sb_policy *policy;
    struct json_object *parsed;
    char *arn;
    bool taken;

    if (name == NULL)
        return -1;
    arn = sb_format("arn:aws:iam::%s:policy%s%s", account->id, path, name);
    taken = sb_policy_find(call->box->world, account, arn) != NULL;
    free(arn);
    if (taken)
        return sb_fail(call, 409, "EntityAlreadyExists", "A policy called %s already exists.",
                       name);
    parsed = sb_called_document(call, "PolicyDocument", false);
    if (parsed == NULL)
        return -1;
    policy = sb_policy_add(call->box->world, account, path, name,
                           sb_form_get(form, "PolicyDocument"), parsed);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "Policy", policy_json(call, policy));
    return 0;
}

/* A policy of the caller's own account: AWS's can't be changed. */
static struct sb_policy *own_policy(struct sb_call *call)
{
    struct sb_policy *policy = sb_called_policy(call);

    if (policy != NULL && policy->account == NULL) {
        (void)sb_fail(call, 403, "AccessDenied", "AWS managed policies can't be changed.");
        return NULL;
    }
    return policy;
}

int sb_create_policy_version(struct sb_call *call)
{
    const struct sb_form *form = &call->request->form;
    struct sb_policy *policy = own_policy(call);
    bool standing = strcmp(sb_form_get_or(form, "SetAsDefault", "false"), "true") == 0;
    struct json_object *parsed;

    if (policy == NULL)
        return -1;
    parsed = sb_called_document(call, "PolicyDocument", false);
    if (parsed == NULL)
        return -1;
    sb_policy_add_version(policy, sb_form_get(form, "PolicyDocument"), parsed, standing,
                          sb_now_ms(call->box));
    if (standing)
        publish_policy(call, policy);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "PolicyVersion",
                           version_json(policy, policy->versions, false));
    return 0;
}

int sb_set_default_policy_version(struct sb_call *call)
{
    struct sb_policy *policy = own_policy(call);
    const char *id = policy != NULL ? sb_need(call, "VersionId") : NULL;
    struct sb_document *version;

    if (id == NULL)
        return -1;
    version = sb_document_find(policy->versions, id);
    if (version == NULL)
        return sb_fail(call, 404, "NoSuchEntity", "Policy %s version %s does not exist.",
                       policy->arn, id);
    policy->standing = version;
    policy->updated_ms = sb_now_ms(call->box);
    publish_policy(call, policy);
    return 0;
}

int sb_get_policy(struct sb_call *call)
{
    const struct sb_policy *policy = sb_called_policy(call);

    if (policy == NULL)
        return -1;
    call->result = json_object_new_object();
    json_object_object_add(call->result, "Policy", policy_json(call, policy));
    return 0;
}

int sb_get_policy_version(struct sb_call *call)
{
    const struct sb_policy *policy = sb_called_policy(call);
    const char *id = sb_need(call, "VersionId");
    const struct sb_document *version;

    if (policy == NULL || id == NULL)
        return -1;
    version = sb_document_find(policy->versions, id);
    if (version == NULL)
        return sb_fail(call, 404, "NoSuchEntity",
                       "Policy %s version %s does not exist or is not attachable.", policy->arn,
                       id);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "PolicyVersion", version_json(policy, version, true));
    return 0;
}

int sb_delete_policy(struct sb_call *call)
{
    struct sb_policy *policy = own_policy(call);

    if (policy == NULL)
        return -1;
    if (sb_policy_uses(call->caller.account, policy, false) > 0 ||
        sb_policy_uses(call->caller.account, policy, true) > 0)
        return sb_fail(call, 409, "DeleteConflict", "Cannot delete a policy attached to entities.");
    sb_policy_remove(policy);
    return 0;
}

int sb_attach_role_policy(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    struct sb_policy *policy = role != NULL ? sb_called_policy(call) : NULL;
    struct sb_attachment **end;

    if (policy == NULL)
        return -1;
    for (end = &role->attachments; *end != NULL; end = &(*end)->next) {
        if ((*end)->policy == policy)
            return 0; /* attaching twice is no error */
    }
    *end = sb_alloc(sizeof(**end));
    (*end)->policy = policy;
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}

int sb_detach_role_policy(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    struct sb_policy *policy = role != NULL ? sb_called_policy(call) : NULL;
    struct sb_attachment **place;
    struct sb_attachment *gone;

    if (policy == NULL)
        return -1;
    for (place = &role->attachments; *place != NULL; place = &(*place)->next) {
        if ((*place)->policy == policy)
            break;
    }
    if (*place == NULL)
        return sb_fail(call, 404, "NoSuchEntity", "Policy %s was not found.", policy->arn);
    gone = *place;
    *place = gone->next;
    free(gone);
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}

int sb_list_attached(struct sb_call *call)
{
    const struct sb_role *role = sb_called_role(call);
    const struct sb_attachment *attachment;
    struct json_object *list;
    struct sb_page page;
    int64_t position = 0;

    if (role == NULL || sb_page_begin(call, &page) != 0)
        return -1;
    call->result = json_object_new_object();
    list = json_object_new_array();
    for (attachment = role->attachments; attachment != NULL; attachment = attachment->next) {
        if (sb_page_take(&page, ++position))
            json_object_array_add(list, sb_attached_json(attachment->policy));
    }
    json_object_object_add(call->result, "AttachedPolicies", list);
    sb_page_end(&page, call->result);
    return 0;
}

int sb_put_boundary(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    const char *arn = sb_need(call, "PermissionsBoundary");
    struct sb_policy *policy;

    if (role == NULL || arn == NULL)
        return -1;
    policy = sb_policy_find(call->box->world, call->caller.account, arn);
    if (policy == NULL)
        return sb_fail(call, 404, "NoSuchEntity",
                       "Scope ARN: %s does not exist or is not attachable.", arn);
    role->boundary = policy;
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}

int sb_delete_boundary(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);

    if (role == NULL)
        return -1;
    if (role->boundary == NULL)
        return sb_fail(call, 404, "NoSuchEntity", "PermissionsBoundary for role %s does not exist.",
                       role->name);
    role->boundary = NULL;
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}
