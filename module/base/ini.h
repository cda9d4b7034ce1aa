/*
 * ini.h - the one INI reader: our own two files and AWS's shared files. Lines
 * of any length up to the file limit, `#` and `;` comments (a line of their
 * own, or after blanks), sections `[kind name]`, `key = value`. Reports, never guesses.
 */
#ifndef SG_BASE_INI_H
#define SG_BASE_INI_H

#include "base/error.h"
#include "base/text.h"

#define SG_INI_MAX_BYTES (1024 * 1024)

struct sg_ini_line {
    unsigned number;           /* line, from 1 */
    struct sg_text section;    /* "account" of [account prod]; empty before the first */
    struct sg_text name;       /* "prod"; empty when the section has none */
    struct sg_text key, value; /* trimmed; both empty for the section line itself */
    bool nested;               /* AWS: an indented key below `key =` */
};

/*
 * Calls `line` for each section header and each key of `text`. Syntax errors (no `=`, no `]`, NUL,
 * control bytes, not UTF-8) go to problems with `file`, and reading goes on so that every mistake
 * is reported. `line` reports its own. SG_OK or SG_E_INVALID (something was reported), SG_E_LIMIT.
 */
int sg_ini_read(struct sg_text text, const char *file, struct sg_problems *problems,
                void (*line)(void *payload, const struct sg_ini_line *line), void *payload);

#endif
