/*
 * fuzz_caller_identity.c - a signed GetCallerIdentity as a client presents it, and as a gate hands
 * it to the agent. Input that begins with "h" is a URL in the clear; with "{" the headers of a POST
 * in the clear; with "P" what comes over the socket; the rest a credential as it stands.
 */
#include "../unit/identity_maker.h"
#include "credential/caller_identity.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_accepted(const struct sg_caller_identity *identity)
{
    const struct sg_signed_call *calls[] = {&identity->sts, &identity->companion};

    must(identity->issuer != NULL && strcmp(identity->account, ID_ACCOUNT) == 0);
    for (size_t i = 0; i < (identity->has_companion ? 2u : 1u); i++) {
        must(strcmp(calls[i]->host.partition, "aws") == 0 && calls[i]->host.name[0] != 0);
        must(calls[i]->token.length > 0 && calls[i]->signature.length == 64);
        must(sg_identity_signs(calls[i], SG_TEXT("host")));
        must(sg_identity_signs(calls[i], sg_text_of(identity->issuer->bind_header)));
    }
    if (identity->has_companion)
        must(sg_text_equal(identity->sts.token, identity->companion.token));
}

/* What was accepted is accepted again by the agent, as the same request. */
static void pack_and_unpack(struct sg_caller_identity *identity, const struct sg_issuer *issuer)
{
    struct sg_buffer packed = {0}, again = {0};

    if (sg_identity_pack(&packed, identity)) {
        must(sg_identity_unpack(identity, sg_buffer_text(&packed), issuer) == STSGATE_REASON_NONE);
        check_accepted(identity);
        must(sg_identity_pack(&again, identity) &&
             sg_text_equal(sg_buffer_text(&packed), sg_buffer_text(&again)));
    }
    sg_buffer_wipe(&packed);
    sg_buffer_wipe(&again);
}

static void read_one(struct sg_text credential)
{
    static struct identity_service with;
    static struct sg_caller_identity identity;

    if (with.service.name == NULL)
        identity_service_init(&with);
    if (sg_identity_read(&identity, credential, &with.service, ID_DATE_MS + 1000) ==
        STSGATE_REASON_NONE) {
        check_accepted(&identity);
        pack_and_unpack(&identity, &with.issuer);
    } else {
        must(identity.why != NULL);
    }
    sg_identity_wipe(&identity);
}

static void unpack_one(struct sg_text packed)
{
    static struct identity_service with;
    static struct sg_caller_identity identity;

    if (with.service.name == NULL)
        identity_service_init(&with);
    if (sg_identity_unpack(&identity, packed, &with.issuer) == STSGATE_REASON_NONE)
        check_accepted(&identity);
    sg_identity_wipe(&identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = sg_text_dup((struct sg_text){(const char *)data, size});
    char *credential = NULL;

    if (size > 0 && data[0] == 'P') {
        unpack_one((struct sg_text){(const char *)data + 1, size - 1});
    } else if (text != NULL && text[0] == 'h' && size < 6000) {
        read_one((struct sg_text){text, size});
        credential = identity_token_of(text);
    } else if (text != NULL && text[0] == '{' && size < 6000) {
        credential = identity_post_of(ID_POST_URL, ID_POST_BODY, text);
    } else {
        read_one((struct sg_text){(const char *)data, size});
    }
    if (credential != NULL)
        read_one(sg_text_of(credential));
    free(credential);
    free(text);
    return 0;
}
