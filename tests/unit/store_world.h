/*
 * store_world.h - a state folder of a test's own, with clocks that the test sets and a log that it
 * can read. What test_store*.c share.
 */
#ifndef SG_TESTS_STORE_WORLD_H
#define SG_TESTS_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

#define ACCOUNT    SG_TEXT("123456789012")
#define START_WALL INT64_C(1790000000000)
#define START_BOOT INT64_C(1000000)

struct world {
    char root[64];   /* mode 0755, removed at the end */
    char folder[96]; /* the state folder below it; made by the writer */
    struct sg_owners owners;
    struct sg_clock clock;
    int64_t wall_ms, boot_ms;
    struct sg_log log;
    char logged[16384]; /* lines since the last world_forget_log() */
    size_t log_lines;
    struct sg_problems problems;
    struct sg_store_writer *writer;
    struct sg_store *store;
};

int world_setup(void **state);
int world_teardown(void **state);
void world_forget_log(struct world *world);
/* True when a problem holds the words. */
bool world_problem(const struct world *world, const char *words);

void world_open_writer(struct world *world); /* and asserts that it opened */
void world_open_store(struct world *world);  /* closes the one that was open */

struct role {
    const char *name;
    int64_t cutoff_ms; /* SG_CUTOFF_NONE: no statement */
};
/* Publishes an account's table without a stamp, and with one. */
int world_put(struct world *world, struct sg_text label, const struct role *roles, size_t count);
void world_publish(struct world *world, const char *label, const char *role, int64_t cutoff_ms);

/* Refreshes and looks up. *cutoff_ms is set on SG_OK. */
int world_look(struct world *world, const char *label, const char *role, int64_t *cutoff_ms,
               struct sg_stamp *stamp);
struct sg_stamp world_stamp(struct world *world, enum sg_slot_kind kind, const char *label);

/* Publishes (issuer, kid) pairs, each key being its issuer's label, and moves issuer `changed`. */
void world_put_keys(struct world *world, const char *const pairs[][2], size_t count,
                    const char *changed);
/* Refreshes and looks up. */
int world_find_key(struct world *world, const char *issuer, const char *kid, struct sg_text *key);

/* Rewrites an account's slot as a writer in other circumstances would have. */
struct sg_now_entry;
void world_edit_slot(struct world *world, const char *label,
                     void (*edit)(struct sg_now_entry *entry));

/* Paths of files of the folder, valid until the next call. */
const char *world_path(const struct world *world, const char *name);
/* Whole files. The bytes are the caller's. */
struct sg_buffer world_read(const struct world *world, const char *name);
void world_write(const struct world *world, const char *name, struct sg_text content); /* anew */

#endif
