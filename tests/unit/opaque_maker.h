/*
 * opaque_maker.h - opaque session tokens for tests, built field by field after the published
 * layout. Shares nothing with the reader.
 */
#ifndef OPAQUE_MAKER_H
#define OPAQUE_MAKER_H

#include "base/buffer.h"

/* Protobuf pieces. */
void opaque_varint(struct sg_buffer *out, uint64_t value);
void opaque_number(struct sg_buffer *out, unsigned field, uint64_t value);
void opaque_bytes(struct sg_buffer *out, unsigned field, struct sg_text bytes);

/* The fields of type 33 in their order: 1 name, 2 key id, 3 region, 4 signature, 5 user, 6 time,
 * 7 the rest. */
void opaque_field(struct sg_buffer *out, unsigned field, const char *account, int64_t issued_s);
/* All of it, type byte included, not yet in base64. */
void opaque_whole(struct sg_buffer *out, const char *account, int64_t issued_s);
/* Into base64. */
void opaque_token(struct sg_buffer *token, const struct sg_buffer *bytes);

#endif
