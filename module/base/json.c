/*
 * json.c - values out of scanned JSON, JSON strings written, and trees by
 * json-c for text that the scanner has accepted. Nothing here converts one
 * type into another: json-c would, and reads true, "1" and 1e300 as numbers.
 */
#include "base/json.h"
#include "base/buffer.h"
#include "base/error.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

bool sg_json_int(int64_t *value, const struct sg_json_item *item)
{
    struct sg_text digits = item->raw;
    int64_t result = 0;
    bool negative;

    if (item->type != SG_JSON_NUMBER || digits.length == 0)
        return false;
    negative = digits.data[0] == '-';
    if (negative) {
        digits.data++;
        digits.length--;
    }
    if (digits.length == 0)
        return false;
    for (size_t i = 0; i < digits.length; i++) {
        const int64_t digit = digits.data[i] - '0';

        if (digit < 0 || digit > 9) /* a fraction or an exponent */
            return false;
        /* Counted downwards, since -2^63 has no positive twin. */
        if (__builtin_mul_overflow(result, INT64_C(10), &result) ||
            __builtin_sub_overflow(result, digit, &result))
            return false;
    }
    if (!negative && __builtin_sub_overflow(INT64_C(0), result, &result))
        return false;
    *value = result;
    return true;
}

bool sg_json_string(char *buffer, size_t size, size_t *length, const struct sg_json_item *item)
{
    struct sg_text raw = item->raw;
    size_t used = 0;
    char utf8[4];

    *length = 0;
    if (size == 0)
        return false;
    buffer[0] = '\0';
    if (item->type != SG_JSON_STRING)
        return false;
    if (!item->escaped) {
        if (!sg_text_copy(buffer, size, raw))
            return false;
        *length = raw.length;
        return true;
    }
    while (raw.length > 0) {
        const size_t step = sg_json_next_character(utf8, &raw);

        if (step == 0 || step >= size - used) {
            buffer[0] = '\0';
            return false;
        }
        memcpy(buffer + used, utf8, step);
        used += step;
    }
    buffer[used] = '\0';
    *length = used;
    return true;
}

/* --- trees --- */

/* json-c clamps what doesn't fit, in silence. */
static bool number_fits(const struct sg_json_item *item)
{
    char digits[512];
    int64_t value;

    if (sg_json_int(&value, item))
        return true;
    if (memchr(item->raw.data, '.', item->raw.length) == NULL &&
        memchr(item->raw.data, 'e', item->raw.length) == NULL &&
        memchr(item->raw.data, 'E', item->raw.length) == NULL)
        return false;
    if (!sg_text_copy(digits, sizeof digits, item->raw))
        return false;
    return isfinite(strtod(digits, NULL));
}

static bool check_item(void *payload, const struct sg_json_item *item)
{
    (void)payload;
    return item->type != SG_JSON_NUMBER || number_fits(item);
}

struct json_object *sg_json_parse(struct sg_text text, size_t max_length, int *error)
{
    struct json_tokener *tokener = NULL;
    struct json_object *tree = NULL;

    *error = SG_E_LIMIT;
    if (text.length > max_length || text.length > INT32_MAX)
        return NULL;
    *error = sg_json_scan(text, NULL, check_item, NULL);
    if (*error != SG_OK)
        return NULL;

    *error = SG_E_MEMORY;
    tokener = json_tokener_new_ex(SG_JSON_MAX_DEPTH + 2);
    if (tokener == NULL)
        goto out;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    tree = json_tokener_parse_ex(tokener, text.data, (int)text.length);
    if (json_tokener_get_error(tokener) == json_tokener_success && tree != NULL) {
        *error = SG_OK;
        goto out;
    }
    /* A scalar alone: json-c waits for more of a number, and has no object for null. */
    *error = SG_E_INVALID;
    json_object_put(tree);
    tree = NULL;
out:
    if (tokener != NULL)
        json_tokener_free(tokener);
    return tree;
}

/* --- writing --- */

static void quote_byte(struct sg_buffer *out, char c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = memchr(named, c, sizeof named - 1);

    if (found != NULL) {
        const char pair[2] = {'\\', letters[found - named]};

        sg_buffer_add(out, pair, sizeof pair);
        return;
    }
    sg_buffer_addf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

void sg_json_quote(struct sg_buffer *out, struct sg_text text)
{
    size_t plain = 0; /* where the bytes begin that are copied as they are */
    size_t i = 0;

    sg_buffer_add(out, "\"", 1);
    while (i < text.length) {
        const char c = text.data[i];
        const size_t step = sg_utf8_length(text.data + i, text.length - i);

        if (step > 0 && (unsigned char)c >= 0x20 && c != '"' && c != '\\') {
            i += step;
            continue;
        }
        sg_buffer_add(out, text.data + plain, i - plain);
        if (step == 0)
            sg_buffer_add_text(out, SG_TEXT("\xef\xbf\xbd"));
        else
            quote_byte(out, c);
        plain = ++i;
    }
    if (text.length > plain)
        sg_buffer_add(out, text.data + plain, text.length - plain);
    sg_buffer_add(out, "\"", 1);
}
