/*
 * ngx_http_stsgate_gate.c: the life of the gate and of its readers.
 *
 * One gate for each configuration, opened while nginx reads it, so that
 * "nginx -t" tells every mistake, and closed with the configuration's pool.
 * One reader for each worker, made after the fork, and one for its thread.
 *
 * It must never open a reader in the master, nor close what a thread may read.
 */


#include "ngx_http_stsgate.h"


static void ngx_http_stsgate_problem(void *payload, const char *text);
static void ngx_http_stsgate_log(void *payload, int level, const char *line);
static void ngx_http_stsgate_close_readers(ngx_http_stsgate_main_conf_t *smcf);
static void ngx_http_stsgate_close(void *data);


/* every mistake is told before nginx gives up; without stsgate_conf no gate */

ngx_int_t
ngx_http_stsgate_open_gate(ngx_conf_t *cf, ngx_http_stsgate_main_conf_t *smcf)
{
    int                      rc;
    ngx_uint_t               i, failed;
    ngx_pool_cleanup_t      *cln;
    struct stsgate_text      name;
    struct stsgate_options   options;
    ngx_http_stsgate_use_t  *use;

    failed = 0;
    use = smcf->uses.elts;

    if (smcf->folder.data == NULL) {

        for (i = 0; i < smcf->uses.nelts; i++) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"stsgate %V\" needs \"stsgate_conf FOLDER\" in the "
                          "http block in %s:%ui",
                          &use[i].name, use[i].file, use[i].line);
            failed = 1;
        }

        return failed ? NGX_ERROR : NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_stsgate_close;
    cln->data = smcf;

    ngx_memzero(&options, sizeof(struct stsgate_options));

    options.size = sizeof(struct stsgate_options);
    options.folder = (char *) smcf->folder.data;
    options.problem = ngx_http_stsgate_problem;
    options.log = ngx_http_stsgate_log;
    options.payload = smcf;

    smcf->log = cf->log;

    rc = stsgate_open(&smcf->gate, &options);

    smcf->log = NULL;

    if (rc != 0) {
        smcf->gate = NULL;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"stsgate_conf %V\" could not be used "
                      "(%ui mistakes above, error %d) in %s:%ui",
                      &smcf->folder, smcf->problems, rc,
                      smcf->file, smcf->line);

        return NGX_ERROR;
    }

    for (i = 0; i < smcf->uses.nelts; i++) {
        name.data = (char *) use[i].name.data;
        name.length = use[i].name.len;

        if (!stsgate_has_service(smcf->gate, name)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "no service \"%V\": \"%V/services.d/%V.conf\" is "
                          "not there, expected by \"stsgate\" in %s:%ui",
                          &use[i].name, &smcf->folder, &use[i].name,
                          use[i].file, use[i].line);
            failed = 1;
        }
    }

    return failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_stsgate_problem(void *payload, const char *text)
{
    ngx_http_stsgate_main_conf_t *smcf = payload;

    smcf->problems++;

    ngx_log_error(NGX_LOG_EMERG, smcf->log ? smcf->log : ngx_cycle->log, 0,
                  "stsgate: %s", text);
}


/* any thread; nginx's levels are syslog's, counted from one */

static void
ngx_http_stsgate_log(void *payload, int level, const char *line)
{
    ngx_log_t   *log;
    ngx_uint_t   nginx_level;

    ngx_http_stsgate_main_conf_t *smcf = payload;

    log = smcf->log ? smcf->log : ngx_cycle->log;
    nginx_level = (ngx_uint_t) ngx_min(ngx_max(level, 0), 7) + 1;

    ngx_log_error(nginx_level, log, 0, "stsgate: %s", line);
}


static void
ngx_http_stsgate_close_readers(ngx_http_stsgate_main_conf_t *smcf)
{
    ngx_http_stsgate_worker_t  *worker;

    worker = &smcf->worker;

    ngx_http_stsgate_tell_turned(worker);
    ngx_http_stsgate_unwatch(worker);

    if (worker->answered.posted) {
        ngx_delete_posted_event(&worker->answered);
    }

    if (ngx_http_stsgate_await_thread(worker) != NGX_OK) {

        /* the process ends; what the thread may still read stays */

        worker->slow_reader = NULL;
        worker->reader = NULL;
        smcf->gate = NULL;
    }

    stsgate_reader_close(worker->slow_reader);
    worker->slow_reader = NULL;

    stsgate_reader_close(worker->reader);
    worker->reader = NULL;
}


static void
ngx_http_stsgate_close(void *data)
{
    ngx_http_stsgate_main_conf_t *smcf = data;

    ngx_http_stsgate_close_readers(smcf);

    stsgate_close(smcf->gate);
    smcf->gate = NULL;
}


/*
 * At the start of a worker; and again for a request that finds none, since it
 * could not be opened then.
 */

ngx_int_t
ngx_http_stsgate_open_reader(ngx_http_stsgate_main_conf_t *smcf)
{
    int  rc;

    if (smcf->worker.reader) {
        return NGX_OK;
    }

    if (smcf->gate == NULL) {
        return NGX_ERROR;
    }

    rc = stsgate_reader_open(&smcf->worker.reader, smcf->gate, NULL);

    if (rc != 0) {
        smcf->worker.reader = NULL;

        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "stsgate: stsgate_reader_open() failed (%d), "
                      "requests get 503", rc);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_stsgate_init_process(ngx_cycle_t *cycle)
{
    int                            rc;
    ngx_http_stsgate_worker_t     *worker;
    ngx_http_stsgate_main_conf_t  *smcf;

    /* not in the cache manager and loader */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_stsgate_module);

    if (smcf == NULL || smcf->gate == NULL
        || ngx_http_stsgate_open_reader(smcf) != NGX_OK)
    {
        return NGX_OK;
    }

    worker = &smcf->worker;

    if (worker->thread_pool == NULL) {
        return NGX_OK;
    }

    rc = stsgate_reader_open(&worker->slow_reader, smcf->gate, worker->reader);

    if (rc != 0) {
        worker->slow_reader = NULL;

        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "stsgate: stsgate_reader_open() failed (%d), "
                      "slow signatures are checked in the event loop", rc);
    }

    return NGX_OK;
}


void
ngx_http_stsgate_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_stsgate_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_stsgate_module);

    if (smcf) {
        ngx_http_stsgate_close_readers(smcf);
    }
}
