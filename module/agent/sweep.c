/*
 * sweep.c - all roles of an account in a few answers: GetAccountAuthorizationDetails, page after
 * page until IsTruncated is false. Nothing is taken before the last page has come: half a sweep
 * says nothing about the roles it did not show.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGES_MAX 10000
#define ROLES_MAX 100000 /* IAM allows a few thousand */

struct swept_role {
    char key[SG_ROLE_NAME_MAX + 1];
    char arn[SG_ARN_MAX + 1];
    char role_id[40];
    int64_t created_ms, aws_ms;
    bool whole;
    struct sg_buffer statements;  /* of inline policies */
    struct sg_managed **attached; /* in the sweep's set */
    size_t attached_count;
    struct sg_managed *boundary;
};

struct sg_sweep {
    struct sg_agent_account *account;
    struct sg_call call;
    struct sg_iam_page page;
    char marker[SG_IAM_MARKER_MAX + 1]; /* of the page asked for */
    unsigned pages;
    struct swept_role *roles;
    size_t count, size;
    struct sg_managed_set managed;
    struct sg_managed_read read;
    struct sg_managed *missing; /* of this sweep: a policy that the pages did not hold */
    bool reading;
    int64_t first_aws_ms, page_aws_ms;
    char wrong[SG_ARN_MAX + 1]; /* a role of another account */
};

static void free_sweep(struct sg_sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++) {
        sg_buffer_clear(&sweep->roles[i].statements);
        free(sweep->roles[i].attached);
    }
    free(sweep->roles);
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

static struct swept_role *add_role(struct sg_sweep *sweep)
{
    if (sweep->count == ROLES_MAX)
        return NULL;
    if (sweep->count == sweep->size) {
        const size_t size = sweep->size == 0 ? 64 : sweep->size * 2;
        struct swept_role *larger = reallocarray(sweep->roles, size, sizeof *larger);
        if (larger == NULL)
            return NULL;
        sweep->roles = larger;
        sweep->size = size;
    }
    sweep->roles[sweep->count] = (struct swept_role){.aws_ms = sweep->page_aws_ms};
    return &sweep->roles[sweep->count++];
}

static bool take_policies(struct sg_sweep *sweep, struct swept_role *swept,
                          const struct sg_iam_role *role)
{
    for (size_t i = 0; i < role->inline_count; i++) {
        if (sg_policy_compile(&swept->statements, role->inline_policies[i].document,
                              SG_POLICY_INLINE, role->inline_policies[i].name, NULL) != SG_OK)
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

static bool take_role(void *payload, const struct sg_iam_role *role)
{
    struct sg_sweep *sweep = payload;
    struct sg_role_arn parts;

    if (!sg_account_owns_role(sweep->account, &parts, role->arn)) {
        (void)sg_text_copy(sweep->wrong, sizeof sweep->wrong, role->arn);
        sg_text_make_printable(sweep->wrong, strlen(sweep->wrong));
        return false;
    }
    struct swept_role *swept = add_role(sweep);
    if (swept == NULL)
        return false;
    (void)sg_text_copy(swept->arn, sizeof swept->arn, role->arn);
    (void)sg_role_name_fold(swept->key, parts.name);
    swept->whole =
        role->whole && sg_text_copy(swept->role_id, sizeof swept->role_id, role->role_id);
    swept->created_ms = role->created_ms;
    return take_policies(sweep, swept, role);
}

static bool take_managed(void *payload, const struct sg_iam_managed *managed)
{
    struct sg_sweep *sweep = payload;
    struct sg_managed *known = sg_managed_add(&sweep->managed, managed->arn);

    return known != NULL &&
           sg_managed_set_document(known, managed->document, sweep->page_aws_ms, NULL) == SG_OK;
}

/* ---- after the last page ---- */

static const char *find_unreadable(const struct swept_role *swept)
{
    if (!swept->whole)
        return "IAM's answer lacks a part of it";
    for (size_t i = 0; i < swept->attached_count; i++) {
        if (!swept->attached[i]->known)
            return "an attached policy can't be read";
    }
    if (swept->boundary != NULL && !swept->boundary->known)
        return "its permissions boundary can't be read";
    return NULL;
}

static void keep_hung(const struct swept_role *swept, struct sg_role *role)
{
    struct sg_buffer hung = {0};

    for (size_t i = 0; i < swept->attached_count; i++)
        sg_hung_add(&hung, SG_POLICY_ATTACHED, sg_text_of(swept->attached[i]->arn));
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

    sg_buffer_add_text(&statements, sg_buffer_text(&swept->statements));
    for (size_t i = 0; i < swept->attached_count; i++) {
        sg_buffer_add_text(&statements, sg_buffer_text(&swept->attached[i]->attached));
        if (swept->attached[i]->aws_ms > reading.aws_ms)
            reading.aws_ms = swept->attached[i]->aws_ms;
    }
    if (swept->boundary != NULL) {
        sg_buffer_add_text(&statements, sg_buffer_text(&swept->boundary->boundary));
        if (swept->boundary->aws_ms > reading.aws_ms)
            reading.aws_ms = swept->boundary->aws_ms;
    }
    reading.statements = sg_buffer_text(&statements);
    const int error =
        statements.failed ? SG_E_MEMORY : sg_account_take(sweep->account, role, &reading);
    if (error == SG_OK)
        keep_hung(swept, role);
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

    for (size_t i = 0; i < sweep->count; i++) {
        const struct swept_role *swept = &sweep->roles[i];
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
        const char *why = find_unreadable(swept);
        if (why == NULL && take_whole(sweep, swept, role) != SG_OK)
            why = "its policies are too much for one record, or memory ended";
        if (why != NULL)
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

/* Policies that hang on a role and that the pages did not hold. */
static void read_missing(struct sg_sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++) {
        const struct swept_role *swept = &sweep->roles[i];

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
    const struct sg_iam_sink sink = {take_role, take_managed, sweep};

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
    const size_t shown_before = sweep->count;
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
    if (sweep->count > shown_before)
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

    if (sweep->pages > 0) {
        memcpy(sweep->marker, sweep->page.marker, sizeof sweep->marker);
        request.parameters[4].name = "Marker";
        request.parameters[4].value = sg_text_of(sweep->marker);
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
