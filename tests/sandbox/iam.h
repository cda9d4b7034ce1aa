/*
 * What IAM's handlers share: finding things with the right error, paging, and the shapes of
 * answers.
 */
#ifndef SB_IAM_H
#define SB_IAM_H

#include "sandbox.h"

/* The role named by RoleName, or NULL with the error recorded. */
struct sb_role *sb_called_role(struct sb_call *call);
/* The policy named by PolicyArn, or NULL with the error recorded. */
struct sb_policy *sb_called_policy(struct sb_call *call);
/* The field parsed as a policy document, or NULL with MalformedPolicyDocument recorded. Owned. */
struct json_object *sb_called_document(struct sb_call *call, const char *field, bool trust);

/* An entry is on the page while sb_page_take says so; entries come in growing order of position. */
struct sb_page {
    int64_t after; /* position of the last entry of the page before; 0: none */
    int64_t left;
    int64_t last;
    bool truncated;
};

/* Reads Marker and MaxItems. 0, or -1 with the error recorded. */
int sb_page_begin(struct sb_call *call, struct sb_page *page);
bool sb_page_take(struct sb_page *page, int64_t position);
/* Adds IsTruncated and Marker. */
void sb_page_end(const struct sb_page *page, struct json_object *result);

void sb_add_string(struct json_object *object, const char *name, const char *value);
void sb_add_encoded(struct json_object *object, const char *name, const char *document);
void sb_add_instant(struct json_object *object, const char *name, int64_t time_ms);
/* The members that CreateRole, GetRole and ListRoles all show. */
struct json_object *sb_role_json(const struct sb_role *role);
struct json_object *sb_attached_json(const struct sb_policy *policy);
struct json_object *sb_boundary_json(const struct sb_policy *policy);
/* How many roles of the account have the policy attached, or as boundary. */
int64_t sb_policy_uses(const struct sb_account *account, const struct sb_policy *policy,
                       bool boundary);

#endif
