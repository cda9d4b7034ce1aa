/*
 * xml.h - an XML document as a walk over its elements, by expat. Small on purpose: no document
 * type, no entities beyond XML's own five, limits on size, depth, names and text.
 */
#ifndef SG_AWS_XML_H
#define SG_AWS_XML_H

#include "base/error.h"
#include "base/text.h"

#define SG_WALK_MAX_BYTES (64u * 1024 * 1024)
#define SG_WALK_MAX_DEPTH 24
#define SG_WALK_MAX_NAME  63
#define SG_WALK_MAX_TEXT  (512u * 1024) /* a policy document at its limit, percent-encoded */

/* One step of the walk. The texts end with the call. */
struct sg_step {
    bool leaving;   /* an element ends; else it begins */
    unsigned depth; /* 1: the outermost */
    const struct sg_text
        *path;           /* names, path[0] the outermost, path[depth - 1] this one's; no prefix */
    struct sg_text text; /* leaving: what stands in it after its last child */
};

/* False ends the walk with SG_E_INVALID. */
struct sg_walk {
    bool (*step)(void *payload, const struct sg_step *step);
    void *payload;
};

/* SG_OK, SG_E_INVALID (not well-formed, a document type, or a step said no), SG_E_LIMIT,
 * SG_E_MEMORY. */
int sg_xml_walk(struct sg_text xml, struct sg_walk walk);

#endif
