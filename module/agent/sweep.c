/*
 * sweep.c - all roles of an account in a few answers: GetAccountAuthorizationDetails, page after
 * page until IsTruncated is false; its users too, where a service lets them in, and the groups
 * whose policies they inherit. Nothing is taken before the last page has come: half a sweep says
 * nothing about the roles it did not show.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGES_MAX 10000
#define ROLES_MAX 100000 /* IAM allows a few thousand */

struct swept_role {
    char key[SG_PRINCIPAL_KEY_MAX + 1]; /* empty: a group */
    char arn[SG_ARN_MAX + 1];           /* a group's name */
    char role_id[40];
    int64_t created_ms, aws_ms;
    bool whole;
    struct sg_buffer statements;  /* of inline policies */
    struct sg_managed **attached; /* in the sweep's set */
    size_t attached_count;
    struct sg_managed *boundary;
    bool user, groups_told;
    char **groups; /* names, of a user */
    size_t group_count;
};

struct swept_list {
    struct swept_role *items;
    size_t count, size;
};

struct sg_sweep {
    struct sg_agent_account *account;
    struct sg_call call;
    struct sg_iam_page page;
    char marker[SG_IAM_MARKER_MAX + 1]; /* of the page asked for */
    unsigned pages;
    struct swept_list roles; /* and users */
    struct swept_list groups;
    struct sg_managed_set managed;
    struct sg_managed_read read;
    struct sg_managed *missing; /* of this sweep: a policy that the pages did not hold */
    bool reading;
    int64_t first_aws_ms, page_aws_ms;
    char wrong[SG_ARN_MAX + 1]; /* a role of another account */
};

static void free_list(struct swept_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct swept_role *swept = &list->items[i];

        sg_buffer_clear(&swept->statements);
        free(swept->attached);
        for (size_t j = 0; j < swept->group_count; j++)
            free(swept->groups[j]);
        free(swept->groups);
    }
    free(list->items);
}

static void free_sweep(struct sg_sweep *sweep)
{
    free_list(&sweep->roles);
    free_list(&sweep->groups);
    sg_managed_clear(&sweep->managed);
    free(sweep);
}

void sg_sweep_stop(struct sg_agent_account *account)
{
    struct sg_sweep *sweep = account->sweep;

    if (sweep == NULL)
        return;
    account->sweep = NULL;
    sg_call_stop(&sweep->call);
    if (sweep->reading)
        sg_managed_read_stop(&sweep->read);
    free_sweep(sweep);
}

static void end(struct sg_sweep *sweep, bool good)
{
    struct sg_agent_account *account = sweep->account;
    const int64_t aws_ms = sweep->first_aws_ms;

    account->sweep = NULL;
    free_sweep(sweep);
    sg_account_round_ended(account, good, aws_ms);
}

/* ---- a page ---- */

static struct swept_role *add_swept(struct sg_sweep *sweep, struct swept_list *list)
{
    if (list->count == ROLES_MAX)
        return NULL;
    if (list->count == list->size) {
        const size_t size = list->size == 0 ? 64 : list->size * 2;
        struct swept_role *larger = reallocarray(list->items, size, sizeof *larger);
        if (larger == NULL)
            return NULL;
        list->items = larger;
        list->size = size;
    }
    list->items[list->count] = (struct swept_role){.aws_ms = sweep->page_aws_ms};
    return &list->items[list->count++];
}

/* A group's policy is told behind the group's name. */
static bool take_inline(struct swept_role *swept, const struct sg_iam_document *policy)
{
    struct sg_buffer name = {0};

    if (swept->key[0] == '\0')
        sg_buffer_addf(&name, "%s/", swept->arn);
    sg_buffer_add_text(&name, policy->name);
    const bool good =
        !name.failed && sg_policy_compile(&swept->statements, policy->document, SG_POLICY_INLINE,
                                          sg_buffer_text(&name), NULL) == SG_OK;
    sg_buffer_clear(&name);
    return good;
}

static bool take_policies(struct sg_sweep *sweep, struct swept_role *swept,
                          const struct sg_iam_role *role)
{
    for (size_t i = 0; i < role->inline_count; i++) {
        if (!take_inline(swept, &role->inline_policies[i]))
            return false;
    }
    swept->attached = sg_alloc(role->attached_count + 1, sizeof(struct sg_managed *));
    if (swept->attached == NULL)
        return false;
    for (size_t i = 0; i < role->attached_count; i++) {
        swept->attached[i] = sg_managed_add(&sweep->managed, role->attached[i]);
        if (swept->attached[i] == NULL)
            return false;
        swept->attached_count++;
    }
    if (role->boundary.length == 0)
        return true;
    swept->boundary = sg_managed_add(&sweep->managed, role->boundary);
    return swept->boundary != NULL;
}

