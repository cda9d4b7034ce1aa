/*
 * arn.h - Amazon Resource Names, as far as sessions need them. Parsing only
 * borrows: the parts point into the text given.
 */
#ifndef SG_SESSION_ARN_H
#define SG_SESSION_ARN_H

#include "base/text.h"

#define SG_ARN_MAX       639 /* longest role ARN: 512 path + 64 name + what stands before */
#define SG_ROLE_NAME_MAX 64  /* IAM API reference, CreateRole */
#define SG_ROLE_PATH_MAX 512 /* and of users the same: CreateUser */

/* What records are found by: a role's case-folded name; a user's behind `user/`, which no role's
 * name can hold. */
#define SG_USER_KEY_PREFIX   "user/"
#define SG_PRINCIPAL_KEY_MAX (SG_ROLE_NAME_MAX + 5)

struct sg_role_arn {
    struct sg_text partition; /* "aws" */
    struct sg_text account;   /* 12 digits; empty for a self-hosted IAM whose ARNs have none */
    struct sg_text path;      /* "/" or "/team/x/": with both slashes */
    struct sg_text name;      /* [\w+=,.@-]{1,64} */
    bool user;                /* it is an IAM user's */
};

/*
 * arn:PARTITION:iam::ACCOUNT:role/PATH/NAME. Refuses anything else: other services, assumed-role
 * ARNs, wildcards, empty path elements, bytes outside IAM's alphabets, an account that is neither
 * 12 digits nor (allow_no_account) empty.
 */
bool sg_role_arn_parse(struct sg_role_arn *arn, struct sg_text text, bool allow_no_account);

/* arn:PARTITION:iam::ACCOUNT:user/PATH/NAME: the same grammar, and no role's ARN. */
bool sg_user_arn_parse(struct sg_role_arn *arn, struct sg_text text);

/* arn:PARTITION:sts::ACCOUNT:assumed-role/NAME/SESSION. No path: STS drops it. */
bool sg_assumed_role_arn_parse(struct sg_role_arn *arn, struct sg_text *session_name,
                               struct sg_text text, bool allow_no_account);

/* [\w+=,.@-]{2,64} (STS API reference, RoleSessionName) */
bool sg_session_name_valid(struct sg_text name);
bool sg_account_id_valid(struct sg_text id);       /* 12 digits */
bool sg_partition_valid(struct sg_text partition); /* [a-z][a-z0-9-]{0,31}: "aws", "aws-cn" */

/*
 * IAM role names are unique without regard to case: the form that keys use. Fails, and folded is
 * empty, for what is no role name.
 */
bool sg_role_name_fold(char folded[static SG_ROLE_NAME_MAX + 1], struct sg_text name);

/* The key of a role, or of an IAM user; user names are of the same alphabet, and unique in the same
 * way. Fails, and key is empty, for what is no such name. */
bool sg_principal_key(char key[static SG_PRINCIPAL_KEY_MAX + 1], bool user, struct sg_text name);
/* The same of a name as people write it: a role's, or `user/` and a user's. */
bool sg_principal_fold(char key[static SG_PRINCIPAL_KEY_MAX + 1], struct sg_text name);
bool sg_key_is_user(const char *key);
/* The folded name alone. */
const char *sg_key_name_of(const char *key);

#endif
