/*
 * keys.c - the signing keys of issuers: by discovery (OpenID Connect Discovery 1.0, sections 3
 * and 4) or from a fixed URL. The last good set stays until there is a better one; a question for
 * keys sets off at most one fetch in SG_KEY_REFETCH_WINDOW_MS, whoever asks how often.
 */
#include "agent/agent.h"

#include "base/json.h"
#include "credential/jwk.h"

#include <stdlib.h>
#include <string.h>

#define REFRESH_MS       (5 * SG_MINUTE_MS)
#define RETRY_MOST_MS    60000
#define FETCH_TIMEOUT_MS 10000
#define DISCOVERY_BYTES  65536
#define DISCOVERY_PATH   "/.well-known/openid-configuration"

static void set_due(void *payload)
{
    sg_issuer_refresh(payload);
}

/* ---- the canonical form: kid length, key length, kid, key; sorted by kid ---- */

bool sg_issuer_add_key(struct sg_buffer *keys, struct sg_text kid, struct sg_text key)
{
    const uint32_t lengths[2] = {(uint32_t)kid.length, (uint32_t)key.length};

    sg_buffer_add(keys, lengths, sizeof lengths);
    sg_buffer_add_text(keys, kid);
    sg_buffer_add_text(keys, key);
    return !keys->failed;
}

bool sg_issuer_next_key(struct sg_text *kid, struct sg_text *key, struct sg_text *rest)
{
    uint32_t lengths[2];

    if (rest->length < sizeof lengths)
        return false;
    memcpy(lengths, rest->data, sizeof lengths);
    *kid = (struct sg_text){rest->data + sizeof lengths, lengths[0]};
    *key = (struct sg_text){kid->data + lengths[0], lengths[1]};
    const size_t whole = sizeof lengths + lengths[0] + lengths[1];
    if (whole > rest->length)
        return false;
    *rest = (struct sg_text){rest->data + whole, rest->length - whole};
    return true;
}

static int compare_kids(const void *a, const void *b)
{
    return strcmp(((const struct sg_jwk *)a)->kid, ((const struct sg_jwk *)b)->kid);
}

static bool write_keys(struct sg_buffer *out, struct sg_jwks *jwks)
{
    qsort(jwks->keys, jwks->count, sizeof jwks->keys[0], compare_kids);
    for (size_t i = 0; i < jwks->count; i++) {
        struct sg_buffer packed = {0};

        sg_jwk_pack(&packed, &jwks->keys[i]);
        const bool good = !packed.failed && sg_issuer_add_key(out, sg_text_of(jwks->keys[i].kid),
                                                              sg_buffer_text(&packed));
        sg_buffer_clear(&packed);
        if (!good)
            return false;
    }
    return true;
}

/* ---- ends ---- */

static void log_failure(struct sg_agent_issuer *issuer)
{
    sg_log(&issuer->agent->log, issuer->health.failures == 1 ? SG_LOG_ERROR : SG_LOG_WARNING,
           "issuer=%s keys=failed failures=%u kept=%zu: %s", issuer->config->label,
           issuer->health.failures, issuer->key_count, issuer->health.trouble);
}

static void end_badly(struct sg_agent_issuer *issuer)
{
    const unsigned doublings = issuer->health.failures < 6 ? issuer->health.failures : 6;
    int64_t most_ms = INT64_C(1000) << doublings;

    if (most_ms > RETRY_MOST_MS)
        most_ms = RETRY_MOST_MS;
    log_failure(issuer);
    sg_timer_set(&issuer->agent->timers, &issuer->timer,
                 sg_now_ms(issuer->agent) + 500 + sg_jitter_ms(most_ms), set_due, issuer);
}

