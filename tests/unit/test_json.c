/*
 * test_json.c - the strict scanner. Each thing that json-c 0.16 accepts or bends in silence is
 * refused here by a test of its own; then the limits, the items and the writer.
 */
#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int scan(struct sg_text text)
{
    return sg_json_scan(text, NULL, NULL, NULL);
}

#define ASSERT_SCANS(literal)   assert_int_equal(scan(SG_TEXT(literal)), SG_OK)
#define ASSERT_REFUSES(literal) assert_int_equal(scan(SG_TEXT(literal)), SG_E_INVALID)

/* The first member `iat` of the top object. */
struct iat {
    struct sg_json_item item;
    bool found;
};

static bool find_iat(void *payload, const struct sg_json_item *item)
{
    struct iat *iat = payload;

    if (item->depth == 1 && !iat->found && sg_text_equal(item->key, SG_TEXT("iat"))) {
        iat->item = *item;
        iat->found = true;
    }
    return true;
}

/* Whether the scan accepts the text and its iat reads as an integer. */
static bool reads_iat(int64_t *value, struct sg_text text)
{
    struct iat iat = {0};

    if (sg_json_scan(text, NULL, find_iat, &iat) != SG_OK || !iat.found)
        return false;
    return sg_json_int(value, &iat.item);
}

/* --- what json-c lets pass: the rows of its table, one by one --- */

static void duplicate_member_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{\"iat\":1,\"iat\":2}");
    ASSERT_REFUSES("{\"iat\":1,\"x\":{},\"iat\":1}");
    ASSERT_REFUSES("{\"a\":{\"b\":1,\"b\":1}}");
    ASSERT_REFUSES("[{\"\":1,\"\":1}]");
}

static void duplicate_member_spelled_with_an_escape_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{\"iat\":1,\"i\\u0061t\":2}");
    ASSERT_REFUSES("{\"\\u0069at\":1,\"iat\":2}");
    ASSERT_REFUSES("{\"i\\u0061t\":1,\"\\u0069at\":2}");
    ASSERT_REFUSES("{\"a\\/b\":1,\"a/b\":2}");
    ASSERT_REFUSES("{\"\\u00e9\":1,\"\xc3\xa9\":2}");
    ASSERT_REFUSES("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}");
    ASSERT_REFUSES("{\"longer than eight\":1,\"longer than \\u0065ight\":2}");
}

static void same_key_in_two_objects_is_no_duplicate(void **state)
{
    (void)state;
    ASSERT_SCANS("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}");
    ASSERT_SCANS("{\"a\":{\"b\":1},\"b\":2}");
    ASSERT_SCANS("{\"ia\":1,\"iat\":2,\"iat \":3,\"IAT\":4,\"\":5}");
}

static void member_after_an_inner_object_is_still_checked(void **state)
{
    (void)state;
    ASSERT_REFUSES("{\"a\":1,\"inner\":{\"x\":1,\"y\":[{\"z\":1}]},\"a\":2}");
}

static void number_in_a_string_is_not_an_integer(void **state)
{
    int64_t value;

    (void)state;
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":\"1700000000\"}")));
    assert_true(reads_iat(&value, SG_TEXT("{\"iat\":1700000000}")));
    assert_int_equal(value, 1700000000);
}

static void true_and_null_are_not_integers(void **state)
{
    int64_t value;

    (void)state;
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":true}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":false}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":null}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":[1]}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":{}}")));
}

static void number_with_fraction_or_exponent_is_not_an_integer(void **state)
{
    int64_t value;

    (void)state;
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":1e300}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":1.0}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":1e3}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":1700000000.5}")));
}

static void integer_past_64_bits_is_refused_not_clamped(void **state)
{
    int64_t value;

    (void)state;
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":99999999999999999999999}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":9223372036854775808}")));
    assert_false(reads_iat(&value, SG_TEXT("{\"iat\":-9223372036854775809}")));
    assert_true(reads_iat(&value, SG_TEXT("{\"iat\":9223372036854775807}")));
    assert_true(value == INT64_MAX);
    assert_true(reads_iat(&value, SG_TEXT("{\"iat\":-9223372036854775808}")));
    assert_true(value == INT64_MIN);
    assert_true(reads_iat(&value, SG_TEXT("{\"iat\":-1}")));
    assert_int_equal(value, -1);
}

