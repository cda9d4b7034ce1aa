/*
 * test_caller_identity.c - signed GetCallerIdentity requests, offline: what each SDK makes is taken
 * apart, and whatever was changed in it is refused before anybody is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "credential/caller_identity.h"
#include "identity_maker.h"
#include "identity_mutations.h"

#define NOW_MS    (ID_DATE_MS + 30000)
#define OK        STSGATE_REASON_NONE
#define MALFORMED STSGATE_REASON_MALFORMED

static struct identity_service with;
static struct sg_caller_identity identity;

static int set_up(void **state)
{
    (void)state;
    identity_service_init(&with);
    return 0;
}

static enum stsgate_reason read_at(const char *credential, int64_t now_ms)
{
    return sg_identity_read(&identity, sg_text_of(credential), &with.service, now_ms);
}

/* And frees it. */
static void expect(char *credential, enum stsgate_reason reason)
{
    const enum stsgate_reason found = read_at(credential, NOW_MS);

    if (found != reason)
        print_error("%s: %s\n", stsgate_reason_word(found),
                    identity.why == NULL ? "" : identity.why);
    assert_int_equal(found, reason);
    if (reason != OK)
        assert_non_null(identity.why);
    free(credential);
    sg_identity_wipe(&identity);
}

static char *post(void)
{
    return identity_post_of(ID_POST_URL, ID_POST_BODY, identity_headers);
}

static char *companion_of(const char *url, const char *headers, const char *body)
{
    char *all = identity_headers_with("POST", url, headers, body);
    char *credential = identity_post_of(ID_POST_URL, ID_POST_BODY, all);

    free(all);
    return credential;
}

static char *companion(void)
{
    return companion_of(ID_COMPANION_URL, identity_companion_headers, ID_COMPANION_BODY);
}

/* ---- what is taken ---- */

static void token_of_the_aws_cli_is_taken_apart(void **state)
{
    char *token = identity_token_of(identity_url);

    (void)state;
    assert_int_equal(read_at(token, NOW_MS), OK);
    assert_ptr_equal(identity.issuer, &with.issuer);
    assert_string_equal(identity.account, ID_ACCOUNT);
    assert_false(identity.sts.post);
    assert_string_equal(identity.sts.host.name, "sts.us-east-1.amazonaws.com");
    assert_true(sg_text_equal(identity.sts.token, SG_TEXT(ID_TOKEN)));
    assert_int_equal(identity.sts.date_ms, ID_DATE_MS);
    free(token);
}

static void bare_url_is_the_same_credential(void **state)
{
    struct sg_buffer one = {0}, other = {0};
    char *token = identity_token_of(identity_url);

    (void)state;
    assert_int_equal(read_at(token, NOW_MS), OK);
    assert_true(sg_identity_pack(&one, &identity));
    assert_int_equal(read_at(identity_url, NOW_MS), OK);
    assert_true(sg_identity_pack(&other, &identity));
    assert_true(sg_text_equal(sg_buffer_text(&one), sg_buffer_text(&other)));
    sg_buffer_wipe(&one);
    sg_buffer_wipe(&other);
    free(token);
}

/* ID_KEY as one of a user's own, in both forms, without a token. */
static char *long_term_url(void)
{
    char *key = identity_changed(identity_url, "ASIA", "AKIA");
    char *url = identity_changed(key, "&X-Amz-Security-Token=" ID_TOKEN_URL, "");

    free(key);
    return url;
}

static void long_term_key_is_its_own_reason(void **state)
{
    (void)state;
    expect(long_term_url(), STSGATE_REASON_LONG_TERM_KEY);
    expect(identity_changed(identity_url, "ASIA", "AKIA"), STSGATE_REASON_LONG_TERM_KEY);
}

static void long_term_key_has_no_token_where_it_is_allowed(void **state)
{
    (void)state;
    with.issuer.allow_long_term = true;
    expect(long_term_url(), OK);
    expect(identity_changed(identity_url, "ASIA", "AKIA"), MALFORMED);
}

