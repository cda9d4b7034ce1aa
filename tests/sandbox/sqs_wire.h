/*
 * SQS's two protocols as one: JSON (X-Amz-Target) and Query. What was asked is one JSON object, and
 * so is the answer.
 */
#ifndef SB_SQS_WIRE_H
#define SB_SQS_WIRE_H

#include "sandbox.h"

bool sb_sqs_speaks_json(const struct sb_request *request);
/* The request's members, whichever way they came; NULL: malformed. Query's numbers are strings,
 * and its lists are those that SQS's actions know. */
struct json_object *sb_sqs_input(const struct sb_request *request);
/* result is not taken over. */
void sb_sqs_render(struct sb_answer *answer, const struct sb_request *request, const char *action,
                   struct json_object *result, const char *request_id);

#endif
