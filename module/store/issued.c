/*
 * issued.c - looking a session's issue time up in the page that the agent fills from CloudTrail's
 * events. It must never write, never wait for the writer, and never give one session another's
 * time: the digests are over the account, the access key id and the role.
 */
#include "store/folder.h"
#include "store/issued_page.h"
#include "store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct sg_issued_entry) == 56, "the page is a file format");
_Static_assert(sizeof(struct sg_issued_slot) == 64, "the page is a file format");
_Static_assert(offsetof(struct sg_issued_page, slots) == 64, "the page is a file format");

#define ABSENT_AGAIN_MS INT64_C(1000)  /* a page that was not there is looked for again */
#define DOUBT_MS        INT64_C(20000) /* is the page that we hold still the one? */
#define MOST_TRIES      64
#define SECOND_MS       INT64_C(1000)
#define HEAD            32 /* key, origin and a length: what stands before what is digested */

static bool digest_cut(unsigned char *out, size_t size, const void *bytes, size_t length)
{
    unsigned char whole[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes, length, whole, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(out, whole, size);
    return true;
}

bool sg_issued_header_check(unsigned char check[static 16], const struct sg_issued_page *page)
{
    return digest_cut(check, 16, page, offsetof(struct sg_issued_page, reserved));
}

bool sg_issued_entry_check(unsigned char check[static 8], const struct sg_issued_entry *entry)
{
    return digest_cut(check, 8, entry, offsetof(struct sg_issued_entry, check));
}

static bool access_key_id_valid(struct sg_text id)
{
    if (id.length < 16 || id.length > SG_ACCESS_KEY_ID_MAX)
        return false;
    for (size_t i = 0; i < id.length; i++) {
        const char c = id.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return true;
}

bool sg_issued_digests(struct sg_issued_entry *entry, uint32_t *bucket,
                       const struct sg_issued_page *page, uint64_t origin,
                       struct sg_text access_key_id, struct sg_text role_key)
{
    /* The length is fixed or given, so that no two sessions ever make the same bytes. */
    char bytes[HEAD + SG_ACCESS_KEY_ID_MAX + SG_PRINCIPAL_KEY_MAX];
    const uint64_t length = access_key_id.length;

    if (!access_key_id_valid(access_key_id) || role_key.length == 0 ||
        role_key.length > SG_PRINCIPAL_KEY_MAX)
        return false;
    memcpy(bytes, page->key, 16);
    memcpy(bytes + 16, &origin, 8);
    memcpy(bytes + 24, &length, 8);
    memcpy(bytes + HEAD, access_key_id.data, access_key_id.length);
    memcpy(bytes + HEAD + length, role_key.data, role_key.length);
    if (!digest_cut(entry->session, 16, bytes, HEAD + length) ||
        !digest_cut(entry->role, 16, bytes, HEAD + length + role_key.length))
        return false;
    memcpy(bucket, entry->session, sizeof *bucket);
    *bucket %= SG_ISSUED_BUCKETS;
    return true;
}

bool sg_issued_read(struct sg_issued_entry *entry, const struct sg_issued_slot *slot)
{
    unsigned char check[8];
    uint64_t words[SG_ISSUED_WORDS];

    for (int i = 0; i < MOST_TRIES; i++) {
        const uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);

        if ((before & 1) != 0)
            continue;
        for (size_t w = 0; w < SG_ISSUED_WORDS; w++)
            words[w] = atomic_load_explicit(&slot->words[w], memory_order_relaxed);
        /* The copy's loads come before the second look at the sequence word. */
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != before)
            continue;
        memcpy(entry, words, sizeof *entry);
        return entry->issued_ms == 0 || (sg_issued_entry_check(check, entry) &&
                                         memcmp(check, entry->check, sizeof check) == 0);
    }
    return false;
}

/* ---- the page ---- */

static int check_header(const struct sg_issued_page *page, struct sg_problems *problems)
{
    unsigned char check[16];

    if (memcmp(page->magic, "sg-iss\r\n", 8) != 0 || page->order != SG_ORDER_MARK ||
        page->version != SG_ISSUED_VERSION || page->bucket_count != SG_ISSUED_BUCKETS ||
        page->way_count != SG_ISSUED_WAYS || page->slot_size != sizeof(struct sg_issued_slot) ||
        !sg_issued_header_check(check, page) || memcmp(check, page->check, sizeof check) != 0) {
        sg_problem(problems, SG_ISSUED_NAME, 0,
                   "is damaged or of another version; restart the agent, it makes a new one");
        return SG_E_INVALID;
    }
    return SG_OK;
}

