/*
 * token_keys.h - what the JWT of sts:GetWebIdentityToken tells of IAM's condition keys. Read only
 * when a statement asks, from a token whose signature has been verified; it borrows nothing of the
 * token once read.
 */
#ifndef SG_GATE_TOKEN_KEYS_H
#define SG_GATE_TOKEN_KEYS_H

#include "base/encoding.h"
#include "base/json.h"
#include "credential/jwt.h"
#include "policy/context.h"

#define SG_TOKEN_TAGS_MAX  64 /* a session has 50 at most (STS API reference, Tags) */
#define SG_TOKEN_PATHS_MAX 16

struct sg_token_keys {
    bool readable;                          /* else nothing is known */
    bool tags_lost, paths_lost;             /* more than fit */
    struct sg_json_item told[SG_KEY_COUNT]; /* key.data NULL: the token has no such claim */
    struct sg_json_item tags[SG_TOKEN_TAGS_MAX];
    size_t tag_count;
    struct sg_text paths[SG_TOKEN_PATHS_MAX];
    size_t path_count;
    unsigned char claims[SG_BASE64URL_SIZE(SG_CREDENTIAL_MAX)];
    size_t claims_length;
    char texts[1024]; /* values with escapes undone */
    size_t texts_used;
};

void sg_token_keys_read(struct sg_token_keys *keys, struct sg_text credential);
/* PRESENT or ABSENT for the keys that the table says a web identity token tells; else UNKNOWN. */
void sg_token_keys_ask(struct sg_key_values *values, struct sg_token_keys *keys, enum sg_key key,
                       struct sg_text name);
void sg_token_keys_wipe(struct sg_token_keys *keys);

#endif
