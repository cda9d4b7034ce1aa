/*
 * now_write.c - the agent's side of the page `now`. Whatever instant it is killed at, the page
 * stays readable: a slot that was being written is odd and readers keep what they saw before.
 */
#include "store/now.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Readers of the old page look for its successor. Its content is not trusted, so only this one word
 * is written. */
static void retire(int folder)
{
    struct stat info;
    const int file =
        openat(folder, SG_NOW_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (file < 0)
        return;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
        info.st_uid == geteuid() && info.st_size >= (off_t)sizeof(struct sg_now_page)) {
        void *mapping =
            mmap(NULL, sizeof(struct sg_now_page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

        if (mapping != MAP_FAILED) {
            struct sg_now_page *page = mapping;

            atomic_store_explicit(&page->retired, 1, memory_order_release);
            (void)munmap(mapping, sizeof(struct sg_now_page));
        }
    }
    (void)close(file);
}

int sg_now_create(int folder, struct sg_problems *problems)
{
    struct sg_now_page *page = sg_alloc(1, sizeof *page);
    int status = SG_E_MEMORY;

    if (page == NULL)
        goto out;
    memcpy(page->magic, "sg-now\r\n", 8);
    page->version = SG_NOW_VERSION;
    page->order = SG_ORDER_MARK;
    page->slot_count = SG_STORE_SLOTS;
    page->slot_size = sizeof(struct sg_now_slot);
    if (!sg_now_header_check(page->check, page)) {
        status = SG_E_CRYPTO;
        goto out;
    }
    retire(folder);
    status = sg_file_replace(folder, SG_NOW_NAME,
                             (struct sg_text){(const char *)page, sizeof *page}, 0644, problems);
out:
    free(page);
    return status;
}

void sg_now_write(struct sg_now_page *page, uint32_t index, struct sg_now_entry *entry)
{
    struct sg_now_slot *slot = &page->slots[index];
    const uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    const uint64_t inside = before | 1; /* already odd: a writer was killed here, and we mend it */
    uint64_t words[SG_NOW_WORDS];

    /* Without a digest the old content stays: it ages, and readers close. */
    if (!sg_now_entry_check(entry->check, entry))
        return;
    memcpy(words, entry, sizeof *entry);
    atomic_store_explicit(&slot->sequence, inside, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < SG_NOW_WORDS; i++)
        atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, inside + 1, memory_order_release);
}

uint32_t sg_now_claim(struct sg_now_page *page, enum sg_slot_kind kind, struct sg_text label)
{
    const uint32_t used = sg_now_used(page);
    const uint32_t index = sg_now_find(page, kind, label, 0, used);
    struct sg_now_entry entry = {
        .kind = (uint32_t)kind,
        .complete_boot_ms = SG_NEVER_MS,
        .complete_aws_ms = SG_NEVER_MS,
        .tried_boot_ms = SG_NEVER_MS,
    };

    if (index != SG_NOW_NONE)
        return index;
    if (used >= SG_STORE_SLOTS || !sg_text_copy(entry.label, sizeof entry.label, label))
        return SG_NOW_NONE;
    sg_now_write(page, used, &entry);
    atomic_store_explicit(&page->used, used + 1, memory_order_release);
    return used;
}
