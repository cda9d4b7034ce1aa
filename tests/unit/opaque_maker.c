/*
 * opaque_maker.c - see opaque_maker.h.
 */
#include "opaque_maker.h"

#include "base/encoding.h"

void opaque_varint(struct sg_buffer *out, uint64_t value)
{
    do {
        const unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        sg_buffer_add(out, &byte, 1);
        value >>= 7;
    } while (value != 0);
}

void opaque_number(struct sg_buffer *out, unsigned field, uint64_t value)
{
    opaque_varint(out, field << 3);
    opaque_varint(out, value);
}

void opaque_bytes(struct sg_buffer *out, unsigned field, struct sg_text bytes)
{
    opaque_varint(out, field << 3 | 2);
    opaque_varint(out, bytes.length);
    sg_buffer_add_text(out, bytes);
}

static void add_user(struct sg_buffer *out, const char *account)
{
    struct sg_buffer user = {0};
    char sealed[200];

    memset(sealed, 0x5a, sizeof sealed);
    opaque_number(&user, 1, (uint64_t)-93); /* key ids are small and signed */
    opaque_bytes(&user, 3, sg_text_of(account));
    opaque_bytes(&user, 4, SG_TEXT("twelve bytes"));
    opaque_bytes(&user, 5, (struct sg_text){sealed, sizeof sealed});
    opaque_bytes(out, 5, sg_buffer_text(&user));
    sg_buffer_clear(&user);
}

void opaque_field(struct sg_buffer *out, unsigned field, const char *account, int64_t issued_s)
{
    char bytes[160];

    memset(bytes, 0x33, sizeof bytes);
    switch (field) {
    case 1:
        opaque_bytes(out, 1, SG_TEXT("origin_ec"));
        break;
    case 2:
        opaque_number(out, 2, 58);
        break;
    case 3:
        opaque_bytes(out, 3, SG_TEXT("us-east-1"));
        break;
    case 4:
        opaque_bytes(out, 4, (struct sg_text){bytes, 71});
        break;
    case 5:
        add_user(out, account);
        break;
    case 6:
        opaque_number(out, 6, (uint64_t)issued_s);
        break;
    default:
        opaque_bytes(out, field, (struct sg_text){bytes, sizeof bytes});
        break;
    }
}

void opaque_whole(struct sg_buffer *out, const char *account, int64_t issued_s)
{
    sg_buffer_add(out, "\x21", 1);
    for (unsigned field = 1; field <= 7; field++)
        opaque_field(out, field, account, issued_s);
}

void opaque_token(struct sg_buffer *token, const struct sg_buffer *bytes)
{
    sg_base64_encode(token, (const unsigned char *)bytes->data, bytes->length);
}
