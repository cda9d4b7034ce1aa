/*
 * ini.c - splits INI text into sections, keys and values, and reports every
 * line that is none. It knows no key and no section: what they mean, and
 * whether one may come twice, is the caller's.
 */
#include "base/ini.h"

struct reader {
    const char *file;
    struct sg_problems *problems;
    void (*line)(void *payload, const struct sg_ini_line *line);
    void *payload;
    unsigned number;
    struct sg_text section, name;
    bool skipping;        /* below a section line that made no sense: whose keys are these? */
    bool parent_empty;    /* the last key that was not nested had no value ... */
    size_t parent_indent; /* ... and stood this far from the margin */
    bool failed;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void wrong(struct reader *reader, const char *what)
{
    sg_problem(reader->problems, reader->file, reader->number, "%s", what);
    reader->failed = true;
}

/* Why a line can't be text at all; NULL when it can. */
static const char *find_bad_byte(struct sg_text line)
{
    for (size_t i = 0; i < line.length;) {
        const size_t step = sg_utf8_length(line.data + i, line.length - i);
        const unsigned char c = (unsigned char)line.data[i];

        if (step == 0)
            return "is not UTF-8; save the file as UTF-8";
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return "holds a control character; only tabs may stand in a line";
        i += step;
    }
    return NULL;
}

/* Without the comment: `#` or `;` at the start or after a blank. */
static struct sg_text strip_comment(struct sg_text line)
{
    for (size_t i = 0; i < line.length; i++) {
        if ((line.data[i] == '#' || line.data[i] == ';') && (i == 0 || is_blank(line.data[i - 1])))
            return (struct sg_text){line.data, i};
    }
    return line;
}

static void read_section(struct reader *reader, struct sg_text line)
{
    struct sg_text inner, rest = {line.data + 1, line.length - 1};
    const bool closed = sg_text_cut(&inner, &rest, ']');

    reader->skipping = true;
    reader->parent_empty = false;
    if (!closed) {
        wrong(reader, "a section line needs a closing ]");
        return;
    }
    if (rest.length > 0) {
        wrong(reader, "only a comment, after a blank, may follow the ] of a section line");
        return;
    }
    inner = sg_text_trim(inner);
    if (inner.length == 0) {
        wrong(reader, "a section needs a name between [ and ]");
        return;
    }
    reader->skipping = false;

    size_t kind = 0;
    while (kind < inner.length && !is_blank(inner.data[kind]))
        kind++;
    reader->section = (struct sg_text){inner.data, kind};
    reader->name = sg_text_trim((struct sg_text){inner.data + kind, inner.length - kind});

    const struct sg_ini_line item = {
        .number = reader->number, .section = reader->section, .name = reader->name};
    reader->line(reader->payload, &item);
}

static void read_key(struct reader *reader, struct sg_text line, size_t indent)
{
    struct sg_text key, value = line;

    if (!sg_text_cut(&key, &value, '=')) {
        wrong(reader, "expected `key = value`, `[section]` or a comment");
        return;
    }
    key = sg_text_trim(key);
    value = sg_text_trim(value);
    if (key.length == 0) {
        wrong(reader, "a key is missing before =");
        return;
    }

    const bool nested = reader->parent_empty && indent > reader->parent_indent;
    if (!nested) {
        reader->parent_empty = value.length == 0;
        reader->parent_indent = indent;
    }
    if (reader->skipping)
        return;

    const struct sg_ini_line item = {
        .number = reader->number,
        .section = reader->section,
        .name = reader->name,
        .key = key,
        .value = value,
        .nested = nested,
    };
    reader->line(reader->payload, &item);
}

static void read_line(struct reader *reader, struct sg_text line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;

    const char *bad = find_bad_byte(line);
    if (bad != NULL) {
        wrong(reader, bad);
        return;
    }

    const struct sg_text content = sg_text_trim(strip_comment(line));
    if (content.length == 0)
        return;
    if (content.data[0] == '[')
        read_section(reader, content);
    else
        read_key(reader, content, (size_t)(content.data - line.data));
}

int sg_ini_read(struct sg_text text, const char *file, struct sg_problems *problems,
                void (*line)(void *payload, const struct sg_ini_line *line), void *payload)
{
    struct reader reader = {.file = file, .problems = problems, .line = line, .payload = payload};

    if (text.length > SG_INI_MAX_BYTES) {
        sg_problem(problems, file, 0, "is larger than %d bytes", SG_INI_MAX_BYTES);
        return SG_E_LIMIT;
    }
    if (sg_text_starts(text, SG_TEXT("\xef\xbb\xbf"))) {
        reader.number = 1;
        wrong(&reader, "begins with a byte order mark; save the file as UTF-8 without one");
        text.data += 3;
        text.length -= 3;
        reader.number = 0;
    }
    while (text.length > 0) {
        struct sg_text head;

        (void)sg_text_cut(&head, &text, '\n');
        reader.number++;
        read_line(&reader, head);
    }
    return reader.failed ? SG_E_INVALID : SG_OK;
}
