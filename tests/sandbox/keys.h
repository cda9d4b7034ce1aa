/*
 * An account's token signing keys and what is made with them: the key set and JWS signatures.
 */
#ifndef SB_KEYS_H
#define SB_KEYS_H

#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdbool.h>

struct sb_keys;

struct sb_keys *sb_keys_new(void); /* keys are made when first asked for */
void sb_keys_free(struct sb_keys *keys);

/* The key that alg signs with now, and its kid; NULL for an alg without a key pair. Borrowed. */
EVP_PKEY *sb_keys_signer(struct sb_keys *keys, const char *alg);
const char *sb_keys_kid(struct sb_keys *keys, const char *alg);

/* New RSA and P-384 keys. keep: the old ones stay in the key set. same_kid: reuse the ids, drop the
 * old. */
void sb_keys_rotate(struct sb_keys *keys, bool keep, bool same_kid);
struct json_object *sb_keys_set(struct sb_keys *keys); /* a JWKS; the caller owns it */
char *sb_keys_rsa_pem(struct sb_keys *keys);

/* The signature part, base64url; NULL for an unknown algorithm or a key of the wrong type. */
char *sb_jws_sign(EVP_PKEY *key, const char *alg, const char *input);
char *sb_jws_hmac(const char *key, const char *alg, const char *input);

#endif