static void nan_and_infinity_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{\"iat\":NaN}");
    ASSERT_REFUSES("{\"iat\":nan}");
    ASSERT_REFUSES("{\"iat\":Infinity}");
    ASSERT_REFUSES("{\"iat\":-Infinity}");
    ASSERT_REFUSES("{\"iat\":-inf}");
}

static void single_quotes_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{'iat':1}");
    ASSERT_REFUSES("{\"iat\":'1'}");
    ASSERT_REFUSES("{iat:1}");
}

static void nul_in_a_key_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{\"ia\\u0000t\":1}");
    ASSERT_REFUSES("{\"ia\0t\":1}");
}

static void nul_in_a_string_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[\"a\\u0000b\"]");
    ASSERT_REFUSES("[\"a\0b\"]");
}

static void control_byte_in_a_string_is_refused(void **state)
{
    (void)state;
    for (char c = 0; c < 0x20; c++) {
        /* At each place of the eight bytes that are read at once. */
        char text[] = "[\"0123456789abcdef\"]";

        for (size_t i = 2; i < 18; i++) {
            const char kept = text[i];

            text[i] = c;
            assert_int_equal(scan((struct sg_text){text, sizeof text - 1}), SG_E_INVALID);
            text[i] = kept;
        }
        assert_int_equal(scan((struct sg_text){text, sizeof text - 1}), SG_OK);
    }
    ASSERT_REFUSES("{\"a\":\"line\nbreak\"}");
}

static void text_after_the_value_is_refused(void **state)
{
    size_t position = 0;

    (void)state;
    ASSERT_REFUSES("{\"iat\":1}\0junk");
    ASSERT_REFUSES("{\"iat\":1}\0");
    ASSERT_REFUSES("{\"iat\":1} {}");
    ASSERT_REFUSES("{\"iat\":1}x");
    ASSERT_REFUSES("{}}");
    ASSERT_SCANS(" \t\r\n{\"iat\":1} \t\r\n");
    assert_int_equal(sg_json_scan(SG_TEXT("{\"iat\":1}\0junk"), &position, NULL, NULL),
                     SG_E_INVALID);
    assert_int_equal(position, 9);
}

static void number_outside_the_grammar_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[01]");
    ASSERT_REFUSES("[-01]");
    ASSERT_REFUSES("[+1]");
    ASSERT_REFUSES("[-]");
    ASSERT_REFUSES("[.5]");
    ASSERT_REFUSES("[5.]");
    ASSERT_REFUSES("[1e]");
    ASSERT_REFUSES("[1e+]");
    ASSERT_REFUSES("[1.e1]");
    ASSERT_REFUSES("[0x10]");
    ASSERT_REFUSES("[1_000]");
    ASSERT_REFUSES("[--1]");
    ASSERT_SCANS("[0,-0,10,-1.5,1e5,1E-5,1.25e+10,0.0]");
}

static void comment_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{/* */\"iat\":1}");
    ASSERT_REFUSES("{\"iat\":1} // x");
    ASSERT_REFUSES("# x\n{}");
}

static void stray_comma_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("{\"iat\":1,}");
    ASSERT_REFUSES("[1,]");
    ASSERT_REFUSES("[,1]");
    ASSERT_REFUSES("[1,,2]");
    ASSERT_REFUSES("{,}");
    ASSERT_REFUSES("[,]");
    ASSERT_REFUSES("[1 2]");
    ASSERT_REFUSES("{\"a\":1 \"b\":2}");
}

