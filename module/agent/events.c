/*
 * events.c - the events queues: one long poll under way for each, messages deleted in batches. A
 * queue that can't be read is an alarm and nothing else: polling IAM goes on as if there were none.
 * Must never delete a message that was not dealt with.
 */
#include "agent/events_queue.h"
#include "base/json.h"

#include <openssl/crypto.h>
#include <stdlib.h>

/* Changes that wait for a read. Beyond, the queue keeps the rest, whose roles are not tightened
 * yet: more than a burst of revocations has, and read within what the queue's redrive leaves. */
#define PENDING_MOST   512
#define DONE_MOST      512  /* handles */
#define FIRST_PAUSE_MS 1000 /* after a failure */
#define MOST_PAUSE_MS  60000
#define AWAY_MS        5000

static void poll_queue(void *payload);
static void delete_done(struct sg_events *events);

/* ---- what may go wrong ---- */

static void pause_then_poll(struct sg_events *events)
{
    const unsigned doublings = events->health.failures < 6 ? events->health.failures : 6;
    int64_t most_ms = (int64_t)FIRST_PAUSE_MS << doublings;

    if (most_ms > MOST_PAUSE_MS)
        most_ms = MOST_PAUSE_MS;
    sg_timer_set(&events->agent->timers, &events->timer,
                 sg_now_ms(events->agent) + FIRST_PAUSE_MS / 2 + sg_jitter_ms(most_ms), poll_queue,
                 events);
}

static void failed(struct sg_events *events, const char *call, const char *code, const char *why)
{
    sg_health_bad(&events->health, "%s: %s%s%s", call, code, code[0] != '\0' ? ": " : "", why);
    sg_log(&events->agent->log, events->health.failures == 1 ? SG_LOG_ERROR : SG_LOG_WARNING,
           "account=%s alarm=events-queue failures=%u queue=%s problem=%s; changes are seen by "
           "polling alone until it can be read",
           events->account->config->label, events->health.failures, events->queue.url,
           events->health.trouble);
    pause_then_poll(events);
}

/* Keys that have expired and a clock that is wrong are mended once; true: ask again. */
static bool mend(struct sg_events *events, const struct sg_iam_answer *answer)
{
    struct sg_agent_account *account = events->account;
    const int64_t offset_ms = answer->date_ms - sg_clock_wall_ms(events->agent->clock);
    const bool away = offset_ms <= -AWAY_MS || offset_ms >= AWAY_MS;

    if (events->renewed ||
        (answer->outcome != SG_IAM_CREDENTIALS && answer->outcome != SG_IAM_CLOCK))
        return false;
    events->renewed = true;
    if (answer->outcome == SG_IAM_CLOCK && answer->date_ms != 0 && away)
        sg_account_set_clock_offset(account, offset_ms);
    else
        sg_provider_refused(account->provider, events->key_id);
    return true;
}

/* ---- signing ---- */

static void keys_came(void *payload, int error)
{
    struct sg_events *events = payload;
    struct sg_provider_state state;

    if (error == SG_OK) {
        poll_queue(events);
        return;
    }
    sg_provider_state(&state, events->account->provider);
    failed(events, "ReceiveMessage", "", state.trouble);
}

/* False: there are no keys now. */
static bool sign(struct sg_sqs_signer *signer, struct sg_events *events)
{
    const struct sg_agent *agent = events->agent;
    const struct sg_credentials *keys = sg_provider_current(events->account->provider);

    *signer = (struct sg_sqs_signer){
        .http = agent->http,
        .credentials = keys,
        .region = events->region,
        .now_ms = sg_clock_wall_ms(agent->clock) + events->account->iam.clock_offset_ms,
    };
    return keys != NULL &&
           sg_text_copy(events->key_id, sizeof events->key_id, sg_text_of(keys->access_key_id));
}

/* ---- receiving ---- */

static void take_message(void *payload, const struct sg_sqs_message *message)
{
    struct sg_events *events = payload;

    events->received++;
    sg_events_take(events, message);
}

