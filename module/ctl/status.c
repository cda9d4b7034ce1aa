/*
 * status.c - `stsgatectl status`: how fresh each account and key set is as
 * readers see it, and what the agent says of itself.
 */
#include "base/buffer.h"
#include "base/date.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "store/ask.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATUS_MAX_BYTES  65536
#define STATUS_TIMEOUT_MS 3000

/* The agent's own words, one JSON packet; NULL when it does not answer. */
static struct json_object *ask_agent(const struct sg_config *config)
{
    struct sg_question question = {.magic = SG_ASK_MAGIC, .kind = SG_ASK_STATUS, .id = 1};
    struct json_object *tree = NULL;
    struct pollfd watched = {.fd = sg_ask_connect(config->socket, &config->owners),
                             .events = POLLIN};
    char *answer = sg_alloc(1, STATUS_MAX_BYTES);
    ssize_t length;
    int error;

    if (watched.fd >= 0 && answer != NULL &&
        send(watched.fd, &question, sizeof(question), MSG_NOSIGNAL) == (ssize_t)sizeof(question) &&
        poll(&watched, 1, STATUS_TIMEOUT_MS) == 1) {
        length = recv(watched.fd, answer, STATUS_MAX_BYTES, MSG_DONTWAIT);
        if (length > 0)
            tree =
                sg_json_parse((struct sg_text){answer, (size_t)length}, STATUS_MAX_BYTES, &error);
    }
    if (watched.fd >= 0)
        close(watched.fd);
    free(answer);
    return tree;
}

struct freshness {
    const char *kind, *label;
    int64_t age_ms; /* -1: never, or not since boot */
    int64_t limit_ms;
    struct sg_stamp stamp;
};

static bool look(struct freshness *fresh, struct sg_store *store, enum sg_slot_kind kind,
                 const char *label, int64_t limit_ms)
{
    int64_t boot_ms = sg_clock_boot_ms(&sg_clock_system);
    struct sg_slot *slot = sg_store_slot(store, kind, sg_text_of(label));

    if (slot == NULL)
        return false;
    sg_store_refresh(store, slot, boot_ms, &fresh->stamp);
    fresh->kind = kind == SG_SLOT_ACCOUNT ? "account" : "issuer";
    fresh->label = label;
    fresh->limit_ms = limit_ms;
    fresh->age_ms = fresh->stamp.generation != 0 && fresh->stamp.this_boot
                        ? boot_ms - fresh->stamp.complete_boot_ms
                        : -1;
    return fresh->age_ms >= 0 && fresh->age_ms <= limit_ms;
}

static void show(const struct ctl *ctl, const struct freshness *fresh, bool good,
                 struct json_object *list)
{
    char limit[SG_DATE_SIZE], date[SG_DATE_SIZE];
    struct json_object *one;

    if (list != NULL) {
        one = json_object_new_object();
        json_object_object_add(one, "kind", json_object_new_string(fresh->kind));
        json_object_object_add(one, "label", json_object_new_string(fresh->label));
        json_object_object_add(one, "fresh", json_object_new_boolean(good));
        json_object_object_add(one, "age_ms",
                               fresh->age_ms < 0 ? NULL : json_object_new_int64(fresh->age_ms));
        json_object_object_add(one, "limit_ms", json_object_new_int64(fresh->limit_ms));
        json_object_object_add(one, "generation", json_object_new_uint64(fresh->stamp.generation));
        ctl_json_date(one, "complete",
                      fresh->age_ms < 0 ? INT64_MIN : fresh->stamp.complete_aws_ms);
        json_object_array_add(list, one);
        return;
    }
    printf("%-8s %-20s ", fresh->kind, fresh->label);
    ctl_paint(ctl, good ? CTL_GREEN : CTL_RED, good ? "fresh" : "stale");
    if (fresh->age_ms < 0)
        printf("  never read whole since this machine started\n");
    else
        printf("  read %.1f s ago (%s), limit %s\n", (double)fresh->age_ms / 1000.0,
               sg_date_format(date, fresh->stamp.complete_aws_ms),
               sg_duration_format(limit, fresh->limit_ms));
}

static bool show_store(const struct ctl *ctl, const struct sg_config *config,
                       struct sg_store *store, struct json_object *list)
{
    bool all_good = true;

    for (size_t i = 0; i < config->account_count; i++) {
        struct freshness fresh = {0};
        bool good = look(&fresh, store, SG_SLOT_ACCOUNT, config->accounts[i].label,
                         config->accounts[i].max_stale_ms);

        show(ctl, &fresh, good, list);
        all_good = all_good && good;
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        struct freshness fresh = {0};
        bool good;

        if (config->issuers[i].keys != NULL || config->issuers[i].kind == SG_ISSUER_CALLER_IDENTITY)
            continue;
        good = look(&fresh, store, SG_SLOT_ISSUER, config->issuers[i].label,
                    INT64_C(24) * 3600 * 1000);
        show(ctl, &fresh, good, list);
        all_good = all_good && good;
    }
    return all_good;
}

/* ---- what the agent says, for people ---- */

static int64_t number(struct json_object *object, const char *name)
{
    return json_object_get_int64(json_object_object_get(object, name));
}

