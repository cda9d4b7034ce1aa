/*
 * The rules: cutoffs against the interval of issue, each clause of the
 * evidence rule, roles created and deleted, a service's own rules. Time is a parameter throughout.
 */
#include "base/date.h"
#include "gate/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const role_arn = "arn:aws:iam::123456789012:role/team/payments";

static int64_t at(const char *date)
{
    int64_t ms = 0;

    assert_true(sg_date_parse_rfc3339(&ms, sg_text_of(date)));
    return ms;
}

#define CUTOFF "2026-11-24T10:00:00Z"
#define REVOKE_ALL                                                                                 \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"*\"],"          \
    "\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":\"" CUTOFF       \
    "\"}}}]}"

struct fixture {
    struct sg_account account;
    struct sg_issuer issuer;
    struct sg_service service;
    const char *patterns[1];
    struct sg_session session;
    struct sg_record record;
    struct sg_buffer statements;
    int64_t now_ms;
    struct stsgate_request request; /* size 0: the host told nothing */
    struct sg_text credential;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sg_role_arn arn;

    assert_non_null(f);
    f->now_ms = at("2026-11-24T10:10:00Z");
    f->account = (struct sg_account){.label = "prod",
                                     .id = "123456789012",
                                     .partition = "aws",
                                     .source = SG_SOURCE_IAM,
                                     .settle_ms = 60000,
                                     .settled_ms = 300000};
    f->issuer =
        (struct sg_issuer){.label = "prod", .kind = SG_ISSUER_WEB_IDENTITY, .account = &f->account};
    f->patterns[0] = "arn:aws:iam::123456789012:role/team/pay*";
    f->service = (struct sg_service){.name = "payments",
                                     .mode = SG_MODE_ENFORCE,
                                     .allow_roles = {f->patterns, 1},
                                     .max_token_age_ms = 900000,
                                     .issued_before_ms = INT64_MIN};
    assert_true(sg_role_arn_parse(&arn, sg_text_of(role_arn), false));
    assert_true(sg_session_set_role(&f->session, &arn, sg_text_of(role_arn)));
    f->session.token_issued_ms = f->now_ms - 1000;
    f->session.expires_ms = f->now_ms + 300000;
    f->record = (struct sg_record){.state = SG_ROLE_PRESENT,
                                   .cutoff_ms = SG_CUTOFF_NONE,
                                   .created_ms = at("2020-01-01T00:00:00Z"),
                                   .arn = sg_text_of(role_arn)};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sg_buffer_clear(&f->statements);
    free(f);
    return 0;
}

/* As the agent does: compiled, stamped as AWS's own, summed up in the record. */
static void give_policy(struct fixture *f, const char *document, int64_t first_seen_ms)
{
    struct sg_problems problems = {0};
    const struct sg_statement *found;
    size_t walk = 0;

    assert_int_equal(sg_policy_compile(&f->statements, sg_text_of(document), SG_POLICY_INLINE,
                                       SG_TEXT("AWSRevokeOlderSessions"), &problems),
                     SG_OK);
    sg_problems_clear(&problems);
    f->record.statements = sg_buffer_text(&f->statements);
    while ((found = sg_statement_next(f->record.statements, &walk)) != NULL) {
        struct sg_statement *statement = (struct sg_statement *)(void *)found;

        statement->flags |= SG_STATEMENT_FROM_IAM;
        statement->first_seen_ms = first_seen_ms;
        if ((statement->flags & SG_STATEMENT_SIMPLE) == 0)
            f->record.residual = true;
        else if (statement->cutoff_ms > f->record.cutoff_ms)
            f->record.cutoff_ms = statement->cutoff_ms;
    }
}

static void issued(struct fixture *f, const char *earliest, const char *latest)
{
    f->session.issued.earliest_ms = at(earliest);
    f->session.issued.latest_ms = at(latest);
}

static void issued_exactly(struct fixture *f, const char *date)
{
    issued(f, date, date);
}

