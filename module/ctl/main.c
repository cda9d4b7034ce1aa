/*
 * main.c - stsgatectl: finds the subcommand and what is common to all.
 */
#include "base/text.h"
#include "ctl/ctl.h"

#include <stsgate/stsgate.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(struct ctl *ctl);
    const char *arguments;
    const char *text;
} commands[] = {
    {"check", ctl_check, "", "validate the configuration; print every mistake"},
    {"explain", ctl_explain, "TOKEN|- --service NAME", "each step of a decision, and why"},
    {"roles", ctl_roles, "[--account LABEL] [PATTERN]", "roles, their cutoffs and statements"},
    {"status", ctl_status, "", "how fresh everything is, and what the agent does"},
    {"credentials", ctl_credentials, "[--account LABEL]",
     "where AWS credentials come from, whose they are, until when"},
    {"login-token", ctl_login_token, "--issuer LABEL [--form FORM] [--role NAME] [--region REGION]",
     "a signed GetCallerIdentity of your own session, in any form that gateways take"},
    {"probe", ctl_probe, "--issuer LABEL [--role ARN] [--region REGION]",
     "whether AWS's STS refuses altered session tokens; for opaque_time"},
    {"revoke", ctl_revoke, "ROLE [--at TIME] [--account LABEL]",
     "revoke the role's sessions in IAM, as the console does"},
    {"undo", ctl_undo, "ROLE [--account LABEL]", "remove that revocation from IAM"},
    {"policy", ctl_policy, "test FILE|- [--context KEY=VALUE]...",
     "what a policy document does to a made-up session, and why"},
    {"lift", ctl_lift, "ROLE [--account LABEL]", "let go what a ratchet keeps of the role"},
};

static void print_usage(FILE *out)
{
    fprintf(out, "usage: stsgatectl [--conf FOLDER] [--json] COMMAND ...\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
                commands[i].text);
    fprintf(out, "\nExit: 0 yes, 1 no, 2 wrong usage, 3 undecided. See stsgatectl(1).\n");
}

/* Options before the subcommand; the index of the subcommand, or -1. */
static int common_options(struct ctl *ctl, int argc, char **argv)
{
    int i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            ctl->json = true;
        } else if (strcmp(argv[i], "--conf") == 0 && i + 1 < argc) {
            ctl->folder = argv[++i];
        } else if (strncmp(argv[i], "--conf=", 7) == 0) {
            ctl->folder = argv[i] + 7;
        } else if (strcmp(argv[i], "--help") == 0) {
            print_usage(stdout);
            exit(CTL_YES);
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("stsgatectl %s\n", stsgate_version());
            exit(CTL_YES);
        } else {
            return -1;
        }
    }
    return i < argc ? i : -1;
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.folder = "/etc/stsgate"};
    int command = common_options(&ctl, argc, argv);

    if (command < 0) {
        print_usage(stderr);
        return CTL_USAGE;
    }
    ctl.colour = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL;
    ctl.argc = argc - command - 1;
    ctl.argv = argv + command + 1;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[command], commands[i].name) == 0)
            return commands[i].run(&ctl);
    }
    ctl_error("there is no command \"%s\"", argv[command]);
    print_usage(stderr);
    return CTL_USAGE;
}
