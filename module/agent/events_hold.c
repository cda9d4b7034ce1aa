/*
 * events_hold.c - the race for a revocation: IAM takes seconds to enforce a Deny, and within them
 * the session that it is for may remove it again. Whoever removes a statement by a call that the
 * role's own statements deny him does it with a revoked session; what he removed is held, as with
 * `ratchet = on`, until an operator lifts it or no such session can be left. Must never hold what
 * somebody else removed.
 */
#include "agent/events_queue.h"
#include "agent/merge_tell.h"

#include <stdio.h>

#define KNOWN_KEYS 2

/* creationDate is cut to whole seconds. */
static struct sg_interval issued_of(const struct sg_event_session *actor)
{
    return (struct sg_interval){actor->issued_ms, actor->issued_ms + 999};
}

/* Would the statement have denied this very call, were it enforced at once? */
static bool denies(const struct sg_statement *statement, const struct sg_event *event,
                   struct sg_text target)
{
    const struct sg_text user_id = sg_text_of(event->actor.user_id);
    const struct sg_text principal = sg_text_of(event->actor.role_arn);
    const struct sg_context_entry entries[KNOWN_KEYS] = {
        {SG_TEXT("aws:userid"), SG_KEY_PRESENT, &user_id, 1},
        {SG_TEXT("aws:PrincipalArn"), SG_KEY_PRESENT, &principal, 1},
    };
    struct sg_context_list context = {entries, KNOWN_KEYS, SG_KEY_UNKNOWN};
    char action[64];

    (void)snprintf(action, sizeof action, "iam:%s", event->name);
    const struct sg_policy_request request = {
        .action = sg_text_of(action),
        .resource = target,
        .issued = issued_of(&event->actor),
        .now_ms = event->at_ms,
        .ask = sg_context_list_ask,
        .payload = &context,
    };
    const enum sg_match match = sg_statement_match(statement, &request);

    return match == SG_MATCH_YES || match == SG_MATCH_TIME_UNKNOWN;
}

/* By what is known of his own role, which need not be the one that he changed. */
static bool actor_is_revoked(const struct sg_agent_account *account, const struct sg_event *event,
                             struct sg_text target)
{
    const struct sg_statement *statement;
    char key[SG_ROLE_NAME_MAX + 1];
    struct sg_role_arn parts;
    struct sg_record record;
    size_t at = 0;

    if (event->actor.role_arn[0] == '\0' ||
        !sg_account_owns_role(account, &parts, sg_text_of(event->actor.role_arn)) ||
        !sg_role_name_fold(key, parts.name))
        return false;
    const struct sg_role *role = sg_roles_find(&account->roles, sg_text_of(key));
    if (role == NULL || !sg_role_record(&record, role))
        return false;
    while ((statement = sg_statement_next(record.statements, &at)) != NULL) {
        if (sg_statement_counts(statement) && denies(statement, event, target))
            return true;
    }
    return false;
}

static bool is_touched(const struct sg_statement *statement, const struct sg_event *event)
{
    const bool managed =
        event->kind == SG_EVENT_POLICY &&
        (statement->origin == SG_POLICY_ATTACHED || statement->origin == SG_POLICY_BOUNDARY);

    if (!event->touches || !sg_statement_counts(statement) ||
        (statement->flags & SG_STATEMENT_HELD) != 0)
        return false;
    return (statement->origin == event->origin || managed) &&
           (event->policy[0] == '\0' ||
            sg_text_equal(sg_statement_policy(statement), sg_text_of(event->policy)));
}

/* One that a read has missed already is kept from now on; others, should a read miss them. */
static void hold_statement(struct sg_statement *statement, const struct sg_event *event,
                           int64_t longest_ms)
{
    int64_t until_ms = statement->bites_before_ms;

    statement->flags |= SG_STATEMENT_HELD;
    if ((statement->flags & SG_STATEMENT_GONE_ONCE) == 0) {
        statement->last_seen_ms = event->at_ms; /* merge.c: a read may be that far behind */
        return;
    }
    if (until_ms > event->at_ms)
        until_ms = event->at_ms;
    if (__builtin_add_overflow(until_ms, longest_ms, &until_ms))
        until_ms = INT64_MAX;
    if ((statement->flags & SG_STATEMENT_RATCHETED) == 0 || until_ms > statement->kept_until_ms)
        statement->kept_until_ms = until_ms;
    statement->flags |= SG_STATEMENT_RATCHETED;
}

static unsigned hold_statements(struct sg_buffer *all, const struct sg_record *record,
                                const struct sg_event *event, int64_t longest_ms)
{
    const struct sg_statement *statement;
    unsigned held = 0;
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        const size_t begin = all->length;

        sg_buffer_add(all, statement, statement->size);
        if (all->failed || !is_touched(statement, event))
            continue;
        /* malloc aligns the buffer, sizes are multiples of 8. */
        hold_statement((struct sg_statement *)(void *)(all->data + begin), event, longest_ms);
        held++;
    }
    return all->failed ? 0 : held;
}

