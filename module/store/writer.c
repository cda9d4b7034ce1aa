/*
 * writer.c - opening the store for writing: one writer at a time, leftovers of a killed one mended,
 * stamps. It must never move a generation back, nor make anything look fresher than it is.
 */
#include "store/writer.h"
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"

static struct sg_text entry_label(const struct sg_now_entry *entry)
{
    return (struct sg_text){entry->label, strnlen(entry->label, sizeof entry->label)};
}

uint64_t sg_writer_next_generation(struct sg_store_writer *writer, uint64_t previous)
{
    const int64_t wall_ms = sg_clock_wall_ms(&writer->clock);
    uint64_t next;

    if (writer->last_generation > previous)
        previous = writer->last_generation;
    if (__builtin_add_overflow(previous, UINT64_C(1), &next))
        return 0;
    if (wall_ms > 0 && (uint64_t)wall_ms > next)
        next = (uint64_t)wall_ms;
    writer->last_generation = next;
    return next;
}

/* The slot's content; false when there is none, or it is damaged or half written. */
static bool read_slot(struct sg_now_entry *entry, const struct sg_store_writer *writer,
                      uint32_t index)
{
    uint64_t sequence;

    return sg_now_read(entry, &sequence, writer->now.page, index) == SG_OK;
}

uint64_t sg_writer_generation(const struct sg_store_writer *writer, enum sg_slot_kind kind,
                              struct sg_text label)
{
    const uint32_t index =
        sg_now_find(writer->now.page, kind, label, 0, sg_now_used(writer->now.page));
    struct sg_now_entry entry;

    return index != SG_NOW_NONE && read_slot(&entry, writer, index) ? entry.generation : 0;
}

/* The slot of a label for changing, fresh when it was not there or is damaged. */
static int take_slot(uint32_t *index, struct sg_now_entry *entry, struct sg_store_writer *writer,
                     enum sg_slot_kind kind, struct sg_text label)
{
    if (!sg_label_valid(label))
        return SG_E_INVALID;
    *index = sg_now_claim(writer->now.page, kind, label);
    if (*index == SG_NOW_NONE)
        return SG_E_LIMIT;
    if (!read_slot(entry, writer, *index)) {
        *entry = (struct sg_now_entry){
            .kind = (uint32_t)kind,
            .complete_boot_ms = SG_NEVER_MS,
            .complete_aws_ms = SG_NEVER_MS,
            .tried_boot_ms = SG_NEVER_MS,
        };
        (void)sg_text_copy(entry->label, sizeof entry->label, label);
    }
    return SG_OK;
}

int sg_writer_publish(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label,
                      uint64_t generation)
{
    struct sg_now_entry entry;
    uint32_t index;

    const int status = take_slot(&index, &entry, writer, kind, label);
    if (status != SG_OK)
        return status;
    entry.generation = generation;
    sg_now_write(writer->now.page, index, &entry);
    return SG_OK;
}

/* Instants of another run of the machine mean nothing on this run's clock. */
static void enter_boot(struct sg_now_entry *entry, const struct sg_store_writer *writer)
{
    if (memcmp(entry->boot_id, writer->boot_id, sizeof entry->boot_id) == 0)
        return;
    memcpy(entry->boot_id, writer->boot_id, sizeof entry->boot_id);
    entry->complete_boot_ms = SG_NEVER_MS;
    entry->tried_boot_ms = SG_NEVER_MS;
}

int sg_store_stamp(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label,
                   const struct sg_complete *complete)
{
    const int64_t now_ms = sg_clock_boot_ms(&writer->clock);
    struct sg_now_entry entry;
    uint32_t index;

    const int status = take_slot(&index, &entry, writer, kind, label);
    if (status != SG_OK)
        return status;
    enter_boot(&entry, writer);
    entry.complete_boot_ms = complete->boot_ms < now_ms ? complete->boot_ms : now_ms;
    entry.tried_boot_ms = now_ms;
    entry.complete_aws_ms = complete->aws_ms;
    sg_now_write(writer->now.page, index, &entry);
    return SG_OK;
}

int sg_store_claim(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label,
                   uint64_t origin)
{
    struct sg_now_entry entry;
    uint32_t index;

    const int status = take_slot(&index, &entry, writer, kind, label);
    if (status != SG_OK || entry.origin == origin)
        return status;
    entry.origin = origin;
    entry.complete_boot_ms = SG_NEVER_MS;
    entry.complete_aws_ms = SG_NEVER_MS;
    sg_now_write(writer->now.page, index, &entry);
    return SG_OK;
}

int sg_store_tried(struct sg_store_writer *writer, enum sg_slot_kind kind, struct sg_text label)
{
    struct sg_now_entry entry;
    uint32_t index;

    const int status = take_slot(&index, &entry, writer, kind, label);
    if (status != SG_OK)
        return status;
    enter_boot(&entry, writer);
    entry.tried_boot_ms = sg_clock_boot_ms(&writer->clock);
    sg_now_write(writer->now.page, index, &entry);
    return SG_OK;
}

