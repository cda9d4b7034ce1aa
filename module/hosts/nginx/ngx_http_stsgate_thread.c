/*
 * ngx_http_stsgate_thread.c: first checks of slow signatures (ES384), off the
 * event loop.
 *
 * One thread for each worker, in a thread pool of the module's own, with a
 * reader that only this thread uses; so the pool must never have two threads.
 * While the thread has a request, its memory is kept (r->main->blocked), and
 * the event loop touches neither the context's result nor its seal.
 */


#include "ngx_http_stsgate.h"


#if (NGX_THREADS)


typedef struct {
    ngx_http_stsgate_ctx_t  *ctx;
    struct stsgate_request   request;
    ngx_int_t                verified;
} ngx_http_stsgate_task_t;


static void ngx_http_stsgate_slow_thread(void *data, ngx_log_t *log);
static void ngx_http_stsgate_slow_done(ngx_event_t *ev);


extern ngx_module_t  ngx_thread_pool_module;


static ngx_str_t  ngx_http_stsgate_pool_name = ngx_string("stsgate");


/*
 * nginx has no function to make a pool of a given size, but a directive:
 *
 *     thread_pool stsgate threads=1 max_queue=64;
 */

ngx_int_t
ngx_http_stsgate_add_thread(ngx_conf_t *cf, ngx_http_stsgate_worker_t *worker)
{
    char           *rv;
    ngx_str_t      *arg;
    ngx_array_t    *args;
    ngx_command_t  *cmd;

    cmd = ngx_thread_pool_module.commands;

    args = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (args == NULL) {
        return NGX_ERROR;
    }

    arg = ngx_array_push_n(args, 4);
    if (arg == NULL) {
        return NGX_ERROR;
    }

    arg[0] = cmd->name;
    arg[1] = ngx_http_stsgate_pool_name;
    ngx_str_set(&arg[2], "threads=1");
    ngx_str_set(&arg[3], "max_queue=64");

    {
    ngx_array_t  *saved;

    saved = cf->args;
    cf->args = args;

    rv = cmd->set(cf, cmd, NULL);

    cf->args = saved;
    }

    if (rv != NGX_CONF_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the thread pool \"stsgate\" is the stsgate module's: "
                      "give yours another name");
        return NGX_ERROR;
    }

    worker->thread_pool = ngx_thread_pool_get(cf->cycle,
                                              &ngx_http_stsgate_pool_name);

    return NGX_OK;
}


/*
 * NGX_OK: the thread has it.  NGX_BUSY: too many failed or are before it;
 * counted here, since nginx logs an error for each task that its pool refuses.
 */

ngx_int_t
ngx_http_stsgate_post_slow(ngx_http_stsgate_ctx_t *ctx,
    struct stsgate_request *request)
{
    ngx_uint_t                over;
    ngx_thread_task_t        *task;
    ngx_http_request_t       *r;
    ngx_http_stsgate_task_t  *slow;

    r = ctx->request;

    over = ngx_http_stsgate_over_budget(ctx);

    if (over == 0 && ctx->worker->slow >= NGX_HTTP_STSGATE_SLOW) {
        over = NGX_HTTP_STSGATE_QUEUE_FULL;
    }

    if (over) {
        ngx_http_stsgate_turn_away(ctx, over);
        return NGX_BUSY;
    }

    task = ngx_thread_task_alloc(r->pool, sizeof(ngx_http_stsgate_task_t));
    if (task == NULL) {
        return NGX_ERROR;
    }

    slow = task->ctx;

    /* what the request points to is the main request's, or its pool's */

    slow->ctx = ctx;
    slow->request = *request;

    task->handler = ngx_http_stsgate_slow_thread;
    task->event.handler = ngx_http_stsgate_slow_done;
    task->event.data = slow;
    task->event.log = r->connection->log;

    if (ngx_thread_task_post(ctx->worker->thread_pool, task) != NGX_OK) {
        return NGX_BUSY;
    }

    /* a worker that is to quit waits for timers, not for threads */

    ngx_add_timer(&task->event, 60000);

    ctx->slow = 1;
    ctx->worker->slow++;

    r->main->blocked++;
    r->aio = 1;

    return NGX_OK;
}


/* a forgery costs the thread a second verification, and the event loop none */

static void
ngx_http_stsgate_slow_thread(void *data, ngx_log_t *log)
{
    ngx_http_stsgate_task_t *slow = data;

    ngx_http_stsgate_ctx_t  *ctx;
    struct stsgate_reader   *reader;

    ctx = slow->ctx;
    reader = ctx->worker->slow_reader;

    if (ctx->worker->thread == 0) {
        ctx->worker->thread = (pid_t) ngx_thread_tid();
    }

    slow->request.defer_slow = 0;

    if (stsgate_verify(&ctx->seal, reader, &slow->request) == 0) {
        slow->verified = 1;
        return;
    }

    ctx->result.size = sizeof(struct stsgate_result);

    if (stsgate_check(&ctx->result, reader, &slow->request) != STSGATE_DENY) {

        /* the keys have just changed: for the event loop to see to */

        ngx_memzero(&ctx->result, sizeof(struct stsgate_result));
    }
}


static void
ngx_http_stsgate_slow_done(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_stsgate_ctx_t   *ctx;
    ngx_http_stsgate_task_t  *slow;

    slow = ev->data;
    ctx = slow->ctx;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (ev->timedout) {
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "stsgate: checking a signature takes a minute");
        ev->timedout = 0;
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    r->main->blocked--;
    r->aio = 0;

    ctx->worker->slow--;

    ctx->slow = 0;
    ctx->slow_done = 1;
    ctx->sealed = slow->verified ? 1 : 0;
    ctx->refused = (!slow->verified
                    && ctx->result.reason != STSGATE_REASON_NONE);

    if (ctx->refused
        && ctx->result.reason == STSGATE_REASON_BAD_SIGNATURE)
    {
        ngx_http_stsgate_count_failed(ctx);
    }

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


/*
 * At the end of a worker nginx has told the thread to exit, but not waited for
 * what a thread does then: OpenSSL frees what it keeps for each one, and must
 * not do so while the process runs its exit handlers, OpenSSL's among them.
 */

ngx_int_t
ngx_http_stsgate_await_thread(ngx_http_stsgate_worker_t *worker)
{
    ngx_uint_t  i;

    if (worker->thread == 0) {
        return NGX_OK;
    }

    for (i = 0; i < 2000; i++) {
        if (syscall(SYS_tgkill, getpid(), worker->thread, 0) == -1) {
            worker->thread = 0;
            return NGX_OK;
        }

        ngx_msleep(1);
    }

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "stsgate: the thread does not end");

    return NGX_ERROR;
}


#else


ngx_int_t
ngx_http_stsgate_add_thread(ngx_conf_t *cf, ngx_http_stsgate_worker_t *worker)
{
    return NGX_OK;
}


/* not reached: without a thread there is no slow_reader, and nothing defers */

ngx_int_t
ngx_http_stsgate_post_slow(ngx_http_stsgate_ctx_t *ctx,
    struct stsgate_request *request)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_http_stsgate_await_thread(ngx_http_stsgate_worker_t *worker)
{
    return NGX_OK;
}


#endif
