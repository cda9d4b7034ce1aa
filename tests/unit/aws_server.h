/*
 * aws_server.h - an HTTP server in a thread of its own that plays whatever a test scripts:
 * metadata, a container's endpoint, STS, a proxy. It remembers what it was asked.
 */
#ifndef SG_TESTS_AWS_SERVER_H
#define SG_TESTS_AWS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#define AWS_REQUESTS_MAX 64
#define AWS_RULES_MAX    32

struct aws_request {
    char method[16], path[256], authorization[512], token[128], ttl[32], host[128];
    char security_token[128], body[4096];
};

struct aws_rule {
    const char *method, *path, *body_part; /* body_part: must stand in the request's body; NULL */
    int status;
    const char *body, *location;
    int times;    /* how often it still holds; -1: always */
    int drip_ms;  /* a byte of the body in so many ms; 0: at once */
    bool hang_up; /* no answer, the connection is closed */
};

struct aws_server; /* opaque: MHD's daemon and a lock */

struct aws_server_options {
    const char *key_pem, *cert_pem; /* TLS; NULL: none */
    bool ipv6;
};
/* NULL: it can't (no IPv6, say). */
struct aws_server *aws_server_start(const struct aws_server_options *options);
void aws_server_stop(struct aws_server *server);
unsigned aws_server_port(const struct aws_server *server);
const char *aws_server_url(struct aws_server *server, const char *path); /* until the next call */

/* The body is copied, the rest borrowed. The first rule that fits and still holds answers; none:
 * 404. */
void aws_server_rule(struct aws_server *server, const struct aws_rule *rule);
void aws_server_forget(struct aws_server *server);                    /* rules and requests */
size_t aws_server_count(struct aws_server *server, const char *path); /* requests of that path */
/* The last one of that path; zeroed when there is none. */
struct aws_request aws_server_last(struct aws_server *server, const char *path);
unsigned aws_server_connections(struct aws_server *server); /* ever made */

#endif
