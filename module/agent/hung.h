/*
 * hung.h - which managed policies hang on a role, and what they deny, as the last reads and events
 * have told: so that an event about such a policy reaches its roles at once. Only ever for
 * tightening; must never be passed for an answer of IAM.
 */
#ifndef SG_AGENT_HUNG_H
#define SG_AGENT_HUNG_H

#include "agent/managed.h"
#include "agent/roles.h"

/* Adds one to a list that is being made. */
void sg_hung_add(struct sg_buffer *list, enum sg_policy_origin origin, struct sg_text arn);
/* The whole list of a role, as it was read; wipes nothing that was known when memory ended. */
void sg_role_set_hung(struct sg_role *role, struct sg_buffer *list);
/* One more, on an event's word. */
void sg_role_add_hung(struct sg_role *role, enum sg_policy_origin origin, struct sg_text arn);
bool sg_role_has_hung(const struct sg_role *role, enum sg_policy_origin origin, struct sg_text arn);

/* Remembers what a policy denies, unless what is known of it is later (aws_ms). */
void sg_hung_remember(struct sg_managed_set *told, const struct sg_managed *managed,
                      int64_t now_boot_ms);
/* The same for all that a sweep has shown. */
void sg_hung_remember_all(struct sg_managed_set *told, const struct sg_managed_set *read,
                          int64_t now_boot_ms);

#endif
