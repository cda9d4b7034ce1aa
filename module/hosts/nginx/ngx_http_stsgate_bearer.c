/*
 * ngx_http_stsgate_bearer.c: what of a header's value is the credential.
 *
 * It must never pass on a byte that could be two credentials, end a header or
 * be no text at all.
 */


#include "ngx_http_stsgate_bearer.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>


/*
 * Is there a byte that no credential consists of?  Comma and space: two
 * credentials that something merged.  Eight at a time: a byte below 0x21
 * borrows into its top bit, 0x7f carries into it, those above have it set.
 */

static int
ngx_http_stsgate_is_odd(const char *p, const char *last)
{
    uint64_t        w, comma, odd;
    const uint64_t  ones = 0x0101010101010101, tops = ones * 0x80;

    odd = 0;

    for ( /* void */ ; last - p >= 8; p += 8) {
        memcpy(&w, p, 8);
        comma = w ^ (ones * ',');
        odd |= ((w - ones * 0x21) & ~w) | (w + ones) | w
               | ((comma - ones) & ~comma);
    }

    for ( /* void */ ; p < last; p++) {
        odd |= (*p <= 0x20 || *p >= 0x7f || *p == ',') ? tops : 0;
    }

    return (odd & tops) != 0;
}


int
ngx_http_stsgate_bearer(const char **credential, size_t *length,
    const char *value, size_t len, int bare)
{
    const char  *p, *last;

    *credential = "";
    *length = 0;

    p = value;
    last = value + len;

    if (len >= sizeof("Bearer") - 1
        && strncasecmp(p, "Bearer", sizeof("Bearer") - 1) == 0
        && (len == sizeof("Bearer") - 1 || p[sizeof("Bearer") - 1] == ' '))
    {
        p += sizeof("Bearer") - 1;

        while (p < last && *p == ' ') {
            p++;
        }

    } else if (!bare) {
        return NGX_HTTP_STSGATE_BEARER_NONE;
    }

    *credential = p;
    *length = (size_t) (last - p);

    return ngx_http_stsgate_is_odd(p, last) ? NGX_HTTP_STSGATE_BEARER_ODD
                                            : NGX_HTTP_STSGATE_BEARER_OK;
}
