/*
 * ngx_http_stsgate_module.c: the nginx module's directives and its two phase
 * handlers.
 *
 *   stsgate_conf FOLDER;            http
 *   stsgate NAME | off;             http, server, location, limit_except
 *   stsgate_credential VALUE;       the same; "bearer" is the default
 *
 * It must never let a request pass because something is not there.
 */


#include "ngx_http_stsgate.h"


static ngx_int_t ngx_http_stsgate_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_stsgate_subrequest_handler(ngx_http_request_t *r);
static void ngx_http_stsgate_keep_ctx(void *data);

static char *ngx_http_stsgate_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_stsgate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stsgate_credential(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

static void *ngx_http_stsgate_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_stsgate_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_stsgate_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_stsgate_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_stsgate_postconfiguration(ngx_conf_t *cf);


static ngx_command_t  ngx_http_stsgate_commands[] = {

    { ngx_string("stsgate_conf"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_stsgate_conf,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("stsgate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_stsgate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("stsgate_credential"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_stsgate_credential,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_stsgate_module_ctx = {
    ngx_http_stsgate_add_variables,        /* preconfiguration */
    ngx_http_stsgate_postconfiguration,    /* postconfiguration */

    ngx_http_stsgate_create_main_conf,     /* create main configuration */
    ngx_http_stsgate_init_main_conf,       /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_stsgate_create_loc_conf,      /* create location configuration */
    ngx_http_stsgate_merge_loc_conf        /* merge location configuration */
};


__attribute__((visibility("default")))
ngx_module_t  ngx_http_stsgate_module = {
    NGX_MODULE_V1,
    &ngx_http_stsgate_module_ctx,          /* module context */
    ngx_http_stsgate_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_stsgate_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_stsgate_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_stsgate_access_handler(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_stsgate_ctx_t        *ctx;
    ngx_http_stsgate_loc_conf_t   *slcf;
    ngx_http_stsgate_main_conf_t  *smcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_stsgate_module);

    if (slcf->service.len == 0) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_stsgate_get_ctx(r);

    if (ctx == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_stsgate_ctx_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        ctx = cln->data;
        ngx_memzero(ctx, offsetof(ngx_http_stsgate_ctx_t, result));

        cln->handler = ngx_http_stsgate_keep_ctx;

        smcf = ngx_http_get_module_main_conf(r, ngx_http_stsgate_module);

        ctx->request = r;
        ctx->worker = &smcf->worker;
        ctx->service = slcf->service;

        ngx_http_set_ctx(r, ctx, ngx_http_stsgate_module);
    }

    /* the connection's events come here, too */

    if (ctx->waiting || ctx->slow) {
        return NGX_AGAIN;
    }

    if (ctx->service.len != slcf->service.len
        || ngx_strncmp(ctx->service.data, slcf->service.data,
                       slcf->service.len)
           != 0)
    {
        /* an internal redirect led to another service, which has its say */

        ctx->service = slcf->service;
        ctx->decided = 0;
        ctx->questions = 0;
        ctx->slow_done = 0;
        ctx->sealed = 0;
        ctx->refused = 0;
        ctx->turned = 0;
    }

    if (ctx->decided) {
        return ctx->rc;
    }

    return ngx_http_stsgate_check(r, ctx);
}


/*
 * Subrequests (auth_request, mirror, SSI) have no access phase: they are not
 * checked again.  So that they are no way around the gate either, they enter a
 * service only where their main request has passed it.
 */

static ngx_int_t
ngx_http_stsgate_subrequest_handler(ngx_http_request_t *r)
{
    ngx_http_stsgate_ctx_t       *ctx;
    ngx_http_stsgate_loc_conf_t  *slcf;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_stsgate_module);

    if (slcf->service.len == 0) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_stsgate_get_ctx(r->main);

    if (ctx && ctx->decided && ctx->rc == NGX_OK
        && ctx->service.len == slcf->service.len
        && ngx_strncmp(ctx->service.data, slcf->service.data,
                       slcf->service.len)
           == 0)
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "stsgate: subrequest \"%V\" enters service \"%V\", "
                  "which its main request has not passed: "
                  "gate the main request's location",
                  &r->uri, &slcf->service);

    return NGX_HTTP_FORBIDDEN;
}


ngx_http_stsgate_ctx_t *
ngx_http_stsgate_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_stsgate_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_stsgate_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        /* nginx clears module contexts on internal redirects */

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_stsgate_keep_ctx) {
                ctx = cln->data;
                ngx_http_set_ctx(r, ctx, ngx_http_stsgate_module);
                break;
            }
        }
    }

    return ctx;
}


