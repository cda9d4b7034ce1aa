/*
 * probe.c - `stsgatectl probe`: whether STS refuses a session token whose creation time was
 * altered, tried with a fresh session of the caller's own; the result is kept for the agent
 * (store/probe.h). Must never print a token, and never take for a refusal what is none: a call that
 * was throttled, or signed badly, shows nothing.
 */
#include "ctl/probe.h"

#include "aws/sts.h"
#include "base/date.h"
#include "credential/sts_hosts.h"
#include "ctl/own.h"
#include "session/arn.h"
#include "store/probe.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FRESH_S 3600 /* a session that is older is not fresh */
#define APART_S 2    /* the time in a token, and STS's Date when it was made */

static const char usage[] = "probe --issuer LABEL [--role ARN] [--region REGION]";

struct probe {
    const struct ctl *ctl;
    const struct sg_config *config;
    const struct sg_issuer *issuer;
    const char *role; /* to assume; NULL: the caller's own session is what is tried */
    struct ctl_aws aws;
    char url[1024], region[64];   /* of STS */
    struct sg_credentials keys;   /* of the session that is tried */
    struct sg_opaque own, other;  /* its token; of another session of the role */
    int64_t made_ms, answered_ms; /* STS's Date: when it was made, when it answered */
    struct json_object *steps;    /* NULL: printed */
    bool taken, unclear;
};

/* ---- telling ---- */

enum outcome { GOOD, BAD, UNCLEAR };

static void tell(struct probe *probe, const char *step, enum outcome outcome, const char *text)
{
    static const char *const words[] = {"good", "bad", "unclear"};
    static const enum ctl_colour colours[] = {CTL_GREEN, CTL_RED, CTL_YELLOW};
    struct json_object *tree;

    probe->taken = probe->taken || outcome == BAD;
    probe->unclear = probe->unclear || outcome == UNCLEAR;
    if (probe->steps == NULL) {
        printf("%-12s ", step);
        ctl_paint(probe->ctl, colours[outcome], words[outcome]);
        printf("%*s %s\n", (int)(7 - strlen(words[outcome])), "", text);
        return;
    }
    tree = json_object_new_object();
    ctl_json_text(tree, "step", sg_text_of(step));
    ctl_json_text(tree, "outcome", sg_text_of(words[outcome]));
    ctl_json_text(tree, "text", sg_text_of(text));
    json_object_array_add(probe->steps, tree);
}

/* ---- asking ---- */

struct asked {
    struct sg_sts_answer *answer;
    bool done;
};

static void take_answer(void *payload, struct sg_sts_answer *answer)
{
    struct asked *asked = payload;

    *asked->answer = *answer;
    answer->credentials = (struct sg_credentials){.expires_ms = 0}; /* ours now */
    asked->done = true;
}

/* role: to assume; NULL: who one is. The answer's credentials are the caller's. */
static void ask(struct sg_sts_answer *answer, struct probe *probe,
                const struct sg_credentials *keys, const char *role)
{
    struct asked asked = {answer, false};
    struct sg_sts_call *call = NULL;
    const struct sg_sts_request request = {
        .url = probe->url,
        .region = probe->region,
        .now_ms = sg_clock_wall_ms(&sg_clock_system),
        .credentials = keys,
        .role_arn = role,
        .session_name = "stsgate-probe",
        .duration_s = role == NULL ? 0 : 900,
    };

    *answer = (struct sg_sts_answer){.outcome = SG_IAM_TRANSIENT};
    if (sg_sts_start(&call, probe->aws.http, &request, (struct sg_sts_done){take_answer, &asked}) !=
        SG_OK)
        return;
    while (!asked.done) {
        if (sg_http_wait(probe->aws.http, NULL, 0, 1000) == SG_OK)
            continue;
        sg_sts_cancel(call);
        return;
    }
}

/* Who one is by STS's word, with `token` in place of the session's own. */
static void ask_with(struct sg_sts_answer *answer, struct probe *probe, struct sg_text token)
{
    struct sg_credentials keys = {.expires_ms = 0}, altered;
    char *text = sg_text_dup(token);

    *answer = (struct sg_sts_answer){.outcome = SG_IAM_TRANSIENT};
    if (text != NULL && sg_credentials_copy(&keys, &probe->keys) == SG_OK) {
        altered = keys;
        altered.session_token = text;
        ask(answer, probe, &altered, NULL);
    }
    sg_credentials_clear(&keys);
    keys.session_token = text;
    sg_credentials_clear(&keys);
}

