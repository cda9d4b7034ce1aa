/*
 * caller_identity_check.c - what must hold of a signed request's parts, whoever took it apart: the
 * gate before it asks the agent, the agent before it calls AWS. Knows no form and no clock.
 */
#include "base/date.h"
#include "credential/caller_identity.h"

#define TOKEN_MAX          4096
#define KEY_ID_LENGTH      20
#define SIGNED_HEADERS_MAX 24

/* Base32 (RFC 4648) of today's access key ids; -1. */
static int base32(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool sg_identity_long_term(struct sg_text id)
{
    return sg_text_starts(id, SG_TEXT("AKIA"));
}

/*
 * The first 48 of the 80 bits behind the prefix are 1, the account in 40 bits, and 7 of something
 * else. Ids from before 2019 begin with a 0 and encode none: no session is that old, and a key that
 * is ought to be replaced.
 */
bool sg_identity_account(char account[static 13], struct sg_text id)
{
    uint64_t bits = 0;

    memset(account, 0, 13);
    if (id.length != KEY_ID_LENGTH ||
        (!sg_text_starts(id, SG_TEXT("ASIA")) && !sg_identity_long_term(id)))
        return false;
    for (size_t i = 4; i < KEY_ID_LENGTH; i++) {
        int digit = base32(id.data[i]);

        if (digit < 0)
            return false;
        if (i < 14)
            bits = bits << 5 | (uint64_t)digit;
    }
    bits >>= 2;
    if (bits >> 47 == 0)
        return false;
    bits = (bits & UINT64_C(0x7fffffffff80)) >> 7;
    if (bits > UINT64_C(999999999999))
        return false;
    for (size_t i = 12; i > 0; i--, bits /= 10)
        account[i - 1] = (char)('0' + bits % 10);
    return true;
}

bool sg_identity_scope(struct sg_signed_call *call, struct sg_text *day, struct sg_text scope,
                       const char *service)
{
    struct sg_text named;

    return sg_text_cut(&call->access_key_id, &scope, '/') && sg_text_cut(day, &scope, '/') &&
           sg_text_cut(&call->region, &scope, '/') && sg_text_cut(&named, &scope, '/') &&
           sg_text_equal(named, sg_text_of(service)) &&
           sg_text_equal(scope, SG_TEXT("aws4_request"));
}

bool sg_identity_date(struct sg_signed_call *call, struct sg_text day)
{
    const char *d = call->date.data;
    char rfc3339[sizeof("2026-11-24T10:00:00Z")];

    if (call->date.length != 16 || day.length != 8 || memcmp(day.data, d, 8) != 0 || d[8] != 'T' ||
        d[15] != 'Z')
        return false;
    for (size_t i = 0; i < 15; i++) {
        if (i != 8 && (d[i] < '0' || d[i] > '9'))
            return false;
    }
    const char text[] = {d[0], d[1],  d[2], d[3],  '-',   d[4], d[5],  '-',   d[6], d[7], 'T',
                         d[9], d[10], ':',  d[11], d[12], ':',  d[13], d[14], 'Z',  0};
    _Static_assert(sizeof(text) == sizeof(rfc3339), "one date in two forms");
    memcpy(rfc3339, text, sizeof(text));
    return sg_date_parse_rfc3339(&call->date_ms, sg_text_of(rfc3339)) && call->date_ms > 0;
}

bool sg_identity_signs(const struct sg_signed_call *call, struct sg_text name)
{
    struct sg_text rest = call->signed_headers, one;

    while (rest.length > 0) {
        (void)sg_text_cut(&one, &rest, ';');
        if (sg_text_equal_nocase(one, name))
            return true;
    }
    return false;
}

static bool all_of(struct sg_text text, const char *alphabet)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == 0 || strchr(alphabet, text.data[i]) == NULL)
            return false;
    }
    return text.length > 0;
}

/* What a name of the list may be besides `host` and bind_header, each with its value known to us.
 */
static bool may_be_signed(const struct sg_caller_identity *identity,
                          const struct sg_signed_call *call, struct sg_text name)
{
    static const char *const of_post[] = {"accept",       "content-length",
                                          "content-type", "x-amz-content-sha256",
                                          "x-amz-date",   "x-amz-security-token"};
    static const char *const suffixes[SG_COMPANION_PARTS] = {"-method", "-url", "-headers",
                                                             "-body"};
    const struct sg_text prefix = sg_text_of(identity->issuer->companion_header);

    if (sg_text_equal(name, SG_TEXT("host")) ||
        sg_text_equal_nocase(name, sg_text_of(identity->issuer->bind_header)))
        return true;
    for (size_t i = 0; call->post && i < sizeof(of_post) / sizeof(of_post[0]); i++) {
        if (sg_text_equal(name, sg_text_of(of_post[i])))
            return true;
    }
    if (call != &identity->sts || !identity->has_companion || name.length <= prefix.length ||
        !sg_text_starts_nocase(name, prefix))
        return false;
    name = (struct sg_text){name.data + prefix.length, name.length - prefix.length};
    for (size_t i = 0; i < SG_COMPANION_PARTS; i++) {
        if (sg_text_equal(name, sg_text_of(suffixes[i])))
            return true;
    }
    return false;
}

