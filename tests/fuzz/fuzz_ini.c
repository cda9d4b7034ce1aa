/*
 * fuzz_ini.c - the INI reader. Ranges that it hands out must lie in the text, trimmed and on one
 * line; it must fail exactly when it reported something.
 */
#include "base/ini.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
    struct sg_text text;
    unsigned last;
};

static void require_inside(const struct check *check, struct sg_text part)
{
    if (part.length == 0)
        return;
    if (part.data < check->text.data ||
        part.data + part.length > check->text.data + check->text.length)
        abort();
    if (memchr(part.data, '\n', part.length) != NULL ||
        memchr(part.data, '\0', part.length) != NULL)
        abort();
    const struct sg_text trimmed = sg_text_trim(part);
    if (trimmed.length != part.length)
        abort();
}

static void check_line(void *payload, const struct sg_ini_line *line)
{
    struct check *check = payload;

    if (line->number <= check->last)
        abort();
    check->last = line->number;
    if (line->key.length == 0 && (line->section.length == 0 || line->value.length > 0))
        abort();
    require_inside(check, line->section);
    require_inside(check, line->name);
    require_inside(check, line->key);
    require_inside(check, line->value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct check check = {.text = {(const char *)data, size}};
    struct sg_problems problems = {0};

    const int status = sg_ini_read(check.text, "fuzz", &problems, check_line, &check);
    if ((status == SG_OK) != (problems.count == 0))
        abort();
    sg_problems_clear(&problems);
    return 0;
}
