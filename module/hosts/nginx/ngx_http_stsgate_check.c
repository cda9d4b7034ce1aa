/*
 * ngx_http_stsgate_check.c: one request in, one answer out.
 *
 * Reads the credential, asks the gate, and turns the verdict into NGX_OK, 401,
 * 403 or 503, a header for the client (RFC 6750) and a line in the log.
 *
 * It must never write the credential anywhere.  (nginx itself does: at level
 * "info" it logs both values of a header sent twice, and $http_authorization
 * and $request are for the operator to keep out of log_format.)
 */


#include "ngx_http_stsgate.h"
#include "ngx_http_stsgate_bearer.h"


static ngx_int_t ngx_http_stsgate_read_credential(ngx_http_request_t *r,
    struct stsgate_text *credential);
static ngx_int_t ngx_http_stsgate_read_request(ngx_http_request_t *r,
    ngx_http_stsgate_ctx_t *ctx, struct stsgate_request *request);
static ngx_int_t ngx_http_stsgate_answer(ngx_http_request_t *r,
    ngx_http_stsgate_ctx_t *ctx);
static void ngx_http_stsgate_refuse(ngx_http_stsgate_ctx_t *ctx,
    enum stsgate_verdict verdict, enum stsgate_reason reason);
static ngx_int_t ngx_http_stsgate_headers(ngx_http_request_t *r,
    ngx_http_stsgate_ctx_t *ctx, ngx_int_t status);
static void ngx_http_stsgate_log_answer(ngx_http_request_t *r,
    ngx_http_stsgate_ctx_t *ctx, ngx_uint_t level, const char *what);


/*
 * NGX_OK, NGX_AGAIN (the request waits; this is called anew when it may go
 * on), or the status to answer with.
 */

ngx_int_t
ngx_http_stsgate_check(ngx_http_request_t *r, ngx_http_stsgate_ctx_t *ctx)
{
    ngx_int_t                      rc;
    enum stsgate_verdict           verdict;
    struct stsgate_request         request;
    ngx_http_stsgate_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_stsgate_module);

    if (ngx_http_stsgate_open_reader(smcf) != NGX_OK) {
        ngx_http_stsgate_refuse(ctx, STSGATE_UNDECIDED,
                                STSGATE_REASON_INTERNAL_ERROR);
        return ngx_http_stsgate_answer(r, ctx);
    }

    rc = ngx_http_stsgate_read_request(r, ctx, &request);

    if (rc == NGX_ERROR) {
        ngx_http_stsgate_refuse(ctx, STSGATE_UNDECIDED,
                                STSGATE_REASON_INTERNAL_ERROR);
        return ngx_http_stsgate_answer(r, ctx);
    }

    if (rc == NGX_DECLINED) {
        ngx_http_stsgate_refuse(ctx, STSGATE_DENY, STSGATE_REASON_MALFORMED);
        return ngx_http_stsgate_answer(r, ctx);
    }

    if (ctx->refused) {
        return ngx_http_stsgate_answer(r, ctx);
    }

    for ( ;; ) {
        ctx->result.size = sizeof(struct stsgate_result);

        verdict = stsgate_check(&ctx->result, ctx->worker->reader, &request);

        if (verdict != STSGATE_UNDECIDED || request.last) {
            break;
        }

        if (ctx->result.reason != STSGATE_REASON_SLOW_SIGNATURE) {
            rc = ngx_http_stsgate_ask(ctx);

        } else if (request.defer_slow) {
            rc = ngx_http_stsgate_post_slow(ctx, &request);

        } else {
            rc = NGX_ERROR;
        }

        if (rc == NGX_OK) {
            return NGX_AGAIN;
        }

        /* it can't wait, or has waited: the service's last word */

        request.last = 1;
    }

    if (verdict == STSGATE_UNDECIDED && rc == NGX_BUSY) {
        ctx->result.reason = STSGATE_REASON_BUSY;

        if (ctx->turned) {
            ngx_http_stsgate_set_turned(ctx);
        }
    }

    return ngx_http_stsgate_answer(r, ctx);
}


/*
 * NGX_OK; NGX_DECLINED where there is more than one credential, or something
 * that no credential consists of; NGX_ERROR.  No credential at all is for the
 * gate to judge.
 */

static ngx_int_t
ngx_http_stsgate_read_credential(ngx_http_request_t *r,
    struct stsgate_text *credential)
{
    int                           rc;
    ngx_str_t                     value;
    ngx_table_elt_t              *h;
    ngx_http_stsgate_loc_conf_t  *slcf;

