/*
 * config.c - reads a configuration folder: sections into drafts, keys by the
 * tables of values.c. Reports everything it finds wrong and never repairs.
 */
#include "config/config.h"

#include "base/ini.h"
#include "config/keys.h"
#include "config/reading.h"
#include "session/arn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_SERVICES 1024
#define MAX_SECTIONS 4096

void *sg_config_keep(struct sg_reading *reading, void *block)
{
    struct sg_config_memory *memory = reading->config->memory;
    void **grown;

    if (block == NULL) {
        reading->out_of_memory = true;
        return NULL;
    }
    grown = memory->count % 64 != 0
                ? memory->blocks
                : realloc(memory->blocks, (memory->count + 64) * sizeof(*memory->blocks));
    if (grown == NULL) {
        free(block);
        reading->out_of_memory = true;
        return NULL;
    }
    memory->blocks = grown;
    memory->blocks[memory->count++] = block;
    return block;
}

const char *sg_config_text(struct sg_reading *reading, struct sg_text text)
{
    const char *copy = sg_config_keep(reading, sg_text_dup(text));

    return copy == NULL ? "" : copy;
}

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
                           const char *file, unsigned line, const char *section)
{
    for (size_t i = 0; keys[i].name != NULL; i++) {
        if (keys[i].initial != NULL && strcmp(keys[i].initial, SG_REQUIRED) == 0 &&
            (seen & (UINT64_C(1) << i)) == 0)
            sg_problem(reading->problems, file, line, "[%s] lacks %s; expected %s", section,
                       keys[i].name, keys[i].expected);
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

static bool label_valid(struct sg_text label)
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
    } else if ((account || issuer) && !label_valid(line->name)) {
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

static void read_host_file(struct sg_reading *reading, int folder)
{
    struct host_file host = {.reading = reading};
    struct sg_buffer content = {0};
    struct sg_buffer path = {0};

    sg_buffer_addf(&path, "%s/stsgate.conf", reading->config->folder);
    reading->file = sg_config_text(reading, sg_buffer_text(&path));
    sg_buffer_clear(&path);
    set_initial(reading, sg_agent_keys, reading->config);
    if (sg_file_read(&content, folder, "stsgate.conf", SG_INI_MAX_BYTES, NULL, reading->problems) !=
        SG_OK) {
        sg_problem(reading->problems, reading->file, 0,
                   "can't be read; expected the host's configuration there");
    } else if (sg_ini_read(sg_buffer_text(&content), reading->file, reading->problems, host_line,
                           &host) == SG_E_LIMIT) {
        sg_problem(reading->problems, reading->file, 0, "is over 1 MiB");
    }
    sg_buffer_clear(&content);
    for (size_t i = 0; i < reading->account_count; i++)
        check_required(reading, sg_account_keys, reading->accounts[i].seen, reading->file,
                       reading->accounts[i].line, "account");
    for (size_t i = 0; i < reading->issuer_count; i++)
        check_required(reading, sg_issuer_keys, reading->issuers[i].seen, reading->file,
                       reading->issuers[i].line, "issuer");
}

static void read_service_file(struct sg_reading *reading, int folder, const char *name)
{
    struct service_file service = {.reading = reading};
    struct sg_text label = {name, strlen(name) - strlen(".conf")};
    struct sg_buffer content = {0};
    struct sg_buffer path = {0};

    sg_buffer_addf(&path, "%s/services.d/%s", reading->config->folder, name);
    reading->file = sg_config_text(reading, sg_buffer_text(&path));
    sg_buffer_clear(&path);
    if (!label_valid(label)) {
        sg_problem(reading->problems, reading->file, 0,
                   "a service's name is 1 to 47 letters, digits, - and _");
        return;
    }
    service.draft =
        one_more(reading, &reading->services, &reading->service_count, sizeof(*service.draft));
    if (service.draft == NULL)
        return;
    service.draft->file = reading->file;
    service.draft->line = 1;
    service.draft->it.name = sg_config_text(reading, label);
    service.draft->it.issued_before_ms = INT64_MIN;
    set_initial(reading, sg_service_keys, service.draft);
    if (sg_file_read(&content, folder, name, SG_INI_MAX_BYTES, NULL, reading->problems) != SG_OK)
        sg_problem(reading->problems, reading->file, 0, "can't be read");
    else if (sg_ini_read(sg_buffer_text(&content), reading->file, reading->problems, service_line,
                         &service) == SG_E_LIMIT)
        sg_problem(reading->problems, reading->file, 0, "is over 1 MiB");
    sg_buffer_clear(&content);
    check_required(reading, sg_service_keys, service.draft->seen, reading->file,
                   service.draft->line, "service");
    for (size_t i = 0; i < service.draft->cutoff_count; i++)
        check_required(reading, sg_cutoff_keys, service.draft->cutoffs[i].seen, reading->file,
                       service.draft->cutoffs[i].line, "cutoff");
}

/* NAME.conf; what editors and packagers leave behind is passed over. */
static int is_service_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 5 &&
           strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static void read_services(struct sg_reading *reading, int folder)
{
    struct dirent **entries = NULL;
    int count = scandirat(folder, "services.d", &entries, is_service_file, alphasort);
    int services = openat(folder, "services.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (count > MAX_SERVICES)
        sg_problem(reading->problems, reading->config->folder, 0,
                   "services.d holds over %d services", MAX_SERVICES);
    for (int i = 0; i < count; i++) {
        if (i < MAX_SERVICES && services >= 0)
            read_service_file(reading, services, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (services >= 0)
        close(services);
    if (count <= 0)
        sg_problem(reading->problems, reading->config->folder, 0,
                   "services.d holds no service; expected a file NAME.conf for each");
}

/* The agent's user; one that does not exist leaves root alone trusted. */
static void find_owners(struct sg_config *config)
{
    uint64_t number;
    struct passwd entry, *found = NULL;
    char buffer[4096];

    if (sg_text_to_uint(&number, sg_text_of(config->user), UINT32_MAX - 1)) {
        config->owners.uids[config->owners.count++] = (uid_t)number;
    } else if (getpwnam_r(config->user, &entry, buffer, sizeof(buffer), &found) == 0 &&
               found != NULL) {
        config->owners.uids[config->owners.count++] = found->pw_uid;
    }
}

static void drop_reading(struct sg_reading *reading)
{
    for (size_t i = 0; i < reading->service_count; i++)
        free(reading->services[i].cutoffs);
    free(reading->services);
    free(reading->issuers);
    free(reading->accounts);
}

int sg_config_read(struct sg_config **config_out, const char *folder, struct sg_problems *problems)
{
    struct sg_reading reading = {.problems = problems};
    size_t before = problems->count;
    int directory = -1;
    int error = SG_E_MEMORY;

    *config_out = NULL;
    reading.config = sg_alloc(1, sizeof(*reading.config));
    if (reading.config == NULL)
        return SG_E_MEMORY;
    reading.config->memory = sg_alloc(1, sizeof(struct sg_config_memory));
    if (reading.config->memory == NULL)
        goto out;
    reading.config->folder = sg_config_text(&reading, sg_text_of(folder));

    error = SG_E_INVALID;
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        sg_problem(problems, folder, 0, "can't be opened: %s; expected the configuration's folder",
                   strerror(errno));
        goto out;
    }
    read_host_file(&reading, directory);
    read_services(&reading, directory);
    sg_config_resolve(&reading);
    find_owners(reading.config);
    if (reading.out_of_memory)
        error = SG_E_MEMORY;
    else if (problems->count == before)
        error = SG_OK;

out:
    if (directory >= 0)
        close(directory);
    drop_reading(&reading);
    if (error != SG_OK) {
        sg_config_free(reading.config);
        return error;
    }
    *config_out = reading.config;
    return SG_OK;
}

void sg_config_free(struct sg_config *config)
{
    struct sg_config_memory *memory;

    if (config == NULL)
        return;
    memory = config->memory;
    if (memory != NULL) {
        for (size_t i = 0; i < memory->count; i++)
            free(memory->blocks[i]);
        free(memory->blocks);
        free(memory);
    }
    free(config);
}

const struct sg_service *sg_config_service(const struct sg_config *config, struct sg_text name)
{
    for (size_t i = 0; i < config->service_count; i++) {
        if (sg_text_equal(name, sg_text_of(config->services[i].name)))
            return &config->services[i];
    }
    return NULL;
}
