/*
 * table.h - the constant tables: a tinycdb file (`cdb -d` reads it), then a trailer with what the
 * table is, its generation and a SHA-256 of all before the digest. Keys in an account's table are
 * partition NUL account NUL role key (arn.h: of a role or a user), filled up with NUL to a multiple
 * of 8, so that records, which are multiples of 8 too, lie aligned; in the key table they are
 * issuer label NUL kid.
 */
#ifndef SG_STORE_TABLE_H
#define SG_STORE_TABLE_H

#include "store/store.h"

#include <cdb.h>

#define SG_TABLE_VERSION   3
#define SG_TABLE_MAX_BYTES (1024u * 1024 * 1024)
#define SG_KEYS_NAME       "keys.cdb"
#define SG_KID_MAX_BYTES   255
#define SG_KEY_MAX_BYTES   (64 * 1024)

enum sg_table_kind { SG_TABLE_ACCOUNT = 1, SG_TABLE_KEYS = 2 };

/* The last bytes of the file. */
struct sg_table_trailer {
    char magic[8];
    uint32_t version;
    uint32_t order; /* SG_ORDER_MARK */
    uint64_t generation;
    uint32_t kind; /* enum sg_table_kind */
    uint32_t reserved;
    unsigned char label[32];  /* SHA-256 of the account's label; of nothing for keys */
    unsigned char digest[32]; /* of all that stands before */
};
extern const char sg_table_magic[8];

bool sg_sha256(unsigned char digest[static 32], const void *bytes, size_t length);

struct sg_table_name {
    char text[SG_LABEL_MAX + 16]; /* "account-LABEL.cdb" */
};
struct sg_table_name sg_table_name(enum sg_table_kind kind, struct sg_text label);

/* A role's key. */
#define SG_ROLE_KEY_SIZE 128
struct sg_role_key {
    char bytes[SG_ROLE_KEY_SIZE];
    unsigned length;
};
/* False when a part is too long or holds NUL: no role has such a key. */
bool sg_role_key_make(struct sg_role_key *key, struct sg_text partition, struct sg_text account,
                      struct sg_text role_key);
bool sg_role_key_split(struct sg_text *partition, struct sg_text *account, struct sg_text *role_key,
                       struct sg_text key);

/* A signing key's key. */
struct sg_kid_key {
    char bytes[SG_LABEL_MAX + 1 + SG_KID_MAX_BYTES];
    unsigned length;
};
bool sg_kid_key_make(struct sg_kid_key *key, struct sg_text issuer, struct sg_text kid);
bool sg_kid_key_split(struct sg_text *issuer, struct sg_text *kid, struct sg_text key);

/* ---- reading ---- */

/* A checked table: one shared read-only mapping, no descriptor. */
struct sg_table_map {
    struct cdb cdb;
    uint64_t generation;
    bool open;
};

/*
 * Opens, maps and checks all of it: trust, trailer, digest, every record. `map` is changed on
 * success only, and then must not have been open. Errors are named in problems; a generation below
 * `oldest` is SG_E_INVALID.
 */
int sg_table_map_open(struct sg_table_map *map, int folder, enum sg_table_kind kind,
                      struct sg_text label, uint64_t oldest, const struct sg_owners *owners,
                      struct sg_problems *problems);
void sg_table_map_close(struct sg_table_map *map);

/* SG_OK, SG_E_ABSENT, or SG_E_INVALID (damaged, or no table). *value points into the mapping. */
int sg_table_map_find(struct sg_text *value, struct sg_table_map *map, const char *key,
                      unsigned length);
/* Calls `each` in file order until it returns false. SG_OK, or SG_E_INVALID. */
int sg_table_map_each(struct sg_table_map *map,
                      bool (*each)(void *payload, struct sg_text key, struct sg_text value),
                      void *payload);

/* Trailer, digest and every record of a whole file in memory: what opening checks, and what is
 * fuzzed. */
int sg_table_check(uint64_t *generation, struct sg_text file, enum sg_table_kind kind,
                   struct sg_text label, const char *name, struct sg_problems *problems);

#endif
