/*
 * fuzz_base64url.c - base64url, base64 and percent-encoding. Decoders are canonical: what decodes
 * must encode to the very text that it came from. And what is encoded must decode.
 */
#include "base/encoding.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoder(struct sg_text text)
{
    unsigned char *out = malloc(SG_BASE64URL_SIZE(text.length));
    struct sg_buffer again = {0};
    size_t length;

    if (out == NULL)
        return;
    if (sg_base64url_decode(out, SG_BASE64URL_SIZE(text.length), &length, text)) {
        if (length > SG_BASE64URL_SIZE(text.length))
            abort();
        sg_base64url_encode(&again, out, length);
        if (!sg_text_equal(sg_buffer_text(&again), text))
            abort();
        if (length > 0 && sg_base64url_decode(out, length - 1, &length, text))
            abort();
    }
    sg_buffer_clear(&again);
    free(out);
}

/* The same of the padded form. */
static void check_padded(struct sg_text text)
{
    unsigned char *out = malloc(SG_BASE64URL_SIZE(text.length));
    struct sg_buffer encoded = {0};
    size_t length;

    if (out == NULL)
        return;
    if (sg_base64_decode(out, SG_BASE64URL_SIZE(text.length), &length, text)) {
        sg_base64_encode(&encoded, out, length);
        if (!sg_text_equal(sg_buffer_text(&encoded), text))
            abort();
    }
    sg_buffer_clear(&encoded);
    sg_base64_encode(&encoded, (const unsigned char *)text.data, text.length);
    free(out);
    out = malloc(SG_BASE64URL_SIZE(encoded.length));
    if (out != NULL && (!sg_base64_decode(out, SG_BASE64URL_SIZE(encoded.length), &length,
                                          sg_buffer_text(&encoded)) ||
                        length != text.length))
        abort();
    sg_buffer_clear(&encoded);
    free(out);
}

static void check_encoder(const uint8_t *data, size_t size)
{
    unsigned char *out = malloc(size + 1);
    struct sg_buffer encoded = {0};
    size_t length;

    if (out == NULL)
        return;
    sg_base64url_encode(&encoded, data, size);
    if (!sg_base64url_decode(out, size, &length, sg_buffer_text(&encoded)) || length != size ||
        (size > 0 && memcmp(out, data, size) != 0))
        abort();
    sg_buffer_clear(&encoded);
    free(out);
}

static void check_percent(struct sg_text text)
{
    struct sg_buffer decoded = {0}, encoded = {0}, back = {0};

    if (sg_percent_decode(&decoded, text)) {
        sg_percent_encode(&encoded, sg_buffer_text(&decoded), text.length % 2 == 0);
        if (!sg_percent_decode(&back, sg_buffer_text(&encoded)) ||
            !sg_text_equal(sg_buffer_text(&back), sg_buffer_text(&decoded)))
            abort();
    }
    sg_buffer_clear(&decoded);
    sg_buffer_clear(&encoded);
    sg_buffer_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text text = {(const char *)data, size};

    check_decoder(text);
    check_padded(text);
    check_encoder(data, size);
    check_percent(text);
    return 0;
}
