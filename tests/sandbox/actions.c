/*
 * The actions of the Query protocol: finds the handler, authenticates, throttles, authorises,
 * calls.
 *
 * No handler runs for a caller who is not authenticated; one that authorises for itself is marked
 * so.
 */
#include "actions.h"

#include <string.h>

#include "queue.h"
#include "sandbox.h"

enum need { ON_RESOURCE, BY_ITSELF };

static const struct action {
    const char *name;
    const char *service;
    int (*handler)(struct sb_call *call);
    enum need need;
} actions[] = {
    {"AssumeRole", "sts", sb_assume_role, BY_ITSELF},
    {"GetCallerIdentity", "sts", sb_get_caller_identity, BY_ITSELF}, /* needs no permission */
    {"GetWebIdentityToken", "sts", sb_get_web_identity_token, BY_ITSELF},
    {"AttachRolePolicy", "iam", sb_attach_role_policy, ON_RESOURCE},
    {"CreatePolicy", "iam", sb_create_policy, ON_RESOURCE},
    {"CreatePolicyVersion", "iam", sb_create_policy_version, ON_RESOURCE},
    {"CreateRole", "iam", sb_create_role, ON_RESOURCE},
    {"DeletePolicy", "iam", sb_delete_policy, ON_RESOURCE},
    {"DeleteRole", "iam", sb_delete_role, ON_RESOURCE},
    {"DeleteRolePermissionsBoundary", "iam", sb_delete_boundary, ON_RESOURCE},
    {"DeleteRolePolicy", "iam", sb_delete_role_policy, ON_RESOURCE},
    {"DetachRolePolicy", "iam", sb_detach_role_policy, ON_RESOURCE},
    {"DisableOutboundWebIdentityFederation", "iam", sb_disable_federation, ON_RESOURCE},
    {"EnableOutboundWebIdentityFederation", "iam", sb_enable_federation, ON_RESOURCE},
    {"GetAccountAuthorizationDetails", "iam", sb_get_details, ON_RESOURCE},
    {"GetOutboundWebIdentityFederationInfo", "iam", sb_get_federation, ON_RESOURCE},
    {"GetPolicy", "iam", sb_get_policy, ON_RESOURCE},
    {"GetPolicyVersion", "iam", sb_get_policy_version, ON_RESOURCE},
    {"GetRole", "iam", sb_get_role, ON_RESOURCE},
    {"GetRolePolicy", "iam", sb_get_role_policy, ON_RESOURCE},
    {"ListAttachedRolePolicies", "iam", sb_list_attached, ON_RESOURCE},
    {"ListRolePolicies", "iam", sb_list_role_policies, ON_RESOURCE},
    {"ListRoles", "iam", sb_list_roles, ON_RESOURCE},
    {"PutRolePermissionsBoundary", "iam", sb_put_boundary, ON_RESOURCE},
    {"PutRolePolicy", "iam", sb_put_role_policy, ON_RESOURCE},
    {"SetDefaultPolicyVersion", "iam", sb_set_default_policy_version, ON_RESOURCE},
    {"UpdateAssumeRolePolicy", "iam", sb_update_trust, ON_RESOURCE},
    {"UpdateRole", "iam", sb_update_role, ON_RESOURCE},
    {"CreateUser", "iam", sb_create_user, ON_RESOURCE},
    {"GetUser", "iam", sb_get_user, ON_RESOURCE},
    {"DeleteUser", "iam", sb_delete_user, ON_RESOURCE},
    {"CreateAccessKey", "iam", sb_create_access_key, ON_RESOURCE},
    {"DeleteAccessKey", "iam", sb_delete_access_key, ON_RESOURCE},
    {"CreateGroup", "iam", sb_create_group, ON_RESOURCE},
    {"AddUserToGroup", "iam", sb_add_to_group, ON_RESOURCE},
    {"RemoveUserFromGroup", "iam", sb_remove_from_group, ON_RESOURCE},
    {"ListGroupsForUser", "iam", sb_list_groups_for_user, ON_RESOURCE},
    {"PutUserPermissionsBoundary", "iam", sb_put_user_boundary, ON_RESOURCE},
    {"PutUserPolicy", "iam", sb_put_bag_policy, ON_RESOURCE},
    {"GetUserPolicy", "iam", sb_get_bag_policy, ON_RESOURCE},
    {"DeleteUserPolicy", "iam", sb_delete_bag_policy, ON_RESOURCE},
    {"ListUserPolicies", "iam", sb_list_bag_policies, ON_RESOURCE},
    {"AttachUserPolicy", "iam", sb_attach_bag_policy, ON_RESOURCE},
    {"DetachUserPolicy", "iam", sb_detach_bag_policy, ON_RESOURCE},
    {"ListAttachedUserPolicies", "iam", sb_list_bag_attached, ON_RESOURCE},
    {"PutGroupPolicy", "iam", sb_put_bag_policy, ON_RESOURCE},
    {"GetGroupPolicy", "iam", sb_get_bag_policy, ON_RESOURCE},
    {"DeleteGroupPolicy", "iam", sb_delete_bag_policy, ON_RESOURCE},
    {"ListGroupPolicies", "iam", sb_list_bag_policies, ON_RESOURCE},
    {"AttachGroupPolicy", "iam", sb_attach_bag_policy, ON_RESOURCE},
    {"DetachGroupPolicy", "iam", sb_detach_bag_policy, ON_RESOURCE},
    {"ListAttachedGroupPolicies", "iam", sb_list_bag_attached, ON_RESOURCE},
    {"GetSessionToken", "sts", sb_get_session_token, BY_ITSELF}, /* needs none either */
    {"GetFederationToken", "sts", sb_get_federation_token, BY_ITSELF},
};

