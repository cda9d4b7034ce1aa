/*
 * Small helpers of the sandbox; see util.h. Nothing here knows of AWS.
 */
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("stsgate-sandbox: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *sb_alloc(size_t size)
{
    return checked(calloc(1, size == 0 ? 1 : size));
}

void *sb_grow(void *memory, size_t count, size_t size)
{
    return checked(reallocarray(memory, count == 0 ? 1 : count, size));
}

char *sb_copy(const char *text)
{
    return checked(strdup(text));
}

char *sb_copy_range(const char *bytes, size_t length)
{
    char *copy = sb_alloc(length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

static char *format_list(const char *format, va_list arguments)
{
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return checked(text);
}

char *sb_format(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = format_list(format, arguments);
    va_end(arguments);
    return text;
}

void sb_text_add(struct sb_text *text, const char *bytes, size_t length)
{
    size_t needed = text->length + length + 1;

    if (needed > text->capacity) {
        text->capacity = needed < 256 ? 256 : needed * 2;
        text->bytes = sb_grow(text->bytes, text->capacity, 1);
    }
    if (length > 0)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void sb_text_put(struct sb_text *text, const char *string)
{
    sb_text_add(text, string, strlen(string));
}

void sb_text_printf(struct sb_text *text, const char *format, ...)
{
    va_list arguments;
    char *piece;

    va_start(arguments, format);
    piece = format_list(format, arguments);
    va_end(arguments);
    sb_text_put(text, piece);
    free(piece);
}

void sb_text_free(struct sb_text *text)
{
    free(text->bytes);
    memset(text, 0, sizeof(*text));
}

void sb_wipe_string(char *secret)
{
    if (secret == NULL)
        return;
    OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

void sb_random(unsigned char *bytes, size_t length)
{
    if (length > INT32_MAX || RAND_bytes(bytes, (int)length) != 1) {
        fputs("stsgate-sandbox: no random numbers\n", stderr);
        abort();
    }
}

static char *random_from(const char *alphabet, unsigned mask, const char *prefix, size_t length)
{
    size_t prefix_length = strlen(prefix);
    char *name = sb_alloc(prefix_length + length + 1);
    unsigned char *random = sb_alloc(length);
    size_t i;

    memcpy(name, prefix, prefix_length);
    sb_random(random, length);
    for (i = 0; i < length; i++)
        name[prefix_length + i] = alphabet[random[i] & mask];
    OPENSSL_cleanse(random, length);
    free(random);
    return name;
}

char *sb_random_name(const char *prefix, size_t length)
{
    return random_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 31, prefix, length);
}

char *sb_random_base64(size_t length)
{
    return random_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 63, "",
                       length);
}

char *sb_random_uuid(void)
{
    unsigned char r[16];

    sb_random(r, sizeof(r));
    return sb_format("%02x%02x%02x%02x-%02x%02x-4%x%02x-a%x%02x-%02x%02x%02x%02x%02x%02x", r[0],
                     r[1], r[2], r[3], r[4], r[5], r[6] & 15u, r[7], r[8] & 15u, r[9], r[10], r[11],
                     r[12], r[13], r[14], r[15]);
}

char *sb_base64url(const unsigned char *bytes, size_t length)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = sb_alloc(length / 3 * 4 + 5);
    size_t out = 0;
    size_t i;

    for (i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned second = left > 1 ? bytes[i + 1] : 0u;
        unsigned third = left > 2 ? bytes[i + 2] : 0u;
        unsigned group = (unsigned)bytes[i] << 16 | second << 8 | third;

        text[out++] = alphabet[group >> 18 & 63];
        text[out++] = alphabet[group >> 12 & 63];
        if (left > 1)
            text[out++] = alphabet[group >> 6 & 63];
        if (left > 2)
            text[out++] = alphabet[group & 63];
    }
    return text;
}

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sb_wall_ms(void)
{
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t sb_steady_ms(void)
{
    return read_clock_ms(CLOCK_MONOTONIC);
}

static struct tm broken_down(int64_t time_ms)
{
    struct tm parts;
    int64_t seconds = time_ms >= 0 ? time_ms / 1000 : (time_ms - 999) / 1000;
    time_t clock = (time_t)seconds;

    memset(&parts, 0, sizeof(parts));
    if (gmtime_r(&clock, &parts) == NULL)
        memset(&parts, 0, sizeof(parts));
    return parts;
}

/* Up to the seconds: 2026-11-24T10:00:00 */
static char *iso_stem(int64_t time_ms)
{
    struct tm parts = broken_down(time_ms);

    return sb_format("%04d-%02d-%02dT%02d:%02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

char *sb_iso_seconds(int64_t time_ms)
{
    char *stem = iso_stem(time_ms);
    char *text = sb_format("%sZ", stem);

    free(stem);
    return text;
}

char *sb_iso_millis(int64_t time_ms)
{
    char *stem = iso_stem(time_ms);
    int64_t fraction_ms = (time_ms % 1000 + 1000) % 1000;
    char *text = sb_format("%s.%03" PRId64 "Z", stem, fraction_ms);

    free(stem);
    return text;
}

char *sb_amz_date(int64_t time_ms)
{
    struct tm parts = broken_down(time_ms);

    return sb_format("%04d%02d%02dT%02d%02d%02dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

char *sb_http_date(int64_t time_ms)
{
    struct tm parts = broken_down(time_ms);
    char *text = sb_alloc(64);

    if (strftime(text, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
        text[0] = '\0';
    return text;
}

int sb_integer(int64_t *value, const char *text, int64_t least, int64_t most)
{
    char *end = NULL;
    long long number;

    if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
        return -1;
    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return -1;
    if (number < least || number > most)
        return -1;
    *value = number;
    return 0;
}
