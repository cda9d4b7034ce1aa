/*
 * test_date.c - instants in text. What IAM accepts is accepted, what it refuses is refused, and no
 * cutoff moves to an earlier instant than was written.
 */
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOON   INT64_C(1714564800000) /* 2024-05-01T12:00:00Z */
#define MAY_2  INT64_C(1714608000000) /* 2024-05-02T00:00:00Z */
#define MINUTE INT64_C(60000)

struct date {
    const char *text;
    int64_t ms;
};

static void assert_reads(bool (*parse)(int64_t *, struct sg_text), const struct date *dates,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t ms = -77;

        if (!parse(&ms, sg_text_of(dates[i].text)) || ms != dates[i].ms)
            fail_msg("%s: read as %lld, expected %lld", dates[i].text, (long long)ms,
                     (long long)dates[i].ms);
    }
}

static void assert_refuses(bool (*parse)(int64_t *, struct sg_text), const char *const *texts,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t ms = -77;

        if (parse(&ms, sg_text_of(texts[i])))
            fail_msg("\"%s\": accepted as %lld", texts[i], (long long)ms);
    }
}

#define READS(parse, dates)   assert_reads(parse, dates, sizeof(dates) / sizeof(dates)[0])
#define REFUSES(parse, texts) assert_refuses(parse, texts, sizeof(texts) / sizeof(texts)[0])

static void every_form_that_iam_accepts_is_read(void **state)
{
    static const struct date dates[] = {
        {"2024-05-01T12:00:00Z", NOON},
        {"2024-05-01T12:00:00.001Z", NOON + 1},
        {"2024-05-01T12:00:00.500000", NOON + 500}, /* Python's isoformat(): no zone */
        {"2024-05-01T12:00:00", NOON},
        {"2024-05-01T12:00:00.5", NOON + 500},
        {"2024-05-01T12:00:00.123456+00:00", NOON + 124},
        {"2024-05-01T14:00:01+02:00", NOON + 1000},
        {"2024-05-01T07:00:00-05:00", NOON},
        {"2024-05-01T14:00:00+0200", NOON},
        {"2024-05-01T14:00:00+02", NOON},
        {"2024-05-01T06:30:00-0530", NOON},
        {"2024-05-01t12:00:00z", NOON},
        {"2024-05-02", MAY_2},
        {"2024-05", MAY_2 - 24 * 60 * MINUTE},
        {"2024-05-02T00:00Z", MAY_2},
        {"2024-05-02T00:00", MAY_2},
        {"2024-05-02T02:00+02:00", MAY_2},
        {"2099-01-01T00:00:00Z", INT64_C(4070908800000)},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648000)},
        {"2106-02-07T06:28:16Z", INT64_C(4294967296000)},
    };

    (void)state;
    READS(sg_date_parse_iam, dates);
}

static void digits_alone_are_epoch_seconds(void **state)
{
    static const struct date dates[] = {
        {"0", 0},
        {"2024", 2024000}, /* not a year */
        {"2025", 2025000},
        {"1714608000", MAY_2},
        {"1714608000000", INT64_C(1714608000000000)},
        {"20240502", INT64_C(20240502000)},
    };

    (void)state;
    READS(sg_date_parse_iam, dates);
}

static void instants_past_what_fits_are_never(void **state)
{
    static const struct date dates[] = {
        {"9223372036854775807", SG_DATE_MAX_MS},
        {"9223372036854776", SG_DATE_MAX_MS},
        {"9223372036854775", INT64_C(9223372036854775000)},
        {"999999999-12-31T23:59:59.999999999Z", SG_DATE_MAX_MS},
        {"292278995-01-01", SG_DATE_MAX_MS},
    };

    (void)state;
    READS(sg_date_parse_iam, dates);
}

static void cutoff_never_moves_earlier_than_written(void **state)
{
    static const struct date dates[] = {
        {"2024-05-01T12:00:00.000000001Z", NOON + 1}, {"2024-05-01T12:00:00.0000001Z", NOON + 1},
        {"2024-05-01T12:00:00.000999999Z", NOON + 1}, {"2024-05-01T12:00:00.001000000Z", NOON + 1},
        {"2024-05-01T12:00:00.001000001Z", NOON + 2}, {"2024-05-01T11:59:59.999999999Z", NOON},
        {"1969-12-31T23:59:59.9990001Z", 0},
    };

    (void)state;
    READS(sg_date_parse_iam, dates);
}

