/*
 * http_memory.c - the memory that libcurl works in, wiped whenever it is given back: its buffers
 * hold requests as they go out, with session tokens and signatures, and answers with keys.
 */
#include "aws/http_inside.h"

#include "base/error.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void give_back(void *memory)
{
    if (memory != NULL)
        OPENSSL_cleanse(memory, malloc_usable_size(memory));
    free(memory);
}

/* Not realloc(): it leaves a copy behind where it moves. */
static void *grow(void *memory, size_t size)
{
    const size_t held = memory == NULL ? 0 : malloc_usable_size(memory);
    void *longer = malloc(size > 0 ? size : 1);

    if (longer != NULL && memory != NULL) {
        memcpy(longer, memory, held < size ? held : size);
        give_back(memory);
    }
    return longer;
}

int sg_http__global_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, give_back, grow, strdup, calloc) ==
                   CURLE_OK
               ? SG_OK
               : SG_E_SYSTEM;
}
