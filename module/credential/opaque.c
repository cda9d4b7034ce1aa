/*
 * opaque.c - reads the one known layout of each type of opaque session token: standard base64 of a
 * type byte and a protobuf message. Must never take a message that another reader could read with
 * another time: a field twice, out of order or unknown, a longer varint, a byte behind the end.
 *
 * Source: T. Be'ery's STS-token-decoder, proto/aws_session.proto.
 */
#include "credential/opaque.h"

#include "base/encoding.h"

#include <openssl/crypto.h>

/* Tags of protobuf: the field's number times 8, and 0 for a varint or 2 for bytes. */
static const struct layout {
    unsigned char type;
    const char *tags; /* in this order, each once */
    size_t least;     /* how many of them there must be */
    unsigned char time, sealed;
    const char *names[2];
} layouts[] = {
    {33, "\x0a\x10\x1a\x22\x2a\x30\x3a", 7, 0x30, 0x2a, {"origin_ec", "origin_ec"}},
    {2, "\x0a\x10\x1a\x22\x2a\x30\x3a", 6, 0x30, 0x2a, {"origin", "origin_ec"}},
    {23, "\x0a\x10\x1a\x22\x28\x32", 6, 0x28, 0x22, {"aws", "er/aws"}},
    {21, "\x0a\x10\x1a\x22\x28", 5, 0x28, 0x22, {"aws", "er/aws"}},
};

struct field {
    uint64_t value;       /* of a varint */
    struct sg_text bytes; /* of the others; not empty */
};

/* The shortest form only. */
static bool take_varint(uint64_t *value, struct sg_text *rest)
{
    *value = 0;
    for (unsigned i = 0; i < 10 && i < rest->length; i++) {
        const unsigned char byte = (unsigned char)rest->data[i];

        if ((i == 9 && byte > 1) || (i > 0 && byte == 0))
            return false;
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *rest = (struct sg_text){rest->data + i + 1, rest->length - i - 1};
            return true;
        }
    }
    return false;
}

static bool take_field(struct field *field, struct sg_text *rest, char tag)
{
    uint64_t length;

    if (rest->length == 0 || rest->data[0] != tag)
        return false;
    *rest = (struct sg_text){rest->data + 1, rest->length - 1};
    if ((tag & 7) == 0)
        return take_varint(&field->value, rest);
    if (!take_varint(&length, rest) || length == 0 || length > rest->length)
        return false;
    field->bytes = (struct sg_text){rest->data, (size_t)length};
    *rest = (struct sg_text){rest->data + length, rest->length - (size_t)length};
    return true;
}

/* The message in field 5 of types 2 and 33: a key id, a number that is not always there, the
 * account in clear, and two texts that only AWS can read. */
static bool read_user(char account[static 13], struct sg_text message)
{
    struct field field;

    if (!take_field(&field, &message, 0x08))
        return false;
    if (message.length > 0 && message.data[0] == 0x10 && !take_field(&field, &message, 0x10))
        return false;
    if (!take_field(&field, &message, 0x1a) || field.bytes.length != 12)
        return false;
    for (size_t i = 0; i < 12; i++) {
        if (field.bytes.data[i] < '0' || field.bytes.data[i] > '9')
            return false;
    }
    return sg_text_copy(account, 13, field.bytes) && take_field(&field, &message, 0x22) &&
           take_field(&field, &message, 0x2a) && message.length == 0;
}

/* What one field says, where it says something that is known. */
static bool read_value(struct sg_opaque *opaque, const struct layout *layout, unsigned char tag,
                       const struct field *field)
{
    if (tag == layout->tags[0])
        return sg_text_equal(field->bytes, sg_text_of(layout->names[0])) ||
               sg_text_equal(field->bytes, sg_text_of(layout->names[1]));
    if (tag == layout->time) {
        opaque->issued_s = (int64_t)field->value;
        return field->value > 0 && field->value <= UINT32_MAX;
    }
    return tag != 0x2a || read_user(opaque->account, field->bytes);
}

static bool read_message(struct sg_opaque *opaque, const struct layout *layout)
{
    const char *const begin = (const char *)opaque->bytes;
    struct sg_text rest = {begin + 1, opaque->length - 1};
    size_t count = 0;

    for (; layout->tags[count] != 0 && rest.length > 0; count++) {
        const unsigned char tag = (unsigned char)layout->tags[count];
        const size_t at = (size_t)(rest.data - begin);
        struct field field = {0};

        if (!take_field(&field, &rest, layout->tags[count]) ||
            !read_value(opaque, layout, tag, &field))
            return false;
        const struct sg_opaque_place place = {at, (size_t)(rest.data - begin) - at};
        if (tag == layout->time)
            opaque->time = place;
        if (tag == layout->sealed)
            opaque->sealed = place;
    }
    return rest.length == 0 && count >= layout->least;
}

static bool read_bytes(struct sg_opaque *opaque)
{
    opaque->type = opaque->length == 0 ? 0 : opaque->bytes[0];
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].type == opaque->type)
            return read_message(opaque, &layouts[i]);
    }
    return false;
}

bool sg_opaque_read(struct sg_opaque *opaque, struct sg_text token)
{
    memset(opaque, 0, sizeof(*opaque));
    if (token.length <= SG_OPAQUE_TEXT_MAX &&
        sg_base64_decode(opaque->bytes, sizeof(opaque->bytes), &opaque->length, token) &&
        read_bytes(opaque))
        return true;
    sg_opaque_wipe(opaque);
    return false;
}

void sg_opaque_wipe(struct sg_opaque *opaque)
{
    OPENSSL_cleanse(opaque, sizeof(*opaque));
}
