/*
 * test_opaque.c - the time inside an opaque session token, and what a holder of one could write to
 * make two readers see two times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "credential/opaque.h"
#include "opaque_maker.h"
#include "store/probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNT "123456789012"
#define ISSUED  INT64_C(1795500000)

static struct sg_opaque opaque;

static bool reads_text(struct sg_text token)
{
    static const struct sg_opaque none;
    const bool good = sg_opaque_read(&opaque, token);

    if (!good)
        assert_memory_equal(&opaque, &none, sizeof(none));
    return good;
}

static bool reads(struct sg_buffer *bytes)
{
    struct sg_buffer token = {0};

    opaque_token(&token, bytes);
    const bool good = reads_text(sg_buffer_text(&token));
    sg_buffer_clear(&token);
    sg_buffer_clear(bytes);
    return good;
}

/* Type 33 of these fields. */
static bool reads_fields(const char *fields)
{
    struct sg_buffer bytes = {0};

    sg_buffer_add(&bytes, "\x21", 1);
    for (; *fields != 0; fields++)
        opaque_field(&bytes, (unsigned)(*fields - '0'), ACCOUNT, ISSUED);
    return reads(&bytes);
}

static void token_of_today_tells_time_and_account(void **state)
{
    (void)state;
    assert_true(reads_fields("1234567"));
    assert_int_equal(opaque.type, 33);
    assert_int_equal(opaque.issued_s, ISSUED);
    assert_string_equal(opaque.account, ACCOUNT);
    assert_int_equal(opaque.bytes[opaque.time.at], 0x30);
    assert_int_equal(opaque.time.length, 6);
    assert_int_equal(opaque.bytes[opaque.sealed.at], 0x2a);
    assert_int_equal(opaque.bytes[opaque.sealed.at + opaque.sealed.length - 1], 0x5a);
    assert_int_equal(opaque.sealed.at + opaque.sealed.length, opaque.time.at);
}

static void time_field_twice_is_refused_wherever_it_stands(void **state)
{
    static const char *const spellings[] = {"12345667", "61234567", "12364567",
                                            "12345676", "66",       "1234566"};

    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
        assert_false(reads_fields(spellings[i]));
}

static void order_and_number_of_fields_are_fixed(void **state)
{
    static const char *const spellings[] = {
        "",        "1",       "123456",   "123457",   "234567",   "1234576", "1234657",
        "2134567", "1324567", "12345678", "12345677", "11234567", "7654321", "1234568",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
        assert_false(reads_fields(spellings[i]));
}

/* Everything up to the time, then `time`, then the rest. */
static bool reads_time(struct sg_text time)
{
    struct sg_buffer bytes = {0};

    sg_buffer_add(&bytes, "\x21", 1);
    for (unsigned field = 1; field <= 5; field++)
        opaque_field(&bytes, field, ACCOUNT, ISSUED);
    sg_buffer_add_text(&bytes, time);
    opaque_field(&bytes, 7, ACCOUNT, ISSUED);
    return reads(&bytes);
}

static void time_has_one_spelling(void **state)
{
    (void)state;
    assert_true(reads_time(SG_TEXT("\x30\x01")));
    assert_int_equal(opaque.issued_s, 1);
    assert_true(reads_time(SG_TEXT("\x30\xff\xff\xff\xff\x0f")));
    assert_int_equal(opaque.issued_s, UINT32_MAX);
    /* longer than need be, never ending, too large, negative, none, not a varint, two-byte tag */
    assert_false(reads_time(SG_TEXT("\x30\x81\x00")));
    assert_false(reads_time(SG_TEXT("\x30\x81\x80\x00")));
    assert_false(reads_time(SG_TEXT("\x30\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")));
    assert_false(reads_time(SG_TEXT("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")));
    assert_false(reads_time(SG_TEXT("\x30\x80\x80\x80\x80\x10")));
    assert_false(reads_time(SG_TEXT("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")));
    assert_false(reads_time(SG_TEXT("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")));
    assert_false(reads_time(SG_TEXT("\x30\x00")));
    assert_false(reads_time(SG_TEXT("\x31\x01\x02\x03\x04\x05\x06\x07\x08")));
    assert_false(reads_time(SG_TEXT("\x32\x01\x01")));
    assert_false(reads_time(SG_TEXT("\x35\x01\x02\x03\x04")));
    assert_false(reads_time(SG_TEXT("\xb0\x80\x00\x01")));
    assert_false(reads_time(SG_TEXT("\x33\x34")));
}

static void token_cut_short_anywhere_is_refused(void **state)
{
    struct sg_buffer bytes = {0};

    (void)state;
    opaque_whole(&bytes, ACCOUNT, ISSUED);
    for (size_t length = 0; length < bytes.length; length++) {
        struct sg_buffer cut = {0};

        sg_buffer_add(&cut, bytes.data, length);
        assert_false(reads(&cut));
    }
    sg_buffer_clear(&bytes);
}

static void byte_behind_the_end_is_refused(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const unsigned char one = (unsigned char)byte;
        struct sg_buffer bytes = {0};

        opaque_whole(&bytes, ACCOUNT, ISSUED);
        sg_buffer_add(&bytes, &one, 1);
        assert_false(reads(&bytes));
    }
}

