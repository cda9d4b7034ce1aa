/*
 * GetWebIdentityToken: a JWT about the caller, as AWS shapes it. It carries no session name, no
 * role id and no issue time of the session, and never outlives the session.
 */
#include <string.h>

#include "actions.h"
#include "iam.h"

enum { MAX_AUDIENCES = 10 };

static char *encode(struct json_object *object)
{
    int style = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    const char *text = json_object_to_json_string_ext(object, style);

    return sb_base64url((const unsigned char *)text, strlen(text));
}

char *sb_token_sign(struct sb_account *account, const char *alg, struct json_object *claims)
{
    struct json_object *header = json_object_new_object();
    char *parts[2];
    char *input;
    char *signature;
    char *token = NULL;

    sb_add_string(header, "kid", sb_keys_kid(account->keys, alg));
    sb_add_string(header, "typ", "JWT");
    sb_add_string(header, "alg", alg);
    parts[0] = encode(header);
    parts[1] = encode(claims);
    input = sb_format("%s.%s", parts[0], parts[1]);
    signature = sb_jws_sign(sb_keys_signer(account->keys, alg), alg, input);
    if (signature != NULL)
        token = sb_format("%s.%s", input, signature);
    json_object_put(header);
    free(parts[0]);
    free(parts[1]);
    free(input);
    free(signature);
    return token;
}

/* A lone audience is a string, several are an array. -1 with the error recorded. */
static int read_audiences(struct sb_call *call, struct json_object **list)
{
    const char *audience;
    unsigned n;

    *list = json_object_new_array();
    for (n = 1; (audience = sb_member(call, "Audience", n, NULL)) != NULL; n++) {
        if (n > MAX_AUDIENCES || strlen(audience) < 1 || strlen(audience) > 1000)
            break;
        json_object_array_add(*list, json_object_new_string(audience));
    }
    if (audience == NULL && n > 1)
        return 0;
    json_object_put(*list);
    *list = NULL;
    return sb_fail(call, 400, "ValidationError",
                   "1 validation error detected: Value at 'audience' failed to satisfy constraint: "
                   "Member must have 1 to 10 strings of 1 to 1000 characters");
}

static struct json_object *tags_json(const struct sb_call *call, struct json_object *tags)
{
    struct json_object *object = json_object_new_object();
    const char *key;
    unsigned n;
    size_t i;

    for (i = 0; tags != NULL && i < json_object_array_length(tags); i++) {
        struct json_object *tag = json_object_array_get_idx(tags, i);

        sb_add_string(object, json_object_get_string(json_object_object_get(tag, "Key")),
                      json_object_get_string(json_object_object_get(tag, "Value")));
    }
    for (n = 1; call != NULL && (key = sb_member(call, "Tags", n, "Key")) != NULL; n++) {
        const char *value = sb_member(call, "Tags", n, "Value");

        sb_add_string(object, key, value != NULL ? value : "");
    }
    if (json_object_object_length(object) == 0) {
        json_object_put(object);
        return NULL;
    }
    return object;
}

static void add_if(struct json_object *object, const char *name, struct json_object *value)
{
    if (value != NULL)
        json_object_object_add(object, name, value);
}

/* The claims under https://sts.amazonaws.com/. */
static struct json_object *aws_claims(const struct sb_call *call, const char *subject)
{
    struct json_object *claims = json_object_new_object();
    const struct sb_session *session = call->caller.session;
    char *expiry;

    sb_add_string(claims, "aws_account", call->caller.account->id);
    sb_add_string(claims, "source_region", call->region);
    sb_add_string(claims, "principal_id", subject);
    add_if(claims, "request_tags", tags_json(call, NULL));
    if (session == NULL)
        return claims;
    expiry = sb_iso_seconds(session->expires_ms);
    sb_add_string(claims, "original_session_exp", expiry);
    free(expiry);
    add_if(claims, "principal_tags", tags_json(NULL, session->tags));
    if (session->source_identity != NULL)
        sb_add_string(claims, "source_identity", session->source_identity);
    if (session->identity_store_user_id != NULL)
        sb_add_string(claims, "identity_store_user_id", session->identity_store_user_id);
    return claims;
}

