/*
 * values.c - one setter a type of value, and the tables that name them. A
 * setter only says whether the text is of its type; the caller reports.
 */
#include "base/date.h"
#include "config/alg.h"
#include "config/keys.h"
#include "config/reading.h"
#include "session/session.h"

static bool printable(struct sg_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
            return false;
    }
    return true;
}

static bool set_text(struct sg_reading *reading, void *at, struct sg_text value)
{
    if (value.length == 0 || value.length > 1000 || !printable(value))
        return false;
    *(const char **)at = sg_config_text(reading, value);
    return true;
}

static bool set_word(struct sg_reading *reading, void *at, struct sg_text value)
{
    if (memchr(value.data, ' ', value.length) != NULL || value.length > 255)
        return false;
    return set_text(reading, at, value);
}

static bool set_label(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_word(reading, at, value);
}

static bool set_path(struct sg_reading *reading, void *at, struct sg_text value)
{
    if (value.length == 0 || value.data[0] != '/')
        return false;
    return set_text(reading, at, value);
}

static bool loopback_host(struct sg_text rest)
{
    static const struct sg_text hosts[] = {SG_TEXT("127.0.0.1"), SG_TEXT("localhost"),
                                           SG_TEXT("[::1]")};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (!sg_text_starts(rest, hosts[i]))
            continue;
        if (rest.length == hosts[i].length || rest.data[hosts[i].length] == ':' ||
            rest.data[hosts[i].length] == '/')
            return true;
    }
    return false;
}

static bool set_url(struct sg_reading *reading, void *at, struct sg_text value)
{
    const struct sg_text https = SG_TEXT("https://"), http = SG_TEXT("http://");
    struct sg_text rest = value;

    if (memchr(value.data, ' ', value.length) != NULL ||
        memchr(value.data, '@', value.length) != NULL)
        return false;
    if (sg_text_starts(value, https)) {
        rest.data += https.length;
        rest.length -= https.length;
    } else if (sg_text_starts(value, http)) {
        rest.data += http.length;
        rest.length -= http.length;
        if (!loopback_host(rest))
            return false;
    } else {
        return false;
    }
    return rest.length > 0 && rest.data[0] != '/' && set_text(reading, at, value);
}

static bool set_role_arn(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_role_arn parts;

    return sg_role_arn_parse(&parts, value, true) && set_text(reading, at, value);
}

/* STS's AssumeRole: letters, digits and some signs, within a length. */
static bool set_signs(struct sg_reading *reading, void *at, struct sg_text value, const char *signs,
                      size_t most)
{
    for (size_t i = 0; i < value.length; i++) {
        const char one = value.data[i];
        const bool alphanumeric =
            (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') || (one >= '0' && one <= '9');
        if (!alphanumeric && (one == '\0' || strchr(signs, one) == NULL))
            return false;
    }
    if (value.length < 2 || value.length > most)
        return false;
    *(const char **)at = sg_config_text(reading, value);
    return true;
}

static bool set_external_id(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_signs(reading, at, value, "+=,.@:/-_", 1224);
}

static bool set_session_name(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_signs(reading, at, value, "+=,.@-_", 64);
}

static bool set_rate(struct sg_reading *reading, void *at, struct sg_text value)
{
    uint64_t rate;

    (void)reading;
    if (!sg_text_to_uint(&rate, value, 1000) || rate == 0)
        return false;
    *(unsigned *)at = (unsigned)rate;
    return true;
}

/* A user and a password would stand in a file that every gateway reads. */
static bool set_proxy(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_text rest = value;

    if (sg_text_equal(value, SG_TEXT("environment")))
        return set_text(reading, at, value);
    if (!sg_text_starts(value, SG_TEXT("http://")) && !sg_text_starts(value, SG_TEXT("https://")))
        return false;
    rest.data += strlen("http://");
    rest.length -= strlen("http://");
    return rest.length > 1 && memchr(value.data, '@', value.length) == NULL &&
           set_word(reading, at, value);
}

static bool set_account_id(struct sg_reading *reading, void *at, struct sg_text value)
{
    if (value.length != 0 && !sg_account_id_valid(value))
        return false;
    *(const char **)at = sg_config_text(reading, value);
    return true;
}

static bool set_partition(struct sg_reading *reading, void *at, struct sg_text value)
{
    return sg_partition_valid(value) && set_text(reading, at, value);
}

static bool set_duration(struct sg_reading *reading, void *at, struct sg_text value)
{
    (void)reading;
    return sg_duration_parse(at, value);
}

static bool set_seconds(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_duration(reading, at, value) && *(int64_t *)at >= 1000;
}

static bool set_longest(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_duration(reading, at, value) && *(int64_t *)at >= SG_SHORTEST_SESSION_MS &&
           *(int64_t *)at <= 36 * SG_HOUR_MS;
}

static bool set_skew(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_duration(reading, at, value) && *(int64_t *)at <= 5 * SG_MINUTE_MS;
}

static bool set_date(struct sg_reading *reading, void *at, struct sg_text value)
{
    (void)reading;
    return sg_date_parse_rfc3339(at, value);
}

/* One of a few words; `choices` ends in an empty one, values count from 1. */
static bool choose(int *chosen, struct sg_text value, const char *const *choices)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (sg_text_equal(value, sg_text_of(choices[i]))) {
            *chosen = i + 1;
            return true;
        }
    }
    return false;
}

