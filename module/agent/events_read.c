/*
 * events_read.c - what a message of the events queue says: EventBridge's envelope around one of
 * CloudTrail's events (EventBridge user guide, "Events via CloudTrail"; CloudTrail user guide,
 * "Record contents"). Whatever does not read as one of those is refused, and nothing of it is
 * believed. Must never leave a session token behind, which AssumeRole's event holds.
 */
#include "agent/events.h"

#include "base/date.h"
#include "base/error.h"
#include "base/json.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <stdio.h>

/* What a call does to what we keep. */
struct change {
    const char *name;
    enum sg_event_kind kind;
    const char *policy; /* the parameter that names the policy it touches; "": it has no name;
                           NULL: none is touched */
    enum sg_policy_origin origin;
    const char *hangs; /* the parameter that names a managed policy it hangs on the role */
};

static const struct change changes[] = {
    {"PutRolePolicy", SG_EVENT_ROLE, "policyName", SG_POLICY_INLINE, NULL},
    {"DeleteRolePolicy", SG_EVENT_ROLE, "policyName", SG_POLICY_INLINE, NULL},
    {"AttachRolePolicy", SG_EVENT_ROLE, NULL, SG_POLICY_ATTACHED, "policyArn"},
    {"DetachRolePolicy", SG_EVENT_ROLE, "policyArn", SG_POLICY_ATTACHED, NULL},
    {"PutRolePermissionsBoundary", SG_EVENT_ROLE, "", SG_POLICY_BOUNDARY, "permissionsBoundary"},
    {"DeleteRolePermissionsBoundary", SG_EVENT_ROLE, "", SG_POLICY_BOUNDARY, NULL},
    {"CreateRole", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"UpdateRole", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"DeleteRole", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"TagRole", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"UntagRole", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"PutUserPolicy", SG_EVENT_ROLE, "policyName", SG_POLICY_INLINE, NULL},
    {"DeleteUserPolicy", SG_EVENT_ROLE, "policyName", SG_POLICY_INLINE, NULL},
    {"AttachUserPolicy", SG_EVENT_ROLE, NULL, SG_POLICY_ATTACHED, "policyArn"},
    {"DetachUserPolicy", SG_EVENT_ROLE, "policyArn", SG_POLICY_ATTACHED, NULL},
    {"PutUserPermissionsBoundary", SG_EVENT_ROLE, "", SG_POLICY_BOUNDARY, "permissionsBoundary"},
    {"DeleteUserPermissionsBoundary", SG_EVENT_ROLE, "", SG_POLICY_BOUNDARY, NULL},
    {"CreateUser", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"UpdateUser", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"DeleteUser", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"AddUserToGroup", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"RemoveUserFromGroup", SG_EVENT_ROLE, NULL, SG_POLICY_INLINE, NULL},
    {"PutGroupPolicy", SG_EVENT_GROUP, NULL, SG_POLICY_INLINE, NULL},
    {"DeleteGroupPolicy", SG_EVENT_GROUP, NULL, SG_POLICY_INLINE, NULL},
    {"AttachGroupPolicy", SG_EVENT_GROUP, NULL, SG_POLICY_ATTACHED, NULL},
    {"DetachGroupPolicy", SG_EVENT_GROUP, NULL, SG_POLICY_ATTACHED, NULL},
    {"CreatePolicy", SG_EVENT_MADE, NULL, SG_POLICY_ATTACHED, NULL},
    {"CreatePolicyVersion", SG_EVENT_POLICY, "policyArn", SG_POLICY_ATTACHED, NULL},
    {"SetDefaultPolicyVersion", SG_EVENT_POLICY, "policyArn", SG_POLICY_ATTACHED, NULL},
};

static const char *const issuing[] = {
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
};

/* ---- members ---- */

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &value))
        return NULL;
    return value;
}

/* Empty when there is none, or it is no string. */
static struct sg_text text(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);

    if (!json_object_is_type(value, json_type_string))
        return (struct sg_text){0};
    return (struct sg_text){json_object_get_string(value),
                            (size_t)json_object_get_string_len(value)};
}

static bool copy(char *to, size_t size, struct json_object *object, const char *name)
{
    const struct sg_text value = text(object, name);

    return value.length > 0 && sg_text_copy(to, size, value);
}

