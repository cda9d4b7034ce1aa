/*
 * sections.c - lines into drafts: which section is open, which key of its table
 * a line sets, what was given twice or is missing. Knows no file and no folder.
 */
#include "base/ini.h"
#include "config/keys.h"
#include "config/reading.h"
#include "session/arn.h"

#include <stdlib.h>

#define MAX_SECTIONS 4096

/* Room for one more draft of `size` bytes, zeroed, at the end of the array that `list` is the
 * address of. NULL when memory ends. */
static void *one_more(struct sg_reading *reading, void *list, size_t *count, size_t size)
{
    char *array, *grown;

    if (*count >= MAX_SECTIONS) {
        reading->out_of_memory = true;
        return NULL;
    }
    memcpy(&array, list, sizeof(array)); /* whatever it points to */
    grown = realloc(array, (*count + 1) * size);
    if (grown == NULL) {
        reading->out_of_memory = true;
        return NULL;
    }
    memcpy(list, &grown, sizeof(grown));
    memset(grown + *count * size, 0, size);
    return grown + (*count)++ * size;
}

/* Keys that follow go to `target` until the next section. */
static void open_section(struct sg_reading *reading, const struct sg_key *keys, void *target,
                         uint64_t *seen)
{
    reading->keys = target == NULL ? NULL : keys;
    reading->target = target;
    reading->seen = seen;
}

static void set_initial(struct sg_reading *reading, const struct sg_key *keys, void *target)
{
    for (size_t i = 0; target != NULL && keys[i].name != NULL; i++) {
        if (keys[i].initial == NULL || strcmp(keys[i].initial, SG_REQUIRED) == 0)
            continue;
        if (!keys[i].set(reading, (char *)target + keys[i].offset, sg_text_of(keys[i].initial)))
            sg_problem(reading->problems, NULL, 0, "the default of %s is not valid: a bug",
                       keys[i].name);
    }
}

/* What must have been given and was not. */
static void check_required(struct sg_reading *reading, const struct sg_key *keys, uint64_t seen,
                           unsigned line, const char *section)
{
    for (size_t i = 0; keys[i].name != NULL; i++) {
        if (keys[i].initial != NULL && strcmp(keys[i].initial, SG_REQUIRED) == 0 &&
            (seen & (UINT64_C(1) << i)) == 0)
            sg_problem(reading->problems, reading->file, line, "[%s] lacks %s; expected %s",
                       section, keys[i].name, keys[i].expected);
    }
}

static void read_key(struct sg_reading *reading, const struct sg_ini_line *line)
{
    const struct sg_key *key = reading->keys;
    uint64_t bit = 1;

    if (key == NULL)
        return;
    while (key->name != NULL && !sg_text_equal(line->key, sg_text_of(key->name))) {
        key++;
        bit <<= 1;
    }
    if (key->name == NULL) {
        struct sg_buffer names = {0};

        for (key = reading->keys; key->name != NULL; key++)
            sg_buffer_addf(&names, "%s%s", key == reading->keys ? "" : ", ", key->name);
        sg_problem(reading->problems, reading->file, line->number,
                   "unknown key \"%.*s\" in [%.*s]; expected one of %s", SG_TEXT_ARG(line->key),
                   SG_TEXT_ARG(line->section), names.data == NULL ? "" : names.data);
        sg_buffer_clear(&names);
        return;
    }
    if ((*reading->seen & bit) != 0 && !key->list) {
        sg_problem(reading->problems, reading->file, line->number,
                   "%s is given a second time in this section; keep one", key->name);
        return;
    }
    *reading->seen |= bit;
    if (!key->set(reading, (char *)reading->target + key->offset, line->value))
        sg_problem(reading->problems, reading->file, line->number, "%s = %.*s; expected %s",
                   key->name, SG_TEXT_ARG(line->value), key->expected);
}

