/*
 * explain.c - `stsgatectl explain`: opens the gate as a host does and prints
 * each step of one decision. The token is read, never printed.
 */
#include "base/buffer.h"
#include "base/date.h"
#include "credential/caller_identity.h"
#include "ctl/ctl.h"
#include "gate/gate.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <stdio.h>

struct explanation {
    const struct ctl *ctl;
    struct json_object *steps;
};

static void print_step(void *payload, const char *name, const char *text)
{
    struct explanation *explanation = payload;

    if (explanation->steps != NULL) {
        struct json_object *step = json_object_new_object();

        json_object_object_add(step, "step", json_object_new_string(name));
        json_object_object_add(step, "text", json_object_new_string(text));
        json_object_array_add(explanation->steps, step);
        return;
    }
    printf("%-12s %s\n", name, text);
}

static const char *verdict_word(enum stsgate_verdict verdict)
{
    switch (verdict) {
    case STSGATE_ALLOW:
        return "allow";
    case STSGATE_UNDECIDED:
        return "undecided";
    case STSGATE_DENY:
        break;
    }
    return "deny";
}

static void print_verdict(const struct ctl *ctl, const struct stsgate_result *result,
                          struct json_object *steps)
{
    struct json_object *tree;

    if (!ctl->json) {
        printf("%-12s ", "result");
        ctl_paint(ctl, result->verdict == STSGATE_ALLOW ? CTL_GREEN : CTL_RED,
                  verdict_word(result->verdict));
        if (result->would_be != result->verdict)
            printf(" (mode = observe; enforce would say %s)", verdict_word(result->would_be));
        printf(" %s, HTTP %d\n", stsgate_reason_word(result->reason),
               result->verdict == STSGATE_ALLOW ? 200 : stsgate_reason_http_status(result->reason));
        return;
    }
    tree = json_object_new_object();
    json_object_object_add(tree, "steps", steps);
    json_object_object_add(tree, "verdict", json_object_new_string(verdict_word(result->verdict)));
    json_object_object_add(tree, "would_be",
                           json_object_new_string(verdict_word(result->would_be)));
    json_object_object_add(tree, "reason",
                           json_object_new_string(stsgate_reason_word(result->reason)));
    ctl_json_text(tree, "role", sg_text_of(result->role));
    ctl_json_text(tree, "session_name", sg_text_of(result->session_name));
    if (result->role[0] != 0) {
        const bool issued = result->issued_latest_ms != 0;

        ctl_json_date(tree, "issued_earliest", issued ? result->issued_earliest_ms : INT64_MIN);
        ctl_json_date(tree, "issued_latest", issued ? result->issued_latest_ms : INT64_MIN);
        ctl_json_date(tree, "expires", result->expires_ms);
        ctl_json_date(tree, "cutoff", result->cutoff_ms);
    }
    if (result->accepted_from_ms != 0)
        ctl_json_date(tree, "accepted_from", result->accepted_from_ms);
    ctl_json_text(tree, "detail", sg_text_of(result->detail));
    ctl_print_json(tree);
}

/* The token of the command line, or the first line of standard input for "-" (which keeps it out of
 * the process list). */
static bool read_token(struct sg_buffer *token, const char *argument)
{
    char line[STSGATE_CREDENTIAL_MAX + 2];
    struct sg_text text = sg_text_of(argument);

    if (strcmp(argument, "-") == 0) {
        if (fgets(line, sizeof(line), stdin) == NULL) {
            ctl_error("no token on standard input");
            return false;
        }
        text = sg_text_of(line);
    }
    while (text.length > 0 &&
           (text.data[text.length - 1] == '\n' || text.data[text.length - 1] == '\r'))
        text.length--;
    text = sg_text_trim(text);
    if (sg_text_starts(text, SG_TEXT("Bearer ")))
        text = sg_text_trim((struct sg_text){text.data + 7, text.length - 7});
    sg_buffer_add_text(token, text);
    OPENSSL_cleanse(line, sizeof(line));
    return !token->failed;
}

/* As a host would: let the agent find out what is not known yet, then decide. */
static void learn(struct stsgate *gate, const struct stsgate_request *request)
{
    struct stsgate_result result = {.size = sizeof(result)};
    struct stsgate_reader *reader = NULL;

    if (stsgate_reader_open(&reader, gate, NULL) == 0)
        (void)!stsgate_wait(&result, reader, request, 3000);
    stsgate_reader_close(reader);
}

/* With a reader that remembers nothing, so that every step is taken and shown. */
static int explain(const struct ctl *ctl, struct stsgate *gate, struct stsgate_request *request)
{
    struct explanation explanation = {.ctl = ctl};
    const struct sg_trace trace = {.step = print_step, .payload = &explanation};
    struct stsgate_result result = {.size = sizeof(result)};
    struct stsgate_reader *reader = NULL;

    learn(gate, request);
    if (stsgate_reader_open(&reader, gate, NULL) != 0) {
        ctl_error("out of memory");
        return CTL_UNDECIDED;
    }
    if (ctl->json)
        explanation.steps = json_object_new_array();
    /* Who signed a request, no store tells: this reader has to have asked for itself. */
    if (sg_identity_presented(
            (struct sg_text){request->credential.data, request->credential.length}))
        (void)!stsgate_wait(&result, reader, request, 3000);
    sg_reader_set_trace(reader, &trace);
    request->last = true;
    (void)!stsgate_check(&result, reader, request);
    print_verdict(ctl, &result, explanation.steps);
    stsgate_reader_close(reader);
    if (result.verdict == STSGATE_UNDECIDED)
        return CTL_UNDECIDED;
    return result.verdict == STSGATE_ALLOW ? CTL_YES : CTL_NO;
}

int ctl_explain(struct ctl *ctl)
{
    const char *service = NULL, *at = NULL;
    const struct ctl_option options[] = {{"--service", &service}, {"--at", &at}, {0}};
    const char *usage = "explain TOKEN|- --service NAME [--at TIME]";
    /* As over TLS: a Deny of plain HTTP is for hosts to show. */
    struct stsgate_request request = {.size = sizeof(request), .secure_transport = true};
    struct sg_buffer token = {0};
    struct stsgate *gate;
    int status = CTL_USAGE;

    if (ctl_options(ctl, options, 1, 1, usage) < 0)
        return CTL_USAGE;
    if (service == NULL ||
        (at != NULL && !sg_date_parse_rfc3339(&request.now_ms, sg_text_of(at)))) {
        ctl_error("usage: stsgatectl %s", usage);
        return CTL_USAGE;
    }
    gate = ctl_gate(ctl, NULL);
    if (gate == NULL)
        return CTL_USAGE;
    request.service = (struct stsgate_text){service, strlen(service)};
    if (!stsgate_has_service(gate, request.service)) {
        ctl_error("there is no service %s in %s/services.d", service, ctl->folder);
    } else if (read_token(&token, ctl->argv[0])) {
        request.credential = (struct stsgate_text){token.data, token.length};
        status = explain(ctl, gate, &request);
    }
    sg_buffer_wipe(&token);
    stsgate_close(gate);
    return status;
}
