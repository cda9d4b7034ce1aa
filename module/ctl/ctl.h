/*
 * ctl.h - what the subcommands of stsgatectl share: the options every one
 * knows, exit codes, and printing for people (colour on a terminal only) or
 * for scripts (--json).
 */
#ifndef SG_CTL_CTL_H
#define SG_CTL_CTL_H

#include "base/error.h"
#include "config/config.h"

#include <stdbool.h>

enum ctl_exit {
    CTL_YES = 0,       /* allowed; fine; done */
    CTL_NO = 1,        /* denied; a mistake was found; refused */
    CTL_USAGE = 2,     /* the command line is wrong */
    CTL_UNDECIDED = 3, /* could not be decided, or something needed can't be reached */
};

struct ctl {
    const char *folder; /* --conf */
    bool json;          /* --json */
    bool colour;
    int argc; /* what follows the subcommand */
    char **argv;
};

/* What every subcommand's own options are parsed with: --name VALUE or --name=VALUE anywhere among
 * its arguments. */
struct ctl_option {
    const char *name;
    const char **value;
};
/* least to most positional arguments are left in argv[0..return); -1 after printing what is wrong.
 */
int ctl_options(struct ctl *ctl, const struct ctl_option *options, int least, int most,
                const char *usage);

/* The configuration, or NULL after printing every mistake. */
struct sg_config *ctl_config(const struct ctl *ctl);
/* The account that `role` (a name or an ARN) and `label` (may be NULL) mean; NULL after saying why
 * not. */
const struct sg_account *ctl_account(const struct sg_config *config, const char *role,
                                     const char *label);
void ctl_print_problems(struct sg_problems *problems); /* to stderr; clears them */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct stsgate;
struct json_object;
/* The gate as a host opens it, or NULL after telling why. problems: a JSON array that takes every
 * mistake; NULL: they are printed. */
struct stsgate *ctl_gate(const struct ctl *ctl, struct json_object *problems);

enum ctl_colour { CTL_GREEN, CTL_RED, CTL_YELLOW, CTL_BOLD };
/* `text` in colour, where there is colour; then plain. */
void ctl_paint(const struct ctl *ctl, enum ctl_colour colour, const char *text);

/* One JSON text on stdout; takes the tree. */
void ctl_print_json(struct json_object *tree);
/* Adds "key": a date as text, or null for none (INT64_MIN). */
void ctl_json_date(struct json_object *tree, const char *key, int64_t ms);
void ctl_json_text(struct json_object *tree, const char *key, struct sg_text text);

int ctl_check(struct ctl *ctl);
int ctl_explain(struct ctl *ctl);
int ctl_roles(struct ctl *ctl);
int ctl_status(struct ctl *ctl);
int ctl_credentials(struct ctl *ctl);
int ctl_login_token(struct ctl *ctl);
int ctl_probe(struct ctl *ctl);
int ctl_revoke(struct ctl *ctl);
int ctl_undo(struct ctl *ctl);
int ctl_policy(struct ctl *ctl);
int ctl_lift(struct ctl *ctl);

#endif
