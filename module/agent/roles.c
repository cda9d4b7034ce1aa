/*
 * roles.c - a hash table of roles by folded name.
 */
#include "agent/roles.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64

static uint32_t hash(struct sg_text key)
{
    uint32_t value = 2166136261u; /* FNV-1a; keys are names that IAM took, not an attacker's */

    for (size_t i = 0; i < key.length; i++)
        value = (value ^ (unsigned char)key.data[i]) * 16777619u;
    return value;
}

static size_t bucket_of(const struct sg_roles *roles, struct sg_text key)
{
    return hash(key) & (roles->bucket_count - 1);
}

struct sg_role *sg_roles_find(const struct sg_roles *roles, struct sg_text key)
{
    if (roles->bucket_count == 0)
        return NULL;
    for (struct sg_role *role = roles->buckets[bucket_of(roles, key)]; role != NULL;
         role = role->next) {
        if (sg_text_equal(sg_text_of(role->key), key))
            return role;
    }
    return NULL;
}

static bool grow(struct sg_roles *roles)
{
    struct sg_roles larger = {
        .bucket_count = roles->bucket_count == 0 ? FIRST_BUCKETS : roles->bucket_count * 2,
        .count = roles->count,
        .deleted = roles->deleted,
    };

    larger.buckets = sg_alloc(larger.bucket_count, sizeof(struct sg_role *));
    if (larger.buckets == NULL)
        return false;
    for (size_t i = 0; i < roles->bucket_count; i++) {
        struct sg_role *role = roles->buckets[i], *next;
        for (; role != NULL; role = next) {
            struct sg_role **bucket = &larger.buckets[bucket_of(&larger, sg_text_of(role->key))];
            next = role->next;
            role->next = *bucket;
            *bucket = role;
        }
    }
    free(roles->buckets);
    *roles = larger;
    return true;
}

struct sg_role *sg_roles_add(struct sg_roles *roles, struct sg_text key)
{
    struct sg_role *role = sg_roles_find(roles, key);

    if (role != NULL)
        return role;
    if (roles->count >= roles->bucket_count && !grow(roles))
        return NULL;
    role = sg_alloc(1, sizeof *role);
    if (role == NULL)
        return NULL;
    if (!sg_text_copy(role->key, sizeof role->key, key)) {
        free(role);
        return NULL;
    }
    struct sg_role **bucket = &roles->buckets[bucket_of(roles, key)];
    role->next = *bucket;
    *bucket = role;
    roles->count++;
    return role;
}

bool sg_role_record(struct sg_record *record, const struct sg_role *role)
{
    return role->record.length > 0 && sg_record_read(record, sg_buffer_text(&role->record));
}

static bool is_deleted(const struct sg_role *role)
{
    struct sg_record record;

    return sg_role_record(&record, role) && record.state == SG_ROLE_DELETED;
}

static void free_role(struct sg_role *role)
{
    sg_buffer_clear(&role->record);
    free(role->hung);
    free(role);
}

void sg_roles_remove(struct sg_roles *roles, struct sg_role *role)
{
    for (struct sg_role **at = &roles->buckets[bucket_of(roles, sg_text_of(role->key))];
         *at != NULL; at = &(*at)->next) {
        if (*at != role)
            continue;
        *at = role->next;
        break;
    }
    roles->count--;
    roles->deleted -= is_deleted(role);
    free_role(role);
}

void sg_roles_clear(struct sg_roles *roles)
{
    for (size_t i = 0; i < roles->bucket_count; i++) {
        struct sg_role *role = roles->buckets[i], *next;
        for (; role != NULL; role = next) {
            next = role->next;
            free_role(role);
        }
    }
    free(roles->buckets);
    *roles = (struct sg_roles){0};
}

bool sg_role_take(struct sg_roles *roles, struct sg_role *role, struct sg_buffer *packed)
{
    const bool changed = !sg_text_equal(sg_buffer_text(packed), sg_buffer_text(&role->record));

    roles->deleted -= is_deleted(role);
    sg_buffer_clear(&role->record);
    role->record = *packed;
    *packed = (struct sg_buffer){0};
    roles->deleted += is_deleted(role);
    return changed;
}

static struct sg_role *first_from(const struct sg_roles *roles, size_t bucket)
{
    for (; bucket < roles->bucket_count; bucket++) {
        if (roles->buckets[bucket] != NULL)
            return roles->buckets[bucket];
    }
    return NULL;
}

struct sg_role *sg_roles_first(const struct sg_roles *roles)
{
    return first_from(roles, 0);
}

struct sg_role *sg_roles_next(const struct sg_roles *roles, const struct sg_role *role)
{
    if (role->next != NULL)
        return role->next;
    return first_from(roles, bucket_of(roles, sg_text_of(role->key)) + 1);
}
