/*
 * The HTTP server, on libmicrohttpd, driven by its own epoll from the one thread there is: no
 * locks.
 *
 * A request is read whole, meets its faults, waits suspended if it has to, and is then answered.
 * Control requests meet no faults.
 */
#include "http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "queue.h"

enum { MAX_BODY = 1024 * 1024, MAX_WAIT_MS = 1000 };

enum stage { READING = 0, WAITING, READY };

struct exchange {
    struct sb_http *http;
    struct MHD_Connection *connection;
    struct sb_request request;
    enum stage stage;
    enum sb_mishap mishap;
    const char *action; /* the word faults and counters go by */
    const char *service;
    bool started, too_big, malformed, hung;
    int64_t wake_ms;        /* steady */
    struct sb_queue *queue; /* NULL: it does not wait for a message */
    struct exchange *next_waiting;
};

struct sb_http {
    struct sb_sandbox *box;
    struct MHD_Daemon *daemon;
    struct exchange *waiting;
};

/* Called with the raw request target, before anything of it is decoded. */
static void *begin(void *payload, const char *target, struct MHD_Connection *connection)
{
    struct exchange *exchange = sb_alloc(sizeof(*exchange));
    const char *mark = strchr(target, '?');
    size_t length = mark != NULL ? (size_t)(mark - target) : strlen(target);

    exchange->http = payload;
    exchange->connection = connection;
    exchange->request.path = sb_copy_range(target, length);
    exchange->request.query_text = sb_copy(mark != NULL ? mark + 1 : "");
    return exchange;
}

static void finish(void *payload, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *state;
    struct sb_request *request;

    (void)payload;
    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    request = &exchange->request;
    free(request->method);
    free(request->path);
    sb_wipe_string(request->query_text);
    sb_form_free(&request->headers);
    sb_form_free(&request->query);
    sb_form_free(&request->form);
    sb_text_free(&request->body);
    free(exchange);
    *state = NULL;
}

static enum MHD_Result add_header(void *payload, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct sb_form *headers = payload;
    char *c;

    (void)kind;
    sb_form_add(headers, name, value != NULL ? value : "");
    for (c = headers->fields[headers->count - 1].name; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return MHD_YES;
}

static void read_forms(struct exchange *exchange)
{
    struct sb_request *request = &exchange->request;
    const char *type;
    const char *query = request->query_text;

    (void)MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, add_header,
                                    &request->headers);
    if (sb_form_parse(&request->query, query, strlen(query)) != 0 ||
        sb_form_parse(&request->form, query, strlen(query)) != 0)
        exchange->malformed = true;
    type = sb_form_get_or(&request->headers, "content-type", "");
    if (strncmp(type, "application/x-www-form-urlencoded", 33) != 0 || request->body.length == 0)
        return;
    if (sb_form_parse(&request->form, request->body.bytes, request->body.length) != 0)
        exchange->malformed = true;
}

static bool is_control(const struct sb_request *request)
{
    return strncmp(request->path, "/_sandbox/", 10) == 0;
}

/* Names the request for counters and faults, and counts it. */
static void classify(struct exchange *exchange)
{
    struct sb_sandbox *box = exchange->http->box;
    const struct sb_request *request = &exchange->request;
    const char *word = sb_discovery_word(box, request->path);

    exchange->action = word != NULL ? word : "other";
    exchange->service = NULL;
    if (sb_is_sqs(request)) {
        exchange->action = sb_sqs_word(request);
        exchange->service = "sqs";
        sb_count(box->actions, exchange->action);
        sb_count(box->paths, "sqs");
        return;
    }
    if (strcmp(request->path, "/") == 0) {
        exchange->action = sb_action_word(request, &exchange->service);
        sb_count(box->actions, exchange->action);
        sb_count(box->paths, "/");
        return;
    }
    sb_count(box->paths, word != NULL ? request->path : "other");
}

