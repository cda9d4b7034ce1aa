/*
 * Condition elements; see evaluate.h. All operators and all keys are ANDed, the values of one key
 * ORed (NORed for negated operators); a missing key is false, or true for negated and IfExists
 * operators.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "evaluate.h"
#include "util.h"
#include "when.h"

enum kind { STRING, STRING_FOLD, STRING_LIKE, ARN, DATE, NUMBER, BOOLEAN, ADDRESS, PRESENCE };
enum order { EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL };
enum set { SINGLE, FOR_ALL, FOR_ANY };

struct basic {
    const char *name;
    enum kind kind;
    enum order order;
    bool negated;
};

struct comparison {
    struct basic basic;
    enum set set;
    bool if_exists;
};

static const struct basic basics[] = {
    {"StringEquals", STRING, EQUAL, false},
    {"StringNotEquals", STRING, EQUAL, true},
    {"StringEqualsIgnoreCase", STRING_FOLD, EQUAL, false},
    {"StringNotEqualsIgnoreCase", STRING_FOLD, EQUAL, true},
    {"StringLike", STRING_LIKE, EQUAL, false},
    {"StringNotLike", STRING_LIKE, EQUAL, true},
    {"ArnEquals", ARN, EQUAL, false},
    {"ArnLike", ARN, EQUAL, false},
    {"ArnNotEquals", ARN, EQUAL, true},
    {"ArnNotLike", ARN, EQUAL, true},
    {"DateEquals", DATE, EQUAL, false},
    {"DateNotEquals", DATE, EQUAL, true},
    {"DateLessThan", DATE, LESS, false},
    {"DateLessThanEquals", DATE, LESS_EQUAL, false},
    {"DateGreaterThan", DATE, GREATER, false},
    {"DateGreaterThanEquals", DATE, GREATER_EQUAL, false},
    {"NumericEquals", NUMBER, EQUAL, false},
    {"NumericNotEquals", NUMBER, EQUAL, true},
    {"NumericLessThan", NUMBER, LESS, false},
    {"NumericLessThanEquals", NUMBER, LESS_EQUAL, false},
    {"NumericGreaterThan", NUMBER, GREATER, false},
    {"NumericGreaterThanEquals", NUMBER, GREATER_EQUAL, false},
    {"Bool", BOOLEAN, EQUAL, false},
    {"IpAddress", ADDRESS, EQUAL, false},
    {"NotIpAddress", ADDRESS, EQUAL, true},
    {"Null", PRESENCE, EQUAL, false},
};

static bool find_operator(struct comparison *found, const char *name)
{
    size_t length;
    size_t i;

    memset(found, 0, sizeof(*found));
    if (strncasecmp(name, "ForAllValues:", 13) == 0) {
        found->set = FOR_ALL;
        name += 13;
    } else if (strncasecmp(name, "ForAnyValue:", 12) == 0) {
        found->set = FOR_ANY;
        name += 12;
    }
    length = strlen(name);
    if (length > 8 && strcasecmp(name + length - 8, "IfExists") == 0) {
        found->if_exists = true;
        length -= 8;
    }
    for (i = 0; i < sizeof(basics) / sizeof(basics[0]); i++) {
        if (strlen(basics[i].name) != length || strncasecmp(basics[i].name, name, length) != 0)
            continue;
        found->basic = basics[i];
        return !(found->if_exists && found->basic.kind == PRESENCE);
    }
    return false;
}

bool sb_condition_operator(const char *name, bool *dates)
{
    struct comparison found;

    if (!find_operator(&found, name))
        return false;
    *dates = found.basic.kind == DATE;
    return true;
}

static bool in_order(enum order order, int comparison)
{
    switch (order) {
    case EQUAL:
        return comparison == 0;
    case LESS:
        return comparison < 0;
    case LESS_EQUAL:
        return comparison <= 0;
    case GREATER:
        return comparison > 0;
    case GREATER_EQUAL:
        return comparison >= 0;
    }
    return false;
}

static bool dates_match(enum order order, const char *wanted, const char *actual)
{
    struct sb_when left;
    struct sb_when right;

    if (sb_when_parse(&left, actual) != 0 || sb_when_parse(&right, wanted) != 0)
        return false;
    return in_order(order, sb_when_compare(&left, &right));
}

static bool numbers_match(enum order order, const char *wanted, const char *actual)
{
    char *wanted_end = NULL;
    char *actual_end = NULL;
    double right = strtod(wanted, &wanted_end);
    double left = strtod(actual, &actual_end);

    if (wanted_end == wanted || *wanted_end != '\0' || actual_end == actual || *actual_end != '\0')
        return false;
    return in_order(order, left < right ? -1 : left > right ? 1 : 0);
}

/* Six parts; a wildcard stays within its part, except in the last. */
static bool arns_match(const char *wanted, const char *actual)
{
    int part;

    for (part = 0; part < 5; part++) {
        const char *wanted_stop = strchr(wanted, ':');
        const char *actual_stop = strchr(actual, ':');
        char *left;
        char *right;
        bool matches;

        if (wanted_stop == NULL || actual_stop == NULL)
            return false;
        left = sb_copy_range(wanted, (size_t)(wanted_stop - wanted));
        right = sb_copy_range(actual, (size_t)(actual_stop - actual));
        matches = sb_wildcard(left, right, false);
        free(left);
        free(right);
        if (!matches)
            return false;
        wanted = wanted_stop + 1;
        actual = actual_stop + 1;
    }
    return sb_wildcard(wanted, actual, false);
}

