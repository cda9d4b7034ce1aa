/*
 * caller_identity_post.c - a signed POST in four fields (method, URL, body, headers), and the
 * companion that its headers may carry in the same four. Nothing of the headers is ever sent on but
 * what is named here: a header that nobody expects refuses the whole.
 */
#include "base/encoding.h"
#include "base/json.h"
#include "credential/caller_identity.h"
#include "credential/claims.h"

#include <openssl/evp.h>

#define HEADERS_MAX 32

static const char sts_body[] = "Action=GetCallerIdentity&Version=2011-06-15";
static const char sts_body_swapped[] = "Version=2011-06-15&Action=GetCallerIdentity";

static const char *const suffixes[SG_COMPANION_PARTS] = {"-Method", "-URL", "-Headers", "-Body"};

/* A JSON object's members, each a string or an array of one string. */
struct headers {
    struct sg_caller_identity *identity;
    struct sg_header_text {
        struct sg_text name, value;
    } all[HEADERS_MAX];
    size_t count;
    bool open; /* the last is an array without its element yet */
};

/* Printable ASCII without a blank too many: what SigV4 signs is what stands there. */
bool sg_identity_value_plain(struct sg_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        const char c = value.data[i];

        if (c < 0x20 || c >= 0x7f || (c == ' ' && i + 1 < value.length && value.data[i + 1] == ' '))
            return false;
    }
    return value.length > 0 && value.data[0] != ' ' && value.data[value.length - 1] != ' ';
}

static bool take_value(struct headers *headers, const struct sg_json_item *item)
{
    struct sg_text *value = &headers->all[headers->count - 1].value;
    char *out = sg_identity_room(headers->identity, item->raw.length);

    value->data = out;
    headers->open = false;
    return out != NULL && sg_json_string(out, item->raw.length + 1, &value->length, item) &&
           sg_identity_value_plain(*value);
}

static bool take_item(void *payload, const struct sg_json_item *item)
{
    struct headers *headers = payload;

    if (item->depth == 0)
        return item->type == SG_JSON_OBJECT;
    if (item->depth == 2)
        return headers->open && item->key.length == 0 && item->type == SG_JSON_STRING &&
               take_value(headers, item);
    if (item->depth != 1 || headers->open || headers->count == HEADERS_MAX)
        return false;
    for (size_t i = 0; i < headers->count; i++) {
        if (sg_text_equal_nocase(headers->all[i].name, item->key))
            return false; /* twice, in whatever case */
    }
    headers->all[headers->count++].name = item->key;
    headers->open = item->type == SG_JSON_ARRAY;
    if (item->type == SG_JSON_STRING)
        return take_value(headers, item);
    return headers->open;
}

static bool read_headers(struct headers *headers, struct sg_caller_identity *identity,
                         struct sg_text json)
{
    *headers = (struct headers){.identity = identity};
    return sg_claims_is_object(json) && sg_json_scan(json, NULL, take_item, headers) == 0 &&
           !headers->open;
}

static struct sg_text header_of(const struct headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (sg_text_equal_nocase(headers->all[i].name, sg_text_of(name)))
            return headers->all[i].value;
    }
    return (struct sg_text){0};
}

/* https://HOST/ or https://HOST. */
static bool read_host(struct sg_signed_call *call, enum sg_signed_service service,
                      struct sg_text url)
{
    const struct sg_text scheme = SG_TEXT("https://");
    struct sg_text host = {url.data + scheme.length, url.length - scheme.length};

    if (!sg_text_starts(url, scheme) || host.length == 0)
        return false;
    if (host.data[host.length - 1] == '/')
        host.length--;
    return sg_aws_host_find(&call->host, service, host);
}

static bool next_part(struct sg_text *value, struct sg_text *rest, struct sg_text name)
{
    if (!sg_text_starts(*rest, name))
        return false;
    *rest = (struct sg_text){rest->data + name.length, rest->length - name.length};
    (void)sg_text_cut(value, rest, ',');
    if (rest->length > 0 && rest->data[0] == ' ')
        *rest = (struct sg_text){rest->data + 1, rest->length - 1};
    return true;
}

/* AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=... */
static bool read_authorization(struct sg_signed_call *call, struct sg_text *scope,
                               struct sg_text value)
{
    const struct sg_text scheme = SG_TEXT("AWS4-HMAC-SHA256 ");

    if (!sg_text_starts(value, scheme))
        return false;
    value = (struct sg_text){value.data + scheme.length, value.length - scheme.length};
    return next_part(scope, &value, SG_TEXT("Credential=")) &&
           next_part(&call->signed_headers, &value, SG_TEXT("SignedHeaders=")) &&
           next_part(&call->signature, &value, SG_TEXT("Signature=")) && value.length == 0;
}

