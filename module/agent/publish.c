/*
 * publish.c - from the agent's memory to the store and, at the start, back. A table is written only
 * when its bytes changed; else the stamp alone moves.
 */
#include "agent/agent.h"

#include <stdlib.h>

/* ---- accounts ---- */

static int put_roles(struct sg_table *table, const struct sg_agent_account *account)
{
    const struct sg_text partition = sg_text_of(account->config->partition);
    const struct sg_text id = sg_text_of(account->config->id);
    struct sg_record record;

    for (const struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        if (!sg_role_record(&record, role))
            continue;
        const int error = sg_table_put_role(table, partition, id, sg_text_of(role->key), &record);
        if (error != SG_OK)
            return error;
    }
    return SG_OK;
}

int sg_publish_account(struct sg_agent_account *account)
{
    struct sg_agent *agent = account->agent;
    struct sg_problems problems = {0};
    struct sg_table *table = NULL;

    if (!account->dirty && account->published)
        return SG_OK;
    int error = sg_table_begin_account(&table, agent->writer, sg_text_of(account->config->label),
                                       &problems);
    if (error == SG_OK) {
        error = put_roles(table, account);
        if (error == SG_OK)
            error = sg_table_commit(table, NULL, 0);
        else
            sg_table_abandon(table);
    }
    if (error == SG_OK) {
        account->dirty = false;
        account->published = true;
    } else {
        sg_log(&agent->log, SG_LOG_ERROR, "account=%s problem=the store can't be written (%d)",
               account->config->label, error);
    }
    sg_log_problems(agent, SG_LOG_ERROR, account->config->label, &problems);
    return error;
}

void sg_publish_stamp(struct sg_agent *agent, enum sg_slot_kind kind, const char *label,
                      const struct sg_complete *complete)
{
    if (sg_store_stamp(agent->writer, kind, sg_text_of(label), complete) != SG_OK)
        sg_log(&agent->log, SG_LOG_ERROR, "label=%s problem=the store can't be stamped", label);
}

/* ---- keys ---- */

static int put_keys(struct sg_table *table, const struct sg_agent *agent)
{
    for (size_t i = 0; i < agent->issuer_count; i++) {
        const struct sg_agent_issuer *issuer = &agent->issuers[i];
        struct sg_text rest = sg_buffer_text(&issuer->keys), kid, key;

        while (sg_issuer_next_key(&kid, &key, &rest)) {
            const int error = sg_table_put_key(table, sg_text_of(issuer->config->label), kid, key);
            if (error != SG_OK)
                return error;
        }
    }
    return SG_OK;
}

int sg_publish_keys(struct sg_agent *agent, const struct sg_agent_issuer *changed)
{
    const struct sg_text label = sg_text_of(changed->config->label);
    struct sg_problems problems = {0};
    struct sg_table *table = NULL;

    int error = sg_table_begin_keys(&table, agent->writer, &problems);
    if (error == SG_OK) {
        error = put_keys(table, agent);
        if (error == SG_OK)
            error = sg_table_commit(table, &label, 1);
        else
            sg_table_abandon(table);
    }
    if (error != SG_OK)
        sg_log(&agent->log, SG_LOG_ERROR, "issuer=%s problem=the store can't be written (%d)",
               changed->config->label, error);
    sg_log_problems(agent, SG_LOG_ERROR, changed->config->label, &problems);
    return error;
}

/* ---- what an earlier run left ---- */

static bool load_role(void *payload, struct sg_text partition, struct sg_text id,
                      struct sg_text role_key, const struct sg_record *record)
{
    struct sg_agent_account *account = payload;
    struct sg_buffer packed = {0};

    (void)partition; /* part of the origin */
    (void)id;
    /* Nobody lets users of it in any more: they would not be read, and must not look as if. */
    if (sg_text_starts(role_key, SG_TEXT(SG_USER_KEY_PREFIX)) && !account->config->users) {
        account->dirty = true;
        return true;
    }
    /* Gone under a spelling that is not known any more: whoever comes with one asks anew. */
    if (record->state == SG_ROLE_DELETED && record->arn.length == 0) {
        account->dirty = true;
        return true;
    }
    struct sg_role *role = sg_roles_add(&account->roles, role_key);
    if (role == NULL || !sg_record_write(&packed, record)) {
        sg_buffer_clear(&packed);
        return false;
    }
    role->deleted_boot_ms = sg_now_ms(account->agent);
    (void)sg_role_take(&account->roles, role, &packed);
    return true;
}

static bool load_key(void *payload, struct sg_text kid, struct sg_text key)
{
    struct sg_agent_issuer *issuer = payload;

    issuer->key_count++;
    return sg_issuer_add_key(&issuer->keys, kid, key);
}

static void load_account(struct sg_agent_account *account, struct sg_store *store)
{
    struct sg_agent *agent = account->agent;
    struct sg_slot *slot =
        sg_store_slot(store, SG_SLOT_ACCOUNT, sg_text_of(account->config->label));
    struct sg_stamp stamp = {0};

    if (slot == NULL)
        return;
    sg_store_refresh(store, slot, sg_now_ms(agent), &stamp);
    /* Of another origin: of what this label was before. A first table takes its place. */
    if (stamp.generation == 0 || stamp.origin != account->config->origin)
        return;
    account->published = sg_store_each_role(store, slot, load_role, account) == SG_OK;
    /* A daemon that was started anew is not a machine that was: gateways go on by the old stamp. */
    if (account->published && stamp.this_boot && stamp.complete_boot_ms > 0) {
        account->complete_boot_ms = stamp.complete_boot_ms;
        account->complete_aws_ms = stamp.complete_aws_ms;
    }
}

static void load_issuer(struct sg_agent_issuer *issuer, struct sg_store *store)
{
    struct sg_slot *slot = sg_store_slot(store, SG_SLOT_ISSUER, sg_text_of(issuer->config->label));
    struct sg_stamp stamp = {0};

    if (slot == NULL)
        return;
    sg_store_refresh(store, slot, sg_now_ms(issuer->agent), &stamp);
    if (stamp.generation == 0)
        return;
    if (sg_store_each_key(store, slot, load_key, issuer) != SG_OK) {
        sg_buffer_clear(&issuer->keys);
        issuer->key_count = 0;
    }
}

void sg_publish_load(struct sg_agent *agent)
{
    struct sg_problems problems = {0};
    struct sg_store *store = NULL;

    if (sg_store_open(&store, agent->config->state, &agent->config->owners, agent->clock,
                      &agent->log, &problems) == SG_OK) {
        for (size_t i = 0; i < agent->account_count; i++)
            load_account(&agent->accounts[i], store);
        for (size_t i = 0; i < agent->issuer_count; i++)
            load_issuer(&agent->issuers[i], store);
        sg_store_close(store);
    }
    sg_log_problems(agent, SG_LOG_WARNING, agent->config->state, &problems);
}
