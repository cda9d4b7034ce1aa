/*
 * extras_read.c - the folder of policies of one's own, and the folders in it. Must never pass over
 * what may be a policy and can't be read: it becomes an indeterminate statement for every role that
 * it could be for.
 */
#include "agent/agent.h"
#include "agent/extras_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_MAX  4096
#define POLICIES_MAX 256 /* of one folder */

void sg_extra_set_clear(struct sg_extra_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->items[i].folder);
        sg_buffer_clear(&set->items[i].statements);
    }
    free(set->items);
    *set = (struct sg_extra_set){0};
}

bool sg_extra_set_equal(const struct sg_extra_set *a, const struct sg_extra_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct sg_extra *one = &a->items[i], *other = &b->items[i];

        if ((one->folder == NULL) != (other->folder == NULL) ||
            (one->folder != NULL && strcmp(one->folder, other->folder) != 0) ||
            !sg_text_equal(sg_buffer_text(&one->statements), sg_buffer_text(&other->statements)))
            return false;
    }
    return true;
}

/* A folder's pattern is over names of roles, or behind a `~` over those of users. */
static bool matches(const char *folder, struct sg_text role_key)
{
    const struct sg_text prefix = SG_TEXT(SG_USER_KEY_PREFIX);
    const bool user = sg_text_starts(role_key, prefix);

    if (user != (folder[0] == '~'))
        return false;
    if (user)
        role_key = (struct sg_text){role_key.data + prefix.length, role_key.length - prefix.length};
    return sg_text_match(sg_text_of(folder + user), role_key, '\0', true);
}

void sg_extra_set_add(struct sg_buffer *statements, const struct sg_extra_set *set,
                      struct sg_text role_key)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct sg_extra *extra = &set->items[i];

        if (extra->folder == NULL || matches(extra->folder, role_key))
            sg_buffer_add_text(statements, sg_buffer_text(&extra->statements));
    }
}

static struct sg_extra *add_item(struct sg_extra_set *set, const char *folder)
{
    struct sg_extra *more = reallocarray(set->items, set->count + 1, sizeof *more);

    if (more == NULL)
        return NULL;
    set->items = more;
    more[set->count] = (struct sg_extra){0};
    if (folder != NULL && (more[set->count].folder = sg_text_dup(sg_text_of(folder))) == NULL)
        return NULL;
    return &set->items[set->count++];
}

/* ---- what can't be read ---- */

static int give_up(struct sg_extra *extra, const struct sg_agent_account *account,
                   struct sg_problems *problems, const char *path, const char *why)
{
    struct sg_buffer words = {0};

    sg_buffer_addf(&words, "%s: %s", path, why);
    const int error = words.failed ? SG_E_MEMORY
                                   : sg_policy_unreadable(&extra->statements, words.data,
                                                          SG_POLICY_EXTRA, sg_text_of(path));
    sg_buffer_clear(&words);
    sg_problem(problems, account->config->extra_policies, 0,
               "%s: %s; until it can be read it counts as matching", path, why);
    return error;
}

/* What sg_file_read() and its kin had to say, as a reason. */
static int give_up_with(struct sg_extra *extra, const struct sg_agent_account *account,
                        struct sg_problems *problems, const char *path, struct sg_problems *reasons)
{
    const int error = give_up(extra, account, problems, path,
                              reasons->stored > 0 ? reasons->texts[0] : "can't be read");

    sg_problems_clear(reasons);
    return error;
}

/* ---- one folder ---- */

static int read_policy(struct sg_extra *extra, const struct sg_agent_account *account, int folder,
                       const char *path, const char *name, struct sg_problems *problems)
{
    const struct sg_text policy = {path, strlen(path) - strlen(".json")};
    struct sg_problems reasons = {0};
    struct sg_buffer document = {0};
    int error = sg_file_read(&document, folder, name, SG_POLICY_MAX_BYTES,
                             &account->agent->config->owners, &reasons);

    if (error == SG_OK)
        error = sg_policy_compile(&extra->statements, sg_buffer_text(&document), SG_POLICY_EXTRA,
                                  policy, problems);
    else if (error == SG_E_ABSENT) /* removed since the folder was listed */
        error = SG_OK;
    else if (error != SG_E_MEMORY)
        error = give_up_with(extra, account, problems, path, &reasons);
    sg_problems_clear(&reasons);
    sg_buffer_clear(&document);
    return error;
}

static int is_policy(const struct dirent *entry)
{
    const struct sg_text name = sg_text_of(entry->d_name), ending = SG_TEXT(".json");

    return name.length > ending.length && name.data[0] != '.' &&
           strcmp(name.data + name.length - ending.length, ending.data) == 0;
}

