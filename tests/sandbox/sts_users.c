/*
 * STS for IAM users: GetSessionToken, which no policy controls, and GetFederationToken.
 */
#include <string.h>

#include "actions.h"
#include "iam.h"

enum { LEAST_S = 900, DEFAULT_S = 43200, MOST_S = 129600 };

static void answer_session(struct sb_call *call, const struct sb_session *session)
{
    struct json_object *credentials = json_object_new_object();
    struct json_object *user;

    sb_add_string(credentials, "AccessKeyId", session->access_key);
    sb_add_string(credentials, "SecretAccessKey", session->secret);
    sb_add_string(credentials, "SessionToken", session->token);
    sb_add_instant(credentials, "Expiration", session->expires_ms);
    call->result = json_object_new_object();
    json_object_object_add(call->result, "Credentials", credentials);
    if (!session->federated)
        return;
    user = json_object_new_object();
    sb_add_string(user, "FederatedUserId", session->user_id);
    sb_add_string(user, "Arn", session->arn);
    json_object_object_add(call->result, "FederatedUser", user);
}

/* Both take a user's own keys only. */
static struct sb_user *calling_user(struct sb_call *call)
{
    if (call->caller.session == NULL)
        return sb_user_find(call->caller.account, call->caller.user->name);
    (void)sb_fail(call, 403, "AccessDenied", "Cannot call %s with session credentials",
                  call->action);
    return NULL;
}

int sb_get_session_token(struct sb_call *call)
{
    struct sb_user *user = calling_user(call);
    const int64_t now_ms = sb_now_ms(call->box);
    int64_t duration_s;

    if (user == NULL ||
        sb_number(call, &duration_s, "DurationSeconds", DEFAULT_S, LEAST_S, MOST_S) != 0)
        return -1;
    answer_session(call, sb_user_session(user, NULL, now_ms, now_ms + duration_s * 1000));
    return 0;
}

int sb_get_federation_token(struct sb_call *call)
{
    const char *name = sb_need(call, "Name");
    struct sb_user *user = name == NULL ? NULL : calling_user(call);
    const int64_t now_ms = sb_now_ms(call->box);
    struct json_object *policy = NULL;
    struct sb_session *session;
    int64_t duration_s;

    if (user == NULL ||
        sb_number(call, &duration_s, "DurationSeconds", DEFAULT_S, LEAST_S, MOST_S) != 0)
        return -1;
    if (sb_permit(call, "sts:GetFederationToken", "*", NULL) != 0)
        return -1;
    if (sb_form_get(&call->request->form, "Policy") != NULL) {
        policy = sb_called_document(call, "Policy", false);
        if (policy == NULL)
            return -1;
    }
    session = sb_user_session(user, name, now_ms, now_ms + duration_s * 1000);
    session->policy = policy;
    answer_session(call, session);
    return 0;
}