static void length_past_the_end_is_refused(void **state)
{
    static const uint64_t lengths[] = {161,       UINT32_MAX,     UINT32_MAX + UINT64_C(1),
                                       INT64_MAX, UINT64_MAX - 1, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct sg_buffer bytes = {0};

        sg_buffer_add(&bytes, "\x21", 1);
        for (unsigned field = 1; field <= 6; field++)
            opaque_field(&bytes, field, ACCOUNT, ISSUED);
        opaque_varint(&bytes, 0x3a);
        opaque_varint(&bytes, lengths[i]);
        for (int j = 0; j < 160; j++)
            sg_buffer_add(&bytes, "x", 1);
        assert_false(reads(&bytes));
    }
}

/* A user message that holds what it must not. */
static bool reads_user(struct sg_text user)
{
    struct sg_buffer bytes = {0};

    sg_buffer_add(&bytes, "\x21", 1);
    for (unsigned field = 1; field <= 4; field++)
        opaque_field(&bytes, field, ACCOUNT, ISSUED);
    opaque_bytes(&bytes, 5, user);
    opaque_field(&bytes, 6, ACCOUNT, ISSUED);
    opaque_field(&bytes, 7, ACCOUNT, ISSUED);
    return reads(&bytes);
}

static void user_message_is_as_strict(void **state)
{
    (void)state;
    assert_true(reads_user(SG_TEXT("\x08\x01\x1a\x0c" ACCOUNT "\x22\x01i\x2a\x01s")));
    assert_true(reads_user(SG_TEXT("\x08\x01\x10\x00\x1a\x0c" ACCOUNT "\x22\x01i\x2a\x01s")));
    /* the time inside it, a field twice, an account that is none, a field less, an empty one */
    assert_false(reads_user(SG_TEXT("\x08\x01\x1a\x0c" ACCOUNT "\x22\x01i\x2a\x01s\x30\x01")));
    assert_false(
        reads_user(SG_TEXT("\x08\x01\x1a\x0c" ACCOUNT "\x1a\x0c" ACCOUNT "\x22\x01i\x2a\x01s")));
    assert_false(reads_user(SG_TEXT("\x08\x01\x1a\x0c"
                                    "12345678901x\x22\x01i\x2a\x01s")));
    assert_false(reads_user(SG_TEXT("\x08\x01\x1a\x0b"
                                    "12345678901\x22\x01i\x2a\x01s")));
    assert_false(reads_user(SG_TEXT("\x08\x01\x1a\x0c" ACCOUNT "\x22\x01i")));
    assert_false(reads_user(SG_TEXT("\x08\x01\x1a\x0c" ACCOUNT "\x22\x01i\x2a\x00")));
    assert_false(reads_user(SG_TEXT("\x1a\x0c" ACCOUNT "\x22\x01i\x2a\x01s")));
}

static void base64_has_one_spelling(void **state)
{
    struct sg_buffer bytes = {0}, token = {0}, other = {0};

    (void)state;
    opaque_whole(&bytes, ACCOUNT, ISSUED);
    while (bytes.length % 3 != 1) { /* one more byte in the last field: two of padding */
        sg_buffer_clear(&bytes);
        sg_buffer_add(&bytes, "\x21", 1);
        for (unsigned field = 1; field <= 6; field++)
            opaque_field(&bytes, field, ACCOUNT, ISSUED);
        opaque_bytes(&bytes, 7, (struct sg_text){"xxxxxxxxx", 1 + (size_t)other.length});
        sg_buffer_add(&other, "x", 1);
    }
    opaque_token(&token, &bytes);
    assert_true(reads_text(sg_buffer_text(&token)));
    assert_int_equal(token.data[token.length - 1], '=');
    assert_false(reads_text((struct sg_text){token.data, token.length - 1}));
    assert_false(reads_text((struct sg_text){token.data, token.length - 2}));
    sg_buffer_clear(&other);
    sg_buffer_add_text(&other, sg_buffer_text(&token));
    sg_buffer_add_text(&other, SG_TEXT("===="));
    assert_false(reads_text(sg_buffer_text(&other)));
    token.data[token.length - 3]++; /* a bit that no byte takes */
    assert_false(reads_text(sg_buffer_text(&token)));
    token.data[token.length - 3]--;
    assert_true(reads_text(sg_buffer_text(&token)));
    token.data[8] = '\n';
    assert_false(reads_text(sg_buffer_text(&token)));
    sg_buffer_clear(&other);
    sg_buffer_clear(&token);
    sg_buffer_clear(&bytes);
}