static int read_entries(struct sg_extra *extra, const struct sg_agent_account *account, int folder,
                        struct sg_problems *problems)
{
    const char *below = extra->folder == NULL ? "" : extra->folder;
    struct dirent **entries = NULL;
    const int count = scandirat(folder, ".", &entries, is_policy, alphasort);
    int error = SG_OK;

    if (count < 0)
        return give_up(extra, account, problems, extra->folder == NULL ? "." : below,
                       strerror(errno));
    if (count > POLICIES_MAX)
        error = give_up(extra, account, problems, extra->folder == NULL ? "." : below,
                        "more policies than are read of one folder");
    for (int i = 0; i < count; i++) {
        struct sg_buffer path = {0};

        if (error == SG_OK && count <= POLICIES_MAX) {
            sg_buffer_addf(&path, "%s%s%s", below, below[0] != '\0' ? "/" : "", entries[i]->d_name);
            error = path.failed ? SG_E_MEMORY
                                : read_policy(extra, account, folder, path.data, entries[i]->d_name,
                                              problems);
        }
        sg_buffer_clear(&path);
        free(entries[i]);
    }
    free(entries);
    return error;
}

static int read_folder(struct sg_extra *extra, const struct sg_agent_account *account, int root,
                       struct sg_problems *problems)
{
    const char *name = extra->folder == NULL ? "." : extra->folder;
    const int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct sg_problems reasons = {0};
    int error;

    if (fd < 0 && errno == ENOENT && extra->folder != NULL)
        return SG_OK; /* removed since it was listed */
    if (fd < 0)
        return give_up(extra, account, problems, name, strerror(errno));
    if (sg_files_folder_trusted(account, account->config->extra_policies, fd, name, &reasons))
        error = read_entries(extra, account, fd, problems);
    else
        error = give_up_with(extra, account, problems, name, &reasons);
    sg_problems_clear(&reasons);
    (void)close(fd);
    return error;
}

int sg_extra_set_read(struct sg_extra_set *set, const struct sg_agent_account *account,
                      struct sg_problems *problems)
{
    const int root = open(account->config->extra_policies, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = SG_OK;

    if (root < 0)
        error = give_up(&set->items[0], account, problems, ".", strerror(errno));
    for (size_t i = 0; root >= 0 && i < set->count && error == SG_OK; i++)
        error = read_folder(&set->items[i], account, root, problems);
    if (root >= 0)
        (void)close(root);
    return error;
}

/* ---- which folders ---- */

/* A role's name, with * and ? in it; a user's behind a `~`. */
static bool is_pattern(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "+=,.@_-*?";

    name += name[0] == '~';
    return strlen(name) <= SG_ROLE_NAME_MAX && name[strspn(name, allowed)] == '\0';
}

/* 1: a folder, or a link, which may be meant as one. */
static int is_folder(int root, const char *name)
{
    struct stat stat;

    if (name[0] == '.')
        return 0;
    if (fstatat(root, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : 1;
    return S_ISDIR(stat.st_mode) || S_ISLNK(stat.st_mode);
}

static int add_folder(struct sg_extra_set *set, const struct sg_agent_account *account,
                      struct sg_problems *problems, const char *name)
{
    const size_t length = strlen(name);

    /* A policy for all roles, which is not followed when it is read. */
    if (length > 5 && strcmp(name + length - 5, ".json") == 0)
        return SG_OK;
    if (set->count == FOLDERS_MAX)
        return give_up(&set->items[0], account, problems, name, "more folders than are read");
    if (!is_pattern(name))
        return give_up(&set->items[0], account, problems, name,
                       "is neither a role's name nor a pattern of such");
    return add_item(set, name) == NULL ? SG_E_MEMORY : SG_OK;
}

int sg_extra_set_list(struct sg_extra_set *set, const struct sg_agent_account *account,
                      struct sg_problems *problems)
{
    const int root = open(account->config->extra_policies, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent **entries = NULL;
    int error = add_item(set, NULL) == NULL ? SG_E_MEMORY : SG_OK;
    const int count = root < 0 ? 0 : scandirat(root, ".", &entries, NULL, alphasort);

    if (count < 0 && error == SG_OK)
        error = give_up(&set->items[0], account, problems, ".", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (error == SG_OK && is_folder(root, entries[i]->d_name) == 1)
            error = add_folder(set, account, problems, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (root >= 0)
        (void)close(root);
    return error;
}
