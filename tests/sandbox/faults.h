/*
 * Faults: what goes wrong, how often, for which calls.
 */
#ifndef SB_FAULTS_H
#define SB_FAULTS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "form.h"
#include "opaque.h"

struct sb_bucket;

struct sb_faults {
    bool down;
    bool hang;
    int64_t latency_ms;
    int64_t fail_every; /* 0: never */
    int64_t drop_every;
    int64_t page_size; /* 0: no limit */
    int64_t enforce_delay_ms;
    double throttle_rate; /* a second; 0: none */
    double throttle_burst;
    enum sb_lax lax; /* with altered session tokens */
    char fail[64];
    char only[512];
    int64_t fail_seen;
    int64_t drop_seen;
    struct sb_bucket *buckets;
};

enum sb_mishap { SB_FINE = 0, SB_DROP, SB_HANG, SB_FAIL };

/* Sets the fields that the form has. NULL, or what was wrong (a constant), with nothing changed. */
const char *sb_faults_set(struct sb_faults *faults, const struct sb_form *form);
const char *sb_faults_set_one(struct sb_faults *faults, const char *name, const char *value);
struct json_object *sb_faults_json(const struct sb_faults *faults);

/* Whether faults touch this action of this service ("iam", "sts", or NULL). */
bool sb_faults_touch(const struct sb_faults *faults, const char *action, const char *service);
/* Counts one request, and says what becomes of it. */
enum sb_mishap sb_faults_next(struct sb_faults *faults, const char *action, const char *service);
/* One token of the account's and action's bucket: true when there is none left. */
bool sb_faults_throttle(struct sb_faults *faults, const char *account, const char *action);
void sb_faults_free(struct sb_faults *faults);

#endif
