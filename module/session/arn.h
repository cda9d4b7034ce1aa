/*
 * arn.h - Amazon Resource Names, as far as sessions need them. Parsing only
 * borrows: the parts point into the text given.
 */
#ifndef SG_SESSION_ARN_H
#define SG_SESSION_ARN_H

#include "base/text.h"

#define SG_ARN_MAX       639 /* longest role ARN: 512 path + 64 name + what stands before */
#define SG_ROLE_NAME_MAX 64  /* IAM API reference, CreateRole */
#define SG_ROLE_PATH_MAX 512

struct sg_role_arn {
    struct sg_text partition; /* "aws" */
    struct sg_text account;   /* 12 digits; empty for a self-hosted IAM whose ARNs have none */
    struct sg_text path;      /* "/" or "/team/x/": with both slashes */
    struct sg_text name;      /* [\w+=,.@-]{1,64} */
};

/*
 * arn:PARTITION:iam::ACCOUNT:role/PATH/NAME. Refuses anything else: other services, assumed-role
 * ARNs, wildcards, empty path elements, bytes outside IAM's alphabets, an account that is neither
 * 12 digits nor (allow_no_account) empty.
 */
bool sg_role_arn_parse(struct sg_role_arn *arn, struct sg_text text, bool allow_no_account);

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

#endif
