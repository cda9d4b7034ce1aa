/*
 * writer.h - the writer's insides, shared by writer.c and table_write.c.
 */
#ifndef SG_STORE_WRITER_H
#define SG_STORE_WRITER_H

#include "store/issued_page.h"
#include "store/now.h"
#include "store/table.h"

struct sg_store_writer {
    int folder; /* descriptor */
    int lock;   /* descriptor that holds the lock */
    struct sg_now now;
    struct sg_issued_map issued; /* mapped when there is something to note */
    struct sg_clock clock;
    struct sg_owners owners;
    unsigned char boot_id[16];
    uint64_t keys_generation; /* of keys.cdb */
    uint64_t last_generation; /* newest that was given out, published or not: none is used twice */
};

/* The generation that follows `previous`: never back, also when the folder was lost meanwhile. 0:
 * none is left. */
uint64_t sg_writer_next_generation(struct sg_store_writer *writer, uint64_t previous);

/* What is published for a label now; 0: nothing. */
uint64_t sg_writer_generation(const struct sg_store_writer *writer, enum sg_slot_kind kind,
                              struct sg_text label);

/* Moves a label's generation: the last step of publishing. SG_OK, SG_E_LIMIT: the page is full. */
int sg_writer_publish(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label,
                      uint64_t generation);

#endif