static void end_well(struct sg_agent_issuer *issuer, int64_t date_ms)
{
    const int64_t now_ms = sg_now_ms(issuer->agent);

    if (issuer->health.failures > 0)
        sg_log(&issuer->agent->log, SG_LOG_NOTICE, "issuer=%s keys=good again",
               issuer->config->label);
    sg_health_good(&issuer->health);
    issuer->complete_boot_ms = issuer->tried_boot_ms;
    sg_publish_stamp(issuer->agent, SG_SLOT_ISSUER, issuer->config->label,
                     &(struct sg_complete){
                         .boot_ms = issuer->tried_boot_ms,
                         .aws_ms = date_ms != 0 ? date_ms : sg_clock_wall_ms(issuer->agent->clock),
                     });
    sg_timer_set(&issuer->agent->timers, &issuer->timer,
                 now_ms + REFRESH_MS - REFRESH_MS / 10 + sg_jitter_ms(REFRESH_MS / 5), set_due,
                 issuer);
}

/* False, with the reason: the answer can't be used. */
static bool answer_is_good(struct sg_agent_issuer *issuer, const struct sg_http_answer *answer,
                           const char *what)
{
    if (answer->error != SG_OK) {
        sg_health_bad(&issuer->health, "%s: %s", what, answer->problem);
        return false;
    }
    if (answer->status != 200) {
        sg_health_bad(&issuer->health, "%s: HTTP status %ld, expected 200", what, answer->status);
        return false;
    }
    return true;
}

/* ---- the key set ---- */

static bool take_keys(struct sg_agent_issuer *issuer, struct sg_text body)
{
    struct sg_problems problems = {0};
    struct sg_jwks jwks = {0};
    struct sg_buffer keys = {0};
    bool good = false;

    if (sg_jwks_parse(&jwks, body, issuer->config->algorithms, false, issuer->config->label,
                      &problems) != SG_OK) {
        sg_health_bad(&issuer->health, "%s",
                      problems.stored > 0 ? problems.texts[0] : "not a usable key set");
        goto out;
    }
    if (!write_keys(&keys, &jwks)) {
        sg_health_bad(&issuer->health, "out of memory");
        goto out;
    }
    good = true;
    if (sg_text_equal(sg_buffer_text(&keys), sg_buffer_text(&issuer->keys)))
        goto out;
    const struct sg_buffer before = issuer->keys;
    issuer->keys = keys;
    keys = before;
    if (sg_publish_keys(issuer->agent, issuer) != SG_OK) {
        keys = issuer->keys;
        issuer->keys = before;
        sg_health_bad(&issuer->health, "the store could not be written");
        good = false;
        goto out;
    }
    issuer->key_count = jwks.count;
    sg_log(&issuer->agent->log, SG_LOG_NOTICE, "issuer=%s keys=changed count=%zu",
           issuer->config->label, jwks.count);
    sg_log_problems(issuer->agent, SG_LOG_WARNING, issuer->config->label, &problems);
out:
    sg_problems_clear(&problems);
    sg_buffer_clear(&keys);
    sg_jwks_clear(&jwks);
    return good;
}

static void took_keys(void *payload, const struct sg_http_answer *answer)
{
    struct sg_agent_issuer *issuer = payload;

    issuer->transfer = NULL;
    if (answer_is_good(issuer, answer, "key set") && take_keys(issuer, answer->body))
        end_well(issuer, answer->date_ms);
    else
        end_badly(issuer);
}

static void get(struct sg_agent_issuer *issuer, const char *url, size_t max_bytes,
                void (*done)(void *payload, const struct sg_http_answer *answer))
{
    const struct sg_header accept = {SG_TEXT("Accept"), SG_TEXT("application/json")};
    const struct sg_http_request request = {
        .url = url,
        .headers = &accept,
        .header_count = 1,
        .max_bytes = max_bytes,
        .timeout_ms = FETCH_TIMEOUT_MS,
    };
    struct sg_problems problems = {0};

    if (sg_http_start(&issuer->transfer, issuer->agent->http, &request,
                      (struct sg_http_done){done, issuer}) == SG_OK)
        return;
    (void)sg_http_url_allowed(url, &problems);
    sg_health_bad(&issuer->health, "%s", problems.stored > 0 ? problems.texts[0] : "out of memory");
    sg_problems_clear(&problems);
    end_badly(issuer);
}

