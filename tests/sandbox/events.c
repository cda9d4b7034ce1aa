/*
 * What CloudTrail would tell of a call, in EventBridge's envelope, into the account's queue. Only
 * for accounts that have one; see README. The shapes follow CloudTrail's user guide.
 */
#include <string.h>

#include "queue.h"

static void put(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, value != NULL ? json_object_new_string(value) : NULL);
}

static void put_owned(struct json_object *object, const char *name, char *value)
{
    put(object, name, value);
    free(value);
}

/* RoleName is roleName there. Lists (Tags.member.1.Key) are left out. */
static struct json_object *parameters_of(const struct sb_request *request)
{
    struct json_object *object = json_object_new_object();
    size_t i;

    for (i = 0; i < request->form.count; i++) {
        const struct sb_field *field = &request->form.fields[i];
        char *name;

        if (strcmp(field->name, "Action") == 0 || strcmp(field->name, "Version") == 0 ||
            strchr(field->name, '.') != NULL)
            continue;
        name = sb_copy(field->name);
        if (name[0] >= 'A' && name[0] <= 'Z')
            name[0] = (char)(name[0] - 'A' + 'a');
        if (strcmp(name, "setAsDefault") == 0)
            json_object_object_add(object, name,
                                   json_object_new_boolean(strcmp(field->value, "true") == 0));
        else
            put(object, name, field->value);
        free(name);
    }
    return object;
}

static struct json_object *session_context(const struct sb_session *session)
{
    struct json_object *context = json_object_new_object();
    struct json_object *issuer = json_object_new_object();
    struct json_object *attributes = json_object_new_object();

    if (session->user != NULL) {
        json_object_put(issuer);
        put_owned(attributes, "creationDate", sb_iso_seconds(session->issued_ms));
        put(attributes, "mfaAuthenticated", "false");
        json_object_object_add(context, "attributes", attributes);
        return context;
    }
    put(issuer, "type", "Role");
    put(issuer, "principalId", session->role_id);
    put(issuer, "arn", session->role_arn);
    put(issuer, "accountId", session->account->id);
    put(issuer, "userName", strrchr(session->role_arn, '/') + 1);
    put_owned(attributes, "creationDate", sb_iso_seconds(session->issued_ms));
    put(attributes, "mfaAuthenticated", "false");
    json_object_object_add(context, "sessionIssuer", issuer);
    json_object_object_add(context, "attributes", attributes);
    return context;
}

static struct json_object *identity_of(const struct sb_caller *caller)
{
    struct json_object *identity = json_object_new_object();

    put(identity, "type",
        caller->session == NULL || caller->session->user != NULL ? "IAMUser" : "AssumedRole");
    put(identity, "principalId", caller->user_id);
    put(identity, "arn", caller->arn);
    put(identity, "accountId", caller->account->id);
    put(identity, "accessKeyId",
        caller->session != NULL ? caller->session->access_key : caller->user->access_key);
    if (caller->session != NULL)
        json_object_object_add(identity, "sessionContext", session_context(caller->session));
    else
        put(identity, "userName", caller->user->name);
    return identity;
}

static const char *text_of(struct json_object *object, const char *first, const char *second)
{
    return json_object_get_string(
        json_object_object_get(json_object_object_get(object, first), second));
}

/* CreatePolicy's: the ARN is nowhere else. */
static struct json_object *made_policy(const struct sb_call *call)
{
    struct json_object *elements = json_object_new_object();
    struct json_object *policy = json_object_new_object();

    put(policy, "arn", text_of(call->result, "Policy", "Arn"));
    put(policy, "defaultVersionId", text_of(call->result, "Policy", "DefaultVersionId"));
    json_object_object_add(elements, "policy", policy);
    return elements;
}

/* AssumeRole's: without the secret key, but with the session token, as CloudTrail has it. */
static struct json_object *elements_of(const struct sb_call *call)
{
    struct json_object *elements, *credentials, *user;

    if (call->code == NULL && strcmp(call->action, "CreatePolicy") == 0)
        return made_policy(call);
    if (call->code != NULL || strcmp(call->action, "AssumeRole") != 0)
        return NULL;
    elements = json_object_new_object();
    credentials = json_object_new_object();
    user = json_object_new_object();
    put(credentials, "accessKeyId", text_of(call->result, "Credentials", "AccessKeyId"));
    put(credentials, "sessionToken", text_of(call->result, "Credentials", "SessionToken"));
    put(user, "assumedRoleId", text_of(call->result, "AssumedRoleUser", "AssumedRoleId"));
    put(user, "arn", text_of(call->result, "AssumedRoleUser", "Arn"));
    json_object_object_add(elements, "credentials", credentials);
    json_object_object_add(elements, "assumedRoleUser", user);
    return elements;
}

