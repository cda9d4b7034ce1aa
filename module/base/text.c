/*
 * text.c - comparing, cutting, copying and matching byte ranges. Nothing here
 * allocates, consults the locale or reads past a range's end.
 */
#include "base/text.h"

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool sg_text_equal_nocase(struct sg_text a, struct sg_text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (lower((unsigned char)a.data[i]) != lower((unsigned char)b.data[i]))
            return false;
    }
    return true;
}

bool sg_text_starts(struct sg_text text, struct sg_text prefix)
{
    if (text.length < prefix.length)
        return false;
    return prefix.length == 0 || memcmp(text.data, prefix.data, prefix.length) == 0;
}

bool sg_text_starts_nocase(struct sg_text text, struct sg_text prefix)
{
    return text.length >= prefix.length &&
           sg_text_equal_nocase((struct sg_text){text.data, prefix.length}, prefix);
}

bool sg_text_cut(struct sg_text *head, struct sg_text *text, char separator)
{
    const struct sg_text whole = *text;
    const char *found =
        whole.length == 0 ? NULL : memchr(whole.data, (unsigned char)separator, whole.length);

    if (found == NULL) {
        *head = whole;
        *text = (struct sg_text){NULL, 0};
        return false;
    }
    *head = (struct sg_text){whole.data, (size_t)(found - whole.data)};
    *text = (struct sg_text){found + 1, whole.length - head->length - 1};
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct sg_text sg_text_trim(struct sg_text text)
{
    while (text.length > 0 && is_blank(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.data[text.length - 1]))
        text.length--;
    return text;
}

bool sg_text_copy(char *buffer, size_t size, struct sg_text text)
{
    if (size == 0)
        return false;
    buffer[0] = '\0';
    if (text.length >= size)
        return false;
    if (text.length > 0) {
        if (memchr(text.data, '\0', text.length) != NULL)
            return false;
        memcpy(buffer, text.data, text.length);
    }
    buffer[text.length] = '\0';
    return true;
}

bool sg_text_to_uint(uint64_t *value, struct sg_text text, uint64_t max)
{
    uint64_t result = 0;

    if (text.length == 0 || (text.length > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char c = (unsigned char)text.data[i];

        if (c < '0' || c > '9')
            return false;
        if (__builtin_mul_overflow(result, (uint64_t)10, &result) ||
            __builtin_add_overflow(result, (uint64_t)(c - '0'), &result))
            return false;
    }
    if (result > max)
        return false;
    *value = result;
    return true;
}

/*
 * Only the last `*` is ever retried: what an earlier one could give away, it can
 * too. That holds with a separator as well, since `*` stays inside its segment
 * and so the segments of pattern and text pair one to one.
 */
bool sg_text_match(struct sg_text pattern, struct sg_text text, char separator, bool ignore_case)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, retry = 0; /* where the last `*` stands; where its run ends so far */

    while (t < text.length) {
        const unsigned char c = (unsigned char)text.data[t];
        const bool barrier = separator != '\0' && text.data[t] == separator;

        if (p < pattern.length && pattern.data[p] == '*') {
            star = p++;
            retry = t;
            continue;
        }
        if (p < pattern.length) {
            const unsigned char want = (unsigned char)pattern.data[p];

            if ((want == '?' && !barrier) ||
                (want != '?' && (want == c || (ignore_case && lower(want) == lower(c))))) {
                p++;
                t++;
                continue;
            }
        }
        if (star == SIZE_MAX)
            return false;
        if (separator != '\0' && text.data[retry] == separator)
            return false;
        p = star + 1;
        t = ++retry;
    }
    while (p < pattern.length && pattern.data[p] == '*')
        p++;
    return p == pattern.length;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* RFC 3629 section 4, row by row: no overlong form, no surrogate, nothing past U+10FFFF. */
size_t sg_utf8_length(const char *data, size_t length)
{
    if (length == 0)
        return 0;

    const unsigned char first = (unsigned char)data[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4 || length < 2 || !continues(data[1]))
        return 0;
    if (first < 0xe0)
        return 2;

    const unsigned char second = (unsigned char)data[1];
    if (length < 3 || !continues(data[2]))
        return 0;
    if (first < 0xf0)
        return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
    if (length < 4 || !continues(data[3]))
        return 0;
    return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
}

void sg_text_make_printable(char *data, size_t length)
{
    size_t i = 0;

    while (i < length) {
        const unsigned char c = (unsigned char)data[i];
        const size_t step = sg_utf8_length(data + i, length - i);
        /* U+0080..U+009F are control characters too, and terminals obey some of them. */
        const bool c1 = step == 2 && c == 0xc2 && (unsigned char)data[i + 1] < 0xa0;

        if (step == 0 || c1 || c < 0x20 || c == 0x7f) {
            data[i] = '?';
            if (c1)
                data[i + 1] = '?';
        }
        i += step == 0 ? 1 : step;
    }
}
