/*
 * identity_maker.c - see identity_maker.h.
 */
#include "identity_maker.h"

#include "base/encoding.h"
#include "base/json.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>

const char identity_url[] =
    "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=" ID_KEY "%2F20261124%2Fus-east-1%2Fsts%2Faws4_request"
    "&X-Amz-Date=" ID_DATE "&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
    "&X-Amz-Security-Token=" ID_TOKEN_URL "&X-Amz-Signature=" ID_SIGNATURE;

const char identity_headers[] =
    "{\"Authorization\":\"AWS4-HMAC-SHA256 Credential=" ID_KEY
    "/20261124/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
    "x-amz-security-token;x-k8s-aws-id, Signature=" ID_SIGNATURE "\","
    "\"Content-Type\":\"application/x-www-form-urlencoded; charset=utf-8\","
    "\"Content-Length\":[\"43\"],\"User-Agent\":[\"aws-sdk-go/1.44\"],"
    "\"X-Amz-Date\":[\"" ID_DATE "\"],\"X-Amz-Security-Token\":\"" ID_TOKEN "\","
    "\"X-K8s-Aws-Id\":\"" ID_BIND "\"}";

const char identity_companion_headers[] =
    "{\"Authorization\":\"AWS4-HMAC-SHA256 Credential=" ID_KEY
    "/20261124/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;"
    "x-k8s-aws-id, Signature=" ID_SIGNATURE "\","
    "\"Host\":\"iam.amazonaws.com\",\"X-Amz-Date\":\"" ID_DATE "\","
    "\"X-Amz-Security-Token\":\"" ID_TOKEN "\",\"X-K8s-Aws-Id\":\"" ID_BIND "\"}";

static char *must(struct sg_buffer *buffer)
{
    if (buffer->failed || buffer->data == NULL)
        abort();
    return buffer->data;
}

char *identity_token_of(const char *url)
{
    struct sg_buffer out = {0};

    sg_buffer_add_text(&out, SG_TEXT("k8s-aws-v1."));
    sg_base64url_encode(&out, (const unsigned char *)url, strlen(url));
    return must(&out);
}

static void add_base64(struct sg_buffer *out, const char *text)
{
    const size_t before = out->length;

    sg_base64url_encode(out, (const unsigned char *)text, strlen(text));
    for (size_t i = before; i < out->length; i++) {
        if (out->data[i] == '-')
            out->data[i] = '+';
        if (out->data[i] == '_')
            out->data[i] = '/';
    }
    while ((out->length - before) % 4 != 0)
        sg_buffer_add(out, "=", 1);
}

char *identity_post_of(const char *url, const char *body, const char *headers)
{
    const char *const parts[] = {url, body, headers};
    struct sg_buffer out = {0};

    sg_buffer_add_text(&out, SG_TEXT("sts-post-v1.POST"));
    for (size_t i = 0; i < 3; i++) {
        sg_buffer_add(&out, ".", 1);
        add_base64(&out, parts[i]);
    }
    return must(&out);
}

char *identity_changed(const char *text, const char *find, const char *with)
{
    const char *at = strstr(text, find);
    struct sg_buffer out = {0};

    if (at == NULL) {
        fprintf(stderr, "identity_maker: no \"%s\" in \"%s\"\n", find, text);
        abort();
    }
    sg_buffer_add(&out, text, (size_t)(at - text));
    sg_buffer_add_text(&out, sg_text_of(with));
    sg_buffer_add_text(&out, sg_text_of(at + strlen(find)));
    return must(&out);
}

char *identity_headers_with(const char *method, const char *url, const char *headers,
                            const char *body)
{
    static const char *const names[] = {"Method", "URL", "Headers", "Body"};
    const char *const parts[] = {method, url, headers, body};
    struct sg_buffer members = {0};
    char *with_names, *out;

    for (size_t i = 0; i < 4; i++) {
        if (parts[i] == NULL)
            continue;
        sg_buffer_addf(&members, ",\"X-Stsgate-GetRole-%s\":", names[i]);
        sg_json_quote(&members, sg_text_of(parts[i]));
    }
    sg_buffer_addf(&members, "}");
    with_names = identity_changed(identity_headers, "}", must(&members));
    out = identity_changed(with_names, "x-k8s-aws-id,",
                           "x-k8s-aws-id;x-stsgate-getrole-body;x-stsgate-getrole-headers;"
                           "x-stsgate-getrole-method;x-stsgate-getrole-url,");
    sg_buffer_clear(&members);
    free(with_names);
    return out;
}

void identity_service_init(struct identity_service *all)
{
    *all = (struct identity_service){
        .account = {.label = "prod", .id = ID_ACCOUNT, .partition = "aws"},
        .issuer = {.label = "signed",
                   .kind = SG_ISSUER_CALLER_IDENTITY,
                   .longest_session_ms = 12 * SG_HOUR_MS,
                   .bind_header = "X-K8s-Aws-Id",
                   .bind_value = ID_BIND,
                   .forms = SG_FORM_URL | SG_FORM_POST | SG_FORM_COMPANION,
                   .companion_header = "X-Stsgate-GetRole"},
        .service = {.name = "payments",
                    .accept_count = 1,
                    .mode = SG_MODE_ENFORCE,
                    .clock_skew_ms = SG_MINUTE_MS,
                    .issued_before_ms = INT64_MIN},
    };
    all->issuer.account = &all->account;
    all->accept[0] = &all->issuer;
    all->service.accept = all->accept;
}
