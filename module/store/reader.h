/*
 * reader.h - one reader's insides, shared by store.c (picking up what is published) and lookup.c
 * (looking into what was picked up).
 */
#ifndef SG_STORE_READER_H
#define SG_STORE_READER_H

#include "store/issued_page.h"
#include "store/now.h"
#include "store/table.h"

struct sg_slot {
    /* What the hot path reads comes first. */
    uint32_t index; /* in the page; SG_NOW_NONE: not there (yet) */
    bool settled;   /* `stamp` was taken at `sequence`, and the table it speaks of is mapped */
    uint64_t sequence;
    struct sg_stamp stamp;

    struct sg_table_map table; /* accounts; issuers share the store's */
    uint64_t epoch;
    uint64_t seen;    /* newest generation that was published */
    uint64_t refused; /* the generation that was last logged as refused */
    uint64_t damaged; /* sequence at which a damaged slot was logged, plus 1 */
    int64_t table_tried_boot_ms;
    uint32_t scanned; /* slots of the page that were searched for this label */
    enum sg_slot_kind kind;
    char label[SG_LABEL_MAX + 1];
    struct sg_slot *next;
};

struct sg_store {
    struct sg_now now;
    int64_t doubt_boot_ms; /* when a page of which nothing moved is looked at again */
    struct sg_table_map keys;
    struct sg_issued_map issued;
    uint64_t epochs; /* tables mapped so far: none of their numbers is used twice */
    uint64_t keys_epoch;
    struct sg_slot *slots;
    int64_t page_tried_boot_ms;
    bool page_complained; /* the page's trouble was told once already */
    bool boot_known;
    unsigned char boot_id[16];
    struct sg_owners owners;
    const struct sg_log *log;
    struct sg_log log_copy;
    char *folder;
};

/* The table that a slot's content lies in. */
static inline struct sg_table_map *sg_slot_table(struct sg_store *store, struct sg_slot *slot)
{
    return slot->kind == SG_SLOT_ACCOUNT ? &slot->table : &store->keys;
}

#endif
