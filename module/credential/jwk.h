/*
 * jwk.h - JSON Web Key Sets (RFC 7517) and PEM files into what jws.h takes.
 * Off the request path only: the agent and the gate's opening use it.
 */
#ifndef SG_CREDENTIAL_JWK_H
#define SG_CREDENTIAL_JWK_H

#include "base/buffer.h"
#include "credential/jws.h"

#define SG_JWKS_MAX_BYTES (256 * 1024)
#define SG_JWKS_MAX_KEYS  64
#define SG_KID_MAX        255

/* A key as the store holds it: one byte alg mask low, one high, then the material (SPKI DER; HS
 * secrets never go to the store). */
struct sg_jwk {
    char kid[SG_KID_MAX +
             1];   /* empty: the set has one key without kid, used for tokens without kid */
    unsigned algs; /* SG_ALG_BIT()s it may verify: its `alg`, or those of its kty and crv */
    struct sg_buffer material; /* wipe with sg_buffer_wipe */
};

struct sg_jwks {
    struct sg_jwk *keys;
    size_t count;
};

/*
 * A set for an issuer that may use `allowed` algorithms. Keys that are for encryption (use,
 * key_ops), private, of another kind or too weak are left out and named in problems; a duplicate
 * kid with another key, over SG_JWKS_MAX_KEYS, or no usable key at all refuses the set. `oct` keys
 * are taken only when allow_secret. A single JWK is a set of one. Never logs key material. SG_OK,
 * SG_E_INVALID, SG_E_LIMIT, SG_E_MEMORY.
 */
int sg_jwks_parse(struct sg_jwks *jwks, struct sg_text json, unsigned allowed, bool allow_secret,
                  const char *where, struct sg_problems *problems);
/* A key file: JWKS, one JWK, PEM public keys or certificates, or (allow_secret, not starting with {
 * or -----) a raw secret, one trailing newline dropped. */
int sg_keys_read_file(struct sg_jwks *jwks, const char *path, unsigned allowed, bool allow_secret,
                      struct sg_problems *problems);
/* The same of a key file's content; `where` is told in problems. */
int sg_keys_parse(struct sg_jwks *jwks, struct sg_text text, unsigned allowed, bool allow_secret,
                  const char *where, struct sg_problems *problems);
void sg_jwks_clear(struct sg_jwks *jwks);

/* Steps of the two readers. Of `algs`, those that jws.h takes this material for. */
unsigned sg_jwk_fit_algs(struct sg_text material, unsigned algs);
/* Takes the key over and zeroes *key, or refuses it (duplicate kid, too many) and leaves it to the
 * caller. */
int sg_jwks_add(struct sg_jwks *jwks, struct sg_jwk *key, const char *where,
                struct sg_problems *problems);

/* The store's form of a key, and back (algs and a view of the material). */
void sg_jwk_pack(struct sg_buffer *out, const struct sg_jwk *key);
bool sg_jwk_unpack(unsigned *algs, struct sg_text *material, struct sg_text packed);

#endif