/* A session that the interval can't place, minted by AWS at `date`. */
static void uncertain_minted(struct fixture *f, const char *date)
{
    f->session.issued.earliest_ms = at(CUTOFF) - 11 * SG_HOUR_MS;
    f->session.issued.latest_ms = at(date);
    f->session.evidence_ms = at(date);
    f->session.token_issued_ms = at(date);
}

static struct sg_decision decide(const struct fixture *f)
{
    struct sg_decision decision;

    const struct sg_grounds grounds = {
        .session = &f->session,
        .service = &f->service,
        .issuer = &f->issuer,
        .account = &f->account,
        .record = &f->record,
        .request = f->request.size == 0 ? NULL : &f->request,
        .credential = f->credential,
        .now_ms = f->now_ms,
        .aws_now_ms = f->now_ms,
    };

    sg_decide_record(&decision, &grounds);
    return decision;
}

#define assert_denied(decision, why)                                                               \
    do {                                                                                           \
        struct sg_decision denied_ = (decision);                                                   \
        assert_int_equal(denied_.verdict, STSGATE_DENY);                                           \
        assert_string_equal(stsgate_reason_word(denied_.reason), why);                             \
    } while (0)
#define assert_allowed(decision)                                                                   \
    do {                                                                                           \
        struct sg_decision allowed_ = (decision);                                                  \
        assert_string_equal(stsgate_reason_word(allowed_.reason), "ok");                           \
        assert_int_equal(allowed_.verdict, STSGATE_ALLOW);                                         \
    } while (0)

static void session_issued_before_the_cutoff_is_revoked(void **state)
{
    struct fixture *f = *state;
    struct sg_decision decision;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued_exactly(f, "2026-11-24T09:59:59.999Z");
    decision = decide(f);
    assert_denied(decision, "session-revoked");
    assert_int_equal(decision.cutoff_ms, at(CUTOFF));
    assert_non_null(strstr(decision.detail, "AWSRevokeOlderSessions"));
}

static void session_issued_at_the_cutoff_is_not_revoked(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued_exactly(f, CUTOFF);
    assert_allowed(decide(f));
}

static void interval_wholly_before_the_cutoff_is_revoked(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued(f, "2026-11-24T01:00:00Z", "2026-11-24T09:59:59.999Z");
    assert_denied(decide(f), "session-revoked");
}

static void interval_wholly_after_the_cutoff_is_not_revoked(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued(f, CUTOFF, "2026-11-24T10:05:00Z");
    assert_allowed(decide(f));
}

static void interval_across_the_cutoff_without_evidence_is_uncertain(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued(f, "2026-11-24T01:00:00Z", "2026-11-24T10:05:00Z");
    assert_denied(decide(f), "issue-time-uncertain");
}

static void service_may_let_the_uncertain_in(void **state)
{
    struct fixture *f = *state;

    f->service.allow_uncertain = true;
    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued(f, "2026-11-24T01:00:00Z", "2026-11-24T10:05:00Z");
    assert_allowed(decide(f));
    /* but never what is certain */
    issued_exactly(f, "2026-11-24T09:59:59Z");
    assert_denied(decide(f), "session-revoked");
}

static void cutoff_in_the_future_revokes_what_is_minted_before_it(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at("2026-11-24T09:59:30Z"));
    f->now_ms = at("2026-11-24T09:59:40Z");
    issued_exactly(f, "2026-11-24T09:59:39Z");
    assert_denied(decide(f), "session-revoked");
}

static void lock_out_date_of_2099_never_overflows_into_an_allow(void **state)
{
    struct fixture *f = *state;

    give_policy(
        f,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"9223372036854775807\"}}}}",
        at(CUTOFF));
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "session-revoked");
}

/* ---- evidence ---- */

static void mint_settle_after_cutoff_and_first_sight_is_evidence_at_first(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    f->now_ms = at("2026-11-24T10:02:00Z"); /* before A + 300 s: S is 60 s */
    uncertain_minted(f, "2026-11-24T10:00:59Z");
    assert_denied(decide(f), "issue-time-uncertain");
    assert_int_equal(decide(f).accepted_from_ms, at("2026-11-24T10:01:00Z"));
    uncertain_minted(f, "2026-11-24T10:01:00Z");
    assert_allowed(decide(f));
}

