/*
 * fuzz_evaluation.c - conditions over contexts. The input is lines KEY=VALUE (the
 * context; `!` before the key: absent), an empty line, and a Condition. Whatever
 * it says: the trace answers as the match does; and what was decided while keys
 * or the issue time were unknown is still so once they are known.
 */
#include "policy/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOON_MS     INT64_C(1714564800000)
#define ENTRIES_MAX 16

static void check(bool holds)
{
    if (!holds)
        abort();
}

struct context {
    struct sg_context_entry entries[ENTRIES_MAX];
    struct sg_text values[ENTRIES_MAX];
    struct sg_context_list list;
};

/* Lines of one key that follow each other are one key of many values. */
static void read_line(struct context *context, struct sg_text line)
{
    struct sg_context_entry *entry = &context->entries[context->list.count];
    struct sg_text name;
    size_t at = 0;

    for (size_t i = 0; i < context->list.count; i++)
        at += context->entries[i].count;
    if (at == ENTRIES_MAX || context->list.count == ENTRIES_MAX ||
        !sg_text_cut(&name, &line, '=') || name.length == 0)
        return;
    context->values[at] = line;
    if (context->list.count > 0 && sg_text_equal(entry[-1].name, name)) {
        entry[-1].count++;
        return;
    }
    *entry = (struct sg_context_entry){.name = name, .presence = SG_KEY_PRESENT};
    if (name.data[0] == '!') {
        *entry =
            (struct sg_context_entry){{name.data + 1, name.length - 1}, SG_KEY_ABSENT, NULL, 0};
    } else {
        entry->values = &context->values[at];
        entry->count = 1;
    }
    context->list.count++;
}

static struct sg_text read_context(struct context *context, struct sg_text text)
{
    struct sg_text line;

    while (sg_text_cut(&line, &text, '\n') && line.length > 0)
        read_line(context, line);
    return text;
}

static void take_step(void *payload, const struct sg_policy_step *step)
{
    check(step->what.length > 0);
    ++*(size_t *)payload;
}

static enum sg_match match(const struct sg_statement *statement, struct sg_policy_request request)
{
    size_t steps = 0;
    const enum sg_match result = sg_statement_match(statement, &request);

    check(sg_statement_trace(statement, &request, take_step, &steps) == result);
    check(steps >= 2);
    return result;
}

/* NO and YES must not change when more becomes known. */
static void check_knowledge(const struct sg_statement *statement, const struct context *context)
{
    struct sg_context_list nothing = {.otherwise = SG_KEY_UNKNOWN};
    struct sg_policy_request request = {
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = SG_TEXT("arn:aws:execute-api:us-east-1:123456789012:payments"),
        .issued = {NOON_MS, NOON_MS},
        .now_ms = NOON_MS + 60000,
        .ask = sg_context_list_ask,
    };
    enum sg_match known, vague;

    request.payload = (void *)&context->list;
    known = match(statement, request);
    check(known == SG_MATCH_NO || known == SG_MATCH_YES || known == SG_MATCH_INDETERMINATE ||
          context->list.otherwise == SG_KEY_UNKNOWN);

    request.payload = &nothing;
    vague = match(statement, request);
    check((vague != SG_MATCH_NO && vague != SG_MATCH_YES) || vague == known);

    request.payload = (void *)&context->list;
    request.issued = (struct sg_interval){NOON_MS - 3600000, NOON_MS + 1};
    vague = match(statement, request);
    check((vague != SG_MATCH_NO && vague != SG_MATCH_YES) || vague == known);

    request.issued = (struct sg_interval){statement->bites_before_ms, statement->bites_before_ms};
    if (statement->bites_before_ms != INT64_MAX)
        check(match(statement, request) == SG_MATCH_NO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct context context = {.list = {.entries = context.entries, .otherwise = SG_KEY_ABSENT}};
    const struct sg_text condition =
        read_context(&context, (struct sg_text){(const char *)data, size});
    struct sg_buffer document = {0}, out = {0};
    const struct sg_statement *statement;
    size_t at = 0;

    sg_buffer_addf(&document, "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\","
                              "\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":");
    sg_buffer_add_text(&document, condition);
    sg_buffer_addf(&document, "}}");
    check(sg_policy_compile(&out, sg_buffer_text(&document), SG_POLICY_INLINE, SG_TEXT("p"),
                            NULL) == SG_OK);
    check(sg_statement_run_valid(sg_buffer_text(&out)));
    while ((statement = sg_statement_next(sg_buffer_text(&out), &at)) != NULL)
        check_knowledge(statement, &context);
    sg_buffer_clear(&document);
    sg_buffer_clear(&out);
    return 0;
}
