/*
 * bench_gate.c - in process: a cached check, a role lookup, 200 accounts of
 * 5,000 roles, the private memory of a further process, and how soon every
 * reader sees a published change.
 */
#include "bench.h"
#include "gate_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKENS   2000
#define ACCOUNTS 200
#define ROLES    5000
#define AUDIENCE "https://payments.example.com"

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_gate: %s\n", what);
        exit(1);
    }
}

struct tokens {
    struct stsgate_reader *reader;
    char *text[TOKENS];
    size_t length[TOKENS];
};

static void check_one(void *payload, uint64_t i)
{
    struct tokens *tokens = payload;
    size_t which = (i * 7919) % TOKENS;
    struct stsgate_request request = {.size = sizeof(request),
                                      .service = {"payments", 8},
                                      .credential = {tokens->text[which], tokens->length[which]}};
    static struct stsgate_result result;
    enum stsgate_verdict verdict;

    result.size = sizeof(result);
    verdict = stsgate_check(&result, tokens->reader, &request);
    must(verdict == STSGATE_ALLOW, stsgate_reason_word(result.reason));
}

static void label_of(char *out, size_t size, const char *kind, size_t account)
{
    snprintf(out, size, "%s%03zu", kind, account);
}

static void write_conf(struct gate_fixture *f, size_t accounts)
{
    struct sg_buffer conf = {0}, service = {0};

    sg_buffer_addf(&conf,
                   "[agent]\nstate = %%STATE%%\nsocket = %%FOLDER%%/a.sock\nuser = %%USER%%\n");
    sg_buffer_addf(&service, "[service]\naudience = " AUDIENCE
                             "\nallow_roles = arn:aws:iam::*:role/team/*\naccept =");
    for (size_t i = 0; i < accounts; i++) {
        sg_buffer_addf(&conf,
                       "[account a%03zu]\nid = %012zu\n[issuer i%03zu]\nkind = aws-web-identity\n"
                       "url = https://issuer-%03zu.tokens.sts.global.api.aws\naccount = a%03zu\n",
                       i, 100000000000 + i, i, i, i);
        sg_buffer_addf(&service, " i%03zu", i);
    }
    sg_buffer_addf(&service, "\n");
    gate_fixture_write(f, "stsgate.conf", conf.data);
    gate_fixture_write(f, "services.d/payments.conf", service.data);
    sg_buffer_clear(&conf);
    sg_buffer_clear(&service);
}

static void publish_keys(struct gate_fixture *f, size_t accounts)
{
    unsigned algs = SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384);
    struct sg_text changed[ACCOUNTS];
    static char labels[ACCOUNTS][16];
    struct sg_problems problems = {0};
    struct sg_jwks jwks = {0};
    struct sg_table *table;
    char *json = jwt_key_set(algs);

    must(sg_jwks_parse(&jwks, sg_text_of(json), algs, false, "bench", &problems) == SG_OK, "keys");
    must(sg_table_begin_keys(&table, f->writer, &problems) == SG_OK, "keys table");
    for (size_t i = 0; i < accounts; i++) {
        label_of(labels[i], sizeof(labels[i]), "i", i);
        changed[i] = sg_text_of(labels[i]);
        for (size_t k = 0; k < jwks.count; k++) {
            struct sg_buffer packed = {0};

            sg_jwk_pack(&packed, &jwks.keys[k]);
            must(sg_table_put_key(table, changed[i], sg_text_of(jwks.keys[k].kid),
                                  sg_buffer_text(&packed)) == SG_OK,
                 "key");
            sg_buffer_clear(&packed);
        }
    }
    must(sg_table_commit(table, changed, accounts) == SG_OK, "commit keys");
    for (size_t i = 0; i < accounts; i++)
        must(sg_store_stamp(f->writer, SG_SLOT_ISSUER, changed[i],
                            &(struct sg_complete){f->boot_ms, f->wall_ms}) == SG_OK,
             "stamp");
    sg_jwks_clear(&jwks);
    free(json);
}

/* 5,000 roles, one in a hundred revoked long ago. */
static void publish_account(struct gate_fixture *f, size_t account)
{
    static struct sg_buffer revocation;
    struct sg_problems problems = {0};
    struct sg_table *table;
    char label[16], id[16];

    if (revocation.length == 0) {
        struct sg_buffer document = {0};

        sg_policy_write_revocation(&document, (JWT_IAT_S - 200000) * 1000);
        must(sg_policy_compile(&revocation, sg_buffer_text(&document), SG_POLICY_INLINE,
                               SG_TEXT("AWSRevokeOlderSessions"), &problems) == SG_OK,
             "policy");
        sg_buffer_clear(&document);
    }
    label_of(label, sizeof(label), "a", account);
    snprintf(id, sizeof(id), "%012zu", 100000000000 + account);
    must(sg_table_begin_account(&table, f->writer, sg_text_of(label), &problems) == SG_OK, "table");
    for (size_t i = 0; i < ROLES; i++) {
        char key[40], arn[128], role_id[32];
        struct sg_record record = {.state = SG_ROLE_PRESENT, .created_ms = 1500000000000};

        snprintf(key, sizeof(key), "payments-%05zu", i);
        snprintf(arn, sizeof(arn), "arn:aws:iam::%s:role/team/%s", id, key);
        snprintf(role_id, sizeof(role_id), "AROA%017zu", i);
        record.arn = sg_text_of(arn);
        record.role_id = sg_text_of(role_id);
        if (i % 100 == 99)
            record.statements = sg_buffer_text(&revocation);
        must(sg_table_put_role(table, SG_TEXT("aws"), sg_text_of(id), sg_text_of(key), &record) ==
                 SG_OK,
             "role");
    }
    must(sg_table_commit(table, NULL, 0) == SG_OK, "commit");
    gate_fixture_claim(f, label);
    must(sg_store_stamp(f->writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                        &(struct sg_complete){f->boot_ms, f->wall_ms}) == SG_OK,
         "stamp");
}

