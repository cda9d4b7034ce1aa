/*
 * issued_page.h - the page `issued`: buckets of slots, a slot a session. What issued.c (readers)
 * and issued_write.c (the agent) share.
 */
#ifndef SG_STORE_ISSUED_PAGE_H
#define SG_STORE_ISSUED_PAGE_H

#include "base/file.h"
#include "store/issued.h"

#include <stdatomic.h>

#define SG_ISSUED_NAME    "issued"
#define SG_ISSUED_VERSION 2
#define SG_ISSUED_BUCKETS 16384u
#define SG_ISSUED_WAYS    8u /* slots of a bucket: 131,072 sessions in all, 8 MiB */

/* Nobody holds a session for longer (GetSessionToken by a user); an hour for clocks. */
#define SG_ISSUED_KEPT_MS (37 * SG_HOUR_MS)

struct sg_issued_entry {
    unsigned char session[16]; /* SHA-256 of the page's key, origin, access key id; cut */
    unsigned char role[16];    /* SHA-256 of the same and the role's key; cut */
    int64_t issued_ms;         /* 0: the slot is free */
    int64_t noted_ms;          /* wall clock when it was written: the oldest makes room */
    unsigned char check[8];    /* SHA-256 of what stands before, cut */
};
#define SG_ISSUED_WORDS (sizeof(struct sg_issued_entry) / 8)

struct sg_issued_slot {
    _Atomic uint64_t sequence; /* odd while the writer is inside */
    _Atomic uint64_t words[SG_ISSUED_WORDS];
};

struct sg_issued_page {
    char magic[8];
    uint32_t version;
    uint32_t order;
    uint32_t bucket_count, way_count, slot_size;
    /* Random, made with the page: who can have events told can't choose access key ids that share a
     * bucket, and drive another session's entry out of it. */
    unsigned char key[16];
    unsigned char reserved[4];
    unsigned char check[16]; /* SHA-256 of magic to key, cut */
    struct sg_issued_slot slots[SG_ISSUED_BUCKETS * SG_ISSUED_WAYS];
};

struct sg_issued_map {
    struct sg_issued_page *page; /* NULL: none */
    uint64_t device, inode;
    int64_t looked_boot_ms; /* when it was last looked for */
    bool complained;
};

/* Maps the page below `folder`. SG_OK; SG_E_ABSENT says nothing; else an error and a problem. */
int sg_issued_map(struct sg_issued_map *map, int folder, bool writable,
                  const struct sg_owners *owners, struct sg_problems *problems);
void sg_issued_unmap(struct sg_issued_map *map);

bool sg_issued_header_check(unsigned char check[static 16], const struct sg_issued_page *page);
bool sg_issued_entry_check(unsigned char check[static 8], const struct sg_issued_entry *entry);

/* The digests of an entry, and the bucket it belongs in. False: malformed. */
bool sg_issued_digests(struct sg_issued_entry *entry, uint32_t *bucket,
                       const struct sg_issued_page *page, uint64_t origin,
                       struct sg_text access_key_id, struct sg_text role_key);

/* A whole copy; false when the writer is inside, or the slot is damaged. A free slot is whole. */
bool sg_issued_read(struct sg_issued_entry *entry, const struct sg_issued_slot *slot);

#endif