/* ---- opening ---- */

/* Mode 0600: whoever could open the lock could hold it against us. */
static int take_lock(struct sg_store_writer *writer, struct sg_problems *problems)
{
    char pid[24] = {0};
    struct sg_buffer mine = {0};
    int status = SG_OK;

    writer->lock = openat(writer->folder, LOCK_NAME,
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (writer->lock < 0) {
        sg_problem(problems, LOCK_NAME, 0, "cannot be opened: %m");
        return SG_E_SYSTEM;
    }
    if (flock(writer->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            sg_problem(problems, LOCK_NAME, 0, "cannot be locked: %m");
            return SG_E_SYSTEM;
        }
        if (pread(writer->lock, pid, sizeof pid - 1, 0) <= 0)
            pid[0] = '\0';
        sg_problem(problems, LOCK_NAME, 0,
                   "another agent writes this store (process %s); stop it, or give this one a "
                   "state folder of its own",
                   pid[0] != '\0' ? pid : "unknown");
        return SG_E_BUSY;
    }
    sg_buffer_addf(&mine, "%ld", (long)getpid());
    if (mine.failed)
        status = SG_E_MEMORY;
    else if (ftruncate(writer->lock, 0) != 0 ||
             pwrite(writer->lock, mine.data, mine.length, 0) != (ssize_t)mine.length) {
        sg_problem(problems, LOCK_NAME, 0, "cannot be written: %m");
        status = SG_E_SYSTEM;
    }
    sg_buffer_clear(&mine);
    return status;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);

    return length > tail && strcmp(name + length - tail, end) == 0;
}

/* The account label that a file is named for; empty for other files. */
static struct sg_text table_label(const char *name)
{
    const struct sg_text head = SG_TEXT("account-");
    struct sg_text label = sg_text_of(name);

    if (!sg_text_starts(label, head) || !ends_with(name, ".cdb"))
        return (struct sg_text){0};
    label.data += head.length;
    label.length -= head.length + strlen(".cdb");
    return sg_label_valid(label) ? label : (struct sg_text){0};
}

/* A table may be newer than its slot: its writer was killed in between, or the page is new. */
static void adopt_account(struct sg_store_writer *writer, struct sg_text label,
                          struct sg_problems *problems)
{
    struct sg_table_map map = {0};

    if (sg_table_map_open(&map, writer->folder, SG_TABLE_ACCOUNT, label, 0, &writer->owners,
                          problems) != SG_OK)
        return;
    if (map.generation > sg_writer_generation(writer, SG_SLOT_ACCOUNT, label))
        (void)sg_writer_publish(writer, SG_SLOT_ACCOUNT, label, map.generation);
    sg_table_map_close(&map);
}

struct adoption {
    struct sg_store_writer *writer;
    bool all; /* else only issuers whose slot is empty or damaged */
};

static bool adopt_issuer(void *payload, struct sg_text key, struct sg_text value)
{
    const struct adoption *adoption = payload;
    struct sg_store_writer *writer = adoption->writer;
    struct sg_text issuer, kid;

    (void)value;
    if (!sg_kid_key_split(&issuer, &kid, key))
        return true;
    const uint64_t published = sg_writer_generation(writer, SG_SLOT_ISSUER, issuer);
    if (published == 0 || (adoption->all && published < writer->keys_generation))
        (void)sg_writer_publish(writer, SG_SLOT_ISSUER, issuer, writer->keys_generation);
    return true;
}

static uint64_t newest_issuer(const struct sg_store_writer *writer)
{
    struct sg_now_entry entry;
    uint64_t newest = 0;

    for (uint32_t i = 0; i < sg_now_used(writer->now.page); i++) {
        if (read_slot(&entry, writer, i) && entry.kind == SG_SLOT_ISSUER &&
            entry.generation > newest)
            newest = entry.generation;
    }
    return newest;
}

/* Which issuers a table that is newer than every slot has changed is not known: all move. */
static void adopt_keys(struct sg_store_writer *writer, struct sg_problems *problems)
{
    struct sg_problems found = {0};
    struct sg_table_map map = {0};
    struct adoption adoption = {writer, false};

    writer->keys_generation = newest_issuer(writer);
    const int status = sg_table_map_open(&map, writer->folder, SG_TABLE_KEYS, (struct sg_text){0},
                                         0, &writer->owners, &found);
    if (status != SG_OK && status != SG_E_ABSENT && found.stored > 0)
        sg_problem(problems, NULL, 0, "%s", found.texts[0]);
    sg_problems_clear(&found);
    if (status != SG_OK)
        return;
    if (map.generation > writer->keys_generation) {
        writer->keys_generation = map.generation;
        adoption.all = true;
    }
    (void)sg_table_map_each(&map, adopt_issuer, &adoption);
    sg_table_map_close(&map);
}

/*
 * A slot that a killed writer left half written keeps its label only: when it was last fresh is not
 * known, so it was never. False: not even the label can be believed.
 */
