/*
 * test_provider_roles.c - the order of the ways, profiles that lead to other profiles, and roles
 * that STS hands out: signed where they must be, unsigned where AWS says so.
 */
#include "provider_world.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARN(name) "arn:aws:iam::123456789012:role/" name
#define ENC(name) "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F" name
#define KEYS(id)  "aws_access_key_id = " id "\naws_secret_access_key = secret\n"
#define XML_ERROR(c)                                                                               \
    "<ErrorResponse><Error><Code>" c "</Code><Message>no</Message></Error></ErrorResponse>"

static void serve_role(struct world *world, const char *body_part, const char *id)
{
    aws_server_rule(world->server,
                    &(struct aws_rule){.method = "POST",
                                       .path = "/sts",
                                       .body_part = body_part,
                                       .status = 200,
                                       .body = world_keys_xml(world, id, 60 * MINUTES),
                                       .times = -1});
}

static void serve_error(struct world *world, int status, const char *body, int times)
{
    aws_server_rule(
        world->server,
        &(struct aws_rule){
            .method = "POST", .path = "/sts", .status = status, .body = body, .times = times});
}

static void assert_body(struct world *world, const char *words)
{
    const struct aws_request last = aws_server_last(world->server, "/sts");

    if (strstr(last.body, words) == NULL)
        fail_msg("\"%s\" was not sent, but \"%s\"", words, last.body);
}

static void set_environment_keys(void)
{
    (void)setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
}

/* ---- the order ---- */

static void environment_comes_before_everything(void **state)
{
    struct world *world = *state;

    set_environment_keys();
    world_container(world);
    world_credentials(world, "[default]\n" KEYS("AKIAFILE"));
    (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere", 1);
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "AKIAENV");
    assert_string_equal(world->state.source, "environment");
    assert_int_equal(world->state.expires_ms, 0);
}

static void named_profile_skips_environment_and_web_identity(void **state)
{
    struct world *world = *state;

    set_environment_keys();
    (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere", 1);
    (void)setenv("AWS_ROLE_ARN", ARN("web"), 1);
    world_credentials(world, "[reader]\n" KEYS("AKIAREADER"));
    world->options.profile = "reader";
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "AKIAREADER");
    assert_source(world, "profile reader");
}

static void credentials_file_comes_before_a_process_and_that_before_the_config_file(void **state)
{
    struct world *world = *state;

    world_config(world, "[default]\ncredential_process = /bin/false\n" KEYS("AKIACONFIG"));
    assert_int_not_equal(world_fetch(world), SG_OK);
    assert_trouble(world, "credential_process");
    world_pass(world, 10 * MINUTES);
    world_credentials(world, "[default]\n" KEYS("AKIAFILE"));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "AKIAFILE");
}

static void default_profile_without_keys_leads_to_the_container(void **state)
{
    struct world *world = *state;

    world_config(world, "[default]\nregion = eu-west-1\n");
    world_container(world);
    aws_server_rule(world->server,
                    &(struct aws_rule){.method = "GET",
                                       .path = "/role",
                                       .status = 200,
                                       .body = world_keys_json(world, "ASIA1", 60 * MINUTES),
                                       .times = -1});
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIA1");
}

/* What fails is told; it does not make room for another identity. */
static void failing_way_makes_room_for_no_other(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    world_credentials(world, "[default]\n" KEYS("AKIAFILE"));
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AWS_SECRET_ACCESS_KEY");
    assert_null(sg_provider_current(world->provider));
}

static void named_profile_without_a_way_is_refused(void **state)
{
    struct world *world = *state;

    world_config(world, "[profile reader]\nregion = eu-west-1\n");
    world_container(world);
    world->options.profile = "reader";
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "names no way");
    assert_int_equal(aws_server_count(world->server, "/role"), 0);
}

static void profile_that_is_nowhere_is_told_by_name(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_PROFILE", "gone", 1);
    assert_int_equal(world_fetch(world), SG_E_ABSENT);
    assert_trouble(world, "gone");
}

static void single_sign_on_is_refused_with_a_way_out(void **state)
{
    static const char *const keys[] = {"sso_session = x", "sso_start_url = https://x.example",
                                       "login_session = x"};
    struct world *world = *state;

    for (size_t i = 0; i < 3; i++) {
        world_config(world, "[default]\n%s\n", keys[i]);
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_INVALID);
        assert_trouble(world, "person");
    }
}

/* ---- roles of profiles ---- */

