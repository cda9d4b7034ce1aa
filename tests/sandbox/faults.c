/*
 * Faults on demand; see faults.h. Control calls never pass through here.
 */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

struct sb_bucket {
    char *name;
    double tokens;
    int64_t filled_ms;
    struct sb_bucket *next;
};

static void free_buckets(struct sb_faults *faults)
{
    struct sb_bucket *bucket;

    while ((bucket = faults->buckets) != NULL) {
        faults->buckets = bucket->next;
        free(bucket->name);
        free(bucket);
    }
}

void sb_faults_free(struct sb_faults *faults)
{
    free_buckets(faults);
}

static const char *set_throttle(struct sb_faults *faults, const char *value)
{
    char *end = NULL;
    double rate;
    double burst;

    free_buckets(faults);
    if (strcmp(value, "off") == 0 || value[0] == '\0') {
        faults->throttle_rate = 0;
        return NULL;
    }
    rate = strtod(value, &end);
    if (end == value || *end != '/')
        return "throttle: expected RATE/BURST";
    value = end + 1;
    burst = strtod(value, &end);
    if (end == value || *end != '\0' || !(rate > 0) || !(burst >= 1))
        return "throttle: expected RATE/BURST, RATE above 0, BURST at least 1";
    faults->throttle_rate = rate;
    faults->throttle_burst = burst;
    return NULL;
}

static const char *set_text(char *target, size_t size, const char *value)
{
    if (strlen(value) >= size)
        return "value too long";
    (void)snprintf(target, size, "%s", value);
    return NULL;
}

static const char *set_flag(bool *flag, const char *value)
{
    int64_t number;

    if (sb_integer(&number, value, 0, 1) != 0)
        return "expected 0 or 1";
    *flag = number == 1;
    return NULL;
}

static const char *set_count(int64_t *count, const char *value)
{
    if (sb_integer(count, value, 0, INT32_MAX) != 0)
        return "expected a whole number, 0 or more";
    return NULL;
}

static const char *const lax_words[] = {"off", "altered", "duplicated"};

static const char *set_lax(enum sb_lax *lax, const char *value)
{
    for (size_t i = 0; i < sizeof(lax_words) / sizeof(lax_words[0]); i++) {
        if (strcmp(value, lax_words[i]) != 0)
            continue;
        *lax = (enum sb_lax)i;
        return NULL;
    }
    return "lax_tokens: expected off, altered or duplicated";
}

static void clear(struct sb_faults *faults)
{
    int64_t delay_ms = faults->enforce_delay_ms;

    free_buckets(faults);
    memset(faults, 0, sizeof(*faults));
    faults->enforce_delay_ms = delay_ms;
}

const char *sb_faults_set_one(struct sb_faults *faults, const char *name, const char *value)
{
    if (strcmp(name, "reset") == 0)
        return NULL; /* done first, by sb_faults_set */
    if (strcmp(name, "down") == 0)
        return set_flag(&faults->down, value);
    if (strcmp(name, "hang") == 0)
        return set_flag(&faults->hang, value);
    if (strcmp(name, "latency_ms") == 0)
        return set_count(&faults->latency_ms, value);
    if (strcmp(name, "fail_every") == 0)
        return set_count(&faults->fail_every, value);
    if (strcmp(name, "drop_every") == 0)
        return set_count(&faults->drop_every, value);
    if (strcmp(name, "page_size") == 0)
        return set_count(&faults->page_size, value);
    if (strcmp(name, "enforce_delay_ms") == 0)
        return set_count(&faults->enforce_delay_ms, value);
    if (strcmp(name, "lax_tokens") == 0)
        return set_lax(&faults->lax, value);
    if (strcmp(name, "throttle") == 0)
        return set_throttle(faults, value);
    if (strcmp(name, "fail") == 0)
        return set_text(faults->fail, sizeof(faults->fail), value);
    if (strcmp(name, "only") == 0)
        return set_text(faults->only, sizeof(faults->only), value);
    return "unknown fault";
}

