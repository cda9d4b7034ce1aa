/*
 * tighten.c - what an event tells of a role, taken before a read confirms it. It may only add: must
 * never take a statement away, date one earlier, or pass an event's word for an answer of IAM.
 */
#include "agent/agent.h"

static bool holds(struct sg_text run, const struct sg_statement *wanted)
{
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (memcmp(statement->identity, wanted->identity, sizeof wanted->identity) == 0)
            return true;
    }
    return false;
}

/* A copy at the end of `all`; NULL: memory. */
static struct sg_statement *append(struct sg_buffer *all, const struct sg_statement *statement)
{
    const size_t begin = all->length;

    sg_buffer_add(all, statement, statement->size);
    /* malloc aligns the buffer, sizes are multiples of 8. */
    return all->failed ? NULL : (struct sg_statement *)(void *)(all->data + begin);
}

static void make_told(struct sg_statement *copy)
{
    copy->flags &= (uint16_t) ~(unsigned)(SG_STATEMENT_FROM_IAM | SG_STATEMENT_GONE_ONCE);
    copy->first_seen_ms = copy->last_seen_ms = 0;
}

/*
 * What the record holds, then what it lacks of `told`. What a read missed once and is told again is
 * as if it were told for the first time: two reads have to miss it anew. How many were added, or
 * -1: memory.
 */
static int join(struct sg_buffer *all, struct sg_text known, struct sg_text told)
{
    const unsigned gone = SG_STATEMENT_GONE_ONCE | SG_STATEMENT_RATCHETED;
    const struct sg_statement *statement;
    struct sg_statement *copy;
    size_t at = 0;
    int added = 0;

    while ((statement = sg_statement_next(known, &at)) != NULL) {
        copy = append(all, statement);
        if (copy == NULL)
            return -1;
        if ((copy->flags & gone) != SG_STATEMENT_GONE_ONCE || !holds(told, statement))
            continue;
        make_told(copy);
        added++;
    }
    for (at = 0; (statement = sg_statement_next(told, &at)) != NULL;) {
        if (holds(known, statement))
            continue;
        copy = append(all, statement);
        if (copy == NULL)
            return -1;
        make_told(copy);
        added++;
    }
    return added;
}

static int take(struct sg_agent_account *account, struct sg_role *role,
                const struct sg_record *previous, struct sg_text statements)
{
    struct sg_record record = *previous;
    struct sg_buffer packed = {0};

    record.statements = statements;
    if (!sg_record_write(&packed, &record))
        return packed.failed ? SG_E_MEMORY : SG_E_LIMIT;
    if (sg_role_take(&account->roles, role, &packed))
        account->dirty = true;
    sg_buffer_clear(&packed);
    return sg_publish_account(account);
}

int sg_account_tighten(struct sg_agent_account *account, struct sg_text name,
                       enum sg_policy_origin origin, struct sg_text policy_name,
                       struct sg_text document)
{
    struct sg_buffer told = {0}, all = {0};
    char key[SG_ROLE_NAME_MAX + 1], where[192];
    struct sg_record previous;
    struct sg_role *role = NULL;

    if (sg_role_name_fold(key, name))
        role = sg_roles_find(&account->roles, sg_text_of(key));
    if (role == NULL || !sg_role_record(&previous, role) || previous.state != SG_ROLE_PRESENT)
        return SG_E_ABSENT;
    int error = sg_policy_compile(&told, document, origin, policy_name, NULL);
    if (error == SG_OK) {
        const int added = join(&all, previous.statements, sg_buffer_text(&told));
        error = added < 0 ? SG_E_MEMORY : SG_OK;
        if (added > 0) {
            sg_log(&account->agent->log, SG_LOG_NOTICE, "%s revocation=told statements=%d",
                   sg_account_where(where, sizeof where, account, role->key), added);
            error = take(account, role, &previous, sg_buffer_text(&all));
        }
    }
    sg_buffer_clear(&told);
    sg_buffer_clear(&all);
    return error;
}
