/*
 * http.c - libcurl, held on a short lead (see http.h). Everything that curl would take from the
 * environment or from an answer (proxies, redirects, cookies, encodings, netrc) stays off.
 */
#include "aws/http_inside.h"

#include "base/buffer.h"
#include "base/date.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 5000L
#define HEADER_BYTES_MAX   65536
#define CONNECTIONS_KEPT   64L
#define DRIP_BYTES         64L /* a second; slower than that for ... */
#define DRIP_S             12L /* ... so long, and the transfer ends */
#define ENVIRONMENT        "environment"

struct sg_http_transfer {
    struct sg_http *http;
    struct sg_http_transfer *previous, *next;
    CURL *easy;
    struct curl_slist *headers;
    struct sg_buffer body, sent;
    struct sg_http_done done;
    size_t header_bytes;
    int64_t date_ms;
    char words[CURL_ERROR_SIZE];
};

int sg_http_open(struct sg_http **out)
{
    struct sg_http *http = sg_alloc(1, sizeof *http);

    *out = NULL;
    if (http == NULL || sg_http__global_init() != SG_OK) {
        free(http);
        return SG_E_MEMORY;
    }
    http->multi = curl_multi_init();
    if (http->multi == NULL) {
        curl_global_cleanup();
        free(http);
        return SG_E_MEMORY;
    }
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    *out = http;
    return SG_OK;
}

static void unlink_transfer(struct sg_http_transfer *transfer)
{
    if (transfer->previous != NULL)
        transfer->previous->next = transfer->next;
    else
        transfer->http->first = transfer->next;
    if (transfer->next != NULL)
        transfer->next->previous = transfer->previous;
    (void)curl_multi_remove_handle(transfer->http->multi, transfer->easy);
}

static void free_transfer(struct sg_http_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    for (struct curl_slist *header = transfer->headers; header != NULL; header = header->next)
        explicit_bzero(header->data, strlen(header->data)); /* Authorization and session token */
    curl_slist_free_all(transfer->headers);
    sg_buffer_wipe(&transfer->body); /* credentials come in answers, too */
    sg_buffer_wipe(&transfer->sent);
    free(transfer);
}

void sg_http_cancel(struct sg_http_transfer *transfer)
{
    if (transfer == NULL)
        return;
    unlink_transfer(transfer);
    free_transfer(transfer);
}

void sg_http_close(struct sg_http *http)
{
    if (http == NULL)
        return;
    while (http->first != NULL)
        sg_http_cancel(http->first);
    while (http->watches != NULL)
        sg_http_unwatch(http->watches);
    (void)curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    free(http->others);
    free(http->proxy);
    free(http->ca_bundle);
    free(http);
}

int sg_http_configure(struct sg_http *http, const struct sg_http_settings *settings)
{
    char *proxy = NULL, *ca_bundle = NULL;

    if (settings->ca_bundle != NULL) {
        ca_bundle = sg_text_dup(sg_text_of(settings->ca_bundle));
        if (ca_bundle == NULL)
            return SG_E_MEMORY;
    }
    proxy = sg_text_dup(sg_text_of(settings->proxy == NULL ? "" : settings->proxy));
    if (proxy == NULL) {
        free(ca_bundle);
        return SG_E_MEMORY;
    }
    free(http->proxy);
    free(http->ca_bundle);
    http->proxy = proxy;
    http->ca_bundle = ca_bundle;
    http->drip_s = settings->drip_s;
    return SG_OK;
}

static size_t take_body(char *data, size_t size, size_t count, void *payload)
{
    struct sg_http_transfer *transfer = payload;

    (void)size; /* always 1 */
    sg_buffer_add(&transfer->body, data, count);
    return transfer->body.failed ? 0 : count;
}

static size_t take_header(char *data, size_t size, size_t count, void *payload)
{
    struct sg_http_transfer *transfer = payload;
    struct sg_text line = {data, count}, name;

    (void)size;
    transfer->header_bytes += count;
    if (transfer->header_bytes > HEADER_BYTES_MAX)
        return 0;
    while (line.length > 0 &&
           (line.data[line.length - 1] == '\n' || line.data[line.length - 1] == '\r'))
        line.length--;
    if (sg_text_cut(&name, &line, ':') && sg_text_equal_nocase(name, SG_TEXT("date")) &&
        !sg_date_parse_http(&transfer->date_ms, sg_text_trim(line)))
        transfer->date_ms = 0;
    return count;
}

