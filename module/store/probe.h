/*
 * probe.h - what `stsgatectl probe` found out about a partition's STS: whether it refuses session
 * tokens whose creation time was altered or stands there twice. A file in the state folder, which
 * the tool writes and the agent reads. It is authorised by where it lies: who may write that folder
 * (root, the agent's user) may write the store itself. It speaks of one STS and of one type of
 * token, and for 30 days.
 */
#ifndef SG_STORE_PROBE_H
#define SG_STORE_PROBE_H

#include "base/date.h"
#include "base/file.h"

#define SG_PROBE_MAX_BYTES 2048
#define SG_PROBE_LIFE_MS   INT64_C(2592000000)

struct sg_probe {
    struct sg_text partition;
    struct sg_text sts_endpoint; /* as configured; empty: the partition's own */
    unsigned char token_type;    /* struct sg_opaque */
    int64_t date_ms;             /* STS's own Date */
    bool refused;                /* every token that was altered */
};

/* The file's content. */
void sg_probe_write(struct sg_buffer *out, const struct sg_probe *probe);
/* Takes nothing but what sg_probe_write() makes; texts are borrowed from `content`. */
bool sg_probe_read(struct sg_probe *probe, struct sg_text content);

/* Why times of tokens may not be taken from the STS of that partition and endpoint (NULL:
 * none) by this probe: in words; NULL: they may. */
const char *sg_probe_lacks(const struct sg_probe *probe, const char *partition,
                           const char *sts_endpoint, int64_t now_ms);

/* What the state folder says of an STS. */
struct sg_probe_found {
    const char *why;          /* why times may not be taken, in words; NULL: they may, and then */
    unsigned char token_type; /* of tokens of this type */
    int64_t until_ms;         /* until then */
};
void sg_probe_find(struct sg_probe_found *found, const char *state, const struct sg_owners *owners,
                   const char *partition, const char *sts_endpoint, int64_t now_ms);
/* Replaces it. SG_OK, or a negative error that is named in problems. */
int sg_probe_store(const struct sg_probe *probe, const char *state, const struct sg_owners *owners,
                   struct sg_problems *problems);

#endif
