/*
 * ngx_http_stsgate_budget.c: how many slow signatures may fail before a
 * client's next ones are refused unlooked at.
 *
 * A forged ES384 credential costs the thread a thousand times what it costs
 * its maker.  Failures are counted for each client address (the one that
 * ngx_http_realip_module gives; of IPv6 its /64) and for all together, in
 * windows of ten seconds, for each worker.  Who is over budget gets 503 for
 * credentials that were not seen yet and whose check is slow; what is
 * remembered, and what is fast, is never touched.  How many were turned away,
 * and by which limit, is told once a window.
 *
 * It must never let anything in: all it can do is refuse.
 */


#include "ngx_http_stsgate.h"


#if (NGX_THREADS)


/* the entry of this request's client; NULL: it has no address */

static ngx_http_stsgate_client_t *
ngx_http_stsgate_client(ngx_http_stsgate_ctx_t *ctx, ngx_msec_t window)
{
    uint64_t                    key;
    ngx_uint_t                  i, at;
    struct sockaddr            *sa;
    struct sockaddr_in         *sin;
    ngx_http_stsgate_client_t  *client, *free;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6        *sin6;
#endif

    sa = ctx->request->connection->sockaddr;
    key = 0;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memcpy(&key, &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            ngx_memcpy(&key, &sin6->sin6_addr.s6_addr[12], 4);
            break;
        }

        ngx_memcpy(&key, &sin6->sin6_addr, 8);
        break;
#endif

    default:
        return NULL;
    }

    at = ngx_murmur_hash2((u_char *) &key, sizeof(key))
         % NGX_HTTP_STSGATE_CLIENTS;
    free = NULL;

    for (i = 0; i < 8; i++) {
        client = &ctx->worker->clients[(at + i) % NGX_HTTP_STSGATE_CLIENTS];

        if (client->key == key && client->window == window) {
            return client;
        }

        /* else whoever is of an earlier window, or has failed least often */

        if (free == NULL
            || (free->window == window
                && (client->window != window
                    || client->failed < free->failed)))
        {
            free = client;
        }
    }

    free->key = key;
    free->window = window;
    free->failed = 0;

    return free;
}


static ngx_msec_t
ngx_http_stsgate_window(ngx_http_stsgate_worker_t *worker)
{
    ngx_msec_t  window;

    /* never 0, which is what an entry has that was never used */

    window = ngx_current_msec / NGX_HTTP_STSGATE_WINDOW + 1;

    if (worker->window != window) {
        worker->window = window;
        worker->failed = 0;
    }

    return window;
}


/* NGX_HTTP_STSGATE_.._OVER; 0: it may be checked */

ngx_uint_t
ngx_http_stsgate_over_budget(ngx_http_stsgate_ctx_t *ctx)
{
    ngx_msec_t                  window;
    ngx_http_stsgate_client_t  *client;

    window = ngx_http_stsgate_window(ctx->worker);

    if (ctx->worker->failed >= NGX_HTTP_STSGATE_ALL_FAILED) {
        return NGX_HTTP_STSGATE_ALL_OVER;
    }

    client = ngx_http_stsgate_client(ctx, window);

    if (client && client->failed >= NGX_HTTP_STSGATE_CLIENT_FAILED) {
        return NGX_HTTP_STSGATE_CLIENT_OVER;
    }

    return 0;
}


void
ngx_http_stsgate_count_failed(ngx_http_stsgate_ctx_t *ctx)
{
    ngx_log_t                  *log;
    ngx_http_stsgate_client_t  *client;

    client = ngx_http_stsgate_client(ctx,
                                     ngx_http_stsgate_window(ctx->worker));
    log = ctx->request->connection->log;

    if (++ctx->worker->failed == NGX_HTTP_STSGATE_ALL_FAILED) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "stsgate: %ui slow signatures failed in a few seconds: "
                      "new ones get 503 for the next few",
                      ctx->worker->failed);
    }

    if (client != NULL && ++client->failed == NGX_HTTP_STSGATE_CLIENT_FAILED) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "stsgate: %ui slow signatures of this client failed in "
                      "a few seconds: its new ones get 503 for the next few",
                      client->failed);
    }
}


static void
ngx_http_stsgate_tell(ngx_event_t *ev)
{
    ngx_http_stsgate_tell_turned(ev->data);
}


void
ngx_http_stsgate_turn_away(ngx_http_stsgate_ctx_t *ctx, ngx_uint_t why)
{
    ngx_http_stsgate_worker_t  *worker;

    worker = ctx->worker;

    ctx->turned = why & 3;
    worker->turned[why]++;

    if (worker->tell.timer_set) {
        return;
    }

    worker->tell.handler = ngx_http_stsgate_tell;
    worker->tell.data = worker;
    worker->tell.log = ngx_cycle->log;
    worker->tell.cancelable = 1;

    ngx_add_timer(&worker->tell, NGX_HTTP_STSGATE_WINDOW);
}


/* what the client and the log are told of this request */

void
ngx_http_stsgate_set_turned(ngx_http_stsgate_ctx_t *ctx)
{
    ngx_msec_t   left;
    const char  *detail;

    if (ctx->turned == NGX_HTTP_STSGATE_QUEUE_FULL) {
        detail = "64 slow signatures are before it";

    } else {
        detail = (ctx->turned == NGX_HTTP_STSGATE_CLIENT_OVER)
                 ? "slow signatures of this client failed"
                 : "slow signatures of all clients failed";

        left = NGX_HTTP_STSGATE_WINDOW
               - ngx_current_msec % NGX_HTTP_STSGATE_WINDOW;

        ctx->result.reason = STSGATE_REASON_OVER_BUDGET;
        ctx->result.retry_after_s = (unsigned) ((left + 999) / 1000);
    }

    (void) ngx_cpystrn((u_char *) ctx->result.detail, (u_char *) detail,
                       sizeof(ctx->result.detail));
}


/* once a window, and at a worker's end */

void
ngx_http_stsgate_tell_turned(ngx_http_stsgate_worker_t *worker)
{
    ngx_uint_t  *turned;

    turned = worker->turned;

    if (worker->tell.timer_set) {
        ngx_del_timer(&worker->tell);
    }

    if (turned[NGX_HTTP_STSGATE_CLIENT_OVER]
        + turned[NGX_HTTP_STSGATE_ALL_OVER]
        + turned[NGX_HTTP_STSGATE_QUEUE_FULL] == 0)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "stsgate: slow signatures turned away in the last %d s: "
                  "%ui over their client's budget, %ui over that of all, "
                  "%ui for a full queue",
                  NGX_HTTP_STSGATE_WINDOW / 1000,
                  turned[NGX_HTTP_STSGATE_CLIENT_OVER],
                  turned[NGX_HTTP_STSGATE_ALL_OVER],
                  turned[NGX_HTTP_STSGATE_QUEUE_FULL]);

    ngx_memzero(turned, sizeof(worker->turned));
}


#else


ngx_uint_t
ngx_http_stsgate_over_budget(ngx_http_stsgate_ctx_t *ctx)
{
    return 0;
}


void
ngx_http_stsgate_count_failed(ngx_http_stsgate_ctx_t *ctx)
{
}


void
ngx_http_stsgate_turn_away(ngx_http_stsgate_ctx_t *ctx, ngx_uint_t why)
{
}


void
ngx_http_stsgate_set_turned(ngx_http_stsgate_ctx_t *ctx)
{
}


void
ngx_http_stsgate_tell_turned(ngx_http_stsgate_worker_t *worker)
{
}


#endif
