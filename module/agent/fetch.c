/*
 * fetch.c - one role by itself, asked for by a gateway, by a round of an on-demand account, or
 * because a sweep did not show it. Whoever asks for a role that is being read joins that read; so
 * many run at once and no more.
 */
#include "agent/fetch.h"

#include <stdlib.h>

#define RUNNING_MAX 4   /* reads at once, of one account */
#define ASKED_MAX   256 /* reads that gateways wait for */

static void pump(struct sg_agent_account *account);

/* ---- who waits for a read that begins after he asked ---- */

static void link_reread(struct sg_reread **list, struct sg_reread *reread)
{
    reread->next = *list;
    reread->at = list;
    if (reread->next != NULL)
        reread->next->at = &reread->next;
    *list = reread;
}

void sg_reread_stop(struct sg_reread *reread)
{
    if (reread->at == NULL)
        return;
    *reread->at = reread->next;
    if (reread->next != NULL)
        reread->next->at = reread->at;
    reread->next = NULL;
    reread->at = NULL;
}

static void move_rereads(struct sg_reread **to, struct sg_reread **from)
{
    while (*from != NULL) {
        struct sg_reread *reread = *from;

        sg_reread_stop(reread);
        link_reread(to, reread);
    }
}

/* One by one off the list, since each call may stop others on it. */
static void answer_rereads(struct sg_reread **list, int status)
{
    while (*list != NULL) {
        struct sg_reread *reread = *list;

        sg_reread_stop(reread);
        reread->done(reread->payload, status);
    }
}

static void free_fetch(struct sg_fetch *fetch)
{
    sg_call_stop(&fetch->call);
    if (fetch->reading)
        sg_managed_read_stop(&fetch->read);
    sg_fetch_clear(fetch);
    sg_waiters_clear(&fetch->waiters);
    fetch->role->fetch = NULL;
    free(fetch);
}

static void unlink_fetch(struct sg_fetch *fetch)
{
    struct sg_agent_account *account = fetch->account;

    for (struct sg_fetch **at = &account->fetches; *at != NULL; at = &(*at)->next) {
        if (*at != fetch)
            continue;
        *at = fetch->next;
        break;
    }
    account->fetch_count--;
    account->running -= fetch->running;
}

void sg_fetch_stop_all(struct sg_agent_account *account)
{
    while (account->fetches != NULL) {
        struct sg_fetch *fetch = account->fetches;

        unlink_fetch(fetch);
        sg_waiters_answer(account->agent, &fetch->waiters, SG_E_BUSY);
        answer_rereads(&fetch->rereads, SG_E_BUSY);
        answer_rereads(&fetch->late, SG_E_BUSY);
        free_fetch(fetch);
    }
}

/* ---- the end of one ---- */

static int status_of(const struct sg_fetch *fetch, enum sg_fetch_result result)
{
    switch (result) {
    case SG_FETCH_GOOD:
        return fetch->role->record.length > 0 ? SG_OK : SG_E_BUSY;
    case SG_FETCH_PARTIAL:
        return SG_E_INVALID;
    case SG_FETCH_FAILED:
        break;
    }
    return SG_E_NETWORK;
}

/* The first read of an on-demand account that knew no role is a complete one. */
static bool completes_account(const struct sg_agent_account *account)
{
    if (account->config->discover != SG_DISCOVER_ON_DEMAND || account->complete_boot_ms != 0 ||
        account->in_round)
        return false;
    for (const struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        if (role->record.length > 0 && role->read_aws_ms == 0)
            return false;
    }
    return true;
}

static void count_in_round(struct sg_fetch *fetch, enum sg_fetch_result result)
{
    struct sg_agent_account *account = fetch->account;

    if (!fetch->in_round || !account->in_round)
        return;
    account->round_pending--;
    account->round_good += result == SG_FETCH_GOOD;
    account->round_bad += result == SG_FETCH_FAILED;
    if (fetch->began_boot_ms < account->round_boot_ms)
        account->round_boot_ms = fetch->began_boot_ms; /* a gateway had asked for it before */
    if (result == SG_FETCH_GOOD &&
        (account->round_aws_ms == 0 || fetch->first_aws_ms < account->round_aws_ms))
        account->round_aws_ms = fetch->first_aws_ms;
}

