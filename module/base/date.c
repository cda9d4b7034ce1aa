/*
 * date.c - instants and durations in text, by plain arithmetic on the proleptic
 * Gregorian calendar. Never asks for the time, the zone or the locale.
 */
#include "base/date.h"

#include <inttypes.h>
#include <stdio.h>

#define MS_PER_DAY INT64_C(86400000)

struct civil {
    int64_t year;
    unsigned month, day, hour, minute, second;
    int64_t fraction_ns;
    int offset_minutes; /* east of UTC */
};

/* Days since 1970-01-01; year >= 0. An era is 400 years, which begin in March. */
static int64_t days_of_civil(int64_t year, unsigned month, unsigned day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void civil_of_days(struct civil *civil, int64_t days)
{
    const int64_t z = days + 719468;
    const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const int64_t day_of_era = z - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted = (5 * day_of_year + 2) / 153;

    civil->day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
    civil->month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    civil->year = year_of_era + era * 400 + (civil->month <= 2 ? 1 : 0);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
        return 29;
    return days[month - 1];
}

static bool is_civil(const struct civil *civil)
{
    return civil->month >= 1 && civil->month <= 12 && civil->day >= 1 &&
           civil->day <= days_in_month(civil->year, civil->month) && civil->hour <= 23 &&
           civil->minute <= 59 && civil->second <= 59;
}

/* Years have at most nine digits, so only the last step can overflow: that is "never". */
static int64_t ms_of_civil(const struct civil *civil, bool round_up)
{
    const int64_t days = days_of_civil(civil->year, civil->month, civil->day);
    const int64_t minutes = (int64_t)civil->hour * 60 + civil->minute - civil->offset_minutes;
    const int64_t fraction_ms = (civil->fraction_ns + (round_up ? 999999 : 0)) / 1000000;
    int64_t ms;

    if (__builtin_mul_overflow(days, MS_PER_DAY, &ms) ||
        __builtin_add_overflow(ms, minutes * 60000 + civil->second * INT64_C(1000) + fraction_ms,
                               &ms))
        return SG_DATE_MAX_MS;
    return ms;
}

/* --- taking pieces off the front --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_char(struct sg_text *text, char want)
{
    if (text->length == 0 || text->data[0] != want)
        return false;
    text->data++;
    text->length--;
    return true;
}

static bool take_either(struct sg_text *text, char one, char other)
{
    return take_char(text, one) || take_char(text, other);
}

static bool take_literal(struct sg_text *text, struct sg_text want)
{
    if (!sg_text_starts(*text, want))
        return false;
    text->data += want.length;
    text->length -= want.length;
    return true;
}

/* All digits at the front, `least` to `most` of them (at most 18, so that they fit). */
static bool take_digits(int64_t *value, struct sg_text *text, size_t least, size_t most)
{
    int64_t result = 0;
    size_t count = 0;

    while (count < text->length && is_digit(text->data[count])) {
        if (count == most)
            return false;
        result = result * 10 + (text->data[count++] - '0');
    }
    if (count < least)
        return false;
    text->data += count;
    text->length -= count;
    *value = result;
    return true;
}

/* Exactly two digits; what follows may be a digit too (the zone +hhmm). */
static bool take_two(unsigned *value, struct sg_text *text)
{
    if (text->length < 2 || !is_digit(text->data[0]) || !is_digit(text->data[1]))
        return false;
    *value = (unsigned)(text->data[0] - '0') * 10 + (unsigned)(text->data[1] - '0');
    text->data += 2;
    text->length -= 2;
    return true;
}

/* Digits of a fraction as nanoseconds; those past the ninth don't count. */
static bool take_fraction(int64_t *fraction_ns, struct sg_text *text, size_t most)
{
    int64_t result = 0, unit = 100000000;
    size_t count = 0;

    while (count < text->length && is_digit(text->data[count])) {
        if (count == most)
            return false;
        result += unit * (text->data[count++] - '0');
        unit /= 10;
    }
    text->data += count;
    text->length -= count;
    *fraction_ns = result;
    return count > 0;
}

static bool take_sign(int *sign, struct sg_text *text)
{
    if (take_char(text, '+'))
        *sign = 1;
    else if (take_char(text, '-'))
        *sign = -1;
    else
        return false;
    return true;
}

static bool set_offset(struct civil *civil, int sign, unsigned hours, unsigned minutes)
{
    if (hours > 23 || minutes > 59)
        return false;
    civil->offset_minutes = sign * (int)(hours * 60 + minutes);
    return true;
}

/* --- the three formats --- */

static bool take_iam_zone(struct civil *civil, struct sg_text *text)
{
    unsigned hours = 0, minutes = 0;
    int sign = 0;

    if (text->length == 0 || take_either(text, 'Z', 'z'))
        return true;
    if (!take_sign(&sign, text) || !take_two(&hours, text))
        return false;
    if (text->length > 0) {
        (void)take_char(text, ':');
        if (!take_two(&minutes, text))
            return false;
    }
    return set_offset(civil, sign, hours, minutes);
}

static bool take_iam_civil(struct civil *civil, struct sg_text *text)
{
    if (!take_digits(&civil->year, text, 4, 9) || !take_char(text, '-') ||
        !take_two(&civil->month, text))
        return false;
    if (text->length == 0)
        return true;
    if (!take_char(text, '-') || !take_two(&civil->day, text))
        return false;
    if (text->length == 0)
        return true;
    if (!take_either(text, 'T', 't') || !take_two(&civil->hour, text) || !take_char(text, ':') ||
        !take_two(&civil->minute, text))
        return false;
    if (take_char(text, ':')) {
        if (!take_two(&civil->second, text))
            return false;
        if (take_char(text, '.') && !take_fraction(&civil->fraction_ns, text, 9))
            return false;
    }
    return take_iam_zone(civil, text);
}

/* The guide's EpochTime: whole seconds, 0 to 2^63 - 1. "2024" is one of them, not a year. */
static bool parse_epoch(int64_t *ms, struct sg_text text)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (__builtin_mul_overflow(seconds, INT64_C(10), &seconds) ||
            __builtin_add_overflow(seconds, (int64_t)(text.data[i] - '0'), &seconds))
            return false;
    }
    if (__builtin_mul_overflow(seconds, INT64_C(1000), ms))
        *ms = SG_DATE_MAX_MS;
    return true;
}

