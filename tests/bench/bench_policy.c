/*
 * bench_policy.c - what policies cost: compiling a document of 10 KB, deciding a
 * role of one cutoff and one of 20 conditional statements, and the inputs that
 * would show work growing faster than what was written.
 */
#include "bench.h"

#include "gate/decide.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define NOON_MS INT64_C(1714564800000)

static struct sg_buffer compiled(const struct sg_buffer *document)
{
    struct sg_buffer out = {0};

    bench_must(sg_policy_compile(&out, sg_buffer_text(document), SG_POLICY_INLINE, SG_TEXT("Bench"),
                                 NULL) == SG_OK,
               "compile");
    return out;
}

/* --- compiling --- */

static void compile_one(void *payload, uint64_t i)
{
    struct sg_buffer out = compiled(payload);

    (void)i;
    sg_buffer_clear(&out);
}

/* The same text as a tree, which is where a compiler begins. */
static void parse_one(void *payload, uint64_t i)
{
    const struct sg_buffer *document = payload;
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *tree =
        json_tokener_parse_ex(tokener, document->data, (int)document->length);

    (void)i;
    bench_must(tree != NULL, "json-c");
    json_object_put(tree);
    json_tokener_free(tokener);
}

static void bench_compiling(const char *name, uint64_t count, struct sg_buffer *text)
{
    bench_beside(name, count, (struct bench_work){compile_one, text, NULL},
                 (struct bench_work){parse_one, text, NULL});
}

/* Statements as people write them, of every family, up to `length` bytes. */
static struct sg_buffer long_document(size_t length)
{
    struct sg_buffer text = {0};

    sg_buffer_addf(&text, "{\"Version\":\"2012-10-17\",\"Statement\":[");
    for (int i = 0; text.length < length; i++)
        sg_buffer_addf(
            &text,
            "%s{\"Sid\":\"Deny%d\",\"Effect\":\"Deny\",\"Action\":[\"s3:*\",\"ec2:*\",\"iam:*\"],"
            "\"Resource\":[\"arn:aws:s3:::bucket-%d\",\"arn:aws:s3:::bucket-%d/*\"],"
            "\"Condition\":{\"StringNotEquals\":{\"aws:PrincipalTag/team\":[\"a\",\"b\"]},"
            "\"NotIpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"192.0.2.0/24\"]},"
            "\"DateLessThan\":{\"aws:TokenIssueTime\":\"2024-05-01T12:00:00Z\"}}}",
            i == 0 ? "" : ",", i, i, i);
    sg_buffer_addf(&text, "]}");
    return text;
}

/* --- deciding --- */

struct role {
    struct sg_session session;
    struct sg_service service;
    struct sg_issuer issuer;
    struct sg_account account;
    struct sg_record record;
    struct sg_grounds grounds;
    enum stsgate_verdict expected;
};

static void decide_one(void *payload, uint64_t i)
{
    const struct role *role = payload;
    struct sg_decision decision;

    (void)i;
    sg_decide_record(&decision, &role->grounds);
    bench_must(decision.verdict == role->expected, "verdict");
}

static void make_role(struct role *role, const struct sg_buffer *statements, bool residual,
                      int64_t cutoff_ms)
{
    const struct sg_text arn = SG_TEXT("arn:aws:iam::123456789012:role/team/payments");
    struct sg_role_arn parts;

    *role = (struct role){.expected = STSGATE_ALLOW};
    bench_must(sg_role_arn_parse(&parts, arn, false) &&
                   sg_session_set_role(&role->session, &parts, arn),
               "arn");
    bench_must(sg_text_copy(role->session.session_name, sizeof(role->session.session_name),
                            SG_TEXT("alice@example.com")),
               "name");
    role->session.issued = (struct sg_interval){NOON_MS, NOON_MS};
    role->service = (struct sg_service){.name = "payments", .issued_before_ms = INT64_MIN};
    role->issuer.kind = SG_ISSUER_JWT;
    role->record = (struct sg_record){.state = SG_ROLE_PRESENT,
                                      .residual = residual,
                                      .cutoff_ms = cutoff_ms,
                                      .role_id = SG_TEXT("AROAEXAMPLEEXAMPLE123"),
                                      .arn = arn,
                                      .statements = sg_buffer_text(statements)};
    role->grounds = (struct sg_grounds){.session = &role->session,
                                        .service = &role->service,
                                        .issuer = &role->issuer,
                                        .account = &role->account,
                                        .record = &role->record,
                                        .now_ms = NOON_MS + 60000,
                                        .aws_now_ms = NOON_MS + 60000};
}

