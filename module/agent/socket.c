/*
 * socket.c - gateways' connections. Anyone on this machine may connect and ask; what is asked is
 * checked, counted and capped, and nothing that comes over it is ever more than a wish that
 * something be read soon. One who does not read his answers is cut off.
 */
#include "agent/caller.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_OF_ONE_USER 256
#define WAITING_OF_CLIENT   512 /* twice what one reader may have open */
#define WAITING_OF_ALL      16384
#define PACKETS_A_TURN      64
#define STATUS_MAX          65536
#define ACCEPT_PAUSE_MS     1000

static void close_client(struct sg_agent *agent, size_t index)
{
    struct sg_client *client = &agent->clients[index];

    (void)close(client->fd);
    *client = (struct sg_client){.fd = -1};
}

void sg_socket_close_all(struct sg_agent *agent)
{
    for (size_t i = 0; i < agent->client_count; i++) {
        if (agent->clients[i].fd >= 0)
            close_client(agent, i);
    }
}

/* ---- accepting ---- */

static bool find_slot(struct sg_agent *agent, size_t *slot, unsigned uid)
{
    size_t of_user = 0;
    bool found = false;

    for (size_t i = 0; i < agent->client_count; i++) {
        if (agent->clients[i].fd >= 0) {
            of_user += agent->clients[i].uid == uid;
            continue;
        }
        if (!found)
            *slot = i;
        found = true;
    }
    return found && (uid == 0 || of_user < CLIENTS_OF_ONE_USER);
}

static void accept_again(void *payload)
{
    (void)payload; /* the loop watches the listener again as the timer is not set any more */
}

/* The connection stays in the queue, and the listener readable: watching it would spin. */
static void pause_accepting(struct sg_agent *agent, int error)
{
    unsigned left_out;

    if (sg_rated_tell(&agent->no_descriptor, agent, &left_out))
        sg_log(&agent->log, SG_LOG_WARNING,
               "socket=paused: %s; connections are accepted again in a second (%u times untold)",
               strerror(error), left_out);
    sg_timer_set(&agent->timers, &agent->accept_timer, sg_now_ms(agent) + ACCEPT_PAUSE_MS,
                 accept_again, NULL);
}

static bool accept_one(struct sg_agent *agent)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;
    size_t slot = 0;
    unsigned left_out;
    const int fd = accept4(agent->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            pause_accepting(agent, errno);
        return errno == ECONNABORTED || errno == EINTR;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        !find_slot(agent, &slot, peer.uid)) {
        if (sg_rated_tell(&agent->refused, agent, &left_out))
            sg_log(&agent->log, SG_LOG_WARNING,
                   "client=refused uid=%u: too many connections (%u more untold)",
                   (unsigned)peer.uid, left_out);
        (void)close(fd);
        return true;
    }
    agent->clients[slot] =
        (struct sg_client){.fd = fd, .serial = ++agent->next_serial, .uid = peer.uid};
    return true;
}

void sg_socket_accept(struct sg_agent *agent)
{
    for (int i = 0; i < PACKETS_A_TURN && accept_one(agent); i++)
        continue;
}

/* ---- answering ---- */

static void send_packet(struct sg_agent *agent, size_t index, const void *packet, size_t length)
{
    if (send(agent->clients[index].fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL) ==
        (ssize_t)length)
        return;
    close_client(agent, index);
}

static void answer_now(struct sg_agent *agent, size_t index, uint64_t id, int status)
{
    const struct sg_answer answer = {.magic = SG_ASK_MAGIC, .status = status, .id = id};

    send_packet(agent, index, &answer, sizeof answer);
}

void sg_waiter_tell(struct sg_agent *agent, const struct sg_waiter *waiter, const void *packet,
                    size_t length)
{
    struct sg_client *client = &agent->clients[waiter->client];

    agent->waiting--;
    if (client->fd < 0 || client->serial != waiter->serial)
        return;
    client->waiting--;
    send_packet(agent, waiter->client, packet, length);
}

