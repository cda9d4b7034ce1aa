/*
 * fuzz_jwt.c - a credential as a client presents it: read, and verified with
 * fixed keys of each algorithm. Input that begins with "{" is a header line and
 * claims in the clear, which are encoded first: a mutator finds more in them.
 */
#include "../unit/jwt_maker.h"
#include "../unit/jwt_service.h"
#include "credential/jwt.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

static void check_accepted(const struct sg_jwt *jwt, struct sg_text credential)
{
    const struct sg_session *session = &jwt->session;

    must(jwt->issuer != NULL && (jwt->issuer->algorithms & SG_ALG_BIT(jwt->alg)) != 0);
    must(jwt->alg != SG_ALG_NONE && is_plain(jwt->kid));
    must(session->role_arn[0] != '\0' && session->role_key[0] != '\0');
    must(is_plain(session->role_arn) && is_plain(session->session_name));
    must(is_plain(session->source_identity) && is_plain(session->account));
    must(session->issued.earliest_ms <= session->issued.latest_ms);
    must(session->expires_ms > session->token_issued_ms && session->token_issued_ms > 0);
    must(jwt->signing_input.data == credential.data);
    must(jwt->signature.data + jwt->signature.length == credential.data + credential.length);
}

static void read_and_verify(struct sg_text credential)
{
    static struct jwt_service with;
    static struct sg_verify_key *keys[SG_ALG_COUNT];
    struct sg_jwt jwt;

    if (with.service.name == NULL) {
        jwt_service_init(&with);
        for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++)
            must(sg_verify_key_new(&keys[alg], alg, jwt_key_material(alg)) == SG_OK);
    }

    const enum stsgate_reason reason =
        sg_jwt_read(&jwt, credential, &with.service, (JWT_IAT_S + 100) * 1000);
    if (reason != STSGATE_REASON_NONE) {
        must(jwt.session.role_arn[0] == '\0' && jwt.signature.data == NULL);
        return;
    }
    check_accepted(&jwt, credential);
    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        const bool valid = sg_jwt_verify(&jwt, keys[alg]);

        must(!valid || alg == jwt.alg);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 && data[0] == '{' ? memchr(data, '\n', size) : NULL;
    char credential[SG_CREDENTIAL_MAX + 8];

    if (line == NULL) {
        read_and_verify((struct sg_text){(const char *)data, size});
        return 0;
    }

    const size_t header_length = (size_t)(line - data);
    char *header = jwt_base64url(data, header_length);
    char *claims = jwt_base64url(line + 1, size - header_length - 1);
    const size_t length = strlen(header) + strlen(claims) + 6;
    if (length <= SG_CREDENTIAL_MAX) {
        char *end = credential;

        memcpy(end, header, strlen(header));
        end += strlen(header);
        *end++ = '.';
        memcpy(end, claims, strlen(claims));
        end += strlen(claims);
        memcpy(end, ".AAAA", 5);
        read_and_verify((struct sg_text){credential, (size_t)(end - credential) + 5});
    }
    free(header);
    free(claims);
    return 0;
}