static void invalid_utf8_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[\"\x80\"]");
    ASSERT_REFUSES("[\"\xc0\x80\"]");         /* overlong NUL */
    ASSERT_REFUSES("[\"\xc1\xa1\"]");         /* overlong 'a' */
    ASSERT_REFUSES("[\"\xe0\x9f\xbf\"]");     /* overlong */
    ASSERT_REFUSES("[\"\xed\xa0\x80\"]");     /* a surrogate */
    ASSERT_REFUSES("[\"\xf0\x8f\xbf\xbf\"]"); /* overlong */
    ASSERT_REFUSES("[\"\xf4\x90\x80\x80\"]"); /* past U+10FFFF */
    ASSERT_REFUSES("[\"\xf5\x80\x80\x80\"]");
    ASSERT_REFUSES("[\"\xff\"]");
    ASSERT_REFUSES("[\"\xe2\x82\"]"); /* cut short by the quote */
    ASSERT_REFUSES("[\"\xe2\x82");    /* cut short by the end */
    ASSERT_REFUSES("{\"\xff\":1}");
    ASSERT_SCANS("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\x7f\"]");
}

static void byte_order_mark_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("\xef\xbb\xbf{}");
}

static void lone_surrogate_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[\"\\ud800\"]");
    ASSERT_REFUSES("[\"\\udc00\"]");
    ASSERT_REFUSES("[\"\\ud800x\"]");
    ASSERT_REFUSES("[\"\\ud800\\n\"]");
    ASSERT_REFUSES("[\"\\ud800\\u0041\"]");
    ASSERT_REFUSES("[\"\\ud800\\ud800\"]");
    ASSERT_REFUSES("[\"\\udc00\\ud800\"]");
    ASSERT_REFUSES("[\"\\ud83d\\ude0\"]");
    ASSERT_SCANS("[\"\\ud83d\\ude00\"]");
}

static void unknown_or_broken_escape_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[\"\\x41\"]");
    ASSERT_REFUSES("[\"\\'\"]");
    ASSERT_REFUSES("[\"\\U0041\"]");
    ASSERT_REFUSES("[\"\\u004\"]");
    ASSERT_REFUSES("[\"\\u00g1\"]");
    ASSERT_REFUSES("[\"\\\0\"]");
    ASSERT_REFUSES("[\"\\");
    ASSERT_REFUSES("[\"\\u00");
    ASSERT_SCANS("[\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00Ef\"]");
}

static void unfinished_text_is_refused_wherever_it_ends(void **state)
{
    static const char whole[] = "{\"a\":[1.5e+3,true,null],\"b\":{\"c\":\"d\\u00e9\xc3\xa9\"}}";

    (void)state;
    for (size_t length = 0; length < sizeof whole - 1; length++)
        assert_int_equal(scan((struct sg_text){whole, length}), SG_E_INVALID);
    assert_int_equal(scan((struct sg_text){whole, sizeof whole - 1}), SG_OK);
    assert_int_equal(scan((struct sg_text){NULL, 0}), SG_E_INVALID);
    ASSERT_REFUSES("  ");
}

static void mismatched_brackets_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[}");
    ASSERT_REFUSES("{]");
    ASSERT_REFUSES("[{\"a\":1]}");
    ASSERT_REFUSES("]");
    ASSERT_REFUSES("{\"a\"}");
    ASSERT_REFUSES("{\"a\":}");
    ASSERT_REFUSES("{:1}");
    ASSERT_REFUSES("{1:1}");
    ASSERT_REFUSES("[\"a\":1]");
}

static void misspelled_word_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[True]");
    ASSERT_REFUSES("[TRUE]");
    ASSERT_REFUSES("[tru]");
    ASSERT_REFUSES("[truex]");
    ASSERT_REFUSES("[nul]");
    ASSERT_REFUSES("[undefined]");
    ASSERT_REFUSES("nul");
}

static void blanks_of_other_kinds_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSES("[1,\f2]");
    ASSERT_REFUSES("[1,\v2]");
    ASSERT_REFUSES("[1,\xc2\xa0"
                   "2]");
}

/* --- limits --- */

static void nested(struct sg_buffer *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        sg_buffer_add_text(out, i % 2 == 0 ? SG_TEXT("[") : SG_TEXT("{\"a\":"));
    sg_buffer_add_text(out, SG_TEXT("1"));
    for (unsigned i = depth; i > 0; i--)
        sg_buffer_add_text(out, i % 2 == 1 ? SG_TEXT("]") : SG_TEXT("}"));
}