static void session_without_its_token_is_refused_where_long_term_keys_are_not(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        with.issuer.allow_long_term = i == 1;
        expect(identity_changed(identity_url, "&X-Amz-Security-Token=" ID_TOKEN_URL, ""),
               MALFORMED);
        expect(identity_changed(identity_url, "&X-Amz-Security-Token=" ID_TOKEN_URL,
                                "&X-Amz-Security-Token="),
               MALFORMED);
    }
}

static void order_of_parameters_is_the_signers(void **state)
{
    (void)state;
    expect(identity_changed(identity_url, "?Action=GetCallerIdentity&Version=2011-06-15",
                            "?Version=2011-06-15&Action=GetCallerIdentity"),
           OK);
}

static void post_of_vault_is_taken_apart(void **state)
{
    (void)state;
    expect(post(), OK);
    expect(identity_post_of("https://sts.us-east-1.amazonaws.com",
                            "Version=2011-06-15&Action=GetCallerIdentity", identity_headers),
           OK);
}

static void companion_of_consul_is_taken_apart(void **state)
{
    char *credential = companion();

    (void)state;
    assert_int_equal(read_at(credential, NOW_MS), OK);
    assert_true(identity.has_companion);
    assert_true(sg_text_equal(identity.companion.role_name, SG_TEXT("payments-writer")));
    assert_string_equal(identity.companion.host.name, "iam.amazonaws.com");
    free(credential);
}

