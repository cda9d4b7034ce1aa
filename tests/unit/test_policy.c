/*
 * test_policy.c - IAM policy documents: the agreed vectors, then what a vector
 * can't say: hostile flat forms, identities, words for people, sizes.
 */
#include "base/date.h"
#include "policy/flat.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOON     SG_TEXT("2024-05-01T12:00:00Z")
#define RESOURCE SG_TEXT("arn:aws:execute-api:us-east-1:123456789012:payments/prod")
#define REVOKE                                                                                     \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"x\",\"Effect\":\"Deny\",\"Action\":["   \
    "\"*\"],\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2024-"  \
    "05-01T12:00:00Z\"}}}]}"

static int64_t instant(struct sg_text text)
{
    int64_t ms;

    assert_true(sg_date_parse_iam(&ms, text));
    return ms;
}

static struct sg_buffer compile(struct sg_text document, struct sg_problems *problems)
{
    struct sg_buffer out = {0};

    assert_int_equal(sg_policy_compile(&out, document, SG_POLICY_INLINE, SG_TEXT("Test"), problems),
                     SG_OK);
    assert_true(sg_statement_run_valid(sg_buffer_text(&out)));
    return out;
}

/* --- vectors --- */

static struct json_object *vectors;

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

static struct sg_text words(struct json_object *value)
{
    return sg_text_of(json_object_get_string(value));
}

static char *document_of(struct json_object *vector)
{
    struct sg_buffer text = {0};
    struct json_object *value;

    if (json_object_object_get_ex(vector, "text", &value))
        sg_buffer_add_text(&text, words(value));
    else if (json_object_object_get_ex(vector, "document", &value))
        sg_buffer_addf(&text, "%s", json_object_to_json_string(value));
    else if (json_object_object_get_ex(vector, "statement", &value))
        sg_buffer_addf(&text, "{\"Statement\":[%s]}", json_object_to_json_string(value));
    else if (json_object_object_get_ex(vector, "condition", &value))
        sg_buffer_addf(&text,
                       "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
                       "\"Condition\":%s}]}",
                       json_object_to_json_string(value));
    else
        fail_msg("the vector has no document");
    sg_buffer_add(&text, "", 0);
    assert_false(text.failed);
    return text.data;
}

static unsigned flags_of(const char *letters)
{
    static const char known[] = "EUSCMRI";
    static const unsigned flags[] = {
        SG_STATEMENT_ENFORCED,      SG_STATEMENT_UNCONDITIONAL, SG_STATEMENT_SIMPLE,
        SG_STATEMENT_CONSTANT_KEYS, SG_STATEMENT_COVERS_MINT,   SG_STATEMENT_COVERS_READ,
        SG_STATEMENT_INDETERMINATE,
    };
    unsigned result = 0;

    for (; *letters != '\0'; letters++) {
        const char *at = strchr(known, *letters);

        assert_non_null(at);
        result |= flags[at - known];
    }
    return result;
}

static const char *match_word(enum sg_match match)
{
    switch (match) {
    case SG_MATCH_NO:
        return "no";
    case SG_MATCH_YES:
        return "yes";
    case SG_MATCH_TIME_UNKNOWN:
        return "time-unknown";
    case SG_MATCH_KEY_UNKNOWN:
        return "key-unknown";
    case SG_MATCH_INDETERMINATE:
        return "indeterminate";
    }
    return "?";
}

