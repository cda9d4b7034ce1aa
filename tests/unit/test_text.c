/*
 * test_text.c - byte ranges, the growable buffer, and what reaches a log or a message.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_text(struct sg_text text, const char *want)
{
    assert_int_equal(text.length, strlen(want));
    assert_true(sg_text_equal(text, sg_text_of(want)));
}

static void ranges_are_equal_byte_for_byte(void **state)
{
    (void)state;
    assert_true(sg_text_equal(SG_TEXT(""), (struct sg_text){NULL, 0}));
    assert_false(sg_text_equal(SG_TEXT("a"), SG_TEXT("a\0")));
    assert_false(sg_text_equal(SG_TEXT("a\0b"), SG_TEXT("a\0c")));
    assert_true(sg_text_equal_nocase(SG_TEXT("aws:TokenIssueTime"), SG_TEXT("AWS:tokenissuetime")));
    assert_false(sg_text_equal_nocase(SG_TEXT("aws:"), SG_TEXT("aws;")));
    assert_false(sg_text_equal_nocase(SG_TEXT("[@`{"), SG_TEXT("{`@[")));
    assert_false(sg_text_equal_nocase(SG_TEXT("\xc3\x89"), SG_TEXT("\xc3\xa9")));
    assert_false(sg_text_equal_nocase(SG_TEXT("ab"), SG_TEXT("abc")));
}

static void prefix_longer_than_the_text_is_none(void **state)
{
    (void)state;
    assert_true(sg_text_starts(SG_TEXT("arn:aws"), SG_TEXT("arn:")));
    assert_true(sg_text_starts(SG_TEXT("a"), (struct sg_text){NULL, 0}));
    assert_false(sg_text_starts(SG_TEXT("arn"), SG_TEXT("arn:")));
    assert_false(sg_text_starts((struct sg_text){NULL, 0}, SG_TEXT("a")));
}

static void cutting_leaves_what_follows_the_first_separator(void **state)
{
    struct sg_text head, text = SG_TEXT("a.b.");

    (void)state;
    assert_true(sg_text_cut(&head, &text, '.'));
    assert_text(head, "a");
    assert_true(sg_text_cut(&head, &text, '.'));
    assert_text(head, "b");
    assert_text(text, "");
    assert_false(sg_text_cut(&head, &text, '.'));
    assert_text(head, "");
    text = SG_TEXT("whole");
    assert_false(sg_text_cut(&head, &text, '.'));
    assert_text(head, "whole");
    assert_int_equal(text.length, 0);
    text = (struct sg_text){NULL, 0};
    assert_false(sg_text_cut(&head, &text, '.'));
}

static void only_blanks_and_tabs_are_trimmed(void **state)
{
    (void)state;
    assert_text(sg_text_trim(SG_TEXT(" \t a b\t ")), "a b");
    assert_text(sg_text_trim(SG_TEXT(" \t ")), "");
    assert_text(sg_text_trim(SG_TEXT("\na\r")), "\na\r");
}

static void copy_that_does_not_fit_is_not_cut(void **state)
{
    char buffer[4] = "xyz";

    (void)state;
    assert_true(sg_text_copy(buffer, sizeof buffer, SG_TEXT("abc")));
    assert_string_equal(buffer, "abc");
    assert_false(sg_text_copy(buffer, sizeof buffer, SG_TEXT("abcd")));
    assert_string_equal(buffer, "");
    assert_true(sg_text_copy(buffer, 1, SG_TEXT("")));
    assert_false(sg_text_copy(buffer, 0, SG_TEXT("")));
}

static void copy_with_a_nul_is_refused(void **state)
{
    char buffer[8] = "xyz";

    (void)state;
    assert_false(sg_text_copy(buffer, sizeof buffer, SG_TEXT("a\0b")));
    assert_string_equal(buffer, "");
    assert_null(sg_text_dup(SG_TEXT("a\0b")));
}

static void number_has_one_spelling(void **state)
{
    static const char *const wrong[] = {"",
                                        "00",
                                        "01",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1a",
                                        "0x1",
                                        "1.0",
                                        "1e3",
                                        "11",
                                        "18446744073709551616"};
    uint64_t value = 77;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sg_text_to_uint(&value, sg_text_of(wrong[i]), 10));
    assert_false(sg_text_to_uint(&value, SG_TEXT("18446744073709551616"), UINT64_MAX));
    assert_false(sg_text_to_uint(&value, SG_TEXT("1\0"), 10));
    assert_int_equal(value, 77);
    assert_true(sg_text_to_uint(&value, SG_TEXT("0"), 0));
    assert_true(sg_text_to_uint(&value, SG_TEXT("10"), 10));
    assert_true(sg_text_to_uint(&value, SG_TEXT("18446744073709551615"), UINT64_MAX));
    assert_true(value == UINT64_MAX);
}

static bool match(const char *pattern, const char *text, char separator)
{
    return sg_text_match(sg_text_of(pattern), sg_text_of(text), separator, false);
}

static void glob_matches_the_whole_text(void **state)
{
    (void)state;
    assert_true(match("", "", 0));
    assert_true(match("*", "", 0));
    assert_true(match("***", "", 0));
    assert_true(match("*", "anything/at:all", 0));
    assert_true(match("a*c", "abbbc", 0));
    assert_true(match("a*c", "ac", 0));
    assert_true(match("*ab*ab", "abxabxab", 0));
    assert_true(match("a?c", "abc", 0));
    assert_true(match("*a?", "aaaab", 0));
    assert_true(match("?*?", "ab", 0));
    assert_false(match("", "a", 0));
    assert_false(match("?", "", 0));
    assert_false(match("a", "ab", 0));
    assert_false(match("b", "ab", 0));
    assert_false(match("a*c", "abcd", 0));
    assert_false(match("*ab*ab", "ab", 0));
    assert_false(match("?*?", "a", 0));
    assert_false(match("A*", "abc", 0));
}

static void glob_has_no_other_wildcards(void **state)
{
    (void)state;
    assert_false(match("[a]", "a", 0));
    assert_false(match("\\*", "*", 0));
    assert_true(match("[a]", "[a]", 0));
    assert_false(match("a.c", "abc", 0));
}

static void star_and_question_mark_stay_before_the_separator(void **state)
{
    (void)state;
    assert_true(match("role/payments-*", "role/payments-api", '/'));
    assert_false(match("role/*", "role/team/payments", '/'));
    assert_true(match("role/*/payments", "role/team/payments", '/'));
    assert_false(match("role?payments", "role/payments", '/'));
    assert_false(match("*", "a/b", '/'));
    assert_false(match("*b", "a/b", '/'));
    assert_true(match("*/b*", "a/bb", '/'));
    assert_false(match("*/b*", "a/c/b", '/'));
    assert_true(match("*/*", "/", '/'));
    assert_true(match("role/*", "role/", '/'));
}

