/*
 * managed_read.c - one managed policy: which version holds (GetPolicy), then that version's
 * document (GetPolicyVersion), unless it was read before. A version's document never changes; the
 * policy's id tells when a policy was deleted and another made in its place.
 */
#include "agent/agent.h"

#include <stdio.h>

static void lead(struct sg_managed_read *read);

static void unlink_read(struct sg_managed_read *read)
{
    if (read->at == NULL)
        return;
    *read->at = read->next;
    if (read->next != NULL)
        read->next->at = read->at;
    read->next = NULL;
    read->at = NULL;
}

static void append(struct sg_managed_read **list, struct sg_managed_read *read)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = read;
    read->at = list;
    read->next = NULL;
}

/* One by one off a list of their own: each may begin or stop reads of this policy. */
static void finish(struct sg_managed_read *read, const struct sg_iam_answer *answer)
{
    struct sg_managed *managed = read->managed;
    struct sg_managed_read *told = managed->readers;

    managed->failed = answer->outcome != SG_IAM_OK;
    managed->readers = NULL;
    told->at = &told;
    while (told != NULL) {
        struct sg_managed_read *one = told;

        unlink_read(one);
        one->done(one->payload, answer);
    }
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
    struct sg_managed *managed = read->managed;
    struct sg_buffer document = {0};
    struct sg_problems problems = {0};

    if (answer->outcome != SG_IAM_OK) {
        finish(read, answer);
        return;
    }
    int error = sg_iam_read_document(&document, answer->body);
    if (error == SG_OK)
        error =
            sg_managed_set_document(managed, sg_buffer_text(&document), answer->date_ms, &problems);
    managed->read_boot_ms = sg_now_ms(account->agent);
    managed->version[0] = managed->policy_id[0] = '\0';
    sg_buffer_clear(&document);
    sg_log_problems(account->agent, SG_LOG_WARNING, account->config->label, &problems);
    if (error != SG_OK) {
        finish_malformed(read, "no document");
        return;
    }
    (void)sg_text_copy(managed->version, sizeof managed->version, sg_text_of(read->version));
    (void)sg_text_copy(managed->policy_id, sizeof managed->policy_id, sg_text_of(read->policy_id));
    finish(read, answer);
}

static bool still_holds(const struct sg_managed_read *read)
{
    const struct sg_managed *managed = read->managed;

    return managed->known && read->policy_id[0] != '\0' &&
           strcmp(managed->version, read->version) == 0 &&
           strcmp(managed->policy_id, read->policy_id) == 0;
}

static bool take_names(struct sg_managed_read *read, struct sg_text body)
{
    struct sg_buffer version = {0}, policy_id = {0};
    const bool good = sg_iam_read_default_version(&version, &policy_id, body) == SG_OK &&
                      sg_text_copy(read->version, sizeof read->version, sg_buffer_text(&version));

    /* One that is too long is as good as none: the document is then read each time. */
    (void)sg_text_copy(read->policy_id, sizeof read->policy_id, sg_buffer_text(&policy_id));
    sg_buffer_clear(&version);
    sg_buffer_clear(&policy_id);
    return good;
}

static void take_version(void *payload, const struct sg_iam_answer *answer)
{
    struct sg_managed_read *read = payload;
    struct sg_managed *managed = read->managed;

    if (answer->outcome != SG_IAM_OK) {
        finish(read, answer);
        return;
    }
    if (!take_names(read, answer->body)) {
        finish_malformed(read, "no default version");
        return;
    }
    if (still_holds(read)) {
        managed->aws_ms = answer->date_ms;
        managed->read_boot_ms = sg_now_ms(read->call.account->agent);
        finish(read, answer);
        return;
    }
    read->call.request = (struct sg_iam_request){
        .action = "GetPolicyVersion",
        .parameters = {{"PolicyArn", sg_text_of(managed->arn)},
                       {"VersionId", sg_text_of(read->version)}},
    };
    read->call.done = take_document;
    sg_call_start(&read->call);
}

static void lead(struct sg_managed_read *read)
{
    read->call.request = (struct sg_iam_request){
        .action = "GetPolicy", .parameters = {{"PolicyArn", sg_text_of(read->managed->arn)}}};
    read->call.done = take_version;
    sg_call_start(&read->call);
}

void sg_managed_read_start(struct sg_managed_read *read, struct sg_agent_account *account,
                           struct sg_managed *managed,
                           void (*done)(void *payload, const struct sg_iam_answer *answer),
                           void *payload)
{
    *read = (struct sg_managed_read){.managed = managed, .done = done, .payload = payload};
    read->call = (struct sg_call){.account = account, .payload = read};
    managed->used_boot_ms = sg_now_ms(account->agent);
    append(&managed->readers, read);
    if (managed->readers == read)
        lead(read);
}

void sg_managed_read_stop(struct sg_managed_read *read)
{
    struct sg_managed *managed = read->managed;
    const bool leads = managed != NULL && managed->readers == read;

    sg_call_stop(&read->call);
    unlink_read(read);
    if (leads && managed->readers != NULL)
        lead(managed->readers);
}
