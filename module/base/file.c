/*
 * file.c - reading files that are trusted because of who may write them, and
 * replacing files so that a reader or a crash sees the old or the new whole.
 * Checks are made on the open descriptor, never on a path that may change.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool sg_owner_trusted(const struct sg_owners *owners, uid_t uid)
{
    if (uid == 0)
        return true;
    for (size_t i = 0; i < owners->count && i < sizeof owners->uids / sizeof owners->uids[0]; i++) {
        if (owners->uids[i] == uid)
            return true;
    }
    return false;
}

static int check_trust(const struct stat *info, const char *name, const struct sg_owners *owners,
                       struct sg_problems *problems)
{
    const unsigned mode = (unsigned)(info->st_mode & 07777);

    if (!S_ISREG(info->st_mode)) {
        sg_problem(problems, name, 0, "is not a regular file; put a regular file there");
        return SG_E_UNTRUSTED;
    }
    if (owners == NULL)
        return SG_OK;
    if (!sg_owner_trusted(owners, info->st_uid)) {
        sg_problem(problems, name, 0,
                   "is owned by uid %lu, mode %04o; expected root%s as owner: chown it, or remove "
                   "it when you don't know who put it there",
                   (unsigned long)info->st_uid, mode,
                   owners->count > 0 ? " or the user that writes it" : "");
        return SG_E_UNTRUSTED;
    }
    if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
        sg_problem(problems, name, 0,
                   "is writable by others than its owner (uid %lu, mode %04o); chmod go-w it once "
                   "you know what it holds",
                   (unsigned long)info->st_uid, mode);
        return SG_E_UNTRUSTED;
    }
    return SG_OK;
}

static int open_failed(const char *name, bool link_refused, struct sg_problems *problems)
{
    if (errno == ENOENT) {
        sg_problem(problems, name, 0, "does not exist");
        return SG_E_ABSENT;
    }
    if (errno == ELOOP && link_refused) {
        sg_problem(problems, name, 0, "is a symbolic link; put the file itself there");
        return SG_E_UNTRUSTED;
    }
    sg_problem(problems, name, 0, "cannot be opened: %m");
    return SG_E_SYSTEM;
}

int sg_file_open(int dir, const char *name, const struct sg_owners *owners,
                 struct sg_problems *problems)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const bool refuse_link = owners != NULL;
    struct stat info;
    int status;

    int file = openat(dir, name, refuse_link ? flags | O_NOFOLLOW : flags);
    if (file < 0)
        return open_failed(name, refuse_link, problems);
    if (fstat(file, &info) != 0) {
        sg_problem(problems, name, 0, "cannot be examined: %m");
        status = SG_E_SYSTEM;
        goto out;
    }
    status = check_trust(&info, name, owners, problems);
    if (status == SG_OK)
        return file;
out:
    (void)close(file);
    return status;
}

/* Reads to the end, so that a file that grows under us meets the limit as well. */
static int read_all(struct sg_buffer *out, int file, const char *name, size_t max_bytes,
                    struct sg_problems *problems)
{
    char chunk[8192];
    size_t total = 0;
    int status = SG_OK;

    for (;;) {
        const ssize_t got = read(file, chunk, sizeof chunk);

        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            sg_problem(problems, name, 0, "cannot be read: %m");
            status = SG_E_SYSTEM;
            break;
        }
        if ((size_t)got > max_bytes - total) {
            sg_problem(problems, name, 0, "is larger than %zu bytes, the most that is read of it",
                       max_bytes);
            status = SG_E_LIMIT;
            break;
        }
        total += (size_t)got;
        sg_buffer_add(out, chunk, (size_t)got);
    }
    OPENSSL_cleanse(chunk, sizeof chunk);
    if (status == SG_OK && out->failed) {
        sg_problem(problems, name, 0, "cannot be read: out of memory");
        status = SG_E_MEMORY;
    }
    return status;
}

int sg_file_read(struct sg_buffer *out, int dir, const char *name, size_t max_bytes,
                 const struct sg_owners *owners, struct sg_problems *problems)
{
    int file = sg_file_open(dir, name, owners, problems);
    if (file < 0)
        return file;

    sg_buffer_add(out, "", 0); /* an empty file reads as an empty text, not as NULL */
    const int status = read_all(out, file, name, max_bytes, problems);
    const int saved = errno;
    (void)close(file);
    errno = saved;
    return status;
}

static bool write_all(int file, struct sg_text content)
{
    while (content.length > 0) {
        const ssize_t done = write(file, content.data, content.length);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        content.data += done;
        content.length -= (size_t)done;
    }
    return true;
}

/* The folder that holds `name`, to be fsynced: the rename must survive a crash too. */
static int open_folder(int dir, const char *name)
{
    const char *slash = strrchr(name, '/');
    struct sg_buffer path = {0};
    int folder = -1;

    if (slash == NULL)
        sg_buffer_add_text(&path, SG_TEXT("."));
    else
        sg_buffer_add(&path, name, slash == name ? 1 : (size_t)(slash - name));
    if (path.failed)
        errno = ENOMEM;
    else
        folder = openat(dir, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sg_buffer_clear(&path);
    return folder;
}

/* Writes the whole of NAME.new. O_EXCL: never through a link or into another's file. */
static bool write_aside(int dir, const char *aside, struct sg_text content, mode_t mode)
{
    if (unlinkat(dir, aside, 0) != 0 && errno != ENOENT)
        return false;

    int file = openat(dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    bool good = write_all(file, content) && fchmod(file, mode) == 0 && fsync(file) == 0;
    int saved = errno;
    if (close(file) != 0 && good) {
        good = false;
        saved = errno;
    }
    if (!good)
        (void)unlinkat(dir, aside, 0);
    errno = saved;
    return good;
}

int sg_file_replace(int dir, const char *name, struct sg_text content, mode_t mode,
                    struct sg_problems *problems)
{
    struct sg_buffer aside = {0};
    int status = SG_E_SYSTEM;
    int folder = -1;

    sg_buffer_addf(&aside, "%s.new", name);
    if (aside.failed) {
        status = SG_E_MEMORY;
        goto out;
    }
    folder = open_folder(dir, name);
    if (folder < 0) {
        sg_problem(problems, name, 0, "its folder cannot be opened: %m");
        goto out;
    }
    if (!write_aside(dir, aside.data, content, mode)) {
        sg_problem(problems, aside.data, 0, "cannot be written: %m");
        goto out;
    }
    if (renameat(dir, aside.data, dir, name) != 0) {
        sg_problem(problems, name, 0, "cannot be replaced by %s: %m", aside.data);
        const int saved = errno;
        (void)unlinkat(dir, aside.data, 0);
        errno = saved;
        goto out;
    }
    if (fsync(folder) != 0) {
        sg_problem(problems, name, 0, "its folder cannot be synced: %m");
        goto out;
    }
    status = SG_OK;
out:
    sg_buffer_clear(&aside);
    if (folder >= 0)
        (void)close(folder);
    return status;
}