static void glob_ignores_case_when_asked(void **state)
{
    (void)state;
    assert_true(sg_text_match(SG_TEXT("EXECUTE-api:*"), SG_TEXT("execute-API:Invoke"), 0, true));
    assert_false(sg_text_match(SG_TEXT("EXECUTE-api:*"), SG_TEXT("execute-API:Invoke"), 0, false));
}

/* What the glob means, spelled out; exponential, so for short texts only. */
static bool plain_match(const char *p, const char *t, char separator)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p == '*')
        return plain_match(p + 1, t, separator) ||
               (*t != '\0' && *t != separator && plain_match(p, t + 1, separator));
    return *t != '\0' && (*p == *t || (*p == '?' && *t != separator)) &&
           plain_match(p + 1, t + 1, separator);
}

static void spell(char *out, unsigned number, unsigned length, const char *letters)
{
    const unsigned base = (unsigned)strlen(letters);

    for (unsigned i = 0; i < length; i++, number /= base)
        out[i] = letters[number % base];
    out[length] = '\0';
}

static void glob_agrees_with_its_definition_on_all_short_texts(void **state)
{
    char pattern[8], text[8];

    (void)state;
    for (unsigned p = 0; p < 1024; p++) {       /* five of *?a/ */
        for (unsigned t = 0; t < 81 + 3; t++) { /* four of ab/, and shorter */
            spell(pattern, p, 5, "*?a/");
            spell(text, t, t < 81 ? 4 : 1, "ab/");
            if (match(pattern, text, '/') != plain_match(pattern, text, '/') ||
                match(pattern, text, 0) != plain_match(pattern, text, 1))
                fail_msg("pattern %s, text %s", pattern, text);
        }
    }
}

