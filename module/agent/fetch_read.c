/*
 * fetch_read.c - what IAM is asked about one role: GetRole, its inline policies, its attached
 * policies, its boundary. A role is taken whole or not at all; only GetRole's own NoSuchEntity says
 * that it is gone.
 */
#include "agent/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define RESTARTS_MAX 2 /* a policy went away while we read */
#define NAMES_MAX    2048
#define PAGES_MAX    64 /* lists that never end, with the same marker again and again */
/* A managed policy read within the round, or this time, is not read again. */
#define CACHED_MS 1000

static void list_inlines(struct sg_fetch *fetch, bool more);
static void read_inline(struct sg_fetch *fetch);
static void list_attached(struct sg_fetch *fetch, bool more);
static void read_managed(struct sg_fetch *fetch);

static void clear_names(struct sg_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct sg_names){0};
}

static bool add_name(void *payload, struct sg_text name)
{
    struct sg_names *names = payload;

    if (names->count == NAMES_MAX)
        return false;
    char **longer = reallocarray(names->items, names->count + 1, sizeof *longer);
    if (longer == NULL)
        return false;
    names->items = longer;
    names->items[names->count] = sg_text_dup(name);
    return names->items[names->count] != NULL && ++names->count > 0;
}

void sg_fetch_clear(struct sg_fetch *fetch)
{
    clear_names(&fetch->inlines);
    clear_names(&fetch->attached);
    sg_buffer_clear(&fetch->statements);
    fetch->at = 0;
    fetch->pages = 0;
    fetch->boundary[0] = '\0';
    fetch->whole = false;
    fetch->first_aws_ms = fetch->last_aws_ms = 0;
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
        sg_fetch_read(fetch);
        return false;
    }
    (void)snprintf(why, sizeof why, "%s: %s%s%s", fetch->call.request.action, answer->code,
                   answer->code[0] != '\0' ? ": " : "", answer->message);
    fetch->denied = answer->outcome == SG_IAM_DENIED;
    const bool of_role = answer->outcome == SG_IAM_DENIED || answer->outcome == SG_IAM_FAILED;
    sg_fetch_end(fetch, of_role ? SG_FETCH_PARTIAL : SG_FETCH_FAILED, why);
    return false;
}

static void end_malformed(struct sg_fetch *fetch)
{
    char why[128];

    (void)snprintf(why, sizeof why, "%s: not a whole answer of IAM", fetch->call.request.action);
    sg_fetch_end(fetch, SG_FETCH_PARTIAL, why);
}

