/*
 * extras.c - what policies of one's own do to the records of an account's roles, and when their
 * folder is read. Must never forget one that could not be read: extras_read.c makes it a statement
 * that counts as matching.
 */
#include "agent/extras.h"

#include "agent/agent.h"
#include "agent/extras_set.h"

#include <stdlib.h>
#include <sys/inotify.h>

#define WATCHED                                                                                    \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct sg_extras {
    struct sg_extra_set set;
    uint64_t reads; /* how often the folder was read */
    bool changed;
    int *watches;
    size_t watch_count;
};

int sg_extras_open(struct sg_agent_account *account)
{
    if (account->config->extra_policies == NULL)
        return SG_OK;
    account->extras = sg_alloc(1, sizeof *account->extras);
    return account->extras == NULL ? SG_E_MEMORY : SG_OK;
}

static void unwatch(struct sg_agent_account *account)
{
    for (size_t i = 0; i < account->extras->watch_count; i++)
        (void)inotify_rm_watch(account->agent->inotify_fd, account->extras->watches[i]);
    free(account->extras->watches);
    account->extras->watches = NULL;
    account->extras->watch_count = 0;
}

void sg_extras_close(struct sg_agent_account *account)
{
    if (account->extras == NULL)
        return;
    unwatch(account);
    sg_extra_set_clear(&account->extras->set);
    free(account->extras);
    account->extras = NULL;
}

/* ---- watching ---- */

static void watch(struct sg_agent_account *account, struct sg_text folder)
{
    struct sg_extras *extras = account->extras;
    struct sg_buffer path = {0};
    int wd = -1;

    sg_buffer_addf(&path, "%s/%.*s", account->config->extra_policies, SG_TEXT_ARG(folder));
    if (!path.failed)
        wd = inotify_add_watch(account->agent->inotify_fd, path.data, WATCHED);
    sg_buffer_clear(&path);
    if (wd < 0)
        return; /* the next round reads it anyway */
    int *more = reallocarray(extras->watches, extras->watch_count + 1, sizeof *more);
    if (more == NULL)
        return;
    extras->watches = more;
    extras->watches[extras->watch_count++] = wd;
}

/* Before they are read: what changes meanwhile is noticed. */
static void watch_all(struct sg_agent_account *account, const struct sg_extra_set *set)
{
    unwatch(account);
    watch(account, SG_TEXT(""));
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].folder != NULL)
            watch(account, sg_text_of(set->items[i].folder));
    }
}

void sg_extras_note(struct sg_agent_account *account, const struct inotify_event *event)
{
    struct sg_extras *extras = account->extras;

    if (extras == NULL)
        return;
    if ((event->mask & IN_Q_OVERFLOW) != 0)
        extras->changed = true;
    for (size_t i = 0; i < extras->watch_count; i++) {
        if (extras->watches[i] == event->wd && (event->mask & IN_IGNORED) == 0)
            extras->changed = true;
    }
}

void sg_extras_changed(struct sg_agent_account *account)
{
    if (account->extras != NULL && account->extras->changed)
        sg_extras_read(account);
}

/* ---- roles ---- */

int sg_extras_join(struct sg_reading *reading, struct sg_buffer *room,
                   const struct sg_agent_account *account, const struct sg_role *role)
{
    const struct sg_extras *extras = account->extras;

    if (extras == NULL)
        return SG_OK;
    if (extras->reads == 0) /* memory ended when they were read: there may be some */
        return SG_E_MEMORY;
    sg_extra_set_add(room, &extras->set, sg_text_of(role->key));
    reading->extras = sg_buffer_text(room);
    reading->extras_again = role->extras_reads == extras->reads;
    return room->failed ? SG_E_MEMORY : SG_OK;
}

void sg_extras_joined(const struct sg_agent_account *account, struct sg_role *role)
{
    if (account->extras != NULL)
        role->extras_reads = account->extras->reads;
}

/* What IAM said of them last stays as it is. */
static void take_all(struct sg_agent_account *account)
{
    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        const struct sg_reading reading = {
            .aws_ms = sg_clock_wall_ms(account->agent->clock),
            .extras_only = true,
        };
        struct sg_record record;
        char where[192];

        if (!sg_role_record(&record, role) || record.state != SG_ROLE_PRESENT)
            continue;
        if (sg_account_take(account, role, &reading) == SG_OK)
            continue;
        sg_log(&account->agent->log, SG_LOG_ERROR,
               "%s problem=extra policies are too much for one record, or memory ended",
               sg_account_where(where, sizeof where, account, role->key));
        /* Without them it must not pass for one that was read whole. */
        sg_account_take_stale(account, role, "its extra policies could not be taken");
    }
    if (account->published)
        (void)sg_publish_account(account);
}

void sg_extras_read(struct sg_agent_account *account)
{
    struct sg_extras *extras = account->extras;
    struct sg_problems problems = {0};
    struct sg_extra_set fresh = {0};

    if (extras == NULL)
        return;
    extras->changed = false;
    int error = sg_extra_set_list(&fresh, account, &problems);
    if (error == SG_OK) {
        watch_all(account, &fresh);
        error = sg_extra_set_read(&fresh, account, &problems);
    }
    if (error != SG_OK) {
        extras->changed = true; /* the next word of inotify, or the next round, reads it again */
        sg_log(&account->agent->log, SG_LOG_ERROR,
               "account=%s problem=extra policies could not be read, memory ended; those of before "
               "stay",
               account->config->label);
        sg_log_problems(account->agent, SG_LOG_WARNING, account->config->label, &problems);
        goto out;
    }
    const bool changed = extras->reads == 0 || !sg_extra_set_equal(&fresh, &extras->set);
    extras->reads++;
    if (!changed)
        goto out;
    sg_log_problems(account->agent, SG_LOG_WARNING, account->config->label, &problems);
    sg_extra_set_clear(&extras->set);
    extras->set = fresh;
    fresh = (struct sg_extra_set){0};
    take_all(account);
out:
    sg_problems_clear(&problems);
    sg_extra_set_clear(&fresh);
}
