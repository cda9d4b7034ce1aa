/*
 * fetch.c - one role by itself: GetRole, its inline policies, its attached policies, its boundary.
 * Asked for by a gateway, by a round of an on-demand account, or because a sweep did not show it.
 * Whoever asks for a role that is being read joins that read. A role is taken whole or not at all.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>

#define RUNNING_MAX  4   /* reads at once, of one account */
#define ASKED_MAX    256 /* reads that gateways wait for */
#define RESTARTS_MAX 2   /* a policy went away while we read */
#define NAMES_MAX    2048
#define DELETED_MAX  4096 /* records of roles that are not there */
#define CACHED_MS                                                                                  \
    1000 /* a managed policy read within the round, or this time, is not read again                \
          */

struct names {
    char **items;
    size_t count;
};

struct sg_fetch {
    struct sg_fetch *next;
    struct sg_agent_account *account;
    struct sg_role *role;
    char name[SG_ROLE_NAME_MAX + 1];
    bool running, asked, in_round;
    unsigned restarts;
    struct sg_waiters waiters;
    struct sg_call call;
    struct sg_iam_page page;
    struct sg_managed_read read;
    bool reading;
    char arn[SG_ARN_MAX + 1];
    char role_id[40];
    char boundary[SG_ARN_MAX * 2];
    int64_t created_ms;
    bool whole;
    struct names inlines, attached;
    size_t at; /* of inlines, then of attached */
    struct sg_buffer statements;
    int64_t first_aws_ms, last_aws_ms;
};

static void read_role(struct sg_fetch *fetch);
static void list_inlines(struct sg_fetch *fetch, bool more);
static void read_inline(struct sg_fetch *fetch);
static void list_attached(struct sg_fetch *fetch, bool more);
static void read_managed(struct sg_fetch *fetch);
static void pump(struct sg_agent_account *account);

static void clear_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

static bool add_name(void *payload, struct sg_text name)
{
    struct names *names = payload;

    if (names->count == NAMES_MAX)
        return false;
    char **longer = reallocarray(names->items, names->count + 1, sizeof *longer);
    if (longer == NULL)
        return false;
    names->items = longer;
    names->items[names->count] = sg_text_dup(name);
    return names->items[names->count] != NULL && ++names->count > 0;
}

static void clear_read(struct sg_fetch *fetch)
{
    clear_names(&fetch->inlines);
    clear_names(&fetch->attached);
    sg_buffer_clear(&fetch->statements);
    fetch->at = 0;
    fetch->boundary[0] = '\0';
    fetch->whole = false;
    fetch->first_aws_ms = fetch->last_aws_ms = 0;
}

static void free_fetch(struct sg_fetch *fetch)
{
    sg_call_stop(&fetch->call);
    if (fetch->reading)
        sg_managed_read_stop(&fetch->read);
    clear_read(fetch);
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
    if (result == SG_FETCH_GOOD &&
        (account->round_aws_ms == 0 || fetch->first_aws_ms < account->round_aws_ms))
        account->round_aws_ms = fetch->first_aws_ms;
}

static void end(struct sg_fetch *fetch, enum sg_fetch_result result, const char *why)
{
    struct sg_agent_account *account = fetch->account;
    struct sg_role *role = fetch->role;
    char where[192];

    if (result != SG_FETCH_GOOD) {
        sg_log(&account->agent->log, SG_LOG_WARNING, "%s problem=%s",
               sg_account_where(where, sizeof where, account, fetch->name), why);
        if (fetch->in_round)
            sg_health_bad(&account->health, "role %s: %s", fetch->name, why);
    }
    /* A sweep is complete without a role that it did not show, so that role's age is its own: it
     * must not look as fresh as its account for as long as GetRole gets no answer. */
    const bool unseen =
        result == SG_FETCH_FAILED && account->config->discover == SG_DISCOVER_SWEEP;
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
        account->complete_boot_ms = sg_now_ms(account->agent);
        account->complete_aws_ms = fetch->first_aws_ms;
        sg_publish_stamp(account->agent, SG_SLOT_ACCOUNT, account->config->label,
                         fetch->first_aws_ms);
    }
    unlink_fetch(fetch);
    sg_waiters_answer(account->agent, &fetch->waiters, status);
    free_fetch(fetch);
    if (role->record.length == 0)
        sg_roles_remove(&account->roles, role);
    if (account->in_round && account->round_pending == 0 &&
        account->config->discover == SG_DISCOVER_ON_DEMAND)
        sg_account_round_ended(account, account->round_bad == 0 && account->round_good > 0,
                               account->round_aws_ms);
    pump(account);
}

