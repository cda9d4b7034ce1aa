/*
 * fuzz_opaque.c - opaque session tokens, as bytes and as text. Of what is taken, readers that take
 * anything, and of two fields the first or the last, must read the same time.
 */
#include "base/encoding.h"
#include "credential/opaque.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As lenient as can be: varints of any length, unknown fields and any order. */
static bool next(uint64_t *field, uint64_t *value, const unsigned char **at,
                 const unsigned char *end)
{
    uint64_t parts[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        for (unsigned shift = 0;; shift += 7) {
            if (*at == end)
                return false;
            if (shift < 64)
                parts[i] |= (uint64_t)(**at & 0x7f) << shift;
            if (*(*at)++ < 0x80)
                break;
        }
    }
    if ((parts[0] & 7) == 2) {
        if (parts[1] > (uint64_t)(end - *at))
            return false;
        *at += parts[1];
    }
    *field = parts[0] >> 3;
    *value = parts[1];
    return true;
}

static void check_taken(const struct sg_opaque *opaque)
{
    const unsigned char *at = opaque->bytes + 1, *end = opaque->bytes + opaque->length;
    const uint64_t wanted = opaque->type > 20 && opaque->type < 30 ? 5 : 6;
    uint64_t field, value, first = 0, last = 0, seen = 0;

    while (at < end) {
        if (!next(&field, &value, &at, end))
            abort();
        if (field != wanted)
            continue;
        first = seen++ == 0 ? value : first;
        last = value;
    }
    if (seen != 1 || first != (uint64_t)opaque->issued_s || last != first)
        abort();
    if (opaque->time.at + opaque->time.length > opaque->length || opaque->time.length < 2 ||
        opaque->sealed.at + opaque->sealed.length > opaque->length || opaque->sealed.length < 3)
        abort();
}

static void check_text(struct sg_text text)
{
    struct sg_buffer again = {0};
    struct sg_opaque opaque;

    if (sg_opaque_read(&opaque, text)) {
        check_taken(&opaque);
        sg_base64_encode(&again, opaque.bytes, opaque.length);
        if (!sg_text_equal(sg_buffer_text(&again), text))
            abort();
    }
    sg_opaque_wipe(&opaque);
    sg_buffer_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_buffer token = {0};

    check_text((struct sg_text){(const char *)data, size});
    sg_base64_encode(&token, data, size);
    check_text(sg_buffer_text(&token));
    sg_buffer_clear(&token);
    return 0;
}