static void check_vector(const struct sg_statement *statement, struct json_object *vector)
{
    struct json_object *value;
    struct sg_policy_request request = {
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = RESOURCE,
        .issued = {instant(NOON), instant(NOON)},
    };

    if ((value = member(vector, "action")) != NULL)
        request.action = words(value);
    if ((value = member(vector, "issued")) != NULL) {
        request.issued.earliest_ms = instant(words(json_object_array_get_idx(value, 0)));
        request.issued.latest_ms = instant(words(json_object_array_get_idx(value, 1)));
    }
    assert_string_equal(match_word(sg_statement_match(statement, &request)),
                        json_object_get_string(member(vector, "expect")));
    if ((value = member(vector, "flags")) != NULL)
        assert_int_equal(statement->flags, flags_of(json_object_get_string(value)));
    if (json_object_object_get_ex(vector, "cutoff", &value))
        assert_int_equal(statement->cutoff_ms,
                         value == NULL ? SG_CUTOFF_NONE : instant(words(value)));
    if ((value = member(vector, "note")) != NULL) {
        const struct sg_text notes = sg_statement_notes(statement);
        const struct sg_text want = words(value);

        assert_non_null(memmem(notes.data, notes.length, want.data, want.length));
    } else if ((statement->flags & SG_STATEMENT_INDETERMINATE) != 0) {
        assert_true(sg_statement_notes(statement).length > 0);
    }
}

static void run_vector(void **state)
{
    struct json_object *vector = *state;
    struct sg_problems problems = {0};
    char *document = document_of(vector);
    struct sg_buffer out = compile(sg_text_of(document), &problems);
    size_t at = 0;
    const struct sg_statement *statement = sg_statement_next(sg_buffer_text(&out), &at);

    if (strcmp(json_object_get_string(member(vector, "expect")), "none") == 0) {
        assert_null(statement);
        assert_int_equal(problems.count, 0);
    } else {
        assert_non_null(statement);
        check_vector(statement, vector);
        assert_int_equal(problems.count > 0, (statement->flags & SG_STATEMENT_INDETERMINATE) != 0);
        assert_null(sg_statement_next(sg_buffer_text(&out), &at));
    }
    sg_problems_clear(&problems);
    sg_buffer_clear(&out);
    free(document);
}

/* --- documents --- */

static void each_deny_statement_is_kept_and_each_allow_is_not(void **state)
{
    (void)state;
    struct sg_buffer out = compile(
        SG_TEXT("{\"Statement\":[{\"Effect\":\"Deny\",\"Sid\":\"a\",\"Action\":\"s3:*\","
                "\"Resource\":\"*\"},{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},"
                "{\"Effect\":\"Deny\",\"Sid\":\"b\",\"Action\":\"*\",\"Resource\":\"*\"}]}"),
        NULL);
    size_t at = 0;
    const struct sg_statement *first = sg_statement_next(sg_buffer_text(&out), &at);
    const struct sg_statement *second = sg_statement_next(sg_buffer_text(&out), &at);

    assert_non_null(first);
    assert_non_null(second);
    assert_true(sg_text_equal(sg_statement_sid(first), SG_TEXT("a")));
    assert_true(sg_text_equal(sg_statement_sid(second), SG_TEXT("b")));
    assert_true(sg_text_equal(sg_statement_policy(first), SG_TEXT("Test")));
    assert_null(sg_statement_next(sg_buffer_text(&out), &at));
    assert_int_equal(at, out.length);
    sg_buffer_clear(&out);
}

static void compiling_appends_to_what_stands(void **state)
{
    (void)state;
    struct sg_buffer out = {0};
    size_t at = 0, count = 0;

    for (int i = 0; i < 3; i++)
        assert_int_equal(sg_policy_compile(&out, SG_TEXT(REVOKE), SG_POLICY_ATTACHED,
                                           SG_TEXT("arn:aws:iam::123456789012:policy/p"), NULL),
                         SG_OK);
    assert_true(sg_statement_run_valid(sg_buffer_text(&out)));
    while (sg_statement_next(sg_buffer_text(&out), &at) != NULL)
        count++;
    assert_int_equal(count, 3);
    sg_buffer_clear(&out);
}

