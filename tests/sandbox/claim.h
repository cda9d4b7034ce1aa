/*
 * What a signed request says of its own signature, before any of it is believed.
 */
#ifndef SB_CLAIM_H
#define SB_CLAIM_H

#include <stdbool.h>

struct sb_call;

/* What the client says it signed with. All owned but the borrowed token. */
struct sb_claim {
    bool presigned;
    char *key_id, *day, *region, *service; /* the credential's parts */
    char *signed_headers;
    char *signature;
    const char *date;  /* 20261124T100000Z */
    const char *token; /* NULL: none */
};

/* Reads the Authorization header or the presigned query. 0, or -1 with the error recorded. */
int sb_claim_read(struct sb_call *call, struct sb_claim *claim);
void sb_claim_free(struct sb_claim *claim);

#endif