static void mint_within_minutes_dies_once_the_cutoff_has_settled(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    uncertain_minted(f, "2026-11-24T10:01:00Z");
    f->now_ms = at("2026-11-24T10:04:59Z");
    assert_allowed(decide(f));
    f->now_ms = at("2026-11-24T10:05:00Z"); /* A + 300 s: S is 300 s from here on */
    assert_denied(decide(f), "issue-time-uncertain");
    assert_int_equal(decide(f).accepted_from_ms, at("2026-11-24T10:05:00Z"));
    uncertain_minted(f, "2026-11-24T10:05:00Z");
    assert_allowed(decide(f));
}

static void back_dated_cutoff_counts_from_when_it_was_first_seen(void **state)
{
    struct fixture *f = *state;

    /* attached at 10:08 with the incident's time: a mint at 10:02 proves nothing */
    give_policy(f, REVOKE_ALL, at("2026-11-24T10:08:00Z"));
    uncertain_minted(f, "2026-11-24T10:02:00Z");
    assert_denied(decide(f), "issue-time-uncertain");
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_allowed(decide(f));
}

static void future_cutoff_counts_from_the_cutoff(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at("2026-11-24T09:59:30Z"));
    f->now_ms = at("2026-11-24T10:01:00Z");
    uncertain_minted(f, "2026-11-24T10:00:31Z"); /* 61 s after first sight, 31 s after the cutoff */
    assert_denied(decide(f), "issue-time-uncertain");
}

static void statement_not_read_from_iam_is_not_settled_by_evidence(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    ((struct sg_statement *)(void *)f->statements.data)->flags &= (uint16_t)~SG_STATEMENT_FROM_IAM;
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "issue-time-uncertain");
    assert_int_equal(decide(f).accepted_from_ms, 0);
}

static void statement_that_does_not_cover_the_mint_is_not_settled_by_evidence(void **state)
{
    struct fixture *f = *state;

    give_policy(
        f,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"execute-api:*\",\"Resource\":\"*\","
        "\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":\"" CUTOFF "\"}}}}",
        at(CUTOFF));
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "issue-time-uncertain");
}

static void statement_with_a_key_that_varies_is_not_settled_by_evidence(void **state)
{
    struct fixture *f = *state;

    give_policy(
        f,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"" CUTOFF "\"},"
        "\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}}}",
        at(CUTOFF));
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "issue-time-uncertain");
}

static void
condition_that_is_not_evaluated_counts_as_matching_unless_evidence_settles_it(void **state)
{
    struct fixture *f = *state;

    give_policy(
        f,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"StringLike\":{\"aws:userid\":\"AROAEXAMPLE:emy\"}}}}",
        at(CUTOFF));
    issued_exactly(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "session-revoked");
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_allowed(decide(f));
}

static void credential_without_a_mint_has_no_evidence(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    f->session.evidence_ms = 0;
    assert_denied(decide(f), "issue-time-uncertain");
}

static void evidence_never_overrules_a_definite_match(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    issued_exactly(f, "2026-11-24T09:00:00Z");
    f->session.evidence_ms = at("2026-11-24T10:09:00Z");
    assert_denied(decide(f), "session-revoked");
}

static void one_uncertain_statement_among_settled_ones_decides(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    give_policy(
        f,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2026-11-24T10:09:30Z\"}}}}",
        at(CUTOFF));
    uncertain_minted(f, "2026-11-24T10:09:40Z");
    assert_denied(decide(f), "issue-time-uncertain");
    assert_int_equal(decide(f).cutoff_ms, at("2026-11-24T10:09:30Z"));
}

static void deny_of_everything_is_role_denied(void **state)
{
    struct fixture *f = *state;

    give_policy(f, "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}}",
                at(CUTOFF));
    issued_exactly(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "role-denied");
}

