/*
 * managed_read.c - one managed policy: which version holds (GetPolicy), then that version's
 * document (GetPolicyVersion).
 */
#include "agent/agent.h"

#include <stdio.h>

static void finish(struct sg_managed_read *read, const struct sg_iam_answer *answer)
{
    read->managed->failed = answer->outcome != SG_IAM_OK;
    read->done(read->payload, answer);
}

static void finish_malformed(struct sg_managed_read *read, const char *what)
{
    struct sg_iam_answer answer = {.outcome = SG_IAM_FAILED};

    (void)snprintf(answer.message, sizeof answer.message, "IAM's answer about %s: %s",
                   read->managed->arn, what);
    finish(read, &answer);
}

static void take_document(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_managed_read *read = payload;
    struct sg_agent_account *account = read->call.account;
    struct sg_buffer document = {0};
    struct sg_problems problems = {0};

    if (answer->outcome != SG_IAM_OK) {
        finish(read, answer);
        return;
    }
    int error = sg_iam_read_document(&document, answer->body);
    if (error == SG_OK)
        error = sg_managed_set_document(read->managed, sg_buffer_text(&document), answer->date_ms,
                                        &problems);
    read->managed->read_boot_ms = sg_now_ms(account->agent);
    sg_buffer_clear(&document);
    sg_log_problems(account->agent, SG_LOG_WARNING, account->config->label, &problems);
    if (error == SG_OK)
        finish(read, answer);
    else
        finish_malformed(read, "no document");
}

static void take_version(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_managed_read *read = payload;
    struct sg_buffer version = {0};

    if (answer->outcome != SG_IAM_OK) {
        finish(read, answer);
        return;
    }
    const int error = sg_iam_read_default_version(&version, answer->body);
    const bool good = error == SG_OK &&
                      sg_text_copy(read->version, sizeof read->version, sg_buffer_text(&version));
    sg_buffer_clear(&version);
    if (!good) {
        finish_malformed(read, "no default version");
        return;
    }
    read->call.request = (struct sg_iam_request){
        .action = "GetPolicyVersion",
        .parameters = {{"PolicyArn", sg_text_of(read->managed->arn)},
                       {"VersionId", sg_text_of(read->version)}},
    };
    read->call.done = take_document;
    sg_call_start(&read->call);
}

void sg_managed_read_start(struct sg_managed_read *read, struct sg_agent_account *account,
                           struct sg_managed *managed,
                           void (*done)(void *payload, const struct sg_iam_answer *answer),
                           void *payload)
{
    *read = (struct sg_managed_read){.managed = managed, .done = done, .payload = payload};
    read->call = (struct sg_call){
        .account = account,
        .request = {.action = "GetPolicy", .parameters = {{"PolicyArn", sg_text_of(managed->arn)}}},
        .done = take_version,
        .payload = read,
    };
    sg_call_start(&read->call);
}

void sg_managed_read_stop(struct sg_managed_read *read)
{
    sg_call_stop(&read->call);
}