static const struct action *find_action(const struct sb_request *request)
{
    const char *name = sb_form_get(&request->form, "Action");
    size_t i;

    for (i = 0; name != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    return NULL;
}

const char *sb_action_word(const struct sb_request *request, const char **service)
{
    const struct action *action = find_action(request);

    *service = action != NULL ? action->service : NULL;
    return action != NULL ? action->name : "other";
}

/* The ARN that a policy's Resource is compared with. The caller frees. */
static char *resource_of(const struct sb_call *call)
{
    const struct sb_form *form = &call->request->form;
    const char *account = call->caller.account->id;
    const char *path = sb_form_get_or(form, "Path", "/");
    const char *role_name = sb_form_get(form, "RoleName");
    const char *policy_name = sb_form_get(form, "PolicyName");
    const char *policy_arn = sb_form_get(form, "PolicyArn");
    const char *user_name = sb_form_get(form, "UserName");
    const char *group_name = sb_form_get(form, "GroupName");
    const struct sb_user *user;
    const struct sb_role *role;

    if (role_name != NULL) {
        role = sb_role_find(call->caller.account, role_name);
        if (role != NULL)
            return sb_copy(role->arn);
        return sb_format("arn:aws:iam::%s:role%s%s", account, path, role_name);
    }
    if (group_name != NULL)
        return sb_format("arn:aws:iam::%s:group/%s", account, group_name);
    if (user_name != NULL) {
        user = sb_user_find(call->caller.account, user_name);
        return user != NULL ? sb_copy(user->arn)
                            : sb_format("arn:aws:iam::%s:user%s%s", account, path, user_name);
    }
    if (policy_arn != NULL)
        return sb_copy(policy_arn);
    if (policy_name != NULL)
        return sb_format("arn:aws:iam::%s:policy%s%s", account, path, policy_name);
    if (strcmp(call->action, "ListRoles") == 0)
        return sb_format("arn:aws:iam::%s:role/", account);
    return sb_copy("*");
}

static int permit_on_resource(struct sb_call *call)
{
    char *action = sb_format("%s:%s", call->service, call->action);
    char *resource = resource_of(call);
    int result = sb_permit(call, action, resource, NULL);

    free(action);
    free(resource);
    return result;
}

static int run(struct sb_call *call, const struct action *action)
{
    struct sb_faults *faults = &call->box->faults;

    if (sb_authenticate(call) != 0)
        return -1;
    if (sb_faults_touch(faults, action->name, action->service) &&
        sb_faults_throttle(faults, call->caller.account->id, action->name))
        return sb_fail(call, 400, "Throttling", "Rate exceeded");
    if (action->need == ON_RESOURCE && permit_on_resource(call) != 0)
        return -1;
    return action->handler(call);
}

void sb_answer_call(struct sb_sandbox *box, const struct sb_request *request,
                    struct sb_answer *answer)
{
    const struct action *action = find_action(request);
    struct sb_call call = {.box = box, .request = request};

    call.action = action != NULL ? action->name : "other";
    call.service = action != NULL ? action->service : NULL;
    call.request_id = sb_random_uuid();
    if (action == NULL) {
        (void)sb_fail(&call, 400, "InvalidAction", "Could not find operation %s for version %s",
                      sb_form_get_or(&request->form, "Action", "(none)"),
                      sb_form_get_or(&request->form, "Version", "(none)"));
    } else if (run(&call, action) != 0 && call.code == NULL) {
        (void)sb_fail(&call, 500, "ServiceFailure", "The sandbox failed without a reason.");
    }
    if (call.code != NULL)
        sb_count(box->codes, call.code);
    if (action != NULL)
        sb_tell_event(&call);
    sb_render(&call, answer);
    sb_log_answer(box, request, &call, answer->status);
    json_object_put(call.result);
    free(call.code);
    free(call.message);
    free(call.request_id);
}

const char *sb_need(struct sb_call *call, const char *field)
{
    const char *value = sb_form_get(&call->request->form, field);

    if (value == NULL || value[0] == '\0') {
        (void)sb_fail(call, 400, "ValidationError",
                      "1 validation error detected: Value null at '%s' failed to satisfy "
                      "constraint: Member must not be null",
                      field);
        return NULL;
    }
    return value;
}

int sb_number(struct sb_call *call, int64_t *value, const char *field, int64_t fallback,
              int64_t least, int64_t most)
{
    const char *text = sb_form_get(&call->request->form, field);

    *value = fallback;
    if (text == NULL)
        return 0;
    if (sb_integer(value, text, least, most) == 0)
        return 0;
    return sb_fail(call, 400, "ValidationError",
                   "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: "
                   "Member must be an integer from %lld to %lld",
                   text, field, (long long)least, (long long)most);
}

const char *sb_member(const struct sb_call *call, const char *prefix, unsigned n,
                      const char *suffix)
{
    char *name = sb_format("%s.member.%u%s%s", prefix, n, suffix != NULL ? "." : "",
                           suffix != NULL ? suffix : "");
    const char *value = sb_form_get(&call->request->form, name);

    free(name);
    return value;
}
