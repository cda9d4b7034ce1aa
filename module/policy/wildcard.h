/*
 * wildcard.h - patterns with `*` and `?`: plain text, or text in which policy
 * variables were put in and where a `*` may be a letter. For the files of this
 * folder. No allocation; no more than pattern times text steps.
 */
#ifndef SG_POLICY_WILDCARD_H
#define SG_POLICY_WILDCARD_H

#include "base/text.h"

/* Units past a byte. */
#define SG_UNIT_STAR 0x100u /* any run of characters */
#define SG_UNIT_ONE  0x101u /* any one character */

struct sg_pattern {
    const char *bytes;     /* `*` and `?` are wild; or */
    const uint16_t *units; /* bytes and SG_UNITs; NULL: bytes */
    size_t length;
};

static inline struct sg_pattern sg_pattern_of(struct sg_text text)
{
    return (struct sg_pattern){text.data, NULL, text.length};
}

static inline unsigned sg_pattern_at(const struct sg_pattern *pattern, size_t i)
{
    if (pattern->units != NULL)
        return pattern->units[i];
    const unsigned char c = (unsigned char)pattern->bytes[i];
    return c == '*' ? SG_UNIT_STAR : c == '?' ? SG_UNIT_ONE : c;
}

/* The whole text; `*` crosses everything. */
bool sg_pattern_match(const struct sg_pattern *pattern, struct sg_text text);

/* No wildcards: the units (which hold none) spell the text. */
bool sg_pattern_equal(const struct sg_pattern *pattern, struct sg_text text, bool ignore_case);

/*
 * An ARN of a Resource element: `*` and `?` stay between colons, but a `*` that ends a segment may
 * go on past them (IAM reference, Resource).
 */
bool sg_pattern_match_resource(const struct sg_pattern *pattern, struct sg_text text);

/*
 * The Arn operators: six parts, each matched by itself; the last takes the remaining colons too.
 * False when either is not of six parts.
 */
bool sg_pattern_match_arn(const struct sg_pattern *pattern, struct sg_text text);

/* arn:partition:service:region:account:resource, whatever is in the parts. */
bool sg_is_arn(struct sg_text text);

#endif
