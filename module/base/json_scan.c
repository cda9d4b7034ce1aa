/*
 * json_scan.c - the strict JSON scanner. One pass over text that an attacker
 * wrote: no recursion, no allocation, every loop bounded by the text, and the
 * search for duplicate members by SG_JSON_MAX_MEMBERS. It must never accept
 * what another parser could read in a second way (RFC 8725 section 2.4).
 */
#include "base/error.h"
#include "base/json.h"

#include <endian.h>

/* A member of an object that is still open. */
struct key {
    uint32_t offset, length;
};

struct frame {
    bool object;
    size_t count;     /* members or elements begun */
    size_t first_key; /* objects: index of its first key among the scan's keys */
};

struct scan {
    const char *start, *at, *end;
    bool (*item)(void *payload, const struct sg_json_item *item);
    void *payload;
    uint64_t seed;
    unsigned depth;   /* containers that are open */
    size_t key_count; /* of all objects that are open, innermost last */
    struct frame frames[SG_JSON_MAX_DEPTH];
    struct key keys[SG_JSON_MAX_OPEN_MEMBERS];
    uint32_t hashes[SG_JSON_MAX_OPEN_MEMBERS];
};

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

static uint64_t load_8(const char *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof word);
    return le64toh(word);
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

/* --- strings --- */

/*
 * Skips the bytes that stand for themselves, eight at a time: neither control nor quote nor
 * backslash nor above ASCII. A borrow only runs upwards out of a true hit, so the lowest hit,
 * which is the first byte, is always a true one.
 */
static const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        const uint64_t word = load_8(at);
        const uint64_t quote = word ^ EACH_BYTE('"'), escape = word ^ EACH_BYTE('\\');
        const uint64_t hits =
            (((word - EACH_BYTE(0x20)) & ~word) | ((quote - EACH_BYTE(1)) & ~quote) |
             ((escape - EACH_BYTE(1)) & ~escape) | word) &
            EACH_BYTE(0x80);

        if (hits != 0)
            return at + __builtin_ctzll(hits) / 8;
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
           *at != '\\')
        at++;
    return at;
}

