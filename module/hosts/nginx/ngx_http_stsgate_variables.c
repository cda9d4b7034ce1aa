/*
 * ngx_http_stsgate_variables.c: what the module tells of a request's session.
 *
 *   $stsgate_decision  allow, deny or undecided
 *   $stsgate_reason    the stable word; of what observe mode let through, too
 *   $stsgate_role      ARN
 *   $stsgate_account
 *   $stsgate_session   the session's name, where the credential tells it
 *   $stsgate_issued    RFC 3339; EARLIEST/LATEST where the instant is not
 *                      known, ../LATEST where it has no lower bound
 *   $stsgate_cutoff    RFC 3339
 *
 * Each is empty where no credential was checked.  It must never lend the
 * identity of a refused session to an upstream: until the response has gone
 * out, all but the first two are empty unless the session may pass.
 */


#include "ngx_http_stsgate.h"


static ngx_int_t ngx_http_stsgate_variable_decision(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_stsgate_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_stsgate_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_stsgate_variable_issued(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_stsgate_variable_cutoff(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_stsgate_variables[] = {

    { ngx_string("stsgate_decision"), NULL,
      ngx_http_stsgate_variable_decision, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stsgate_reason"), NULL,
      ngx_http_stsgate_variable_reason, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stsgate_role"), NULL,
      ngx_http_stsgate_variable_text,
      offsetof(struct stsgate_result, role),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stsgate_account"), NULL,
      ngx_http_stsgate_variable_text,
      offsetof(struct stsgate_result, account),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stsgate_session"), NULL,
      ngx_http_stsgate_variable_text,
      offsetof(struct stsgate_result, session_name),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stsgate_issued"), NULL,
      ngx_http_stsgate_variable_issued, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stsgate_cutoff"), NULL,
      ngx_http_stsgate_variable_cutoff, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_stsgate_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_stsgate_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_stsgate_index_variables(ngx_conf_t *cf,
    ngx_http_stsgate_main_conf_t *smcf)
{
    ngx_int_t             index;
    ngx_uint_t            i;
    ngx_http_variable_t  *v;

    for (i = 0; i < NGX_HTTP_STSGATE_VARIABLES; i++) {
        v = &ngx_http_stsgate_variables[i];

        index = ngx_http_get_variable_index(cf, &v->name);
        if (index == NGX_ERROR) {
            return NGX_ERROR;
        }

        smcf->variables[i] = index;
    }

    return NGX_OK;
}


/*
 * Forgets what "set", "if" or a map read before there was a decision: nginx
 * keeps "not found" even of variables that are not cacheable.
 */

void
ngx_http_stsgate_flush_variables(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_stsgate_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_stsgate_module);

    for (i = 0; i < NGX_HTTP_STSGATE_VARIABLES; i++) {
        r->variables[smcf->variables[i]].valid = 0;
        r->variables[smcf->variables[i]].not_found = 0;
    }
}


/* a subrequest shows what is known of its main request */

static struct stsgate_result *
ngx_http_stsgate_result(ngx_http_request_t *r)
{
    ngx_http_stsgate_ctx_t  *ctx;

    ctx = ngx_http_stsgate_get_ctx(r->main);

    if (ctx == NULL || !ctx->decided) {
        return NULL;
    }

    return &ctx->result;
}


/*
 * After a refusal error_page may lead to a location that hands $stsgate_role
 * to an upstream.  Once the response's header is out nothing but the log is
 * left to read it (and post_action, which may proxy).
 */

static struct stsgate_result *
ngx_http_stsgate_session(ngx_http_request_t *r)
{
    struct stsgate_result  *result;

    result = ngx_http_stsgate_result(r);

    if (result == NULL) {
        return NULL;
    }

    if (result->verdict != STSGATE_ALLOW
        && (r != r->main || !r->header_sent || r->post_action))
    {
        return NULL;
    }

    return result;
}


static ngx_int_t
ngx_http_stsgate_set_variable(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = (unsigned) len & 0xfffffff;
    v->data = data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_stsgate_variable_decision(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    struct stsgate_result  *result;

    result = ngx_http_stsgate_result(r);

    if (result == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (result->verdict) {

    case STSGATE_ALLOW:
        return ngx_http_stsgate_set_variable(v, (u_char *) "allow", 5);

    case STSGATE_UNDECIDED:
        return ngx_http_stsgate_set_variable(v, (u_char *) "undecided", 9);

    case STSGATE_DENY:
        break;
    }

    return ngx_http_stsgate_set_variable(v, (u_char *) "deny", 4);
}


static ngx_int_t
ngx_http_stsgate_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *word;
    struct stsgate_result  *result;

    result = ngx_http_stsgate_result(r);

    if (result == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    word = (u_char *) stsgate_reason_word(result->reason);

    return ngx_http_stsgate_set_variable(v, word, ngx_strlen(word));
}


static ngx_int_t
ngx_http_stsgate_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p, *text;
    size_t                  len;
    struct stsgate_result  *result;

    result = ngx_http_stsgate_session(r);
    text = (result == NULL) ? NULL : (u_char *) result + data;

    if (text == NULL || *text == '\0') {
        v->not_found = 1;
        return NGX_OK;
    }

    for (len = 0; text[len] != '\0'; len++) {

        /* nothing that could end a header line */

        if (text[len] < 0x20 || text[len] == 0x7f) {
            v->not_found = 1;
            return NGX_OK;
        }
    }

    /* a copy: another check of this request may overwrite the result */

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, len);

    return ngx_http_stsgate_set_variable(v, p, len);
}


static ngx_int_t
ngx_http_stsgate_variable_issued(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p, *last;
    struct stsgate_result  *result;

    result = ngx_http_stsgate_session(r);

    if (result == NULL || result->issued_latest_ms == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_STSGATE_ISSUED_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_http_stsgate_issued(p, result);

    return ngx_http_stsgate_set_variable(v, p, (size_t) (last - p));
}


static ngx_int_t
ngx_http_stsgate_variable_cutoff(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p, *last;
    struct stsgate_result  *result;

    result = ngx_http_stsgate_session(r);

    if (result == NULL || result->role[0] == '\0'
        || result->cutoff_ms == INT64_MIN)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_STSGATE_TIME_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_http_stsgate_time(p, result->cutoff_ms);

    return ngx_http_stsgate_set_variable(v, p, (size_t) (last - p));
}


/*
 * RFC 3339 in UTC, with milliseconds where there are any.  What that can't
 * write, or ngx_gmtime() can't count, is shown as its nearest neighbour.
 */

u_char *
ngx_http_stsgate_time(u_char *p, int64_t ms)
{
    u_char    *last;
    ngx_tm_t   tm;

    last = p + NGX_HTTP_STSGATE_TIME_LEN;

    ms = ngx_max(ms, 0);
    ms = ngx_min(ms, 253402300799999);      /* 9999-12-31T23:59:59.999Z */

    ngx_gmtime((time_t) (ms / 1000), &tm);

    p = ngx_slprintf(p, last, "%4d-%02d-%02dT%02d:%02d:%02d",
                     tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                     tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);

    if (ms % 1000) {
        p = ngx_slprintf(p, last, ".%03d", (int) (ms % 1000));
    }

    *p++ = 'Z';

    return p;
}


u_char *
ngx_http_stsgate_issued(u_char *p, struct stsgate_result *result)
{
    if (result->issued_earliest_ms <= 0) {
        *p++ = '.';
        *p++ = '.';
        *p++ = '/';

    } else if (result->issued_earliest_ms != result->issued_latest_ms) {
        p = ngx_http_stsgate_time(p, result->issued_earliest_ms);
        *p++ = '/';
    }

    return ngx_http_stsgate_time(p, result->issued_latest_ms);
}