/* ---- discovery ---- */

struct discovery {
    char issuer[1024], jwks_uri[1024];
};

static bool take_member(void *payload, const struct sg_json_item *item)
{
    struct discovery *found = payload;
    size_t length;

    if (item->depth != 1 || item->type != SG_JSON_STRING)
        return true;
    if (sg_text_equal(item->key, SG_TEXT("issuer")))
        return sg_json_string(found->issuer, sizeof found->issuer, &length, item);
    if (sg_text_equal(item->key, SG_TEXT("jwks_uri")))
        return sg_json_string(found->jwks_uri, sizeof found->jwks_uri, &length, item);
    return true;
}

static void took_discovery(void *payload, const struct sg_http_answer *answer)
{
    struct sg_agent_issuer *issuer = payload;
    struct discovery found = {0};

    issuer->transfer = NULL;
    if (!answer_is_good(issuer, answer, "discovery document")) {
        end_badly(issuer);
        return;
    }
    if (sg_json_scan(answer->body, NULL, take_member, &found) != SG_OK ||
        found.jwks_uri[0] == '\0') {
        sg_health_bad(&issuer->health, "discovery document: not JSON, or without jwks_uri");
        end_badly(issuer);
        return;
    }
    /* OpenID Connect Discovery 1.0, section 4.3: else anyone who serves documents is any issuer. */
    if (strcmp(found.issuer, issuer->config->url) != 0) {
        sg_text_make_printable(found.issuer, strlen(found.issuer));
        sg_health_bad(&issuer->health, "discovery document is of issuer %.200s, expected %.200s",
                      found.issuer, issuer->config->url);
        end_badly(issuer);
        return;
    }
    if (strncmp(issuer->config->url, "https:", 6) == 0 &&
        strncmp(found.jwks_uri, "https:", 6) != 0) {
        sg_health_bad(&issuer->health, "discovery document: its jwks_uri is not https");
        end_badly(issuer);
        return;
    }
    get(issuer, found.jwks_uri, SG_JWKS_MAX_BYTES, took_keys);
}

void sg_issuer_refresh(struct sg_agent_issuer *issuer)
{
    struct sg_buffer url = {0};

    if (issuer->transfer != NULL)
        return;
    sg_timer_stop(&issuer->agent->timers, &issuer->timer);
    issuer->tried_boot_ms = sg_now_ms(issuer->agent);
    issuer->fetches++;
    (void)sg_store_tried(issuer->agent->writer, SG_SLOT_ISSUER, sg_text_of(issuer->config->label));
    if (issuer->config->jwks != NULL) {
        get(issuer, issuer->config->jwks, SG_JWKS_MAX_BYTES, took_keys);
        return;
    }
    struct sg_text base = sg_text_of(issuer->config->url);
    while (base.length > 0 && base.data[base.length - 1] == '/')
        base.length--;
    sg_buffer_add_text(&url, base);
    sg_buffer_add_text(&url, SG_TEXT(DISCOVERY_PATH));
    if (url.failed) {
        sg_health_bad(&issuer->health, "out of memory");
        end_badly(issuer);
    } else {
        get(issuer, url.data, DISCOVERY_BYTES, took_discovery);
    }
    sg_buffer_clear(&url);
}

bool sg_issuer_needs_agent(const struct sg_issuer *config)
{
    return config->kind != SG_ISSUER_CALLER_IDENTITY && config->keys == NULL;
}

int sg_issuer_open(struct sg_agent_issuer *issuer, struct sg_agent *agent,
                   const struct sg_issuer *config)
{
    *issuer = (struct sg_agent_issuer){.agent = agent, .config = config};
    return SG_OK;
}

void sg_issuer_close(struct sg_agent_issuer *issuer)
{
    sg_timer_stop(&issuer->agent->timers, &issuer->timer);
    sg_http_cancel(issuer->transfer);
    sg_buffer_clear(&issuer->keys);
}
