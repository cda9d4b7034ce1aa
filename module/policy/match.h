/*
 * match.h - the parts of a match, for the evaluator and its trace. For the
 * files of this folder.
 */
#ifndef SG_POLICY_MATCH_H
#define SG_POLICY_MATCH_H

#include "policy/values.h"

enum sg_truth sg_covers_action(const struct sg_statement *statement,
                               const struct sg_policy_request *request);
enum sg_truth sg_covers_resource(const struct sg_statement *statement,
                                 const struct sg_policy_request *request);

/* describe.c: a date range as the date it was made of. */
int64_t sg_range_date(enum sg_relation relation, const struct sg_date_range *range);
/* trace.c: a test's values in quotes, the first `most` of them. */
void sg_test_values_write(struct sg_buffer *out, const struct sg_test *test, size_t most);
/* address.c */
void sg_ip_range_write(struct sg_buffer *out, const struct sg_ip_range *range);

#endif
