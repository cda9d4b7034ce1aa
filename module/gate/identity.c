/*
 * identity.c - from a signed request to a question, and from the agent's answer to a session that
 * is remembered. Makes no call and decides nothing; what it was told is checked as if a stranger
 * had said it.
 */
#include "gate/identity.h"

#include "credential/caller_identity.h"
#include "gate/check.h"
#include "store/issued.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <stdio.h>

#define REFUSED_MS   10000 /* a refusal is asked for again: new keys take a moment to be known */
#define NO_ANSWER_MS 1000  /* and so is what could not be found out */
#define ROUNDING_MS  1000  /* dates are whole seconds */

void sg_identities_close(struct sg_identities *identities)
{
    sg_buffer_wipe(&identities->request);
}

/* ---- what was told ---- */

static const struct sg_told *find_told(const struct sg_identities *identities,
                                       const struct sg_cache_key *key, int64_t boot_ms)
{
    for (size_t i = 0; i < SG_TOLD_SLOTS; i++) {
        const struct sg_told *told = &identities->told[i];

        if (told->until_boot_ms > boot_ms && memcmp(&told->key, key, sizeof(*key)) == 0)
            return told;
    }
    return NULL;
}

static void note_told(struct sg_identities *identities, const struct sg_cache_key *key,
                      enum stsgate_reason reason, int64_t until_boot_ms)
{
    identities->told[identities->next_told] =
        (struct sg_told){.key = *key, .reason = reason, .until_boot_ms = until_boot_ms};
    identities->next_told = (identities->next_told + 1) % SG_TOLD_SLOTS;
}

static bool is_user(const struct sg_identity_answer *answer)
{
    return answer->session_name[0] == 0;
}

static bool is_long_term(const struct sg_asked *asked)
{
    return sg_identity_long_term(sg_text_of(asked->access_key_id));
}

/* What the session token itself tells, where the agent lets it count and it lies within what is
 * certain: in whole seconds, as the index of CloudTrail's events does. */
static struct sg_interval narrow(struct sg_interval certain, int64_t issued_ms)
{
    struct sg_interval told = {issued_ms - ROUNDING_MS, issued_ms + ROUNDING_MS - 1};

    if (issued_ms == 0 || told.latest_ms < certain.earliest_ms ||
        told.earliest_ms > certain.latest_ms)
        return certain;
    if (told.latest_ms > certain.latest_ms)
        told.latest_ms = certain.latest_ms;
    return told;
}

/* The times that both dates bound: STS verified the signature, so that the session is not younger
 * than its own X-Amz-Date, nor than the answer. */
static void set_times(struct sg_session *session, const struct sg_issuer *issuer,
                      const struct sg_asked *asked, const struct sg_identity_answer *answer)
{
    const int64_t signed_ms = asked->date_ms < answer->date_ms ? asked->date_ms : answer->date_ms;

    const int64_t longest_ms = is_user(answer) ? SG_USER_SESSION_MS : issuer->longest_session_ms;

    /* The agent may be of another configuration, and what it says of the token's own time counts
     * only where this one wants it. */
    if (is_long_term(asked))
        session->issued = SG_NEVER_ISSUED;
    else
        session->issued = narrow(sg_issued_latest(signed_ms, longest_ms, ROUNDING_MS),
                                 issuer->opaque_time ? answer->issued_ms : 0);
    session->evidence_ms = answer->companion_ms;
    session->token_issued_ms = signed_ms;
    session->not_before_ms = INT64_MIN;
    session->expires_ms = signed_ms + SG_IDENTITY_LIFE_MS;
}

/* STS tells a user's path; the answer does not, and his record tells it with his id. */
static bool set_user(struct sg_session *session, const struct sg_issuer *issuer,
                     const struct sg_identity_answer *answer)
{
    struct sg_role_arn arn = {
        .partition = sg_text_of(issuer->account->partition),
        .account = sg_text_of(answer->account),
        .name = sg_text_of(answer->role_name),
        .user = true,
    };

    return sg_session_set_role(session, &arn, (struct sg_text){0});
}

