/*
 * Accounts, users, policies and sessions; see world.h. Roles are in roles.c. Decides nothing: what
 * a caller may do is evaluate.c's matter.
 */
#include "world.h"

#include <string.h>
#include <strings.h>

#include "document.h"
#include "keys.h"
#include "opaque.h"
#include "util.h"

enum { SECRET_LENGTH = 40 };

static void add_aws_policy(struct sb_world *world, const char *name, const char *text)
{
    const char *why = NULL;

    sb_policy_add(world, NULL, "/", name, text, sb_document_parse(text, false, &why));
}

struct sb_world *sb_world_new(void)
{
    struct sb_world *world = sb_alloc(sizeof(*world));

    world->sessions_by_key = lh_kchar_table_new(64, NULL);
    if (world->sessions_by_key == NULL)
        abort();
    add_aws_policy(world, "AdministratorAccess",
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                   "\"Action\":\"*\",\"Resource\":\"*\"}]}");
    add_aws_policy(world, "AWSDenyAll",
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"DenyAll\","
                   "\"Effect\":\"Deny\",\"Action\":[\"*\"],\"Resource\":\"*\"}]}");
    add_aws_policy(world, "IAMReadOnlyAccess",
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":["
                   "\"iam:Get*\",\"iam:List*\"],\"Resource\":\"*\"}]}");
    return world;
}

struct sb_account *sb_account_find(const struct sb_world *world, const char *id)
{
    struct sb_account *account;

    if (id == NULL)
        return world->accounts;
    for (account = world->accounts; account != NULL; account = account->next) {
        if (strcmp(account->id, id) == 0)
            return account;
    }
    return NULL;
}

static void free_role_name(struct lh_entry *entry)
{
    free(lh_entry_k(entry));
}

struct sb_account *sb_account_add(struct sb_world *world, const char *id)
{
    struct sb_account *account = sb_alloc(sizeof(*account));
    struct sb_account **end = &world->accounts;

    account->id = sb_copy(id);
    account->world = world;
    account->federation = true;
    account->keys = sb_keys_new();
    account->roles_by_name = lh_kchar_table_new(64, free_role_name);
    if (account->roles_by_name == NULL)
        abort();
    while (*end != NULL)
        end = &(*end)->next;
    *end = account;
    return account;
}

struct sb_user *sb_user_add(struct sb_world *world, struct sb_account *account, const char *name,
                            const char *access_key, const char *secret, bool admin)
{
    struct sb_user *user = sb_user_create(account, "/", name);

    (void)world;
    user->access_key = sb_copy(access_key);
    user->secret = sb_copy(secret);
    user->admin = admin;
    return user;
}

struct sb_user *sb_user_create(struct sb_account *account, const char *path, const char *name)
{
    struct sb_user *user = sb_alloc(sizeof(*user));

    user->account = account;
    user->serial = ++account->world->last_serial;
    user->name = sb_copy(name);
    user->path = sb_copy(path);
    user->id = sb_random_name("AIDA", 17);
    user->arn = sb_format("arn:aws:iam::%s:user%s%s", account->id, path, name);
    user->created_ms = sb_wall_ms();
    user->next = account->world->users;
    account->world->users = user;
    return user;
}

struct sb_user *sb_user_find(const struct sb_account *account, const char *name)
{
    struct sb_user *user;

    for (user = account->world->users; user != NULL; user = user->next) {
        if (user->account == account && !user->deleted && strcasecmp(user->name, name) == 0)
            return user;
    }
    return NULL;
}

struct sb_group *sb_group_find(const struct sb_account *account, const char *name)
{
    struct sb_group *group;

    for (group = account->groups; group != NULL; group = group->next) {
        if (strcasecmp(group->name, name) == 0)
            return group;
    }
    return NULL;
}

struct sb_group *sb_group_create(struct sb_account *account, const char *name)
{
    struct sb_group *group = sb_alloc(sizeof(*group));
    struct sb_group **end = &account->groups;

    group->account = account;
    group->serial = ++account->world->last_serial;
    group->name = sb_copy(name);
    group->id = sb_random_name("AGPA", 17);
    group->arn = sb_format("arn:aws:iam::%s:group/%s", account->id, name);
    group->created_ms = sb_wall_ms();
    while (*end != NULL)
        end = &(*end)->next;
    *end = group;
    return group;
}

static void add_documents(struct json_object *list, const struct sb_bag *bag)
{
    const struct sb_attachment *attachment;
    const struct sb_document *document;

    for (document = bag->inline_policies; document != NULL; document = document->next)
        json_object_array_add(list, json_object_get(document->parsed));
    for (attachment = bag->attachments; attachment != NULL; attachment = attachment->next)
        json_object_array_add(list, json_object_get(attachment->policy->standing->parsed));
}

struct json_object *sb_user_identity(const struct sb_user *user)
{
    struct json_object *list = json_object_new_array();
    const struct sb_membership *member;

    add_documents(list, &user->bag);
    for (member = user->groups; member != NULL; member = member->next)
        add_documents(list, &member->group->bag);
    return list;
}

