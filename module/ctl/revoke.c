/*
 * revoke.c - `stsgatectl revoke` and `undo`: put and delete the policy
 * AWSRevokeOlderSessions in IAM as the console does, with the caller's own AWS
 * credentials. The document is printed before it is sent.
 */
#include "aws/iam.h"
#include "base/buffer.h"
#include "base/date.h"
#include "ctl/aws.h"
#include "policy/policy.h"

#include <json-c/json.h>
#include <stdio.h>

#define CONSOLE_MARGIN_MS                                                                          \
    30000 /* the console's cutoff lies about 30 s ahead: policies take time to spread */
#define DEADLINE_MS 30000

struct target {
    struct sg_config *config;
    const struct sg_account *account;
    struct sg_text role; /* the name alone: IAM's API takes no path */
    struct sg_text arn;  /* as it was given; empty: a name was */
    struct ctl_aws aws;
    struct sg_iam iam;
};

static bool find_target(struct target *target, const struct ctl *ctl, const char *role,
                        const char *label)
{
    struct sg_role_arn arn;
    char folded[SG_ROLE_NAME_MAX + 1];

    target->config = ctl_config(ctl);
    if (target->config == NULL)
        return false;
    target->account = ctl_account(target->config, role, label);
    if (target->account == NULL)
        return false;
    if (target->account->source == SG_SOURCE_FILE) {
        ctl_error("account %s is read from %s; put or delete the policy's file there",
                  target->account->label, target->account->folder);
        return false;
    }
    target->role = sg_text_of(role);
    if (sg_role_arn_parse(&arn, sg_text_of(role), true)) {
        target->role = arn.name;
        target->arn = sg_text_of(role);
    }
    if (!sg_role_name_fold(folded, target->role)) {
        ctl_error("\"%s\" is neither a role's name nor its ARN", role);
        return false;
    }
    return true;
}

/* Whoever revokes does so as himself: the agent's role only reads. */
static bool connect_iam(struct target *target)
{
    struct sg_provider_state state;

    if (!ctl_aws_open(&target->aws, target->config, target->account, false))
        return false;
    if (sg_provider_run(target->aws.provider, CTL_AWS_DEADLINE_MS) != SG_OK) {
        sg_provider_state(&state, target->aws.provider);
        ctl_error("no AWS credentials: %s", state.trouble);
        return false;
    }
    target->iam = (struct sg_iam){.http = target->aws.http,
                                  .clock = &sg_clock_system,
                                  .url = target->aws.iam.url,
                                  .region = target->aws.iam.region};
    return sg_credentials_copy(&target->iam.credentials,
                               sg_provider_current(target->aws.provider)) == SG_OK;
}

static void drop_target(struct target *target)
{
    sg_credentials_clear(&target->iam.credentials);
    ctl_aws_close(&target->aws);
    sg_config_free(target->config);
}

static int refused(const char *what, enum sg_iam_outcome outcome,
                   const struct sg_iam_answer *answer)
{
    ctl_error("%s: IAM said %s: %s", what, answer->code[0] == 0 ? "nothing" : answer->code,
              answer->message);
    return outcome == SG_IAM_NO_SUCH_ENTITY || outcome == SG_IAM_DENIED ? CTL_NO : CTL_UNDECIDED;
}

static bool keep_arn(void *payload, const struct sg_iam_role *role)
{
    return sg_text_copy(payload, SG_ARN_MAX + 1, role->arn);
}

/* IAM takes a name alone and means whatever account the keys are of, and whatever path: a role of
 * the same name elsewhere must not be the one that is revoked, or let in again. */
static int check_role(struct target *target)
{
    const struct sg_account *account = target->account;
    const struct sg_iam_request request = {.action = "GetRole",
                                           .parameters = {{"RoleName", target->role}}};
    char arn[SG_ARN_MAX + 1] = "";
    const struct sg_iam_sink sink = {.role = keep_arn, .payload = arn};
    struct sg_iam_answer answer = {0};
    struct sg_buffer body = {0};
    struct sg_role_arn parts;
    enum sg_iam_outcome outcome = sg_iam_run(&answer, &body, &target->iam, &request, DEADLINE_MS);
    bool read = outcome == SG_IAM_OK && sg_iam_read_role(sg_buffer_text(&body), &sink) == SG_OK &&
                sg_role_arn_parse(&parts, sg_text_of(arn), account->id[0] == 0);

    sg_buffer_clear(&body);
    if (outcome != SG_IAM_OK)
        return refused("GetRole", outcome, &answer);
    if (!read) {
        ctl_error("GetRole: not a whole answer of IAM");
        return CTL_UNDECIDED;
    }
    if (!sg_text_equal(parts.account, sg_text_of(account->id)) ||
        !sg_text_equal(parts.partition, sg_text_of(account->partition)) ||
        (target->arn.length > 0 && !sg_text_equal(target->arn, sg_text_of(arn)))) {
        ctl_error("nothing was changed: with these AWS credentials the role is %s, not that of "
                  "[account %s]%s%.*s",
                  arn, account->label, target->arn.length > 0 ? ", " : "",
                  SG_TEXT_ARG(target->arn));
        return CTL_NO;
    }
    return CTL_YES;
}