/* STS's own words for a token that it does not take. One that it calls expired, or a signature that
 * does not match, may have been refused for another reason. */
static bool is_refusal(const struct sg_sts_answer *answer)
{
    static const char *const codes[] = {"InvalidClientTokenId", "InvalidToken",
                                        "UnrecognizedClientException", "AccessDenied",
                                        "AccessDeniedException"};

    for (size_t i = 0; answer->outcome != SG_IAM_OK && i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(answer->code, codes[i]) == 0)
            return true;
    }
    return false;
}

/* AWS's message may hold what was signed. */
static const char *words_of(const struct sg_sts_answer *answer)
{
    return answer->code[0] != 0 ? answer->code : "no answer that says why";
}

/* ---- the steps ---- */

/* The token's account in clear is the one that STS tells, where it tells one. */
static bool is_of_account(const char *arn, const char *account)
{
    struct sg_text rest = sg_text_of(arn), part = {0};

    for (int i = 0; i < 5; i++)
        (void)sg_text_cut(&part, &rest, ':');
    return account[0] == 0 || sg_text_equal(part, sg_text_of(account));
}

static void try_plain(struct probe *probe, const char *step)
{
    struct sg_sts_answer answer;
    char text[1100];

    ask(&answer, probe, &probe->keys, NULL);
    const bool answered = answer.outcome == SG_IAM_OK;
    const bool good = answered && is_of_account(answer.arn, probe->own.account);

    if (answered)
        probe->answered_ms = answer.date_ms;
    (void)snprintf(text, sizeof(text), "the session as it is: %s%s%s",
                   answered ? "STS says it is " : "", answered ? answer.arn : words_of(&answer),
                   answered && !good ? ", and the token tells another account" : "");
    tell(probe, step, good ? GOOD : UNCLEAR, text);
}

static void judge_time(struct probe *probe)
{
    const int64_t issued_s = probe->own.issued_s, answered_s = probe->answered_ms / 1000;
    const int64_t made_s = probe->made_ms / 1000;
    char date[SG_DATE_SIZE], text[300];
    const char *trouble = "";
    enum outcome outcome = UNCLEAR;

    if (probe->role != NULL && (issued_s < made_s - APART_S || issued_s > made_s + APART_S))
        trouble = "; that is not when STS made it";
    else if (issued_s > answered_s + APART_S)
        trouble = "; that is ahead of STS's own clock";
    else if (issued_s < answered_s - FRESH_S)
        trouble = "; take a fresh session: one of this hour, or --role ARN";
    else
        outcome = GOOD;
    (void)snprintf(text, sizeof(text), "a token of type %u, made at %s%s", probe->own.type,
                   sg_date_format(date, issued_s * 1000), trouble);
    tell(probe, "time", outcome, text);
}

static void try_one(struct probe *probe, const char *step, const char *what, enum probe_how how,
                    int64_t time_s)
{
    struct sg_buffer token = {0};
    struct sg_sts_answer answer = {.outcome = SG_IAM_TRANSIENT};
    char text[400];

    probe_alter(&token, &probe->own, how, time_s, &probe->other);
    if (!token.failed)
        ask_with(&answer, probe, sg_buffer_text(&token));
    sg_buffer_wipe(&token);
    (void)snprintf(text, sizeof(text), "%s: %s%s", what,
                   answer.outcome == SG_IAM_OK ? "STS takes it"
                   : is_refusal(&answer)       ? "refused, "
                                               : "not clearly refused, ",
                   answer.outcome == SG_IAM_OK ? "" : words_of(&answer));
    tell(probe, step,
         answer.outcome == SG_IAM_OK ? BAD
         : is_refusal(&answer)       ? GOOD
                                     : UNCLEAR,
         text);
}

