/*
 * signed.h - one signed POST to an AWS service, whichever it is: IAM and STS (forms), SQS (JSON).
 * What the answer means is the caller's.
 */
#ifndef SG_AWS_SIGNED_H
#define SG_AWS_SIGNED_H

#include "aws/credentials.h"
#include "aws/http.h"

#define SG_FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"

/* All borrowed for the length of the call. */
struct sg_signed_request {
    const char *url;              /* no query in it */
    const char *region, *service; /* to sign for; "sts" */
    const char *content_type;     /* SG_FORM_TYPE, "application/x-amz-json-1.0" */
    const char *target;           /* value of X-Amz-Target; NULL: none */
    const char *accept;           /* NULL: whatever the service likes best */
    struct sg_text body;
    const struct sg_credentials *credentials; /* NULL: unsigned (AssumeRoleWithWebIdentity) */
    int64_t now_ms;                           /* AWS's clock, as well as it is known */
    size_t max_bytes;
    int64_t timeout_ms;
    bool patient; /* as in struct sg_http_request */
};

/* As sg_http_start(); besides SG_E_ABSENT (credentials without keys) and SG_E_CRYPTO. */
int sg_signed_start(struct sg_http_transfer **transfer, struct sg_http *http,
                    const struct sg_signed_request *request, struct sg_http_done done);

#endif
