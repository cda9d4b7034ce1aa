/*
 * folder.c - opening the state folder, for readers and the writer alike. It must never accept one
 * that somebody else could put files into.
 */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(int folder, const char *path, const struct sg_owners *owners,
                 struct sg_problems *problems)
{
    struct stat info;

    if (fstat(folder, &info) != 0) {
        sg_problem(problems, path, 0, "cannot be examined: %m");
        return SG_E_SYSTEM;
    }
    if (!sg_owner_trusted(owners, info.st_uid)) {
        sg_problem(
            problems, path, 0,
            "is owned by uid %lu; expected root or the agent's user: the agent makes it when "
            "it is missing",
            (unsigned long)info.st_uid);
        return SG_E_UNTRUSTED;
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        sg_problem(problems, path, 0,
                   "is writable by others than its owner (mode %04o); chmod go-w it once you know "
                   "what it holds",
                   (unsigned)(info.st_mode & 07777));
        return SG_E_UNTRUSTED;
    }
    return SG_OK;
}

int sg_folder_open(const char *path, const struct sg_owners *owners, struct sg_problems *problems)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (folder < 0 && errno == ENOENT)
        return SG_E_ABSENT;
    if (folder < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        sg_problem(problems, path, 0, "is not a folder (a symbolic link is not followed)");
        return SG_E_UNTRUSTED;
    }
    if (folder < 0) {
        sg_problem(problems, path, 0, "cannot be opened: %m");
        return SG_E_SYSTEM;
    }

    const int status = check(folder, path, owners, problems);
    if (status == SG_OK)
        return folder;
    (void)close(folder);
    return status;
}

void sg_folder_name_problems(struct sg_problems *to, const char *folder, struct sg_problems *from)
{
    for (size_t i = 0; i < from->stored; i++)
        sg_problem(to, NULL, 0, "%s/%s", folder, from->texts[i]);
    sg_problems_clear(from);
}
