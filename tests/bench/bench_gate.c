/*
 * bench_gate.c - in process, each beside its floor: a role's lookup and a bare
 * find in the same table; the check of a credential seen before and one MAC over its bytes; a
 * token's claims and json-c; and what 10,000 unknown key ids are refused for.
 */
#include "bench.h"
#include "bench_store.h"

#include "credential/claims.h"
#include "store/table.h"

#include <cdb.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS    4096
#define UNKNOWN 10000

/* --- a role's record --- */

struct lookup {
    struct sg_store *store;
    struct sg_slot *slot;
    struct cdb cdb;
    char names[KEYS][32];
    struct sg_role_key keys[KEYS];
};

static size_t scattered(uint64_t i)
{
    return (i * 2654435761u) % KEYS;
}

static void find_role(void *payload, uint64_t i)
{
    struct lookup *lookup = payload;
    struct sg_record record;

    bench_must(sg_store_role(lookup->store, lookup->slot, SG_TEXT("aws"), SG_TEXT("100000000000"),
                             sg_text_of(lookup->names[scattered(i)]), &record) == SG_OK,
               "lookup");
}

static void find_bare(void *payload, uint64_t i)
{
    struct lookup *lookup = payload;
    const struct sg_role_key *key = &lookup->keys[scattered(i)];

    bench_must(cdb_find(&lookup->cdb, key->bytes, key->length) == 1, "find");
}

static void bench_lookup(struct bench_store *store)
{
    static struct lookup lookup;
    struct sg_owners owners = {.uids = {geteuid()}, .count = 1};
    struct sg_problems problems = {0};
    struct sg_stamp stamp;
    char path[160];
    int file;

    snprintf(path, sizeof(path), "%s/account-a000.cdb", store->f.state);
    file = open(path, O_RDONLY | O_CLOEXEC);
    bench_must(file >= 0 && cdb_init(&lookup.cdb, file) == 0, path);
    bench_must(sg_store_open(&lookup.store, store->f.state, &owners, &store->f.clock, NULL,
                             &problems) == SG_OK,
               "store");
    lookup.slot = sg_store_slot(lookup.store, SG_SLOT_ACCOUNT, SG_TEXT("a000"));
    sg_store_refresh(lookup.store, lookup.slot, store->f.boot_ms, &stamp);
    for (size_t i = 0; i < KEYS; i++) {
        bench_store_role(lookup.names[i], (i * 31) % store->roles_each);
        bench_must(sg_role_key_make(&lookup.keys[i], SG_TEXT("aws"), SG_TEXT("100000000000"),
                                    sg_text_of(lookup.names[i])),
                   "key");
    }
    bench_beside("role_lookup_5000", 20000, (struct bench_work){find_role, &lookup, NULL},
                 (struct bench_work){find_bare, &lookup, NULL});
    sg_store_close(lookup.store);
    cdb_free(&lookup.cdb);
    close(file);
}

/* --- one MAC over a credential, as cheap as OpenSSL has one --- */

struct mac {
    EVP_MAC_CTX *context;
    const struct bench_store *store;
};

static void mac_one(void *payload, uint64_t i)
{
    static const unsigned char key[32] = {1};
    struct mac *mac = payload;
    size_t which = (i * 7919) % BENCH_TOKENS, length = 0;
    unsigned char out[16];

    bench_must(EVP_MAC_init(mac->context, key, sizeof(key), NULL) == 1 &&
                   EVP_MAC_update(mac->context, (const unsigned char *)mac->store->text[which],
                                  mac->store->length[which]) == 1 &&
                   EVP_MAC_final(mac->context, out, &length, sizeof(out)) == 1,
               "mac");
}

static void mac_open(struct mac *mac, const struct bench_store *store)
{
    EVP_MAC *poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);

    mac->store = store;
    mac->context = EVP_MAC_CTX_new(poly1305);
    bench_must(mac->context != NULL, "mac");
    EVP_MAC_free(poly1305);
}

/* --- a token's claims, 700 bytes or so --- */

