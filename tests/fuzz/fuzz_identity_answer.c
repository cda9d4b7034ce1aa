/*
 * fuzz_identity_answer.c - what came back from STS, or from whoever answered in its place. Whatever
 * is taken for an answer makes a packet that a gate would take.
 */
#include "agent/caller.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sg_account account = {
        .label = "prod", .id = "123456789012", .partition = "aws"};
    struct sg_identity_answer answer = {.head = {.magic = SG_ASK_MAGIC}, .date_ms = 1};
    const struct sg_text body = {(const char *)data, size};
    bool same = false;

    if (sg_caller_read(&answer, body, &account) == SG_OK && answer.head.status == 0 &&
        !sg_identity_answer_valid(&answer))
        abort();
    (void)sg_caller_read_role(&same, body, &answer, &account);
    return 0;
}
