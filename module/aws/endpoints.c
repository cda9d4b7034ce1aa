/*
 * endpoints.c - the partition table, as in botocore's endpoint rule set for IAM. IAM is global: one
 * host a partition.
 */
#include "aws/endpoints.h"

static const struct sg_endpoint endpoints[] = {
    {"aws", "https://iam.amazonaws.com/", "us-east-1"},
    {"aws-cn", "https://iam.cn-north-1.amazonaws.com.cn/", "cn-north-1"},
    {"aws-us-gov", "https://iam.us-gov.amazonaws.com/", "us-gov-west-1"},
    {"aws-eusc", "https://iam.eusc-de-east-1.amazonaws.eu/", "eusc-de-east-1"},
    {"aws-iso", "https://iam.us-iso-east-1.c2s.ic.gov/", "us-iso-east-1"},
    {"aws-iso-b", "https://iam.us-isob-east-1.sc2s.sgov.gov/", "us-isob-east-1"},
    {"aws-iso-e", "https://iam.eu-isoe-west-1.cloud.adc-e.uk/", "eu-isoe-west-1"},
    {"aws-iso-f", "https://iam.us-isof-south-1.csp.hci.ic.gov/", "us-isof-south-1"},
};

const struct sg_endpoint *sg_endpoint_find(struct sg_text partition)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (sg_text_equal(sg_text_of(endpoints[i].partition), partition))
            return &endpoints[i];
    }
    return NULL;
}
