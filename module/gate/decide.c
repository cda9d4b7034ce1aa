/*
 * decide.c - the rules, one after the other: who may enter, how old a token and
 * a session may be, the service's own cutoffs, then what IAM says of the role.
 * A later rule never takes back an earlier denial.
 */
#include "gate/decide.h"

#include "base/buffer.h"
#include "base/date.h"

#include <stdarg.h>
#include <stdio.h>

static void say(struct sg_decision *decision, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct sg_decision *decision, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(decision->detail, sizeof(decision->detail), format, arguments);
    va_end(arguments);
}

static void deny(struct sg_decision *decision, enum stsgate_reason reason)
{
    decision->verdict = STSGATE_DENY;
    decision->reason = reason;
}

static void allow(struct sg_decision *decision)
{
    decision->verdict = STSGATE_ALLOW;
    decision->reason = STSGATE_REASON_NONE;
}

static bool role_allowed(const struct sg_session *session, const struct sg_service *service)
{
    struct sg_text role = sg_text_of(session->role_arn);

    for (size_t i = 0; i < service->allow_roles.count; i++) {
        if (sg_text_match(sg_text_of(service->allow_roles.items[i]), role, '/', false))
            return true;
    }
    return false;
}

/* The greatest of the service's own cutoffs for this role. IAM's role names are unique without
 * regard to case, and an issuer of one's own may spell them as it likes: no spelling may slip past
 * a cutoff. (allow_roles is the other way round: only what is written there may enter.) */
static int64_t own_cutoff(const struct sg_session *session, const struct sg_service *service)
{
    struct sg_text role = sg_text_of(session->role_arn);
    int64_t cutoff_ms = service->issued_before_ms;

    for (size_t i = 0; i < service->cutoff_count; i++) {
        if (service->cutoffs[i].issued_before_ms > cutoff_ms &&
            sg_text_match(sg_text_of(service->cutoffs[i].pattern), role, '/', true))
            cutoff_ms = service->cutoffs[i].issued_before_ms;
    }
    return cutoff_ms;
}

/* AWS does not know a service's own cutoff, so no evidence settles it: what the interval does not
 * tell stays uncertain. */
