/*
 * issued_write.c - the agent's side of the page `issued`. Whatever instant it is killed at, a slot
 * is whole, or odd and then nobody reads it.
 */
#include "store/issued_page.h"
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUTURE_MS (5 * SG_MINUTE_MS) /* our clock may be that wrong */

static void write_slot(struct sg_issued_slot *slot, struct sg_issued_entry *entry)
{
    const uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    const uint64_t inside = before | 1; /* already odd: a writer was killed here, and we mend it */
    uint64_t words[SG_ISSUED_WORDS];

    if (!sg_issued_entry_check(entry->check, entry))
        return;
    memcpy(words, entry, sizeof *entry);
    atomic_store_explicit(&slot->sequence, inside, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < SG_ISSUED_WORDS; i++)
        atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, inside + 1, memory_order_release);
}

/* Free and damaged slots first, then the one that was noted longest ago. */
static struct sg_issued_slot *choose(struct sg_issued_slot *bucket, int64_t now_ms)
{
    struct sg_issued_slot *chosen = &bucket[0];
    int64_t oldest_ms = INT64_MAX;
    struct sg_issued_entry entry;

    for (size_t i = 0; i < SG_ISSUED_WAYS; i++) {
        if (!sg_issued_read(&entry, &bucket[i]) || entry.issued_ms == 0 ||
            now_ms - entry.issued_ms > SG_ISSUED_KEPT_MS)
            return &bucket[i];
        if (entry.noted_ms >= oldest_ms)
            continue;
        oldest_ms = entry.noted_ms;
        chosen = &bucket[i];
    }
    return chosen;
}

/* ---- the page ---- */

static int make_page(int folder, struct sg_problems *problems)
{
    struct sg_issued_page *page = sg_alloc(1, sizeof *page);
    int status = SG_E_MEMORY;

    if (page == NULL)
        return status;
    memcpy(page->magic, "sg-iss\r\n", 8);
    page->version = SG_ISSUED_VERSION;
    page->order = SG_ORDER_MARK;
    page->bucket_count = SG_ISSUED_BUCKETS;
    page->way_count = SG_ISSUED_WAYS;
    page->slot_size = sizeof(struct sg_issued_slot);
    status = SG_E_CRYPTO;
    if (RAND_bytes(page->key, sizeof page->key) == 1 && sg_issued_header_check(page->check, page))
        status =
            sg_file_replace(folder, SG_ISSUED_NAME,
                            (struct sg_text){(const char *)page, sizeof *page}, 0644, problems);
    free(page);
    return status;
}

static int hold_page(struct sg_store_writer *writer, struct sg_problems *problems)
{
    struct sg_issued_map *map = &writer->issued;

    if (map->page != NULL)
        return SG_OK;
    /* A page that does not check out is no loss: what it told will be out of date tomorrow. */
    if (sg_issued_map(map, writer->folder, true, &writer->owners, NULL) == SG_OK)
        return SG_OK;
    const int status = make_page(writer->folder, problems);
    if (status != SG_OK)
        return status;
    return sg_issued_map(map, writer->folder, true, &writer->owners, problems);
}

int sg_store_issue(struct sg_store_writer *writer, uint64_t origin, struct sg_text access_key_id,
                   struct sg_text role_key, int64_t issued_ms, int64_t now_ms,
                   struct sg_problems *problems)
{
    struct sg_issued_entry fresh = {0}, entry;
    uint32_t bucket;

    if (issued_ms <= 0 || issued_ms > now_ms + FUTURE_MS || issued_ms < now_ms - SG_ISSUED_KEPT_MS)
        return SG_E_INVALID;
    const int status = hold_page(writer, problems);
    if (status != SG_OK)
        return status;
    if (!sg_issued_digests(&fresh, &bucket, writer->issued.page, origin, access_key_id, role_key))
        return SG_E_INVALID;
    fresh.issued_ms = issued_ms;
    fresh.noted_ms = now_ms;
    struct sg_issued_slot *slots = &writer->issued.page->slots[(size_t)bucket * SG_ISSUED_WAYS];
    for (size_t i = 0; i < SG_ISSUED_WAYS; i++) {
        if (!sg_issued_read(&entry, &slots[i]) || entry.issued_ms == 0 ||
            memcmp(entry.session, fresh.session, sizeof entry.session) != 0)
            continue;
        if (memcmp(entry.role, fresh.role, sizeof entry.role) != 0)
            return SG_E_INVALID; /* one access key id is one session's: the first to say holds */
        if (entry.issued_ms <= issued_ms)
            return SG_OK;
        write_slot(&slots[i], &fresh);
        return SG_OK;
    }
    write_slot(choose(slots, now_ms), &fresh);
    return SG_OK;
}
