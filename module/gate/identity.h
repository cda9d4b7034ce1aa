/*
 * identity.h - private to module/gate: signed GetCallerIdentity requests, which only AWS can
 * verify. A reader asks the agent and remembers what it was told: who it is in the credential
 * cache, a refusal here. Never a verdict, and never the request itself once it was sent.
 */
#ifndef SG_GATE_IDENTITY_H
#define SG_GATE_IDENTITY_H

#include "base/buffer.h"
#include "gate/cache.h"
#include "store/ask.h"

struct sg_check;

#define SG_TOLD_SLOTS STSGATE_MAX_WAITING

/* What a question was about: kept beside it until it is answered. No secret is in it. */
struct sg_asked {
    struct sg_cache_key key;
    size_t issuer; /* index in the configuration */
    int64_t date_ms;
    char access_key_id[24];
};

struct sg_identities {
    /* The request of the latest check that was undecided, ready to be sent: a secret. */
    struct sg_buffer request;
    struct sg_asked asked;
    /* What was refused of late, or could not be found out: the oldest makes room. */
    struct sg_told {
        struct sg_cache_key key;
        enum stsgate_reason reason;
        int64_t until_boot_ms; /* 0: free */
    } told[SG_TOLD_SLOTS];
    size_t next_told;
};

void sg_identities_close(struct sg_identities *identities);

/* identity.c: the credential, when it is a signed request: what is wrong with it offline, what the
 * agent told of it before, or identity-pending and a request that stsgate_ask() sends. */
enum stsgate_reason sg_check_caller_identity(struct sg_check *check);
/* Sends the question of `result`. STSGATE_E_ARGUMENT: another request was checked since. */
int sg_identity_ask(struct stsgate_reader *reader, const struct sg_question *question,
                    const struct stsgate_result *result, void *payload);
/* The agent's answer, checked; for struct sg_questions. */
void sg_identity_told(void *reader, const struct sg_asked *asked,
                      const struct sg_identity_answer *answer);

/* identity_rules.c: the role's path, which STS does not tell, from its record. role-pending,
 * cutoffs-unavailable, or NONE. */
enum stsgate_reason sg_check_role_path(struct sg_check *check);
/* Was it uncertain, and is the session's exact issue time known by now? Then decide again. */
bool sg_check_narrow(struct sg_check *check, enum stsgate_reason reason);
/* What a companion that AWS denied makes of `reason`. */
enum stsgate_reason sg_check_companion(const struct sg_check *check, enum stsgate_reason reason);

#endif