static void a_compile_that_ran_out_of_room_says_so(void **state)
{
    (void)state;
    struct sg_buffer out = {.limit = 64};

    assert_int_equal(sg_policy_compile(&out, SG_TEXT(REVOKE), SG_POLICY_INLINE, SG_TEXT("p"), NULL),
                     SG_E_MEMORY);
    sg_buffer_clear(&out);
}

/* One text, then `count` times another, then an end. */
static struct sg_buffer repeat(const char *head, const char *body, size_t count, const char *tail)
{
    struct sg_buffer text = {0};

    sg_buffer_addf(&text, "%s", head);
    for (size_t i = 0; i < count; i++)
        sg_buffer_addf(&text, "%s%s", i == 0 ? "" : ",", body);
    sg_buffer_addf(&text, "%s", tail);
    assert_false(text.failed);
    return text;
}

static void assert_denies_everything(struct sg_text document, const char *why)
{
    struct sg_problems problems = {0};
    struct sg_buffer out = compile(document, &problems);
    size_t at = 0;
    const struct sg_statement *statement = sg_statement_next(sg_buffer_text(&out), &at);
    const struct sg_policy_request request = {.action = SG_TEXT("a:b"), .resource = SG_TEXT("c")};

    assert_non_null(statement);
    assert_int_equal(statement->flags, SG_STATEMENT_ENFORCED | SG_STATEMENT_INDETERMINATE);
    assert_int_equal(sg_statement_match(statement, &request), SG_MATCH_INDETERMINATE);
    assert_int_equal(at, out.length);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.texts[0], why));
    sg_problems_clear(&problems);
    sg_buffer_clear(&out);
}

static void a_document_over_the_limit_denies_everything(void **state)
{
    (void)state;
    struct sg_buffer text = repeat("{\"Statement\":[", "          ", 0, "");

    while (text.length <= SG_POLICY_MAX_BYTES)
        sg_buffer_addf(&text, "%64s", "");
    sg_buffer_addf(&text, "]}");
    assert_denies_everything(sg_buffer_text(&text), "larger");
    sg_buffer_clear(&text);
}

static void an_encoded_document_over_the_limit_denies_everything(void **state)
{
    (void)state;
    struct sg_buffer text = repeat("%7B%22Statement%22:[", "", 0, "");

    while (text.length <= 3 * SG_POLICY_MAX_BYTES)
        sg_buffer_addf(&text, "%s", "%20%20%20%20%20%20%20%20");
    sg_buffer_addf(&text, "]%%7D");
    assert_denies_everything(sg_buffer_text(&text), "too large");
    sg_buffer_clear(&text);
}

static void a_document_with_too_many_statements_denies_everything(void **state)
{
    (void)state;
    struct sg_buffer text = repeat("{\"Statement\":[", "{}", 513, "]}");

    assert_denies_everything(sg_buffer_text(&text), "more statements");
    sg_buffer_clear(&text);
}

