/*
 * policy.c - `stsgatectl policy test`: holds the Deny statements of a document against a made-up
 * session, as the gate would, and prints what each part came to. Reads one file, asks nobody.
 */
#include "policy/policy.h"
#include "base/date.h"
#include "base/file.h"
#include "ctl/made_up.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define USAGE                                                                                      \
    "policy test FILE|- [--context KEY=VALUE]... [--credential KIND] [--action ACTION] "           \
    "[--resource ARN] [--deny revocation|all]"

struct test {
    const struct ctl *ctl;
    const struct sg_policy_request *request;
    bool every;                /* --deny all */
    struct json_object *steps; /* of the statement at hand */
    struct json_object *statements;
    unsigned number;                  /* Deny statements so far */
    unsigned denied_by, undecided_by; /* the first of each; 0: none */
    enum sg_match undecided_why;
    unsigned only_listed; /* the first that matches and is not enforced */
};

static enum ctl_colour colour_of(enum sg_match match)
{
    if (match == SG_MATCH_YES)
        return CTL_RED;
    return match == SG_MATCH_NO ? CTL_GREEN : CTL_YELLOW;
}

static void tell_step(void *payload, const struct sg_policy_step *step)
{
    struct test *test = payload;
    struct json_object *one;

    if (test->steps != NULL) {
        one = json_object_new_object();
        ctl_json_text(one, "what", step->what);
        ctl_json_text(one, "key", step->key);
        ctl_json_text(one, "values", step->values);
        ctl_json_text(one, "request", step->had);
        ctl_json_text(one, "result", sg_text_of(sg_match_word(step->result)));
        json_object_array_add(test->steps, one);
        return;
    }
    fputs("  ", stdout);
    ctl_paint(test->ctl, colour_of(step->result), sg_match_word(step->result));
    printf("%*s %.*s", (int)(14 - strlen(sg_match_word(step->result))), "",
           SG_TEXT_ARG(step->what));
    if (step->key.length > 0)
        printf(" %.*s", SG_TEXT_ARG(step->key));
    if (step->values.length > 0)
        printf(" %.*s", SG_TEXT_ARG(step->values));
    if (step->had.length > 0)
        printf("; the request: %.*s", SG_TEXT_ARG(step->had));
    putchar('\n');
}

/* What a statement's outcome means for the whole. */
static void count(struct test *test, const struct sg_statement *statement, enum sg_match match)
{
    if (match == SG_MATCH_NO)
        return;
    if (!test->every && (statement->flags & SG_STATEMENT_ENFORCED) == 0) {
        if (test->only_listed == 0)
            test->only_listed = test->number;
    } else if (match == SG_MATCH_YES) {
        if (test->denied_by == 0)
            test->denied_by = test->number;
    } else if (test->undecided_by == 0) {
        test->undecided_by = test->number;
        test->undecided_why = match;
    }
}

static void tell_statement(struct test *test, const struct sg_statement *statement)
{
    const bool enforced = test->every || (statement->flags & SG_STATEMENT_ENFORCED) != 0;
    struct json_object *one;
    struct sg_buffer text = {0};
    enum sg_match match;

    test->number++;
    sg_statement_describe(&text, statement);
    if (!test->ctl->json)
        printf("statement %u: %s\n", test->number, text.data == NULL ? "" : text.data);
    else
        test->steps = json_object_new_array();
    match = sg_statement_trace(statement, test->request, tell_step, test);
    count(test, statement, match);
    if (!test->ctl->json) {
        printf("  so statement %u: ", test->number);
        ctl_paint(test->ctl, colour_of(match), sg_match_word(match));
        printf("%s\n", enforced ? "" : " (listed, not enforced)");
    } else {
        one = json_object_new_object();
        json_object_object_add(one, "number", json_object_new_int64(test->number));
        ctl_json_text(one, "sid", sg_statement_sid(statement));
        ctl_json_text(one, "text", sg_buffer_text(&text));
        ctl_json_text(one, "note", sg_statement_notes(statement));
        json_object_object_add(one, "enforced", json_object_new_boolean(enforced));
        json_object_object_add(one, "steps", test->steps);
        ctl_json_text(one, "result", sg_text_of(sg_match_word(match)));
        json_object_array_add(test->statements, one);
    }
    sg_buffer_clear(&text);
}

static void tell_request(const struct test *test)
{
    const struct sg_policy_request *request = test->request;
    char earliest[SG_DATE_SIZE], latest[SG_DATE_SIZE];

    printf("request: %.*s on %.*s", SG_TEXT_ARG(request->action), SG_TEXT_ARG(request->resource));
    if (request->no_issue_time)
        printf(", no temporary credentials\n");
    else if (request->issued.earliest_ms == request->issued.latest_ms)
        printf(", session issued %s\n", sg_date_format(latest, request->issued.latest_ms));
    else
        printf(", session issued %s to %s\n", sg_date_format(earliest, request->issued.earliest_ms),
               sg_date_format(latest, request->issued.latest_ms));
}

