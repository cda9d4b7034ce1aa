/*
 * claims.c - one scan over a JWT's claims that remembers where each stands,
 * and readers that take a claim of the right type only (json.h says what a
 * lenient parser would make of the others). No allocation; must never be used to decide anything by
 * a claim's mere presence.
 */
#include "credential/claims.h"

#include "base/date.h"

#define YEAR_10000_MS (INT64_C(253402300800) * 1000)

static const struct sg_text namespace = {"https://sts.amazonaws.com/", 26};

/* --- scanning -------------------------------------------------------------------------------- */

static int top_claim(struct sg_text key)
{
    if (key.length != 3)
        return -1;
    if (memcmp(key.data, "iss", 3) == 0)
        return SG_CLAIM_ISS;
    if (memcmp(key.data, "sub", 3) == 0)
        return SG_CLAIM_SUB;
    if (memcmp(key.data, "exp", 3) == 0)
        return SG_CLAIM_EXP;
    if (memcmp(key.data, "iat", 3) == 0)
        return SG_CLAIM_IAT;
    if (memcmp(key.data, "nbf", 3) == 0)
        return SG_CLAIM_NBF;
    return -1;
}

static int namespace_claim(struct sg_text key)
{
    if (sg_text_equal(key, SG_TEXT("aws_account")))
        return SG_CLAIM_AWS_ACCOUNT;
    if (sg_text_equal(key, SG_TEXT("principal_id")))
        return SG_CLAIM_PRINCIPAL_ID;
    if (sg_text_equal(key, SG_TEXT("original_session_exp")))
        return SG_CLAIM_ORIGINAL_SESSION_EXP;
    if (sg_text_equal(key, SG_TEXT("source_identity")))
        return SG_CLAIM_SOURCE_IDENTITY;
    return -1;
}

static void remember(struct sg_claims *claims, int claim, const struct sg_json_item *item)
{
    claims->known[claim] = *item;
    claims->present |= 1u << claim;
}

static void find_issuer(struct sg_claims *claims, const struct sg_json_item *iss)
{
    const struct sg_service *service = claims->service;

    for (size_t i = 0; i < service->accept_count && claims->issuer == NULL; i++) {
        if (service->accept[i]->url != NULL &&
            sg_claim_equals(iss, sg_text_of(service->accept[i]->url)))
            claims->issuer = service->accept[i];
    }
}

/* Compared whole and exactly; an empty audience is nobody's (CVE-2020-26160, CVE-2024-5798). */
static void match_audience(struct sg_claims *claims, const struct sg_json_item *audience)
{
    const struct sg_texts *wanted = &claims->service->audience;

    for (size_t i = 0; i < wanted->count && !claims->for_us; i++) {
        const struct sg_text text = sg_text_of(wanted->items[i]);

        claims->for_us = text.length > 0 && sg_claim_equals(audience, text);
    }
}

static bool top_item(struct sg_claims *claims, const struct sg_json_item *item)
{
    const int claim = top_claim(item->key);

    claims->inside = SG_INSIDE_OTHER;
    if (claim >= 0) {
        remember(claims, claim, item);
        if (claim != SG_CLAIM_ISS)
            return true;
        find_issuer(claims, item);
        return item->type == SG_JSON_STRING; /* CVE-2025-30144: an array is no issuer */
    }
    if (sg_text_equal(item->key, SG_TEXT("aud"))) {
        claims->inside = SG_INSIDE_AUDIENCE;
        match_audience(claims, item);
        return item->type == SG_JSON_STRING || item->type == SG_JSON_ARRAY;
    }
    if (sg_text_equal(item->key, namespace) && item->type == SG_JSON_OBJECT)
        claims->inside = SG_INSIDE_NAMESPACE;
    if (claims->other_count == SG_CLAIM_OTHERS_MAX)
        return false;
    claims->others[claims->other_count++] = *item;
    return true;
}

static bool claim_item(void *payload, const struct sg_json_item *item)
{
    struct sg_claims *claims = payload;

    if (item->depth == 1)
        return top_item(claims, item);
    if (item->depth > 2)
        return true;
    if (claims->inside == SG_INSIDE_AUDIENCE) {
        match_audience(claims, item);
        return item->type == SG_JSON_STRING;
    }
    if (claims->inside == SG_INSIDE_NAMESPACE) {
        const int claim = namespace_claim(item->key);

        if (claim >= 0)
            remember(claims, claim, item);
    }
    return true;
}

bool sg_claims_is_object(struct sg_text text)
{
    size_t i = 0;

    while (i < text.length && memchr(" \t\r\n", text.data[i], 4) != NULL)
        i++;
    return i < text.length && text.data[i] == '{';
}

bool sg_claims_scan(struct sg_claims *claims, struct sg_text text, const struct sg_service *service)
{
    /* The arrays stay as they are: 4 KB that `present` and `other_count` guard. */
    claims->service = service;
    claims->issuer = NULL;
    claims->for_us = false;
    claims->exp_ms = claims->iat_ms = 0;
    claims->inside = SG_INSIDE_OTHER;
    claims->present = 0;
    claims->other_count = 0;
    return sg_claims_is_object(text) && sg_json_scan(text, NULL, claim_item, claims) == 0;
}

/* --- reading --------------------------------------------------------------------------------- */

const struct sg_json_item *sg_claims_get(const struct sg_claims *claims, enum sg_claim claim)
{
    return (claims->present & 1u << claim) != 0 ? &claims->known[claim] : NULL;
}

const struct sg_json_item *sg_claims_find(const struct sg_claims *claims, struct sg_text name)
{
    const int claim = top_claim(name);

    if (claim >= 0)
        return sg_claims_get(claims, (enum sg_claim)claim);
    for (size_t i = 0; i < claims->other_count; i++) {
        if (sg_text_equal(claims->others[i].key, name))
            return &claims->others[i];
    }
    return NULL;
}

bool sg_claim_seconds(int64_t *ms, const struct sg_json_item *item)
{
    int64_t seconds;

    if (item == NULL || !sg_json_int(&seconds, item))
        return false;
    if (seconds <= 0 || seconds >= YEAR_10000_MS / 1000)
        return false;
    *ms = seconds * 1000;
    return true;
}

bool sg_claim_text(char *buffer, size_t size, struct sg_text *text, const struct sg_json_item *item)
{
    size_t length = 0;

    if (item == NULL || !sg_json_string(buffer, size, &length, item) || length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)buffer[i] < 0x20 || buffer[i] == 0x7f)
            return false;
    }
    *text = (struct sg_text){buffer, length};
    return true;
}

bool sg_claim_rfc3339(int64_t *ms, const struct sg_json_item *item)
{
    char buffer[64];
    struct sg_text text;

    if (!sg_claim_text(buffer, sizeof(buffer), &text, item) || !sg_date_parse_rfc3339(ms, text))
        return false;
    return *ms > 0 && *ms < YEAR_10000_MS;
}

bool sg_claim_equals(const struct sg_json_item *item, struct sg_text text)
{
    char buffer[SG_CLAIM_STRING_MAX + 1];
    size_t length = 0;

    if (item == NULL || item->type != SG_JSON_STRING)
        return false;
    if (!item->escaped)
        return sg_text_equal(item->raw, text);
    return sg_json_string(buffer, sizeof(buffer), &length, item) &&
           sg_text_equal((struct sg_text){buffer, length}, text);
}
