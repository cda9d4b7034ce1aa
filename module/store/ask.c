/*
 * ask.c - the agent's socket: checking questions, connecting, listening. Whoever may connect may
 * send anything, so nothing in a packet is believed before sg_question_valid(); and a gateway talks
 * only to an agent that runs as the user it expects.
 */
#include "store/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The layout has no holes, so that nothing of the asker's memory leaks through it. */
_Static_assert(sizeof(struct sg_question) == 176, "a question is a wire format");
_Static_assert(sizeof(struct sg_answer) == 16, "an answer is a wire format");
_Static_assert(sizeof(struct sg_identity_answer) == 216, "an answer is a wire format");

enum { WAITING_CONNECTIONS = 128 };

/* A terminated text with nothing behind its end. False otherwise. */
static bool take_text(struct sg_text *text, const char *field, size_t size)
{
    text->data = field;
    text->length = strnlen(field, size);
    for (size_t i = text->length; i < size; i++) {
        if (field[i] != '\0')
            return false;
    }
    return text->length < size;
}

static bool role_name_valid(struct sg_text name)
{
    char folded[SG_ROLE_NAME_MAX + 1];

    return sg_role_name_fold(folded, name);
}

bool sg_question_head_valid(const struct sg_question *question)
{
    struct sg_text label, partition, account, role_name;

    if (question->magic != SG_ASK_MAGIC || question->zero != 0)
        return false;
    if (!take_text(&label, question->label, sizeof question->label) ||
        !take_text(&partition, question->partition, sizeof question->partition) ||
        !take_text(&account, question->account, sizeof question->account) ||
        !take_text(&role_name, question->role_name, sizeof question->role_name))
        return false;

    const bool no_role = partition.length == 0 && account.length == 0 && role_name.length == 0;
    switch (question->kind) {
    case SG_ASK_ROLE:
    case SG_ASK_USER:
        return sg_label_valid(label) && sg_partition_valid(partition) &&
               (account.length == 0 || sg_account_id_valid(account)) && role_name_valid(role_name);
    case SG_ASK_KEYS:
    case SG_ASK_IDENTITY:
        return sg_label_valid(label) && no_role;
    case SG_ASK_STATUS:
        return label.length == 0 && no_role;
    default:
        return false;
    }
}

bool sg_question_valid(const void *packet, size_t length)
{
    const size_t head = sizeof(struct sg_question) + sizeof(uint64_t);
    struct sg_question question;

    if (length < sizeof question)
        return false;
    memcpy(&question, packet, sizeof question);
    if (!sg_question_head_valid(&question))
        return false;
    if (question.kind != SG_ASK_IDENTITY)
        return length == sizeof question;
    return length > head && length <= SG_ASK_PACKET_MAX;
}

static bool id_valid(struct sg_text id, struct sg_text prefix)
{
    for (size_t i = 0; i < id.length; i++) {
        if (!((id.data[i] >= 'A' && id.data[i] <= 'Z') || (id.data[i] >= '0' && id.data[i] <= '9')))
            return false;
    }
    return id.length > prefix.length && sg_text_starts(id, prefix);
}

/* A role's session has a name, a user's has none: nobody is both. */
static bool principal_valid(struct sg_text id, struct sg_text session_name)
{
    return session_name.length == 0
               ? id_valid(id, SG_TEXT("AIDA"))
               : id_valid(id, SG_TEXT("AROA")) && sg_session_name_valid(session_name);
}

bool sg_identity_answer_valid(const struct sg_identity_answer *answer)
{
    struct sg_text account, role_name, role_id, session_name;

    if (answer->head.magic != SG_ASK_MAGIC ||
        !take_text(&account, answer->account, sizeof answer->account) ||
        !take_text(&role_name, answer->role_name, sizeof answer->role_name) ||
        !take_text(&role_id, answer->role_id, sizeof answer->role_id) ||
        !take_text(&session_name, answer->session_name, sizeof answer->session_name))
        return false;
    if (answer->head.status != 0)
        return account.length + role_name.length + role_id.length + session_name.length == 0;
    return sg_account_id_valid(account) && role_name_valid(role_name) &&
           principal_valid(role_id, session_name) && answer->date_ms > 0 &&
           answer->companion_ms >= SG_COMPANION_DENIED && answer->issued_ms >= 0 &&
           answer->issued_ms <= (int64_t)UINT32_MAX * 1000;
}

/* ---- the socket ---- */

static bool set_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return path[0] == '/' &&
           sg_text_copy(address->sun_path, sizeof address->sun_path, sg_text_of(path));
}

