/*
 * The sandbox's world: accounts, users, roles, policies, sessions. Everything lives in one thread.
 *
 * Identifiers are compared as AWS does: role names without case, ids and ARNs byte for byte.
 */
#ifndef SB_WORLD_H
#define SB_WORLD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct sb_keys; /* keys.h */

/* A named policy text: an inline policy, or one version of a managed one. */
struct sb_document {
    char *name;
    char *text;
    struct json_object *parsed;
    int64_t created_ms;
    struct sb_document *next;
};

struct sb_policy {
    struct sb_account *account; /* NULL: one of AWS's own */
    int64_t serial;
    char *name, *path, *id, *arn;
    int64_t created_ms, updated_ms;
    unsigned last_version;
    struct sb_document *versions; /* newest first */
    struct sb_document *standing; /* the default version */
    struct sb_policy *next;
};

struct sb_attachment {
    struct sb_policy *policy;
    struct sb_attachment *next;
};

/* What authorisation sees of a role from an instant on; reads of the API never look here. */
struct sb_view {
    int64_t effective_ms;
    struct json_object *trust;
    struct json_object *identity; /* array of parsed documents: inline and attached */
    struct json_object *boundary; /* NULL: none */
    struct sb_view *older;
};

struct sb_role {
    struct sb_account *account;
    int64_t serial; /* grows; the order of listings */
    char *name, *path, *id, *arn, *description;
    int64_t created_ms;
    int64_t max_session_s;
    char *trust_text;
    struct json_object *trust;
    struct json_object *tags; /* array of {Key, Value} */
    struct sb_document *inline_policies;
    struct sb_attachment *attachments;
    struct sb_policy *boundary;
    struct sb_view *view; /* newest first */
};

/* What users and groups have of policies; changes are enforced at once. */
struct sb_bag {
    struct sb_document *inline_policies;
    struct sb_attachment *attachments;
};

struct sb_group {
    struct sb_account *account;
    int64_t serial;
    char *name, *id, *arn;
    int64_t created_ms;
    struct sb_bag bag;
    struct sb_group *next;
};

struct sb_membership {
    struct sb_group *group;
    struct sb_membership *next;
};

struct sb_user {
    struct sb_account *account;
    int64_t serial;
    char *name, *path, *id, *arn;
    char *access_key, *secret; /* NULL: he has none */
    int64_t created_ms;
    bool admin;
    bool deleted; /* kept for the sessions that point here */
    struct sb_bag bag;
    struct sb_policy *boundary;
    struct sb_membership *groups;
    struct sb_user *next;
};

struct sb_session {
    struct sb_account *account;
    char *access_key, *secret, *token;
    struct sb_user *user;                            /* whose session it is; NULL: a role's */
    bool federated;                                  /* of GetFederationToken */
    char *role_id, *role_arn, *name, *arn, *user_id; /* user_id: ROLEID:name; no role: NULL */
    char *source_identity;                           /* NULL: none */
    char *identity_store_user_id;                    /* NULL: none */
    struct json_object *tags;                        /* array of {Key, Value} */
    struct json_object *policy;                      /* session policy, NULL: none */
    int64_t issued_ms, expires_ms;
    struct sb_session *next;
};

struct sb_account {
    char *id;
    bool federation; /* outbound web identity federation enabled */
    struct sb_keys *keys;
    struct sb_role **roles; /* by serial */
    size_t role_count;
    struct lh_table *roles_by_name; /* key: lower-case name, owned by the table */
    struct sb_policy *policies;
    struct sb_group *groups; /* by serial */
    struct sb_world *world;
    struct sb_account *next;
};

struct sb_world {
    struct sb_account *accounts; /* the first is the default */
    struct sb_user *users;
    struct sb_policy *aws_policies;
    struct sb_session *sessions;
    struct lh_table *sessions_by_key; /* key borrowed from the session */
    int64_t last_serial;
};

struct sb_world *sb_world_new(void);
void sb_world_free(struct sb_world *world);

/* NULL id: the default account. NULL when there is none of that id. */
struct sb_account *sb_account_find(const struct sb_world *world, const char *id);
struct sb_account *sb_account_add(struct sb_world *world, const char *id);

struct sb_user *sb_user_add(struct sb_world *world, struct sb_account *account, const char *name,
                            const char *access_key, const char *secret, bool admin);
/* By name, without case. */
struct sb_user *sb_user_find(const struct sb_account *account, const char *name);
struct sb_group *sb_group_find(const struct sb_account *account, const char *name);
/* The name must be free. No keys yet. */
struct sb_user *sb_user_create(struct sb_account *account, const char *path, const char *name);
struct sb_group *sb_group_create(struct sb_account *account, const char *name);
void sb_user_make_key(struct sb_user *user);
/* His own documents and those of his groups, parsed: an array, the caller's. */
struct json_object *sb_user_identity(const struct sb_user *user);
bool sb_bag_attaches(const struct sb_bag *bag, const struct sb_policy *policy);
/* name: of a GetFederationToken's; NULL: GetSessionToken. */
struct sb_session *sb_user_session(struct sb_user *user, const char *name, int64_t issued_ms,
                                   int64_t expires_ms);

struct sb_user *sb_user_by_key(const struct sb_world *world, const char *access_key);

struct sb_role *sb_role_find(const struct sb_account *account, const char *name);
/* By whole ARN, any account. */
struct sb_role *sb_role_by_arn(const struct sb_world *world, const char *arn);

/* trust_text is copied, trust taken over. The name must be free. */
struct sb_role *sb_role_add(struct sb_world *world, struct sb_account *account, const char *path,
                            const char *name, const char *trust_text, struct json_object *trust);
void sb_role_remove(struct sb_role *role);

/* Publishes the role's present state to authorisation from effective_ms on. */
void sb_role_publish(struct sb_role *role, int64_t effective_ms);
const struct sb_view *sb_role_view(struct sb_role *role, int64_t now_ms);

struct sb_document *sb_document_find(struct sb_document *list, const char *name);
/* Adds or replaces; text copied, parsed taken over. */
void sb_document_put(struct sb_document **list, const char *name, const char *text,
                     struct json_object *parsed, int64_t created_ms);
bool sb_document_remove(struct sb_document **list, const char *name);

struct sb_policy *sb_policy_add(struct sb_world *world, struct sb_account *account,
                                const char *path, const char *name, const char *text,
                                struct json_object *parsed);
struct sb_policy *sb_policy_find(const struct sb_world *world, const struct sb_account *account,
                                 const char *arn);
void sb_policy_add_version(struct sb_policy *policy, const char *text, struct json_object *parsed,
                           bool standing, int64_t now_ms);
void sb_policy_remove(struct sb_policy *policy);
bool sb_role_attaches(const struct sb_role *role, const struct sb_policy *policy);

/* A new session of the role, with fresh keys; tags taken over (NULL: none). */
struct sb_session *sb_session_add(struct sb_world *world, const struct sb_role *role,
                                  const char *name, int64_t issued_ms, int64_t expires_ms);
struct sb_session *sb_session_by_key(const struct sb_world *world, const char *access_key);
/* The session's role, NULL when it was deleted (even if made again since). */
struct sb_role *sb_session_role(const struct sb_session *session);

#endif