/* True when the answer is one to go on with; else the read has ended or begun again. */
static bool answer_is_good(struct sg_fetch *fetch, const struct sg_iam_answer *answer)
{
    char why[448];

    if (answer->outcome == SG_IAM_OK) {
        if (fetch->first_aws_ms == 0)
            fetch->first_aws_ms = answer->date_ms;
        if (answer->date_ms > fetch->last_aws_ms)
            fetch->last_aws_ms = answer->date_ms;
        return true;
    }
    if (answer->outcome == SG_IAM_NO_SUCH_ENTITY && fetch->restarts < RESTARTS_MAX) {
        /* What GetRole or a list has just shown is gone: the role is changing under our hands. */
        fetch->restarts++;
        read_role(fetch);
        return false;
    }
    (void)snprintf(why, sizeof why, "%s: %s%s%s", fetch->call.request.action, answer->code,
                   answer->code[0] != '\0' ? ": " : "", answer->message);
    const bool of_role = answer->outcome == SG_IAM_DENIED || answer->outcome == SG_IAM_FAILED;
    end(fetch, of_role ? SG_FETCH_PARTIAL : SG_FETCH_FAILED, why);
    return false;
}

static void end_malformed(struct sg_fetch *fetch)
{
    char why[128];

    (void)snprintf(why, sizeof why, "%s: not a whole answer of IAM", fetch->call.request.action);
    end(fetch, SG_FETCH_PARTIAL, why);
}

static void call(struct sg_fetch *fetch, const struct sg_iam_request *request,
                 void (*done)(void *payload, const struct sg_iam_answer *answer))
{
    fetch->call = (struct sg_call){
        .account = fetch->account, .request = *request, .done = done, .payload = fetch};
    sg_call_start(&fetch->call);
}

/* ---- the role ---- */

static bool keep_role(void *payload, const struct sg_iam_role *role)
{
    struct sg_fetch *fetch = payload;
    struct sg_role_arn parts;
    char key[SG_ROLE_NAME_MAX + 1];

    fetch->created_ms = role->created_ms;
    fetch->whole = role->whole && sg_account_owns_role(fetch->account, &parts, role->arn) &&
                   sg_role_name_fold(key, parts.name) && strcmp(key, fetch->role->key) == 0 &&
                   sg_text_copy(fetch->arn, sizeof fetch->arn, role->arn) &&
                   sg_text_copy(fetch->name, sizeof fetch->name, parts.name) &&
                   sg_text_copy(fetch->role_id, sizeof fetch->role_id, role->role_id) &&
                   sg_text_copy(fetch->boundary, sizeof fetch->boundary, role->boundary);
    return true;
}

static void took_role(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;
    const struct sg_iam_sink sink = {keep_role, NULL, fetch};

    if (answer->outcome == SG_IAM_NO_SUCH_ENTITY) {
        fetch->first_aws_ms = fetch->last_aws_ms = answer->date_ms;
        if (fetch->role->record.length > 0 || fetch->account->roles.deleted < DELETED_MAX)
            sg_account_take_deleted(fetch->account, fetch->role);
        end(fetch, SG_FETCH_GOOD, NULL);
        return;
    }
    if (!answer_is_good(fetch, answer))
        return;
    if (sg_iam_read_role(answer->body, &sink) != SG_OK) {
        end_malformed(fetch);
        return;
    }
    if (!fetch->whole) {
        end(fetch, SG_FETCH_PARTIAL,
            "GetRole: the answer lacks a part, or is about a role of another account or name");
        return;
    }
    list_inlines(fetch, false);
}

static void read_role(struct sg_fetch *fetch)
{
    const struct sg_iam_request request = {.action = "GetRole",
                                           .parameters = {{"RoleName", sg_text_of(fetch->name)}}};

    clear_read(fetch);
    call(fetch, &request, took_role);
}

/* ---- inline policies ---- */

static void took_inlines(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    if (!answer_is_good(fetch, answer))
        return;
    if (sg_iam_read_names(&fetch->page, answer->body, add_name, &fetch->inlines) != SG_OK)
        end_malformed(fetch);
    else if (fetch->page.truncated)
        list_inlines(fetch, true);
    else
        read_inline(fetch);
}

static void list_inlines(struct sg_fetch *fetch, bool more)
{
    struct sg_iam_request request = {.action = "ListRolePolicies",
                                     .parameters = {{"RoleName", sg_text_of(fetch->name)}}};

    if (more) {
        request.parameters[1].name = "Marker";
        request.parameters[1].value = sg_text_of(fetch->page.marker);
    }
    call(fetch, &request, took_inlines);
}

static void took_inline(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;
    struct sg_agent_account *account = fetch->account;
    struct sg_buffer document = {0};

    if (!answer_is_good(fetch, answer))
        return;
    int error = sg_iam_read_document(&document, answer->body);
    if (error == SG_OK)
        error = sg_policy_compile(&fetch->statements, sg_buffer_text(&document), SG_POLICY_INLINE,
                                  sg_text_of(fetch->inlines.items[fetch->at]), NULL);
    sg_buffer_clear(&document);
    (void)account;
    if (error != SG_OK) {
        end_malformed(fetch);
        return;
    }
    fetch->at++;
    read_inline(fetch);
}