static void deny_of_other_services_is_no_revocation(void **state)
{
    struct fixture *f = *state;

    give_policy(
        f,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"" CUTOFF "\"}}}}",
        at(CUTOFF));
    issued_exactly(f, "2026-11-24T09:00:00Z");
    assert_allowed(decide(f));
}

static void document_that_cannot_be_read_denies(void **state)
{
    struct fixture *f = *state;

    give_policy(f, "{\"Statement\":[{\"Effect\":\"Deny\",", at(CUTOFF));
    issued_exactly(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "session-revoked");
}

static void damaged_statements_deny(void **state)
{
    struct fixture *f = *state;

    give_policy(f, REVOKE_ALL, at(CUTOFF));
    f->record.statements.length -= 8;
    issued_exactly(f, "2026-11-24T09:00:00Z");
    assert_denied(decide(f), "session-revoked");
}

/* ---- the role itself ---- */

static void be_long_term_key(struct fixture *f)
{
    static const struct sg_text user = {"arn:aws:iam::123456789012:user/team/bob", 39};
    struct sg_role_arn arn;

    assert_true(sg_user_arn_parse(&arn, user));
    assert_true(sg_session_set_role(&f->session, &arn, user));
    f->session.issued = SG_NEVER_ISSUED;
    f->record.arn = user;
    f->issuer.kind = SG_ISSUER_CALLER_IDENTITY;
}

static void long_term_key_is_not_revoked_by_a_date_as_at_aws(void **state)
{
    struct fixture *f = *state;

    be_long_term_key(f);
    give_policy(f, REVOKE_ALL, at(CUTOFF));
    assert_allowed(decide(f));
}

static void long_term_key_is_denied_by_what_needs_no_date(void **state)
{
    static const char *const documents[] = {
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThanIfExists\":{\"aws:TokenIssueTime\":\"2001-01-01T00:00:00Z\"}}}}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"Null\":{\"aws:TokenIssueTime\":\"true\"}}}}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"StringEquals\":{\"aws:username\":\"bob\"}}}}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"StringEquals\":{\"aws:PrincipalType\":\"User\"}}}}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"BoolIfExists\":{\"aws:MultiFactorAuthPresent\":\"false\"}}}}",
        "not a policy",
    };
    struct fixture *f = *state;

    be_long_term_key(f);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        sg_buffer_clear(&f->statements);
        f->record.residual = false;
        f->record.cutoff_ms = SG_CUTOFF_NONE;
        give_policy(f, documents[i], at(CUTOFF));
        assert_int_equal(decide(f).verdict, STSGATE_DENY);
    }
}

static void deny_for_a_username_is_not_about_a_role(void **state)
{
    struct fixture *f = *state;

    f->issuer.kind = SG_ISSUER_CALLER_IDENTITY;
    issued_exactly(f, "2026-11-24T10:05:00Z");
    give_policy(f,
                "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
                "\"Condition\":{\"StringEquals\":{\"aws:username\":\"payments\"}}}}",
                at(CUTOFF));
    assert_allowed(decide(f));
}

static void long_term_key_of_a_deleted_user_is_refused(void **state)
{
    struct fixture *f = *state;

    be_long_term_key(f);
    f->record.state = SG_ROLE_DELETED;
    assert_denied(decide(f), "role-deleted");
}

static void long_term_key_is_never_younger_than_a_services_own_cutoff(void **state)
{
    struct fixture *f = *state;
    struct sg_decision decision;

    be_long_term_key(f);
    f->patterns[0] = "arn:aws:iam::123456789012:user/team/*";
    f->service.issued_before_ms = at("2001-01-01T00:00:00Z");
    sg_decide_service(&decision, &f->session, &f->service, &f->issuer, f->now_ms);
    assert_denied(decision, "service-cutoff");
    f->service.issued_before_ms = INT64_MIN;
    sg_decide_service(&decision, &f->session, &f->service, &f->issuer, f->now_ms);
    assert_allowed(decision);
    f->service.max_session_age_ms = 36 * SG_HOUR_MS;
    sg_decide_service(&decision, &f->session, &f->service, &f->issuer, f->now_ms);
    assert_denied(decision, "session-too-old");
}