    credential->data = "";
    credential->length = 0;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_stsgate_module);

    if (slcf->credential) {
        if (ngx_http_complex_value(r, slcf->credential, &value) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        h = r->headers_in.authorization;

        if (h == NULL) {
            return NGX_OK;
        }

#if (nginx_version >= 1023000)

        /* older ones answer 400 themselves */

        if (h->next) {
            return NGX_DECLINED;
        }

#endif

        value = h->value;
    }

    rc = ngx_http_stsgate_bearer(&credential->data, &credential->length,
                                 (const char *) value.data, value.len,
                                 slcf->credential != NULL);

    return (rc == NGX_HTTP_STSGATE_BEARER_ODD) ? NGX_DECLINED : NGX_OK;
}


static void
ngx_http_stsgate_set_text(struct stsgate_text *text, ngx_table_elt_t *h)
{
    if (h) {
        text->data = (char *) h->value.data;
        text->length = h->value.len;

    } else {
        text->data = "";
        text->length = 0;
    }
}


static ngx_int_t
ngx_http_stsgate_read_request(ngx_http_request_t *r,
    ngx_http_stsgate_ctx_t *ctx, struct stsgate_request *request)
{
    ngx_memzero(request, sizeof(struct stsgate_request));

    request->size = sizeof(struct stsgate_request);

    request->service.data = (char *) ctx->service.data;
    request->service.length = ctx->service.len;

    request->source_ip.data = (char *) r->connection->addr_text.data;
    request->source_ip.length = r->connection->addr_text.len;

    ngx_http_stsgate_set_text(&request->user_agent, r->headers_in.user_agent);
    ngx_http_stsgate_set_text(&request->referer, r->headers_in.referer);

#if (NGX_HTTP_SSL)
    request->secure_transport = (r->connection->ssl != NULL);
#endif

    request->defer_slow = (ctx->worker->slow_reader != NULL
                           && !ctx->slow_done);
    request->seal = ctx->sealed ? &ctx->seal : NULL;

    return ngx_http_stsgate_read_credential(r, &request->credential);
}


/* a verdict of the module's own: it could not even ask the gate */

static void
ngx_http_stsgate_refuse(ngx_http_stsgate_ctx_t *ctx,
    enum stsgate_verdict verdict, enum stsgate_reason reason)
{
    ngx_memzero(&ctx->result, sizeof(struct stsgate_result));

    ctx->result.size = sizeof(struct stsgate_result);
    ctx->result.verdict = verdict;
    ctx->result.would_be = verdict;
    ctx->result.reason = reason;
    ctx->result.cutoff_ms = INT64_MIN;

    (void) ngx_cpystrn((u_char *) ctx->result.description,
                       (u_char *) stsgate_reason_text(reason),
                       sizeof(ctx->result.description));
}


