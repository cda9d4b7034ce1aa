/*
 * keys.c - from a token's kid to a key that is ready to verify. Keys are
 * prepared once a reader and generation; no key is ever fetched here.
 */
#include "base/buffer.h"
#include "gate/gate.h"

#include <stdlib.h>

void sg_reader_drop_keys(struct sg_issuer_view *view)
{
    while (view->prepared != NULL) {
        struct sg_prepared_key *next = view->prepared->next;

        sg_verify_key_free(view->prepared->key);
        free(view->prepared);
        view->prepared = next;
    }
}

enum stsgate_reason sg_reader_issuer(struct sg_issuer_view **view_out,
                                     struct stsgate_reader *reader, size_t issuer, int64_t boot_ms)
{
    struct sg_issuer_view *view = &reader->issuers[issuer];
    struct sg_stamp stamp;

    *view_out = view;
    if (view->slot == NULL) /* keys from a file, as old as the configuration */
        return STSGATE_REASON_NONE;
    sg_store_refresh(reader->store, view->slot, boot_ms, &stamp);
    view->tried_boot_ms = stamp.tried_boot_ms;
    if (stamp.generation != view->prepared_generation) {
        sg_reader_drop_keys(view);
        view->prepared_generation = stamp.generation;
    }
    if (stamp.generation == 0 || !stamp.this_boot ||
        boot_ms - stamp.complete_boot_ms > SG_KEYS_MAX_AGE_MS)
        return STSGATE_REASON_KEYS_UNAVAILABLE;
    return STSGATE_REASON_NONE;
}

/* The key's algorithms and material: from the issuer's file, or from the store. */
static enum stsgate_reason find_material(unsigned *algs, struct sg_text *material,
                                         struct stsgate_reader *reader, size_t issuer,
                                         const char *kid, int64_t boot_ms)
{
    const struct sg_jwks *file = &reader->gate->key_files[issuer];
    const struct sg_issuer_view *view = &reader->issuers[issuer];
    struct sg_text packed;
    int error;

    if (view->slot == NULL) {
        for (size_t i = 0; i < file->count; i++) {
            if (strcmp(file->keys[i].kid, kid) == 0) {
                *algs = file->keys[i].algs;
                *material = sg_buffer_text(&file->keys[i].material);
                return STSGATE_REASON_NONE;
            }
        }
        return STSGATE_REASON_UNKNOWN_KEY;
    }
    error = sg_store_key(reader->store, view->slot, sg_text_of(kid), &packed);
    if (error == SG_E_ABSENT && view->tried_boot_ms > 0 &&
        boot_ms - view->tried_boot_ms < SG_KEY_REFETCH_WINDOW_MS)
        return STSGATE_REASON_UNKNOWN_KEY;
    if (error != SG_OK || !sg_jwk_unpack(algs, material, packed))
        return STSGATE_REASON_KEYS_UNAVAILABLE;
    return STSGATE_REASON_NONE;
}

enum stsgate_reason sg_reader_key(struct sg_verify_key **key, struct stsgate_reader *reader,
                                  size_t issuer, const struct sg_jwt *jwt, int64_t boot_ms)
{
    struct sg_issuer_view *view = &reader->issuers[issuer];
    struct sg_prepared_key *prepared;
    struct sg_text material;
    enum stsgate_reason reason;
    unsigned algs = 0;

    *key = NULL;
    for (prepared = view->prepared; prepared != NULL; prepared = prepared->next) {
        if (sg_verify_key_alg(prepared->key) == jwt->alg && strcmp(prepared->kid, jwt->kid) == 0) {
            *key = prepared->key;
            return STSGATE_REASON_NONE;
        }
    }
    reason = find_material(&algs, &material, reader, issuer, jwt->kid, boot_ms);
    if (reason != STSGATE_REASON_NONE)
        return reason;
    if ((algs & SG_ALG_BIT(jwt->alg)) == 0)
        return STSGATE_REASON_BAD_ALGORITHM;
    prepared = sg_alloc(1, sizeof(*prepared) + strlen(jwt->kid) + 1);
    if (prepared == NULL)
        return STSGATE_REASON_INTERNAL_ERROR;
    memcpy(prepared->kid, jwt->kid, strlen(jwt->kid) + 1);
    if (sg_verify_key_new(&prepared->key, jwt->alg, material) != SG_OK) {
        free(prepared);
        return STSGATE_REASON_INTERNAL_ERROR;
    }
    prepared->next = view->prepared;
    view->prepared = prepared;
    *key = prepared->key;
    return STSGATE_REASON_NONE;
}
