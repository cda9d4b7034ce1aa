/*
 * fuzz_arn.c - role and assumed-role ARNs. What is accepted must fit a session,
 * and must come back the same when it is written out again and read once more.
 */
#include "session/session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_session(const struct sg_role_arn *arn, struct sg_text text, bool leave)
{
    struct sg_session session = {0};
    struct sg_role_arn again;

    check(sg_session_set_role(&session, arn, text));
    check(sg_role_arn_parse(&again, sg_text_of(session.role_arn), leave));
    check(sg_text_equal(again.name, sg_text_of(session.role_name)));
    check(sg_text_equal(again.account, sg_text_of(session.account)));
    check(sg_text_equal(again.partition, sg_text_of(session.partition)));
    check(sg_text_equal_nocase(again.name, sg_text_of(session.role_key)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text text = {(const char *)data, size};
    struct sg_role_arn arn;
    struct sg_text session_name;

    for (int leave = 0; leave < 2; leave++) {
        if (sg_role_arn_parse(&arn, text, leave == 1)) {
            check(arn.path.length > 0);
            check_session(&arn, text, leave == 1);
        }
        if (sg_assumed_role_arn_parse(&arn, &session_name, text, leave == 1)) {
            check(sg_session_name_valid(session_name));
            check_session(&arn, text, leave == 1);
        }
    }
    return 0;
}
