/*
 * sigv4.h - AWS Signature Version 4 for one request, by OpenSSL alone. It signs what it is given
 * and reads no clock; libcurl's own signer is not used (before 7.86 it can't sign a session token,
 * and it can't be tested at a fixed time).
 */
#ifndef SG_AWS_SIGV4_H
#define SG_AWS_SIGV4_H

#include "aws/credentials.h"
#include "aws/http.h"
#include "base/buffer.h"
#include "base/date.h"

#define SG_SIGV4_HEADERS_MAX 12

struct sg_sigv4_request {
    struct sg_text method; /* "POST" */
    struct sg_text path;   /* as sent, percent-encoded; "/" */
    struct sg_text query;  /* as sent, percent-encoded, without '?'; may be empty */
    struct sg_text body;
    const struct sg_header *headers; /* all of them are signed; host must be there, x-amz-date and
                                        x-amz-security-token must not: the signer adds them */
    size_t header_count;
    bool presigned; /* x-amz-date and x-amz-security-token stand in `query`, with all that a
                       presigned URL must have but the signature; now_ms must be that date */
    struct sg_text region, service;
    int64_t now_ms;
};

struct sg_sigv4 {
    char date[SG_DATE_SIZE];        /* value of x-amz-date */
    char canonical_hash[65];        /* for tests and for tracking down a mismatch: no secret */
    char signature[65];             /* in hex: a secret, sg_sigv4_clear() */
    struct sg_buffer authorization; /* value of Authorization; the caller's: sg_buffer_wipe() */
};

/*
 * SG_OK; SG_E_INVALID: no host header, too many headers, one twice, or a control byte in one;
 * SG_E_CRYPTO, SG_E_MEMORY. A session token goes out as the header x-amz-security-token, by the
 * caller.
 */
int sg_sigv4_sign(struct sg_sigv4 *signature, const struct sg_sigv4_request *request,
                  const struct sg_credentials *credentials);
void sg_sigv4_clear(struct sg_sigv4 *signature);

#endif
