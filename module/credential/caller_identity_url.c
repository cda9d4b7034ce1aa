/*
 * caller_identity_url.c - a presigned URL of GetCallerIdentity. Every parameter must be one of
 * nine, there once, spelled as AWS spells it and encoded in the one way that SigV4 encodes, so that
 * no two readers of it can differ (CVE-2022-2385).
 */
#include "base/date.h"
#include "base/encoding.h"
#include "credential/caller_identity.h"

enum parameter {
    ACTION,
    VERSION,
    ALGORITHM,
    CREDENTIAL,
    DATE,
    EXPIRES,
    TOKEN,
    SIGNED_HEADERS,
    SIGNATURE,
    PARAMETERS,
};

static const char *const names[PARAMETERS] = {
    [ACTION] = "Action",
    [VERSION] = "Version",
    [ALGORITHM] = "X-Amz-Algorithm",
    [CREDENTIAL] = "X-Amz-Credential",
    [DATE] = "X-Amz-Date",
    [EXPIRES] = "X-Amz-Expires",
    [TOKEN] = "X-Amz-Security-Token",
    [SIGNED_HEADERS] = "X-Amz-SignedHeaders",
    [SIGNATURE] = "X-Amz-Signature",
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* SigV4's own encoding and no other: unreserved bytes as they are, %XX in capitals for the rest,
 * printable ASCII only. */
static bool decode_value(struct sg_text *value, struct sg_caller_identity *identity,
                         struct sg_text text)
{
    char *out = sg_identity_room(identity, text.length);
    size_t length = 0;

    for (size_t i = 0; out != NULL && i < text.length; i++) {
        char c = text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';

        if (!plain) {
            int high, low, byte;

            if (c != '%' || text.length - i < 3)
                return false;
            high = hex_digit(text.data[i + 1]);
            low = hex_digit(text.data[i + 2]);
            byte = high * 16 + low;
            if (high < 0 || low < 0 || byte <= 0x20 || byte >= 0x7f)
                return false;
            c = (char)byte;
            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '_' || c == '.' || c == '~')
                return false; /* no second spelling */
            i += 2;
        }
        out[length++] = c;
    }
    *value = (struct sg_text){out, length};
    return out != NULL;
}

static enum stsgate_reason read_query(struct sg_text values[static PARAMETERS],
                                      struct sg_caller_identity *identity, struct sg_text query)
{
    while (query.length > 0) {
        struct sg_text value, name;
        size_t which = 0;

        const bool more = sg_text_cut(&value, &query, '&');
        if (more && query.length == 0)
            return sg_identity_malformed(identity, "the query ends in &");
        if (!sg_text_cut(&name, &value, '='))
            return sg_identity_malformed(identity, "a parameter has no value");
        while (which < PARAMETERS && !sg_text_equal(name, sg_text_of(names[which])))
            which++;
        if (which == PARAMETERS)
            return sg_identity_malformed(identity, "a parameter is none of those expected");
        if (values[which].data != NULL)
            return sg_identity_malformed(identity, "a parameter is given twice");
        if (!decode_value(&values[which], identity, value))
            return sg_identity_malformed(identity, "a parameter is not encoded as SigV4 does");
    }
    for (size_t i = 0; i < PARAMETERS; i++) {
        /* Long-term keys have no token; sg_identity_check() knows whose key it is. */
        if (i == TOKEN ? values[i].data != NULL && values[i].length == 0
                       : values[i].data == NULL || values[i].length == 0)
            return sg_identity_malformed(identity, "a parameter is missing");
    }
    return STSGATE_REASON_NONE;
}

/* https://HOST/?QUERY or https://HOST?QUERY: no user, no port, no path, no fragment. */
static bool split(struct sg_text *host, struct sg_text *query, struct sg_text url)
{
    const struct sg_text scheme = SG_TEXT("https://");

    if (!sg_text_starts(url, scheme))
        return false;
    *query = (struct sg_text){url.data + scheme.length, url.length - scheme.length};
    if (!sg_text_cut(host, query, '?') || host->length == 0)
        return false;
    if (host->data[host->length - 1] == '/')
        host->length--;
    return query->length > 0;
}

enum stsgate_reason sg_identity_read_url(struct sg_caller_identity *identity, struct sg_text url)
{
    struct sg_text values[PARAMETERS] = {0};
    struct sg_signed_call *call = &identity->sts;
    struct sg_text host, query, day;
    enum stsgate_reason reason;
    uint64_t expires;

    if (!split(&host, &query, url))
        return sg_identity_malformed(identity, "it is no https URL with a query");
    if (!sg_aws_host_find(&call->host, SG_SIGNED_STS, host))
        return sg_identity_malformed(identity, "its host is none of AWS's STS");
    reason = read_query(values, identity, query);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    if (!sg_text_equal(values[ACTION], SG_TEXT("GetCallerIdentity")) ||
        !sg_text_equal(values[VERSION], SG_TEXT("2011-06-15")) ||
        !sg_text_equal(values[ALGORITHM], SG_TEXT("AWS4-HMAC-SHA256")))
        return sg_identity_malformed(identity, "it is no GetCallerIdentity of 2011-06-15");
    if (!sg_text_to_uint(&expires, values[EXPIRES], 900))
        return sg_identity_malformed(identity, "X-Amz-Expires is not 0 to 900");
    call->expires = values[EXPIRES];
    call->date = values[DATE];
    call->token = values[TOKEN];
    call->signature = values[SIGNATURE];
    call->signed_headers = values[SIGNED_HEADERS];
    if (!sg_identity_scope(call, &day, values[CREDENTIAL], "sts"))
        return sg_identity_malformed(identity, "X-Amz-Credential is no scope of sts");
    if (!sg_identity_date(call, day))
        return sg_identity_malformed(identity, "X-Amz-Date is no date, or not the scope's");
    return STSGATE_REASON_NONE;
}
