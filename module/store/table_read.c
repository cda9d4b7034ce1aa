/*
 * table_read.c - opening a table for reading. Everything about it is checked once, here, so that a
 * lookup can be a hash and a compare. It must never hand out bytes of a table that did not check
 * out.
 */
#include "store/now.h"
#include "store/table.h"

#include <sys/stat.h>
#include <unistd.h>

enum { CDB_TOC_BYTES = 2048 };

static int check_trailer(struct sg_table_trailer *trailer, struct sg_text file,
                         enum sg_table_kind kind, struct sg_text label, const char *name,
                         struct sg_problems *problems)
{
    unsigned char digest[32];

    if (file.length < CDB_TOC_BYTES + sizeof *trailer) {
        sg_problem(problems, name, 0, "has %zu bytes, too few for a table: it was cut short",
                   file.length);
        return SG_E_INVALID;
    }
    memcpy(trailer, file.data + file.length - sizeof *trailer, sizeof *trailer);
    if (memcmp(trailer->magic, sg_table_magic, sizeof trailer->magic) != 0) {
        sg_problem(problems, name, 0,
                   "does not end as a table of stsgate does: damaged or cut short");
        return SG_E_INVALID;
    }
    if (trailer->order != SG_ORDER_MARK) {
        sg_problem(problems, name, 0, "was written by a machine of another byte order");
        return SG_E_INVALID;
    }
    if (trailer->version != SG_TABLE_VERSION) {
        sg_problem(problems, name, 0,
                   "has format version %lu, this stsgate reads %d: install the same version of "
                   "agent and gateway module",
                   (unsigned long)trailer->version, SG_TABLE_VERSION);
        return SG_E_VERSION;
    }
    if (!sg_sha256(digest, file.data, file.length - sizeof trailer->digest))
        return SG_E_CRYPTO;
    if (memcmp(digest, trailer->digest, sizeof digest) != 0) {
        sg_problem(problems, name, 0, "is damaged: its SHA-256 does not match its content");
        return SG_E_INVALID;
    }
    if (!sg_sha256(digest, label.data, label.length))
        return SG_E_CRYPTO;
    if (kind == SG_TABLE_KEYS)
        memset(digest, 0, sizeof digest);
    if (trailer->kind != (uint32_t)kind || trailer->reserved != 0 || trailer->generation == 0 ||
        memcmp(digest, trailer->label, sizeof digest) != 0) {
        sg_problem(problems, name, 0, "is the table of something else, put under this name");
        return SG_E_INVALID;
    }
    return SG_OK;
}

struct entry_check {
    enum sg_table_kind kind;
    const char *name;
    struct sg_problems *problems;
    bool good;
};

static bool check_entry(void *payload, struct sg_text key, struct sg_text value)
{
    struct entry_check *check = payload;
    struct sg_text first, second, third;
    struct sg_record record;

    if (check->kind == SG_TABLE_KEYS) {
        check->good = sg_kid_key_split(&first, &second, key) && value.length <= SG_KEY_MAX_BYTES;
        if (!check->good)
            sg_problem(check->problems, check->name, 0, "holds a key that is malformed");
        return check->good;
    }
    if (!sg_role_key_split(&first, &second, &third, key)) {
        sg_problem(check->problems, check->name, 0, "holds a role name that is malformed");
        check->good = false;
        return false;
    }
    check->good = sg_record_read(&record, value);
    if (!check->good)
        sg_problem(check->problems, check->name, 0, "the record of role %.*s is malformed",
                   SG_TEXT_ARG(third));
    return check->good;
}

static unsigned unpack(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;

    return bytes[0] | (unsigned)bytes[1] << 8 | (unsigned)bytes[2] << 16 | (unsigned)bytes[3] << 24;
}

/* The records of a cdb file, which lie one behind the other up to the first hash table. */
static int each_entry(struct sg_text file,
                      bool (*each)(void *payload, struct sg_text key, struct sg_text value),
                      void *payload)
{
    const size_t end = unpack(file.data); /* where the first hash table begins */
    size_t at = CDB_TOC_BYTES;

    if (end < CDB_TOC_BYTES || end > file.length)
        return SG_E_INVALID;
    while (at < end) {
        if (end - at < 8)
            return SG_E_INVALID;
        const size_t key_length = unpack(file.data + at), value_length = unpack(file.data + at + 4);
        at += 8;
        if (key_length > end - at || value_length > end - at - key_length)
            return SG_E_INVALID;
        if (!each(payload, (struct sg_text){file.data + at, key_length},
                  (struct sg_text){file.data + at + key_length, value_length}))
            return SG_OK;
        at += key_length + value_length;
    }
    return SG_OK;
}