static void role_of_a_profile_is_assumed_with_its_sources_keys(void **state)
{
    struct world *world = *state;

    world_credentials(world, "[base]\n" KEYS("AKIABASE"));
    world_config(
        world, "[profile app]\nrole_arn = " ARN(
                   "app") "\nsource_profile = base\n"
                          "external_id = ex+id\nrole_session_name = me\nduration_seconds = 1800\n");
    world->options.profile = "app";
    serve_role(world, ENC("app"), "ASIAAPP");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAAPP");
    assert_body(world, "Action=AssumeRole&Version=2011-06-15");
    assert_body(world, "RoleSessionName=me");
    assert_body(world, "ExternalId=ex%2Bid");
    assert_body(world, "DurationSeconds=1800");
    assert_non_null(
        strstr(aws_server_last(world->server, "/sts").authorization, "Credential=AKIABASE/"));
    assert_source(world, "role " ARN("app"));
}

static void roles_are_assumed_one_on_top_of_the_other(void **state)
{
    struct world *world = *state;

    world_credentials(world, "[base]\n" KEYS("AKIABASE"));
    world_config(world,
                 "[profile one]\nrole_arn = " ARN("one") "\nsource_profile = base\n"
                                                         "[profile two]\nrole_arn = " ARN(
                                                             "two") "\nsource_profile = one\n");
    world->options.profile = "two";
    world->options.assume_role = ARN("three");
    world->options.session_name = "agent";
    serve_role(world, ENC("one"), "ASIAONE");
    serve_role(world, ENC("two"), "ASIATWO");
    serve_role(world, ENC("three"), "ASIATHREE");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIATHREE");
    assert_int_equal(aws_server_count(world->server, "/sts"), 3);
    const struct aws_request last = aws_server_last(world->server, "/sts");
    assert_non_null(strstr(last.authorization, "Credential=ASIATWO/"));
    assert_non_null(strstr(last.authorization, "x-amz-security-token"));
    assert_string_equal(last.security_token, "t");
    assert_body(world, "RoleSessionName=agent");
}

static void loops_of_profiles_are_detected(void **state)
{
    struct world *world = *state;

    world_config(world,
                 "[profile a]\nrole_arn = " ARN("a") "\nsource_profile = b\n"
                                                     "[profile b]\nrole_arn = " ARN(
                                                         "b") "\nsource_profile = c\n"
                                                              "[profile c]\nrole_arn = " ARN(
                                                                  "c") "\nsource_profile = a\n");
    world->options.profile = "a";
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "loop");
    assert_int_equal(aws_server_count(world->server, "/sts"), 0);
}

static void profile_may_be_its_own_source_when_it_holds_keys(void **state)
{
    struct world *world = *state;

    world_config(world, "[profile a]\nrole_arn = " ARN("a") "\nsource_profile = a\n");
    world->options.profile = "a";
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "its own source_profile");
    world_pass(world, 10 * MINUTES);
    world_credentials(world, "[a]\n" KEYS("AKIAA"));
    serve_role(world, ENC("a"), "ASIAA");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAA");
}

static void mistakes_in_a_role_profile_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"source_profile = gone\n", "source_profile"},
        {"", "either source_profile or credential_source"},
        {"source_profile = base\ncredential_source = Environment\n", "either"},
        {"credential_source = Nonsense\n", "credential_source must be"},
        {"credential_source = EcsContainer\n", "AWS_CONTAINER_CREDENTIALS"},
        {"credential_source = Environment\n", "AWS_ACCESS_KEY_ID"},
        {"source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/x\n", "mfa_serial"},
        {"source_profile = base\nduration_seconds = 60\n", "duration_seconds"},
        {"source_profile = base\nduration_seconds = 1h\n", "duration_seconds"},
        {"source_profile = empty\n", "names no way"},
    };
    struct world *world = *state;

    world_credentials(world, "[base]\n" KEYS("AKIABASE"));
    world->options.profile = "app";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_config(world, "[profile empty]\nregion = x\n[profile app]\nrole_arn = %s\n%s",
                     ARN("app"), cases[i][0]);
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_INVALID);
        assert_trouble(world, cases[i][1]);
    }
    assert_int_equal(aws_server_count(world->server, "/sts"), 0);
}

static void credential_source_may_be_the_environment(void **state)
{
    struct world *world = *state;

    set_environment_keys();
    world_config(world,
                 "[profile app]\nrole_arn = " ARN("app") "\ncredential_source = Environment\n");
    world->options.profile = "app";
    serve_role(world, ENC("app"), "ASIAAPP");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAAPP");
    assert_non_null(strstr(aws_server_last(world->server, "/sts").authorization, "=AKIAENV/"));
}

/* ---- web identities ---- */