static void form_that_iam_refuses_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "20240502T000000Z",                /* the basic form */
        "2024-05-01T12:00:00.0123456789Z", /* ten digits */
        "2024-05-01 12:00:00Z",
        "2024-05-01T12:00:60Z",
        "2024-05-01T24:00:00Z",
        "2024-05-01T12:60:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01",
        "2024-05-00",
        "2024-05-32",
        "2024-04-31",
        "2023-02-29",
        "1900-02-29",
        "Wed, 01 May 2024 12:00:00 GMT",
        "[policy creation time]",
        "${aws:CurrentTime}",
        "9223372036854775808",
        "99999999999999999999999",
        "-1",
        "+1",
        "1.5",
        "1e9",
        "0x10",
        " 2024-05-01",
        "2024-05-01 ",
        "2024-05-01T12:00:00Z ",
        "2024-05-01T12:00:00ZZ",
        "2024-05-01T12:00:00Z+00:00",
        "2024-05-01T12",
        "2024-05-01T12Z",
        "2024-05-01T12:",
        "2024-05-01T12:00:",
        "2024-05-01T12:00:00.",
        "2024-05-01T12:00:00.Z",
        "2024-05-01T12:00:00,5Z",
        "2024-05-01T12:00.5Z",
        "2024-05-01T1:00:00Z",
        "2024-5-1",
        "24-05-01",
        "2024-05-",
        "2024-",
        "2024-05T00:00Z",
        "2024-05-01T",
        "2024-05-01Z",
        "2024-05-01T12:00:00+",
        "2024-05-01T12:00:00+2",
        "2024-05-01T12:00:00+02:",
        "2024-05-01T12:00:00+02:0",
        "2024-05-01T12:00:00+02:000",
        "2024-05-01T12:00:00+24:00",
        "2024-05-01T12:00:00+02:60",
        "2024-05-01T12:00:00UTC",
        "2024-W18-3",
        "2024-122",
        "2024/05/01",
        "1234567890-01-01", /* ten digits of year */
        "-2024-05-01",
        "now",
    };
    int64_t ms;

    (void)state;
    REFUSES(sg_date_parse_iam, texts);
    assert_false(sg_date_parse_iam(&ms, SG_TEXT("2024-05-01\0")));
    assert_false(sg_date_parse_iam(&ms, SG_TEXT("17\0")));
    assert_false(sg_date_parse_iam(&ms, (struct sg_text){NULL, 0}));
}

static void rfc3339_needs_seconds_and_zone(void **state)
{
    static const struct date dates[] = {
        {"2024-05-01T12:00:00Z", NOON},
        {"2024-05-01t12:00:00z", NOON},
        {"2024-05-01T12:00:00.0019Z", NOON + 1}, /* truncated */
        {"2024-05-01T12:00:00.12345678901234567890Z", NOON + 123},
        {"2024-05-01T14:00:00+02:00", NOON},
        {"1969-12-31T23:59:59.9999Z", -1},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
    };
    static const char *const texts[] = {
        "2024-05-01T12:00:00",
        "2024-05-01T12:00Z",
        "2024-05-01",
        "1714608000",
        "2024-05-01T12:00:00+0200",
        "2024-05-01T12:00:00+02",
        "2024-05-01T12:00:00.Z",
        "2024-05-01 12:00:00Z",
        "2024-05-01T12:00:60Z",
        "2024-02-30T12:00:00Z",
        "12024-05-01T12:00:00Z",
        "2024-05-01T12:00:00Z\n",
        "",
    };

    (void)state;
    READS(sg_date_parse_rfc3339, dates);
    REFUSES(sg_date_parse_rfc3339, texts);
}

static void http_date_is_the_fixed_form_alone(void **state)
{
    static const struct date dates[] = {
        {"Wed, 01 May 2024 12:00:00 GMT", NOON},
        {"Tue, 24 Nov 2026 10:00:00 GMT", INT64_C(1795514400000)},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1000},
    };
    static const char *const texts[] = {
        "Thu, 01 May 2024 12:00:00 GMT",     /* was a Wednesday */
        "Wednesday, 01-May-24 12:00:00 GMT", /* RFC 850 */
        "Wed May  1 12:00:00 2024",          /* asctime */
        "wed, 01 may 2024 12:00:00 gmt",
        "Wed, 1 May 2024 12:00:00 GMT",
        "Wed, 01 May 2024 12:00:00",
        "Wed, 01 May 2024 12:00:00 UTC",
        "Wed, 01 May 2024 12:00:00 +0000",
        "Wed, 01 May 2024 12:00:00 GMT ",
        "Wed, 01 Foo 2024 12:00:00 GMT",
        "Wed, 32 May 2024 12:00:00 GMT",
        "Wed, 01 May 2024 24:00:00 GMT",
        "We",
        "",
    };

    (void)state;
    READS(sg_date_parse_http, dates);
    REFUSES(sg_date_parse_http, texts);
}