static const char *words(struct json_object *object, const char *name)
{
    const char *text = json_object_get_string(json_object_object_get(object, name));

    return text == NULL ? "" : text;
}

static void show_pauses(struct json_object *apis)
{
    for (size_t i = 0; apis != NULL && i < json_object_array_length(apis); i++) {
        struct json_object *api = json_object_array_get_idx(apis, i);

        if (number(api, "pause_ms") > 0)
            printf("    %s throttled, pauses for %.1f s more\n", words(api, "name"),
                   (double)number(api, "pause_ms") / 1000.0);
    }
}

static void show_credentials(struct json_object *credentials)
{
    if (credentials == NULL || words(credentials, "source")[0] == '\0')
        return;
    printf("    credentials of %s%s%s\n", words(credentials, "source"),
           words(credentials, "until")[0] != '\0' ? ", until " : "", words(credentials, "until"));
    if (words(credentials, "trouble")[0] != '\0')
        printf("    new ones could not be got: %s\n", words(credentials, "trouble"));
}

/* Of signed requests; nothing where the account has no issuer of them. */
static void show_identities(struct json_object *all)
{
    if (all == NULL)
        return;
    printf("    identities: %" PRId64 " asked, %" PRId64 " known already, %" PRId64
           " refused unasked, %" PRId64 " over budget, %" PRId64 " crowded\n",
           number(all, "asked"), number(all, "known"), number(all, "refused"),
           number(all, "over_budget"), number(all, "crowded"));
    printf("    identities: %" PRId64 " calls, %" PRId64 " of companions, %" PRId64
           " throttled; %" PRId64 " vouched for, %" PRId64 " denied, %" PRId64 " failed\n",
           number(all, "calls"), number(all, "companions"), number(all, "throttled"),
           number(all, "vouched"), number(all, "denied"), number(all, "failed"));
}

static void show_one(const struct ctl *ctl, struct json_object *one, const char *kind)
{
    const bool good = json_object_get_boolean(json_object_object_get(one, "good"));
    struct json_object *age = json_object_object_get(one, "age_ms");
    char read[64] = "never read whole";

    if (age != NULL)
        snprintf(read, sizeof(read), "read %.1f s ago", (double)number(one, "age_ms") / 1000.0);
    printf("  %-8s %-20s ", kind, words(one, "label"));
    ctl_paint(ctl, good ? CTL_GREEN : CTL_RED, good ? "good" : "bad");
    if (strcmp(kind, "issuer") == 0)
        printf("  %s, %" PRId64 " keys, %" PRId64 " fetches\n", read, number(one, "keys"),
               number(one, "fetches"));
    else
        printf("  %s, %" PRId64 " roles (%" PRId64 " gone), %" PRId64 " calls, %" PRId64
               " throttled\n",
               read, number(one, "roles"), number(one, "deleted"), number(one, "calls"),
               number(one, "throttled"));
    if (words(one, "trouble")[0] != '\0')
        printf("    %s (%" PRId64 " in a row)\n", words(one, "trouble"), number(one, "failures"));
    show_credentials(json_object_object_get(one, "credentials"));
    show_pauses(json_object_object_get(one, "apis"));
    show_identities(json_object_object_get(one, "identities"));
}

static void show_all(const struct ctl *ctl, struct json_object *list, const char *kind)
{
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
        show_one(ctl, json_object_array_get_idx(list, i), kind);
}

static void show_agent(const struct ctl *ctl, struct json_object *agent)
{
    printf("agent    pid %" PRId64 ", up %.0f s, %" PRId64 " clients, %" PRId64 " waiting\n",
           number(agent, "pid"), (double)number(agent, "uptime_ms") / 1000.0,
           number(agent, "clients"), number(agent, "waiting"));
    show_all(ctl, json_object_object_get(agent, "accounts"), "account");
    show_all(ctl, json_object_object_get(agent, "issuers"), "issuer");
    if (number(agent, "left_out") > 0)
        printf("  and %" PRId64 " more\n", number(agent, "left_out"));
}

int ctl_status(struct ctl *ctl)
{
    static const struct ctl_option none[] = {{0}};
    struct json_object *tree = NULL, *list = NULL, *agent;
    struct sg_problems problems = {0};
    struct sg_store *store = NULL;
    struct sg_config *config;
    bool good = false;

    if (ctl_options(ctl, none, 0, 0, "status") < 0)
        return CTL_USAGE;
    config = ctl_config(ctl);
    if (config == NULL)
        return CTL_USAGE;
    if (ctl->json) {
        tree = json_object_new_object();
        list = json_object_new_array();
        json_object_object_add(tree, "store", list);
    }
    if (sg_store_open(&store, config->state, &config->owners, &sg_clock_system, NULL, &problems) ==
        SG_OK)
        good = show_store(ctl, config, store, list);
    ctl_print_problems(&problems);
    agent = ask_agent(config);
    if (tree != NULL) {
        json_object_object_add(tree, "agent", agent);
        ctl_print_json(tree);
    } else if (agent != NULL) {
        show_agent(ctl, agent);
        json_object_put(agent);
    } else {
        printf("agent    no answer at %s\n", config->socket);
        good = false;
    }
    sg_store_close(store);
    sg_config_free(config);
    return good ? CTL_YES : CTL_UNDECIDED;
}