/* IPv4 with an optional prefix length. */
static bool addresses_match(const char *wanted, const char *actual)
{
    char *network = sb_copy(wanted);
    char *slash = strchr(network, '/');
    struct in_addr left;
    struct in_addr right;
    int64_t bits = 32;
    bool matches = false;
    uint32_t mask;

    if (slash != NULL) {
        *slash = '\0';
        if (sb_integer(&bits, slash + 1, 0, 32) != 0)
            goto out;
    }
    if (inet_pton(AF_INET, network, &left) != 1 || inet_pton(AF_INET, actual, &right) != 1)
        goto out;
    mask = bits == 0 ? 0 : htonl(UINT32_MAX << (32 - bits));
    matches = (left.s_addr & mask) == (right.s_addr & mask);
out:
    free(network);
    return matches;
}

static bool value_matches(const struct basic *basic, const char *wanted, const char *actual)
{
    switch (basic->kind) {
    case STRING:
        return strcmp(wanted, actual) == 0;
    case STRING_FOLD:
    case BOOLEAN:
        return strcasecmp(wanted, actual) == 0;
    case STRING_LIKE:
        return sb_wildcard(wanted, actual, false);
    case ARN:
        return arns_match(wanted, actual);
    case DATE:
        return dates_match(basic->order, wanted, actual);
    case NUMBER:
        return numbers_match(basic->order, wanted, actual);
    case ADDRESS:
        return addresses_match(wanted, actual);
    case PRESENCE:
        break;
    }
    return false;
}

static const char *item(struct json_object *values, size_t i)
{
    if (json_object_is_type(values, json_type_array))
        values = json_object_array_get_idx(values, i);
    return json_object_get_string(values);
}

static size_t item_count(struct json_object *values)
{
    return json_object_is_type(values, json_type_array) ? json_object_array_length(values) : 1;
}

static bool one_holds(const struct basic *basic, struct json_object *wanted, const char *actual)
{
    bool found = false;
    size_t i;

    for (i = 0; !found && i < item_count(wanted); i++)
        found = value_matches(basic, item(wanted, i), actual);
    return found != basic->negated;
}

static bool presence_holds(struct json_object *wanted, bool present)
{
    size_t i;

    for (i = 0; i < item_count(wanted); i++) {
        if (strcasecmp(item(wanted, i), present ? "false" : "true") == 0)
            return true;
    }
    return false;
}

static bool absent_holds(const struct comparison *test)
{
    if (test->set == FOR_ALL || test->if_exists)
        return true;
    return test->set == SINGLE && test->basic.negated;
}

static bool key_holds(const struct comparison *test, struct json_object *wanted,
                      struct json_object *actual)
{
    size_t count = actual != NULL ? item_count(actual) : 0;
    size_t i;

    if (test->basic.kind == PRESENCE)
        return presence_holds(wanted, count > 0);
    if (count == 0)
        return absent_holds(test);
    if (test->set == SINGLE && count > 1)
        return false;
    for (i = 0; i < count; i++) {
        bool holds = one_holds(&test->basic, wanted, item(actual, i));

        if (test->set == FOR_ANY && holds)
            return true;
        if (test->set != FOR_ANY && !holds)
            return false;
    }
    return test->set != FOR_ANY;
}

static struct json_object *look_up(struct json_object *context, const char *key)
{
    char *folded = sb_copy(key);
    struct json_object *value = NULL;
    char *c;

    for (c = folded; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    (void)json_object_object_get_ex(context, folded, &value);
    free(folded);
    return value;
}

bool sb_condition_holds(struct json_object *condition, struct json_object *context,
                        bool undecidable)
{
    struct comparison test;

    if (condition == NULL)
        return true;
    json_object_object_foreach(condition, name, keys)
    {
        if (!find_operator(&test, name)) {
            if (!undecidable)
                return false;
            continue;
        }
        json_object_object_foreach(keys, key, wanted)
        {
            if (!key_holds(&test, wanted, look_up(context, key)))
                return false;
        }
    }
    return true;
}
