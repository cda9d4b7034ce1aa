/*
 * jws.h - JWS signatures (RFC 7515, RFC 7518, RFC 8037) on OpenSSL, ES384 on nettle if built so
 * (p384.h). A key is prepared once for a reader and an algorithm; on the request path there is one
 * digest and one EVP_PKEY_verify, no parsing of keys, no choice of algorithm by the token.
 */
#ifndef SG_CREDENTIAL_JWS_H
#define SG_CREDENTIAL_JWS_H

#include "base/error.h"
#include "base/text.h"
#include "config/alg.h" /* enum sg_alg and its names, implemented there */

#define SG_SIGNATURE_MAX 2048 /* bytes decoded: RSA 16384 */

/* One prepared key: not thread safe, one a reader. */
struct sg_verify_key;
/*
 * material: SubjectPublicKeyInfo in DER, or for HS* the secret (copied, cleansed at free). Refuses
 * a key of another type, curve or size than the algorithm's (RSA 2048..16384 bits, e odd, 3 <= e <
 * 2^64; HS secret at least as long as the hash, RFC 7518 3.2). SG_OK, SG_E_INVALID, SG_E_CRYPTO,
 * SG_E_MEMORY.
 */
int sg_verify_key_new(struct sg_verify_key **key, enum sg_alg alg, struct sg_text material);
void sg_verify_key_free(struct sg_verify_key *key);
enum sg_alg sg_verify_key_alg(const struct sg_verify_key *key);

/* True only when `signature` (decoded bytes) is the key's over signing_input. Everything else,
 * failures included, is false. */
bool sg_verify(struct sg_verify_key *key, struct sg_text signing_input,
               const unsigned char *signature, size_t signature_length);

#endif