bool sg_date_parse_iam(int64_t *ms, struct sg_text text)
{
    struct civil civil = {.month = 1, .day = 1};
    size_t digits = 0;

    while (digits < text.length && is_digit(text.data[digits]))
        digits++;
    if (digits > 0 && digits == text.length)
        return parse_epoch(ms, text);
    if (!take_iam_civil(&civil, &text) || text.length > 0 || !is_civil(&civil))
        return false;
    *ms = ms_of_civil(&civil, true);
    return true;
}

static bool take_rfc3339_zone(struct civil *civil, struct sg_text *text)
{
    unsigned hours, minutes;
    int sign;

    if (take_either(text, 'Z', 'z'))
        return true;
    return take_sign(&sign, text) && take_two(&hours, text) && take_char(text, ':') &&
           take_two(&minutes, text) && set_offset(civil, sign, hours, minutes);
}

bool sg_date_parse_rfc3339(int64_t *ms, struct sg_text text)
{
    struct civil civil = {0};

    if (!take_digits(&civil.year, &text, 4, 4) || !take_char(&text, '-') ||
        !take_two(&civil.month, &text) || !take_char(&text, '-') || !take_two(&civil.day, &text) ||
        !take_either(&text, 'T', 't') || !take_two(&civil.hour, &text) || !take_char(&text, ':') ||
        !take_two(&civil.minute, &text) || !take_char(&text, ':') ||
        !take_two(&civil.second, &text))
        return false;
    if (take_char(&text, '.') && !take_fraction(&civil.fraction_ns, &text, SIZE_MAX))
        return false;
    if (!take_rfc3339_zone(&civil, &text) || text.length > 0 || !is_civil(&civil))
        return false;
    *ms = ms_of_civil(&civil, false);
    return true;
}

