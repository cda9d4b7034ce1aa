/*
 * evidence.c - the evidence rule: a credential that AWS minted for this session
 * while a statement was in force shows that the statement does not match the
 * session, or AWS would have refused. All instants are AWS's own.
 */
#include "gate/decide.h"

/* a + b without wrapping: a far-future cutoff ("2099", or a lock-out) stays in the future. */
static int64_t later_by(int64_t a_ms, int64_t b_ms)
{
    int64_t sum;

    return __builtin_add_overflow(a_ms, b_ms, &sum) ? INT64_MAX : sum;
}

/*
 * A policy change reaches AWS's own enforcement late: seconds as a rule, minutes at times. Shortly
 * after the statement was first seen a mint must be `settle` younger than it; from A + settled on,
 * `settled` younger, so that what a laggard let through in between dies then.
 */
static int64_t accepted_from(int64_t in_force_ms, const struct sg_account *account,
                             int64_t aws_now_ms)
{
    int64_t settled_at = later_by(in_force_ms, account->settled_ms);

    return aws_now_ms < settled_at ? later_by(in_force_ms, account->settle_ms) : settled_at;
}

bool sg_evidence_settles(int64_t *from_ms, const struct sg_session *session,
                         const struct sg_statement *statement, const struct sg_account *account,
                         int64_t aws_now_ms)
{
    const unsigned needed =
        SG_STATEMENT_FROM_IAM | SG_STATEMENT_COVERS_MINT | SG_STATEMENT_CONSTANT_KEYS;
    int64_t in_force_ms = statement->first_seen_ms;

    *from_ms = 0;
    if ((statement->flags & needed) != needed || statement->first_seen_ms <= 0)
        return false;
    if (statement->cutoff_ms > in_force_ms)
        in_force_ms = statement->cutoff_ms;
    *from_ms = accepted_from(in_force_ms, account, aws_now_ms);
    return session->evidence_ms > 0 && session->evidence_ms >= *from_ms;
}
