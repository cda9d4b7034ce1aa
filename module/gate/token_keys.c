/*
 * token_keys.c - AWS's claims as condition keys: one scan over the claims of a
 * token, then look-ups. Must never read request_tags, which the caller of
 * sts:GetWebIdentityToken chose, nor take a claim of a wrong type for an absent one.
 */
#include "gate/token_keys.h"

#include <openssl/crypto.h>

/* The claims below https://sts.amazonaws.com/, and the keys that they are. */
static const struct claim {
    struct sg_text name;
    enum sg_key key;
} claims[] = {
    {{"principal_tags", 14}, SG_KEY_PRINCIPAL_TAG},
    {{"org_id", 6}, SG_KEY_PRINCIPAL_ORG_ID},
    {{"ou_path", 7}, SG_KEY_PRINCIPAL_ORG_PATHS},
    {{"source_identity", 15}, SG_KEY_SOURCE_IDENTITY},
    {{"federated_provider", 18}, SG_KEY_FEDERATED_PROVIDER},
    {{"identity_store_user_id", 22}, SG_KEY_STORE_USER_ID},
    {{"identity_store_arn", 18}, SG_KEY_STORE_ARN},
    {{"ec2_instance_source_vpc", 23}, SG_KEY_EC2_VPC},
    {{"ec2_instance_source_private_ipv4", 32}, SG_KEY_EC2_ADDRESS},
    {{"ec2_source_instance_arn", 23}, SG_KEY_EC2_INSTANCE},
    {{"ec2_role_delivery", 17}, SG_KEY_EC2_DELIVERY},
    {{"lambda_source_function_arn", 26}, SG_KEY_LAMBDA_FUNCTION},
    {{"glue_credential_issuing_service", 31}, SG_KEY_GLUE_SERVICE},
};

struct scan {
    struct sg_token_keys *keys;
    bool in_namespace;
    enum sg_key inside; /* of the namespace's claim that items of depth 3 belong to */
};

static bool take_string(struct sg_text *text, struct sg_token_keys *keys,
                        const struct sg_json_item *item)
{
    size_t length = 0;
    char *room = keys->texts + keys->texts_used;

    if (item->type != SG_JSON_STRING)
        return false;
    *text = item->raw;
    if (!item->escaped)
        return true;
    if (!sg_json_string(room, sizeof(keys->texts) - keys->texts_used, &length, item))
        return false;
    keys->texts_used += length;
    *text = (struct sg_text){room, length};
    return true;
}

static void take_path(struct sg_token_keys *keys, const struct sg_json_item *item)
{
    if (keys->path_count == SG_TOKEN_PATHS_MAX ||
        !take_string(&keys->paths[keys->path_count], keys, item))
        keys->paths_lost = true;
    else
        keys->path_count++;
}

static void take_claim(struct scan *scan, const struct sg_json_item *item)
{
    scan->inside = SG_KEY_OTHER;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        if (!sg_text_equal(item->key, claims[i].name))
            continue;
        scan->inside = claims[i].key;
        scan->keys->told[scan->inside] = *item;
    }
    if (scan->inside == SG_KEY_PRINCIPAL_ORG_PATHS && item->type != SG_JSON_ARRAY)
        take_path(scan->keys, item);
}

static bool take_item(void *payload, const struct sg_json_item *item)
{
    struct scan *scan = payload;
    struct sg_token_keys *keys = scan->keys;

    /* A name with an escape may be any claim: nothing here is then known to be absent. */
    if (item->depth <= 2 && item->key.length > 0 &&
        memchr(item->key.data, '\\', item->key.length) != NULL)
        return false;
    if (item->depth == 1) {
        scan->in_namespace = sg_text_equal(item->key, SG_TEXT("https://sts.amazonaws.com/"));
    } else if (scan->in_namespace && item->depth == 2) {
        take_claim(scan, item);
    } else if (scan->in_namespace && item->depth == 3) {
        if (scan->inside == SG_KEY_PRINCIPAL_ORG_PATHS)
            take_path(keys, item);
        if (scan->inside == SG_KEY_PRINCIPAL_TAG) {
            /* A name with an escape can't be compared: what is not found then is not known. */
            if (keys->tag_count == SG_TOKEN_TAGS_MAX || item->key.length == 0 ||
                memchr(item->key.data, '\\', item->key.length) != NULL)
                keys->tags_lost = true;
            else
                keys->tags[keys->tag_count++] = *item;
        }
    }
    return true;
}

void sg_token_keys_read(struct sg_token_keys *keys, struct sg_text credential)
{
    struct scan scan = {.keys = keys};
    struct sg_text part;

    memset(keys->told, 0, sizeof(keys->told));
    keys->readable = keys->tags_lost = keys->paths_lost = false;
    keys->tag_count = keys->path_count = keys->texts_used = keys->claims_length = 0;
    if (!sg_text_cut(&part, &credential, '.') || !sg_text_cut(&part, &credential, '.') ||
        !sg_base64url_decode(keys->claims, sizeof(keys->claims), &keys->claims_length, part))
        return;
    keys->readable = sg_json_scan((struct sg_text){(const char *)keys->claims, keys->claims_length},
                                  NULL, take_item, &scan) == SG_OK;
}

static void give(struct sg_key_values *values, struct sg_token_keys *keys,
                 const struct sg_json_item *item)
{
    if (!take_string(&values->one, keys, item))
        return;
    values->presence = SG_KEY_PRESENT;
    values->count = 1;
}

static void ask_tag(struct sg_key_values *values, struct sg_token_keys *keys, struct sg_text name)
{
    const size_t prefix = sg_key_name(SG_KEY_PRINCIPAL_TAG).length;
    const struct sg_json_item *all = &keys->told[SG_KEY_PRINCIPAL_TAG];
    const struct sg_text tag = {name.data + prefix, name.length - prefix};

    for (size_t i = 0; i < keys->tag_count; i++) {
        if (!sg_text_equal_nocase(keys->tags[i].key, tag))
            continue;
        give(values, keys, &keys->tags[i]);
        return;
    }
    if (!keys->tags_lost && (all->key.data == NULL || all->type == SG_JSON_OBJECT))
        values->presence = SG_KEY_ABSENT;
}

static void ask_paths(struct sg_key_values *values, const struct sg_token_keys *keys)
{
    if (keys->paths_lost)
        return;
    values->presence = SG_KEY_PRESENT;
    values->values = keys->paths;
    values->count = keys->path_count;
}

void sg_token_keys_ask(struct sg_key_values *values, struct sg_token_keys *keys, enum sg_key key,
                       struct sg_text name)
{
    const struct sg_json_item *item = &keys->told[key];

    if (!keys->readable ||
        sg_key_telling(key, name, SG_CREDENTIAL_WEB_IDENTITY, name) != SG_TELLS_OR_ABSENT)
        return;
    if (key == SG_KEY_PRINCIPAL_TAG)
        ask_tag(values, keys, name);
    else if (item->key.data == NULL)
        values->presence = SG_KEY_ABSENT;
    else if (key == SG_KEY_PRINCIPAL_ORG_PATHS)
        ask_paths(values, keys);
    else
        give(values, keys, item);
}

void sg_token_keys_wipe(struct sg_token_keys *keys)
{
    OPENSSL_cleanse(keys->claims, keys->claims_length);
    OPENSSL_cleanse(keys->texts, keys->texts_used);
    keys->readable = false;
}