/* Tokens spread over the accounts, each of another role. */
static void make_tokens(struct tokens *tokens, size_t accounts)
{
    for (size_t i = 0; i < TOKENS; i++) {
        struct jwt_claims claims;
        char text[160];

        free(tokens->text[i]);
        jwt_claims_web_identity(&claims, JWT_IAT_S);
        snprintf(text, sizeof(text), "https://issuer-%03zu.tokens.sts.global.api.aws",
                 i % accounts);
        jwt_set_string(&claims, "iss", text);
        snprintf(text, sizeof(text), "arn:aws:iam::%012zu:role/team/payments-%05zu",
                 100000000000 + i % accounts, (i * 17) % ROLES);
        jwt_set_string(&claims, "sub", text);
        jwt_set_string(&claims, "sts/principal_id", text);
        snprintf(text, sizeof(text), "%012zu", 100000000000 + i % accounts);
        jwt_set_string(&claims, "sts/aws_account", text);
        jwt_set(&claims, "jti", "\"%zu\"", i);
        tokens->text[i] = jwt_token(SG_ALG_RS256, &claims);
        tokens->length[i] = strlen(tokens->text[i]);
    }
}

struct lookup {
    struct sg_store *store;
    struct sg_slot *slot;
    char keys[4096][24];
    size_t lengths[4096];
};

static void look_one_up(void *payload, uint64_t i)
{
    struct lookup *lookup = payload;
    size_t which = (i * 2654435761u) % 4096;
    struct sg_record record;

    must(sg_store_role(lookup->store, lookup->slot, SG_TEXT("aws"), SG_TEXT("100000000000"),
                       (struct sg_text){lookup->keys[which], lookup->lengths[which]},
                       &record) == SG_OK,
         "lookup");
}

static void bench_lookup(struct gate_fixture *f)
{
    static struct lookup lookup;
    struct sg_owners owners = {.uids = {geteuid()}, .count = 1};
    struct sg_problems problems = {0};
    struct sg_stamp stamp;

    must(sg_store_open(&lookup.store, f->state, &owners, &f->clock, NULL, &problems) == SG_OK,
         "store");
    lookup.slot = sg_store_slot(lookup.store, SG_SLOT_ACCOUNT, SG_TEXT("a000"));
    sg_store_refresh(lookup.store, lookup.slot, f->boot_ms, &stamp);
    for (size_t i = 0; i < 4096; i++) {
        snprintf(lookup.keys[i], sizeof(lookup.keys[i]), "payments-%05zu", (i * 31) % ROLES);
        lookup.lengths[i] = strlen(lookup.keys[i]);
    }
    bench("role_lookup_5000", 20000, look_one_up, &lookup);
    sg_store_close(lookup.store);
}

/* Private_Clean + Private_Dirty of this process, in KiB. */
static long private_kib(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long sum = 0, one;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "Private_Clean: %ld kB", &one) == 1 ||
            sscanf(line, "Private_Dirty: %ld kB", &one) == 1)
            sum += one;
    }
    if (file != NULL)
        fclose(file);
    return sum;
}

static int64_t bench_wall(void *context)
{
    (void)context;
    return (JWT_IAT_S + 10) * 1000;
}

static int64_t bench_boot(void *context)
{
    (void)context;
    return 1000000;
}

/* Every account used once, with the tokens of a file, a line each. */
static void check_file(struct stsgate_reader *reader, FILE *file)
{
    static char line[STSGATE_CREDENTIAL_MAX];

    while (fgets(line, sizeof(line), file) != NULL) {
        struct stsgate_request request = {.size = sizeof(request),
                                          .service = {"payments", 8},
                                          .credential = {line, strcspn(line, "\n")}};
        struct stsgate_result result = {.size = sizeof(result)};

        must(stsgate_check(&result, reader, &request) == STSGATE_ALLOW, "worker's check");
    }
}

/*
 * What a further worker costs, forked as nginx does from a master that holds the gate: a reader
 * that uses every account. A program of its own, so that nothing but the gate is in the master's
 * heap.
 */
