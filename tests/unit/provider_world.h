/*
 * provider_world.h - what tests of credentials need: an environment of their own, files, clocks, a
 * server that plays AWS, and a provider.
 */
#ifndef SG_TESTS_PROVIDER_WORLD_H
#define SG_TESTS_PROVIDER_WORLD_H

#include "aws/http.h"
#include "aws/provider.h"
#include "aws_server.h"

struct world {
    char folder[64], sts_url[128], text[512];
    struct aws_server *server;
    struct sg_http *http;
    struct sg_clock clock;
    int64_t wall_ms, boot_ms;
    struct sg_provider_options options;
    struct sg_provider *provider;
    struct sg_provider_state state;
};

#define WORLD_NOW_MS INT64_C(1795514400000) /* 2026-11-24T10:00:00Z */
#define MINUTES      INT64_C(60000)

int world_make(void **state);
int world_clear(void **state);
/* The path of a file with this text; name without folder. */
const char *world_file(struct world *world, const char *name, const char *text);
void world_config(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));                     /* AWS_CONFIG_FILE */
void world_credentials(struct world *world, const char *text); /* AWS_SHARED_..._FILE */
void world_container(struct world *world);                     /* ..._FULL_URI: "/role" */
void world_pass(struct world *world, int64_t ms);              /* both clocks */
/* Opens the provider when there is none, and fetches. */
int world_fetch(struct world *world);
/* Its id is this one. */
void assert_keys(struct world *world, const char *access_key_id);
void assert_trouble(struct world *world, const char *words);
void assert_source(struct world *world, const char *words);
/* Keys as a container or an instance hands them over, valid for so long. */
const char *world_keys_json(struct world *world, const char *id, int64_t life_ms);
/* The answer of AssumeRole*, the same. */
const char *world_keys_xml(struct world *world, const char *id, int64_t life_ms);

#endif
