/*
 * config.c - a configuration folder into one object: its files one after the
 * other, all that is wrong with them reported, nothing repaired.
 */
#include "config/config.h"

#include "base/ini.h"
#include "config/reading.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_SERVICES 1024

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

/* The whole text of a configuration file; false after saying why not. */
static bool read_text(struct sg_buffer *text, struct sg_reading *reading, int folder,
                      const char *name)
{
    int error = sg_file_read(text, folder, name, SG_INI_MAX_BYTES, NULL, reading->problems);

    if (error != SG_OK)
        sg_problem(reading->problems, reading->file, 0,
                   error == SG_E_LIMIT ? "is over 1 MiB" : "can't be read");
    return error == SG_OK;
}

static void name_file(struct sg_reading *reading, const char *below, const char *name)
{
    struct sg_buffer path = {0};

    sg_buffer_addf(&path, "%s/%s%s", reading->config->folder, below, name);
    reading->file = sg_config_text(reading, sg_buffer_text(&path));
    sg_buffer_clear(&path);
}

static void read_host_file(struct sg_reading *reading, int folder)
{
    struct sg_buffer text = {0};

    name_file(reading, "", "stsgate.conf");
    if (read_text(&text, reading, folder, "stsgate.conf"))
        (void)sg_config_read_host(reading, sg_buffer_text(&text));
    sg_buffer_clear(&text);
}

static void read_service_file(struct sg_reading *reading, int folder, const char *name)
{
    struct sg_text label = {name, strlen(name) - strlen(".conf")};
    struct sg_buffer text = {0};

    name_file(reading, "services.d/", name);
    if (!sg_config_label_valid(label))
        sg_problem(reading->problems, reading->file, 0,
                   "a service's name is 1 to 47 letters, digits, - and _");
    else if (read_text(&text, reading, folder, name))
        (void)sg_config_read_service(reading, sg_config_text(reading, label),
                                     sg_buffer_text(&text));
    sg_buffer_clear(&text);
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

int sg_reading_begin(struct sg_reading *reading, const char *folder, struct sg_problems *problems)
{
    *reading = (struct sg_reading){.problems = problems, .problems_before = problems->count};
    reading->config = sg_alloc(1, sizeof(*reading->config));
    if (reading->config == NULL)
        return SG_E_MEMORY;
    reading->config->memory = sg_alloc(1, sizeof(struct sg_config_memory));
    if (reading->config->memory == NULL) {
        sg_config_free(reading->config);
        return SG_E_MEMORY;
    }
    reading->config->folder = sg_config_text(reading, sg_text_of(folder));
    return SG_OK;
}

int sg_reading_end(struct sg_config **config, struct sg_reading *reading)
{
    int error = SG_E_INVALID;

    *config = NULL;
    sg_config_resolve(reading);
    if (reading->out_of_memory)
        error = SG_E_MEMORY;
    else if (reading->problems->count == reading->problems_before)
        error = SG_OK;
    drop_reading(reading);
    if (error != SG_OK) {
        sg_config_free(reading->config);
        return error;
    }
    find_owners(reading->config);
    *config = reading->config;
    return SG_OK;
}

int sg_config_read(struct sg_config **config, const char *folder, struct sg_problems *problems)
{
    struct sg_reading reading;
    int directory;
    int error = sg_reading_begin(&reading, folder, problems);

    *config = NULL;
    if (error != SG_OK)
        return error;
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        sg_problem(problems, folder, 0, "can't be opened: %s; expected the configuration's folder",
                   strerror(errno));
    } else {
        read_host_file(&reading, directory);
        read_services(&reading, directory);
        close(directory);
    }
    return sg_reading_end(config, &reading);
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
