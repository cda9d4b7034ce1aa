/*
 * ngx_http_stsgate_bearer.h: a header's value in, a credential out.  Nothing
 * of nginx here, so that the parser can be fuzzed without it.
 */


#ifndef _NGX_HTTP_STSGATE_BEARER_H_INCLUDED_
#define _NGX_HTTP_STSGATE_BEARER_H_INCLUDED_


#include <stddef.h>


enum {
    NGX_HTTP_STSGATE_BEARER_OK = 0,

    /* of another scheme: somebody else's credential */
    NGX_HTTP_STSGATE_BEARER_NONE,

    /* holds what no credential consists of */
    NGX_HTTP_STSGATE_BEARER_ODD
};


/*
 * `*credential` lies in `value`, and is empty with NONE.  `bare`: the word
 * Bearer may be missing.
 */

int ngx_http_stsgate_bearer(const char **credential, size_t *length,
    const char *value, size_t len, int bare);


#endif /* _NGX_HTTP_STSGATE_BEARER_H_INCLUDED_ */
