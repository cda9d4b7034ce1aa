/*
 * STS: AssumeRole, where the trust policy decides, and GetCallerIdentity, which asks no policy at
 * all.
 */
#include <string.h>

#include "actions.h"
#include "document.h"
#include "iam.h"

enum { LEAST_SESSION_S = 900, CHAINED_S = 3600 };

static bool is_session_name(const char *name)
{
    size_t length = strlen(name);

    return length >= 2 && length <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-") ==
               length;
}

int sb_get_caller_identity(struct sb_call *call)
{
    call->result = json_object_new_object();
    sb_add_string(call->result, "Arn", call->caller.arn);
    sb_add_string(call->result, "UserId", call->caller.user_id);
    sb_add_string(call->result, "Account", call->caller.account->id);
    return 0;
}

static struct json_object *assume_context(const struct sb_call *call, int64_t duration_s)
{
    const struct sb_form *form = &call->request->form;
    struct json_object *context = json_object_new_object();
    char *duration = sb_format("%lld", (long long)duration_s);

    sb_add_string(context, "sts:rolesessionname", sb_form_get(form, "RoleSessionName"));
    if (sb_form_get(form, "ExternalId") != NULL)
        sb_add_string(context, "sts:externalid", sb_form_get(form, "ExternalId"));
    if (sb_form_get(form, "SourceIdentity") != NULL)
        sb_add_string(context, "sts:sourceidentity", sb_form_get(form, "SourceIdentity"));
    sb_add_string(context, "sts:durationseconds", duration);
    free(duration);
    return context;
}

/* Role tags, then the call's own, which win because a later key replaces an earlier one. */
static struct json_object *session_tags(const struct sb_call *call, const struct sb_role *role)
{
    struct json_object *tags = json_object_new_array();
    const char *key;
    unsigned n;
    size_t i;

    for (i = 0; role->tags != NULL && i < json_object_array_length(role->tags); i++)
        json_object_array_add(tags, json_object_get(json_object_array_get_idx(role->tags, i)));
    for (n = 1; (key = sb_member(call, "Tags", n, "Key")) != NULL; n++) {
        struct json_object *tag = json_object_new_object();
        const char *value = sb_member(call, "Tags", n, "Value");

        sb_add_string(tag, "Key", key);
        sb_add_string(tag, "Value", value != NULL ? value : "");
        json_object_array_add(tags, tag);
    }
    return tags;
}

static int check_duration(struct sb_call *call, const struct sb_role *role, int64_t duration_s)
{
    if (duration_s > role->max_session_s)
        return sb_fail(call, 400, "ValidationError",
                       "The requested DurationSeconds exceeds the MaxSessionDuration set for this "
                       "role.");
    if (call->caller.session != NULL && duration_s > CHAINED_S)
        return sb_fail(call, 400, "ValidationError",
                       "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                       "assumed by role chaining.");
    return 0;
}

static int permit_all(struct sb_call *call, const char *arn, struct sb_role *role,
                      int64_t duration_s)
{
    if (sb_permit_assume(call, "sts:AssumeRole", arn, role, assume_context(call, duration_s)) != 0)
        return -1;
    if (sb_form_get(&call->request->form, "SourceIdentity") != NULL &&
        sb_permit_assume(call, "sts:SetSourceIdentity", arn, role,
                         assume_context(call, duration_s)) != 0)
        return -1;
    if (sb_member(call, "Tags", 1, "Key") != NULL &&
        sb_permit_assume(call, "sts:TagSession", arn, role, assume_context(call, duration_s)) != 0)
        return -1;
    return check_duration(call, role, duration_s);
}

static void answer_session(struct sb_call *call, const struct sb_session *session)
{
    struct json_object *credentials = json_object_new_object();
    struct json_object *user = json_object_new_object();

    sb_add_string(credentials, "AccessKeyId", session->access_key);
    sb_add_string(credentials, "SecretAccessKey", session->secret);
    sb_add_string(credentials, "SessionToken", session->token);
    sb_add_instant(credentials, "Expiration", session->expires_ms);
    sb_add_string(user, "AssumedRoleId", session->user_id);
    sb_add_string(user, "Arn", session->arn);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "AssumedRoleUser", user);
    json_object_object_add(call->result, "Credentials", credentials);
    if (session->source_identity != NULL)
        sb_add_string(call->result, "SourceIdentity", session->source_identity);
}

/* What a chained session keeps of its caller's, and what the call gives it. */
static void dress_session(const struct sb_call *call, struct sb_session *session,
                          const struct sb_role *role, struct json_object *policy)
{
    const char *source = sb_form_get(&call->request->form, "SourceIdentity");

    if (call->caller.session != NULL && call->caller.session->source_identity != NULL)
        source = call->caller.session->source_identity; /* sticks through chaining */
    session->source_identity = source != NULL ? sb_copy(source) : NULL;
    session->tags = session_tags(call, role);
    session->policy = policy;
}

int sb_assume_role(struct sb_call *call)
{
    const struct sb_form *form = &call->request->form;
    const char *arn = sb_need(call, "RoleArn");
    const char *name = sb_need(call, "RoleSessionName");
    struct json_object *policy = NULL;
    struct sb_session *session;
    struct sb_role *role;
    int64_t duration_s;
    int64_t now_ms = sb_now_ms(call->box);

    if (arn == NULL || name == NULL ||
        sb_number(call, &duration_s, "DurationSeconds", CHAINED_S, LEAST_SESSION_S, 43200) != 0)
        return -1;
    if (!is_session_name(name))
        return sb_fail(call, 400, "ValidationError",
                       "1 validation error detected: Value '%s' at 'roleSessionName' failed to "
                       "satisfy constraint: Member must satisfy regular expression pattern: "
                       "[\\w+=,.@-]*",
                       name);
    role = sb_role_by_arn(call->box->world, arn);
    if (permit_all(call, arn, role, duration_s) != 0)
        return -1;
    if (sb_form_get(form, "Policy") != NULL) {
        policy = sb_called_document(call, "Policy", false);
        if (policy == NULL)
            return -1;
    }
    session = sb_session_add(call->box->world, role, name, now_ms, now_ms + duration_s * 1000);
    dress_session(call, session, role, policy);
    answer_session(call, session);
    return 0;
}
