/*
 * test_sigv4.c - the signer against vectors: AWS's published example, and one with a session token.
 */
#include "aws/sigv4.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define EXAMPLE_MS     INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */

static const struct sg_header example_headers[] = {
    {SG_TEXT("Host"), SG_TEXT("iam.amazonaws.com")},
    {SG_TEXT("Content-Type"), SG_TEXT("application/x-www-form-urlencoded; charset=utf-8")},
};

static struct sg_sigv4_request example(void)
{
    return (struct sg_sigv4_request){
        .method = SG_TEXT("GET"),
        .path = SG_TEXT("/"),
        .query = SG_TEXT("Action=ListUsers&Version=2010-05-08"),
        .headers = example_headers,
        .header_count = 2,
        .region = SG_TEXT("us-east-1"),
        .service = SG_TEXT("iam"),
        .now_ms = EXAMPLE_MS,
    };
}

static const struct sg_credentials example_keys = {
    .access_key_id = (char *)(uintptr_t) "AKIDEXAMPLE",
    .secret_access_key = (char *)(uintptr_t)EXAMPLE_SECRET,
};

static const struct sg_credentials session_keys = {
    .access_key_id = (char *)(uintptr_t) "AKIDEXAMPLE",
    .secret_access_key = (char *)(uintptr_t)EXAMPLE_SECRET,
    .session_token = (char *)(uintptr_t) "EXAMPLE//TOKEN+1==",
};

static void published_example_has_the_published_signature(void **state)
{
    const struct sg_sigv4_request request = example();
    struct sg_sigv4 signature;

    (void)state;
    assert_int_equal(sg_sigv4_sign(&signature, &request, &example_keys), SG_OK);
    assert_string_equal(signature.date, "20150830T123600Z");
    assert_string_equal(signature.canonical_hash,
                        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    assert_string_equal(signature.authorization.data,
                        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/"
                        "aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="
                        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    sg_sigv4_clear(&signature);
}

static void session_token_is_signed_as_a_header(void **state)
{
    struct sg_sigv4_request request = example();
    struct sg_sigv4 signature;

    (void)state;
    request.method = SG_TEXT("POST");
    request.query = (struct sg_text){0};
    request.body = SG_TEXT("Action=GetRolePolicy&PolicyName=AWSRevokeOlderSessions&RoleName=app-"
                           "role&Version=2010-05-08");
    assert_int_equal(sg_sigv4_sign(&signature, &request, &session_keys), SG_OK);
    assert_string_equal(signature.canonical_hash,
                        "d5d5ca961277eab42105c7c9a73e385f5ff2aabee8b488c67c4548d21a4e4963");
    assert_string_equal(
        signature.authorization.data,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        "ec43c44d0e011d76e0e05ffce1d04afc8bbcf1193408c684a4f26d92df6f22af");
    sg_sigv4_clear(&signature);
}

/* The canonical form is what counts, not the order and spacing of the request. */
static void order_of_headers_and_query_and_outer_blanks_do_not_matter(void **state)
{
    const struct sg_header headers[] = {
        {SG_TEXT("content-type"), SG_TEXT("  application/x-www-form-urlencoded;  charset=utf-8 ")},
        {SG_TEXT("HOST"), SG_TEXT("iam.amazonaws.com")},
    };
    struct sg_sigv4_request request = example();
    struct sg_sigv4 signature;

    (void)state;
    request.headers = headers;
    request.query = SG_TEXT("Version=2010-05-08&Action=ListUsers");
    assert_int_equal(sg_sigv4_sign(&signature, &request, &example_keys), SG_OK);
    assert_string_equal(signature.canonical_hash,
                        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    sg_sigv4_clear(&signature);
}

static void another_body_has_another_signature(void **state)
{
    struct sg_sigv4_request request = example();
    struct sg_sigv4 first, second;

    (void)state;
    request.body = SG_TEXT("a");
    assert_int_equal(sg_sigv4_sign(&first, &request, &example_keys), SG_OK);
    request.body = SG_TEXT("b");
    assert_int_equal(sg_sigv4_sign(&second, &request, &example_keys), SG_OK);
    assert_string_not_equal(first.authorization.data, second.authorization.data);
    sg_sigv4_clear(&first);
    sg_sigv4_clear(&second);
}

static void a_request_without_host_is_refused(void **state)
{
    struct sg_sigv4_request request = example();
    struct sg_sigv4 signature;

    (void)state;
    request.headers = &example_headers[1];
    request.header_count = 1;
    assert_int_equal(sg_sigv4_sign(&signature, &request, &example_keys), SG_E_INVALID);
    assert_null(signature.authorization.data);
}

static void a_line_break_in_a_header_is_refused(void **state)
{
    const struct sg_header headers[] = {
        {SG_TEXT("Host"), SG_TEXT("iam.amazonaws.com\r\nX-Other: 1")},
    };
    struct sg_sigv4_request request = example();
    struct sg_sigv4 signature;

    (void)state;
    request.headers = headers;
    request.header_count = 1;
    assert_int_equal(sg_sigv4_sign(&signature, &request, &example_keys), SG_E_INVALID);
}

static void a_line_break_in_the_session_token_is_refused(void **state)
{
    const struct sg_sigv4_request request = example();
    struct sg_credentials keys = session_keys;
    struct sg_sigv4 signature;

    (void)state;
    keys.session_token = (char *)(uintptr_t) "a\nb";
    assert_int_equal(sg_sigv4_sign(&signature, &request, &keys), SG_E_INVALID);
}

static void too_many_headers_are_refused(void **state)
{
    struct sg_header headers[SG_SIGV4_HEADERS_MAX + 1];
    struct sg_sigv4_request request = example();
    struct sg_sigv4 signature;

    (void)state;
    for (size_t i = 0; i <= SG_SIGV4_HEADERS_MAX; i++)
        headers[i] = example_headers[0];
    request.headers = headers;
    request.header_count = SG_SIGV4_HEADERS_MAX + 1;
    assert_int_equal(sg_sigv4_sign(&signature, &request, &example_keys), SG_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_example_has_the_published_signature),
        cmocka_unit_test(session_token_is_signed_as_a_header),
        cmocka_unit_test(order_of_headers_and_query_and_outer_blanks_do_not_matter),
        cmocka_unit_test(another_body_has_another_signature),
        cmocka_unit_test(a_request_without_host_is_refused),
        cmocka_unit_test(a_line_break_in_a_header_is_refused),
        cmocka_unit_test(a_line_break_in_the_session_token_is_refused),
        cmocka_unit_test(too_many_headers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
