/*
 * events_apply.c - what one message sets off: a role tightened and read anew, an account read anew,
 * an issue time noted. Must never loosen on an event's word, and never believe an event about an
 * account that this queue was not configured for.
 */
#include "agent/events_queue.h"
#include "base/json.h"
#include "store/issued.h"

#include <stdlib.h>

/* What a read does not show any more is looked for once more, as loosening needs it. */
#define AGAIN_MS 1000
/* Managed policies may change many times a minute: rounds for them leave IAM some peace. */
#define BETWEEN_MS 1000
/* Received so often, a message that can't be dealt with is deleted: not every queue has a redrive.
 */
#define GIVEN_UP 20

/* ---- messages that are waited for ---- */

/* account NULL: any but `other`. */
static struct sg_pending *find_pending(const struct sg_events *events, const char *id,
                                       const struct sg_agent_account *account,
                                       const struct sg_pending *other)
{
    struct sg_pending *pending = events->pending;

    while (pending != NULL && (pending == other || strcmp(pending->id, id) != 0 ||
                               (account != NULL && pending->account != account)))
        pending = pending->next;
    return pending;
}

void sg_pending_stop(struct sg_pending *pending)
{
    struct sg_events *events = pending->events;

    for (struct sg_pending **at = &events->pending; *at != NULL; at = &(*at)->next) {
        if (*at != pending)
            continue;
        *at = pending->next;
        events->pending_count--;
        break;
    }
    sg_reread_stop(&pending->reread);
    if (pending->reading)
        sg_managed_read_stop(&pending->read);
    sg_timer_stop(&events->agent->timers, &pending->timer);
    free(pending->handle);
    free(pending);
    sg_events_go_on(events);
}

static struct sg_pending *add_pending(struct sg_events *events, struct sg_agent_account *account,
                                      const char *role)
{
    struct sg_pending *pending = sg_alloc(1, sizeof *pending);

    if (pending == NULL)
        return NULL;
    pending->events = events;
    pending->account = account;
    (void)sg_text_copy(pending->role, sizeof pending->role, sg_text_of(role));
    pending->next = events->pending;
    events->pending = pending;
    events->pending_count++;
    return pending;
}

static bool was_seen(const struct sg_events *events, const char *id)
{
    for (size_t i = 0; i < SG_EVENTS_SEEN; i++) {
        if (strcmp(events->seen[i], id) == 0)
            return true;
    }
    return false;
}

static void note_seen(struct sg_events *events, const char *id)
{
    (void)sg_text_copy(events->seen[events->seen_at], sizeof events->seen[0], sg_text_of(id));
    events->seen_at = (events->seen_at + 1) % SG_EVENTS_SEEN;
}

/* ---- confirming ---- */

static void confirmed(struct sg_pending *pending)
{
    char *handle = pending->handle;

    if (handle != NULL && !pending->spoilt &&
        find_pending(pending->events, pending->id, NULL, pending) == NULL) {
        pending->handle = NULL;
        note_seen(pending->events, pending->id);
        sg_events_done(pending->events, handle);
    }
    sg_pending_stop(pending);
}

/* The message comes again, whatever the other accounts that it is about have read of it. */
static void spoil(struct sg_events *events, const char *id)
{
    for (struct sg_pending *at = events->pending; at != NULL; at = at->next) {
        if (strcmp(at->id, id) == 0)
            at->spoilt = true;
    }
}

static void not_confirmed(struct sg_pending *pending)
{
    spoil(pending->events, pending->id);
    sg_pending_stop(pending);
}

static bool misses_a_statement(const struct sg_pending *pending)
{
    const struct sg_statement *statement;
    char key[SG_PRINCIPAL_KEY_MAX + 1];
    struct sg_record record;
    size_t at = 0;

    if (!sg_principal_fold(key, sg_text_of(pending->role)))
        return false;
    const struct sg_role *role = sg_roles_find(&pending->account->roles, sg_text_of(key));
    if (role == NULL || !sg_role_record(&record, role))
        return false;
    while ((statement = sg_statement_next(record.statements, &at)) != NULL) {
        if ((statement->flags & SG_STATEMENT_GONE_ONCE) != 0)
            return true;
    }
    return false;
}

static void look_again(void *payload)
{
    struct sg_pending *pending = payload;

    if (sg_agent_reread_role(pending->account, sg_text_of(pending->role), &pending->reread) !=
        SG_OK)
        sg_pending_stop(pending);
}

static void looked_again(void *payload, int status)
{
    (void)status; /* the next round looks too */
    sg_pending_stop(payload);
}

static void look_later(struct sg_events *events, struct sg_agent_account *account, const char *role)
{
    struct sg_pending *pending = add_pending(events, account, role);

    if (pending == NULL)
        return;
    pending->reread.done = looked_again;
    pending->reread.payload = pending;
    sg_timer_set(&events->agent->timers, &pending->timer, sg_now_ms(events->agent) + AGAIN_MS,
                 look_again, pending);
}

