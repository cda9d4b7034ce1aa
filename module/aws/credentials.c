/*
 * credentials.c - a set of keys in memory: taken, copied, cleansed. Must never leave one in freed
 * memory.
 */
#include "aws/credentials.h"

#include "aws/provider.h"

#include <openssl/crypto.h>
#include <stdlib.h>

bool sg_key_text_valid(struct sg_text text)
{
    if (text.length == 0 || text.length > SG_KEY_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e)
            return false;
    }
    return true;
}

void sg_key_text_wipe(char **text)
{
    if (*text != NULL)
        OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

bool sg_key_text_take(char **into, struct sg_text text)
{
    sg_key_text_wipe(into);
    if (!sg_key_text_valid(text))
        return false;
    *into = sg_text_dup(text);
    return *into != NULL;
}

void sg_credentials_clear(struct sg_credentials *credentials)
{
    sg_key_text_wipe(&credentials->access_key_id);
    sg_key_text_wipe(&credentials->secret_access_key);
    sg_key_text_wipe(&credentials->session_token);
    credentials->expires_ms = 0;
}

int sg_credentials_copy(struct sg_credentials *into, const struct sg_credentials *from)
{
    struct sg_credentials copy = {.expires_ms = from->expires_ms};
    const bool good =
        sg_key_text_take(&copy.access_key_id, sg_text_of(from->access_key_id)) &&
        sg_key_text_take(&copy.secret_access_key, sg_text_of(from->secret_access_key)) &&
        (from->session_token == NULL ||
         sg_key_text_take(&copy.session_token, sg_text_of(from->session_token)));

    sg_credentials_clear(into);
    if (!good) {
        sg_credentials_clear(&copy);
        return SG_E_MEMORY;
    }
    *into = copy;
    return SG_OK;
}
