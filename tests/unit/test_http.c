/*
 * test_http.c - requests over a network that means no good: wrong certificates, redirects, answers
 * that drip, never end or are too large, connections that break; and what the environment must not
 * change.
 */
#include "aws/http.h"
#include "aws_server.h"
#include "base/buffer.h"
#include "base/clock.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 60000
#define DAY_S       86400L

struct world {
    struct sg_http *http;
    struct aws_server *server;
    char ca[64]; /* a file with the server's certificate */
    /* of the last request */
    unsigned calls;
    int error;
    long status;
    char problem[256], body[256];
    size_t body_length;
};

static void take(void *payload, const struct sg_http_answer *answer)
{
    struct world *world = payload;

    world->calls++;
    world->error = answer->error;
    world->status = answer->status;
    world->body_length = answer->body.length;
    (void)snprintf(world->problem, sizeof world->problem, "%s",
                   answer->problem == NULL ? "" : answer->problem);
    (void)snprintf(world->body, sizeof world->body, "%.*s", SG_TEXT_ARG(answer->body));
}

/* Waits for its end and gives its error; what sg_http_start() refuses is one, too. */
static int send_request(struct world *world, const struct sg_http_request *request)
{
    world->calls = 0;
    const int error = sg_http_start(NULL, world->http, request, (struct sg_http_done){take, world});
    if (error != SG_OK)
        return error;
    const int64_t end_ms = sg_clock_boot_ms(&sg_clock_system) + PATIENCE_MS;
    while (world->calls == 0 && sg_clock_boot_ms(&sg_clock_system) < end_ms)
        assert_int_equal(sg_http_wait(world->http, NULL, 0, 100), SG_OK);
    assert_int_equal(world->calls, 1);
    return world->error;
}

static int get(struct world *world, const char *url)
{
    return send_request(
        world, &(struct sg_http_request){.url = url, .max_bytes = 100000, .timeout_ms = 30000});
}

static int make(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    *state = world;
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    (void)unsetenv("all_proxy");
    (void)unsetenv("no_proxy");
    return world == NULL || sg_http_open(&world->http) != SG_OK ? -1 : 0;
}

static int clear(void **state)
{
    struct world *world = *state;

    sg_http_close(world->http);
    aws_server_stop(world->server);
    if (world->ca[0] != '\0')
        (void)unlink(world->ca);
    free(world);
    return 0;
}

static void start(struct world *world)
{
    world->server = aws_server_start(&(struct aws_server_options){.ipv6 = false});
    assert_non_null(world->server);
}

static void serve(struct world *world, const char *path, int status, const char *body)
{
    aws_server_rule(
        world->server,
        &(struct aws_rule){
            .method = "GET", .path = path, .status = status, .body = body, .times = -1});
}

/* ---- certificates ---- */

static char *pem_text(BIO *bio)
{
    char *data;
    const long length = BIO_get_mem_data(bio, &data);
    char *text = sg_text_dup((struct sg_text){data, (size_t)length});

    BIO_free(bio);
    assert_non_null(text);
    return text;
}

/* A certificate that vouches for itself, from so many days ago to so many days ahead. */
static void make_certificate(char **key_pem, char **cert_pem, const char *name, long from_days,
                             long to_days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    BIO *key_bio = BIO_new(BIO_s_mem()), *cert_bio = BIO_new(BIO_s_mem());
    char names[128];

    (void)snprintf(names, sizeof names, "DNS:%s", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_true(key != NULL && extension != NULL);
    assert_int_equal(X509_set_version(cert, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), from_days * DAY_S);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), to_days * DAY_S);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0);
    (void)X509_set_issuer_name(cert, subject);
    (void)X509_set_pubkey(cert, key);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_X509(cert_bio, cert), 1);
    *key_pem = pem_text(key_bio);
    *cert_pem = pem_text(cert_bio);
    X509_EXTENSION_free(extension);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* trusted: the client is told to trust this very certificate. */