static void web_identity_goes_unsigned_and_its_file_is_read_each_time(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", world_file(world, "token", "first.jwt\n"), 1);
    (void)setenv("AWS_ROLE_ARN", ARN("web"), 1);
    (void)setenv("AWS_ROLE_SESSION_NAME", "pod", 1);
    serve_role(world, ENC("web"), "ASIAWEB");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_body(world, "Action=AssumeRoleWithWebIdentity&");
    assert_body(world, "WebIdentityToken=first.jwt");
    assert_body(world, "RoleSessionName=pod");
    assert_string_equal(aws_server_last(world->server, "/sts").authorization, "");
    (void)world_file(world, "token", "second.jwt");
    sg_provider_refused(world->provider, "ASIAWEB");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_body(world, "WebIdentityToken=second.jwt");
}

static void web_identity_of_a_profile_is_used(void **state)
{
    struct world *world = *state;
    char token[512];

    (void)snprintf(token, sizeof token, "%s", world_file(world, "token", "x.y.z"));
    world_config(world, "[profile app]\nrole_arn = %s\nweb_identity_token_file = %s\n", ARN("web"),
                 token);
    world->options.profile = "app";
    serve_role(world, "WebIdentityToken=x.y.z", "ASIAWEB");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAWEB");
}

static void web_identity_without_role_or_token_is_told(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token", 1);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AWS_ROLE_ARN");
    (void)setenv("AWS_ROLE_ARN", ARN("web"), 1);
    world_pass(world, 10 * MINUTES);
    assert_int_not_equal(world_fetch(world), SG_OK);
    assert_trouble(world, "/nowhere/token");
    (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", world_file(world, "token", "\n"), 1);
    world_pass(world, 10 * MINUTES);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "empty");
    assert_int_equal(aws_server_count(world->server, "/sts"), 0);
}

/* ---- what STS answers ---- */

static void refusal_by_sts_is_told_with_what_to_do(void **state)
{
    struct world *world = *state;

    set_environment_keys();
    world->options.assume_role = ARN("reader");
    serve_error(world, 403, XML_ERROR("AccessDenied"), -1);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AccessDenied");
    assert_trouble(world, "trust policy");
    assert_int_equal(aws_server_count(world->server, "/sts"), 1);
}

static void sts_that_stumbles_is_asked_again(void **state)
{
    struct world *world = *state;

    set_environment_keys();
    world->options.assume_role = ARN("reader");
    serve_error(world, 400, XML_ERROR("Throttling"), 1);
    serve_error(world, 500, "", 1);
    serve_role(world, ENC("reader"), "ASIAREADER");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_int_equal(aws_server_count(world->server, "/sts"), 3);
}

static void wrong_clock_is_mended_by_the_date_of_sts(void **state)
{
    const int64_t now_ms = sg_clock_wall_ms(&sg_clock_system), day_ms = 24 * 60 * MINUTES;
    struct world *world = *state;
    char date[SG_DATE_SIZE], scope[16];

    set_environment_keys();
    world->options.assume_role = ARN("reader");
    serve_error(world, 403, XML_ERROR("RequestExpired"), 1);
    world->wall_ms = now_ms + day_ms;
    serve_role(world, ENC("reader"), "ASIAREADER");
    world->wall_ms = now_ms - 3 * day_ms;
    assert_int_equal(world_fetch(world), SG_OK);
    assert_true(sg_date_format_basic(date, world->wall_ms));
    (void)snprintf(scope, sizeof scope, "/%.8s/", date);
    assert_int_equal(aws_server_count(world->server, "/sts"), 2);
    assert_null(strstr(aws_server_last(world->server, "/sts").authorization, scope));
}

static void answers_of_sts_that_are_not_whole_are_no_keys(void **state)
{
    static const char *const answers[] = {
        "",
        "<html/>",
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
        "<SecretAccessKey>hidden</SecretAccessKey><SessionToken>t</SessionToken></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>",
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
        "<SecretAccessKey>hidden</SecretAccessKey><Expiration>2030-01-01T00:00:00Z</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>",
    };
    struct world *world = *state;

    set_environment_keys();
    world->options.assume_role = ARN("reader");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        aws_server_forget(world->server);
        serve_error(world, 200, answers[i], -1);
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_INVALID);
        assert_null(sg_provider_current(world->provider));
        assert_null(strstr(world->state.trouble, "hidden"));
    }
}

static void sts_is_asked_in_the_region_where_we_run(void **state)
{
    struct sg_endpoint_options options = {.service = SG_AWS_STS};
    struct sg_endpoint_place place;

    (void)state;
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://sts.us-east-1.amazonaws.com/");
    options.profile_region = "eu-central-1";
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://sts.eu-central-1.amazonaws.com/");
    (void)setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://sts.eu-west-1.amazonaws.com/");
    (void)setenv("AWS_REGION", "cn-north-1", 1); /* of another partition: no */
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.region, "eu-west-1");
    (void)setenv("AWS_REGION", "us-east-1.example.com/", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.region, "eu-west-1");
    options.service = SG_AWS_IAM;
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.region, "us-east-1");
}

