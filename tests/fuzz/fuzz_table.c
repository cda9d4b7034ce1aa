/*
 * fuzz_table.c - a table's file. The digest is put right before the table is opened, else nothing
 * behind it would ever be reached. The first byte chooses account or keys.
 */
#include "store/table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool visit(void *payload, struct sg_text key, struct sg_text value)
{
    struct sg_table_map *map = payload;
    struct sg_text found;
    struct sg_record record;

    /* Looked up as a reader would: hash tables that lead nowhere are an error, never a stray read.
     */
    if (sg_table_map_find(&found, map, key.data, (unsigned)key.length) == SG_OK)
        (void)sg_record_view(&record, found);
    (void)sg_record_view(&record, value);
    return true;
}

static void put_digest_right(char *file, size_t size)
{
    struct sg_table_trailer trailer;

    if (size < sizeof trailer)
        return;
    memcpy(&trailer, file + size - sizeof trailer, sizeof trailer);
    if (!sg_sha256(trailer.digest, file, size - sizeof trailer.digest))
        return;
    memcpy(file + size - sizeof trailer, &trailer, sizeof trailer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text label = SG_TEXT("prod");
    uint64_t generation;

    if (size == 0)
        return 0;
    const enum sg_table_kind kind = data[0] == 'k' ? SG_TABLE_KEYS : SG_TABLE_ACCOUNT;
    char *file = malloc(size);
    if (file == NULL)
        return 0;
    size--;
    memcpy(file, data + 1, size);
    put_digest_right(file, size);
    if (sg_table_check(&generation, (struct sg_text){file, size}, kind, label, "table", NULL) ==
        SG_OK) {
        struct sg_table_map map = {
            .cdb = {.cdb_fd = -1,
                    .cdb_fsize = (unsigned)size,
                    .cdb_dend = cdb_unpack((const unsigned char *)file),
                    .cdb_mem = (const unsigned char *)file},
            .generation = generation,
            .open = true,
        };

        (void)sg_table_map_each(&map, visit, &map);
    }
    free(file);
    return 0;
}
