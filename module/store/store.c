/*
 * store.c - one reader's view of the store: the page mapped, tables mapped as they are needed, and
 * what the writer published since picked up. It must never write, never wait for the writer, and
 * never give a stamp to content that the stamp does not speak of.
 */
#include "store/folder.h"
#include "store/reader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_MS  INT64_C(1000)  /* at most so often is a file that could not be used tried again */
#define DOUBT_MS  INT64_C(20000) /* no slot moved for so long: is the page still the one? */
#define FUTURE_MS INT64_C(60000) /* a stamp further ahead than this is not of our clock */

static const struct sg_stamp stamp_none = {
    .complete_boot_ms = SG_NEVER_MS,
    .complete_aws_ms = SG_NEVER_MS,
    .tried_boot_ms = SG_NEVER_MS,
};

static bool is_due(int64_t last_ms, int64_t now_ms, int64_t every_ms)
{
    return now_ms < last_ms || now_ms - last_ms >= every_ms;
}

/* ---- the page ---- */

static void forget_page(struct sg_store *store)
{
    for (struct sg_slot *slot = store->slots; slot != NULL; slot = slot->next) {
        slot->index = SG_NOW_NONE;
        slot->scanned = 0;
        slot->settled = false;
    }
    sg_now_unmap(&store->now);
}