static void a_statement_too_large_for_its_form_denies_everything(void **state)
{
    (void)state;
    struct sg_buffer text = repeat("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":[",
                                   "\"s3:GetObject\"", 6000, "],\"Resource\":\"*\"}}");

    assert_denies_everything(sg_buffer_text(&text), "larger than");
    sg_buffer_clear(&text);
}

static void a_document_nested_too_deeply_denies_everything(void **state)
{
    (void)state;
    struct sg_buffer text = {0};

    for (int i = 0; i < 1000; i++)
        sg_buffer_addf(&text, "{\"Statement\":");
    assert_denies_everything(sg_buffer_text(&text), "nested");
    sg_buffer_clear(&text);
}

static void a_document_that_holds_nul_denies_everything(void **state)
{
    (void)state;
    assert_denies_everything(SG_TEXT("{\"Statement\":[]\0}"), "not JSON");
    assert_denies_everything(SG_TEXT("{\"Statement\":\"\\u0000\"}"), "not JSON");
}

static void ten_thousand_dates_of_one_kind_are_one_range(void **state)
{
    (void)state;
    struct sg_buffer text =
        repeat("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
               "\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":[",
               "7", 10000, "]}}}}");
    struct sg_buffer out = compile(sg_buffer_text(&text), NULL);

    assert_in_range(out.length, sizeof(struct sg_statement), 200);
    assert_true(((const struct sg_statement *)(const void *)out.data)->flags & SG_STATEMENT_SIMPLE);
    sg_buffer_clear(&out);
    sg_buffer_clear(&text);
}

static void many_notes_are_counted_not_kept(void **state)
{
    (void)state;
    struct sg_buffer text =
        repeat("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
               "\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":[",
               "\"x\"", 1000, "]}}}}");
    struct sg_buffer out = compile(sg_buffer_text(&text), NULL);
    const struct sg_text notes = sg_statement_notes((const void *)out.data);

    assert_in_range(notes.length, 100, 700);
    assert_non_null(memmem(notes.data, notes.length, " more", 5));
    sg_buffer_clear(&out);
    sg_buffer_clear(&text);
}

static void problems_name_policy_statement_and_sid(void **state)
{
    (void)state;
    struct sg_problems problems = {0};
    struct sg_buffer out = compile(
        SG_TEXT("{\"Statement\":[{\"Effect\":\"Allow\"},{\"Effect\":\"Deny\",\"Sid\":\"Stop\","
                "\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{"
                "\"aws:TokenIssueTime\":\"tomorrow\"}}}]}"),
        &problems);

    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.texts[0],
                        "inline policy Test, statement 2 (Sid Stop): DateLessThan on "
                        "aws:TokenIssueTime: \"tomorrow\" is not a date that IAM accepts, so it "
                        "counts as matching");
    sg_problems_clear(&problems);
    sg_buffer_clear(&out);
}

/* --- identity --- */

static void identity(unsigned char id[16], const char *document, enum sg_policy_origin origin,
                     const char *name)
{
    struct sg_buffer out = {0};

    assert_int_equal(sg_policy_compile(&out, sg_text_of(document), origin, sg_text_of(name), NULL),
                     SG_OK);
    memcpy(id, ((const struct sg_statement *)(const void *)out.data)->identity, 16);
    sg_buffer_clear(&out);
}

static void the_same_statement_is_known_again(void **state)
{
    (void)state;
    unsigned char one[16], other[16];

    identity(one, REVOKE, SG_POLICY_INLINE, "p");
    identity(other, "  " REVOKE "\n", SG_POLICY_INLINE, "p");
    assert_memory_equal(one, other, 16);
}

static void a_statement_that_differs_in_anything_is_another(void **state)
{
    (void)state;
    unsigned char one[16], other[16];
    char changed[] = REVOKE;

    identity(one, REVOKE, SG_POLICY_INLINE, "p");
    identity(other, REVOKE, SG_POLICY_INLINE, "q");
    assert_memory_not_equal(one, other, 16);
    identity(other, REVOKE, SG_POLICY_BOUNDARY, "p");
    assert_memory_not_equal(one, other, 16);
    *strstr(changed, "12:00:00Z") = '2';
    *strstr(changed, "22:00:00Z") = '1';
    strstr(changed, "12:00:00Z")[7] = '1';
    identity(other, changed, SG_POLICY_INLINE, "p");
    assert_memory_not_equal(one, other, 16);
}

/* --- the flat form is not trusted --- */

static void a_run_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    for (size_t length = 1; length < out.length; length++)
        assert_false(sg_statement_run_valid((struct sg_text){out.data, length}));
    assert_true(sg_statement_run_valid((struct sg_text){out.data, 0}));
    sg_buffer_clear(&out);
}

static void a_run_that_is_not_aligned_is_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);
    char *moved = malloc(out.length + 1);

    assert_non_null(moved);
    memcpy(moved + 1, out.data, out.length);
    assert_false(sg_statement_run_valid((struct sg_text){moved + 1, out.length}));
    free(moved);
    sg_buffer_clear(&out);
}

