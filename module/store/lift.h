/*
 * lift.h - an operator's word that a ratchet may let go: a file in the state folder, which the tool
 * writes and the agent takes, at once or when it starts. It is authorised by where it lies: who may
 * write that folder (root, the agent's user) may write the store itself. It names statements, so
 * that it can't let go of one that the operator has not seen.
 */
#ifndef SG_STORE_LIFT_H
#define SG_STORE_LIFT_H

#include "policy/policy.h"

#define SG_LIFT_MAX_BYTES 65536

/* The file's name: `lift:LABEL:ROLE:`. Neither part can hold a colon, and NAME.new is none. */
void sg_lift_write_name(struct sg_buffer *out, struct sg_text label, struct sg_text role_key);
/* False: it is no such file's. */
bool sg_lift_read_name(struct sg_text *label, struct sg_text *role_key, struct sg_text name);

/* Its content: a line for each statement. */
void sg_lift_add(struct sg_buffer *content, const struct sg_statement *statement);
bool sg_lift_holds(struct sg_text content, const struct sg_statement *statement);

#endif