/* 20 statements that all must be evaluated, and none matches. */
static struct sg_buffer conditional_document(const char *date)
{
    struct sg_buffer text = {0};

    sg_buffer_addf(&text, "{\"Version\":\"2012-10-17\",\"Statement\":[");
    for (int i = 0; i < 20; i++)
        sg_buffer_addf(&text,
                       "%s{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                       "\"StringLike\":{\"aws:userid\":\"*:user-%d-*@example.com\"},"
                       "\"DateLessThan\":{\"aws:TokenIssueTime\":\"%s\"}}}",
                       i == 0 ? "" : ",", i, date);
    sg_buffer_addf(&text, "]}");
    return text;
}

static void bench_deciding(void)
{
    static struct role role;
    struct sg_buffer document = conditional_document("2024-05-02"), statements = {0};

    make_role(&role, &statements, false, NOON_MS - 1);
    bench("decide_one_cutoff", 1000000, decide_one, &role);
    statements = compiled(&document);
    make_role(&role, &statements, true, SG_CUTOFF_NONE);
    bench("decide_20_conditional", 20000, decide_one, &role);
    sg_buffer_clear(&statements);
    sg_buffer_clear(&document);
    document = conditional_document("2024-04-30");
    statements = compiled(&document);
    make_role(&role, &statements, true, SG_CUTOFF_NONE);
    bench("decide_20_conditional_too_old_to_bite", 20000, decide_one, &role);
    sg_buffer_clear(&statements);
    sg_buffer_clear(&document);
}

/* --- what must grow no faster than its input --- */

/* A pattern of `stars` wildcards that fails at its very end, once a name. */
static void bench_stars(const char *name, int stars)
{
    static struct role role;
    struct sg_buffer document = {0}, statements;

    sg_buffer_addf(&document,
                   "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*"
                   "\",\"Condition\":{\"StringLike\":{\"aws:userid\":\"");
    for (int i = 0; i < stars; i++)
        sg_buffer_addf(&document, "*%c", i % 2 == 0 ? 'A' : 'E');
    sg_buffer_addf(&document, "#\"}}}}");
    statements = compiled(&document);
    make_role(&role, &statements, true, SG_CUTOFF_NONE);
    bench(name, 2000, decide_one, &role);
    sg_buffer_clear(&statements);
    sg_buffer_clear(&document);
}

static struct sg_buffer repeated(const char *head, const char *body, size_t count, const char *tail)
{
    struct sg_buffer text = {0};

    sg_buffer_addf(&text, "%s", head);
    for (size_t i = 0; i < count; i++)
        sg_buffer_addf(&text, "%s", body);
    sg_buffer_addf(&text, "%s", tail);
    return text;
}

int main(void)
{
    struct sg_buffer text = long_document(10240);

    bench_compiling("compile_10_kb", 500, &text);
    sg_buffer_clear(&text);
    text = long_document(102400);
    bench_compiling("compile_100_kb", 20, &text);
    sg_buffer_clear(&text);
    text = repeated("{\"Statement\":[{}", ",{}", 10000, "]}");
    bench_compiling("compile_10000_statements", 20, &text);
    sg_buffer_clear(&text);
    text = repeated("{\"Statement\":", "[", 10000, "");
    bench("compile_nested_to_the_limit", 200, compile_one, &text);
    sg_buffer_clear(&text);
    bench_deciding();
    bench_stars("match_10_wildcards", 10);
    bench_stars("match_1000_wildcards", 1000);
    return 0;
}
