/*
 * fuzz_question.c - a packet to the agent's socket: what is accepted has every text terminated and
 * inside its alphabet.
 */
#include "store/ask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_question question;

    if (!sg_question_valid(data, size))
        return 0;
    memcpy(&question, data, sizeof question);
    if (size > SG_ASK_PACKET_MAX ||
        (question.kind == SG_ASK_IDENTITY) != (size > sizeof question) ||
        strlen(question.label) >= sizeof question.label ||
        strlen(question.role_name) >= sizeof question.role_name ||
        (question.kind == SG_ASK_ROLE) != (question.role_name[0] != '\0') ||
        strpbrk(question.label, "/\\ \"%") != NULL || strpbrk(question.role_name, "/*\"%") != NULL)
        abort();
    return 0;
}
