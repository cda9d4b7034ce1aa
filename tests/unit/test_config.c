/*
 * The configuration: what is wrong is said with file, line and what was
 * expected, all of it at once; what is right is read whole.
 */
#include "base/date.h"
#include "gate_fixture.h"
#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct gate_fixture *f = calloc(1, sizeof(*f));

    gate_fixture_init(f);
    gate_fixture_write_usual(f, "");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_clear(f);
    free(f);
    return 0;
}

/* All that is reported, a line each, without the folder in front. */
static const char *mistakes(struct gate_fixture *f)
{
    static char all[8192];
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;
    size_t at = 0;

    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_E_INVALID);
    assert_null(config);
    assert_true(problems.count > 0);
    all[0] = 0;
    for (size_t i = 0; i < problems.stored; i++) {
        const char *text = problems.texts[i];

        if (strncmp(text, f->conf, strlen(f->conf)) == 0)
            text += strlen(f->conf) + 1;
        at += (size_t)snprintf(all + at, sizeof(all) - at, "%s\n", text);
    }
    sg_problems_clear(&problems);
    return all;
}

#define assert_mistake(f, text)                                                                    \
    do {                                                                                           \
        const char *said_ = mistakes(f);                                                           \
        if (strstr(said_, text) == NULL)                                                           \
            fail_msg("expected \"%s\" in:\n%s", text, said_);                                      \
    } while (0)

static void usual_configuration_has_the_documented_defaults(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_problems problems = {0};
    const struct sg_service *service;
    struct sg_config *config = NULL;

    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    assert_int_equal(config->accounts[0].refresh_ms, 15000);
    assert_int_equal(config->accounts[0].max_stale_ms, 10 * SG_MINUTE_MS);
    assert_int_equal(config->accounts[0].settle_ms, SG_MINUTE_MS);
    assert_int_equal(config->accounts[0].settled_ms, 5 * SG_MINUTE_MS);
    assert_int_equal(config->accounts[0].discover, SG_DISCOVER_SWEEP);
    assert_int_equal(config->accounts[0].calls_per_second, 10);
    assert_string_equal(config->accounts[0].session_name, "stsgate");
    assert_null(config->accounts[0].assume_role);
    assert_int_equal(config->issuers[0].longest_session_ms, 12 * SG_HOUR_MS);
    assert_ptr_equal(config->issuers[0].account, &config->accounts[0]);
    assert_int_equal(config->issuers[0].algorithms,
                     SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384));
    service = sg_config_service(config, SG_TEXT("payments"));
    assert_non_null(service);
    assert_int_equal(service->mode, SG_MODE_ENFORCE);
    assert_false(service->allow_uncertain);
    assert_false(service->allow_undecided);
    assert_false(service->deny_all);
    assert_false(service->allow_indeterminate);
    assert_string_equal(service->action, "execute-api:Invoke");
    assert_null(service->resource);
    assert_int_equal(service->max_token_age_ms, 15 * SG_MINUTE_MS);
    assert_true(service->issued_before_ms == INT64_MIN);
    assert_true(sg_owner_trusted(&config->owners, geteuid()));
    assert_null(sg_config_service(config, SG_TEXT("payment")));
    sg_config_free(config);
}

static void service_says_in_iams_words_what_it_is(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_problems problems = {0};
    const struct sg_service *service;
    struct sg_config *config = NULL;

    gate_fixture_write_usual(f, "deny = all\nindeterminate = allow\naction = s3:GetObject\n"
                                "resource = arn:aws:s3:::bucket/key:1\n");
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    service = sg_config_service(config, SG_TEXT("payments"));
    assert_true(service->deny_all);
    assert_true(service->allow_indeterminate);
    assert_string_equal(service->action, "s3:GetObject");
    assert_string_equal(service->resource, "arn:aws:s3:::bucket/key:1");
    sg_config_free(config);
}