/* Frees it, begins the next read of the role where somebody waits for that one, and tells. */
static void close_fetch(struct sg_fetch *fetch, int status)
{
    struct sg_agent_account *account = fetch->account;
    struct sg_role *role = fetch->role;
    struct sg_reread *answered = NULL, *late = NULL;

    unlink_fetch(fetch);
    sg_waiters_answer(account->agent, &fetch->waiters, status);
    move_rereads(&answered, &fetch->rereads);
    move_rereads(&late, &fetch->late);
    free_fetch(fetch);
    /* SG_E_BUSY of a read that went well: it found nothing that would be worth a record. */
    const int told = status == SG_E_BUSY ? SG_OK : status;
    if (late != NULL) {
        const int error =
            sg_fetch_start(account, sg_text_of(role->key), (struct sg_text){0}, true, NULL);
        if (error == SG_OK)
            move_rereads(&role->fetch->rereads, &late);
        else
            answer_rereads(&late, error);
    } else if (role->record.length == 0) {
        sg_roles_remove(&account->roles, role);
    }
    answer_rereads(&answered, told);
}

void sg_fetch_end(struct sg_fetch *fetch, enum sg_fetch_result result, const char *why)
{
    struct sg_agent_account *account = fetch->account;
    struct sg_role *role = fetch->role;
    char where[192];

    if (result != SG_FETCH_GOOD) {
        /* Once as long as it lasts: there may be thousands of them in each round. */
        const enum sg_log_level level = fetch->denied ? SG_LOG_ERROR : SG_LOG_WARNING;
        sg_log(
            &account->agent->log, role->in_trouble ? SG_LOG_DEBUG : level, "%s %sproblem=%s",
            sg_account_where(where, sizeof where, account, fetch->user ? role->key : fetch->name),
            fetch->denied ? "alarm=access-denied " : "", why);
        if (fetch->in_round)
            sg_health_bad(&account->health, "%s %s: %s", fetch->user ? "user" : "role", fetch->name,
                          why);
    }
    role->in_trouble = result != SG_FETCH_GOOD;
    /* A sweep is complete without a role that it did not show, so that role's age is its own: it
     * must not look as fresh as its account for as long as GetRole gets no answer. */
    const bool unseen = result == SG_FETCH_FAILED && account->config->discover == SG_DISCOVER_SWEEP;
    if (result == SG_FETCH_PARTIAL || unseen)
        sg_account_take_stale(account, role, why);
    if (result == SG_FETCH_GOOD)
        role->read_aws_ms = fetch->last_aws_ms;
    count_in_round(fetch, result);
    int status = status_of(fetch, result);
    if (account->dirty && sg_publish_account(account) != SG_OK)
        status = SG_E_SYSTEM;
    if (status == SG_OK && completes_account(account)) {
        account->round_aws_ms = fetch->first_aws_ms;
        sg_account_complete(account, fetch->began_boot_ms, fetch->first_aws_ms);
    }
    close_fetch(fetch, status);
    if (account->in_round && account->round_pending == 0 &&
        account->config->discover == SG_DISCOVER_ON_DEMAND)
        sg_account_round_ended(account, account->round_bad == 0 && account->round_good > 0,
                               account->round_aws_ms);
    pump(account);
}

/* ---- the queue ---- */

/* A gateway's question goes before an event, which has tightened the role already. */
static struct sg_fetch *first_queued(const struct sg_agent_account *account, bool asked)
{
    struct sg_fetch *first = NULL;

    for (struct sg_fetch *fetch = account->fetches; fetch != NULL; fetch = fetch->next) {
        if (fetch->running || fetch->asked != asked)
            continue;
        if (fetch->waiters.count > 0)
            return fetch;
        if (first == NULL)
            first = fetch;
    }
    return first;
}

static size_t waited_for(const struct sg_agent_account *account)
{
    size_t count = 0;

    for (const struct sg_fetch *fetch = account->fetches; fetch != NULL; fetch = fetch->next)
        count += fetch->waiters.count > 0;
    return count;
}

/* Whoever asks for many roles must not keep the round's own from being read: half the runs. */
static struct sg_fetch *choose(const struct sg_agent_account *account)
{
    struct sg_fetch *asked = first_queued(account, true), *own = first_queued(account, false);
    size_t asked_running = 0;

