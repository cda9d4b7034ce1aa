/*
 * folder.h - the state folder: who may write it is what makes all in it trustworthy.
 */
#ifndef SG_STORE_FOLDER_H
#define SG_STORE_FOLDER_H

#include "base/error.h"
#include "base/file.h"

/*
 * Opens the folder itself (no symbolic link), owned by root or one of `owners` and writable by its
 * owner alone; else a problem. A descriptor or a negative sg_error; SG_E_ABSENT says nothing in
 * problems.
 */
int sg_folder_open(const char *path, const struct sg_owners *owners, struct sg_problems *problems);

/* Moves what is in `from` to `to`, each text led by "FOLDER/", and clears `from`. */
void sg_folder_name_problems(struct sg_problems *to, const char *folder, struct sg_problems *from);

#endif
