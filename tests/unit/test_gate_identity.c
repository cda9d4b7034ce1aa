/*
 * test_gate_identity.c - signed GetCallerIdentity at a whole gate, with an agent that the test
 * plays: what is asked, what an answer makes of it, and that no answer makes anything of it.
 */
#include "credential/caller_identity.h"
#include "gate_fixture.h"
#include "identity_maker.h"
#include "store/issued.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOURS INT64_C(3600000)

static struct gate_fixture *f;
static int listener, agent;

static int set_up(void **state)
{
    (void)state;
    f = calloc(1, sizeof(*f));
    gate_fixture_init(f);
    f->wall_ms = ID_DATE_MS + 30000;
    f->boot_ms = 100 * HOURS;
    listener = agent = -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (agent >= 0)
        (void)close(agent);
    if (listener >= 0)
        (void)close(listener);
    gate_fixture_clear(f);
    free(f);
    return 0;
}

static void open_with(const char *issuer, const char *service)
{
    struct sg_problems problems = {0};
    struct sg_buffer text = {0};
    char path[96];

    sg_buffer_addf(&text,
                   "[agent]\nstate = %%STATE%%\nsocket = %%FOLDER%%/agent.sock\nuser = %%USER%%\n"
                   "[account prod]\nid = " ID_ACCOUNT "\n[issuer signed]\n"
                   "kind = aws-caller-identity\naccount = prod\nbind_header = X-K8s-Aws-Id\n"
                   "bind_value = " ID_BIND "\n%s\n",
                   issuer);
    gate_fixture_write(f, "stsgate.conf", text.data);
    sg_buffer_clear(&text);
    sg_buffer_addf(&text,
                   "[service]\naccept = signed\nallow_roles = arn:aws:iam::" ID_ACCOUNT
                   ":role/team/*\n%s\n",
                   service);
    gate_fixture_write(f, "services.d/payments.conf", text.data);
    sg_buffer_clear(&text);
    assert_int_equal(gate_fixture_open(f), 0);
    snprintf(path, sizeof(path), "%s/agent.sock", f->folder);
    listener = sg_ask_listen(path, &problems);
    assert_true(listener >= 0);
    sg_problems_clear(&problems);
}

static const char *revocation(int64_t cutoff_ms)
{
    static char policy[400];

    snprintf(policy, sizeof(policy),
             "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"*\"],"
             "\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":"
             "\"%lld\"}}}]}",
             (long long)(cutoff_ms / 1000));
    return policy;
}

/* With a role whose sessions were revoked an hour before the request was signed. */
static void open_revoked_by(const char *issuer, const char *service)
{
    open_with(issuer, service);
    gate_fixture_publish_role(f, "prod", true, revocation(ID_DATE_MS - 1 * HOURS),
                              ID_DATE_MS - 1 * HOURS + 5000);
}

static void open_revoked(const char *service)
{
    open_revoked_by("", service);
}

static struct stsgate_result check(const char *credential)
{
    return gate_fixture_check(f, credential);
}

static void expect(const char *credential, enum stsgate_reason reason)
{
    const struct stsgate_result result = check(credential);

    if (result.reason != reason)
        print_error("%s: %s\n", stsgate_reason_word(result.reason), result.detail);
    assert_int_equal(result.reason, reason);
    assert_int_equal(result.verdict == STSGATE_ALLOW, reason == STSGATE_REASON_NONE);
}

/* The question as it arrives at the agent; its id. */
static uint64_t take_question(struct sg_buffer *request)
{
    char packet[SG_ASK_PACKET_MAX + 1];
    struct sg_question question;
    ssize_t length;

    if (agent < 0)
        agent = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(agent >= 0);
    length = recv(agent, packet, sizeof(packet), MSG_DONTWAIT);
    assert_true(length > 0 && sg_question_valid(packet, (size_t)length));
    memcpy(&question, packet, sizeof(question));
    if (request != NULL)
        sg_buffer_add(request, packet + sizeof(question) + 8,
                      (size_t)length - sizeof(question) - 8);
    return question.id;
}

