/*
 * test_ini.c - what the INI reader makes of a text, line by line, and what it reports.
 */
#include "base/buffer.h"
#include "base/ini.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void write_line(void *payload, const struct sg_ini_line *line)
{
    if (line->key.length == 0)
        sg_buffer_addf(payload, "%u [%.*s|%.*s]\n", line->number, SG_TEXT_ARG(line->section),
                       SG_TEXT_ARG(line->name));
    else
        sg_buffer_addf(payload, "%u %.*s%s%.*s=%.*s\n", line->number, SG_TEXT_ARG(line->section),
                       line->nested ? ">" : ".", SG_TEXT_ARG(line->key), SG_TEXT_ARG(line->value));
}

/* Reads `text`: the lines must be `lines`, the problems `problems` (NULL: none). */
static void assert_reads(struct sg_text text, const char *lines, const char *problems)
{
    struct sg_problems found = {0};
    struct sg_buffer seen = {0}, said = {0};
    const int status = sg_ini_read(text, "f", &found, write_line, &seen);

    for (size_t i = 0; i < found.stored; i++)
        sg_buffer_addf(&said, "%s\n", found.texts[i]);
    assert_string_equal(seen.data == NULL ? "" : seen.data, lines);
    if (problems != NULL)
        assert_string_equal(said.data == NULL ? "" : said.data, problems);
    assert_int_equal(found.count == 0, problems == NULL);
    assert_int_equal(status, problems == NULL ? SG_OK : SG_E_INVALID);
    sg_buffer_clear(&seen);
    sg_buffer_clear(&said);
    sg_problems_clear(&found);
}

static void sections_and_keys_are_read_with_their_lines(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("# head\n\n[agent]\nstate = /var/lib/stsgate\n"
                         "[ account   prod one ]\nid=1\n  source\t=\tiam  \n"),
                 "3 [agent|]\n4 agent.state=/var/lib/stsgate\n"
                 "5 [account|prod one]\n6 account.id=1\n7 account.source=iam\n",
                 NULL);
}

static void text_without_lines_is_empty(void **state)
{
    (void)state;
    assert_reads((struct sg_text){NULL, 0}, "", NULL);
    assert_reads(SG_TEXT("\n\n  \n\t\n# c\n;c"), "", NULL);
}

static void last_line_needs_no_newline(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\nk = v"), "1 [a|]\n2 a.k=v\n", NULL);
}

static void windows_line_ends_are_read(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\r\nk = v\r\n"), "1 [a|]\n2 a.k=v\n", NULL);
}

static void comment_begins_after_a_blank_only(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a] ; c\nk = v # c\nl = v#w;x\nm = # c\nn =#w\no = a ; b # c\n"),
                 "1 [a|]\n2 a.k=v\n3 a.l=v#w;x\n4 a.m=\n5 a.n=#w\n6 a.o=a\n", NULL);
}

static void value_keeps_further_equal_signs_and_quotes(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\nk = b=c==\nq = \"x\"\n"), "1 [a|]\n2 a.k=b=c==\n3 a.q=\"x\"\n",
                 NULL);
}

static void line_of_any_length_is_whole(void **state)
{
    struct sg_buffer text = {0}, want = {0};

    (void)state;
    sg_buffer_addf(&text, "[a]\nk = %05000d\n", 7);
    sg_buffer_addf(&want, "1 [a|]\n2 a.k=%05000d\n", 7);
    assert_reads(sg_buffer_text(&text), want.data, NULL);
    sg_buffer_clear(&text);
    sg_buffer_clear(&want);
}

static void keys_indented_below_an_empty_one_are_nested(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[default]\ns3 =\n  max = 20\n  # c\n\n  size = 1\nregion = x\n  y = z\n"),
                 "1 [default|]\n2 default.s3=\n3 default>max=20\n6 default>size=1\n"
                 "7 default.region=x\n8 default.y=z\n",
                 NULL);
}

static void keys_indented_alike_are_not_nested(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[account a]\n    id =\n    source = iam\n"),
                 "1 [account|a]\n2 account.id=\n3 account.source=iam\n", NULL);
}

static void nesting_ends_with_the_section(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\nk =\n[b]\n  l = 1\n"), "1 [a|]\n2 a.k=\n3 [b|]\n4 b.l=1\n", NULL);
}