static int report(const struct ctl *ctl, const struct target *target, const char *done,
                  const struct sg_iam_answer *answer, int64_t cutoff_ms)
{
    char date[SG_DATE_SIZE];
    struct json_object *tree;

    if (ctl->json) {
        tree = json_object_new_object();
        ctl_json_text(tree, "done", sg_text_of(done));
        ctl_json_text(tree, "account", sg_text_of(target->account->label));
        ctl_json_text(tree, "role", target->role);
        ctl_json_date(tree, "cutoff", cutoff_ms);
        ctl_json_date(tree, "answered", answer->date_ms);
        ctl_print_json(tree);
        return CTL_YES;
    }
    printf("%s: role %.*s of account %s, IAM answered at %s\n", done, SG_TEXT_ARG(target->role),
           target->account->label, sg_date_format(date, answer->date_ms));
    return CTL_YES;
}

static int run_call(const struct ctl *ctl, struct target *target,
                    const struct sg_iam_request *request, const char *done, int64_t cutoff_ms)
{
    struct sg_iam_answer answer = {0};
    enum sg_iam_outcome outcome;
    int status;

    if (!connect_iam(target))
        return CTL_UNDECIDED;
    status = check_role(target);
    if (status != CTL_YES)
        return status;
    outcome = sg_iam_run(&answer, NULL, &target->iam, request, DEADLINE_MS);
    if (outcome != SG_IAM_OK)
        return refused(request->action, outcome, &answer);
    return report(ctl, target, done, &answer, cutoff_ms);
}

int ctl_revoke(struct ctl *ctl)
{
    const char *at = NULL, *label = NULL;
    const struct ctl_option options[] = {{"--at", &at}, {"--account", &label}, {0}};
    const char *usage = "revoke ROLE [--at TIME] [--account LABEL]";
    int64_t cutoff_ms = sg_clock_wall_ms(&sg_clock_system) + CONSOLE_MARGIN_MS;
    struct sg_buffer document = {0};
    struct sg_iam_request request;
    struct target target = {0};
    int status = CTL_USAGE;

    if (ctl_options(ctl, options, 1, 1, usage) < 0)
        return CTL_USAGE;
    if (at != NULL && !sg_date_parse_rfc3339(&cutoff_ms, sg_text_of(at))) {
        ctl_error("usage: stsgatectl %s; TIME as 2026-11-20T08:00:00Z", usage);
        return CTL_USAGE;
    }
    if (find_target(&target, ctl, ctl->argv[0], label)) {
        sg_policy_write_revocation(&document, cutoff_ms);
        if (document.failed) {
            ctl_error("out of memory");
            goto out;
        }
        fprintf(ctl->json ? stderr : stdout, "%s\n", document.data);
        fflush(stdout);
        request = (struct sg_iam_request){
            .action = "PutRolePolicy",
            .parameters = {{"PolicyDocument", sg_buffer_text(&document)},
                           {"PolicyName", SG_TEXT(SG_REVOCATION_POLICY_NAME)},
                           {"RoleName", target.role}}};
        status = run_call(ctl, &target, &request, "revoked", cutoff_ms);
    }
out:
    sg_buffer_clear(&document);
    drop_target(&target);
    return status;
}

int ctl_undo(struct ctl *ctl)
{
    const char *label = NULL;
    const struct ctl_option options[] = {{"--account", &label}, {0}};
    struct sg_iam_request request;
    struct target target = {0};
    int status = CTL_USAGE;

    if (ctl_options(ctl, options, 1, 1, "undo ROLE [--account LABEL]") < 0)
        return CTL_USAGE;
    if (find_target(&target, ctl, ctl->argv[0], label)) {
        request = (struct sg_iam_request){
            .action = "DeleteRolePolicy",
            .parameters = {{"PolicyName", SG_TEXT(SG_REVOCATION_POLICY_NAME)},
                           {"RoleName", target.role}}};
        status = run_call(ctl, &target, &request, "revocation removed", SG_CUTOFF_NONE);
    }
    drop_target(&target);
    return status;
}
