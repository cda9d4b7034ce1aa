/*
 * Makes session tokens in AWS's layout (opaque.h), and compares them: as a whole, or, where the
 * sandbox plays an STS that does not look well, without the creation time.
 */
#include "opaque.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "util.h"

enum { TYPE = 33, SEALED = 472, SIGNATURE = 71, REST = 165, TIME_FIELD = 6 };

static void add_varint(struct sb_text *text, uint64_t value)
{
    char byte;

    for (; value > 127; value >>= 7) {
        byte = (char)((value & 127) | 128);
        sb_text_add(text, &byte, 1);
    }
    byte = (char)value;
    sb_text_add(text, &byte, 1);
}

static void add_number(struct sb_text *text, unsigned field, uint64_t value)
{
    add_varint(text, field << 3);
    add_varint(text, value);
}

static void add_bytes(struct sb_text *text, unsigned field, const char *bytes, size_t length)
{
    add_varint(text, field << 3 | 2);
    add_varint(text, length);
    sb_text_add(text, bytes, length);
}

static void add_random(struct sb_text *text, unsigned field, size_t length)
{
    unsigned char *random = sb_alloc(length);

    sb_random(random, length);
    add_bytes(text, field, (const char *)random, length);
    OPENSSL_cleanse(random, length);
    free(random);
}

char *sb_opaque_token(const char *account, int64_t issued_ms)
{
    const uint64_t issued_s = (uint64_t)(issued_ms / 1000);
    const uint64_t key = (uint64_t)(int64_t)(int8_t)(issued_s / 3600 & 255); /* a new one an hour */
    struct sb_text user = {0};
    struct sb_text token = {0};
    char *text;

    add_number(&user, 1, key);
    add_bytes(&user, 3, account, strlen(account));
    add_random(&user, 4, 12);
    add_random(&user, 5, SEALED);
    sb_text_add(&token, "\x21", 1);
    add_bytes(&token, 1, "origin_ec", 9);
    add_number(&token, 2, key);
    add_bytes(&token, 3, "us-east-1", 9);
    add_random(&token, 4, SIGNATURE);
    add_bytes(&token, 5, user.bytes, user.length);
    add_number(&token, TIME_FIELD, issued_s);
    add_random(&token, 7, REST);
    text = sb_alloc((token.length + 2) / 3 * 4 + 1);
    (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)token.bytes,
                          (int)token.length);
    OPENSSL_cleanse(token.bytes, token.length);
    sb_text_free(&token);
    sb_text_free(&user);
    return text;
}

struct parts {
    struct sb_text rest; /* all but the times */
    uint64_t times[4];
    size_t count; /* of times */
    bool good;
};

static bool read_varint(uint64_t *value, const unsigned char **at, const unsigned char *end)
{
    unsigned shift = 0;

    *value = 0;
    for (; *at < end && shift < 64; shift += 7) {
        *value |= (uint64_t)(**at & 127) << shift;
        if (*(*at)++ < 128)
            return true;
    }
    return false;
}

static bool read_field(struct parts *parts, const unsigned char **at, const unsigned char *end)
{
    const unsigned char *begin = *at;
    uint64_t tag;
    uint64_t value;

    if (!read_varint(&tag, at, end) || !read_varint(&value, at, end))
        return false;
    if ((tag & 7) == 2) {
        if (value > (uint64_t)(end - *at))
            return false;
        *at += value;
    }
    if (tag == TIME_FIELD << 3) {
        if (parts->count == sizeof(parts->times) / sizeof(parts->times[0]))
            return false;
        parts->times[parts->count++] = value;
        return true;
    }
    sb_text_add(&parts->rest, (const char *)begin, (size_t)(*at - begin));
    return true;
}

static void take_apart(struct parts *parts, const char *token)
{
    size_t length = strlen(token);
    unsigned char *bytes = sb_alloc(length / 4 * 3 + 4);
    const unsigned char *at = bytes + 1;
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)token, (int)length);

    memset(parts, 0, sizeof(*parts));
    parts->good = decoded > 3 && bytes[0] == TYPE;
    if (parts->good) {
        decoded -= token[length - 1] == '=';
        decoded -= token[length - 2] == '=';
    }
    while (parts->good && at < bytes + decoded)
        parts->good = read_field(parts, &at, bytes + decoded);
    free(bytes);
}

/* Apart from the time, all must be as it was made. */
static bool fits_but_for_time(const char *ours, const char *token, enum sb_lax lax)
{
    struct parts made;
    struct parts shown;
    bool right = false;
    size_t i;

    take_apart(&made, ours);
    take_apart(&shown, token);
    for (i = 0; i < shown.count; i++)
        right = right || shown.times[i] == made.times[0];
    right = lax == SB_LAX_ALTERED ? shown.count == 1 : shown.count > 1 && right;
    right = right && made.good && shown.good && made.rest.length == shown.rest.length &&
            CRYPTO_memcmp(made.rest.bytes, shown.rest.bytes, made.rest.length) == 0;
    sb_text_free(&made.rest);
    sb_text_free(&shown.rest);
    return right;
}

bool sb_opaque_fits(const char *ours, const char *token, enum sb_lax lax)
{
    size_t length = strlen(ours);

    if (token == NULL)
        return false;
    if (strlen(token) == length && CRYPTO_memcmp(token, ours, length) == 0)
        return true;
    return lax != SB_STRICT && fits_but_for_time(ours, token, lax);
}