int sg_table_check(uint64_t *generation, struct sg_text file, enum sg_table_kind kind,
                   struct sg_text label, const char *name, struct sg_problems *problems)
{
    struct sg_table_trailer trailer;
    struct entry_check check = {kind, name, problems, true};

    *generation = 0;
    const int status = check_trailer(&trailer, file, kind, label, name, problems);
    if (status != SG_OK)
        return status;
    if (each_entry(file, check_entry, &check) != SG_OK) {
        sg_problem(problems, name, 0, "is not laid out as a constant table");
        return SG_E_INVALID;
    }
    if (!check.good)
        return SG_E_INVALID;
    *generation = trailer.generation;
    return SG_OK;
}

static int map_file(struct sg_table_map *map, int file, const char *name,
                    struct sg_problems *problems)
{
    struct stat info;

    if (fstat(file, &info) != 0) {
        sg_problem(problems, name, 0, "cannot be examined: %m");
        return SG_E_SYSTEM;
    }
    if (info.st_size < CDB_TOC_BYTES) {
        sg_problem(problems, name, 0, "has %lld bytes, too few for a table: it was cut short",
                   (long long)info.st_size);
        return SG_E_INVALID;
    }
    if (info.st_size > (off_t)SG_TABLE_MAX_BYTES) {
        sg_problem(problems, name, 0, "is larger than 1 GiB, the most that is read of it");
        return SG_E_LIMIT;
    }
    if (cdb_init(&map->cdb, file) != 0) {
        sg_problem(problems, name, 0, "cannot be mapped: %m");
        return SG_E_SYSTEM;
    }
    return SG_OK;
}

int sg_table_map_open(struct sg_table_map *map, int folder, enum sg_table_kind kind,
                      struct sg_text label, uint64_t oldest, const struct sg_owners *owners,
                      struct sg_problems *problems)
{
    const struct sg_table_name name = sg_table_name(kind, label);
    struct sg_table_map opened = {0};

    const int file = sg_file_open(folder, name.text, owners, problems);
    if (file < 0)
        return file;
    int status = map_file(&opened, file, name.text, problems);
    (void)close(file); /* the mapping stays */
    if (status != SG_OK)
        return status;

    opened.cdb.cdb_fd = -1;
    const struct sg_text whole = {cdb_get(&opened.cdb, opened.cdb.cdb_fsize, 0),
                                  opened.cdb.cdb_fsize};
    status = whole.data == NULL
                 ? SG_E_INVALID
                 : sg_table_check(&opened.generation, whole, kind, label, name.text, problems);
    if (status == SG_OK && opened.generation < oldest) {
        sg_problem(problems, name.text, 0,
                   "is generation %llu, older than %llu which was published: an old copy was put "
                   "back; the agent's next read replaces it",
                   (unsigned long long)opened.generation, (unsigned long long)oldest);
        status = SG_E_INVALID;
    }
    if (status != SG_OK) {
        cdb_free(&opened.cdb);
        return status;
    }
    opened.open = true;
    *map = opened;
    return SG_OK;
}

void sg_table_map_close(struct sg_table_map *map)
{
    if (map->open)
        cdb_free(&map->cdb);
    *map = (struct sg_table_map){0};
}

int sg_table_map_find(struct sg_text *value, struct sg_table_map *map, const char *key,
                      unsigned length)
{
    *value = (struct sg_text){0};
    if (!map->open)
        return SG_E_INVALID;
    const int found = cdb_find(&map->cdb, key, length);
    if (found == 0)
        return SG_E_ABSENT;
    if (found < 0)
        return SG_E_INVALID;
    value->data = cdb_getdata(&map->cdb);
    value->length = cdb_datalen(&map->cdb);
    return value->data != NULL ? SG_OK : SG_E_INVALID;
}

int sg_table_map_each(struct sg_table_map *map,
                      bool (*each)(void *payload, struct sg_text key, struct sg_text value),
                      void *payload)
{
    if (!map->open)
        return SG_E_INVALID;
    const struct sg_text whole = {cdb_get(&map->cdb, map->cdb.cdb_fsize, 0), map->cdb.cdb_fsize};
    return whole.data != NULL ? each_entry(whole, each, payload) : SG_E_INVALID;
}
