/*
 * questions.h - a reader's one connection to the agent and the questions that
 * are open on it. Never blocks; the agent's word is only that it is time to look again.
 */
#ifndef SG_GATE_QUESTIONS_H
#define SG_GATE_QUESTIONS_H

#include "config/config.h"
#include "gate/identity.h"
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
        bool identity;         /* the answer tells something of `asked` */
        struct sg_asked asked; /* SG_ASK_IDENTITY */
    } waiting[STSGATE_MAX_WAITING];
    /* Told what an answer says of a signed request, before the question counts as answered. */
    void (*told)(void *payload, const struct sg_asked *asked,
                 const struct sg_identity_answer *answer);
    void *payload; /* for told */
};

void sg_questions_init(struct sg_questions *questions);
void sg_questions_close(struct sg_questions *questions);
/* 0 or a negative enum stsgate_error. payload NULL: sent, but nobody waits for the answer. */
int sg_questions_ask(struct sg_questions *questions, const struct sg_config *config,
                     const struct sg_question *question, void *payload);
/* The same for SG_ASK_IDENTITY: `request` goes out behind the question. */
int sg_questions_ask_identity(struct sg_questions *questions, const struct sg_config *config,
                              const struct sg_question *question, struct sg_text request,
                              const struct sg_asked *asked, void *payload);
void *sg_questions_answered(struct sg_questions *questions);
void sg_questions_forget(struct sg_questions *questions, const void *payload);

#endif