static void action_and_resource_are_one_each_and_no_pattern(void **state)
{
    static const char *const lines[] = {
        "action = s3:*",
        "action = s3",
        "action = s3:Get:Object",
        "action = :Get",
        "action = s3:",
        "resource = *",
        "resource = arn:aws:s3:::",
        "resource = arn:aws:s3:::b*",
        "resource = arn:aws:s3:b",
        "resource = arn:aws:s3:::${aws:userid}",
        "deny = some",
        "indeterminate = maybe",
    };
    struct gate_fixture *f = *state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        gate_fixture_write_usual(f, lines[i]);
        assert_mistake(f, lines[i]);
    }
}

static void every_mistake_is_reported_with_file_and_line(void **state)
{
    struct gate_fixture *f = *state;
    const char *said;

    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstaet = /x\n"
                       "[account prod]\nid = 12345\nrefresh = soon\n"
                       "[issuer prod]\nkind = oidc\nurl = https://x\naccount = pord\n"
                       "[isuer two]\n");
    said = mistakes(f);
    assert_non_null(strstr(said, "stsgate.conf:2: unknown key \"staet\" in [agent]"));
    assert_non_null(strstr(said, "stsgate.conf:4: id = 12345; expected 12 digits"));
    assert_non_null(strstr(said, "stsgate.conf:5: refresh = soon; expected a time"));
    assert_non_null(strstr(said, "stsgate.conf:7: kind = oidc; expected aws-web-identity, jwt"));
    assert_non_null(strstr(said, "stsgate.conf:6: [issuer prod] has account = pord"));
    assert_non_null(strstr(said, "stsgate.conf:10: unknown section [isuer two]"));
}

static void missing_file_and_folder_are_named(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;
    char path[160];

    assert_int_equal(sg_config_read(&config, "/nonexistent", &problems), SG_E_INVALID);
    assert_non_null(strstr(problems.texts[0], "/nonexistent"));
    sg_problems_clear(&problems);
    snprintf(path, sizeof(path), "%s/stsgate.conf", f->conf);
    assert_int_equal(unlink(path), 0);
    assert_mistake(f, "stsgate.conf");
}

static void folder_without_services_is_a_mistake(void **state)
{
    struct gate_fixture *f = *state;
    char path[160];

    snprintf(path, sizeof(path), "%s/services.d/payments.conf", f->conf);
    assert_int_equal(unlink(path), 0);
    assert_mistake(f, "services.d holds no service");
}

static void required_keys_are_required(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "services.d/payments.conf", "[service]\n");
    assert_mistake(f, "payments.conf:1: [service] lacks accept");
    assert_mistake(f, "[service] lacks audience");
    assert_mistake(f, "[service] lacks allow_roles");
}

static void key_given_twice_is_a_mistake(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write_usual(f, "mode = observe\nmode = enforce");
    assert_mistake(f, "payments.conf:6: mode is given a second time");
}

static void same_label_twice_is_a_mistake(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "stsgate.conf",
                       "[account prod]\nid = 123456789012\n[account prod]\nid = 123456789013\n"
                       "[issuer prod]\nkind = aws-web-identity\nurl = https://x\naccount = prod\n");
    assert_mistake(f, "stsgate.conf:3: a second [account prod]; the first is on line 1");
}

static void service_that_accepts_an_unknown_issuer_is_a_mistake(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write_usual(f, "accept = nobody");
    assert_mistake(f, "accept = nobody, and there is no [issuer nobody]");
}

static void plain_http_is_for_loopback_only(void **state)
{
    struct gate_fixture *f = *state;
    static const char *const bad[] = {"http://iam.example.com/", "http://127.0.0.1.example.com/",
                                      "http://localhost@evil/",  "https://user:pw@iam.example/",
                                      "ftp://127.0.0.1/",        "https:///x"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[400];

        snprintf(text, sizeof(text),
                 "[account prod]\nid = 123456789012\nendpoint = %s\n[issuer prod]\n"
                 "kind = aws-web-identity\nurl = https://x\naccount = prod\n",
                 bad[i]);
        gate_fixture_write(f, "stsgate.conf", text);
        assert_mistake(f, "stsgate.conf:3: endpoint = ");
    }
}

