/*
 * account.c - rounds: when an account is read, what is taken of it, and what follows when it could
 * not be read. An error changes no record for the looser; it lets the account grow stale, which
 * gateways see in the stamp.
 */
#include "agent/events_queue.h"

#include "aws/endpoints.h"
#include "base/date.h"

#include <stdio.h>
#include <stdlib.h>

#define MANAGED_KEPT_MS       SG_HOUR_MS /* a policy that no role used, by its version */
#define BACKOFF_MAX_MS        30000
#define FILE_AGAIN_MS         1000 /* the second look that loosening needs */
#define AS_STALE_AS_CAN_BE_MS 1    /* nothing whole is known, nor since when */

static void round_due(void *payload)
{
    sg_account_refresh(payload);
}

const char *sg_account_where(char *buffer, size_t size, const struct sg_agent_account *account,
                             const char *role)
{
    (void)snprintf(buffer, size, "account=%s %s=%s", account->config->label,
                   sg_key_is_user(role) ? "user" : "role", sg_key_name_of(role));
    return buffer;
}

bool sg_account_owns_role(const struct sg_agent_account *account, struct sg_role_arn *parts,
                          struct sg_text arn)
{
    return sg_role_arn_parse(parts, arn, account->config->id[0] == '\0') &&
           sg_text_equal(parts->account, sg_text_of(account->config->id)) &&
           sg_text_equal(parts->partition, sg_text_of(account->config->partition));
}

bool sg_account_owns_user(const struct sg_agent_account *account, struct sg_role_arn *parts,
                          struct sg_text arn)
{
    return sg_user_arn_parse(parts, arn) &&
           sg_text_equal(parts->account, sg_text_of(account->config->id)) &&
           sg_text_equal(parts->partition, sg_text_of(account->config->partition));
}

bool sg_account_fresh(const struct sg_agent_account *account)
{
    return account->complete_boot_ms != 0 && account->published &&
           sg_now_ms(account->agent) - account->complete_boot_ms < account->config->max_stale_ms;
}

/* ---- what was read of one role ---- */

int sg_account_take_packed(struct sg_agent_account *account, struct sg_role *role,
                           struct sg_buffer *packed)
{
    struct sg_record record;

    if (!sg_record_read(&record, sg_buffer_text(packed)))
        return SG_E_LIMIT;
    if (sg_role_take(&account->roles, role, packed))
        account->dirty = true;
    return SG_OK;
}

int sg_account_take(struct sg_agent_account *account, struct sg_role *role,
                    const struct sg_reading *reading)
{
    struct sg_record previous;
    struct sg_buffer packed = {0};
    struct sg_merged merged;
    struct sg_reading whole = *reading;
    struct sg_buffer extras = {0};
    char where[160];
    const bool known = sg_role_record(&previous, role);

    whole.before_ms = role->began_aws_ms;
    whole.ratchet = account->config->ratchet;
    whole.longest_session_ms = account->config->longest_session_ms;
    int error = sg_extras_join(&whole, &extras, account, role);
    /* The first table is no change: what stands in it, `stsgatectl roles` tells. */
    if (error == SG_OK)
        error = sg_merge(&packed, &merged, known ? &previous : NULL, &whole,
                         account->published ? &account->agent->log : NULL,
                         sg_account_where(where, sizeof where, account, role->key));
    if (error == SG_OK)
        error = sg_account_take_packed(account, role, &packed);
    sg_buffer_clear(&packed);
    sg_buffer_clear(&extras);
    if (error != SG_OK)
        return error;
    account->loosening = account->loosening || merged.kept_once > 0;
    sg_extras_joined(account, role);
    if (reading->extras_only)
        return SG_OK;
    role->read_aws_ms = reading->aws_ms;
    role->began_aws_ms = reading->began_ms;
    return SG_OK;
}

void sg_account_take_stale(struct sg_agent_account *account, struct sg_role *role, const char *why)
{
    struct sg_record previous;
    struct sg_buffer packed = {0};
    char where[160];
    const bool known = sg_role_record(&previous, role);

    /* A gateway that finds no record of one of IAM's roles asks. With source = file none means that
     * nothing is revoked, which must not be what an unreadable role looks like. */
    if (!known && account->config->source != SG_SOURCE_FILE)
        return;
    if (!known)
        previous = (struct sg_record){.state = SG_ROLE_PRESENT};
    if (previous.stale_since_ms == 0)
        sg_log(&account->agent->log, SG_LOG_WARNING, "%s problem=%s; %s",
               sg_account_where(where, sizeof where, account, role->key), why,
               known ? "its last record stays until it is too old"
                     : "its sessions can't be decided until it can");
    int64_t since_ms = role->read_aws_ms != 0 ? role->read_aws_ms : account->complete_aws_ms;
    if (!known || role->doubled || since_ms == 0)
        since_ms = AS_STALE_AS_CAN_BE_MS;
    if (sg_merge_stale(&packed, &previous, since_ms) == SG_OK)
        (void)sg_account_take_packed(account, role, &packed);
    sg_buffer_clear(&packed);
}