static int refuse(char *why, size_t size, const char *words)
{
    (void)snprintf(why, size, "%s", words);
    return SG_E_INVALID;
}

/* ---- who called ---- */

/* Anything but a role's session has no issue time that a role's cutoff could be about. */
static void read_actor(struct sg_event_session *actor, struct json_object *detail)
{
    struct json_object *identity = member(detail, "userIdentity");
    struct json_object *context = member(identity, "sessionContext");

    if (!sg_text_equal(text(identity, "type"), SG_TEXT("AssumedRole")) ||
        !copy(actor->role_arn, sizeof actor->role_arn, member(context, "sessionIssuer"), "arn") ||
        !copy(actor->access_key_id, sizeof actor->access_key_id, identity, "accessKeyId") ||
        !copy(actor->user_id, sizeof actor->user_id, identity, "principalId") ||
        !sg_date_parse_rfc3339(&actor->issued_ms,
                               text(member(context, "attributes"), "creationDate")) ||
        actor->issued_ms <= 0)
        *actor = (struct sg_event_session){0};
}

/* ---- what was called ---- */

/* A version that is not made the default changes nothing. What is neither yes nor no is read. */
static bool changes_nothing(const struct sg_event *event, struct json_object *parameters)
{
    struct json_object *standing = member(parameters, "setAsDefault");

    return strcmp(event->name, "CreatePolicyVersion") == 0 &&
           (standing == NULL || (json_object_is_type(standing, json_type_boolean) &&
                                 !json_object_get_boolean(standing)));
}

/* Whom it is about; a role's name can't begin as a user's does here. */
static bool take_principal(struct sg_event *event, struct json_object *parameters)
{
    const size_t length = strlen(SG_USER_KEY_PREFIX);

    if (strstr(event->name, "User") == NULL)
        return copy(event->role, sizeof event->role, parameters, "roleName") &&
               !sg_key_is_user(event->role);
    memcpy(event->role, SG_USER_KEY_PREFIX, length);
    return copy(event->role + length, sizeof event->role - length, parameters, "userName");
}

/* The calls that tell a document; the policy has it from then on. */
static void read_document(struct sg_event *event, struct json_object *parameters)
{
    if (strcmp(event->name, "PutRolePolicy") == 0 || strcmp(event->name, "PutUserPolicy") == 0 ||
        strncmp(event->name, "CreatePolicy", 12) == 0)
        sg_buffer_add_text(&event->document, text(parameters, "policyDocument"));
}

static int read_change(struct sg_event *event, struct json_object *detail, char *why, size_t size)
{
    struct json_object *parameters = member(detail, "requestParameters");
    struct json_object *made = member(member(detail, "responseElements"), "policy");
    const struct change *change = NULL;

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (strcmp(event->name, changes[i].name) == 0)
            change = &changes[i];
    }
    if (change == NULL || changes_nothing(event, parameters))
        return SG_OK;
    if (change->kind == SG_EVENT_MADE && !copy(event->policy, sizeof event->policy, made, "arn"))
        return refuse(why, size, "its responseElements name no policy");
    if (change->kind == SG_EVENT_ROLE) {
        char key[SG_PRINCIPAL_KEY_MAX + 1];

        if (!take_principal(event, parameters) || !sg_principal_fold(key, sg_text_of(event->role)))
            return refuse(why, size, "its requestParameters name no role or user");
    }
    event->touches = change->policy != NULL;
    event->origin = change->origin;
    if (event->touches && change->policy[0] != '\0' &&
        !copy(event->policy, sizeof event->policy, parameters, change->policy))
        return refuse(why, size, "its requestParameters name no policy");
    if (change->hangs != NULL &&
        !copy(event->hangs, sizeof event->hangs, parameters, change->hangs))
        return refuse(why, size, "its requestParameters name no policy");
    read_document(event, parameters);
    if (event->document.failed)
        return SG_E_MEMORY;
    event->kind = change->kind;
    return SG_OK;
}

