/*
 * ask.h - what a reader and the agent say to each other over the agent's
 * socket (AF_UNIX, SOCK_SEQPACKET): one fixed-size packet a question, one an
 * answer. An answer carries no facts: it only says that it is time to look into the
 * store again. Both sides treat what comes as hostile: size, magic, version, and every text
 * terminated and valid.
 */
#ifndef SG_STORE_ASK_H
#define SG_STORE_ASK_H

#include "session/arn.h"
#include "store/store.h"

#define SG_ASK_MAGIC             0x71676731u
#define SG_KEY_REFETCH_WINDOW_MS 30000 /* at most one key fetch an issuer in this time */

enum sg_ask_kind {
    SG_ASK_ROLE = 1,   /* read this role of this account */
    SG_ASK_KEYS = 2,   /* fetch this issuer's keys (nobody waits) */
    SG_ASK_STATUS = 3, /* the agent's own state, for stsgatectl: answered by one JSON packet of at
                          most 64 KiB */
};

struct sg_question {
    uint32_t magic;
    uint32_t kind;                /* enum sg_ask_kind */
    uint64_t id;                  /* the asker's; comes back in the answer */
    char label[SG_LABEL_MAX + 1]; /* of the account or issuer in the configuration */
    char partition[33];
    char account[13];
    char role_name[SG_ROLE_NAME_MAX + 1]; /* as the session spells it: IAM may tell case apart */
    char zero;                            /* keeps the size even; always 0 */
};

struct sg_answer {
    uint32_t magic;
    int32_t status; /* 0: the store now tells; else a negative enum sg_error: it could not be found
                       out */
    uint64_t id;
};

/* Size, magic, kind, terminated and valid texts, zero padding. */
bool sg_question_valid(const void *packet, size_t length);

/*
 * Connects without blocking to the agent at `path` and checks with SO_PEERCRED that it runs as one
 * of `owners`, and that the socket is theirs and its folder may not be written by others (the
 * socket itself may: that is what lets gateways connect). A descriptor (non-blocking,
 * close-on-exec), or SG_E_ABSENT (nothing there, nobody listens), SG_E_UNTRUSTED, SG_E_BUSY (its
 * queue is full), SG_E_SYSTEM.
 */
int sg_ask_connect(const char *path, const struct sg_owners *owners);
/*
 * Listens at `path` (mode 0666, its folder writable by its owner alone and made when missing, a
 * dead socket there replaced). A descriptor (non-blocking, close-on-exec), or SG_E_BUSY: another
 * agent listens there, SG_E_UNTRUSTED, SG_E_SYSTEM.
 */
int sg_ask_listen(const char *path, struct sg_problems *problems);

#endif
