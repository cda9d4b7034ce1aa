/*
 * ngx_http_stsgate_wait.c: requests that wait for the agent.
 *
 * The gate owns the worker's one connection to the agent; this file lends it
 * nginx's event loop: it watches the gate's descriptor, lets a request whose
 * question was answered run on, and gives up after NGX_HTTP_STSGATE_WAIT.  The
 * gate knows a waiting request by the address of its context, so it must never
 * keep one whose request is gone.
 */


#include "ngx_http_stsgate.h"


static ngx_int_t ngx_http_stsgate_wait(ngx_http_stsgate_ctx_t *ctx);
static void ngx_http_stsgate_resume(ngx_http_stsgate_ctx_t *ctx);
static void ngx_http_stsgate_timeout(ngx_event_t *ev);
static void ngx_http_stsgate_gone(void *data);

static ngx_int_t ngx_http_stsgate_watch(ngx_http_stsgate_worker_t *worker);
static void ngx_http_stsgate_agent_handler(ngx_event_t *rev);
static void ngx_http_stsgate_answered_handler(ngx_event_t *ev);
static void ngx_http_stsgate_take_answers(ngx_http_stsgate_worker_t *worker);


/*
 * NGX_OK: the request waits.  NGX_DECLINED: nobody waits for this kind of
 * question, or it was asked often enough.  NGX_BUSY, NGX_ERROR.
 */

ngx_int_t
ngx_http_stsgate_ask(ngx_http_stsgate_ctx_t *ctx)
{
    int                         rc;
    ngx_http_stsgate_worker_t  *worker;

    worker = ctx->worker;

    if (ctx->questions == NGX_HTTP_STSGATE_QUESTIONS) {
        return NGX_DECLINED;
    }

    ctx->questions++;

    rc = stsgate_ask(worker->reader, &ctx->result, ctx);

    /* even one that fails may have closed or opened the connection */

    if (ngx_http_stsgate_watch(worker) != NGX_OK) {
        stsgate_forget(worker->reader, ctx);
        return NGX_ERROR;
    }

    switch (rc) {

    case 0:
        break;

    case STSGATE_E_BUSY:
        return NGX_BUSY;

    case 1:
        return NGX_DECLINED;

    default:
        return NGX_ERROR;
    }

    if (ngx_http_stsgate_wait(ctx) != NGX_OK) {
        stsgate_forget(worker->reader, ctx);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* as ngx_http_limit_req_module does, so that a client that leaves is noticed */

static ngx_int_t
ngx_http_stsgate_wait(ngx_http_stsgate_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_cleanup_t  *cln;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (!ctx->cleanup) {
        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_stsgate_gone;
        cln->data = ctx;

        ctx->cleanup = 1;

        ctx->timer.handler = ngx_http_stsgate_timeout;
        ctx->timer.data = ctx;
        ctx->timer.log = c->log;
    }

    /* one deadline, however often the request has to ask */

    if (!ctx->timer.timer_set) {
        ngx_add_timer(&ctx->timer, NGX_HTTP_STSGATE_WAIT);
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    ctx->waiting = 1;

    return NGX_OK;
}


/* the request may be gone when this returns, and others with it */

static void
ngx_http_stsgate_resume(ngx_http_stsgate_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ctx->waiting = 0;

    ngx_http_set_log_request(c->log, r);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        ngx_http_run_posted_requests(c);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;

    /* ngx_http_core_run_phases(), unless the request was terminated */

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


/* one last look, without another question */

static void
ngx_http_stsgate_timeout(ngx_event_t *ev)
{
    ngx_http_stsgate_ctx_t  *ctx;

    ctx = ev->data;

    ctx->questions = NGX_HTTP_STSGATE_QUESTIONS;

    if (!ctx->waiting) {
        return;
    }

    stsgate_forget(ctx->worker->reader, ctx);

    ngx_http_stsgate_resume(ctx);
}


/* the request ends, decided or not */

static void
ngx_http_stsgate_gone(void *data)
{
    ngx_http_stsgate_ctx_t *ctx = data;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->waiting) {
        ctx->waiting = 0;
        stsgate_forget(ctx->worker->reader, ctx);
    }
}


/*
 * Watches the gate's descriptor as it is now.  Once the gate has closed one,
 * the next may have the same number; sockets differ in their inode.
 */

static ngx_int_t
ngx_http_stsgate_watch(ngx_http_stsgate_worker_t *worker)
{
    int                fd;
    struct stat        st;
    ngx_connection_t  *c;

    fd = stsgate_fd(worker->reader);

    if (fd != -1 && fstat(fd, &st) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "fstat() of the connection to the agent failed");
        return NGX_ERROR;
    }

    c = worker->agent;

    if (c) {
        if (fd != -1 && c->fd == fd && worker->agent_inode == st.st_ino) {
            return NGX_OK;
        }

        ngx_http_stsgate_unwatch(worker);

        /* requests that waited on the lost one have come back */

        worker->answered.handler = ngx_http_stsgate_answered_handler;
        worker->answered.data = worker;
        worker->answered.log = ngx_cycle->log;

        ngx_post_event(&worker->answered, &ngx_posted_events);
    }

    if (fd == -1) {
        return NGX_OK;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = worker;
    c->read->handler = ngx_http_stsgate_agent_handler;
    c->read->log = c->log;
    c->write->log = c->log;

    worker->agent = c;
    worker->agent_inode = st.st_ino;

    /* by level: the gate need not read all that there is at once */

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_http_stsgate_unwatch(worker);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* ngx_close_connection() without close(): the descriptor is the gate's */

void
ngx_http_stsgate_unwatch(ngx_http_stsgate_worker_t *worker)
{
    ngx_connection_t  *c;

    c = worker->agent;

    if (c == NULL) {
        return;
    }

    worker->agent = NULL;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
ngx_http_stsgate_agent_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    ngx_http_stsgate_take_answers(c->data);
}


static void
ngx_http_stsgate_answered_handler(ngx_event_t *ev)
{
    ngx_http_stsgate_take_answers(ev->data);
}


/*
 * One at a time: a request that runs on may end others, which the gate is then
 * told to forget, and may ask anew.
 */

static void
ngx_http_stsgate_take_answers(ngx_http_stsgate_worker_t *worker)
{
    ngx_http_stsgate_ctx_t  *ctx;

    for ( ;; ) {
        ctx = stsgate_answered(worker->reader);

        if (ctx == NULL) {
            break;
        }

        ngx_http_stsgate_resume(ctx);
    }

    if (ngx_http_stsgate_watch(worker) != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "stsgate: can't watch the connection to the agent");
    }
}