static void account_read_by_a_role_needs_one_of_its_own(void **state)
{
    struct gate_fixture *f = *state;
    const char *const bad[][2] = {
        {"assume_role = arn:aws:iam::210987654321:role/reader", "a role of another account"},
        {"assume_role = arn:aws-cn:iam::123456789012:role/reader", "account or partition"},
        {"assume_role = arn:aws:iam::123456789012:user/reader", "stsgate.conf:3: assume_role = "},
        {"external_id = abc", "only assume_role needs"},
        {"external_id = a b", "stsgate.conf:3: external_id = "},
        {"session_name = x", "stsgate.conf:3: session_name = "},
        {"session_name = a/b", "stsgate.conf:3: session_name = "},
        {"calls_per_second = 0", "stsgate.conf:3: calls_per_second = "},
        {"calls_per_second = 1001", "stsgate.conf:3: calls_per_second = "},
        {"policies = inline", "expected discover = on-demand"},
        {"policies = some", "stsgate.conf:3: policies = "},
        {"fips = yes", "stsgate.conf:3: fips = "},
        {"[agent]\nproxy = http://user:secret@proxy:3128", "stsgate.conf:4: proxy = "},
        {"[agent]\nproxy = proxy:3128", "stsgate.conf:4: proxy = "},
        {"[agent]\nca_bundle = ca.pem", "stsgate.conf:4: ca_bundle = "},
        {"[agent]\nenvironment_endpoints = true", "stsgate.conf:4: environment_endpoints = "},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[400];

        snprintf(text, sizeof(text), "[account prod]\nid = 123456789012\n%s\n", bad[i][0]);
        gate_fixture_write(f, "stsgate.conf", text);
        assert_mistake(f, bad[i][1]);
    }
}

static void account_settings_that_contradict_each_other_are_mistakes(void **state)
{
    struct gate_fixture *f = *state;
    const char *const bad[][2] = {
        {"source = file", "lacks folder; expected an absolute path"},
        {"folder = /srv/policies", "has a folder, which only source = file reads"},
        {"source = file\nfolder = /srv/policies\nextra_policies = /srv/extra",
         "has extra_policies beside source = file"},
        {"refresh = 10m\nmax_stale = 5m", "has max_stale below refresh"},
        {"settle = 60s\nsettled = 30s", "has settled below settle"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[400];

        snprintf(text, sizeof(text), "[account prod]\nid = 123456789012\n%s\n", bad[i][0]);
        gate_fixture_write(f, "stsgate.conf", text);
        assert_mistake(f, bad[i][1]);
        assert_mistake(f, "stsgate.conf:1: [account prod]");
    }
}

static void events_come_from_a_queue_and_name_an_account(void **state)
{
    struct gate_fixture *f = *state;
    const char *const bad[][2] = {
        {"123456789012", "events_queue = https://sqs.us-east-1.amazonaws.com/"},
        {"123456789012", "events_queue = https://sqs.us-east-1.amazonaws.com/events"},
        {"123456789012", "events_queue = https://sqs.us-east-1.amazonaws.com/123456789012/a/b"},
        {"123456789012", "events_queue = https://sqs.us-east-1.amazonaws.com/123456789012/a?b"},
        {"123456789012", "events_queue = http://sqs.us-east-1.amazonaws.com/123456789012/a"},
        {"", "events_queue = https://sqs.us-east-1.amazonaws.com/123456789012/a"},
        {"123456789012", "source = file\nfolder = /x\nevents_queue = "
                         "https://sqs.us-east-1.amazonaws.com/123456789012/a"},
    };
    char text[400];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "[account prod]\nid = %s\n%s\n", bad[i][0], bad[i][1]);
        gate_fixture_write(f, "stsgate.conf", text);
        assert_mistake(f, "events_queue");
    }
}