static void read_inline(struct sg_fetch *fetch)
{
    if (fetch->at == fetch->inlines.count) {
        list_attached(fetch, false);
        return;
    }
    const struct sg_iam_request request = {
        .action = "GetRolePolicy",
        .parameters = {{"RoleName", sg_text_of(fetch->name)},
                       {"PolicyName", sg_text_of(fetch->inlines.items[fetch->at])}},
    };
    call(fetch, &request, took_inline);
}

/* ---- attached policies and the boundary ---- */

static void took_attached(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    if (!answer_is_good(fetch, answer))
        return;
    if (sg_iam_read_names(&fetch->page, answer->body, add_name, &fetch->attached) != SG_OK) {
        end_malformed(fetch);
        return;
    }
    if (fetch->page.truncated) {
        list_attached(fetch, true);
        return;
    }
    fetch->at = 0;
    read_managed(fetch);
}

static void list_attached(struct sg_fetch *fetch, bool more)
{
    struct sg_iam_request request = {.action = "ListAttachedRolePolicies",
                                     .parameters = {{"RoleName", sg_text_of(fetch->name)}}};

    if (more) {
        request.parameters[1].name = "Marker";
        request.parameters[1].value = sg_text_of(fetch->page.marker);
    }
    call(fetch, &request, took_attached);
}

static bool is_recent(const struct sg_agent_account *account, const struct sg_managed *managed)
{
    if (!managed->known || managed->failed)
        return false;
    return (account->in_round && managed->read_boot_ms >= account->round_boot_ms) ||
           sg_now_ms(account->agent) - managed->read_boot_ms < CACHED_MS;
}

static void finish(struct sg_fetch *fetch)
{
    const struct sg_reading reading = {
        .arn = sg_text_of(fetch->arn),
        .role_id = sg_text_of(fetch->role_id),
        .statements = sg_buffer_text(&fetch->statements),
        .created_ms = fetch->created_ms,
        .aws_ms = fetch->last_aws_ms,
        .from_iam = true,
    };
    const int error = fetch->statements.failed
                          ? SG_E_MEMORY
                          : sg_account_take(fetch->account, fetch->role, &reading);

    if (error == SG_OK)
        end(fetch, SG_FETCH_GOOD, NULL);
    else
        end(fetch, SG_FETCH_PARTIAL, "its policies are too much for one record, or memory ended");
}

static void took_managed(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    fetch->reading = false;
    fetch->call.request.action = "GetPolicy";
    if (answer_is_good(fetch, answer))
        read_managed(fetch);
}

/* The last "attached" one is the boundary. */
static void read_managed(struct sg_fetch *fetch)
{
    struct sg_agent_account *account = fetch->account;
    const size_t all = fetch->attached.count + (fetch->boundary[0] != '\0');

    for (; fetch->at < all; fetch->at++) {
        const bool boundary = fetch->at == fetch->attached.count;
        const char *arn = boundary ? fetch->boundary : fetch->attached.items[fetch->at];
        struct sg_managed *managed = sg_managed_add(&account->managed, sg_text_of(arn));

        if (managed == NULL) {
            end(fetch, SG_FETCH_FAILED, "out of memory");
            return;
        }
        if (!is_recent(account, managed)) {
            fetch->reading = true;
            sg_managed_read_start(&fetch->read, account, managed, took_managed, fetch);
            return;
        }
        sg_buffer_add_text(&fetch->statements,
                           sg_buffer_text(boundary ? &managed->boundary : &managed->attached));
        if (managed->aws_ms > fetch->last_aws_ms)
            fetch->last_aws_ms = managed->aws_ms;
        if (managed->aws_ms < fetch->first_aws_ms)
            fetch->first_aws_ms = managed->aws_ms;
    }
    finish(fetch);
}

/* ---- the queue ---- */

static void pump(struct sg_agent_account *account)
{
    for (struct sg_fetch *fetch = account->fetches; fetch != NULL && account->running < RUNNING_MAX;
         fetch = fetch->next) {
        if (fetch->running)
            continue;
        fetch->running = true;
        account->running++;
        read_role(fetch);
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

int sg_fetch_start(struct sg_agent_account *account, struct sg_text key, struct sg_text name,
                   bool first, const struct sg_waiter *waiter)
{
    const bool in_round =
        account->in_round && waiter == NULL && account->config->discover == SG_DISCOVER_ON_DEMAND;
    struct sg_role *role = sg_roles_add(&account->roles, key);

    if (role == NULL)
        return SG_E_MEMORY;
    if (role->fetch == NULL) {
        if (first && account->fetch_count >= ASKED_MAX && role->record.length == 0) {
            sg_roles_remove(&account->roles, role);
            return SG_E_BUSY;
        }
        struct sg_fetch *fetch = sg_alloc(1, sizeof *fetch);
        if (fetch == NULL || !sg_text_copy(fetch->name, sizeof fetch->name, name)) {
            free(fetch);
            if (role->record.length == 0)
                sg_roles_remove(&account->roles, role);
            return SG_E_MEMORY;
        }
        fetch->account = account;
        fetch->role = role;
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