static bool take_month_name(unsigned *month, struct sg_text *text)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (unsigned i = 0; i < 12; i++) {
        if (take_literal(text, (struct sg_text){names + 3 * (size_t)i, 3})) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

bool sg_date_parse_http(int64_t *ms, struct sg_text text)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    struct civil civil = {0};

    if (text.length < 3)
        return false;
    const struct sg_text weekday = {text.data, 3};
    text.data += 3;
    text.length -= 3;

    if (!take_literal(&text, SG_TEXT(", ")) || !take_two(&civil.day, &text) ||
        !take_char(&text, ' ') || !take_month_name(&civil.month, &text) || !take_char(&text, ' ') ||
        !take_digits(&civil.year, &text, 4, 4) || !take_char(&text, ' ') ||
        !take_two(&civil.hour, &text) || !take_char(&text, ':') ||
        !take_two(&civil.minute, &text) || !take_char(&text, ':') ||
        !take_two(&civil.second, &text) || !take_literal(&text, SG_TEXT(" GMT")))
        return false;
    if (text.length > 0 || !is_civil(&civil))
        return false;

    const int64_t days = days_of_civil(civil.year, civil.month, civil.day);
    const size_t index = (size_t)((days % 7 + 7) % 7);
    if (!sg_text_equal(weekday, (struct sg_text){weekdays + 3 * index, 3}))
        return false;
    *ms = ms_of_civil(&civil, false);
    return true;
}

/* --- writing --- */

/* False outside the years 0 to 9999. */
static bool civil_of_ms(struct civil *civil, unsigned *milliseconds, int64_t ms)
{
    int64_t days = ms / MS_PER_DAY, rest = ms % MS_PER_DAY;

    if (rest < 0) {
        rest += MS_PER_DAY;
        days--;
    }
    if (days < days_of_civil(0, 1, 1) || days > days_of_civil(9999, 12, 31))
        return false;
    civil_of_days(civil, days);
    civil->hour = (unsigned)(rest / 3600000);
    civil->minute = (unsigned)(rest / 60000 % 60);
    civil->second = (unsigned)(rest / 1000 % 60);
    *milliseconds = (unsigned)(rest % 1000);
    return true;
}

const char *sg_date_format(char buffer[static SG_DATE_SIZE], int64_t ms)
{
    struct civil civil = {0};
    unsigned milliseconds = 0;

    if (!civil_of_ms(&civil, &milliseconds, ms))
        (void)snprintf(buffer, SG_DATE_SIZE, "%s", ms < 0 ? "long ago" : "never");
    else
        (void)snprintf(buffer, SG_DATE_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                       (unsigned)civil.year, civil.month, civil.day, civil.hour, civil.minute,
                       civil.second, milliseconds);
    return buffer;
}

bool sg_date_format_basic(char buffer[static SG_DATE_SIZE], int64_t ms)
{
    struct civil civil = {0};
    unsigned milliseconds = 0;

    buffer[0] = '\0';
    if (!civil_of_ms(&civil, &milliseconds, ms))
        return false;
    (void)snprintf(buffer, SG_DATE_SIZE, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)civil.year,
                   civil.month, civil.day, civil.hour, civil.minute, civil.second);
    return true;
}

/* --- durations, largest unit first --- */

static const struct unit {
    struct sg_text name;
    int64_t ms;
} units[] = {
    {{"d", 1}, 86400000}, {{"h", 1}, 3600000}, {{"m", 1}, 60000}, {{"s", 1}, 1000}, {{"ms", 2}, 1},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

bool sg_duration_parse(int64_t *ms, struct sg_text text)
{
    int64_t count, result;

    if (!take_digits(&count, &text, 1, 18))
        return false;
    if (text.length == 0)
        text = SG_TEXT("s");
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (!sg_text_equal(text, units[i].name))
            continue;
        if (__builtin_mul_overflow(count, units[i].ms, &result))
            return false;
        *ms = result;
        return true;
    }
    return false;
}

const char *sg_duration_format(char buffer[static SG_DATE_SIZE], int64_t ms)
{
    if (ms == 0) {
        (void)snprintf(buffer, SG_DATE_SIZE, "0s");
        return buffer;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (ms % units[i].ms == 0) {
            (void)snprintf(buffer, SG_DATE_SIZE, "%" PRId64 "%s", ms / units[i].ms,
                           units[i].name.data);
            break;
        }
    }
    return buffer;
}
