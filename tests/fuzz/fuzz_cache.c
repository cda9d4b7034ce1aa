/*
 * fuzz_cache.c - the credential cache against a model: four bytes are one step (what, which
 * credential, which session, when). It may forget; what it tells must be what was put last.
 */
#include "gate/cache.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CREDENTIALS 65536

struct model {
    bool put[CREDENTIALS];
    uint8_t session[CREDENTIALS], service[CREDENTIALS];
    uint64_t epoch[CREDENTIALS];
};

static struct model *model;
static struct sg_cache *cache;

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The `number`th of 256 sessions, which differ in every member and in the length of each text. */
static void make_session(struct sg_session *session, uint8_t number)
{
    char path[66] = {0}, name[65] = {0};

    memset(path, 'p', number % 64);
    memset(name, 'n', number % 60);
    memset(session, 0, sizeof(*session));
    snprintf(session->partition, sizeof(session->partition), "%s", number % 2 ? "aws" : "aws-cn");
    if (number % 3 != 0)
        snprintf(session->account, sizeof(session->account), "%012u", number);
    snprintf(session->role_name, sizeof(session->role_name), "Role%u", number);
    snprintf(session->role_key, sizeof(session->role_key), "role%u", number);
    snprintf(session->role_arn, sizeof(session->role_arn), "arn:%s:iam::%s:role/%s%sRole%u",
             session->partition, session->account, path, path[0] != 0 ? "/" : "", number);
    snprintf(session->role_id, sizeof(session->role_id), "AROA%u", number);
    snprintf(session->session_name, sizeof(session->session_name), "%s", name);
    session->issued = (struct sg_interval){number, number + 1};
    session->expires_ms = INT64_C(1000000) + number;
}

static void assert_same(const struct sg_session *a, const struct sg_session *b)
{
    check(a->issued.earliest_ms == b->issued.earliest_ms);
    check(a->issued.latest_ms == b->issued.latest_ms && a->expires_ms == b->expires_ms);
    check(strcmp(a->partition, b->partition) == 0 && strcmp(a->account, b->account) == 0);
    check(strcmp(a->role_arn, b->role_arn) == 0 && strcmp(a->role_name, b->role_name) == 0);
    check(strcmp(a->role_key, b->role_key) == 0 && strcmp(a->role_id, b->role_id) == 0);
    check(strcmp(a->session_name, b->session_name) == 0);
    check(strcmp(a->source_identity, b->source_identity) == 0);
}

static void step(const uint8_t *bytes)
{
    const size_t credential = (size_t)(bytes[0] & 0x3f) << 8 | bytes[1];
    const int64_t now_ms = bytes[3] == 255 ? INT64_C(2000000) : 1000;
    struct sg_cached cached = {0};
    struct sg_session due;
    struct sg_cache_key key;
    char text[32];
    bool found;

    snprintf(text, sizeof(text), "credential-%zu", credential);
    check(sg_cache_key(&key, cache, bytes[3] % 4, sg_text_of(text)));
    found = sg_cache_find(&cached, cache, &key);
    if (found) {
        check(model->put[credential] && model->service[credential] == bytes[3] % 4);
        make_session(&due, model->session[credential]);
        assert_same(&cached.session, &due);
        check(cached.issuer == model->session[credential]);
        check(cached.epoch == 0 || cached.epoch == model->epoch[credential]);
    }
    if (bytes[0] >= 0x80) {
        /* One service at a time has this credential, so that the model stays small. */
        if (model->put[credential] && model->service[credential] != bytes[3] % 4)
            return;
        make_session(&cached.session, bytes[2]);
        cached.issuer = bytes[2];
        cached.epoch = 0;
        sg_cache_put(cache, &key, &cached, now_ms);
        model->put[credential] = true;
        model->service[credential] = bytes[3] % 4;
        model->session[credential] = bytes[2];
    } else if (bytes[0] >= 0x40 && found) {
        cached.epoch = model->epoch[credential] = bytes[2] + 1u;
        cached.record = (struct sg_record){.state = SG_ROLE_PRESENT, .cutoff_ms = bytes[2]};
        sg_cache_put_record(cache, &cached);
        check(sg_cache_find(&cached, cache, &key) && cached.record.cutoff_ms == bytes[2]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model = calloc(1, sizeof(*model));
    cache = sg_cache_new(NULL);
    check(model != NULL && cache != NULL);
    for (; size >= 4; data += 4, size -= 4)
        step(data);
    sg_cache_free(cache);
    free(model);
    return 0;
}
