/*
 * test_provider.c - keys over time: fetched ahead of expiry, kept while a fetch fails, given up
 * when they expire or AWS refuses them, shared between accounts; and keys from a process.
 */
#include "provider_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void serve(struct world *world, const char *id, int64_t life_ms)
{
    aws_server_forget(world->server);
    aws_server_rule(world->server, &(struct aws_rule){.method = "GET",
                                                      .path = "/role",
                                                      .status = 200,
                                                      .body = world_keys_json(world, id, life_ms),
                                                      .times = -1});
}

static void serve_nothing(struct world *world)
{
    aws_server_forget(world->server);
}

/* Lets what goes on in the background end; awaits, never sleeps. */
static void settle(struct world *world)
{
    for (int i = 0; i < 600; i++) {
        assert_int_equal(sg_http_wait(world->http, NULL, 0, 100), SG_OK);
        sg_provider_state(&world->state, world->provider);
        if (!world->state.fetching)
            return;
    }
    fail_msg("the fetch does not end");
}

static void begin(struct world *world, const char *id, int64_t life_ms)
{
    world_container(world);
    serve(world, id, life_ms);
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, id);
}

/* ---- over time ---- */

static void keys_are_fetched_ahead_of_expiry_and_the_old_serve_meanwhile(void **state)
{
    struct world *world = *state;

    begin(world, "ASIA1", 60 * MINUTES);
    world_pass(world, 44 * MINUTES);
    assert_keys(world, "ASIA1");
    settle(world);
    assert_int_equal(aws_server_count(world->server, "/role"), 1);
    serve(world, "ASIA2", 60 * MINUTES);
    world_pass(world, 2 * MINUTES);
    assert_keys(world, "ASIA1"); /* at once, while new ones are on their way */
    settle(world);
    assert_keys(world, "ASIA2");
}

static void failed_refresh_keeps_the_old_keys_until_they_expire(void **state)
{
    struct world *world = *state;

    begin(world, "ASIA1", 60 * MINUTES);
    serve_nothing(world);
    for (int i = 0; i < 14; i++) {
        world_pass(world, i == 0 ? 46 * MINUTES : 1 * MINUTES);
        assert_keys(world, "ASIA1");
        settle(world);
    }
    assert_true(aws_server_count(world->server, "/role") > 3);
    assert_trouble(world, "404");
    world_pass(world, 1 * MINUTES);
    assert_null(sg_provider_current(world->provider));
    assert_int_equal(world_fetch(world), SG_E_NETWORK);
    serve(world, "ASIA2", 60 * MINUTES);
    world_pass(world, 1 * MINUTES);
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIA2");
    assert_string_equal(world->state.trouble, "");
}

static void failure_is_followed_by_a_pause(void **state)
{
    struct world *world = *state;

    world_container(world);
    for (int i = 0; i < 20; i++)
        assert_int_equal(world_fetch(world), SG_E_NETWORK);
    assert_int_equal(aws_server_count(world->server, "/role"), 1);
    world_pass(world, 1 * MINUTES);
    assert_int_equal(world_fetch(world), SG_E_NETWORK);
    assert_int_equal(aws_server_count(world->server, "/role"), 2);
}

static void short_lives_are_not_fetched_over_and_over(void **state)
{
    struct world *world = *state;

    begin(world, "ASIA1", 10 * MINUTES);
    for (int i = 0; i < 4; i++) {
        world_pass(world, 1 * MINUTES);
        assert_keys(world, "ASIA1");
        settle(world);
    }
    assert_int_equal(aws_server_count(world->server, "/role"), 1);
}

static void refused_keys_are_given_no_more(void **state)
{
    struct world *world = *state;

    begin(world, "ASIA1", 60 * MINUTES);
    sg_provider_refused(world->provider, "ASIAOTHER");
    assert_keys(world, "ASIA1");
    sg_provider_refused(world->provider, "ASIA1");
    assert_null(sg_provider_current(world->provider));
    serve(world, "ASIA2", 60 * MINUTES);
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIA2");
    sg_provider_refused(world->provider, "ASIA1"); /* an answer that came late */
    assert_keys(world, "ASIA2");
}

static void source_of_refused_keys_gets_a_pause(void **state)
{
    struct world *world = *state;

    begin(world, "ASIA1", 60 * MINUTES);
    for (int i = 0; i < 20; i++) {
        sg_provider_refused(world->provider, "ASIA1");
        (void)world_fetch(world);
    }
    assert_in_range(aws_server_count(world->server, "/role"), 2, 3);
    assert_trouble(world, "does not take");
    world_pass(world, 2 * MINUTES);
    assert_int_equal(world_fetch(world), SG_OK);
}