static int worker_memory(const char *folder, const char *tokens)
{
    struct stsgate_options options = {.size = sizeof(options), .folder = folder};
    const struct sg_clock clock = {bench_wall, bench_boot, NULL};
    struct stsgate *gate = NULL;
    FILE *file = fopen(tokens, "r");
    int status = 1;
    pid_t pid;

    must(file != NULL && stsgate_open(&gate, &options) == 0, "master's gate");
    sg_gate_set_clock(gate, &clock);
    pid = fork();
    if (pid == 0) {
        struct stsgate_reader *reader = NULL;
        long before = private_kib();

        must(stsgate_reader_open(&reader, gate, NULL) == 0, "worker's reader");
        check_file(reader, file);
        bench_value("further_worker_private", (double)(private_kib() - before), "KiB");
        _exit(0);
    }
    must(waitpid(pid, &status, 0) == pid && status == 0, "worker");
    fclose(file);
    stsgate_close(gate);
    return 0;
}

/* This program once more, while this process keeps every table mapped. */
static void bench_memory(const struct gate_fixture *f, const struct tokens *tokens, size_t accounts)
{
    char path[96];
    FILE *file;
    int status = 1;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/tokens", f->folder);
    file = fopen(path, "w");
    must(file != NULL, path);
    for (size_t i = 0; i < accounts; i++)
        fprintf(file, "%s\n", tokens->text[i]);
    must(fclose(file) == 0, path);
    pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "bench_gate", "--worker-memory", f->conf, path, NULL);
        _exit(1);
    }
    must(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "worker memory");
}

/* One role's change: from the first byte written to the moment another process reads it. */
static void bench_publish(struct gate_fixture *f)
{
    int ready[2], seen[2];
    double worst = 0;
    pid_t pid;

    must(pipe(ready) == 0 && pipe(seen) == 0, "pipe");
    pid = fork();
    if (pid == 0) {
        struct sg_owners owners = {.uids = {geteuid()}, .count = 1};
        struct sg_problems problems = {0};
        struct sg_store *store = NULL;
        struct sg_slot *slot;
        struct sg_stamp stamp;
        uint64_t last = 0;

        must(sg_store_open(&store, f->state, &owners, &f->clock, NULL, &problems) == SG_OK, "");
        slot = sg_store_slot(store, SG_SLOT_ACCOUNT, SG_TEXT("a007"));
        for (int round = 0; round <= 20; round++) {
            int64_t now;

            do
                sg_store_refresh(store, slot, f->boot_ms, &stamp);
            while (stamp.generation == last);
            last = stamp.generation;
            now = bench_now_ns();
            must(write(round == 0 ? ready[1] : seen[1], &now, sizeof(now)) == sizeof(now), "");
        }
        _exit(0);
    }
    for (int round = 0; round <= 20; round++) {
        int64_t began = bench_now_ns(), saw;

        if (round > 0)
            publish_account(f, 7);
        must(read(round == 0 ? ready[0] : seen[0], &saw, sizeof(saw)) == sizeof(saw), "read");
        if (round > 0 && (double)(saw - began) / 1e6 > worst)
            worst = (double)(saw - began) / 1e6;
    }
    waitpid(pid, NULL, 0);
    bench_value("publish_one_account_worst_of_20", worst, "ms");
}

static double store_mb(const struct gate_fixture *f, size_t accounts)
{
    double sum = 0;

    for (size_t i = 0; i < accounts; i++) {
        char path[160];
        struct stat status;

        snprintf(path, sizeof(path), "%s/account-a%03zu.cdb", f->state, i);
        must(stat(path, &status) == 0, path);
        sum += (double)status.st_size / 1e6;
    }
    return sum;
}

static void open_with(struct gate_fixture *f, struct tokens *tokens, size_t accounts)
{
    write_conf(f, accounts);
    publish_keys(f, accounts);
    for (size_t i = 0; i < accounts; i++)
        publish_account(f, i);
    make_tokens(tokens, accounts);
    must(gate_fixture_open(f) == 0, f->problems.data == NULL ? "open" : f->problems.data);
    tokens->reader = f->reader;
}

int main(int argc, char **argv)
{
    static struct gate_fixture f;
    static struct tokens tokens;

    if (argc == 4 && strcmp(argv[1], "--worker-memory") == 0)
        return worker_memory(argv[2], argv[3]);
    gate_fixture_init(&f);
    open_with(&f, &tokens, 1);
    bench_lookup(&f);
    bench("cached_check_1_account", TOKENS, check_one, &tokens);
    stsgate_reader_close(f.reader);
    stsgate_close(f.gate);
    open_with(&f, &tokens, ACCOUNTS);
    bench("cached_check_200_accounts", TOKENS, check_one, &tokens);
    bench_value("store_of_200_accounts", store_mb(&f, ACCOUNTS), "MB");
    bench_memory(&f, &tokens, ACCOUNTS);
    bench_publish(&f);
    gate_fixture_clear(&f);
    return 0;
}