static bool set_role(struct sg_session *session, const struct sg_issuer *issuer,
                     const struct sg_identity_answer *answer)
{
    struct sg_role_arn arn;
    struct sg_text name;
    char text[256];
    const int length = snprintf(text, sizeof(text), "arn:%s:sts::%s:assumed-role/%s/%s",
                                issuer->account->partition, answer->account, answer->role_name,
                                answer->session_name);

    return length > 0 && (size_t)length < sizeof(text) &&
           sg_assumed_role_arn_parse(&arn, &name, sg_text_of(text), false) &&
           sg_session_set_role(session, &arn, sg_text_of(text)) &&
           sg_text_copy(session->session_name, sizeof(session->session_name), name);
}

static bool set_session(struct sg_session *session, const struct sg_issuer *issuer,
                        const struct sg_asked *asked, const struct sg_identity_answer *answer)
{
    if (!sg_identity_answer_valid(answer) || strcmp(answer->account, issuer->account->id) != 0)
        return false;
    /* A long-term key is a user's own: no role has one. */
    if (is_long_term(asked) && (!is_user(answer) || !issuer->allow_long_term))
        return false;
    if (is_user(answer) ? !set_user(session, issuer, answer) : !set_role(session, issuer, answer))
        return false;
    set_times(session, issuer, asked, answer);
    return sg_text_copy(session->role_id, sizeof(session->role_id), sg_text_of(answer->role_id));
}

static enum stsgate_reason reason_of(int32_t status)
{
    switch (status) {
    case SG_IDENTITY_BAD_SIGNATURE:
        return STSGATE_REASON_BAD_SIGNATURE;
    case SG_IDENTITY_EXPIRED:
        return STSGATE_REASON_EXPIRED;
    case SG_IDENTITY_BAD_COMPANION:
        return STSGATE_REASON_COMPANION_REFUSED;
    case SG_IDENTITY_NO_ROLE:
        return STSGATE_REASON_UNSUPPORTED_PRINCIPAL;
    default: /* what a newer agent may know */
        return STSGATE_REASON_MALFORMED;
    }
}

void sg_identity_told(void *payload, const struct sg_asked *asked,
                      const struct sg_identity_answer *answer)
{
    struct stsgate_reader *reader = payload;
    const struct sg_config *config = reader->gate->config;
    const struct sg_issuer *issuer = &config->issuers[asked->issuer];
    const int64_t boot_ms = sg_clock_boot_ms(&reader->gate->clock);
    struct sg_cached known = {.issuer = asked->issuer};
    struct sg_interval exact;

    if (answer->head.status > 0) {
        note_told(&reader->identities, &asked->key, reason_of(answer->head.status),
                  boot_ms + REFUSED_MS);
        return;
    }
    if (answer->head.status < 0 || !set_session(&known.session, issuer, asked, answer)) {
        note_told(&reader->identities, &asked->key, STSGATE_REASON_IDENTITY_PENDING,
                  boot_ms + NO_ANSWER_MS);
        return;
    }
    if (!sg_session_is_long_term(&known.session) &&
        sg_store_issued(&exact, reader->store, boot_ms, issuer->account->origin,
                        sg_text_of(asked->access_key_id),
                        sg_text_of(known.session.role_key)) == SG_OK)
        known.session.issued = exact;
    sg_cache_put(reader->cache, &asked->key, &known, sg_clock_wall_ms(&reader->gate->clock));
}

/* ---- asking ---- */

/* One number for a client's neighbourhood (/24, or /56 of IPv6), so that nobody can use up the
 * calls of all; 0: not known. FNV-1a. */
