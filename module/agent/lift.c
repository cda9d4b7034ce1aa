/*
 * lift.c - lets go what a ratchet holds, where an operator said so: files of store/lift.h in the
 * state folder. Must never let go of a statement that such a file does not name, nor forget a file
 * before the store tells what it asked for.
 */
#include "agent/lift.h"

#include "agent/agent.h"
#include "agent/merge_tell.h"
#include "store/lift.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LOOK_EVERY_MS 15000

/* ---- one role's record ---- */

static bool is_lifted(const struct sg_statement *statement, struct sg_text content)
{
    return (statement->flags & SG_STATEMENT_RATCHETED) != 0 && sg_lift_holds(content, statement);
}

int sg_merge_lift(struct sg_buffer *packed, unsigned *lifted, const struct sg_record *previous,
                  struct sg_text content, const struct sg_log *log, const char *where)
{
    struct sg_record record = *previous;
    struct sg_buffer kept = {0};
    const struct sg_statement *statement;
    size_t at = 0;

    *lifted = 0;
    while ((statement = sg_statement_next(previous->statements, &at)) != NULL) {
        if (is_lifted(statement, content))
            ++*lifted;
        else
            sg_buffer_add(&kept, statement, statement->size);
    }
    record.statements = sg_buffer_text(&kept);
    sg_buffer_clear(packed);
    const bool good = !kept.failed && sg_record_write(packed, &record);
    const int64_t left_ms = good ? sg_merge_greatest_cutoff(SG_CUTOFF_NONE, record.statements) : 0;
    for (at = 0; (statement = sg_statement_next(previous->statements, &at)) != NULL;) {
        if (good && is_lifted(statement, content))
            sg_merge_tell(log, SG_LOG_NOTICE, where, "lifted", statement->cutoff_ms, left_ms,
                          statement);
    }
    sg_buffer_clear(&kept);
    return good ? SG_OK : SG_E_MEMORY;
}

/* ---- one file ---- */

static struct sg_agent_account *find_account(struct sg_agent *agent, struct sg_text label)
{
    for (size_t i = 0; i < agent->account_count; i++) {
        if (sg_text_equal(sg_text_of(agent->accounts[i].config->label), label))
            return &agent->accounts[i];
    }
    return NULL;
}

/* True: the store tells it, or there is nothing to tell. */
static bool lift_role(struct sg_agent_account *account, struct sg_role *role,
                      struct sg_text content)
{
    const struct sg_log *log = &account->agent->log;
    struct sg_buffer packed = {0};
    struct sg_record previous;
    char where[192];
    unsigned lifted = 0;
    bool done = true;

    (void)sg_account_where(where, sizeof where, account, role->key);
    if (sg_role_record(&previous, role))
        done = sg_merge_lift(&packed, &lifted, &previous, content, log, where) == SG_OK;
    if (done && lifted > 0)
        account->dirty = sg_role_take(&account->roles, role, &packed) || account->dirty;
    /* Also what an earlier look let go of, and could not write. */
    if (done && account->dirty)
        done = sg_publish_account(account) == SG_OK;
    else if (done)
        sg_log(log, SG_LOG_NOTICE, "%s lift=nothing: the ratchet does not hold it any more", where);
    sg_buffer_clear(&packed);
    return done;
}

/* True: the file has served its purpose. */
static bool take_file(struct sg_agent *agent, int folder, const char *name)
{
    struct sg_buffer content = {0};
    struct sg_problems problems = {0};
    struct sg_text label, key;
    struct sg_role *role = NULL;
    bool done = false;

    if (!sg_lift_read_name(&label, &key, sg_text_of(name)))
        return false;
    if (sg_file_read(&content, folder, name, SG_LIFT_MAX_BYTES, &agent->config->owners,
                     &problems) == SG_OK) {
        struct sg_agent_account *account = find_account(agent, label);

        if (account != NULL)
            role = sg_roles_find(&account->roles, key);
        if (role == NULL)
            sg_log(&agent->log, SG_LOG_NOTICE, "%s lift=nothing: no such role is known", name);
        done = role == NULL || lift_role(account, role, sg_buffer_text(&content));
    }
    sg_log_problems(agent, SG_LOG_WARNING, agent->config->state, &problems);
    sg_buffer_clear(&content);
    return done;
}

/* ---- the folder ---- */

static void look(struct sg_agent *agent)
{
    const int folder = open(agent->config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int copy = folder < 0 ? -1 : fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    agent->lifts.changed = false;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (take_file(agent, folder, entry->d_name))
            (void)unlinkat(folder, entry->d_name, 0);
    }
    if (entries != NULL)
        (void)closedir(entries);
    else if (copy >= 0)
        (void)close(copy);
    if (folder >= 0)
        (void)close(folder);
}

static void look_due(void *payload)
{
    struct sg_agent *agent = payload;

    look(agent);
    sg_timer_set(&agent->timers, &agent->lifts.timer, sg_now_ms(agent) + LOOK_EVERY_MS, look_due,
                 agent);
}

void sg_lifts_open(struct sg_agent *agent)
{
    agent->lifts.wd =
        inotify_add_watch(agent->inotify_fd, agent->config->state, IN_MOVED_TO | IN_ONLYDIR);
    look_due(agent);
}

void sg_lifts_close(struct sg_agent *agent)
{
    sg_timer_stop(&agent->timers, &agent->lifts.timer);
}

void sg_lifts_note(struct sg_agent *agent, const struct inotify_event *event)
{
    struct sg_text label, key;

    if ((event->mask & IN_Q_OVERFLOW) != 0)
        agent->lifts.changed = true;
    if (event->wd != agent->lifts.wd || event->len == 0)
        return;
    if (sg_lift_read_name(&label, &key, sg_text_of(event->name)))
        agent->lifts.changed = true;
}

void sg_lifts_changed(struct sg_agent *agent)
{
    if (agent->lifts.changed)
        look(agent);
}
