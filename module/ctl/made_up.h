/*
 * made_up.h - a session and a request that the command line makes up, for `stsgatectl policy test`.
 */
#ifndef SG_CTL_MADE_UP_H
#define SG_CTL_MADE_UP_H

#include "ctl/ctl.h"
#include "policy/context.h"

#define MADE_UP_KEYS   64
#define MADE_UP_VALUES 256

struct made_up {
    struct sg_policy_request request; /* points into this struct, which must not move */
    struct sg_context_list list;
    struct sg_context_entry entries[MADE_UP_KEYS];
    struct sg_text values[MADE_UP_VALUES];
    size_t value_count;
    const char *kind_word;        /* --credential, NULL: keys that are not given are absent */
    enum sg_credential_kind kind; /* of kind_word */
};

/*
 * Takes every --context and --credential out of ctl->argv; all texts are borrowed from there. The
 * session was issued now unless they say otherwise. False after printing what is wrong.
 */
bool made_up_read(struct made_up *made_up, struct ctl *ctl);

#endif