/* Each byte of the form in turn set to values that mislead; what is accepted must be walked without
 * harm. */
static void damaged_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    static const unsigned char values[] = {0, 1, 7, 8, 0x7f, 0x80, 0xf8, 0xff};
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);
    const struct sg_policy_request request = {
        .action = SG_TEXT("execute-api:Invoke"),
        .resource = RESOURCE,
        .issued = {instant(NOON), instant(NOON)},
    };
    size_t refused = 0;

    for (size_t i = 0; i < out.length; i++) {
        for (size_t v = 0; v < sizeof values; v++) {
            char *copy = malloc(out.length); /* of the exact size, for the sanitizer */
            const struct sg_text run = {copy, out.length};
            struct sg_buffer line = {0};

            assert_non_null(copy);
            memcpy(copy, out.data, out.length);
            copy[i] = (char)values[v];
            if (!sg_statement_run_valid(run)) {
                refused++;
            } else {
                (void)sg_statement_match((const void *)copy, &request);
                sg_statement_describe(&line, (const void *)copy);
            }
            sg_buffer_clear(&line);
            free(copy);
        }
    }
    assert_in_range(refused, 100, SIZE_MAX);
    sg_buffer_clear(&out);
}

static struct sg_statement *header(struct sg_buffer *out)
{
    return (void *)out->data;
}

static void assert_refused(struct sg_buffer *out)
{
    assert_false(sg_statement_run_valid(sg_buffer_text(out)));
    sg_buffer_clear(out);
    *out = compile(SG_TEXT(REVOKE), NULL);
}

static void flags_scope_and_origin_that_nobody_wrote_are_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    header(&out)->flags |= 2048;
    assert_refused(&out);
    header(&out)->scope |= 32;
    assert_refused(&out);
    header(&out)->origin = 4;
    assert_refused(&out);
    header(&out)->reserved = 1;
    assert_refused(&out);
    header(&out)->reserved2[2] = 1;
    assert_refused(&out);
    sg_buffer_clear(&out);
}

static void a_simple_statement_without_cutoff_is_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    header(&out)->cutoff_ms = SG_CUTOFF_NONE;
    assert_refused(&out);
    sg_buffer_clear(&out);
}

static void a_narrowing_list_that_is_missing_is_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    header(&out)->actions_at = 0;
    header(&out)->scope = SG_SCOPE_ANY_RESOURCE;
    assert_refused(&out);
    header(&out)->resources_at = 0;
    header(&out)->scope = SG_SCOPE_ANY_ACTION;
    assert_refused(&out);
    sg_buffer_clear(&out);
}

static void offsets_into_the_header_are_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    header(&out)->actions_at = 8;
    assert_refused(&out);
    header(&out)->tests_at = 8;
    assert_refused(&out);
    header(&out)->notes_at = 8;
    assert_refused(&out);
    header(&out)->sid_at = 8;
    assert_refused(&out);
    sg_buffer_clear(&out);
}

static void dates_off_their_alignment_are_refused(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    header(&out)->tests_at = (uint16_t)(header(&out)->tests_at - 4);
    assert_refused(&out);
    sg_buffer_clear(&out);
}

static void agent_flags_and_first_seen_keep_a_run_valid(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);

    header(&out)->flags |= SG_STATEMENT_FROM_IAM | SG_STATEMENT_GONE_ONCE;
    header(&out)->first_seen_ms = 1700000000000;
    assert_true(sg_statement_run_valid(sg_buffer_text(&out)));
    sg_buffer_clear(&out);
}

