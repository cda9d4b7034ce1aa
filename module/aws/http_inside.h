/*
 * http_inside.h - what http.c (transfers) and http_wait.c (waiting for them) share.
 */
#ifndef SG_AWS_HTTP_INSIDE_H
#define SG_AWS_HTTP_INSIDE_H

#include "aws/http.h"

#include <curl/curl.h>

struct sg_http {
    CURLM *multi;
    struct sg_http_transfer *first;
    struct sg_http_watch *watches;
    struct curl_waitfd *others;
    size_t others_size;
    char *proxy, *ca_bundle; /* NULL: none; the system's */
    long drip_s;             /* 0: the default */
};

/* The transfer is over: calls who waits for it and frees it. */
void sg_http__finish(struct sg_http_transfer *transfer, CURLcode result);

/* curl_global_init(), with memory that is wiped when it is given back; curl_global_cleanup() is
 * its end. 0; SG_E_SYSTEM. */
int sg_http__global_init(void);

#endif
