/*
 * files.c - source = file: FOLDER/ROLE/POLICY.json, each file one policy of the role its folder is
 * named after; ROLE/role.json, if there, tells what IAM would: {"arn", "role_id", "created"}.
 * Changes are noticed by inotify and published at once. What AWS did not say itself is never marked
 * as AWS's. Folders and files must be owned by root or the agent, and writable by nobody else.
 */
#include "agent/agent.h"

#include "base/date.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICIES_MAX 256
#define ROLES_MAX    100000
#define DETAILS_FILE "role.json"
#define WATCHED                                                                                    \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ONLYDIR)

struct watch {
    int wd;
    bool changed;
    char name[SG_ROLE_NAME_MAX + 1];
};

struct sg_files {
    int root_wd; /* -1: not watched */
    bool rescan, complained;
    struct watch *watches;
    size_t count, size;
};

/* role.json */
struct details {
    char arn[SG_ARN_MAX + 1];
    char role_id[40];
    char created[64];
};

int sg_files_open(struct sg_agent_account *account)
{
    account->files = sg_alloc(1, sizeof *account->files);
    if (account->files == NULL)
        return SG_E_MEMORY;
    account->files->root_wd = -1;
    return SG_OK;
}

void sg_files_close(struct sg_agent_account *account)
{
    struct sg_files *files = account->files;

    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++)
        (void)inotify_rm_watch(account->agent->inotify_fd, files->watches[i].wd);
    if (files->root_wd >= 0)
        (void)inotify_rm_watch(account->agent->inotify_fd, files->root_wd);
    free(files->watches);
    free(files);
    account->files = NULL;
}

/* ---- watching ---- */

static int watch_path(struct sg_agent_account *account, const char *name, uint32_t mask)
{
    struct sg_buffer path = {0};
    int wd = -1;

    sg_buffer_addf(&path, "%s%s%s", account->config->folder, name[0] != '\0' ? "/" : "", name);
    if (!path.failed)
        wd = inotify_add_watch(account->agent->inotify_fd, path.data, mask);
    if (wd < 0 && !path.failed && errno != ENOENT && errno != ENOTDIR &&
        !account->files->complained) {
        account->files->complained = true;
        sg_log(&account->agent->log, SG_LOG_WARNING,
               "account=%s problem=can't watch %s (%m); changes are noticed every refresh only",
               account->config->label, path.data);
    }
    sg_buffer_clear(&path);
    return wd;
}

static void watch_role(struct sg_agent_account *account, const char *name)
{
    struct sg_files *files = account->files;
    const int wd = watch_path(account, name, WATCHED | IN_DONT_FOLLOW);

    if (wd < 0)
        return;
    for (size_t i = 0; i < files->count; i++) {
        if (files->watches[i].wd == wd || strcmp(files->watches[i].name, name) == 0) {
            files->watches[i].wd = wd;
            (void)sg_text_copy(files->watches[i].name, sizeof files->watches[i].name,
                               sg_text_of(name));
            return;
        }
    }
    if (files->count == files->size) {
        const size_t size = files->size == 0 ? 16 : files->size * 2;
        struct watch *larger = reallocarray(files->watches, size, sizeof *larger);
        if (larger == NULL)
            return;
        files->watches = larger;
        files->size = size;
    }
    files->watches[files->count] = (struct watch){.wd = wd};
    (void)sg_text_copy(files->watches[files->count].name, SG_ROLE_NAME_MAX + 1, sg_text_of(name));
    files->count++;
}

/* ---- one role ---- */