static void start_tls(struct world *world, const char *name, long from_days, long to_days,
                      bool trusted)
{
    char *key_pem, *cert_pem;

    make_certificate(&key_pem, &cert_pem, name, from_days, to_days);
    world->server =
        aws_server_start(&(struct aws_server_options){.key_pem = key_pem, .cert_pem = cert_pem});
    if (world->server == NULL)
        skip(); /* a libmicrohttpd without TLS */
    serve(world, "/", 200, "secure");
    (void)snprintf(world->ca, sizeof world->ca, "/tmp/stsgate-http.XXXXXX");
    const int fd = mkstemp(world->ca);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, cert_pem, strlen(cert_pem)), (ssize_t)strlen(cert_pem));
    assert_int_equal(close(fd), 0);
    if (trusted)
        assert_int_equal(
            sg_http_configure(world->http, &(struct sg_http_settings){.ca_bundle = world->ca}),
            SG_OK);
    free(key_pem);
    free(cert_pem);
}

static void certificate_that_is_trusted_and_of_this_name_is_accepted(void **state)
{
    struct world *world = *state;

    start_tls(world, "localhost", -1, 1, true);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_OK);
    assert_string_equal(world->body, "secure");
}

static void certificate_of_nobody_we_trust_is_refused(void **state)
{
    struct world *world = *state;

    start_tls(world, "localhost", -1, 1, false);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_E_NETWORK);
    assert_true(world->problem[0] != '\0');
    assert_int_equal(aws_server_count(world->server, "/"), 0);
}

static void certificate_of_another_name_is_refused(void **state)
{
    struct world *world = *state;

    start_tls(world, "iam.amazonaws.com", -1, 1, true);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_E_NETWORK);
    assert_int_equal(aws_server_count(world->server, "/"), 0);
}

static void certificate_that_has_expired_is_refused(void **state)
{
    struct world *world = *state;

    start_tls(world, "localhost", -2, -1, true);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_E_NETWORK);
    assert_int_equal(aws_server_count(world->server, "/"), 0);
}

static void missing_bundle_trusts_nobody(void **state)
{
    struct world *world = *state;

    start_tls(world, "localhost", -1, 1, false);
    assert_int_equal(
        sg_http_configure(world->http, &(struct sg_http_settings){.ca_bundle = "/nowhere.pem"}),
        SG_OK);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_E_NETWORK);
}

/* ---- answers ---- */

static void redirect_is_an_answer_and_is_not_followed(void **state)
{
    static const struct {
        int status;
        const char *path;
    } cases[] = {{301, "/1"}, {302, "/2"}, {303, "/3"}, {307, "/7"}, {308, "/8"}};
    struct world *world = *state;
    char target[128];

    start(world);
    (void)snprintf(target, sizeof target, "%s", aws_server_url(world->server, "/target"));
    serve(world, "/target", 200, "taken");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aws_server_rule(world->server, &(struct aws_rule){.method = "GET",
                                                          .path = cases[i].path,
                                                          .status = cases[i].status,
                                                          .body = "",
                                                          .location = target,
                                                          .times = -1});
        assert_int_equal(get(world, aws_server_url(world->server, cases[i].path)), SG_OK);
        assert_int_equal(world->status, cases[i].status);
    }
    assert_int_equal(aws_server_count(world->server, "/target"), 0);
}

static void oversized_answer_ends_at_the_limit(void **state)
{
    struct world *world = *state;
    char *large = sg_alloc(1, 5001);

    start(world);
    memset(large, 'x', 5000);
    serve(world, "/", 200, large);
    struct sg_http_request request = {
        .url = aws_server_url(world->server, "/"), .max_bytes = 4999, .timeout_ms = PATIENCE_MS};
    assert_int_equal(send_request(world, &request), SG_E_LIMIT);
    assert_int_equal(world->body_length, 0);
    request.max_bytes = 5000;
    assert_int_equal(send_request(world, &request), SG_OK);
    assert_int_equal(world->body_length, 5000);
    free(large);
}

