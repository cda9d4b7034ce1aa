/*
 * ngx_http_floor_module.c: the floor of a first sight where the gateway pays
 * it.  `floor ALG;` makes each request of a location cost one bare verification
 * by OpenSSL, of many tokens in turn, and nothing else: between an event loop's
 * system calls the processor has forgotten what a loop of its own keeps warm.
 *
 * For tests/bench alone: it reads no credential and lets everything through.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "floor.h"

#define TOKENS 256

struct conf {
    struct floor *floor; /* NULL: off */
    uint64_t next;
};

extern ngx_module_t ngx_http_floor_module;

static ngx_int_t verify(ngx_http_request_t *r)
{
    struct conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_floor_module);

    if (conf->floor != NULL)
        floor_verify(conf->floor, conf->next++);
    return NGX_DECLINED;
}

static ngx_int_t add_handler(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&core->phases[NGX_HTTP_ACCESS_PHASE].handlers);

    if (handler == NULL)
        return NGX_ERROR;
    *handler = verify;
    return NGX_OK;
}

static void *create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(struct conf));
}

/* Both last as long as the process. */
static char *set_floor(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    const ngx_str_t *value = cf->args->elts;
    enum sg_alg alg = sg_alg_of((struct sg_text){(const char *)value[1].data, value[1].len});
    char **tokens = calloc(TOKENS, sizeof(*tokens));
    struct conf *conf = data;
    struct jwt_claims claims;

    (void)command;
    if (alg == SG_ALG_NONE || tokens == NULL) {
        free(tokens);
        return "names no algorithm";
    }
    for (int64_t i = 0; i < TOKENS; i++) {
        jwt_claims_web_identity(&claims, JWT_IAT_S + i);
        tokens[i] = jwt_token(alg, &claims);
    }
    conf->floor = floor_new(alg, tokens, TOKENS);
    free(tokens);
    return NGX_CONF_OK;
}

static ngx_command_t commands[] = {
    {ngx_string("floor"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_floor, NGX_HTTP_LOC_CONF_OFFSET,
     0, NULL},
    ngx_null_command,
};

static ngx_http_module_t context = {
    .postconfiguration = add_handler,
    .create_loc_conf = create_conf,
};

/* What nginx's loader looks for; see module/hosts/nginx/ngx_http_stsgate_glue.c. */
#define VISIBLE __attribute__((visibility("default")))

extern VISIBLE ngx_module_t *ngx_modules[];
extern VISIBLE char *ngx_module_names[];
extern VISIBLE char *ngx_module_order[];

ngx_module_t ngx_http_floor_module = {
    NGX_MODULE_V1, &context, commands, NGX_HTTP_MODULE,       NULL, NULL, NULL, NULL,
    NULL,          NULL,     NULL,     NGX_MODULE_V1_PADDING,
};
ngx_module_t *ngx_modules[] = {&ngx_http_floor_module, NULL};
char *ngx_module_names[] = {(char *)"ngx_http_floor_module", NULL};
char *ngx_module_order[] = {NULL};
