/*
 * fuzz_bearer.c - what the nginx module takes from a header, held against a reading byte by byte.
 * The first byte says whether the word Bearer may be missing.
 */
#include "hosts/nginx/ngx_http_stsgate_bearer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool is_bearer(const char *value, size_t size)
{
    static const char word[] = "bearer";

    for (size_t i = 0; i < 6; i++)
        if (i == size || (value[i] | 0x20) != word[i])
            return false;
    return size == 6 || value[6] == ' ';
}

static bool is_odd(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f || text[i] == ',')
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *value = (const char *)data + 1, *credential = NULL;
    size_t length = 1;

    if (size == 0)
        return 0;
    const bool bare = data[0] % 2 != 0;
    const int said = ngx_http_stsgate_bearer(&credential, &length, value, --size, bare);

    if (!bare && !is_bearer(value, size)) {
        check(said == NGX_HTTP_STSGATE_BEARER_NONE && length == 0 && credential != NULL);
        return 0;
    }
    check(credential >= value && credential + length == value + size);
    if (is_bearer(value, size))
        check(credential >= value + 6 && (length == 0 || *credential != ' '));
    else
        check(length == size);
    check(said ==
          (is_odd(credential, length) ? NGX_HTTP_STSGATE_BEARER_ODD : NGX_HTTP_STSGATE_BEARER_OK));
    return 0;
}
