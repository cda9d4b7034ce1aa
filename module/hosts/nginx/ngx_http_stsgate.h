/*
 * ngx_http_stsgate.h: what the files of the nginx module share.
 *
 *   _module.c     directives, the two phase handlers
 *   _gate.c       the life of the gate and its readers
 *   _check.c      a request in, an answer out: credential, verdict, headers
 *   _bearer.c     what of a header is the credential
 *   _wait.c       the worker's connection to the agent, requests that wait
 *   _thread.c     slow signatures in a thread
 *   _budget.c     how many of them may fail
 *   _variables.c  what is told of a session
 *
 * The module holds no policy: it hands a request to libstsgate and does as it
 * is told.  Whatever is not an explicit STSGATE_ALLOW is a refusal.
 */


#ifndef _NGX_HTTP_STSGATE_H_INCLUDED_
#define _NGX_HTTP_STSGATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <stsgate/stsgate.h>


/* a request that waits for the agent longer than this gets 503 */
#define NGX_HTTP_STSGATE_WAIT       3000

/* questions to the agent for one request: the agent may have gone meanwhile */
#define NGX_HTTP_STSGATE_QUESTIONS  3

/* signatures that may be at or before the thread at once */
#define NGX_HTTP_STSGATE_SLOW       64

/* failed slow signatures of one client, and of all, in a window of so many ms */
#define NGX_HTTP_STSGATE_CLIENT_FAILED  20
#define NGX_HTTP_STSGATE_ALL_FAILED     400
#define NGX_HTTP_STSGATE_WINDOW         10000
#define NGX_HTTP_STSGATE_CLIENTS        1024

/* why a first check of a slow signature was turned away, and how often */
#define NGX_HTTP_STSGATE_CLIENT_OVER    1
#define NGX_HTTP_STSGATE_ALL_OVER       2
#define NGX_HTTP_STSGATE_QUEUE_FULL     3
#define NGX_HTTP_STSGATE_TURNED         4

#define NGX_HTTP_STSGATE_VARIABLES  7

/* "2026-11-24T10:30:20.123Z/2026-11-24T22:30:20.123Z" */
#define NGX_HTTP_STSGATE_TIME_LEN   sizeof("2026-11-24T10:30:20.123Z")
#define NGX_HTTP_STSGATE_ISSUED_LEN (2 * NGX_HTTP_STSGATE_TIME_LEN)


typedef struct {
    uint64_t                    key;          /* IPv4 address, or /64 of IPv6 */
    ngx_msec_t                  window;       /* 0: unused */
    ngx_uint_t                  failed;
} ngx_http_stsgate_client_t;


/* one worker's view of the gate; used in a worker only, never in the master */

typedef struct {
    struct stsgate_reader      *reader;       /* the event loop's */
    struct stsgate_reader      *slow_reader;  /* the thread's; NULL: none */
    ngx_thread_pool_t          *thread_pool;
    pid_t                       thread;       /* 0: it has not worked yet */
    ngx_uint_t                  slow;         /* tasks that are not back yet */

    ngx_connection_t           *agent;        /* watches stsgate_fd() */
    ino_t                       agent_inode;  /* descriptors are reused */
    ngx_event_t                 answered;     /* posted: look without event */

    ngx_msec_t                  window;       /* of `failed` */
    ngx_uint_t                  failed;       /* slow signatures of all clients */
    ngx_http_stsgate_client_t   clients[NGX_HTTP_STSGATE_CLIENTS];
    ngx_uint_t                  turned[NGX_HTTP_STSGATE_TURNED];
    ngx_event_t                 tell;         /* of those, once a window */
} ngx_http_stsgate_worker_t;


typedef struct {
    ngx_str_t                   name;
    u_char                     *file;
    ngx_uint_t                  line;
} ngx_http_stsgate_use_t;


