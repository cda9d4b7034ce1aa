/*
 * wait.c - what a host does with STSGATE_UNDECIDED: ask the agent, without
 * blocking or, for hosts that may, until a deadline.
 */
#include "base/file.h"
#include "gate/gate.h"

#include <poll.h>

static const struct sg_question *question_of(struct sg_question *question,
                                             const struct stsgate_result *result)
{
    if (result == NULL || result->size < sizeof(*result) || result->verdict != STSGATE_UNDECIDED)
        return NULL;
    memcpy(question, result->want, sizeof(*question));
    return sg_question_head_valid(question) ? question : NULL;
}

/* At most one question for an issuer's keys in a window, however many tokens name unknown ones. */
static bool keys_asked_lately(struct stsgate_reader *reader, const struct sg_question *question)
{
    const struct sg_config *config = reader->gate->config;
    int64_t boot_ms = sg_clock_boot_ms(&reader->gate->clock);

    for (size_t i = 0; i < config->issuer_count; i++) {
        struct sg_issuer_view *view = &reader->issuers[i];

        if (strcmp(config->issuers[i].label, question->label) != 0)
            continue;
        if (view->asked_boot_ms != 0 && boot_ms - view->asked_boot_ms < SG_KEY_REFETCH_WINDOW_MS)
            return true;
        view->asked_boot_ms = boot_ms;
    }
    return false;
}

int stsgate_ask(struct stsgate_reader *reader, const struct stsgate_result *result, void *payload)
{
    struct sg_question question;
    int error;

    if (reader == NULL || payload == NULL || question_of(&question, result) == NULL)
        return STSGATE_E_ARGUMENT;
    if (question.kind == SG_ASK_IDENTITY)
        return sg_identity_ask(reader, &question, result, payload);
    if (question.kind == SG_ASK_ROLE || question.kind == SG_ASK_USER)
        return sg_questions_ask(&reader->questions, reader->gate->config, &question, payload);
    if (keys_asked_lately(reader, &question))
        return 1;
    error = sg_questions_ask(&reader->questions, reader->gate->config, &question, NULL);
    return error == 0 ? 1 : error;
}

int stsgate_fd(const struct stsgate_reader *reader)
{
    return reader == NULL ? -1 : reader->questions.fd;
}

void *stsgate_answered(struct stsgate_reader *reader)
{
    return reader == NULL ? NULL : sg_questions_answered(&reader->questions);
}

void stsgate_forget(struct stsgate_reader *reader, const void *payload)
{
    if (reader != NULL)
        sg_questions_forget(&reader->questions, payload);
}

/* Until the answer to `payload`'s question, the connection's end or the deadline. */
static bool answered_in_time(struct stsgate_reader *reader, const void *payload,
                             int64_t deadline_ms)
{
    for (;;) {
        struct pollfd watched = {.fd = stsgate_fd(reader), .events = POLLIN};
        int64_t left_ms = deadline_ms - sg_clock_boot_ms(&sg_clock_system);
        void *came;

        while ((came = stsgate_answered(reader)) != NULL) {
            if (came == payload)
                return true;
        }
        if (left_ms <= 0 || watched.fd < 0)
            return false;
        (void)poll(&watched, 1, left_ms > 1000 ? 1000 : (int)left_ms);
    }
}

/* Sends what `result` wants to know; `question` stands for whoever waits. */
static int ask_of(struct stsgate_reader *reader, const struct stsgate_result *result,
                  struct sg_question *question)
{
    if (question->kind == SG_ASK_IDENTITY)
        return sg_identity_ask(reader, question, result, question);
    if (question->kind == SG_ASK_KEYS && keys_asked_lately(reader, question))
        return STSGATE_E_BUSY;
    return sg_questions_ask(&reader->questions, reader->gate->config, question, question);
}

enum stsgate_verdict stsgate_wait(struct stsgate_result *result, struct stsgate_reader *reader,
                                  const struct stsgate_request *request, unsigned timeout_ms)
{
    int64_t deadline_ms = sg_clock_boot_ms(&sg_clock_system) + timeout_ms;
    struct stsgate_request last;
    struct sg_question question;
    enum stsgate_verdict verdict = stsgate_check(result, reader, request);
    unsigned asked = 0; /* a bit a kind: who signed it may be followed by his role, never itself */

    while (verdict == STSGATE_UNDECIDED && question_of(&question, result) != NULL &&
           (asked & 1u << question.kind) == 0) {
        asked |= 1u << question.kind;
        if (ask_of(reader, result, &question) != 0)
            break;
        if (!answered_in_time(reader, &question, deadline_ms)) {
            stsgate_forget(reader, &question);
            break;
        }
        verdict = stsgate_check(result, reader, request);
    }
    if (verdict != STSGATE_UNDECIDED)
        return verdict;
    last = *request;
    last.last = true;
    return stsgate_check(result, reader, &last);
}
