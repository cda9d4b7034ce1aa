/*
 * Queues and the messages in them. A standard queue's promises and no more: at least once, roughly
 * in order.
 */
#include "queue.h"

#include <string.h>

static void free_message(struct sb_message *message)
{
    free(message->id);
    sb_wipe_string(message->body);
    free(message->handle);
    free(message);
}

void sb_queues_free(struct sb_sandbox *box)
{
    while (box->sinks != NULL) {
        struct sb_sink *sink = box->sinks;

        box->sinks = sink->next;
        free(sink);
    }
    while (box->queues != NULL) {
        struct sb_queue *queue = box->queues;

        box->queues = queue->next;
        while (queue->messages != NULL) {
            struct sb_message *message = queue->messages;

            queue->messages = message->next;
            free_message(message);
        }
        free(queue->name);
        free(queue);
    }
}

struct sb_queue *sb_queue_find(const struct sb_sandbox *box, const struct sb_account *account,
                               const char *name)
{
    struct sb_queue *queue = box->queues;

    while (queue != NULL && (queue->account != account || strcmp(queue->name, name) != 0))
        queue = queue->next;
    return queue;
}

struct sb_queue *sb_queue_add(struct sb_sandbox *box, struct sb_account *account, const char *name)
{
    struct sb_queue *queue = sb_queue_find(box, account, name);

    if (queue != NULL)
        return queue;
    queue = sb_alloc(sizeof(*queue));
    queue->account = account;
    queue->name = sb_copy(name);
    queue->visibility_ms = 30000;
    queue->next = box->queues;
    box->queues = queue;
    return queue;
}

char *sb_queue_url(const struct sb_sandbox *box, const struct sb_queue *queue)
{
    return sb_format("%s/%s/%s", box->base_url, queue->account->id, queue->name);
}

struct sb_queue *sb_queue_by_url(const struct sb_sandbox *box, const char *url)
{
    const char *name = strrchr(url, '/');
    struct sb_account *account = NULL;
    char *id;

    if (name == NULL || name - url < 13)
        return NULL;
    id = sb_copy_range(name - 12, 12);
    account = sb_account_find(box->world, id);
    free(id);
    return account != NULL && name[-13] == '/' ? sb_queue_find(box, account, name + 1) : NULL;
}

static void append(struct sb_queue *queue, struct sb_message *message)
{
    struct sb_message **place = &queue->messages;

    while (*place != NULL)
        place = &(*place)->next;
    message->next = NULL;
    *place = message;
}

struct sb_message *sb_queue_send(struct sb_queue *queue, const char *body, int64_t delay_ms)
{
    struct sb_message *message = sb_alloc(sizeof(*message));

    message->id = sb_random_uuid();
    message->body = sb_copy(body);
    message->visible_ms = sb_steady_ms() + delay_ms;
    append(queue, message);
    return message;
}

int64_t sb_queue_next_ms(const struct sb_queue *queue)
{
    const struct sb_message *message;
    int64_t next_ms = INT64_MAX;

    for (message = queue->messages; message != NULL; message = message->next) {
        if (message->visible_ms < next_ms)
            next_ms = message->visible_ms;
    }
    return next_ms;
}

struct sb_message *sb_queue_receive(struct sb_queue *queue, int64_t visibility_ms)
{
    int64_t now_ms = sb_steady_ms();
    struct sb_message **place = &queue->messages;

    while (*place != NULL) {
        struct sb_message *message = *place;

        if (message->visible_ms > now_ms || message->call == queue->call) {
            place = &message->next;
            continue;
        }
        if (queue->dead != NULL && message->receives >= queue->max_receives) {
            *place = message->next;
            append(queue->dead, message);
            continue;
        }
        free(message->handle);
        message->handle = sb_random_base64(96);
        message->receives++;
        message->call = queue->call;
        message->visible_ms = now_ms + visibility_ms;
        return message;
    }
    return NULL;
}

static struct sb_message **find_handle(struct sb_queue *queue, const char *handle)
{
    struct sb_message **place = &queue->messages;

    while (*place != NULL && ((*place)->handle == NULL || strcmp((*place)->handle, handle) != 0))
        place = &(*place)->next;
    return *place != NULL ? place : NULL;
}

bool sb_queue_delete(struct sb_queue *queue, const char *handle)
{
    struct sb_message **place = find_handle(queue, handle);
    struct sb_message *message;

    if (place == NULL)
        return false;
    message = *place;
    *place = message->next;
    free_message(message);
    return true;
}

bool sb_queue_hide(struct sb_queue *queue, const char *handle, int64_t visibility_ms)
{
    struct sb_message **place = find_handle(queue, handle);

    if (place != NULL)
        (*place)->visible_ms = sb_steady_ms() + visibility_ms;
    return place != NULL;
}
