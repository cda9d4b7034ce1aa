/*
 * bench_store.c - see bench_store.h.
 */
#include "bench_store.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

void bench_store_label(char out[static 16], const char *kind, size_t account)
{
    snprintf(out, 16, "%s%03u", kind, (unsigned)account % 1000);
}

void bench_store_account(char out[static 16], size_t account)
{
    snprintf(out, 16, "1%011u", (unsigned)account);
}

void bench_store_role(char out[static 32], size_t role)
{
    snprintf(out, 32, "payments-%05u", (unsigned)role);
}

static void write_conf(struct bench_store *store)
{
    struct sg_buffer conf = {0}, service = {0};

    sg_buffer_addf(&conf,
                   "[agent]\nstate = %%STATE%%\nsocket = %%FOLDER%%/a.sock\nuser = %%USER%%\n");
    sg_buffer_addf(&service, "[service]\naudience = " JWT_AUDIENCE
                             "\nallow_roles = arn:aws:iam::*:role/team/*\naccept =");
    for (size_t i = 0; i < store->accounts; i++) {
        sg_buffer_addf(&conf,
                       "[account a%03zu]\nid = %012zu\n[issuer i%03zu]\nkind = aws-web-identity\n"
                       "url = https://issuer-%03zu.tokens.sts.global.api.aws\naccount = a%03zu\n",
                       i, 100000000000 + i, i, i, i);
        sg_buffer_addf(&service, " i%03zu", i);
    }
    sg_buffer_addf(&service, "\n");
    gate_fixture_write(&store->f, "stsgate.conf", conf.data);
    gate_fixture_write(&store->f, "services.d/payments.conf", service.data);
    sg_buffer_clear(&conf);
    sg_buffer_clear(&service);
}

static void publish_keys(struct bench_store *store)
{
    unsigned algs = SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384);
    struct sg_text changed[BENCH_ACCOUNTS];
    static char labels[BENCH_ACCOUNTS][16];
    struct sg_problems problems = {0};
    struct sg_jwks jwks = {0};
    struct sg_table *table;
    char *json = jwt_key_set(algs);

    bench_must(sg_jwks_parse(&jwks, sg_text_of(json), algs, false, "bench", &problems) == SG_OK &&
                   sg_table_begin_keys(&table, store->f.writer, &problems) == SG_OK,
               "keys");
    for (size_t i = 0; i < store->accounts; i++) {
        bench_store_label(labels[i], "i", i);
        changed[i] = sg_text_of(labels[i]);
        for (size_t k = 0; k < jwks.count; k++) {
            struct sg_buffer packed = {0};

            sg_jwk_pack(&packed, &jwks.keys[k]);
            bench_must(sg_table_put_key(table, changed[i], sg_text_of(jwks.keys[k].kid),
                                        sg_buffer_text(&packed)) == SG_OK,
                       "key");
            sg_buffer_clear(&packed);
        }
    }
    bench_must(sg_table_commit(table, changed, store->accounts) == SG_OK, "commit keys");
    for (size_t i = 0; i < store->accounts; i++)
        bench_must(sg_store_stamp(store->f.writer, SG_SLOT_ISSUER, changed[i],
                                  &(struct sg_complete){store->f.boot_ms, store->f.wall_ms}) ==
                           SG_OK &&
                       sg_store_tried(store->f.writer, SG_SLOT_ISSUER, changed[i]) == SG_OK,
                   "stamp");
    sg_jwks_clear(&jwks);
    free(json);
}

static const struct sg_buffer *revocation(void)
{
    static struct sg_buffer compiled;
    struct sg_problems problems = {0};
    struct sg_buffer document = {0};

    if (compiled.length > 0)
        return &compiled;
    sg_policy_write_revocation(&document, (JWT_IAT_S - 200000) * 1000);
    bench_must(sg_policy_compile(&compiled, sg_buffer_text(&document), SG_POLICY_INLINE,
                                 SG_TEXT("AWSRevokeOlderSessions"), &problems) == SG_OK,
               "policy");
    sg_buffer_clear(&document);
    return &compiled;
}