static int tell_verdict(struct test *test)
{
    const unsigned by = test->denied_by != 0 ? test->denied_by : test->undecided_by;
    const char *word = test->denied_by != 0 ? "denied" : by != 0 ? "undecided" : "not denied";
    const int status = test->denied_by != 0 ? CTL_NO : by != 0 ? CTL_UNDECIDED : CTL_YES;
    struct json_object *tree;

    if (test->ctl->json) {
        tree = json_object_new_object();
        ctl_json_text(tree, "verdict", sg_text_of(word));
        json_object_object_add(tree, "statement", by == 0 ? NULL : json_object_new_int64(by));
        ctl_json_text(tree, "action", test->request->action);
        ctl_json_text(tree, "resource", test->request->resource);
        json_object_object_add(tree, "statements", test->statements);
        ctl_print_json(tree);
        return status;
    }
    fputs("result: ", stdout);
    ctl_paint(test->ctl,
              status == CTL_YES  ? CTL_GREEN
              : status == CTL_NO ? CTL_RED
                                 : CTL_YELLOW,
              word);
    if (test->denied_by != 0)
        printf(" by statement %u\n", by);
    else if (by != 0)
        printf(": statement %u, %s\n", by, sg_match_word(test->undecided_why));
    else if (test->only_listed != 0)
        printf("; statement %u is enforced with deny = all only\n", test->only_listed);
    else
        putchar('\n');
    return status;
}

/* The file, or standard input for "-". */
static int read_document(struct sg_buffer *out, const char *name)
{
    struct sg_problems problems = {0};
    char block[4096];
    size_t got;
    int error;

    if (strcmp(name, "-") == 0) {
        out->limit = SG_POLICY_MAX_BYTES + 1;
        while ((got = fread(block, 1, sizeof(block), stdin)) > 0)
            sg_buffer_add(out, block, got);
        if (ferror(stdin) == 0 && !out->failed)
            return SG_OK;
        ctl_error("standard input: cannot be read, or over %d bytes", SG_POLICY_MAX_BYTES);
        return SG_E_INVALID;
    }
    error = sg_file_read(out, AT_FDCWD, name, SG_POLICY_MAX_BYTES, NULL, &problems);
    if (error != SG_OK && problems.count == 0)
        ctl_error("%s: cannot be read", name);
    ctl_print_problems(&problems);
    return error;
}

static int run(struct test *test, struct sg_text document, const char *name)
{
    struct sg_problems problems = {0};
    struct sg_buffer statements = {0};
    const struct sg_statement *statement;
    int status = CTL_UNDECIDED;
    size_t at = 0;

    if (sg_policy_compile(&statements, document, SG_POLICY_INLINE, sg_text_of(name), &problems) !=
        SG_OK) {
        ctl_error("out of memory");
        goto out;
    }
    ctl_print_problems(&problems);
    if (test->ctl->json)
        test->statements = json_object_new_array();
    else
        tell_request(test);
    while ((statement = sg_statement_next(sg_buffer_text(&statements), &at)) != NULL)
        tell_statement(test, statement);
    if (test->number == 0 && !test->ctl->json)
        puts("no statement denies");
    status = tell_verdict(test);
out:
    sg_problems_clear(&problems);
    sg_buffer_clear(&statements);
    return status;
}

int ctl_policy(struct ctl *ctl)
{
    const char *action = "execute-api:Invoke", *deny = "revocation";
    const char *resource = "arn:aws:execute-api::123456789012:service";
    const struct ctl_option options[] = {
        {"--action", &action}, {"--resource", &resource}, {"--deny", &deny}, {0}};
    struct made_up *made_up = sg_alloc(1, sizeof(*made_up));
    struct sg_buffer document = {0};
    int status = CTL_USAGE;

    if (made_up == NULL) {
        ctl_error("out of memory");
        return CTL_UNDECIDED;
    }
    if (!made_up_read(made_up, ctl) || ctl_options(ctl, options, 2, 2, USAGE) < 0)
        goto out;
    if (strcmp(ctl->argv[0], "test") != 0 ||
        (strcmp(deny, "all") != 0 && strcmp(deny, "revocation") != 0)) {
        ctl_error("usage: stsgatectl %s", USAGE);
        goto out;
    }
    made_up->request.action = sg_text_of(action);
    made_up->request.resource = sg_text_of(resource);
    if (read_document(&document, ctl->argv[1]) == SG_OK) {
        struct test test = {
            .ctl = ctl, .request = &made_up->request, .every = strcmp(deny, "all") == 0};

        status = run(&test, sg_buffer_text(&document),
                     strcmp(ctl->argv[1], "-") == 0 ? "(standard input)" : ctl->argv[1]);
    }
out:
    sg_buffer_clear(&document);
    free(made_up);
    return status;
}