static void was_read(void *payload, int status)
{
    struct sg_pending *pending = payload;

    if (status != SG_OK) {
        not_confirmed(pending);
        return;
    }
    if (misses_a_statement(pending))
        look_later(pending->events, pending->account, pending->role);
    confirmed(pending);
}

static void round_due(void *payload)
{
    sg_account_refresh(payload);
}

/* A round now, unless one has just been. */
static void begin_round(struct sg_agent_account *account)
{
    const int64_t now_ms = sg_now_ms(account->agent);
    int64_t at_ms = account->ended_boot_ms == 0 ? now_ms : account->ended_boot_ms + BETWEEN_MS;

    if (at_ms < now_ms)
        at_ms = now_ms;
    if (!account->in_round && (!account->timer.set || account->timer.at_ms > at_ms))
        sg_timer_set(&account->agent->timers, &account->timer, at_ms, round_due, account);
}

void sg_events_round_ended(struct sg_agent_account *account, bool good)
{
    struct sg_pending *next;
    bool more = false;

    for (struct sg_events *events = account->agent->events; events != NULL; events = events->next) {
        for (struct sg_pending *pending = events->pending; pending != NULL; pending = next) {
            next = pending->next;
            if (pending->account != account || pending->round == 0)
                continue;
            if (account->round < pending->round)
                more = true;
            else if (good)
                confirmed(pending);
            else
                not_confirmed(pending);
        }
    }
    if (more && good) /* else the pause that a failed round makes */
        begin_round(account);
}

/* ---- what an event says ---- */

/* The next account of that id that this queue is configured for, after `account`; NULL: the first.
 */
static struct sg_agent_account *next_account(const struct sg_events *events,
                                             const struct sg_event *event,
                                             const struct sg_agent_account *account)
{
    struct sg_agent *agent = events->agent;

    for (size_t i = account == NULL ? 0 : (size_t)(account - agent->accounts) + 1;
         i < agent->account_count; i++) {
        const struct sg_account *config = agent->accounts[i].config;

        if (config->events_queue != NULL && strcmp(config->events_queue, events->queue.url) == 0 &&
            strcmp(config->id, event->account) == 0)
            return &agent->accounts[i];
    }
    return NULL;
}

/* Notes when a session of one of this account's roles was issued; others' are not ours to note. */
static bool note_session(struct sg_events *events, const struct sg_agent_account *account,
                         const struct sg_event_session *session)
{
    struct sg_agent *agent = events->agent;
    struct sg_problems problems = {0};
    struct sg_role_arn parts;
    char key[SG_ROLE_NAME_MAX + 1];

    if (session->role_arn[0] == '\0' ||
        !sg_account_owns_role(account, &parts, sg_text_of(session->role_arn)) ||
        !sg_role_name_fold(key, parts.name))
        return true;
    const int error =
        sg_store_issue(agent->writer, account->config->origin, sg_text_of(session->access_key_id),
                       sg_text_of(key), session->issued_ms,
                       sg_clock_wall_ms(agent->clock) + account->iam.clock_offset_ms, &problems);
    sg_log_problems(agent, SG_LOG_ERROR, account->config->label, &problems);
    events->sessions += error == SG_OK;
    return error == SG_OK || error == SG_E_INVALID;
}

static struct sg_role *known_role(const struct sg_agent_account *account, const char *name)
{
    char key[SG_PRINCIPAL_KEY_MAX + 1];

    return sg_principal_fold(key, sg_text_of(name))
               ? sg_roles_find(&account->roles, sg_text_of(key))
               : NULL;
}

static void policy_was_read(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_pending *pending = payload;
    const struct sg_managed *managed = pending->read.managed;

    pending->reading = false;
    if (answer->outcome != SG_IAM_OK || !managed->known)
        return; /* the round will tell */
    sg_hung_remember(&pending->account->told, managed, sg_now_ms(pending->events->agent));
    sg_events_tell_policy(pending->events, pending->account, managed, pending->id, pending->at_ms);
}

/* A round may take long, in a large account; the one policy is read first. */
static void read_policy(struct sg_pending *pending, const struct sg_event *event)
{
    struct sg_agent_account *account = pending->account;
    const struct sg_text arn = sg_text_of(event->policy);
    struct sg_managed *managed = sg_managed_find(&account->managed, arn);

    if (managed != NULL)
        managed->read_boot_ms = 0; /* what was read of it is not recent any more */
    if (event->document.length > 0 || !sg_events_hangs(account, arn))
        return;
    managed = sg_managed_add(&account->managed, arn);
    if (managed == NULL)
        return;
    pending->reading = true;
    sg_managed_read_start(&pending->read, account, managed, policy_was_read, pending);
}