#define CHOICE(name, type, ...)                                                                    \
    static bool name(struct sg_reading *reading, void *at, struct sg_text value)                   \
    {                                                                                              \
        static const char *const choices[] = {__VA_ARGS__, NULL};                                  \
        int chosen = 0;                                                                            \
                                                                                                   \
        (void)reading;                                                                             \
        if (!choose(&chosen, value, choices))                                                      \
            return false;                                                                          \
        *(type *)at = (type)chosen;                                                                \
        return true;                                                                               \
    }
CHOICE(set_source, enum sg_source, "iam", "file")
CHOICE(set_discover, enum sg_discover, "sweep", "on-demand")
CHOICE(set_policies, enum sg_policies, "all", "inline")
CHOICE(set_issuer_kind, enum sg_issuer_kind, "aws-web-identity", "jwt", "aws-caller-identity")
CHOICE(set_mode, enum sg_mode, "enforce", "observe")
#undef CHOICE

static bool set_deny_allow(struct sg_reading *reading, void *at, struct sg_text value)
{
    static const char *const choices[] = {"deny", "allow", NULL};
    int chosen = 0;

    (void)reading;
    if (!choose(&chosen, value, choices))
        return false;
    *(bool *)at = chosen == 2;
    return true;
}

static bool holds_any(struct sg_text text, const char *characters)
{
    for (; *characters != '\0'; characters++) {
        if (memchr(text.data, *characters, text.length) != NULL)
            return true;
    }
    return false;
}

static bool set_deny_what(struct sg_reading *reading, void *at, struct sg_text value)
{
    static const char *const choices[] = {"revocation", "all", NULL};
    int chosen = 0;

    (void)reading;
    if (!choose(&chosen, value, choices))
        return false;
    *(bool *)at = chosen == 2;
    return true;
}

/* What a gateway does is one action on one thing: a wildcard would be covered by nothing that
 * names it. */
static bool set_action(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_text service, name = value;

    return sg_text_cut(&service, &name, ':') && service.length > 0 && name.length > 0 &&
           memchr(name.data, ':', name.length) == NULL && !holds_any(value, "*?$") &&
           value.length <= 128 && set_word(reading, at, value);
}

static bool set_resource(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_text part, rest = value;

    for (int colons = 0; colons < 5; colons++) {
        if (!sg_text_cut(&part, &rest, ':'))
            return false;
    }
    return sg_text_starts(value, SG_TEXT("arn:")) && rest.length > 0 && value.length <= 512 &&
           !holds_any(value, "*?$") && set_word(reading, at, value);
}

static bool set_on_off(struct sg_reading *reading, void *at, struct sg_text value)
{
    static const char *const choices[] = {"off", "on", NULL};
    int chosen = 0;

    (void)reading;
    if (!choose(&chosen, value, choices))
        return false;
    *(bool *)at = chosen == 2;
    return true;
}

static bool set_opaque_time(struct sg_reading *reading, void *at, struct sg_text value)
{
    static const char *const choices[] = {"off", "probed", NULL};
    int chosen = 0;

    (void)reading;
    if (!choose(&chosen, value, choices))
        return false;
    *(bool *)at = chosen == 2;
    return true;
}

