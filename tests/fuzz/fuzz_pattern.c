/*
 * fuzz_pattern.c - wildcards, held against a slow matcher that tries every
 * way. The input is a pattern, a newline and a text.
 */
#include "policy/values.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 96

enum kind { PLAIN, RESOURCE };

static bool is_continuation(struct sg_text text, size_t i)
{
    return i < text.length && ((unsigned char)text.data[i] & 0xc0) == 0x80;
}

static bool runs_on(struct sg_text pattern, size_t p)
{
    while (p < pattern.length && pattern.data[p] == '*')
        p++;
    return p == pattern.length || pattern.data[p] == ':';
}

/* can[p][t]: the pattern's rest from p matches the text's rest from t. */
static bool slow(struct sg_text pattern, struct sg_text text, enum kind kind)
{
    static bool can[MOST + 2][MOST + 2];

    for (size_t p = pattern.length + 1; p-- > 0;) {
        for (size_t t = text.length + 1; t-- > 0;) {
            bool holds = false;
            size_t next = t + 1;

            if (p == pattern.length) {
                holds = t == text.length;
            } else if (pattern.data[p] == '*') {
                const bool stops = kind == RESOURCE && !runs_on(pattern, p);

                holds = can[p + 1][t] ||
                        (t < text.length && !(stops && text.data[t] == ':') && can[p][t + 1]);
            } else if (pattern.data[p] == '?') {
                while (kind == PLAIN && is_continuation(text, next))
                    next++;
                holds = t < text.length && !(kind == RESOURCE && text.data[t] == ':') &&
                        can[p + 1][next];
            } else {
                holds = t < text.length && pattern.data[p] == text.data[t] && can[p + 1][t + 1];
            }
            can[p][t] = holds;
        }
    }
    return can[0][0];
}

static bool slow_arn(struct sg_text pattern, struct sg_text text)
{
    struct sg_text part, value;

    if (!sg_is_arn(text))
        return false;
    for (int i = 0; i < 5; i++) {
        if (!sg_text_cut(&part, &pattern, ':') || !sg_text_cut(&value, &text, ':') ||
            !slow(part, value, PLAIN))
            return false;
    }
    return slow(pattern, text, PLAIN);
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_units(struct sg_text pattern, struct sg_text text)
{
    static struct sg_units units;
    const struct sg_policy_request nothing = {.issued = {0, 0}};
    const enum sg_truth known = sg_units_expand(&units, pattern, true, &nothing);
    const struct sg_pattern expanded = {NULL, units.units, units.length};

    if (memmem(pattern.data, pattern.length, "${", 2) == NULL) {
        check(known == SG_TRUE && units.length == pattern.length);
        check(sg_pattern_match(&expanded, text) == slow(pattern, text, PLAIN));
    }
    (void)sg_pattern_match_resource(&expanded, text);
    (void)sg_pattern_match_arn(&expanded, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_text text = {(const char *)data, size}, pattern;
    struct sg_ip_range range;

    if (!sg_text_cut(&pattern, &text, '\n') || pattern.length > MOST || text.length > MOST)
        return 0;
    const struct sg_pattern plain = sg_pattern_of(pattern);

    check(sg_pattern_match(&plain, text) == slow(pattern, text, PLAIN));
    check(sg_pattern_match_resource(&plain, text) == slow(pattern, text, RESOURCE));
    check(sg_pattern_match_arn(&plain, text) == slow_arn(pattern, text));
    check_units(pattern, text);
    if (sg_ip_range_parse(&range, text))
        check(sg_ip_range_valid(&range) && sg_ip_range_holds(&range, &range));
    if (sg_number_valid(pattern) && sg_number_valid(text))
        check(sg_number_compare(pattern, text) == -sg_number_compare(text, pattern));
    return 0;
}