static void the_walk_stops_at_what_is_malformed(void **state)
{
    (void)state;
    struct sg_buffer out = compile(SG_TEXT(REVOKE), NULL);
    size_t at = 0;

    header(&out)->size = 0;
    assert_null(sg_statement_next(sg_buffer_text(&out), &at));
    assert_int_equal(at, 0);
    header(&out)->size = UINT32_MAX - 7;
    assert_null(sg_statement_next(sg_buffer_text(&out), &at));
    at = SIZE_MAX;
    assert_null(sg_statement_next(sg_buffer_text(&out), &at));
    sg_buffer_clear(&out);
}

/* --- words --- */

static void assert_described(const char *document, const char *want)
{
    struct sg_buffer out = compile(sg_text_of(document), NULL), line = {0};

    sg_statement_describe(&line, header(&out));
    assert_false(line.failed);
    assert_string_equal(line.data, want);
    sg_buffer_clear(&line);
    sg_buffer_clear(&out);
}

static void statements_are_described_in_one_line(void **state)
{
    (void)state;
    assert_described(REVOKE, "inline policy Test (Sid x): Deny sessions issued before "
                             "2024-05-01T12:00:00.000Z");
    assert_described("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}}",
                     "inline policy Test: Deny every session");
    assert_described(
        "{\"Statement\":{\"Effect\":\"Deny\",\"NotAction\":[\"iam:*\",\"sts:*\",\"s3:*\"],"
        "\"Resource\":\"*\"}}",
        "inline policy Test: Deny all but iam:*, sts:* and 1 more to every session (listed, not "
        "enforced)");
    assert_described(
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
        "\"DateLessThanEquals\":{\"aws:TokenIssueTime\":\"2024-05-02\"},\"DateGreaterThan\":{"
        "\"aws:TokenIssueTime\":\"2024-05-01\"}}}}",
        "inline policy Test: Deny sessions issued at or before 2024-05-02T00:00:00.000Z and after "
        "2024-05-01T00:00:00.000Z");
    assert_described(
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
        "\"StringLike\":{\"aws:userid\":[\"x\",\"y\",\"z\"]},\"DateLessThan\":{"
        "\"aws:TokenIssueTime\":\"2024-05-02\"}}}}",
        "inline policy Test: Deny sessions issued before 2024-05-02T00:00:00.000Z with StringLike "
        "aws:userid \"x\" \"y\" and 1 more");
}

static void nothing_unprintable_reaches_the_reader(void **state)
{
    (void)state;
    struct sg_buffer out = {0}, line = {0};
    const char *document =
        "{\"Statement\":{\"Effect\":\"Deny\",\"Sid\":\"a\\u001b[2Jb\\nc\",\"Action\":\"\\u001b*\","
        "\"Resource\":\"*\",\"Condition\":{\"\\u001bX\":{\"\\u009b\":1}}}}";

    assert_int_equal(sg_policy_compile(&out, sg_text_of(document), SG_POLICY_BOUNDARY,
                                       SG_TEXT("evil\n\x1b"), NULL),
                     SG_OK);
    sg_statement_describe(&line, header(&out));
    for (size_t i = 0; i < line.length; i++)
        assert_true((unsigned char)line.data[i] >= 0x20 && line.data[i] != 0x7f);
    assert_null(strstr(line.data, "\xc2\x9b"));
    assert_true(sg_text_equal(sg_statement_sid(header(&out)), SG_TEXT("a?[2Jb?c")));
    sg_buffer_clear(&line);
    sg_buffer_clear(&out);
}

static void the_written_revocation_is_the_consoles_and_compiles_simple(void **state)
{
    (void)state;
    struct sg_buffer document = {0};

    sg_policy_write_revocation(&document, 1644975360138);
    assert_string_equal(document.data,
                        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\","
                        "\"Action\":[\"*\"],\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{"
                        "\"aws:TokenIssueTime\":\"2022-02-16T01:36:00.138Z\"}}}]}");
    struct sg_buffer out = compile(sg_buffer_text(&document), NULL);
    assert_int_equal(header(&out)->flags, flags_of("ESCMR"));
    assert_int_equal(header(&out)->cutoff_ms, 1644975360138);
    sg_buffer_clear(&out);
    sg_buffer_clear(&document);
}

