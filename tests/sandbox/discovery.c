/*
 * The public face of each account's token issuer: discovery document and key set. Unsigned GETs.
 */
#include <string.h>

#include "sandbox.h"

static const char discovery_path[] = "/.well-known/openid-configuration";
static const char keys_path[] = "/.well-known/jwks.json";

int64_t sb_now_ms(const struct sb_sandbox *box)
{
    return sb_wall_ms() + box->clock_offset_ms;
}

int64_t sb_enforced_ms(const struct sb_sandbox *box)
{
    return sb_now_ms(box) + box->faults.enforce_delay_ms;
}

char *sb_issuer(const struct sb_sandbox *box, const struct sb_account *account)
{
    return sb_format("%s/issuer/%s", box->base_url, account->id);
}

/* The account whose issuer path begins this one; *rest is what follows. */
static struct sb_account *account_of(const struct sb_sandbox *box, const char *path,
                                     const char **rest)
{
    struct sb_account *account;
    size_t length;

    if (strncmp(path, "/issuer/", 8) != 0)
        return NULL;
    path += 8;
    for (account = box->world->accounts; account != NULL; account = account->next) {
        length = strlen(account->id);
        if (strncmp(path, account->id, length) != 0 || path[length] != '/')
            continue;
        *rest = path + length;
        return account;
    }
    return NULL;
}

const char *sb_discovery_word(const struct sb_sandbox *box, const char *path)
{
    const char *rest = NULL;

    if (account_of(box, path, &rest) == NULL)
        return NULL;
    if (strcmp(rest, discovery_path) == 0)
        return "discovery";
    return strcmp(rest, keys_path) == 0 ? "jwks" : NULL;
}

static struct json_object *strings(const char *first, const char *second)
{
    struct json_object *list = json_object_new_array();

    json_object_array_add(list, json_object_new_string(first));
    if (second != NULL)
        json_object_array_add(list, json_object_new_string(second));
    return list;
}

static struct json_object *discovery_json(const struct sb_sandbox *box,
                                          const struct sb_account *account)
{
    struct json_object *object = json_object_new_object();
    char *issuer = sb_issuer(box, account);
    char *keys = sb_format("%s%s", issuer, keys_path);

    json_object_object_add(object, "issuer", json_object_new_string(issuer));
    json_object_object_add(object, "jwks_uri", json_object_new_string(keys));
    json_object_object_add(object, "response_types_supported", strings("id_token", NULL));
    json_object_object_add(object, "subject_types_supported", strings("public", NULL));
    json_object_object_add(object, "id_token_signing_alg_values_supported",
                           strings("RS256", "ES384"));
    free(issuer);
    free(keys);
    return object;
}

int sb_answer_discovery(struct sb_sandbox *box, const struct sb_request *request,
                        struct sb_answer *answer)
{
    const char *rest = NULL;
    struct sb_account *account = account_of(box, request->path, &rest);

    if (account == NULL || strcmp(request->method, "GET") != 0)
        return -1;
    if (strcmp(rest, discovery_path) == 0) {
        sb_answer_json(answer, 200, discovery_json(box, account));
        return 0;
    }
    if (strcmp(rest, keys_path) != 0)
        return -1;
    sb_answer_json(answer, 200, sb_keys_set(account->keys));
    return 0;
}