static bool take_groups(struct swept_role *swept, const struct sg_iam_role *user)
{
    swept->groups = sg_alloc(user->group_count + 1, sizeof(char *));
    if (swept->groups == NULL)
        return false;
    for (size_t i = 0; i < user->group_count; i++) {
        swept->groups[i] = sg_text_dup(user->groups[i]);
        if (swept->groups[i] == NULL)
            return false;
        swept->group_count++;
    }
    return true;
}

static bool take_principal(struct sg_sweep *sweep, bool user, const struct sg_iam_role *role)
{
    struct sg_role_arn parts;

    if (user ? !sg_account_owns_user(sweep->account, &parts, role->arn)
             : !sg_account_owns_role(sweep->account, &parts, role->arn)) {
        (void)sg_text_copy(sweep->wrong, sizeof sweep->wrong, role->arn);
        sg_text_make_printable(sweep->wrong, strlen(sweep->wrong));
        return false;
    }
    struct swept_role *swept = add_swept(sweep, &sweep->roles);
    if (swept == NULL)
        return false;
    (void)sg_text_copy(swept->arn, sizeof swept->arn, role->arn);
    (void)sg_principal_key(swept->key, user, parts.name);
    swept->user = user;
    swept->groups_told = role->groups_told;
    swept->whole =
        role->whole && sg_text_copy(swept->role_id, sizeof swept->role_id, role->role_id);
    swept->created_ms = role->created_ms;
    return take_policies(sweep, swept, role) && (!user || take_groups(swept, role));
}

static bool take_role(void *payload, const struct sg_iam_role *role)
{
    return take_principal(payload, false, role);
}

static bool take_user(void *payload, const struct sg_iam_role *user)
{
    return take_principal(payload, true, user);
}

/* A name that does not fit is none that a user's list could hold. */
static bool take_group(void *payload, const struct sg_iam_role *group)
{
    struct sg_sweep *sweep = payload;
    struct swept_role *swept = add_swept(sweep, &sweep->groups);

    if (swept == NULL)
        return false;
    swept->whole = group->whole && sg_text_copy(swept->arn, sizeof swept->arn, group->name);
    return take_policies(sweep, swept, group);
}

static bool take_managed(void *payload, const struct sg_iam_managed *managed)
{
    struct sg_sweep *sweep = payload;
    struct sg_managed *known = sg_managed_add(&sweep->managed, managed->arn);

    return known != NULL &&
           sg_managed_set_document(known, managed->document, sweep->page_aws_ms, NULL) == SG_OK;
}

/* ---- after the last page ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct swept_role *)a)->arn, ((const struct swept_role *)b)->arn);
}

static const struct swept_role *find_group(const struct sg_sweep *sweep, const char *name)
{
    struct swept_role wanted = {.whole = true};

    if (!sg_text_copy(wanted.arn, sizeof wanted.arn, sg_text_of(name)) || sweep->groups.count == 0)
        return NULL;
    return bsearch(&wanted, sweep->groups.items, sweep->groups.count, sizeof wanted, compare_names);
}

static const char *find_unreadable(const struct sg_sweep *sweep, const struct swept_role *swept)
{
    if (!swept->whole || (swept->user && !swept->groups_told))
        return "IAM's answer lacks a part of it";
    for (size_t i = 0; i < swept->attached_count; i++) {
        if (!swept->attached[i]->known)
            return "an attached policy can't be read";
    }
    if (swept->boundary != NULL && !swept->boundary->known)
        return "its permissions boundary can't be read";
    for (size_t i = 0; i < swept->group_count; i++) {
        const struct swept_role *group = find_group(sweep, swept->groups[i]);
        if (group == NULL)
            return "IAM's answer lacks a group that the user is in";
        if (find_unreadable(sweep, group) != NULL)
            return "a group that the user is in can't be read whole";
    }
    return NULL;
}

/* One that came twice may be two tellings of it, of which neither is the last: not whole. */
static void sort_groups(struct swept_list *groups)
{
    if (groups->count == 0)
        return;
    qsort(groups->items, groups->count, sizeof *groups->items, compare_names);
    for (size_t i = 1; i < groups->count; i++) {
        if (compare_names(&groups->items[i - 1], &groups->items[i]) == 0)
            groups->items[i - 1].whole = groups->items[i].whole = false;
    }
}

/* Its own statements, and those of what is attached to it. */
static void add_policies(struct sg_buffer *statements, struct sg_reading *reading,
                         const struct swept_role *swept)
{
    sg_buffer_add_text(statements, sg_buffer_text(&swept->statements));
    if (swept->aws_ms > reading->aws_ms)
        reading->aws_ms = swept->aws_ms;
    for (size_t i = 0; i < swept->attached_count; i++) {
        sg_buffer_add_text(statements, sg_buffer_text(&swept->attached[i]->attached));
        if (swept->attached[i]->aws_ms > reading->aws_ms)
            reading->aws_ms = swept->attached[i]->aws_ms;
    }
}