static struct sg_identity_answer good_answer(void)
{
    return (struct sg_identity_answer){
        .head = {.magic = SG_ASK_MAGIC},
        .date_ms = ID_DATE_MS + 20000,
        .account = ID_ACCOUNT,
        .role_name = "payments-writer",
        .role_id = "AROAEXAMPLE0000000001",
        .session_name = "julie",
    };
}

/* Presents, lets the agent answer, and leaves the facts with the reader. */
static void tell(const char *credential, struct sg_identity_answer answer)
{
    struct stsgate_result result = check(credential);
    int payload;

    assert_int_equal(result.reason, STSGATE_REASON_IDENTITY_PENDING);
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), 0);
    answer.head.id = take_question(NULL);
    assert_int_equal(send(agent, &answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
    assert_ptr_equal(stsgate_answered(f->reader), &payload);
    assert_null(stsgate_answered(f->reader));
}

static char *companion(void)
{
    char *headers = identity_headers_with("POST", ID_COMPANION_URL, identity_companion_headers,
                                          ID_COMPANION_BODY);
    char *credential = identity_post_of(ID_POST_URL, ID_POST_BODY, headers);

    free(headers);
    return credential;
}

/* ---- */

static void request_that_aws_vouches_for_passes(void **state)
{
    struct stsgate_result result;

    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    tell(identity_url, good_answer());
    result = check(identity_url);
    assert_int_equal(result.reason, STSGATE_REASON_NONE);
    assert_int_equal(result.verdict, STSGATE_ALLOW);
    assert_string_equal(result.role, "arn:aws:iam::" ID_ACCOUNT ":role/team/payments-writer");
    assert_string_equal(result.session_name, "julie");
    assert_string_equal(result.account, ID_ACCOUNT);
    assert_int_equal(result.issued_latest_ms, ID_DATE_MS + 1000);
    assert_int_equal(result.issued_earliest_ms, ID_DATE_MS - 12 * HOURS - 1000);
    assert_int_equal(result.expires_ms, ID_DATE_MS + 15 * 60000);
}

static void question_holds_the_request_and_nothing_keeps_it(void **state)
{
    struct stsgate_result result;
    struct sg_buffer request = {0};
    struct sg_caller_identity *identity = calloc(1, sizeof(*identity));
    int payload;

    (void)state;
    open_with("", "");
    result = check(identity_url);
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), 0);
    (void)take_question(&request);
    assert_int_equal(
        sg_identity_unpack(identity, sg_buffer_text(&request), &f->gate->config->issuers[0]),
        STSGATE_REASON_NONE);
    assert_true(sg_text_equal(identity->sts.token, SG_TEXT(ID_TOKEN)));
    assert_null(f->reader->identities.request.data);
    assert_null(memmem(&result, sizeof(result), "IQoJb3Jp", 8));
    sg_identity_wipe(identity);
    free(identity);
    sg_buffer_wipe(&request);
}

static void result_of_an_earlier_check_asks_nothing(void **state)
{
    struct stsgate_result first, second;
    char *token = identity_token_of(identity_url);
    int payload;

    (void)state;
    open_with("", "");
    first = check(identity_url);
    second = check(token);
    assert_int_equal(stsgate_ask(f->reader, &first, &payload), STSGATE_E_ARGUMENT);
    /* and not even the later one, now that the request is gone */
    assert_int_equal(stsgate_ask(f->reader, &second, &payload), STSGATE_E_ARGUMENT);
    free(token);
}

static void malformed_request_asks_nobody(void **state)
{
    struct stsgate_result result;
    char *changed = identity_changed(identity_url, "amazonaws.com/", "amazonaws.com.evil/");
    int payload;

    (void)state;
    open_with("", "");
    result = check(changed);
    assert_int_equal(result.reason, STSGATE_REASON_MALFORMED);
    assert_string_equal(result.detail, "its host is none of AWS's STS");
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), STSGATE_E_ARGUMENT);
    assert_int_equal(accept4(listener, NULL, NULL, SOCK_NONBLOCK), -1);
    free(changed);
}

