/*
 * Tokens of a test's own making; see mint.h and README. Anything may be wrong with them: that is
 * what they are for.
 */
#include "mint.h"

#include <string.h>

static const char *text_of(struct json_object *wish, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(wish, name, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static bool flag_of(struct json_object *wish, const char *name)
{
    return json_object_get_boolean(json_object_object_get(wish, name)) != 0;
}

static void put_new(struct json_object *object, const char *name, struct json_object *value)
{
    if (json_object_object_get_ex(object, name, NULL)) {
        json_object_put(value);
        return;
    }
    json_object_object_add(object, name, value);
}

static void put_aws_defaults(struct json_object *claims, const struct sb_account *account)
{
    const char *subject = text_of(claims, "sub");
    struct json_object *aws = json_object_object_get(claims, "https://sts.amazonaws.com/");

    if (subject == NULL || strstr(subject, ":role/") == NULL)
        return;
    if (aws == NULL) {
        aws = json_object_new_object();
        json_object_object_add(claims, "https://sts.amazonaws.com/", aws);
    }
    if (!json_object_is_type(aws, json_type_object))
        return;
    put_new(aws, "aws_account", json_object_new_string(account->id));
    put_new(aws, "principal_id", json_object_new_string(subject));
}

static void put_defaults(const struct sb_sandbox *box, const struct sb_account *account,
                         struct json_object *claims)
{
    char *issuer = sb_issuer(box, account);
    char *id = sb_random_uuid();
    struct json_object *iat;
    int64_t now_s = sb_now_ms(box) / 1000;

    put_new(claims, "iss", json_object_new_string(issuer));
    put_new(claims, "iat", json_object_new_int64(now_s));
    iat = json_object_object_get(claims, "iat");
    put_new(claims, "exp", json_object_new_int64(json_object_get_int64(iat) + 300));
    put_new(claims, "jti", json_object_new_string(id));
    put_aws_defaults(claims, account);
    free(issuer);
    free(id);
}

static char *claims_text(const struct sb_sandbox *box, const struct sb_account *account,
                         struct json_object *wish, const char **why)
{
    const char *verbatim = text_of(wish, "claims_text");
    struct json_object *claims = json_object_object_get(wish, "claims");
    int style = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

    if (verbatim != NULL)
        return sb_copy(verbatim);
    if (!json_object_is_type(claims, json_type_object)) {
        *why = "claims must be an object, or claims_text a string";
        return NULL;
    }
    if (flag_of(wish, "defaults"))
        put_defaults(box, account, claims);
    return sb_copy(json_object_to_json_string_ext(claims, style));
}

static void merge(struct json_object *header, struct json_object *extra)
{
    if (!json_object_is_type(extra, json_type_object))
        return;
    json_object_object_foreach(extra, name, value)
    {
        if (value == NULL)
            json_object_object_del(header, name);
        else
            json_object_object_add(header, name, json_object_get(value));
    }
}

static char *header_text(const struct sb_account *account, struct json_object *wish,
                         const char *alg)
{
    const char *verbatim = text_of(wish, "header_text");
    const char *kid = text_of(wish, "kid");
    int style = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    struct json_object *header;
    char *text;

    if (verbatim != NULL)
        return sb_copy(verbatim);
    if (kid == NULL && !json_object_object_get_ex(wish, "kid", NULL))
        kid = sb_keys_kid(account->keys, alg);
    header = json_object_new_object();
    if (kid != NULL)
        json_object_object_add(header, "kid", json_object_new_string(kid));
    json_object_object_add(header, "typ", json_object_new_string("JWT"));
    json_object_object_add(header, "alg", json_object_new_string(alg));
    merge(header, json_object_object_get(wish, "header"));
    text = sb_copy(json_object_to_json_string_ext(header, style));
    json_object_put(header);
    return text;
}

static char *hmac_signature(const struct sb_account *account, struct json_object *wish,
                            const char *alg, const char *input)
{
    const char *key = text_of(wish, "hmac_key");
    char *pem = NULL;
    char *signature = NULL;

    if (key != NULL && strcmp(key, "rsa-pem") == 0)
        key = pem = sb_keys_rsa_pem(account->keys);
    if (key != NULL)
        signature = sb_jws_hmac(key, alg, input);
    free(pem);
    return signature;
}

static char *signature_text(const struct sb_sandbox *box, const struct sb_account *account,
                            struct json_object *wish, const char *alg, const char *input)
{
    const char *verbatim = text_of(wish, "signature");
    const char *with = text_of(wish, "sign_with");
    bool foreign = flag_of(wish, "foreign");

    if (verbatim != NULL)
        return sb_copy(verbatim);
    if (with == NULL)
        with = alg;
    if (strcmp(with, "none") == 0)
        return sb_copy("");
    if (strncmp(with, "HS", 2) == 0)
        return hmac_signature(account, wish, with, input);
    return sb_jws_sign(sb_keys_signer(foreign ? box->foreign : account->keys, with), with, input);
}

char *sb_mint(struct sb_sandbox *box, struct json_object *wish, const char **why)
{
    struct sb_account *account = sb_account_find(box->world, text_of(wish, "account"));
    const char *alg = text_of(wish, "alg");
    char *texts[2] = {NULL, NULL};
    char *parts[2] = {NULL, NULL};
    char *input = NULL;
    char *signature = NULL;
    char *token = NULL;

    *why = "no such account";
    if (account == NULL)
        return NULL;
    if (alg == NULL)
        alg = "RS256";
    texts[0] = header_text(account, wish, alg);
    texts[1] = claims_text(box, account, wish, why);
    if (texts[1] == NULL)
        goto out;
    parts[0] = sb_base64url((const unsigned char *)texts[0], strlen(texts[0]));
    parts[1] = sb_base64url((const unsigned char *)texts[1], strlen(texts[1]));
    input = sb_format("%s.%s", parts[0], parts[1]);
    signature = signature_text(box, account, wish, alg, input);
    if (signature == NULL) {
        *why = "can't sign: unknown algorithm, or an HS algorithm without hmac_key";
        goto out;
    }
    token = sb_format("%s.%s", input, signature);
    *why = NULL;
out:
    free(texts[0]);
    free(texts[1]);
    free(parts[0]);
    free(parts[1]);
    free(input);
    free(signature);
    return token;
}
