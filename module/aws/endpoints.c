/*
 * endpoints.c - the partition table, as in botocore's endpoint rule sets. IAM is global, one host a
 * partition; STS and SQS have a host in each region. A combination that AWS does not name is
 * refused with a word about what to set, never guessed.
 */
#include "aws/endpoints.h"

#include "aws/http.h"
#include "aws/provider.h"

#include <stdio.h>
#include <stdlib.h>

struct partition {
    struct sg_endpoint it;
    const char *iam_hosts[4];     /* [fips + 2 * dual_stack]; NULL: none that is known */
    const char *suffix;           /* of STS's and SQS's hosts */
    const char *dual_suffix;      /* the same for dual-stack */
    const char *region_starts[9]; /* how the names of its regions begin */
    bool plain_fips;              /* the usual hosts are FIPS ones */
};

#define IAM_URL(host) "https://" host "/"
#define ISOLATED(host)                                                                             \
    {                                                                                              \
        host, NULL, NULL, NULL                                                                     \
    }

static const struct partition partitions[] = {
    {{"aws", IAM_URL("iam.amazonaws.com"), "us-east-1"},
     {"iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws",
      "iam-fips.global.api.aws"},
     "amazonaws.com",
     "api.aws",
     {"us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"},
     false},
    {{"aws-cn", IAM_URL("iam.cn-north-1.amazonaws.com.cn"), "cn-north-1"},
     {"iam.cn-north-1.amazonaws.com.cn", "iam-fips.amazonaws.com.cn",
      "iam.global.api.amazonwebservices.com.cn", NULL},
     "amazonaws.com.cn",
     "api.amazonwebservices.com.cn",
     {"cn-"},
     false},
    {{"aws-us-gov", IAM_URL("iam.us-gov.amazonaws.com"), "us-gov-west-1"},
     {"iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws",
      "iam.us-gov.api.aws"},
     "amazonaws.com",
     "api.aws",
     {"us-gov-"},
     true},
    {{"aws-eusc", IAM_URL("iam.eusc-de-east-1.amazonaws.eu"), "eusc-de-east-1"},
     {"iam.eusc-de-east-1.amazonaws.eu", "iam-fips.amazonaws.eu",
      "iam.global.api.amazonwebservices.eu", NULL},
     "amazonaws.eu",
     "api.amazonwebservices.eu",
     {"eusc-"},
     false},
    {{"aws-iso", IAM_URL("iam.us-iso-east-1.c2s.ic.gov"), "us-iso-east-1"},
     ISOLATED("iam.us-iso-east-1.c2s.ic.gov"),
     "c2s.ic.gov",
     "api.aws.ic.gov",
     {"us-iso-"},
     false},
    {{"aws-iso-b", IAM_URL("iam.us-isob-east-1.sc2s.sgov.gov"), "us-isob-east-1"},
     ISOLATED("iam.us-isob-east-1.sc2s.sgov.gov"),
     "sc2s.sgov.gov",
     "api.aws.scloud",
     {"us-isob-"},
     false},
    {{"aws-iso-e", IAM_URL("iam.eu-isoe-west-1.cloud.adc-e.uk"), "eu-isoe-west-1"},
     ISOLATED("iam.eu-isoe-west-1.cloud.adc-e.uk"),
     "cloud.adc-e.uk",
     "api.cloud-aws.adc-e.uk",
     {"eu-isoe-"},
     false},
    {{"aws-iso-f", IAM_URL("iam.us-isof-south-1.csp.hci.ic.gov"), "us-isof-south-1"},
     ISOLATED("iam.us-isof-south-1.csp.hci.ic.gov"),
     "csp.hci.ic.gov",
     "api.aws.hci.ic.gov",
     {"us-isof-"},
     false},
};

#define PARTITIONS (sizeof partitions / sizeof partitions[0])

static const struct {
    const char *word, *variable;
} services[] = {
    [SG_AWS_IAM] = {"iam", "AWS_ENDPOINT_URL_IAM"},
    [SG_AWS_STS] = {"sts", "AWS_ENDPOINT_URL_STS"},
    [SG_AWS_SQS] = {"sqs", "AWS_ENDPOINT_URL_SQS"},
};

static const struct partition *find(struct sg_text name)
{
    for (size_t i = 0; i < PARTITIONS; i++) {
        if (sg_text_equal(sg_text_of(partitions[i].it.partition), name))
            return &partitions[i];
    }
    return NULL;
}

const struct sg_endpoint *sg_endpoint_find(struct sg_text name)
{
    const struct partition *partition = find(name);

    return partition == NULL ? NULL : &partition->it;
}

/* ---- regions ---- */

/* What may stand in a host name and in a signature's scope. */
static bool is_region_word(struct sg_text region)
{
    for (size_t i = 0; i < region.length; i++) {
        const char c = region.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && i > 0)))
            return false;
    }
    return region.length > 0 && region.length < 48;
}

/* The partition whose regions begin like this one; the longest beginning counts ("us-gov-"). */
static const struct partition *partition_of_region(struct sg_text region)
{
    const struct partition *found = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < PARTITIONS; i++) {
        for (size_t j = 0; j < 9 && partitions[i].region_starts[j] != NULL; j++) {
            const struct sg_text start = sg_text_of(partitions[i].region_starts[j]);
            if (sg_text_starts(region, start) && start.length > longest) {
                found = &partitions[i];
                longest = start.length;
            }
        }
    }
    return found;
}