static void depth_past_the_limit_is_refused(void **state)
{
    struct sg_buffer text = {0};

    (void)state;
    nested(&text, SG_JSON_MAX_DEPTH);
    assert_int_equal(scan(sg_buffer_text(&text)), SG_OK);
    sg_buffer_clear(&text);
    nested(&text, SG_JSON_MAX_DEPTH + 1);
    assert_int_equal(scan(sg_buffer_text(&text)), SG_E_LIMIT);
    sg_buffer_clear(&text);
}

static void a_hundred_thousand_brackets_take_no_stack(void **state)
{
    struct sg_buffer text = {0};

    (void)state;
    nested(&text, 100000);
    assert_int_equal(scan(sg_buffer_text(&text)), SG_E_LIMIT);
    sg_buffer_clear(&text);
}

static void members(struct sg_buffer *out, unsigned count)
{
    sg_buffer_add_text(out, SG_TEXT("{"));
    for (unsigned i = 0; i < count; i++)
        sg_buffer_addf(out, "%s\"member %u\":%u", i == 0 ? "" : ",", i, i);
}

static void members_past_the_limit_are_refused(void **state)
{
    struct sg_buffer text = {0};

    (void)state;
    members(&text, SG_JSON_MAX_MEMBERS);
    sg_buffer_add_text(&text, SG_TEXT("}"));
    assert_int_equal(scan(sg_buffer_text(&text)), SG_OK);
    sg_buffer_clear(&text);
    members(&text, SG_JSON_MAX_MEMBERS + 1);
    sg_buffer_add_text(&text, SG_TEXT("}"));
    assert_int_equal(scan(sg_buffer_text(&text)), SG_E_LIMIT);
    sg_buffer_clear(&text);
}

static void every_earlier_member_is_compared(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct sg_buffer text = {0};

        members(&text, 40);
        sg_buffer_addf(&text, ",\"member %u\":0}", i);
        assert_int_equal(scan(sg_buffer_text(&text)), SG_E_INVALID);
        sg_buffer_clear(&text);
    }
}

static void open_members_of_nested_objects_are_bounded(void **state)
{
    struct sg_buffer text = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        members(&text, SG_JSON_MAX_MEMBERS - 1);
        sg_buffer_add_text(&text, SG_TEXT(",\"inner\":"));
    }
    sg_buffer_add_text(&text, SG_TEXT("1}}}"));
    assert_int_equal(scan(sg_buffer_text(&text)), SG_E_LIMIT);
    sg_buffer_clear(&text);
}

static void closed_objects_free_their_members(void **state)
{
    struct sg_buffer text = {0};

    (void)state;
    sg_buffer_add_text(&text, SG_TEXT("["));
    for (unsigned i = 0; i < 10; i++) {
        members(&text, SG_JSON_MAX_MEMBERS);
        sg_buffer_add_text(&text, i < 9 ? SG_TEXT("},") : SG_TEXT("}]"));
    }
    assert_int_equal(scan(sg_buffer_text(&text)), SG_OK);
    sg_buffer_clear(&text);
}

/* --- items --- */

static const char *const type_words[] = {"null",   "false", "true",  "number",
                                         "string", "array", "object"};

static bool write_item(void *payload, const struct sg_json_item *item)
{
    sg_buffer_addf(payload, "%u %s %.*s=%.*s%s\n", item->depth, type_words[item->type],
                   SG_TEXT_ARG(item->key), SG_TEXT_ARG(item->raw), item->escaped ? " escaped" : "");
    return true;
}

static void items_come_in_order_with_depth_and_key(void **state)
{
    struct sg_buffer seen = {0};

    (void)state;
    assert_int_equal(sg_json_scan(SG_TEXT("{\"a\" : [ 1, \"x\\n\", {\"b\":null} ],\"c\":{},"
                                          "\"d\":true , \"i\\u0061t\":-2.5e1,\"f\":false}"),
                                  NULL, write_item, &seen),
                     SG_OK);
    assert_string_equal(seen.data, "1 array a=[\n"
                                   "2 number =1\n"
                                   "2 string =x\\n escaped\n"
                                   "2 object ={\n"
                                   "3 null b=null\n"
                                   "1 object c={\n"
                                   "1 true d=true\n"
                                   "1 number i\\u0061t=-2.5e1\n"
                                   "1 false f=false\n");
    sg_buffer_clear(&seen);
}