static void what_was_told_is_asked_once(void **state)
{
    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    tell(identity_url, good_answer());
    for (int i = 0; i < 3; i++)
        expect(identity_url, STSGATE_REASON_NONE);
    assert_int_equal(recv(agent, &(char){0}, 1, MSG_DONTWAIT), -1);
}

static void refusal_is_kept_for_seconds(void **state)
{
    static const struct {
        int32_t status;
        enum stsgate_reason reason;
    } refusals[] = {
        {SG_IDENTITY_BAD_SIGNATURE, STSGATE_REASON_BAD_SIGNATURE},
        {SG_IDENTITY_EXPIRED, STSGATE_REASON_EXPIRED},
        {SG_IDENTITY_NO_ROLE, STSGATE_REASON_UNSUPPORTED_PRINCIPAL},
        {SG_IDENTITY_BAD_COMPANION, STSGATE_REASON_COMPANION_REFUSED},
        {99, STSGATE_REASON_MALFORMED},
    };

    (void)state;
    open_with("", "mode = observe\nundecided = allow");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        tell(identity_url, (struct sg_identity_answer){
                               .head = {.magic = SG_ASK_MAGIC, .status = refusals[i].status}});
        expect(identity_url, refusals[i].reason);
        f->boot_ms += 10000;
        expect(identity_url, STSGATE_REASON_IDENTITY_PENDING);
    }
}

/* Throttled is undecided, and not asked again at once. */
static void what_could_not_be_found_out_is_undecided(void **state)
{
    struct stsgate_result result;
    int payload;

    (void)state;
    open_with("", "undecided = allow");
    tell(identity_url,
         (struct sg_identity_answer){.head = {.magic = SG_ASK_MAGIC, .status = SG_E_BUSY}});
    result = check(identity_url);
    assert_int_equal(result.reason, STSGATE_REASON_IDENTITY_PENDING);
    assert_int_equal(result.verdict, STSGATE_UNDECIDED);
    assert_int_equal(result.retry_after_s, 1);
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), STSGATE_E_ARGUMENT);
    f->boot_ms += 1000;
    result = check(identity_url);
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), 0);
}

static void answer_that_is_not_good_is_no_answer(void **state)
{
    struct sg_identity_answer answers[10];

    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    for (size_t i = 0; i < 10; i++)
        answers[i] = good_answer();
    memcpy(answers[0].account, "210987654321", 12);
    memcpy(answers[1].role_name, "payments/", 9);
    memset(answers[2].session_name, 'a', sizeof(answers[2].session_name));
    answers[3].session_name[20] = 'x';
    memcpy(answers[4].role_id, "AIDA", 4);
    answers[5].date_ms = 0;
    answers[6].companion_ms = -2;
    answers[7].role_name[0] = 0;
    answers[8].issued_ms = -1;
    answers[9].issued_ms = INT64_MAX;
    for (size_t i = 0; i < 10; i++) {
        tell(identity_url, answers[i]);
        expect(identity_url, STSGATE_REASON_IDENTITY_PENDING);
        f->boot_ms += 1000;
    }
}

