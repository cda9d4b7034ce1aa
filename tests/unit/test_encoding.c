/*
 * test_encoding.c - a value has one spelling: every other is refused.
 */
#include "base/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Into memory of exactly the decoded size, so that a sanitizer sees a byte too much. */
static bool decodes(struct sg_text text)
{
    const size_t room = text.length / 4 * 3 + (text.length % 4 > 0 ? text.length % 4 - 1 : 0);
    unsigned char *out = malloc(room > 0 ? room : 1);
    size_t length = 77;

    assert_non_null(out);
    const bool good = sg_base64url_decode(out, room, &length, text);
    assert_int_equal(length, good ? room : 0);
    free(out);
    return good;
}

#define ASSERT_REFUSES(literal) assert_false(decodes(SG_TEXT(literal)))

static void assert_pair(struct sg_text bytes, struct sg_text text)
{
    struct sg_buffer encoded = {0};
    unsigned char out[16];
    size_t length;

    sg_base64url_encode(&encoded, (const unsigned char *)bytes.data, bytes.length);
    assert_true(sg_text_equal(sg_buffer_text(&encoded), text));
    assert_true(sg_base64url_decode(out, sizeof out, &length, text));
    assert_int_equal(length, bytes.length);
    assert_memory_equal(out, bytes.data, length);
    sg_buffer_clear(&encoded);
}

static void base64url_vectors_of_rfc_4648(void **state)
{
    (void)state;
    assert_pair(SG_TEXT(""), SG_TEXT(""));
    assert_pair(SG_TEXT("f"), SG_TEXT("Zg"));
    assert_pair(SG_TEXT("fo"), SG_TEXT("Zm8"));
    assert_pair(SG_TEXT("foo"), SG_TEXT("Zm9v"));
    assert_pair(SG_TEXT("foob"), SG_TEXT("Zm9vYg"));
    assert_pair(SG_TEXT("fooba"), SG_TEXT("Zm9vYmE"));
    assert_pair(SG_TEXT("foobar"), SG_TEXT("Zm9vYmFy"));
    assert_pair(SG_TEXT("\xff\xef\xbe\xfb"), SG_TEXT("_----w")); /* has the last two letters */
}

static void padding_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("Zg==");
    ASSERT_REFUSES("Zm8=");
    ASSERT_REFUSES("Zm9v====");
    ASSERT_REFUSES("=");
}

static void standard_alphabet_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("//8");
    ASSERT_REFUSES("++++");
    ASSERT_REFUSES("Zm9/");
}

static void every_other_byte_is_refused_at_every_place(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const bool known = byte != 0 && strchr(alphabet, byte) != NULL;

        for (size_t place = 0; place < 11; place++) {
            char text[] = "AAAAAAAAAAA"; /* two whole quads and a tail of three */

            text[place] = (char)byte;
            const bool canonical = place != 10 || strchr("AEIMQUYcgkosw048", byte) != NULL;
            assert_int_equal(decodes((struct sg_text){text, 11}), known && canonical);
        }
    }
}

static void length_of_one_past_a_quad_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("A");
    ASSERT_REFUSES("AAAAA");
    ASSERT_REFUSES("Zm9vYmFyA");
}

static void trailing_bits_that_no_byte_takes_must_be_zero(void **state)
{
    (void)state;
    assert_true(decodes(SG_TEXT("AA")));
    ASSERT_REFUSES("AB");
    ASSERT_REFUSES("AP");
    assert_true(decodes(SG_TEXT("AQ")));
    assert_true(decodes(SG_TEXT("AAA")));
    ASSERT_REFUSES("AAB");
    ASSERT_REFUSES("AAD");
    assert_true(decodes(SG_TEXT("AAE")));
}

static void blanks_and_line_ends_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("Zm9v\n");
    ASSERT_REFUSES(" Zm9");
    ASSERT_REFUSES("Zm9v\r\nZm9v");
    ASSERT_REFUSES("Zm\09");
}

static void output_that_does_not_fit_is_refused(void **state)
{
    unsigned char out[6];
    size_t length;

    (void)state;
    assert_true(sg_base64url_decode(out, 6, &length, SG_TEXT("Zm9vYmFy")));
    assert_false(sg_base64url_decode(out, 5, &length, SG_TEXT("Zm9vYmFy")));
    assert_int_equal(length, 0);
    assert_false(sg_base64url_decode(out, 0, &length, SG_TEXT("Zg")));
}

static void refused_text_leaves_no_piece_of_a_secret_behind(void **state)
{
    unsigned char out[8] = "untouch", zero[6] = {0};
    size_t length;

    (void)state;
    assert_false(sg_base64url_decode(out, sizeof out, &length, SG_TEXT("Zm9vYmF=")));
    assert_memory_equal(out, zero, sizeof zero);
    assert_int_equal(out[6], 'h'); /* and writes nothing past what it would have decoded */
}

