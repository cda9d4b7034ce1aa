/*
 * p384.h - ES384 signatures by nettle, where this was built --with-nettle:
 * the OpenSSL 3.0 of today's stable systems computes P-384 in more than twice its time. Either
 * answers the same to the same bytes, and everything else is OpenSSL's.
 */
#ifndef SG_CREDENTIAL_P384_H
#define SG_CREDENTIAL_P384_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#define SG_P384_SIGNATURE 96 /* r and s side by side, RFC 7518 3.4 */

struct sg_p384_key;
/* Of a key that jws.c has found good; NULL: let OpenSSL verify. */
struct sg_p384_key *sg_p384_key_new(const EVP_PKEY *key);
void sg_p384_key_free(struct sg_p384_key *key);

/* True only when the signature is the key's over the digest. */
bool sg_p384_verify(const struct sg_p384_key *key,
                    const unsigned char signature[static SG_P384_SIGNATURE],
                    const unsigned char *digest, size_t digest_length);

#endif