static void hostile_pattern_takes_no_exponential_time(void **state)
{
    struct sg_buffer pattern = {0}, text = {0};

    (void)state;
    for (int i = 0; i < 500; i++) {
        sg_buffer_add_text(&pattern, SG_TEXT("a*"));
        sg_buffer_add_text(&text, SG_TEXT("aa"));
    }
    sg_buffer_add_text(&pattern, SG_TEXT("b"));
    assert_false(sg_text_match(sg_buffer_text(&pattern), sg_buffer_text(&text), 0, false));
    sg_buffer_clear(&pattern);
    sg_buffer_clear(&text);
}

/* --- buffer --- */

static void allocation_that_overflows_is_refused(void **state)
{
    (void)state;
    assert_null(sg_alloc(SIZE_MAX / 2, 3));
    void *nothing = sg_alloc(0, 8);
    assert_non_null(nothing);
    free(nothing);
}

static void buffer_over_its_limit_stays_failed(void **state)
{
    struct sg_buffer buffer = {.limit = 5};

    (void)state;
    sg_buffer_add_text(&buffer, SG_TEXT("abc"));
    sg_buffer_add_text(&buffer, SG_TEXT("defg"));
    assert_true(buffer.failed);
    sg_buffer_add_text(&buffer, SG_TEXT("d"));
    sg_buffer_addf(&buffer, "%d", 1);
    assert_string_equal(buffer.data, "abc");
    assert_int_equal(buffer.length, 3);
    sg_buffer_clear(&buffer);
    assert_false(buffer.failed);
    assert_int_equal(buffer.limit, 5);
    sg_buffer_addf(&buffer, "%s", "12345");
    assert_string_equal(buffer.data, "12345");
    assert_false(buffer.failed);
    sg_buffer_addf(&buffer, "%d", 6);
    assert_true(buffer.failed);
    assert_string_equal(buffer.data, "12345");
    sg_buffer_wipe(&buffer);
    assert_null(buffer.data);
}

static void buffer_grows_and_stays_terminated(void **state)
{
    struct sg_buffer buffer = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        sg_buffer_addf(&buffer, "%04d", i);
        assert_int_equal(strlen(buffer.data), buffer.length);
    }
    assert_int_equal(buffer.length, 4000);
    assert_memory_equal(buffer.data + 3996, "0999", 4);
    sg_buffer_addf(&buffer, "%5000d", 7);
    assert_int_equal(buffer.length, 9000);
    sg_buffer_clear(&buffer);
}

/* --- messages --- */

static void problem_names_file_and_line(void **state)
{
    struct sg_problems problems = {0};

    (void)state;
    errno = ENOENT;
    sg_problem(&problems, "a.conf", 12, "%s: %m", "key");
    sg_problem(&problems, "a.conf", 0, "whole file");
    sg_problem(&problems, NULL, 0, "bare");
    sg_problem(NULL, NULL, 0, "dropped");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(problems.count, 3);
    assert_string_equal(problems.texts[0], "a.conf:12: key: No such file or directory");
    assert_string_equal(problems.texts[1], "a.conf: whole file");
    assert_string_equal(problems.texts[2], "bare");
    sg_problems_clear(&problems);
    assert_int_equal(problems.count, 0);
}

static void problem_can_not_forge_a_second_line(void **state)
{
    struct sg_problems problems = {0};

    (void)state;
    sg_problem(&problems, NULL, 0, "a\nb\x1b[31m\x7f\xc2\x85\xff\xc3\xa9");
    assert_string_equal(problems.texts[0], "a?b?[31m????\xc3\xa9");
    sg_problems_clear(&problems);
}

static void long_and_many_problems_are_held(void **state)
{
    struct sg_problems problems = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        sg_problem(&problems, NULL, 0, "%5000d", i);
    assert_int_equal(problems.count, 100);
    assert_int_equal(problems.stored, 100);
    assert_int_equal(strlen(problems.texts[99]), 2047);
    sg_problems_clear(&problems);
}

static void keep_line(void *context, enum sg_log_level level, const char *line)
{
    sg_buffer_addf(context, "<%d>%s\n", (int)level, line);
}

static void log_line_is_one_line_and_bounded(void **state)
{
    struct sg_buffer lines = {0};
    const struct sg_log log = {keep_line, &lines, SG_LOG_INFO};

    (void)state;
    sg_log(&log, SG_LOG_INFO, "session=%s", "a\nforged=1\r\x1b");
    sg_log(&log, SG_LOG_DEBUG, "not wanted");
    sg_log(NULL, SG_LOG_ERROR, "nowhere");
    assert_string_equal(lines.data, "<6>session=a?forged=1??\n");
    sg_buffer_clear(&lines);
    sg_log(&log, SG_LOG_ERROR, "%9000d", 1);
    assert_true(lines.length < 2048 + 8);
    assert_memory_equal(lines.data + lines.length - 4, "...\n", 4);
    sg_buffer_clear(&lines);
}