static void answer_that_drips_ends_at_the_deadline(void **state)
{
    struct world *world = *state;

    start(world);
    aws_server_rule(world->server,
                    &(struct aws_rule){.method = "GET",
                                       .path = "/",
                                       .status = 200,
                                       .body = "a long answer that comes a byte at a time, slowly",
                                       .drip_ms = 1000,
                                       .times = -1});
    assert_int_equal(
        send_request(world, &(struct sg_http_request){.url = aws_server_url(world->server, "/"),
                                                      .max_bytes = 1000,
                                                      .timeout_ms = 1500}),
        SG_E_NETWORK);
    assert_int_equal(world->body_length, 0);
}

/* However far off the deadline is, unless the request is patient. */
static void answer_that_only_drips_is_given_up(void **state)
{
    struct world *world = *state;

    start(world);
    assert_int_equal(sg_http_configure(world->http, &(struct sg_http_settings){.drip_s = 2}),
                     SG_OK);
    aws_server_rule(world->server, &(struct aws_rule){.method = "GET",
                                                      .path = "/",
                                                      .status = 200,
                                                      .body = "0123456789",
                                                      .drip_ms = 700,
                                                      .times = -1});
    struct sg_http_request request = {
        .url = aws_server_url(world->server, "/"), .max_bytes = 1000, .timeout_ms = 600000};
    assert_int_equal(send_request(world, &request), SG_E_NETWORK);
    request.patient = true;
    assert_int_equal(send_request(world, &request), SG_OK);
    assert_string_equal(world->body, "0123456789");
}

static void broken_connection_is_an_error_not_an_answer(void **state)
{
    struct world *world = *state;

    start(world);
    aws_server_rule(
        world->server,
        &(struct aws_rule){.method = "GET", .path = "/", .body = "", .hang_up = true, .times = -1});
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_E_NETWORK);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", aws_server_port(world->server));
    aws_server_stop(world->server);
    world->server = NULL;
    assert_int_equal(get(world, url), SG_E_NETWORK);
}

static void connection_is_used_again(void **state)
{
    struct world *world = *state;

    start(world);
    serve(world, "/", 200, "x");
    for (int i = 0; i < 20; i++)
        assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_OK);
    assert_int_equal(aws_server_count(world->server, "/"), 20);
    assert_int_equal(aws_server_connections(world->server), 1);
}

static void ipv6_is_spoken(void **state)
{
    struct world *world = *state;

    world->server = aws_server_start(&(struct aws_server_options){.ipv6 = true});
    if (world->server == NULL)
        skip();
    serve(world, "/", 200, "six");
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_OK);
    assert_string_equal(world->body, "six");
    assert_non_null(strstr(aws_server_last(world->server, "/").host, "[::1]"));
}

/* ---- the environment ---- */

static void proxies_of_the_environment_count_only_when_configured(void **state)
{
    struct world *world = *state;
    struct aws_server *proxy = aws_server_start(&(struct aws_server_options){.ipv6 = false});
    char url[128];

    start(world);
    assert_non_null(proxy);
    serve(world, "/", 200, "direct");
    (void)snprintf(url, sizeof url, "%s", aws_server_url(proxy, ""));
    (void)setenv("http_proxy", url, 1);
    (void)setenv("all_proxy", url, 1);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_OK);
    assert_string_equal(world->body, "direct");
    assert_int_equal(aws_server_connections(proxy), 0);
    assert_int_equal(
        sg_http_configure(world->http, &(struct sg_http_settings){.proxy = "environment"}), SG_OK);
    (void)get(world, aws_server_url(world->server, "/"));
    assert_true(aws_server_connections(proxy) > 0);
    assert_string_not_equal(world->body, "direct");
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    aws_server_stop(proxy);
}

