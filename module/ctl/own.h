/*
 * own.h - what login-token and probe share: the issuer that is meant, and the caller's own keys.
 */
#ifndef SG_CTL_OWN_H
#define SG_CTL_OWN_H

#include "ctl/aws.h"

/* The [issuer LABEL] of kind aws-caller-identity, or NULL after saying that there is none. */
const struct sg_issuer *own_issuer(const struct ctl *ctl, const struct sg_config *config,
                                   const char *label);
/* The region to sign for: the one given, else the account's, else us-east-1. */
struct sg_text own_region(const struct sg_issuer *issuer, const char *region);
/* The caller's own keys from an open `aws`, long-term ones or a session's. CTL_YES, or
 * CTL_UNDECIDED after saying why not. */
int own_keys(struct sg_credentials *keys, struct ctl_aws *aws);

#endif
