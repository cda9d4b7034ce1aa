/*
 * keyfile.c - the key file of an issuer that publishes no key set: JWKS, PEM,
 * or the bytes of a shared secret. A file that looks like PEM or JSON is never
 * taken for a secret: whoever knows a public key could sign with it
 * (CVE-2016-10555).
 */
#include "base/file.h"
#include "credential/jwk.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_ALGS                                                                                   \
    (SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_PS256) | SG_ALG_BIT(SG_ALG_ES256) |              \
     SG_ALG_BIT(SG_ALG_ES384) | SG_ALG_BIT(SG_ALG_EDDSA))

/* The SubjectPublicKeyInfo of a certificate. Its dates and signature say nothing here: the
 * administrator chose the file. */
static bool certificate_key(struct sg_buffer *material, const unsigned char *der, long length)
{
    unsigned char *spki = NULL;
    int spki_length = -1;
    X509 *certificate = d2i_X509(NULL, &der, length);

    if (certificate != NULL)
        spki_length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    if (spki_length > 0)
        sg_buffer_add(material, spki, (size_t)spki_length);
    OPENSSL_free(spki);
    X509_free(certificate);
    return spki_length > 0 && !material->failed;
}

static int add_block(struct sg_jwks *jwks, const char *name, const unsigned char *der, long length,
                     unsigned allowed, const char *path, struct sg_problems *problems)
{
    const struct sg_text kind = sg_text_of(name), private = SG_TEXT("PRIVATE KEY");
    struct sg_jwk key = {.algs = 0};
    int error = SG_E_INVALID;

    if (kind.length >= private.length &&
        memcmp(kind.data + kind.length - private.length, private.data, private.length) == 0) {
        sg_problem(problems, path, 0,
                   "a private key: only the issuer may hold it; expected its public key "
                   "(openssl pkey -pubout)");
        return SG_E_INVALID;
    }
    if (sg_text_equal(kind, SG_TEXT("CERTIFICATE"))) {
        if (!certificate_key(&key.material, der, length))
            sg_buffer_wipe(&key.material);
    } else if (sg_text_equal(kind, SG_TEXT("PUBLIC KEY"))) {
        sg_buffer_add(&key.material, der, (size_t)length);
    } else {
        sg_problem(problems, path, 0, "\"%s\" is not read: expected PUBLIC KEY or CERTIFICATE",
                   name);
        return SG_E_INVALID;
    }

    key.algs = sg_jwk_fit_algs(sg_buffer_text(&key.material), PEM_ALGS & allowed);
    if (key.algs != 0)
        error = sg_jwks_add(jwks, &key, path, problems);
    else
        sg_problem(problems, path, 0,
                   "%s: no key that the issuer's algorithms can use (RSA from 2048 to 16384 bits, "
                   "P-256, P-384, Ed25519)",
                   name);
    sg_buffer_wipe(&key.material);
    return error;
}

static int read_pem(struct sg_jwks *jwks, struct sg_text text, unsigned allowed, const char *path,
                    struct sg_problems *problems)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    int error = bio == NULL ? SG_E_MEMORY : SG_OK;
    size_t blocks = 0;

    ERR_set_mark();
    while (error == SG_OK) {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long length = 0;

        if (PEM_read_bio(bio, &name, &header, &der, &length) != 1)
            break;
        blocks++;
        error = add_block(jwks, name, der, length, allowed, path, problems);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, length > 0 ? (size_t)length : 0);
    }
    /* The end is told as "no start line"; anything else is a block that is broken. */
    if (error == SG_OK &&
        (blocks == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)) {
        sg_problem(problems, path, 0, "broken PEM after %zu whole blocks", blocks);
        error = SG_E_INVALID;
    }
    ERR_pop_to_mark();
    BIO_free(bio);
    return error;
}

static int read_secret(struct sg_jwks *jwks, struct sg_text text, unsigned allowed,
                       const char *path, struct sg_problems *problems)
{
    struct sg_jwk key = {.algs = 0};
    int error = SG_E_INVALID;

    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.length--;
    key.algs = sg_jwk_fit_algs(text, SG_ALGS_SECRET & allowed);
    if (key.algs == 0) {
        sg_problem(problems, path, 0,
                   "a secret of %zu bytes: HS256 needs 32 or more, HS384 48, HS512 64 (RFC 7518 "
                   "3.2)",
                   text.length);
        return SG_E_INVALID;
    }
    sg_buffer_add_text(&key.material, text);
    error = key.material.failed ? SG_E_MEMORY : sg_jwks_add(jwks, &key, path, problems);
    sg_buffer_wipe(&key.material);
    return error;
}

static bool looks_like_json(struct sg_text text)
{
    while (text.length > 0 && memchr(" \t\r\n", text.data[0], 4) != NULL) {
        text.data++;
        text.length--;
    }
    return text.length > 0 && text.data[0] == '{';
}

int sg_keys_parse(struct sg_jwks *jwks, struct sg_text text, unsigned allowed, bool allow_secret,
                  const char *where, struct sg_problems *problems)
{
    int error = SG_E_INVALID;

    *jwks = (struct sg_jwks){.keys = NULL};
    if (text.length > SG_JWKS_MAX_BYTES) {
        sg_problem(problems, where, 0, "over %d bytes", SG_JWKS_MAX_BYTES);
        return SG_E_LIMIT;
    }
    if (looks_like_json(text))
        return sg_jwks_parse(jwks, text, allowed, allow_secret, where, problems);

    if (text.length > 0 && memmem(text.data, text.length, "-----BEGIN ", 11) != NULL)
        error = read_pem(jwks, text, allowed, where, problems);
    else if (allow_secret)
        error = read_secret(jwks, text, allowed, where, problems);
    else
        sg_problem(problems, where, 0, "neither a JSON Web Key Set nor PEM");
    if (error != SG_OK)
        sg_jwks_clear(jwks);
    return error;
}

int sg_keys_read_file(struct sg_jwks *jwks, const char *path, unsigned allowed, bool allow_secret,
                      struct sg_problems *problems)
{
    struct sg_buffer content = {.limit = 0};

    *jwks = (struct sg_jwks){.keys = NULL};
    int error = sg_file_read(&content, AT_FDCWD, path, SG_JWKS_MAX_BYTES, NULL, problems);
    if (error == SG_OK)
        error =
            sg_keys_parse(jwks, sg_buffer_text(&content), allowed, allow_secret, path, problems);
    sg_buffer_wipe(&content);
    return error;
}
