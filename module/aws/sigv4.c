/*
 * sigv4.c - the four steps of Signature Version 4 (AWS General Reference, "Create a signed AWS API
 * request"): canonical request, string to sign, derived key, signature. Must never let the secret
 * or a derived key outlive the call.
 */
#include "aws/sigv4.h"

#include "base/encoding.h"
#include "base/error.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define DIGEST_SIZE    SHA256_DIGEST_LENGTH
#define PARAMETERS_MAX 64
#define HEADERS_ALL    (SG_SIGV4_HEADERS_MAX + 2)

static bool hash_hex(char hex[static 65], struct sg_text text)
{
    unsigned char digest[DIGEST_SIZE];

    if (EVP_Digest(text.data, text.length, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    sg_hex_encode(hex, digest, sizeof digest);
    return true;
}

static bool mac(unsigned char out[static DIGEST_SIZE], const void *key, size_t key_length,
                struct sg_text text)
{
    unsigned int length = 0;

    return HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text.data, text.length,
                out, &length) != NULL &&
           length == DIGEST_SIZE;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int compare_texts(struct sg_text a, struct sg_text b)
{
    const size_t shorter = a.length < b.length ? a.length : b.length;
    const int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

static int compare_headers(const void *left, const void *right)
{
    const struct sg_header *a = left, *b = right;
    const size_t shorter = a->name.length < b->name.length ? a->name.length : b->name.length;

    for (size_t i = 0; i < shorter; i++) {
        const int order = lower(a->name.data[i]) - lower(b->name.data[i]);
        if (order != 0)
            return order;
    }
    return (a->name.length > b->name.length) - (a->name.length < b->name.length);
}

static int compare_parameters(const void *left, const void *right)
{
    struct sg_text a = *(const struct sg_text *)left, b = *(const struct sg_text *)right;
    struct sg_text name_a, name_b;

    (void)sg_text_cut(&name_a, &a, '=');
    (void)sg_text_cut(&name_b, &b, '=');
    const int order = compare_texts(name_a, name_b);
    return order != 0 ? order : compare_texts(a, b);
}

/* Sorted by name, then value; a name without '=' gets one. */
static int add_query(struct sg_buffer *out, struct sg_text query)
{
    struct sg_text parameters[PARAMETERS_MAX];
    size_t count = 0;

    while (query.length > 0) {
        struct sg_text one;

        (void)sg_text_cut(&one, &query, '&');
        if (one.length == 0)
            continue;
        if (count == PARAMETERS_MAX)
            return SG_E_INVALID;
        parameters[count++] = one;
    }
    qsort(parameters, count, sizeof parameters[0], compare_parameters);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            sg_buffer_add_text(out, SG_TEXT("&"));
        sg_buffer_add_text(out, parameters[i]);
        if (memchr(parameters[i].data, '=', parameters[i].length) == NULL)
            sg_buffer_add_text(out, SG_TEXT("="));
    }
    return SG_OK;
}

static void add_name(struct sg_buffer *out, struct sg_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        const char c = lower(name.data[i]);
        sg_buffer_add(out, &c, 1);
    }
}

/* Trimmed, runs of blanks become one. */
static void add_value(struct sg_buffer *out, struct sg_text value)
{
    value = sg_text_trim(value);
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == ' ' && value.data[i - 1] == ' ')
            continue;
        sg_buffer_add(out, value.data + i, 1);
    }
}

/* A line break in a name or value would forge another header. */
static bool header_is_clean(const struct sg_header *header)
{
    const struct sg_text parts[] = {header->name, header->value};

    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part].length; i++) {
            const unsigned char c = (unsigned char)parts[part].data[i];
            if (c < 0x20 || c == 0x7f)
                return false;
        }
    }
    return header->name.length > 0;
}

static int collect_headers(struct sg_header all[static HEADERS_ALL], size_t *count,
                           const struct sg_sigv4_request *request, const char *date,
                           const struct sg_credentials *credentials)
{
    bool host = false;

    if (request->header_count > SG_SIGV4_HEADERS_MAX)
        return SG_E_INVALID;
    for (size_t i = 0; i < request->header_count; i++) {
        all[i] = request->headers[i];
        host = host || sg_text_equal_nocase(all[i].name, SG_TEXT("host"));
    }
    *count = request->header_count;
    if (!request->presigned)
        all[(*count)++] = (struct sg_header){SG_TEXT("x-amz-date"), sg_text_of(date)};
    if (!request->presigned && credentials->session_token != NULL)
        all[(*count)++] = (struct sg_header){SG_TEXT("x-amz-security-token"),
                                             sg_text_of(credentials->session_token)};
    for (size_t i = 0; i < *count; i++) {
        if (!header_is_clean(&all[i]))
            return SG_E_INVALID;
    }
    qsort(all, *count, sizeof all[0], compare_headers);
    for (size_t i = 1; i < *count; i++) {
        if (sg_text_equal_nocase(all[i - 1].name, all[i].name))
            return SG_E_INVALID; /* two values would have to be joined as whoever sends them does */
    }
    return host ? SG_OK : SG_E_INVALID;
}

/* The last segment of what is canonical so far goes, with the slash before it. */
static void drop_segment(struct sg_buffer *out, size_t start)
{
    while (out->length > start && out->data[out->length - 1] != '/')
        out->length--;
    if (out->length > start)
        out->length--;
}