static void session_of_a_deleted_role_is_refused(void **state)
{
    struct fixture *f = *state;

    f->record.state = SG_ROLE_DELETED;
    issued_exactly(f, "2026-11-24T10:09:00Z");
    assert_denied(decide(f), "role-deleted");
}

static void session_older_than_its_role_is_of_a_recreated_one(void **state)
{
    struct fixture *f = *state;

    f->record.created_ms = at(CUTOFF);
    issued_exactly(f, "2026-11-24T09:59:59Z");
    assert_denied(decide(f), "role-recreated");
    issued_exactly(f, CUTOFF);
    assert_allowed(decide(f));
}

static void creation_within_the_interval_is_settled_by_a_later_mint(void **state)
{
    struct fixture *f = *state;

    f->record.created_ms = at(CUTOFF);
    uncertain_minted(f, "2026-11-24T10:00:59Z");
    assert_denied(decide(f), "issue-time-uncertain");
    uncertain_minted(f, "2026-11-24T10:01:00Z");
    assert_allowed(decide(f));
}

static void other_role_id_is_a_recreated_role(void **state)
{
    struct fixture *f = *state;

    issued_exactly(f, "2026-11-24T10:09:00Z");
    f->record.role_id = SG_TEXT("AROANEW");
    assert_true(sg_text_copy(f->session.role_id, sizeof(f->session.role_id), SG_TEXT("AROAOLD")));
    assert_denied(decide(f), "role-recreated");
}

static void same_name_under_another_path_is_another_role(void **state)
{
    struct fixture *f = *state;

    issued_exactly(f, "2026-11-24T10:09:00Z");
    f->record.arn = SG_TEXT("arn:aws:iam::123456789012:role/payments");
    assert_denied(decide(f), "role-recreated");
}

/* ---- the service's own rules ---- */

static struct sg_decision decide_service(const struct fixture *f)
{
    struct sg_decision decision;

    sg_decide_service(&decision, &f->session, &f->service, &f->issuer, f->now_ms);
    return decision;
}

static void role_outside_the_patterns_may_not_enter(void **state)
{
    struct fixture *f = *state;

    issued_exactly(f, "2026-11-24T10:09:00Z");
    assert_allowed(decide_service(f));
    f->patterns[0] = "arn:aws:iam::123456789012:role/pay*";
    assert_denied(decide_service(f), "role-not-allowed");
}

static void star_does_not_cross_a_slash(void **state)
{
    struct fixture *f = *state;

    issued_exactly(f, "2026-11-24T10:09:00Z");
    f->patterns[0] = "arn:aws:iam::123456789012:role/*";
    assert_denied(decide_service(f), "role-not-allowed");
    f->patterns[0] = "arn:aws:iam::123456789012:role/*/*";
    assert_allowed(decide_service(f));
}

static void service_without_patterns_lets_nobody_in(void **state)
{
    struct fixture *f = *state;

    f->service.allow_roles.count = 0;
    issued_exactly(f, "2026-11-24T10:09:00Z");
    assert_denied(decide_service(f), "role-not-allowed");
}

static void old_web_identity_token_is_refused(void **state)
{
    struct fixture *f = *state;

    issued_exactly(f, "2026-11-24T10:09:00Z");
    f->session.token_issued_ms = f->now_ms - 900000;
    assert_allowed(decide_service(f));
    f->session.token_issued_ms--;
    assert_denied(decide_service(f), "token-too-old");
}

static void session_age_is_measured_from_latest(void **state)
{
    struct fixture *f = *state;

    f->service.max_session_age_ms = SG_HOUR_MS;
    issued(f, "2026-11-24T01:00:00Z", "2026-11-24T09:10:00Z");
    assert_allowed(decide_service(f));
    issued(f, "2026-11-24T01:00:00Z", "2026-11-24T09:09:59Z");
    assert_denied(decide_service(f), "session-too-old");
}

