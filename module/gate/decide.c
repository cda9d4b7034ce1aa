/*
 * decide.c - the rules, one after the other: who may enter, how old a token and
 * a session may be, the service's own cutoffs, then what IAM says of the role.
 * A later rule never takes back an earlier denial.
 */
#include "gate/decide.h"

#include "base/buffer.h"
#include "base/date.h"
#include "gate/context.h"

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
    if (session->issued.earliest_ms >= cutoff_ms && !sg_session_is_long_term(session))
        return;
    say(decision, "the service's own cutoff %s", sg_date_format(date, cutoff_ms));
    /* Nobody can tell how old a long-term key is: none is younger than the cutoff. */
    if (session->issued.latest_ms < cutoff_ms || sg_session_is_long_term(session))
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
        (now_ms - session->issued.latest_ms > service->max_session_age_ms ||
         sg_session_is_long_term(session))) {
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
static bool decide_identity(struct sg_decision *decision, const struct sg_grounds *grounds)
{
    const struct sg_session *session = grounds->session;
    const struct sg_record *record = grounds->record;
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
    /* AWS gives no id twice: one that was told is of this role, whenever it was made. */
    if (session->issued.earliest_ms >= record->created_ms ||
        (record->role_id.length > 0 && session->role_id[0] != 0))
        return true;
    say(decision, "the role was created at %s", sg_date_format(date, record->created_ms));
    if (session->issued.latest_ms < record->created_ms) {
        deny(decision, STSGATE_REASON_ROLE_RECREATED);
        return false;
    }
    if (__builtin_add_overflow(record->created_ms, grounds->account->settle_ms, &from_ms))
        from_ms = INT64_MAX;
    if (session->evidence_ms >= from_ms || grounds->service->allow_uncertain)
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

/* What the walk over a role's statements has found so far. */
struct findings {
    const struct sg_statement *uncertain; /* it could not be told whether it matches; NULL: none */
    bool by_key;              /* for one of them because of a key, not of the issue time */
    bool answerable;          /* a later mint would answer all of them */
    int64_t accepted_from_ms; /* when so: from then on */
};

static bool counts(const struct sg_statement *statement, const struct sg_service *service)
{
    return (statement->flags & SG_STATEMENT_ENFORCED) != 0 || service->deny_all;
}

static enum sg_match match_statement(const struct sg_context *context,
                                     const struct sg_statement *statement)
{
    const struct sg_grounds *grounds = context->grounds;

    if (grounds->step != NULL)
        return sg_trace_statement(context, statement);
    return sg_statement_match(statement, &context->request);
}

/*
 * One statement that bears on the session. A definite match denies at once; what the interval or
 * the credential cannot tell is put to the evidence first, and what that leaves open is kept:
 * uncertain (time), or counted as matching (a key). False: denied.
 */
static bool weigh(struct findings *findings, const struct sg_context *context,
                  const struct sg_statement *statement)
{
    const struct sg_grounds *grounds = context->grounds;
    const enum sg_match match = match_statement(context, statement);
    int64_t from_ms = 0;

    switch (match) {
    case SG_MATCH_NO:
        return true;
    case SG_MATCH_YES:
        return false;
    case SG_MATCH_INDETERMINATE:
        return grounds->service->allow_indeterminate;
    case SG_MATCH_TIME_UNKNOWN:
    case SG_MATCH_KEY_UNKNOWN:
        break;
    }
    if (sg_evidence_settles(&from_ms, grounds, statement)) {
        sg_trace_evidence(grounds, statement);
        return true;
    }
    findings->answerable = findings->answerable && from_ms != 0;
    if (findings->uncertain == NULL || from_ms > findings->accepted_from_ms ||
        (match == SG_MATCH_KEY_UNKNOWN && !findings->by_key))
        findings->uncertain = statement;
    if (from_ms > findings->accepted_from_ms)
        findings->accepted_from_ms = from_ms;
    findings->by_key = findings->by_key || match == SG_MATCH_KEY_UNKNOWN;
    return true;
}

static void deny_by(struct sg_decision *decision, const struct sg_statement *statement)
{
    name_statement(decision, statement);
    deny(decision, (statement->flags & SG_STATEMENT_UNCONDITIONAL) != 0
                       ? STSGATE_REASON_ROLE_DENIED
                       : STSGATE_REASON_SESSION_REVOKED);
}

/* Statement by statement; those that no session of this age can match are passed over. */
static void walk_statements(struct sg_decision *decision, const struct sg_context *context)
{
    const struct sg_grounds *grounds = context->grounds;
    const struct sg_text run = grounds->record->statements;
    const bool long_term = sg_session_is_long_term(grounds->session);
    struct findings findings = {.answerable = true};
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if ((grounds->session->issued.earliest_ms >= statement->bites_before_ms && !long_term) ||
            !counts(statement, grounds->service))
            continue;
        if (weigh(&findings, context, statement))
            continue;
        deny_by(decision, statement);
        return;
    }
    if (at != run.length) {
        say(decision, "the role's record is damaged");
        deny(decision, STSGATE_REASON_SESSION_REVOKED);
        return;
    }
    if (findings.uncertain == NULL || (!findings.by_key && grounds->service->allow_uncertain))
        return;
    deny_by(decision, findings.uncertain);
    decision->accepted_from_ms = findings.answerable ? findings.accepted_from_ms : 0;
    if (!findings.by_key)
        decision->reason = STSGATE_REASON_ISSUE_TIME_UNCERTAIN;
}

/* Apart, so that the usual way does not pay for the context's memory. */
static __attribute__((noinline)) void decide_statements(struct sg_decision *decision,
                                                        const struct sg_grounds *grounds)
{
    struct sg_context context;

    sg_context_open(&context, grounds);
    walk_statements(decision, &context);
    sg_context_close(&context);
}

void sg_decide_record(struct sg_decision *decision, const struct sg_grounds *grounds)
{
    const struct sg_record *record = grounds->record;
    /* Without an issue time no statement is passed over for its dates: it may match because of
     * that (DateLessThanIfExists). */
    const bool all = (grounds->service->deny_all || sg_session_is_long_term(grounds->session)) &&
                     record->statements.length > 0;

    memset(decision, 0, sizeof(*decision));
    decision->cutoff_ms = record->cutoff_ms;
    if (record->state != SG_ROLE_PRESENT) {
        say(decision, "IAM has no %s of this name any more",
            sg_key_is_user(grounds->session->role_key) ? "user" : "role");
        deny(decision, STSGATE_REASON_ROLE_DELETED);
        return;
    }
    if (!decide_identity(decision, grounds))
        return;
    allow(decision);
    decision->detail[0] = 0;
    /* Nearly every check ends here: one comparison. */
    if (!record->residual && !all && grounds->session->issued.earliest_ms >= record->cutoff_ms)
        return;
    decide_statements(decision, grounds);
}
