/*
 * caller_send.c - builds the one HTTP request that a signature is of. Host and URL come from our
 * own table, the binding from our own configuration (CVE-2020-16250, CVE-2020-16251); of the
 * client's bytes go out only those that the signature covers, each checked again.
 */
#include "agent/caller_send.h"

#include "base/encoding.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define HEADERS_MAX  16
#define ANSWER_BYTES 16384
#define TIMEOUT_MS   4000

struct outgoing {
    struct sg_header headers[HEADERS_MAX];
    size_t count;
    struct sg_buffer url, authorization;
    char hash[65];
};

static void add(struct outgoing *out, const char *name, struct sg_text value)
{
    if (out->count < HEADERS_MAX)
        out->headers[out->count++] = (struct sg_header){sg_text_of(name), value};
    else
        out->url.failed = true;
}

/* The host's own address, or the one that the configuration gives in its place: the name that was
 * signed goes out as Host either way. */
static void set_address(struct outgoing *out, const struct sg_signed_call *call,
                        const char *endpoint)
{
    struct sg_text base = sg_text_of(endpoint);

    while (base.length > 0 && base.data[base.length - 1] == '/')
        base.length--;
    if (base.length > 0)
        sg_buffer_add_text(&out->url, base);
    else
        sg_buffer_addf(&out->url, "https://%s", call->host.name);
    sg_buffer_add_text(&out->url, SG_TEXT("/"));
    add(out, "Host", sg_text_of(call->host.name));
}

static void add_parameter(struct sg_buffer *url, const char *name, struct sg_text value)
{
    sg_buffer_addf(url, "&%s=", name);
    sg_percent_encode(url, value, false);
}

static void set_query(struct outgoing *out, const struct sg_signed_call *call)
{
    struct sg_buffer scope = {0};

    sg_buffer_addf(&scope, "%.*s/%.*s/%s/sts/aws4_request", SG_TEXT_ARG(call->access_key_id), 8,
                   call->date.data, call->host.region);
    sg_buffer_addf(&out->url, "?Action=GetCallerIdentity&Version=2011-06-15"
                              "&X-Amz-Algorithm=AWS4-HMAC-SHA256");
    add_parameter(&out->url, "X-Amz-Credential", sg_buffer_text(&scope));
    add_parameter(&out->url, "X-Amz-Date", call->date);
    add_parameter(&out->url, "X-Amz-Expires", call->expires);
    add_parameter(&out->url, "X-Amz-SignedHeaders", call->signed_headers);
    if (call->token.length > 0)
        add_parameter(&out->url, "X-Amz-Security-Token", call->token);
    add_parameter(&out->url, "X-Amz-Signature", call->signature);
    out->url.failed = out->url.failed || scope.failed;
    sg_buffer_clear(&scope);
}

static void set_signed_headers(struct outgoing *out, const struct sg_signed_call *call,
                               const char *service)
{
    unsigned char digest[32];

    sg_buffer_addf(&out->authorization,
                   "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%s/%s/aws4_request, SignedHeaders=%.*s, "
                   "Signature=%.*s",
                   SG_TEXT_ARG(call->access_key_id), 8, call->date.data, call->host.region, service,
                   SG_TEXT_ARG(call->signed_headers), SG_TEXT_ARG(call->signature));
    out->url.failed = out->url.failed || out->authorization.failed;
    add(out, "Authorization", sg_buffer_text(&out->authorization));
    add(out, "X-Amz-Date", call->date);
    if (call->token.length > 0)
        add(out, "X-Amz-Security-Token", call->token);
    add(out, "Content-Type",
        call->content_type.length > 0
            ? call->content_type
            : SG_TEXT("application/x-www-form-urlencoded; charset=utf-8"));
    if (!sg_identity_signs(call, SG_TEXT("x-amz-content-sha256")))
        return;
    if (EVP_Digest(call->body.data, call->body.length, digest, NULL, EVP_sha256(), NULL) != 1)
        out->url.failed = true;
    sg_hex_encode(out->hash, digest, sizeof digest);
    add(out, "X-Amz-Content-Sha256", sg_text_of(out->hash));
}