bool sb_bag_attaches(const struct sb_bag *bag, const struct sb_policy *policy)
{
    const struct sb_attachment *attachment;

    for (attachment = bag->attachments; attachment != NULL; attachment = attachment->next) {
        if (attachment->policy == policy)
            return true;
    }
    return false;
}

struct sb_user *sb_user_by_key(const struct sb_world *world, const char *access_key)
{
    struct sb_user *user;

    for (user = world->users; user != NULL; user = user->next) {
        if (!user->deleted && user->access_key != NULL && strcmp(user->access_key, access_key) == 0)
            return user;
    }
    return NULL;
}

struct sb_document *sb_document_find(struct sb_document *list, const char *name)
{
    for (; list != NULL; list = list->next) {
        if (strcmp(list->name, name) == 0)
            return list;
    }
    return NULL;
}

static void free_document(struct sb_document *document)
{
    free(document->name);
    free(document->text);
    json_object_put(document->parsed);
    free(document);
}

bool sb_document_remove(struct sb_document **list, const char *name)
{
    struct sb_document *found;

    for (; *list != NULL; list = &(*list)->next) {
        if (strcmp((*list)->name, name) != 0)
            continue;
        found = *list;
        *list = found->next;
        free_document(found);
        return true;
    }
    return false;
}

void sb_document_put(struct sb_document **list, const char *name, const char *text,
                     struct json_object *parsed, int64_t created_ms)
{
    struct sb_document *document = sb_alloc(sizeof(*document));

    (void)sb_document_remove(list, name);
    document->name = sb_copy(name);
    document->text = sb_copy(text);
    document->parsed = parsed;
    document->created_ms = created_ms;
    document->next = *list;
    *list = document;
}

static struct sb_policy **policy_list(struct sb_world *world, struct sb_account *account)
{
    return account != NULL ? &account->policies : &world->aws_policies;
}

struct sb_policy *sb_policy_add(struct sb_world *world, struct sb_account *account,
                                const char *path, const char *name, const char *text,
                                struct json_object *parsed)
{
    struct sb_policy *policy = sb_alloc(sizeof(*policy));
    struct sb_policy **end = policy_list(world, account);

    policy->account = account;
    policy->serial = ++world->last_serial;
    policy->name = sb_copy(name);
    policy->path = sb_copy(path);
    policy->id = sb_random_name("ANPA", 17);
    policy->arn =
        sb_format("arn:aws:iam::%s:policy%s%s", account != NULL ? account->id : "aws", path, name);
    policy->created_ms = sb_wall_ms();
    sb_policy_add_version(policy, text, parsed, true, policy->created_ms);
    while (*end != NULL)
        end = &(*end)->next;
    *end = policy;
    return policy;
}

void sb_policy_add_version(struct sb_policy *policy, const char *text, struct json_object *parsed,
                           bool standing, int64_t now_ms)
{
    char *name = sb_format("v%u", ++policy->last_version);

    sb_document_put(&policy->versions, name, text, parsed, now_ms);
    policy->updated_ms = now_ms;
    if (standing)
        policy->standing = policy->versions;
    free(name);
}

struct sb_policy *sb_policy_find(const struct sb_world *world, const struct sb_account *account,
                                 const char *arn)
{
    struct sb_policy *policy;

    for (policy = account->policies; policy != NULL; policy = policy->next) {
        if (strcmp(policy->arn, arn) == 0)
            return policy;
    }
    for (policy = world->aws_policies; policy != NULL; policy = policy->next) {
        if (strcmp(policy->arn, arn) == 0)
            return policy;
    }
    return NULL;
}

static void free_policy(struct sb_policy *policy)
{
    while (policy->versions != NULL)
        (void)sb_document_remove(&policy->versions, policy->versions->name);
    free(policy->name);
    free(policy->path);
    free(policy->id);
    free(policy->arn);
    free(policy);
}

void sb_policy_remove(struct sb_policy *policy)
{
    struct sb_policy **place = &policy->account->policies;

    while (*place != NULL && *place != policy)
        place = &(*place)->next;
    if (*place != NULL)
        *place = policy->next;
    free_policy(policy);
}

/* ASIA or AKIA and 16 base32 digits: a one, the account in 40 bits, the rest by chance. */
static char *key_id(const char *prefix, const struct sb_account *account)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *key = sb_random_name(prefix, 16);
    uint64_t bits = (UINT64_C(1) << 40 | strtoull(account->id, NULL, 10)) << 9;
    size_t i;

    /* Of these 50 bits the last 9 stay as they were, but for the digit that they share. */
    for (i = 0; i < 8; i++)
        key[4 + i] = digits[bits >> (45 - 5 * i) & 31];
    key[12] = digits[(bits >> 5 & 16) | (uint64_t)(key[12] & 15)];
    return key;
}

void sb_user_make_key(struct sb_user *user)
{
    user->access_key = key_id("AKIA", user->account);
    user->secret = sb_random_base64(SECRET_LENGTH);
}