/* Maps the page that is there now, when it is another than ours. Trouble is named in problems. */
static void look_for_page(struct sg_store *store, struct sg_problems *problems)
{
    struct sg_problems found = {0};
    struct sg_now now;
    struct stat info;

    const int folder = sg_folder_open(store->folder, &store->owners, problems);
    if (folder < 0)
        return;
    if (store->now.page != NULL && fstatat(folder, SG_NOW_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        (uint64_t)info.st_dev == store->now.device && (uint64_t)info.st_ino == store->now.inode)
        goto out;
    if (sg_now_map(&now, folder, false, &store->owners, &found) == SG_OK) {
        forget_page(store);
        store->now = now;
    }
    sg_folder_name_problems(problems, store->folder, &found);
out:
    (void)close(folder);
}

static void log_problems(const struct sg_store *store, struct sg_problems *problems)
{
    for (size_t i = 0; i < problems->stored; i++)
        sg_log(store->log, SG_LOG_ERROR, "event=store-refused detail=\"%s\"", problems->texts[i]);
    sg_problems_clear(problems);
}

static void watch_page(struct sg_store *store, int64_t boot_ms)
{
    struct sg_problems problems = {0};

    if (!is_due(store->page_tried_boot_ms, boot_ms, RETRY_MS))
        return;
    store->page_tried_boot_ms = boot_ms;
    look_for_page(store, &problems);
    const bool trouble = problems.count > 0;
    if (store->page_complained)
        sg_problems_clear(&problems);
    log_problems(store, &problems);
    store->page_complained = trouble;
}

/* ---- tables ---- */

/* Maps the table that holds generation `published`; what was mapped stays when that fails. */
static bool load_table(struct sg_store *store, struct sg_slot *slot, uint64_t published,
                       int64_t boot_ms)
{
    struct sg_table_map *table = sg_slot_table(store, slot);
    const enum sg_table_kind kind =
        slot->kind == SG_SLOT_ACCOUNT ? SG_TABLE_ACCOUNT : SG_TABLE_KEYS;
    const struct sg_text label =
        kind == SG_TABLE_ACCOUNT ? sg_text_of(slot->label) : (struct sg_text){0};
    struct sg_problems problems = {0}, found = {0};
    struct sg_table_map fresh = {0};

    if (published == 0 || (table->open && table->generation >= published))
        return true;
    if (slot->refused == published && !is_due(slot->table_tried_boot_ms, boot_ms, RETRY_MS))
        return false;
    slot->table_tried_boot_ms = boot_ms;

    /* Never behind what is mapped either: the folder may have been put back. */
    const uint64_t oldest = table->generation > published ? table->generation : published;
    int status = sg_folder_open(store->folder, &store->owners, &problems);
    if (status >= 0) {
        const int folder = status;

        status = sg_table_map_open(&fresh, folder, kind, label, oldest, &store->owners, &found);
        (void)close(folder);
        sg_folder_name_problems(&problems, store->folder, &found);
    }
    if (status == SG_OK) {
        sg_table_map_close(table);
        *table = fresh;
        *(slot->kind == SG_SLOT_ACCOUNT ? &slot->epoch : &store->keys_epoch) = ++store->epochs;
        slot->refused = 0;
        return true;
    }
    if (slot->refused == published)
        sg_problems_clear(&problems); /* said already */
    log_problems(store, &problems);
    slot->refused = published;
    return false;
}

/* ---- slots ---- */

static void find_slot(struct sg_store *store, struct sg_slot *slot)
{
    const uint32_t used = sg_now_used(store->now.page);

    if (used <= slot->scanned)
        return;
    slot->index =
        sg_now_find(store->now.page, slot->kind, sg_text_of(slot->label), slot->scanned, used);
    slot->scanned = used;
}

static bool same_slot(const struct sg_slot *slot, const struct sg_now_entry *entry)
{
    return entry->kind == (uint32_t)slot->kind &&
           memcmp(entry->label, slot->label, sizeof entry->label) == 0;
}

static struct sg_stamp make_stamp(const struct sg_store *store, const struct sg_now_entry *entry,
                                  int64_t boot_ms)
{
    struct sg_stamp stamp = stamp_none;
    const bool same_boot =
        store->boot_known && memcmp(entry->boot_id, store->boot_id, sizeof entry->boot_id) == 0;

    stamp.generation = entry->generation;
    stamp.origin = entry->origin;
    stamp.complete_aws_ms = entry->complete_aws_ms;
    if (!same_boot)
        return stamp;
    if (entry->complete_boot_ms >= 0 && entry->complete_boot_ms - FUTURE_MS <= boot_ms) {
        stamp.this_boot = true;
        stamp.complete_boot_ms = entry->complete_boot_ms;
    }
    if (entry->tried_boot_ms >= 0 && entry->tried_boot_ms - FUTURE_MS <= boot_ms)
        stamp.tried_boot_ms = entry->tried_boot_ms;
    return stamp;
}

/* Takes over what the page says, as far as the table that it speaks of can be had. */
static void read_slot(struct sg_store *store, struct sg_slot *slot, int64_t boot_ms)
{
    struct sg_now_entry entry;
    uint64_t sequence;

    const int status = sg_now_read(&entry, &sequence, store->now.page, slot->index);
    if (status == SG_E_BUSY)
        return; /* the writer is inside, or was killed there: what was seen before stays */
    if (status == SG_OK && !same_slot(slot, &entry)) {
        slot->index = SG_NOW_NONE;
        slot->scanned = 0;
        return;
    }
    if (status != SG_OK || entry.generation < slot->seen) {
        if (slot->damaged != sequence + 1)
            sg_log(store->log, SG_LOG_ERROR,
                   "event=store-refused detail=\"%s/%s: the slot of %s is %s; restart the agent\"",
                   store->folder, SG_NOW_NAME, slot->label,
                   status != SG_OK ? "damaged" : "older than it was");
        slot->damaged = sequence + 1;
        return;
    }
    slot->seen = entry.generation;
    if (!load_table(store, slot, entry.generation, boot_ms))
        return;
    slot->stamp = make_stamp(store, &entry, boot_ms);
    slot->sequence = sequence;
    store->doubt_boot_ms = boot_ms + DOUBT_MS;
    slot->settled = true;
}

static void refresh_slowly(struct sg_store *store, struct sg_slot *slot, int64_t boot_ms)
{
    if (store->now.page == NULL || !slot->settled || boot_ms >= store->doubt_boot_ms ||
        sg_now_retired(store->now.page))
        watch_page(store, boot_ms);
    if (store->now.page == NULL)
        return;
    if (slot->index == SG_NOW_NONE)
        find_slot(store, slot);
    if (slot->index == SG_NOW_NONE)
        return;
    if (slot->settled && sg_now_sequence(store->now.page, slot->index) == slot->sequence)
        return;
    slot->settled = false;
    read_slot(store, slot, boot_ms);
}

void sg_store_refresh(struct sg_store *store, struct sg_slot *slot, int64_t boot_ms,
                      struct sg_stamp *stamp)
{
    const struct sg_now_page *page = store->now.page;

    if (!slot->settled || boot_ms >= store->doubt_boot_ms ||
        sg_now_sequence(page, slot->index) != slot->sequence || sg_now_retired(page))
        refresh_slowly(store, slot, boot_ms);
    *stamp = slot->stamp;
}

struct sg_slot *sg_store_slot(struct sg_store *store, enum sg_slot_kind kind, struct sg_text label)
{
    struct sg_slot *slot = store->slots;

    if (!sg_label_valid(label))
        return NULL;
    while (slot != NULL && (slot->kind != kind || !sg_text_equal(sg_text_of(slot->label), label)))
        slot = slot->next;
    if (slot != NULL)
        return slot;

    slot = sg_alloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    slot->kind = kind;
    slot->index = SG_NOW_NONE;
    slot->stamp = stamp_none;
    (void)sg_text_copy(slot->label, sizeof slot->label, label);
    slot->next = store->slots;
    store->slots = slot;
    return slot;
}

/* ---- opening ---- */

int sg_store_open(struct sg_store **out, const char *folder, const struct sg_owners *owners,
                  const struct sg_clock *clock, const struct sg_log *log,
                  struct sg_problems *problems)
{
    struct sg_problems found = {0};
    struct sg_store *store = sg_alloc(1, sizeof *store);

    *out = NULL;
    if (store == NULL)
        return SG_E_MEMORY;
    store->folder = sg_text_dup(sg_text_of(folder));
    if (store->folder == NULL) {
        free(store);
        return SG_E_MEMORY;
    }
    store->owners = *owners;
    if (log != NULL) {
        store->log_copy = *log;
        store->log = &store->log_copy;
    }
    store->boot_known = sg_clock_boot_id(store->boot_id) == SG_OK;
    if (!store->boot_known)
        sg_problem(problems, "/proc/sys/kernel/random/boot_id", 0,
                   "cannot be read (%m): nothing in the store will count as fresh");
    store->page_tried_boot_ms = sg_clock_boot_ms(clock);
    look_for_page(store, &found);
    store->page_complained = found.count > 0;
    for (size_t i = 0; i < found.stored; i++)
        sg_problem(problems, NULL, 0, "%s", found.texts[i]);
    sg_problems_clear(&found);
    *out = store;
    return SG_OK;
}

void sg_store_close(struct sg_store *store)
{
    if (store == NULL)
        return;
    while (store->slots != NULL) {
        struct sg_slot *slot = store->slots;

        store->slots = slot->next;
        sg_table_map_close(&slot->table);
        free(slot);
    }
    sg_table_map_close(&store->keys);
    sg_now_unmap(&store->now);
    sg_issued_unmap(&store->issued);
    free(store->folder);
    free(store);
}
