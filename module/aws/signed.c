/*
 * signed.c - puts a signature on a POST and hands it to http.c. Must never leave a signature or a
 * session token behind in memory of its own.
 */
#include "aws/signed.h"

#include "aws/sigv4.h"

#include <curl/curl.h>
#include <stdlib.h>

#define HEADERS_MAX 8

/* Host as curl will send it, and the path to sign. */
static int split_url(char **host, char **path, const char *url)
{
    CURLU *parsed = curl_url();
    char *name = NULL, *port = NULL, *curl_path = NULL, *query = NULL;
    struct sg_buffer joined = {0};
    int error = SG_E_INVALID;

    if (parsed == NULL || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &name, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_PATH, &curl_path, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_QUERY, &query, 0) == CURLUE_OK)
        goto out;
    sg_buffer_addf(&joined, "%s", name);
    if (curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK)
        sg_buffer_addf(&joined, ":%s", port);
    error = SG_E_MEMORY;
    if (joined.failed)
        goto out;
    *host = sg_text_dup(sg_buffer_text(&joined));
    *path = sg_text_dup(sg_text_of(curl_path));
    if (*host != NULL && *path != NULL)
        error = SG_OK;
out:
    curl_free(name);
    curl_free(port);
    curl_free(curl_path);
    curl_free(query);
    curl_url_cleanup(parsed);
    sg_buffer_clear(&joined);
    return error;
}

struct headers {
    struct sg_header items[HEADERS_MAX];
    size_t count;
};

static void add(struct headers *headers, struct sg_text name, struct sg_text value)
{
    headers->items[headers->count++] = (struct sg_header){name, value};
}

static int sign(struct sg_sigv4 *signature, struct headers *headers,
                const struct sg_signed_request *request, const char *path)
{
    const struct sg_credentials *credentials = request->credentials;
    const struct sg_sigv4_request to_sign = {
        .method = SG_TEXT("POST"),
        .path = sg_text_of(path),
        .body = request->body,
        .headers = headers->items,
        .header_count = headers->count,
        .region = sg_text_of(request->region),
        .service = sg_text_of(request->service),
        .now_ms = request->now_ms,
    };

    if (credentials->access_key_id == NULL || credentials->secret_access_key == NULL)
        return SG_E_ABSENT;
    const int error = sg_sigv4_sign(signature, &to_sign, credentials);
    if (error != SG_OK)
        return error;
    add(headers, SG_TEXT("X-Amz-Date"), sg_text_of(signature->date));
    add(headers, SG_TEXT("Authorization"), sg_buffer_text(&signature->authorization));
    if (credentials->session_token != NULL)
        add(headers, SG_TEXT("X-Amz-Security-Token"), sg_text_of(credentials->session_token));
    return SG_OK;
}

int sg_signed_start(struct sg_http_transfer **transfer, struct sg_http *http,
                    const struct sg_signed_request *request, struct sg_http_done done)
{
    struct headers headers = {.count = 0};
    struct sg_sigv4 signature = {.date = ""};
    char *host = NULL, *path = NULL;

    if (transfer != NULL)
        *transfer = NULL;
    int error = split_url(&host, &path, request->url);
    if (error != SG_OK)
        goto out;
    add(&headers, SG_TEXT("Host"), sg_text_of(host));
    add(&headers, SG_TEXT("Content-Type"), sg_text_of(request->content_type));
    if (request->target != NULL)
        add(&headers, SG_TEXT("X-Amz-Target"), sg_text_of(request->target));
    if (request->credentials != NULL)
        error = sign(&signature, &headers, request, path);
    if (error != SG_OK)
        goto out;
    /* Not signed: it is a wish about the answer's form, and goes through proxies. */
    if (request->accept != NULL)
        add(&headers, SG_TEXT("Accept"), sg_text_of(request->accept));
    const struct sg_http_request sent = {
        .url = request->url,
        .post = true,
        .patient = request->patient,
        .body = request->body,
        .headers = headers.items,
        .header_count = headers.count,
        .max_bytes = request->max_bytes,
        .timeout_ms = request->timeout_ms,
    };
    error = sg_http_start(transfer, http, &sent, done);
out:
    sg_sigv4_clear(&signature);
    free(host);
    free(path);
    return error;
}
