/*
 * opaque_time.h - the time in a session token, where the configuration lets it count
 * (opaque_time = probed) and a probe of STS still holds.
 */
#ifndef SG_AGENT_OPAQUE_TIME_H
#define SG_AGENT_OPAQUE_TIME_H

#include "agent/agent.h"

/* Says of each issuer that has opaque_time until when it counts, or why not. */
void sg_opaque_time_open(struct sg_agent *agent);
/* Sets answer->issued_ms where STS has just vouched for `request` and its time counts. */
void sg_opaque_time_take(struct sg_identity_answer *answer, struct sg_agent *agent,
                         const struct sg_issuer *issuer, struct sg_text request);

#endif
