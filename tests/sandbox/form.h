/*
 * Lists of names and values: headers, query strings and form bodies, and percent-encoding.
 */
#ifndef SB_FORM_H
#define SB_FORM_H

#include <stddef.h>

#include "util.h"

struct sb_field {
    char *name;
    char *value;
};

struct sb_form {
    struct sb_field *fields;
    size_t count;
};

void sb_form_add(struct sb_form *form, const char *name, const char *value);

/* Adds the decoded fields of name=value&... . -1 on a bad escape, an encoded NUL or over 4096
 * fields. */
int sb_form_parse(struct sb_form *form, const char *bytes, size_t length);

/* The first field of that name, NULL if there is none. Borrowed from the form. */
const char *sb_form_get(const struct sb_form *form, const char *name);
const char *sb_form_get_or(const struct sb_form *form, const char *name, const char *fallback);

/* How often the name occurs. */
size_t sb_form_count(const struct sb_form *form, const char *name);
void sb_form_free(struct sb_form *form);

/* RFC 3986: everything but A-Za-z0-9-._~ as %XX. The caller frees. */
char *sb_percent_encode(const char *text);

#endif
