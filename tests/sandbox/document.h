/*
 * Reading and checking policy documents before they are kept.
 */
#ifndef SB_DOCUMENT_H
#define SB_DOCUMENT_H

#include <json-c/json.h>
#include <stdbool.h>

/*
 * NULL and *why (a constant) for a document that IAM would refuse; trust: it must name a Principal
 * and no Resource. The caller owns the object.
 */
struct json_object *sb_document_parse(const char *text, bool trust, const char **why);

#endif
