/*
 * table.c - what writing and reading tables share: names of files and keys inside them. A key is
 * made of bounded parts without NUL, so that no two roles ever share one.
 */
#include "store/table.h"

#include <openssl/evp.h>
#include <stdio.h>

_Static_assert(sizeof(struct sg_table_trailer) == 96, "the trailer is a file format");

const char sg_table_magic[8] = {'s', 'g', '-', 't', 'b', 'l', '\r', '\n'};

bool sg_sha256(unsigned char digest[static 32], const void *bytes, size_t length)
{
    return EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) == 1;
}

static bool label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool sg_label_valid(struct sg_text label)
{
    if (label.length == 0 || label.length > SG_LABEL_MAX || !label_byte(label.data[0]))
        return false;
    for (size_t i = 1; i < label.length; i++) {
        const char c = label.data[i];

        if (!label_byte(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

struct sg_table_name sg_table_name(enum sg_table_kind kind, struct sg_text label)
{
    struct sg_table_name name;

    if (kind == SG_TABLE_KEYS)
        (void)snprintf(name.text, sizeof name.text, "%s", SG_KEYS_NAME);
    else
        (void)snprintf(name.text, sizeof name.text, "account-%.*s.cdb", SG_TEXT_ARG(label));
    return name;
}

static bool part_fits(struct sg_text part, size_t most)
{
    return part.length <= most &&
           (part.length == 0 || memchr(part.data, '\0', part.length) == NULL);
}

static size_t put(char *bytes, size_t at, struct sg_text part)
{
    if (part.length > 0)
        memcpy(bytes + at, part.data, part.length);
    return at + part.length;
}

bool sg_role_key_make(struct sg_role_key *key, struct sg_text partition, struct sg_text account,
                      struct sg_text role_key)
{
    size_t at;

    if (!part_fits(partition, 32) || !part_fits(account, 12) ||
        !part_fits(role_key, SG_PRINCIPAL_KEY_MAX) || role_key.length == 0)
        return false;
    at = put(key->bytes, 0, partition);
    key->bytes[at++] = '\0';
    at = put(key->bytes, at, account);
    key->bytes[at++] = '\0';
    at = put(key->bytes, at, role_key);
    while (at % 8 != 0)
        key->bytes[at++] = '\0';
    key->length = (unsigned)at;
    return true;
}

bool sg_role_key_split(struct sg_text *partition, struct sg_text *account, struct sg_text *role_key,
                       struct sg_text key)
{
    struct sg_role_key again;

    if (key.length > SG_ROLE_KEY_SIZE || !sg_text_cut(partition, &key, '\0') ||
        !sg_text_cut(account, &key, '\0'))
        return false;
    const size_t length = partition->length + account->length + 2 + key.length;
    while (key.length > 0 && key.data[key.length - 1] == '\0')
        key.length--;
    *role_key = key;
    /* One spelling only. */
    return sg_role_key_make(&again, *partition, *account, *role_key) && again.length == length;
}

bool sg_kid_key_make(struct sg_kid_key *key, struct sg_text issuer, struct sg_text kid)
{
    size_t at;

    if (!sg_label_valid(issuer) || !part_fits(kid, SG_KID_MAX_BYTES))
        return false;
    at = put(key->bytes, 0, issuer);
    key->bytes[at++] = '\0';
    key->length = (unsigned)put(key->bytes, at, kid);
    return true;
}

bool sg_kid_key_split(struct sg_text *issuer, struct sg_text *kid, struct sg_text key)
{
    struct sg_kid_key again;

    if (key.length > sizeof again.bytes || !sg_text_cut(issuer, &key, '\0'))
        return false;
    *kid = key;
    return sg_kid_key_make(&again, *issuer, *kid);
}