static uint64_t source_of(struct stsgate_text ip)
{
    unsigned char address[16];
    char text[INET6_ADDRSTRLEN];
    uint64_t value = UINT64_C(14695981039346656037);
    size_t length = 0;

    if (!sg_text_copy(text, sizeof(text), (struct sg_text){ip.data, ip.length}))
        return 0;
    if (inet_pton(AF_INET, text, address) == 1)
        length = 3;
    else if (inet_pton(AF_INET6, text, address) == 1)
        length = 7;
    for (size_t i = 0; i < length; i++)
        value = (value ^ address[i]) * UINT64_C(1099511628211);
    return length == 0 ? 0 : value;
}

/* Kept for stsgate_ask() on this very result. */
static void keep_request(struct sg_check *check, const struct sg_cache_key *key,
                         const struct sg_caller_identity *identity)
{
    struct sg_identities *identities = &check->reader->identities;
    const uint64_t source = source_of(check->request->source_ip);
    struct sg_asked *asked = &identities->asked;

    sg_buffer_wipe(&identities->request);
    if (check->request->last)
        return;
    sg_buffer_add(&identities->request, &source, sizeof(source));
    if (!sg_identity_pack(&identities->request, identity) ||
        identities->request.length > sizeof(source) + SG_ASK_REQUEST_MAX ||
        !sg_text_copy(asked->access_key_id, sizeof(asked->access_key_id),
                      identity->sts.access_key_id)) {
        sg_buffer_wipe(&identities->request);
        return;
    }
    asked->key = *key;
    asked->issuer = (size_t)(identity->issuer - sg_check_config(check)->issuers);
    asked->date_ms = identity->sts.date_ms;
    sg_check_want(check, SG_ASK_IDENTITY, identity->issuer->label);
    _Static_assert(sizeof(struct sg_question) + sizeof(*key) <= sizeof(check->result->want),
                   "a question and its key fit");
    memcpy(check->result->want + sizeof(struct sg_question), key, sizeof(*key));
}

int sg_identity_ask(struct stsgate_reader *reader, const struct sg_question *question,
                    const struct stsgate_result *result, void *payload)
{
    struct sg_identities *identities = &reader->identities;
    int error = STSGATE_E_ARGUMENT;

    if (identities->request.length > 0 &&
        memcmp(result->want + sizeof(*question), &identities->asked.key,
               sizeof(identities->asked.key)) == 0)
        error = sg_questions_ask_identity(&reader->questions, reader->gate->config, question,
                                          sg_buffer_text(&identities->request), &identities->asked,
                                          payload);
    sg_buffer_wipe(&identities->request);
    return error;
}

static const char *form_of(const struct sg_caller_identity *identity)
{
    if (!identity->sts.post)
        return "presigned URL";
    return identity->has_companion ? "signed POST with a companion" : "signed POST";
}

enum stsgate_reason sg_check_caller_identity(struct sg_check *check)
{
    struct stsgate_reader *reader = check->reader;
    struct sg_caller_identity identity;
    const struct sg_told *told;
    enum stsgate_reason reason;
    struct sg_cache_key key;

    if (!sg_cache_key(&key, reader->cache, check->service_index, check->credential))
        return STSGATE_REASON_INTERNAL_ERROR;
    reason = sg_identity_read(&identity, check->credential, check->service, check->now_ms);
    if (reason == STSGATE_REASON_NONE) {
        sg_trace_step(&reader->trace, "credential", "aws-caller-identity of [issuer %s], %s for %s",
                      identity.issuer->label, form_of(&identity), identity.sts.host.name);
        told = find_told(&reader->identities, &key, check->boot_ms);
        if (told != NULL) {
            reason = told->reason;
        } else {
            reason = STSGATE_REASON_IDENTITY_PENDING;
            keep_request(check, &key, &identity);
        }
    } else {
        sg_check_put(check->result->detail, sizeof(check->result->detail),
                     identity.why == NULL ? "" : identity.why);
    }
    sg_identity_wipe(&identity);
    return reason;
}
