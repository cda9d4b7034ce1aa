/*
 * table_write.c - building a table aside and putting it in place: checksum, fsync, rename, fsync of
 * the folder, and only then does the generation move. Killed anywhere in between, the store is what
 * it was, or already holds the new table under a generation that is accepted as newer.
 */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct sg_table {
    struct sg_store_writer *writer;
    struct sg_problems *problems;
    enum sg_table_kind kind;
    char label[SG_LABEL_MAX + 1];
    struct sg_table_name name;
    char aside[sizeof(struct sg_table_name) + 4]; /* name.new */
    int file;
    bool making; /* cdb_make_finish() is due: it alone frees what cdb_make holds */
    struct cdb_make make;
    struct sg_buffer scratch;
};

static void free_table(struct sg_table *table)
{
    if (table == NULL)
        return;
    if (table->making)
        (void)cdb_make_finish(&table->make);
    if (table->file >= 0)
        (void)close(table->file);
    if (table->aside[0] != '\0')
        (void)unlinkat(table->writer->folder, table->aside, 0);
    sg_buffer_clear(&table->scratch);
    free(table);
}

static int begin(struct sg_table **out, struct sg_store_writer *writer, enum sg_table_kind kind,
                 struct sg_text label, struct sg_problems *problems)
{
    struct sg_table *table = sg_alloc(1, sizeof *table);

    *out = NULL;
    if (table == NULL)
        return SG_E_MEMORY;
    table->writer = writer;
    table->problems = problems;
    table->kind = kind;
    table->file = -1;
    (void)sg_text_copy(table->label, sizeof table->label, label);
    table->name = sg_table_name(kind, label);
    (void)snprintf(table->aside, sizeof table->aside, "%s.new", table->name.text);

    /* What an earlier attempt left; O_EXCL then keeps us out of anything else. */
    if (unlinkat(writer->folder, table->aside, 0) == 0 || errno == ENOENT)
        table->file = openat(writer->folder, table->aside,
                             O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (table->file < 0 || cdb_make_start(&table->make, table->file) != 0) {
        sg_problem(problems, table->aside, 0, "cannot be written: %m");
        free_table(table);
        return SG_E_SYSTEM;
    }
    table->making = true;
    *out = table;
    return SG_OK;
}

int sg_table_begin_account(struct sg_table **table, struct sg_store_writer *writer,
                           struct sg_text label, struct sg_problems *problems)
{
    *table = NULL;
    if (!sg_label_valid(label)) {
        sg_problem(problems, NULL, 0,
                   "account label \"%.*s\" can't be part of a file name: letters, digits, '.', '_' "
                   "and '-' are expected, %d at most",
                   SG_TEXT_ARG(label), SG_LABEL_MAX);
        return SG_E_INVALID;
    }
    return begin(table, writer, SG_TABLE_ACCOUNT, label, problems);
}

int sg_table_begin_keys(struct sg_table **table, struct sg_store_writer *writer,
                        struct sg_problems *problems)
{
    return begin(table, writer, SG_TABLE_KEYS, (struct sg_text){0}, problems);
}

static int put(struct sg_table *table, const char *key, unsigned key_length, struct sg_text value)
{
    const int found = cdb_make_put(&table->make, key, key_length, value.data,
                                   (unsigned)value.length, CDB_PUT_INSERT);

    if (found == 0)
        return SG_OK;
    if (found > 0)
        return SG_E_INVALID;
    sg_problem(table->problems, table->aside, 0, "cannot be written: %m");
    return SG_E_SYSTEM;
}

int sg_table_put_role(struct sg_table *table, struct sg_text partition, struct sg_text account,
                      struct sg_text role_key, const struct sg_record *record)
{
    struct sg_role_key key;

    if (table->kind != SG_TABLE_ACCOUNT || !sg_role_key_make(&key, partition, account, role_key)) {
        sg_problem(table->problems, table->name.text, 0, "role name \"%.*s\" is malformed",
                   SG_TEXT_ARG(role_key));
        return SG_E_INVALID;
    }
    if (table->scratch.data != NULL)
        table->scratch.length = 0;
    if (!sg_record_write(&table->scratch, record)) {
        const bool memory = table->scratch.failed;

        sg_buffer_clear(&table->scratch);
        if (memory)
            return SG_E_MEMORY;
        sg_problem(table->problems, table->name.text, 0,
                   "the record of role %.*s is malformed or over %d bytes", SG_TEXT_ARG(role_key),
                   SG_RECORD_MAX_BYTES);
        return SG_E_INVALID;
    }
    const int status = put(table, key.bytes, key.length, sg_buffer_text(&table->scratch));
    if (status == SG_E_INVALID)
        sg_problem(table->problems, table->name.text, 0, "role %.*s is there twice",
                   SG_TEXT_ARG(role_key));
    return status;
}

int sg_table_put_key(struct sg_table *table, struct sg_text issuer_label, struct sg_text kid,
                     struct sg_text key)
{
    struct sg_kid_key made;

