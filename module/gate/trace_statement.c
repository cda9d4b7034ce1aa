/*
 * trace_statement.c - how a Deny statement was decided, part by part, for
 * `stsgatectl explain`. Runs only when somebody looks.
 */
#include "base/buffer.h"
#include "gate/context.h"

static void tell(const struct sg_grounds *grounds, const char *name, struct sg_buffer *text)
{
    if (text->data != NULL)
        grounds->step(grounds->payload, name, text->data);
    sg_buffer_clear(text);
}

static void tell_step(void *payload, const struct sg_policy_step *step)
{
    const struct sg_grounds *grounds = payload;
    struct sg_buffer line = {0};

    sg_buffer_addf(&line, "%s: %.*s%s%.*s %.*s; the request: %.*s", sg_match_word(step->result),
                   SG_TEXT_ARG(step->what), step->key.length > 0 ? " " : "", SG_TEXT_ARG(step->key),
                   SG_TEXT_ARG(step->values), SG_TEXT_ARG(step->had));
    tell(grounds, "condition", &line);
}

enum sg_match sg_trace_statement(const struct sg_context *context,
                                 const struct sg_statement *statement)
{
    const struct sg_grounds *grounds = context->grounds;
    struct sg_buffer line = {0};
    enum sg_match match;

    sg_statement_describe(&line, statement);
    tell(grounds, "statement", &line);
    match = sg_statement_trace(statement, &context->request, tell_step, (void *)grounds);
    sg_buffer_addf(&line, "%s%s", sg_match_word(match),
                   match == SG_MATCH_KEY_UNKNOWN ? "; unless evidence settles it, this counts as "
                                                   "matching"
                                                 : "");
    tell(grounds, "outcome", &line);
    return match;
}

void sg_trace_evidence(const struct sg_grounds *grounds, const struct sg_statement *statement)
{
    struct sg_buffer line = {0};
    const struct sg_text policy = sg_statement_policy(statement);

    if (grounds->step == NULL)
        return;
    sg_buffer_addf(&line, "AWS authorised this session while %.*s was in force: it does not match",
                   SG_TEXT_ARG(policy));
    tell(grounds, "evidence", &line);
}