/* session:CLAIM or token:CLAIM; two members, the mode and the claim. */
static bool set_issue_time(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_issuer *issuer =
        (struct sg_issuer *)(void *)((char *)at - offsetof(struct sg_issuer, issue_time));
    struct sg_text mode;

    if (!sg_text_cut(&mode, &value, ':') || value.length == 0)
        return false;
    if (sg_text_equal(mode, SG_TEXT("session")))
        issuer->issue_time = SG_ISSUE_TIME_SESSION;
    else if (sg_text_equal(mode, SG_TEXT("token")))
        issuer->issue_time = SG_ISSUE_TIME_TOKEN;
    else
        return false;
    return set_word(reading, &issuer->issue_time_claim, value);
}

/* The next word of a blank-separated list; false at its end. */
static bool next_word(struct sg_text *word, struct sg_text *rest)
{
    *rest = sg_text_trim(*rest);
    if (rest->length == 0)
        return false;
    for (size_t i = 0; i < rest->length; i++) {
        if (rest->data[i] == ' ' || rest->data[i] == '\t') {
            *word = (struct sg_text){rest->data, i};
            rest->data += i;
            rest->length -= i;
            return true;
        }
    }
    *word = *rest;
    rest->length = 0;
    return true;
}

static bool set_algorithms(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_text word;

    (void)reading;
    while (next_word(&word, &value)) {
        enum sg_alg alg = sg_alg_of(word);

        if (alg == SG_ALG_NONE)
            return false;
        *(unsigned *)at |= SG_ALG_BIT(alg);
    }
    return *(unsigned *)at != 0;
}

/* RFC 9110 would allow more; SigV4 signs names in lower case. */
static bool set_header(struct sg_reading *reading, void *at, struct sg_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        const char c = value.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c == '-' && i > 0)))
            return false;
    }
    return value.length <= 64 && set_text(reading, at, value);
}

/* A header's value as SigV4 signs it: nothing that it would trim or fold. */
static bool set_plain(struct sg_reading *reading, void *at, struct sg_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.data[i] >= 0x7f ||
            (value.data[i] == ' ' && i + 1 < value.length && value.data[i + 1] == ' '))
            return false;
    }
    return value.length <= 255 && set_text(reading, at, value);
}

static bool set_forms(struct sg_reading *reading, void *at, struct sg_text value)
{
    static const char *const forms[] = {"url", "post", "companion", NULL};
    struct sg_text word;
    int chosen;

    (void)reading;
    while (next_word(&word, &value)) {
        if (!choose(&chosen, word, forms))
            return false;
        *(unsigned *)at |= 1u << (chosen - 1);
    }
    return *(unsigned *)at != 0;
}

static bool add_text(struct sg_reading *reading, struct sg_texts *texts, struct sg_text text)
{
    const char **items;

    if (texts->count >= 256)
        return false;
    items = sg_alloc(texts->count + 1, sizeof(*items));
    if (sg_config_keep(reading, items) == NULL)
        return true; /* noted; the reading fails as a whole */
    if (texts->count > 0)
        memcpy(items, texts->items, texts->count * sizeof(*items));
    items[texts->count] = sg_config_text(reading, text);
    texts->items = items;
    texts->count++;
    return true;
}

static bool set_texts(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_text word;
    bool any = false;

    while (next_word(&word, &value)) {
        if (!printable(word) || word.length > 1000 || !add_text(reading, at, word))
            return false;
        any = true;
    }
    return any;
}

static bool set_labels(struct sg_reading *reading, void *at, struct sg_text value)
{
    return set_texts(reading, at, value);
}

static bool set_patterns(struct sg_reading *reading, void *at, struct sg_text value)
{
    struct sg_text word;
    bool any = false;

    while (next_word(&word, &value)) {
        if (!sg_text_starts(word, SG_TEXT("arn:")) || word.length > SG_ARN_MAX ||
            !printable(word) || !add_text(reading, at, word))
            return false;
        any = true;
    }
    return any;
}

/* The role that Identity Center makes of a permission set, with and without a region in its path.
 */
