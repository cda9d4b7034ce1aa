/*
 * Instants as policy documents write them; see when.h. Written for the sandbox alone, so that a
 * mistake in the product's own parser can't hide behind the same mistake here.
 */
#include "when.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "util.h"

struct cursor {
    const char *at;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly that many digits. -1 if they are not there. */
static int digits(struct cursor *cursor, int count)
{
    int value = 0;

    for (; count > 0; count--) {
        if (!is_digit(*cursor->at))
            return -1;
        value = value * 10 + (*cursor->at++ - '0');
    }
    return value;
}

static bool take(struct cursor *cursor, char c)
{
    if (*cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Counted plainly, year by year: slow, and easy to see right. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t days = day - 1;
    int y;
    int m;

    for (y = 1970; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (y = year; y < 1970; y++)
        days -= is_leap(y) ? 366 : 365;
    for (m = 1; m < month; m++)
        days += month_days(year, m);
    return days;
}

static int parse_fraction(int32_t *nanos, struct cursor *cursor)
{
    int32_t scale = 100000000;
    int count = 0;

    *nanos = 0;
    for (; is_digit(*cursor->at); cursor->at++, count++) {
        if (count == 9)
            return -1;
        *nanos += (*cursor->at - '0') * scale;
        scale /= 10;
    }
    return count > 0 ? 0 : -1;
}

/* Z, z, nothing, +hh, +hhmm, +hh:mm. */
static int parse_zone(int *offset_s, struct cursor *cursor)
{
    int sign = *cursor->at == '-' ? -1 : 1;
    int hours;
    int minutes = 0;

    *offset_s = 0;
    if (*cursor->at == '\0')
        return 0;
    if (take(cursor, 'Z') || take(cursor, 'z'))
        return 0;
    if (!take(cursor, '+') && !take(cursor, '-'))
        return -1;
    hours = digits(cursor, 2);
    if (*cursor->at != '\0') {
        (void)take(cursor, ':');
        minutes = digits(cursor, 2);
    }
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return -1;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return 0;
}

static int parse_clock(struct sb_when *when, struct cursor *cursor)
{
    int hour = digits(cursor, 2);
    int minute = take(cursor, ':') ? digits(cursor, 2) : -1;
    int second = 0;
    int offset_s = 0;

    if (take(cursor, ':')) {
        second = digits(cursor, 2);
        if (take(cursor, '.') && parse_fraction(&when->nanos, cursor) != 0)
            return -1;
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    if (parse_zone(&offset_s, cursor) != 0)
        return -1;
    when->seconds += hour * 3600 + minute * 60 + second - offset_s;
    return 0;
}

static int parse_calendar(struct sb_when *when, const char *text)
{
    struct cursor cursor = {text};
    int year = digits(&cursor, 4);
    int month = 1;
    int day = 1;
    bool whole = false;

    if (year < 0)
        return -1;
    if (take(&cursor, '-')) {
        month = digits(&cursor, 2);
        if (month < 1 || month > 12)
            return -1;
        if (take(&cursor, '-')) {
            day = digits(&cursor, 2);
            if (day < 1 || day > month_days(year, month))
                return -1;
            whole = true;
        }
    }
    when->seconds = days_since_1970(year, month, day) * 86400;
    if (whole && (take(&cursor, 'T') || take(&cursor, 't'))) {
        if (parse_clock(when, &cursor) != 0)
            return -1;
    }
    return *cursor.at == '\0' ? 0 : -1;
}

int sb_when_parse(struct sb_when *when, const char *text)
{
    memset(when, 0, sizeof(*when));
    if (text[0] == '\0')
        return -1;
    if (strspn(text, "0123456789") == strlen(text))
        return sb_integer(&when->seconds, text, 0, INT64_MAX);
    return parse_calendar(when, text);
}

int sb_when_compare(const struct sb_when *left, const struct sb_when *right)
{
    if (left->seconds != right->seconds)
        return left->seconds < right->seconds ? -1 : 1;
    if (left->nanos != right->nanos)
        return left->nanos < right->nanos ? -1 : 1;
    return 0;
}
