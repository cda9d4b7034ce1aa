/*
 * lockout.c - would a statement that stands now keep every session of its role out, also one that
 * has just begun and whose token is new? Asked for each issuer and service that the role may come
 * by, with what such a credential tells and no more. Must never pass over a statement because of a
 * key's value: only keys that the credential can't tell, or the time can't, lock everybody out.
 */
#include "ctl/lockout_probe.h"

#include "store/store.h"

#include <json-c/json.h>
#include <stdio.h>

#define SESSION_MS SG_HOUR_MS          /* what AWS gives unless it is asked for more */
#define SOON_MS    (10 * SG_MINUTE_MS) /* a revocation that settles until then is an ordinary one */

static enum sg_credential_kind credential_kind(enum sg_issuer_kind kind)
{
    switch (kind) {
    case SG_ISSUER_WEB_IDENTITY:
        return SG_CREDENTIAL_WEB_IDENTITY;
    case SG_ISSUER_JWT:
        return SG_CREDENTIAL_JWT;
    case SG_ISSUER_CALLER_IDENTITY:
        break;
    }
    return SG_CREDENTIAL_CALLER_IDENTITY;
}

/* A session that has just begun, by a credential made just now. */
static struct sg_interval issued_now(const struct sg_issuer *issuer, int64_t now_ms)
{
    switch (issuer->kind) {
    case SG_ISSUER_WEB_IDENTITY:
        return sg_issued_web_identity(now_ms, now_ms + SESSION_MS, issuer->longest_session_ms);
    case SG_ISSUER_JWT:
        return issuer->issue_time == SG_ISSUE_TIME_SESSION
                   ? sg_issued_exact(now_ms, issuer->issuer_skew_ms)
                   : sg_issued_latest(now_ms, issuer->longest_session_ms, issuer->issuer_skew_ms);
    case SG_ISSUER_CALLER_IDENTITY:
        break;
    }
    return sg_issued_latest(now_ms, issuer->longest_session_ms, 0);
}

static bool is_user(const struct sg_record *record)
{
    struct sg_role_arn arn;

    return sg_user_arn_parse(&arn, record->arn);
}

static bool is_told(const struct ctl_probe *probe, enum sg_key key, enum sg_telling telling)
{
    if (key == SG_KEY_USERID && telling == SG_TELLS_OR_NOT)
        return probe->issuer->session_name_claim != NULL && probe->record->role_id.length > 0;
    return telling != SG_TELLS_NOT;
}

/* Values that differ from session to session stay unknown; what nobody can tell is noted. */
static void ask(struct sg_key_values *values, const struct sg_policy_request *request,
                enum sg_key key, struct sg_text name)
{
    struct ctl_probe *probe = request->payload;
    const enum sg_telling telling = sg_key_telling(key, name, probe->kind, request->action);
    struct sg_text told = {0};

    if (telling == SG_TELLS_ABSENT) {
        values->presence = SG_KEY_ABSENT;
        return;
    }
    if (!is_told(probe, key, telling) && probe->key[0] == '\0') {
        (void)snprintf(probe->key, sizeof(probe->key), "%.*s", SG_TEXT_ARG(name));
        sg_text_make_printable(probe->key, strlen(probe->key));
    }
    if (key == SG_KEY_PRINCIPAL_ARN)
        told = probe->record->arn;
    else if (key == SG_KEY_PRINCIPAL_ACCOUNT)
        told = sg_text_of(probe->look->account->id);
    else if (key == SG_KEY_PRINCIPAL_TYPE)
        told = is_user(probe->record) ? SG_TEXT("User") : SG_TEXT("AssumedRole");
    else if (key == SG_KEY_USERNAME && !is_user(probe->record))
        values->presence = SG_KEY_ABSENT;
    else if (key == SG_KEY_IS_SERVICE || key == SG_KEY_VIA_SERVICE)
        told = SG_TEXT("false");
    if (told.length == 0)
        return;
    values->presence = SG_KEY_PRESENT;
    values->count = 1;
    values->one = told;
}

static struct sg_policy_request request_of(struct ctl_probe *probe)
{
    const struct sg_service *service = probe->service;
    const struct sg_account *account = probe->look->account;
    const int length =
        service->resource != NULL
            ? snprintf(probe->resource, sizeof(probe->resource), "%s", service->resource)
            : snprintf(probe->resource, sizeof(probe->resource), "arn:%s:execute-api::%s:%s",
                       account->partition, account->id, service->name);

    return (struct sg_policy_request){
        .action =
            service->action == NULL ? SG_TEXT("execute-api:Invoke") : sg_text_of(service->action),
        .resource = {probe->resource, length < 0 ? 0 : strlen(probe->resource)},
        .issued = probe->session.issued,
        .now_ms = probe->look->aws_now_ms,
        .ask = ask,
        .payload = probe,
    };
}

static enum ctl_why judge(struct ctl_probe *probe, const struct sg_statement *statement)
{
    const struct sg_policy_request request = request_of(probe);
    const struct sg_grounds grounds = {
        .session = &probe->session,
        .service = probe->service,
        .issuer = probe->issuer,
        .account = probe->look->account,
        .record = probe->record,
        .now_ms = probe->look->aws_now_ms,
        .aws_now_ms = probe->look->aws_now_ms,
    };
    enum sg_match match;