static void other_types_have_layouts_of_their_own(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        const unsigned char byte = (unsigned char)type;
        struct sg_buffer bytes = {0};

        opaque_whole(&bytes, ACCOUNT, ISSUED);
        bytes.data[0] = (char)byte;
        assert_int_equal(reads(&bytes), type == 33 || type == 2);
        sg_buffer_add(&bytes, &byte, 1);
        opaque_bytes(&bytes, 1, SG_TEXT("er/aws"));
        opaque_number(&bytes, 2, 16);
        opaque_bytes(&bytes, 3, SG_TEXT("twelve bytes"));
        opaque_bytes(&bytes, 4, SG_TEXT("sealed"));
        opaque_number(&bytes, 5, (uint64_t)ISSUED);
        if (type == 23)
            opaque_bytes(&bytes, 6, SG_TEXT("more"));
        assert_int_equal(reads(&bytes), type == 21 || type == 23);
    }
}

static void name_must_be_the_types(void **state)
{
    static const char *const names[] = {"origin", "aws", "er/aws", "origin_ecx", "origin_e"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sg_buffer bytes = {0};

        sg_buffer_add(&bytes, "\x21", 1);
        opaque_bytes(&bytes, 1, sg_text_of(names[i]));
        for (unsigned field = 2; field <= 7; field++)
            opaque_field(&bytes, field, ACCOUNT, ISSUED);
        assert_false(reads(&bytes));
    }
}

static void text_over_the_limit_is_refused(void **state)
{
    struct sg_buffer bytes = {0}, token = {0};

    (void)state;
    sg_buffer_add(&bytes, "\x21", 1);
    for (unsigned field = 1; field <= 6; field++)
        opaque_field(&bytes, field, ACCOUNT, ISSUED);
    char *rest = calloc(1, 3072);
    assert_non_null(rest);
    opaque_bytes(&bytes, 7, (struct sg_text){rest, 3072 - bytes.length - 3});
    assert_int_equal(bytes.length, 3072);
    opaque_token(&token, &bytes);
    assert_true(reads_text(sg_buffer_text(&token)));
    assert_false(reads_text((struct sg_text){token.data, 0}));
    sg_buffer_add(&token, "AAAA", 4);
    assert_false(reads_text(sg_buffer_text(&token)));
    free(rest);
    sg_buffer_clear(&token);
    sg_buffer_clear(&bytes);
}

/* ---- the probe's file ---- */

#define NOW INT64_C(1795500000000)
#define DAY INT64_C(86400000)
#define GOOD                                                                                       \
    "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 33\n"                         \
    "date = 2026-11-24T05:20:00.000Z\naltered = refused\n"

static void probe_is_read_as_it_was_written(void **state)
{
    const struct sg_probe probe = {.partition = SG_TEXT("aws-cn"),
                                   .sts_endpoint = SG_TEXT("https://sts.example.com/"),
                                   .token_type = 23,
                                   .date_ms = NOW + 1,
                                   .refused = true};
    struct sg_buffer content = {0};
    struct sg_probe again;

    (void)state;
    sg_probe_write(&content, &probe);
    assert_true(sg_probe_read(&again, sg_buffer_text(&content)));
    assert_true(sg_text_equal(again.partition, probe.partition));
    assert_true(sg_text_equal(again.sts_endpoint, probe.sts_endpoint));
    assert_int_equal(again.token_type, 23);
    assert_int_equal(again.date_ms, NOW + 1);
    assert_true(again.refused);
    sg_buffer_clear(&content);
    assert_true(sg_probe_read(&again, SG_TEXT(GOOD)));
    assert_int_equal(again.sts_endpoint.length, 0);
}

