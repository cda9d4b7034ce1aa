/*
 * lift.c - names and lines of lift files. Must never take for a line what is only a part of one: a
 * file that was cut short lets go of less, not of more.
 */
#include "store/lift.h"

#include "base/encoding.h"

#define PREFIX "lift:"

void sg_lift_write_name(struct sg_buffer *out, struct sg_text label, struct sg_text role_key)
{
    sg_buffer_addf(out, PREFIX "%.*s:%.*s:", SG_TEXT_ARG(label), SG_TEXT_ARG(role_key));
}

bool sg_lift_read_name(struct sg_text *label, struct sg_text *role_key, struct sg_text name)
{
    const struct sg_text prefix = SG_TEXT(PREFIX);

    if (!sg_text_starts(name, prefix))
        return false;
    name.data += prefix.length;
    name.length -= prefix.length;
    return sg_text_cut(label, &name, ':') && sg_text_cut(role_key, &name, ':') &&
           name.length == 0 && label->length > 0 && role_key->length > 0;
}

static struct sg_text hex_of(char *hex, const struct sg_statement *statement)
{
    sg_hex_encode(hex, statement->identity, sizeof statement->identity);
    return (struct sg_text){hex, 2 * sizeof statement->identity};
}

void sg_lift_add(struct sg_buffer *content, const struct sg_statement *statement)
{
    char hex[2 * sizeof statement->identity + 1];

    sg_buffer_add_text(content, hex_of(hex, statement));
    sg_buffer_add_text(content, SG_TEXT("\n"));
}

bool sg_lift_holds(struct sg_text content, const struct sg_statement *statement)
{
    char hex[2 * sizeof statement->identity + 1];
    const struct sg_text wanted = hex_of(hex, statement);
    struct sg_text line;

    while (sg_text_cut(&line, &content, '\n')) {
        if (sg_text_equal(line, wanted))
            return true;
    }
    return false;
}