static bool hex4(unsigned *value, const char *at, const char *end)
{
    if (end - at < 4)
        return false;
    *value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = at[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

/* The character of the escape at `at` (which points past the backslash): *next is what follows. */
static bool read_escape(unsigned *character, const char **next, const char *at, const char *end)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    unsigned low;

    if (at == end)
        return false;
    if (*at != 'u') {
        const char *found = memchr(names, *at, sizeof names - 1);

        if (found == NULL)
            return false;
        *character = (unsigned char)values[found - names];
        *next = at + 1;
        return true;
    }
    if (!hex4(character, at + 1, end) || *character == 0)
        return false;
    *next = at + 5;
    if (*character < 0xd800 || *character > 0xdfff)
        return true;
    /* A pair, high half first, or nothing: a lone half has no UTF-8 (RFC 7493 section 2.1). */
    if (*character > 0xdbff || end - *next < 6 || (*next)[0] != '\\' || (*next)[1] != 'u' ||
        !hex4(&low, *next + 2, end) || low < 0xdc00 || low > 0xdfff)
        return false;
    *character = 0x10000 + ((*character - 0xd800) << 10 | (low - 0xdc00));
    *next += 6;
    return true;
}

size_t sg_json_next_character(char utf8[static 4], struct sg_text *raw)
{
    const char *end, *next;
    unsigned c;

    if (raw->length == 0)
        return 0;
    end = raw->data + raw->length;
    next = raw->data + 1;
    if (raw->data[0] != '\\') {
        utf8[0] = raw->data[0];
        *raw = (struct sg_text){next, raw->length - 1};
        return 1;
    }
    if (!read_escape(&c, &next, raw->data + 1, end))
        return 0;
    *raw = (struct sg_text){next, (size_t)(end - next)};
    if (c < 0x80) {
        utf8[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        utf8[0] = (char)(0xc0 | c >> 6);
        utf8[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        utf8[0] = (char)(0xe0 | c >> 12);
        utf8[1] = (char)(0x80 | (c >> 6 & 0x3f));
        utf8[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    utf8[0] = (char)(0xf0 | c >> 18);
    utf8[1] = (char)(0x80 | (c >> 12 & 0x3f));
    utf8[2] = (char)(0x80 | (c >> 6 & 0x3f));
    utf8[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* At the opening quote; leaves behind the closing one. */
static int scan_string(struct scan *scan, struct sg_text *raw, bool *escaped)
{
    const char *begin = ++scan->at;
    const char *next;
    unsigned character;

    *escaped = false;
    for (;;) {
        scan->at = skip_plain(scan->at, scan->end);
        if (scan->at == scan->end)
            return SG_E_INVALID;
        if (*scan->at == '"')
            break;
        if (*scan->at == '\\') {
            if (!read_escape(&character, &next, scan->at + 1, scan->end))
                return SG_E_INVALID;
            *escaped = true;
            scan->at = next;
            continue;
        }
        const size_t step = sg_utf8_length(scan->at, (size_t)(scan->end - scan->at));
        if (step < 2) /* a control byte, or not UTF-8 */
            return SG_E_INVALID;
        scan->at += step;
    }
    *raw = (struct sg_text){begin, (size_t)(scan->at - begin)};
    scan->at++;
    return SG_OK;
}

/* --- duplicate members --- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* Of the bytes that the key stands for, eight at a time: equal however they are spelled. */
static uint32_t hash_plain(uint64_t hash, struct sg_text key)
{
    uint64_t word = 0;

    while (key.length >= 8) {
        hash = mix(hash, load_8(key.data));
        key.data += 8;
        key.length -= 8;
    }
    for (size_t i = 0; i < key.length; i++)
        word |= (uint64_t)(unsigned char)key.data[i] << 8 * i;
    return (uint32_t)mix(hash, word);
}

static uint32_t hash_escaped(uint64_t hash, struct sg_text key)
{
    uint64_t word = 0;
    unsigned shift = 0;
    char utf8[4];
    size_t length;

    while ((length = sg_json_next_character(utf8, &key)) > 0) {
        for (size_t i = 0; i < length; i++) {
            word |= (uint64_t)(unsigned char)utf8[i] << shift;
            shift += 8;
            if (shift < 64)
                continue;
            hash = mix(hash, word);
            word = 0;
            shift = 0;
        }
    }
    return (uint32_t)mix(hash, word);
}

static bool has_escape(struct sg_text key)
{
    return key.length > 0 && memchr(key.data, '\\', key.length) != NULL;
}

/* Character by character: raw UTF-8 arrives bytewise, so whole escapes are compared bytewise too.
 */
static bool equal_unescaped(struct sg_text a, struct sg_text b)
{
    char a_bytes[4], b_bytes[4];
    size_t a_have = 0, a_next = 0, b_have = 0, b_next = 0;

    for (;;) {
        if (a_next == a_have) {
            a_have = sg_json_next_character(a_bytes, &a);
            a_next = 0;
        }
        if (b_next == b_have) {
            b_have = sg_json_next_character(b_bytes, &b);
            b_next = 0;
        }
        if (a_have == 0 || b_have == 0)
            return a_have == b_have;
        if (a_bytes[a_next++] != b_bytes[b_next++])
            return false;
    }
}

static bool same_key(struct sg_text a, struct sg_text b)
{
    if (has_escape(a) || has_escape(b))
        return equal_unescaped(a, b);
    return sg_text_equal(a, b);
}

/* The first of `count` hashes that equals `hash`, or `count`; eight are compared at once. */
static size_t find_hash(const uint32_t *hashes, size_t count, uint32_t hash)
{
    size_t i = 0;

    for (; count - i >= 8; i += 8) {
        uint32_t equal = 0;

        for (size_t j = 0; j < 8; j++)
            equal |= hashes[i + j] == hash;
        if (equal != 0)
            break;
    }
    while (i < count && hashes[i] != hash)
        i++;
    return i;
}

static int add_key(struct scan *scan, const struct frame *frame, struct sg_text key, bool escaped)
{
    const uint32_t hash = escaped ? hash_escaped(scan->seed, key) : hash_plain(scan->seed, key);
    size_t i = frame->first_key;

    while ((i += find_hash(scan->hashes + i, scan->key_count - i, hash)) < scan->key_count) {
        const struct key seen = scan->keys[i++];

        if (same_key(key, (struct sg_text){scan->start + seen.offset, seen.length}))
            return SG_E_INVALID;
    }
    if (scan->key_count - frame->first_key == SG_JSON_MAX_MEMBERS ||
        scan->key_count == SG_JSON_MAX_OPEN_MEMBERS)
        return SG_E_LIMIT;
    scan->hashes[scan->key_count] = hash;
    scan->keys[scan->key_count++] =
        (struct key){(uint32_t)(key.data - scan->start), (uint32_t)key.length};
    return SG_OK;
}

/* --- values --- */

static bool skip_digits(struct scan *scan)
{
    const char *begin = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > begin;
}

static int scan_number(struct scan *scan, struct sg_text *raw)
{
    const char *begin = scan->at;

    if (*scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0')
        scan->at++; /* a digit after it is then out of place */
    else if (!skip_digits(scan))
        return SG_E_INVALID;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!skip_digits(scan))
            return SG_E_INVALID;
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        if (!skip_digits(scan))
            return SG_E_INVALID;
    }
    *raw = (struct sg_text){begin, (size_t)(scan->at - begin)};
    return SG_OK;
}

static int scan_word(struct scan *scan, struct sg_text *raw, struct sg_text word)
{
    const size_t left = (size_t)(scan->end - scan->at);

    if (left < word.length || memcmp(scan->at, word.data, word.length) != 0)
        return SG_E_INVALID;
    *raw = (struct sg_text){scan->at, word.length};
    scan->at += word.length;
    return SG_OK;
}

static int open_container(struct scan *scan, struct sg_text *raw, bool object)
{
    if (scan->depth == SG_JSON_MAX_DEPTH)
        return SG_E_LIMIT;
    scan->frames[scan->depth++] =
        (struct frame){.object = object, .count = 0, .first_key = scan->key_count};
    *raw = (struct sg_text){scan->at++, 1};
    return SG_OK;
}

static int scan_value(struct scan *scan, struct sg_text key)
{
    struct sg_json_item item = {.depth = scan->depth, .key = key};
    int status;

    if (scan->at == scan->end)
        return SG_E_INVALID;
    switch (*scan->at) {
    case '"':
        item.type = SG_JSON_STRING;
        status = scan_string(scan, &item.raw, &item.escaped);
        break;
    case '{':
        item.type = SG_JSON_OBJECT;
        status = open_container(scan, &item.raw, true);
        break;
    case '[':
        item.type = SG_JSON_ARRAY;
        status = open_container(scan, &item.raw, false);
        break;
    case 't':
        item.type = SG_JSON_TRUE;
        status = scan_word(scan, &item.raw, SG_TEXT("true"));
        break;
    case 'f':
        item.type = SG_JSON_FALSE;
        status = scan_word(scan, &item.raw, SG_TEXT("false"));
        break;
    case 'n':
        item.type = SG_JSON_NULL;
        status = scan_word(scan, &item.raw, SG_TEXT("null"));
        break;
    default:
        item.type = SG_JSON_NUMBER;
        status = scan_number(scan, &item.raw);
        break;
    }
    if (status != SG_OK)
        return status;
    if (item.depth > 0 && scan->item != NULL && !scan->item(scan->payload, &item))
        return SG_E_INVALID;
    return SG_OK;
}

/* Up to a member's value: its key and the colon. */
static int scan_key(struct scan *scan, const struct frame *frame, struct sg_text *key)
{
    bool escaped;
    int status;

    if (scan->at == scan->end || *scan->at != '"')
        return SG_E_INVALID;
    status = scan_string(scan, key, &escaped);
    if (status != SG_OK)
        return status;
    status = add_key(scan, frame, *key, escaped);
    if (status != SG_OK)
        return status;
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return SG_E_INVALID;
    scan->at++;
    skip_blanks(scan);
    return SG_OK;
}

/* One more member or element of the innermost container, or its end. */
static int scan_next(struct scan *scan)
{
    struct frame *frame = &scan->frames[scan->depth - 1];
    struct sg_text key = {NULL, 0};

    skip_blanks(scan);
    if (scan->at == scan->end)
        return SG_E_INVALID;
    if (*scan->at == (frame->object ? '}' : ']')) {
        scan->at++;
        scan->depth--;
        scan->key_count = frame->first_key;
        return SG_OK;
    }
    if (frame->count > 0) {
        if (*scan->at != ',')
            return SG_E_INVALID;
        scan->at++;
        skip_blanks(scan);
    }
    frame->count++;
    if (frame->object) {
        const int status = scan_key(scan, frame, &key);

        if (status != SG_OK)
            return status;
    }
    return scan_value(scan, key);
}

int sg_json_scan(struct sg_text text, size_t *position,
                 bool (*item)(void *payload, const struct sg_json_item *item), void *payload)
{
    struct scan scan; /* not zeroed: 14 KiB, of which a token uses little */
    int status;

    if (position != NULL)
        *position = 0;
    if (text.length == 0)
        return SG_E_INVALID;
    if (text.length > UINT32_MAX)
        return SG_E_LIMIT;

    scan.start = scan.at = text.data;
    scan.end = text.data + text.length;
    scan.item = item;
    scan.payload = payload;
    /* Where the stack lies is not for a sender to know; and if it were, MAX_MEMBERS holds. */
    scan.seed = mix((uint64_t)(uintptr_t)&scan, text.length);
    scan.depth = 0;
    scan.key_count = 0;

    skip_blanks(&scan);
    status = scan_value(&scan, (struct sg_text){NULL, 0});
    while (status == SG_OK && scan.depth > 0)
        status = scan_next(&scan);
    if (status == SG_OK) {
        skip_blanks(&scan);
        if (scan.at != scan.end)
            status = SG_E_INVALID;
    }
    if (position != NULL)
        *position = (size_t)(scan.at - scan.start);
    return status;
}
