/*
 * encoding.h - base64url (RFC 4648 section 5, RFC 7515: no padding), base64 (section 4, padded),
 * hex and percent-encoding (RFC 3986). Decoders are canonical: one text for one value.
 */
#ifndef SG_BASE_ENCODING_H
#define SG_BASE_ENCODING_H

#include "base/buffer.h"

/* Bytes that `length` characters decode to at most. */
#define SG_BASE64URL_SIZE(length) ((length) / 4 * 3 + 3)

/*
 * Decodes into out (size bytes). *length_out is the decoded length. Refuses padding, other
 * alphabets, blanks, a length of 1 mod 4 and non-zero trailing bits (a signature must have one
 * spelling only), and leaves nothing in out then.
 */
bool sg_base64url_decode(unsigned char *out, size_t size, size_t *length_out, struct sg_text text);
void sg_base64url_encode(struct sg_buffer *out, const unsigned char *bytes, size_t length);

/* The same with "+/" for "-_", and its padding. SG_BASE64URL_SIZE() is room enough. */
bool sg_base64_decode(unsigned char *out, size_t size, size_t *length_out, struct sg_text text);
void sg_base64_encode(struct sg_buffer *out, const unsigned char *bytes, size_t length);

void sg_hex_encode(char *out /* 2 * length + 1 */, const unsigned char *bytes, size_t length);

/* %XX only; "+" is itself. False on a broken escape, on NUL and %00, and when out failed. */
bool sg_percent_decode(struct sg_buffer *out, struct sg_text text);
/* Everything but RFC 3986 unreserved characters, and '/' when keep_slash. */
void sg_percent_encode(struct sg_buffer *out, struct sg_text text, bool keep_slash);

#endif
