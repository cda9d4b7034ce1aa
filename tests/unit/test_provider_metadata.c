/*
 * test_provider_metadata.c - keys from a container's endpoint and from an instance's metadata: what
 * goes out, what comes back, and where a token must never go.
 */
#include "provider_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TOKEN_PATH "/latest/api/token"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

static void serve(struct world *world, const char *method, const char *path, int status,
                  const char *body)
{
    aws_server_rule(
        world->server,
        &(struct aws_rule){
            .method = method, .path = path, .status = status, .body = body, .times = -1});
}

/* ---- containers ---- */

static void container_gives_keys_until_they_expire(void **state)
{
    struct world *world = *state;

    world_container(world);
    serve(world, "GET", "/role", 200, world_keys_json(world, "ASIACONTAINER", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIACONTAINER");
    assert_string_equal(sg_provider_current(world->provider)->secret_access_key, "se/cret");
    assert_string_equal(sg_provider_current(world->provider)->session_token, "to+ken=");
    assert_int_equal(world->state.expires_ms, WORLD_NOW_MS + 60 * MINUTES);
    assert_source(world, "container");
    /* The path is a secret: ECS gives a task's keys to whoever knows it. */
    assert_null(strstr(world->state.source, "/role"));
    assert_string_equal(aws_server_last(world->server, "/role").authorization, "");
}

static void container_token_of_the_file_wins_and_is_read_each_time(void **state)
{
    struct world *world = *state;

    world_container(world);
    (void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "variable", 1);
    (void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", world_file(world, "token", "first\n"),
                 1);
    serve(world, "GET", "/role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_string_equal(aws_server_last(world->server, "/role").authorization, "first");
    (void)world_file(world, "token", "second");
    sg_provider_refused(world->provider, "ASIA1");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_string_equal(aws_server_last(world->server, "/role").authorization, "second");
}

static void container_token_with_a_line_break_goes_nowhere(void **state)
{
    struct world *world = *state;

    world_container(world);
    (void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX-Other: b", 1);
    serve(world, "GET", "/role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_not_equal(world_fetch(world), SG_OK);
    assert_trouble(world, "token");
    assert_null(strstr(world->state.trouble, "X-Other"));
    assert_int_equal(aws_server_count(world->server, "/role"), 0);
}

static void container_token_file_that_is_missing_is_told_by_name(void **state)
{
    struct world *world = *state;

    world_container(world);
    (void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token", 1);
    assert_int_not_equal(world_fetch(world), SG_OK);
    assert_trouble(world, "/nowhere/token");
    assert_int_equal(aws_server_count(world->server, "/role"), 0);
}

static void plain_http_goes_to_aws_addresses_only(void **state)
{
    static const char *const refused[] = {
        "http://10.0.0.1/role",
        "http://169.254.170.2.example.com/role",
        "http://169.254.170.3/role",
        "http://169.254.169.253/role",
        "http://example.com/role",
        "http://[fd00:ec2::24]/role",
        "http://2852039682/role",
        "ftp://127.0.0.1/role",
        "http://user@127.0.0.1/role",
        "file:///etc/passwd",
        "role",
    };
    static const char *const allowed[] = {"http://169.254.170.2/role",
                                          "http://169.254.170.23/v1/credentials",
                                          "http://[fd00:ec2::23]/v1/credentials",
                                          "https://example.com/role",
                                          "http://127.0.0.1:8080/role",
                                          "http://localhost/role",
                                          "http://[::1]:9000/role"};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        assert_true(sg_http_metadata_url_allowed(allowed[i], NULL));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        (void)setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", refused[i], 1);
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_INVALID);
        assert_trouble(world, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    }
    assert_false(sg_http_url_allowed("http://169.254.170.2/role", NULL));
}

static void relative_uri_must_be_a_path(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/role", 1);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    world_pass(world, 10 * MINUTES);
    (void)setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".example.com/role", 1);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
}

static void container_that_stumbles_is_asked_again(void **state)
{
    struct world *world = *state;

    world_container(world);
    aws_server_rule(
        world->server,
        &(struct aws_rule){.method = "GET", .path = "/role", .status = 503, .times = 1});
    aws_server_rule(
        world->server,
        &(struct aws_rule){.method = "GET", .path = "/role", .hang_up = true, .times = 1});
    serve(world, "GET", "/role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_int_equal(aws_server_count(world->server, "/role"), 3);
}

static void container_that_refuses_is_not_asked_again(void **state)
{
    struct world *world = *state;

    world_container(world);
    serve(world, "GET", "/role", 403, "{}");
    assert_int_equal(world_fetch(world), SG_E_NETWORK);
    assert_trouble(world, "403");
    assert_int_equal(aws_server_count(world->server, "/role"), 1);
}

static void answers_that_are_not_whole_are_no_keys(void **state)
{
    static const char *const answers[] = {
        "",
        "{}",
        "[]",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\",\"Token\":\"t\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\",\"Token\":\"t\",\"Expiration\":"
        "\"soon\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\",\"Expiration\":\"2030-01-01T00:00:"
        "00Z\"}",
        "{\"AccessKeyId\":\"A\",\"Token\":\"t\",\"Expiration\":\"2030-01-01T00:00:00Z\"}",
        "{\"AccessKeyId\":\"A B\",\"SecretAccessKey\":\"hidden\",\"Token\":\"t\","
        "\"Expiration\":\"2030-01-01T00:00:00Z\"}",
        "{\"AccessKeyId\":\"A\",\"AccessKeyId\":\"B\",\"SecretAccessKey\":\"hidden\",\"Token\":"
        "\"t\","
        "\"Expiration\":\"2030-01-01T00:00:00Z\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\",\"Token\":\"t\",\"Expiration\":",
    };
    struct world *world = *state;

    world_container(world);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        aws_server_forget(world->server);
        serve(world, "GET", "/role", 200, answers[i]);
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_INVALID);
        assert_null(sg_provider_current(world->provider));
        assert_null(strstr(world->state.trouble, "hidden"));
    }
}

static void refusal_inside_an_answer_is_told(void **state)
{
    struct world *world = *state;

    world_container(world);
    serve(world, "GET", "/role", 200,
          "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume it\"}");
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AssumeRoleUnauthorizedAccess: EC2 cannot assume it");
}

/* ---- instances ---- */

static void start_instance(struct world *world)
{
    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    (void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws_server_url(world->server, "/"), 1);
}

static void instance_gives_the_keys_of_its_role(void **state)
{
    struct world *world = *state;

    start_instance(world);
    serve(world, "PUT", TOKEN_PATH, 200, "TOKEN==");
    serve(world, "GET", ROLES_PATH, 200, "web-role\n");
    serve(world, "GET", ROLES_PATH "web-role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIA1");
    assert_source(world, "role web-role");
    assert_string_equal(aws_server_last(world->server, TOKEN_PATH).ttl, "21600");
    assert_string_equal(aws_server_last(world->server, TOKEN_PATH).body, "");
    assert_string_equal(aws_server_last(world->server, ROLES_PATH).token, "TOKEN==");
    assert_string_equal(aws_server_last(world->server, ROLES_PATH "web-role").token, "TOKEN==");
}

static void version_1_is_never_fallen_back_to(void **state)
{
    static const int statuses[] = {403, 404, 405};
    struct world *world = *state;

    start_instance(world);
    for (size_t i = 0; i < 3; i++) {
        aws_server_forget(world->server);
        serve(world, "PUT", TOKEN_PATH, statuses[i], "");
        serve(world, "GET", ROLES_PATH, 200, "web-role");
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_NETWORK);
        assert_trouble(world, "version 2");
        assert_int_equal(aws_server_count(world->server, ROLES_PATH), 0);
    }
}

static void instance_without_a_role_says_so(void **state)
{
    struct world *world = *state;

    start_instance(world);
    serve(world, "PUT", TOKEN_PATH, 200, "T");
    assert_int_equal(world_fetch(world), SG_E_ABSENT);
    assert_trouble(world, "no role");
}

static void role_name_that_would_lead_elsewhere_is_refused(void **state)
{
    static const char *const names[] = {
        "../../user-data", "a/b", "a?b", "..", "", "\n", "a b", "%2e"};
    struct world *world = *state;

    start_instance(world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        aws_server_forget(world->server);
        serve(world, "PUT", TOKEN_PATH, 200, "T");
        serve(world, "GET", ROLES_PATH, 200, names[i]);
        world_pass(world, 10 * MINUTES);
        assert_int_equal(world_fetch(world), SG_E_INVALID);
    }
}

static void session_token_with_a_line_break_is_refused(void **state)
{
    struct world *world = *state;

    start_instance(world);
    serve(world, "PUT", TOKEN_PATH, 200, "T\r\nX-Other: b");
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_int_equal(aws_server_count(world->server, ROLES_PATH), 0);
}

static void session_token_that_has_ended_is_taken_anew(void **state)
{
    struct world *world = *state;

    start_instance(world);
    serve(world, "PUT", TOKEN_PATH, 200, "T");
    aws_server_rule(
        world->server,
        &(struct aws_rule){.method = "GET", .path = ROLES_PATH, .status = 401, .times = 1});
    serve(world, "GET", ROLES_PATH, 200, "web-role");
    serve(world, "GET", ROLES_PATH "web-role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_int_equal(aws_server_count(world->server, TOKEN_PATH), 2);
}

static void keys_that_an_instance_hands_out_expired_serve_a_while(void **state)
{
    struct world *world = *state;

    start_instance(world);
    serve(world, "PUT", TOKEN_PATH, 200, "T");
    serve(world, "GET", ROLES_PATH, 200, "web-role");
    serve(world, "GET", ROLES_PATH "web-role", 200, world_keys_json(world, "ASIA1", -5 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIA1");
    world_pass(world, 19 * MINUTES);
    assert_keys(world, "ASIA1");
    world_pass(world, 2 * MINUTES);
    assert_null(sg_provider_current(world->provider));
}

static void disabled_metadata_are_not_asked(void **state)
{
    struct world *world = *state;

    start_instance(world);
    (void)setenv("AWS_EC2_METADATA_DISABLED", "TRUE", 1);
    assert_int_equal(world_fetch(world), SG_E_ABSENT);
    assert_trouble(world, "AWS_ACCESS_KEY_ID");
    assert_trouble(world, "AWS_EC2_METADATA_DISABLED");
    assert_int_equal(aws_server_count(world->server, TOKEN_PATH), 0);
}

static void metadata_endpoint_elsewhere_must_be_https(void **state)
{
    struct world *world = *state;

    start_instance(world);
    (void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://imds.example.com/", 1);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

static void profile_may_say_where_the_instance_is_asked(void **state)
{
    struct world *world = *state;

    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    world_config(world,
                 "[default]\nec2_metadata_service_endpoint = %s\n"
                 "ec2_metadata_service_endpoint_mode = IPv6\n",
                 aws_server_url(world->server, "/"));
    serve(world, "PUT", TOKEN_PATH, 200, "TOKEN==");
    serve(world, "GET", ROLES_PATH, 200, "web-role\n");
    serve(world, "GET", ROLES_PATH "web-role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIA1");
}

static void endpoint_of_a_profile_that_is_no_place_for_secrets_is_refused(void **state)
{
    struct world *world = *state;

    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    world_config(world, "[default]\nec2_metadata_service_endpoint = http://imds.example.com/\n");
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "ec2_metadata_service_endpoint");
}

static void metadata_never_go_by_a_proxy(void **state)
{
    struct world *world = *state;
    struct aws_server *proxy = aws_server_start(&(struct aws_server_options){.ipv6 = false});

    assert_non_null(proxy);
    (void)setenv("http_proxy", aws_server_url(proxy, ""), 1);
    (void)unsetenv("no_proxy");
    assert_int_equal(
        sg_http_configure(world->http, &(struct sg_http_settings){.proxy = "environment"}), SG_OK);
    world_container(world);
    serve(world, "GET", "/role", 200, world_keys_json(world, "ASIA1", 60 * MINUTES));
    assert_int_equal(world_fetch(world), SG_OK);
    assert_int_equal(aws_server_connections(proxy), 0);
    (void)unsetenv("http_proxy");
    aws_server_stop(proxy);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)
    const struct CMUnitTest tests[] = {
        TEST(container_gives_keys_until_they_expire),
        TEST(container_token_of_the_file_wins_and_is_read_each_time),
        TEST(container_token_with_a_line_break_goes_nowhere),
        TEST(container_token_file_that_is_missing_is_told_by_name),
        TEST(plain_http_goes_to_aws_addresses_only),
        TEST(relative_uri_must_be_a_path),
        TEST(container_that_stumbles_is_asked_again),
        TEST(container_that_refuses_is_not_asked_again),
        TEST(answers_that_are_not_whole_are_no_keys),
        TEST(refusal_inside_an_answer_is_told),
        TEST(instance_gives_the_keys_of_its_role),
        TEST(version_1_is_never_fallen_back_to),
        TEST(instance_without_a_role_says_so),
        TEST(role_name_that_would_lead_elsewhere_is_refused),
        TEST(session_token_with_a_line_break_is_refused),
        TEST(session_token_that_has_ended_is_taken_anew),
        TEST(keys_that_an_instance_hands_out_expired_serve_a_while),
        TEST(disabled_metadata_are_not_asked),
        TEST(metadata_endpoint_elsewhere_must_be_https),
        TEST(profile_may_say_where_the_instance_is_asked),
        TEST(endpoint_of_a_profile_that_is_no_place_for_secrets_is_refused),
        TEST(metadata_never_go_by_a_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