static void try_all(struct probe *probe)
{
    const int64_t second_s = probe->own.issued_s + 1, answered_s = probe->answered_ms / 1000;
    const int64_t now_s = answered_s > second_s ? answered_s : second_s + 1;

    try_one(probe, "broken", "a bit of what is sealed changed", PROBE_BROKEN, second_s);
    try_one(probe, "altered", "the time a second later", PROBE_ALTERED, second_s);
    try_one(probe, "altered", "the time now", PROBE_ALTERED, now_s);
    try_one(probe, "duplicated", "a later time behind it", PROBE_BEHIND, second_s);
    try_one(probe, "duplicated", "a later time before it", PROBE_BEFORE, second_s);
    try_one(probe, "duplicated", "a later time at the end", PROBE_AT_END, second_s);
    if (probe->role != NULL)
        try_one(probe, "grafted", "time and rest of a later session", PROBE_GRAFTED, 0);
}

/* ---- the session ---- */

static bool read_token(struct probe *probe, struct sg_opaque *opaque, const char *token)
{
    if (sg_opaque_read(opaque, sg_text_of(token)))
        return true;
    tell(probe, "time", UNCLEAR, "the session token is none of the layouts that stsgate knows");
    return false;
}

/* A session of the role: its keys, and STS's Date. */
static bool assume(struct probe *probe, struct sg_credentials *keys, int64_t *date_ms,
                   const struct sg_credentials *callers)
{
    struct sg_sts_answer answer;
    char text[500];

    ask(&answer, probe, callers, probe->role);
    *date_ms = answer.date_ms;
    *keys = answer.credentials;
    if (answer.outcome == SG_IAM_OK)
        return true;
    (void)snprintf(text, sizeof(text), "AssumeRole: %s", words_of(&answer));
    tell(probe, "session", UNCLEAR, text);
    return false;
}

/* Two sessions, a second apart and more. */
static bool assume_two(struct probe *probe, const struct sg_credentials *callers)
{
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 500000000};
    struct sg_credentials other = {.expires_ms = 0};
    int64_t other_ms;
    bool good;

    if (!assume(probe, &probe->keys, &probe->made_ms, callers))
        return false;
    (void)nanosleep(&pause, NULL);
    good = assume(probe, &other, &other_ms, callers) &&
           read_token(probe, &probe->other, other.session_token) &&
           read_token(probe, &probe->own, probe->keys.session_token);
    sg_credentials_clear(&other);
    if (good &&
        (probe->own.type != probe->other.type || probe->own.issued_s >= probe->other.issued_s)) {
        tell(probe, "time", UNCLEAR, "of two sessions, the later does not carry the later time");
        return false;
    }
    return good;
}

static bool take_session(struct probe *probe)
{
    struct sg_credentials callers = {.expires_ms = 0};
    bool good = false;

    if (own_keys(&callers, &probe->aws) != CTL_YES)
        goto out;
    if (probe->role != NULL) {
        good = assume_two(probe, &callers);
    } else if (callers.session_token == NULL) {
        tell(probe, "session", UNCLEAR,
             "these are long-term keys; assume a role first, or let --role ARN do it");
    } else {
        good = sg_credentials_copy(&probe->keys, &callers) == SG_OK &&
               read_token(probe, &probe->own, callers.session_token);
    }
out:
    sg_credentials_clear(&callers);
    return good;
}

/* ---- the result ---- */

/* A partition's STS that takes altered times is worth remembering, too: it ends what an earlier
 * probe allowed. */
static bool keep(struct probe *probe)
{
    const struct sg_account *account = probe->issuer->account;
    const struct sg_probe result = {
        .partition = sg_text_of(account->partition),
        .sts_endpoint = sg_text_of(account->sts_endpoint),
        .token_type = probe->own.type,
        .date_ms = probe->answered_ms,
        .refused = !probe->taken,
    };
    struct sg_problems problems = {0};
    const int error =
        sg_probe_store(&result, probe->config->state, &probe->config->owners, &problems);

    ctl_print_problems(&problems);
    if (error != SG_OK)
        ctl_error("not kept: run it as root or as the agent's user, %s", probe->config->user);
    return error == SG_OK;
}