static void own_cutoff_holds_whatever_the_evidence(void **state)
{
    struct fixture *f = *state;

    f->service.issued_before_ms = at(CUTOFF);
    issued_exactly(f, "2026-11-24T09:59:59Z");
    assert_denied(decide_service(f), "service-cutoff");
    uncertain_minted(f, "2026-11-24T10:09:00Z");
    assert_denied(decide_service(f), "issue-time-uncertain");
    issued_exactly(f, CUTOFF);
    assert_allowed(decide_service(f));
}

static void own_cutoff_of_a_pattern_holds_for_its_roles_only(void **state)
{
    struct fixture *f = *state;
    struct sg_cutoff cutoff = {.pattern = "arn:aws:iam::123456789012:role/legacy-*",
                               .issued_before_ms = at(CUTOFF)};

    f->service.cutoffs = &cutoff;
    f->service.cutoff_count = 1;
    issued_exactly(f, "2026-11-24T09:00:00Z");
    assert_allowed(decide_service(f));
    cutoff.pattern = "arn:aws:iam::123456789012:role/team/*";
    assert_denied(decide_service(f), "service-cutoff");
}

static void own_cutoff_holds_however_the_role_is_spelt(void **state)
{
    struct fixture *f = *state;
    struct sg_cutoff cutoff = {.pattern = "arn:aws:iam::123456789012:role/team/Pay*",
                               .issued_before_ms = at(CUTOFF)};

    f->service.cutoffs = &cutoff;
    f->service.cutoff_count = 1;
    issued_exactly(f, "2026-11-24T09:00:00Z");
    assert_denied(decide_service(f), "service-cutoff");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(session_issued_before_the_cutoff_is_revoked),
        T(session_issued_at_the_cutoff_is_not_revoked),
        T(interval_wholly_before_the_cutoff_is_revoked),
        T(interval_wholly_after_the_cutoff_is_not_revoked),
        T(interval_across_the_cutoff_without_evidence_is_uncertain),
        T(service_may_let_the_uncertain_in),
        T(cutoff_in_the_future_revokes_what_is_minted_before_it),
        T(lock_out_date_of_2099_never_overflows_into_an_allow),
        T(mint_settle_after_cutoff_and_first_sight_is_evidence_at_first),
        T(mint_within_minutes_dies_once_the_cutoff_has_settled),
        T(back_dated_cutoff_counts_from_when_it_was_first_seen),
        T(future_cutoff_counts_from_the_cutoff),
        T(statement_not_read_from_iam_is_not_settled_by_evidence),
        T(statement_that_does_not_cover_the_mint_is_not_settled_by_evidence),
        T(statement_with_a_key_that_varies_is_not_settled_by_evidence),
        T(condition_that_is_not_evaluated_counts_as_matching_unless_evidence_settles_it),
        T(credential_without_a_mint_has_no_evidence),
        T(evidence_never_overrules_a_definite_match),
        T(one_uncertain_statement_among_settled_ones_decides),
        T(deny_of_everything_is_role_denied),
        T(deny_of_other_services_is_no_revocation),
        T(document_that_cannot_be_read_denies),
        T(damaged_statements_deny),
        T(long_term_key_is_not_revoked_by_a_date_as_at_aws),
        T(long_term_key_is_denied_by_what_needs_no_date),
        T(deny_for_a_username_is_not_about_a_role),
        T(long_term_key_of_a_deleted_user_is_refused),
        T(long_term_key_is_never_younger_than_a_services_own_cutoff),
        T(session_of_a_deleted_role_is_refused),
        T(session_older_than_its_role_is_of_a_recreated_one),
        T(creation_within_the_interval_is_settled_by_a_later_mint),
        T(other_role_id_is_a_recreated_role),
        T(same_name_under_another_path_is_another_role),
        T(role_outside_the_patterns_may_not_enter),
        T(star_does_not_cross_a_slash),
        T(service_without_patterns_lets_nobody_in),
        T(old_web_identity_token_is_refused),
        T(session_age_is_measured_from_latest),
        T(own_cutoff_holds_whatever_the_evidence),
        T(own_cutoff_of_a_pattern_holds_for_its_roles_only),
        T(own_cutoff_holds_however_the_role_is_spelt),
    };

    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