/* ---- rounds ---- */

static void begin_on_demand(struct sg_agent_account *account)
{
    struct sg_role *next;

    account->round_pending = account->round_good = account->round_bad = 0;
    account->round_aws_ms = 0;
    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL; role = next) {
        next = sg_roles_next(&account->roles, role);
        /* Without a record, it is being asked for just now. What never was there, as somebody
         * asked, is not asked again in each round. */
        if (role->record.length == 0 || sg_gone_expire(account, role) || sg_gone_never_seen(role))
            continue;
        if (sg_fetch_start(account, sg_text_of(role->key), (struct sg_text){0}, false, NULL) !=
            SG_OK)
            account->round_bad++;
    }
    if (account->round_pending ==
        0) /* no role was seen here yet: nothing to read, nothing to stamp */
        sg_account_round_ended(account, account->round_bad == 0, 0);
}

void sg_account_refresh(struct sg_agent_account *account)
{
    if (account->in_round)
        return;
    sg_timer_stop(&account->agent->timers, &account->timer);
    account->in_round = true;
    account->round++;
    account->round_boot_ms = sg_now_ms(account->agent);
    account->round_calls = 0;
    account->loosening = false;
    const struct sg_text label = sg_text_of(account->config->label);
    (void)sg_store_claim(account->agent->writer, SG_SLOT_ACCOUNT, label, account->config->origin);
    (void)sg_store_tried(account->agent->writer, SG_SLOT_ACCOUNT, label);
    sg_extras_read(account);
    if (account->config->source == SG_SOURCE_FILE) {
        sg_files_round(account);
        return;
    }
    if (account->config->discover == SG_DISCOVER_ON_DEMAND) {
        begin_on_demand(account);
        return;
    }
    if (sg_sweep_start(account) != SG_OK) {
        sg_health_bad(&account->health, "out of memory");
        sg_account_round_ended(account, false, 0);
    }
}

static int64_t pause_after_failure_ms(const struct sg_agent_account *account)
{
    const unsigned doublings = account->health.failures < 6 ? account->health.failures : 6;
    int64_t most_ms = account->config->refresh_ms << doublings;

    if (most_ms > BACKOFF_MAX_MS)
        most_ms = BACKOFF_MAX_MS;
    if (most_ms < account->config->refresh_ms)
        most_ms = account->config->refresh_ms;
    return account->config->refresh_ms / 2 + sg_jitter_ms(most_ms);
}

void sg_account_hasten(struct sg_agent_account *account)
{
    const int64_t at_ms = sg_now_ms(account->agent) + FILE_AGAIN_MS;

    if (account->loosening && (!account->timer.set || account->timer.at_ms > at_ms))
        sg_timer_set(&account->agent->timers, &account->timer, at_ms, round_due, account);
}

static void set_next_round(struct sg_agent_account *account, bool good)
{
    const int64_t now_ms = sg_now_ms(account->agent);
    int64_t at_ms = account->round_boot_ms + account->config->refresh_ms;

    /* A round that takes longer than `refresh` leaves IAM some peace before the next. */
    if (at_ms < now_ms + account->config->refresh_ms / 4)
        at_ms = now_ms + account->config->refresh_ms / 4;
    if (!good)
        at_ms = now_ms + pause_after_failure_ms(account);
    sg_timer_set(&account->agent->timers, &account->timer, at_ms, round_due, account);
    if (account->config->source == SG_SOURCE_FILE)
        sg_account_hasten(account);
}

static void answer_waiters(struct sg_agent_account *account)
{
    struct sg_waiters waiters = account->waiters;

    account->waiters = (struct sg_waiters){0};
    for (size_t i = 0; i < waiters.count; i++)
        sg_ask_role(account->agent, &waiters.items[i], true);
    sg_waiters_clear(&waiters);
}

static void log_round(const struct sg_agent_account *account, bool good, bool was_good,
                      bool changed)
{
    const int64_t took_ms = account->ended_boot_ms - account->round_boot_ms;

    if (!good) {
        sg_log(&account->agent->log, account->health.failures == 1 ? SG_LOG_ERROR : SG_LOG_WARNING,
               "account=%s read=failed failures=%u calls=%llu: %s", account->config->label,
               account->health.failures, (unsigned long long)account->round_calls,
               account->health.trouble);
        return;
    }
    sg_log(&account->agent->log,
           !was_good ? SG_LOG_NOTICE
           : changed ? SG_LOG_INFO
                     : SG_LOG_DEBUG,
           "account=%s read=complete roles=%zu deleted=%zu changed=%s calls=%llu took=%lldms",
           account->config->label, account->roles.count, account->roles.deleted,
           changed ? "yes" : "no", (unsigned long long)account->round_calls, (long long)took_ms);
}