static enum MHD_Result wait_until(struct exchange *exchange, int64_t wake_ms)
{
    exchange->stage = WAITING;
    exchange->wake_ms = wake_ms;
    exchange->next_waiting = exchange->http->waiting;
    exchange->http->waiting = exchange;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

/* Resumes what is due: by time, by a message, or because the hang was lifted. Everything, on the
 * way out. True: there was some, and the daemon has to run for it. */
static bool wake(struct sb_http *http, bool all)
{
    struct exchange **place = &http->waiting;
    int64_t now_ms = sb_steady_ms();
    bool any = false;

    while (*place != NULL) {
        struct exchange *exchange = *place;
        bool due = exchange->hung ? !http->box->faults.hang : exchange->wake_ms <= now_ms;

        if (exchange->queue != NULL && sb_queue_next_ms(exchange->queue) <= now_ms)
            due = true;

        if (!due && !all) {
            place = &exchange->next_waiting;
            continue;
        }
        *place = exchange->next_waiting;
        exchange->stage = READY;
        if (all)
            exchange->mishap = SB_DROP;
        MHD_resume_connection(exchange->connection);
        any = true;
    }
    return any;
}

static void answer_failure(struct exchange *exchange, struct sb_answer *answer)
{
    const char *code = exchange->http->box->faults.fail;
    unsigned status;
    int64_t number;

    if (code[0] == '\0')
        code = "ServiceFailure";
    status = sb_status_of(code);
    if (strcmp(code, "garbage") == 0) {
        answer->status = 200;
        answer->content_type = "text/xml";
        answer->body = sb_copy("<html><body>It works!</body>");
        return;
    }
    if (sb_integer(&number, code, 200, 599) == 0 || exchange->service == NULL) {
        answer->status = status;
        answer->content_type = "text/html";
        answer->body = sb_format("<html><body>%u</body></html>\n", status);
        return;
    }
    sb_count(exchange->http->box->codes, code);
    if (strcmp(exchange->service, "sqs") == 0) {
        sb_sqs_error(answer, &exchange->request, status, code, "As the test asked.");
        return;
    }
    sb_render_error(answer, sb_wants_json(&exchange->request), exchange->service, status, code,
                    strcmp(code, "Throttling") == 0 ? "Rate exceeded" : "As the test asked.");
}

static void answer_unknown(struct sb_answer *answer, unsigned status, const char *text)
{
    answer->status = status;
    answer->content_type = "text/plain";
    answer->body = sb_copy(text);
}

static void make_answer(struct exchange *exchange, struct sb_answer *answer)
{
    struct sb_sandbox *box = exchange->http->box;
    const struct sb_request *request = &exchange->request;
    bool fails = exchange->mishap == SB_FAIL;
    bool truncated = fails && strcmp(box->faults.fail, "truncated") == 0;
    /* These have the true answer, which then does not arrive. */
    bool cut = truncated || (fails && (strcmp(box->faults.fail, "half-closed") == 0 ||
                                       strcmp(box->faults.fail, "oversized") == 0));

    if (exchange->too_big) {
        answer_unknown(answer, 413, "The body is too big.\n");
    } else if (exchange->malformed) {
        sb_render_error(answer, false, "iam", 400, "MalformedInput",
                        "The query or form is badly encoded.");
    } else if (sb_answer_control(box, request, answer) == 0) {
        return;
    } else if (fails && !cut) {
        answer_failure(exchange, answer);
    } else if (strcmp(request->path, "/") == 0 || sb_is_sqs(request)) {
        if (sb_is_sqs(request))
            sb_answer_sqs(box, request, answer);
        else
            sb_answer_call(box, request, answer); /* both log for themselves */
        if (truncated)
            answer->body[strlen(answer->body) / 2] = '\0';
        return;
    } else if (sb_answer_discovery(box, request, answer) != 0) {
        answer_unknown(answer, 404, "Not found.\n");
    }
    if (truncated)
        answer->body[strlen(answer->body) / 2] = '\0';
    sb_log_answer(box, request, NULL, answer->status);
}

/* ---- answers that do not end as they should ---- */

#define OVERSIZED (96u * 1024 * 1024)

struct cut_body {
    char *text;
    size_t length;
};

static ssize_t give_half(void *payload, uint64_t at, char *into, size_t most)
{
    const struct cut_body *body = payload;
    size_t left = body->length / 2 > at ? body->length / 2 - (size_t)at : 0;

    if (left == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR; /* closes the connection */
    if (left > most)
        left = most;
    memcpy(into, body->text + at, left);
    return (ssize_t)left;
}

static ssize_t give_blanks(void *payload, uint64_t at, char *into, size_t most)
{
    (void)payload;
    (void)at;
    memset(into, ' ', most);
    return (ssize_t)most;
}

static void free_cut_body(void *payload)
{
    struct cut_body *body = payload;

    free(body->text);
    free(body);
}

/* Takes the body over; NULL frees it. */
static struct MHD_Response *make_response(const struct exchange *exchange, char *body)
{
    const char *fail = exchange->mishap == SB_FAIL ? exchange->http->box->faults.fail : "";
    struct MHD_Response *response;

    if (strcmp(fail, "half-closed") == 0) {
        struct cut_body *cut = sb_alloc(sizeof(*cut));

        *cut = (struct cut_body){body, strlen(body)};
        response =
            MHD_create_response_from_callback(cut->length, 4096, give_half, cut, free_cut_body);
        if (response == NULL)
            free_cut_body(cut);
        return response;
    }
    if (strcmp(fail, "oversized") == 0) {
        free(body);
        return MHD_create_response_from_callback(OVERSIZED, 1 << 18, give_blanks, NULL, NULL);
    }
    response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(body);
    return response;
}

static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct sb_answer answer = {0};
    struct MHD_Response *response;
    enum MHD_Result result = MHD_NO;
    char *date;

    make_answer(exchange, &answer);
    if (answer.request_id == NULL)
        answer.request_id = sb_random_uuid();
    date = sb_http_date(sb_now_ms(exchange->http->box));
    response = make_response(exchange, answer.body);
    if (response == NULL)
        goto out;
    if (MHD_add_response_header(response, "Content-Type", answer.content_type) == MHD_YES &&
        MHD_add_response_header(response, "Date", date) == MHD_YES &&
        MHD_add_response_header(response, "x-amzn-requestid", answer.request_id) == MHD_YES)
        result = MHD_queue_response(exchange->connection, answer.status, response);
    MHD_destroy_response(response);
out:
    free(date);
    free(answer.request_id);
    return result;
}

/* The request is whole: faults first, then the answer. MHD_NO closes the connection. */
static enum MHD_Result meet_faults(struct exchange *exchange)
{
    struct sb_faults *faults = &exchange->http->box->faults;

