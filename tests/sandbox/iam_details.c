/*
 * GetAccountAuthorizationDetails: users, roles and policies of an account in one paged list.
 */
#include <string.h>

#include "actions.h"
#include "iam.h"

enum kind { USERS, GROUPS, ROLES, LOCAL_POLICIES, AWS_POLICIES };

struct filter {
    bool wanted[AWS_POLICIES + 1];
};

/* Kinds follow one another in the list; within one, entries are in order of creation. */
static int64_t position_of(enum kind kind, int64_t serial)
{
    return ((int64_t)kind << 40) + serial;
}

static int read_filter(struct sb_call *call, struct filter *filter)
{
    static const char *const names[] = {"User", "Group", "Role", "LocalManagedPolicy",
                                        "AWSManagedPolicy"};
    const char *name;
    unsigned n;
    int kind;

    memset(filter, 0, sizeof(*filter));
    for (n = 1; (name = sb_member(call, "Filter", n, NULL)) != NULL; n++) {
        bool known = false;

        for (kind = USERS; kind <= AWS_POLICIES; kind++) {
            if (strcmp(name, names[kind]) == 0)
                known = filter->wanted[kind] = true;
        }
        if (!known)
            return sb_fail(call, 400, "ValidationError",
                           "1 validation error detected: Value '%s' at 'filter' failed to satisfy "
                           "constraint: Member must satisfy enum value set: [User, Role, Group, "
                           "LocalManagedPolicy, AWSManagedPolicy]",
                           name);
    }
    for (kind = USERS; n == 1 && kind <= AWS_POLICIES; kind++)
        filter->wanted[kind] = true;
    return 0;
}

static struct json_object *inline_details(const struct sb_document *document)
{
    struct json_object *list = json_object_new_array();