static void keys_that_have_expired_are_no_keys(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_ACCESS_KEY_ID", "ASIAENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    (void)setenv("AWS_SESSION_TOKEN", "token", 1);
    (void)setenv("AWS_CREDENTIAL_EXPIRATION", "2026-11-24T09:59:59Z", 1);
    assert_int_equal(world_fetch(world), SG_E_ABSENT);
    assert_trouble(world, "expired");
    (void)setenv("AWS_CREDENTIAL_EXPIRATION", "tomorrow", 1);
    world_pass(world, 2 * MINUTES);
    assert_int_equal(world_fetch(world), SG_E_INVALID);
    assert_trouble(world, "AWS_CREDENTIAL_EXPIRATION");
}

static void clock_of_aws_counts_for_expiry(void **state)
{
    struct world *world = *state;

    begin(world, "ASIA1", 60 * MINUTES);
    sg_provider_set_clock_offset(world->provider, 61 * MINUTES);
    assert_null(sg_provider_current(world->provider));
    sg_provider_set_clock_offset(world->provider, -600 * MINUTES);
    assert_keys(world, "ASIA1");
}

struct seen {
    struct sg_provider_waiter waiter;
    unsigned calls;
    int error;
    struct sg_provider_waiter *stop; /* another, when called */
};

static void see(void *payload, int error)
{
    struct seen *seen = payload;

    seen->calls++;
    seen->error = error;
    if (seen->stop != NULL)
        sg_provider_stop(seen->stop);
}

static void many_wait_for_one_fetch(void **state)
{
    struct world *world = *state;
    struct seen seen[5] = {{.calls = 0}};

    world_container(world);
    serve(world, "ASIA1", 60 * MINUTES);
    assert_int_equal(sg_provider_open(&world->provider, &world->options), SG_OK);
    for (int i = 0; i < 5; i++) {
        seen[i].waiter = (struct sg_provider_waiter){.call = see, .payload = &seen[i]};
        sg_provider_wait(world->provider, &seen[i].waiter);
    }
    seen[1].stop = &seen[2].waiter; /* stopped while the rest are being told */
    sg_provider_stop(&seen[4].waiter);
    assert_int_equal(seen[0].calls, 0); /* never from sg_provider_wait() itself */
    assert_int_equal(world_fetch(world), SG_OK);
    assert_int_equal(aws_server_count(world->server, "/role"), 1);
    assert_int_equal(seen[0].calls, 1);
    assert_int_equal(seen[0].error, SG_OK);
    assert_int_equal(seen[1].calls, 1);
    assert_int_equal(seen[2].calls, 0);
    assert_int_equal(seen[3].calls, 1);
    assert_int_equal(seen[4].calls, 0);
}

static void closing_tells_nobody(void **state)
{
    struct world *world = *state;
    struct seen seen = {.calls = 0};

    world_container(world);
    aws_server_rule(world->server, &(struct aws_rule){.method = "GET",
                                                      .path = "/role",
                                                      .status = 200,
                                                      .body = "slow",
                                                      .drip_ms = 100,
                                                      .times = -1});
    assert_int_equal(sg_provider_open(&world->provider, &world->options), SG_OK);
    seen.waiter = (struct sg_provider_waiter){.call = see, .payload = &seen};
    sg_provider_wait(world->provider, &seen.waiter);
    for (int i = 0; i < 600 && aws_server_count(world->server, "/role") == 0; i++)
        assert_int_equal(sg_http_wait(world->http, NULL, 0, 50), SG_OK);
    sg_provider_close(world->provider);
    world->provider = NULL;
    for (int i = 0; i < 3; i++)
        assert_int_equal(sg_http_wait(world->http, NULL, 0, 10), SG_OK);
    assert_int_equal(seen.calls, 0);
}

static void accounts_share_one_base(void **state)
{
    struct world *world = *state;
    struct sg_provider *base = NULL, *other = NULL;

    world_container(world);
    serve(world, "ASIABASE", 60 * MINUTES);
    aws_server_rule(world->server,
                    &(struct aws_rule){.method = "POST",
                                       .path = "/sts",
                                       .status = 200,
                                       .body = world_keys_xml(world, "ASIAROLE", 60 * MINUTES),
                                       .times = -1});
    assert_int_equal(sg_provider_open(&base, &world->options), SG_OK);
    world->options.base = base;
    world->options.assume_role = "arn:aws:iam::123456789012:role/one";
    world->options.session_name = "agent";
    world->options.external_id = "shared";
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAROLE");
    assert_source(world, "container");
    assert_source(world, "role/one");
    world->options.assume_role = "arn:aws:iam::210987654321:role/two";
    assert_int_equal(sg_provider_open(&other, &world->options), SG_OK);
    assert_int_equal(sg_provider_run(other, 60000), SG_OK);
    assert_int_equal(aws_server_count(world->server, "/role"), 1);
    assert_int_equal(aws_server_count(world->server, "/sts"), 2);
    assert_non_null(strstr(aws_server_last(world->server, "/sts").body, "ExternalId=shared"));
    sg_provider_close(other);
    sg_provider_close(world->provider);
    world->provider = NULL;
    sg_provider_close(base);
}