static void hang(struct sg_buffer *hung, const struct swept_role *swept)
{
    for (size_t i = 0; i < swept->attached_count; i++)
        sg_hung_add(hung, SG_POLICY_ATTACHED, sg_text_of(swept->attached[i]->arn));
}

static void keep_hung(const struct sg_sweep *sweep, const struct swept_role *swept,
                      struct sg_role *role)
{
    struct sg_buffer hung = {0};

    hang(&hung, swept);
    for (size_t i = 0; i < swept->group_count; i++)
        hang(&hung, find_group(sweep, swept->groups[i]));
    if (swept->boundary != NULL)
        sg_hung_add(&hung, SG_POLICY_BOUNDARY, sg_text_of(swept->boundary->arn));
    sg_role_set_hung(role, &hung);
}

static int take_whole(struct sg_sweep *sweep, const struct swept_role *swept, struct sg_role *role)
{
    struct sg_buffer statements = {0};
    struct sg_reading reading = {
        .arn = sg_text_of(swept->arn),
        .role_id = sg_text_of(swept->role_id),
        .created_ms = swept->created_ms,
        .aws_ms = swept->aws_ms,
        .began_ms = sweep->first_aws_ms,
        .from_iam = true,
    };

    add_policies(&statements, &reading, swept);
    for (size_t i = 0; i < swept->group_count; i++)
        add_policies(&statements, &reading, find_group(sweep, swept->groups[i]));
    if (swept->boundary != NULL) {
        sg_buffer_add_text(&statements, sg_buffer_text(&swept->boundary->boundary));
        if (swept->boundary->aws_ms > reading.aws_ms)
            reading.aws_ms = swept->boundary->aws_ms;
    }
    reading.statements = sg_buffer_text(&statements);
    const int error =
        statements.failed ? SG_E_MEMORY : sg_account_take(sweep->account, role, &reading);
    if (error == SG_OK)
        keep_hung(sweep, swept, role);
    sg_buffer_clear(&statements);
    return error;
}

/* What the sweep did not show is asked for by name: only GetRole says that a role is gone. */
static void look_for_absent(struct sg_agent_account *account)
{
    struct sg_role *next;

    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL; role = next) {
        struct sg_record record;

        next = sg_roles_next(&account->roles, role);
        if (role->seen == account->round || role->fetch != NULL)
            continue;
        if (!sg_role_record(&record, role)) {
            sg_roles_remove(&account->roles, role);
            continue;
        }
        if (sg_gone_expire(account, role) || record.state == SG_ROLE_DELETED)
            continue;
        (void)sg_fetch_start(account, sg_text_of(role->key), (struct sg_text){0}, false, NULL);
    }
}

static bool take_all(struct sg_sweep *sweep)
{
    struct sg_agent_account *account = sweep->account;

    sort_groups(&sweep->groups);
    for (size_t i = 0; i < sweep->roles.count; i++) {
        const struct swept_role *swept = &sweep->roles.items[i];
        struct sg_role *role = sg_roles_add(&account->roles, sg_text_of(swept->key));

        if (role == NULL) {
            sg_health_bad(&account->health, "out of memory");
            return false;
        }
        if (role->seen == account->round) {
            /* Twice in one sweep is not two reads in a row, which loosening needs. */
            (void)sg_fetch_start(account, sg_text_of(role->key), (struct sg_text){0}, false, NULL);
            continue;
        }
        role->seen = account->round;
        const char *why = find_unreadable(sweep, swept);
        if (why == NULL && take_whole(sweep, swept, role) != SG_OK)
            why = "its policies are too much for one record, or memory ended";
        /* By himself a user may be whole, and if not, it says which call was refused. */
        if (why != NULL &&
            (!swept->user || sg_fetch_start(account, sg_text_of(role->key), (struct sg_text){0},
                                            false, NULL) != SG_OK))
            sg_account_take_stale(account, role, why);
    }
    look_for_absent(account);
    sg_hung_remember_all(&account->told, &sweep->managed, sg_now_ms(account->agent));
    return true;
}

static void read_missing(struct sg_sweep *sweep);

static void took_missing(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_sweep *sweep = payload;

    if (answer->outcome != SG_IAM_OK)
        sg_log(&sweep->account->agent->log, SG_LOG_WARNING, "account=%s policy=%s problem=%s: %s",
               sweep->account->config->label, sweep->read.managed->arn,
               answer->code[0] != '\0' ? answer->code : "unreadable", answer->message);
    sweep->reading = false;
    /* The account remembers it by its version, so that the next sweep need not read it again. */
    if (answer->outcome != SG_IAM_OK || !sg_managed_copy(sweep->missing, sweep->read.managed))
        sweep->missing->failed = true;
    read_missing(sweep);
}

