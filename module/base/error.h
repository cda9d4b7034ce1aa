/*
 * error.h - how internal functions fail. Functions return 0 or one of these;
 * what happened in words goes to a struct sg_problems, which a caller reads
 * out or throws away. A decision (allow, deny) is data and never one of these.
 */
#ifndef SG_BASE_ERROR_H
#define SG_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum sg_error {
    SG_OK = 0,
    SG_E_INVALID = -1,   /* malformed input */
    SG_E_LIMIT = -2,     /* over a size limit */
    SG_E_MEMORY = -3,    /* out of memory */
    SG_E_SYSTEM = -4,    /* a system call failed; errno is kept */
    SG_E_ABSENT = -5,    /* no such thing */
    SG_E_UNTRUSTED = -6, /* owner, mode or kind of a file is not what it must be */
    SG_E_VERSION = -7,   /* written by a newer stsgate */
    SG_E_CRYPTO = -8,    /* OpenSSL failed for a reason that is not the input's */
    SG_E_BUSY = -9,      /* a cap is reached; try later */
    SG_E_NETWORK = -10,  /* could not be reached, or did not answer in time */
};

/* Message texts, in order. Grows; when memory ends, `count` still counts. Zero it to start. */
struct sg_problems {
    char **texts;
    size_t count;  /* how many were reported */
    size_t stored; /* how many texts are held (<= count) */
};

/* Adds "FILE:LINE: text" (file may be NULL, line 0: left out); NULL problems: dropped. Control
 * bytes in the text become "?"; over 2 KiB is cut. errno is kept, and "%m" tells it. */
void sg_problem(struct sg_problems *problems, const char *file, unsigned line, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
void sg_problems_clear(struct sg_problems *problems);

#endif
