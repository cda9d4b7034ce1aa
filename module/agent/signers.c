/*
 * signers.c - who provides the keys that sign for an account: the chain of its profile, which
 * accounts share, and the role of its own that it may assume on top of it.
 */
#include "agent/agent.h"

#include <stdlib.h>

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The chain itself may ask STS (roles of profiles, web identities): what it sends there must not
 * reach another account's STS. */
static bool same_chain(const struct sg_account *a, const struct sg_account *b)
{
    return same_text(a->profile, b->profile) && same_text(a->partition, b->partition) &&
           same_text(a->endpoint, b->endpoint) && same_text(a->sts_endpoint, b->sts_endpoint) &&
           same_text(a->region, b->region) && a->fips == b->fips && a->dual_stack == b->dual_stack;
}

static int open_provider(struct sg_provider **provider, const struct sg_agent_account *account,
                         const struct sg_endpoint_options *sts)
{
    const struct sg_account *config = account->config;
    const struct sg_provider_options options = {
        .http = account->agent->http,
        .clock = account->agent->clock,
        .profile = config->profile,
        .sts = *sts,
        .log = &account->agent->log,
        .label = config->label,
    };

    return sg_provider_open(provider, &options);
}

/* The one that all accounts of that profile and STS start from. */
static int share(struct sg_provider **provider, const struct sg_agent_account *account,
                 const struct sg_endpoint_options *sts)
{
    struct sg_agent *agent = account->agent;

    for (const struct sg_signer *signer = agent->signers; signer != NULL; signer = signer->next) {
        if (same_chain(signer->config, account->config)) {
            *provider = signer->provider;
            return SG_OK;
        }
    }
    struct sg_signer *signer = sg_alloc(1, sizeof *signer);
    if (signer == NULL)
        return SG_E_MEMORY;
    const int error = open_provider(&signer->provider, account, sts);
    if (error != SG_OK) {
        free(signer);
        return error;
    }
    signer->config = account->config;
    signer->next = agent->signers;
    agent->signers = signer;
    *provider = signer->provider;
    return SG_OK;
}

int sg_signer_open(struct sg_agent_account *account, const struct sg_endpoint_options *sts)
{
    const struct sg_account *config = account->config;
    struct sg_provider *shared = NULL;
    const int error = share(&shared, account, sts);

    if (error != SG_OK)
        return error;
    account->provider = shared;
    if (config->assume_role == NULL)
        return SG_OK;
    const struct sg_provider_options options = {
        .http = account->agent->http,
        .clock = account->agent->clock,
        .sts = *sts,
        .assume_role = config->assume_role,
        .external_id = config->external_id,
        .session_name = config->session_name,
        .log = &account->agent->log,
        .label = config->label,
        .base = shared,
    };
    account->provider = NULL;
    account->own_provider = true;
    return sg_provider_open(&account->provider, &options);
}

void sg_signer_close(struct sg_agent_account *account)
{
    if (account->own_provider)
        sg_provider_close(account->provider);
    account->provider = NULL;
    account->own_provider = false;
    sg_credentials_clear(&account->iam.credentials);
    sg_credentials_clear(&account->sts.credentials);
}

void sg_signers_close(struct sg_agent *agent)
{
    while (agent->signers != NULL) {
        struct sg_signer *signer = agent->signers;

        agent->signers = signer->next;
        sg_provider_close(signer->provider);
        free(signer);
    }
}
