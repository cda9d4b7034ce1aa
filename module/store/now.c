/*
 * now.c - mapping the page `now` and reading slots of it without a lock. It must never wait for the
 * writer, who may have been killed inside a slot, and never write.
 */
#include "store/now.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct sg_now_entry) == 120, "the page is a file format");
_Static_assert(sizeof(struct sg_now_slot) == 128, "the page is a file format");
_Static_assert(offsetof(struct sg_now_page, retired) == 16, "the same place in every version");
_Static_assert(offsetof(struct sg_now_page, slots) == 128, "the page is a file format");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "readers take no lock");

/* How often a reader looks again while the writer is inside: far longer than a live one stays. */
enum { MOST_TRIES = 64 };

static bool digest_cut(unsigned char *out, size_t size, const void *bytes, size_t length)
{
    unsigned char whole[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes, length, whole, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(out, whole, size);
    return true;
}

bool sg_now_header_check(unsigned char check[static 16], const struct sg_now_page *page)
{
    unsigned char fixed[24];

    memcpy(fixed, page->magic, 8);
    memcpy(fixed + 8, &page->version, 4);
    memcpy(fixed + 12, &page->order, 4);
    memcpy(fixed + 16, &page->slot_count, 4);
    memcpy(fixed + 20, &page->slot_size, 4);
    return digest_cut(check, 16, fixed, sizeof fixed);
}

bool sg_now_entry_check(unsigned char check[static 8], const struct sg_now_entry *entry)
{
    return digest_cut(check, 8, entry, offsetof(struct sg_now_entry, check));
}

static int check_header(const struct sg_now_page *page, struct sg_problems *problems)
{
    unsigned char check[16];

    if (memcmp(page->magic, "sg-now\r\n", 8) != 0) {
        sg_problem(problems, SG_NOW_NAME, 0,
                   "is not stsgate's page; restart the agent, it makes a new one");
        return SG_E_INVALID;
    }
    if (page->order != SG_ORDER_MARK) {
        sg_problem(problems, SG_NOW_NAME, 0,
                   "was written by a machine of another byte order; the store can't be copied "
                   "between them: empty the folder and restart the agent");
        return SG_E_INVALID;
    }
    if (page->version != SG_NOW_VERSION) {
        sg_problem(problems, SG_NOW_NAME, 0,
                   "has format version %lu, this stsgate reads %d: install the same version of "
                   "agent and gateway module",
                   (unsigned long)page->version, SG_NOW_VERSION);
        return SG_E_VERSION;
    }
    if (page->slot_count != SG_STORE_SLOTS || page->slot_size != sizeof(struct sg_now_slot) ||
        !sg_now_header_check(check, page) || memcmp(check, page->check, sizeof check) != 0) {
        sg_problem(problems, SG_NOW_NAME, 0,
                   "is damaged (its header); restart the agent, it makes a new one");
        return SG_E_INVALID;
    }
    return SG_OK;
}

/* The same file again, for writing; it was checked through the read-only descriptor. */
static int reopen_writable(int folder, const struct stat *checked, struct sg_problems *problems)
{
    struct stat info;
    const int file =
        openat(folder, SG_NOW_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (file < 0) {
        sg_problem(problems, SG_NOW_NAME, 0, "cannot be opened for writing: %m");
        return SG_E_SYSTEM;
    }
    if (fstat(file, &info) == 0 && info.st_dev == checked->st_dev && info.st_ino == checked->st_ino)
        return file;
    (void)close(file);
    sg_problem(problems, SG_NOW_NAME, 0, "was replaced while it was opened; try again");
    return SG_E_UNTRUSTED;
}

int sg_now_map(struct sg_now *now, int folder, bool writable, const struct sg_owners *owners,
               struct sg_problems *problems)
{
    struct sg_problems found = {0};
    struct stat info;
    void *mapping = MAP_FAILED;
    int status = SG_E_SYSTEM;

    *now = (struct sg_now){0};
    int file = sg_file_open(folder, SG_NOW_NAME, owners, &found);
    if (file < 0) {
        if (file != SG_E_ABSENT && found.stored > 0)
            sg_problem(problems, NULL, 0, "%s", found.texts[0]);
        sg_problems_clear(&found);
        return file;
    }
    if (fstat(file, &info) != 0)
        goto out;
    if (info.st_size != (off_t)sizeof(struct sg_now_page)) {
        sg_problem(problems, SG_NOW_NAME, 0,
                   "has %lld bytes, expected %zu: damaged, or of another version; restart the "
                   "agent, it makes a new one",
                   (long long)info.st_size, sizeof(struct sg_now_page));
        status = SG_E_INVALID;
        goto out;
    }
    if (writable) {
        (void)close(file);
        file = reopen_writable(folder, &info, problems);
        if (file < 0)
            return file;
    }
    mapping = mmap(NULL, sizeof(struct sg_now_page), writable ? PROT_READ | PROT_WRITE : PROT_READ,
                   MAP_SHARED, file, 0);
    if (mapping == MAP_FAILED) {
        sg_problem(problems, SG_NOW_NAME, 0, "cannot be mapped: %m");
        goto out;
    }
    status = check_header(mapping, problems);
    if (status == SG_OK && sg_now_retired(mapping))
        status = SG_E_BUSY;
out:
    (void)close(file);
    if (status != SG_OK) {
        if (mapping != MAP_FAILED)
            (void)munmap(mapping, sizeof(struct sg_now_page));
        return status;
    }
    *now = (struct sg_now){mapping, (uint64_t)info.st_dev, (uint64_t)info.st_ino};
    return SG_OK;
}

void sg_now_unmap(struct sg_now *now)
{
    if (now->page != NULL)
        (void)munmap(now->page, sizeof *now->page);
    *now = (struct sg_now){0};
}

uint32_t sg_now_used(const struct sg_now_page *page)
{
    const uint32_t used = atomic_load_explicit(&page->used, memory_order_acquire);

    return used <= SG_STORE_SLOTS ? used : SG_STORE_SLOTS;
}

static void copy_words(struct sg_now_entry *entry, const struct sg_now_slot *slot)
{
    uint64_t words[SG_NOW_WORDS];

    for (size_t i = 0; i < SG_NOW_WORDS; i++)
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_relaxed);
    memcpy(entry, words, sizeof *entry);
}

uint32_t sg_now_find(const struct sg_now_page *page, enum sg_slot_kind kind, struct sg_text label,
                     uint32_t from, uint32_t used)
{
    struct sg_now_entry entry;

    /* A label is written before `used` counts it and never changes; what is wrong with the rest,
     * sg_now_read() finds. */
    for (uint32_t i = from; i < used; i++) {
        copy_words(&entry, &page->slots[i]);
        if (entry.kind == (uint32_t)kind && label.length < sizeof entry.label &&
            memcmp(entry.label, label.data, label.length) == 0 && entry.label[label.length] == '\0')
            return i;
    }
    return SG_NOW_NONE;
}

int sg_now_read(struct sg_now_entry *entry, uint64_t *sequence, const struct sg_now_page *page,
                uint32_t index)
{
    const struct sg_now_slot *slot = &page->slots[index];
    unsigned char check[8];

    for (int i = 0; i < MOST_TRIES; i++) {
        const uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);

        if ((before & 1) != 0)
            continue;
        copy_words(entry, slot);
        /* The copy's loads come before the second look at the sequence word. */
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != before)
            continue;
        *sequence = before;
        if (sg_now_entry_check(check, entry) && memcmp(check, entry->check, sizeof check) == 0)
            return SG_OK;
        return SG_E_INVALID;
    }
    return SG_E_BUSY;
}