static void hex_is_lower_case(void **state)
{
    char out[9];

    (void)state;
    sg_hex_encode(out, (const unsigned char *)"\x00\x9f\xa0\xff", 4);
    assert_string_equal(out, "009fa0ff");
    sg_hex_encode(out, NULL, 0);
    assert_string_equal(out, "");
}

static bool percent_decodes_to(struct sg_text text, struct sg_text want)
{
    struct sg_buffer out = {0};
    const bool good = sg_percent_decode(&out, text) && sg_text_equal(sg_buffer_text(&out), want);

    sg_buffer_clear(&out);
    return good;
}

static bool percent_refuses(struct sg_text text)
{
    struct sg_buffer out = {0};
    const bool good = sg_percent_decode(&out, text);

    sg_buffer_clear(&out);
    return !good;
}

static void percent_escapes_are_undone_and_plus_stays(void **state)
{
    (void)state;
    assert_true(percent_decodes_to(SG_TEXT("a%20b%2Fc%2fd"), SG_TEXT("a b/c/d")));
    assert_true(percent_decodes_to(SG_TEXT("a+b"), SG_TEXT("a+b")));
    assert_true(percent_decodes_to(SG_TEXT("%2525"), SG_TEXT("%25")));
    assert_true(percent_decodes_to(SG_TEXT("%C3%A9"), SG_TEXT("\xc3\xa9")));
    assert_true(percent_decodes_to(SG_TEXT(""), SG_TEXT("")));
}

static void broken_percent_escape_is_refused(void **state)
{
    (void)state;
    assert_true(percent_refuses(SG_TEXT("%")));
    assert_true(percent_refuses(SG_TEXT("a%2")));
    assert_true(percent_refuses(SG_TEXT("%zz")));
    assert_true(percent_refuses(SG_TEXT("%2g")));
    assert_true(percent_refuses(SG_TEXT("% 1")));
    assert_true(percent_refuses(SG_TEXT("%-1")));
}

static void nul_by_percent_escape_is_refused(void **state)
{
    (void)state;
    assert_true(percent_refuses(SG_TEXT("a%00b")));
    assert_true(percent_refuses(SG_TEXT("a\0b")));
}

static void percent_encoding_keeps_the_unreserved_only(void **state)
{
    struct sg_buffer out = {0};

    (void)state;
    sg_percent_encode(&out, SG_TEXT("Az09-._~ /+%=&\xc3\xa9"), false);
    assert_string_equal(out.data, "Az09-._~%20%2F%2B%25%3D%26%C3%A9");
    sg_buffer_clear(&out);
    sg_percent_encode(&out, SG_TEXT("a/b c"), true);
    assert_string_equal(out.data, "a/b%20c");
    sg_buffer_clear(&out);
}

/* Refused, or bytes that make the very same text again. */
static bool decodes_padded(struct sg_text text)
{
    struct sg_buffer again = {0};
    unsigned char out[16];
    size_t length = 77;
    const bool good = sg_base64_decode(out, sizeof out, &length, text);

    if (good)
        sg_base64_encode(&again, out, length);
    else
        assert_int_equal(length, 0);
    assert_true(!good || sg_text_equal(sg_buffer_text(&again), text));
    sg_buffer_clear(&again);
    return good;
}

static void padded_base64_has_one_spelling(void **state)
{
    static const char *const good[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "/++/+w=="};
    static const char *const bad[] = {
        "Zg",   "Zg=",      "Zm8",  "Zm8==",    "Zm9v====", "====",        "=",    "==",
        "Z===", "Zh==",     "Zm9=", "_--_-w==", "_w==",     "-w==",        "Zg=A", "=Zg=",
        "Z=g=", "Zg==Zg==", " Zg=", "Zg= ",     "Zm9v\n",   "Zm9v\n\n\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(decodes_padded(sg_text_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(decodes_padded(sg_text_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_vectors_of_rfc_4648),
        cmocka_unit_test(padding_is_refused),
        cmocka_unit_test(standard_alphabet_is_refused),
        cmocka_unit_test(every_other_byte_is_refused_at_every_place),
        cmocka_unit_test(length_of_one_past_a_quad_is_refused),
        cmocka_unit_test(trailing_bits_that_no_byte_takes_must_be_zero),
        cmocka_unit_test(blanks_and_line_ends_are_refused),
        cmocka_unit_test(output_that_does_not_fit_is_refused),
        cmocka_unit_test(refused_text_leaves_no_piece_of_a_secret_behind),
        cmocka_unit_test(padded_base64_has_one_spelling),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(percent_escapes_are_undone_and_plus_stays),
        cmocka_unit_test(broken_percent_escape_is_refused),
        cmocka_unit_test(nul_by_percent_escape_is_refused),
        cmocka_unit_test(percent_encoding_keeps_the_unreserved_only),
    };

    return cmocka_run_group_tests_name("encoding", tests, NULL, NULL);
}