static void secret_algorithms_need_a_key_file_and_no_public_company(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "stsgate.conf",
                       "[issuer prod]\nkind = jwt\nurl = https://x\nalgorithms = HS256 RS256\n"
                       "issue_time = session:iat\n");
    assert_mistake(f, "mixes HS* with public-key algorithms");
    assert_mistake(f, "has HS* and lacks keys");
}

static void web_identity_takes_no_secret_algorithm(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "stsgate.conf",
                       "[account prod]\nid = 123456789012\n[issuer prod]\nkind = aws-web-identity\n"
                       "url = https://x\naccount = prod\nalgorithms = HS256\n");
    assert_mistake(f, "algorithms that sts:GetWebIdentityToken does not use");
}

static void jwt_issuer_must_say_what_its_issue_time_is(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "stsgate.conf",
                       "[issuer prod]\nkind = jwt\nurl = https://x\nalgorithms = ES256\n"
                       "keys = /k.json\n");
    assert_mistake(f, "lacks issue_time");
}

static void issuer_settings_that_contradict_each_other_are_mistakes(void **state)
{
    struct gate_fixture *f = *state;
    const char *const bad[][2] = {
        {"kind = aws-web-identity", "lacks account"},
        {"kind = aws-web-identity\nissue_time = session:iat", "which only kind = jwt reads"},
        {"kind = jwt\nissue_time = session:iat", "lacks algorithms"},
        {"kind = jwt\nkeys = /k.json\njwks = https://x/keys", "has both keys and jwks"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[400];

        snprintf(text, sizeof(text), "[issuer tokens]\nurl = https://x\n%s\n", bad[i][0]);
        gate_fixture_write(f, "stsgate.conf", text);
        assert_mistake(f, bad[i][1]);
        assert_mistake(f, "stsgate.conf:1: [issuer tokens]");
    }
}

/* With two, which keys a token is checked with would depend on their order. */
static void issuers_of_one_label_or_url_are_mistakes(void **state)
{
    struct gate_fixture *f = *state;
    static const char usual[] = "kind = jwt\nalgorithms = ES256\nissue_time = session:iat\n"
                                "keys = /k.json\n";
    char text[600];

    snprintf(text, sizeof(text),
             "[issuer a]\nurl = https://x\n%s[issuer b]\nurl = https://x\n%s"
             "[issuer a]\nurl = https://y\n%s",
             usual, usual, usual);
    gate_fixture_write(f, "stsgate.conf", text);
    assert_mistake(f, "stsgate.conf:7: [issuer b] has the url of [issuer a]");
    assert_mistake(f, "stsgate.conf:13: a second [issuer a]; the first is on line 1");
}

static const char signed_host[] = "[agent]\nstate = %STATE%\nsocket = %FOLDER%/agent.sock\n"
                                  "user = %USER%\n[account prod]\nid = 123456789012\n";

static void write_signed(struct gate_fixture *f, const char *issuer)
{
    struct sg_buffer text = {0};

    sg_buffer_addf(&text, "%s[issuer signed]\nkind = aws-caller-identity\n%s\n", signed_host,
                   issuer);
    gate_fixture_write(f, "stsgate.conf", text.data);
    gate_fixture_write(f, "services.d/payments.conf",
                       "[service]\naccept = signed\nallow_roles = arn:aws:iam::*:role/*\n");
    sg_buffer_clear(&text);
}

static void signed_requests_need_no_url_and_no_audience(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;

    write_signed(f, "account = prod\nbind_header = X-K8s-Aws-Id\nbind_value = payments prod");
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    assert_int_equal(config->issuers[0].kind, SG_ISSUER_CALLER_IDENTITY);
    assert_int_equal(config->issuers[0].forms, SG_FORM_URL | SG_FORM_POST | SG_FORM_COMPANION);
    assert_string_equal(config->issuers[0].companion_header, "X-Stsgate-GetRole");
    assert_string_equal(config->issuers[0].bind_value, "payments prod");
    assert_false(config->issuers[0].opaque_time);
    sg_config_free(config);
    write_signed(f, "account = prod\nbind_header = X-K8s-Aws-Id\nbind_value = p\n"
                    "opaque_time = probed");
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    assert_true(config->issuers[0].opaque_time);
    sg_config_free(config);
    write_signed(f,
                 "account = prod\nbind_header = X-K8s-Aws-Id\nbind_value = p\nforms = companion\n"
                 "forms = post");
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    assert_int_equal(config->issuers[0].forms, SG_FORM_POST | SG_FORM_COMPANION);
    sg_config_free(config);
}

static void signed_requests_are_bound_to_a_header_of_their_own(void **state)
{
    static const char *const bad[][2] = {
        {"account = prod", "lacks bind_header"},
        {"account = prod\nbind_header = X-Id", "lacks bind_value"},
        {"bind_header = X-Id\nbind_value = p", "lacks account"},
        {"account = prod\nbind_header = Host\nbind_value = p", "has a meaning already"},
        {"account = prod\nbind_header = x-amz-date\nbind_value = p", "has a meaning already"},
        {"account = prod\nbind_header = Authorization\nbind_value = p", "has a meaning already"},
        {"account = prod\nbind_header = X-Stsgate-GetRole-URL\nbind_value = p",
         "has a meaning already"},
        {"account = prod\nbind_header = X Id\nbind_value = p", "bind_header = X Id"},
        {"account = prod\nbind_header = X:Id\nbind_value = p", "bind_header = X:Id"},
        {"account = prod\nbind_header = X-Id\nbind_value = a  b", "bind_value = a  b"},
        {"account = prod\nbind_header = X-Id\nbind_value = p\nforms = jwt", "forms = jwt"},
        {"account = prod\nbind_header = X-Id\nbind_value = p\nopaque_time = on",
         "expected off or probed"},
        {"account = prod\nbind_header = X-Id\nbind_value = p\nurl = https://x", "are for JWTs"},
        {"account = prod\nbind_header = X-Id\nbind_value = p\nalgorithms = RS256", "are for JWTs"},
    };
    struct gate_fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_signed(f, bad[i][0]);
        assert_mistake(f, bad[i][1]);
    }
}