static bool wait_for_read(struct sg_events *events, struct sg_agent_account *account,
                          const struct sg_event *event, const struct sg_sqs_message *message)
{
    struct sg_pending *pending = add_pending(events, account, event->role);

    if (pending == NULL)
        return false;
    (void)sg_text_copy(pending->id, sizeof pending->id, sg_text_of(event->id));
    pending->handle = sg_text_dup(message->handle);
    pending->at_ms = event->at_ms;
    pending->reread.done = was_read;
    pending->reread.payload = pending;
    if (event->kind != SG_EVENT_ROLE || known_role(account, event->role) == NULL) {
        /* A round under way, or a read that the next one joins, may have read it before. */
        pending->round = account->round + (account->running > 0 ? 2 : 1);
        if (event->kind == SG_EVENT_POLICY)
            read_policy(pending, event);
        begin_round(account);
        return true;
    }
    if (sg_agent_reread_role(account, sg_text_of(event->role), &pending->reread) == SG_OK)
        return true;
    not_confirmed(pending);
    return false;
}

/* True: nothing has to be read for it. */
static bool take_change(struct sg_events *events, struct sg_agent_account *account,
                        const struct sg_event *event, const struct sg_sqs_message *message)
{
    struct sg_role *role = event->kind == SG_EVENT_ROLE ? known_role(account, event->role) : NULL;

    /* Nobody asked for that role: whoever does has it read then. But a sweep under way may have
     * passed it before the change, and will take it for fresh. */
    if (event->kind == SG_EVENT_ROLE && role == NULL) {
        if (account->sweep != NULL)
            (void)wait_for_read(events, account, event, message);
        return account->sweep == NULL;
    }
    if (event->kind == SG_EVENT_GROUP && !account->config->users)
        return true;
    sg_hold_touched(events, account, event);
    if (event->kind != SG_EVENT_GROUP)
        sg_events_tell(events, account, event, role);
    events->applied++;
    if (event->kind == SG_EVENT_MADE)
        return true;
    (void)wait_for_read(events, account, event, message);
    return false;
}

/* ---- one message ---- */

static void tell_malformed(struct sg_events *events, const struct sg_sqs_message *message,
                           const char *why)
{
    unsigned left_out;
    char id[48];

    events->malformed++;
    if (!sg_text_copy(id, sizeof id, message->id))
        id[0] = '\0';
    if (sg_rated_tell(&events->malformed_told, events->agent, &left_out))
        sg_log(&events->agent->log, SG_LOG_WARNING,
               "account=%s events-queue=malformed message=%s received=%llu others=%u problem=%s; "
               "it is left to the queue's redrive",
               events->account->config->label, id, (unsigned long long)message->receive_count,
               left_out, why);
}

/* Only the last receipt's handle is sure to delete the message. */
static void take_handle(struct sg_events *events, const struct sg_event *event,
                        const struct sg_sqs_message *message)
{
    for (struct sg_pending *at = events->pending; at != NULL; at = at->next) {
        char *handle = strcmp(at->id, event->id) == 0 ? sg_text_dup(message->handle) : NULL;

        if (handle == NULL)
            continue;
        free(at->handle);
        at->handle = handle;
        at->spoilt = false; /* whoever could not confirm it begins anew with this receipt */
    }
}

/* True: as far as this account goes, the message may be deleted now. */
static bool take_for(struct sg_events *events, struct sg_agent_account *account,
                     const struct sg_event *event, const struct sg_sqs_message *message)
{
    if (find_pending(events, event->id, account, NULL) != NULL) {
        events->duplicate++;
        return false;
    }
    (void)note_session(events, account, &event->actor);
    if (event->kind == SG_EVENT_SESSION)
        return note_session(events, account, &event->issued);
    return take_change(events, account, event, message);
}

static bool take_event(struct sg_events *events, const struct sg_event *event,
                       const struct sg_sqs_message *message)
{
    struct sg_agent_account *account = next_account(events, event, NULL);
    bool done = true, lost = false;

    if (event->kind == SG_EVENT_NONE)
        return true;
    if (account == NULL) {
        events->foreign++;
        return true;
    }
    if (was_seen(events, event->id)) {
        events->duplicate++;
        return true;
    }
    take_handle(events, event, message);
    for (; account != NULL; account = next_account(events, event, account)) {
        if (take_for(events, account, event, message))
            continue;
        done = false;
        lost = lost || find_pending(events, event->id, account, NULL) == NULL;
    }
    if (lost)
        spoil(events, event->id);
    return done;
}

void sg_events_take(struct sg_events *events, const struct sg_sqs_message *message)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    char why[96] = "";
    bool done = false;

    const int error = sg_event_read(&event, message->body, why, sizeof why);
    if (error == SG_OK)
        done = take_event(events, &event, message);
    else if (error == SG_E_INVALID)
        tell_malformed(events, message, why);
    sg_event_clear(&event);
    if (done || (message->receive_count >= GIVEN_UP && error == SG_E_INVALID))
        sg_events_done(events, sg_text_dup(message->handle));
}
