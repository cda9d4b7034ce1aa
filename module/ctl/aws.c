/*
 * aws.c - connects a subcommand to AWS as the configuration says: the same endpoints, proxy and
 * authorities as the agent's.
 */
#include "ctl/aws.h"

static bool place(struct sg_endpoint_place *where, const struct sg_endpoint_options *options,
                  const struct sg_account *account)
{
    struct sg_problems problems = {0};

    if (sg_endpoint_place(where, options, &problems) == SG_OK)
        return true;
    ctl_print_problems(&problems);
    ctl_error("[account %s]: it is not known where to ask", account->label);
    return false;
}

bool ctl_aws_open(struct ctl_aws *aws, const struct sg_config *config,
                  const struct sg_account *account, bool as_agent)
{
    const struct sg_http_settings settings = {.proxy = config->proxy,
                                              .ca_bundle = config->ca_bundle};
    struct sg_endpoint_options at = {
        .service = SG_AWS_IAM,
        .partition = account->partition,
        .endpoint = account->endpoint,
        .region = account->region,
        .fips = account->fips,
        .dual_stack = account->dual_stack,
        .environment = config->environment_endpoints,
        .profile = as_agent ? account->profile : NULL,
    };

    *aws = (struct ctl_aws){.http = NULL};
    if (!place(&aws->iam, &at, account))
        return false;
    at.service = SG_AWS_STS;
    if (account->sts_endpoint != NULL)
        at.endpoint = account->sts_endpoint;
    if (!place(&aws->sts, &at, account))
        return false;
    if (sg_http_open(&aws->http) != SG_OK || sg_http_configure(aws->http, &settings) != SG_OK) {
        ctl_error("out of memory");
        return false;
    }
    const struct sg_provider_options options = {
        .http = aws->http,
        .clock = &sg_clock_system,
        .profile = as_agent ? account->profile : NULL,
        .sts = at,
        .assume_role = as_agent ? account->assume_role : NULL,
        .external_id = account->external_id,
        .session_name = account->session_name,
    };
    if (sg_provider_open(&aws->provider, &options) == SG_OK)
        return true;
    ctl_error("out of memory");
    return false;
}

void ctl_aws_close(struct ctl_aws *aws)
{
    sg_provider_close(aws->provider);
    sg_http_close(aws->http);
    *aws = (struct ctl_aws){.http = NULL};
}
