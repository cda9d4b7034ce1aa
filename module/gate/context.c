/*
 * context.c - IAM's request context from a session, its credential and the
 * host's request. Must never say "absent" where the table of keys does not: a
 * Deny that hangs on an absent key does not bite.
 */
#include "gate/context.h"

#include <stdio.h>

static enum sg_credential_kind kind_of(const struct sg_grounds *grounds)
{
    switch (grounds->issuer->kind) {
    case SG_ISSUER_WEB_IDENTITY:
        return SG_CREDENTIAL_WEB_IDENTITY;
    case SG_ISSUER_JWT:
        return SG_CREDENTIAL_JWT;
    case SG_ISSUER_CALLER_IDENTITY:
        return SG_CREDENTIAL_CALLER_IDENTITY;
    }
    return SG_CREDENTIAL_JWT; /* tells least */
}

static void give(struct sg_key_values *values, struct sg_text text)
{
    values->presence = SG_KEY_PRESENT;
    values->count = 1;
    values->one = text;
}

/* ROLE-ID:session-name, or a user's id alone. The role's id is its record's where the credential
 * does not tell it: a session of another role of that name was refused before. */
static void give_userid(struct sg_key_values *values, struct sg_context *context)
{
    const struct sg_session *session = context->grounds->session;
    const struct sg_text name = sg_text_of(session->session_name);
    struct sg_text id = sg_text_of(session->role_id);

    if (sg_key_is_user(session->role_key)) {
        if (id.length > 0)
            give(values, id);
        return;
    }
    if (id.length == 0)
        id = context->grounds->record->role_id;
    if (id.length == 0 || name.length == 0 || id.length + 1 + name.length > sizeof(context->userid))
        return;
    if (context->userid_length == 0) {
        memcpy(context->userid, id.data, id.length);
        context->userid[id.length] = ':';
        memcpy(context->userid + id.length + 1, name.data, name.length);
        context->userid_length = id.length + 1 + name.length;
    }
    give(values, (struct sg_text){context->userid, context->userid_length});
}

/* As the host has it. NULL: it did not say; empty: the client did not send one. */
static void give_hosts(struct sg_key_values *values, struct stsgate_text text)
{
    if (text.data != NULL && text.length == 0)
        values->presence = SG_KEY_ABSENT;
    else if (text.data != NULL)
        give(values, (struct sg_text){text.data, text.length});
}

static void give_request(struct sg_key_values *values, const struct stsgate_request *request,
                         enum sg_key key)
{
    if (request == NULL)
        return;
    if (key == SG_KEY_SECURE_TRANSPORT)
        give(values, request->secure_transport ? SG_TEXT("true") : SG_TEXT("false"));
    else if (key == SG_KEY_USER_AGENT)
        give_hosts(values, request->user_agent);
    else if (key == SG_KEY_REFERER)
        give_hosts(values, request->referer);
    else if (sg_ip_address_valid(
                 (struct sg_text){request->source_ip.data, request->source_ip.length}))
        give_hosts(values, request->source_ip); /* not a socket's path */
}

static void give_token(struct sg_key_values *values, struct sg_context *context, enum sg_key key,
                       struct sg_text name)
{
    if (context->kind != SG_CREDENTIAL_WEB_IDENTITY || context->grounds->credential.length == 0)
        return;
    if (!context->token_read)
        sg_token_keys_read(&context->token, context->grounds->credential);
    context->token_read = true;
    sg_token_keys_ask(values, &context->token, key, name);
}

/* IAM reference: requests that long-term keys sign have neither. */
static bool is_mfa(enum sg_key key)
{
    return key == SG_KEY_MFA_PRESENT || key == SG_KEY_MFA_AGE;
}

static void ask(struct sg_key_values *values, const struct sg_policy_request *request,
                enum sg_key key, struct sg_text name)
{
    struct sg_context *context = request->payload;
    const struct sg_session *session = context->grounds->session;
    const bool user = sg_key_is_user(session->role_key);
    const enum sg_telling telling = sg_key_telling(key, name, context->kind, request->action);

    if (telling == SG_TELLS_ABSENT || (sg_session_is_long_term(session) && is_mfa(key)))
        values->presence = SG_KEY_ABSENT;
    if (telling == SG_TELLS_ABSENT || telling == SG_TELLS_NOT)
        return;
    switch (key) {
    case SG_KEY_USERID:
        give_userid(values, context);
        break;
    case SG_KEY_PRINCIPAL_ARN:
        give(values, sg_text_of(session->role_arn));
        break;
    case SG_KEY_PRINCIPAL_ACCOUNT:
        if (session->account[0] != '\0')
            give(values, sg_text_of(session->account));
        break;
    case SG_KEY_PRINCIPAL_TYPE:
        give(values, user ? SG_TEXT("User") : SG_TEXT("AssumedRole"));
        break;
    case SG_KEY_USERNAME:
        if (user)
            give(values, sg_text_of(session->role_name));
        else
            values->presence = SG_KEY_ABSENT;
        break;
    case SG_KEY_IS_SERVICE:
    case SG_KEY_VIA_SERVICE:
        give(values, SG_TEXT("false"));
        break;
    case SG_KEY_SOURCE_IP:
    case SG_KEY_SECURE_TRANSPORT:
    case SG_KEY_USER_AGENT:
    case SG_KEY_REFERER:
        give_request(values, context->grounds->request, key);
        break;
    default:
        give_token(values, context, key, name);
        break;
    }
}

void sg_context_open(struct sg_context *context, const struct sg_grounds *grounds)
{
    const struct sg_service *service = grounds->service;

    context->grounds = grounds;
    context->kind = kind_of(grounds);
    context->token_read = false;
    context->userid_length = 0;
    context->request = (struct sg_policy_request){
        .action =
            service->action == NULL ? SG_TEXT("execute-api:Invoke") : sg_text_of(service->action),
        .resource = sg_text_of(service->resource),
        .issued = grounds->session->issued,
        .no_issue_time = sg_session_is_long_term(grounds->session),
        .now_ms = grounds->now_ms,
        .ask = ask,
        .payload = context,
    };
    if (service->resource != NULL)
        return;
    const int length =
        snprintf(context->resource, sizeof(context->resource), "arn:%s:execute-api::%s:%s",
                 grounds->session->partition, grounds->session->account, service->name);
    context->request.resource = (struct sg_text){
        context->resource,
        length < 0 || (size_t)length >= sizeof(context->resource) ? 0 : (size_t)length};
}

void sg_context_close(struct sg_context *context)
{
    if (context->token_read)
        sg_token_keys_wipe(&context->token);
}
