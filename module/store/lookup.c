/*
 * lookup.c - finding role records and signing keys in the tables that a reader has mapped. It makes
 * no system call and allocates nothing; "no such role" and "can't tell" are never mixed up.
 */
#include "store/reader.h"

int sg_store_role(struct sg_store *store, struct sg_slot *slot, struct sg_text partition,
                  struct sg_text account, struct sg_text role_key, struct sg_record *record)
{
    struct sg_role_key key;
    struct sg_text value;

    (void)store;
    *record = (struct sg_record){.cutoff_ms = SG_CUTOFF_NONE};
    if (slot->kind != SG_SLOT_ACCOUNT || !slot->table.open)
        return SG_E_INVALID;
    if (!sg_role_key_make(&key, partition, account, role_key))
        return SG_E_ABSENT;
    const int status = sg_table_map_find(&value, &slot->table, key.bytes, key.length);
    if (status != SG_OK)
        return status;
    return sg_record_view(record, value) ? SG_OK : SG_E_INVALID;
}

int sg_store_key(struct sg_store *store, struct sg_slot *slot, struct sg_text kid,
                 struct sg_text *key)
{
    struct sg_kid_key made;

    *key = (struct sg_text){0};
    if (slot->kind != SG_SLOT_ISSUER || !store->keys.open || slot->stamp.generation == 0)
        return SG_E_INVALID;
    if (!sg_kid_key_make(&made, sg_text_of(slot->label), kid))
        return SG_E_ABSENT;
    return sg_table_map_find(key, &store->keys, made.bytes, made.length);
}

uint64_t sg_store_epoch(const struct sg_store *store, const struct sg_slot *slot)
{
    return slot->kind == SG_SLOT_ACCOUNT ? slot->epoch : store->keys_epoch;
}

struct role_walk {
    bool (*each)(void *payload, struct sg_text partition, struct sg_text account,
                 struct sg_text role_key, const struct sg_record *record);
    void *payload;
    bool damaged;
};

static bool each_role(void *payload, struct sg_text key, struct sg_text value)
{
    struct role_walk *walk = payload;
    struct sg_text partition, account, role_key;
    struct sg_record record;

    if (!sg_role_key_split(&partition, &account, &role_key, key) ||
        !sg_record_view(&record, value)) {
        walk->damaged = true;
        return false;
    }
    return walk->each(walk->payload, partition, account, role_key, &record);
}

int sg_store_each_role(struct sg_store *store, struct sg_slot *slot,
                       bool (*each)(void *payload, struct sg_text partition, struct sg_text account,
                                    struct sg_text role_key, const struct sg_record *record),
                       void *payload)
{
    struct role_walk walk = {each, payload, false};

    (void)store;
    if (slot->kind != SG_SLOT_ACCOUNT)
        return SG_E_INVALID;
    const int status = sg_table_map_each(&slot->table, each_role, &walk);
    return walk.damaged ? SG_E_INVALID : status;
}

struct key_walk {
    bool (*each)(void *payload, struct sg_text kid, struct sg_text key);
    void *payload;
    struct sg_text issuer;
};

static bool each_key(void *payload, struct sg_text key, struct sg_text value)
{
    const struct key_walk *walk = payload;
    struct sg_text issuer, kid;

    if (!sg_kid_key_split(&issuer, &kid, key) || !sg_text_equal(issuer, walk->issuer))
        return true;
    return walk->each(walk->payload, kid, value);
}

int sg_store_each_key(struct sg_store *store, struct sg_slot *slot,
                      bool (*each)(void *payload, struct sg_text kid, struct sg_text key),
                      void *payload)
{
    struct key_walk walk = {each, payload, sg_text_of(slot->label)};

    if (slot->kind != SG_SLOT_ISSUER || slot->stamp.generation == 0)
        return SG_E_INVALID;
    return sg_table_map_each(&store->keys, each_key, &walk);
}
