/*
 * provider_json.c - the JSON in which processes, containers and instances hand over keys. What they
 * say is hostile until it is whole; no value of it is ever told, but Code and Message of a refusal.
 */
#include "aws/provider.h"

#include "base/date.h"
#include "base/json.h"

#include <openssl/crypto.h>
#include <stdio.h>

struct reading {
    struct sg_credentials *keys;
    enum sg_key_json kind;
    bool version_seen, version_good, expiration_bad;
    char code[64], message[200];
    char value[SG_KEY_TEXT_MAX + 1];
};

static bool take_words(char *into, size_t size, const struct sg_json_item *item)
{
    size_t length;

    if (!sg_json_string(into, size, &length, item))
        (void)snprintf(into, size, "(too long)");
    sg_text_make_printable(into, strlen(into));
    return true;
}

/* An empty token or expiration is as good as none: some processes write them so. */
static bool take_key(struct reading *reading, char **into, const struct sg_json_item *item)
{
    size_t length;

    if (item->type == SG_JSON_NULL)
        return true;
    if (item->type != SG_JSON_STRING ||
        !sg_json_string(reading->value, sizeof reading->value, &length, item))
        return false;
    if (length == 0 && into == &reading->keys->session_token)
        return true;
    const bool good = sg_key_text_take(into, (struct sg_text){reading->value, length});
    OPENSSL_cleanse(reading->value, sizeof reading->value);
    return good;
}

static bool take_expiration(struct reading *reading, const struct sg_json_item *item)
{
    if (item->type == SG_JSON_NULL || (item->type == SG_JSON_STRING && item->raw.length == 0))
        return true;
    reading->expiration_bad = item->type != SG_JSON_STRING || item->escaped ||
                              !sg_date_parse_rfc3339(&reading->keys->expires_ms, item->raw) ||
                              reading->keys->expires_ms <= 0;
    return !reading->expiration_bad;
}

static bool take_item(void *payload, const struct sg_json_item *item)
{
    struct reading *reading = payload;
    struct sg_credentials *keys = reading->keys;
    const bool process = reading->kind == SG_KEY_JSON_PROCESS;
    int64_t version = 0;

    if (item->depth != 1)
        return true;
    if (sg_text_equal(item->key, SG_TEXT("AccessKeyId")))
        return take_key(reading, &keys->access_key_id, item);
    if (sg_text_equal(item->key, SG_TEXT("SecretAccessKey")))
        return take_key(reading, &keys->secret_access_key, item);
    if (sg_text_equal(item->key, process ? SG_TEXT("SessionToken") : SG_TEXT("Token")))
        return take_key(reading, &keys->session_token, item);
    if (sg_text_equal(item->key, SG_TEXT("Expiration")))
        return take_expiration(reading, item);
    if (process && sg_text_equal(item->key, SG_TEXT("Version"))) {
        reading->version_seen = true;
        reading->version_good = sg_json_int(&version, item) && version == 1;
        return reading->version_good;
    }
    if (process || item->type != SG_JSON_STRING)
        return true;
    if (sg_text_equal_nocase(item->key, SG_TEXT("Code")))
        return take_words(reading->code, sizeof reading->code, item);
    if (sg_text_equal_nocase(item->key, SG_TEXT("Message")))
        return take_words(reading->message, sizeof reading->message, item);
    return true;
}

/* NULL: nothing is. */
static const char *find_wrong(const struct reading *reading, int error)
{
    const struct sg_credentials *keys = reading->keys;
    const bool process = reading->kind == SG_KEY_JSON_PROCESS;

    if (reading->version_seen && !reading->version_good)
        return "its Version is not 1";
    if (reading->expiration_bad)
        return "its Expiration is not a time such as 2026-11-24T10:00:00Z";
    if (error != SG_OK)
        return "it is not JSON as it should be, or a key in it is malformed";
    if (process && !reading->version_seen)
        return "it has no Version";
    if (keys->access_key_id == NULL || keys->secret_access_key == NULL)
        return "it lacks AccessKeyId or SecretAccessKey";
    if (!process && (keys->session_token == NULL || keys->expires_ms == 0))
        return "it lacks Token or Expiration";
    return NULL;
}

int sg_key_json_read(struct sg_credentials *keys, char *trouble, size_t trouble_size,
                     struct sg_text json, enum sg_key_json kind)
{
    struct reading reading = {.keys = keys, .kind = kind};
    const int error = sg_json_scan(json, NULL, take_item, &reading);
    const char *wrong = find_wrong(&reading, error);
    const bool refused = error == SG_OK && keys->access_key_id == NULL && reading.code[0] != '\0' &&
                         strcmp(reading.code, "Success") != 0;

    OPENSSL_cleanse(reading.value, sizeof reading.value);
    if (wrong == NULL)
        return SG_OK;
    sg_credentials_clear(keys);
    if (refused)
        (void)snprintf(trouble, trouble_size, "it said %s: %s", reading.code, reading.message);
    else
        (void)snprintf(trouble, trouble_size, "the answer can't be used: %s", wrong);
    return SG_E_INVALID;
}
