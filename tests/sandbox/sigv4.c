/*
 * Verifies AWS Signature Version 4 over what claim.c has read.
 *
 * Follows the published algorithm from the request's own bytes; shares nothing with the product's
 * signer. Errors are AWS's, in AWS's order: unknown key, clock, signature, session token, expiry.
 */
#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <strings.h>

#include "claim.h"
#include "opaque.h"
#include "sandbox.h"

static const char invalid_token[] = "The security token included in the request is invalid.";
static const char mismatch[] =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.";

enum { SKEW_MS = 15 * 60 * 1000, HASH = 32, HEX = 65 };

static void hex_of(char out[static HEX], const unsigned char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < HASH; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[HEX - 1] = '\0';
}

static void sha256_hex(char out[static HEX], const char *bytes, size_t length)
{
    unsigned char hash[HASH];

    if (EVP_Digest(bytes, length, hash, NULL, EVP_sha256(), NULL) != 1)
        abort();
    hex_of(out, hash);
}

static void mac(unsigned char out[static HASH], const void *key, size_t key_length,
                const char *text)
{
    unsigned length = HASH;

    if (HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, strlen(text), out,
             &length) == NULL)
        abort();
}

static int compare_fields(const void *left, const void *right)
{
    const struct sb_field *a = left;
    const struct sb_field *b = right;
    int order = strcmp(a->name, b->name);

    return order != 0 ? order : strcmp(a->value, b->value);
}

static void add_query(struct sb_text *text, const struct sb_form *query, bool presigned)
{
    struct sb_form sorted = {0};
    size_t i;

    for (i = 0; i < query->count; i++) {
        char *name = sb_percent_encode(query->fields[i].name);
        char *value = sb_percent_encode(query->fields[i].value);

        if (!presigned || strcmp(name, "X-Amz-Signature") != 0)
            sb_form_add(&sorted, name, value);
        free(name);
        free(value);
    }
    if (sorted.count > 0)
        qsort(sorted.fields, sorted.count, sizeof(*sorted.fields), compare_fields);
    for (i = 0; i < sorted.count; i++) {
        sb_text_printf(text, "%s%s=%s", i > 0 ? "&" : "", sorted.fields[i].name,
                       sorted.fields[i].value);
    }
    sb_text_put(text, "\n");
    sb_form_free(&sorted);
}

/* Trimmed, runs of blanks as one. */
static void add_header_value(struct sb_text *text, const char *value)
{
    bool pending = false;

    for (value += strspn(value, " \t"); *value != '\0'; value++) {
        if (*value == ' ' || *value == '\t') {
            pending = true;
            continue;
        }
        if (pending)
            sb_text_put(text, " ");
        pending = false;
        sb_text_add(text, value, 1);
    }
}

static int add_header(struct sb_text *text, const struct sb_form *headers, const char *name)
{
    size_t found = 0;
    size_t i;

    sb_text_printf(text, "%s:", name);
    for (i = 0; i < headers->count; i++) {
        if (strcmp(headers->fields[i].name, name) != 0)
            continue;
        if (found++ > 0)
            sb_text_put(text, ",");
        add_header_value(text, headers->fields[i].value);
    }
    sb_text_put(text, "\n");
    return found > 0 ? 0 : -1;
}