static void key_before_any_section_is_handed_on_without_one(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("k = v\n"), "1 .k=v\n", NULL);
}

static void every_mistake_is_reported_with_its_line(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\nword\n= v\n[b\n[]\n[c] x\n[d]\nk = v\n"),
                 "1 [a|]\n7 [d|]\n8 d.k=v\n",
                 "f:2: expected `key = value`, `[section]` or a comment\n"
                 "f:3: a key is missing before =\n"
                 "f:4: a section line needs a closing ]\n"
                 "f:5: a section needs a name between [ and ]\n"
                 "f:6: only a comment, after a blank, may follow the ] of a section line\n");
}

static void keys_below_a_broken_section_line_join_no_other_section(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[account a]\nid = 1\n[account b\nid = 2\n"),
                 "1 [account|a]\n2 account.id=1\n", "f:3: a section line needs a closing ]\n");
}

static void nul_is_reported(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\nk = v\0w\nl = 1\n"), "1 [a|]\n3 a.l=1\n",
                 "f:2: holds a control character; only tabs may stand in a line\n");
}

static void control_character_is_reported_even_in_a_comment(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("# \x1b[2J\n[a]\nk = a\rb\n"), "2 [a|]\n",
                 "f:1: holds a control character; only tabs may stand in a line\n"
                 "f:3: holds a control character; only tabs may stand in a line\n");
}

static void text_that_is_not_utf8_is_reported(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("[a]\nk = \xe9\nl = \xc3\xa9\n"), "1 [a|]\n3 a.l=\xc3\xa9\n",
                 "f:2: is not UTF-8; save the file as UTF-8\n");
}

static void byte_order_mark_is_reported_and_the_rest_read(void **state)
{
    (void)state;
    assert_reads(SG_TEXT("\xef\xbb\xbf[a]\nword\n"), "1 [a|]\n",
                 "f:1: begins with a byte order mark; save the file as UTF-8 without one\n"
                 "f:2: expected `key = value`, `[section]` or a comment\n");
}

static void text_over_the_limit_is_not_read(void **state)
{
    struct sg_problems problems = {0};
    struct sg_buffer text = {0}, seen = {0};

    (void)state;
    sg_buffer_addf(&text, "[a]\n#%*d", SG_INI_MAX_BYTES - 5, 1);
    assert_int_equal(text.length, SG_INI_MAX_BYTES);
    assert_int_equal(sg_ini_read(sg_buffer_text(&text), "f", &problems, write_line, &seen), SG_OK);
    sg_buffer_addf(&text, "2");
    sg_buffer_clear(&seen);
    assert_int_equal(sg_ini_read(sg_buffer_text(&text), "f", &problems, write_line, &seen),
                     SG_E_LIMIT);
    assert_null(seen.data);
    assert_int_equal(problems.count, 1);
    sg_problems_clear(&problems);
    sg_buffer_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_and_keys_are_read_with_their_lines),
        cmocka_unit_test(text_without_lines_is_empty),
        cmocka_unit_test(last_line_needs_no_newline),
        cmocka_unit_test(windows_line_ends_are_read),
        cmocka_unit_test(comment_begins_after_a_blank_only),
        cmocka_unit_test(value_keeps_further_equal_signs_and_quotes),
        cmocka_unit_test(line_of_any_length_is_whole),
        cmocka_unit_test(keys_indented_below_an_empty_one_are_nested),
        cmocka_unit_test(keys_indented_alike_are_not_nested),
        cmocka_unit_test(nesting_ends_with_the_section),
        cmocka_unit_test(key_before_any_section_is_handed_on_without_one),
        cmocka_unit_test(every_mistake_is_reported_with_its_line),
        cmocka_unit_test(keys_below_a_broken_section_line_join_no_other_section),
        cmocka_unit_test(nul_is_reported),
        cmocka_unit_test(control_character_is_reported_even_in_a_comment),
        cmocka_unit_test(text_that_is_not_utf8_is_reported),
        cmocka_unit_test(byte_order_mark_is_reported_and_the_rest_read),
        cmocka_unit_test(text_over_the_limit_is_not_read),
    };

    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