/* Sorted, lower case, each once: SigV4's one spelling. */
static bool list_is_good(const struct sg_caller_identity *identity,
                         const struct sg_signed_call *call)
{
    struct sg_text rest = call->signed_headers, before = {0}, one;
    size_t count = 0;
    bool more = rest.length > 0;

    while (more) {
        more = sg_text_cut(&one, &rest, ';');
        const size_t shorter = one.length < before.length ? one.length : before.length;
        const int order = shorter == 0 ? 0 : memcmp(before.data, one.data, shorter);

        if (++count > SIGNED_HEADERS_MAX || order > 0 ||
            (order == 0 && before.length >= one.length) ||
            !all_of(one, "abcdefghijklmnopqrstuvwxyz0123456789-") ||
            !may_be_signed(identity, call, one))
            return false;
        before = one;
    }
    return count > 0;
}

/* Signed must be: host, the binding, and whatever says who and when. */
static bool signs_enough(const struct sg_caller_identity *identity,
                         const struct sg_signed_call *call)
{
    const char *prefix = identity->issuer->companion_header;
    const size_t length = strlen(prefix);
    size_t companions = 0;
    struct sg_text rest = call->signed_headers, one;

    if (!sg_identity_signs(call, SG_TEXT("host")))
        return false;
    if (!call->post)
        return true;
    while (rest.length > 0) {
        (void)sg_text_cut(&one, &rest, ';');
        companions += one.length > length && sg_text_starts_nocase(one, sg_text_of(prefix));
    }
    if (call == &identity->sts && companions != (identity->has_companion ? SG_COMPANION_PARTS : 0))
        return false;
    return sg_identity_signs(call, SG_TEXT("x-amz-date")) &&
           sg_identity_signs(call, SG_TEXT("x-amz-security-token")) == (call->token.length > 0);
}

static enum stsgate_reason check_call(struct sg_caller_identity *identity,
                                      struct sg_signed_call *call)
{
    const struct sg_account *account = identity->issuer->account;
    char of_key[13];

    if (strcmp(call->host.partition, account->partition) != 0)
        return sg_identity_malformed(identity, "its host is of another partition");
    if (!sg_text_equal(call->region, sg_text_of(call->host.region)))
        return sg_identity_malformed(identity, "it is signed for another region than its host's");
    if (!sg_identity_account(of_key, call->access_key_id) || strcmp(of_key, account->id) != 0)
        return sg_identity_malformed(identity, "its access key id is of another account");
    if (sg_identity_long_term(call->access_key_id)) {
        if (!identity->issuer->allow_long_term) {
            identity->why = "the issuer does not allow long-term keys (allow_long_term)";
            return STSGATE_REASON_LONG_TERM_KEY;
        }
        if (call->token.length != 0)
            return sg_identity_malformed(identity, "a long-term key has no security token");
    } else if (call->token.length > TOKEN_MAX ||
               !all_of(call->token,
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
        return sg_identity_malformed(identity, "there is no security token, or it is none");
    if (call->signature.length != 64 || !all_of(call->signature, "0123456789abcdef"))
        return sg_identity_malformed(identity, "the signature is not 64 hex digits");
    if (!sg_identity_signs(call, sg_text_of(identity->issuer->bind_header))) {
        identity->why = "bind_header is not among the signed headers";
        return STSGATE_REASON_WRONG_AUDIENCE;
    }
    if (!list_is_good(identity, call))
        return sg_identity_malformed(identity, "SignedHeaders is not sorted, or has a name that "
                                               "is not expected");
    if (call->post &&
        sg_identity_signs(call, SG_TEXT("content-type")) != (call->content_type.length > 0))
        return sg_identity_malformed(identity, "a signed Content-Type is not there");
    if (!signs_enough(identity, call))
        return sg_identity_malformed(identity, "a header that must be signed is not");
    return STSGATE_REASON_NONE;
}

/*
 * The companion is worth something only as the same session's: RoleId alone binds nothing, since
 * GetRole returns it to any caller that may read the role.
 */
static enum stsgate_reason check_companion(struct sg_caller_identity *identity)
{
    const struct sg_signed_call *sts = &identity->sts, *companion = &identity->companion;

    if (!sg_text_equal(sts->access_key_id, companion->access_key_id) ||
        sts->token.length != companion->token.length ||
        memcmp(sts->token.data, companion->token.data, sts->token.length) != 0)
        return sg_identity_malformed(identity, "the companion is signed by another session");
    return check_call(identity, &identity->companion);
}

enum stsgate_reason sg_identity_check(struct sg_caller_identity *identity)
{
    const unsigned form = !identity->sts.post        ? SG_FORM_URL
                          : !identity->has_companion ? SG_FORM_POST
                                                     : SG_FORM_COMPANION;
    enum stsgate_reason reason = check_call(identity, &identity->sts);

    if (reason != STSGATE_REASON_NONE)
        return reason;
    if ((identity->issuer->forms & form) == 0)
        return sg_identity_malformed(identity, "the issuer does not take this form (forms)");
    return identity->has_companion ? check_companion(identity) : STSGATE_REASON_NONE;
}
