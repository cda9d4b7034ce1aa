/*
 * files.c - source = file: FOLDER/ROLE/POLICY.json, each file one policy of the role its folder is
 * named after; ROLE/role.json, if there, tells what IAM would: {"arn", "role_id", "created"}. An
 * IAM user's folder is ~NAME, which is no role's name, and his file user.json, with "user_id".
 * Changes are noticed by inotify and published at once. What AWS did not say itself is never marked
 * as AWS's. Folders and files must be owned by root or the agent, and writable by nobody else.
 */
#include "agent/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROLES_MAX 100000
#define WATCHED                                                                                    \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ONLYDIR)

struct watch {
    int wd;
    bool changed;
    char name[SG_ROLE_NAME_MAX + 2];
};

struct sg_files {
    int root_wd; /* -1: not watched */
    bool rescan, complained;
    struct watch *watches;
    size_t count, size;
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
    (void)sg_text_copy(files->watches[files->count].name, sizeof files->watches[files->count].name,
                       sg_text_of(name));
    files->count++;
}

/* ---- all roles ---- */

bool sg_files_key(char key[static SG_PRINCIPAL_KEY_MAX + 1], const char *folder)
{
    const bool user = folder[0] == '~';

    return sg_principal_key(key, user, sg_text_of(folder + user));
}

static bool scan_role(struct sg_agent_account *account, int root, const char *name)
{
    char key[SG_PRINCIPAL_KEY_MAX + 1];

    if (!sg_files_key(key, name) || (sg_key_is_user(key) && !account->config->users))
        return true;
    struct sg_role *role = sg_roles_add(&account->roles, sg_text_of(key));
    if (role == NULL)
        return false;
    if (role->seen == account->round) {
        role->doubled = true;
        sg_account_take_stale(account, role, "two folders differ in case only; IAM knows one name");
        return true;
    }
    role->seen = account->round;
    role->doubled = false;
    watch_role(account, name);
    (void)sg_files_take_role(account, role, root, name);
    return true;
}

/* Folders that are gone: like everything that loosens, only when two rounds say so. */
static void take_absent(struct sg_agent_account *account)
{
    struct sg_role *next;

    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL; role = next) {
        struct sg_record record = {0};
        const int64_t now_ms = sg_clock_wall_ms(account->agent->clock);
        struct sg_reading reading = {.aws_ms = now_ms};

        next = sg_roles_next(&account->roles, role);
        if (role->seen == account->round)
            continue;
        const bool known = sg_role_record(&record, role);
        reading.arn = record.arn;
        reading.role_id = record.role_id;
        reading.created_ms = record.created_ms;
        if (known && record.statements.length > 0 &&
            (sg_account_take(account, role, &reading) != SG_OK ||
             (sg_role_record(&record, role) && record.statements.length > 0)))
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
    bool good = sg_files_folder_trusted(account, account->config->folder, root, "", &problems);

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

        sg_extras_note(&agent->accounts[i], event);
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
        char key[SG_PRINCIPAL_KEY_MAX + 1];

        if (!files->watches[i].changed)
            continue;
        files->watches[i].changed = false;
        if (!sg_files_key(key, files->watches[i].name))
            continue;
        struct sg_role *role = sg_roles_find(&account->roles, sg_text_of(key));
        if (role != NULL && !role->doubled)
            (void)sg_files_take_role(account, role, root, files->watches[i].name);
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
            sg_lifts_note(agent, event);
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
        sg_extras_changed(&agent->accounts[i]);
    }
    sg_lifts_changed(agent);
}
