/*
 * own.c - the issuer that is meant, and the keys of whoever runs the command: never the account's
 * profile. Must never print one.
 */
#include "ctl/own.h"

const struct sg_issuer *own_issuer(const struct ctl *ctl, const struct sg_config *config,
                                   const char *label)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (config->issuers[i].kind == SG_ISSUER_CALLER_IDENTITY &&
            strcmp(config->issuers[i].label, label) == 0)
            return &config->issuers[i];
    }
    ctl_error("there is no [issuer %s] with kind = aws-caller-identity in %s/stsgate.conf", label,
              ctl->folder);
    return NULL;
}

struct sg_text own_region(const struct sg_issuer *issuer, const char *region)
{
    if (region == NULL)
        region = issuer->account->region;
    return sg_text_of(region != NULL ? region : "us-east-1");
}

int own_keys(struct sg_credentials *keys, struct ctl_aws *aws)
{
    struct sg_provider_state state;

    if (sg_provider_run(aws->provider, CTL_AWS_DEADLINE_MS) != SG_OK) {
        sg_provider_state(&state, aws->provider);
        ctl_error("no AWS credentials: %s", state.trouble);
        return CTL_UNDECIDED;
    }
    if (sg_credentials_copy(keys, sg_provider_current(aws->provider)) != SG_OK) {
        ctl_error("out of memory");
        return CTL_UNDECIDED;
    }
    return CTL_YES;
}