/* Readers carry AWS's clock on from the beginning: a little early, which is the stricter side. */
void sg_account_complete(struct sg_agent_account *account, int64_t boot_ms, int64_t aws_ms)
{
    account->complete_boot_ms = boot_ms;
    account->complete_aws_ms = aws_ms;
    sg_publish_stamp(account->agent, SG_SLOT_ACCOUNT, account->config->label,
                     &(struct sg_complete){.boot_ms = boot_ms, .aws_ms = aws_ms});
}

void sg_account_round_ended(struct sg_agent_account *account, bool good, int64_t aws_ms)
{
    const bool was_good = account->health.tried && account->health.good;
    const bool changed = account->dirty;

    account->in_round = false;
    account->ended_boot_ms = sg_now_ms(account->agent);
    /* Also after a bad round: what tightened must not wait for the rest. A first table is only
     * written when it is known to be whole. */
    const bool write = good || (account->published && account->dirty);
    if (write && sg_publish_account(account) != SG_OK) {
        sg_health_bad(&account->health, "the store could not be written");
        good = false;
    } else if (good) {
        sg_health_good(&account->health);
    } else if (account->health.good) {
        sg_health_bad(&account->health, "not every role could be read");
    }
    if (good && aws_ms != 0) {
        sg_account_complete(account, account->round_boot_ms, aws_ms);
    }
    log_round(account, good, was_good, changed);
    sg_managed_prune(&account->managed,
                     sg_now_ms(account->agent) - MANAGED_KEPT_MS - 4 * account->config->refresh_ms);
    sg_managed_prune(&account->told,
                     sg_now_ms(account->agent) - MANAGED_KEPT_MS - 4 * account->config->refresh_ms);
    set_next_round(account, good);
    answer_waiters(account);
    sg_events_round_ended(account, good);
}

/* ---- opening ---- */

/* Where one of the services is asked for this account. */
static int place(struct sg_agent_account *account, struct sg_iam *iam,
                 struct sg_endpoint_place *where, const struct sg_endpoint_options *options)
{
    struct sg_problems problems = {0};
    const int error = sg_endpoint_place(where, options, &problems);

    sg_log_problems(account->agent, error == SG_OK ? SG_LOG_WARNING : SG_LOG_ERROR,
                    account->config->label, &problems);
    *iam = (struct sg_iam){.http = account->agent->http,
                           .clock = account->agent->clock,
                           .url = where->url,
                           .region = where->region,
                           .sts = options->service == SG_AWS_STS};
    return error;
}

static int open_iam(struct sg_agent_account *account)
{
    const struct sg_account *config = account->config;
    struct sg_endpoint_options options = {.service = SG_AWS_IAM,
                                          .partition = config->partition,
                                          .endpoint = config->endpoint,
                                          .region = config->region,
                                          .fips = config->fips,
                                          .dual_stack = config->dual_stack,
                                          .environment =
                                              account->agent->config->environment_endpoints,
                                          .profile = config->profile};

    int error = place(account, &account->iam, &account->iam_place, &options);
    if (error != SG_OK)
        return error;
    options.service = SG_AWS_STS;
    if (config->sts_endpoint != NULL)
        options.endpoint = config->sts_endpoint;
    error = place(account, &account->sts, &account->sts_place, &options);
    if (error != SG_OK)
        return error;
    return sg_signer_open(account, &options);
}

int sg_account_open(struct sg_agent_account *account, struct sg_agent *agent,
                    const struct sg_account *config)
{
    *account = (struct sg_agent_account){.agent = agent, .config = config};
    sg_budget_open(&account->budget, config->calls_per_second, sg_now_ms(agent));
    if (config->source == SG_SOURCE_FILE)
        return sg_files_open(account);
    const int error = sg_extras_open(account);
    return error == SG_OK ? open_iam(account) : error;
}

void sg_account_close(struct sg_agent_account *account)
{
    sg_timer_stop(&account->agent->timers, &account->timer);
    sg_sweep_stop(account);
    sg_fetch_stop_all(account);
    sg_files_close(account);
    sg_extras_close(account);
    sg_waiters_answer(account->agent, &account->waiters, SG_E_BUSY);
    sg_waiters_clear(&account->waiters);
    sg_roles_clear(&account->roles);
    sg_managed_clear(&account->managed);
    sg_managed_clear(&account->told);
    sg_signer_close(account);
}
