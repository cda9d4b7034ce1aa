/*
 * fuzz_now.c - the page `now`, read as a gateway reads it: whatever its bytes say, no read leaves
 * it, and a slot is whole or refused. Input: how many slots are used, then a slot's sequence and
 * content each; a first byte of even value has the checks put right, as an attacker would.
 */
#include "store/now.h"

#include "base/buffer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct sg_now_page *page, const uint8_t *data, size_t size, bool right)
{
    struct sg_now_entry entry;
    uint64_t words[SG_NOW_WORDS], sequence;

    for (size_t i = 0; i < SG_STORE_SLOTS && size >= sizeof(sequence) + sizeof(entry); i++) {
        memcpy(&sequence, data, sizeof(sequence));
        memcpy(&entry, data + sizeof(sequence), sizeof(entry));
        if (right && !sg_now_entry_check(entry.check, &entry))
            abort();
        memcpy(words, &entry, sizeof(words));
        atomic_store(&page->slots[i].sequence, sequence);
        for (size_t word = 0; word < SG_NOW_WORDS; word++)
            atomic_store(&page->slots[i].words[word], words[word]);
        data += sizeof(sequence) + sizeof(entry);
        size -= sizeof(sequence) + sizeof(entry);
    }
}

static void read_all(const struct sg_now_page *page)
{
    const uint32_t used = sg_now_used(page);
    struct sg_now_entry entry;
    uint64_t sequence;
    unsigned char check[8];

    if (used > SG_STORE_SLOTS)
        abort();
    for (uint32_t i = 0; i < used; i++) {
        const int status = sg_now_read(&entry, &sequence, page, i);

        if (status == SG_OK &&
            (!sg_now_entry_check(check, &entry) || memcmp(check, entry.check, sizeof(check)) != 0))
            abort();
        if (status == SG_E_BUSY && (sg_now_sequence(page, i) & 1) == 0)
            abort();
    }
    (void)sg_now_find(page, SG_SLOT_ACCOUNT, SG_TEXT("prod"), 0, used);
    (void)sg_now_find(page, SG_SLOT_ISSUER, (struct sg_text){entry.label, SG_LABEL_MAX}, 0, used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_now_page *page;
    uint32_t used;

    if (size < 1 + sizeof(used))
        return 0;
    page = sg_alloc(1, sizeof(*page));
    if (page == NULL)
        return 0;
    memcpy(&used, data + 1, sizeof(used));
    atomic_store(&page->used, used);
    fill(page, data + 1 + sizeof(used), size - 1 - sizeof(used), data[0] % 2 == 0);
    read_all(page);
    free(page);
    return 0;
}
