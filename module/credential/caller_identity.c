/*
 * caller_identity.c - the way in: which form a credential has, whose it claims to be, whether it
 * is of now. Must never let anything pass that sg_identity_check() has not seen.
 */
#include "credential/caller_identity.h"

#include "base/encoding.h"

#include <openssl/crypto.h>

static const struct sg_text url_prefix = {"k8s-aws-v1.", 11};
static const struct sg_text bare_prefix = {"https://", 8};
static const struct sg_text post_prefix = {"sts-post-v1.", 12};

static struct sg_text behind(struct sg_text text, struct sg_text prefix)
{
    return (struct sg_text){text.data + prefix.length, text.length - prefix.length};
}

bool sg_identity_presented(struct sg_text credential)
{
    return sg_text_starts(credential, url_prefix) || sg_text_starts(credential, post_prefix) ||
           sg_text_starts(credential, bare_prefix);
}

char *sg_identity_room(struct sg_caller_identity *identity, size_t length)
{
    char *at = identity->room + identity->used;

    if (length >= sizeof(identity->room) - identity->used)
        return NULL;
    identity->used += length + 1;
    at[length] = 0;
    return at;
}

enum stsgate_reason sg_identity_malformed(struct sg_caller_identity *identity, const char *why)
{
    identity->why = why;
    return STSGATE_REASON_MALFORMED;
}

enum stsgate_reason sg_identity_find_issuer(struct sg_caller_identity *identity,
                                            const struct sg_service *service)
{
    const struct sg_signed_call *call = &identity->sts;
    const struct sg_issuer *of_account = NULL;

    if (!sg_identity_account(identity->account, call->access_key_id))
        return sg_identity_malformed(identity,
                                     "the access key id is none of a session or a user (ASIA or "
                                     "AKIA, and 16 letters or digits)");
    for (size_t i = 0; i < service->accept_count; i++) {
        const struct sg_issuer *issuer = service->accept[i];

        if (issuer->kind != SG_ISSUER_CALLER_IDENTITY || issuer->account == NULL ||
            strcmp(issuer->account->id, identity->account) != 0)
            continue;
        if (of_account == NULL)
            of_account = issuer;
        if (sg_identity_signs(call, sg_text_of(issuer->bind_header))) {
            identity->issuer = issuer;
            return STSGATE_REASON_NONE;
        }
    }
    identity->why = of_account == NULL ? "no issuer of this service is of the session's account"
                                       : "bind_header is not among the signed headers";
    identity->issuer = of_account;
    return of_account == NULL ? STSGATE_REASON_UNKNOWN_ISSUER : STSGATE_REASON_WRONG_AUDIENCE;
}

/* STS looks at X-Amz-Date alone: X-Amz-Expires bounds nothing. */
static enum stsgate_reason check_times(struct sg_caller_identity *identity, int64_t now_ms)
{
    const int64_t dates_ms[] = {
        identity->sts.date_ms,
        identity->has_companion ? identity->companion.date_ms : identity->sts.date_ms,
    };

    for (size_t i = 0; i < 2; i++) {
        if (dates_ms[i] > now_ms + SG_IDENTITY_AHEAD_MS) {
            identity->why = "X-Amz-Date is over 5 minutes ahead of this gateway's clock";
            return STSGATE_REASON_NOT_YET_VALID;
        }
        if (now_ms >= dates_ms[i] + SG_IDENTITY_LIFE_MS) {
            identity->why = "X-Amz-Date is 15 minutes old: sign anew";
            return STSGATE_REASON_EXPIRED;
        }
    }
    return STSGATE_REASON_NONE;
}

/* The URL that a k8s-aws-v1 token is made of; empty when it is none. */
static struct sg_text decode_url(struct sg_caller_identity *identity, struct sg_text credential)
{
    const struct sg_text text = behind(credential, url_prefix);
    char *out = sg_identity_room(identity, SG_BASE64URL_SIZE(text.length));
    size_t length = 0;

    if (out == NULL ||
        !sg_base64url_decode((unsigned char *)out, SG_BASE64URL_SIZE(text.length), &length, text))
        return (struct sg_text){0};
    return (struct sg_text){out, length};
}

static enum stsgate_reason read_form(struct sg_caller_identity *identity, struct sg_text credential,
                                     const struct sg_service *service)
{
    enum stsgate_reason reason;

    if (sg_text_starts(credential, post_prefix))
        return sg_identity_read_post(identity, behind(credential, post_prefix), service);
    if (sg_text_starts(credential, url_prefix))
        credential = decode_url(identity, credential);
    reason = sg_identity_read_url(identity, credential);
    return reason != STSGATE_REASON_NONE ? reason : sg_identity_find_issuer(identity, service);
}

enum stsgate_reason sg_identity_read(struct sg_caller_identity *identity, struct sg_text credential,
                                     const struct sg_service *service, int64_t now_ms)
{
    enum stsgate_reason reason;

    memset(identity, 0, offsetof(struct sg_caller_identity, room));
    if (credential.length > STSGATE_CREDENTIAL_MAX)
        return sg_identity_malformed(identity, "it is over 8192 bytes long");
    reason = read_form(identity, credential, service);
    if (reason == STSGATE_REASON_NONE)
        reason = sg_identity_check(identity);
    return reason == STSGATE_REASON_NONE ? check_times(identity, now_ms) : reason;
}

void sg_identity_wipe(struct sg_caller_identity *identity)
{
    OPENSSL_cleanse(identity->room, identity->used);
    memset(identity, 0, offsetof(struct sg_caller_identity, room));
}
