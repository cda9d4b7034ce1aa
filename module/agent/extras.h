/*
 * extras.h - policies of one's own: FOLDER/NAME.json for all roles of the account,
 * FOLDER/ROLE/NAME.json for those whose names ROLE matches. They are merged into each role's record
 * beside what IAM says, and never marked as AWS's.
 */
#ifndef SG_AGENT_EXTRAS_H
#define SG_AGENT_EXTRAS_H

#include "base/buffer.h"

struct sg_agent;
struct sg_agent_account;
struct sg_extras;
struct sg_reading;
struct sg_role;
struct inotify_event;

int sg_extras_open(struct sg_agent_account *account); /* nothing where there is no such folder */
void sg_extras_close(struct sg_agent_account *account);
/* Reads the folder; what it changed of roles is published. When the agent starts, and in rounds. */
void sg_extras_read(struct sg_agent_account *account);
void sg_extras_note(struct sg_agent_account *account, const struct inotify_event *event);
/* Reads the folder if sg_extras_note() has noticed something. */
void sg_extras_changed(struct sg_agent_account *account);

/* The role's into a reading of it, in `room`. SG_OK, SG_E_MEMORY. */
int sg_extras_join(struct sg_reading *reading, struct sg_buffer *room,
                   const struct sg_agent_account *account, const struct sg_role *role);
/* A reading with them was taken. */
void sg_extras_joined(const struct sg_agent_account *account, struct sg_role *role);

#endif
