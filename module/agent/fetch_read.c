/*
 * fetch_read.c - what IAM is asked about one role: GetRole, its inline policies, its attached
 * policies, its boundary; about one user the same, and both kinds of policies of each group that he
 * is in. It is taken whole or not at all: a group that can't be read is not one without policies.
 * Only NoSuchEntity of GetRole, or GetUser, itself says that it is gone.
 */
#include "agent/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define RESTARTS_MAX 2 /* a policy went away while we read */
#define NAMES_MAX    2048
#define PAGES_MAX    64 /* lists that never end, with the same marker again and again */
/* A managed policy read within the round, or this time, is not read again. */
#define CACHED_MS 1000

/* A role, a user and a group are asked about alike. */
struct subject {
    const char *get, *parameter, *list, *read, *attached, *groups;
};

static const struct subject role_calls = {
    .get = "GetRole",
    .parameter = "RoleName",
    .list = "ListRolePolicies",
    .read = "GetRolePolicy",
    .attached = "ListAttachedRolePolicies",
};
static const struct subject user_calls = {
    .get = "GetUser",
    .parameter = "UserName",
    .list = "ListUserPolicies",
    .read = "GetUserPolicy",
    .attached = "ListAttachedUserPolicies",
    .groups = "ListGroupsForUser",
};
static const struct subject group_calls = {
    .parameter = "GroupName",
    .list = "ListGroupPolicies",
    .read = "GetGroupPolicy",
    .attached = "ListAttachedGroupPolicies",
};

static void list_inlines(struct sg_fetch *fetch, bool more);
static void read_inline(struct sg_fetch *fetch);
static void list_attached(struct sg_fetch *fetch, bool more);
static void list_groups(struct sg_fetch *fetch, bool more);
static void read_managed(struct sg_fetch *fetch);

static const struct subject *subject_of(const struct sg_fetch *fetch)
{
    if (fetch->group_at > 0)
        return &group_calls;
    return fetch->user ? &user_calls : &role_calls;
}

static struct sg_text subject_name(const struct sg_fetch *fetch)
{
    return sg_text_of(fetch->group_at > 0 ? fetch->groups.items[fetch->group_at - 1] : fetch->name);
}

const char *sg_fetch_first(const struct sg_fetch *fetch)
{
    return fetch->user ? user_calls.get : role_calls.get;
}

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
    clear_names(&fetch->groups);
    fetch->groups_listed = false;
    fetch->group_at = 0;
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
    char key[SG_PRINCIPAL_KEY_MAX + 1];
    const bool ours = fetch->user ? sg_account_owns_user(fetch->account, &parts, role->arn)
                                  : sg_account_owns_role(fetch->account, &parts, role->arn);

    fetch->created_ms = role->created_ms;
    fetch->whole = role->whole && ours && sg_principal_key(key, fetch->user, parts.name) &&
                   strcmp(key, fetch->role->key) == 0 &&
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

