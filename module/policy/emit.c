/*
 * emit.c - writes one understood statement in the flat form, with the flags that
 * say how it may be used. Must never set a flag that makes a Deny weaker (simple,
 * constant keys, covers the mint) for a statement that was not understood whole.
 */
#include "policy/compile.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#define NOTES_MAX 600 /* bytes of notes a statement keeps */
#define QUOTE_MAX 64  /* bytes of the document's own text that a note repeats */
#define NAME_MAX_SHOWN                                                                             \
    1024 /* of a policy's name or ARN and of a Sid; IAM's own limits are lower                     \
          */

/* --- notes --- */

void sg_note(struct sg_notes *notes, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;

    const size_t used = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    if (notes->left_out > 0 || notes->text.length + used > NOTES_MAX) {
        notes->left_out++;
        return;
    }
    if (notes->text.length > 0)
        sg_buffer_add_text(&notes->text, SG_TEXT("; "));
    sg_text_make_printable(line, used);
    sg_buffer_add(&notes->text, line, used);
}

struct sg_text sg_note_quote(struct sg_text text)
{
    if (text.length > QUOTE_MAX)
        text.length = QUOTE_MAX;
    return text;
}

void sg_notes_end(struct sg_notes *notes)
{
    if (notes->left_out > 0)
        sg_buffer_addf(&notes->text, "; and %u more", notes->left_out);
}

/* --- the flat form --- */

static void pad(struct sg_buffer *out)
{
    static const char zeros[8];

    sg_buffer_add(out, zeros, (8 - out->length % 8) % 8);
}

/* Where the next bytes go; 0 once the buffer failed, which the caller asks at the end. */
static uint16_t here(const struct sg_buffer *out)
{
    return out->failed ? 0 : (uint16_t)out->length;
}

static uint16_t add_shown(uint16_t *length, struct sg_buffer *out, struct sg_text text)
{
    const uint16_t at = here(out);

    if (text.length > NAME_MAX_SHOWN)
        text.length = NAME_MAX_SHOWN;
    sg_buffer_add_text(out, text);
    if (out->failed)
        return 0;
    sg_text_make_printable(out->data + at, text.length);
    *length = (uint16_t)text.length;
    return text.length == 0 ? 0 : at;
}

static uint16_t add_counted(struct sg_buffer *out, uint16_t count, const struct sg_buffer *body)
{
    const uint16_t at = here(out);

    sg_buffer_add(out, &count, sizeof count);
    sg_buffer_add_text(out, sg_buffer_text(body));
    return at;
}

static uint16_t add_tests(struct sg_buffer *out, const struct sg_condition *condition)
{
    const struct sg_flat_tests tests = {.count = condition->test_count};

    if (condition->test_count == 0)
        return 0;
    pad(out);
    const uint16_t at = here(out);
    sg_buffer_add(out, &tests, sizeof tests);
    sg_buffer_add_text(out, sg_buffer_text(&condition->tests));
    return at;
}

/* What names the issue time, or nothing but the principal, revokes; so does Deny * on *. */
static bool is_enforced(const struct sg_draft *draft)
{
    const struct sg_condition *condition = &draft->condition;

    if (draft->unreadable || condition->unreadable || condition->names_issue_time)
        return true;
    if (condition->keys > 0)
        return !condition->names_other;
    return draft->every_action && draft->every_resource;
}

static uint16_t flags_of(const struct sg_draft *draft)
{
    const struct sg_condition *condition = &draft->condition;
    const bool indeterminate = draft->unreadable || condition->indeterminate;
    const bool everything = draft->every_action && draft->every_resource;
    unsigned flags = 0;

    if (is_enforced(draft))
        flags |= SG_STATEMENT_ENFORCED;
    if (indeterminate)
        flags |= SG_STATEMENT_INDETERMINATE;
    if (!indeterminate && everything && condition->keys == 0)
        flags |= SG_STATEMENT_UNCONDITIONAL;
    if (!indeterminate && everything && condition->simple_ms != SG_CUTOFF_NONE)
        flags |= SG_STATEMENT_SIMPLE;
    /* What AWS let pass in spite of a statement that can't be read here proves nothing about it. */
    if (!indeterminate && !condition->inconstant)
        flags |= SG_STATEMENT_CONSTANT_KEYS;
    if (!indeterminate && draft->covers_mint_action && draft->every_resource)
        flags |= SG_STATEMENT_COVERS_MINT;
    if (!indeterminate && draft->covers_read_action && draft->every_resource)
        flags |= SG_STATEMENT_COVERS_READ;
    return (uint16_t)flags;
}

/* False when it does not fit 16-bit offsets, or memory ended. */
static bool write_statement(struct sg_buffer *flat, const struct sg_compiler *compiler,
                            const struct sg_draft *draft)
{
    struct sg_statement head = {
        .flags = flags_of(draft),
        .origin = (uint8_t)compiler->origin,
        .cutoff_ms = draft->condition.cutoff_ms,
        .bites_before_ms = draft->condition.bites_before_ms,
        .scope = draft->scope,
    };

    if ((head.flags & SG_STATEMENT_SIMPLE) != 0)
        head.cutoff_ms = draft->condition.simple_ms;
    memcpy(head.identity, draft->identity, sizeof head.identity);

    flat->limit = SG_STATEMENT_MAX_BYTES;
    sg_buffer_add(flat, &head, sizeof head);
    head.policy_at = add_shown(&head.policy_length, flat, compiler->policy_name);
    head.sid_at = add_shown(&head.sid_length, flat, draft->sid);
    if (draft->notes.text.length > 0)
        head.notes_at = add_counted(flat, (uint16_t)draft->notes.text.length, &draft->notes.text);
    if (draft->action_count > 0)
        head.actions_at = add_counted(flat, draft->action_count, &draft->actions);
    if (draft->resource_count > 0)
        head.resources_at = add_counted(flat, draft->resource_count, &draft->resources);
    head.tests_at = add_tests(flat, &draft->condition);
    pad(flat);
    if (flat->failed)
        return false;
    head.size = (uint32_t)flat->length;
    memcpy(flat->data, &head, sizeof head);
    return true;
}

