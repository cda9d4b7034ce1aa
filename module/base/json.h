/*
 * json.h - the strict scanner (RFC 8259 as narrowed by RFC 8725 2.4 and I-JSON): UTF-8, no BOM, no
 * NUL and no lone surrogate, no duplicate member, no control byte in a string, numbers as the
 * grammar says, depth and size limits, nothing after the value. One pass, no allocation, linear
 * time. Token claims are read with it alone; json-c builds its trees only of text that this has
 * accepted first.
 */
#ifndef SG_BASE_JSON_H
#define SG_BASE_JSON_H

#include "base/text.h"

enum sg_json_type {
    SG_JSON_NULL,
    SG_JSON_FALSE,
    SG_JSON_TRUE,
    SG_JSON_NUMBER,
    SG_JSON_STRING,
    SG_JSON_ARRAY,
    SG_JSON_OBJECT,
};

/* One member or element met by the scan. */
struct sg_json_item {
    enum sg_json_type type;
    unsigned depth; /* 1: a member of the top object, 2: of a value inside it, ... */
    struct sg_text
        key; /* raw, between its quotes; empty in arrays. Never holds an escape: see below */
    struct sg_text
        raw; /* the value as written; a string with its quotes left out, escapes not yet undone */
    bool escaped; /* STRING: raw holds backslash escapes */
};

#define SG_JSON_MAX_DEPTH        32
#define SG_JSON_MAX_MEMBERS      512  /* of one object: bounds the duplicate check */
#define SG_JSON_MAX_OPEN_MEMBERS 1024 /* of an object and those around it, up to any point */

/*
 * Scans `text` (one JSON value) and calls `item` for each member and element, objects and arrays
 * first, then what is in them; `raw` of a container is only its opening byte at that time. `item`
 * may be NULL (validate only). When it returns false the scan stops with SG_E_INVALID. SG_OK,
 * SG_E_INVALID, SG_E_LIMIT. *position (may be NULL): where the scan stopped. A key that holds an
 * escape is unescaped for the duplicate check; `key` shows it raw, so that "iat" spelled with
 * \u0061 never equals SG_TEXT("iat").
 */
int sg_json_scan(struct sg_text text, size_t *position,
                 bool (*item)(void *payload, const struct sg_json_item *item), void *payload);

/* Typed readers of an item's value: false when the type or form is another. */
bool sg_json_int(
    int64_t *value,
    const struct sg_json_item *item); /* digits with optional '-', no fraction, no exponent */
/* Unescaped UTF-8 into buffer, terminated; false when too long. Strings with \u0000 were refused by
 * the scan. */
bool sg_json_string(char *buffer, size_t size, size_t *length, const struct sg_json_item *item);

/*
 * The next byte or escape of a scanned string's raw text as 1 to 4 bytes of UTF-8, and moves
 * *raw past it (unescaped characters come byte by byte). 0 at the end.
 */
size_t sg_json_next_character(char utf8[static 4], struct sg_text *raw);

struct json_object;
/*
 * Strict scan, then json-c: a tree, or NULL with *error (SG_E_INVALID, SG_E_LIMIT, SG_E_MEMORY).
 * The caller's: json_object_put(). The value must be an object, an array or a string; a number that
 * json-c would clamp (an integer past int64_t, a fraction past double or over 511 bytes long) is
 * SG_E_INVALID.
 */
struct json_object *sg_json_parse(struct sg_text text, size_t max_length, int *error);

/* Writes `text` as a JSON string with its quotes (invalid UTF-8 becomes U+FFFD). */
struct sg_buffer;
void sg_json_quote(struct sg_buffer *out, struct sg_text text);

#endif