static struct json_object *make_claims(const struct sb_call *call, struct json_object *audiences,
                                       int64_t duration_s)
{
    struct json_object *claims = json_object_new_object();
    const struct sb_session *session = call->caller.session;
    const char *subject =
        session != NULL && session->user == NULL ? session->role_arn : call->caller.arn;
    int64_t now_s = sb_now_ms(call->box) / 1000;
    char *issuer = sb_issuer(call->box, call->caller.account);
    char *id = sb_random_uuid();
    struct json_object *audience = audiences;

    if (json_object_array_length(audiences) == 1)
        audience = json_object_array_get_idx(audiences, 0);
    json_object_object_add(claims, "aud", json_object_get(audience));
    sb_add_string(claims, "sub", subject);
    json_object_object_add(claims, "https://sts.amazonaws.com/", aws_claims(call, subject));
    sb_add_string(claims, "iss", issuer);
    json_object_object_add(claims, "exp", json_object_new_int64(now_s + duration_s));
    json_object_object_add(claims, "iat", json_object_new_int64(now_s));
    sb_add_string(claims, "jti", id);
    free(issuer);
    free(id);
    return claims;
}

static struct json_object *token_context(struct json_object *audiences, const char *alg,
                                         int64_t duration_s)
{
    struct json_object *context = json_object_new_object();
    char *duration = sb_format("%lld", (long long)duration_s);

    json_object_object_add(context, "sts:identitytokenaudience", json_object_get(audiences));
    sb_add_string(context, "sts:durationseconds", duration);
    sb_add_string(context, "sts:signingalgorithm", alg);
    free(duration);
    return context;
}

static int permit_token(struct sb_call *call, struct json_object *audiences, const char *alg,
                        int64_t duration_s)
{
    if (sb_permit(call, "sts:GetWebIdentityToken", "*",
                  token_context(audiences, alg, duration_s)) != 0)
        return -1;
    if (sb_member(call, "Tags", 1, "Key") == NULL)
        return 0;
    return sb_permit(call, "sts:TagGetWebIdentityToken", "*",
                     token_context(audiences, alg, duration_s));
}

static int check_limits(struct sb_call *call, int64_t duration_s)
{
    const struct sb_session *session = call->caller.session;

    if (!call->caller.account->federation)
        return sb_fail(call, 403, "OutboundWebIdentityFederationDisabledException",
                       "The outbound web identity federation feature is not enabled for this "
                       "account.");
    if (session != NULL && sb_now_ms(call->box) / 1000 + duration_s > session->expires_ms / 1000)
        return sb_fail(call, 403, "SessionDurationEscalationException",
                       "The requested token duration would extend the session beyond its original "
                       "expiration time.");
    return 0;
}

static void answer_token(struct sb_call *call, struct json_object *audiences, const char *alg,
                         int64_t duration_s)
{
    struct json_object *claims = make_claims(call, audiences, duration_s);
    char *token = sb_token_sign(call->caller.account, alg, claims);

    call->result = json_object_new_object();
    sb_add_string(call->result, "WebIdentityToken", token);
    json_object_object_add(call->result, "Expiration",
                           json_object_get(json_object_object_get(claims, "exp")));
    json_object_put(claims);
    sb_wipe_string(token);
}

int sb_get_web_identity_token(struct sb_call *call)
{
    const char *alg = sb_need(call, "SigningAlgorithm");
    struct json_object *audiences = NULL;
    int64_t duration_s;
    int result = -1;

    if (alg == NULL || sb_number(call, &duration_s, "DurationSeconds", 300, 60, 3600) != 0)
        return -1;
    if (strcmp(alg, "RS256") != 0 && strcmp(alg, "ES384") != 0)
        return sb_fail(call, 400, "ValidationError",
                       "1 validation error detected: Value '%s' at 'signingAlgorithm' failed to "
                       "satisfy constraint: Member must satisfy enum value set: [RS256, ES384]",
                       alg);
    if (read_audiences(call, &audiences) != 0)
        return -1;
    if (permit_token(call, audiences, alg, duration_s) != 0 || check_limits(call, duration_s) != 0)
        goto out;
    answer_token(call, audiences, alg, duration_s);
    result = 0;
out:
    json_object_put(audiences);
    return result;
}