static void came_well(struct sg_events *events)
{
    if (events->health.tried && !events->health.good)
        sg_log(&events->agent->log, SG_LOG_NOTICE, "account=%s events-queue=read-again queue=%s",
               events->account->config->label, events->queue.url);
    sg_health_good(&events->health);
    events->renewed = false;
    events->most = SG_SQS_BATCH;
    events->polled_boot_ms = sg_now_ms(events->agent);
}

static void received(void *payload, const struct sg_http_answer *http)
{
    struct sg_events *events = payload;
    struct sg_iam_answer answer;

    events->receiving = NULL;
    /* One by one where ten are too many: none of them is ever too long by itself. */
    if (http->error == SG_E_LIMIT && events->most > 1) {
        events->most = 1;
        poll_queue(events);
        return;
    }
    sg_sqs_classify(&answer, http);
    if (answer.outcome != SG_IAM_OK) {
        if (mend(events, &answer))
            poll_queue(events);
        else
            failed(events, "ReceiveMessage", answer.code, answer.message);
        return;
    }
    const unsigned most = events->most;
    events->taking = true;
    const int error = sg_sqs_read_messages(answer.body, take_message, events);
    events->taking = false;
    if (answer.body.length > 0) /* AssumeRole's events hold session tokens */
        OPENSSL_cleanse((void *)(uintptr_t)answer.body.data, answer.body.length);
    if (error != SG_OK) {
        failed(events, "ReceiveMessage", "", "not a whole answer of SQS");
        return;
    }
    came_well(events);
    if (most == 1)
        events->most = 1 + SG_SQS_BATCH / 2; /* carefully back to ten */
    delete_done(events);
    poll_queue(events);
}

/* Also a timer's call: then nothing is under way. */
static void poll_queue(void *payload)
{
    struct sg_events *events = payload;
    struct sg_sqs_signer signer;

    if (events->receiving != NULL || events->waiter.provider != NULL)
        return;
    if (!sign(&signer, events)) {
        sg_timer_stop(&events->agent->timers, &events->timer);
        events->waiter.call = keys_came;
        events->waiter.payload = events;
        sg_provider_wait(events->account->provider, &events->waiter);
        return;
    }
    delete_done(events); /* what keys were missing for */
    if (events->pending_count + SG_SQS_BATCH > PENDING_MOST ||
        events->done_count + SG_SQS_BATCH > DONE_MOST)
        return; /* sg_events_go_on() */
    sg_timer_stop(&events->agent->timers, &events->timer);
    /* Whether it can be read at all is told at once. */
    const unsigned wait_s = events->health.good ? SG_SQS_WAIT_S : 0;
    if (sg_sqs_receive(&events->receiving, &events->queue, &signer, events->most, wait_s,
                       (struct sg_http_done){received, events}) != SG_OK)
        failed(events, "ReceiveMessage", "", "the request could not be made");
}

/* ---- deleting ---- */

static void forget_done(struct sg_events *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(events->done[i]);
    events->done_count -= count;
    for (size_t i = 0; i < events->done_count; i++)
        events->done[i] = events->done[i + count];
}

/* What could not be deleted comes again, as a duplicate. */
static void deleted(void *payload, const struct sg_http_answer *http)
{
    struct sg_events *events = payload;
    struct sg_iam_answer answer;

    events->deleting = NULL;
    sg_sqs_classify(&answer, http);
    if (answer.outcome != SG_IAM_OK || sg_sqs_read_failed(answer.body) != 0)
        sg_log(&events->agent->log, SG_LOG_WARNING,
               "account=%s events-queue=not-deleted queue=%s problem=%s: %s; its messages come "
               "again",
               events->account->config->label, events->queue.url, answer.code,
               answer.outcome == SG_IAM_OK ? "some of the batch are still there" : answer.message);
    delete_done(events);
    sg_events_go_on(events);
}

static void delete_done(struct sg_events *events)
{
    struct sg_sqs_signer signer;
    const size_t count = events->done_count < SG_SQS_BATCH ? events->done_count : SG_SQS_BATCH;

    if (events->deleting != NULL || count == 0 || !sign(&signer, events))
        return;
    (void)sg_sqs_delete(&events->deleting, &events->queue, &signer,
                        (const char *const *)events->done, count,
                        (struct sg_http_done){deleted, events});
    forget_done(events, count);
}