static void token_issuer_needs_a_url_and_binds_nothing(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_buffer text = {0};

    sg_buffer_addf(&text,
                   "%s[issuer signed]\nkind = aws-web-identity\naccount = prod\nbind_value = p\n"
                   "opaque_time = probed\n",
                   signed_host);
    gate_fixture_write(f, "stsgate.conf", text.data);
    sg_buffer_clear(&text);
    assert_mistake(f, "lacks url");
    assert_mistake(f, "which only kind = aws-caller-identity reads");
    assert_mistake(f, "opaque_time, which only");
}

/* Whether users of the account are read for this pattern. */
static bool names_users(struct gate_fixture *f, const char *pattern)
{
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;
    struct sg_buffer service = {0};

    write_signed(f, "account = prod\nbind_header = X-K8s-Aws-Id\nbind_value = p");
    sg_buffer_addf(&service, "[service]\naccept = signed\nallow_roles = %s\n", pattern);
    gate_fixture_write(f, "services.d/payments.conf", service.data);
    sg_buffer_clear(&service);
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    assert_int_equal(config->accounts[0].longest_session_ms / 3600000,
                     config->accounts[0].users ? 36 : 12);
    const bool users = config->accounts[0].users;
    sg_config_free(config);
    return users;
}

static void users_are_read_where_a_pattern_could_match_one(void **state)
{
    struct gate_fixture *f = *state;

    assert_true(names_users(f, "arn:aws:iam::123456789012:user/team/*"));
    assert_true(names_users(f, "arn:aws:iam::*:user/bob"));
    assert_true(names_users(f, "arn:*:iam::*:*/team/*"));
    assert_true(
        names_users(f, "arn:aws:iam::123456789012:role/a arn:aws:iam::123456789012:us?r/b"));
    assert_false(names_users(f, "arn:aws:iam::123456789012:role/user/*"));
    assert_false(names_users(f, "arn:aws:iam::210987654321:user/team/*"));
    assert_false(names_users(f, "arn:aws:iam::*:role/*"));
    assert_false(names_users(f, "arn:aws:iam::123456789012:*"));
}