void sg_draft_clear(struct sg_draft *draft)
{
    sg_buffer_clear(&draft->actions);
    sg_buffer_clear(&draft->resources);
    sg_buffer_clear(&draft->notes.text);
    sg_condition_clear(&draft->condition);
}

void sg_draft_give_up(struct sg_draft *draft)
{
    const struct sg_notes notes = draft->notes;

    draft->notes = (struct sg_notes){0};
    sg_draft_clear(draft);
    draft->notes = notes;
    draft->action_count = draft->resource_count = 0;
    draft->every_action = draft->every_resource = false;
    draft->covers_mint_action = draft->covers_read_action = false;
    draft->scope = SG_SCOPE_ANY_ACTION | SG_SCOPE_ANY_RESOURCE;
    draft->condition.cutoff_ms = draft->condition.simple_ms = SG_CUTOFF_NONE;
    draft->condition.bites_before_ms = INT64_MAX;
    draft->unreadable = true;
}

const char *sg_policy_origin_word(enum sg_policy_origin origin)
{
    switch (origin) {
    case SG_POLICY_INLINE:
        return "inline policy";
    case SG_POLICY_ATTACHED:
        return "attached policy";
    case SG_POLICY_BOUNDARY:
        return "permissions boundary";
    case SG_POLICY_EXTRA:
        return "extra policy";
    }
    return "policy";
}

/* `number` counts from 1; 0 is the document as a whole. */
static void report(const struct sg_compiler *compiler, size_t number, const struct sg_draft *draft)
{
    const struct sg_text notes = sg_buffer_text(&draft->notes.text);

    if (number == 0)
        sg_problem(compiler->problems, NULL, 0, "%s %.*s: %.*s",
                   sg_policy_origin_word(compiler->origin), SG_TEXT_ARG(compiler->policy_name),
                   SG_TEXT_ARG(notes));
    else
        sg_problem(compiler->problems, NULL, 0, "%s %.*s, statement %zu%s%.*s%s: %.*s",
                   sg_policy_origin_word(compiler->origin), SG_TEXT_ARG(compiler->policy_name),
                   number, draft->sid.length > 0 ? " (Sid " : "",
                   SG_TEXT_ARG(sg_note_quote(draft->sid)), draft->sid.length > 0 ? ")" : "",
                   SG_TEXT_ARG(notes));
}

int sg_statement_emit(const struct sg_compiler *compiler, size_t number, struct sg_draft *draft)
{
    struct sg_buffer flat = {0};
    int result = SG_E_MEMORY;

    sg_notes_end(&draft->notes);
    if (draft->notes.text.failed)
        goto out;
    if (draft->condition.too_long || !write_statement(&flat, compiler, draft)) {
        /* Too large or out of memory: the small form tells which. */
        sg_buffer_clear(&flat);
        sg_draft_give_up(draft);
        sg_buffer_clear(&draft->notes.text);
        draft->notes.left_out = 0;
        sg_note(&draft->notes,
                "the statement is larger than %d bytes once compiled, so it counts as "
                "matching everything",
                SG_STATEMENT_MAX_BYTES);
        if (!write_statement(&flat, compiler, draft))
            goto out;
    }
    if (draft->unreadable || draft->condition.indeterminate)
        report(compiler, number, draft);
    sg_buffer_add_text(compiler->out, sg_buffer_text(&flat));
    if (!compiler->out->failed)
        result = SG_OK;
out:
    sg_buffer_clear(&flat);
    return result;
}

/* Lengths keep the parts apart. The digest is fetched for the first statement only. */
bool sg_draft_identify(struct sg_draft *draft, const struct sg_compiler *compiler,
                       struct sg_text content)
{
    EVP_MD_CTX *context = compiler->digest;
    const EVP_MD *kind = EVP_MD_CTX_get0_md(context) == NULL ? EVP_sha256() : NULL;
    const struct sg_text parts[] = {compiler->policy_name, compiler->version, content};
    unsigned char digest[EVP_MAX_MD_SIZE];
    char head[48];

    if (EVP_DigestInit_ex(context, kind, NULL) != 1)
        return false;
    int length = snprintf(head, sizeof head, "stsgate statement %d", (int)compiler->origin);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (length < 0 || EVP_DigestUpdate(context, head, (size_t)length) != 1)
            return false;
        length = snprintf(head, sizeof head, ":%zu:", parts[i].length);
        if (length < 0 || EVP_DigestUpdate(context, head, (size_t)length) != 1 ||
            EVP_DigestUpdate(context, parts[i].data, parts[i].length) != 1)
            return false;
        length = 0;
    }
    if (EVP_DigestFinal_ex(context, digest, NULL) != 1)
        return false;
    memcpy(draft->identity, digest, sizeof draft->identity);
    return true;
}
