/*
 * The sandbox's HTTP server: one thread, loopback only.
 */
#ifndef SB_HTTP_H
#define SB_HTTP_H

#include <signal.h>

#include "sandbox.h"

struct sb_http;

/* Listens on 127.0.0.1:port (0: any) and sets box->base_url. NULL when it can't. */
struct sb_http *sb_http_start(struct sb_sandbox *box, unsigned port, unsigned *bound_port);

/* Serves until *stop is set (by a signal that only the wait lets in) or until_ms (steady; 0:
 * never). */
void sb_http_serve(struct sb_http *http, const volatile sig_atomic_t *stop, int64_t until_ms);
void sb_http_stop(struct sb_http *http);

#endif
