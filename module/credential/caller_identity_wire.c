/*
 * caller_identity_wire.c - the parts of a signed request as one text and back: what a gate sends
 * the agent, and what the agent takes a SHA-256 of. Fields of two length bytes each, in one order,
 * none left out and nothing behind the last.
 */
#include "credential/caller_identity.h"

#define FIELDS 10 /* of a call */

static void put(struct sg_buffer *out, struct sg_text field)
{
    const unsigned char length[2] = {(unsigned char)(field.length >> 8),
                                     (unsigned char)(field.length & 255)};

    if (field.length > UINT16_MAX)
        out->failed = true;
    sg_buffer_add(out, length, sizeof(length));
    sg_buffer_add_text(out, field);
}

bool sg_identity_pack(struct sg_buffer *out, const struct sg_caller_identity *identity)
{
    const struct sg_signed_call *call = &identity->sts;
    const struct sg_text host = sg_text_of(call->host.name);

    put(out, call->post ? SG_TEXT("POST") : SG_TEXT("GET"));
    put(out, host);
    put(out, call->access_key_id);
    put(out, call->date);
    put(out, call->expires);
    put(out, call->signed_headers);
    put(out, call->token);
    put(out, call->signature);
    put(out, call->content_type);
    put(out, call->body);
    for (size_t i = 0; i < SG_COMPANION_PARTS; i++)
        put(out, identity->companion_text[i]);
    return !out->failed && out->length <= SG_IDENTITY_PACKED_MAX;
}

static bool take(struct sg_text *field, struct sg_text *rest)
{
    size_t length;

    if (rest->length < 2)
        return false;
    length = (size_t)(unsigned char)rest->data[0] << 8 | (unsigned char)rest->data[1];
    if (length > rest->length - 2)
        return false;
    *field = (struct sg_text){rest->data + 2, length};
    *rest = (struct sg_text){rest->data + 2 + length, rest->length - 2 - length};
    return true;
}

static enum stsgate_reason take_call(struct sg_caller_identity *identity, struct sg_text *rest)
{
    struct sg_signed_call *call = &identity->sts;
    struct sg_text method = {0}, host = {0}, day;
    struct sg_text *const fields[FIELDS] = {&method,
                                            &host,
                                            &call->access_key_id,
                                            &call->date,
                                            &call->expires,
                                            &call->signed_headers,
                                            &call->token,
                                            &call->signature,
                                            &call->content_type,
                                            &call->body};
    uint64_t expires;

    for (size_t i = 0; i < FIELDS; i++) {
        if (!take(fields[i], rest))
            return sg_identity_malformed(identity, "the question is cut short");
    }
    call->post = sg_text_equal(method, SG_TEXT("POST"));
    if (!call->post && !sg_text_equal(method, SG_TEXT("GET")))
        return sg_identity_malformed(identity, "neither GET nor POST");
    if (!sg_aws_host_find(&call->host, SG_SIGNED_STS, host))
        return sg_identity_malformed(identity, "its host is none of AWS's STS");
    call->region = sg_text_of(call->host.region);
    day = (struct sg_text){call->date.data, call->date.length < 8 ? 0 : 8};
    if (!sg_identity_date(call, day))
        return sg_identity_malformed(identity, "its date is none");
    if (call->post ? call->expires.length != 0 || !sg_identity_post_content(call)
                   : !sg_text_to_uint(&expires, call->expires, 900) || call->body.length != 0 ||
                         call->content_type.length != 0)
        return sg_identity_malformed(identity, "its content does not fit its form");
    return STSGATE_REASON_NONE;
}

enum stsgate_reason sg_identity_unpack(struct sg_caller_identity *identity, struct sg_text packed,
                                       const struct sg_issuer *issuer)
{
    enum stsgate_reason reason;
    size_t length = 0;
    char *copy;

    memset(identity, 0, offsetof(struct sg_caller_identity, room));
    identity->issuer = issuer;
    if (packed.length > SG_IDENTITY_PACKED_MAX)
        return sg_identity_malformed(identity, "the question is too long");
    copy = sg_identity_room(identity, packed.length);
    if (copy == NULL)
        return sg_identity_malformed(identity, "the question is too long");
    memcpy(copy, packed.data, packed.length);
    packed.data = copy;
    reason = take_call(identity, &packed);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    if (!sg_identity_account(identity->account, identity->sts.access_key_id))
        return sg_identity_malformed(identity, "the access key id is none of a session or a user");
    for (size_t i = 0; i < SG_COMPANION_PARTS; i++) {
        if (!take(&identity->companion_text[i], &packed))
            return sg_identity_malformed(identity, "the question is cut short");
        length += identity->companion_text[i].length;
    }
    if (packed.length != 0)
        return sg_identity_malformed(identity, "something stands behind the question");
    if (length > 0) {
        identity->has_companion = true;
        for (size_t i = 0; i < SG_COMPANION_PARTS; i++) {
            if (!sg_identity_value_plain(identity->companion_text[i]))
                return sg_identity_malformed(identity, "the companion is not printable");
        }
        reason = sg_identity_read_companion(identity);
        if (reason != STSGATE_REASON_NONE)
            return reason;
    }
    return sg_identity_check(identity);
}
