/*
 * http.c - libcurl, held on a short lead (see http.h). Everything that curl would take from the
 * environment or from an answer (proxies, redirects, cookies, encodings, netrc) stays off.
 */
#include "aws/http.h"

#include "base/buffer.h"
#include "base/date.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 5000L
#define HEADER_BYTES_MAX   65536
#define CONNECTIONS_KEPT   64L

struct sg_http {
    CURLM *multi;
    struct sg_http_transfer *first;
    struct curl_waitfd *others;
    size_t others_size;
};

struct sg_http_transfer {
    struct sg_http *http;
    struct sg_http_transfer *previous, *next;
    CURL *easy;
    struct curl_slist *headers;
    struct sg_buffer body;
    struct sg_http_done done;
    size_t header_bytes;
    int64_t date_ms;
    char words[CURL_ERROR_SIZE];
};

/* Names and addresses of this machine: what goes there can't be read or changed on the way. */
static bool host_is_loopback(const char *host)
{
    struct sg_text digits = sg_text_of(host);
    struct sg_text part;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    for (int i = 0; i < 4; i++) {
        uint64_t value;
        const bool more = sg_text_cut(&part, &digits, '.');

        if (more != (i < 3) || !sg_text_to_uint(&value, part, 255) || (i == 0 && value != 127))
            return false;
    }
    return true;
}

static bool check_parts(CURLU *parsed, const char *url, struct sg_problems *problems)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool good = false;

    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        sg_problem(problems, NULL, 0, "%s is not a URL", url);
        goto out;
    }
    if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK) {
        sg_problem(problems, NULL, 0, "a URL here must not hold a user or password");
        goto out;
    }
    good = strcasecmp(scheme, "https") == 0 ||
           (strcasecmp(scheme, "http") == 0 && host_is_loopback(host));
    if (!good)
        sg_problem(problems, NULL, 0,
                   "%s: https is needed; http goes to 127.0.0.0/8, [::1] and localhost only", url);
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return good;
}

bool sg_http_url_allowed(const char *url, struct sg_problems *problems)
{
    CURLU *parsed = curl_url();

    if (parsed == NULL)
        return false;
    const bool good = check_parts(parsed, url, problems);
    curl_url_cleanup(parsed);
    return good;
}

int sg_http_open(struct sg_http **out)
{
    struct sg_http *http = sg_alloc(1, sizeof *http);

    *out = NULL;
    if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
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
    sg_buffer_clear(&transfer->body);
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
    (void)curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    free(http->others);
    free(http);
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

static bool set_limits(CURL *easy, const struct sg_http_request *request)
{
    const char *schemes = strncasecmp(request->url, "https:", 6) == 0 ? "https" : "http";

    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK;
}

static bool set_content(struct sg_http_transfer *transfer, const struct sg_http_request *request)
{
    CURL *easy = transfer->easy;
    /* Without this, curl waits for "100 Continue" before bodies over 1 MB, and tells so. */
    const struct sg_header expect = {SG_TEXT("Expect"), {0}};

    for (size_t i = 0; i < request->header_count; i++) {
        if (!add_header(transfer, &request->headers[i]))
            return false;
    }
    if (request->post &&
        (!add_header(transfer, &expect) || curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body.length) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                          request->body.length == 0 ? "" : request->body.data) != CURLE_OK))
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
    if (!sg_http_url_allowed(request->url, NULL))
        return SG_E_INVALID;

    struct sg_http_transfer *transfer = sg_alloc(1, sizeof *transfer);
    if (transfer == NULL)
        return SG_E_MEMORY;
    transfer->http = http;
    transfer->done = done;
    transfer->body.limit = request->max_bytes;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_limits(transfer->easy, request) ||
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

static void finish(struct sg_http_transfer *transfer, CURLcode result)
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

/* Sends and receives what can be, calls those that are done. True when there was one. */
static bool move_on(struct sg_http *http)
{
    CURLMsg *message;
    int running, left;
    bool any = false;

    (void)curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        char *private = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode result = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish((struct sg_http_transfer *)(void *)private, result);
        any = true;
    }
    return any;
}

int sg_http_wait(struct sg_http *http, struct pollfd *others, size_t count, int timeout_ms)
{
    if (count > http->others_size) {
        struct curl_waitfd *larger = reallocarray(http->others, count, sizeof *larger);
        if (larger == NULL)
            return SG_E_MEMORY;
        http->others = larger;
        http->others_size = count;
    }
    for (size_t i = 0; i < count; i++) {
        const short in = (others[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0;
        const short out = (others[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0;
        http->others[i] = (struct curl_waitfd){.fd = others[i].fd, .events = (short)(in | out)};
    }

    /* What the last callbacks began goes out before we sleep; it may even be answered already. */
    if (move_on(http))
        timeout_ms = 0;
    if (curl_multi_poll(http->multi, http->others, (unsigned)count, timeout_ms, NULL) != CURLM_OK)
        return SG_E_SYSTEM;
    for (size_t i = 0; i < count; i++) {
        const short got = http->others[i].revents;
        others[i].revents = (short)(((got & CURL_WAIT_POLLIN) != 0 ? POLLIN : 0) |
                                    ((got & CURL_WAIT_POLLOUT) != 0 ? POLLOUT : 0));
    }
    (void)move_on(http);
    return SG_OK;
}