/* arn:PARTITION:sts::ACCOUNT:assumed-role/NAME/SESSION as the ARN of the role, without its path. */
static bool role_of_session(struct sg_event_session *session, struct sg_text arn)
{
    struct sg_role_arn parts;
    struct sg_text name;

    if (!sg_assumed_role_arn_parse(&parts, &name, arn, false))
        return false;
    const int length =
        snprintf(session->role_arn, sizeof session->role_arn, "arn:%.*s:iam::%.*s:role/%.*s",
                 SG_TEXT_ARG(parts.partition), SG_TEXT_ARG(parts.account), SG_TEXT_ARG(parts.name));
    return length > 0 && (size_t)length < sizeof session->role_arn;
}

static int read_issued(struct sg_event *event, struct json_object *detail, char *why, size_t size)
{
    struct json_object *elements = member(detail, "responseElements");
    bool issues = false;

    for (size_t i = 0; i < sizeof issuing / sizeof issuing[0]; i++)
        issues = issues || strcmp(event->name, issuing[i]) == 0;
    if (!issues)
        return SG_OK;
    if (!role_of_session(&event->issued, text(member(elements, "assumedRoleUser"), "arn")) ||
        !copy(event->issued.access_key_id, sizeof event->issued.access_key_id,
              member(elements, "credentials"), "accessKeyId"))
        return refuse(why, size, "its responseElements name no session of a role");
    event->issued.issued_ms = event->at_ms;
    event->kind = SG_EVENT_SESSION;
    return SG_OK;
}

/* ---- the whole ---- */

static int read_detail(struct sg_event *event, struct json_object *envelope, char *why, size_t size)
{
    struct json_object *detail = member(envelope, "detail");
    const struct sg_text source = text(detail, "eventSource");
    const struct sg_text recipient = text(detail, "recipientAccountId");
    char account[13];

    if (!copy(event->id, sizeof event->id, detail, "eventID") ||
        !copy(event->name, sizeof event->name, detail, "eventName") || source.length == 0)
        return refuse(why, size, "its detail is not a record of CloudTrail");
    if (!sg_date_parse_rfc3339(&event->at_ms, text(detail, "eventTime")) || event->at_ms <= 0)
        return refuse(why, size, "its eventTime is no time");
    if (!copy(account, sizeof account, envelope, "account") ||
        !sg_account_id_valid(sg_text_of(account)) ||
        (recipient.length > 0 && !sg_text_equal(recipient, sg_text_of(account))))
        return refuse(why, size, "it does not say in one way whose account it is about");
    (void)sg_text_copy(event->account, sizeof event->account, sg_text_of(account));
    /* A call that failed has changed nothing. */
    if (member(detail, "errorCode") != NULL)
        return SG_OK;
    read_actor(&event->actor, detail);
    if (sg_text_equal(source, SG_TEXT("iam.amazonaws.com")))
        return read_change(event, detail, why, size);
    if (sg_text_equal(source, SG_TEXT("sts.amazonaws.com")))
        return read_issued(event, detail, why, size);
    return SG_OK;
}

static void cleanse(struct sg_text value)
{
    if (value.length > 0)
        OPENSSL_cleanse((void *)(uintptr_t)value.data, value.length);
}

int sg_event_read(struct sg_event *event, struct sg_text body, char *why, size_t why_size)
{
    int error = SG_OK;

    sg_event_clear(event);
    struct json_object *envelope = sg_json_parse(body, SG_EVENT_MAX_BYTES, &error);
    if (envelope == NULL) {
        if (error == SG_E_MEMORY)
            return error;
        return refuse(why, why_size,
                      error == SG_E_LIMIT ? "it is too long, too deep or too wide"
                                          : "it is not JSON");
    }
    const struct sg_text source = text(envelope, "source");
    if (text(envelope, "detail-type").length == 0 || source.length == 0)
        error = refuse(why, why_size, "it is not an event of EventBridge");
    else if (sg_text_equal(text(envelope, "detail-type"), SG_TEXT("AWS API Call via CloudTrail")) &&
             (sg_text_equal(source, SG_TEXT("aws.iam")) ||
              sg_text_equal(source, SG_TEXT("aws.sts"))))
        error = read_detail(event, envelope, why, why_size);
    cleanse(text(member(member(member(envelope, "detail"), "responseElements"), "credentials"),
                 "sessionToken"));
    json_object_put(envelope);
    if (error != SG_OK)
        sg_event_clear(event);
    return error;
}

void sg_event_clear(struct sg_event *event)
{
    sg_buffer_clear(&event->document);
    *event = (struct sg_event){.kind = SG_EVENT_NONE};
}
