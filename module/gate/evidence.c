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

/* What AWS was asked to authorise must be what the statement denies. */
bool sg_evidence_possible(const struct sg_statement *statement, enum sg_issuer_kind kind)
{
    unsigned needed = SG_STATEMENT_FROM_IAM | SG_STATEMENT_CONSTANT_KEYS;

    switch (kind) {
    case SG_ISSUER_WEB_IDENTITY:
        needed |= SG_STATEMENT_COVERS_MINT;
        return (statement->flags & needed) == needed && statement->first_seen_ms > 0;
    case SG_ISSUER_CALLER_IDENTITY:
        needed |= SG_STATEMENT_COVERS_READ;
        return (statement->flags & needed) == needed && statement->first_seen_ms > 0;
    case SG_ISSUER_JWT:
        break;
    }
    return false;
}

/* One that IAM does not show any more, and which the ratchet keeps. */
static bool is_gone(const struct sg_statement *statement)
{
    return (statement->flags & (SG_STATEMENT_RATCHETED | SG_STATEMENT_GONE_ONCE)) != 0;
}

bool sg_evidence_settles(int64_t *from_ms, const struct sg_grounds *grounds,
                         const struct sg_statement *statement)
{
    const struct sg_session *session = grounds->session;
    int64_t in_force_ms = statement->first_seen_ms;

    *from_ms = 0;
    if (!sg_evidence_possible(statement, grounds->issuer->kind))
        return false;
    if (statement->cutoff_ms > in_force_ms)
        in_force_ms = statement->cutoff_ms;
    *from_ms = accepted_from(in_force_ms, grounds->account, grounds->aws_now_ms);
    if (session->evidence_ms > 0 && session->evidence_ms >= *from_ms &&
        (!is_gone(statement) || session->evidence_ms <= statement->last_seen_ms))
        return true;
    /* What is not in force any more no call from now on proves anything about. */
    if (is_gone(statement))
        *from_ms = 0;
    return false;
}
