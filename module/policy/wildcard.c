/*
 * wildcard.c - matching patterns. Must never backtrack further than to the last
 * `*`: what an earlier one could give away, the last can too.
 */
#include "policy/wildcard.h"

#define ARN_COLONS 5

static unsigned lower(unsigned c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* `?` is one character of the text, however many bytes that has. */
static size_t skip_character(struct sg_text text, size_t at)
{
    at++;
    while (at < text.length && ((unsigned char)text.data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

bool sg_pattern_match(const struct sg_pattern *pattern, struct sg_text text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, retry = 0; /* where the last `*` stands; where its run ends so far */

    while (t < text.length) {
        const unsigned unit = p < pattern->length ? sg_pattern_at(pattern, p) : SG_UNIT_STAR;

        if (p < pattern->length && unit == SG_UNIT_STAR) {
            star = p++;
            retry = t;
        } else if (p < pattern->length && unit == SG_UNIT_ONE) {
            p++;
            t = skip_character(text, t);
        } else if (p < pattern->length && unit == (unsigned char)text.data[t]) {
            p++;
            t++;
        } else if (star == SIZE_MAX) {
            return false;
        } else {
            p = star + 1;
            t = ++retry;
        }
    }
    while (p < pattern->length && sg_pattern_at(pattern, p) == SG_UNIT_STAR)
        p++;
    return p == pattern->length;
}

bool sg_pattern_equal(const struct sg_pattern *pattern, struct sg_text text, bool ignore_case)
{
    if (pattern->length != text.length)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const unsigned unit = pattern->units[i], c = (unsigned char)text.data[i];

        if (unit != c && (!ignore_case || lower(unit) != lower(c)))
            return false;
    }
    return true;
}

/* --- resources --- */

#define RESOURCE_MAX 1024 /* bytes of a concrete resource; the gate's own are far shorter */

/* The places of the text that the pattern so far can end at: from `low` to `high`. */
struct places {
    size_t low, high;
    bool at[RESOURCE_MAX + 2];
};

/* `local`: the run ends at the end of its segment. */
static void take_star(struct places *places, struct sg_text text, bool local)
{
    const size_t known = places->high;
    bool running = false;

    for (size_t i = places->low; i <= text.length; i++) {
        if (i <= known)
            running = running || places->at[i];
        else if (!running)
            break;
        if (running) {
            places->at[i] = true;
            places->high = i > places->high ? i : places->high;
        }
        if (local && i < text.length && text.data[i] == ':')
            running = false;
    }
}

/* False when no place is left. */
static bool take_unit(struct places *places, struct sg_text text, unsigned unit)
{
    if (places->high == text.length && places->high-- == places->low)
        return false;
    for (size_t i = places->high + 1; i > places->low; i--) {
        const unsigned c = (unsigned char)text.data[i - 1];

        places->at[i] = places->at[i - 1] && (unit == SG_UNIT_ONE ? c != ':' : unit == c);
    }
    places->at[places->low++] = false;
    places->high++;
    while (places->low <= places->high && !places->at[places->low])
        places->low++;
    while (places->high > places->low && !places->at[places->high])
        places->high--;
    return places->low <= places->high;
}

/* Two kinds of `*` in one pattern, so that going back to the last one alone is not enough. */
bool sg_pattern_match_resource(const struct sg_pattern *pattern, struct sg_text text)
{
    struct places places;

    if (text.length > RESOURCE_MAX)
        return sg_pattern_match(pattern, text);
    places.low = places.high = 0;
    memset(places.at, 0, text.length + 2);
    places.at[0] = true;
    for (size_t p = 0; p < pattern->length; p++) {
        const unsigned unit = sg_pattern_at(pattern, p);
        const unsigned next =
            p + 1 < pattern->length ? sg_pattern_at(pattern, p + 1) : (unsigned)':';

        if (unit == SG_UNIT_STAR && next != SG_UNIT_STAR)
            take_star(&places, text, next != ':');
        else if (unit != SG_UNIT_STAR && !take_unit(&places, text, unit))
            return false;
    }
    return places.at[text.length];
}

/* --- the Arn operators --- */

/* Cuts the part before the next colon off; false when there is none. */
static bool cut_part(struct sg_pattern *part, struct sg_pattern *rest)
{
    for (size_t i = 0; i < rest->length; i++) {
        if (sg_pattern_at(rest, i) != ':')
            continue;
        *part = *rest;
        part->length = i++;
        rest->length -= i;
        if (rest->units != NULL)
            rest->units += i;
        else
            rest->bytes += i;
        return true;
    }
    return false;
}

bool sg_is_arn(struct sg_text text)
{
    size_t colons = 0;

    for (size_t i = 0; i < text.length && colons < ARN_COLONS; i++)
        colons += text.data[i] == ':';
    return colons == ARN_COLONS && sg_text_starts(text, SG_TEXT("arn:"));
}

bool sg_pattern_match_arn(const struct sg_pattern *pattern, struct sg_text text)
{
    struct sg_pattern rest = *pattern, part;
    struct sg_text head;

    if (!sg_is_arn(text))
        return false;
    for (int i = 0; i < ARN_COLONS; i++) {
        if (!cut_part(&part, &rest) || !sg_text_cut(&head, &text, ':') ||
            !sg_pattern_match(&part, head))
            return false;
    }
    return sg_pattern_match(&rest, text);
}