void sg_waiter_answer(struct sg_agent *agent, const struct sg_waiter *waiter, int status)
{
    const struct sg_answer answer = {.magic = SG_ASK_MAGIC, .status = status, .id = waiter->id};

    sg_waiter_tell(agent, waiter, &answer, sizeof answer);
}

void sg_waiters_answer(struct sg_agent *agent, struct sg_waiters *waiters, int status)
{
    for (size_t i = 0; i < waiters->count; i++)
        sg_waiter_answer(agent, &waiters->items[i], status);
    waiters->count = 0;
}

int sg_waiters_add(struct sg_waiters *waiters, const struct sg_waiter *waiter)
{
    if (waiters->count == waiters->size) {
        const size_t size = waiters->size == 0 ? 4 : waiters->size * 2;
        struct sg_waiter *larger = reallocarray(waiters->items, size, sizeof *larger);
        if (larger == NULL)
            return SG_E_MEMORY;
        waiters->items = larger;
        waiters->size = size;
    }
    waiters->items[waiters->count++] = *waiter;
    return SG_OK;
}

void sg_waiters_clear(struct sg_waiters *waiters)
{
    free(waiters->items);
    *waiters = (struct sg_waiters){0};
}

/* ---- reading ---- */

static void answer_status(struct sg_agent *agent, size_t index)
{
    struct sg_buffer json = {.limit = STATUS_MAX};

    sg_status_write(&json, agent);
    if (!json.failed)
        send_packet(agent, index, json.data, json.length);
    else
        close_client(agent, index);
    sg_buffer_clear(&json);
}

/* rest: what came behind the question. */
static void take_question(struct sg_agent *agent, size_t index, const struct sg_question *question,
                          struct sg_text rest)
{
    struct sg_client *client = &agent->clients[index];
    const struct sg_waiter waiter = {
        .client = index, .serial = client->serial, .id = question->id, .question = *question};

    if (question->kind == SG_ASK_STATUS) {
        answer_status(agent, index);
        return;
    }
    if (client->waiting >= WAITING_OF_CLIENT || agent->waiting >= WAITING_OF_ALL) {
        answer_now(agent, index, question->id, SG_E_BUSY);
        return;
    }
    client->waiting++;
    agent->waiting++;
    if (question->kind == SG_ASK_ROLE || question->kind == SG_ASK_USER)
        sg_ask_role(agent, &waiter, false);
    else if (question->kind == SG_ASK_IDENTITY)
        sg_ask_identity(agent, &waiter, rest);
    else
        sg_ask_keys(agent, &waiter);
}

static void close_invalid(struct sg_agent *agent, size_t index)
{
    unsigned left_out;

    if (sg_rated_tell(&agent->closed, agent, &left_out))
        sg_log(&agent->log, SG_LOG_WARNING,
               "client=closed uid=%u: sent what is no question (%u more untold)",
               agent->clients[index].uid, left_out);
    close_client(agent, index);
}

void sg_socket_read(struct sg_agent *agent, size_t index)
{
    const uint64_t serial = agent->clients[index].serial;

    for (int i = 0; i < PACKETS_A_TURN; i++) {
        struct sg_question question;
        char packet[SG_ASK_PACKET_MAX + 1]; /* one more, so that a longer one shows */
        const struct sg_client *client = &agent->clients[index];

        if (client->fd < 0 || client->serial != serial)
            return;
        const ssize_t length = recv(client->fd, packet, sizeof packet, MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (length <= 0) {
            close_client(agent, index);
            return;
        }
        if (!sg_question_valid(packet, (size_t)length)) {
            close_invalid(agent, index);
            return;
        }
        memcpy(&question, packet, sizeof question);
        take_question(agent, index, &question,
                      (struct sg_text){packet + sizeof question, (size_t)length - sizeof question});
        if (question.kind == SG_ASK_IDENTITY)
            OPENSSL_cleanse(packet, (size_t)length);
    }
}
