/*
 * keys.c - finds condition keys by name and answers from the table of keys.h.
 * Must never call a key absent that some session may have.
 */
#include "policy/keys.h"

#define C  SG_KEY_CONSTANT
#define P  SG_KEY_PRINCIPAL
#define F  SG_KEY_FAMILY
#define CP (SG_KEY_CONSTANT | SG_KEY_PRINCIPAL)
#define PF (SG_KEY_PRINCIPAL | SG_KEY_FAMILY)

static const struct key {
    struct sg_text name;
    unsigned traits;
    enum sg_telling telling[SG_CREDENTIAL_KINDS];
} keys[SG_KEY_COUNT] = {
#define X(key, name, traits, web_identity, jwt, caller_identity)                                   \
    [SG_KEY_##key] = {{(name), sizeof(name) - 1},                                                  \
                      (traits),                                                                    \
                      {SG_##web_identity, SG_##jwt, SG_##caller_identity}},
    SG_KEYS(X)
#undef X
};

enum sg_key sg_key_find(struct sg_text name)
{
    for (int i = 1; i < SG_KEY_COUNT; i++) {
        const struct key *key = &keys[i];

        if ((key->traits & SG_KEY_FAMILY) != 0
                ? name.length > key->name.length && sg_text_starts_nocase(name, key->name)
                : sg_text_equal_nocase(name, key->name))
            return (enum sg_key)i;
    }
    return SG_KEY_OTHER;
}

struct sg_text sg_key_name(enum sg_key key)
{
    return keys[key].name;
}

unsigned sg_key_traits(enum sg_key key)
{
    return keys[key].traits;
}

/*
 * `s3:prefix` is in requests to S3 only. But a name with a dot or a slash is an identity provider's
 * (`accounts.google.com:sub`), which a session keeps, as it does what `saml:` tells; `jwt:` and
 * `ldap:` are such keys of self-hosted STSs. New `aws:` keys come to all services.
 */
static bool is_another_service(struct sg_text name, struct sg_text action)
{
    static const struct sg_text everywhere[] = {
        {"aws", 3}, {"saml", 4}, {"jwt", 3}, {"ldap", 4}, {"identitystore", 13},
    };
    struct sg_text vendor, service;

    if (!sg_text_cut(&vendor, &name, ':') || memchr(vendor.data, '.', vendor.length) != NULL ||
        memchr(vendor.data, '/', vendor.length) != NULL)
        return false;
    for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++) {
        if (sg_text_equal_nocase(vendor, everywhere[i]))
            return false;
    }
    return !sg_text_cut(&service, &action, ':') || !sg_text_equal_nocase(vendor, service);
}

enum sg_telling sg_key_telling(enum sg_key key, struct sg_text name, enum sg_credential_kind kind,
                               struct sg_text action)
{
    if (key != SG_KEY_OTHER)
        return keys[key].telling[kind];
    return is_another_service(name, action) ? SG_TELLS_ABSENT : SG_TELLS_NOT;
}