static void session_age_that_can_not_be_decided_is_refused(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write_usual(f, "max_session_age = 1h");
    assert_mistake(f, "max_session_age = 1h can't be decided");
    gate_fixture_write_usual(f, "max_session_age = 12h");
    assert_int_equal(gate_fixture_open(f), 0);
}

static void permission_set_stands_for_the_role_that_identity_center_makes(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_problems problems = {0};
    const struct sg_texts *patterns;
    struct sg_config *config = NULL;
    const char *const roles[] = {
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/"
        "AWSReservedSSO_Admin_0123456789abcdef",
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-2/"
        "AWSReservedSSO_Admin_0123456789abcdef",
        "arn:aws:iam::123456789012:role/AWSReservedSSO_Admin_0123456789abcdef"};

    gate_fixture_write_usual(f, "permission_set = Admin");
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    patterns = &config->services[0].allow_roles;
    for (size_t role = 0; role < 3; role++) {
        bool matched = false;

        for (size_t i = 0; i < patterns->count; i++)
            matched = matched || sg_text_match(sg_text_of(patterns->items[i]),
                                               sg_text_of(roles[role]), '/', false);
        assert_int_equal(matched, role < 2);
    }
    sg_config_free(config);
}

static void cutoffs_of_patterns_are_read(void **state)
{
    struct gate_fixture *f = *state;
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;
    int64_t ms = 0;

    gate_fixture_write_usual(f, "issued_before = 2026-11-01T00:00:00Z\n"
                                "[cutoff arn:aws:iam::123456789012:role/legacy-*]\n"
                                "issued_before = 2026-11-20T08:00:00Z");
    assert_int_equal(sg_config_read(&config, f->conf, &problems), SG_OK);
    assert_int_equal(config->services[0].cutoff_count, 1);
    assert_string_equal(config->services[0].cutoffs[0].pattern,
                        "arn:aws:iam::123456789012:role/legacy-*");
    assert_true(sg_date_parse_rfc3339(&ms, SG_TEXT("2026-11-20T08:00:00Z")));
    assert_int_equal(config->services[0].cutoffs[0].issued_before_ms, ms);
    assert_true(sg_date_parse_rfc3339(&ms, SG_TEXT("2026-11-01T00:00:00Z")));
    assert_int_equal(config->services[0].issued_before_ms, ms);
    sg_config_free(config);
}

static void cutoff_without_a_date_is_a_mistake(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write_usual(f, "[cutoff arn:aws:iam::*:role/x]");
    assert_mistake(f, "[cutoff] lacks issued_before");
    gate_fixture_write_usual(f, "[cutoff legacy-*]\nissued_before = 2026-11-20T08:00:00Z");
    assert_mistake(f, "expected a pattern of role ARNs");
    gate_fixture_write_usual(f, "[cutoff arn:aws:iam::*:role/x]\nissued_before = yesterday");
    assert_mistake(f, "issued_before = yesterday; expected a time");
}

static void key_file_that_can_not_be_read_stops_the_gate(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "stsgate.conf",
                       "[issuer prod]\nkind = jwt\nurl = https://x\nalgorithms = ES256\n"
                       "keys = %FOLDER%/none.json\nissue_time = session:iat\n");
    assert_int_equal(gate_fixture_open(f), STSGATE_E_CONFIG);
    assert_non_null(strstr(f->problems.data, "none.json"));
}

