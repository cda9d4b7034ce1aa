/*
 * test_endpoints.c - where each service is asked, partition by partition; what the environment may
 * say about it, and when.
 */
#include "aws/endpoints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLAIN, FIPS, DUAL, BOTH };

static int ask(struct sg_endpoint_place *place, enum sg_aws_service service, const char *partition,
               const char *region, int kind)
{
    const struct sg_endpoint_options options = {.service = service,
                                                .partition = partition,
                                                .region = region,
                                                .fips = kind == FIPS || kind == BOTH,
                                                .dual_stack = kind == DUAL || kind == BOTH};

    return sg_endpoint_place(place, &options, NULL);
}

static void iam_is_one_host_a_partition(void **state)
{
    static const struct {
        const char *partition, *region, *hosts[4];
    } cases[] = {
        {"aws",
         "us-east-1",
         {"iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws",
          "iam-fips.global.api.aws"}},
        {"aws-cn",
         "cn-north-1",
         {"iam.cn-north-1.amazonaws.com.cn", "iam-fips.amazonaws.com.cn",
          "iam.global.api.amazonwebservices.com.cn", NULL}},
        {"aws-us-gov",
         "us-gov-west-1",
         {"iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws",
          "iam.us-gov.api.aws"}},
        {"aws-eusc",
         "eusc-de-east-1",
         {"iam.eusc-de-east-1.amazonaws.eu", "iam-fips.amazonaws.eu",
          "iam.global.api.amazonwebservices.eu", NULL}},
        {"aws-iso", "us-iso-east-1", {"iam.us-iso-east-1.c2s.ic.gov"}},
        {"aws-iso-b", "us-isob-east-1", {"iam.us-isob-east-1.sc2s.sgov.gov"}},
        {"aws-iso-e", "eu-isoe-west-1", {"iam.eu-isoe-west-1.cloud.adc-e.uk"}},
        {"aws-iso-f", "us-isof-south-1", {"iam.us-isof-south-1.csp.hci.ic.gov"}},
    };
    struct sg_endpoint_place place;
    char url[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int kind = PLAIN; kind <= BOTH; kind++) {
            const char *host = cases[i].hosts[kind];
            const int error = ask(&place, SG_AWS_IAM, cases[i].partition, NULL, kind);
            assert_int_equal(error, host == NULL ? SG_E_INVALID : SG_OK);
            if (host == NULL)
                continue;
            (void)snprintf(url, sizeof url, "https://%s/", host);
            assert_string_equal(place.url, url);
            assert_string_equal(place.region, cases[i].region);
        }
    }
}

/* As botocore's rule sets of STS and SQS have them. */
static void sts_and_sqs_are_a_host_in_each_region(void **state)
{
    static const struct {
        const char *partition, *region;
        int kind;
        const char *rest;
    } cases[] = {
        {"aws", "eu-west-1", PLAIN, ".eu-west-1.amazonaws.com/"},
        {"aws", "eu-west-1", FIPS, "-fips.eu-west-1.amazonaws.com/"},
        {"aws", "eu-west-1", DUAL, ".eu-west-1.api.aws/"},
        {"aws", "eu-west-1", BOTH, "-fips.eu-west-1.api.aws/"},
        {"aws-cn", "cn-northwest-1", PLAIN, ".cn-northwest-1.amazonaws.com.cn/"},
        {"aws-cn", "cn-northwest-1", DUAL, ".cn-northwest-1.api.amazonwebservices.com.cn/"},
        {"aws-us-gov", "us-gov-east-1", PLAIN, ".us-gov-east-1.amazonaws.com/"},
        {"aws-us-gov", "us-gov-east-1", FIPS, ".us-gov-east-1.amazonaws.com/"},
        {"aws-us-gov", "us-gov-east-1", DUAL, ".us-gov-east-1.api.aws/"},
        {"aws-us-gov", "us-gov-east-1", BOTH, "-fips.us-gov-east-1.api.aws/"},
        {"aws-eusc", "eusc-de-east-1", PLAIN, ".eusc-de-east-1.amazonaws.eu/"},
        {"aws-iso", "us-iso-west-1", PLAIN, ".us-iso-west-1.c2s.ic.gov/"},
        {"aws-iso-b", "us-isob-west-1", FIPS, "-fips.us-isob-west-1.sc2s.sgov.gov/"},
        {"aws-iso-e", "eu-isoe-west-1", DUAL, ".eu-isoe-west-1.api.cloud-aws.adc-e.uk/"},
        {"aws-iso-f", "us-isof-east-1", PLAIN, ".us-isof-east-1.csp.hci.ic.gov/"},
    };
    struct sg_endpoint_place place;
    char url[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int sqs = 0; sqs < 2; sqs++) {
            assert_int_equal(ask(&place, sqs ? SG_AWS_SQS : SG_AWS_STS, cases[i].partition,
                                 cases[i].region, cases[i].kind),
                             SG_OK);
            (void)snprintf(url, sizeof url, "https://%s%s", sqs ? "sqs" : "sts", cases[i].rest);
            assert_string_equal(place.url, url);
            assert_string_equal(place.region, cases[i].region);
        }
    }
}

