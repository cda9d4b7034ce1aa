/*
 * test_credentials.c - whose keys sign: the environment, the shared files, and what is refused with
 * a word about what to do.
 */
#include "aws/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char folder[64];
    struct sg_plan plan;
    struct sg_problems problems;
};

static void write_file(const struct world *world, const char *name, const char *variable,
                       const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv(variable, path, 1), 0);
}

static void write_credentials(const struct world *world, const char *text)
{
    write_file(world, "credentials", "AWS_SHARED_CREDENTIALS_FILE", text);
}

static void write_config(const struct world *world, const char *text)
{
    write_file(world, "config", "AWS_CONFIG_FILE", text);
}

static int make(void **state)
{
    static struct world world;

    world = (struct world){.folder = "/tmp/stsgate-credentials.XXXXXX"};
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    (void)unsetenv("AWS_SESSION_TOKEN");
    (void)unsetenv("AWS_PROFILE");
    (void)unsetenv("AWS_CREDENTIAL_EXPIRATION");
    (void)unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    (void)unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    (void)unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    (void)setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    *state = &world;
    return mkdtemp(world.folder) == NULL ? -1 : 0;
}

static int clear(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"credentials", "config"};

    for (size_t i = 0; i < 2; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", world->folder, names[i]);
        (void)unlink(path);
    }
    sg_plan_clear(&world->plan);
    sg_problems_clear(&world->problems);
    return rmdir(world->folder);
}

static int load(struct world *world, const char *profile)
{
    return sg_plan_make(&world->plan, profile, &world->problems);
}

static void assert_told(const struct world *world, const char *words)
{
    for (size_t i = 0; i < world->problems.stored; i++) {
        if (strstr(world->problems.texts[i], words) != NULL)
            return;
    }
    fail_msg("no problem says %s", words);
}

static void environment_comes_first(void **state)
{
    struct world *world = *state;

    write_credentials(world, "[default]\naws_access_key_id = FILE\naws_secret_access_key = f\n");
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
    (void)setenv("AWS_SESSION_TOKEN", "t+/=", 1);
    assert_int_equal(load(world, NULL), SG_OK);
    assert_string_equal(world->plan.keys.access_key_id, "ENV");
    assert_string_equal(world->plan.keys.session_token, "t+/=");
}

static void named_profile_skips_the_environment(void **state)
{
    struct world *world = *state;

    write_credentials(world, "[default]\naws_access_key_id = D\naws_secret_access_key = d\n"
                             "[reader]\naws_access_key_id = R\naws_secret_access_key = r#1\n");
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
    assert_int_equal(load(world, "reader"), SG_OK);
    assert_string_equal(world->plan.keys.access_key_id, "R");
    assert_string_equal(world->plan.keys.secret_access_key, "r#1");
    assert_null(world->plan.keys.session_token);
}

static void config_file_calls_its_sections_profile(void **state)
{
    struct world *world = *state;

    write_config(world, "[reader]\naws_access_key_id = WRONG\naws_secret_access_key = w\n"
                        "[profile reader]\naws_access_key_id = R\naws_secret_access_key = r\n");
    (void)setenv("AWS_PROFILE", "reader", 1);
    assert_int_equal(load(world, NULL), SG_OK);
    assert_string_equal(world->plan.keys.access_key_id, "R");
}

static void credentials_file_wins_over_config_file(void **state)
{
    struct world *world = *state;

    write_credentials(world, "[default]\naws_access_key_id = A\naws_secret_access_key = a\n");
    write_config(world, "[default]\naws_access_key_id = B\naws_secret_access_key = b\n");
    assert_int_equal(load(world, NULL), SG_OK);
    assert_string_equal(world->plan.keys.access_key_id, "A");
    assert_string_equal(world->plan.keys.secret_access_key, "a");
}

static void failure_leaves_no_keys_of_the_plan_before(void **state)
{
    struct world *world = *state;

    write_credentials(world, "[default]\naws_access_key_id = A\naws_secret_access_key = a\n");
    assert_int_equal(load(world, NULL), SG_OK);
    assert_int_equal(load(world, "gone"), SG_E_ABSENT);
    assert_null(world->plan.keys.access_key_id);
    assert_int_equal(world->plan.way, SG_WAY_NONE);
}

static void no_keys_anywhere_leads_to_the_instance(void **state)
{
    struct world *world = *state;

    assert_int_equal(load(world, NULL), SG_OK);
    assert_int_equal(world->plan.way, SG_WAY_INSTANCE);
}

static void half_a_pair_is_refused(void **state)
{
    struct world *world = *state;

    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_int_equal(load(world, NULL), SG_E_INVALID);
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    write_credentials(world, "[default]\naws_access_key_id = A\n");
    assert_int_equal(load(world, NULL), SG_E_INVALID);
    assert_told(world, "aws_secret_access_key");
}

static void malformed_keys_are_refused_without_being_told(void **state)
{
    struct world *world = *state;

    write_credentials(world, "[default]\naws_access_key_id = A\naws_secret_access_key = se cret\n");
    assert_int_equal(load(world, NULL), SG_E_INVALID);
    assert_told(world, "aws_secret_access_key");
    for (size_t i = 0; i < world->problems.stored; i++)
        assert_null(strstr(world->problems.texts[i], "se cret"));
    (void)setenv("AWS_ACCESS_KEY_ID", "A\nB", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
    assert_int_equal(load(world, NULL), SG_E_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(environment_comes_first),
        TEST(named_profile_skips_the_environment),
        TEST(config_file_calls_its_sections_profile),
        TEST(credentials_file_wins_over_config_file),
        TEST(failure_leaves_no_keys_of_the_plan_before),
        TEST(no_keys_anywhere_leads_to_the_instance),
        TEST(half_a_pair_is_refused),
        TEST(malformed_keys_are_refused_without_being_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
