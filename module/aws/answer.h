/*
 * answer.h - an answer of AWS's Query protocol, XML or JSON, as one and the same walk. JSON's
 * arrays have no name for their elements; they are called "member", as XML calls them.
 */
#ifndef SG_AWS_ANSWER_H
#define SG_AWS_ANSWER_H

#include "aws/xml.h"

/* Chosen by the first byte that is no blank. Errors are sg_xml_walk()'s. */
int sg_answer_walk(struct sg_text body, struct sg_walk walk);

/* True when the path ends in these names, counted from the innermost: parent then name. */
bool sg_step_is(const struct sg_step *step, const char *parent, const char *name);

#endif
