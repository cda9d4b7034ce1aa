/*
 * identity_mutations.h - what may be changed in a presigned GetCallerIdentity: each must be refused
 * offline. For URLs with the fixed parts of identity_maker.h, by whatever signer.
 */
#ifndef SG_TESTS_IDENTITY_MUTATIONS_H
#define SG_TESTS_IDENTITY_MUTATIONS_H

#include <stddef.h>
#include <stsgate/stsgate.h>

struct identity_mutation {
    const char *name, *find, *with; /* find: what is replaced, once */
    enum stsgate_reason reason;
};

extern const struct identity_mutation identity_url_mutations[];
extern const size_t identity_url_mutation_count;

#endif