static void probe_that_was_cut_or_mended_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        GOOD "\n",
        GOOD GOOD,
        "\n" GOOD,
        "stsgate probe 2\npartition = aws\nsts_endpoint = \ntoken_type = 33\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = refused\n",
        "stsgate probe 1\npartition = \nsts_endpoint = \ntoken_type = 33\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = refused\n",
        "stsgate probe 1\npartition = aws\ntoken_type = 33\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = refused\n",
        "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 289\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = refused\n",
        "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 033\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = refused\n",
        "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 33\n"
        "date = 2026-11-24T05:20:00Z\naltered = refused\n",
        "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 33\n"
        "date = never\naltered = refused\n",
        "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 33\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = yes\n",
        "stsgate probe 1\npartition = aws\nsts_endpoint = \ntoken_type = 33\n"
        "date = 2026-11-24T05:20:00.000Z\naltered = refused\ntoken_type = 2\n",
    };
    struct sg_probe probe;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(sg_probe_read(&probe, sg_text_of(bad[i])));
    for (size_t length = 0; length + 1 < sizeof(GOOD) - 1; length++)
        assert_false(sg_probe_read(&probe, (struct sg_text){GOOD, length}));
    assert_false(sg_probe_read(&probe, (struct sg_text){GOOD "\0", sizeof(GOOD)}));
}

static void probe_holds_for_30_days_and_for_its_own_sts(void **state)
{
    struct sg_probe probe = {.partition = SG_TEXT("aws"), .date_ms = NOW, .refused = true};

    (void)state;
    assert_null(sg_probe_lacks(&probe, "aws", NULL, NOW));
    assert_null(sg_probe_lacks(&probe, "aws", NULL, NOW + 30 * DAY - 1));
    assert_non_null(sg_probe_lacks(&probe, "aws", NULL, NOW + 30 * DAY));
    assert_null(sg_probe_lacks(&probe, "aws", NULL, NOW - 300000));
    assert_non_null(sg_probe_lacks(&probe, "aws", NULL, NOW - 300001));
    assert_non_null(sg_probe_lacks(&probe, "aws-cn", NULL, NOW));
    assert_non_null(sg_probe_lacks(&probe, "aws", "http://127.0.0.1:1/", NOW));
    probe.sts_endpoint = SG_TEXT("http://127.0.0.1:1/");
    assert_null(sg_probe_lacks(&probe, "aws", "http://127.0.0.1:1/", NOW));
    assert_non_null(sg_probe_lacks(&probe, "aws", NULL, NOW));
    probe.refused = false;
    assert_non_null(sg_probe_lacks(&probe, "aws", "http://127.0.0.1:1/", NOW));
}

static void probe_that_others_could_have_written_is_none(void **state)
{
    const struct sg_probe probe = {
        .partition = SG_TEXT("aws"), .token_type = 33, .date_ms = NOW, .refused = true};
    const struct sg_owners owners = {{geteuid()}, 1};
    char folder[] = "/tmp/stsgate-probe.XXXXXX", file[64];
    struct sg_probe_found found;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/probe-aws", folder);
    sg_probe_find(&found, folder, &owners, "aws", NULL, NOW);
    assert_string_equal(found.why, "there was no probe yet");
    assert_int_equal(sg_probe_store(&probe, folder, &owners, NULL), SG_OK);
    sg_probe_find(&found, folder, &owners, "aws", NULL, NOW);
    assert_null(found.why);
    assert_int_equal(found.token_type, 33);
    assert_int_equal(found.until_ms, NOW + 30 * DAY);
    assert_int_equal(chmod(file, 0666), 0);
    sg_probe_find(&found, folder, &owners, "aws", NULL, NOW);
    assert_non_null(found.why);
    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    sg_probe_find(&found, folder, &owners, "aws", NULL, NOW);
    assert_non_null(found.why);
    assert_int_equal(sg_probe_store(&probe, folder, &owners, NULL), SG_E_UNTRUSTED);
    assert_int_equal(chmod(folder, 0755), 0);
    sg_probe_find(&found, folder, &owners, "aws", NULL, NOW);
    assert_null(found.why);
    assert_int_equal(truncate(file, 60), 0);
    sg_probe_find(&found, folder, &owners, "aws", NULL, NOW);
    assert_non_null(found.why);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_of_today_tells_time_and_account),
        cmocka_unit_test(time_field_twice_is_refused_wherever_it_stands),
        cmocka_unit_test(order_and_number_of_fields_are_fixed),
        cmocka_unit_test(time_has_one_spelling),
        cmocka_unit_test(token_cut_short_anywhere_is_refused),
        cmocka_unit_test(byte_behind_the_end_is_refused),
        cmocka_unit_test(length_past_the_end_is_refused),
        cmocka_unit_test(user_message_is_as_strict),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(other_types_have_layouts_of_their_own),
        cmocka_unit_test(name_must_be_the_types),
        cmocka_unit_test(text_over_the_limit_is_refused),
        cmocka_unit_test(probe_is_read_as_it_was_written),
        cmocka_unit_test(probe_that_was_cut_or_mended_is_none),
        cmocka_unit_test(probe_holds_for_30_days_and_for_its_own_sts),
        cmocka_unit_test(probe_that_others_could_have_written_is_none),
    };

    return cmocka_run_group_tests_name("opaque", tests, NULL, NULL);
}