    probe->key[0] = '\0';
    probe->from_ms = 0;
    if (((statement->flags & SG_STATEMENT_ENFORCED) == 0 && !probe->service->deny_all) ||
        probe->session.issued.earliest_ms >= statement->bites_before_ms)
        return CTL_WHY_NOT;
    match = sg_statement_match(statement, &request);
    if (match == SG_MATCH_INDETERMINATE)
        return probe->service->allow_indeterminate ? CTL_WHY_NOT : CTL_WHY_INDETERMINATE;
    if (match == SG_MATCH_YES && statement->bites_before_ms != INT64_MAX &&
        statement->bites_before_ms < probe->look->aws_now_ms + SOON_MS)
        return CTL_WHY_NOT; /* the console's cutoff lies a little ahead */
    if (match == SG_MATCH_YES)
        return CTL_WHY_DENIED;
    if (match == SG_MATCH_NO || (match == SG_MATCH_KEY_UNKNOWN && probe->key[0] == '\0') ||
        (match == SG_MATCH_TIME_UNKNOWN && probe->service->allow_uncertain))
        return CTL_WHY_NOT;
    if (sg_evidence_settles(&probe->from_ms, &grounds, statement) ||
        (probe->from_ms != 0 && probe->from_ms < probe->look->aws_now_ms + SOON_MS))
        return CTL_WHY_NOT;
    return match == SG_MATCH_KEY_UNKNOWN ? CTL_WHY_KEY : CTL_WHY_TIME;
}

/* ---- all of them ---- */

static bool role_enters(const struct sg_service *service, const struct sg_issuer *issuer,
                        const struct sg_record *record)
{
    bool accepted = false;

    for (size_t i = 0; i < service->accept_count; i++)
        accepted = accepted || service->accept[i] == issuer;
    if (!accepted || record->arn.length == 0)
        return accepted;
    for (size_t i = 0; i < service->allow_roles.count; i++) {
        if (sg_text_match(sg_text_of(service->allow_roles.items[i]), record->arn, '/', false))
            return true;
    }
    return false;
}

/* A line for the first service that it locks the role out of, with the number of others. */
static void look_at(struct ctl_probe *probe, const struct sg_statement *statement)
{
    const struct sg_config *config = probe->look->config;
    struct ctl_probe first = *probe;
    enum ctl_why why = CTL_WHY_NOT;
    size_t count = 0;

    for (size_t i = 0; i < config->service_count; i++) {
        probe->service = &config->services[i];
        if (!role_enters(probe->service, probe->issuer, probe->record))
            continue;
        const enum ctl_why here = judge(probe, statement);
        if (here == CTL_WHY_NOT)
            continue;
        if (count++ == 0) {
            first = *probe;
            why = here;
        }
    }
    if (count > 0)
        ctl_lockout_tell(&first, why, statement, count - 1);
}

static bool look_at_role(void *payload, struct sg_text partition, struct sg_text account,
                         struct sg_text role_key, const struct sg_record *record)
{
    const struct ctl_look *look = payload;
    const struct sg_statement *statement;

    (void)partition;
    (void)account;
    if (record->state != SG_ROLE_PRESENT)
        return true;
    for (size_t i = 0; i < look->config->issuer_count; i++) {
        const struct sg_issuer *issuer = &look->config->issuers[i];
        struct ctl_probe probe = {.look = look,
                                  .record = record,
                                  .issuer = issuer,
                                  .role = record->arn.length > 0 ? record->arn : role_key,
                                  .kind = credential_kind(issuer->kind)};
        size_t at = 0;

        if (issuer->account != look->account ||
            (is_user(record) && issuer->kind != SG_ISSUER_CALLER_IDENTITY))
            continue;
        probe.session.issued = issued_now(issuer, look->aws_now_ms);
        if (is_user(record)) /* and no companion of his proves anything */
            probe.session.issued = sg_issued_latest(look->aws_now_ms, SG_USER_SESSION_MS, 0);
        else if (issuer->kind == SG_ISSUER_WEB_IDENTITY || (issuer->forms & SG_FORM_COMPANION) != 0)
            probe.session.evidence_ms = look->aws_now_ms;
        while ((statement = sg_statement_next(record->statements, &at)) != NULL)
            look_at(&probe, statement);
    }
    return true;
}

static bool look_at_account(struct ctl_look *look, struct sg_store *store)
{
    struct sg_slot *slot = sg_store_slot(store, SG_SLOT_ACCOUNT, sg_text_of(look->account->label));
    const int64_t boot_ms = sg_clock_boot_ms(&sg_clock_system);
    struct sg_stamp stamp;

    if (slot == NULL)
        return false;
    sg_store_refresh(store, slot, boot_ms, &stamp);
    if (stamp.generation == 0 || stamp.origin != look->account->origin)
        return false;
    look->aws_now_ms = stamp.this_boot ? stamp.complete_aws_ms + (boot_ms - stamp.complete_boot_ms)
                                       : sg_clock_wall_ms(&sg_clock_system);
    return sg_store_each_role(store, slot, look_at_role, look) == SG_OK;
}

void ctl_lockouts(const struct sg_config *config, struct json_object *list,
                  struct json_object *notes)
{
    struct ctl_look look = {.config = config, .list = list};
    struct sg_problems problems = {0};
    struct sg_store *store = NULL;
    const int error =
        sg_store_open(&store, config->state, &config->owners, &sg_clock_system, NULL, &problems);

    sg_problems_clear(&problems); /* the gate has told them */
    for (size_t i = 0; error == SG_OK && i < config->account_count; i++) {
        char note[200];

        look.account = &config->accounts[i];
        if (look_at_account(&look, store))
            continue;
        snprintf(note, sizeof(note),
                 "account %s: no good table in the store, so its roles were not looked at",
                 look.account->label);
        if (notes != NULL)
            json_object_array_add(notes, json_object_new_string(note));
        else
            printf("note: %s\n", note);
    }
    sg_store_close(store);
}
