/*
 * text.h - byte ranges. Everything that came from outside is a {data, length}
 * range; C strings appear only where the operating system or a library asks
 * for them. A range borrows: it never owns and is never freed.
 */
#ifndef SG_BASE_TEXT_H
#define SG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sg_text {
    const char *data; /* not NUL-terminated; may be NULL when length is 0 */
    size_t length;
};

/* A range over a string literal. */
#define SG_TEXT(literal) ((struct sg_text){(literal), sizeof(literal) - 1})

/* printf("%.*s", SG_TEXT_ARG(t)) */
#define SG_TEXT_ARG(t) (int)(t).length, (t).data

static inline struct sg_text sg_text_of(const char *string)
{
    return (struct sg_text){string, string == NULL ? 0 : strlen(string)};
}

static inline bool sg_text_equal(struct sg_text a, struct sg_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ASCII case only; never the locale's. */
bool sg_text_equal_nocase(struct sg_text a, struct sg_text b);
bool sg_text_starts(struct sg_text text, struct sg_text prefix);
bool sg_text_starts_nocase(struct sg_text text, struct sg_text prefix);

/* Cuts at the first `separator`: *head is what stands before it, *text what follows. False (and
 * *head = all, *text empty) when it does not occur. */
bool sg_text_cut(struct sg_text *head, struct sg_text *text, char separator);
struct sg_text sg_text_trim(struct sg_text text); /* blanks and tabs at both ends */

/*
 * Copies `text` into `buffer` of `size` bytes and terminates it. False, with
 * buffer[0] = 0, when it does not fit or holds a NUL: nothing is ever cut.
 */
bool sg_text_copy(char *buffer, size_t size, struct sg_text text);

/* Decimal, no sign, no leading zero but "0" itself, whole range used, at most `max`. */
bool sg_text_to_uint(uint64_t *value, struct sg_text text, uint64_t max);

/*
 * Glob in constant memory and at most pattern times text steps: `*` any run, `?` any one byte.
 * `separator` (0: none) is a byte that `*` and `?` do not cross.
 */
bool sg_text_match(struct sg_text pattern, struct sg_text text, char separator, bool ignore_case);

/* Bytes of the UTF-8 character (RFC 3629) that data begins with, 1 to 4; 0 when it is not one. */
size_t sg_utf8_length(const char *data, size_t length);

/* Puts '?' for every control character and for every byte that is not UTF-8, in place. */
void sg_text_make_printable(char *data, size_t length);

#endif