    if (table->kind != SG_TABLE_KEYS || !sg_kid_key_make(&made, issuer_label, kid) ||
        key.length > SG_KEY_MAX_BYTES) {
        sg_problem(table->problems, table->name.text, 0, "a key id of issuer %.*s is malformed",
                   SG_TEXT_ARG(issuer_label));
        return SG_E_INVALID;
    }
    const int status = put(table, made.bytes, made.length, key);
    if (status == SG_E_INVALID)
        sg_problem(table->problems, table->name.text, 0, "key %.*s of issuer %.*s is there twice",
                   SG_TEXT_ARG(kid), SG_TEXT_ARG(issuer_label));
    return status;
}

static bool write_all(int file, const void *bytes, size_t length, off_t at)
{
    const char *next = bytes;

    while (length > 0) {
        const ssize_t done = pwrite(file, next, length, at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        next += done;
        length -= (size_t)done;
        at += done;
    }
    return true;
}

/* The digest is made of what the file really holds. */
static int seal(struct sg_table *table, uint64_t generation)
{
    struct sg_table_trailer trailer = {
        .version = SG_TABLE_VERSION,
        .order = SG_ORDER_MARK,
        .generation = generation,
        .kind = (uint32_t)table->kind,
    };
    const size_t head = offsetof(struct sg_table_trailer, digest);
    struct stat info;

    memcpy(trailer.magic, sg_table_magic, sizeof trailer.magic);
    if (table->kind == SG_TABLE_ACCOUNT &&
        !sg_sha256(trailer.label, table->label, strlen(table->label)))
        return SG_E_CRYPTO;
    if (fstat(table->file, &info) != 0)
        return SG_E_SYSTEM;
    if (info.st_size > (off_t)(SG_TABLE_MAX_BYTES - sizeof trailer)) {
        sg_problem(table->problems, table->name.text, 0, "would be larger than 1 GiB");
        return SG_E_LIMIT;
    }
    if (!write_all(table->file, &trailer, head, info.st_size))
        return SG_E_SYSTEM;

    const size_t sealed = (size_t)info.st_size + head;
    void *mapping = mmap(NULL, sealed, PROT_READ, MAP_SHARED, table->file, 0);
    if (mapping == MAP_FAILED)
        return SG_E_SYSTEM;
    const bool digested = sg_sha256(trailer.digest, mapping, sealed);
    (void)munmap(mapping, sealed);
    if (!digested)
        return SG_E_CRYPTO;
    if (!write_all(table->file, trailer.digest, sizeof trailer.digest, (off_t)sealed) ||
        fchmod(table->file, 0644) != 0 || fsync(table->file) != 0)
        return SG_E_SYSTEM;
    return SG_OK;
}

static int put_in_place(struct sg_table *table)
{
    const int folder = table->writer->folder;

    if (renameat(folder, table->aside, folder, table->name.text) != 0)
        return SG_E_SYSTEM;
    table->aside[0] = '\0';
    return fsync(folder) == 0 ? SG_OK : SG_E_SYSTEM;
}

static int publish(struct sg_table *table, uint64_t generation, const struct sg_text *changed,
                   size_t changed_count)
{
    int status = SG_OK;

    if (table->kind == SG_TABLE_ACCOUNT)
        return sg_writer_publish(table->writer, SG_SLOT_ACCOUNT, sg_text_of(table->label),
                                 generation);
    table->writer->keys_generation = generation;
    for (size_t i = 0; i < changed_count; i++) {
        const int moved = sg_writer_publish(table->writer, SG_SLOT_ISSUER, changed[i], generation);

        if (status == SG_OK)
            status = moved;
    }
    return status;
}

int sg_table_commit(struct sg_table *table, const struct sg_text *changed, size_t changed_count)
{
    struct sg_store_writer *writer = table->writer;
    const uint64_t previous =
        table->kind == SG_TABLE_KEYS
            ? writer->keys_generation
            : sg_writer_generation(writer, SG_SLOT_ACCOUNT, sg_text_of(table->label));
    const uint64_t generation = sg_writer_next_generation(writer, previous);
    int status = SG_E_LIMIT;

    if (generation == 0) {
        sg_problem(table->problems, table->name.text, 0,
                   "has no generation left; empty the state "
                   "folder");
        goto out;
    }
    table->making = false;
    status = SG_E_SYSTEM;
    if (cdb_make_finish(&table->make) == 0)
        status = seal(table, generation);
    if (status == SG_OK)
        status = put_in_place(table);
    if (status == SG_E_SYSTEM)
        sg_problem(table->problems, table->name.text, 0, "cannot be written: %m");
    if (status != SG_OK)
        goto out;
    status = publish(table, generation, changed, changed_count);
    if (status != SG_OK)
        sg_problem(table->problems, SG_NOW_NAME, 0,
                   "has no slot left for a new label (%d are there): stop the agent, remove this "
                   "file, start the agent",
                   SG_STORE_SLOTS);
out:
    free_table(table);
    return status;
}

void sg_table_abandon(struct sg_table *table)
{
    free_table(table);
}
