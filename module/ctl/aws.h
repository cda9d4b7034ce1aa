/*
 * aws.h - what subcommands that ask AWS need: where an account's IAM and STS are, and keys.
 */
#ifndef SG_CTL_AWS_H
#define SG_CTL_AWS_H

#include "aws/credentials.h"
#include "aws/http.h"
#include "ctl/ctl.h"

struct ctl_aws {
    struct sg_http *http;
    struct sg_provider *provider;
    struct sg_endpoint_place iam, sts;
};

#define CTL_AWS_DEADLINE_MS 90000 /* a credential_process may take a minute */

/*
 * as_agent: with the account's profile and role, as stsgated; else the caller's own keys. False
 * after saying why; close it in either case. The configuration must outlive it.
 */
bool ctl_aws_open(struct ctl_aws *aws, const struct sg_config *config,
                  const struct sg_account *account, bool as_agent);
void ctl_aws_close(struct ctl_aws *aws);

#endif
