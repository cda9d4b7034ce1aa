/*
 * error.c - collecting what went wrong, in words, for the person who has to
 * mend it. Keeps errno, so that it can be called on the way out of a failure.
 */
#include "base/error.h"
#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Longer is cut: enough for a path, an ARN and a sentence. */
#define MAX_PROBLEM 2048

/* Doubles at each power of two, so that no capacity needs to be kept. */
static bool make_room(struct sg_problems *problems)
{
    const size_t stored = problems->stored;
    size_t bytes;

    if (stored != 0 && (stored & (stored - 1)) != 0)
        return true;
    if (__builtin_mul_overflow(stored == 0 ? 1 : stored * 2, sizeof(char *), &bytes))
        return false;

    char **texts = realloc(problems->texts, bytes);
    if (texts == NULL)
        return false;
    problems->texts = texts;
    return true;
}

static void store(struct sg_problems *problems, const char *text, size_t length)
{
    if (!make_room(problems))
        return;

    char *copy = sg_alloc(length + 1, 1);
    if (copy == NULL)
        return;
    memcpy(copy, text, length);
    sg_text_make_printable(copy, length);
    problems->texts[problems->stored++] = copy;
}

void sg_problem(struct sg_problems *problems, const char *file, unsigned line, const char *format,
                ...)
{
    const int saved = errno;
    char text[MAX_PROBLEM];
    size_t length = 0;
    va_list arguments;
    int written = 0;

    if (problems == NULL)
        return;
    problems->count++;

    if (file != NULL && line != 0)
        written = snprintf(text, sizeof text, "%s:%u: ", file, line);
    else if (file != NULL)
        written = snprintf(text, sizeof text, "%s: ", file);
    if (written > 0)
        length = (size_t)written < sizeof text ? (size_t)written : sizeof text - 1;

    errno = saved; /* for %m */
    va_start(arguments, format);
    written = vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    if (written > 0) {
        const size_t room = sizeof text - length - 1;

        length += (size_t)written < room ? (size_t)written : room;
    }
    store(problems, text, length);
    errno = saved;
}

void sg_problems_clear(struct sg_problems *problems)
{
    for (size_t i = 0; i < problems->stored; i++)
        free(problems->texts[i]);
    free(problems->texts);
    *problems = (struct sg_problems){0};
}
