/*
 * made_up.c - `--context KEY=VALUE`: the keys that a request is made up of. What is not given is
 * absent, or what the kind of credential named by --credential would tell of it. Must never take a
 * key for absent because it could not be read.
 */
#include "ctl/made_up.h"

#include "base/clock.h"
#include "base/date.h"

#include <stdlib.h>

static const char *const kinds[SG_CREDENTIAL_KINDS] = {
    [SG_CREDENTIAL_WEB_IDENTITY] = "aws-web-identity",
    [SG_CREDENTIAL_JWT] = "jwt",
    [SG_CREDENTIAL_CALLER_IDENTITY] = "aws-caller-identity",
};

static void ask(struct sg_key_values *values, const struct sg_policy_request *request,
                enum sg_key key, struct sg_text name)
{
    const struct made_up *made_up = request->payload;
    struct sg_policy_request list_request = *request;

    list_request.payload = (void *)(uintptr_t)&made_up->list;
    sg_context_list_ask(values, &list_request, key, name);
    if (made_up->kind_word == NULL)
        return;
    for (size_t i = 0; i < made_up->list.count; i++) {
        if (sg_text_equal_nocase(made_up->entries[i].name, name))
            return;
    }
    switch (sg_key_telling(key, name, made_up->kind, request->action)) {
    case SG_TELLS_ABSENT:
    case SG_TELLS_OR_ABSENT:
        values->presence = SG_KEY_ABSENT;
        return;
    case SG_TELLS_NOT:
    case SG_TELLS:
    case SG_TELLS_OR_NOT:
        values->presence = SG_KEY_UNKNOWN;
        return;
    }
}

/* KEY=VALUE, KEY=? (unknown) or KEY (absent). */
static enum sg_presence split(struct sg_text *key, struct sg_text *value, const char *argument)
{
    *value = sg_text_of(argument);
    if (!sg_text_cut(key, value, '='))
        return SG_KEY_ABSENT;
    return sg_text_equal(*value, SG_TEXT("?")) ? SG_KEY_UNKNOWN : SG_KEY_PRESENT;
}

/* ISSUED or EARLIEST..LATEST. */
static bool read_issued(struct made_up *made_up, enum sg_presence presence, struct sg_text value)
{
    struct sg_interval *issued = &made_up->request.issued;
    struct sg_text latest = value;
    const char *dots = memmem(value.data, value.length, "..", 2);

    made_up->request.no_issue_time = presence == SG_KEY_ABSENT;
    *issued = (struct sg_interval){INT64_MIN, INT64_MAX};
    if (presence != SG_KEY_PRESENT)
        return true;
    if (dots != NULL) {
        latest.data = dots + 2;
        latest.length = value.length - (size_t)(latest.data - value.data);
        value.length = (size_t)(dots - value.data);
    }
    return sg_date_parse_iam(&issued->earliest_ms, value) &&
           sg_date_parse_iam(&issued->latest_ms, latest) &&
           issued->earliest_ms <= issued->latest_ms;
}

/* The keys that a request has as numbers. */
static bool read_time(struct made_up *made_up, enum sg_key key, enum sg_presence presence,
                      struct sg_text value)
{
    if (key == SG_KEY_TOKEN_ISSUE_TIME)
        return read_issued(made_up, presence, value);
    if (presence == SG_KEY_ABSENT)
        return false;
    made_up->request.now_ms = 0;
    return presence == SG_KEY_UNKNOWN || sg_date_parse_iam(&made_up->request.now_ms, value);
}

static bool add(struct made_up *made_up, const char *argument)
{
    struct sg_text key, value;
    const enum sg_presence presence = split(&key, &value, argument);
    const enum sg_key known = sg_key_find(key);
    struct sg_context_entry *entry;

    if (key.length == 0)
        return false;
    if (known == SG_KEY_TOKEN_ISSUE_TIME || known == SG_KEY_CURRENT_TIME ||
        known == SG_KEY_EPOCH_TIME)
        return read_time(made_up, known, presence, value);
    if (made_up->list.count == MADE_UP_KEYS)
        return false;
    entry = &made_up->entries[made_up->list.count++];
    *entry = (struct sg_context_entry){.name = key, .presence = presence};
    return true;
}

/* A key that is given again has one value more; all of them must say the same of its presence. */
static bool gather(struct made_up *made_up, char **arguments, int count)
{
    for (size_t i = 0; i < made_up->list.count; i++) {
        struct sg_context_entry *entry = &made_up->entries[i];

        entry->values = made_up->values + made_up->value_count;
        for (int j = 0; j < count; j++) {
            struct sg_text key, value;
            const enum sg_presence presence = split(&key, &value, arguments[j]);

            if (!sg_text_equal_nocase(key, entry->name))
                continue;
            if (presence != entry->presence || made_up->value_count == MADE_UP_VALUES)
                return false;
            if (presence == SG_KEY_PRESENT) {
                made_up->values[made_up->value_count++] = value;
                entry->count++;
            }
        }
    }
    return true;
}

static bool read_kind(struct made_up *made_up)
{
    if (made_up->kind_word == NULL)
        return true;
    for (size_t i = 0; i < SG_CREDENTIAL_KINDS; i++) {
        made_up->kind = (enum sg_credential_kind)i;
        if (strcmp(made_up->kind_word, kinds[i]) == 0)
            return true;
    }
    ctl_error("--credential %s: expected %s, %s or %s", made_up->kind_word, kinds[0], kinds[1],
              kinds[2]);
    return false;
}

/* The value of an option at argv[*i], if it is `name`; *i moves to what it consumed. */
static const char *option_value(struct ctl *ctl, int *i, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(ctl->argv[*i], name, length) != 0)
        return NULL;
    if (ctl->argv[*i][length] == '=')
        return ctl->argv[*i] + length + 1;
    return ctl->argv[*i][length] == '\0' && *i + 1 < ctl->argc ? ctl->argv[++*i] : NULL;
}

bool made_up_read(struct made_up *made_up, struct ctl *ctl)
{
    char **contexts = sg_alloc((size_t)ctl->argc + 1, sizeof(*contexts));
    const int64_t now_ms = sg_clock_wall_ms(&sg_clock_system);
    int context_count = 0, kept = 0;
    bool good = contexts != NULL;

    made_up->list.entries = made_up->entries;
    made_up->list.otherwise = SG_KEY_ABSENT;
    made_up->request.issued = (struct sg_interval){now_ms, now_ms};
    made_up->request.now_ms = now_ms;
    made_up->request.ask = ask;
    made_up->request.payload = made_up;
    for (int i = 0; good && i < ctl->argc; i++) {
        const char *value = option_value(ctl, &i, "--context");

        if (value != NULL) {
            contexts[context_count++] = (char *)(uintptr_t)value;
            if (!add(made_up, value)) {
                ctl_error("--context %s: expected KEY=VALUE, KEY=? (unknown) or KEY (absent), and "
                          "dates for times",
                          value);
                good = false;
            }
        } else if ((value = option_value(ctl, &i, "--credential")) != NULL) {
            made_up->kind_word = value;
        } else {
            ctl->argv[kept++] = ctl->argv[i];
        }
    }
    ctl->argc = kept;
    if (good && !gather(made_up, contexts, context_count)) {
        ctl_error("--context: a key is given as absent or unknown, and with a value as well");
        good = false;
    }
    free(contexts);
    return good && read_kind(made_up);
}