/* Where this program runs; NULL: nothing says, or it is a region of another partition. */
static const char *region_of_place(const struct partition *partition, const char *profile_region)
{
    const char *const regions[] = {getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"),
                                   profile_region};

    for (size_t i = 0; i < 3; i++) {
        const struct sg_text region = sg_text_of(regions[i]);

        if (is_region_word(region) && partition_of_region(region) == partition)
            return regions[i];
    }
    return NULL;
}

static int choose_region(struct sg_endpoint_place *place, const struct sg_endpoint_options *options,
                         const struct partition *partition, struct sg_problems *problems)
{
    const char *region = options->region;

    if (region == NULL && partition != NULL && options->service != SG_AWS_IAM)
        region = region_of_place(partition, options->profile_region);
    if (region == NULL && partition != NULL)
        region = partition->it.signing_region;
    if (region == NULL) {
        sg_problem(problems, NULL, 0, "partition %s is not known here: set endpoint and region",
                   options->partition);
        return SG_E_INVALID;
    }
    if (is_region_word(sg_text_of(region)) &&
        sg_text_copy(place->region, sizeof place->region, sg_text_of(region)))
        return SG_OK;
    sg_problem(problems, NULL, 0, "%s is not the name of a region, such as us-east-1", region);
    return SG_E_INVALID;
}

/* ---- hosts ---- */

/* AWS SDKs and Tools Reference Guide, "Service-specific endpoints". */
static const char *environment_url(enum sg_aws_service service)
{
    const char *url = getenv(services[service].variable);

    if (url == NULL || url[0] == '\0')
        url = getenv("AWS_ENDPOINT_URL");
    return url == NULL || url[0] == '\0' ? NULL : url;
}

static int write_iam_url(struct sg_endpoint_place *place, const struct sg_endpoint_options *options,
                         const struct partition *partition, struct sg_problems *problems)
{
    const char *host =
        partition->iam_hosts[(options->fips ? 1 : 0) + (options->dual_stack ? 2 : 0)];

    if (host == NULL) {
        sg_problem(problems, NULL, 0,
                   "IAM in partition %s has no %s%s%s endpoint that is known here: set endpoint",
                   partition->it.partition, options->fips ? "FIPS" : "",
                   options->fips && options->dual_stack ? " and " : "",
                   options->dual_stack ? "dual-stack" : "");
        return SG_E_INVALID;
    }
    (void)snprintf(place->url, sizeof place->url, "https://%s/", host);
    return SG_OK;
}

static void write_regional_url(struct sg_endpoint_place *place,
                               const struct sg_endpoint_options *options,
                               const struct partition *partition)
{
    const bool marked = options->fips && (!partition->plain_fips || options->dual_stack);

    (void)snprintf(place->url, sizeof place->url, "https://%s%s.%s.%s/",
                   services[options->service].word, marked ? "-fips" : "", place->region,
                   options->dual_stack ? partition->dual_suffix : partition->suffix);
}

static int take_url(struct sg_endpoint_place *place, const char *url, struct sg_problems *problems)
{
    if (!sg_http_url_allowed(url, problems))
        return SG_E_INVALID;
    if (sg_text_copy(place->url, sizeof place->url, sg_text_of(url)))
        return SG_OK;
    sg_problem(problems, NULL, 0, "an endpoint's URL is longer than %zu bytes",
               sizeof place->url - 1);
    return SG_E_INVALID;
}

/* SG_OK and no URL: nothing says any. */
static int take_configured(struct sg_endpoint_place *place,
                           const struct sg_endpoint_options *options, struct sg_problems *problems)
{
    char *of_profile = NULL;
    bool ignored = false;
    int error =
        sg_profile_endpoint(&of_profile, &ignored, options->profile, options->service, problems);
    const char *url = ignored ? NULL : environment_url(options->service);

    if (error == SG_OK && url == NULL)
        url = of_profile;
    if (error == SG_OK && url != NULL)
        error = take_url(place, url, problems);
    free(of_profile);
    return error;
}

int sg_endpoint_place(struct sg_endpoint_place *place, const struct sg_endpoint_options *options,
                      struct sg_problems *problems)
{
    const char *name = options->partition == NULL ? "aws" : options->partition;
    const struct partition *partition = find(sg_text_of(name));

    *place = (struct sg_endpoint_place){.url = ""};
    if (choose_region(place, options, partition, problems) != SG_OK)
        return SG_E_INVALID;
    if (options->endpoint != NULL)
        return take_url(place, options->endpoint, problems);
    if (options->environment) {
        const int error = take_configured(place, options, problems);
        if (error != SG_OK || place->url[0] != '\0')
            return error;
    }
    if (partition == NULL) {
        sg_problem(problems, NULL, 0, "partition %s is not known here: set endpoint", name);
        return SG_E_INVALID;
    }
    if (options->service == SG_AWS_IAM)
        return write_iam_url(place, options, partition, problems);
    write_regional_url(place, options, partition);
    return SG_OK;
}