/* The same file again, for writing; it was checked through the read-only descriptor. */
static int reopen_writable(int folder, const struct stat *checked)
{
    struct stat info;
    const int file =
        openat(folder, SG_ISSUED_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (file < 0)
        return SG_E_SYSTEM;
    if (fstat(file, &info) == 0 && info.st_dev == checked->st_dev && info.st_ino == checked->st_ino)
        return file;
    (void)close(file);
    return SG_E_UNTRUSTED;
}

int sg_issued_map(struct sg_issued_map *map, int folder, bool writable,
                  const struct sg_owners *owners, struct sg_problems *problems)
{
    struct stat info;
    void *mapping = MAP_FAILED;
    int status = SG_E_SYSTEM;

    int file = openat(folder, SG_ISSUED_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && errno == ENOENT)
        return SG_E_ABSENT;
    if (file >= 0)
        (void)close(file);
    file = sg_file_open(folder, SG_ISSUED_NAME, owners, problems);
    if (file < 0)
        return file;
    if (fstat(file, &info) != 0)
        goto out;
    if (info.st_size != (off_t)sizeof(struct sg_issued_page)) {
        sg_problem(problems, SG_ISSUED_NAME, 0, "has %lld bytes, expected %zu",
                   (long long)info.st_size, sizeof(struct sg_issued_page));
        status = SG_E_INVALID;
        goto out;
    }
    if (writable) {
        (void)close(file);
        file = reopen_writable(folder, &info);
        if (file < 0) {
            sg_problem(problems, SG_ISSUED_NAME, 0, "cannot be opened for writing: %m");
            return file;
        }
    }
    mapping = mmap(NULL, sizeof(struct sg_issued_page),
                   writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0);
    if (mapping == MAP_FAILED) {
        sg_problem(problems, SG_ISSUED_NAME, 0, "cannot be mapped: %m");
        goto out;
    }
    status = check_header(mapping, problems);
out:
    (void)close(file);
    if (status != SG_OK) {
        if (mapping != MAP_FAILED)
            (void)munmap(mapping, sizeof(struct sg_issued_page));
        return status;
    }
    map->page = mapping;
    map->device = (uint64_t)info.st_dev;
    map->inode = (uint64_t)info.st_ino;
    return SG_OK;
}

void sg_issued_unmap(struct sg_issued_map *map)
{
    if (map->page != NULL)
        (void)munmap(map->page, sizeof *map->page);
    map->page = NULL;
}

/* ---- looking up ---- */

static void complain(struct sg_store *store, struct sg_problems *problems)
{
    struct sg_issued_map *map = &store->issued;

    for (size_t i = 0; i < problems->stored && !map->complained; i++)
        sg_log(store->log, SG_LOG_WARNING,
               "event=store-refused detail=\"%s/%s\" effect=\"issue times of signed requests are "
               "as wide as the request tells\"",
               store->folder, problems->texts[i]);
    map->complained = problems->count > 0;
    sg_problems_clear(problems);
}

static bool same_file(const struct sg_issued_map *map, int folder)
{
    struct stat info;

    return map->page != NULL && fstatat(folder, SG_ISSUED_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)info.st_dev == map->device && (uint64_t)info.st_ino == map->inode;
}

static void look_for_page(struct sg_store *store, int64_t boot_ms)
{
    struct sg_issued_map *map = &store->issued;
    struct sg_issued_map fresh = {0};
    struct sg_problems problems = {0};
    const int64_t every_ms = map->page != NULL ? DOUBT_MS : ABSENT_AGAIN_MS;

    if (map->looked_boot_ms != 0 && boot_ms >= map->looked_boot_ms &&
        boot_ms - map->looked_boot_ms < every_ms)
        return;
    map->looked_boot_ms = boot_ms;
    const int folder = sg_folder_open(store->folder, &store->owners, NULL);
    if (folder < 0)
        return;
    if (!same_file(map, folder)) {
        /* What is not there any more tells nothing any more. */
        sg_issued_unmap(map);
        if (sg_issued_map(&fresh, folder, false, &store->owners, &problems) == SG_OK) {
            map->page = fresh.page;
            map->device = fresh.device;
            map->inode = fresh.inode;
        }
    }
    (void)close(folder);
    complain(store, &problems);
}

int sg_store_issued(struct sg_interval *issued, struct sg_store *store, int64_t boot_ms,
                    uint64_t origin, struct sg_text access_key_id, struct sg_text role_key)
{
    struct sg_issued_entry wanted, entry;
    uint32_t bucket;

    *issued = (struct sg_interval){0};
    look_for_page(store, boot_ms);
    if (store->issued.page == NULL)
        return SG_E_INVALID;
    if (!sg_issued_digests(&wanted, &bucket, store->issued.page, origin, access_key_id, role_key))
        return SG_E_ABSENT;
    const struct sg_issued_slot *slots =
        &store->issued.page->slots[(size_t)bucket * SG_ISSUED_WAYS];
    for (size_t i = 0; i < SG_ISSUED_WAYS; i++) {
        if (!sg_issued_read(&entry, &slots[i]) || entry.issued_ms == 0 ||
            CRYPTO_memcmp(entry.session, wanted.session, sizeof entry.session) != 0)
            continue;
        if (memcmp(entry.role, wanted.role, sizeof entry.role) != 0)
            return SG_E_ABSENT;
        /* A second each way: the call's end is told, in whole seconds. */
        issued->earliest_ms = entry.issued_ms - SECOND_MS;
        issued->latest_ms = entry.issued_ms + SECOND_MS - 1;
        return SG_OK;
    }
    return SG_E_ABSENT;
}
