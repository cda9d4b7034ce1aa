/*
 * probe_token.c - alters a session token of one's own as the thief of one would. Must leave no copy
 * of a token behind.
 */
#include "ctl/probe.h"

#include "base/encoding.h"

static void add_varint(struct sg_buffer *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7) {
        const unsigned char byte = (unsigned char)(value | 0x80);
        sg_buffer_add(out, &byte, 1);
    }
    const unsigned char byte = (unsigned char)value;
    sg_buffer_add(out, &byte, 1);
}

/* `middle` in place of the `length` bytes at `at`. */
static void splice(struct sg_buffer *token, const struct sg_opaque *own, size_t at, size_t length,
                   struct sg_text middle)
{
    struct sg_buffer bytes = {0};

    sg_buffer_add(&bytes, own->bytes, at);
    sg_buffer_add_text(&bytes, middle);
    sg_buffer_add(&bytes, own->bytes + at + length, own->length - at - length);
    sg_base64_encode(token, (const unsigned char *)bytes.data, bytes.length);
    token->failed = token->failed || bytes.failed;
    sg_buffer_wipe(&bytes);
}

void probe_alter(struct sg_buffer *token, const struct sg_opaque *own, enum probe_how how,
                 int64_t time_s, const struct sg_opaque *other)
{
    const size_t at = own->time.at, end = at + own->time.length;
    const size_t broken = own->sealed.at + own->sealed.length - 1;
    const char flipped = (char)(own->bytes[broken] ^ 1);
    struct sg_buffer field = {0};

    sg_buffer_add(&field, own->bytes + at, 1);
    add_varint(&field, (uint64_t)time_s);
    token->failed = field.failed;
    switch (how) {
    case PROBE_BROKEN:
        splice(token, own, broken, 1, (struct sg_text){&flipped, 1});
        break;
    case PROBE_ALTERED:
        splice(token, own, at, own->time.length, sg_buffer_text(&field));
        break;
    case PROBE_BEHIND:
        splice(token, own, end, 0, sg_buffer_text(&field));
        break;
    case PROBE_BEFORE:
        splice(token, own, at, 0, sg_buffer_text(&field));
        break;
    case PROBE_AT_END:
        splice(token, own, own->length, 0, sg_buffer_text(&field));
        break;
    case PROBE_GRAFTED:
        splice(token, own, at, own->length - at,
               (struct sg_text){(const char *)other->bytes + other->time.at,
                                other->length - other->time.at});
        break;
    }
    sg_buffer_clear(&field);
}