/* As botocore's ConfiguredEndpointProvider has it. */
static void shared_files_say_where_services_are_asked_when_they_are_let(void **state)
{
    struct world *world = *state;
    struct sg_endpoint_options options = {.service = SG_AWS_IAM, .profile = "app"};
    struct sg_endpoint_place place;

    world_config(world, "[profile app]\nendpoint_url = https://profile.example.com/\n"
                        "services = ours\n[services other]\niam =\n"
                        "  endpoint_url = https://other.example.com/\n[services ours]\ns3 =\n"
                        "  endpoint_url = https://s3.example.com/\niam =\n"
                        "  endpoint_url = https://iam.example.com/\n"
                        "  endpoint_url_more = https://more.example.com/\n");
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://iam.amazonaws.com/"); /* they are not let */
    options.environment = true;
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://iam.example.com/");
    options.service = SG_AWS_STS;
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://profile.example.com/");
    options.profile = NULL; /* default, which is not there */
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://sts.us-east-1.amazonaws.com/");
    (void)setenv("AWS_PROFILE", "app", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://profile.example.com/");
    (void)setenv("AWS_ENDPOINT_URL", "https://variable.example.com/", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://variable.example.com/");
    options.endpoint = "https://ours.example.com/";
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://ours.example.com/");
}

static void profile_may_rule_configured_endpoints_out(void **state)
{
    struct world *world = *state;
    struct sg_endpoint_options options = {.service = SG_AWS_IAM, .environment = true};
    struct sg_endpoint_place place;

    world_config(world, "[default]\nendpoint_url = https://profile.example.com/\n"
                        "ignore_configured_endpoint_urls = true\n");
    (void)setenv("AWS_ENDPOINT_URL", "https://variable.example.com/", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://iam.amazonaws.com/");
    (void)setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://variable.example.com/");
}

static void endpoint_of_a_shared_file_that_is_no_place_to_go_to_is_refused(void **state)
{
    static const char *const files[] = {
        "endpoint_url = http://plain.example.com/\n",
        "endpoint_url = file:///etc/passwd\n",
        "endpoint_url = https://user:secret@example.com/\n",
        "services = not-there\n",
    };
    struct world *world = *state;
    const struct sg_endpoint_options options = {.service = SG_AWS_IAM, .environment = true};
    struct sg_endpoint_place place;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct sg_problems problems = {0};

        world_config(world, "[default]\n%s", files[i]);
        assert_int_equal(sg_endpoint_place(&place, &options, &problems), SG_E_INVALID);
        assert_int_equal(place.url[0], '\0');
        assert_true(problems.count > 0 && strstr(problems.texts[0], "secret") == NULL);
        sg_problems_clear(&problems);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)
    const struct CMUnitTest tests[] = {
        TEST(environment_comes_before_everything),
        TEST(named_profile_skips_environment_and_web_identity),
        TEST(credentials_file_comes_before_a_process_and_that_before_the_config_file),
        TEST(default_profile_without_keys_leads_to_the_container),
        TEST(failing_way_makes_room_for_no_other),
        TEST(named_profile_without_a_way_is_refused),
        TEST(profile_that_is_nowhere_is_told_by_name),
        TEST(single_sign_on_is_refused_with_a_way_out),
        TEST(role_of_a_profile_is_assumed_with_its_sources_keys),
        TEST(roles_are_assumed_one_on_top_of_the_other),
        TEST(loops_of_profiles_are_detected),
        TEST(profile_may_be_its_own_source_when_it_holds_keys),
        TEST(mistakes_in_a_role_profile_are_told),
        TEST(credential_source_may_be_the_environment),
        TEST(web_identity_goes_unsigned_and_its_file_is_read_each_time),
        TEST(web_identity_of_a_profile_is_used),
        TEST(web_identity_without_role_or_token_is_told),
        TEST(refusal_by_sts_is_told_with_what_to_do),
        TEST(sts_that_stumbles_is_asked_again),
        TEST(wrong_clock_is_mended_by_the_date_of_sts),
        TEST(answers_of_sts_that_are_not_whole_are_no_keys),
        TEST(sts_is_asked_in_the_region_where_we_run),
        TEST(shared_files_say_where_services_are_asked_when_they_are_let),
        TEST(profile_may_rule_configured_endpoints_out),
        TEST(endpoint_of_a_shared_file_that_is_no_place_to_go_to_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