static bool has_end(struct sg_fetch *fetch)
{
    return !fetch->page.truncated || ++fetch->pages < PAGES_MAX;
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

static void end_deleted(struct sg_fetch *fetch)
{
    sg_account_take_deleted(fetch->account, fetch->role);
    sg_fetch_end(fetch, SG_FETCH_GOOD, NULL);
}

/* GetRole found nothing; now it is known whose keys said so. */
static void took_identity(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;
    struct sg_agent_account *account = fetch->account;
    struct sg_buffer other = {0};
    char why[448];

    if (answer->outcome != SG_IAM_OK || sg_iam_read_caller_account(&other, answer->body) != SG_OK) {
        (void)snprintf(why, sizeof why,
                       "GetRole finds no such role, and STS does not say whose keys these are: %s",
                       answer->outcome == SG_IAM_OK ? "malformed answer" : answer->message);
        sg_buffer_clear(&other);
        sg_fetch_end(fetch, SG_FETCH_FAILED, why);
        return;
    }
    const bool ours = sg_text_equal(sg_buffer_text(&other), sg_text_of(account->config->id));
    sg_text_make_printable(other.data, other.length);
    if (ours)
        sg_identity_shown(account, fetch->call.key_id);
    else
        sg_identity_wrong(account, fetch->call.key_id, other.data);
    sg_buffer_clear(&other);
    if (!ours)
        sg_fetch_end(fetch, SG_FETCH_FAILED, "the keys belong to another account");
    else if (strcmp(fetch->call.key_id, fetch->finder) == 0)
        end_deleted(fetch);
    else if (fetch->restarts++ < RESTARTS_MAX)
        sg_fetch_read(fetch); /* others had signed GetRole */
    else
        sg_fetch_end(fetch, SG_FETCH_FAILED, "the credentials change all the time");
}

static void ask_whose_keys(struct sg_fetch *fetch)
{
    const struct sg_iam_request request = {.action = "GetCallerIdentity"};

    (void)sg_text_copy(fetch->finder, sizeof fetch->finder, sg_text_of(fetch->call.key_id));
    call(fetch, &request, took_identity);
    fetch->call.service = SG_AWS_STS;
}

static void took_role(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;
    const struct sg_iam_sink sink = {keep_role, NULL, fetch};

    if (answer->outcome == SG_IAM_NO_SUCH_ENTITY) {
        fetch->first_aws_ms = fetch->last_aws_ms = answer->date_ms;
        if (sg_identity_known(fetch->account, fetch->call.key_id))
            end_deleted(fetch);
        else
            ask_whose_keys(fetch);
        return;
    }
    if (!answer_is_good(fetch, answer))
        return;
    if (sg_iam_read_role(answer->body, &sink) != SG_OK) {
        end_malformed(fetch);
        return;
    }
    if (!fetch->whole) {
        sg_fetch_end(
            fetch, SG_FETCH_PARTIAL,
            "GetRole: the answer lacks a part, or is about a role of another account or name");
        return;
    }
    sg_identity_shown(fetch->account, fetch->call.key_id);
    list_inlines(fetch, false);
}

void sg_fetch_read(struct sg_fetch *fetch)
{
    const struct sg_iam_request request = {.action = "GetRole",
                                           .parameters = {{"RoleName", sg_text_of(fetch->name)}}};

    sg_fetch_clear(fetch);
    fetch->began_boot_ms = sg_now_ms(fetch->account->agent);
    call(fetch, &request, took_role);
}

/* ---- inline policies ---- */

static void took_inlines(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    if (!answer_is_good(fetch, answer))
        return;
    fetch->page.may_omit = fetch->account->config->id[0] == '\0';
    if (sg_iam_read_names(&fetch->page, answer->body, add_name, &fetch->inlines) != SG_OK ||
        !has_end(fetch))
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
    struct sg_buffer document = {0};

    if (!answer_is_good(fetch, answer))
        return;
    int error = sg_iam_read_document(&document, answer->body);
    if (error == SG_OK)
        error = sg_policy_compile(&fetch->statements, sg_buffer_text(&document), SG_POLICY_INLINE,
                                  sg_text_of(fetch->inlines.items[fetch->at]), NULL);
    sg_buffer_clear(&document);
    if (error != SG_OK) {
        end_malformed(fetch);
        return;
    }
    fetch->at++;
    read_inline(fetch);
}

static void read_inline(struct sg_fetch *fetch)
{
    if (fetch->at == fetch->inlines.count &&
        fetch->account->config->policies == SG_POLICIES_INLINE) {
        fetch->at = 0;
        read_managed(fetch); /* of a boundary that GetRole told after all */
        return;
    }
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
    fetch->page.may_omit = fetch->account->config->id[0] == '\0';
    if (sg_iam_read_names(&fetch->page, answer->body, add_name, &fetch->attached) != SG_OK ||
        !has_end(fetch)) {
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

static void keep_hung(const struct sg_fetch *fetch)
{
    struct sg_buffer hung = {0};

    for (size_t i = 0; i < fetch->attached.count; i++)
        sg_hung_add(&hung, SG_POLICY_ATTACHED, sg_text_of(fetch->attached.items[i]));
    sg_hung_add(&hung, SG_POLICY_BOUNDARY, sg_text_of(fetch->boundary));
    sg_role_set_hung(fetch->role, &hung);
}

static void finish(struct sg_fetch *fetch)
{
    const struct sg_reading reading = {
        .arn = sg_text_of(fetch->arn),
        .role_id = sg_text_of(fetch->role_id),
        .statements = sg_buffer_text(&fetch->statements),
        .created_ms = fetch->created_ms,
        .aws_ms = fetch->last_aws_ms,
        .began_ms = fetch->first_aws_ms,
        .from_iam = true,
    };
    const int error = fetch->statements.failed
                          ? SG_E_MEMORY
                          : sg_account_take(fetch->account, fetch->role, &reading);

    if (error == SG_OK)
        keep_hung(fetch);
    if (error == SG_OK)
        sg_fetch_end(fetch, SG_FETCH_GOOD, NULL);
    else
        sg_fetch_end(fetch, SG_FETCH_PARTIAL,
                     "its policies are too much for one record, or memory ended");
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
            sg_fetch_end(fetch, SG_FETCH_FAILED, "out of memory");
            return;
        }
        if (!is_recent(account, managed)) {
            fetch->reading = true;
            sg_managed_read_start(&fetch->read, account, managed, took_managed, fetch);
            return;
        }
        sg_buffer_add_text(&fetch->statements,
                           sg_buffer_text(boundary ? &managed->boundary : &managed->attached));
        sg_hung_remember(&account->told, managed, sg_now_ms(account->agent));
        if (managed->aws_ms > fetch->last_aws_ms)
            fetch->last_aws_ms = managed->aws_ms;
        if (managed->aws_ms < fetch->first_aws_ms)
            fetch->first_aws_ms = managed->aws_ms;
    }
    finish(fetch);
}