static void hosts_are_those_of_the_partition(void **state)
{
    static const char *const good[] = {
        "sts.us-east-1.amazonaws.com", "sts-fips.us-east-1.amazonaws.com",
        "sts.us-east-1.api.aws",       "sts-fips.us-east-1.api.aws",
        "sts.amazonaws.com",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        expect(identity_changed(identity_url, "sts.us-east-1.amazonaws.com", good[i]), OK);
}

static void each_partition_has_hosts(void **state)
{
    static const char *const hosts[][3] = {
        {"aws", "sts.ap-southeast-7.api.aws", "ap-southeast-7"},
        {"aws-cn", "sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"aws-cn", "sts.cn-northwest-1.api.amazonwebservices.com.cn", "cn-northwest-1"},
        {"aws-us-gov", "sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
        {"aws-eusc", "sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
        {"aws-iso", "sts.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
        {"aws-iso-b", "sts.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
        {"aws-iso-e", "sts.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"},
        {"aws-iso-f", "sts.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"},
    };
    struct sg_aws_host host;

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        assert_true(sg_aws_host_find(&host, SG_SIGNED_STS, sg_text_of(hosts[i][1])));
        assert_string_equal(host.partition, hosts[i][0]);
        assert_string_equal(host.name, hosts[i][1]);
        assert_string_equal(host.region, hosts[i][2]);
        assert_false(sg_aws_host_find(&host, SG_SIGNED_IAM, sg_text_of(hosts[i][1])));
        assert_string_equal(host.name, "");
    }
}

static void account_is_that_of_the_access_key_id(void **state)
{
    char account[13];

    (void)state;
    assert_true(sg_identity_account(account, SG_TEXT("ASIAQNZGKIQY56JQ7WML")));
    assert_string_equal(account, "029608264753");
    assert_true(sg_identity_account(account, SG_TEXT(ID_KEY)));
    assert_string_equal(account, ID_ACCOUNT);
    assert_true(sg_identity_account(account, SG_TEXT("AKIAQNZGKIQY56JQ7WML")));
    assert_string_equal(account, "029608264753");
    assert_true(sg_identity_long_term(SG_TEXT("AKIAQNZGKIQY56JQ7WML")));
    assert_false(sg_identity_long_term(SG_TEXT("ASIAQNZGKIQY56JQ7WML")));
    /* Ids of before 2019 encode none. */
    assert_false(sg_identity_account(account, SG_TEXT("ASIAIOSFODNN7EXAMPLE")));
    assert_string_equal(account, "");
    assert_false(sg_identity_account(account, SG_TEXT("AROAQNZGKIQY56JQ7WML")));
    assert_false(sg_identity_account(account, SG_TEXT("ASIAQNZGKIQY56JQ7WM")));
    assert_false(sg_identity_account(account, SG_TEXT("ASIAQNZGKIQY56JQ7WMLA")));
    assert_false(sg_identity_account(account, SG_TEXT("ASIAQNZGKIQY56JQ7WM1")));
    assert_false(sg_identity_account(account, SG_TEXT("asiaqnzgkiqy56jq7wml")));
    assert_false(sg_identity_account(account, SG_TEXT("ASIA7777777777777777")));
}

/* ---- mutations ---- */

static void run(const struct identity_mutation *mutations, size_t count, const char *of,
                char *(*make)(const char *changed))
{
    for (size_t i = 0; i < count; i++) {
        char *changed = identity_changed(of, mutations[i].find, mutations[i].with);
        char *credential = make(changed);
        const enum stsgate_reason reason = read_at(credential, NOW_MS);

        if (reason != mutations[i].reason)
            print_error("%s: %s\n", mutations[i].name, stsgate_reason_word(reason));
        assert_int_equal(reason, mutations[i].reason);
        free(changed);
        free(credential);
    }
}

#define RUN(table, of, make) run(table, sizeof(table) / sizeof((table)[0]), of, make)

static void every_mutation_of_a_presigned_url_is_refused(void **state)
{
    (void)state;
    run(identity_url_mutations, identity_url_mutation_count, identity_url, identity_token_of);
}

static char *same(const char *text)
{
    return identity_changed(text, "", "");
}

/* The same, presented bare; one that is no https URL any more is taken for a JWT by the gate. */
static void every_mutation_of_a_bare_url_is_refused(void **state)
{
    (void)state;
    run(identity_url_mutations, identity_url_mutation_count, identity_url, same);
}

static const struct identity_mutation of_headers[] = {
    {"Authorization dropped", "\"Authorization\":", "\"X-Authorization\":", MALFORMED},
    {"Authorization doubled", "{", "{\"authorization\":\"x\",", MALFORMED},
    {"another algorithm", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", MALFORMED},
    {"another service", "/sts/", "/iam/", MALFORMED},
    {"another region", "/us-east-1/", "/us-east-2/", MALFORMED},
    {"another day", "/20261124/", "/20261125/", MALFORMED},
    {"a key of another account", ID_KEY, ID_FOREIGN, STSGATE_REASON_UNKNOWN_ISSUER},
    {"a long-term key", ID_KEY, "AKIARZPUZDIKFJKRENE2", STSGATE_REASON_LONG_TERM_KEY},
    {"a second Credential", "Credential=", "Credential=x, Credential=", MALFORMED},
    {"something behind the signature", ID_SIGNATURE "\"", ID_SIGNATURE ", x=y\"", MALFORMED},
    {"host not signed", "host;", "", MALFORMED},
    {"date not signed", "x-amz-date;", "", MALFORMED},
    {"token not signed", "x-amz-security-token;", "", MALFORMED},
    {"binding not signed", ";x-k8s-aws-id", "", STSGATE_REASON_WRONG_AUDIENCE},
    {"a signed header that is not there", "content-type;", "accept;content-type;", MALFORMED},
    {"a signed header that is not expected", "host;", "host;user-agent;", MALFORMED},
    {"date dropped", "\"X-Amz-Date\"", "\"X-Date\"", MALFORMED},
    {"date doubled", "{", "{\"x-amz-date\":\"" ID_DATE "\",", MALFORMED},
    {"date twice in an array", "[\"" ID_DATE "\"]", "[\"" ID_DATE "\",\"" ID_DATE "\"]", MALFORMED},
    {"date in an array in an array", "[\"" ID_DATE "\"]", "[[\"" ID_DATE "\"]]", MALFORMED},
    {"date in an empty array", "[\"" ID_DATE "\"]", "[]", MALFORMED},
    {"date as a number", "[\"" ID_DATE "\"]", "20261124", MALFORMED},
    {"date as null", "[\"" ID_DATE "\"]", "null", MALFORMED},
    {"token dropped", "\"X-Amz-Security-Token\":\"" ID_TOKEN "\",", "", MALFORMED},
    {"token doubled", "{", "{\"X-Amz-Security-token\":\"x\",", MALFORMED},
    {"binding of another gateway", "\"" ID_BIND "\"", "\"other.example.com\"",
     STSGATE_REASON_WRONG_AUDIENCE},
    {"binding in another case", "\"" ID_BIND "\"", "\"Payments.example.com\"",
     STSGATE_REASON_WRONG_AUDIENCE},
    {"binding with a blank", "\"" ID_BIND "\"", "\"" ID_BIND " \"", MALFORMED},
    {"binding doubled", "{", "{\"x-k8s-aws-id\":\"" ID_BIND "\",", MALFORMED},
    {"binding by an escape", "\"X-K8s-Aws-Id\"", "\"X-K8s-Aws-\\u0049d\"", MALFORMED},
    {"another host", "{", "{\"Host\":\"sts.us-west-2.amazonaws.com\",", MALFORMED},
    {"another host in small letters", "{", "{\"host\":\"example.com\",", MALFORMED},
    {"another content type", "application/x-www-form-urlencoded; charset=utf-8", "application/json",
     MALFORMED},
    {"another length", "\"43\"", "\"44\"", MALFORMED},
    {"a header that overrides", "{", "{\"X-Http-Method-Override\":\"GET\",", MALFORMED},
    {"another AWS header", "{", "{\"X-Amz-Target\":\"x\",", MALFORMED},
    {"a hash of another body", "{", "{\"X-Amz-Content-Sha256\":\"" ID_SIGNATURE "\",", MALFORMED},
    {"a transfer encoding", "{", "{\"Transfer-Encoding\":\"chunked\",", MALFORMED},
    {"a line break in a value", "aws-sdk-go", "aws\\r\\nHost: x", MALFORMED},
    {"something behind the object", "\"}", "\"}{}", MALFORMED},
    {"not an object", "{", "[{", MALFORMED},
    {"part of a companion", "{", "{\"X-Stsgate-GetRole-Method\":\"POST\",", MALFORMED},
};

static char *post_with(const char *headers)
{
    return identity_post_of(ID_POST_URL, ID_POST_BODY, headers);
}

static void every_mutation_of_a_posts_headers_is_refused(void **state)
{
    (void)state;
    RUN(of_headers, identity_headers, post_with);
}

static void post_with_another_url_is_refused(void **state)
{
    static const char *const urls[] = {
        "https://example.com/",
        "http://sts.us-east-1.amazonaws.com/",
        "https://sts.us-east-1.amazonaws.com:443/",
        "https://sts.us-east-1.amazonaws.com/x",
        "https://sts.us-east-1.amazonaws.com//",
        "https://sts.us-east-1.amazonaws.com/?Action=GetUser",
        "https://sts.us-east-1.amazonaws.com#x",
        "https://u@sts.us-east-1.amazonaws.com/",
        "https://STS.us-east-1.amazonaws.com/",
        "https://sts.us-west-2.amazonaws.com/",
        "https://iam.amazonaws.com/",
        "https://",
        "sts.us-east-1.amazonaws.com",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        expect(identity_post_of(urls[i], ID_POST_BODY, identity_headers), MALFORMED);
}

static void post_with_another_body_is_refused(void **state)
{
    static const char *const bodies[] = {
        "Action=GetCallerIdentity",
        "Action=GetCallerIdentity&Version=2011-06-15&",
        "Action=GetCallerIdentity&Version=2011-06-15&Action=GetUser",
        "Action=GetCallerIdentity&action=GetUser&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2010-05-08",
        "Action=getcalleridentity&Version=2011-06-15",
        "%41ction=GetCallerIdentity&Version=2011-06-15",
        "Action=GetCallerIdentity;Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2011-06-15\n",
        " ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect(identity_post_of(ID_POST_URL, bodies[i], identity_headers), MALFORMED);
}

static void fields_are_base64_of_one_spelling(void **state)
{
    char *good = post();

    (void)state;
    expect(identity_changed(good, ".POST.", ".GET."), MALFORMED);
    expect(identity_changed(good, ".POST.", ".post."), MALFORMED);
    expect(identity_changed(good, ".POST.", "."), MALFORMED);
    expect(identity_changed(good, ".POST.", ".POST.."), MALFORMED);
    expect(identity_changed(good, "=", ""), MALFORMED);
    expect(identity_changed(good, "=", "=="), MALFORMED);
    expect(identity_changed(good, "sts-post-v1.", "sts-post-v1. "), MALFORMED);
    for (size_t length = strlen(good) - 1; length > 12; length -= 7) {
        good[length] = 0;
        assert_int_not_equal(read_at(good, NOW_MS), OK);
    }
    free(good);
}

/* ---- the companion ---- */

static const struct identity_mutation of_companion[] = {
    {"signed by another session", ID_KEY, ID_OTHER_KEY, MALFORMED},
    {"signed by another account", ID_KEY, ID_FOREIGN, MALFORMED},
    {"with another token", ID_TOKEN, "IQoJb3JpZ2luX2VjEXAMPLE/abc+dee==", MALFORMED},
    {"with a token that begins alike", ID_TOKEN, ID_TOKEN "AAAA", MALFORMED},
    {"without a token", "\"X-Amz-Security-Token\":\"" ID_TOKEN "\",", "", MALFORMED},
    {"bound to another gateway", "\"" ID_BIND "\"", "\"other.example.com\"",
     STSGATE_REASON_WRONG_AUDIENCE},
    {"not bound", ";x-k8s-aws-id", "", STSGATE_REASON_WRONG_AUDIENCE},
    {"of another service", "/iam/", "/sts/", MALFORMED},
    {"of another region", "/us-east-1/", "/eu-west-1/", MALFORMED},
    {"of another host", "\"iam.amazonaws.com\"", "\"iam.us-gov.amazonaws.com\"", MALFORMED},
    {"date not signed", "x-amz-date;", "", MALFORMED},
    {"token not signed", "x-amz-security-token;", "", MALFORMED},
    {"with a companion of its own", "{", "{\"X-Stsgate-GetRole-Method\":\"POST\",", MALFORMED},
    {"with a signed header more", "host;", "host;x-evil;", MALFORMED},
};

static char *with_companion_headers(const char *headers)
{
    return companion_of(ID_COMPANION_URL, headers, ID_COMPANION_BODY);
}

static void every_mutation_of_a_companion_is_refused(void **state)
{
    (void)state;
    RUN(of_companion, identity_companion_headers, with_companion_headers);
}

static void companion_of_another_call_is_refused(void **state)
{
    static const char *const bodies[] = {
        "Action=GetUser&RoleName=payments-writer&Version=2010-05-08",
        "Action=GetRole&Version=2010-05-08",
        "Action=GetRole&RoleName=&Version=2010-05-08",
        "Action=GetRole&RoleName=a&RoleName=b&Version=2010-05-08",
        "Action=GetRole&RoleName=a&RoleName=b",
        "Action=GetRole&RoleName=payments%2Dwriter&Version=2010-05-08",
        "Action=GetRole&RoleName=a+b&Version=2010-05-08",
        "Action=GetRole&RoleName=a/b&Version=2010-05-08",
        "Action=GetRole&RoleName=payments-writer&Version=2010-05-08&",
        "Action=GetRole&RoleName=payments-writer&Version=2010-05-08&X=y",
        "Action=GetRole&RoleName=payments-writer&Version=2011-06-15",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect(companion_of(ID_COMPANION_URL, identity_companion_headers, bodies[i]), MALFORMED);
    expect(
        companion_of("https://sts.amazonaws.com/", identity_companion_headers, ID_COMPANION_BODY),
        MALFORMED);
    expect(companion_of("https://iam.amazonaws.com/?Action=GetRole", identity_companion_headers,
                        ID_COMPANION_BODY),
           MALFORMED);
    expect(companion_of("https://iam.cn-north-1.amazonaws.com.cn/", identity_companion_headers,
                        ID_COMPANION_BODY),
           MALFORMED);
}

static void companion_that_is_not_signed_or_not_whole_is_refused(void **state)
{
    static const char *const names[] = {"x-stsgate-getrole-body;", "x-stsgate-getrole-headers;",
                                        "x-stsgate-getrole-method;", ";x-stsgate-getrole-url"};
    char *all = identity_headers_with("POST", ID_COMPANION_URL, identity_companion_headers,
                                      ID_COMPANION_BODY);
    char *part;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char *headers = identity_changed(all, names[i], "");
        expect(post_with(headers), MALFORMED);
        free(headers);
    }
    free(all);
    part = identity_headers_with("POST", NULL, identity_companion_headers, ID_COMPANION_BODY);
    expect(post_with(part), MALFORMED);
    free(part);
    part = identity_headers_with("GET", ID_COMPANION_URL, identity_companion_headers,
                                 ID_COMPANION_BODY);
    expect(post_with(part), MALFORMED);
    free(part);
    part = identity_headers_with(NULL, NULL, NULL, NULL);
    expect(post_with(part), MALFORMED);
    free(part);
}

/* ---- times, forms, issuers ---- */

static void dates_bound_a_request_both_ways(void **state)
{
    (void)state;
    assert_int_equal(read_at(identity_url, ID_DATE_MS - SG_IDENTITY_AHEAD_MS), OK);
    assert_int_equal(read_at(identity_url, ID_DATE_MS - SG_IDENTITY_AHEAD_MS - 1),
                     STSGATE_REASON_NOT_YET_VALID);
    assert_int_equal(read_at(identity_url, ID_DATE_MS + SG_IDENTITY_LIFE_MS - 1), OK);
    assert_int_equal(read_at(identity_url, ID_DATE_MS + SG_IDENTITY_LIFE_MS),
                     STSGATE_REASON_EXPIRED);
}

static void companion_has_a_date_of_its_own(void **state)
{
    char *other = identity_changed(identity_companion_headers, "\"X-Amz-Date\":\"" ID_DATE,
                                   "\"X-Amz-Date\":\"20261124T094500Z");

    (void)state;
    expect(with_companion_headers(other), STSGATE_REASON_EXPIRED);
    free(other);
}

static void form_that_the_issuer_does_not_take_is_refused(void **state)
{
    (void)state;
    with.issuer.forms = SG_FORM_COMPANION;
    expect(same(identity_url), MALFORMED);
    expect(post(), MALFORMED);
    expect(companion(), OK);
    with.issuer.forms = SG_FORM_URL;
    expect(same(identity_url), OK);
    expect(companion(), MALFORMED);
}

static void issuer_of_another_partition_is_not_its(void **state)
{
    (void)state;
    with.account.partition = "aws-cn";
    expect(same(identity_url), MALFORMED);
}

static void service_of_tokens_takes_no_signed_request(void **state)
{
    (void)state;
    with.issuer.kind = SG_ISSUER_JWT;
    expect(same(identity_url), STSGATE_REASON_UNKNOWN_ISSUER);
}

static void only_what_looks_like_one_is_one(void **state)
{
    (void)state;
    assert_true(sg_identity_presented(SG_TEXT("k8s-aws-v1.x")));
    assert_true(sg_identity_presented(SG_TEXT("https://x")));
    assert_true(sg_identity_presented(SG_TEXT("sts-post-v1.x")));
    assert_false(sg_identity_presented(SG_TEXT("eyJhbGciOiJFUzM4NCJ9.e30.AA")));
    assert_false(sg_identity_presented(SG_TEXT("k8s-aws-v2.x")));
    assert_false(sg_identity_presented(SG_TEXT("")));
}

static void longest_credential_is_read_and_no_longer(void **state)
{
    char *long_token = malloc(8000);
    char *url;

    (void)state;
    assert_non_null(long_token);
    memset(long_token, 'A', 5000);
    long_token[5000] = 0;
    url = identity_changed(identity_url, ID_TOKEN_URL, long_token);
    expect(url, MALFORMED); /* no session token is that long */
    long_token[4000] = 0;
    url = identity_changed(identity_url, ID_TOKEN_URL, long_token);
    expect(url, OK);
    free(long_token);
}

/* ---- packed for the agent ---- */

static void packed_request_is_the_same_unpacked(void **state)
{
    char *const credentials[] = {identity_token_of(identity_url), post(), companion()};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sg_buffer packed = {0}, again = {0};

        assert_int_equal(read_at(credentials[i], NOW_MS), OK);
        assert_true(sg_identity_pack(&packed, &identity));
        assert_int_equal(sg_identity_unpack(&identity, sg_buffer_text(&packed), &with.issuer), OK);
        assert_int_equal(identity.has_companion, i == 2);
        assert_true(sg_identity_pack(&again, &identity));
        assert_true(sg_text_equal(sg_buffer_text(&packed), sg_buffer_text(&again)));
        sg_buffer_wipe(&packed);
        sg_buffer_wipe(&again);
        free(credentials[i]);
    }
}

/* The socket is local, and what comes over it hostile. */
static void packed_request_cut_or_changed_is_refused(void **state)
{
    struct sg_buffer packed = {0};
    char *credential = companion();

    (void)state;
    assert_int_equal(read_at(credential, NOW_MS), OK);
    assert_true(sg_identity_pack(&packed, &identity));
    for (size_t length = 0; length < packed.length; length++)
        assert_int_not_equal(
            sg_identity_unpack(&identity, (struct sg_text){packed.data, length}, &with.issuer), OK);
    sg_buffer_add(&packed, "", 1);
    assert_int_not_equal(sg_identity_unpack(&identity, sg_buffer_text(&packed), &with.issuer), OK);
    packed.length--;
    char *host = memmem(packed.data, packed.length, "sts.us-east-1", 13);
    assert_non_null(host);
    memcpy(host, "evil.example.", 13);
    assert_int_not_equal(sg_identity_unpack(&identity, sg_buffer_text(&packed), &with.issuer), OK);
    sg_buffer_wipe(&packed);
    free(credential);
}

static void packed_request_of_another_issuer_is_refused(void **state)
{
    struct sg_buffer packed = {0};
    struct sg_issuer other = with.issuer;

    (void)state;
    assert_int_equal(read_at(identity_url, NOW_MS), OK);
    assert_true(sg_identity_pack(&packed, &identity));
    other.bind_header = "X-Other-Id";
    assert_int_equal(sg_identity_unpack(&identity, sg_buffer_text(&packed), &other),
                     STSGATE_REASON_WRONG_AUDIENCE);
    other = with.issuer;
    with.account.id = "210987654321";
    assert_int_equal(sg_identity_unpack(&identity, sg_buffer_text(&packed), &other), MALFORMED);
    sg_buffer_wipe(&packed);
}

static void nothing_of_a_secret_is_left(void **state)
{
    (void)state;
    memset(&identity, 0, sizeof(identity));
    assert_int_equal(read_at(identity_url, NOW_MS), OK);
    sg_identity_wipe(&identity);
    for (size_t i = 0; i + sizeof(ID_TOKEN) <= sizeof(identity.room); i++)
        assert_int_not_equal(memcmp(identity.room + i, ID_TOKEN, sizeof(ID_TOKEN) - 1), 0);
    assert_null(identity.sts.token.data);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_of_the_aws_cli_is_taken_apart),
        TEST(bare_url_is_the_same_credential),
        TEST(long_term_key_is_its_own_reason),
        TEST(long_term_key_has_no_token_where_it_is_allowed),
        TEST(session_without_its_token_is_refused_where_long_term_keys_are_not),
        TEST(order_of_parameters_is_the_signers),
        TEST(post_of_vault_is_taken_apart),
        TEST(companion_of_consul_is_taken_apart),
        TEST(hosts_are_those_of_the_partition),
        TEST(each_partition_has_hosts),
        TEST(account_is_that_of_the_access_key_id),
        TEST(every_mutation_of_a_presigned_url_is_refused),
        TEST(every_mutation_of_a_bare_url_is_refused),
        TEST(every_mutation_of_a_posts_headers_is_refused),
        TEST(post_with_another_url_is_refused),
        TEST(post_with_another_body_is_refused),
        TEST(fields_are_base64_of_one_spelling),
        TEST(every_mutation_of_a_companion_is_refused),
        TEST(companion_of_another_call_is_refused),
        TEST(companion_that_is_not_signed_or_not_whole_is_refused),
        TEST(dates_bound_a_request_both_ways),
        TEST(companion_has_a_date_of_its_own),
        TEST(form_that_the_issuer_does_not_take_is_refused),
        TEST(issuer_of_another_partition_is_not_its),
        TEST(service_of_tokens_takes_no_signed_request),
        TEST(only_what_looks_like_one_is_one),
        TEST(longest_credential_is_read_and_no_longer),
        TEST(packed_request_is_the_same_unpacked),
        TEST(packed_request_cut_or_changed_is_refused),
        TEST(packed_request_of_another_issuer_is_refused),
        TEST(nothing_of_a_secret_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
