/*
 * test_caller_recorded.c - tokens that real signers made, byte for byte, at the instant at which
 * they were made (tests/data/caller_identity): each is taken, as it is and in the other form; and
 * every change to it is refused offline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/encoding.h"
#include "credential/caller_identity.h"
#include "identity_maker.h"
#include "identity_mutations.h"

#include <stdio.h>

#define MUTATIONS_LEAST 60
#define PREFIX          "k8s-aws-v1."
/* Both signers signed the same: each is a check of the other. */
#define SIGNATURE "c875aea52df08582c1fb2166b87a5a57ec6dbf3f374a74dc551bb175b6b4e6f0"

static struct identity_service with;
static struct sg_caller_identity identity;

static int set_up(void **state)
{
    (void)state;
    identity_service_init(&with);
    return 0;
}

/* The first line of a file of tests/data/caller_identity. */
static void recorded(char *line, size_t size, const char *name)
{
    const char *source = getenv("SG_SRCDIR");
    char path[512];

    (void)snprintf(path, sizeof path, "%s/tests/data/caller_identity/%s",
                   source == NULL ? "." : source, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: cannot be read", path);
    assert_non_null(fgets(line, (int)size, file));
    (void)fclose(file);
    line[strcspn(line, "\n")] = '\0';
}

static enum stsgate_reason read_after(const char *credential, int64_t ms)
{
    return sg_identity_read(&identity, sg_text_of(credential), &with.service, ID_DATE_MS + ms);
}

static void assert_taken(const char *credential)
{
    assert_true(sg_identity_presented(sg_text_of(credential)));
    assert_int_equal(read_after(credential, 0), STSGATE_REASON_NONE);
    assert_true(sg_text_equal(identity.sts.access_key_id, SG_TEXT(ID_KEY)));
    assert_true(sg_text_equal(identity.sts.token, SG_TEXT(ID_TOKEN)));
    assert_true(sg_text_equal(identity.sts.signature, SG_TEXT(SIGNATURE)));
    assert_true(sg_text_equal(identity.sts.signed_headers, SG_TEXT("host;x-k8s-aws-id")));
    assert_int_equal(identity.sts.date_ms, ID_DATE_MS);
    sg_identity_wipe(&identity);
    assert_int_equal(read_after(credential, SG_IDENTITY_LIFE_MS + 1000), STSGATE_REASON_EXPIRED);
    sg_identity_wipe(&identity);
}

/* The URL with the signature that the mutations look for: offline, none is better than another. */
static char *changeable(const char *url)
{
    return identity_changed(url, SIGNATURE, ID_SIGNATURE);
}

static void assert_each_change_is_refused(const char *url, char *(*make)(const char *))
{
    char *of = changeable(url);
    unsigned applied = 0;

    for (size_t i = 0; i < identity_url_mutation_count; i++) {
        const struct identity_mutation *mutation = &identity_url_mutations[i];

        if (strstr(of, mutation->find) == NULL)
            continue; /* another signer's order */
        char *changed = identity_changed(of, mutation->find, mutation->with);
        char *credential = make(changed);
        const enum stsgate_reason reason = read_after(credential, 0);

        if (reason != mutation->reason)
            print_error("%s: %s\n", mutation->name, stsgate_reason_word(reason));
        assert_int_equal(reason, mutation->reason);
        sg_identity_wipe(&identity);
        free(credential);
        free(changed);
        applied++;
    }
    assert_in_range(applied, MUTATIONS_LEAST, identity_url_mutation_count);
    free(of);
}

static char *bare(const char *url)
{
    return identity_changed(url, "", "");
}

static void url_of_the_javascript_signer_is_taken_in_both_forms(void **state)
{
    char url[2048];

    (void)state;
    recorded(url, sizeof url, "smithy-signature-v4.url");
    assert_taken(url);
    char *token = identity_token_of(url);
    assert_taken(token);
    free(token);
}

static void each_change_to_the_javascript_signers_is_refused(void **state)
{
    char url[2048];

    (void)state;
    recorded(url, sizeof url, "smithy-signature-v4.url");
    assert_each_change_is_refused(url, identity_token_of);
    assert_each_change_is_refused(url, bare);
}

/* The URL inside of a token of `aws eks get-token`. */
static void eks_url(char *url, size_t size)
{
    struct sg_text encoded;
    char token[4096];
    size_t length;

    recorded(token, sizeof token, "aws-eks-get-token.token");
    assert_taken(token);
    encoded = sg_text_of(token + sizeof(PREFIX) - 1);
    assert_true(encoded.length < size);
    assert_true(sg_base64url_decode((unsigned char *)url, size - 1, &length, encoded));
    url[length] = '\0';
}

static void token_of_aws_eks_get_token_is_taken_in_both_forms(void **state)
{
    char url[4096];

    (void)state;
    eks_url(url, sizeof url);
    assert_taken(url);
}

static void each_change_to_aws_eks_get_tokens_is_refused(void **state)
{
    char url[4096];

    (void)state;
    eks_url(url, sizeof url);
    assert_each_change_is_refused(url, identity_token_of);
    assert_each_change_is_refused(url, bare);
}

/* What stands around the URL. */
static void token_is_of_one_spelling(void **state)
{
    char token[4096], changed[4200];
    const char *const around[][2] = {{"", "="}, {"", "\n"},  {" ", ""}, {"", "."},
                                     {"", "A"}, {"", "%3D"}, {"x", ""}};

    (void)state;
    recorded(token, sizeof token, "aws-eks-get-token.token");
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        (void)snprintf(changed, sizeof changed, "%s%s%s", around[i][0], token, around[i][1]);
        assert_int_equal(read_after(changed, 0), STSGATE_REASON_MALFORMED);
        sg_identity_wipe(&identity);
    }
    (void)snprintf(changed, sizeof changed, "%s", token);
    memcpy(changed, "K8S", 3);
    assert_int_equal(read_after(changed, 0), STSGATE_REASON_MALFORMED);
    sg_identity_wipe(&identity);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(url_of_the_javascript_signer_is_taken_in_both_forms),
        TEST(each_change_to_the_javascript_signers_is_refused),
        TEST(token_of_aws_eks_get_token_is_taken_in_both_forms),
        TEST(each_change_to_aws_eks_get_tokens_is_refused),
        TEST(token_is_of_one_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
