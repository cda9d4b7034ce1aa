/*
 * session.c - the interval in which a session was issued, and the role it is
 * of. Must never make an interval narrower than the credential proves: every
 * doubt, rounding and overflow widens it.
 */
#include "session/session.h"

#include <stdio.h>

/* Claims are whole seconds of clocks that round as they please. */
#define ROUNDING_MS 1000

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static int64_t subtract(int64_t a, int64_t b)
{
    int64_t difference;

    if (__builtin_sub_overflow(a, b, &difference))
        return b < 0 ? INT64_MAX : INT64_MIN;
    return difference;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct sg_interval widen(int64_t earliest_ms, int64_t latest_ms, int64_t by_ms)
{
    const int64_t by = by_ms < 0 ? 0 : by_ms;

    return (struct sg_interval){
        .earliest_ms = subtract(lesser(earliest_ms, latest_ms), by),
        .latest_ms = add(latest_ms, by),
    };
}

struct sg_interval sg_issued_web_identity(int64_t iat_ms, int64_t original_exp_ms,
                                          int64_t longest_ms)
{
    int64_t latest_ms = iat_ms, earliest_ms = subtract(iat_ms, longest_ms);

    if (original_exp_ms != INT64_MIN) {
        const int64_t longest_before = subtract(original_exp_ms, longest_ms);

        latest_ms = lesser(iat_ms, subtract(original_exp_ms, SG_SHORTEST_SESSION_MS));
        if (longest_before <= iat_ms)
            earliest_ms = longest_before;
    }
    return widen(earliest_ms, latest_ms, ROUNDING_MS);
}

struct sg_interval sg_issued_exact(int64_t at_ms, int64_t skew_ms)
{
    return widen(at_ms, at_ms, skew_ms);
}

struct sg_interval sg_issued_latest(int64_t at_ms, int64_t longest_ms, int64_t skew_ms)
{
    return widen(subtract(at_ms, longest_ms), at_ms, skew_ms);
}

/* STS drops the path from an assumed-role ARN; what is left of the IAM form is written without. */
static bool set_arn_without_path(struct sg_session *session, const struct sg_role_arn *arn)
{
    const int length =
        snprintf(session->role_arn, sizeof session->role_arn, "arn:%.*s:iam::%.*s:%s/%.*s",
                 SG_TEXT_ARG(arn->partition), SG_TEXT_ARG(arn->account),
                 arn->user ? "user" : "role", SG_TEXT_ARG(arn->name));

    return length > 0 && (size_t)length < sizeof session->role_arn;
}

bool sg_session_set_role(struct sg_session *session, const struct sg_role_arn *arn,
                         struct sg_text text)
{
    if (sg_text_copy(session->partition, sizeof session->partition, arn->partition) &&
        sg_text_copy(session->account, sizeof session->account, arn->account) &&
        sg_text_copy(session->role_name, sizeof session->role_name, arn->name) &&
        sg_principal_key(session->role_key, arn->user, arn->name) &&
        (arn->path.length == 0 ? set_arn_without_path(session, arn)
                               : sg_text_copy(session->role_arn, sizeof session->role_arn, text)))
        return true;

    /* Half a role is no role: nothing may be found by it. */
    session->partition[0] = session->account[0] = session->role_arn[0] = '\0';
    session->role_name[0] = session->role_key[0] = '\0';
    return false;
}