/* GetRole or GetUser found nothing; now it is known whose keys said so. */
static void took_identity(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;
    struct sg_agent_account *account = fetch->account;
    struct sg_buffer other = {0};
    char why[448];

    if (answer->outcome != SG_IAM_OK || sg_iam_read_caller_account(&other, answer->body) != SG_OK) {
        (void)snprintf(why, sizeof why,
                       "%s finds nothing, and STS does not say whose keys these are: %s",
                       sg_fetch_first(fetch),
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
    const struct sg_iam_sink sink = {.role = keep_role, .user = keep_role, .payload = fetch};

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
    if ((fetch->user ? sg_iam_read_user(answer->body, &sink)
                     : sg_iam_read_role(answer->body, &sink)) != SG_OK) {
        end_malformed(fetch);
        return;
    }
    if (!fetch->whole) {
        sg_fetch_end(fetch, SG_FETCH_PARTIAL,
                     fetch->user
                         ? "GetUser: the answer lacks a part, or is about another account or name"
                         : "GetRole: the answer lacks a part, or is about another account or name");
        return;
    }
    sg_identity_shown(fetch->account, fetch->call.key_id);
    list_inlines(fetch, false);
}

void sg_fetch_read(struct sg_fetch *fetch)
{
    sg_fetch_clear(fetch);
    const struct subject *subject = subject_of(fetch);
    const struct sg_iam_request request = {
        .action = subject->get, .parameters = {{subject->parameter, subject_name(fetch)}}};
    fetch->began_boot_ms = sg_now_ms(fetch->account->agent);
    call(fetch, &request, took_role);
}

/* ---- inline policies ---- */

/* One of the subject's lists, or its next page. */
static void list(struct sg_fetch *fetch, const char *action, bool more,
                 void (*done)(void *payload, const struct sg_iam_answer *answer))
{
    struct sg_iam_request request = {
        .action = action, .parameters = {{subject_of(fetch)->parameter, subject_name(fetch)}}};

    if (more) {
        request.parameters[1].name = "Marker";
        request.parameters[1].value = sg_text_of(fetch->page.marker);
    }
    call(fetch, &request, done);
}

/* A page of such a list. False: the read has ended. */
static bool take_page(struct sg_fetch *fetch, const struct sg_iam_answer *answer,
                      struct sg_names *names)
{
    if (!answer_is_good(fetch, answer))
        return false;
    fetch->page.may_omit = fetch->account->config->id[0] == '\0';
    if (sg_iam_read_names_of(&fetch->page, answer->body, fetch->call.request.action, add_name,
                             names) == SG_OK &&
        has_end(fetch))
        return true;
    end_malformed(fetch);
    return false;
}

static void took_inlines(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    if (!take_page(fetch, answer, &fetch->inlines))
        return;
    if (fetch->page.truncated)
        list_inlines(fetch, true);
    else
        read_inline(fetch);
}

static void list_inlines(struct sg_fetch *fetch, bool more)
{
    list(fetch, subject_of(fetch)->list, more, took_inlines);
}

/* What people find it by: a group's policy behind the group's name. */
static int compile_inline(struct sg_fetch *fetch, struct sg_text document)
{
    struct sg_buffer name = {0};

    if (fetch->group_at > 0)
        sg_buffer_addf(&name, "%.*s/", SG_TEXT_ARG(subject_name(fetch)));
    sg_buffer_addf(&name, "%s", fetch->inlines.items[fetch->at]);
    const int error = name.failed
                          ? SG_E_MEMORY
                          : sg_policy_compile(&fetch->statements, document, SG_POLICY_INLINE,
                                              sg_buffer_text(&name), NULL);
    sg_buffer_clear(&name);
    return error;
}

static void took_inline(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;
    struct sg_buffer document = {0};

    if (!answer_is_good(fetch, answer))
        return;
    int error = sg_iam_read_document(&document, answer->body);
    if (error == SG_OK)
        error = compile_inline(fetch, sg_buffer_text(&document));
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
        .action = subject_of(fetch)->read,
        .parameters = {{subject_of(fetch)->parameter, subject_name(fetch)},
                       {"PolicyName", sg_text_of(fetch->inlines.items[fetch->at])}},
    };
    call(fetch, &request, took_inline);
}

/* ---- attached policies and the boundary ---- */

/* Of the groups that a user is in, one by one; then what was attached anywhere. */
static void next_group(struct sg_fetch *fetch)
{
    fetch->at = 0;
    if (fetch->group_at == fetch->groups.count) {
        fetch->group_at = 0;
        read_managed(fetch);
        return;
    }
    fetch->group_at++;
    clear_names(&fetch->inlines);
    list_inlines(fetch, false);
}

static void took_attached(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    if (!take_page(fetch, answer, &fetch->attached))
        return;
    if (fetch->page.truncated)
        list_attached(fetch, true);
    else if (fetch->user && !fetch->groups_listed)
        list_groups(fetch, false);
    else
        next_group(fetch);
}

static void list_attached(struct sg_fetch *fetch, bool more)
{
    list(fetch, subject_of(fetch)->attached, more, took_attached);
}

static void took_groups(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_fetch *fetch = payload;

    if (!take_page(fetch, answer, &fetch->groups))
        return;
    if (fetch->page.truncated) {
        list_groups(fetch, true);
        return;
    }
    fetch->groups_listed = true;
    next_group(fetch);
}

static void list_groups(struct sg_fetch *fetch, bool more)
{
    list(fetch, user_calls.groups, more, took_groups);
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