static void assert_key_file(struct gate_fixture *f, const char *algorithm, mode_t mode, int answer)
{
    char conf[400], path[128];

    snprintf(conf, sizeof(conf),
             "[issuer prod]\nkind = jwt\nurl = https://x\nalgorithms = %s\n"
             "keys = %%FOLDER%%/conf/key\nissue_time = session:iat\n",
             algorithm);
    gate_fixture_write(f, "stsgate.conf", conf);
    gate_fixture_write(f, "services.d/payments.conf",
                       "[service]\naccept = prod\naudience = a\nallow_roles = arn:x\n");
    snprintf(path, sizeof(path), "%s/key", f->conf);
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(gate_fixture_open(f), answer);
    stsgate_reader_close(f->reader);
    stsgate_close(f->gate);
    f->reader = NULL;
    f->gate = NULL;
}

static void secret_that_everybody_may_read_is_refused(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "key", "a secret of more than thirty-two bytes, of a test");
    assert_key_file(f, "HS256", 0640, 0);
    assert_key_file(f, "HS256", 0644, STSGATE_E_CONFIG);
    assert_non_null(strstr(f->problems.data, "may be read by everybody"));
}

static void key_file_that_everybody_may_write_is_refused(void **state)
{
    struct gate_fixture *f = *state;
    char *set = jwt_key_set(SG_ALG_BIT(SG_ALG_ES256));

    gate_fixture_write(f, "key", set);
    free(set);
    assert_key_file(f, "ES256", 0644, 0);
    assert_key_file(f, "ES256", 0646, STSGATE_E_CONFIG);
    assert_non_null(strstr(f->problems.data, "may be written by everybody"));
}

static void leftovers_of_editors_are_no_services(void **state)
{
    struct gate_fixture *f = *state;

    gate_fixture_write(f, "services.d/payments.conf~", "nonsense");
    gate_fixture_write(f, "services.d/payments.conf.dpkg-old", "nonsense");
    gate_fixture_write(f, "services.d/.hidden.conf", "nonsense");
    assert_int_equal(gate_fixture_open(f), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(usual_configuration_has_the_documented_defaults),
        T(service_says_in_iams_words_what_it_is),
        T(action_and_resource_are_one_each_and_no_pattern),
        T(every_mistake_is_reported_with_file_and_line),
        T(missing_file_and_folder_are_named),
        T(folder_without_services_is_a_mistake),
        T(required_keys_are_required),
        T(key_given_twice_is_a_mistake),
        T(same_label_twice_is_a_mistake),
        T(service_that_accepts_an_unknown_issuer_is_a_mistake),
        T(plain_http_is_for_loopback_only),
        T(account_settings_that_contradict_each_other_are_mistakes),
        T(events_come_from_a_queue_and_name_an_account),
        T(secret_algorithms_need_a_key_file_and_no_public_company),
        T(web_identity_takes_no_secret_algorithm),
        T(jwt_issuer_must_say_what_its_issue_time_is),
        T(account_read_by_a_role_needs_one_of_its_own),
        T(issuer_settings_that_contradict_each_other_are_mistakes),
        T(issuers_of_one_label_or_url_are_mistakes),
        T(signed_requests_need_no_url_and_no_audience),
        T(signed_requests_are_bound_to_a_header_of_their_own),
        T(token_issuer_needs_a_url_and_binds_nothing),
        T(users_are_read_where_a_pattern_could_match_one),
        T(session_age_that_can_not_be_decided_is_refused),
        T(permission_set_stands_for_the_role_that_identity_center_makes),
        T(cutoffs_of_patterns_are_read),
        T(cutoff_without_a_date_is_a_mistake),
        T(key_file_that_can_not_be_read_stops_the_gate),
        T(secret_that_everybody_may_read_is_refused),
        T(key_file_that_everybody_may_write_is_refused),
        T(leftovers_of_editors_are_no_services),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