static void base_that_sts_refuses_is_fetched_anew(void **state)
{
    struct world *world = *state;
    struct sg_provider *base = NULL;

    world_container(world);
    serve(world, "ASIAOLD", 60 * MINUTES);
    aws_server_rule(world->server,
                    &(struct aws_rule){.method = "POST",
                                       .path = "/sts",
                                       .status = 403,
                                       .body = "<ErrorResponse><Error><Code>ExpiredToken</Code>"
                                               "<Message>x</Message></Error></ErrorResponse>",
                                       .times = 1});
    aws_server_rule(world->server,
                    &(struct aws_rule){.method = "POST",
                                       .path = "/sts",
                                       .status = 200,
                                       .body = world_keys_xml(world, "ASIAROLE", 60 * MINUTES),
                                       .times = -1});
    assert_int_equal(sg_provider_open(&base, &world->options), SG_OK);
    world->options.base = base;
    world->options.assume_role = "arn:aws:iam::123456789012:role/one";
    assert_int_equal(world_fetch(world), SG_E_UNTRUSTED);
    world_pass(world, 2 * MINUTES);
    assert_int_equal(world_fetch(world), SG_OK);
    assert_int_equal(aws_server_count(world->server, "/role"), 2);
    sg_provider_close(world->provider);
    world->provider = NULL;
    sg_provider_close(base);
}

/* ---- a process ---- */

static void set_process(struct world *world, const char *script, const char *arguments)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s", world_file(world, "get keys", script));
    assert_int_equal(chmod(path, 0700), 0);
    world_config(world, "[default]\ncredential_process = \"%s\" %s\n", path, arguments);
}

static void process_gives_keys(void **state)
{
    struct world *world = *state;

    set_process(world,
                "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"'$1'\",\"SecretAccessKey\":"
                "\"s\",\"SessionToken\":\"t\",\"Expiration\":\"2026-11-24T11:00:00Z\"}'\n",
                "ASIAPROCESS");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAPROCESS");
    assert_int_equal(world->state.expires_ms, WORLD_NOW_MS + 60 * MINUTES);
    assert_source(world, "credential_process of profile default");
}

static void process_gets_words_and_no_shell(void **state)
{
    struct world *world = *state;

    set_process(world,
                "#!/bin/sh\n[ $# = 4 ] && [ \"$1\" = '$HOME' ] && [ \"$2\" = 'a b' ] && [ \"$3\" = "
                "'c;d' ] && [ \"$4\" = '~' ] && echo '{\"Version\":1,\"AccessKeyId\":\"ASIAWORDS\","
                "\"SecretAccessKey\":\"s\"}'\n",
                "$HOME 'a b' c\\;d ~");
    assert_int_equal(world_fetch(world), SG_OK);
    assert_keys(world, "ASIAWORDS");
    assert_int_equal(world->state.expires_ms, 0);
}

static void process_inherits_no_descriptor_and_no_blocked_signal(void **state)
{
    struct world *world = *state;
    sigset_t blocked, before;
    int ends[2];

    assert_int_equal(pipe(ends), 0); /* without O_CLOEXEC, on purpose */
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    set_process(
        world,
        "#!/bin/sh\nset -e\nfor fd in /proc/self/fd/*; do case ${fd##*/} in 0|1|2|3|10|255) ;; "
        "*) [ -e $fd ] && exit 9 || true;; esac; done\n"
        "grep -q '^SigBlk:.0000000000000000' /proc/$$/status\n"
        "echo '{\"Version\":1,\"AccessKeyId\":\"ASIACLEAN\",\"SecretAccessKey\":\"s\"}'\n",
        "");
    const int error = world_fetch(world);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[0]);
    (void)close(ends[1]);
    if (error != SG_OK)
        fail_msg("%s", world->state.trouble);
    assert_keys(world, "ASIACLEAN");
}

static void process_that_fails_is_told_with_its_exit_code(void **state)
{
    struct world *world = *state;

    set_process(world, "#!/bin/sh\necho secret\nexit 3\n", "");
    assert_int_equal(world_fetch(world), SG_E_SYSTEM);
    assert_trouble(world, "exit code 3");
    assert_null(strstr(world->state.trouble, "secret"));
}

static void process_that_is_not_there_is_told_by_name(void **state)
{
    struct world *world = *state;

    world_config(world, "[default]\ncredential_process = /nowhere/tool --json\n");
    assert_int_equal(world_fetch(world), SG_E_SYSTEM);
    assert_trouble(world, "/nowhere/tool");
    assert_null(strstr(world->state.trouble, "--json"));
}

