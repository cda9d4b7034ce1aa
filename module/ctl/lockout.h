/*
 * lockout.h - which roles a standing statement locks out of the services here, for check.c.
 */
#ifndef SG_CTL_LOCKOUT_H
#define SG_CTL_LOCKOUT_H

#include "ctl/ctl.h"

/*
 * One line each on standard output, or one object each into `list` when it is not NULL: role,
 * statement, why, and what to do. By the store as it is; an account that it does not hold is told
 * as a note into `notes` (NULL: printed).
 */
void ctl_lockouts(const struct sg_config *config, struct json_object *list,
                  struct json_object *notes);

#endif
