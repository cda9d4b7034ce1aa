/*
 * sts_hosts.c - the table behind sts_hosts.h, from botocore's partitions and endpoint rule sets.
 * Names are put together here and compared whole: nothing of what is looked up is ever kept.
 */
#include "credential/sts_hosts.h"

#include <stdio.h>

struct partition {
    const char *name, *suffix, *dual_suffix; /* dual: NULL where there is none */
    const char *regions[40];                 /* NULL ends them */
};

/* As in botocore's partitions.json; the regions as of November 2026. */
static const struct partition partitions[] = {
    {"aws",
     "amazonaws.com",
     "api.aws",
     {"us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",      "ca-central-1",
      "ca-west-1",      "mx-central-1",   "sa-east-1",      "eu-central-1",   "eu-central-2",
      "eu-north-1",     "eu-south-1",     "eu-south-2",     "eu-west-1",      "eu-west-2",
      "eu-west-3",      "il-central-1",   "me-central-1",   "me-south-1",     "af-south-1",
      "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
      "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
      "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"}},
    {"aws-cn",
     "amazonaws.com.cn",
     "api.amazonwebservices.com.cn",
     {"cn-north-1", "cn-northwest-1"}},
    {"aws-us-gov", "amazonaws.com", "api.aws", {"us-gov-east-1", "us-gov-west-1"}},
    {"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", {"eusc-de-east-1"}},
    {"aws-iso", "c2s.ic.gov", NULL, {"us-iso-east-1", "us-iso-west-1"}},
    {"aws-iso-b", "sc2s.sgov.gov", NULL, {"us-isob-east-1", "us-isob-west-1"}},
    {"aws-iso-e", "cloud.adc-e.uk", NULL, {"eu-isoe-west-1"}},
    {"aws-iso-f", "csp.hci.ic.gov", NULL, {"us-isof-east-1", "us-isof-south-1"}},
};

/* sts-fips stands beside sts in these only; GovCloud's plain names are FIPS already. */
static const char *const fips_regions[] = {"us-east-1", "us-east-2", "us-west-1", "us-west-2"};

struct fixed {
    const char *partition, *name, *region;
};

/* IAM is global: one name a partition, in aws also FIPS and dual-stack ones. */
static const struct fixed iam_hosts[] = {
    {"aws", "iam.amazonaws.com", "us-east-1"},
    {"aws", "iam-fips.amazonaws.com", "us-east-1"},
    {"aws", "iam.global.api.aws", "us-east-1"},
    {"aws-cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"aws-us-gov", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"aws-eusc", "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
    {"aws-iso", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {"aws-iso-b", "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
    {"aws-iso-e", "iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"},
    {"aws-iso-f", "iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"},
};

/* The one name of STS without a region: aws only, signed for us-east-1. */
static const struct fixed global_sts = {"aws", "sts.amazonaws.com", "us-east-1"};

static bool fill(struct sg_aws_host *host, const char *partition, struct sg_text name,
                 const char *region)
{
    host->partition = partition;
    return sg_text_copy(host->name, sizeof(host->name), name) &&
           sg_text_copy(host->region, sizeof(host->region), sg_text_of(region));
}

static bool has_fips(const struct partition *partition, const char *region)
{
    for (size_t i = 0; i < sizeof(fips_regions) / sizeof(fips_regions[0]); i++) {
        if (strcmp(partition->name, "aws") == 0 && strcmp(region, fips_regions[i]) == 0)
            return true;
    }
    return false;
}

/* The table's own spelling of `region`, or NULL. */
static const char *region_of(const struct partition *partition, struct sg_text region)
{
    for (size_t i = 0; partition->regions[i] != NULL; i++) {
        if (sg_text_equal(sg_text_of(partition->regions[i]), region))
            return partition->regions[i];
    }
    return NULL;
}

/* sts.REGION.SUFFIX and sts-fips.REGION.SUFFIX, each part as it stands in the table. */
static bool find_regional(struct sg_aws_host *host, struct sg_text name)
{
    struct sg_text service, region, rest = name;

    if (!sg_text_cut(&service, &rest, '.') || !sg_text_cut(&region, &rest, '.'))
        return false;
    const bool fips = sg_text_equal(service, SG_TEXT("sts-fips"));
    if (!fips && !sg_text_equal(service, SG_TEXT("sts")))
        return false;
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        const struct partition *partition = &partitions[i];
        const char *own = region_of(partition, region);

        if (own == NULL || (fips && !has_fips(partition, own)))
            continue;
        return (sg_text_equal(rest, sg_text_of(partition->suffix)) ||
                (partition->dual_suffix != NULL &&
                 sg_text_equal(rest, sg_text_of(partition->dual_suffix)))) &&
               fill(host, partition->name, name, own);
    }
    return false;
}

static bool find_fixed(struct sg_aws_host *host, struct sg_text name, const struct fixed *table,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sg_text_equal(sg_text_of(table[i].name), name))
            return fill(host, table[i].partition, name, table[i].region);
    }
    return false;
}

bool sg_aws_host_find(struct sg_aws_host *host, enum sg_signed_service service, struct sg_text name)
{
    bool found = false;

    *host = (struct sg_aws_host){0};
    switch (service) {
    case SG_SIGNED_STS:
        found = find_fixed(host, name, &global_sts, 1) || find_regional(host, name);
        break;
    case SG_SIGNED_IAM:
        found = find_fixed(host, name, iam_hosts, sizeof(iam_hosts) / sizeof(iam_hosts[0]));
        break;
    }
    if (!found)
        *host = (struct sg_aws_host){0};
    return found;
}

bool sg_aws_host_of(struct sg_aws_host *host, enum sg_signed_service service,
                    struct sg_text partition, struct sg_text region)
{
    char name[sizeof(host->name)];
    int length;

    *host = (struct sg_aws_host){0};
    for (size_t i = 0; service == SG_SIGNED_IAM && i < sizeof(iam_hosts) / sizeof(iam_hosts[0]);
         i++) {
        if (sg_text_equal(sg_text_of(iam_hosts[i].partition), partition))
            return fill(host, iam_hosts[i].partition, sg_text_of(iam_hosts[i].name),
                        iam_hosts[i].region);
    }
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        const char *own = region_of(&partitions[i], region);

        if (service != SG_SIGNED_STS || own == NULL ||
            !sg_text_equal(sg_text_of(partitions[i].name), partition))
            continue;
        length = snprintf(name, sizeof(name), "sts.%s.%s", own, partitions[i].suffix);
        return length > 0 && (size_t)length < sizeof(name) &&
               fill(host, partitions[i].name, sg_text_of(name), own);
    }
    return false;
}