/* its address marks the cleanup that holds a context */

static void
ngx_http_stsgate_keep_ctx(void *data)
{
    ngx_http_stsgate_ctx_t  *ctx = data;

    ctx->decided = 0;
}


static char *
ngx_http_stsgate_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_stsgate_main_conf_t *smcf = conf;

    ngx_str_t  *value;

    if (smcf->folder.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    smcf->folder = value[1];
    smcf->file = cf->conf_file->file.name.data;
    smcf->line = cf->conf_file->line;

    if (ngx_conf_full_name(cf->cycle, &smcf->folder, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_stsgate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_stsgate_loc_conf_t *slcf = conf;

    ngx_str_t                     *value;
    ngx_http_stsgate_use_t        *use;
    ngx_http_stsgate_main_conf_t  *smcf;

    if (slcf->service.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    slcf->file = cf->conf_file->file.name.data;
    slcf->line = cf->conf_file->line;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&slcf->service, "");
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "needs the name of a service, or \"off\"";
    }

    slcf->service = value[1];

    /* the gate may be named further down: checked once all is read */

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stsgate_module);

    use = ngx_array_push(&smcf->uses);
    if (use == NULL) {
        return NGX_CONF_ERROR;
    }

    use->name = slcf->service;
    use->file = slcf->file;
    use->line = slcf->line;

    return NGX_CONF_OK;
}


static char *
ngx_http_stsgate_credential(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_stsgate_loc_conf_t *slcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (slcf->credential != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "bearer") == 0) {
        slcf->credential = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_http_script_variables_count(&value[1]) == 0) {
        return "needs a variable, or \"bearer\"";
    }

    slcf->credential = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (slcf->credential == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = slcf->credential;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_stsgate_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_stsgate_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_stsgate_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&smcf->uses, cf->pool, 4,
                       sizeof(ngx_http_stsgate_use_t))
        != NGX_OK)
    {
        return NULL;
    }

    return smcf;
}


static char *
ngx_http_stsgate_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_stsgate_main_conf_t *smcf = conf;

    if (ngx_http_stsgate_open_gate(cf, smcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (smcf->gate && ngx_http_stsgate_add_thread(cf, &smcf->worker) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_stsgate_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_stsgate_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_stsgate_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     slcf->service = { 0, NULL };
     *     slcf->file = NULL;
     *     slcf->line = 0;
     *     slcf->warned = 0;
     */

    slcf->credential = NGX_CONF_UNSET_PTR;

    return slcf;
}


static char *
ngx_http_stsgate_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_stsgate_loc_conf_t *prev = parent;
    ngx_http_stsgate_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    if (conf->service.data == NULL) {
        conf->file = prev->file;
        conf->line = prev->line;
        conf->warned = prev->warned;
    }

    ngx_conf_merge_str_value(conf->service, prev->service, "");
    ngx_conf_merge_ptr_value(conf->credential, prev->credential, NULL);

    /* the core module has merged already, and cf->ctx is the child's */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->service.len && !conf->warned
        && clcf->satisfy == NGX_HTTP_SATISFY_ANY)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"satisfy any\" lets requests into location \"%V\" that "
                      "\"stsgate %V\" refuses with 401 or 403, when allow, "
                      "auth_basic or auth_request admits them, in %s:%ui",
                      &clcf->name, &conf->service, conf->file, conf->line);
        conf->warned = 1;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_stsgate_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_stsgate_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stsgate_module);

    if (smcf->gate == NULL) {
        return NGX_OK;
    }

    if (ngx_http_stsgate_index_variables(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_stsgate_subrequest_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_stsgate_access_handler;

    return NGX_OK;
}
