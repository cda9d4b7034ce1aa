/*
 * The handlers of the Query protocol's actions. 0 with call->result set or not, or -1 with the
 * error recorded. The caller is authenticated; authorised too, where actions.c says so.
 */
#ifndef SB_ACTIONS_H
#define SB_ACTIONS_H

struct sb_call;

/* sts.c, token.c */
int sb_assume_role(struct sb_call *call);
int sb_get_caller_identity(struct sb_call *call);
int sb_get_web_identity_token(struct sb_call *call);

/* iam_roles.c */
int sb_create_role(struct sb_call *call);
int sb_get_role(struct sb_call *call);
int sb_list_roles(struct sb_call *call);
int sb_update_role(struct sb_call *call);
int sb_update_trust(struct sb_call *call);
int sb_delete_role(struct sb_call *call);
int sb_enable_federation(struct sb_call *call);
int sb_disable_federation(struct sb_call *call);
int sb_get_federation(struct sb_call *call);

/* iam_inline.c */
int sb_put_role_policy(struct sb_call *call);
int sb_get_role_policy(struct sb_call *call);
int sb_list_role_policies(struct sb_call *call);
int sb_delete_role_policy(struct sb_call *call);

/* iam_managed.c */
int sb_create_policy(struct sb_call *call);
int sb_create_policy_version(struct sb_call *call);
int sb_set_default_policy_version(struct sb_call *call);
int sb_get_policy(struct sb_call *call);
int sb_get_policy_version(struct sb_call *call);
int sb_delete_policy(struct sb_call *call);
int sb_attach_role_policy(struct sb_call *call);
int sb_detach_role_policy(struct sb_call *call);
int sb_list_attached(struct sb_call *call);
int sb_put_boundary(struct sb_call *call);
int sb_delete_boundary(struct sb_call *call);

/* iam_users.c */
int sb_create_user(struct sb_call *call);
int sb_get_user(struct sb_call *call);
int sb_delete_user(struct sb_call *call);
int sb_create_access_key(struct sb_call *call);
int sb_delete_access_key(struct sb_call *call);
int sb_create_group(struct sb_call *call);
int sb_add_to_group(struct sb_call *call);
int sb_remove_from_group(struct sb_call *call);
int sb_list_groups_for_user(struct sb_call *call);
int sb_put_user_boundary(struct sb_call *call);
/* of users and groups */
int sb_put_bag_policy(struct sb_call *call);
int sb_get_bag_policy(struct sb_call *call);
int sb_delete_bag_policy(struct sb_call *call);
int sb_list_bag_policies(struct sb_call *call);
int sb_attach_bag_policy(struct sb_call *call);
int sb_detach_bag_policy(struct sb_call *call);
int sb_list_bag_attached(struct sb_call *call);

/* sts_users.c */
int sb_get_session_token(struct sb_call *call);
int sb_get_federation_token(struct sb_call *call);

/* iam_details.c */
int sb_get_details(struct sb_call *call);

#endif
