/*
 * lift.c - `stsgatectl lift`: lets go what a ratchet keeps of a role. It writes a file into the
 * state folder (store/lift.h), which only root and the agent's user can; stsgated takes it at once,
 * or when it starts. It names the statements that it shows, and no others.
 */
#include "store/lift.h"
#include "base/buffer.h"
#include "base/date.h"
#include "ctl/ctl.h"
#include "store/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MOST_MS 10000
#define LOOK_MS      50

struct lift {
    struct sg_config *config;
    const struct sg_account *account;
    char role_key[SG_ROLE_NAME_MAX + 1];
    struct sg_buffer content;
    struct json_object *statements;
    unsigned count;
};

static bool find_target(struct lift *lift, const struct ctl *ctl, const char *role,
                        const char *label)
{
    struct sg_text name = sg_text_of(role);
    struct sg_role_arn arn;

    lift->config = ctl_config(ctl);
    if (lift->config == NULL)
        return false;
    lift->account = ctl_account(lift->config, role, label);
    if (lift->account == NULL)
        return false;
    if (sg_role_arn_parse(&arn, name, true))
        name = arn.name;
    if (sg_role_name_fold(lift->role_key, name))
        return true;
    ctl_error("\"%s\" is neither a role's name nor its ARN", role);
    return false;
}

static void add_kept(struct lift *lift, const struct sg_record *record, bool json)
{
    const struct sg_statement *statement;
    char date[SG_DATE_SIZE];
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        struct sg_buffer text = {0};

        if ((statement->flags & SG_STATEMENT_RATCHETED) == 0)
            continue;
        lift->count++;
        sg_lift_add(&lift->content, statement);
        sg_statement_describe(&text, statement);
        if (lift->statements != NULL && !text.failed)
            json_object_array_add(lift->statements,
                                  json_object_new_string_len(text.data, (int)text.length));
        if (!json)
            printf("kept until %s: %s\n", sg_date_format(date, statement->kept_until_ms),
                   text.data == NULL ? "" : text.data);
        sg_buffer_clear(&text);
    }
}

/* What the store says that is kept. CTL_UNDECIDED: it can't be read. */
static int find_kept(struct lift *lift, bool json)
{
    const struct sg_account *account = lift->account;
    struct sg_problems problems = {0};
    struct sg_store *store = NULL;
    struct sg_record record;
    struct sg_stamp stamp;
    int error = sg_store_open(&store, lift->config->state, &lift->config->owners, &sg_clock_system,
                              NULL, &problems);
    struct sg_slot *slot =
        error != SG_OK ? NULL : sg_store_slot(store, SG_SLOT_ACCOUNT, sg_text_of(account->label));

    ctl_print_problems(&problems);
    error = SG_E_MEMORY;
    if (slot != NULL) {
        sg_store_refresh(store, slot, sg_clock_boot_ms(&sg_clock_system), &stamp);
        error = sg_store_role(store, slot, sg_text_of(account->partition), sg_text_of(account->id),
                              sg_text_of(lift->role_key), &record);
    }
    if (error == SG_OK)
        add_kept(lift, &record, json);
    sg_store_close(store);
    if (error != SG_OK && error != SG_E_ABSENT) {
        ctl_error("account %s: no good table in %s", account->label, lift->config->state);
        return CTL_UNDECIDED;
    }
    if (lift->count > 0)
        return CTL_YES;
    ctl_error("nothing is kept of role %s in account %s", lift->role_key, account->label);
    return CTL_NO;
}

static bool agent_runs(const struct sg_config *config)
{
    const int fd = sg_ask_connect(config->socket, &config->owners);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* True: the agent has taken the file. */
static bool wait_for_agent(int folder, const char *name)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    struct stat stat;

    for (int waited_ms = 0; waited_ms < WAIT_MOST_MS; waited_ms += LOOK_MS) {
        if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* "lifted", "pending" (whenever the agent runs again), or NULL after telling why not. */
static const char *ask_for_it(const struct lift *lift)
{
    const struct sg_config *config = lift->config;
    const int folder = open(config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sg_problems problems = {0};
    struct sg_buffer name = {0};
    const char *done = NULL;

    sg_lift_write_name(&name, sg_text_of(lift->account->label), sg_text_of(lift->role_key));
    if (folder < 0 || name.failed || lift->content.failed) {
        ctl_error("%s: %s", config->state, strerror(folder < 0 ? errno : ENOMEM));
    } else if (sg_file_replace(folder, name.data, sg_buffer_text(&lift->content), 0644,
                               &problems) != SG_OK) {
        ctl_error("only root and the agent's user, %s, may lift what a ratchet keeps",
                  config->user);
    } else {
        done = agent_runs(config) && wait_for_agent(folder, name.data) ? "lifted" : "pending";
    }
    ctl_print_problems(&problems);
    sg_buffer_clear(&name);
    if (folder >= 0)
        close(folder);
    return done;
}

static int report(const struct ctl *ctl, struct lift *lift, const char *done)
{
    struct json_object *tree;

    if (!ctl->json) {
        printf("%s: role %s of account %s%s\n", done, lift->role_key, lift->account->label,
               strcmp(done, "pending") == 0 ? "; stsgated does it when it runs again" : "");
        return CTL_YES;
    }
    tree = json_object_new_object();
    ctl_json_text(tree, "done", sg_text_of(done));
    ctl_json_text(tree, "account", sg_text_of(lift->account->label));
    ctl_json_text(tree, "role", sg_text_of(lift->role_key));
    json_object_object_add(tree, "statements", json_object_get(lift->statements));
    ctl_print_json(tree);
    return CTL_YES;
}

int ctl_lift(struct ctl *ctl)
{
    const char *label = NULL, *done;
    const struct ctl_option options[] = {{"--account", &label}, {0}};
    struct lift lift = {0};
    int status = CTL_USAGE;

    if (ctl_options(ctl, options, 1, 1, "lift ROLE [--account LABEL]") < 0)
        return CTL_USAGE;
    lift.statements = json_object_new_array();
    if (find_target(&lift, ctl, ctl->argv[0], label))
        status = find_kept(&lift, ctl->json);
    if (status == CTL_YES) {
        done = ask_for_it(&lift);
        status = done == NULL ? CTL_NO : report(ctl, &lift, done);
    }
    json_object_put(lift.statements);
    sg_buffer_clear(&lift.content);
    sg_config_free(lift.config);
    return status;
}
