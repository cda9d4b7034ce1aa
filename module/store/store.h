/*
 * store.h - the host's local copy of role records and signing keys: immutable
 * tables (tinycdb, one an account, one for keys) and one small page, `now`,
 * that says which generation of each holds and how fresh it is. Readers map both
 * read-only and need no write right anywhere; there is one writer, the agent.
 *
 * In the folder: `now`, `lock`, `account-LABEL.cdb`, `keys.cdb`, `issued` (issued.h). A table is
 * written aside, ends in a SHA-256 of all before it, is fsynced and renamed; then its generation
 * moves in `now`.
 */
#ifndef SG_STORE_STORE_H
#define SG_STORE_STORE_H

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/record.h"

#define SG_LABEL_MAX   47
#define SG_STORE_SLOTS 1024
#define SG_NEVER_MS    (INT64_MIN / 2) /* before any boot; a difference to it does not overflow */

enum sg_slot_kind { SG_SLOT_ACCOUNT = 1, SG_SLOT_ISSUER = 2 };

/*
 * How fresh a slot is. Read without a lock; torn reads are impossible (sequence word). It always
 * speaks of the content that the reader holds: while a newer table is published but can't be used,
 * the stamp stays what it was and ages.
 */
struct sg_stamp {
    uint64_t
        generation; /* of the content; moves only when the content changes; 0: never published */
    bool this_boot; /* stamped since this machine booted; else stale whatever the times say */
    int64_t complete_boot_ms; /* CLOCK_BOOTTIME when the last complete answer was asked for;
                                 SG_NEVER_MS: none this boot */
    int64_t complete_aws_ms;  /* the Date that AWS gave with it, also before this boot; SG_NEVER_MS:
                                 none */
    uint64_t origin;       /* what the label stands for, as the agent was told; 0: it never said */
    int64_t tried_boot_ms; /* last attempt, good or not (issuers: start of the refetch window);
                              SG_NEVER_MS: none this boot */
};

/* A label is a part of a file name: [A-Za-z0-9][A-Za-z0-9._-]{0,46}. */
bool sg_label_valid(struct sg_text label);

/* ---- reading: one struct sg_store a thread ---- */

struct sg_store;

/*
 * Opens for reading. A folder or page that is not there yet is no error (everything is then
 * unknown); one that is not trusted (owner, mode, symlink), damaged or of a newer version is named
 * in problems and the store stays empty: SG_OK with *store set, so that a gateway can start before
 * its agent and recover. SG_E_MEMORY otherwise. `log` may be NULL.
 */
int sg_store_open(struct sg_store **store, const char *folder, const struct sg_owners *owners,
                  const struct sg_clock *clock, const struct sg_log *log,
                  struct sg_problems *problems);
void sg_store_close(struct sg_store *store);

/*
 * Picks up what the writer published since: one compare an account when nothing moved, else the
 * moved table is opened, checked and mapped (a table that does not check out, or is older than one
 * seen, is refused, logged once, and the last good one stays). Views handed out before end here.
 * When `now` itself was missing, replaced or refused, it is tried again at most once a second. Call
 * at the start of a check, for the slots used.
 */
struct sg_slot; /* what a reader knows of one label; owned by the store */
struct sg_slot *sg_store_slot(struct sg_store *store, enum sg_slot_kind kind,
                              struct sg_text label); /* NULL: memory, or no valid label */
void sg_store_refresh(struct sg_store *store, struct sg_slot *slot, int64_t boot_ms,
                      struct sg_stamp *stamp);

/*
 * Which content a slot's views belong to; 0: none is held. After a refresh that leaves it as it
 * was, every view of that slot (record, key) handed out before is still good: a caller that keeps a
 * struct sg_record beside this number needs no second lookup. An issuer's also changes when another
 * issuer's keys do.
 */
uint64_t sg_store_epoch(const struct sg_store *store, const struct sg_slot *slot);

/* SG_OK; SG_E_ABSENT: the table is good and has no such role; SG_E_INVALID: there is no good table,
 * or the record is damaged. */
int sg_store_role(struct sg_store *store, struct sg_slot *slot, struct sg_text partition,
                  struct sg_text account, struct sg_text role_key, struct sg_record *record);
/* The key's bytes as published (credential/jwk.h reads them). Same results. */
int sg_store_key(struct sg_store *store, struct sg_slot *slot, struct sg_text kid,
                 struct sg_text *key);
/* For tools and the agent's own start: every role of an account, every kid of an issuer, in table
 * order. */
int sg_store_each_role(struct sg_store *store, struct sg_slot *slot,
                       bool (*each)(void *payload, struct sg_text partition, struct sg_text account,
                                    struct sg_text role_key, const struct sg_record *record),
                       void *payload);
int sg_store_each_key(struct sg_store *store, struct sg_slot *slot,
                      bool (*each)(void *payload, struct sg_text kid, struct sg_text key),
                      void *payload);

/* ---- writing: the agent ---- */

struct sg_store_writer;

/*
 * Makes the folder when missing (0755), takes the writer's lock (SG_E_BUSY: another agent has it,
 * its pid in problems), adopts a `now` page that checks out and replaces one that does not, marking
 * the old one retired so that readers look again.
 */
int sg_store_writer_open(struct sg_store_writer **writer, const char *folder,
                         const struct sg_owners *owners, const struct sg_clock *clock,
                         struct sg_problems *problems);
void sg_store_writer_close(struct sg_store_writer *writer);

/* A new table, built aside. Account tables replace the account's; a keys table holds all issuers'
 * keys. */
struct sg_table;
int sg_table_begin_account(struct sg_table **table, struct sg_store_writer *writer,
                           struct sg_text label, struct sg_problems *problems);
int sg_table_put_role(struct sg_table *table, struct sg_text partition, struct sg_text account,
                      struct sg_text role_key, const struct sg_record *record);
int sg_table_begin_keys(struct sg_table **table, struct sg_store_writer *writer,
                        struct sg_problems *problems);
int sg_table_put_key(struct sg_table *table, struct sg_text issuer_label, struct sg_text kid,
                     struct sg_text key);
/* Checksum, fsync, rename, then the generation moves (keys: only of `changed` issuers). Frees the
 * table, also on failure. */
int sg_table_commit(struct sg_table *table, const struct sg_text *changed, size_t changed_count);
void sg_table_abandon(struct sg_table *table);

/* A complete answer of AWS (or of the key server). What it tells is as old as its beginning: pages
 * of a sweep may come minutes after the first. */
struct sg_complete {
    int64_t boot_ms; /* CLOCK_BOOTTIME when it was asked for; what is ahead of now counts as now */
    int64_t aws_ms;  /* AWS's clock (the first Date), taken to be that instant's */
};
int sg_store_stamp(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label,
                   const struct sg_complete *complete);
/*
 * What the label stands for from now on (of an account: struct sg_account's origin). Where it stood
 * for something else, what the store holds of it counts as never read until the next stamp.
 */
int sg_store_claim(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label,
                   uint64_t origin);
/* An attempt, whatever came of it. */
int sg_store_tried(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label);

#endif
