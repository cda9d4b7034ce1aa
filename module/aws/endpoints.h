/*
 * endpoints.h - where IAM answers in each AWS partition, and for which region its requests are
 * signed ("us-east-1 always" holds for the partition aws only).
 */
#ifndef SG_AWS_ENDPOINTS_H
#define SG_AWS_ENDPOINTS_H

#include "base/text.h"

struct sg_endpoint {
    const char *partition;
    const char *iam_url;
    const char *signing_region;
};

/* NULL: a partition this version does not know; the account then needs `endpoint` and `region`. */
const struct sg_endpoint *sg_endpoint_find(struct sg_text partition);

#endif
