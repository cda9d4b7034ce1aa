/*
 * Lists of names and values; see form.h. Bytes come from the network: every escape is checked.
 */
#include "form.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 4096 };

static void add_owned(struct sb_form *form, char *name, char *value)
{
    form->fields = sb_grow(form->fields, form->count + 1, sizeof(*form->fields));
    form->fields[form->count].name = name;
    form->fields[form->count].value = value;
    form->count++;
}

void sb_form_add(struct sb_form *form, const char *name, const char *value)
{
    add_owned(form, sb_copy(name), sb_copy(value));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* NULL on a bad escape or a NUL, which no C string could carry. */
static char *decode(const char *bytes, size_t length)
{
    char *text = sb_alloc(length + 1);
    size_t out = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        int high;
        int low;
        char c = bytes[i];

        if (c == '+')
            c = ' ';
        if (c == '%') {
            if (length - i < 3)
                goto bad;
            high = hex_digit(bytes[i + 1]);
            low = hex_digit(bytes[i + 2]);
            if (high < 0 || low < 0)
                goto bad;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            goto bad;
        text[out++] = c;
    }
    return text;
bad:
    free(text);
    return NULL;
}

int sb_form_parse(struct sb_form *form, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end) {
        const char *stop = memchr(bytes, '&', (size_t)(end - bytes));
        const char *equals;
        const char *value;
        char *name_text;
        char *value_text;

        if (stop == NULL)
            stop = end;
        equals = memchr(bytes, '=', (size_t)(stop - bytes));
        value = equals != NULL ? equals + 1 : stop;
        if (equals == NULL)
            equals = stop;
        if (stop > bytes) {
            if (form->count >= MAX_FIELDS)
                return -1;
            name_text = decode(bytes, (size_t)(equals - bytes));
            value_text = decode(value, (size_t)(stop - value));
            if (name_text == NULL || value_text == NULL) {
                free(name_text);
                free(value_text);
                return -1;
            }
            add_owned(form, name_text, value_text);
        }
        bytes = stop + 1;
    }
    return 0;
}

const char *sb_form_get(const struct sb_form *form, const char *name)
{
    size_t i;

    for (i = 0; i < form->count; i++) {
        if (strcmp(form->fields[i].name, name) == 0)
            return form->fields[i].value;
    }
    return NULL;
}

const char *sb_form_get_or(const struct sb_form *form, const char *name, const char *fallback)
{
    const char *value = sb_form_get(form, name);

    return value != NULL ? value : fallback;
}

size_t sb_form_count(const struct sb_form *form, const char *name)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < form->count; i++)
        count += strcmp(form->fields[i].name, name) == 0;
    return count;
}

void sb_form_free(struct sb_form *form)
{
    size_t i;

    for (i = 0; i < form->count; i++) {
        free(form->fields[i].name);
        sb_wipe_string(form->fields[i].value); /* may be a session token or a signature */
    }
    free(form->fields);
    memset(form, 0, sizeof(*form));
}

char *sb_percent_encode(const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = sb_alloc(strlen(text) * 3 + 1);
    size_t out = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            encoded[out++] = (char)c;
            continue;
        }
        encoded[out++] = '%';
        encoded[out++] = hex[c >> 4];
        encoded[out++] = hex[c & 15];
    }
    return encoded;
}
