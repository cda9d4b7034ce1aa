/*
 * drop.c - an agent that root has started goes on as the user of [agent], before it reads anything
 * that came over a network. Must never give a folder away that it has not made itself: the
 * configuration may name one that others use too.
 */
#include "agent/agent.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct passwd *find_user(const char *name)
{
    uint64_t number;

    if (sg_text_to_uint(&number, sg_text_of(name), UINT32_MAX - 1))
        return getpwuid((uid_t)number);
    return getpwnam(name);
}

/* As long as it does not exist; else its owner is the administrator's business. */
static bool make_folder(const struct sg_agent *agent, const char *path, const struct passwd *user)
{
    if (mkdir(path, 0755) != 0)
        return errno == EEXIST;
    if (lchown(path, user->pw_uid, user->pw_gid) == 0)
        return true;
    sg_log(&agent->log, SG_LOG_ERROR, "problem=%s can't be given to user %s: %s", path,
           user->pw_name, strerror(errno));
    return false;
}

static bool make_folders(const struct sg_agent *agent, const struct passwd *user)
{
    char *folder = strdup(agent->config->socket);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    bool good = slash != NULL;

    if (good && slash != folder) {
        *slash = '\0';
        good = make_folder(agent, folder, user);
    }
    free(folder);
    return good && make_folder(agent, agent->config->state, user);
}

static bool become(const struct passwd *user)
{
    return initgroups(user->pw_name, user->pw_gid) == 0 &&
           setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0 && setuid(0) != 0 &&
           geteuid() == user->pw_uid && getegid() == user->pw_gid;
}

int sg_drop_root(const struct sg_agent *agent)
{
    if (geteuid() != 0)
        return SG_OK;
    const struct passwd *user = find_user(agent->config->user);
    if (user == NULL) {
        sg_log(&agent->log, SG_LOG_ERROR,
               "problem=[agent] says user = %s, and there is none: make it, or name another",
               agent->config->user);
        return SG_E_UNTRUSTED;
    }
    if (user->pw_uid == 0)
        return SG_OK; /* the administrator's own choice */
    if (!make_folders(agent, user))
        return SG_E_SYSTEM;
    if (!become(user)) {
        sg_log(&agent->log, SG_LOG_ERROR, "problem=can't become user %s: %s", user->pw_name,
               strerror(errno));
        return SG_E_SYSTEM;
    }
    (void)setenv("HOME", user->pw_dir, 1); /* where AWS's shared files are looked for */
    sg_log(&agent->log, SG_LOG_NOTICE, "user=%s: not root any more", user->pw_name);
    return SG_OK;
}
