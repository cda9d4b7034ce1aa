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
    int error = SG_OK;

    record.statements = statements;
    if (!sg_record_write(&packed, &record))
        error = packed.failed ? SG_E_MEMORY : SG_E_LIMIT;
    else if (sg_role_take(&account->roles, role, &packed))
        account->dirty = true;
    sg_buffer_clear(&packed);
    return error;
}

int sg_account_tighten(struct sg_agent_account *account, struct sg_role *role, struct sg_text told)
{
    struct sg_buffer all = {0};
    struct sg_record previous;
    char where[192];

    if (!sg_role_record(&previous, role) || previous.state != SG_ROLE_PRESENT)
        return SG_E_ABSENT;
    const int added = join(&all, previous.statements, told);
    int error = added < 0 ? SG_E_MEMORY : SG_OK;
    if (added > 0) {
        sg_log(&account->agent->log, SG_LOG_NOTICE, "%s revocation=told statements=%d",
               sg_account_where(where, sizeof where, account, role->key), added);
        error = take(account, role, &previous, sg_buffer_text(&all));
    }
    sg_buffer_clear(&all);
    return error;
}