static bool folder_is_trusted(const struct sg_agent_account *account, int fd, const char *name,
                              struct sg_problems *problems)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0)
        return false;
    if (sg_owner_trusted(&account->agent->config->owners, stat.st_uid) &&
        (stat.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return true;
    sg_problem(problems, account->config->folder, 0,
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
           strcmp(name.data + name.length - ending.length, ending.data) == 0 &&
           strcmp(name.data, DETAILS_FILE) != 0;
}

static bool take_member(void *payload, const struct sg_json_item *item)
{
    struct details *details = payload;
    size_t length;

    if (item->depth != 1)
        return false;
    if (sg_text_equal(item->key, SG_TEXT("arn")))
        return sg_json_string(details->arn, sizeof details->arn, &length, item);
    if (sg_text_equal(item->key, SG_TEXT("role_id")))
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
    char folded[SG_ROLE_NAME_MAX + 1];

    int error =
        sg_file_read(&text, fd, DETAILS_FILE, 16384, &account->agent->config->owners, problems);
    if (error == SG_E_ABSENT)
        return SG_OK;
    if (error != SG_OK)
        goto out;
    error = sg_json_scan(sg_buffer_text(&text), NULL, take_member, details);
    if (error != SG_OK) {
        sg_problem(problems, account->config->folder, 0,
                   "%s/" DETAILS_FILE ": expected {\"arn\": \"...\", \"role_id\": \"...\", "
                   "\"created\": \"2026-01-31T08:00:00Z\"}, each of them optional",
                   key);
        goto out;
    }
    error = SG_E_INVALID;
    if (details->arn[0] != '\0' &&
        (!sg_account_owns_role(account, &parts, sg_text_of(details->arn)) ||
         !sg_role_name_fold(folded, parts.name) || strcmp(folded, key) != 0)) {
        sg_problem(problems, account->config->folder, 0,
                   "%s/" DETAILS_FILE ": arn is not that of this role in account %s", key,
                   account->config->id);
        goto out;
    }
    if (details->created[0] != '\0' &&
        !sg_date_parse_rfc3339(&reading->created_ms, sg_text_of(details->created))) {
        sg_problem(problems, account->config->folder, 0,
                   "%s/" DETAILS_FILE ": created is not a time such as 2026-01-31T08:00:00Z", key);
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
    if (folder_is_trusted(account, fd, name, problems))
        error = read_details(details, reading, account, fd, role->key, problems);
    if (error == SG_OK)
        error = read_policies(statements, account, fd, name, problems);
    (void)close(fd);
    reading->statements = sg_buffer_text(statements);
    return error;
}

/* Reads and takes the role. False: not whole, its last record stays. */
static bool take_role(struct sg_agent_account *account, struct sg_role *role, int root,
                      const char *name)
{
    const bool dirty = account->dirty;
    struct sg_reading reading = {.aws_ms = sg_clock_wall_ms(account->agent->clock)};
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

/* ---- all roles ---- */

static bool scan_role(struct sg_agent_account *account, int root, const char *name)
{
    char key[SG_ROLE_NAME_MAX + 1];

    if (!sg_role_name_fold(key, sg_text_of(name)))
        return true;
    struct sg_role *role = sg_roles_add(&account->roles, sg_text_of(key));
    if (role == NULL)
        return false;
    if (role->seen == account->round) {
        role->doubled = true;
        sg_account_take_stale(account, role, "two folders differ in case only; IAM knows one role");
        return true;
    }
    role->seen = account->round;
    role->doubled = false;
    watch_role(account, name);
    (void)take_role(account, role, root, name);
    return true;
}

/* Folders that are gone: like everything that loosens, only when two rounds say so. */
static void take_absent(struct sg_agent_account *account)
{
    struct sg_role *next;

    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL; role = next) {
        struct sg_record record = {0};
        struct sg_reading reading = {.aws_ms = sg_clock_wall_ms(account->agent->clock)};

        next = sg_roles_next(&account->roles, role);
        if (role->seen == account->round)
            continue;
        const bool known = sg_role_record(&record, role);
        reading.arn = record.arn;
        reading.role_id = record.role_id;
        reading.created_ms = record.created_ms;
        if (known && record.statements.length > 0 &&
            sg_account_take(account, role, &reading) == SG_OK && sg_role_record(&record, role) &&
            record.statements.length > 0)
            continue;
        sg_roles_remove(&account->roles, role);
        account->dirty = true;
    }
}

/* The next entry that is a role's, or should be: a symbolic link is one that can't be read. NULL at
 * the end, or with *good false: what can't be listed must not look like what is not there. */
static const char *next_role(bool *good, DIR *folder, int root)
{
    const struct dirent *entry;
    struct stat stat;

    for (;;) {
        errno = 0;
        entry = readdir(folder);
        if (entry == NULL) {
            *good = errno == 0;
            return NULL;
        }
        if (entry->d_name[0] == '.')
            continue;
        if (fstatat(root, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
            if (S_ISDIR(stat.st_mode) || S_ISLNK(stat.st_mode))
                return entry->d_name;
        } else if (errno != ENOENT) {
            *good = false;
            return NULL;
        }
    }
}

static bool scan(struct sg_agent_account *account, int root)
{
    struct sg_problems problems = {0};
    DIR *folder = NULL;
    const char *name;
    size_t count = 0;
    bool good = folder_is_trusted(account, root, "", &problems);

    if (good) {
        const int copy = fcntl(root, F_DUPFD_CLOEXEC, 0);
        folder = copy < 0 ? NULL : fdopendir(copy);
        good = folder != NULL;
        if (!good && copy >= 0)
            (void)close(copy);
    }
    while (good && (name = next_role(&good, folder, root)) != NULL)
        good = ++count <= ROLES_MAX && scan_role(account, root, name);
    if (folder != NULL)
        (void)closedir(folder);
    if (!good)
        sg_health_bad(&account->health, "%s",
                      problems.stored > 0 ? problems.texts[0] : "the folder can't be read whole");
    sg_problems_clear(&problems);
    return good;
}

void sg_files_round(struct sg_agent_account *account)
{
    const int64_t now_ms = sg_clock_wall_ms(account->agent->clock);
    const int root = open(account->config->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = false;

    account->files->rescan = false;
    if (root < 0) {
        sg_health_bad(&account->health, "%s: %s", account->config->folder, strerror(errno));
        sg_account_round_ended(account, false, 0);
        return;
    }
    account->files->root_wd = watch_path(account, "", WATCHED | IN_CREATE);
    good = scan(account, root);
    (void)close(root);
    if (good)
        take_absent(account);
    sg_account_round_ended(account, good, now_ms);
}

/* ---- changes ---- */

static void note_event(struct sg_agent *agent, const struct inotify_event *event)
{
    for (size_t i = 0; i < agent->account_count; i++) {
        struct sg_files *files = agent->accounts[i].files;

        if (files == NULL)
            continue;
        if ((event->mask & IN_Q_OVERFLOW) != 0 || event->wd == files->root_wd)
            files->rescan = true;
        for (size_t j = 0; j < files->count; j++) {
            if (files->watches[j].wd != event->wd)
                continue;
            files->watches[j].changed = true;
            if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) == 0)
                break;
            files->rescan = true;
            files->watches[j] = files->watches[--files->count];
            break;
        }
    }
}

static void take_changes(struct sg_agent_account *account)
{
    struct sg_files *files = account->files;
    const int root = open(account->config->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        files->rescan = true;
    for (size_t i = 0; i < files->count && !files->rescan; i++) {
        char key[SG_ROLE_NAME_MAX + 1];

        if (!files->watches[i].changed)
            continue;
        files->watches[i].changed = false;
        if (!sg_role_name_fold(key, sg_text_of(files->watches[i].name)))
            continue;
        struct sg_role *role = sg_roles_find(&account->roles, sg_text_of(key));
        if (role != NULL && !role->doubled)
            (void)take_role(account, role, root, files->watches[i].name);
        else
            files->rescan = true;
    }
    if (root >= 0)
        (void)close(root);
    if (files->rescan || !account->published) {
        for (size_t i = 0; i < files->count; i++)
            files->watches[i].changed = false;
        sg_account_refresh(account);
        return;
    }
    (void)sg_publish_account(account);
    /* What loosens wants a second look, soon. */
    sg_account_hasten(account);
}

void sg_files_changed(struct sg_agent *agent)
{
    _Alignas(struct inotify_event) char buffer[16384];

    for (int reads = 0; reads < 64; reads++) {
        const ssize_t length = read(agent->inotify_fd, buffer, sizeof buffer);
        if (length <= 0)
            break;
        for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)length;) {
            const struct inotify_event *event = (const void *)(buffer + at);
            note_event(agent, event);
            at += sizeof *event + event->len;
        }
    }
    for (size_t i = 0; i < agent->account_count; i++) {
        struct sg_files *files = agent->accounts[i].files;
        bool changed = files != NULL && files->rescan;

        for (size_t j = 0; files != NULL && j < files->count; j++)
            changed = changed || files->watches[j].changed;
        if (changed)
            take_changes(&agent->accounts[i]);
    }
}
