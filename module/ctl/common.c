/*
 * common.c - options, messages and JSON for the subcommands.
 */
#include "base/buffer.h"
#include "base/date.h"
#include "ctl/ctl.h"
#include "session/arn.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ctl_error(const char *format, ...)
{
    va_list arguments;

    fputs("stsgatectl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void ctl_print_problems(struct sg_problems *problems)
{
    for (size_t i = 0; i < problems->stored; i++)
        fprintf(stderr, "%s\n", problems->texts[i]);
    sg_problems_clear(problems);
}

/* The option that `argument` names; *value: what follows its `=`, NULL when the next argument is
 * its value. */
static const struct ctl_option *find_option(const struct ctl_option *options, const char *argument,
                                            const char **value)
{
    for (; options->name != NULL; options++) {
        size_t length = strlen(options->name);

        if (strncmp(argument, options->name, length) != 0)
            continue;
        *value = argument[length] == '=' ? argument + length + 1 : NULL;
        if (argument[length] == '=' || argument[length] == 0)
            return options;
    }
    return NULL;
}

int ctl_options(struct ctl *ctl, const struct ctl_option *options, int least, int most,
                const char *usage)
{
    int kept = 0;

    for (int i = 0; i < ctl->argc; i++) {
        const struct ctl_option *option;
        const char *value = NULL;

        if (strncmp(ctl->argv[i], "--", 2) != 0) {
            ctl->argv[kept++] = ctl->argv[i];
            continue;
        }
        if (strcmp(ctl->argv[i], "--json") == 0) {
            ctl->json = true;
            continue;
        }
        option = find_option(options, ctl->argv[i], &value);
        if (option == NULL || (value == NULL && ++i >= ctl->argc)) {
            ctl_error("usage: stsgatectl %s", usage);
            return -1;
        }
        *option->value = value != NULL ? value : ctl->argv[i];
    }
    if (kept < least || kept > most) {
        ctl_error("usage: stsgatectl %s", usage);
        return -1;
    }
    return kept;
}

struct sg_config *ctl_config(const struct ctl *ctl)
{
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;

    if (sg_config_read(&config, ctl->folder, &problems) == SG_E_MEMORY)
        ctl_error("out of memory");
    ctl_print_problems(&problems);
    return config;
}

const struct sg_account *ctl_account(const struct sg_config *config, const char *role,
                                     const char *label)
{
    const struct sg_account *found = NULL;
    struct sg_role_arn arn = {0};
    bool is_arn = sg_role_arn_parse(&arn, sg_text_of(role), true);

    for (size_t i = 0; i < config->account_count; i++) {
        const struct sg_account *account = &config->accounts[i];

        if (label != NULL && strcmp(account->label, label) != 0)
            continue;
        if (is_arn && (!sg_text_equal(arn.account, sg_text_of(account->id)) ||
                       !sg_text_equal(arn.partition, sg_text_of(account->partition))))
            continue;
        if (found != NULL) {
            ctl_error("%s may be of several accounts; say --account LABEL or give its ARN", role);
            return NULL;
        }
        found = account;
    }
    if (found == NULL)
        ctl_error("no [account] in %s/stsgate.conf is that of %s", config->folder, role);
    return found;
}

void ctl_paint(const struct ctl *ctl, enum ctl_colour colour, const char *text)
{
    static const char *const codes[] = {
        [CTL_GREEN] = "32", [CTL_RED] = "31", [CTL_YELLOW] = "33", [CTL_BOLD] = "1"};

    if (ctl->colour)
        printf("\033[%sm%s\033[0m", codes[colour], text);
    else
        fputs(text, stdout);
}

void ctl_print_json(struct json_object *tree)
{
    puts(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(tree);
}

void ctl_json_date(struct json_object *tree, const char *key, int64_t ms)
{
    char date[SG_DATE_SIZE];

    json_object_object_add(
        tree, key, ms == INT64_MIN ? NULL : json_object_new_string(sg_date_format(date, ms)));
}

void ctl_json_text(struct json_object *tree, const char *key, struct sg_text text)
{
    json_object_object_add(tree, key,
                           text.length == 0
                               ? json_object_new_string("")
                               : json_object_new_string_len(text.data, (int)text.length));
}