static void proxy_is_used_for_all_but_this_machine(void **state)
{
    struct world *world = *state;
    struct aws_server *proxy = aws_server_start(&(struct aws_server_options){.ipv6 = false});

    start(world);
    assert_non_null(proxy);
    serve(world, "/", 200, "direct");
    assert_int_equal(
        sg_http_configure(world->http,
                          &(struct sg_http_settings){.proxy = aws_server_url(proxy, "")}),
        SG_OK);
    assert_int_equal(get(world, aws_server_url(world->server, "/")), SG_OK);
    assert_string_equal(world->body, "direct");
    assert_int_equal(aws_server_connections(proxy), 0);
    /* Nobody is asked for the name: that, too, is the proxy's, which refuses here. */
    assert_int_equal(get(world, "https://iam.stsgate.invalid/"), SG_E_NETWORK);
    assert_int_equal(aws_server_connections(proxy), 1);
    aws_server_stop(proxy);
}

/* ---- watches ---- */

struct seen {
    struct sg_http_watch watch;
    unsigned calls;
    bool readable, again;
    struct sg_http *http;
};

static void see(void *payload, bool readable)
{
    struct seen *seen = payload;

    seen->calls++;
    seen->readable = readable;
    if (seen->again)
        sg_http_watch(seen->http, &seen->watch);
}

static void watches_call_once_for_a_descriptor_or_a_time(void **state)
{
    struct world *world = *state;
    struct seen later = {.watch = {.fd = -1, .at_ms = INT64_MAX, .call = see, .payload = &later}};
    struct seen due = {.watch = {.fd = -1, .at_ms = 0, .call = see, .payload = &due}};
    struct seen pipe_end = {.watch = {.at_ms = INT64_MAX, .call = see, .payload = &pipe_end}};
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pipe_end.watch.fd = ends[0];
    sg_http_watch(world->http, &later.watch);
    sg_http_watch(world->http, &due.watch);
    sg_http_watch(world->http, &pipe_end.watch);
    assert_int_equal(sg_http_wait(world->http, NULL, 0, 60000), SG_OK); /* is not slept through */
    assert_int_equal(due.calls, 1);
    assert_false(due.readable);
    assert_int_equal(pipe_end.calls, 0);
    assert_int_equal(close(ends[1]), 0); /* the end of a file is something to read, too */
    assert_int_equal(sg_http_wait(world->http, NULL, 0, 60000), SG_OK);
    assert_int_equal(pipe_end.calls, 1);
    assert_true(pipe_end.readable);
    assert_int_equal(due.calls, 1);
    assert_int_equal(later.calls, 0);
    sg_http_unwatch(&later.watch);
    (void)close(ends[0]);
}

static void watch_that_sets_itself_anew_keeps_nobody_waiting(void **state)
{
    struct world *world = *state;
    struct seen seen = {.watch = {.fd = -1, .at_ms = 0, .call = see, .payload = &seen},
                        .again = true,
                        .http = world->http};

    sg_http_watch(world->http, &seen.watch);
    for (int i = 0; i < 10; i++)
        assert_int_equal(sg_http_wait(world->http, NULL, 0, 0), SG_OK);
    assert_int_equal(seen.calls, 10);
    sg_http_unwatch(&seen.watch);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(certificate_that_is_trusted_and_of_this_name_is_accepted),
        TEST(certificate_of_nobody_we_trust_is_refused),
        TEST(certificate_of_another_name_is_refused),
        TEST(certificate_that_has_expired_is_refused),
        TEST(missing_bundle_trusts_nobody),
        TEST(redirect_is_an_answer_and_is_not_followed),
        TEST(oversized_answer_ends_at_the_limit),
        TEST(answer_that_drips_ends_at_the_deadline),
        TEST(answer_that_only_drips_is_given_up),
        TEST(broken_connection_is_an_error_not_an_answer),
        TEST(connection_is_used_again),
        TEST(ipv6_is_spoken),
        TEST(proxies_of_the_environment_count_only_when_configured),
        TEST(proxy_is_used_for_all_but_this_machine),
        TEST(watches_call_once_for_a_descriptor_or_a_time),
        TEST(watch_that_sets_itself_anew_keeps_nobody_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
