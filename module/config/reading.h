/*
 * reading.h - private to module/config: what is kept while a configuration is
 * read, and the setters that turn a value's text into a member.
 */
#ifndef SG_CONFIG_READING_H
#define SG_CONFIG_READING_H

#include "config/config.h"

/* Texts of the configuration live as long as it does: one list of allocations, freed together. */
struct sg_config_memory {
    void **blocks;
    size_t count;
};

/* A section while it is read; the public struct plus where it stands and what still has to be
 * looked up. */
struct sg_draft_account {
    struct sg_account it;
    unsigned line;
    uint64_t seen; /* bit i: key i of the table was given */
};
struct sg_draft_issuer {
    struct sg_issuer it;
    const char *account; /* label */
    unsigned line;
    uint64_t seen;
};
struct sg_draft_cutoff {
    struct sg_cutoff it;
    unsigned line;
    uint64_t seen;
};
struct sg_draft_service {
    struct sg_service it;
    struct sg_texts accept; /* labels */
    const char *file;
    uint64_t seen;
    unsigned line;
    struct sg_draft_cutoff *cutoffs;
    size_t cutoff_count;
};

struct sg_reading {
    struct sg_config *config;
    struct sg_problems *problems;
    size_t problems_before; /* how many there were when reading began */
    const char *file;       /* being read */
    struct sg_draft_account *accounts;
    size_t account_count;
    struct sg_draft_issuer *issuers;
    size_t issuer_count;
    struct sg_draft_service *services;
    size_t service_count;
    /* where keys of the current section go; NULL: an unknown section, whose keys were reported with
     * it */
    const struct sg_key *keys;
    void *target;
    uint64_t *seen;
    bool out_of_memory;
};

struct sg_key {
    const char *name;
    /* Sets the member at `at`; false: not what was expected. */
    bool (*set)(struct sg_reading *reading, void *at, struct sg_text value);
    size_t offset;
    const char *initial; /* default text, NULL, or SG_REQUIRED */
    const char *expected;
    bool list; /* may be given again; adds */
};

/* config.c: SG_OK or SG_E_MEMORY. After SG_OK sg_reading_end() resolves and checks it all, frees
 * the reading and gives the configuration, or an error and none. */
int sg_reading_begin(struct sg_reading *reading, const char *folder, struct sg_problems *problems);
int sg_reading_end(struct sg_config **config, struct sg_reading *reading);

/* Takes ownership of `block`; NULL stays NULL and marks the reading as out of memory. */
void *sg_config_keep(struct sg_reading *reading, void *block);
const char *sg_config_text(struct sg_reading *reading, struct sg_text text);

/* The tables; each ends in a key without a name. */
extern const struct sg_key sg_agent_keys[], sg_account_keys[], sg_issuer_keys[], sg_service_keys[],
    sg_cutoff_keys[];

/* sections.c: the text of a file into drafts; mistakes go to reading->problems with reading->file.
 * `name` is kept already. */
int sg_config_read_host(struct sg_reading *reading, struct sg_text text);
int sg_config_read_service(struct sg_reading *reading, const char *name, struct sg_text text);
bool sg_config_label_valid(struct sg_text label);

/* resolve.c: labels to pointers, then what no single key can tell. Reports into reading->problems.
 */
void sg_config_resolve(struct sg_reading *reading);

#endif