/* What a log to stderr writes there, with JOURNAL_STREAM naming stderr, something else or unset. */
static void logged(char *out, size_t size, const char *stream)
{
    char path[] = "/tmp/stsgate-test-log.XXXXXX", own[64];
    const int file = mkstemp(path), kept = dup(STDERR_FILENO);
    struct stat info;

    assert_true(file >= 0 && kept >= 0);
    assert_int_equal(fstat(file, &info), 0);
    (void)snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
    if (stream == NULL)
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    else
        assert_int_equal(setenv("JOURNAL_STREAM", strcmp(stream, "own") == 0 ? own : stream, 1), 0);

    assert_true(dup2(file, STDERR_FILENO) >= 0);
    const struct sg_log log = sg_log_stderr(SG_LOG_NOTICE);
    sg_log(&log, SG_LOG_WARNING, "cutoffs are stale");
    sg_log(&log, SG_LOG_INFO, "not wanted");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);

    const ssize_t length = pread(file, out, size - 1, 0);
    assert_true(length > 0);
    out[length] = '\0';
    assert_int_equal(close(kept) | close(file) | unlink(path), 0);
}

static void journal_gets_the_level_as_a_prefix(void **state)
{
    char line[256];

    (void)state;
    logged(line, sizeof line, "own");
    assert_string_equal(line, "<4>cutoffs are stale\n");
}

static void stderr_that_the_journal_does_not_read_gets_the_time(void **state)
{
    char line[256];

    (void)state;
    logged(line, sizeof line, NULL);
    assert_int_equal(line[4], '-');
    assert_string_equal(line + 24, " warning: cutoffs are stale\n");
    logged(line, sizeof line, "1:2"); /* inherited: names another stream */
    assert_string_equal(line + 24, " warning: cutoffs are stale\n");
}

static void clocks_run_forward_and_the_boot_has_an_id(void **state)
{
    unsigned char id[16] = {0}, again[16] = {1}, zero[16] = {0};

    (void)state;
    const int64_t before = sg_clock_boot_ms(&sg_clock_system);
    assert_true(before > 0);
    assert_true(sg_clock_boot_ms(&sg_clock_system) >= before);
    assert_true(sg_clock_wall_ms(&sg_clock_system) > INT64_C(1700000000000));
    assert_int_equal(sg_clock_boot_id(id), SG_OK);
    assert_int_equal(sg_clock_boot_id(again), SG_OK);
    assert_memory_equal(id, again, sizeof id);
    assert_memory_not_equal(id, zero, sizeof id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_equal_byte_for_byte),
        cmocka_unit_test(prefix_longer_than_the_text_is_none),
        cmocka_unit_test(cutting_leaves_what_follows_the_first_separator),
        cmocka_unit_test(only_blanks_and_tabs_are_trimmed),
        cmocka_unit_test(copy_that_does_not_fit_is_not_cut),
        cmocka_unit_test(copy_with_a_nul_is_refused),
        cmocka_unit_test(number_has_one_spelling),
        cmocka_unit_test(glob_matches_the_whole_text),
        cmocka_unit_test(glob_has_no_other_wildcards),
        cmocka_unit_test(star_and_question_mark_stay_before_the_separator),
        cmocka_unit_test(glob_ignores_case_when_asked),
        cmocka_unit_test(glob_agrees_with_its_definition_on_all_short_texts),
        cmocka_unit_test(hostile_pattern_takes_no_exponential_time),
        cmocka_unit_test(allocation_that_overflows_is_refused),
        cmocka_unit_test(buffer_over_its_limit_stays_failed),
        cmocka_unit_test(buffer_grows_and_stays_terminated),
        cmocka_unit_test(problem_names_file_and_line),
        cmocka_unit_test(problem_can_not_forge_a_second_line),
        cmocka_unit_test(long_and_many_problems_are_held),
        cmocka_unit_test(log_line_is_one_line_and_bounded),
        cmocka_unit_test(journal_gets_the_level_as_a_prefix),
        cmocka_unit_test(stderr_that_the_journal_does_not_read_gets_the_time),
        cmocka_unit_test(clocks_run_forward_and_the_boot_has_an_id),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
