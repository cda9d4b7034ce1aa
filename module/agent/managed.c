/*
 * managed.c - a hash table of managed policies.
 */
#include "agent/managed.h"

#include <stdlib.h>

static size_t bucket_of(struct sg_text arn)
{
    uint32_t value = 2166136261u;

    for (size_t i = 0; i < arn.length; i++)
        value = (value ^ (unsigned char)arn.data[i]) * 16777619u;
    return value % SG_MANAGED_BUCKETS;
}

struct sg_managed *sg_managed_find(const struct sg_managed_set *set, struct sg_text arn)
{
    if (set->buckets == NULL)
        return NULL;
    for (struct sg_managed *managed = set->buckets[bucket_of(arn)]; managed != NULL;
         managed = managed->next) {
        if (sg_text_equal(sg_text_of(managed->arn), arn))
            return managed;
    }
    return NULL;
}

struct sg_managed *sg_managed_add(struct sg_managed_set *set, struct sg_text arn)
{
    struct sg_managed *managed = sg_managed_find(set, arn);

    if (managed != NULL)
        return managed;
    if (set->buckets == NULL)
        set->buckets = sg_alloc(SG_MANAGED_BUCKETS, sizeof(struct sg_managed *));
    if (set->buckets == NULL)
        return NULL;
    managed = sg_alloc(1, sizeof *managed);
    if (managed == NULL)
        return NULL;
    managed->arn = sg_text_dup(arn);
    if (managed->arn == NULL) {
        free(managed);
        return NULL;
    }
    struct sg_managed **bucket = &set->buckets[bucket_of(arn)];
    managed->next = *bucket;
    *bucket = managed;
    set->count++;
    return managed;
}

int sg_managed_set_document(struct sg_managed *managed, struct sg_text document, int64_t aws_ms,
                            struct sg_problems *problems)
{
    const struct sg_text arn = sg_text_of(managed->arn);

    sg_buffer_clear(&managed->attached);
    sg_buffer_clear(&managed->boundary);
    managed->known = false;
    int error = sg_policy_compile(&managed->attached, document, SG_POLICY_ATTACHED, arn, problems);
    if (error == SG_OK)
        error = sg_policy_compile(&managed->boundary, document, SG_POLICY_BOUNDARY, arn, NULL);
    managed->known = error == SG_OK;
    managed->failed = !managed->known;
    managed->aws_ms = aws_ms;
    return error;
}

bool sg_managed_copy(struct sg_managed *into, const struct sg_managed *from)
{
    sg_buffer_clear(&into->attached);
    sg_buffer_clear(&into->boundary);
    sg_buffer_add_text(&into->attached, sg_buffer_text(&from->attached));
    sg_buffer_add_text(&into->boundary, sg_buffer_text(&from->boundary));
    into->known = from->known && !into->attached.failed && !into->boundary.failed;
    into->failed = !into->known;
    into->aws_ms = from->aws_ms;
    into->read_boot_ms = from->read_boot_ms;
    return into->known == from->known;
}

static void free_managed(struct sg_managed *managed)
{
    sg_buffer_clear(&managed->attached);
    sg_buffer_clear(&managed->boundary);
    free(managed->arn);
    free(managed);
}

void sg_managed_prune(struct sg_managed_set *set, int64_t used_before_ms)
{
    for (size_t i = 0; set->buckets != NULL && i < SG_MANAGED_BUCKETS; i++) {
        struct sg_managed **at = &set->buckets[i];

        while (*at != NULL) {
            struct sg_managed *managed = *at;

            if (managed->readers != NULL || managed->used_boot_ms >= used_before_ms) {
                at = &managed->next;
                continue;
            }
            *at = managed->next;
            set->count--;
            free_managed(managed);
        }
    }
}

void sg_managed_clear(struct sg_managed_set *set)
{
    for (size_t i = 0; set->buckets != NULL && i < SG_MANAGED_BUCKETS; i++) {
        struct sg_managed *managed = set->buckets[i], *next;
        for (; managed != NULL; managed = next) {
            next = managed->next;
            free_managed(managed);
        }
    }
    free(set->buckets);
    *set = (struct sg_managed_set){0};
}
