/*
 * credentials.h - whose keys sign the agent's requests: AWS's environment variables, then AWS's
 * shared files. Only keys that stand there are read; a profile that names another way to get
 * them is refused by name, never passed over.
 */
#ifndef SG_AWS_CREDENTIALS_H
#define SG_AWS_CREDENTIALS_H

#include "base/error.h"

/* Zero it to start. The texts are its own. */
struct sg_credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: long-term keys */
};

/*
 * `profile` NULL: AWS_ACCESS_KEY_ID and its kin, else the profile AWS_PROFILE names, else
 * "default". A profile named here skips the environment's keys, as AWS's own tools do.
 * AWS_SHARED_CREDENTIALS_FILE wins over AWS_CONFIG_FILE, key by key. SG_OK; SG_E_ABSENT: there are
 * none; SG_E_INVALID: some, but not whole or not of a kind this version reads; problems say which
 * file and what to do. Replaces what *credentials held.
 */
int sg_credentials_load(struct sg_credentials *credentials, const char *profile,
                        struct sg_problems *problems);

/* Cleanses, then frees. */
void sg_credentials_clear(struct sg_credentials *credentials);

#endif