/* -1 when a listed header was not sent, or the list is not sorted and lower-case. */
static int add_headers(struct sb_text *text, const struct sb_claim *claim,
                       const struct sb_form *headers)
{
    const char *at = claim->signed_headers;
    char *previous = sb_copy("");
    int result = 0;

    while (result == 0 && *at != '\0') {
        size_t length = strcspn(at, ";");
        char *name = sb_copy_range(at, length);

        if (strcmp(previous, name) >= 0 || strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
            result = -1;
        if (result == 0)
            result = add_header(text, headers, name);
        free(previous);
        previous = name;
        at += length;
        at += *at == ';';
    }
    free(previous);
    sb_text_printf(text, "\n%s\n", claim->signed_headers);
    return result;
}

static bool signs(const struct sb_claim *claim, const char *name)
{
    const char *at = claim->signed_headers;

    while (*at != '\0') {
        size_t length = strcspn(at, ";");

        if (length == strlen(name) && strncmp(at, name, length) == 0)
            return true;
        at += length;
        at += *at == ';';
    }
    return false;
}

/* AWS wants host and every x-amz-* header signed. */
static bool signs_enough(const struct sb_claim *claim, const struct sb_form *headers)
{
    size_t i;

    for (i = 0; i < headers->count; i++) {
        if (strncmp(headers->fields[i].name, "x-amz-", 6) == 0 &&
            !signs(claim, headers->fields[i].name))
            return false;
    }
    return signs(claim, "host");
}

/* The body's hash; a declared hash must be it. */
static int add_payload(struct sb_text *text, const struct sb_request *request)
{
    const char *declared = sb_form_get(&request->headers, "x-amz-content-sha256");
    char hash[HEX];

    sha256_hex(hash, request->body.length > 0 ? request->body.bytes : "", request->body.length);
    sb_text_put(text, hash);
    return declared == NULL || strcasecmp(declared, hash) == 0 ? 0 : -1;
}

static void sign(char out[static HEX], const struct sb_claim *claim, const char *secret,
                 const char *string_to_sign)
{
    char *first = sb_format("AWS4%s", secret);
    unsigned char key[HASH];
    unsigned char next[HASH];

    mac(key, first, strlen(first), claim->day);
    mac(next, key, HASH, claim->region);
    mac(key, next, HASH, claim->service);
    mac(next, key, HASH, "aws4_request");
    mac(key, next, HASH, string_to_sign);
    hex_of(out, key);
    sb_wipe_string(first);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(next, sizeof(next));
}

static bool signature_holds(const struct sb_claim *claim, const struct sb_request *request,
                            const char *secret)
{
    struct sb_text canonical = {0};
    char hash[HEX];
    char expected[HEX];
    char *string_to_sign;
    bool holds = false;

    sb_text_printf(&canonical, "%s\n%s\n", request->method, request->path);
    add_query(&canonical, &request->query, claim->presigned);
    if (add_headers(&canonical, claim, &request->headers) != 0)
        goto out;
    if (add_payload(&canonical, request) != 0)
        goto out;
    sha256_hex(hash, canonical.bytes, canonical.length);
    string_to_sign = sb_format("AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", claim->date,
                               claim->day, claim->region, claim->service, hash);
    sign(expected, claim, secret, string_to_sign);
    free(string_to_sign);
    holds = strlen(claim->signature) == HEX - 1 &&
            CRYPTO_memcmp(claim->signature, expected, HEX - 1) == 0;
    OPENSSL_cleanse(expected, sizeof(expected));
out:
    sb_text_free(&canonical);
    return holds;
}

/* Compared as text: the form sorts. */
static int check_clock(struct sb_call *call, const struct sb_claim *claim)
{
    int64_t now_ms = sb_now_ms(call->box);
    char *now = sb_amz_date(now_ms);
    char *earliest = sb_amz_date(now_ms - SKEW_MS);
    char *latest = sb_amz_date(now_ms + SKEW_MS);
    int result = 0;

    if (strlen(claim->date) != strlen(now) || strncmp(claim->date, claim->day, 8) != 0 ||
        strlen(claim->day) != 8) {
        result = sb_fail(call, 403, "SignatureDoesNotMatch",
                         "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                         "of date from HTTP: '%s' != '%s', from '%s'.",
                         claim->day, claim->date, claim->date);
    } else if (strcmp(claim->date, earliest) < 0) {
        result = sb_fail(call, 403, "SignatureDoesNotMatch",
                         "Signature expired: %s is now earlier than %s (%s - 15 min.)", claim->date,
                         earliest, now);
    } else if (strcmp(claim->date, latest) > 0) {
        result = sb_fail(call, 403, "SignatureDoesNotMatch",
                         "Signature not yet current: %s is still later than %s (%s + 15 min.)",
                         claim->date, latest, now);
    }
    free(now);
    free(earliest);
    free(latest);
    return result;
}

static int check_scope(struct sb_call *call, const struct sb_claim *claim)
{
    if (strcmp(claim->service, call->service) != 0)
        return sb_fail(call, 403, "SignatureDoesNotMatch",
                       "Credential should be scoped to correct service: '%s'. ", call->service);
    if (strlen(claim->region) >= sizeof(call->region))
        return sb_fail(call, 403, "SignatureDoesNotMatch",
                       "Credential should be scoped to a valid region. ");
    (void)snprintf(call->region, sizeof(call->region), "%s", claim->region);
    if (!signs_enough(claim, &call->request->headers))
        return sb_fail(call, 403, "SignatureDoesNotMatch",
                       "'Host' and every 'X-Amz-*' header must be a 'SignedHeader' in the AWS "
                       "Authorization.");
    return 0;
}

static int find_caller(struct sb_call *call, const struct sb_claim *claim, const char **secret)
{
    struct sb_caller *caller = &call->caller;

    caller->user = sb_user_by_key(call->box->world, claim->key_id);
    if (caller->user != NULL && claim->token == NULL) {
        caller->account = caller->user->account;
        caller->arn = caller->user->arn;
        caller->user_id = caller->user->id;
        *secret = caller->user->secret;
        return 0;
    }
    caller->user = NULL;
    caller->session = sb_session_by_key(call->box->world, claim->key_id);
    if (caller->session == NULL ||
        !sb_opaque_fits(caller->session->token, claim->token, call->box->faults.lax) ||
        (caller->session->user != NULL ? caller->session->user->deleted
                                       : sb_session_role(caller->session) == NULL)) {
        caller->session = NULL;
        return sb_fail(call, 403, "InvalidClientTokenId", "%s", invalid_token);
    }
    caller->account = caller->session->account;
    caller->arn = caller->session->arn;
    caller->user_id = caller->session->user_id;
    *secret = caller->session->secret;
    return 0;
}

int sb_authenticate(struct sb_call *call)
{
    struct sb_claim claim = {0};
    const char *secret = NULL;
    int result = -1;

    if (sb_claim_read(call, &claim) != 0)
        goto out;
    if (find_caller(call, &claim, &secret) != 0)
        goto out;
    if (check_scope(call, &claim) != 0 || check_clock(call, &claim) != 0)
        goto out;
    if (!signature_holds(&claim, call->request, secret)) {
        result = sb_fail(call, 403, "SignatureDoesNotMatch", "%s", mismatch);
        goto out;
    }
    if (call->caller.session != NULL && sb_now_ms(call->box) >= call->caller.session->expires_ms) {
        result = sb_fail(call, 403, "ExpiredToken",
                         "The security token included in the request is expired");
        goto out;
    }
    result = 0;
out:
    if (result != 0)
        memset(&call->caller, 0, sizeof(call->caller)); /* nobody until all of it holds */
    sb_claim_free(&claim);
    return result;
}