/* Who and when; the rest needs the issuer. */
static enum stsgate_reason read_signature(struct sg_caller_identity *identity,
                                          struct sg_signed_call *call,
                                          const struct headers *headers, const char *service)
{
    struct sg_text scope, day;

    if (!read_authorization(call, &scope, header_of(headers, "Authorization")) ||
        !sg_identity_scope(call, &day, scope, service))
        return sg_identity_malformed(identity, "Authorization is none of AWS4-HMAC-SHA256 for the "
                                               "service");
    call->date = header_of(headers, "X-Amz-Date");
    if (!sg_identity_date(call, day))
        return sg_identity_malformed(identity, "X-Amz-Date is no date, or not the scope's");
    call->token = header_of(headers, "X-Amz-Security-Token");
    return STSGATE_REASON_NONE;
}

static bool content_type_known(struct sg_text value)
{
    return sg_text_equal(value, SG_TEXT("application/x-www-form-urlencoded; charset=utf-8")) ||
           sg_text_equal(value, SG_TEXT("application/x-www-form-urlencoded"));
}

/* A decimal that is the body's length. */
static bool length_fits(const struct sg_signed_call *call, struct sg_text value)
{
    uint64_t length;

    return sg_text_to_uint(&length, value, 1u << 20) && length == call->body.length;
}

bool sg_identity_post_content(const struct sg_signed_call *call)
{
    return (sg_text_equal(call->body, sg_text_of(sts_body)) ||
            sg_text_equal(call->body, sg_text_of(sts_body_swapped))) &&
           (call->content_type.length == 0 || content_type_known(call->content_type));
}