static void decide_own_cutoff(struct sg_decision *decision, const struct sg_session *session,
                              const struct sg_service *service)
{
    int64_t cutoff_ms = own_cutoff(session, service);
    char date[SG_DATE_SIZE];

    if (cutoff_ms == SG_CUTOFF_NONE)
        return;
    decision->cutoff_ms = cutoff_ms;
    if (session->issued.earliest_ms >= cutoff_ms)
        return;
    say(decision, "the service's own cutoff %s", sg_date_format(date, cutoff_ms));
    if (session->issued.latest_ms < cutoff_ms)
        deny(decision, STSGATE_REASON_SERVICE_CUTOFF);
    else if (!service->allow_uncertain)
        deny(decision, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
}

void sg_decide_service(struct sg_decision *decision, const struct sg_session *session,
                       const struct sg_service *service, const struct sg_issuer *issuer,
                       int64_t now_ms)
{
    char limit[SG_DATE_SIZE];

    memset(decision, 0, sizeof(*decision));
    decision->cutoff_ms = SG_CUTOFF_NONE;
    if (!role_allowed(session, service)) {
        say(decision, "no allow_roles pattern of the service matches the role");
        deny(decision, STSGATE_REASON_ROLE_NOT_ALLOWED);
        return;
    }
    if (issuer->kind == SG_ISSUER_WEB_IDENTITY && service->max_token_age_ms > 0 &&
        now_ms - session->token_issued_ms > service->max_token_age_ms) {
        say(decision, "max_token_age = %s", sg_duration_format(limit, service->max_token_age_ms));
        deny(decision, STSGATE_REASON_TOKEN_TOO_OLD);
        return;
    }
    if (service->max_session_age_ms > 0 &&
        now_ms - session->issued.latest_ms > service->max_session_age_ms) {
        say(decision, "max_session_age = %s",
            sg_duration_format(limit, service->max_session_age_ms));
        deny(decision, STSGATE_REASON_SESSION_TOO_OLD);
        return;
    }
    allow(decision);
    decide_own_cutoff(decision, session, service);
}

/* The same role, not one that took its name? `role-recreated`, or uncertain when the creation lies
 * in the interval. */
static bool decide_identity(struct sg_decision *decision, const struct sg_session *session,
                            const struct sg_service *service, const struct sg_account *account,
                            const struct sg_record *record)
{
    char date[SG_DATE_SIZE];
    int64_t from_ms;

    if (record->role_id.length > 0 && session->role_id[0] != 0 &&
        !sg_text_equal(record->role_id, sg_text_of(session->role_id))) {
        say(decision, "role id %s; the role's is now %.*s", session->role_id,
            SG_TEXT_ARG(record->role_id));
        deny(decision, STSGATE_REASON_ROLE_RECREATED);
        return false;
    }
    if (record->arn.length > 0 && !sg_text_equal(record->arn, sg_text_of(session->role_arn))) {
        say(decision, "the role's ARN is now another one (path or case)");
        deny(decision, STSGATE_REASON_ROLE_RECREATED);
        return false;
    }
    if (session->issued.earliest_ms >= record->created_ms)
        return true;
    say(decision, "the role was created at %s", sg_date_format(date, record->created_ms));
    if (session->issued.latest_ms < record->created_ms) {
        deny(decision, STSGATE_REASON_ROLE_RECREATED);
        return false;
    }
    if (__builtin_add_overflow(record->created_ms, account->settle_ms, &from_ms))
        from_ms = INT64_MAX;
    if (session->evidence_ms >= from_ms || service->allow_uncertain)
        return true;
    decision->accepted_from_ms = from_ms;
    deny(decision, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    return false;
}

static void name_statement(struct sg_decision *decision, const struct sg_statement *statement)
{
    struct sg_buffer text = {0};

    decision->cutoff_ms = statement->cutoff_ms;
    sg_statement_describe(&text, statement);
    say(decision, "%s", text.data == NULL ? "a Deny statement of the role" : text.data);
    sg_buffer_clear(&text);
}

/* The pseudo request that a statement's Action and Resource are held against: execute-api:Invoke on
 * this service. */
static struct sg_policy_request policy_request(char *resource, size_t size,
                                               const struct sg_session *session,
                                               const struct sg_service *service)
{
    int length = snprintf(resource, size, "arn:%s:execute-api::%s:%s", session->partition,
                          session->account, service->name);

    return (struct sg_policy_request){
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = {resource, length < 0 ? 0 : (size_t)length},
        .issued = session->issued,
    };
}

/*
 * Statement by statement. A definite match denies at once; what the interval or the credential
 * cannot tell is put to the evidence, and what that leaves open is uncertain (time) or counts as
 * matching (a key).
 */
static void decide_statements(struct sg_decision *decision, const struct sg_session *session,
                              const struct sg_service *service, const struct sg_account *account,
                              const struct sg_record *record, int64_t aws_now_ms)
{
    char resource[160];
    struct sg_policy_request request = policy_request(resource, sizeof(resource), session, service);
    const struct sg_statement *statement, *uncertain = NULL;
    int64_t from_ms, accepted_from_ms = 0;
    bool answerable = true;
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        enum sg_match match;

        if ((statement->flags & SG_STATEMENT_ENFORCED) == 0)
            continue;
        match = sg_statement_match(statement, &request);
        if (match == SG_MATCH_NO)
            continue;
        if (match != SG_MATCH_YES &&
            sg_evidence_settles(&from_ms, session, statement, account, aws_now_ms))
            continue;
        if (match == SG_MATCH_TIME_UNKNOWN) {
            answerable = answerable && from_ms != 0;
            if (uncertain == NULL || from_ms > accepted_from_ms)
                uncertain = statement;
            if (from_ms > accepted_from_ms)
                accepted_from_ms = from_ms;
            continue;
        }
        name_statement(decision, statement);
        deny(decision, (statement->flags & SG_STATEMENT_UNCONDITIONAL) != 0
                           ? STSGATE_REASON_ROLE_DENIED
                           : STSGATE_REASON_SESSION_REVOKED);
        return;
    }
    if (at != record->statements.length) {
        say(decision, "the role's record is damaged");
        deny(decision, STSGATE_REASON_SESSION_REVOKED);
        return;
    }
    if (uncertain == NULL || service->allow_uncertain)
        return;
    name_statement(decision, uncertain);
    decision->accepted_from_ms = answerable ? accepted_from_ms : 0;
    deny(decision, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
}

void sg_decide_record(struct sg_decision *decision, const struct sg_session *session,
                      const struct sg_service *service, const struct sg_account *account,
                      const struct sg_record *record, int64_t aws_now_ms)
{
    memset(decision, 0, sizeof(*decision));
    decision->cutoff_ms = record->cutoff_ms;
    if (record->state != SG_ROLE_PRESENT) {
        say(decision, "IAM has no role of this name any more");
        deny(decision, STSGATE_REASON_ROLE_DELETED);
        return;
    }
    if (!decide_identity(decision, session, service, account, record))
        return;
    allow(decision);
    decision->detail[0] = 0;
    /* Nearly every check ends here: one comparison. */
    if (!record->residual && session->issued.earliest_ms >= record->cutoff_ms)
        return;
    decide_statements(decision, session, service, account, record, aws_now_ms);
}