/* The folder that holds the socket. */
static bool folder_of(char *folder, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return false;
    const size_t length = slash == path ? 1 : (size_t)(slash - path);
    return sg_text_copy(folder, size, (struct sg_text){path, length});
}

/* Whoever may write the folder may put a socket of his own in place of the agent's. */
static bool folder_trusted(const char *path, const struct sg_owners *owners)
{
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path];
    struct stat info;

    return folder_of(folder, sizeof folder, path) && stat(folder, &info) == 0 &&
           S_ISDIR(info.st_mode) && sg_owner_trusted(owners, info.st_uid) &&
           (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool peer_trusted(int file, const struct sg_owners *owners)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return getsockopt(file, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           length == sizeof peer && sg_owner_trusted(owners, peer.uid);
}

static int connect_error(void)
{
    switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
        return SG_E_ABSENT;
    case EAGAIN: /* unix(7): the listener's queue is full */
        return SG_E_BUSY;
    default:
        return SG_E_SYSTEM;
    }
}

int sg_ask_connect(const char *path, const struct sg_owners *owners)
{
    struct sockaddr_un address;
    struct stat info;
    int status = SG_E_SYSTEM;

    if (!set_address(&address, path)) {
        errno = ENAMETOOLONG;
        return SG_E_SYSTEM;
    }
    if (lstat(path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR ? SG_E_ABSENT : SG_E_SYSTEM;
    if (!S_ISSOCK(info.st_mode) || !sg_owner_trusted(owners, info.st_uid) ||
        !folder_trusted(path, owners))
        return SG_E_UNTRUSTED;

    const int file = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file < 0)
        return SG_E_SYSTEM;
    if (connect(file, (const struct sockaddr *)&address, sizeof address) != 0)
        status = connect_error();
    else if (!peer_trusted(file, owners))
        status = SG_E_UNTRUSTED;
    else
        return file;
    const int saved = errno;
    (void)close(file);
    errno = saved;
    return status;
}

/* The folder must be ours (or root's) alone. */
static int prepare_folder(const char *path, struct sg_problems *problems)
{
    const struct sg_owners mine = {{geteuid()}, 1};
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path];

    if (!folder_of(folder, sizeof folder, path))
        return SG_E_SYSTEM;
    if (mkdir(folder, 0755) == 0) {
        if (chmod(folder, 0755) != 0)
            return SG_E_SYSTEM;
    } else if (errno != EEXIST) {
        sg_problem(problems, folder, 0, "cannot be made: %m");
        return SG_E_SYSTEM;
    }
    if (folder_trusted(path, &mine))
        return SG_OK;
    sg_problem(problems, folder, 0,
               "must be a folder of root or of this agent's user (uid %lu), writable by its owner "
               "alone: gateways refuse a socket in it otherwise",
               (unsigned long)geteuid());
    return SG_E_UNTRUSTED;
}

/* Removes a socket that nobody listens on any more; never anything else. */
static int clear_dead(const struct sockaddr_un *address, struct sg_problems *problems)
{
    const char *path = address->sun_path;
    struct stat info;

    if (lstat(path, &info) != 0)
        return errno == ENOENT ? SG_OK : SG_E_SYSTEM;
    if (!S_ISSOCK(info.st_mode)) {
        sg_problem(problems, path, 0, "is there already and is not a socket; remove it");
        return SG_E_UNTRUSTED;
    }
    const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return SG_E_SYSTEM;
    const bool dead = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 &&
                      errno == ECONNREFUSED;
    (void)close(probe);
    if (!dead) {
        sg_problem(problems, path, 0,
                   "another program listens there; stop it, or set another socket");
        return SG_E_BUSY;
    }
    return unlink(path) == 0 || errno == ENOENT ? SG_OK : SG_E_SYSTEM;
}

int sg_ask_listen(const char *path, struct sg_problems *problems)
{
    struct sockaddr_un address;

    if (!set_address(&address, path)) {
        sg_problem(problems, path, 0,
                   "can't be a socket: an absolute path of at most %zu bytes is expected",
                   sizeof address.sun_path - 1);
        return SG_E_INVALID;
    }
    int status = prepare_folder(path, problems);
    if (status == SG_OK)
        status = clear_dead(&address, problems);
    if (status != SG_OK)
        return status;

    const int file = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Mode 0666 is the right to connect; the folder is what nobody else may write. */
    if (file >= 0 && bind(file, (const struct sockaddr *)&address, sizeof address) == 0 &&
        chmod(path, 0666) == 0 && listen(file, WAITING_CONNECTIONS) == 0)
        return file;
    sg_problem(problems, path, 0, "cannot be listened on: %m");
    if (file >= 0)
        (void)close(file);
    return SG_E_SYSTEM;
}
