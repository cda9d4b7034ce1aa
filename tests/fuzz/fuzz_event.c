/*
 * fuzz_event.c - a message of the events queue, by itself and inside an answer of SQS. What is
 * taken names whose account, role or session it is about; what is refused leaves nothing; and no
 * session token is ever kept.
 */
#include "agent/events.h"
#include "aws/sqs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_session(const struct sg_event_session *session)
{
    struct sg_role_arn parts;

    return session->access_key_id[0] != '\0' && session->issued_ms > 0 &&
           sg_text_starts(sg_text_of(session->role_arn), SG_TEXT("arn:")) &&
           (sg_role_arn_parse(&parts, sg_text_of(session->role_arn), false) ||
            session->user_id[0] != '\0');
}

static void check(const struct sg_event *event)
{
    char key[SG_PRINCIPAL_KEY_MAX + 1];

    must(event->actor.role_arn[0] == '\0' || is_session(&event->actor));
    if (event->kind == SG_EVENT_NONE)
        return;
    must(event->id[0] != '\0' && event->at_ms > 0);
    must(sg_account_id_valid(sg_text_of(event->account)));
    if (event->kind == SG_EVENT_ROLE)
        must(sg_principal_fold(key, sg_text_of(event->role)));
    if (event->kind == SG_EVENT_SESSION)
        must(is_session(&event->issued) && event->issued.issued_ms == event->at_ms);
    must(event->document.length == 0 || event->policy[0] != '\0');
    must(event->kind != SG_EVENT_MADE || (event->policy[0] != '\0' && !event->touches));
    must(event->hangs[0] == '\0' ||
         (event->kind == SG_EVENT_ROLE && event->origin != SG_POLICY_INLINE));
}

static void read_event(struct sg_text body)
{
    struct sg_event event = {.kind = SG_EVENT_NONE};
    char why[96] = "";

    const int error = sg_event_read(&event, body, why, sizeof why);
    if (error == SG_OK)
        check(&event);
    else
        must(event.kind == SG_EVENT_NONE && event.id[0] == '\0' && event.document.data == NULL &&
             (error != SG_E_INVALID || why[0] != '\0'));
    sg_event_clear(&event);
}

static void take_message(void *payload, const struct sg_sqs_message *message)
{
    size_t *count = payload;

    must(message->handle.length > 0 && message->handle.length < SG_SQS_HANDLE_BYTES);
    must(++*count <= SG_SQS_BATCH);
    read_event(message->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text body = {(const char *)data, size};
    const struct sg_http_answer http = {.status = 400, .body = body};
    struct sg_iam_answer answer;
    size_t count = 0;

    read_event(body);
    must(sg_sqs_read_messages(body, take_message, &count) == SG_OK || count == 0);
    must(sg_sqs_read_failed(body) <= SG_SQS_BATCH);
    sg_sqs_classify(&answer, &http);
    must(answer.outcome != SG_IAM_OK && answer.message[0] != '\0');
    return 0;
}