static bool set_permission_sets(struct sg_reading *reading, void *at, struct sg_text value)
{
    static const char *const paths[] = {"", "*/"};
    struct sg_text word;
    bool any = false;

    while (next_word(&word, &value)) {
        for (size_t i = 0; i < word.length; i++) {
            if (strchr("*?/:", word.data[i]) != NULL)
                return false;
        }
        if (word.length > 32) /* Identity Center API, PermissionSet Name */
            return false;
        for (size_t i = 0; i < 2; i++) {
            struct sg_buffer pattern = {0};
            bool added;

            sg_buffer_addf(&pattern,
                           "arn:*:iam::*:role/aws-reserved/sso.amazonaws.com/%sAWSReservedSSO_%.*s_"
                           "????????????????",
                           paths[i], SG_TEXT_ARG(word));
            added = !pattern.failed && add_text(reading, at, sg_buffer_text(&pattern));
            sg_buffer_clear(&pattern);
            if (!added)
                return false;
        }
        any = true;
    }
    return any;
}

/* What a TYPE of keys.h means: its setter, and whether it adds. */
#define SET_PATH            set_path, false
#define SET_WORD            set_word, false
#define SET_TEXT            set_text, false
#define SET_URL             set_url, false
#define SET_ROLE_ARN        set_role_arn, false
#define SET_EXTERNAL_ID     set_external_id, false
#define SET_SESSION_NAME    set_session_name, false
#define SET_RATE            set_rate, false
#define SET_PROXY           set_proxy, false
#define SET_ACCOUNT_ID      set_account_id, false
#define SET_PARTITION       set_partition, false
#define SET_SOURCE          set_source, false
#define SET_DISCOVER        set_discover, false
#define SET_POLICIES        set_policies, false
#define SET_DURATION        set_duration, false
#define SET_SECONDS         set_seconds, false
#define SET_LONGEST         set_longest, false
#define SET_SKEW            set_skew, false
#define SET_DATE            set_date, false
#define SET_ISSUER_KIND     set_issuer_kind, false
#define SET_ISSUE_TIME      set_issue_time, false
#define SET_ALGORITHMS      set_algorithms, true
#define SET_HEADER          set_header, false
#define SET_PLAIN           set_plain, false
#define SET_FORMS           set_forms, true
#define SET_LABEL           set_label, false
#define SET_LABELS          set_labels, true
#define SET_TEXTS           set_texts, true
#define SET_PATTERNS        set_patterns, true
#define SET_PERMISSION_SETS set_permission_sets, true
#define SET_MODE            set_mode, false
#define SET_DENY_ALLOW      set_deny_allow, false
#define SET_DENY_WHAT       set_deny_what, false
#define SET_ACTION          set_action, false
#define SET_RESOURCE        set_resource, false
#define SET_ON_OFF          set_on_off, false
#define SET_OPAQUE_TIME     set_opaque_time, false

#define KEY(text, setter, many, at, initial_text, expected_text)                                   \
    {.name = text,                                                                                 \
     .set = setter,                                                                                \
     .list = many,                                                                                 \
     .offset = at,                                                                                 \
     .initial = initial_text,                                                                      \
     .expected = expected_text},
#define EXPAND(...) KEY(__VA_ARGS__)

#define AGENT_KEY(name, TYPE, member, initial, expected)                                           \
    EXPAND(#name, SET_##TYPE, offsetof(struct sg_config, member), initial, expected)
#define ACCOUNT_KEY(name, TYPE, member, initial, expected)                                         \
    EXPAND(#name, SET_##TYPE, offsetof(struct sg_draft_account, member), initial, expected)
#define ISSUER_KEY(name, TYPE, member, initial, expected)                                          \
    EXPAND(#name, SET_##TYPE, offsetof(struct sg_draft_issuer, member), initial, expected)
#define SERVICE_KEY(name, TYPE, member, initial, expected)                                         \
    EXPAND(#name, SET_##TYPE, offsetof(struct sg_draft_service, member), initial, expected)
#define CUTOFF_KEY(name, TYPE, member, initial, expected)                                          \
    EXPAND(#name, SET_##TYPE, offsetof(struct sg_draft_cutoff, member), initial, expected)

const struct sg_key sg_agent_keys[] = {SG_AGENT_KEYS(AGENT_KEY){.name = NULL}};
const struct sg_key sg_account_keys[] = {SG_ACCOUNT_KEYS(ACCOUNT_KEY){.name = NULL}};
const struct sg_key sg_issuer_keys[] = {SG_ISSUER_KEYS(ISSUER_KEY){.name = NULL}};
const struct sg_key sg_service_keys[] = {SG_SERVICE_KEYS(SERVICE_KEY){.name = NULL}};
const struct sg_key sg_cutoff_keys[] = {SG_CUTOFF_KEYS(CUTOFF_KEY){.name = NULL}};