static bool hash_fits(const struct sg_signed_call *call, struct sg_text value)
{
    unsigned char digest[32];
    char hex[65];

    if (EVP_Digest(call->body.data, call->body.length, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    sg_hex_encode(hex, digest, sizeof(digest));
    return sg_text_equal(value, sg_text_of(hex));
}

/* Every header is one that is expected, and says what it must. */
static bool header_is_good(const struct sg_caller_identity *identity,
                           const struct sg_signed_call *call, const struct sg_header_text *header)
{
    static const char *const unread[] = {"Authorization", "X-Amz-Date", "X-Amz-Security-Token",
                                         "User-Agent",    "Connection", "Accept-Encoding"};
    const struct sg_text name = header->name, value = header->value;

    for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++) {
        if (sg_text_equal_nocase(name, sg_text_of(unread[i])))
            return true;
    }
    if (sg_text_equal_nocase(name, SG_TEXT("Host")))
        return sg_text_equal(value, sg_text_of(call->host.name));
    if (sg_text_equal_nocase(name, SG_TEXT("Accept")))
        return !sg_identity_signs(call, name) || sg_text_equal(value, SG_TEXT("application/json"));
    if (sg_text_equal_nocase(name, SG_TEXT("Content-Type")))
        return content_type_known(value);
    if (sg_text_equal_nocase(name, SG_TEXT("Content-Length")))
        return length_fits(call, value);
    if (sg_text_equal_nocase(name, SG_TEXT("X-Amz-Content-Sha256")))
        return hash_fits(call, value);
    if (sg_text_equal_nocase(name, sg_text_of(identity->issuer->bind_header)))
        return true;
    for (size_t i = 0; call == &identity->sts && i < SG_COMPANION_PARTS; i++) {
        const struct sg_text prefix = sg_text_of(identity->issuer->companion_header);

        if (sg_text_starts_nocase(name, prefix) &&
            sg_text_equal_nocase(
                (struct sg_text){name.data + prefix.length, name.length - prefix.length},
                sg_text_of(suffixes[i])))
            return true;
    }
    return false;
}

/* Each signed header is there, each header is expected, and the binding is ours. */
static enum stsgate_reason check_headers(struct sg_caller_identity *identity,
                                         struct sg_signed_call *call, const struct headers *headers)
{
    struct sg_text rest = call->signed_headers, name;

    for (size_t i = 0; i < headers->count; i++) {
        if (!header_is_good(identity, call, &headers->all[i]))
            return sg_identity_malformed(identity,
                                         "a header is not one of those expected, or does not fit");
    }
    if (!sg_text_equal(header_of(headers, identity->issuer->bind_header),
                       sg_text_of(identity->issuer->bind_value))) {
        identity->why = "bind_header has another value than bind_value";
        return STSGATE_REASON_WRONG_AUDIENCE;
    }
    while (rest.length > 0) {
        (void)sg_text_cut(&name, &rest, ';');
        bool there = sg_text_equal(name, SG_TEXT("host"));
        for (size_t i = 0; i < headers->count && !there; i++)
            there = sg_text_equal_nocase(headers->all[i].name, name);
        if (!there)
            return sg_identity_malformed(identity, "a signed header is not there");
    }
    if (sg_identity_signs(call, SG_TEXT("content-type")))
        call->content_type = header_of(headers, "Content-Type");
    return STSGATE_REASON_NONE;
}

/* ---- the companion ---- */

/* Action=GetRole, RoleName=NAME and Version=2010-05-08, each once, in any order; nothing encoded.
 */
static bool read_role_body(struct sg_signed_call *call, struct sg_text body)
{
    unsigned seen = 0;
    struct sg_text rest = body, one, name;

    for (size_t i = 0; i < 3; i++) {
        unsigned bit = 0;

        (void)sg_text_cut(&one, &rest, '&');
        if (sg_text_equal(one, SG_TEXT("Action=GetRole")))
            bit = 1;
        else if (sg_text_equal(one, SG_TEXT("Version=2010-05-08")))
            bit = 2;
        else if (sg_text_cut(&name, &one, '=') && sg_text_equal(name, SG_TEXT("RoleName")))
            bit = 4;
        if (bit == 4)
            call->role_name = one;
        seen |= bit;
    }
    char folded[SG_ROLE_NAME_MAX + 1];
    call->body = body;
    return seen == 7 && rest.length == 0 && body.data[body.length - 1] != '&' &&
           memchr(call->role_name.data, '+', call->role_name.length) == NULL &&
           sg_role_name_fold(folded, call->role_name);
}

enum stsgate_reason sg_identity_read_companion(struct sg_caller_identity *identity)
{
    const struct sg_text *text = identity->companion_text;
    struct sg_signed_call *call = &identity->companion;
    struct headers headers;
    enum stsgate_reason reason;

    call->post = true;
    if (!sg_text_equal(text[SG_COMPANION_METHOD], SG_TEXT("POST")) ||
        !read_host(call, SG_SIGNED_IAM, text[SG_COMPANION_URL]) ||
        !read_role_body(call, text[SG_COMPANION_BODY]))
        return sg_identity_malformed(identity, "the companion is no POST of GetRole to IAM");
    if (!read_headers(&headers, identity, text[SG_COMPANION_HEADERS]))
        return sg_identity_malformed(identity, "the companion's headers are no JSON object of "
                                               "strings, each name once");
    reason = read_signature(identity, call, &headers, "iam");
    return reason == STSGATE_REASON_NONE ? check_headers(identity, call, &headers) : reason;
}

/* All four parts, or none. */
static enum stsgate_reason find_companion(struct sg_caller_identity *identity,
                                          const struct headers *headers)
{
    size_t found = 0;

    for (size_t i = 0; i < SG_COMPANION_PARTS; i++) {
        char name[160];
        const struct sg_text prefix = sg_text_of(identity->issuer->companion_header);

        memcpy(name, prefix.data, prefix.length);
        memcpy(name + prefix.length, suffixes[i], strlen(suffixes[i]) + 1);
        identity->companion_text[i] = header_of(headers, name);
        found += identity->companion_text[i].length > 0;
    }
    if (found == 0)
        return STSGATE_REASON_NONE;
    if (found != SG_COMPANION_PARTS)
        return sg_identity_malformed(identity, "the companion is not whole");
    identity->has_companion = true;
    return sg_identity_read_companion(identity);
}

/* ---- the four fields ---- */

static bool decode(struct sg_text *out, struct sg_caller_identity *identity, struct sg_text text)
{
    const size_t room = SG_BASE64URL_SIZE(text.length);
    char *bytes = sg_identity_room(identity, room);

    out->data = bytes;
    return bytes != NULL && text.length > 0 &&
           sg_base64_decode((unsigned char *)bytes, room, &out->length, text);
}

enum stsgate_reason sg_identity_read_post(struct sg_caller_identity *identity,
                                          struct sg_text credential,
                                          const struct sg_service *service)
{
    struct sg_signed_call *call = &identity->sts;
    struct sg_text method, field, url, json;
    struct headers headers;
    enum stsgate_reason reason;

    call->post = true;
    if (!sg_text_cut(&method, &credential, '.') || !sg_text_equal(method, SG_TEXT("POST")))
        return sg_identity_malformed(identity, "its method is not POST");
    if (!sg_text_cut(&field, &credential, '.') || !decode(&url, identity, field) ||
        !read_host(call, SG_SIGNED_STS, url))
        return sg_identity_malformed(identity, "its URL is none of AWS's STS");
    if (!sg_text_cut(&field, &credential, '.') || !decode(&call->body, identity, field) ||
        !sg_identity_post_content(call))
        return sg_identity_malformed(identity, "its body is no GetCallerIdentity of 2011-06-15");
    if (!decode(&json, identity, credential) || !read_headers(&headers, identity, json))
        return sg_identity_malformed(identity, "its headers are no JSON object of strings, each "
                                               "name once");
    reason = read_signature(identity, call, &headers, "sts");
    if (reason == STSGATE_REASON_NONE)
        reason = sg_identity_find_issuer(identity, service);
    if (reason == STSGATE_REASON_NONE)
        reason = check_headers(identity, call, &headers);
    return reason == STSGATE_REASON_NONE ? find_companion(identity, &headers) : reason;
}
