/*
 * provider_files.c - AWS's shared config and credentials files (AWS SDKs and Tools Reference Guide,
 * "Shared config and credentials files"), as a list of profiles. What the keys of a profile mean is
 * plan.c's. Must never tell the value of a key.
 */
#include "aws/provider.h"

#include "base/file.h"
#include "base/ini.h"

#include <fcntl.h>
#include <stdlib.h>

#define PROFILES_MAX 4096

struct reader {
    struct sg_profile **profiles;
    struct sg_profile *current; /* NULL: in a section that is of no use */
    int service;                /* in [services]: below which one's line; -1: another's */
    const char *file;
    struct sg_problems *problems;
    size_t count;
    bool config;
    int error;
};

static const struct {
    const char *name;
    size_t offset;
} profile_keys[] = {
#define ENTRY(key) {#key, offsetof(struct sg_profile, key)},
    SG_PROFILE_KEYS(ENTRY)
#undef ENTRY
};

#define KEYS (sizeof profile_keys / sizeof profile_keys[0])

static char **key_of(struct sg_profile *profile, size_t key)
{
    return (char **)(void *)((char *)profile + profile_keys[key].offset);
}

void sg_profiles_free(struct sg_profile *profiles)
{
    while (profiles != NULL) {
        struct sg_profile *next = profiles->next;

        for (size_t i = 0; i < KEYS; i++)
            sg_key_text_wipe(key_of(profiles, i));
        for (size_t i = 0; i < SG_AWS_SERVICES; i++)
            free(profiles->endpoint_urls[i]);
        free(profiles->name);
        free(profiles->file);
        free(profiles);
        profiles = next;
    }
}

/* "[profile 'my app']" names the same as "[profile my app]". */
static struct sg_text unquote(struct sg_text name)
{
    if (name.length >= 2 && (name.data[0] == '"' || name.data[0] == '\'') &&
        name.data[name.length - 1] == name.data[0])
        return (struct sg_text){name.data + 1, name.length - 2};
    return name;
}

static bool names_services(const struct reader *reader, const struct sg_ini_line *line)
{
    return reader->config && sg_text_equal(line->section, SG_TEXT("services"));
}

/* False: a section of another kind ("sso-session", a name without "profile"). */
static bool profile_name(struct sg_text *name, const struct reader *reader,
                         const struct sg_ini_line *line)
{
    *name = line->section;
    if (!reader->config)
        return line->name.length == 0;
    if (line->name.length == 0)
        return sg_text_equal(line->section, SG_TEXT("default"));
    *name = unquote(line->name);
    return (sg_text_equal(line->section, SG_TEXT("profile")) || names_services(reader, line)) &&
           name->length > 0;
}

static void enter_section(struct reader *reader, const struct sg_ini_line *line)
{
    const bool of_services = names_services(reader, line);
    struct sg_text name;

    reader->current = NULL;
    reader->service = -1;
    if (!profile_name(&name, reader, line))
        return;
    for (struct sg_profile *at = *reader->profiles; at != NULL; at = at->next) {
        if (at->of_services == of_services && sg_text_equal(sg_text_of(at->name), name)) {
            reader->current = at;
            return;
        }
    }
    if (++reader->count > PROFILES_MAX) {
        reader->error = SG_E_LIMIT;
        return;
    }
    struct sg_profile *fresh = sg_alloc(1, sizeof *fresh);
    if (fresh == NULL) {
        reader->error = SG_E_MEMORY;
        return;
    }
    fresh->of_services = of_services;
    fresh->next = *reader->profiles;
    *reader->profiles = fresh;
    fresh->name = sg_text_dup(name);
    fresh->file = sg_text_dup(sg_text_of(reader->file));
    if (fresh->name == NULL || fresh->file == NULL)
        reader->error = SG_E_MEMORY;
    reader->current = fresh;
}

static bool is_secret(size_t key)
{
    return sg_text_starts(sg_text_of(profile_keys[key].name), SG_TEXT("aws_"));
}

/* What was set first stays: the credentials file is read before the config file. */
static void take_key(struct reader *reader, const struct sg_ini_line *line, size_t key)
{
    char **into = key_of(reader->current, key);

    if (*into != NULL || (line->value.length == 0 && !is_secret(key)))
        return;
    if (is_secret(key) && !sg_key_text_valid(line->value)) {
        sg_problem(reader->problems, reader->file, line->number,
                   "%s is empty or holds blanks or non-ASCII bytes", profile_keys[key].name);
        reader->error = SG_E_INVALID;
        return;
    }
    *into = sg_text_dup(line->value);
    if (*into == NULL)
        reader->error = SG_E_MEMORY;
    if (into == &reader->current->aws_access_key_id)
        reader->current->keys_first = !reader->config;
}

