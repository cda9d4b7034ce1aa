/*
 * buffer.c - the growable buffer and the allocation wrapper. What is outgrown
 * is cleansed before it is freed, since buffers hold secrets at times.
 */
#include "base/buffer.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *sg_alloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return calloc(1, bytes == 0 ? 1 : bytes);
}

char *sg_text_dup(struct sg_text text)
{
    if (text.length == SIZE_MAX)
        return NULL;
    if (text.length > 0 && memchr(text.data, '\0', text.length) != NULL)
        return NULL;

    char *copy = sg_alloc(text.length + 1, 1);
    if (copy != NULL && text.length > 0)
        memcpy(copy, text.data, text.length);
    return copy;
}

/* Room for `more` bytes and the terminator. */
static bool reserve(struct sg_buffer *buffer, size_t more)
{
    const size_t limit = buffer->limit == 0 ? SIZE_MAX / 2 : buffer->limit;
    size_t need, capacity;

    if (buffer->failed)
        return false;
    if (__builtin_add_overflow(buffer->length, more, &need) || need > limit ||
        need >= SIZE_MAX / 2) {
        buffer->failed = true;
        return false;
    }
    if (buffer->data != NULL && need < buffer->capacity)
        return true;

    capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity <= need)
        capacity *= 2;

    char *data = malloc(capacity);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    if (buffer->length > 0) {
        memcpy(data, buffer->data, buffer->length);
        OPENSSL_cleanse(buffer->data, buffer->length);
    }
    data[buffer->length] = '\0';
    free(buffer->data);
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void sg_buffer_add(struct sg_buffer *buffer, const void *data, size_t length)
{
    if (!reserve(buffer, length))
        return;
    if (length > 0)
        memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void sg_buffer_add_text(struct sg_buffer *buffer, struct sg_text text)
{
    sg_buffer_add(buffer, text.data, text.length);
}

void sg_buffer_addf(struct sg_buffer *buffer, const char *format, ...)
{
    va_list arguments;

    if (!reserve(buffer, 0))
        return;

    const size_t room = buffer->capacity - buffer->length;
    va_start(arguments, format);
    int written = vsnprintf(buffer->data + buffer->length, room, format, arguments);
    va_end(arguments);

    if (written >= 0 && (size_t)written >= room) {
        buffer->data[buffer->length] = '\0';
        if (!reserve(buffer, (size_t)written))
            return;
        va_start(arguments, format);
        written = vsnprintf(buffer->data + buffer->length, (size_t)written + 1, format, arguments);
        va_end(arguments);
    } else if (written >= 0 && !reserve(buffer, (size_t)written)) {
        buffer->data[buffer->length] = '\0'; /* fits the memory, not the limit */
        return;
    }
    if (written < 0) {
        buffer->data[buffer->length] = '\0';
        buffer->failed = true;
        return;
    }
    buffer->length += (size_t)written;
}

void sg_buffer_clear(struct sg_buffer *buffer)
{
    const size_t limit = buffer->limit;

    free(buffer->data);
    *buffer = (struct sg_buffer){.limit = limit};
}

void sg_buffer_wipe(struct sg_buffer *buffer)
{
    if (buffer->data != NULL)
        OPENSSL_cleanse(buffer->data, buffer->capacity);
    sg_buffer_clear(buffer);
}
