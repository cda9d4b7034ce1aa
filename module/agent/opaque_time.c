/*
 * opaque_time.c - takes a session's issue time from its token, on STS's word: it has just answered
 * for that very token, and a probe of this month saw it refuse others whose time was altered. Must
 * never take one without both; whatever is in doubt leaves the time as unknown as it was.
 */
#include "agent/opaque_time.h"

#include "base/date.h"
#include "credential/caller_identity.h"
#include "credential/opaque.h"
#include "store/probe.h"

#include <stdlib.h>

static void find_probe(struct sg_probe_found *found, const struct sg_agent *agent,
                       const struct sg_issuer *issuer)
{
    sg_probe_find(found, agent->config->state, &agent->config->owners, issuer->account->partition,
                  issuer->account->sts_endpoint, sg_clock_wall_ms(agent->clock));
}

static void tell_off(const struct sg_agent *agent, const struct sg_issuer *issuer, const char *why)
{
    sg_log(&agent->log, SG_LOG_WARNING,
           "issuer=%s opaque_time=off: %s; run `stsgatectl probe --issuer %s` as root, with a "
           "fresh session",
           issuer->label, why, issuer->label);
}

void sg_opaque_time_open(struct sg_agent *agent)
{
    for (size_t i = 0; i < agent->config->issuer_count; i++) {
        const struct sg_issuer *issuer = &agent->config->issuers[i];
        struct sg_probe_found found;
        char date[SG_DATE_SIZE];

        if (!issuer->opaque_time || issuer->account == NULL)
            continue;
        find_probe(&found, agent, issuer);
        if (found.why != NULL)
            tell_off(agent, issuer, found.why);
        else
            sg_log(&agent->log, SG_LOG_NOTICE, "issuer=%s opaque_time=on until=%s", issuer->label,
                   sg_date_format(date, found.until_ms));
    }
}

/* The token's time, in ms; 0: it tells none that counts. */
static int64_t time_of(const struct sg_identity_answer *answer, struct sg_text token, unsigned type)
{
    struct sg_opaque opaque;
    int64_t issued_ms = 0;

    if (sg_opaque_read(&opaque, token) && opaque.type == type &&
        (opaque.account[0] == 0 || strcmp(opaque.account, answer->account) == 0))
        issued_ms = opaque.issued_s * 1000;
    sg_opaque_wipe(&opaque);
    return issued_ms;
}

void sg_opaque_time_take(struct sg_identity_answer *answer, struct sg_agent *agent,
                         const struct sg_issuer *issuer, struct sg_text request)
{
    struct sg_caller_identity *identity;
    struct sg_probe_found found;
    unsigned left_out;

    answer->issued_ms = 0;
    if (!issuer->opaque_time)
        return;
    find_probe(&found, agent, issuer);
    if (found.why != NULL) {
        if (sg_rated_tell(&agent->opaque_off, agent, &left_out))
            tell_off(agent, issuer, found.why);
        return;
    }
    identity = sg_alloc(1, sizeof *identity);
    if (identity == NULL)
        return;
    if (sg_identity_unpack(identity, request, issuer) == STSGATE_REASON_NONE)
        answer->issued_ms = time_of(answer, identity->sts.token, found.token_type);
    sg_identity_wipe(identity);
    free(identity);
}