/* iam =
 *   endpoint_url = https://... */
static void read_service(struct reader *reader, const struct sg_ini_line *line)
{
    static const char *const names[SG_AWS_SERVICES] = {
        [SG_AWS_IAM] = "iam", [SG_AWS_STS] = "sts", [SG_AWS_SQS] = "sqs"};

    if (!line->nested) {
        reader->service = -1;
        for (int i = 0; i < SG_AWS_SERVICES; i++) {
            if (sg_text_equal_nocase(line->key, sg_text_of(names[i])))
                reader->service = i;
        }
        return;
    }
    if (reader->service < 0 || line->value.length == 0 ||
        !sg_text_equal_nocase(line->key, SG_TEXT("endpoint_url")))
        return;
    char **into = &reader->current->endpoint_urls[reader->service];
    if (*into == NULL)
        *into = sg_text_dup(line->value);
    if (*into == NULL)
        reader->error = SG_E_MEMORY;
}

static void read_line(void *payload, const struct sg_ini_line *line)
{
    struct reader *reader = payload;

    if (reader->error == SG_E_MEMORY || reader->error == SG_E_LIMIT)
        return;
    if (line->key.length == 0) {
        enter_section(reader, line);
        return;
    }
    if (reader->current != NULL && reader->current->of_services)
        read_service(reader, line);
    if (reader->current == NULL || reader->current->of_services || line->nested)
        return;
    for (size_t i = 0; i < KEYS; i++) {
        if (sg_text_equal_nocase(line->key, sg_text_of(profile_keys[i].name)))
            take_key(reader, line, i);
    }
}

int sg_profiles_parse(struct sg_profile **profiles, struct sg_text text, const char *file,
                      bool config, struct sg_problems *problems)
{
    struct reader reader = {
        .profiles = profiles, .file = file, .problems = problems, .config = config};
    const int error = sg_ini_read(text, file, problems, read_line, &reader);

    if (reader.error == SG_E_LIMIT)
        sg_problem(problems, file, 0, "holds more than %d profiles", PROFILES_MAX);
    return error != SG_OK ? error : reader.error;
}

/* The file that `variable` names, else ~/.aws/NAME. False: there is neither. */
static bool shared_file_path(struct sg_buffer *path, const char *variable, const char *name)
{
    const char *value = sg_environment(variable);
    const char *home = sg_environment("HOME");

    if (value != NULL && value[0] == '~' && value[1] == '/' && home != NULL)
        sg_buffer_addf(path, "%s%s", home, value + 1);
    else if (value != NULL)
        sg_buffer_addf(path, "%s", value);
    else if (home != NULL)
        sg_buffer_addf(path, "%s/.aws/%s", home, name);
    return !path->failed && path->length > 0;
}

static int read_file(struct sg_profile **profiles, const char *variable, const char *name,
                     bool config, struct sg_problems *problems)
{
    struct sg_buffer path = {0}, content = {0};
    int error = SG_OK;

    if (!shared_file_path(&path, variable, name))
        goto out;
    error = sg_file_read(&content, AT_FDCWD, path.data, SG_INI_MAX_BYTES, NULL, NULL);
    if (error == SG_E_ABSENT || strcmp(path.data, "/dev/null") == 0) {
        error = SG_OK; /* /dev/null is how one says "no such file" in a variable */
        goto out;
    }
    if (error != SG_OK) {
        sg_problem(problems, path.data, 0,
                   "can't be read: a regular file that this user may read is needed");
        goto out;
    }
    error = sg_profiles_parse(profiles, sg_buffer_text(&content), path.data, config, problems);
out:
    sg_buffer_wipe(&content);
    sg_buffer_clear(&path);
    return error;
}

int sg_profiles_read(struct sg_profile **profiles, struct sg_problems *problems)
{
    int error = read_file(profiles, "AWS_SHARED_CREDENTIALS_FILE", "credentials", false, problems);

    if (error == SG_OK)
        error = read_file(profiles, "AWS_CONFIG_FILE", "config", true, problems);
    return error;
}