static void put_role(struct sg_table *table, const char *id, size_t role)
{
    char key[32], arn[128], role_id[32];
    struct sg_record record = {.state = SG_ROLE_PRESENT, .created_ms = 1500000000000};

    bench_store_role(key, role);
    snprintf(arn, sizeof(arn), "arn:aws:iam::%s:role/team/%s", id, key);
    snprintf(role_id, sizeof(role_id), "AROA%017zu", role);
    record.arn = sg_text_of(arn);
    record.role_id = sg_text_of(role_id);
    if (role % 100 == 99)
        record.statements = sg_buffer_text(revocation());
    bench_must(sg_table_put_role(table, SG_TEXT("aws"), sg_text_of(id), sg_text_of(key), &record) ==
                   SG_OK,
               "role");
}

void bench_store_publish(struct bench_store *store, size_t account)
{
    struct sg_problems problems = {0};
    struct sg_table *table;
    char label[16], id[16];

    bench_store_label(label, "a", account);
    bench_store_account(id, account);
    bench_must(sg_table_begin_account(&table, store->f.writer, sg_text_of(label), &problems) ==
                   SG_OK,
               "table");
    for (size_t i = 0; i < store->roles_each; i++)
        put_role(table, id, i);
    bench_must(sg_table_commit(table, NULL, 0) == SG_OK, "commit");
}

/* Claimed and stamped, once: a claim reads the configuration. */
static void complete(struct bench_store *store, const struct sg_config *config, size_t account)
{
    char label[16];

    bench_store_label(label, "a", account);
    bench_must(sg_store_claim(store->f.writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                              config->accounts[account].origin) == SG_OK &&
                   sg_store_stamp(store->f.writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                                  &(struct sg_complete){store->f.boot_ms, store->f.wall_ms}) ==
                       SG_OK,
               "stamp");
}

static void make_token(struct bench_store *store, size_t i)
{
    size_t account = i % store->accounts, role = (i * 17) % store->roles_each;
    char text[160], id[16], key[32];
    struct jwt_claims claims;

    jwt_claims_web_identity(&claims, JWT_IAT_S);
    bench_store_account(id, account);
    bench_store_role(key, role);
    snprintf(text, sizeof(text), "https://issuer-%03zu.tokens.sts.global.api.aws", account);
    jwt_set_string(&claims, "iss", text);
    snprintf(text, sizeof(text), "arn:aws:iam::%s:role/team/%s", id, key);
    jwt_set_string(&claims, "sub", text);
    jwt_set_string(&claims, "sts/principal_id", text);
    jwt_set_string(&claims, "sts/aws_account", id);
    jwt_set(&claims, "jti", "\"%zu\"", i);
    store->text[i] = jwt_token(SG_ALG_RS256, &claims);
    store->length[i] = strlen(store->text[i]);
}

void bench_store_make(struct bench_store *store, size_t roles)
{
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;

    store->roles_each = roles < BENCH_ACCOUNT_ROLE ? roles : BENCH_ACCOUNT_ROLE;
    store->accounts = roles / store->roles_each;
    bench_must(store->accounts <= BENCH_ACCOUNTS, "too many roles");
    gate_fixture_init(&store->f);
    write_conf(store);
    publish_keys(store);
    bench_must(sg_config_read(&config, store->f.conf, &problems) == SG_OK, "configuration");
    for (size_t i = 0; i < store->accounts; i++) {
        bench_store_publish(store, i);
        complete(store, config, i);
    }
    sg_config_free(config);
    for (size_t i = 0; i < BENCH_TOKENS; i++)
        make_token(store, i);
    bench_must(gate_fixture_open(&store->f) == 0,
               store->f.problems.data == NULL ? "open" : store->f.problems.data);
    store->reader = store->f.reader;
}

void bench_store_clear(struct bench_store *store)
{
    for (size_t i = 0; i < BENCH_TOKENS; i++)
        free(store->text[i]);
    gate_fixture_clear(&store->f);
}

void bench_store_check(void *payload, uint64_t i)
{
    struct bench_store *store = payload;
    size_t which = (i * 7919) % BENCH_TOKENS;
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {store->text[which], store->length[which]}};
    static struct stsgate_result result;

    result.size = sizeof(result);
    bench_must(stsgate_check(&result, store->reader, &request) == STSGATE_ALLOW,
               stsgate_reason_word(result.reason));
}
