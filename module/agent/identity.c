/*
 * identity.c - whose keys sign. With keys of another account GetRole finds no role, and each would
 * look deleted: no such answer may be believed before it is known whose keys got it. What shows a
 * role of the account itself needs no such proof.
 */
#include "agent/agent.h"

bool sg_identity_known(const struct sg_agent_account *account, const char *key_id)
{
    /* A self-hosted IAM without account ids has nobody to ask, nor another account to confuse. */
    return account->config->id[0] == '\0' ||
           (key_id[0] != '\0' && strcmp(account->own_key, key_id) == 0);
}

void sg_identity_shown(struct sg_agent_account *account, const char *key_id)
{
    (void)sg_text_copy(account->own_key, sizeof account->own_key, sg_text_of(key_id));
}

void sg_identity_wrong(struct sg_agent_account *account, const char *key_id, const char *other)
{
    sg_health_bad(&account->health,
                  "the keys belong to another account: STS says %s, and [account %s] has id = %s",
                  other, account->config->label, account->config->id);
    account->own_key[0] = '\0';
    if (strcmp(account->wrong_key, key_id) == 0)
        return;
    (void)sg_text_copy(account->wrong_key, sizeof account->wrong_key, sg_text_of(key_id));
    sg_log(&account->agent->log, SG_LOG_ERROR,
           "account=%s alarm=wrong-account: %s; nothing that "
           "they show is believed",
           account->config->label, account->health.trouble);
}