bool sg_config_label_valid(struct sg_text label)
{
    if (label.length == 0 || label.length > 47)
        return false;
    for (size_t i = 0; i < label.length; i++) {
        char c = label.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

static void open_account(struct sg_reading *reading, const struct sg_ini_line *line)
{
    struct sg_draft_account *draft =
        one_more(reading, &reading->accounts, &reading->account_count, sizeof(*draft));

    if (draft != NULL) {
        draft->line = line->number;
        draft->it.label = sg_config_text(reading, line->name);
        set_initial(reading, sg_account_keys, draft);
    }
    open_section(reading, sg_account_keys, draft, draft == NULL ? NULL : &draft->seen);
}

static void open_issuer(struct sg_reading *reading, const struct sg_ini_line *line)
{
    struct sg_draft_issuer *draft =
        one_more(reading, &reading->issuers, &reading->issuer_count, sizeof(*draft));

    if (draft != NULL) {
        draft->line = line->number;
        draft->it.label = sg_config_text(reading, line->name);
        set_initial(reading, sg_issuer_keys, draft);
    }
    open_section(reading, sg_issuer_keys, draft, draft == NULL ? NULL : &draft->seen);
}

struct host_file {
    struct sg_reading *reading;
    uint64_t agent_seen;
    bool agent_open;
};

static void host_line(void *payload, const struct sg_ini_line *line)
{
    struct host_file *host = payload;
    struct sg_reading *reading = host->reading;
    bool account = sg_text_equal(line->section, SG_TEXT("account"));
    bool issuer = sg_text_equal(line->section, SG_TEXT("issuer"));

    if (line->key.length > 0) {
        if (line->section.length == 0)
            sg_problem(reading->problems, reading->file, line->number,
                       "a key before the first section; expected [agent], [account LABEL] or "
                       "[issuer LABEL]");
        else
            read_key(reading, line);
        return;
    }
    open_section(reading, NULL, NULL, NULL);
    if (sg_text_equal(line->section, SG_TEXT("agent")) && line->name.length == 0) {
        if (host->agent_open)
            sg_problem(reading->problems, reading->file, line->number,
                       "a second [agent]; keep one");
        else
            open_section(reading, sg_agent_keys, reading->config, &host->agent_seen);
        host->agent_open = true;
    } else if ((account || issuer) && !sg_config_label_valid(line->name)) {
        sg_problem(reading->problems, reading->file, line->number,
                   "[%.*s %.*s]: expected a label of 1 to 47 letters, digits, - and _",
                   SG_TEXT_ARG(line->section), SG_TEXT_ARG(line->name));
    } else if (account) {
        open_account(reading, line);
    } else if (issuer) {
        open_issuer(reading, line);
    } else {
        sg_problem(reading->problems, reading->file, line->number,
                   "unknown section [%.*s%s%.*s]; expected [agent], [account LABEL] or "
                   "[issuer LABEL]",
                   SG_TEXT_ARG(line->section), line->name.length > 0 ? " " : "",
                   SG_TEXT_ARG(line->name));
    }
}

struct service_file {
    struct sg_reading *reading;
    struct sg_draft_service *draft;
    bool service_open;
};

static void open_cutoff(struct service_file *service, const struct sg_ini_line *line)
{
    struct sg_reading *reading = service->reading;
    struct sg_draft_service *draft = service->draft;
    struct sg_draft_cutoff *cutoff;

    if (!sg_text_starts(line->name, SG_TEXT("arn:")) || line->name.length > SG_ARN_MAX) {
        sg_problem(reading->problems, reading->file, line->number,
                   "[cutoff %.*s]: expected a pattern of role ARNs, such as "
                   "arn:aws:iam::123456789012:role/legacy-*",
                   SG_TEXT_ARG(line->name));
        return;
    }
    cutoff = one_more(reading, &draft->cutoffs, &draft->cutoff_count, sizeof(*cutoff));
    if (cutoff != NULL) {
        cutoff->line = line->number;
        cutoff->it.pattern = sg_config_text(reading, line->name);
    }
    open_section(reading, sg_cutoff_keys, cutoff, cutoff == NULL ? NULL : &cutoff->seen);
}

static void service_line(void *payload, const struct sg_ini_line *line)
{
    struct service_file *service = payload;
    struct sg_reading *reading = service->reading;

    if (line->key.length > 0) {
        if (line->section.length == 0)
            sg_problem(reading->problems, reading->file, line->number,
                       "a key before the first section; expected [service]");
        else
            read_key(reading, line);
        return;
    }
    open_section(reading, NULL, NULL, NULL);
    if (sg_text_equal(line->section, SG_TEXT("service")) && line->name.length == 0) {
        if (service->service_open)
            sg_problem(reading->problems, reading->file, line->number,
                       "a second [service]; one file holds one service");
        else
            open_section(reading, sg_service_keys, service->draft, &service->draft->seen);
        service->service_open = true;
        service->draft->line = line->number;
    } else if (sg_text_equal(line->section, SG_TEXT("cutoff"))) {
        open_cutoff(service, line);
    } else {
        sg_problem(reading->problems, reading->file, line->number,
                   "unknown section [%.*s]; expected [service] or [cutoff PATTERN]",
                   SG_TEXT_ARG(line->section));
    }
}

int sg_config_read_host(struct sg_reading *reading, struct sg_text text)
{
    struct host_file host = {.reading = reading};
    int error;

    set_initial(reading, sg_agent_keys, reading->config);
    error = sg_ini_read(text, reading->file, reading->problems, host_line, &host);
    for (size_t i = 0; i < reading->account_count; i++)
        check_required(reading, sg_account_keys, reading->accounts[i].seen,
                       reading->accounts[i].line, "account");
    for (size_t i = 0; i < reading->issuer_count; i++)
        check_required(reading, sg_issuer_keys, reading->issuers[i].seen, reading->issuers[i].line,
                       "issuer");
    return error;
}

int sg_config_read_service(struct sg_reading *reading, const char *name, struct sg_text text)
{
    struct sg_draft_service *draft =
        one_more(reading, &reading->services, &reading->service_count, sizeof(*draft));
    struct service_file service = {.reading = reading, .draft = draft};
    int error;

    if (draft == NULL)
        return SG_E_MEMORY;
    draft->file = reading->file;
    draft->line = 1;
    draft->it.name = name;
    draft->it.issued_before_ms = INT64_MIN;
    set_initial(reading, sg_service_keys, draft);
    error = sg_ini_read(text, reading->file, reading->problems, service_line, &service);
    check_required(reading, sg_service_keys, draft->seen, draft->line, "service");
    for (size_t i = 0; i < draft->cutoff_count; i++)
        check_required(reading, sg_cutoff_keys, draft->cutoffs[i].seen, draft->cutoffs[i].line,
                       "cutoff");
    return error;
}