static void answer_to_nobodys_question_is_left(void **state)
{
    struct sg_identity_answer answer = good_answer();
    struct stsgate_result result;
    int payload;

    (void)state;
    open_with("", "");
    result = check(identity_url);
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), 0);
    answer.head.id = take_question(NULL) + 1;
    assert_int_equal(send(agent, &answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
    assert_null(stsgate_answered(f->reader));
    expect(identity_url, STSGATE_REASON_IDENTITY_PENDING);
}

/* "Yes" without facts is what other questions get. */
static void plain_answer_tells_nothing(void **state)
{
    struct sg_answer answer = {.magic = SG_ASK_MAGIC};
    struct stsgate_result result;
    int payload;

    (void)state;
    open_with("", "");
    result = check(identity_url);
    assert_int_equal(stsgate_ask(f->reader, &result, &payload), 0);
    answer.id = take_question(NULL);
    assert_int_equal(send(agent, &answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
    assert_ptr_equal(stsgate_answered(f->reader), &payload);
    expect(identity_url, STSGATE_REASON_IDENTITY_PENDING);
}

static void remembered_request_ends_with_its_fifteen_minutes(void **state)
{
    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    tell(identity_url, good_answer());
    f->wall_ms = ID_DATE_MS + 15 * 60000 - 1;
    expect(identity_url, STSGATE_REASON_NONE);
    f->wall_ms++;
    expect(identity_url, STSGATE_REASON_EXPIRED);
}

/* ---- revoked or not ---- */

static void plain_form_is_uncertain_after_a_revocation(void **state)
{
    (void)state;
    open_revoked("");
    tell(identity_url, good_answer());
    expect(identity_url, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    assert_int_equal(check(identity_url).accepted_from_ms, 0); /* no new one will tell more */
}

static void request_signed_before_the_cutoff_is_revoked(void **state)
{
    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, revocation(ID_DATE_MS + 10000), ID_DATE_MS + 12000);
    tell(identity_url, good_answer());
    expect(identity_url, STSGATE_REASON_SESSION_REVOKED);
}

static void cutoff_older_than_any_session_is_passed(void **state)
{
    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, revocation(ID_DATE_MS - 13 * HOURS),
                              ID_DATE_MS - 13 * HOURS + 5000);
    tell(identity_url, good_answer());
    expect(identity_url, STSGATE_REASON_NONE);
}

static void companion_that_aws_authorised_settles_it(void **state)
{
    struct sg_identity_answer answer = good_answer();
    char *credential = companion();

    (void)state;
    open_revoked("");
    answer.companion_ms = ID_DATE_MS + 20000;
    tell(credential, answer);
    expect(credential, STSGATE_REASON_NONE);
    free(credential);
}

static void companion_too_soon_after_the_revocation_settles_nothing(void **state)
{
    struct sg_identity_answer answer = good_answer();
    char *credential = companion();

    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, revocation(ID_DATE_MS - 30000), ID_DATE_MS - 25000);
    answer.companion_ms = ID_DATE_MS + 20000;
    tell(credential, answer);
    expect(credential, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    free(credential);
}

/* What a statement says of sts alone, a GetRole of IAM says nothing about. */
static void companion_settles_no_statement_that_does_not_cover_it(void **state)
{
    struct sg_identity_answer answer = good_answer();
    char *credential = companion();
    char policy[400];

    (void)state;
    open_with("", "");
    snprintf(
        policy, sizeof(policy),
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"sts:*\","
        "\"execute-api:*\"],\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{"
        "\"aws:TokenIssueTime\":\"%lld\"}}}]}",
        (long long)(ID_DATE_MS - 1 * HOURS) / 1000);
    gate_fixture_publish_role(f, "prod", true, policy, ID_DATE_MS - 1 * HOURS + 5000);
    answer.companion_ms = ID_DATE_MS + 20000;
    tell(credential, answer);
    expect(credential, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    free(credential);
}

/* A request whose companion AWS denied, told to a service that is set up so. */
static char *denied_companion(const char *service, bool revoked)
{
    struct sg_identity_answer answer = good_answer();
    char *credential = companion();

    if (revoked) {
        open_revoked(service);
    } else {
        open_with("", service);
        gate_fixture_publish_role(f, "prod", true, NULL, 0);
    }
    answer.companion_ms = SG_COMPANION_DENIED;
    tell(credential, answer);
    return credential;
}

static void companion_that_aws_denied_is_explained_by_the_revocation(void **state)
{
    char *credential = denied_companion("", true);

    (void)state;
    expect(credential, STSGATE_REASON_SESSION_REVOKED);
    free(credential);
}

static void companion_that_aws_denied_without_a_revocation_is_refused(void **state)
{
    char *credential = denied_companion("mode = observe\nuncertain = allow", false);

    (void)state;
    expect(credential, STSGATE_REASON_COMPANION_REFUSED);
    free(credential);
}

static void denied_companion_is_refused_where_uncertain_is_allowed(void **state)
{
    char *credential = denied_companion("uncertain = allow", true);

    (void)state;
    expect(credential, STSGATE_REASON_COMPANION_REFUSED);
    free(credential);
}

/* Whatever a setting would let pass for another reason: AWS has refused this very session. */
static void denied_companion_is_refused_where_the_store_is_stale(void **state)
{
    char *credential = denied_companion("undecided = allow", false);

    (void)state;
    f->boot_ms += 11 * 60000;
    expect(credential, STSGATE_REASON_COMPANION_REFUSED);
    free(credential);
}

static void denied_companion_is_refused_where_a_rule_is_only_observed(void **state)
{
    char *credential =
        denied_companion("mode = observe\nissued_before = 2099-01-01T00:00:00Z", false);

    (void)state;
    expect(credential, STSGATE_REASON_COMPANION_REFUSED);
    free(credential);
}

/* ---- the index ---- */

static void note_issued(const char *key, int64_t at_ms)
{
    struct sg_problems problems = {0};

    assert_int_equal(sg_store_issue(f->writer, f->gate->config->accounts[0].origin, sg_text_of(key),
                                    SG_TEXT("payments-writer"), at_ms, f->wall_ms, &problems),
                     SG_OK);
    sg_problems_clear(&problems);
}

static void issue_time_that_cloudtrail_told_is_exact(void **state)
{
    struct stsgate_result result;

    (void)state;
    open_revoked("");
    note_issued(ID_KEY, ID_DATE_MS - 60000);
    tell(identity_url, good_answer());
    result = check(identity_url);
    assert_int_equal(result.reason, STSGATE_REASON_NONE);
    assert_in_range(result.issued_earliest_ms, ID_DATE_MS - 62000, ID_DATE_MS - 60000);
}

static void issue_time_told_later_decides_the_next_check(void **state)
{
    (void)state;
    open_revoked("");
    tell(identity_url, good_answer());
    expect(identity_url, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    note_issued(ID_OTHER_KEY, ID_DATE_MS - 60000); /* of another session */
    f->boot_ms += 60000;
    expect(identity_url, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
    note_issued(ID_KEY, ID_DATE_MS - 60000);
    expect(identity_url, STSGATE_REASON_NONE);
    expect(identity_url, STSGATE_REASON_NONE);
}

static void older_session_that_cloudtrail_told_is_revoked(void **state)
{
    (void)state;
    open_revoked("uncertain = allow");
    note_issued(ID_KEY, ID_DATE_MS - 2 * HOURS);
    tell(identity_url, good_answer());
    expect(identity_url, STSGATE_REASON_SESSION_REVOKED);
}

/* ---- the session token's own time, which the agent lets count ---- */

static struct stsgate_result tell_issued(int64_t issued_ms)
{
    struct sg_identity_answer answer = good_answer();

    open_revoked_by("opaque_time = probed", "");
    answer.issued_ms = issued_ms;
    tell(identity_url, answer);
    return check(identity_url);
}

static void issue_time_that_the_token_tells_lets_a_new_session_in(void **state)
{
    struct stsgate_result result = tell_issued(ID_DATE_MS - 60000);

    (void)state;
    assert_int_equal(result.reason, STSGATE_REASON_NONE);
    assert_int_equal(result.issued_earliest_ms, ID_DATE_MS - 61000);
    assert_int_equal(result.issued_latest_ms, ID_DATE_MS - 59001);
}

/* The agent may still run by a configuration that let it count. */
static void time_in_the_token_counts_only_where_this_configuration_says_so(void **state)
{
    struct sg_identity_answer answer = good_answer();

    (void)state;
    open_revoked("");
    answer.issued_ms = ID_DATE_MS - 60000;
    tell(identity_url, answer);
    expect(identity_url, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
}

static void older_session_that_its_token_tells_is_revoked(void **state)
{
    (void)state;
    assert_int_equal(tell_issued(ID_DATE_MS - 2 * HOURS).reason, STSGATE_REASON_SESSION_REVOKED);
}

static void issue_time_of_the_token_about_the_cutoff_stays_uncertain(void **state)
{
    (void)state;
    assert_int_equal(tell_issued(ID_DATE_MS - 1 * HOURS).reason,
                     STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
}

static void issue_time_after_the_request_was_signed_counts_for_nothing(void **state)
{
    (void)state;
    assert_int_equal(tell_issued(ID_DATE_MS + 3000).reason, STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
}

static void issue_time_before_any_session_counts_for_nothing(void **state)
{
    (void)state;
    assert_int_equal(tell_issued(ID_DATE_MS - 13 * HOURS).reason,
                     STSGATE_REASON_ISSUE_TIME_UNCERTAIN);
}

static void cloudtrail_goes_before_the_token(void **state)
{
    struct sg_identity_answer answer = good_answer();

    (void)state;
    open_revoked_by("opaque_time = probed", "");
    note_issued(ID_KEY, ID_DATE_MS - 2 * HOURS);
    answer.issued_ms = ID_DATE_MS - 60000;
    tell(identity_url, answer);
    expect(identity_url, STSGATE_REASON_SESSION_REVOKED);
}

/* What AWS itself refused is not lifted by a time that the client's token carries. */
static void token_lifts_no_denied_companion(void **state)
{
    struct sg_identity_answer answer = good_answer();
    char *credential = companion();

    (void)state;
    open_revoked_by("opaque_time = probed", "");
    answer.companion_ms = SG_COMPANION_DENIED;
    answer.issued_ms = ID_DATE_MS - 60000;
    tell(credential, answer);
    expect(credential, STSGATE_REASON_COMPANION_REFUSED);
    free(credential);
}

/* ---- the role's path ---- */

/* His path is not known, and nobody reads it: no mode may let him in under an ARN made up of his
 * name. */
static void user_whom_no_pattern_names_is_refused_in_every_mode(void **state)
{
    struct sg_identity_answer answer = good_answer();
    struct stsgate_result result;

    (void)state;
    open_with("", "mode = observe");
    (void)snprintf(answer.role_id, sizeof(answer.role_id), "AIDAEXAMPLEEXAMPLE123");
    memset(answer.session_name, 0, sizeof(answer.session_name));
    tell(identity_url, answer);
    result = check(identity_url);
    assert_int_equal(result.reason, STSGATE_REASON_ROLE_NOT_ALLOWED);
    assert_int_equal(result.verdict, STSGATE_DENY);
}

static void role_that_is_not_known_yet_is_asked_for_first(void **state)
{
    struct stsgate_result result;

    (void)state;
    open_with("", "undecided = allow");
    gate_fixture_publish_role(f, "prod", false, NULL, 0);
    tell(identity_url, good_answer());
    result = check(identity_url);
    assert_int_equal(result.reason, STSGATE_REASON_ROLE_PENDING);
    assert_int_equal(result.verdict, STSGATE_UNDECIDED);
    /* Whether it may enter hangs on its path: "undecided = allow" is no answer to that. */
    expect(identity_url, STSGATE_REASON_ROLE_PENDING);
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    expect(identity_url, STSGATE_REASON_NONE);
}

static void role_outside_of_the_pattern_may_not_enter(void **state)
{
    struct sg_identity_answer answer = good_answer();

    (void)state;
    open_with("", "");
    gate_fixture_publish_role(f, "prod", true, NULL, 0);
    (void)snprintf(answer.role_name, sizeof(answer.role_name), "%s", "payments-reader");
    memset(answer.role_name + 15, 0, sizeof(answer.role_name) - 15);
    tell(identity_url, answer);
    assert_int_not_equal(check(identity_url).verdict, STSGATE_ALLOW);
}

/* The role as IAM tells it: with its id, made a minute ago. */
static void publish_young_role(const char *role_id)
{
    const struct sg_record record = {.state = SG_ROLE_PRESENT,
                                     .cutoff_ms = SG_CUTOFF_NONE,
                                     .created_ms = ID_DATE_MS - 60000,
                                     .arn = SG_TEXT(JWT_ROLE),
                                     .role_id = sg_text_of(role_id)};
    struct sg_problems problems = {0};
    struct sg_table *table;

    assert_int_equal(sg_table_begin_account(&table, f->writer, SG_TEXT("prod"), &problems), SG_OK);
    assert_int_equal(sg_table_put_role(table, SG_TEXT("aws"), SG_TEXT(ID_ACCOUNT),
                                       SG_TEXT("payments-writer"), &record),
                     SG_OK);
    assert_int_equal(sg_table_commit(table, NULL, 0), SG_OK);
    gate_fixture_claim(f, "prod");
    assert_int_equal(sg_store_stamp(f->writer, SG_SLOT_ACCOUNT, SG_TEXT("prod"),
                                    &(struct sg_complete){f->boot_ms, f->wall_ms}),
                     SG_OK);
    sg_problems_clear(&problems);
}

static void role_of_the_same_id_is_the_same_however_young(void **state)
{
    (void)state;
    open_with("", "");
    publish_young_role("AROAEXAMPLE0000000001");
    tell(identity_url, good_answer());
    for (int i = 0; i < 3; i++)
        expect(identity_url, STSGATE_REASON_NONE);
}

static void role_of_another_id_took_the_name(void **state)
{
    (void)state;
    open_with("", "allow_roles = arn:aws:iam::" ID_ACCOUNT ":role/*");
    publish_young_role("AROAEXAMPLE0000000002");
    tell(identity_url, good_answer());
    for (int i = 0; i < 3; i++)
        expect(identity_url, STSGATE_REASON_ROLE_RECREATED);
}

static void longest_names_are_remembered(void **state)
{
    struct sg_identity_answer answer = good_answer();

    (void)state;
    open_with("", "allow_roles = arn:aws:iam::" ID_ACCOUNT ":role/*");
    memset(answer.role_name, 'r', 64);
    memset(answer.session_name, 's', 64);
    tell(identity_url, answer);
    expect(identity_url, STSGATE_REASON_CUTOFFS_UNAVAILABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_that_aws_vouches_for_passes),
        TEST(question_holds_the_request_and_nothing_keeps_it),
        TEST(result_of_an_earlier_check_asks_nothing),
        TEST(malformed_request_asks_nobody),
        TEST(what_was_told_is_asked_once),
        TEST(refusal_is_kept_for_seconds),
        TEST(what_could_not_be_found_out_is_undecided),
        TEST(answer_that_is_not_good_is_no_answer),
        TEST(answer_to_nobodys_question_is_left),
        TEST(plain_answer_tells_nothing),
        TEST(remembered_request_ends_with_its_fifteen_minutes),
        TEST(plain_form_is_uncertain_after_a_revocation),
        TEST(request_signed_before_the_cutoff_is_revoked),
        TEST(cutoff_older_than_any_session_is_passed),
        TEST(companion_that_aws_authorised_settles_it),
        TEST(companion_too_soon_after_the_revocation_settles_nothing),
        TEST(companion_settles_no_statement_that_does_not_cover_it),
        TEST(companion_that_aws_denied_is_explained_by_the_revocation),
        TEST(companion_that_aws_denied_without_a_revocation_is_refused),
        TEST(denied_companion_is_refused_where_uncertain_is_allowed),
        TEST(denied_companion_is_refused_where_the_store_is_stale),
        TEST(denied_companion_is_refused_where_a_rule_is_only_observed),
        TEST(issue_time_that_cloudtrail_told_is_exact),
        TEST(issue_time_told_later_decides_the_next_check),
        TEST(older_session_that_cloudtrail_told_is_revoked),
        TEST(issue_time_that_the_token_tells_lets_a_new_session_in),
        TEST(time_in_the_token_counts_only_where_this_configuration_says_so),
        TEST(older_session_that_its_token_tells_is_revoked),
        TEST(issue_time_of_the_token_about_the_cutoff_stays_uncertain),
        TEST(issue_time_after_the_request_was_signed_counts_for_nothing),
        TEST(issue_time_before_any_session_counts_for_nothing),
        TEST(cloudtrail_goes_before_the_token),
        TEST(token_lifts_no_denied_companion),
        TEST(user_whom_no_pattern_names_is_refused_in_every_mode),
        TEST(role_that_is_not_known_yet_is_asked_for_first),
        TEST(role_outside_of_the_pattern_may_not_enter),
        TEST(role_of_the_same_id_is_the_same_however_young),
        TEST(role_of_another_id_took_the_name),
        TEST(longest_names_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
