/*
 * credentials.c - reads keys from the environment and from AWS's shared files (AWS SDKs and Tools
 * Reference Guide, "Shared config and credentials files"). Must never log a key or leave one in
 * freed memory.
 */
#include "aws/credentials.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/ini.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>

struct profile_reader {
    struct sg_credentials *credentials;
    const char *file;
    struct sg_problems *problems;
    struct sg_text profile;
    bool config; /* AWS_CONFIG_FILE: sections are [profile NAME] */
    bool inside, found, failed;
};

/* Ways to get keys that a profile may name and that this version does not walk. */
static const char *const other_ways[] = {
    "role_arn",      "credential_process",      "sso_session",
    "sso_start_url", "web_identity_token_file", "login_session"};

static void wipe_text(char **text)
{
    if (*text != NULL)
        OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void sg_credentials_clear(struct sg_credentials *credentials)
{
    wipe_text(&credentials->access_key_id);
    wipe_text(&credentials->secret_access_key);
    wipe_text(&credentials->session_token);
}

static bool is_visible_ascii(struct sg_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e)
            return false;
    }
    return text.length > 0;
}

/* What was set first stays: the credentials file is read before the config file. */
static void set_text(struct profile_reader *reader, char **into, const struct sg_ini_line *line)
{
    if (*into != NULL)
        return;
    if (!is_visible_ascii(line->value)) {
        sg_problem(reader->problems, reader->file, line->number,
                   "%.*s is empty or holds blanks or non-ASCII bytes", SG_TEXT_ARG(line->key));
        reader->failed = true;
        return;
    }
    *into = sg_text_dup(line->value);
}

static bool section_is_ours(const struct profile_reader *reader, const struct sg_ini_line *line)
{
    if (line->name.length == 0)
        return (!reader->config || sg_text_equal(line->section, SG_TEXT("default"))) &&
               sg_text_equal(line->section, reader->profile);
    return reader->config && sg_text_equal(line->section, SG_TEXT("profile")) &&
           sg_text_equal(line->name, reader->profile);
}

static void read_line(void *payload, const struct sg_ini_line *line)
{
    struct profile_reader *reader = payload;

    if (line->key.length == 0) {
        reader->inside = section_is_ours(reader, line);
        reader->found = reader->found || reader->inside;
        return;
    }
    if (!reader->inside || line->nested)
        return;
    if (sg_text_equal(line->key, SG_TEXT("aws_access_key_id")))
        set_text(reader, &reader->credentials->access_key_id, line);
    if (sg_text_equal(line->key, SG_TEXT("aws_secret_access_key")))
        set_text(reader, &reader->credentials->secret_access_key, line);
    if (sg_text_equal(line->key, SG_TEXT("aws_session_token")))
        set_text(reader, &reader->credentials->session_token, line);
    for (size_t i = 0; i < sizeof other_ways / sizeof other_ways[0]; i++) {
        if (!sg_text_equal(line->key, sg_text_of(other_ways[i])))
            continue;
        sg_problem(reader->problems, reader->file, line->number,
                   "profile %.*s gets its keys by %s, which this version does not do; give it "
                   "aws_access_key_id and aws_secret_access_key, or name another profile",
                   SG_TEXT_ARG(reader->profile), other_ways[i]);
        reader->failed = true;
    }
}

/* The file that `variable` names, else ~/.aws/NAME. False: there is neither. */
static bool shared_file_path(struct sg_buffer *path, const char *variable, const char *name)
{
    const char *value = getenv(variable);
    const char *home = getenv("HOME");

    if (value != NULL && value[0] != '\0')
        sg_buffer_addf(path, "%s", value);
    else if (home != NULL && home[0] != '\0')
        sg_buffer_addf(path, "%s/.aws/%s", home, name);
    return !path->failed && path->length > 0;
}