static bool stop_at_second(void *payload, const struct sg_json_item *item)
{
    unsigned *count = payload;

    (void)item;
    return ++*count < 2;
}

static void scan_stops_when_the_caller_has_seen_enough(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_int_equal(sg_json_scan(SG_TEXT("[1,2,3,4]"), NULL, stop_at_second, &count),
                     SG_E_INVALID);
    assert_int_equal(count, 2);
}

static void key_spelled_with_an_escape_does_not_pass_for_the_plain_one(void **state)
{
    int64_t value;

    (void)state;
    assert_false(reads_iat(&value, SG_TEXT("{\"i\\u0061t\":1}")));
}

static void strings_are_unescaped_whole_or_not_at_all(void **state)
{
    char buffer[16];
    size_t length;
    const struct sg_json_item item = {
        .type = SG_JSON_STRING,
        .raw = SG_TEXT("a\\n\\u00e9\\u20ac\\ud83d\\ude00"),
        .escaped = true,
    };
    const struct sg_json_item plain = {.type = SG_JSON_STRING, .raw = SG_TEXT("abc")};
    const struct sg_json_item number = {.type = SG_JSON_NUMBER, .raw = SG_TEXT("1")};

    (void)state;
    assert_true(sg_json_string(buffer, sizeof buffer, &length, &item));
    assert_string_equal(buffer, "a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(length, 11);
    assert_true(sg_json_string(buffer, 12, &length, &item));
    assert_false(sg_json_string(buffer, 11, &length, &item));
    assert_string_equal(buffer, "");
    assert_int_equal(length, 0);
    assert_true(sg_json_string(buffer, 4, &length, &plain));
    assert_int_equal(length, 3);
    assert_false(sg_json_string(buffer, 3, &length, &plain));
    assert_false(sg_json_string(buffer, 0, &length, &plain));
    assert_false(sg_json_string(buffer, sizeof buffer, &length, &number));
}

/* --- trees and writing --- */

static int parse_error(struct sg_text text, size_t max_length)
{
    int error = SG_OK;
    struct json_object *tree = sg_json_parse(text, max_length, &error);

    assert_true((tree == NULL) == (error != SG_OK));
    json_object_put(tree);
    return error;
}

static void tree_is_built_of_accepted_text_only(void **state)
{
    (void)state;
    assert_int_equal(parse_error(SG_TEXT("{\"a\":[1,2]}"), 100), SG_OK);
    assert_int_equal(parse_error(SG_TEXT("[]"), 100), SG_OK);
    assert_int_equal(parse_error(SG_TEXT("{\"iat\":1,\"iat\":2}"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("{'iat':1}"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("{\"iat\":NaN}"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("[1]\0"), 100), SG_E_INVALID);
    assert_int_equal(parse_error((struct sg_text){NULL, 0}, 100), SG_E_INVALID);
}

static void tree_longer_than_allowed_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_error(SG_TEXT("[1234]"), 6), SG_OK);
    assert_int_equal(parse_error(SG_TEXT("[1234]"), 5), SG_E_LIMIT);
}

static void number_that_a_tree_would_clamp_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_error(SG_TEXT("[9223372036854775807]"), 100), SG_OK);
    assert_int_equal(parse_error(SG_TEXT("[9223372036854775808]"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("[-9223372036854775809]"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("[1e300]"), 100), SG_OK);
    assert_int_equal(parse_error(SG_TEXT("[1e999]"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("[-1E999]"), 100), SG_E_INVALID);
}

static void number_or_null_alone_makes_no_tree(void **state)
{
    (void)state;
    assert_int_equal(parse_error(SG_TEXT("1"), 100), SG_E_INVALID);
    assert_int_equal(parse_error(SG_TEXT("null"), 100), SG_E_INVALID);
}

static void tree_as_deep_as_the_scanner_allows_is_built(void **state)
{
    struct sg_buffer text = {0};

    (void)state;
    nested(&text, SG_JSON_MAX_DEPTH);
    assert_int_equal(parse_error(sg_buffer_text(&text), text.length), SG_OK);
    sg_buffer_clear(&text);
}

static void written_strings_read_back(void **state)
{
    static const char all[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f plain \xc3\xa9\xf0\x9f\x98\x80";
    struct sg_buffer out = {0};
    char back[64];
    size_t length;
    struct sg_json_item item = {.type = SG_JSON_STRING, .escaped = true};

    (void)state;
    sg_json_quote(&out, SG_TEXT(all));
    assert_int_equal(scan(sg_buffer_text(&out)), SG_OK);
    item.raw = (struct sg_text){out.data + 1, out.length - 2};
    assert_true(sg_json_string(back, sizeof back, &length, &item));
    assert_string_equal(back, all);
    sg_buffer_clear(&out);
}

static void invalid_utf8_is_written_as_replacement_character(void **state)
{
    struct sg_buffer out = {0};

    (void)state;
    sg_json_quote(&out, SG_TEXT("a\xff\xe2\x82z\0"));
    assert_string_equal(out.data, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\\u0000\"");
    sg_buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicate_member_is_refused),
        cmocka_unit_test(duplicate_member_spelled_with_an_escape_is_refused),
        cmocka_unit_test(same_key_in_two_objects_is_no_duplicate),
        cmocka_unit_test(member_after_an_inner_object_is_still_checked),
        cmocka_unit_test(number_in_a_string_is_not_an_integer),
        cmocka_unit_test(true_and_null_are_not_integers),
        cmocka_unit_test(number_with_fraction_or_exponent_is_not_an_integer),
        cmocka_unit_test(integer_past_64_bits_is_refused_not_clamped),
        cmocka_unit_test(nan_and_infinity_are_refused),
        cmocka_unit_test(single_quotes_are_refused),
        cmocka_unit_test(nul_in_a_key_is_refused),
        cmocka_unit_test(nul_in_a_string_is_refused),
        cmocka_unit_test(control_byte_in_a_string_is_refused),
        cmocka_unit_test(text_after_the_value_is_refused),
        cmocka_unit_test(number_outside_the_grammar_is_refused),
        cmocka_unit_test(comment_is_refused),
        cmocka_unit_test(stray_comma_is_refused),
        cmocka_unit_test(invalid_utf8_is_refused),
        cmocka_unit_test(byte_order_mark_is_refused),
        cmocka_unit_test(lone_surrogate_is_refused),
        cmocka_unit_test(unknown_or_broken_escape_is_refused),
        cmocka_unit_test(unfinished_text_is_refused_wherever_it_ends),
        cmocka_unit_test(mismatched_brackets_are_refused),
        cmocka_unit_test(misspelled_word_is_refused),
        cmocka_unit_test(blanks_of_other_kinds_are_refused),
        cmocka_unit_test(depth_past_the_limit_is_refused),
        cmocka_unit_test(a_hundred_thousand_brackets_take_no_stack),
        cmocka_unit_test(members_past_the_limit_are_refused),
        cmocka_unit_test(every_earlier_member_is_compared),
        cmocka_unit_test(open_members_of_nested_objects_are_bounded),
        cmocka_unit_test(closed_objects_free_their_members),
        cmocka_unit_test(items_come_in_order_with_depth_and_key),
        cmocka_unit_test(scan_stops_when_the_caller_has_seen_enough),
        cmocka_unit_test(key_spelled_with_an_escape_does_not_pass_for_the_plain_one),
        cmocka_unit_test(strings_are_unescaped_whole_or_not_at_all),
        cmocka_unit_test(tree_is_built_of_accepted_text_only),
        cmocka_unit_test(tree_longer_than_allowed_is_refused),
        cmocka_unit_test(number_that_a_tree_would_clamp_is_refused),
        cmocka_unit_test(number_or_null_alone_makes_no_tree),
        cmocka_unit_test(tree_as_deep_as_the_scanner_allows_is_built),
        cmocka_unit_test(written_strings_read_back),
        cmocka_unit_test(invalid_utf8_is_written_as_replacement_character),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