struct claims {
    char *text;
    const struct sg_service *service;
    struct json_tokener *tokener;
};

static void scan_claims(void *payload, uint64_t i)
{
    const struct claims *claims = payload;
    static struct sg_claims found;

    (void)i;
    bench_must(sg_claims_scan(&found, sg_text_of(claims->text), claims->service) && found.for_us,
               "claims");
}

static void scan_json(void *payload, uint64_t i)
{
    const struct claims *claims = payload;

    (void)i;
    bench_must(sg_json_scan(sg_text_of(claims->text), NULL, NULL, NULL) == SG_OK, "scan");
}

static void parse_json_c(void *payload, uint64_t i)
{
    const struct claims *claims = payload;
    struct json_object *tree;

    (void)i;
    json_tokener_reset(claims->tokener);
    tree = json_tokener_parse_ex(claims->tokener, claims->text, (int)strlen(claims->text));
    bench_must(tree != NULL, "json-c");
    json_object_put(tree);
}

static void bench_claims(struct bench_store *store)
{
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;
    struct jwt_claims made;
    struct claims claims = {.tokener = json_tokener_new()};

    jwt_claims_web_identity(&made, JWT_IAT_S);
    jwt_set_string(&made, "iss", "https://issuer-000.tokens.sts.global.api.aws");
    claims.text = jwt_claims_json(&made);
    bench_must(sg_config_read(&config, store->f.conf, &problems) == SG_OK, "configuration");
    claims.service = &config->services[0];
    bench_value("claims_length", (double)strlen(claims.text), "bytes");
    bench_beside("json_scan", 10000, (struct bench_work){scan_json, &claims, NULL},
                 (struct bench_work){parse_json_c, &claims, NULL});
    bench_beside("claims_in_one_pass", 10000, (struct bench_work){scan_claims, &claims, NULL},
                 (struct bench_work){parse_json_c, &claims, NULL});
    sg_config_free(config);
    json_tokener_free(claims.tokener);
    free(claims.text);
}

/* --- key ids that nobody knows, each another --- */

struct unknown {
    struct bench_store *store;
    char *text[UNKNOWN];
};

static void refuse_unknown(void *payload, uint64_t i)
{
    struct unknown *unknown = payload;
    const char *text = unknown->text[i % UNKNOWN];
    struct stsgate_request request = {
        .size = sizeof(request), .service = {"payments", 8}, .credential = {text, strlen(text)}};
    static struct stsgate_result result;

    result.size = sizeof(result);
    bench_must(stsgate_check(&result, unknown->store->reader, &request) == STSGATE_DENY &&
                   result.reason == STSGATE_REASON_UNKNOWN_KEY,
               stsgate_reason_word(result.reason));
}

static void bench_unknown(struct bench_store *store)
{
    static struct unknown unknown;

    unknown.store = store;
    for (size_t i = 0; i < UNKNOWN; i++) {
        const char *rest = strchr(store->text[i % BENCH_TOKENS], '.');
        char header[96], *head;

        snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%08zx\"}",
                 i * 2654435761u);
        head = jwt_base64url(header, strlen(header));
        bench_must(asprintf(&unknown.text[i], "%s%s", head, rest) > 0, "token");
        free(head);
    }
    bench("unknown_key_id_refused", UNKNOWN, refuse_unknown, &unknown);
    for (size_t i = 0; i < UNKNOWN; i++)
        free(unknown.text[i]);
}

int main(void)
{
    static struct bench_store store;
    struct mac mac;

    bench_store_make(&store, BENCH_ACCOUNT_ROLE);
    bench_lookup(&store);
    mac_open(&mac, &store);
    bench_beside("cached_check", BENCH_TOKENS, (struct bench_work){bench_store_check, &store, NULL},
                 (struct bench_work){mac_one, &mac, NULL});
    EVP_MAC_CTX_free(mac.context);
    bench_claims(&store);
    bench_unknown(&store);
    bench_store_clear(&store);
    return 0;
}