typedef struct {
    ngx_str_t                   folder;
    u_char                     *file;
    ngx_uint_t                  line;
    ngx_array_t                 uses;         /* ngx_http_stsgate_use_t */

    struct stsgate             *gate;
    ngx_log_t                  *log;          /* while the gate is opened */
    ngx_uint_t                  problems;
    ngx_int_t                   variables[NGX_HTTP_STSGATE_VARIABLES];

    ngx_http_stsgate_worker_t   worker;
} ngx_http_stsgate_main_conf_t;


typedef struct {
    ngx_str_t                   service;      /* empty: off */
    u_char                     *file;         /* where it was named */
    ngx_uint_t                  line;
    ngx_http_complex_value_t   *credential;   /* NULL: Authorization: Bearer */
    ngx_uint_t                  warned;       /* of "satisfy any" */
} ngx_http_stsgate_loc_conf_t;


/*
 * One for each request that came to a gate.  It lies in a pool cleanup, where
 * it is found again after nginx cleared r->ctx at an internal redirect.
 */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_stsgate_worker_t  *worker;

    ngx_str_t                   service;
    ngx_int_t                   rc;           /* once decided: NGX_OK or 4xx */

    struct stsgate_seal         seal;
    ngx_event_t                 timer;
    ngx_uint_t                  questions;    /* asked so far */

    ngx_table_elt_t            *challenge;
    ngx_table_elt_t            *retry_after;

    unsigned                    decided:1;
    unsigned                    waiting:1;    /* for the agent */
    unsigned                    slow:1;       /* a thread has it */
    unsigned                    slow_done:1;
    unsigned                    sealed:1;
    unsigned                    refused:1;    /* the thread wrote the result */
    unsigned                    cleanup:1;
    unsigned                    turned:2;     /* NGX_HTTP_STSGATE_.._OVER */

    struct stsgate_result       result;       /* last: written whole by a check */
} ngx_http_stsgate_ctx_t;


ngx_http_stsgate_ctx_t *ngx_http_stsgate_get_ctx(ngx_http_request_t *r);

ngx_int_t ngx_http_stsgate_open_gate(ngx_conf_t *cf,
    ngx_http_stsgate_main_conf_t *smcf);
ngx_int_t ngx_http_stsgate_init_process(ngx_cycle_t *cycle);
void ngx_http_stsgate_exit_process(ngx_cycle_t *cycle);
ngx_int_t ngx_http_stsgate_open_reader(ngx_http_stsgate_main_conf_t *smcf);

ngx_int_t ngx_http_stsgate_check(ngx_http_request_t *r,
    ngx_http_stsgate_ctx_t *ctx);

ngx_int_t ngx_http_stsgate_ask(ngx_http_stsgate_ctx_t *ctx);
void ngx_http_stsgate_unwatch(ngx_http_stsgate_worker_t *worker);

ngx_int_t ngx_http_stsgate_add_thread(ngx_conf_t *cf,
    ngx_http_stsgate_worker_t *worker);
ngx_int_t ngx_http_stsgate_post_slow(ngx_http_stsgate_ctx_t *ctx,
    struct stsgate_request *request);
ngx_int_t ngx_http_stsgate_await_thread(ngx_http_stsgate_worker_t *worker);

ngx_uint_t ngx_http_stsgate_over_budget(ngx_http_stsgate_ctx_t *ctx);
void ngx_http_stsgate_count_failed(ngx_http_stsgate_ctx_t *ctx);
void ngx_http_stsgate_turn_away(ngx_http_stsgate_ctx_t *ctx, ngx_uint_t why);
void ngx_http_stsgate_set_turned(ngx_http_stsgate_ctx_t *ctx);
void ngx_http_stsgate_tell_turned(ngx_http_stsgate_worker_t *worker);

ngx_int_t ngx_http_stsgate_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_stsgate_index_variables(ngx_conf_t *cf,
    ngx_http_stsgate_main_conf_t *smcf);
void ngx_http_stsgate_flush_variables(ngx_http_request_t *r);
u_char *ngx_http_stsgate_time(u_char *p, int64_t ms);
u_char *ngx_http_stsgate_issued(u_char *p, struct stsgate_result *result);


extern ngx_module_t  ngx_http_stsgate_module;


#endif /* _NGX_HTTP_STSGATE_H_INCLUDED_ */
