/*
 * fetch.h - what the two halves of reading one role or user share: fetch.c begins, joins and ends
 * reads, fetch_read.c asks IAM.
 */
#ifndef SG_AGENT_FETCH_H
#define SG_AGENT_FETCH_H

#include "agent/agent.h"

struct sg_names {
    char **items;
    size_t count;
};

struct sg_fetch {
    struct sg_fetch *next;
    struct sg_agent_account *account;
    struct sg_role *role;
    bool user;                       /* an IAM user's record it is */
    char name[SG_ROLE_NAME_MAX + 1]; /* of either */
    bool running, asked, in_round;
    unsigned restarts;
    struct sg_waiters waiters;
    struct sg_reread *rereads; /* this read answers them */
    struct sg_reread *late;    /* came while it ran: the next read does */
    struct sg_call call;
    struct sg_iam_page page;
    struct sg_managed_read read;
    bool reading;
    char arn[SG_ARN_MAX + 1];
    char role_id[40];
    char finder[SG_KEY_ID_MAX + 1]; /* id of the keys to which IAM showed no such role */
    char boundary[SG_ARN_MAX * 2];
    int64_t created_ms;
    bool whole, denied;
    struct sg_names inlines, attached; /* inlines: of the subject that is read */
    struct sg_names groups;            /* whose members inherit their policies */
    bool groups_listed;
    size_t group_at; /* behind the one that is read; 0: the role or user itself is */
    unsigned pages;  /* of either list that were not the last */
    size_t at;       /* of inlines, then of attached */
    struct sg_buffer statements;
    int64_t began_boot_ms, first_aws_ms, last_aws_ms;
};

/* The call that every read begins with. */
const char *sg_fetch_first(const struct sg_fetch *fetch);
/* Asks for the role from the start; what was read before is forgotten. */
void sg_fetch_read(struct sg_fetch *fetch);
/* Frees what was read. */
void sg_fetch_clear(struct sg_fetch *fetch);
/* The read is over, and *fetch with it. why: for the log unless SG_FETCH_GOOD. */
void sg_fetch_end(struct sg_fetch *fetch, enum sg_fetch_result result, const char *why);

#endif
