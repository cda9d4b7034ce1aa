/*
 * ask.h - what a reader and the agent say to each other over the agent's
 * socket (AF_UNIX, SOCK_SEQPACKET): one packet a question, one an answer. An answer
 * carries no facts, it only says that it is time to look into the store again; but who signed a
 * request stands in no store, so that answer tells what AWS said. Both sides treat what comes as
 * hostile: size, magic, version, and every text terminated and valid.
 */
#ifndef SG_STORE_ASK_H
#define SG_STORE_ASK_H

#include "session/arn.h"
#include "store/store.h"

#define SG_ASK_MAGIC             0x71676731u
#define SG_KEY_REFETCH_WINDOW_MS 30000 /* at most one key fetch an issuer in this time */

enum sg_ask_kind {
    SG_ASK_ROLE = 1,     /* read this role of this account */
    SG_ASK_KEYS = 2,     /* fetch this issuer's keys (nobody waits) */
    SG_ASK_STATUS = 3,   /* the agent's own state, for stsgatectl: answered by one JSON packet of at
                            most 64 KiB */
    SG_ASK_IDENTITY = 4, /* who signed the request behind the question, for this issuer */
    SG_ASK_USER = 5,     /* read this IAM user of this account; role_name is his */
};

/* SG_ASK_IDENTITY: behind the question stand where it comes from, as a number that clients near
 * each other share, and the request as sg_identity_pack() makes it. */
#define SG_ASK_REQUEST_MAX 8192
#define SG_ASK_PACKET_MAX  (sizeof(struct sg_question) + sizeof(uint64_t) + SG_ASK_REQUEST_MAX)

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

/* What AWS refused, which no later question will change: sg_answer.status. */
enum sg_identity_refusal {
    SG_IDENTITY_BAD_SIGNATURE = 1,
    SG_IDENTITY_EXPIRED,
    SG_IDENTITY_NO_ROLE,       /* neither a role's nor a user's: a root, a federated user */
    SG_IDENTITY_BAD_COMPANION, /* it is not of this session's role, or not signed well */
};

#define SG_COMPANION_DENIED (-1) /* AWS authorised it not */

/* What AWS said. Texts are empty unless the status is 0. A user's: his name and id (AIDA...) stand
 * in the role's place, and there is no session name. */
struct sg_identity_answer {
    struct sg_answer head; /* status: 0; enum sg_identity_refusal; negative: could not be asked */
    int64_t date_ms;       /* STS's Date */
    int64_t companion_ms;  /* IAM's Date of a GetRole that it authorised; 0: none was presented */
    int64_t issued_ms;     /* as the session token tells, where that counts; 0: not known */
    char account[13];
    char role_name[SG_ROLE_NAME_MAX + 1];
    char role_id[33];
    char session_name[65];
};

/* Size, magic, kind, terminated and valid texts, zero padding. */
bool sg_question_valid(const void *packet, size_t length);
/* The same of what stands in front of a request. */
bool sg_question_head_valid(const struct sg_question *question);
bool sg_identity_answer_valid(const struct sg_identity_answer *answer);

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
