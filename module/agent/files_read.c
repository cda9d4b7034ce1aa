/*
 * files_read.c - source = file, one role or user: its folder's policies and role.json, user.json.
 * Folders and files must be owned by root or the agent, and writable by nobody else.
 */
#include "agent/agent.h"

#include "base/date.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICIES_MAX 256

/* What IAM would tell: role.json, or user.json. */
static const char *details_file(bool user)
{
    return user ? "user.json" : "role.json";
}

struct details {
    bool user;
    char arn[SG_ARN_MAX + 1];
    char role_id[40];
    char created[64];
};

bool sg_files_folder_trusted(const struct sg_agent_account *account, const char *folder, int fd,
                             const char *name, struct sg_problems *problems)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0)
        return false;
    if (sg_owner_trusted(&account->agent->config->owners, stat.st_uid) &&
        (stat.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return true;
    sg_problem(problems, folder, 0,
               "%s%sowned by uid %u, mode %03o: must be owned by root or the agent's user, and "
               "not writable by group or others (chown, chmod go-w)",
               name, name[0] != '\0' ? ": " : "", (unsigned)stat.st_uid,
               (unsigned)(stat.st_mode & 0777));
    return false;
}

static int is_policy_file(const struct dirent *entry)
{
    const struct sg_text name = sg_text_of(entry->d_name), ending = SG_TEXT(".json");

    return name.length > ending.length && name.data[0] != '.' &&
           strcmp(name.data + name.length - ending.length, ending.data) == 0;
}

static bool take_member(void *payload, const struct sg_json_item *item)
{
    struct details *details = payload;
    size_t length;

    if (item->depth != 1)
        return false;
    if (sg_text_equal(item->key, SG_TEXT("arn")))
        return sg_json_string(details->arn, sizeof details->arn, &length, item);
    if (sg_text_equal(item->key, details->user ? SG_TEXT("user_id") : SG_TEXT("role_id")))
        return sg_json_string(details->role_id, sizeof details->role_id, &length, item);
    if (sg_text_equal(item->key, SG_TEXT("created")))
        return sg_json_string(details->created, sizeof details->created, &length, item);
    return false;
}

static int read_details(struct details *details, struct sg_reading *reading,
                        const struct sg_agent_account *account, int fd, const char *key,
                        struct sg_problems *problems)
{
    struct sg_buffer text = {0};
    struct sg_role_arn parts;
    char folded[SG_PRINCIPAL_KEY_MAX + 1];
    const bool user = sg_key_is_user(key);
    const char *name = details_file(user);

    details->user = user;
    int error = sg_file_read(&text, fd, name, 16384, &account->agent->config->owners, problems);
    if (error == SG_E_ABSENT)
        return SG_OK;
    if (error != SG_OK)
        goto out;
    error = sg_json_scan(sg_buffer_text(&text), NULL, take_member, details);
    if (error != SG_OK) {
        sg_problem(problems, account->config->folder, 0,
                   "%s/%s: expected {\"arn\": \"...\", \"%s\": \"...\", "
                   "\"created\": \"2026-01-31T08:00:00Z\"}, each of them optional",
                   key, name, user ? "user_id" : "role_id");
        goto out;
    }
    error = SG_E_INVALID;
    if (details->arn[0] != '\0' &&
        ((user ? !sg_account_owns_user(account, &parts, sg_text_of(details->arn))
               : !sg_account_owns_role(account, &parts, sg_text_of(details->arn))) ||
         !sg_principal_key(folded, user, parts.name) || strcmp(folded, key) != 0)) {
        sg_problem(problems, account->config->folder, 0,
                   "%s/%s: arn is not that of this %s in account %s", key, name,
                   user ? "user" : "role", account->config->id);
        goto out;
    }
    if (details->created[0] != '\0' &&
        !sg_date_parse_rfc3339(&reading->created_ms, sg_text_of(details->created))) {
        sg_problem(problems, account->config->folder, 0,
                   "%s/%s: created is not a time such as 2026-01-31T08:00:00Z", key, name);
        goto out;
    }
    reading->arn = sg_text_of(details->arn);
    reading->role_id = sg_text_of(details->role_id);
    error = SG_OK;
out:
    sg_buffer_clear(&text);
    return error;
}

static int read_policies(struct sg_buffer *statements, const struct sg_agent_account *account,
                         int fd, const char *role, struct sg_problems *problems)
{
    const char *details = details_file(role[0] == '~');
    struct dirent **entries = NULL;
    const int count = scandirat(fd, ".", &entries, is_policy_file, alphasort);
    int error = SG_OK;

    if (count < 0)
        return SG_E_SYSTEM;
    if (count > POLICIES_MAX) {
        sg_problem(problems, account->config->folder, 0, "%s: over %d policies", role,
                   POLICIES_MAX);
        error = SG_E_LIMIT;
    }
    for (int i = 0; i < count && error == SG_OK; i++) {
        const char *name = entries[i]->d_name;
        struct sg_buffer document = {0};
        const struct sg_text policy = {name, strlen(name) - 5};

        if (strcmp(name, details) == 0)
            continue;
        error = sg_file_read(&document, fd, name, SG_POLICY_MAX_BYTES,
                             &account->agent->config->owners, problems);
        if (error == SG_OK)
            error = sg_policy_compile(statements, sg_buffer_text(&document), SG_POLICY_INLINE,
                                      policy, problems);
        sg_buffer_clear(&document);
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return error;
}

static int read_role(const struct sg_agent_account *account, struct sg_role *role, int root,
                     const char *name, struct sg_reading *reading, struct details *details,
                     struct sg_buffer *statements, struct sg_problems *problems)
{
    const int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = SG_E_UNTRUSTED;

    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        sg_problem(problems, account->config->folder, 0,
                   "%s: is a symbolic link, which is not followed; put the folder itself there",
                   name);
        return SG_E_UNTRUSTED;
    }
    if (fd < 0) {
        sg_problem(problems, account->config->folder, 0, "%s: can't be opened: %m", name);
        return SG_E_SYSTEM;
    }
    if (sg_files_folder_trusted(account, account->config->folder, fd, name, problems))
        error = read_details(details, reading, account, fd, role->key, problems);
    if (error == SG_OK)
        error = read_policies(statements, account, fd, name, problems);
    (void)close(fd);
    reading->statements = sg_buffer_text(statements);
    return error;
}

bool sg_files_take_role(struct sg_agent_account *account, struct sg_role *role, int root,
                        const char *name)
{
    const bool dirty = account->dirty;
    const int64_t now_ms = sg_clock_wall_ms(account->agent->clock);
    struct sg_reading reading = {.aws_ms = now_ms, .began_ms = now_ms};
    struct sg_buffer statements = {0};
    struct sg_problems problems = {0};
    struct details details = {0};

    account->dirty = false;
    int error = read_role(account, role, root, name, &reading, &details, &statements, &problems);
    if (error == SG_OK)
        error = sg_account_take(account, role, &reading);
    if (error != SG_OK)
        sg_account_take_stale(account, role, "its folder can't be read whole");
    if (error != SG_OK || account->dirty)
        sg_log_problems(account->agent, SG_LOG_WARNING, account->config->label, &problems);
    account->dirty = account->dirty || dirty;
    sg_problems_clear(&problems);
    sg_buffer_clear(&statements);
    return error == SG_OK;
}
