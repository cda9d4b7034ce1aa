/*
 * notes.c - notes of `stsgatectl check` on the configuration itself: assumptions that it makes, a
 * setting that does not count, roles that can't be decided. Reads files, asks nobody.
 */
#include "ctl/notes.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/json.h"
#include "session/session.h"
#include "store/probe.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>

#define ROLE_JSON_MAX 65536
#define ROLES_TOLD    10

static void add(struct json_object *notes, const char *note)
{
    if (notes != NULL)
        json_object_array_add(notes, json_object_new_string(note));
    else
        printf("note: %s\n", note);
}

static void note_longest(const struct sg_issuer *issuer, struct json_object *notes)
{
    char longest[SG_DATE_SIZE], note[400];

    if (issuer->kind == SG_ISSUER_JWT || issuer->longest_session_ms >= 12 * SG_HOUR_MS)
        return;
    snprintf(note, sizeof(note),
             "[issuer %s] longest_session = %s assumes that no session of account %s ever lives "
             "longer; one that does (the console and AWS services make them whatever "
             "MaxSessionDuration says) looks younger than it is and can slip past a cutoff",
             issuer->label, sg_duration_format(longest, issuer->longest_session_ms),
             issuer->account->label);
    add(notes, note);
}

static void note_opaque_time(const struct sg_config *config, const struct sg_issuer *issuer,
                             struct json_object *notes)
{
    struct sg_probe_found found;
    char date[SG_DATE_SIZE], note[400];

    if (!issuer->opaque_time)
        return;
    sg_probe_find(&found, config->state, &config->owners, issuer->account->partition,
                  issuer->account->sts_endpoint, sg_clock_wall_ms(&sg_clock_system));
    if (found.why != NULL)
        snprintf(note, sizeof(note),
                 "[issuer %s] opaque_time = probed counts as off: %s; run `stsgatectl probe "
                 "--issuer %s` as root",
                 issuer->label, found.why, issuer->label);
    else
        snprintf(note, sizeof(note),
                 "[issuer %s] opaque_time = probed counts until %s; probe again before",
                 issuer->label, sg_date_format(date, found.until_ms));
    add(notes, note);
}

/* Does ROLE/role.json tell the role's ARN, or ~USER/user.json the user's? */
static bool tells_arn(int folder, const char *role, const struct sg_owners *owners)
{
    struct sg_buffer path = {0}, content = {0};
    struct json_object *tree = NULL, *arn = NULL;
    bool told = false;
    int error;

    sg_buffer_addf(&path, "%s/%s.json", role, role[0] == '~' ? "user" : "role");
    if (!path.failed &&
        sg_file_read(&content, folder, path.data, ROLE_JSON_MAX, owners, NULL) == SG_OK)
        tree = sg_json_parse(sg_buffer_text(&content), ROLE_JSON_MAX, &error);
    told = json_object_object_get_ex(tree, "arn", &arn) &&
           json_object_is_type(arn, json_type_string) && json_object_get_string_len(arn) > 0;
    json_object_put(tree);
    sg_buffer_clear(&content);
    sg_buffer_clear(&path);
    return told;
}

/* STS tells a role without its path, and a folder only what stands in role.json. */
static void note_paths(const struct sg_config *config, const struct sg_issuer *issuer,
                       struct json_object *notes)
{
    const struct sg_account *account = issuer->account;
    DIR *roles = NULL;
    const struct dirent *role;
    struct sg_buffer note = {0};
    unsigned count = 0;

    if (issuer->kind != SG_ISSUER_CALLER_IDENTITY || account->source != SG_SOURCE_FILE)
        return;
    roles = opendir(account->folder);
    while (roles != NULL && (role = readdir(roles)) != NULL) {
        if (role->d_name[0] == '.' || role->d_type == DT_REG ||
            tells_arn(dirfd(roles), role->d_name, &config->owners))
            continue;
        if (count++ < ROLES_TOLD)
            sg_buffer_addf(&note, "%s%s", count == 1 ? "" : ", ", role->d_name);
    }
    if (roles != NULL)
        (void)closedir(roles);
    if (count > 0 && !note.failed) {
        char text[2000];

        snprintf(text, sizeof(text),
                 "[issuer %s] STS does not tell the path of a role, and role.json in %s does not "
                 "tell the arn of %s%s: their signed requests are undecided (503)",
                 issuer->label, account->folder, note.data, count > ROLES_TOLD ? ", ..." : "");
        add(notes, text);
    }
    sg_buffer_clear(&note);
}

void ctl_notes(const struct sg_config *config, struct json_object *notes)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        note_longest(&config->issuers[i], notes);
        note_opaque_time(config, &config->issuers[i], notes);
        note_paths(config, &config->issuers[i], notes);
    }
}
