/*
 * policy_case.h - a policy, a request and its context as JSON, held against the compiled evaluator:
 * for the table of cases and for the comparison with another evaluator.
 */
#ifndef SG_TESTS_POLICY_CASE_H
#define SG_TESTS_POLICY_CASE_H

#include "policy/policy.h"

#include <json-c/json.h>

/*
 * Members, each looked for in `one` and then in `group` (may be NULL):
 *   condition        of a statement that denies every action on every resource, or
 *   resources        the resources that a statement denies every action on, or
 *   statement        the whole statement, or
 *   document         the whole document
 *   version          of a document that is made here; none unless given
 *   context          key: value, or an array of values; what is not named is absent
 *   unknown          array of keys
 *   issued, now      an instant, or for `issued` [earliest, latest]
 *   action, resource what is asked for
 * Whether a statement of the document denies: "yes", "no", "unknown"; "indeterminate" when the
 * outcome hangs on a statement that IAM would not have accepted; NULL when the case itself is
 * wrong.
 */
const char *policy_case_decide(struct json_object *one, struct json_object *group);

#endif
