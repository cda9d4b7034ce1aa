/*
 * check.c - `stsgatectl check`: opens the gate as a host does and prints every mistake of the
 * configuration, and what is no mistake but should be known before anything is enforced.
 */
#include "ctl/lockout.h"
#include "ctl/notes.h"
#include "gate/gate.h"

#include <json-c/json.h>
#include <stdio.h>

static void print_problem(void *payload, const char *text)
{
    struct json_object *list = payload;

    if (list != NULL)
        json_object_array_add(list, json_object_new_string(text));
    else
        fprintf(stderr, "%s\n", text);
}

static void print_log(void *payload, int level, const char *line)
{
    (void)payload;
    if (level <= SG_LOG_WARNING)
        fprintf(stderr, "%s\n", line);
}

struct stsgate *ctl_gate(const struct ctl *ctl, struct json_object *problems)
{
    struct stsgate_options options = {.size = sizeof(options),
                                      .folder = ctl->folder,
                                      .problem = print_problem,
                                      .log = print_log,
                                      .payload = problems};
    struct stsgate *gate = NULL;

    (void)stsgate_open(&gate, &options);
    return gate;
}

int ctl_check(struct ctl *ctl)
{
    static const struct ctl_option none[] = {{0}};
    struct json_object *tree = NULL, *problems = NULL, *notes = NULL, *lockouts = NULL;
    const struct sg_config *config;
    struct stsgate *gate;
    bool good;

    if (ctl_options(ctl, none, 0, 0, "check") < 0)
        return CTL_USAGE;
    if (ctl->json) {
        tree = json_object_new_object();
        problems = json_object_new_array();
        notes = json_object_new_array();
        lockouts = json_object_new_array();
    }
    gate = ctl_gate(ctl, problems);
    good = gate != NULL;
    if (good) {
        config = sg_gate_config(gate);
        ctl_notes(config, notes);
        if (!ctl->json)
            printf("%s: %zu services, %zu issuers, %zu accounts: good\n", ctl->folder,
                   config->service_count, config->issuer_count, config->account_count);
        ctl_lockouts(config, lockouts, notes);
    }
    if (ctl->json) {
        json_object_object_add(tree, "good", json_object_new_boolean(good));
        json_object_object_add(tree, "problems", problems);
        json_object_object_add(tree, "notes", notes);
        json_object_object_add(tree, "locked_out", lockouts);
        ctl_print_json(tree);
    }
    stsgate_close(gate);
    return good ? CTL_YES : CTL_NO;
}