static int read_file(struct profile_reader *reader, const char *variable, const char *name)
{
    struct sg_buffer path = {0}, content = {0};
    int error = SG_OK;

    if (!shared_file_path(&path, variable, name))
        goto out;
    reader->file = path.data;
    reader->inside = false;
    error = sg_file_read(&content, AT_FDCWD, path.data, SG_INI_MAX_BYTES, NULL, NULL);
    if (error == SG_E_ABSENT || strcmp(path.data, "/dev/null") == 0) {
        error = SG_OK; /* /dev/null is how one says "no such file" in a variable */
        goto out;
    }
    if (error != SG_OK) {
        sg_problem(reader->problems, path.data, 0,
                   "can't be read: a regular file that this user may read is needed");
        goto out;
    }
    /* Its syntax errors are ours only when the profile can't be found for them. */
    error = sg_ini_read(sg_buffer_text(&content), path.data, reader->problems, read_line, reader);
out:
    sg_buffer_wipe(&content);
    sg_buffer_clear(&path);
    return error;
}

static bool take_environment(struct sg_credentials *credentials, struct sg_problems *problems,
                             int *error)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");

    if (id == NULL || id[0] == '\0')
        return false;
    *error = SG_E_INVALID;
    if (secret == NULL || !is_visible_ascii(sg_text_of(id)) ||
        !is_visible_ascii(sg_text_of(secret))) {
        sg_problem(
            problems, NULL, 0,
            "AWS_ACCESS_KEY_ID is set, but it or AWS_SECRET_ACCESS_KEY is empty or malformed");
        return true;
    }
    if (token != NULL && token[0] == '\0')
        token = NULL;
    if (token != NULL && !is_visible_ascii(sg_text_of(token))) {
        sg_problem(problems, NULL, 0, "AWS_SESSION_TOKEN is malformed");
        return true;
    }
    credentials->access_key_id = sg_text_dup(sg_text_of(id));
    credentials->secret_access_key = sg_text_dup(sg_text_of(secret));
    credentials->session_token = token == NULL ? NULL : sg_text_dup(sg_text_of(token));
    const bool whole = credentials->access_key_id != NULL &&
                       credentials->secret_access_key != NULL &&
                       (token == NULL) == (credentials->session_token == NULL);
    *error = whole ? SG_OK : SG_E_MEMORY;
    return true;
}

static int take_profile(struct sg_credentials *credentials, const char *profile,
                        struct sg_problems *problems)
{
    struct profile_reader reader = {
        .credentials = credentials, .problems = problems, .profile = sg_text_of(profile)};

    int error = read_file(&reader, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    if (error != SG_OK)
        return error;
    reader.config = true;
    error = read_file(&reader, "AWS_CONFIG_FILE", "config");
    if (error != SG_OK)
        return error;
    if (reader.failed)
        return SG_E_INVALID;
    if (!reader.found) {
        sg_problem(problems, NULL, 0,
                   "no AWS credentials: neither AWS_ACCESS_KEY_ID in the environment nor profile "
                   "%s in AWS's shared files",
                   profile);
        return SG_E_ABSENT;
    }
    if (credentials->access_key_id == NULL || credentials->secret_access_key == NULL) {
        sg_problem(problems, NULL, 0,
                   "profile %s of AWS's shared files lacks aws_access_key_id or "
                   "aws_secret_access_key",
                   profile);
        return SG_E_INVALID;
    }
    return SG_OK;
}

int sg_credentials_load(struct sg_credentials *credentials, const char *profile,
                        struct sg_problems *problems)
{
    struct sg_credentials fresh = {0};
    int error = SG_E_ABSENT;

    if (profile != NULL || !take_environment(&fresh, problems, &error)) {
        const char *named = getenv("AWS_PROFILE");
        if (profile == NULL)
            profile = named != NULL && named[0] != '\0' ? named : "default";
        error = take_profile(&fresh, profile, problems);
    }
    if (error != SG_OK) {
        sg_credentials_clear(&fresh);
        return error;
    }
    sg_credentials_clear(credentials);
    *credentials = fresh;
    return SG_OK;
}
