/*
 * now.h - the page `now`: fixed size, mapped shared by everyone, written by the agent alone. One
 * slot a label says which generation holds and how fresh it is.
 *
 * Each slot has a sequence word: odd while the writer is inside. Readers copy and look again; a
 * slot also carries a check over its content, so that a damaged page is not believed.
 */
#ifndef SG_STORE_NOW_H
#define SG_STORE_NOW_H

#include "store/store.h"

#include <stdatomic.h>

#define SG_NOW_NAME    "now"
#define SG_NOW_VERSION 1
#define SG_NOW_NONE    UINT32_MAX /* no such slot */
#define SG_ORDER_MARK  UINT32_C(0x01020304)

/* A slot's content. */
struct sg_now_entry {
    char label[SG_LABEL_MAX + 1];
    unsigned char boot_id[16]; /* of the machine's run that the *_boot_ms are of */
    uint32_t kind;             /* enum sg_slot_kind */
    uint32_t reserved;
    uint64_t generation;
    int64_t complete_boot_ms, complete_aws_ms, tried_boot_ms; /* SG_NEVER_MS: never */
    uint64_t origin;                                          /* see sg_store_claim() */
    unsigned char check[8]; /* SHA-256 of what stands before, cut */
};

#define SG_NOW_WORDS (sizeof(struct sg_now_entry) / 8)

struct sg_now_slot {
    _Atomic uint64_t sequence;
    _Atomic uint64_t words[SG_NOW_WORDS]; /* a struct sg_now_entry */
};

struct sg_now_page {
    char magic[8];
    uint32_t version;
    uint32_t order;
    _Atomic uint32_t
        retired; /* here in every version: not 0 when another page takes this one's place */
    _Atomic uint32_t used; /* slots[0..used) */
    uint32_t slot_count;
    uint32_t slot_size;
    unsigned char reserved[80];
    unsigned char check[16]; /* SHA-256 of magic, version, order, slot_count, slot_size, cut */
    struct sg_now_slot slots[SG_STORE_SLOTS];
};

struct sg_now {
    struct sg_now_page *page; /* NULL: none; readers' mapping is read-only */
    uint64_t device, inode;
};

/*
 * Maps the page below `folder`. SG_OK; SG_E_ABSENT (says nothing), or another error and a problem.
 * Readers refuse a retired page (SG_E_BUSY, says nothing): its successor is about to come.
 */
int sg_now_map(struct sg_now *now, int folder, bool writable, const struct sg_owners *owners,
               struct sg_problems *problems);
void sg_now_unmap(struct sg_now *now);

/* The slot of this label from index `from` on, or SG_NOW_NONE. */
uint32_t sg_now_find(const struct sg_now_page *page, enum sg_slot_kind kind, struct sg_text label,
                     uint32_t from, uint32_t used);
uint32_t sg_now_used(const struct sg_now_page *page); /* never over the capacity */

/* A whole copy. SG_E_BUSY: the writer is inside (or was killed there); SG_E_INVALID: damaged.
 * *sequence is set by all but BUSY. */
int sg_now_read(struct sg_now_entry *entry, uint64_t *sequence, const struct sg_now_page *page,
                uint32_t index);

static inline uint64_t sg_now_sequence(const struct sg_now_page *page, uint32_t index)
{
    return atomic_load_explicit(&page->slots[index].sequence, memory_order_acquire);
}
static inline bool sg_now_retired(const struct sg_now_page *page)
{
    return atomic_load_explicit(&page->retired, memory_order_acquire) != 0;
}

bool sg_now_header_check(unsigned char check[static 16], const struct sg_now_page *page);
bool sg_now_entry_check(unsigned char check[static 8], const struct sg_now_entry *entry);

/* ---- the writer's ---- */

/* An empty page in place of whatever is there; the old one, if it can be, is marked retired first.
 */
int sg_now_create(int folder, struct sg_problems *problems);
/* Whole, under the sequence word. */
void sg_now_write(struct sg_now_page *page, uint32_t index, struct sg_now_entry *entry);
/* The slot of this label, made when missing. SG_NOW_NONE: the page is full. */
uint32_t sg_now_claim(struct sg_now_page *page, enum sg_slot_kind kind, struct sg_text label);

#endif