/* From which date to which, should nobody keep it: whoever is woken needs that as well. */
static void tell_held(const struct sg_agent_account *account, const char *where,
                      const struct sg_record *record, const struct sg_event *event)
{
    const struct sg_statement *statement;
    int64_t left_ms = SG_CUTOFF_NONE;
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        if (sg_statement_counts(statement) && !is_touched(statement, event) &&
            statement->cutoff_ms > left_ms)
            left_ms = statement->cutoff_ms;
    }
    for (at = 0; (statement = sg_statement_next(record->statements, &at)) != NULL;) {
        if (is_touched(statement, event))
            sg_merge_tell(&account->agent->log, SG_LOG_WARNING, where,
                          "held alarm=removed-by-a-revoked-session", statement->cutoff_ms, left_ms,
                          statement);
    }
}

static void hold_role(struct sg_events *events, struct sg_agent_account *account,
                      struct sg_role *role, const struct sg_event *event)
{
    struct sg_buffer all = {0}, packed = {0};
    struct sg_record record;
    char where[192];

    if (!sg_role_record(&record, role) || !actor_is_revoked(account, event, record.arn))
        return;
    const struct sg_record before = record;
    const unsigned held =
        hold_statements(&all, &record, event, account->config->longest_session_ms);
    (void)sg_account_where(where, sizeof where, account, role->key);
    record.statements = sg_buffer_text(&all);
    if (held > 0 && sg_record_write(&packed, &record)) {
        tell_held(account, where, &before, event);
        if (sg_account_take_packed(account, role, &packed) != SG_OK)
            goto out;
        events->held += held;
        sg_log(&account->agent->log, SG_LOG_WARNING,
               "%s alarm=removed-by-a-revoked-session call=%s policy=%s by=%s key=%s held=%u: kept "
               "as with ratchet = on; `stsgatectl lift` lets go",
               where, event->name, event->policy, event->actor.role_arn, event->actor.access_key_id,
               held);
        (void)sg_publish_account(account);
    }
out:
    sg_buffer_clear(&all);
    sg_buffer_clear(&packed);
}

/* ---- what was removed lately ---- */

static void note_removal(struct sg_events *events, const struct sg_agent_account *account,
                         const struct sg_event *event, const char *key)
{
    struct sg_removal *removal = &events->removed[events->removed_at];

    events->removed_at = (events->removed_at + 1) % SG_EVENTS_REMOVED;
    *removal = (struct sg_removal){.account = account,
                                   .kind = event->kind,
                                   .at_ms = event->at_ms,
                                   .origin = event->origin,
                                   .actor = event->actor};
    (void)sg_text_copy(removal->id, sizeof removal->id, sg_text_of(event->id));
    (void)sg_text_copy(removal->role, sizeof removal->role, sg_text_of(key));
    (void)sg_text_copy(removal->name, sizeof removal->name, sg_text_of(event->name));
    (void)sg_text_copy(removal->policy, sizeof removal->policy, sg_text_of(event->policy));
}

void sg_hold_touched(struct sg_events *events, struct sg_agent_account *account,
                     const struct sg_event *event)
{
    char key[SG_PRINCIPAL_KEY_MAX + 1];

    if (!event->touches || event->actor.role_arn[0] == '\0')
        return;
    if (event->kind == SG_EVENT_POLICY) {
        note_removal(events, account, event, "");
        for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
             role = sg_roles_next(&account->roles, role))
            hold_role(events, account, role, event);
        return;
    }
    if (!sg_principal_fold(key, sg_text_of(event->role)))
        return;
    note_removal(events, account, event, key);
    struct sg_role *role = sg_roles_find(&account->roles, sg_text_of(key));
    if (role != NULL)
        hold_role(events, account, role, event);
}

static bool may_remove(const struct sg_removal *removal, const struct sg_agent_account *account,
                       const struct sg_role *role, const struct sg_told_policy *told)
{
    if (removal->account != account || strcmp(removal->id, told->id) == 0 ||
        removal->at_ms < told->at_ms ||
        (removal->policy[0] != '\0' && !sg_text_equal(sg_text_of(removal->policy), told->policy)))
        return false;
    return removal->kind == SG_EVENT_POLICY
               ? told->origin == SG_POLICY_ATTACHED || told->origin == SG_POLICY_BOUNDARY
               : removal->origin == told->origin && strcmp(removal->role, role->key) == 0;
}

void sg_hold_late(struct sg_events *events, struct sg_agent_account *account, struct sg_role *role,
                  const struct sg_told_policy *told)
{
    for (size_t i = 0; i < SG_EVENTS_REMOVED; i++) {
        const struct sg_removal *removal = &events->removed[i];
        struct sg_event removing = {.kind = removal->kind, .touches = true};

        if (!may_remove(removal, account, role, told))
            continue;
        removing.origin = removal->origin;
        removing.at_ms = removal->at_ms;
        removing.actor = removal->actor;
        (void)sg_text_copy(removing.name, sizeof removing.name, sg_text_of(removal->name));
        (void)sg_text_copy(removing.policy, sizeof removing.policy, sg_text_of(removal->policy));
        hold_role(events, account, role, &removing);
    }
}
