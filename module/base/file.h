/*
 * file.h - files that are trusted because of who may write them. Only regular
 * files are read, a size limit holds, and replacing is aside, fsync, rename.
 */
#ifndef SG_BASE_FILE_H
#define SG_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <sys/types.h>

/* Who besides root may own what we read: uids[0..count). */
struct sg_owners {
    uid_t uids[4];
    size_t count;
};
bool sg_owner_trusted(const struct sg_owners *owners, uid_t uid); /* root always is */

/*
 * Opens `name` below `dir` (AT_FDCWD allowed) read-only. owners NULL: any owner and mode, and
 * symbolic links are followed (configuration: what the administrator named; Kubernetes mounts are
 * links). Otherwise the last component is no symbolic link, its owner is trusted and it is not
 * group/other writable, else SG_E_UNTRUSTED and a problem that names file, owner, mode and the
 * mend. Returns the descriptor or a negative sg_error (SG_E_ABSENT for ENOENT).
 */
int sg_file_open(int dir, const char *name, const struct sg_owners *owners,
                 struct sg_problems *problems);

/* Same checks, whole content into out. SG_E_LIMIT over max_bytes. */
int sg_file_read(struct sg_buffer *out, int dir, const char *name, size_t max_bytes,
                 const struct sg_owners *owners, struct sg_problems *problems);

/* Writes `content` to NAME.new below dir, fsyncs it, renames it over `name`, fsyncs the folder. */
int sg_file_replace(int dir, const char *name, struct sg_text content, mode_t mode,
                    struct sg_problems *problems);

#endif