static struct json_object *detail_of(const struct sb_call *call, const struct sb_account *account)
{
    struct json_object *detail = json_object_new_object();

    put(detail, "eventVersion", "1.08");
    json_object_object_add(detail, "userIdentity", identity_of(&call->caller));
    put_owned(detail, "eventTime", sb_iso_seconds(sb_now_ms(call->box)));
    put_owned(detail, "eventSource", sb_format("%s.amazonaws.com", call->service));
    put(detail, "eventName", call->action);
    put(detail, "awsRegion", "us-east-1");
    put(detail, "sourceIPAddress", "127.0.0.1");
    put(detail, "userAgent", sb_form_get_or(&call->request->headers, "user-agent", "none"));
    if (call->code != NULL) {
        put(detail, "errorCode", call->code);
        put(detail, "errorMessage", call->message);
    }
    json_object_object_add(detail, "requestParameters", parameters_of(call->request));
    json_object_object_add(detail, "responseElements", elements_of(call));
    put(detail, "requestID", call->request_id);
    put_owned(detail, "eventID", sb_random_uuid());
    json_object_object_add(detail, "readOnly", json_object_new_boolean(false));
    put(detail, "eventType", "AwsApiCall");
    json_object_object_add(detail, "managementEvent", json_object_new_boolean(true));
    put(detail, "recipientAccountId", account->id);
    put(detail, "eventCategory", "Management");
    return detail;
}

static void tell(const struct sb_call *call, const struct sb_sink *sink)
{
    struct json_object *envelope = json_object_new_object();

    put(envelope, "version", "0");
    put_owned(envelope, "id", sb_random_uuid());
    put(envelope, "detail-type", "AWS API Call via CloudTrail");
    put_owned(envelope, "source", sb_format("aws.%s", call->service));
    put(envelope, "account", sink->account->id);
    put_owned(envelope, "time", sb_iso_seconds(sb_now_ms(call->box)));
    put(envelope, "region", "us-east-1");
    json_object_object_add(envelope, "resources", json_object_new_array());
    json_object_object_add(envelope, "detail", detail_of(call, sink->account));
    (void)sb_queue_send(sink->queue,
                        json_object_to_json_string_ext(
                            envelope, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                        sink->delay_ms);
    json_object_put(envelope);
}

/* The account that the call was about: of AssumeRole, the role's. */
static const struct sb_account *account_of(const struct sb_call *call)
{
    const char *arn = sb_form_get(&call->request->form, "RoleArn");
    const struct sb_role *role = arn != NULL ? sb_role_by_arn(call->box->world, arn) : NULL;

    return role != NULL ? role->account : call->caller.account;
}

void sb_tell_event(struct sb_call *call)
{
    const bool session = strcmp(call->action, "AssumeRole") == 0;
    const struct sb_sink *sink;

    if (call->caller.account == NULL || strncmp(call->action, "Get", 3) == 0 ||
        strncmp(call->action, "List", 4) == 0)
        return;
    for (sink = call->box->sinks; sink != NULL; sink = sink->next) {
        if (sink->account == account_of(call) && (!session || sink->sessions))
            tell(call, sink);
    }
}

const char *sb_events_set(struct sb_sandbox *box, const struct sb_form *form,
                          struct json_object *result)
{
    struct sb_account *account = sb_account_find(box->world, sb_form_get(form, "account"));
    const char *name = sb_form_get_or(form, "queue", "events");
    struct sb_account *owner = account;
    struct sb_sink **place = &box->sinks;
    int64_t delay_ms;

    if (sb_form_get(form, "owner") != NULL)
        owner = sb_account_find(box->world, sb_form_get(form, "owner"));
    if (account == NULL || owner == NULL)
        return "no such account";
    if (sb_integer(&delay_ms, sb_form_get_or(form, "delay_ms", "0"), 0, 600000) != 0)
        return "delay_ms: expected milliseconds";
    while (*place != NULL && (*place)->account != account)
        place = &(*place)->next;
    if (name[0] == '\0') {
        struct sb_sink *gone = *place;

        if (gone != NULL)
            *place = gone->next;
        free(gone);
        return NULL;
    }
    if (*place == NULL) {
        *place = sb_alloc(sizeof(**place));
        (*place)->account = account;
    }
    (*place)->queue = sb_queue_add(box, owner, name);
    (*place)->sessions = strcmp(sb_form_get_or(form, "sessions", "0"), "1") == 0;
    (*place)->delay_ms = delay_ms;
    put_owned(result, "queue_url", sb_queue_url(box, (*place)->queue));
    return NULL;
}
