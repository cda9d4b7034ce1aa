/*
 * reader.c - one thread's view of a gate: made after fork, owned by its thread,
 * holding its own mapping of the store, prepared keys and credential cache.
 */
#include "base/buffer.h"
#include "gate/gate.h"

#include <stdlib.h>

/* The store, where anything in the configuration needs it. What is wrong with it is the operator's
 * to read, not a reason not to start. */
static int open_store(struct stsgate_reader *reader)
{
    const struct stsgate *gate = reader->gate;
    const struct sg_config *config = gate->config;
    struct sg_problems problems = {0};
    bool needed = config->account_count > 0;
    int error;

    for (size_t i = 0; i < config->issuer_count; i++)
        needed = needed || config->issuers[i].keys == NULL;
    if (!needed)
        return 0;
    error = sg_store_open(&reader->store, config->state, &config->owners, &gate->clock, &gate->log,
                          &problems);
    for (size_t i = 0; i < problems.stored; i++)
        sg_log(&gate->log, SG_LOG_WARNING, "store: %s", problems.texts[i]);
    sg_problems_clear(&problems);
    return error == SG_OK ? 0 : STSGATE_E_MEMORY;
}

static int open_slots(struct stsgate_reader *reader)
{
    const struct sg_config *config = reader->gate->config;

    for (size_t i = 0; i < config->issuer_count; i++) {
        if (config->issuers[i].keys != NULL || config->issuers[i].kind == SG_ISSUER_CALLER_IDENTITY)
            continue;
        reader->issuers[i].slot =
            sg_store_slot(reader->store, SG_SLOT_ISSUER, sg_text_of(config->issuers[i].label));
        if (reader->issuers[i].slot == NULL)
            return STSGATE_E_MEMORY;
    }
    for (size_t i = 0; i < config->account_count; i++) {
        reader->accounts[i] =
            sg_store_slot(reader->store, SG_SLOT_ACCOUNT, sg_text_of(config->accounts[i].label));
        if (reader->accounts[i] == NULL)
            return STSGATE_E_MEMORY;
    }
    return 0;
}

int stsgate_reader_open(struct stsgate_reader **reader_out, struct stsgate *gate,
                        const struct stsgate_reader *sibling)
{
    struct stsgate_reader *reader;
    int error = STSGATE_E_MEMORY;

    if (reader_out == NULL)
        return STSGATE_E_ARGUMENT;
    *reader_out = NULL;
    if (gate == NULL || (sibling != NULL && sibling->gate != gate))
        return STSGATE_E_ARGUMENT;
    reader = sg_alloc(1, sizeof(*reader));
    if (reader == NULL)
        return STSGATE_E_MEMORY;
    reader->gate = gate;
    sg_questions_init(&reader->questions);
    reader->questions.told = sg_identity_told;
    reader->questions.payload = reader;
    reader->issuers = sg_alloc(gate->config->issuer_count + 1, sizeof(*reader->issuers));
    reader->accounts = sg_alloc(gate->config->account_count + 1, sizeof(struct sg_slot *));
    reader->cache = sg_cache_new(sibling == NULL ? NULL : sibling->cache);
    if (reader->issuers == NULL || reader->accounts == NULL || reader->cache == NULL)
        goto fail;
    error = open_store(reader);
    if (error == 0)
        error = open_slots(reader);
    if (error != 0)
        goto fail;
    *reader_out = reader;
    return 0;

fail:
    stsgate_reader_close(reader);
    return error;
}

void stsgate_reader_close(struct stsgate_reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t i = 0; reader->issuers != NULL && i < reader->gate->config->issuer_count; i++)
        sg_reader_drop_keys(&reader->issuers[i]);
    sg_questions_close(&reader->questions);
    sg_identities_close(&reader->identities);
    sg_cache_free(reader->cache);
    sg_store_close(reader->store);
    free(reader->issuers);
    free(reader->accounts);
    free(reader);
}
