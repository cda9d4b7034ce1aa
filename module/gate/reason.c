/*
 * reason.c - the stable words for reasons, from the one list in the header.
 */
#include <stsgate/stsgate.h>

struct reason {
    const char *word;
    int http_status;
    const char *text;
};

static const struct reason reasons[] = {
#define STSGATE_X(name, word, status, text) {word, status, text},
    STSGATE_REASONS(STSGATE_X)
#undef STSGATE_X
};

static const struct reason *reason_of(enum stsgate_reason reason)
{
    unsigned index = (unsigned)reason;

    return &reasons[index < STSGATE_REASON_COUNT ? index : STSGATE_REASON_INTERNAL_ERROR];
}

const char *stsgate_reason_word(enum stsgate_reason reason)
{
    return reason_of(reason)->word;
}

const char *stsgate_reason_text(enum stsgate_reason reason)
{
    return reason_of(reason)->text;
}

int stsgate_reason_http_status(enum stsgate_reason reason)
{
    return reason_of(reason)->http_status;
}
