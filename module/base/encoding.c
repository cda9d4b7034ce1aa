/*
 * encoding.c - base64, hex and percent-encoding. A decoder takes the one
 * canonical text of a value and refuses every other, so that two texts of one
 * signature can't both pass. Nothing here is constant time.
 */
#include "base/encoding.h"

#include <openssl/crypto.h>

#define BAD 0x80
#define X   BAD

/* clang-format off */
static const unsigned char base64url_values[256] = {
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, 62, X, X,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X, X, X, X, X, X,
    X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X, X, X, X, 63,
    X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
/* clang-format on */
#undef X

static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The alphabets differ in their last two. */
static inline unsigned char value_of(bool url, unsigned char c)
{
    if (url)
        return base64url_values[c];
    if (c == '-' || c == '_')
        return BAD;
    return c == '+' ? 62 : c == '/' ? 63 : base64url_values[c];
}

/* The last 2 or 3 characters; the bits that no byte takes must be zero (RFC 4648 section 3.5). */
static inline bool decode_tail(unsigned char *out, bool url, const unsigned char *in, size_t left)
{
    if (left == 0)
        return true;

    const unsigned char a = value_of(url, in[0]), b = value_of(url, in[1]);
    if (left == 2) {
        out[0] = (unsigned char)(a << 2 | b >> 4);
        return ((a | b) & BAD) == 0 && (b & 0x0f) == 0;
    }

    const unsigned char c = value_of(url, in[2]);
    out[0] = (unsigned char)(a << 2 | b >> 4);
    out[1] = (unsigned char)(b << 4 | c >> 2);
    return ((a | b | c) & BAD) == 0 && (c & 0x03) == 0;
}

/* Without padding. */
static inline bool decode(unsigned char *out, size_t size, size_t *length_out, bool url,
                          struct sg_text text)
{
    const unsigned char *in = (const unsigned char *)text.data;
    unsigned char *const begin = out;
    const size_t left = text.length % 4;
    const size_t length = text.length / 4 * 3 + (left == 0 ? 0 : left - 1);
    unsigned seen = 0;

    *length_out = 0;
    if (left == 1 || length > size)
        return false;

    for (size_t quads = text.length / 4; quads > 0; quads--) {
        const unsigned a = value_of(url, in[0]), b = value_of(url, in[1]);
        const unsigned c = value_of(url, in[2]), d = value_of(url, in[3]);
        const unsigned bits = a << 18 | b << 12 | c << 6 | d;

        seen |= a | b | c | d;
        out[0] = (unsigned char)(bits >> 16);
        out[1] = (unsigned char)(bits >> 8);
        out[2] = (unsigned char)bits;
        in += 4;
        out += 3;
    }
    if ((seen & BAD) != 0 || !decode_tail(out, url, in, left)) {
        OPENSSL_cleanse(begin, length); /* a piece of a key or a signature, maybe */
        return false;
    }
    *length_out = length;
    return true;
}

bool sg_base64url_decode(unsigned char *out, size_t size, size_t *length_out, struct sg_text text)
{
    return decode(out, size, length_out, true, text);
}

bool sg_base64_decode(unsigned char *out, size_t size, size_t *length_out, struct sg_text text)
{
    const bool whole = text.length % 4 == 0;

    *length_out = 0;
    for (int i = 0; i < 2 && text.length > 0 && text.data[text.length - 1] == '='; i++)
        text.length--;
    return whole && decode(out, size, length_out, false, text);
}

static void encode(struct sg_buffer *out, const char *alphabet, const unsigned char *bytes,
                   size_t length)
{
    for (size_t i = 0; i < length; i += 3) {
        const size_t have = length - i < 3 ? length - i : 3;
        const unsigned bits = (unsigned)bytes[i] << 16 |
                              (have > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                              (have > 2 ? (unsigned)bytes[i + 2] : 0);
        const char quad[4] = {
            alphabet[bits >> 18],
            alphabet[bits >> 12 & 63],
            alphabet[bits >> 6 & 63],
            alphabet[bits & 63],
        };

        sg_buffer_add(out, quad, have + 1);
    }
}

void sg_base64url_encode(struct sg_buffer *out, const unsigned char *bytes, size_t length)
{
    encode(out, base64url_alphabet, bytes, length);
}

void sg_base64_encode(struct sg_buffer *out, const unsigned char *bytes, size_t length)
{
    encode(out, base64_alphabet, bytes, length);
    if (length % 3 != 0)
        sg_buffer_add(out, "==", 3 - length % 3);
}

void sg_hex_encode(char *out, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool sg_percent_decode(struct sg_buffer *out, struct sg_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c == '%') {
            if (text.length - i < 3)
                return false;

            const int high = hex_value(text.data[i + 1]), low = hex_value(text.data[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0')
            return false;
        sg_buffer_add(out, &c, 1);
    }
    return !out->failed;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void sg_percent_encode(struct sg_buffer *out, struct sg_text text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.length; i++) {
        const char c = text.data[i];
        const unsigned char byte = (unsigned char)c;
        const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};

        if (is_unreserved(c) || (keep_slash && c == '/'))
            sg_buffer_add(out, &c, 1);
        else
            sg_buffer_add(out, escape, sizeof escape);
    }
}