/* Policies that hang on a role, user or group and that the pages did not hold. */
static void read_missing(struct sg_sweep *sweep)
{
    for (size_t i = 0; i < sweep->roles.count + sweep->groups.count; i++) {
        const struct swept_role *swept = i < sweep->roles.count
                                             ? &sweep->roles.items[i]
                                             : &sweep->groups.items[i - sweep->roles.count];

        for (size_t j = 0; j <= swept->attached_count; j++) {
            struct sg_managed *managed =
                j < swept->attached_count ? swept->attached[j] : swept->boundary;
            if (managed == NULL || managed->known || managed->failed)
                continue;
            struct sg_managed *kept =
                sg_managed_add(&sweep->account->managed, sg_text_of(managed->arn));
            if (kept == NULL) {
                managed->failed = true;
                continue;
            }
            sweep->reading = true;
            sweep->missing = managed;
            sg_managed_read_start(&sweep->read, sweep->account, kept, took_missing, sweep);
            return;
        }
    }
    end(sweep, take_all(sweep));
}

/* ---- calls ---- */

static void ask_for_page(struct sg_sweep *sweep);

static void took_page(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_sweep *sweep = payload;
    struct sg_agent_account *account = sweep->account;
    const struct sg_iam_sink sink = {take_role, take_managed, sweep, take_user, take_group};

    if (answer->outcome != SG_IAM_OK) {
        if (answer->outcome == SG_IAM_DENIED && account->health.failures == 0)
            sg_log(&account->agent->log, SG_LOG_ERROR,
                   "account=%s alarm=access-denied: %s; what was known stays and ages",
                   account->config->label, answer->message);
        sg_health_bad(&account->health, "GetAccountAuthorizationDetails: %s%s%s", answer->code,
                      answer->code[0] != '\0' ? ": " : "", answer->message);
        end(sweep, false);
        return;
    }
    if (sweep->first_aws_ms == 0)
        sweep->first_aws_ms = answer->date_ms;
    sweep->page_aws_ms = answer->date_ms;
    sweep->pages++;
    sweep->page.may_omit = account->config->id[0] == '\0';
    const size_t shown_before = sweep->roles.count;
    const int error = sg_iam_read_details(&sweep->page, answer->body, &sink);
    if (sweep->wrong[0] != '\0')
        sg_health_bad(&account->health,
                      "the keys belong to another account: IAM shows %s, and [account %s] has id "
                      "= %s, partition = %s",
                      sweep->wrong, account->config->label, account->config->id,
                      account->config->partition);
    else if (error != SG_OK)
        sg_health_bad(&account->health,
                      "GetAccountAuthorizationDetails: page %u is not a whole answer of IAM",
                      sweep->pages);
    if (error != SG_OK) {
        end(sweep, false);
        return;
    }
    if (sweep->roles.count > shown_before)
        sg_identity_shown(account, sweep->call.key_id);
    if (!sweep->page.truncated) {
        read_missing(sweep);
        return;
    }
    if (sweep->pages == PAGES_MAX || strcmp(sweep->marker, sweep->page.marker) == 0) {
        sg_health_bad(
            &account->health,
            "GetAccountAuthorizationDetails: no end after page %u (the same marker again, "
            "or too many pages)",
            sweep->pages);
        end(sweep, false);
        return;
    }
    ask_for_page(sweep);
}

static void ask_for_page(struct sg_sweep *sweep)
{
    struct sg_iam_request request = {
        .action = "GetAccountAuthorizationDetails",
        .parameters = {{"Filter.member.1", SG_TEXT("Role")},
                       {"Filter.member.2", SG_TEXT("LocalManagedPolicy")},
                       {"Filter.member.3", SG_TEXT("AWSManagedPolicy")},
                       {"MaxItems", SG_TEXT("1000")}},
    };
    size_t count = 4;

    if (sweep->account->config->users) {
        request.parameters[count].name = "Filter.member.4";
        request.parameters[count++].value = SG_TEXT("User");
        request.parameters[count].name = "Filter.member.5";
        request.parameters[count++].value = SG_TEXT("Group");
    }
    if (sweep->pages > 0) {
        memcpy(sweep->marker, sweep->page.marker, sizeof sweep->marker);
        request.parameters[count].name = "Marker";
        request.parameters[count].value = sg_text_of(sweep->marker);
    }
    sweep->call = (struct sg_call){
        .account = sweep->account, .request = request, .done = took_page, .payload = sweep};
    sg_call_start(&sweep->call);
}

int sg_sweep_start(struct sg_agent_account *account)
{
    struct sg_sweep *sweep = sg_alloc(1, sizeof *sweep);

    if (sweep == NULL)
        return SG_E_MEMORY;
    sweep->account = account;
    account->sweep = sweep;
    ask_for_page(sweep);
    return SG_OK;
}
