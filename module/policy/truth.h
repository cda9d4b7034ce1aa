/*
 * truth.h - Kleene's logic with three shades of unknown. For the files of this
 * folder. Must never let an unknown outweigh a part that is false.
 */
#ifndef SG_POLICY_TRUTH_H
#define SG_POLICY_TRUTH_H

#include "policy/policy.h"

/* In this order AND is the least and OR the greatest of its parts. */
enum sg_truth {
    SG_FALSE,
    SG_UNREADABLE, /* it could not be read what is asked */
    SG_TIME_UNKNOWN,
    SG_KEY_VALUE_UNKNOWN,
    SG_TRUE,
};

static inline enum sg_truth sg_truth_of(bool holds)
{
    return holds ? SG_TRUE : SG_FALSE;
}

static inline enum sg_truth sg_truth_and(enum sg_truth a, enum sg_truth b)
{
    return a < b ? a : b;
}

static inline enum sg_truth sg_truth_or(enum sg_truth a, enum sg_truth b)
{
    return a > b ? a : b;
}

static inline enum sg_truth sg_truth_not(enum sg_truth a)
{
    return a == SG_TRUE ? SG_FALSE : a == SG_FALSE ? SG_TRUE : a;
}

static inline enum sg_match sg_truth_match(enum sg_truth truth)
{
    static const enum sg_match matches[] = {
        [SG_FALSE] = SG_MATCH_NO,
        [SG_UNREADABLE] = SG_MATCH_INDETERMINATE,
        [SG_TIME_UNKNOWN] = SG_MATCH_TIME_UNKNOWN,
        [SG_KEY_VALUE_UNKNOWN] = SG_MATCH_KEY_UNKNOWN,
        [SG_TRUE] = SG_MATCH_YES,
    };
    return matches[truth];
}

#endif