const char *sb_faults_set(struct sb_faults *faults, const struct sb_form *form)
{
    struct sb_faults trial = *faults;
    const char *why = NULL;
    size_t i;

    trial.buckets = NULL;
    if (strcmp(sb_form_get_or(form, "reset", "0"), "1") == 0)
        clear(&trial);
    for (i = 0; why == NULL && i < form->count; i++)
        why = sb_faults_set_one(&trial, form->fields[i].name, form->fields[i].value);
    if (why != NULL)
        return why;
    /* A fail code alone means every call; fail_every alone means ServiceFailure. */
    if (trial.fail[0] != '\0' && sb_form_get(form, "fail_every") == NULL && trial.fail_every == 0)
        trial.fail_every = 1;
    free_buckets(faults);
    *faults = trial;
    return NULL;
}

struct json_object *sb_faults_json(const struct sb_faults *faults)
{
    struct json_object *all = json_object_new_object();
    char *throttle = faults->throttle_rate > 0
                         ? sb_format("%g/%g", faults->throttle_rate, faults->throttle_burst)
                         : sb_copy("off");

    json_object_object_add(all, "down", json_object_new_int(faults->down));
    json_object_object_add(all, "hang", json_object_new_int(faults->hang));
    json_object_object_add(all, "latency_ms", json_object_new_int64(faults->latency_ms));
    json_object_object_add(all, "fail_every", json_object_new_int64(faults->fail_every));
    json_object_object_add(all, "fail", json_object_new_string(faults->fail));
    json_object_object_add(all, "drop_every", json_object_new_int64(faults->drop_every));
    json_object_object_add(all, "page_size", json_object_new_int64(faults->page_size));
    json_object_object_add(all, "enforce_delay_ms",
                           json_object_new_int64(faults->enforce_delay_ms));
    json_object_object_add(all, "lax_tokens", json_object_new_string(lax_words[faults->lax]));
    json_object_object_add(all, "throttle", json_object_new_string(throttle));
    json_object_object_add(all, "only", json_object_new_string(faults->only));
    free(throttle);
    return all;
}

/* Whether the comma-separated list has the word. */
static bool lists(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (*list != '\0') {
        size_t item = strcspn(list, ",");

        if (item == length && strncmp(list, word, length) == 0)
            return true;
        list += item;
        list += *list == ',';
    }
    return false;
}

bool sb_faults_touch(const struct sb_faults *faults, const char *action, const char *service)
{
    if (faults->only[0] == '\0')
        return true;
    return lists(faults->only, action) || (service != NULL && lists(faults->only, service));
}

enum sb_mishap sb_faults_next(struct sb_faults *faults, const char *action, const char *service)
{
    if (!sb_faults_touch(faults, action, service))
        return SB_FINE;
    if (faults->down)
        return SB_DROP;
    if (faults->drop_every > 0 && ++faults->drop_seen % faults->drop_every == 0)
        return SB_DROP;
    if (faults->hang)
        return SB_HANG;
    if (faults->fail_every > 0 && ++faults->fail_seen % faults->fail_every == 0)
        return SB_FAIL;
    return SB_FINE;
}

bool sb_faults_throttle(struct sb_faults *faults, const char *account, const char *action)
{
    struct sb_bucket *bucket;
    char *name;
    int64_t now_ms = sb_steady_ms();

    if (!(faults->throttle_rate > 0))
        return false;
    name = sb_format("%s/%s", account, action);
    for (bucket = faults->buckets; bucket != NULL; bucket = bucket->next) {
        if (strcmp(bucket->name, name) == 0)
            break;
    }
    if (bucket == NULL) {
        bucket = sb_alloc(sizeof(*bucket));
        bucket->name = sb_copy(name);
        bucket->tokens = faults->throttle_burst;
        bucket->filled_ms = now_ms;
        bucket->next = faults->buckets;
        faults->buckets = bucket;
    }
    free(name);
    bucket->tokens += (double)(now_ms - bucket->filled_ms) / 1000.0 * faults->throttle_rate;
    if (bucket->tokens > faults->throttle_burst)
        bucket->tokens = faults->throttle_burst;
    bucket->filled_ms = now_ms;
    if (bucket->tokens < 1)
        return true;
    bucket->tokens -= 1;
    return false;
}
