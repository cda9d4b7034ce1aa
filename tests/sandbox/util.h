/*
 * Small helpers of the sandbox: memory that never fails, growing text, random names, time stamps.
 *
 * The sandbox is a test tool: running out of memory ends it, so callers need not check.
 */
#ifndef SB_UTIL_H
#define SB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_text {
    char *bytes; /* always ends in NUL once something was added */
    size_t length;
    size_t capacity;
};

void *sb_alloc(size_t size); /* zeroed */
void *sb_grow(void *memory, size_t count, size_t size);
char *sb_copy(const char *text);
char *sb_copy_range(const char *bytes, size_t length);
char *sb_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

void sb_text_add(struct sb_text *text, const char *bytes, size_t length);
void sb_text_put(struct sb_text *text, const char *string);
void sb_text_printf(struct sb_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sb_text_free(struct sb_text *text);

/* Frees a string that holds a secret, after wiping it. NULL is fine. */
void sb_wipe_string(char *secret);

void sb_random(unsigned char *bytes, size_t length);
char *sb_random_name(const char *prefix, size_t length); /* prefix + length of A-Z2-7 */
char *sb_random_base64(size_t length);                   /* length of A-Za-z0-9+/ */
char *sb_random_uuid(void);

char *sb_base64url(const unsigned char *bytes, size_t length); /* no padding, RFC 7515 */

int64_t sb_wall_ms(void);
int64_t sb_steady_ms(void);
char *sb_iso_seconds(int64_t time_ms); /* 2026-11-24T10:00:00Z */
char *sb_iso_millis(int64_t time_ms);  /* 2026-11-24T10:00:00.123Z */
char *sb_amz_date(int64_t time_ms);    /* 20261124T100000Z */
char *sb_http_date(int64_t time_ms);   /* RFC 9110 5.6.7 */

/* Whole-string decimal within [least, most]. 0 or -1. */
int sb_integer(int64_t *value, const char *text, int64_t least, int64_t most);

#endif