static void a_revocation_at_no_date_is_not_written(void **state)
{
    (void)state;
    static const int64_t never[] = {INT64_MAX, INT64_MIN, 253402300800000};

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        struct sg_buffer document = {0};

        sg_policy_write_revocation(&document, never[i]);
        assert_true(document.failed);
        assert_int_equal(document.length, 0);
        sg_buffer_clear(&document);
    }
}

static const struct CMUnitTest others[] = {
    cmocka_unit_test(each_deny_statement_is_kept_and_each_allow_is_not),
    cmocka_unit_test(compiling_appends_to_what_stands),
    cmocka_unit_test(a_compile_that_ran_out_of_room_says_so),
    cmocka_unit_test(a_document_over_the_limit_denies_everything),
    cmocka_unit_test(an_encoded_document_over_the_limit_denies_everything),
    cmocka_unit_test(a_document_with_too_many_statements_denies_everything),
    cmocka_unit_test(a_statement_too_large_for_its_form_denies_everything),
    cmocka_unit_test(a_document_nested_too_deeply_denies_everything),
    cmocka_unit_test(a_document_that_holds_nul_denies_everything),
    cmocka_unit_test(ten_thousand_dates_of_one_kind_are_one_range),
    cmocka_unit_test(many_notes_are_counted_not_kept),
    cmocka_unit_test(problems_name_policy_statement_and_sid),
    cmocka_unit_test(the_same_statement_is_known_again),
    cmocka_unit_test(a_statement_that_differs_in_anything_is_another),
    cmocka_unit_test(a_run_cut_anywhere_is_refused),
    cmocka_unit_test(a_run_that_is_not_aligned_is_refused),
    cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
    cmocka_unit_test(flags_scope_and_origin_that_nobody_wrote_are_refused),
    cmocka_unit_test(a_simple_statement_without_cutoff_is_refused),
    cmocka_unit_test(a_narrowing_list_that_is_missing_is_refused),
    cmocka_unit_test(offsets_into_the_header_are_refused),
    cmocka_unit_test(dates_off_their_alignment_are_refused),
    cmocka_unit_test(agent_flags_and_first_seen_keep_a_run_valid),
    cmocka_unit_test(the_walk_stops_at_what_is_malformed),
    cmocka_unit_test(statements_are_described_in_one_line),
    cmocka_unit_test(nothing_unprintable_reaches_the_reader),
    cmocka_unit_test(the_written_revocation_is_the_consoles_and_compiles_simple),
    cmocka_unit_test(a_revocation_at_no_date_is_not_written),
};
#define OTHERS (sizeof others / sizeof others[0])

int main(void)
{
    const char *folder = getenv("SG_SRCDIR");
    char path[4096];
    int failed = 1;

    (void)snprintf(path, sizeof path, "%s/tests/data/policy/vectors.json",
                   folder == NULL ? "." : folder);
    vectors = json_object_from_file(path);
    if (!json_object_is_type(vectors, json_type_array)) {
        fprintf(stderr, "test_policy: cannot read %s\n", path);
        return 1;
    }

    const size_t count = json_object_array_length(vectors);
    struct CMUnitTest *tests = calloc(count + OTHERS, sizeof *tests);
    if (tests != NULL) {
        for (size_t i = 0; i < count; i++) {
            struct json_object *vector = json_object_array_get_idx(vectors, i);

            tests[i] = (struct CMUnitTest){
                .name = json_object_get_string(member(vector, "name")),
                .test_func = run_vector,
                .initial_state = vector,
            };
        }
        memcpy(tests + count, others, sizeof others);
        failed = _cmocka_run_group_tests("policy", tests, count + OTHERS, NULL, NULL);
    }
    free(tests);
    json_object_put(vectors);
    return failed;
}
