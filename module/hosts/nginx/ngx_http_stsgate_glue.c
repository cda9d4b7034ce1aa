/*
 * ngx_http_stsgate_glue.c: the three symbols by which nginx's loader knows a
 * dynamic module.  With an nginx build of its own nginx writes this file.
 *
 * No order is given, so the module comes after nginx's own, and its access
 * handler runs before theirs: auth_request and the like start subrequests only
 * once the main request has passed the gate.
 */


#include "ngx_http_stsgate.h"


#define NGX_HTTP_STSGATE_EXPORT  __attribute__((visibility("default")))


extern NGX_HTTP_STSGATE_EXPORT ngx_module_t  *ngx_modules[];
extern NGX_HTTP_STSGATE_EXPORT char          *ngx_module_names[];
extern NGX_HTTP_STSGATE_EXPORT char          *ngx_module_order[];


ngx_module_t *ngx_modules[] = {
    &ngx_http_stsgate_module,
    NULL
};

char *ngx_module_names[] = {
    (char *) "ngx_http_stsgate_module",
    NULL
};

char *ngx_module_order[] = {
    NULL
};