static void each_day_of_four_centuries_reads_back(void **state)
{
    char text[SG_DATE_SIZE];
    int64_t back;

    (void)state;
    for (int64_t day = -141000; day < 10000; day++) {
        const int64_t ms = day * 24 * 60 * MINUTE + 86399999;

        sg_date_format(text, ms);
        assert_true(sg_date_parse_rfc3339(&back, sg_text_of(text)));
        assert_true(back == ms);
    }
}

static void instants_are_written_or_named(void **state)
{
    char text[SG_DATE_SIZE];

    (void)state;
    assert_string_equal(sg_date_format(text, NOON), "2024-05-01T12:00:00.000Z");
    assert_string_equal(sg_date_format(text, -1), "1969-12-31T23:59:59.999Z");
    assert_string_equal(sg_date_format(text, INT64_C(253402300799999)), "9999-12-31T23:59:59.999Z");
    assert_string_equal(sg_date_format(text, INT64_C(253402300800000)), "never");
    assert_string_equal(sg_date_format(text, INT64_MAX), "never");
    assert_string_equal(sg_date_format(text, INT64_C(-62167219200000)), "0000-01-01T00:00:00.000Z");
    assert_string_equal(sg_date_format(text, INT64_C(-62167219200001)), "long ago");
    assert_string_equal(sg_date_format(text, INT64_MIN), "long ago");
    assert_true(sg_date_format_basic(text, NOON + 999));
    assert_string_equal(text, "20240501T120000Z");
    assert_false(sg_date_format_basic(text, INT64_MAX));
    assert_string_equal(text, "");
}

static void durations_are_read_with_their_unit(void **state)
{
    static const struct date durations[] = {
        {"90", 90000},     {"90s", 90000},   {"15m", 900000},
        {"12h", 43200000}, {"1d", 86400000}, {"250ms", 250},
        {"0", 0},          {"007s", 7000},   {"106751991167d", INT64_C(106751991167) * 86400000},
    };
    static const char *const texts[] = {"",
                                        " 1s",
                                        "1s ",
                                        "1 s",
                                        "-1s",
                                        "+1s",
                                        "1.5h",
                                        "s",
                                        "ms",
                                        "1S",
                                        "1w",
                                        "1hh",
                                        "1h30",
                                        "1e3",
                                        "106751991168d",
                                        "9223372036854775808ms",
                                        "0x1",
                                        "1000000000000000000000"};

    (void)state;
    READS(sg_duration_parse, durations);
    REFUSES(sg_duration_parse, texts);
}

static void durations_are_written_in_the_largest_exact_unit(void **state)
{
    char text[SG_DATE_SIZE];

    (void)state;
    assert_string_equal(sg_duration_format(text, 0), "0s");
    assert_string_equal(sg_duration_format(text, 250), "250ms");
    assert_string_equal(sg_duration_format(text, 90000), "90s");
    assert_string_equal(sg_duration_format(text, 900000), "15m");
    assert_string_equal(sg_duration_format(text, 43200000), "12h");
    assert_string_equal(sg_duration_format(text, 36 * 60 * MINUTE), "36h");
    assert_string_equal(sg_duration_format(text, 48 * 60 * MINUTE), "2d");
    assert_string_equal(sg_duration_format(text, -1500), "-1500ms");
    assert_string_equal(sg_duration_format(text, INT64_MIN), "-9223372036854775808ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_that_iam_accepts_is_read),
        cmocka_unit_test(digits_alone_are_epoch_seconds),
        cmocka_unit_test(instants_past_what_fits_are_never),
        cmocka_unit_test(cutoff_never_moves_earlier_than_written),
        cmocka_unit_test(form_that_iam_refuses_is_refused),
        cmocka_unit_test(rfc3339_needs_seconds_and_zone),
        cmocka_unit_test(http_date_is_the_fixed_form_alone),
        cmocka_unit_test(each_day_of_four_centuries_reads_back),
        cmocka_unit_test(instants_are_written_or_named),
        cmocka_unit_test(durations_are_read_with_their_unit),
        cmocka_unit_test(durations_are_written_in_the_largest_exact_unit),
    };

    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