static ngx_int_t
ngx_http_stsgate_answer(ngx_http_request_t *r, ngx_http_stsgate_ctx_t *ctx)
{
    ngx_int_t  status;

    ctx->decided = 1;
    ctx->rc = NGX_HTTP_SERVICE_UNAVAILABLE;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_stsgate_flush_variables(r);

    if (ctx->result.verdict == STSGATE_ALLOW) {

        if (ctx->result.would_be != STSGATE_ALLOW) {
            ngx_http_stsgate_log_answer(r, ctx, NGX_LOG_NOTICE,
                                        ctx->result.would_be == STSGATE_DENY
                                        ? "let through by mode observe"
                                        : "let through undecided");
        }

        ctx->rc = NGX_OK;

        return NGX_OK;
    }

    /* never a status that is no refusal, whatever the reason's own is */

    status = stsgate_reason_http_status(ctx->result.reason);

    if (ctx->result.verdict != STSGATE_DENY
        || (status != NGX_HTTP_UNAUTHORIZED && status != NGX_HTTP_FORBIDDEN))
    {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_stsgate_log_answer(r, ctx,
                                status == NGX_HTTP_SERVICE_UNAVAILABLE
                                ? NGX_LOG_WARN : NGX_LOG_NOTICE,
                                status == NGX_HTTP_SERVICE_UNAVAILABLE
                                ? "undecided" : "denied");

    if (ngx_http_stsgate_headers(r, ctx, status) != NGX_OK) {
        status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->rc = status;

    return status;
}


static ngx_table_elt_t *
ngx_http_stsgate_add_header(ngx_http_request_t *r, const char *key,
    size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = len;
    h->key.data = (u_char *) key;

    return h;
}


/*
 * RFC 6750, 3: no error code for a request that shows no credential, and at
 * least one parameter; what stands in quotes is kept free of them here, too.
 */

static ngx_int_t
ngx_http_stsgate_headers(ngx_http_request_t *r, ngx_http_stsgate_ctx_t *ctx,
    ngx_int_t status)
{
    u_char           *p, *text, *buf, *last;
    size_t            len;
    ngx_table_elt_t  *h;

    /* of an earlier service of this request */

    if (ctx->challenge) {
        ctx->challenge->hash = 0;
    }

    if (ctx->retry_after) {
        ctx->retry_after->hash = 0;
    }

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        h = ngx_http_stsgate_add_header(r, "Retry-After",
                                        sizeof("Retry-After") - 1);
        buf = ngx_pnalloc(r->pool, NGX_INT_T_LEN);

        if (h == NULL || buf == NULL) {
            return NGX_ERROR;
        }

        h->value.data = buf;
        h->value.len = (size_t) (ngx_sprintf(buf, "%ud",
                                     ngx_max(ctx->result.retry_after_s, 1))
                                 - buf);
        h->hash = 1;
        ctx->retry_after = h;

        return NGX_OK;
    }

    len = sizeof("Bearer error=\"insufficient_scope\", error_description=\"\"")
          + sizeof(ctx->result.description) + ctx->service.len;

    h = ngx_http_stsgate_add_header(r, "WWW-Authenticate",
                                    sizeof("WWW-Authenticate") - 1);
    buf = ngx_pnalloc(r->pool, len);

    if (h == NULL || buf == NULL) {
        return NGX_ERROR;
    }

    last = buf + len;

    if (ctx->result.reason == STSGATE_REASON_NO_CREDENTIAL) {
        p = ngx_slprintf(buf, last, "Bearer realm=\"");
        text = p;
        p = ngx_slprintf(p, last, "%V", &ctx->service);

    } else {
        p = ngx_slprintf(buf, last, "Bearer error=\"%s\", error_description=\"",
                         status == NGX_HTTP_FORBIDDEN ? "insufficient_scope"
                                                      : "invalid_token");
        text = p;
        p = ngx_slprintf(p, last, "%*s",
                         ngx_strnlen((u_char *) ctx->result.description,
                                     sizeof(ctx->result.description)),
                         ctx->result.description);
    }

    for ( /* void */ ; text < p; text++) {
        if (*text < 0x20 || *text >= 0x7f || *text == '"' || *text == '\\') {
            *text = '?';
        }
    }

    *p++ = '"';

    h->value.data = buf;
    h->value.len = (size_t) (p - buf);
    h->hash = 1;

    ctx->challenge = h;
    r->headers_out.www_authenticate = h;

    return NGX_OK;
}


/* terminated, without what could end a line or a quoted string */

static u_char *
ngx_http_stsgate_clean(u_char *dst, const char *src, size_t size)
{
    u_char  *p;

    (void) ngx_cpystrn(dst, (u_char *) src, size);

    for (p = dst; *p; p++) {
        if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\') {
            *p = '?';
        }
    }

    return dst;
}


static void
ngx_http_stsgate_log_answer(ngx_http_request_t *r, ngx_http_stsgate_ctx_t *ctx,
    ngx_uint_t level, const char *what)
{
    struct stsgate_result  *result;
    u_char  issued[NGX_HTTP_STSGATE_ISSUED_LEN + 1];
    u_char  cutoff[NGX_HTTP_STSGATE_TIME_LEN + 1];
    u_char  role[sizeof(result->role)];
    u_char  session[sizeof(result->session_name)];
    u_char  detail[sizeof(result->detail)];

    if (r->connection->log->log_level < level) {
        return;
    }

    result = &ctx->result;

    issued[0] = '-';
    issued[1] = '\0';

    cutoff[0] = '-';
    cutoff[1] = '\0';

    if (result->issued_latest_ms) {
        *ngx_http_stsgate_issued(issued, result) = '\0';
    }

    if (result->role[0] && result->cutoff_ms != INT64_MIN) {
        *ngx_http_stsgate_time(cutoff, result->cutoff_ms) = '\0';
    }

    ngx_http_stsgate_clean(role, result->role, sizeof(role));
    ngx_http_stsgate_clean(session, result->session_name, sizeof(session));
    ngx_http_stsgate_clean(detail, result->detail, sizeof(detail));

    ngx_log_error(level, r->connection->log, 0,
                  "stsgate: %s service=%V reason=%s role=%s session=%s "
                  "issued=%s cutoff=%s detail=\"%s\"",
                  what, &ctx->service, stsgate_reason_word(result->reason),
                  role[0] ? role : (u_char *) "-",
                  session[0] ? session : (u_char *) "-",
                  issued, cutoff, detail);
}
