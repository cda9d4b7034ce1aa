/*
 * probe.h - `stsgatectl probe`: what it tries, and how tokens are altered for it.
 */
#ifndef SG_CTL_PROBE_H
#define SG_CTL_PROBE_H

#include "base/buffer.h"
#include "credential/opaque.h"

enum probe_how {
    PROBE_BROKEN,  /* what is sealed: shows how this STS refuses */
    PROBE_ALTERED, /* another time in place of its own */
    PROBE_BEHIND,  /* a second time behind it */
    PROBE_BEFORE,  /* before it */
    PROBE_AT_END,  /* behind all */
    PROBE_GRAFTED, /* the time and all behind it of another session */
};

/* The token with that done to it, in base64: a secret. other: for PROBE_GRAFTED only. */
void probe_alter(struct sg_buffer *token, const struct sg_opaque *own, enum probe_how how,
                 int64_t time_s, const struct sg_opaque *other);

#endif
