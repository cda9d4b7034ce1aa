/*
 * IAM's actions on roles themselves, and the account's web identity federation.
 */
#include <string.h>

#include "actions.h"
#include "iam.h"

static bool is_role_name(const char *name)
{
    size_t length = strlen(name);

    return length >= 1 && length <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-") ==
               length;
}

static bool is_path(const char *path)
{
    size_t length = strlen(path);

    return length >= 1 && length <= 512 && path[0] == '/' && path[length - 1] == '/';
}

static struct json_object *called_tags(const struct sb_call *call)
{
    struct json_object *tags = NULL;
    const char *key;
    unsigned n;

    for (n = 1; (key = sb_member(call, "Tags", n, "Key")) != NULL; n++) {
        const char *value = sb_member(call, "Tags", n, "Value");
        struct json_object *tag = json_object_new_object();

        if (tags == NULL)
            tags = json_object_new_array();
        sb_add_string(tag, "Key", key);
        sb_add_string(tag, "Value", value != NULL ? value : "");
        json_object_array_add(tags, tag);
    }
    return tags;
}

static struct json_object *whole_role_json(const struct sb_role *role)
{
    struct json_object *object = sb_role_json(role);

    json_object_object_add(object, "PermissionsBoundary", sb_boundary_json(role->boundary));
    json_object_object_add(object, "Tags", json_object_get(role->tags));
    json_object_object_add(object, "RoleLastUsed", json_object_new_object());
    return object;
}

static void answer_role(struct sb_call *call, const struct sb_role *role)
{
    call->result = json_object_new_object();
    json_object_object_add(call->result, "Role", whole_role_json(role));
}

/* The boundary that a CreateRole asks for; -1 when it names none that exists. */
static int called_boundary(struct sb_call *call, struct sb_policy **boundary)
{
    const char *arn = sb_form_get(&call->request->form, "PermissionsBoundary");

    *boundary = NULL;
    if (arn == NULL)
        return 0;
    *boundary = sb_policy_find(call->box->world, call->caller.account, arn);
    if (*boundary != NULL)
        return 0;
    return sb_fail(call, 404, "NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.",
                   arn);
}

int sb_create_role(struct sb_call *call)
{
    const struct sb_form *form = &call->request->form;
    const char *name = sb_need(call, "RoleName");
    const char *path = sb_form_get_or(form, "Path", "/");
    struct sb_policy *boundary;
    struct json_object *trust;
    struct sb_role *role;
    int64_t max_session_s;

    if (name == NULL || called_boundary(call, &boundary) != 0 ||
        sb_number(call, &max_session_s, "MaxSessionDuration", 3600, 3600, 43200) != 0)
        return -1;
    if (!is_role_name(name) || !is_path(path))
        return sb_fail(call, 400, "ValidationError",
                       "The specified value for roleName or path is invalid.");
    if (sb_role_find(call->caller.account, name) != NULL)
        return sb_fail(call, 409, "EntityAlreadyExists", "Role with name %s already exists.", name);
    trust = sb_called_document(call, "AssumeRolePolicyDocument", true);
    if (trust == NULL)
        return -1;
    role = sb_role_add(call->box->world, call->caller.account, path, name,
                       sb_form_get(form, "AssumeRolePolicyDocument"), trust);
    role->created_ms = sb_now_ms(call->box);
    role->max_session_s = max_session_s;
    role->boundary = boundary;
    role->tags = called_tags(call);
    free(role->description);
    role->description = sb_copy(sb_form_get_or(form, "Description", ""));
    /* A role that is not yet in force could not be told from one that refuses: no delay here. */
    sb_role_publish(role, sb_now_ms(call->box));
    answer_role(call, role);
    return 0;
}

int sb_get_role(struct sb_call *call)
{
    const struct sb_role *role = sb_called_role(call);

    if (role == NULL)
        return -1;
    answer_role(call, role);
    return 0;
}

int sb_list_roles(struct sb_call *call)
{
    const struct sb_account *account = call->caller.account;
    const char *prefix = sb_form_get_or(&call->request->form, "PathPrefix", "/");
    struct json_object *list;
    struct sb_page page;
    size_t i;

    if (sb_page_begin(call, &page) != 0)
        return -1;
    call->result = json_object_new_object();
    list = json_object_new_array();
    for (i = 0; i < account->role_count; i++) {
        const struct sb_role *role = account->roles[i];

        if (strncmp(role->path, prefix, strlen(prefix)) == 0 && sb_page_take(&page, role->serial))
            json_object_array_add(list, sb_role_json(role));
    }
    json_object_object_add(call->result, "Roles", list);
    sb_page_end(&page, call->result);
    return 0;
}

int sb_update_role(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    const char *description = sb_form_get(&call->request->form, "Description");
    int64_t max_session_s;

    if (role == NULL || sb_number(call, &max_session_s, "MaxSessionDuration", role->max_session_s,
                                  3600, 43200) != 0)
        return -1;
    role->max_session_s = max_session_s;
    if (description != NULL) {
        free(role->description);
        role->description = sb_copy(description);
    }
    call->result = json_object_new_object();
    return 0;
}

int sb_update_trust(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    struct json_object *trust;

    if (role == NULL)
        return -1;
    trust = sb_called_document(call, "PolicyDocument", true);
    if (trust == NULL)
        return -1;
    json_object_put(role->trust);
    role->trust = trust;
    free(role->trust_text);
    role->trust_text = sb_copy(sb_form_get(&call->request->form, "PolicyDocument"));
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}

int sb_delete_role(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);

    if (role == NULL)
        return -1;
    if (role->inline_policies != NULL || role->attachments != NULL)
        return sb_fail(call, 409, "DeleteConflict", "Cannot delete entity, must %s first.",
                       role->attachments != NULL ? "detach all policies" : "delete policies");
    sb_role_remove(role);
    return 0;
}

static int answer_federation(struct sb_call *call, bool state)
{
    char *issuer = sb_issuer(call->box, call->caller.account);

    call->result = json_object_new_object();
    sb_add_string(call->result, "IssuerIdentifier", issuer);
    if (state)
        json_object_object_add(call->result, "JwtVendingEnabled", json_object_new_boolean(true));
    free(issuer);
    return 0;
}

int sb_enable_federation(struct sb_call *call)
{
    if (call->caller.account->federation)
        return sb_fail(call, 409, "FeatureEnabled",
                       "Outbound web identity federation is already enabled.");
    call->caller.account->federation = true;
    return answer_federation(call, false);
}

int sb_disable_federation(struct sb_call *call)
{
    if (!call->caller.account->federation)
        return sb_fail(call, 404, "FeatureDisabled",
                       "Outbound web identity federation is not enabled.");
    call->caller.account->federation = false;
    return 0;
}

int sb_get_federation(struct sb_call *call)
{
    if (!call->caller.account->federation)
        return sb_fail(call, 404, "FeatureDisabled",
                       "Outbound web identity federation is not enabled.");
    return answer_federation(call, true);
}