/*
 * Of every service but S3: without empty and dot segments (RFC 3986 5.2.4), and what is sent
 * percent-encoded is encoded once more.
 */
static void add_path(struct sg_buffer *out, struct sg_text path)
{
    const size_t start = out->length;
    bool folder = path.length > 0 && path.data[path.length - 1] == '/';

    while (path.length > 0) {
        struct sg_text segment;

        (void)sg_text_cut(&segment, &path, '/');
        if (sg_text_equal(segment, SG_TEXT(".."))) {
            drop_segment(out, start);
        } else if (segment.length > 0 && !sg_text_equal(segment, SG_TEXT("."))) {
            sg_buffer_add_text(out, SG_TEXT("/"));
            sg_percent_encode(out, segment, false);
        }
    }
    if (out->length == start || folder)
        sg_buffer_add_text(out, SG_TEXT("/"));
}

static int canonical_request(struct sg_buffer *out, struct sg_buffer *signed_names,
                             const struct sg_sigv4_request *request,
                             const struct sg_header *headers, size_t count)
{
    char body_hash[65];

    if (!hash_hex(body_hash, request->body))
        return SG_E_CRYPTO;
    sg_buffer_add_text(out, request->method);
    sg_buffer_add_text(out, SG_TEXT("\n"));
    add_path(out, request->path);
    sg_buffer_add_text(out, SG_TEXT("\n"));
    const int error = add_query(out, request->query);
    if (error != SG_OK)
        return error;
    sg_buffer_add_text(out, SG_TEXT("\n"));
    for (size_t i = 0; i < count; i++) {
        add_name(out, headers[i].name);
        sg_buffer_add_text(out, SG_TEXT(":"));
        add_value(out, headers[i].value);
        sg_buffer_add_text(out, SG_TEXT("\n"));
        if (i > 0)
            sg_buffer_add_text(signed_names, SG_TEXT(";"));
        add_name(signed_names, headers[i].name);
    }
    sg_buffer_addf(out, "\n%s\n%s", signed_names->length > 0 ? signed_names->data : "", body_hash);
    return out->failed || signed_names->failed ? SG_E_MEMORY : SG_OK;
}

static bool derive_key(unsigned char key[static DIGEST_SIZE], const char *secret,
                       struct sg_text day, const struct sg_sigv4_request *request)
{
    struct sg_buffer first = {0};

    sg_buffer_add_text(&first, SG_TEXT("AWS4"));
    sg_buffer_add_text(&first, sg_text_of(secret));
    const bool good = !first.failed && mac(key, first.data, first.length, day) &&
                      mac(key, key, DIGEST_SIZE, request->region) &&
                      mac(key, key, DIGEST_SIZE, request->service) &&
                      mac(key, key, DIGEST_SIZE, SG_TEXT("aws4_request"));
    sg_buffer_wipe(&first);
    return good;
}

int sg_sigv4_sign(struct sg_sigv4 *signature, const struct sg_sigv4_request *request,
                  const struct sg_credentials *credentials)
{
    struct sg_header headers[HEADERS_ALL];
    struct sg_buffer canonical = {0}, names = {0}, to_sign = {0}, scope = {0};
    unsigned char key[DIGEST_SIZE], digest[DIGEST_SIZE];
    size_t count = 0;
    int error = SG_E_INVALID;

    *signature = (struct sg_sigv4){0};
    if (!sg_date_format_basic(signature->date, request->now_ms))
        goto out;
    const struct sg_text day = {signature->date, 8};

    error = collect_headers(headers, &count, request, signature->date, credentials);
    if (error == SG_OK)
        error = canonical_request(&canonical, &names, request, headers, count);
    if (error != SG_OK)
        goto out;

    error = SG_E_CRYPTO;
    if (!hash_hex(signature->canonical_hash, sg_buffer_text(&canonical)))
        goto out;
    sg_buffer_addf(&scope, "%.*s/%.*s/%.*s/aws4_request", SG_TEXT_ARG(day),
                   SG_TEXT_ARG(request->region), SG_TEXT_ARG(request->service));
    sg_buffer_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", signature->date,
                   scope.failed ? "" : scope.data, signature->canonical_hash);
    if (!derive_key(key, credentials->secret_access_key, day, request) ||
        !mac(digest, key, sizeof key, sg_buffer_text(&to_sign)))
        goto out;
    sg_hex_encode(signature->signature, digest, sizeof digest);
    sg_buffer_addf(&signature->authorization,
                   "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                   credentials->access_key_id, scope.failed ? "" : scope.data,
                   names.failed ? "" : names.data, signature->signature);
    error = signature->authorization.failed || scope.failed || to_sign.failed ? SG_E_MEMORY : SG_OK;

out:
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(digest, sizeof digest);
    sg_buffer_wipe(&canonical);
    sg_buffer_clear(&names);
    sg_buffer_clear(&to_sign);
    sg_buffer_clear(&scope);
    if (error != SG_OK)
        sg_sigv4_clear(signature);
    return error;
}

void sg_sigv4_clear(struct sg_sigv4 *signature)
{
    sg_buffer_wipe(&signature->authorization);
    OPENSSL_cleanse(signature, sizeof *signature);
}
