/*
 * questions.h - a reader's one connection to the agent and the questions that
 * are open on it. Never blocks; the agent's word is only that it is time to look again.
 */
#ifndef SG_GATE_QUESTIONS_H
#define SG_GATE_QUESTIONS_H

#include "config/config.h"
#include "store/ask.h"

#include <stsgate/stsgate.h>

struct sg_questions {
    int fd; /* -1: no connection */
    uint64_t last_id;
    size_t open; /* how many of waiting[] are in use */
    struct sg_waiting {
        uint64_t id; /* 0: free */
        void *payload;
        bool answered;
    } waiting[STSGATE_MAX_WAITING];
};

void sg_questions_init(struct sg_questions *questions);
void sg_questions_close(struct sg_questions *questions);
/* 0 or a negative enum stsgate_error. payload NULL: sent, but nobody waits for the answer. */
int sg_questions_ask(struct sg_questions *questions, const struct sg_config *config,
                     const struct sg_question *question, void *payload);
void *sg_questions_answered(struct sg_questions *questions);
void sg_questions_forget(struct sg_questions *questions, const void *payload);

#endif