static bool mend_slots(struct sg_store_writer *writer)
{
    for (uint32_t i = 0; i < sg_now_used(writer->now.page); i++) {
        struct sg_now_entry entry;
        uint64_t words[SG_NOW_WORDS];

        if (read_slot(&entry, writer, i))
            continue;
        for (size_t w = 0; w < SG_NOW_WORDS; w++)
            words[w] =
                atomic_load_explicit(&writer->now.page->slots[i].words[w], memory_order_relaxed);
        memcpy(&entry, words, sizeof entry);
        if (!sg_label_valid(entry_label(&entry)) ||
            (entry.kind != SG_SLOT_ACCOUNT && entry.kind != SG_SLOT_ISSUER))
            return false;
        memset(entry.boot_id, 0, sizeof entry.boot_id);
        entry.generation = 0;
        entry.origin = 0;
        entry.complete_boot_ms = SG_NEVER_MS;
        entry.complete_aws_ms = SG_NEVER_MS;
        entry.tried_boot_ms = SG_NEVER_MS;
        sg_now_write(writer->now.page, i, &entry);
    }
    return true;
}

static int open_page(struct sg_store_writer *writer, struct sg_problems *problems)
{
    int status = sg_now_map(&writer->now, writer->folder, true, &writer->owners, problems);

    if (status == SG_OK && mend_slots(writer))
        return SG_OK;
    sg_now_unmap(&writer->now);
    status = sg_now_create(writer->folder, problems);
    if (status != SG_OK)
        return status;
    return sg_now_map(&writer->now, writer->folder, true, &writer->owners, problems);
}

/* Clears what a killed writer left aside, and takes over the tables that are there. */
static int adopt_folder(struct sg_store_writer *writer, struct sg_problems *problems)
{
    const struct dirent *entry;
    DIR *listing = NULL;
    int again = openat(writer->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (again >= 0)
        listing = fdopendir(again);
    if (listing == NULL) {
        sg_problem(problems, NULL, 0, "the state folder cannot be listed: %m");
        if (again >= 0)
            (void)close(again);
        return SG_E_SYSTEM;
    }
    while ((entry = readdir(listing)) != NULL) {
        const struct sg_text label = table_label(entry->d_name);

        if (label.length > 0)
            adopt_account(writer, label, problems);
        else if (ends_with(entry->d_name, ".cdb.new") || strcmp(entry->d_name, "now.new") == 0)
            (void)unlinkat(writer->folder, entry->d_name, 0);
    }
    (void)closedir(listing);
    adopt_keys(writer, problems);
    return SG_OK;
}

static int open_folder(struct sg_store_writer *writer, const char *path,
                       struct sg_problems *problems)
{
    if (!sg_owner_trusted(&writer->owners, geteuid())) {
        sg_problem(problems, path, 0,
                   "this agent runs as uid %lu, whose files gateways would refuse; run it as the "
                   "user that stsgate.conf names",
                   (unsigned long)geteuid());
        return SG_E_UNTRUSTED;
    }
    if (mkdir(path, 0755) == 0) {
        if (chmod(path, 0755) != 0) /* whatever the umask was */
            return SG_E_SYSTEM;
    } else if (errno != EEXIST) {
        sg_problem(problems, path, 0, "cannot be made: %m");
        return SG_E_SYSTEM;
    }
    writer->folder = sg_folder_open(path, &writer->owners, problems);
    return writer->folder >= 0 ? SG_OK : writer->folder;
}

int sg_store_writer_open(struct sg_store_writer **out, const char *folder,
                         const struct sg_owners *owners, const struct sg_clock *clock,
                         struct sg_problems *problems)
{
    struct sg_problems found = {0};
    struct sg_store_writer *writer = sg_alloc(1, sizeof *writer);
    int status;

    *out = NULL;
    if (writer == NULL)
        return SG_E_MEMORY;
    writer->folder = writer->lock = -1;
    writer->clock = *clock;
    writer->owners = *owners;
    status = open_folder(writer, folder, problems);
    if (status != SG_OK)
        goto out;
    status = sg_clock_boot_id(writer->boot_id);
    if (status != SG_OK) {
        sg_problem(problems, "/proc/sys/kernel/random/boot_id", 0, "cannot be read: %m");
        goto out;
    }
    status = take_lock(writer, &found);
    if (status == SG_OK)
        status = open_page(writer, &found);
    if (status == SG_OK)
        status = adopt_folder(writer, &found);
out:
    sg_folder_name_problems(problems, folder, &found);
    if (status == SG_OK)
        *out = writer;
    else
        sg_store_writer_close(writer);
    return status;
}

void sg_store_writer_close(struct sg_store_writer *writer)
{
    if (writer == NULL)
        return;
    sg_now_unmap(&writer->now);
    sg_issued_unmap(&writer->issued);
    if (writer->lock >= 0)
        (void)close(writer->lock);
    if (writer->folder >= 0)
        (void)close(writer->folder);
    free(writer);
}