    if (exchange->stage == READING && !is_control(&exchange->request)) {
        classify(exchange);
        exchange->mishap = sb_faults_next(faults, exchange->action, exchange->service);
        exchange->hung = exchange->mishap == SB_HANG;
        if (exchange->hung)
            return wait_until(exchange, INT64_MAX);
        if (exchange->mishap != SB_DROP && faults->latency_ms > 0 &&
            sb_faults_touch(faults, exchange->action, exchange->service))
            return wait_until(exchange, sb_steady_ms() + faults->latency_ms);
        if (exchange->mishap == SB_FINE && sb_is_sqs(&exchange->request)) {
            int64_t until_ms = 0;

            exchange->queue = sb_sqs_waits(exchange->http->box, &exchange->request, &until_ms);
            if (exchange->queue != NULL)
                return wait_until(exchange, until_ms);
        }
    }
    if (exchange->stage == READY && faults->down &&
        sb_faults_touch(faults, exchange->action, exchange->service))
        exchange->mishap = SB_DROP;
    if (exchange->mishap == SB_DROP) {
        exchange->http->box->dropped++;
        return MHD_NO;
    }
    return send_answer(exchange);
}

static enum MHD_Result on_request(void *payload, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *length, void **state)
{
    struct exchange *exchange = *state;