static void unknown_partition_needs_endpoint_and_region(void **state)
{
    struct sg_endpoint_options options = {.service = SG_AWS_IAM, .partition = "aws-moon"};
    struct sg_endpoint_place place;
    struct sg_problems problems = {0};

    (void)state;
    assert_int_equal(sg_endpoint_place(&place, &options, &problems), SG_E_INVALID);
    options.endpoint = "https://iam.example.com/";
    assert_int_equal(sg_endpoint_place(&place, &options, &problems), SG_E_INVALID);
    assert_int_equal(problems.count, 2);
    options.region = "moon-1";
    assert_int_equal(sg_endpoint_place(&place, &options, &problems), SG_OK);
    assert_string_equal(place.url, "https://iam.example.com/");
    assert_string_equal(place.region, "moon-1");
    options.endpoint = NULL;
    assert_int_equal(sg_endpoint_place(&place, &options, &problems), SG_E_INVALID);
    sg_problems_clear(&problems);
}

static void region_can_lead_to_no_other_host(void **state)
{
    static const char *const regions[] = {
        "us-east-1.example.com/",
        "us-east-1/",
        "US-EAST-1",
        "",
        "-x",
        "us east 1",
        "a@b",
        "a\nb",
        "us-east-1-but-much-longer-than-any-region-that-was-ever-named"};
    struct sg_endpoint_place place;

    (void)state;
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++)
        assert_int_equal(ask(&place, SG_AWS_STS, "aws", regions[i], PLAIN), SG_E_INVALID);
}

static void environment_counts_only_when_it_is_let(void **state)
{
    struct sg_endpoint_options options = {.service = SG_AWS_STS};
    struct sg_endpoint_place place;

    (void)state;
    (void)setenv("AWS_ENDPOINT_URL", "https://all.example.com/", 1);
    (void)setenv("AWS_ENDPOINT_URL_STS", "https://sts.example.com/", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://sts.us-east-1.amazonaws.com/");
    options.environment = true;
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://sts.example.com/");
    options.service = SG_AWS_IAM;
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://all.example.com/");
    assert_string_equal(place.region, "us-east-1");
    options.endpoint = "https://ours.example.com/";
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://ours.example.com/");
    options.endpoint = NULL;
    (void)setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_OK);
    assert_string_equal(place.url, "https://iam.amazonaws.com/");
    (void)unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    (void)setenv("AWS_ENDPOINT_URL", "http://all.example.com/", 1);
    assert_int_equal(sg_endpoint_place(&place, &options, NULL), SG_E_INVALID);
    (void)unsetenv("AWS_ENDPOINT_URL");
    (void)unsetenv("AWS_ENDPOINT_URL_STS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iam_is_one_host_a_partition),
        cmocka_unit_test(sts_and_sqs_are_a_host_in_each_region),
        cmocka_unit_test(unknown_partition_needs_endpoint_and_region),
        cmocka_unit_test(region_can_lead_to_no_other_host),
        cmocka_unit_test(environment_counts_only_when_it_is_let),
    };

    (void)unsetenv("AWS_REGION");
    (void)unsetenv("AWS_DEFAULT_REGION");
    (void)setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
