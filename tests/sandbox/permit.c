/*
 * May this caller do this? Puts the question together (condition keys, documents in force) and
 * reads evaluate.c's answer. Never allows without an Allow, and an explicit Deny anywhere ends it.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "evaluate.h"
#include "sandbox.h"

static void put(struct json_object *context, const char *key, const char *value)
{
    if (value != NULL)
        json_object_object_add(context, key, json_object_new_string(value));
}

static void put_owned(struct json_object *context, const char *key, char *value)
{
    put(context, key, value);
    free(value);
}

static void put_tags(struct json_object *context, struct json_object *tags)
{
    size_t i;

    for (i = 0; tags != NULL && i < json_object_array_length(tags); i++) {
        struct json_object *tag = json_object_array_get_idx(tags, i);
        const char *name = json_object_get_string(json_object_object_get(tag, "Key"));
        char *key = sb_format("aws:principaltag/%s", name);
        char *c;

        for (c = key; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        put(context, key, json_object_get_string(json_object_object_get(tag, "Value")));
        free(key);
    }
}

static void put_session(struct json_object *context, const struct sb_session *session)
{
    if (session->user == NULL) {
        put(context, "aws:principaltype", "AssumedRole");
        put(context, "aws:principalarn", session->role_arn);
    } else {
        put(context, "aws:principaltype", session->federated ? "FederatedUser" : "User");
        put(context, "aws:principalarn", session->arn);
        put(context, "aws:username", session->federated ? NULL : session->user->name);
    }
    put_owned(context, "aws:tokenissuetime", sb_iso_millis(session->issued_ms));
    put(context, "aws:multifactorauthpresent", "false");
    put(context, "aws:sourceidentity", session->source_identity);
    put(context, "identitystore:userid", session->identity_store_user_id);
    put_tags(context, session->tags);
}

/* extra is taken over; its keys win. */
static struct json_object *context_of(const struct sb_call *call, struct json_object *extra)
{
    struct json_object *context = json_object_new_object();
    int64_t now_ms = sb_now_ms(call->box);

    put_owned(context, "aws:currenttime", sb_iso_seconds(now_ms));
    put_owned(context, "aws:epochtime", sb_format("%" PRId64, now_ms / 1000));
    put(context, "aws:principalaccount", call->caller.account->id);
    put(context, "aws:userid", call->caller.user_id);
    put(context, "aws:sourceip", "127.0.0.1");
    put(context, "aws:securetransport", "false");
    put(context, "aws:requestedregion", call->region);
    put(context, "aws:useragent", sb_form_get(&call->request->headers, "user-agent"));
    if (call->caller.session != NULL) {
        put_session(context, call->caller.session);
    } else {
        put(context, "aws:principaltype", "User");
        put(context, "aws:principalarn", call->caller.arn);
        put(context, "aws:username", call->caller.user->name);
    }
    if (extra != NULL) {
        json_object_object_foreach(extra, key, value)
            json_object_object_add(context, key, json_object_get(value));
        json_object_put(extra);
    }
    return context;
}

/* session: his, NULL: his own keys. A federated user may do nothing that his policy does not say.
 */
static enum sb_effect user_effect(const struct sb_user *user, const struct sb_session *session,
                                  const struct sb_question *question)
{
    struct json_object *identity = sb_user_identity(user);
    enum sb_effect effect = sb_evaluate_all(question, identity);
    enum sb_effect limit = SB_ALLOW;

    json_object_put(identity);
    if (effect == SB_EXPLICIT_DENY)
        return effect;
    if (user->admin)
        effect = SB_ALLOW;
    if (user->boundary != NULL)
        limit = sb_evaluate(question, user->boundary->standing->parsed, NULL);
    if (limit == SB_ALLOW && session != NULL && session->federated)
        limit = session->policy == NULL ? SB_IMPLICIT_DENY
                                        : sb_evaluate(question, session->policy, NULL);
    return limit == SB_ALLOW ? effect : limit;
}

/* Identity policies, boundary and session policy of the caller. */
static enum sb_effect own_effect(const struct sb_call *call, const struct sb_question *question)
{
    const struct sb_session *session = call->caller.session;
    const struct sb_view *view;
    struct sb_role *role;
    enum sb_effect effect;
    enum sb_effect limit;

    if (session == NULL)
        return user_effect(call->caller.user, NULL, question);
    if (session->user != NULL)
        return user_effect(session->user, session, question);
    role = sb_session_role(session);
    view = role != NULL ? sb_role_view(role, sb_now_ms(call->box)) : NULL;
    if (view == NULL)
        return SB_IMPLICIT_DENY;
    effect = sb_evaluate_all(question, view->identity);
    if (effect == SB_EXPLICIT_DENY)
        return SB_EXPLICIT_DENY;
    limit = view->boundary != NULL ? sb_evaluate(question, view->boundary, NULL) : SB_ALLOW;
    if (limit == SB_ALLOW && session->policy != NULL)
        limit = sb_evaluate(question, session->policy, NULL);
    return limit == SB_ALLOW ? effect : limit;
}

static int refuse(struct sb_call *call, const char *action, const char *resource,
                  enum sb_effect effect)
{
    char *reason = effect == SB_EXPLICIT_DENY
                       ? sb_copy("with an explicit deny in an identity-based policy")
                       : sb_format("because no identity-based policy allows the %s action", action);

    (void)sb_fail(call, 403, "AccessDenied",
                  "User: %s is not authorized to perform: %s on resource: %s %s", call->caller.arn,
                  action, resource, reason);
    free(reason);
    return -1;
}

int sb_permit(struct sb_call *call, const char *action, const char *resource,
              struct json_object *extra)
{
    struct json_object *context = context_of(call, extra);
    struct sb_question question = {action, resource, context, NULL};
    enum sb_effect effect = own_effect(call, &question);

    json_object_put(context);
    return effect == SB_ALLOW ? 0 : refuse(call, action, resource, effect);
}

int sb_permit_assume(struct sb_call *call, const char *action, const char *role_arn,
                     struct sb_role *role, struct json_object *extra)
{
    struct json_object *context = context_of(call, extra);
    struct sb_who who = {call->caller.account->id, call->caller.arn,
                         call->caller.session != NULL ? call->caller.session->role_arn : NULL};
    struct sb_question question = {action, role_arn, context, &who};
    const struct sb_view *view = role != NULL ? sb_role_view(role, sb_now_ms(call->box)) : NULL;
    enum sb_effect trust = SB_IMPLICIT_DENY;
    enum sb_effect own = own_effect(call, &question);
    bool direct = false;
    bool allowed;

    if (view != NULL)
        trust = sb_evaluate(&question, view->trust, &direct);
    json_object_put(context);
    /* Within an account, a trust policy that names the caller himself needs no policy of his. */
    allowed = trust == SB_ALLOW && own != SB_EXPLICIT_DENY &&
              (own == SB_ALLOW || (direct && role->account == call->caller.account));
    if (allowed)
        return 0;
    return sb_fail(call, 403, "AccessDenied",
                   "User: %s is not authorized to perform: %s on resource: %s", call->caller.arn,
                   action, role_arn);
}
