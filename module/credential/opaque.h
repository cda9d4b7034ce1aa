/*
 * opaque.h - the creation time that AWS's opaque session tokens carry in clear, and where in them
 * it stands. The signature inside, made with a key that nobody publishes, does not cover it:
 * whoever holds a token can write any time there. So it is worth something only when STS has
 * answered for this very token, and was seen to refuse tokens whose time was altered
 * (store/probe.h).
 */
#ifndef SG_CREDENTIAL_OPAQUE_H
#define SG_CREDENTIAL_OPAQUE_H

#include "base/text.h"

#define SG_OPAQUE_TEXT_MAX 4096 /* in base64, as sg_identity_check() takes it */

struct sg_opaque_place {
    size_t at, length; /* tag and, where it has one, length included */
};

struct sg_opaque {
    unsigned char type;            /* the first byte: 33 is today's */
    int64_t issued_s;              /* Unix time */
    char account[13];              /* of types 2 and 33; else empty */
    struct sg_opaque_place time;   /* in bytes[] */
    struct sg_opaque_place sealed; /* the field that ends in what only AWS can read */
    size_t length;
    unsigned char bytes[SG_OPAQUE_TEXT_MAX / 4 * 3];
};

/*
 * Reads `token`. True only for the one known layout of its type, spelled in the one way: canonical
 * base64, every field there once and in order, shortest varints, nothing behind. Protobuf's own
 * readers take much more (the last of two fields counts), and STS's may be such a one. On false
 * *opaque is zeroed. It is a secret: sg_opaque_wipe().
 */
bool sg_opaque_read(struct sg_opaque *opaque, struct sg_text token);
void sg_opaque_wipe(struct sg_opaque *opaque);

#endif
