/*
 * endpoints.h - where IAM, STS and SQS answer in each AWS partition, and for which region requests
 * there are signed ("us-east-1 always" holds for the partition aws only).
 */
#ifndef SG_AWS_ENDPOINTS_H
#define SG_AWS_ENDPOINTS_H

#include "base/error.h"
#include "base/text.h"

struct sg_endpoint {
    const char *partition;
    const char *iam_url;
    const char *signing_region; /* of IAM; where STS and SQS are asked when no region is named */
};

/* NULL: a partition this version does not know; the account then needs `endpoint` and `region`. */
const struct sg_endpoint *sg_endpoint_find(struct sg_text partition);

#define SG_AWS_SERVICES 3
enum sg_aws_service { SG_AWS_IAM, SG_AWS_STS, SG_AWS_SQS };

struct sg_endpoint_options { /* borrowed texts; NULL: not said */
    enum sg_aws_service service;
    const char *partition; /* NULL: aws */
    const char *endpoint;  /* asked as it stands, whatever the rest says but the signing region */
    const char *region;    /* IAM: to sign for. STS, SQS: of the host too; else AWS_REGION,
                              AWS_DEFAULT_REGION where they name one of the partition, else IAM's */
    const char *profile_region; /* STS, SQS: where neither `region` nor the environment names one */
    bool fips, dual_stack;
    /* After `endpoint`: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, then what AWS's shared files
     * say in `profile` (NULL: AWS_PROFILE, or default) and the [services] that it names. */
    bool environment;
    const char *profile;
};

struct sg_endpoint_place {
    char url[512];
    char region[64]; /* to sign for */
};

/* SG_OK; SG_E_INVALID: the partition is not known, has no such endpoint, or the URL is none that we
 * go to; the problem says what to set. */
int sg_endpoint_place(struct sg_endpoint_place *place, const struct sg_endpoint_options *options,
                      struct sg_problems *problems);

#endif
