/*
 * ask.c - what a question sets off. Many askers, one fetch; what the store tells already is not
 * fetched at all; and who asks for what is not in the configuration gets an error.
 */
#include "agent/caller.h"
#include "agent/events_queue.h"

#include "base/date.h"
#include "base/json.h"

#include <stdio.h>
#include <unistd.h>

#define NO_ROUND_BEFORE_MS                                                                         \
    1000 /* a round that has just failed is not begun again for a question                         \
          */

static struct sg_agent_account *find_account(struct sg_agent *agent,
                                             const struct sg_question *question)
{
    for (size_t i = 0; i < agent->account_count; i++) {
        const struct sg_account *config = agent->accounts[i].config;

        if (strcmp(config->label, question->label) == 0 &&
            strcmp(config->partition, question->partition) == 0 &&
            strcmp(config->id, question->account) == 0)
            return &agent->accounts[i];
    }
    return NULL;
}

/* The account is not fresh: the question waits for a round. */
static void wait_for_round(struct sg_agent_account *account, const struct sg_waiter *waiter)
{
    const int64_t since_ms = sg_now_ms(account->agent) - account->ended_boot_ms;

    if (!account->in_round && account->ended_boot_ms != 0 && since_ms < NO_ROUND_BEFORE_MS) {
        sg_waiter_answer(account->agent, waiter, SG_E_NETWORK);
        return;
    }
    if (sg_waiters_add(&account->waiters, waiter) != SG_OK) {
        sg_waiter_answer(account->agent, waiter, SG_E_MEMORY);
        return;
    }
    sg_account_refresh(account); /* may answer at once */
}

static bool knows_no_role(const struct sg_agent_account *account)
{
    for (const struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        if (role->record.length > 0)
            return false;
    }
    return true;
}

void sg_ask_role(struct sg_agent *agent, const struct sg_waiter *waiter, bool after_round)
{
    const struct sg_question *question = &waiter->question;
    const struct sg_text name = sg_text_of(question->role_name);
    struct sg_agent_account *account = find_account(agent, question);
    const bool user = question->kind == SG_ASK_USER;
    char folded[SG_PRINCIPAL_KEY_MAX + 1];
    struct sg_record record;

    /* Anyone may ask, but users are read only where the configuration lets them in. */
    if (account == NULL || !sg_principal_key(folded, user, name) ||
        (user && !account->config->users)) {
        sg_waiter_answer(agent, waiter, SG_E_ABSENT);
        return;
    }
    const bool first_ever = account->config->source == SG_SOURCE_IAM &&
                            account->config->discover == SG_DISCOVER_ON_DEMAND &&
                            knows_no_role(account);
    if (!sg_account_fresh(account) && !first_ever) {
        if (after_round)
            sg_waiter_answer(agent, waiter, SG_E_NETWORK);
        else
            wait_for_round(account, waiter);
        return;
    }
    const struct sg_text key = sg_text_of(folded);
    const struct sg_role *role = sg_roles_find(&account->roles, key);
    if (role != NULL && sg_role_record(&record, role) && record.stale_since_ms == 0) {
        sg_waiter_answer(agent, waiter, SG_OK);
        return;
    }
    if (account->config->source == SG_SOURCE_FILE) {
        sg_waiter_answer(agent, waiter, SG_E_ABSENT);
        return;
    }
    const int error = sg_fetch_start(account, key, name, true, waiter);
    if (error != SG_OK)
        sg_waiter_answer(agent, waiter, error);
}

void sg_ask_keys(struct sg_agent *agent, const struct sg_waiter *waiter)
{
    for (size_t i = 0; i < agent->issuer_count; i++) {
        struct sg_agent_issuer *issuer = &agent->issuers[i];

        if (strcmp(issuer->config->label, waiter->question.label) != 0)
            continue;
        /* Nobody waits for keys; the window holds whatever came of the last fetch. */
        const bool now = issuer->tried_boot_ms == 0 ||
                         sg_now_ms(agent) - issuer->tried_boot_ms >= SG_KEY_REFETCH_WINDOW_MS;
        if (now)
            sg_issuer_refresh(issuer);
        sg_waiter_answer(agent, waiter, now ? SG_OK : SG_E_BUSY);
        return;
    }
    sg_waiter_answer(agent, waiter, SG_E_ABSENT);
}

/* ---- status ---- */

static void write_age(struct sg_buffer *out, const char *name, int64_t since_ms, int64_t now_ms)
{
    if (since_ms == 0)
        sg_buffer_addf(out, ",\"%s\":null", name);
    else
        sg_buffer_addf(out, ",\"%s\":%lld", name, (long long)(now_ms - since_ms));
}

static bool is_half_full(const struct sg_buffer *out)
{
    return out->limit != 0 && out->length > out->limit / 2;
}

static void write_health(struct sg_buffer *out, const struct sg_health *health)
{
    sg_buffer_addf(out, ",\"good\":%s,\"failures\":%u,\"trouble\":",
                   health->tried && health->good ? "true" : "false", health->failures);
    sg_json_quote(out, sg_text_of(health->trouble));
}

