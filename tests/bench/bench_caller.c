/*
 * bench_caller.c - the check of a signed GetCallerIdentity seen before, beside that of a JWT seen
 * before, in one reader: once with a token of the JWT's length or so, once with one as long as real
 * ones are. The agent is played.
 */
#include "bench.h"
#include "gate_fixture.h"
#include "identity_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define EACH        256 /* so few that all stay in the reader's cache */
#define TOKEN_CHARS 1060

static struct gate_fixture f;
static int listener, agent = -1;

struct credentials {
    char *text[EACH];
    size_t length[EACH];
};

static void check_one(void *payload, uint64_t i)
{
    const struct credentials *all = payload;
    const size_t which = (i * 7919) % EACH;
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {all->text[which], all->length[which]}};
    static struct stsgate_result result;

    result.size = sizeof(result);
    const enum stsgate_verdict verdict = stsgate_check(&result, f.reader, &request);
    bench_must(verdict == STSGATE_ALLOW, stsgate_reason_word(result.reason));
}

/* ---- signed requests ---- */

static void answer_question(void)
{
    struct sg_identity_answer answer = {
        .head = {.magic = SG_ASK_MAGIC},
        .date_ms = ID_DATE_MS + 1000,
        .account = ID_ACCOUNT,
        .role_name = "payments-writer",
        .role_id = "AROAEXAMPLE0000000001",
        .session_name = "julie",
    };
    char packet[SG_ASK_PACKET_MAX];
    struct sg_question question;

    if (agent < 0)
        agent = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    bench_must(agent >= 0 && recv(agent, packet, sizeof(packet), 0) > (ssize_t)sizeof(question),
               "question");
    memcpy(&question, packet, sizeof(question));
    answer.head.id = question.id;
    bench_must(send(agent, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer), "answer");
}

static void make_identity(struct credentials *all, size_t i, const char *token)
{
    char signature[65];

    (void)snprintf(signature, sizeof(signature), "%064zx", i);
    char *longer = identity_changed(identity_url, ID_TOKEN_URL, token);
    char *url = identity_changed(longer, ID_SIGNATURE, signature);
    all->text[i] = identity_token_of(url);
    all->length[i] = strlen(all->text[i]);
    struct stsgate_result result = gate_fixture_check(&f, all->text[i]);
    bench_must(result.reason == STSGATE_REASON_IDENTITY_PENDING, result.detail);
    bench_must(stsgate_ask(f.reader, &result, all) == 0, "ask");
    answer_question();
    bench_must(stsgate_answered(f.reader) == all, "answered");
    (void)stsgate_answered(f.reader);
    free(longer);
    free(url);
}

static struct credentials *make_identities(size_t token_chars)
{
    struct credentials *all = sg_alloc(1, sizeof(*all));
    char *token = sg_alloc(1, token_chars + 1);

    bench_must(all != NULL && token != NULL, "memory");
    memset(token, 'x', token_chars);
    for (size_t i = 0; i < EACH; i++)
        make_identity(all, i, token);
    free(token);
    return all;
}

static struct credentials *make_jwts(void)
{
    struct credentials *all = sg_alloc(1, sizeof(*all));
    struct jwt_claims claims;

    bench_must(all != NULL, "memory");
    for (size_t i = 0; i < EACH; i++) {
        jwt_claims_web_identity(&claims, ID_DATE_MS / 1000);
        jwt_set(&claims, "jti", "\"%zu\"", i);
        all->text[i] = jwt_token(SG_ALG_RS256, &claims);
        all->length[i] = strlen(all->text[i]);
        bench_must(gate_fixture_check(&f, all->text[i]).verdict == STSGATE_ALLOW, "a JWT");
    }
    return all;
}

static void clear(struct credentials *all)
{
    for (size_t i = 0; i < EACH; i++)
        free(all->text[i]);
    free(all);
}

static void open_gate(void)
{
    struct sg_problems problems = {0};
    char path[96];

    gate_fixture_init(&f);
    f.wall_ms = ID_DATE_MS + 10000;
    gate_fixture_write(
        &f, "stsgate.conf",
        "[agent]\nstate = %STATE%\nsocket = %FOLDER%/agent.sock\nuser = %USER%\n[account prod]\n"
        "id = " ID_ACCOUNT "\n[issuer prod]\nkind = aws-web-identity\nurl = " JWT_ISSUER
        "\naccount = prod\n[issuer signed]\nkind = aws-caller-identity\naccount = prod\n"
        "bind_header = X-K8s-Aws-Id\nbind_value = " ID_BIND "\n");
    gate_fixture_write(&f, "services.d/payments.conf",
                       "[service]\naccept = prod signed\naudience = " JWT_AUDIENCE
                       "\nallow_roles = arn:aws:iam::" ID_ACCOUNT ":role/team/*\n");
    bench_must(gate_fixture_open(&f) == 0, "gate");
    gate_fixture_publish_keys(&f, "prod", SG_ALG_BIT(SG_ALG_RS256));
    gate_fixture_publish_role(&f, "prod", true, NULL, 0);
    (void)snprintf(path, sizeof(path), "%s/agent.sock", f.folder);
    listener = sg_ask_listen(path, &problems);
    bench_must(listener >= 0, "socket");
}

/* Beside each other, so that both have the same machine. */
static void compare(const char *name, struct credentials *jwts, size_t token_chars)
{
    struct credentials *identities = make_identities(token_chars);
    char text[80];

    (void)snprintf(text, sizeof(text), "%s_length", name);
    bench_value(text, (double)identities->length[0], "bytes");
    bench_beside(name, 8 * EACH, (struct bench_work){check_one, identities, NULL},
                 (struct bench_work){check_one, jwts, NULL});
    clear(identities);
}

int main(void)
{
    open_gate();
    struct credentials *jwts = make_jwts();

    bench_value("cached_jwt_length", (double)jwts->length[0], "bytes");
    compare("cached_caller_identity_short", jwts, 100);
    compare("cached_caller_identity", jwts, TOKEN_CHARS);
    clear(jwts);
    (void)close(agent);
    (void)close(listener);
    gate_fixture_clear(&f);
    return 0;
}
