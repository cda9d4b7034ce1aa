/*
 * aws_server.c - libmicrohttpd with a script. Nothing in it judges: what is right is the test's to
 * say.
 */
#include "aws_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct aws_server {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    struct aws_rule rules[AWS_RULES_MAX];
    size_t rule_count;
    struct aws_request requests[AWS_REQUESTS_MAX];
    size_t request_count;
    unsigned connections, port;
    bool tls, ipv6;
    char url[256];
    char *texts[256]; /* of rules; they live as long as the server */
    size_t text_count;
};

struct visit {
    struct aws_request request;
    size_t body_length;
};

struct drip {
    const char *body;
    size_t length;
    int pause_ms;
};

static void keep(char *into, size_t size, struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

    (void)snprintf(into, size, "%s", value == NULL ? "" : value);
}

static ssize_t drip_some(void *context, uint64_t at, char *buffer, size_t most)
{
    const struct drip *drip = context;
    const struct timespec pause = {drip->pause_ms / 1000, drip->pause_ms % 1000 * 1000000L};

    (void)most;
    if (at >= drip->length)
        return MHD_CONTENT_READER_END_OF_STREAM;
    (void)nanosleep(&pause, NULL);
    buffer[0] = drip->body[at];
    return 1;
}

static struct MHD_Response *make_response(const struct aws_rule *rule)
{
    struct MHD_Response *response;

    if (rule->drip_ms == 0) {
        response = MHD_create_response_from_buffer(
            strlen(rule->body), (void *)(uintptr_t)rule->body, MHD_RESPMEM_MUST_COPY);
    } else {
        struct drip *drip = calloc(1, sizeof *drip);
        *drip = (struct drip){rule->body, strlen(rule->body), rule->drip_ms};
        response = MHD_create_response_from_callback(drip->length, 16, drip_some, drip, free);
    }
    if (rule->location != NULL)
        (void)MHD_add_response_header(response, "Location", rule->location);
    return response;
}

/* The rule that answers; a copy, so that the script may change meanwhile. */
static struct aws_rule find_rule(struct aws_server *server, const struct aws_request *request)
{
    struct aws_rule found = {.status = 404, .body = "", .times = -1};

    (void)pthread_mutex_lock(&server->lock);
    if (server->request_count < AWS_REQUESTS_MAX)
        server->requests[server->request_count++] = *request;
    for (size_t i = 0; i < server->rule_count; i++) {
        struct aws_rule *rule = &server->rules[i];

        if (rule->times == 0 || strcmp(rule->method, request->method) != 0 ||
            strcmp(rule->path, request->path) != 0 ||
            (rule->body_part != NULL && strstr(request->body, rule->body_part) == NULL))
            continue;
        if (rule->times > 0)
            rule->times--;
        found = *rule;
        break;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return found;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct aws_server *server = context;
    struct visit *visit = *state;

    (void)version;
    if (visit == NULL) {
        *state = visit = calloc(1, sizeof *visit);
        return visit == NULL ? MHD_NO : MHD_YES;
    }
    if (*size > 0) {
        const size_t room = sizeof visit->request.body - 1 - visit->body_length;
        const size_t taken = *size < room ? *size : room;
        memcpy(visit->request.body + visit->body_length, data, taken);
        visit->body_length += taken;
        *size = 0;
        return MHD_YES;
    }
    struct aws_request *request = &visit->request;
    (void)snprintf(request->method, sizeof request->method, "%s", method);
    (void)snprintf(request->path, sizeof request->path, "%s", url);
    keep(request->authorization, sizeof request->authorization, connection, "Authorization");
    keep(request->token, sizeof request->token, connection, "X-aws-ec2-metadata-token");
    keep(request->ttl, sizeof request->ttl, connection, "X-aws-ec2-metadata-token-ttl-seconds");
    keep(request->security_token, sizeof request->security_token, connection,
         "X-Amz-Security-Token");
    keep(request->host, sizeof request->host, connection, "Host");
    const struct aws_rule rule = find_rule(server, request);
    if (rule.hang_up)
        return MHD_NO;
    struct MHD_Response *response = make_response(&rule);
    const enum MHD_Result result = MHD_queue_response(connection, (unsigned)rule.status, response);
    MHD_destroy_response(response);
    return result;
}

static void forget_visit(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    free(*state);
}

static void count_connection(void *context, struct MHD_Connection *connection, void **state,
                             enum MHD_ConnectionNotificationCode code)
{
    struct aws_server *server = context;

    (void)connection;
    (void)state;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    (void)pthread_mutex_lock(&server->lock);
    server->connections++;
    (void)pthread_mutex_unlock(&server->lock);
}

static void be_silent(void *context, const char *format, va_list arguments)
{
    (void)context;
    (void)format;
    (void)arguments;
}

struct aws_server *aws_server_start(const struct aws_server_options *options)
{
    struct aws_server *server = calloc(1, sizeof *server);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const void *address = options->ipv6 ? (const void *)&v6 : (const void *)&v4;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key_pem},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->cert_pem},
        {MHD_OPTION_END, 0, NULL},
    };
    const bool with_tls = options->key_pem != NULL;

    if (server == NULL)
        return NULL;
    (void)pthread_mutex_init(&server->lock, NULL);
    server->tls = with_tls;
    server->ipv6 = options->ipv6;
    server->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
            (with_tls ? (unsigned)MHD_USE_TLS : 0u) | (options->ipv6 ? (unsigned)MHD_USE_IPv6 : 0u),
        0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_EXTERNAL_LOGGER,
        be_silent, NULL, MHD_OPTION_NOTIFY_COMPLETED, forget_visit, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, count_connection, server, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
        MHD_OPTION_ARRAY, with_tls ? tls : tls + 2, MHD_OPTION_END);
    if (server->daemon == NULL) {
        free(server);
        return NULL;
    }
    server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    return server;
}

void aws_server_stop(struct aws_server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    (void)pthread_mutex_destroy(&server->lock);
    while (server->text_count > 0)
        free(server->texts[--server->text_count]);
    free(server);
}

unsigned aws_server_port(const struct aws_server *server)
{
    return server->port;
}

const char *aws_server_url(struct aws_server *server, const char *path)
{
    (void)snprintf(server->url, sizeof server->url, "%s://%s:%u%s", server->tls ? "https" : "http",
                   server->ipv6  ? "[::1]"
                   : server->tls ? "localhost"
                                 : "127.0.0.1",
                   server->port, path);
    return server->url;
}

void aws_server_rule(struct aws_server *server, const struct aws_rule *rule)
{
    (void)pthread_mutex_lock(&server->lock);
    if (server->rule_count < AWS_RULES_MAX && server->text_count < 256) {
        char *body = strdup(rule->body == NULL ? "" : rule->body);
        server->texts[server->text_count++] = body;
        server->rules[server->rule_count] = *rule;
        server->rules[server->rule_count++].body = body;
    }
    (void)pthread_mutex_unlock(&server->lock);
}

void aws_server_forget(struct aws_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->rule_count = 0;
    server->request_count = 0;
    (void)pthread_mutex_unlock(&server->lock);
}

size_t aws_server_count(struct aws_server *server, const char *path)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count; i++)
        count += strcmp(server->requests[i].path, path) == 0;
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}

struct aws_request aws_server_last(struct aws_server *server, const char *path)
{
    struct aws_request last = {.method = ""};

    (void)pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count; i++) {
        if (strcmp(server->requests[i].path, path) == 0)
            last = server->requests[i];
    }
    (void)pthread_mutex_unlock(&server->lock);
    return last;
}

unsigned aws_server_connections(struct aws_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    const unsigned count = server->connections;
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}