/* All calls in two numbers, and which APIs they were as long as there is room. */
static void write_calls(struct sg_buffer *out, const struct sg_budget *budget, int64_t now_ms)
{
    unsigned long long calls = 0, throttled = 0;
    bool first = true;

    for (size_t i = 0; i < budget->count; i++) {
        calls += budget->apis[i].calls;
        throttled += budget->apis[i].throttled;
    }
    sg_buffer_addf(out, ",\"calls\":%llu,\"throttled\":%llu,\"apis\":[", calls, throttled);
    for (size_t i = 0; i < budget->count && !is_half_full(out); i++) {
        const struct sg_budget_api *api = &budget->apis[i];
        const int64_t pause_ms = api->until_ms > now_ms ? api->until_ms - now_ms : 0;

        sg_buffer_add(out, ",", !first);
        first = false;
        sg_buffer_addf(out, "{\"name\":\"%s\",\"calls\":%llu,\"throttled\":%llu,\"pause_ms\":%lld}",
                       api->name, (unsigned long long)api->calls,
                       (unsigned long long)api->throttled, (long long)pause_ms);
    }
    sg_buffer_add_text(out, SG_TEXT("]"));
}

/* Where they came from and until when they hold; never the keys. */
static void write_credentials(struct sg_buffer *out, const struct sg_provider *provider)
{
    struct sg_provider_state state;
    char date[SG_DATE_SIZE];

    if (provider == NULL)
        return;
    sg_provider_state(&state, provider);
    sg_buffer_addf(out, ",\"credentials\":{\"source\":");
    sg_json_quote(out, sg_text_of(state.source));
    sg_buffer_addf(out, ",\"usable\":%s", state.fetched_ms != 0 ? "true" : "false");
    if (state.expires_ms != 0)
        sg_buffer_addf(out, ",\"until\":\"%s\"", sg_date_format(date, state.expires_ms));
    sg_buffer_addf(out, ",\"trouble\":");
    sg_json_quote(out, sg_text_of(state.trouble));
    sg_buffer_add_text(out, SG_TEXT("}"));
}

static void write_account(struct sg_buffer *out, const struct sg_agent_account *account,
                          int64_t now_ms)
{
    sg_buffer_addf(out, "{\"label\":");
    sg_json_quote(out, sg_text_of(account->config->label));
    sg_buffer_addf(out,
                   ",\"source\":\"%s\",\"roles\":%zu,\"deleted\":%zu,\"reading\":%zu,"
                   "\"rounds\":%llu",
                   account->config->source == SG_SOURCE_FILE ? "file" : "iam", account->roles.count,
                   account->roles.deleted, account->fetch_count,
                   (unsigned long long)account->round);
    write_calls(out, &account->budget, now_ms);
    write_credentials(out, account->provider);
    write_age(out, "age_ms", account->complete_boot_ms, now_ms);
    write_health(out, &account->health);
    sg_events_status(out, account, now_ms);
    sg_callers_status(out, account);
    sg_buffer_add_text(out, SG_TEXT("}"));
}

static void write_issuer(struct sg_buffer *out, const struct sg_agent_issuer *issuer,
                         int64_t now_ms)
{
    sg_buffer_addf(out, "{\"label\":");
    sg_json_quote(out, sg_text_of(issuer->config->label));
    sg_buffer_addf(out, ",\"keys\":%zu,\"fetches\":%llu", issuer->key_count,
                   (unsigned long long)issuer->fetches);
    write_age(out, "age_ms", issuer->complete_boot_ms, now_ms);
    write_health(out, &issuer->health);
    sg_buffer_add_text(out, SG_TEXT("}"));
}

/* What does not fit into the packet any more is left out and counted. */
#define ROOM_FOR_REST 8192

void sg_status_write(struct sg_buffer *out, const struct sg_agent *agent)
{
    const int64_t now_ms = sg_now_ms(agent);
    size_t clients = 0, left_out = 0;

    for (size_t i = 0; i < agent->client_count; i++)
        clients += agent->clients[i].fd >= 0;
    sg_buffer_addf(
        out, "{\"pid\":%ld,\"uptime_ms\":%lld,\"clients\":%zu,\"waiting\":%zu,\"issuers\":[",
        (long)getpid(), (long long)(now_ms - agent->started_boot_ms), clients, agent->waiting);
    for (size_t i = 0; i < agent->issuer_count; i++) {
        if (is_half_full(out)) {
            left_out++;
            continue;
        }
        sg_buffer_add(out, ",", i > 0);
        write_issuer(out, &agent->issuers[i], now_ms);
    }
    sg_buffer_add_text(out, SG_TEXT("],\"accounts\":["));
    for (size_t i = 0; i < agent->account_count; i++) {
        if (out->limit != 0 && out->length + ROOM_FOR_REST > out->limit) {
            left_out++;
            continue;
        }
        sg_buffer_add(out, ",", i > 0);
        write_account(out, &agent->accounts[i], now_ms);
    }
    sg_buffer_addf(out, "],\"left_out\":%zu}", left_out);
}