    for (const struct sg_fetch *fetch = account->fetches; fetch != NULL; fetch = fetch->next)
        asked_running += fetch->running && fetch->asked;
    if (asked == NULL || (own != NULL && asked_running >= RUNNING_MAX / 2))
        return own;
    return asked;
}

static void pump(struct sg_agent_account *account)
{
    struct sg_fetch *fetch;

    while (account->running < RUNNING_MAX && (fetch = choose(account)) != NULL) {
        fetch->running = true;
        account->running++;
        sg_fetch_read(fetch);
    }
}

static void link_fetch(struct sg_agent_account *account, struct sg_fetch *fetch)
{
    struct sg_fetch **at = &account->fetches;

    while (*at != NULL && !(fetch->asked && !(*at)->asked && !(*at)->running))
        at = &(*at)->next;
    fetch->next = *at;
    *at = fetch;
    account->fetch_count++;
}

static int join(struct sg_fetch *fetch, const struct sg_waiter *waiter)
{
    return waiter == NULL ? SG_OK : sg_waiters_add(&fetch->waiters, waiter);
}

/* GetRole may tell case apart, and a name in lower case must not look like a role that is gone. */
static bool name_fetch(struct sg_fetch *fetch, struct sg_text asked)
{
    struct sg_role *role = fetch->role;
    struct sg_role_arn parts;
    struct sg_record record;
    struct sg_text name = asked.length > 0 ? asked : sg_text_of(role->name);

    fetch->user = sg_key_is_user(role->key);
    if (sg_role_record(&record, role) &&
        (fetch->user ? sg_account_owns_user(fetch->account, &parts, record.arn)
                     : sg_account_owns_role(fetch->account, &parts, record.arn)))
        name = parts.name;
    if (name.length == 0)
        name = sg_text_of(sg_key_name_of(role->key));
    return sg_text_copy(fetch->name, sizeof fetch->name, name) &&
           sg_text_copy(role->name, sizeof role->name, sg_text_of(fetch->name));
}

int sg_fetch_start(struct sg_agent_account *account, struct sg_text key, struct sg_text name,
                   bool first, const struct sg_waiter *waiter)
{
    const bool in_round =
        account->in_round && !first && account->config->discover == SG_DISCOVER_ON_DEMAND;
    struct sg_role *role = sg_roles_add(&account->roles, key);

    if (role == NULL)
        return SG_E_MEMORY;
    if (role->fetch == NULL) {
        if (waiter != NULL && role->record.length == 0 && waited_for(account) >= ASKED_MAX) {
            sg_roles_remove(&account->roles, role);
            return SG_E_BUSY;
        }
        struct sg_fetch *fetch = sg_alloc(1, sizeof *fetch);
        if (fetch != NULL) {
            fetch->account = account;
            fetch->role = role;
        }
        if (fetch == NULL || !name_fetch(fetch, name)) {
            free(fetch);
            if (role->record.length == 0)
                sg_roles_remove(&account->roles, role);
            return SG_E_MEMORY;
        }
        fetch->asked = first;
        role->fetch = fetch;
        link_fetch(account, fetch);
    }
    if (in_round && !role->fetch->in_round) {
        role->fetch->in_round = true;
        account->round_pending++;
    }
    const int error = join(role->fetch, waiter);
    pump(account);
    return error;
}

/* Whether IAM was asked anything yet. */
static bool has_begun(const struct sg_fetch *fetch)
{
    return fetch->running && (fetch->call.attempts > 0 ||
                              strcmp(fetch->call.request.action, sg_fetch_first(fetch)) != 0);
}

int sg_agent_reread_role(struct sg_agent_account *account, struct sg_text name,
                         struct sg_reread *reread)
{
    char key[SG_PRINCIPAL_KEY_MAX + 1];

    sg_reread_stop(reread);
    if (!sg_principal_fold(key, name))
        return SG_E_INVALID;
    if (sg_key_is_user(key)) {
        name.data += strlen(SG_USER_KEY_PREFIX);
        name.length -= strlen(SG_USER_KEY_PREFIX);
    }
    const int error = sg_fetch_start(account, sg_text_of(key), name, true, NULL);
    if (error != SG_OK)
        return error;
    struct sg_fetch *fetch = sg_roles_find(&account->roles, sg_text_of(key))->fetch;
    link_reread(has_begun(fetch) ? &fetch->late : &fetch->rereads, reread);
    return SG_OK;
}