static bool add_header(struct sg_http_transfer *transfer, const struct sg_header *header)
{
    struct sg_buffer line = {0};

    sg_buffer_add_text(&line, header->name);
    sg_buffer_add_text(&line, SG_TEXT(": "));
    sg_buffer_add_text(&line, header->value);
    struct curl_slist *longer = NULL;
    if (!line.failed && strpbrk(line.data, "\r\n") == NULL && strlen(line.data) == line.length)
        longer = curl_slist_append(transfer->headers, line.data);
    sg_buffer_wipe(&line);
    if (longer == NULL)
        return false;
    transfer->headers = longer;
    return true;
}

/* "" takes what the environment says away from curl; NULL lets it through. */
static bool set_route(CURL *easy, const struct sg_http *http, const struct sg_http_request *request)
{
    const char *proxy = http->proxy == NULL || request->metadata ? "" : http->proxy;

    if (strcmp(proxy, ENVIRONMENT) == 0)
        return true;
    return curl_easy_setopt(easy, CURLOPT_PROXY, proxy) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1") == CURLE_OK;
}

static bool set_trust(CURL *easy, const struct sg_http *http)
{
    return (http->ca_bundle == NULL ||
            curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_bundle) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
}

static bool set_limits(CURL *easy, const struct sg_http *http,
                       const struct sg_http_request *request)
{
    const char *schemes = strncasecmp(request->url, "https:", 6) == 0 ? "https" : "http";
    const long drip_s = request->patient ? 0 : http->drip_s > 0 ? http->drip_s : DRIP_S;

    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, DRIP_BYTES) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, drip_s) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK;
}

static bool set_content(struct sg_http_transfer *transfer, const struct sg_http_request *request)
{
    CURL *easy = transfer->easy;
    /* Without this, curl waits for "100 Continue" before bodies over 1 MB, and tells so. */
    const struct sg_header expect = {SG_TEXT("Expect"), {0}};
    const struct sg_header no_type = {SG_TEXT("Content-Type"), {0}};

    for (size_t i = 0; i < request->header_count; i++) {
        if (!add_header(transfer, &request->headers[i]))
            return false;
    }
    if (request->put && (!add_header(transfer, &no_type) ||
                         curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT") != CURLE_OK))
        return false;
    sg_buffer_add_text(&transfer->sent, request->body);
    if ((request->post || request->put) &&
        (transfer->sent.failed || !add_header(transfer, &expect) ||
         curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->sent.length) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                          transfer->sent.data == NULL ? "" : transfer->sent.data) != CURLE_OK))
        return false;
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

int sg_http_start(struct sg_http_transfer **out, struct sg_http *http,
                  const struct sg_http_request *request, struct sg_http_done done)
{
    if (out != NULL)
        *out = NULL;
    if (request->metadata ? !sg_http_metadata_url_allowed(request->url, NULL)
                          : !sg_http_url_allowed(request->url, NULL))
        return SG_E_INVALID;

    struct sg_http_transfer *transfer = sg_alloc(1, sizeof *transfer);
    if (transfer == NULL)
        return SG_E_MEMORY;
    transfer->http = http;
    transfer->done = done;
    transfer->body.limit = request->max_bytes;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_limits(transfer->easy, http, request) ||
        !set_route(transfer->easy, http, request) || !set_trust(transfer->easy, http) ||
        !set_content(transfer, request) ||
        curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
        free_transfer(transfer);
        return SG_E_MEMORY;
    }
    transfer->next = http->first;
    if (http->first != NULL)
        http->first->previous = transfer;
    http->first = transfer;
    if (out != NULL)
        *out = transfer;
    return SG_OK;
}

void sg_http__finish(struct sg_http_transfer *transfer, CURLcode result)
{
    struct sg_http_answer answer = {.date_ms = transfer->date_ms};

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer.status);
    unlink_transfer(transfer);
    if (result == CURLE_OK) {
        answer.error = SG_OK;
        answer.body = sg_buffer_text(&transfer->body);
    } else {
        answer.error = transfer->body.failed ? SG_E_LIMIT : SG_E_NETWORK;
        answer.problem = transfer->body.failed        ? "the answer is larger than the limit"
                         : transfer->words[0] != '\0' ? transfer->words
                                                      : curl_easy_strerror(result);
    }
    transfer->done.call(transfer->done.payload, &answer);
    free_transfer(transfer);
}