static int start(struct sg_http_transfer **transfer, struct sg_http *http,
                 const struct outgoing *out, const struct sg_signed_call *call,
                 struct sg_http_done done)
{
    const struct sg_http_request request = {
        .url = out->url.data,
        .post = call->post,
        .body = call->body,
        .headers = out->headers,
        .header_count = out->count,
        .max_bytes = ANSWER_BYTES,
        .timeout_ms = TIMEOUT_MS,
    };

    return out->url.failed ? SG_E_MEMORY : sg_http_start(transfer, http, &request, done);
}

static void wipe(struct outgoing *out)
{
    sg_buffer_wipe(&out->url);
    sg_buffer_wipe(&out->authorization);
}

static int send_sts(struct sg_http_transfer **transfer, struct sg_http *http,
                    const struct sg_caller_identity *identity, struct sg_http_done done)
{
    static const char *const suffixes[SG_COMPANION_PARTS] = {"-Method", "-URL", "-Headers",
                                                             "-Body"};
    const struct sg_issuer *issuer = identity->issuer;
    const struct sg_signed_call *call = &identity->sts;
    struct sg_buffer names[SG_COMPANION_PARTS] = {0};
    struct outgoing out = {.count = 0};
    int error;

    set_address(&out, call, issuer->account->sts_endpoint);
    add(&out, "Accept", SG_TEXT("application/json"));
    add(&out, issuer->bind_header, sg_text_of(issuer->bind_value));
    if (call->post)
        set_signed_headers(&out, call, "sts");
    else
        set_query(&out, call);
    for (size_t i = 0; identity->has_companion && i < SG_COMPANION_PARTS; i++) {
        sg_buffer_addf(&names[i], "%s%s", issuer->companion_header, suffixes[i]);
        out.url.failed = out.url.failed || names[i].failed;
        add(&out, names[i].failed ? "" : names[i].data, identity->companion_text[i]);
    }
    error = start(transfer, http, &out, call, done);
    for (size_t i = 0; i < SG_COMPANION_PARTS; i++)
        sg_buffer_clear(&names[i]);
    wipe(&out);
    return error;
}

static int send_iam(struct sg_http_transfer **transfer, struct sg_http *http,
                    const struct sg_caller_identity *identity, struct sg_http_done done)
{
    const struct sg_issuer *issuer = identity->issuer;
    struct outgoing out = {.count = 0};
    int error;

    if (!identity->has_companion)
        return SG_E_ABSENT;
    set_address(&out, &identity->companion, issuer->account->endpoint);
    add(&out, "Accept", SG_TEXT("application/json"));
    add(&out, issuer->bind_header, sg_text_of(issuer->bind_value));
    set_signed_headers(&out, &identity->companion, "iam");
    error = start(transfer, http, &out, &identity->companion, done);
    wipe(&out);
    return error;
}

/* What is sent was checked a moment ago; it is checked where it is taken apart all the same. */
static int send_one(struct sg_http_transfer **transfer, struct sg_http *http,
                    const struct sg_issuer *issuer, struct sg_text request,
                    struct sg_http_done done, bool companion)
{
    struct sg_caller_identity *identity = sg_alloc(1, sizeof *identity);
    int error = SG_E_INVALID;

    *transfer = NULL;
    if (identity == NULL)
        return SG_E_MEMORY;
    if (sg_identity_unpack(identity, request, issuer) == STSGATE_REASON_NONE)
        error = companion ? send_iam(transfer, http, identity, done)
                          : send_sts(transfer, http, identity, done);
    sg_identity_wipe(identity);
    free(identity);
    return error;
}

int sg_caller_send(struct sg_http_transfer **transfer, struct sg_http *http,
                   const struct sg_issuer *issuer, struct sg_text request, struct sg_http_done done)
{
    return send_one(transfer, http, issuer, request, done, false);
}

int sg_caller_send_companion(struct sg_http_transfer **transfer, struct sg_http *http,
                             const struct sg_issuer *issuer, struct sg_text request,
                             struct sg_http_done done)
{
    return send_one(transfer, http, issuer, request, done, true);
}
