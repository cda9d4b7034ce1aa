/*
 * provider_world.c - see provider_world.h. Every variable that could lead out of the test is set or
 * cleared, so that no test ever asks a real instance.
 */
#include "provider_world.h"

#include "base/date.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t wall_ms(void *context)
{
    return ((struct world *)context)->wall_ms;
}

static int64_t boot_ms(void *context)
{
    return ((struct world *)context)->boot_ms;
}

static void clear_environment(void)
{
    extern char **environ;
    char names[64][128];
    size_t count = 0;

    for (char **at = environ; *at != NULL && count < 64; at++) {
        if (strncmp(*at, "AWS_", 4) == 0)
            (void)snprintf(names[count++], sizeof names[0], "%.*s", (int)strcspn(*at, "="), *at);
    }
    while (count-- > 0)
        (void)unsetenv(names[count]);
}

int world_make(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    if (world == NULL)
        return -1;
    *state = world;
    clear_environment();
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    (void)setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    (void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/stsgate-provider.XXXXXX");
    world->wall_ms = WORLD_NOW_MS;
    world->boot_ms = 1000000;
    world->clock = (struct sg_clock){wall_ms, boot_ms, world};
    world->server = aws_server_start(&(struct aws_server_options){.ipv6 = false});
    if (world->server == NULL || mkdtemp(world->folder) == NULL ||
        sg_http_open(&world->http) != SG_OK)
        return -1;
    (void)snprintf(world->sts_url, sizeof world->sts_url, "%s",
                   aws_server_url(world->server, "/sts"));
    world->options = (struct sg_provider_options){
        .http = world->http, .clock = &world->clock, .sts = {.endpoint = world->sts_url}};
    return 0;
}

int world_clear(void **state)
{
    struct world *world = *state;
    DIR *folder = opendir(world->folder);

    sg_provider_close(world->provider);
    sg_http_close(world->http);
    aws_server_stop(world->server);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        (void)closedir(folder);
    const int result = rmdir(world->folder);
    clear_environment();
    free(world);
    return result;
}

const char *world_file(struct world *world, const char *name, const char *text)
{
    (void)snprintf(world->text, sizeof world->text, "%s/%s", world->folder, name);
    FILE *file = fopen(world->text, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return world->text;
}

void world_config(struct world *world, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_int_equal(setenv("AWS_CONFIG_FILE", world_file(world, "config", text), 1), 0);
}

void world_credentials(struct world *world, const char *text)
{
    assert_int_equal(
        setenv("AWS_SHARED_CREDENTIALS_FILE", world_file(world, "credentials", text), 1), 0);
}

void world_container(struct world *world)
{
    assert_int_equal(
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", aws_server_url(world->server, "/role"), 1), 0);
}

void world_pass(struct world *world, int64_t ms)
{
    world->wall_ms += ms;
    world->boot_ms += ms;
}

int world_fetch(struct world *world)
{
    if (world->provider == NULL)
        assert_int_equal(sg_provider_open(&world->provider, &world->options), SG_OK);
    const int error = sg_provider_run(world->provider, 60000);
    sg_provider_state(&world->state, world->provider);
    return error;
}

void assert_keys(struct world *world, const char *access_key_id)
{
    const struct sg_credentials *keys = sg_provider_current(world->provider);

    assert_non_null(keys);
    assert_string_equal(keys->access_key_id, access_key_id);
}

static void assert_holds(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", text, words);
}

void assert_trouble(struct world *world, const char *words)
{
    assert_holds(world->state.trouble, words);
}

void assert_source(struct world *world, const char *words)
{
    assert_holds(world->state.source, words);
}

static const char *date_after(char date[static SG_DATE_SIZE], const struct world *world,
                              int64_t life_ms)
{
    return sg_date_format(date, world->wall_ms + life_ms);
}

const char *world_keys_json(struct world *world, const char *id, int64_t life_ms)
{
    char date[SG_DATE_SIZE];

    (void)snprintf(world->text, sizeof world->text,
                   "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"%s\","
                   "\"SecretAccessKey\":\"se\\/cret\",\"Token\":\"to+ken=\",\"Expiration\":\"%s\"}",
                   id, date_after(date, world, life_ms));
    return world->text;
}

const char *world_keys_xml(struct world *world, const char *id, int64_t life_ms)
{
    char date[SG_DATE_SIZE];

    (void)snprintf(world->text, sizeof world->text,
                   "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                   "<AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>"
                   "</AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId>"
                   "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
                   "<Expiration>%s</Expiration></Credentials></AssumeRoleResult>"
                   "</AssumeRoleResponse>",
                   id, date_after(date, world, life_ms));
    return world->text;
}
