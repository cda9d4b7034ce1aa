/*
 * gate_fixture.c - see gate_fixture.h.
 */
#include "gate_fixture.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "gate_fixture: %s: %s\n", what, strerror(errno));
        abort();
    }
}

static int64_t wall(void *context)
{
    return ((struct gate_fixture *)context)->wall_ms;
}

static int64_t boot(void *context)
{
    return ((struct gate_fixture *)context)->boot_ms;
}

void gate_fixture_init(struct gate_fixture *f)
{
    struct sg_problems problems = {0};
    struct sg_owners owners = {.uids = {geteuid()}, .count = 1};

    memset(f, 0, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/stsgate-test-XXXXXX");
    must(mkdtemp(f->folder) != NULL, "mkdtemp");
    snprintf(f->conf, sizeof(f->conf), "%s/conf", f->folder);
    snprintf(f->state, sizeof(f->state), "%s/state", f->folder);
    must(mkdir(f->conf, 0755) == 0, "mkdir");
    must(chdir(f->conf) == 0 && mkdir("services.d", 0755) == 0, "services.d");
    f->wall_ms = (JWT_IAT_S + 10) * 1000;
    f->boot_ms = 1000000;
    f->clock = (struct sg_clock){wall, boot, f};
    must(sg_store_writer_open(&f->writer, f->state, &owners, &f->clock, &problems) == SG_OK,
         "sg_store_writer_open");
    sg_problems_clear(&problems);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void gate_fixture_clear(struct gate_fixture *f)
{
    stsgate_reader_close(f->reader);
    stsgate_close(f->gate);
    sg_store_writer_close(f->writer);
    must(chdir("/") == 0, "chdir");
    (void)nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    sg_buffer_clear(&f->problems);
    sg_buffer_clear(&f->log);
}

static void put_in(struct sg_buffer *out, const struct gate_fixture *f, const char *text)
{
    while (*text != 0) {
        if (strncmp(text, "%STATE%", 7) == 0) {
            sg_buffer_addf(out, "%s", f->state);
            text += 7;
        } else if (strncmp(text, "%USER%", 6) == 0) {
            sg_buffer_addf(out, "%u", (unsigned)geteuid());
            text += 6;
        } else if (strncmp(text, "%FOLDER%", 8) == 0) {
            sg_buffer_addf(out, "%s", f->folder);
            text += 8;
        } else {
            sg_buffer_add(out, text++, 1);
        }
    }
}

void gate_fixture_write(struct gate_fixture *f, const char *name, const char *text)
{
    struct sg_buffer content = {0};
    char path[160];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", f->conf, name);
    put_in(&content, f, text);
    file = fopen(path, "w");
    must(file != NULL && fwrite(content.data, 1, content.length, file) == content.length, path);
    must(fclose(file) == 0, path);
    sg_buffer_clear(&content);
}

void gate_fixture_write_usual(struct gate_fixture *f, const char *extra)
{
    struct sg_buffer service = {0};

    gate_fixture_write(f, "stsgate.conf",
                       "[agent]\nstate = %STATE%\nsocket = %FOLDER%/agent.sock\nuser = %USER%\n"
                       "[account prod]\nid = " JWT_ACCOUNT "\n"
                       "[issuer prod]\nkind = aws-web-identity\nurl = " JWT_ISSUER
                       "\naccount = prod\n");
    sg_buffer_addf(&service,
                   "[service]\naccept = prod\naudience = " JWT_AUDIENCE
                   "\nallow_roles = arn:aws:iam::" JWT_ACCOUNT ":role/team/*\n%s\n",
                   extra);
    gate_fixture_write(f, "services.d/payments.conf", service.data);
    sg_buffer_clear(&service);
}

static void told(void *payload, const char *text)
{
    struct gate_fixture *f = payload;

    sg_buffer_addf(&f->problems, "%s\n", text);
}

static void logged(void *payload, int level, const char *line)
{
    struct gate_fixture *f = payload;

    sg_buffer_addf(&f->log, "<%d>%s\n", level, line);
}

int gate_fixture_open(struct gate_fixture *f)
{
    struct stsgate_options options = {
        .size = sizeof(options), .folder = f->conf, .problem = told, .log = logged, .payload = f};
    int error = stsgate_open(&f->gate, &options);

    if (error != 0)
        return error;
    sg_gate_set_clock(f->gate, &f->clock);
    return stsgate_reader_open(&f->reader, f->gate, NULL);
}

void gate_fixture_publish_keys(struct gate_fixture *f, const char *label, unsigned algs)
{
    struct sg_text changed = sg_text_of(label);
    struct sg_problems problems = {0};
    struct sg_jwks jwks = {0};
    struct sg_table *table;
    char *json = jwt_key_set(algs);

    must(sg_jwks_parse(&jwks, sg_text_of(json), algs, false, "test", &problems) == SG_OK, json);
    must(sg_table_begin_keys(&table, f->writer, &problems) == SG_OK, "keys");
    for (size_t i = 0; i < jwks.count; i++) {
        struct sg_buffer packed = {0};

        sg_jwk_pack(&packed, &jwks.keys[i]);
        must(sg_table_put_key(table, changed, sg_text_of(jwks.keys[i].kid),
                              sg_buffer_text(&packed)) == SG_OK,
             "key");
        sg_buffer_clear(&packed);
    }
    must(sg_table_commit(table, &changed, 1) == SG_OK, "commit keys");
    must(sg_store_stamp(f->writer, SG_SLOT_ISSUER, changed,
                        &(struct sg_complete){f->boot_ms, f->wall_ms}) == SG_OK,
         "stamp");
    must(sg_store_tried(f->writer, SG_SLOT_ISSUER, changed) == SG_OK, "tried");
    sg_problems_clear(&problems);
    sg_jwks_clear(&jwks);
    free(json);
}

void gate_fixture_claim(struct gate_fixture *f, const char *label)
{
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;

    must(sg_config_read(&config, f->conf, &problems) == SG_OK, "configuration");
    for (size_t i = 0; i < config->account_count; i++) {
        if (strcmp(config->accounts[i].label, label) == 0)
            must(sg_store_claim(f->writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                                config->accounts[i].origin) == SG_OK,
                 "claim");
    }
    sg_config_free(config);
    sg_problems_clear(&problems);
}

void gate_fixture_publish_role(struct gate_fixture *f, const char *label, bool role,
                               const char *policy, int64_t first_seen_ms)
{
    struct sg_record record = {.state = SG_ROLE_PRESENT,
                               .cutoff_ms = SG_CUTOFF_NONE,
                               .created_ms = 0,
                               .arn = SG_TEXT(JWT_ROLE),
                               .role_id = SG_TEXT("AROAEXAMPLE0000000001")};
    struct sg_problems problems = {0};
    struct sg_buffer statements = {0};
    struct sg_table *table;

    if (policy != NULL)
        must(sg_policy_compile(&statements, sg_text_of(policy), SG_POLICY_INLINE,
                               SG_TEXT("AWSRevokeOlderSessions"), &problems) == SG_OK,
             policy);
    for (size_t at = 0; at < statements.length;) {
        struct sg_statement *one = (struct sg_statement *)(void *)(statements.data + at);

        one->flags |= SG_STATEMENT_FROM_IAM;
        one->first_seen_ms = first_seen_ms;
        at += one->size;
    }
    record.statements = sg_buffer_text(&statements);
    must(sg_table_begin_account(&table, f->writer, sg_text_of(label), &problems) == SG_OK, "table");
    if (role)
        must(sg_table_put_role(table, SG_TEXT("aws"), SG_TEXT(JWT_ACCOUNT),
                               SG_TEXT("payments-writer"), &record) == SG_OK,
             "role");
    must(sg_table_commit(table, NULL, 0) == SG_OK, "commit");
    gate_fixture_claim(f, label);
    must(sg_store_stamp(f->writer, SG_SLOT_ACCOUNT, sg_text_of(label),
                        &(struct sg_complete){f->boot_ms, f->wall_ms}) == SG_OK,
         "stamp");
    sg_buffer_clear(&statements);
    sg_problems_clear(&problems);
}

struct stsgate_result gate_fixture_check(struct gate_fixture *f, const char *token)
{
    struct stsgate_request request = {
        .size = sizeof(request),
        .service = {"payments", 8},
        .credential = {token, token == NULL ? 0 : strlen(token)},
    };
    struct stsgate_result result = {.size = sizeof(result)};
    enum stsgate_verdict verdict = stsgate_check(&result, f->reader, &request);

    must(verdict == result.verdict, "the returned verdict is the result's");
    return result;
}
