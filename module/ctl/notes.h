/*
 * notes.h - what is no mistake of the configuration but should be known before anything is
 * enforced.
 */
#ifndef SG_CTL_NOTES_H
#define SG_CTL_NOTES_H

#include "ctl/ctl.h"

/* Adds each to `notes`; NULL: prints it. */
void ctl_notes(const struct sg_config *config, struct json_object *notes);

#endif