static void open_session(struct sb_session *session, struct sb_account *account, int64_t issued_ms,
                         int64_t expires_ms)
{
    struct sb_world *world = account->world;

    session->account = account;
    session->access_key = key_id("ASIA", account);
    session->secret = sb_random_base64(SECRET_LENGTH);
    session->token = sb_opaque_token(account->id, issued_ms);
    session->issued_ms = issued_ms;
    session->expires_ms = expires_ms;
    session->next = world->sessions;
    world->sessions = session;
    if (lh_table_insert(world->sessions_by_key, session->access_key, session) != 0)
        abort();
}

struct sb_session *sb_session_add(struct sb_world *world, const struct sb_role *role,
                                  const char *name, int64_t issued_ms, int64_t expires_ms)
{
    struct sb_session *session = sb_alloc(sizeof(*session));

    open_session(session, role->account, issued_ms, expires_ms);
    session->role_id = sb_copy(role->id);
    session->role_arn = sb_copy(role->arn);
    session->name = sb_copy(name);
    session->arn =
        sb_format("arn:aws:sts::%s:assumed-role/%s/%s", role->account->id, role->name, name);
    session->user_id = sb_format("%s:%s", role->id, name);
    (void)world;
    return session;
}

struct sb_session *sb_user_session(struct sb_user *user, const char *name, int64_t issued_ms,
                                   int64_t expires_ms)
{
    struct sb_session *session = sb_alloc(sizeof(*session));
    const char *account = user->account->id;

    open_session(session, user->account, issued_ms, expires_ms);
    session->user = user;
    session->federated = name != NULL;
    session->arn = name == NULL ? sb_copy(user->arn)
                                : sb_format("arn:aws:sts::%s:federated-user/%s", account, name);
    session->user_id = name == NULL ? sb_copy(user->id) : sb_format("%s:%s", account, name);
    return session;
}

struct sb_session *sb_session_by_key(const struct sb_world *world, const char *access_key)
{
    void *found = NULL;

    if (!lh_table_lookup_ex(world->sessions_by_key, access_key, &found))
        return NULL;
    return found;
}

struct sb_role *sb_session_role(const struct sb_session *session)
{
    struct sb_role *role;
    const char *name = session->role_arn == NULL ? NULL : strrchr(session->role_arn, '/');

    if (name == NULL)
        return NULL;
    role = sb_role_find(session->account, name + 1);
    return role != NULL && strcmp(role->id, session->role_id) == 0 ? role : NULL;
}

static void free_session(struct sb_session *session)
{
    sb_wipe_string(session->secret);
    sb_wipe_string(session->token);
    free(session->access_key);
    free(session->role_id);
    free(session->role_arn);
    free(session->name);
    free(session->arn);
    free(session->user_id);
    free(session->source_identity);
    free(session->identity_store_user_id);
    json_object_put(session->tags);
    json_object_put(session->policy);
    free(session);
}

static void free_bag(struct sb_bag *bag)
{
    struct sb_attachment *attachment;

    while (bag->inline_policies != NULL)
        (void)sb_document_remove(&bag->inline_policies, bag->inline_policies->name);
    while ((attachment = bag->attachments) != NULL) {
        bag->attachments = attachment->next;
        free(attachment);
    }
}

static void free_groups(struct sb_group *group)
{
    struct sb_group *next;

    for (; group != NULL; group = next) {
        next = group->next;
        free_bag(&group->bag);
        free(group->name);
        free(group->id);
        free(group->arn);
        free(group);
    }
}

static void free_user(struct sb_user *user)
{
    struct sb_membership *member;

    free_bag(&user->bag);
    while ((member = user->groups) != NULL) {
        user->groups = member->next;
        free(member);
    }
    free(user->name);
    free(user->path);
    free(user->id);
    free(user->arn);
    free(user->access_key);
    if (user->secret != NULL)
        sb_wipe_string(user->secret);
    free(user);
}

static void free_policies(struct sb_policy *policy)
{
    struct sb_policy *next;

    for (; policy != NULL; policy = next) {
        next = policy->next;
        free_policy(policy);
    }
}

static void free_account(struct sb_account *account)
{
    while (account->role_count > 0)
        sb_role_remove(account->roles[account->role_count - 1]);
    free(account->roles);
    lh_table_free(account->roles_by_name);
    free_groups(account->groups);
    free_policies(account->policies);
    sb_keys_free(account->keys);
    free(account->id);
    free(account);
}

void sb_world_free(struct sb_world *world)
{
    struct sb_account *account;
    struct sb_session *session;
    struct sb_user *user;

    lh_table_free(world->sessions_by_key);
    while ((session = world->sessions) != NULL) {
        world->sessions = session->next;
        free_session(session);
    }
    while ((user = world->users) != NULL) {
        world->users = user->next;
        free_user(user);
    }
    while ((account = world->accounts) != NULL) {
        world->accounts = account->next;
        free_account(account);
    }
    free_policies(world->aws_policies);
    free(world);
}