static void process_that_never_stops_writing_is_ended(void **state)
{
    struct world *world = *state;

    set_process(world, "#!/bin/sh\nwhile :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done\n",
                "");
    assert_int_equal(world_fetch(world), SG_E_LIMIT);
    assert_trouble(world, "65536");
}

static void process_that_hangs_holds_up_nothing_else_and_dies_with_its_provider(void **state)
{
    struct world *world = *state;
    char path[128], line[64] = "";
    pid_t pid = 0;

    (void)snprintf(path, sizeof path, "%s/pid", world->folder);
    set_process(world, "#!/bin/sh\necho $$ > \"$1.new\"; mv \"$1.new\" \"$1\"; sleep 600; exit 1\n",
                path);
    assert_int_equal(sg_provider_open(&world->provider, &world->options), SG_OK);
    struct seen seen = {.calls = 0};
    seen.waiter = (struct sg_provider_waiter){.call = see, .payload = &seen};
    sg_provider_wait(world->provider, &seen.waiter);
    for (int i = 0; i < 600 && pid == 0; i++) {
        assert_int_equal(sg_http_wait(world->http, NULL, 0, 50), SG_OK); /* never hangs */
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(line, sizeof line, file) != NULL)
            pid = (pid_t)strtol(line, NULL, 10);
        (void)fclose(file);
    }
    assert_true(pid > 0);
    assert_int_equal(seen.calls, 0);
    sg_provider_close(world->provider);
    world->provider = NULL;
    assert_int_equal(kill(pid, 0), -1); /* ended, and waited for */
}

static void answers_of_processes_that_are_not_whole_are_no_keys(void **state)
{
    static const char *const answers[] = {
        "",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\"}",
        "{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\"}",
        "{\"Version\":\"1\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\"}",
        "{\"Version\":1,\"AccessKeyId\":\"A\"}",
        "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hid den\"}",
        "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\",\"Expiration\":1}",
        "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\"} trailing",
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct sg_credentials keys = {.expires_ms = 0};
        char trouble[200] = "";
        assert_int_equal(sg_key_json_read(&keys, trouble, sizeof trouble, sg_text_of(answers[i]),
                                          SG_KEY_JSON_PROCESS),
                         SG_E_INVALID);
        assert_null(keys.secret_access_key);
        assert_true(trouble[0] != '\0');
        assert_null(strstr(trouble, "hidden"));
    }
}

static void words_are_split_as_documented(void **state)
{
    static const struct {
        const char *command, *words[5];
    } good[] = {
        {"a", {"a"}},
        {"  /bin/x  --y\tz ", {"/bin/x", "--y", "z"}},
        {"\"C D\"/e 'f \"g'", {"C D/e", "f \"g"}},
        {"a \"b\\\"c\" \"d\\e\"", {"a", "b\"c", "d\\e"}},
        {"a b\\ c ''", {"a", "b c", ""}},
        {"a '\\'", {"a", "\\"}},
    };
    static const char *const bad[] = {"", "   ", "a 'b", "\"a", "a\\", "''"};
    char **argv;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(sg_command_split(&argv, sg_text_of(good[i].command)), SG_OK);
        size_t count = 0;
        for (; good[i].words[count] != NULL; count++)
            assert_string_equal(argv[count], good[i].words[count]);
        assert_null(argv[count]);
        free(argv);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sg_command_split(&argv, sg_text_of(bad[i])), SG_E_INVALID);
        assert_null(argv);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_fetched_ahead_of_expiry_and_the_old_serve_meanwhile),
        TEST(failed_refresh_keeps_the_old_keys_until_they_expire),
        TEST(failure_is_followed_by_a_pause),
        TEST(short_lives_are_not_fetched_over_and_over),
        TEST(refused_keys_are_given_no_more),
        TEST(source_of_refused_keys_gets_a_pause),
        TEST(keys_that_have_expired_are_no_keys),
        TEST(clock_of_aws_counts_for_expiry),
        TEST(many_wait_for_one_fetch),
        TEST(closing_tells_nobody),
        TEST(accounts_share_one_base),
        TEST(base_that_sts_refuses_is_fetched_anew),
        TEST(process_gives_keys),
        TEST(process_gets_words_and_no_shell),
        TEST(process_inherits_no_descriptor_and_no_blocked_signal),
        TEST(process_that_fails_is_told_with_its_exit_code),
        TEST(process_that_is_not_there_is_told_by_name),
        TEST(process_that_never_stops_writing_is_ended),
        TEST(process_that_hangs_holds_up_nothing_else_and_dies_with_its_provider),
        TEST(answers_of_processes_that_are_not_whole_are_no_keys),
        TEST(words_are_split_as_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
