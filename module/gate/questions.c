/*
 * questions.c - asking the agent. Sends one packet a question and reads one an
 * answer; a connection that fails answers every question at once, since then
 * there is nothing left to wait for.
 */
#include "gate/questions.h"

#include "base/error.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_PACKETS_A_READ 512

void sg_questions_init(struct sg_questions *questions)
{
    memset(questions, 0, sizeof(*questions));
    questions->fd = -1;
}

static void hang_up(struct sg_questions *questions)
{
    if (questions->fd >= 0)
        close(questions->fd);
    questions->fd = -1;
    for (size_t i = 0; i < STSGATE_MAX_WAITING; i++)
        questions->waiting[i].answered = questions->waiting[i].id != 0;
}

void sg_questions_close(struct sg_questions *questions)
{
    if (questions->fd >= 0)
        close(questions->fd);
    questions->fd = -1;
    memset(questions->waiting, 0, sizeof(questions->waiting));
    questions->open = 0;
}

static int send_question(struct sg_questions *questions, const struct sg_config *config,
                         const struct sg_question *question, struct sg_text request)
{
    struct sg_question head = *question;
    struct iovec parts[] = {{&head, sizeof(head)},
                            {(void *)(uintptr_t)request.data, request.length}};
    const struct msghdr packet = {.msg_iov = parts, .msg_iovlen = request.length == 0 ? 1 : 2};
    const ssize_t whole = (ssize_t)(sizeof(head) + request.length);

    /* A connection that the agent closed meanwhile is found out here: once more on a new one. */
    for (int attempt = 0; attempt < 2; attempt++) {
        if (questions->fd < 0) {
            if (questions->open > 0 && attempt > 0)
                return STSGATE_E_AGENT; /* the lost ones are to be read out first */
            questions->fd = sg_ask_connect(config->socket, &config->owners);
        }
        if (questions->fd < 0) {
            questions->fd = -1;
            return STSGATE_E_AGENT;
        }
        if (sendmsg(questions->fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) == whole)
            return 0;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            return STSGATE_E_BUSY;
        hang_up(questions);
    }
    return STSGATE_E_AGENT;
}

static int ask(struct sg_questions *questions, const struct sg_config *config,
               const struct sg_question *question, struct sg_text request,
               const struct sg_waiting *waiting)
{
    struct sg_question sent = *question;
    struct sg_waiting *free_one = NULL;
    int error;

    for (size_t i = 0; waiting->payload != NULL && i < STSGATE_MAX_WAITING && free_one == NULL;
         i++) {
        if (questions->waiting[i].id == 0)
            free_one = &questions->waiting[i];
    }
    if (waiting->payload != NULL && free_one == NULL)
        return STSGATE_E_BUSY;
    sent.id = ++questions->last_id;
    error = send_question(questions, config, &sent, request);
    if (error != 0 || waiting->payload == NULL)
        return error;
    *free_one = *waiting;
    free_one->id = sent.id;
    questions->open++;
    return 0;
}

int sg_questions_ask(struct sg_questions *questions, const struct sg_config *config,
                     const struct sg_question *question, void *payload)
{
    const struct sg_waiting waiting = {.payload = payload};

    return ask(questions, config, question, (struct sg_text){0}, &waiting);
}

int sg_questions_ask_identity(struct sg_questions *questions, const struct sg_config *config,
                              const struct sg_question *question, struct sg_text request,
                              const struct sg_asked *asked, void *payload)
{
    const struct sg_waiting waiting = {.payload = payload, .identity = true, .asked = *asked};

    return ask(questions, config, question, request, &waiting);
}

/* Facts are for questions that asked for facts, and errors are for any. */
static void take_answer(struct sg_questions *questions, const struct sg_identity_answer *answer,
                        bool facts)
{
    for (size_t i = 0; answer->head.id != 0 && i < STSGATE_MAX_WAITING; i++) {
        struct sg_waiting *waiting = &questions->waiting[i];

        if (waiting->id != answer->head.id || waiting->answered)
            continue;
        if (waiting->identity && (facts || answer->head.status < 0) && questions->told != NULL)
            questions->told(questions->payload, &waiting->asked, answer);
        waiting->answered = true;
    }
}

static void read_answers(struct sg_questions *questions)
{
    for (size_t n = 0; questions->fd >= 0 && n < MAX_PACKETS_A_READ; n++) {
        struct sg_identity_answer answer = {0};
        ssize_t length = recv(questions->fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);
        const bool facts = length == (ssize_t)sizeof(answer);

        if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if ((length != (ssize_t)sizeof(answer.head) && !facts) ||
            answer.head.magic != SG_ASK_MAGIC) {
            hang_up(questions);
            return;
        }
        take_answer(questions, &answer, facts);
    }
}

void *sg_questions_answered(struct sg_questions *questions)
{
    read_answers(questions);
    for (size_t i = 0; questions->open > 0 && i < STSGATE_MAX_WAITING; i++) {
        struct sg_waiting *waiting = &questions->waiting[i];

        if (waiting->id != 0 && waiting->answered) {
            void *payload = waiting->payload;

            *waiting = (struct sg_waiting){0};
            questions->open--;
            return payload;
        }
    }
    return NULL;
}

void sg_questions_forget(struct sg_questions *questions, const void *payload)
{
    for (size_t i = 0; i < STSGATE_MAX_WAITING; i++) {
        if (questions->waiting[i].id != 0 && questions->waiting[i].payload == payload) {
            questions->waiting[i] = (struct sg_waiting){0};
            questions->open--;
        }
    }
}
