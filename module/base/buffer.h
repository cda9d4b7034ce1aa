/*
 * buffer.h - a growable byte buffer and the one allocation wrapper. Sizes are
 * checked for overflow; a buffer that failed stays failed, so callers check
 * once, at the end.
 */
#ifndef SG_BASE_BUFFER_H
#define SG_BASE_BUFFER_H

#include "base/text.h"

void *sg_alloc(size_t count, size_t size); /* zeroed; NULL on overflow or out of memory; free() */
char *sg_text_dup(
    struct sg_text text); /* NUL-terminated copy; NULL when out of memory or text holds NUL */

struct sg_buffer {
    char *data; /* always NUL-terminated one past length, once anything was added */
    size_t length, capacity;
    size_t limit; /* 0: SIZE_MAX / 2 */
    bool failed;  /* an addition did not fit or memory ended; length is what stood before */
};

void sg_buffer_add(struct sg_buffer *buffer, const void *data, size_t length);
void sg_buffer_add_text(struct sg_buffer *buffer, struct sg_text text);
void sg_buffer_addf(struct sg_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sg_buffer_clear(struct sg_buffer *buffer); /* frees; ready for use again */
void sg_buffer_wipe(struct sg_buffer *buffer);  /* cleanses, then frees */
static inline struct sg_text sg_buffer_text(const struct sg_buffer *buffer)
{
    return (struct sg_text){buffer->data, buffer->length};
}

#endif