void sg_events_done(struct sg_events *events, char *handle)
{
    char **longer = reallocarray(events->done, events->done_count + 1, sizeof *longer);

    if (longer == NULL || handle == NULL) {
        free(handle); /* it comes again */
        return;
    }
    events->done = longer;
    events->done[events->done_count++] = handle;
    if (!events->taking) /* those of one answer go together */
        delete_done(events);
}

void sg_events_go_on(struct sg_events *events)
{
    /* A timer that is set: after a failure, or soon. */
    if (events->receiving == NULL && !events->taking && !events->timer.set)
        sg_timer_set(&events->agent->timers, &events->timer, sg_now_ms(events->agent), poll_queue,
                     events);
}

/* ---- opening ---- */

static struct sg_events *of_queue(const struct sg_agent *agent, const char *url)
{
    struct sg_events *events = agent->events;

    while (events != NULL && strcmp(events->queue.url, url) != 0)
        events = events->next;
    return events;
}

static int open_queue(struct sg_agent_account *account)
{
    struct sg_agent *agent = account->agent;
    const char *url = account->config->events_queue;

    if (url == NULL || of_queue(agent, url) != NULL)
        return SG_OK;
    struct sg_events *events = sg_alloc(1, sizeof *events);
    if (events == NULL)
        return SG_E_MEMORY;
    events->agent = agent;
    events->account = account;
    events->most = SG_SQS_BATCH;
    (void)sg_sqs_queue_of(&events->queue, url); /* the configuration was checked for it */
    events->region = events->queue.region[0] != '\0' ? events->queue.region : account->iam.region;
    events->next = agent->events;
    agent->events = events;
    sg_timer_set(&agent->timers, &events->timer, sg_now_ms(agent), poll_queue, events);
    return SG_OK;
}

int sg_events_open(struct sg_agent *agent)
{
    for (size_t i = 0; i < agent->account_count && !agent->once; i++) {
        const int error = open_queue(&agent->accounts[i]);
        if (error != SG_OK)
            return error;
    }
    return SG_OK;
}

void sg_events_close(struct sg_agent *agent)
{
    while (agent->events != NULL) {
        struct sg_events *events = agent->events;

        agent->events = events->next;
        while (events->pending != NULL)
            sg_pending_stop(events->pending);
        sg_timer_stop(&agent->timers, &events->timer);
        sg_provider_stop(&events->waiter);
        sg_http_cancel(events->receiving);
        sg_http_cancel(events->deleting);
        forget_done(events, events->done_count);
        free(events->done);
        free(events);
    }
}

/* ---- status ---- */

void sg_events_status(struct sg_buffer *out, const struct sg_agent_account *account, int64_t now_ms)
{
    const struct sg_events *events = account->config->events_queue == NULL
                                         ? NULL
                                         : of_queue(account->agent, account->config->events_queue);

    if (events == NULL)
        return;
    sg_buffer_addf(
        out,
        ",\"events\":{\"good\":%s,\"failures\":%u,\"received\":%llu,\"applied\":%llu,"
        "\"sessions\":%llu,\"foreign\":%llu,\"malformed\":%llu,\"duplicate\":%llu,\"held\":%llu,"
        "\"pending\":%zu,\"age_ms\":%lld,\"trouble\":",
        events->health.tried && events->health.good ? "true" : "false", events->health.failures,
        (unsigned long long)events->received, (unsigned long long)events->applied,
        (unsigned long long)events->sessions, (unsigned long long)events->foreign,
        (unsigned long long)events->malformed, (unsigned long long)events->duplicate,
        (unsigned long long)events->held, events->pending_count,
        (long long)(events->polled_boot_ms == 0 ? -1 : now_ms - events->polled_boot_ms));
    sg_json_quote(out, sg_text_of(events->health.trouble));
    sg_buffer_add_text(out, SG_TEXT("}"));
}
