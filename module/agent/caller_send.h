/*
 * caller_send.h - a signed request on its way to AWS, built from its parts.
 */
#ifndef SG_AGENT_CALLER_SEND_H
#define SG_AGENT_CALLER_SEND_H

#include "aws/http.h"
#include "credential/caller_identity.h"

/* `request` is what sg_identity_pack() made. SG_OK and a call later; or a negative error and none.
 */
int sg_caller_send(struct sg_http_transfer **transfer, struct sg_http *http,
                   const struct sg_issuer *issuer, struct sg_text request,
                   struct sg_http_done done);
/* Its companion; SG_E_ABSENT: it has none. */
int sg_caller_send_companion(struct sg_http_transfer **transfer, struct sg_http *http,
                             const struct sg_issuer *issuer, struct sg_text request,
                             struct sg_http_done done);

#endif