static int report(struct probe *probe)
{
    const char *result = probe->taken ? "taken" : probe->unclear ? "unclear" : "refused";
    const bool clear = probe->taken || !probe->unclear;
    const bool kept = clear && keep(probe);
    const int64_t until_ms = probe->answered_ms + SG_PROBE_LIFE_MS;
    char date[SG_DATE_SIZE];
    struct json_object *tree;

    if (probe->steps != NULL) {
        tree = json_object_new_object();
        json_object_object_add(tree, "steps", json_object_get(probe->steps));
        ctl_json_text(tree, "altered", sg_text_of(result));
        ctl_json_text(tree, "partition", sg_text_of(probe->issuer->account->partition));
        json_object_object_add(tree, "token_type", json_object_new_int(probe->own.type));
        json_object_object_add(tree, "kept", json_object_new_boolean(kept));
        ctl_json_date(tree, "until", kept && !probe->taken ? until_ms : INT64_MIN);
        ctl_print_json(tree);
    } else if (probe->taken) {
        printf("%-12s STS takes altered times: opaque_time must not be used%s\n", "result",
               kept ? "; kept" : "");
    } else if (probe->unclear) {
        printf("%-12s nothing was shown, nothing is kept\n", "result");
    } else {
        printf("%-12s STS refuses altered times%s%s\n", "result", kept ? "; kept until " : "",
               kept ? sg_date_format(date, until_ms) : "");
    }
    if (!clear)
        return CTL_UNDECIDED;
    return kept && !probe->taken ? CTL_YES : CTL_NO;
}

/* Where the agent asks, too. */
static bool find_sts(struct probe *probe, const char *region)
{
    const struct sg_account *account = probe->issuer->account;
    const struct sg_text name = own_region(probe->issuer, region);
    struct sg_aws_host host;

    if (!sg_aws_host_of(&host, SG_SIGNED_STS, sg_text_of(account->partition), name)) {
        ctl_error("%.*s is no region of partition %s that this version knows", SG_TEXT_ARG(name),
                  account->partition);
        return false;
    }
    (void)snprintf(probe->region, sizeof(probe->region), "%s", host.region);
    if (account->sts_endpoint != NULL)
        (void)snprintf(probe->url, sizeof(probe->url), "%s", account->sts_endpoint);
    else
        (void)snprintf(probe->url, sizeof(probe->url), "https://%s/", host.name);
    return true;
}

static int run(struct probe *probe)
{
    if (!ctl_aws_open(&probe->aws, probe->config, probe->issuer->account, false))
        return CTL_UNDECIDED;
    if (take_session(probe)) {
        try_plain(probe, "plain");
        if (!probe->unclear)
            judge_time(probe);
        if (!probe->unclear)
            try_all(probe);
        if (!probe->unclear) /* so that it was not the keys that were refused */
            try_plain(probe, "plain again");
    } else {
        probe->unclear = true;
    }
    return report(probe);
}

int ctl_probe(struct ctl *ctl)
{
    const char *issuer = NULL, *role = NULL, *region = NULL;
    const struct ctl_option options[] = {
        {"--issuer", &issuer}, {"--role", &role}, {"--region", &region}, {0}};
    struct probe *probe;
    struct sg_role_arn arn;
    struct sg_config *config;
    int status = CTL_USAGE;

    if (ctl_options(ctl, options, 0, 0, usage) < 0)
        return CTL_USAGE;
    if (issuer == NULL || (role != NULL && !sg_role_arn_parse(&arn, sg_text_of(role), false))) {
        ctl_error("usage: stsgatectl %s", usage);
        return CTL_USAGE;
    }
    config = ctl_config(ctl);
    probe = sg_alloc(1, sizeof(*probe));
    if (config != NULL && probe != NULL) {
        *probe = (struct probe){.ctl = ctl, .config = config, .role = role};
        probe->steps = ctl->json ? json_object_new_array() : NULL;
        probe->issuer = own_issuer(ctl, config, issuer);
        if (probe->issuer != NULL && find_sts(probe, region))
            status = run(probe);
        json_object_put(probe->steps);
        ctl_aws_close(&probe->aws);
        sg_credentials_clear(&probe->keys);
        sg_opaque_wipe(&probe->own);
        sg_opaque_wipe(&probe->other);
    }
    free(probe);
    sg_config_free(config);
    return status;
}
