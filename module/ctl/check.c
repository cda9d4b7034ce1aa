/*
 * check.c - `stsgatectl check`: opens the gate as a host does and prints every mistake of the
 * configuration, and what is no mistake but should be known before anything is enforced.
 */
#include "base/date.h"
#include "ctl/lockout.h"
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

/* What is no mistake but assumes something that the operator should know. */
static void note_assumptions(const struct sg_config *config, struct json_object *notes)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct sg_issuer *issuer = &config->issuers[i];
        char longest[SG_DATE_SIZE], note[300];

        if (issuer->kind == SG_ISSUER_JWT || issuer->longest_session_ms >= 12 * SG_HOUR_MS)
            continue;
        snprintf(
            note, sizeof(note),
            "[issuer %s] longest_session = %s assumes that no session of account %s ever lives "
            "longer; one that does (the console and AWS services make them whatever "
            "MaxSessionDuration says) looks younger than it is and can slip past a cutoff",
            issuer->label, sg_duration_format(longest, issuer->longest_session_ms),
            issuer->account->label);
        if (notes != NULL)
            json_object_array_add(notes, json_object_new_string(note));
        else
            printf("note: %s\n", note);
    }
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
        note_assumptions(config, notes);
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