    for (; document != NULL; document = document->next) {
        struct json_object *object = json_object_new_object();

        sb_add_string(object, "PolicyName", document->name);
        sb_add_encoded(object, "PolicyDocument", document->text);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *attached_details(const struct sb_attachment *attachment)
{
    struct json_object *list = json_object_new_array();

    for (; attachment != NULL; attachment = attachment->next)
        json_object_array_add(list, sb_attached_json(attachment->policy));
    return list;
}

static struct json_object *group_detail(const struct sb_group *group)
{
    struct json_object *object = json_object_new_object();

    sb_add_string(object, "Path", "/");
    sb_add_string(object, "GroupName", group->name);
    sb_add_string(object, "GroupId", group->id);
    sb_add_string(object, "Arn", group->arn);
    sb_add_instant(object, "CreateDate", group->created_ms);
    json_object_object_add(object, "GroupPolicyList", inline_details(group->bag.inline_policies));
    json_object_object_add(object, "AttachedManagedPolicies",
                           attached_details(group->bag.attachments));
    return object;
}

/* As AWS does, no UserPolicyList where there is nothing to list. */
static struct json_object *user_detail(const struct sb_user *user)
{
    struct json_object *object = json_object_new_object();
    struct json_object *groups = json_object_new_array();
    const struct sb_membership *member;

    for (member = user->groups; member != NULL; member = member->next)
        json_object_array_add(groups, json_object_new_string(member->group->name));

    sb_add_string(object, "Path", user->path);
    sb_add_string(object, "UserName", user->name);
    sb_add_string(object, "UserId", user->id);
    sb_add_string(object, "Arn", user->arn);
    sb_add_instant(object, "CreateDate", user->created_ms);
    if (user->bag.inline_policies != NULL)
        json_object_object_add(object, "UserPolicyList", inline_details(user->bag.inline_policies));
    json_object_object_add(object, "GroupList", groups);
    json_object_object_add(object, "AttachedManagedPolicies",
                           attached_details(user->bag.attachments));
    json_object_object_add(object, "PermissionsBoundary", sb_boundary_json(user->boundary));
    json_object_object_add(object, "Tags", json_object_new_array());
    return object;
}

static struct json_object *role_detail(const struct sb_role *role)
{
    struct json_object *object = json_object_new_object();

    sb_add_string(object, "Path", role->path);
    sb_add_string(object, "RoleName", role->name);
    sb_add_string(object, "RoleId", role->id);
    sb_add_string(object, "Arn", role->arn);
    sb_add_instant(object, "CreateDate", role->created_ms);
    sb_add_encoded(object, "AssumeRolePolicyDocument", role->trust_text);
    json_object_object_add(object, "InstanceProfileList", json_object_new_array());
    json_object_object_add(object, "RolePolicyList", inline_details(role->inline_policies));
    json_object_object_add(object, "AttachedManagedPolicies", attached_details(role->attachments));
    json_object_object_add(object, "PermissionsBoundary", sb_boundary_json(role->boundary));
    json_object_object_add(
        object, "Tags", role->tags != NULL ? json_object_get(role->tags) : json_object_new_array());
    json_object_object_add(object, "RoleLastUsed", json_object_new_object());
    return object;
}

static struct json_object *policy_detail(const struct sb_account *account,
                                         const struct sb_policy *policy)
{
    struct json_object *object = json_object_new_object();
    struct json_object *versions = json_object_new_array();
    const struct sb_document *version;

    for (version = policy->versions; version != NULL; version = version->next) {
        struct json_object *one = json_object_new_object();

        sb_add_encoded(one, "Document", version->text);
        sb_add_string(one, "VersionId", version->name);
        json_object_object_add(one, "IsDefaultVersion",
                               json_object_new_boolean(version == policy->standing));
        sb_add_instant(one, "CreateDate", version->created_ms);
        json_object_array_add(versions, one);
    }
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
    json_object_object_add(object, "PolicyVersionList", versions);
    return object;
}

static struct json_object *list_users(const struct sb_call *call, struct sb_page *page)
{
    struct json_object *list = json_object_new_array();
    const struct sb_user *user;
    const struct sb_user *next = NULL;
    int64_t after = 0;

    /* The world's list is newest first; walk it in order of serial. */
    do {
        next = NULL;
        for (user = call->box->world->users; user != NULL; user = user->next) {
            if (user->account == call->caller.account && !user->deleted && user->serial > after &&
                (next == NULL || user->serial < next->serial))
                next = user;
        }
        if (next == NULL)
            break;
        after = next->serial;
        if (sb_page_take(page, position_of(USERS, next->serial)))
            json_object_array_add(list, user_detail(next));
    } while (next != NULL);
    return list;
}

static struct json_object *list_groups(const struct sb_account *account, struct sb_page *page)
{
    struct json_object *list = json_object_new_array();
    const struct sb_group *group;

    for (group = account->groups; group != NULL; group = group->next) {
        if (sb_page_take(page, position_of(GROUPS, group->serial)))
            json_object_array_add(list, group_detail(group));
    }
    return list;
}

static struct json_object *list_roles(const struct sb_account *account, struct sb_page *page)
{
    struct json_object *list = json_object_new_array();
    size_t i;

    for (i = 0; i < account->role_count; i++) {
        if (sb_page_take(page, position_of(ROLES, account->roles[i]->serial)))
            json_object_array_add(list, role_detail(account->roles[i]));
    }
    return list;
}

static void list_policies(const struct sb_account *account, const struct sb_policy *policy,
                          enum kind kind, struct sb_page *page, struct json_object *list)
{
    for (; policy != NULL; policy = policy->next) {
        /* Of AWS's own policies, only those in use here are shown. */
        if (kind == AWS_POLICIES && sb_policy_uses(account, policy, false) == 0 &&
            sb_policy_uses(account, policy, true) == 0)
            continue;
        if (sb_page_take(page, position_of(kind, policy->serial)))
            json_object_array_add(list, policy_detail(account, policy));
    }
}

int sb_get_details(struct sb_call *call)
{
    const struct sb_account *account = call->caller.account;
    struct json_object *users = NULL;
    struct json_object *groups = NULL;
    struct json_object *roles = NULL;
    struct json_object *policies = json_object_new_array();
    struct filter filter;
    struct sb_page page;

    if (read_filter(call, &filter) != 0 || sb_page_begin(call, &page) != 0) {
        json_object_put(policies);
        return -1;
    }
    users = filter.wanted[USERS] ? list_users(call, &page) : json_object_new_array();
    groups = filter.wanted[GROUPS] ? list_groups(account, &page) : json_object_new_array();
    roles = filter.wanted[ROLES] ? list_roles(account, &page) : json_object_new_array();
    if (filter.wanted[LOCAL_POLICIES])
        list_policies(account, account->policies, LOCAL_POLICIES, &page, policies);
    if (filter.wanted[AWS_POLICIES])
        list_policies(account, call->box->world->aws_policies, AWS_POLICIES, &page, policies);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "UserDetailList", users);
    json_object_object_add(call->result, "GroupDetailList", groups);
    json_object_object_add(call->result, "RoleDetailList", roles);
    json_object_object_add(call->result, "Policies", policies);
    sb_page_end(&page, call->result);
    return 0;
}
