/*
 * fuzz_sigv4.c - the signer's canonical form. Lines of the input are method, path, query and
 * headers ("name:value"), up to an empty line; the rest is the body. What is signed must be one
 * line, the same the second time, and another when a byte of the body changes.
 */
#include "aws/sigv4.h"

#include "base/error.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sg_credentials keys = {
    .access_key_id = (char *)(uintptr_t) "AKIDEXAMPLE",
    .secret_access_key = (char *)(uintptr_t) "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static struct sg_text next_line(struct sg_text *rest)
{
    struct sg_text line = {0};

    if (!sg_text_cut(&line, rest, '\n')) {
        line = *rest;
        *rest = (struct sg_text){0};
    }
    return line;
}

static void assert_one_line(const struct sg_buffer *text)
{
    for (size_t i = 0; i < text->length; i++)
        check((unsigned char)text->data[i] >= ' ' && text->data[i] != 0x7f);
}

static void sign(struct sg_sigv4_request *request)
{
    const struct sg_text body = request->body;
    struct sg_sigv4 first, second, other;

    if (sg_sigv4_sign(&first, request, &keys) == SG_OK) {
        check(strlen(first.canonical_hash) == 64);
        assert_one_line(&first.authorization);
        check(sg_sigv4_sign(&second, request, &keys) == SG_OK);
        check(sg_text_equal(sg_buffer_text(&first.authorization),
                            sg_buffer_text(&second.authorization)));
        request->body =
            body.length > 0 ? (struct sg_text){body.data, body.length - 1} : SG_TEXT("x");
        check(sg_sigv4_sign(&other, request, &keys) == SG_OK);
        check(strcmp(first.canonical_hash, other.canonical_hash) != 0);
        sg_sigv4_clear(&second);
        sg_sigv4_clear(&other);
    }
    sg_sigv4_clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_text rest = {(const char *)data, size}, line;
    struct sg_header headers[SG_SIGV4_HEADERS_MAX + 2];
    struct sg_sigv4_request request = {.headers = headers,
                                       .region = SG_TEXT("us-east-1"),
                                       .service = SG_TEXT("iam"),
                                       .now_ms = INT64_C(1440938160000)};

    request.method = next_line(&rest);
    request.path = next_line(&rest);
    request.query = next_line(&rest);
    while ((line = next_line(&rest)).length > 0 &&
           request.header_count < sizeof(headers) / sizeof(headers[0])) {
        struct sg_header *header = &headers[request.header_count++];

        header->value = line;
        if (!sg_text_cut(&header->name, &header->value, ':'))
            *header = (struct sg_header){.name = line};
    }
    request.body = rest;
    sign(&request);
    return 0;
}