    (void)payload;
    (void)connection;
    (void)url;
    (void)version;
    if (exchange == NULL)
        return MHD_NO;
    if (!exchange->started) {
        exchange->started = true;
        exchange->request.method = sb_copy(method);
        return MHD_YES;
    }
    if (*length > 0) {
        if (exchange->request.body.length + *length > MAX_BODY)
            exchange->too_big = true;
        else
            sb_text_add(&exchange->request.body, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    if (exchange->stage == WAITING)
        return MHD_YES; /* not resumed yet */
    if (exchange->stage == READING)
        read_forms(exchange);
    return meet_faults(exchange);
}

struct sb_http *sb_http_start(struct sb_sandbox *box, unsigned port, unsigned *bound_port)
{
    struct sb_http *http = sb_alloc(sizeof(*http));
    struct sockaddr_in address;
    const union MHD_DaemonInfo *info;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    http->box = box;
    http->daemon = MHD_start_daemon(
        flags, (uint16_t)port, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_URI_LOG_CALLBACK, begin, http, MHD_OPTION_NOTIFY_COMPLETED, finish, http,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)64 * 1024, MHD_OPTION_CONNECTION_LIMIT, 900u,
        MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
    if (http->daemon == NULL)
        goto fail;
    info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL)
        goto fail;
    *bound_port = info->port;
    box->base_url = sb_format("http://127.0.0.1:%u", *bound_port);
    return http;
fail:
    sb_http_stop(http);
    return NULL;
}

/* How long nothing can become due. */
static int64_t quiet_ms(const struct sb_http *http, int64_t until_ms)
{
    const struct exchange *exchange;
    MHD_UNSIGNED_LONG_LONG daemon_ms = 0;
    int64_t now_ms = sb_steady_ms();
    int64_t least = MAX_WAIT_MS;

    if (MHD_get_timeout(http->daemon, &daemon_ms) == MHD_YES && daemon_ms < (unsigned)MAX_WAIT_MS)
        least = (int64_t)daemon_ms;
    for (exchange = http->waiting; exchange != NULL; exchange = exchange->next_waiting) {
        if (!exchange->hung && exchange->wake_ms - now_ms < least)
            least = exchange->wake_ms - now_ms;
        if (exchange->queue != NULL && sb_queue_next_ms(exchange->queue) - now_ms < least)
            least = sb_queue_next_ms(exchange->queue) - now_ms;
    }
    if (until_ms > 0 && until_ms - now_ms < least)
        least = until_ms - now_ms;
    return least > 0 ? least : 0;
}

void sb_http_serve(struct sb_http *http, const volatile sig_atomic_t *stop, int64_t until_ms)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd watch = {.events = POLLIN};
    struct timespec timeout;
    sigset_t open;
    int64_t wait_ms;

    (void)sigemptyset(&open);
    watch.fd = info->epoll_fd;
    while (!*stop && (until_ms == 0 || sb_steady_ms() < until_ms)) {
        wait_ms = quiet_ms(http, until_ms);
        timeout.tv_sec = wait_ms / 1000;
        timeout.tv_nsec = wait_ms % 1000 * 1000000;
        if (ppoll(&watch, 1, &timeout, &open) < 0 && errno != EINTR)
            return;
        do
            (void)MHD_run(http->daemon);
        while (wake(http, false)); /* epoll knows nothing of what was resumed */
    }
}

void sb_http_stop(struct sb_http *http)
{
    if (http->daemon != NULL) {
        (void)wake(http, true);
        (void)MHD_run(http->daemon);
        MHD_stop_daemon(http->daemon);
    }
    free(http);
}
