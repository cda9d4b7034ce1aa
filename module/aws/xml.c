/*
 * xml.c - expat behind a gate. A document type declaration ends the parse at once: entities
 * (CVE-2013-0340) and external subsets can't come into being.
 */
#include "aws/xml.h"

#include "base/buffer.h"

#include <expat.h>
#include <stdlib.h>

#define CHUNK_BYTES (1024u * 1024)

struct parser {
    XML_Parser expat;
    struct sg_walk walk;
    struct sg_text path[SG_WALK_MAX_DEPTH];
    char names[SG_WALK_MAX_DEPTH][SG_WALK_MAX_NAME + 1];
    unsigned depth;
    struct sg_buffer text;
    int error;
};

static void stop(struct parser *parser, int error)
{
    if (parser->error == SG_OK)
        parser->error = error;
    (void)XML_StopParser(parser->expat, XML_FALSE);
}

static void step(struct parser *parser, bool leaving)
{
    const struct sg_step at = {
        .leaving = leaving,
        .depth = parser->depth,
        .path = parser->path,
        .text = leaving ? sg_buffer_text(&parser->text) : (struct sg_text){0},
    };

    if (!parser->walk.step(parser->walk.payload, &at))
        stop(parser, SG_E_INVALID);
}

static void XMLCALL begin_element(void *payload, const XML_Char *name, const XML_Char **attributes)
{
    struct parser *parser = payload;
    const char *colon = strchr(name, ':');

    (void)attributes;
    if (parser->error != SG_OK)
        return;
    if (parser->depth == SG_WALK_MAX_DEPTH) {
        stop(parser, SG_E_LIMIT);
        return;
    }
    const struct sg_text local = sg_text_of(colon == NULL ? name : colon + 1);
    char *copy = parser->names[parser->depth];
    if (!sg_text_copy(copy, SG_WALK_MAX_NAME + 1, local)) {
        stop(parser, SG_E_LIMIT);
        return;
    }
    parser->path[parser->depth++] = (struct sg_text){copy, local.length};
    parser->text.length = 0;
    step(parser, false);
}

static void XMLCALL end_element(void *payload, const XML_Char *name)
{
    struct parser *parser = payload;

    (void)name;
    if (parser->error != SG_OK)
        return;
    step(parser, true);
    parser->depth--;
    parser->text.length = 0;
}

static void XMLCALL take_text(void *payload, const XML_Char *text, int length)
{
    struct parser *parser = payload;

    if (parser->error != SG_OK || length <= 0)
        return;
    sg_buffer_add(&parser->text, text, (size_t)length);
    if (parser->text.failed)
        stop(parser, SG_E_LIMIT);
}

static void XMLCALL refuse_doctype(void *payload, const XML_Char *name, const XML_Char *system,
                                   const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(payload, SG_E_INVALID);
}

static int parse(struct parser *parser, struct sg_text xml)
{
    do {
        const size_t piece = xml.length < CHUNK_BYTES ? xml.length : CHUNK_BYTES;
        const bool last = piece == xml.length;

        if (XML_Parse(parser->expat, xml.data, (int)piece, last) != XML_STATUS_OK) {
            if (parser->error != SG_OK)
                return parser->error;
            return XML_GetErrorCode(parser->expat) == XML_ERROR_NO_MEMORY ? SG_E_MEMORY
                                                                          : SG_E_INVALID;
        }
        xml.data += piece;
        xml.length -= piece;
    } while (xml.length > 0);
    return parser->error;
}

int sg_xml_walk(struct sg_text xml, struct sg_walk walk)
{
    int error = SG_E_MEMORY;

    if (xml.length == 0)
        return SG_E_INVALID;
    if (xml.length > SG_WALK_MAX_BYTES)
        return SG_E_LIMIT;

    struct parser *parser = sg_alloc(1, sizeof *parser);
    if (parser == NULL)
        return SG_E_MEMORY;
    parser->walk = walk;
    parser->text.limit = SG_WALK_MAX_TEXT;
    parser->expat = XML_ParserCreate("UTF-8");
    if (parser->expat == NULL)
        goto out;
    XML_SetUserData(parser->expat, parser);
    XML_SetElementHandler(parser->expat, begin_element, end_element);
    XML_SetCharacterDataHandler(parser->expat, take_text);
    XML_SetStartDoctypeDeclHandler(parser->expat, refuse_doctype);
    (void)XML_SetParamEntityParsing(parser->expat, XML_PARAM_ENTITY_PARSING_NEVER);
    error = parse(parser, xml);
out:
    if (parser->expat != NULL)
        XML_ParserFree(parser->expat);
    sg_buffer_wipe(&parser->text); /* STS's answers hold secrets */
    free(parser);
    return error;
}
