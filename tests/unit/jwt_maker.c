/*
 * jwt_maker.c - see jwt_maker.h. Signs with OpenSSL's one-shot calls and writes
 * JSON by hand, so that it shares nothing with what it tests but base64url.
 */
#include "jwt_maker.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(condition) must((condition), #condition, __LINE__)

static void must(bool condition, const char *text, int line)
{
    if (condition)
        return;
    fprintf(stderr, "jwt_maker.c:%d: %s\n", line, text);
    abort();
}

/* --- keys ------------------------------------------------------------------------------------ */

static const char rsa_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC+8tzymSHXBFe2\n"
                              "oW/FwmEvjAhs506U364HlqZEk358Dpt5EyCh8L7cPyuj4Nzhzv5ObHQSyLcjPEp8\n"
                              "e38mjcwoqaFc2939kMUfWgIn89Nozj4+qETfFkiBjCWv4qPidVzS2/m+bY1NTfqH\n"
                              "2XSG4F/y3KqrrzTpO+AGr7UmDp87gjG+PEpBx470hSEfb91ic0vkgmPN/BHW6a0H\n"
                              "AxhgcJBHGGg0iIiyWmtqrsunk41XvO0Jyauup+M+CnV/FBcMOU8IRa8coE6lE7Uw\n"
                              "q8z2hTETegwBn7GtI81U18NlJgmKJXMZltTUJUKLZ7GmtWbv8dcSkzRfpwF6RX7x\n"
                              "GhmtZKQ3AgMBAAECggEAGWV6zodgcVUiB2fUUmSmgWjqC/X9xR406sx2I8PMPFrD\n"
                              "Aejx26gF8owyVTMInb3mo+6Xx5HLjdOsgn74a9vLLhNVo2CY12tEVIWnqMGsuhFI\n"
                              "RRQjSNqRXS2TK6AEtQ9v/5mDT3kJpKD888mPzoqUKFyCFKCSdHzisHD5Mm0ab5MI\n"
                              "E5RW2mr7g1p9l+oPFj9/Wdi2GJVQHx/aCTYy53nzoQpTjA+157ZgUzsNP+M80g7t\n"
                              "w0fYQTJ+r/zjIX3IbGzHkVj7MmXWwBAGSNxHkPGP/DwOuSjRaCY9hvNY8gWdaoXc\n"
                              "3dFPgNNpLN4DMAf9f9SYe8wk4NXtck5NtUPloKe4sQKBgQDdrtPLFnxcj+5ORzoE\n"
                              "lt9agR3Ruu3XRQiHb51Lq0Kn3C9SvCTv+nOzICvE4GwkLAcNmGCrf46jDaWC8iU9\n"
                              "HnTrN0Csn15G5xz613KS6CVpVkGP0bkCX6LV+NZHpzUtWau7Yxf4WsgngOfW0H59\n"
                              "h9oFCDqJGYKKSujFG3+xcA2CEQKBgQDcgg4KWBKPQ64wTSfSpeEq1vmbtrShf1VX\n"
                              "yDt9RcUg+A/g5un2oT/AsAgKutz3rY+M/xX8jjvsx6kCC+o6Yxe58GZHzhi/N3yv\n"
                              "5XYgdDld7S4PZVK7ySj8Bgeu86Bu7jHeQVIE5bXrUmuHixi4CqaisyTxrGm9eWkI\n"
                              "B2Vtd0L5xwKBgFPbaWSemeaNz7CuwuSvicf7paMLmiLfi01oTFEudKV45jHe1/4r\n"
                              "eI7e8Y+k8WNxgC2FYbQeKX/GjsCNBscq+UFtAjsKgihCDrVYwI+P328MYPqdc+XQ\n"
                              "9ZEJc01hk/0WuZ7F6nBZLvO6kHizH9YuiKt0pGfuTXIwygKd11zwrTtxAoGBALt+\n"
                              "hku7WYShqsH9SOgvDcdsZW9Gqk5LxBhQ9GxvX8/JvU6habzAnUHNK/lbrDmZRV9B\n"
                              "IsPNeRy7JHTOBsrAqVL8GyvhDV/B4W568Ldlu8Wmv6xtnix4PjYVNoFHPFo2hQaT\n"
                              "ihcJ72Z5fV8SIeGThN8A7l/kF0D5tBoUl+S9LKDPAoGASh+1sTpekWIsPvSDCqFV\n"
                              "LkjFTpEBtizwenxUAhs676T26xM9ozpdn2H98nG4WByE1EpHw/LI6GZ9X3o3Ei43\n"
                              "4adC+Ut61x2FN+5NodQ4y8JHOKts5WiTIyjqRsgrPgeZKQc0pTLlnUbGuR6N/IT/\n"
                              "4WJ6xooD7PD6SOtOYfvmpl4=\n"
                              "-----END PRIVATE KEY-----\n";

static const char p256_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRk6EHys1qnuhcLfY\n"
                               "3zgRTxoZ3Iv7adCCO1+FMS4V9AmhRANCAARaRd8qY55CYxl95E0+eEYdCYLeF+X8\n"
                               "tSSMQ3GrRbqSaYb+14LgmTvVsttfMmiGtOnJH3EFL37MPBmxynLLOaoa\n"
                               "-----END PRIVATE KEY-----\n";

static const char p384_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDB2SFmdmdmZa/GKPW9T\n"
                               "uHbkgQIEbt0+W4dsLzT8SvvWnNXFpmkZD2I24nlghdmp5wGhZANiAASbyb936jUW\n"
                               "BMXT8aIHSWb/E6iWQOfwc4mOcKzUXtwYqQfg6SGeenkizrEgjm1em/8maoppzpoS\n"
                               "fMLdbRzjc0nYlbpGwqjJsFgfKbqj5lwEXG35S0xF5FCNztI+VzmBhR4=\n"
                               "-----END PRIVATE KEY-----\n";

static const char ed25519_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIN7VM6ZLEm+/KRd2zZs2kKpU7byNq73SN0w8/PDjrKUC\n"
    "-----END PRIVATE KEY-----\n";

static const char secret[] = "0123456789abcdef0123456789ABCDEF fedcba9876543210fedcba9876543210";

static const struct {
    const char *kid, *pem, *kty, *crv, *digest;
    size_t coordinate;
} keys[SG_ALG_COUNT] = {
    [SG_ALG_RS256] = {"RSA_0", rsa_pem, "RSA", NULL, "SHA256", 0},
    [SG_ALG_PS256] = {"PSS_0", rsa_pem, "RSA", NULL, "SHA256", 0},
    [SG_ALG_ES256] = {"EC256_0", p256_pem, "EC", "P-256", "SHA256", 32},
    [SG_ALG_ES384] = {"EC384_0", p384_pem, "EC", "P-384", "SHA384", 48},
    [SG_ALG_EDDSA] = {"ED_0", ed25519_pem, "OKP", "Ed25519", NULL, 0},
    [SG_ALG_HS256] = {"HS256_0", NULL, "oct", NULL, "SHA256", 0},
    [SG_ALG_HS384] = {"HS384_0", NULL, "oct", NULL, "SHA384", 0},
    [SG_ALG_HS512] = {"HS512_0", NULL, "oct", NULL, "SHA512", 0},
};

const char *jwt_kid(enum sg_alg alg)
{
    return keys[alg].kid;
}

const char *jwt_private_pem(enum sg_alg alg)
{
    return keys[alg].pem;
}

static EVP_PKEY *private_key(enum sg_alg alg)
{
    BIO *bio = BIO_new_mem_buf(keys[alg].pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    MUST(key != NULL);
    return key;
}

struct sg_text jwt_key_material(enum sg_alg alg)
{
    static unsigned char material[SG_ALG_COUNT][512];
    static size_t length[SG_ALG_COUNT];

    if (keys[alg].pem == NULL)
        return SG_TEXT(secret);
    if (length[alg] == 0) {
        EVP_PKEY *key = private_key(alg);
        unsigned char *at = material[alg];
        const int bytes = i2d_PUBKEY(key, NULL);

        MUST(bytes > 0 && (size_t)bytes <= sizeof material[alg] && i2d_PUBKEY(key, &at) == bytes);
        length[alg] = (size_t)bytes;
        EVP_PKEY_free(key);
    }
    return (struct sg_text){(const char *)material[alg], length[alg]};
}

/* --- text ------------------------------------------------------------------------------------ */

/* A growing string, so that base/buffer.h is not needed to test what uses it. */
static char *append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static char *append(char *text, const char *format, ...)
{
    char *more = NULL;
    va_list arguments;

    va_start(arguments, format);
    MUST(vasprintf(&more, format, arguments) >= 0);
    va_end(arguments);
    if (text == NULL)
        return more;

    const size_t have = strlen(text), add = strlen(more) + 1;
    text = realloc(text, have + add);
    MUST(text != NULL);
    memcpy(text + have, more, add);
    free(more);
    return text;
}

char *jwt_base64url(const void *bytes, size_t length)
{
    char *text = malloc((length + 2) / 3 * 4 + 1);

    MUST(text != NULL);
    size_t end = (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    while (end > 0 && text[end - 1] == '=')
        end--;
    text[end] = '\0';
    for (size_t i = 0; i < end; i++) {
        if (text[i] == '+')
            text[i] = '-';
        else if (text[i] == '/')
            text[i] = '_';
    }
    return text;
}

static char *append_number(char *text, const char *name, const BIGNUM *number, size_t width)
{
    unsigned char bytes[512];
    const size_t length = width > 0 ? width : (size_t)BN_num_bytes(number);

    MUST(number != NULL && length <= sizeof bytes);
    MUST(BN_bn2binpad(number, bytes, (int)length) == (int)length);
    char *encoded = jwt_base64url(bytes, length);
    text = append(text, ",\"%s\":\"%s\"", name, encoded);
    free(encoded);
    return text;
}

static char *append_public_members(char *text, enum sg_alg alg)
{
    static const char *const parts[2][2] = {{OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E},
                                            {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y}};
    static const char *const names[2][2] = {{"n", "e"}, {"x", "y"}};
    const int ec = keys[alg].coordinate > 0;
    EVP_PKEY *key = private_key(alg);

    if (alg == SG_ALG_EDDSA) {
        unsigned char x[32];
        size_t length = sizeof x;

        MUST(EVP_PKEY_get_raw_public_key(key, x, &length) == 1);
        char *encoded = jwt_base64url(x, length);
        text = append(text, ",\"x\":\"%s\"", encoded);
        free(encoded);
    } else {
        for (int i = 0; i < 2; i++) {
            BIGNUM *number = NULL;

            MUST(EVP_PKEY_get_bn_param(key, parts[ec][i], &number) == 1);
            text = append_number(text, names[ec][i], number, keys[alg].coordinate);
            BN_free(number);
        }
    }
    EVP_PKEY_free(key);
    return text;
}

char *jwt_key_set(unsigned algs)
{
    char *text = append(NULL, "{\"keys\":[");
    const char *comma = "";

    for (enum sg_alg alg = SG_ALG_RS256; alg < SG_ALG_COUNT; alg++) {
        if ((algs & SG_ALG_BIT(alg)) == 0)
            continue;
        text = append(text, "%s{\"kid\":\"%s\",\"kty\":\"%s\",\"alg\":\"%s\",\"use\":\"sig\"",
                      comma, keys[alg].kid, keys[alg].kty, sg_alg_name(alg));
        if (keys[alg].crv != NULL)
            text = append(text, ",\"crv\":\"%s\"", keys[alg].crv);
        if (keys[alg].pem != NULL) {
            text = append_public_members(text, alg);
        } else {
            char *encoded = jwt_base64url(secret, sizeof secret - 1);

            text = append(text, ",\"k\":\"%s\"", encoded);
            free(encoded);
        }
        text = append(text, "}");
        comma = ",";
    }
    return append(text, "]}");
}

/* --- claims ---------------------------------------------------------------------------------- */

static struct jwt_claim *find(struct jwt_claims *claims, const char *name)
{
    for (unsigned i = 0; i < claims->count; i++) {
        if (strcmp(claims->items[i].name, name) == 0)
            return &claims->items[i];
    }
    return NULL;
}

void jwt_add(struct jwt_claims *claims, const char *name, const char *json)
{
    MUST(claims->count < sizeof claims->items / sizeof claims->items[0]);
    struct jwt_claim *claim = &claims->items[claims->count++];
    MUST((size_t)snprintf(claim->name, sizeof claim->name, "%s", name) < sizeof claim->name);
    MUST((size_t)snprintf(claim->json, sizeof claim->json, "%s", json) < sizeof claim->json);
}

void jwt_set(struct jwt_claims *claims, const char *name, const char *json, ...)
{
    char text[sizeof claims->items[0].json];
    struct jwt_claim *claim = find(claims, name);
    va_list arguments;

    va_start(arguments, json);
    const int length = vsnprintf(text, sizeof text, json, arguments);
    va_end(arguments);
    MUST(length >= 0 && (size_t)length < sizeof text);
    if (claim == NULL)
        jwt_add(claims, name, text);
    else
        memcpy(claim->json, text, (size_t)length + 1);
}

void jwt_set_string(struct jwt_claims *claims, const char *name, const char *value)
{
    jwt_set(claims, name, "\"%s\"", value);
}

void jwt_drop(struct jwt_claims *claims, const char *name)
{
    struct jwt_claim *claim = find(claims, name);

    MUST(claim != NULL);
    const size_t after = (size_t)(claims->items + claims->count - claim - 1);
    memmove(claim, claim + 1, after * sizeof *claim);
    claims->count--;
}

static void set_instant(struct jwt_claims *claims, const char *name, int64_t seconds)
{
    const time_t at = (time_t)seconds;
    char text[32];
    struct tm tm;

    MUST(gmtime_r(&at, &tm) != NULL);
    MUST(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
    jwt_set_string(claims, name, text);
}

static void set_seconds(struct jwt_claims *claims, const char *name, int64_t seconds)
{
    jwt_set(claims, name, "%lld", (long long)seconds);
}

void jwt_claims_web_identity(struct jwt_claims *claims, int64_t iat_s)
{
    claims->count = 0;
    jwt_set_string(claims, "iss", JWT_ISSUER);
    jwt_set_string(claims, "aud", JWT_AUDIENCE);
    jwt_set_string(claims, "sub", JWT_ROLE);
    set_seconds(claims, "iat", iat_s);
    set_seconds(claims, "exp", iat_s + 300);
    jwt_set_string(claims, "jti", "5b1f2d3e-0a1b-4c2d-8e3f-9a8b7c6d5e4f");
    jwt_set_string(claims, "sts/aws_account", JWT_ACCOUNT);
    jwt_set_string(claims, "sts/source_region", "us-east-1");
    jwt_set_string(claims, "sts/org_id", "o-abc1234567");
    jwt_set(claims, "sts/ou_path", "[\"o-abc1234567/r-ab12/ou-ab12-11111111/ou-ab12-22222222/\"]");
    jwt_set_string(claims, "sts/principal_id", JWT_ROLE);
    set_instant(claims, "sts/original_session_exp", iat_s - 60 + 3600);
    jwt_set(claims, "sts/principal_tags", "{\"environment\":\"production\",\"team\":\"payments\"}");
    jwt_set(claims, "sts/request_tags", "{\"job-id\":\"job-2024-001\"}");
}

void jwt_claims_session(struct jwt_claims *claims, int64_t iat_s)
{
    claims->count = 0;
    jwt_set_string(claims, "iss", JWT_OWN_ISSUER);
    jwt_set_string(claims, "aud", JWT_AUDIENCE);
    jwt_set_string(claims, "sub", JWT_ROLE);
    set_seconds(claims, "iat", iat_s);
    set_seconds(claims, "exp", iat_s + 300);
    set_instant(claims, "assumed_at", iat_s - 60);
    jwt_set_string(claims, "snam", "julie");
}

char *jwt_claims_json(const struct jwt_claims *claims)
{
    char *text = append(NULL, "{"), *below = NULL;

    for (unsigned i = 0; i < claims->count; i++) {
        const struct jwt_claim *claim = &claims->items[i];

        if (strncmp(claim->name, "sts/", 4) == 0)
            below = append(below, "%s\"%s\":%s", below == NULL ? "" : ",", claim->name + 4,
                           claim->json);
        else
            text =
                append(text, "%s\"%s\":%s", text[1] == '\0' ? "" : ",", claim->name, claim->json);
    }
    if (below != NULL)
        text = append(text, "%s\"https://sts.amazonaws.com/\":{%s}", text[1] == '\0' ? "" : ",",
                      below);
    free(below);
    return append(text, "}");
}

/* --- tokens ---------------------------------------------------------------------------------- */

/* ECDSA-Sig-Value into r || s. */
static size_t raw_signature(unsigned char *signature, const unsigned char *der, size_t length,
                            size_t coordinate)
{
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &der, (long)length);

    MUST(both != NULL);
    MUST(BN_bn2binpad(ECDSA_SIG_get0_r(both), signature, (int)coordinate) > 0);
    MUST(BN_bn2binpad(ECDSA_SIG_get0_s(both), signature + coordinate, (int)coordinate) > 0);
    ECDSA_SIG_free(both);
    return 2 * coordinate;
}

size_t jwt_signature(unsigned char signature[512], enum sg_alg alg, struct sg_text signing_input)
{
    const unsigned char *input = (const unsigned char *)signing_input.data;
    const EVP_MD *digest = keys[alg].digest == NULL ? NULL : EVP_get_digestbyname(keys[alg].digest);
    unsigned char der[512];
    size_t length = sizeof der;
    unsigned mac_length = 0;
    EVP_PKEY_CTX *context = NULL;

    if (keys[alg].pem == NULL) {
        MUST(HMAC(digest, secret, (int)sizeof secret - 1, input, signing_input.length, signature,
                  &mac_length) != NULL);
        return mac_length;
    }

    EVP_PKEY *key = private_key(alg);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    MUST(EVP_DigestSignInit(signing, &context, digest, NULL, key) == 1);
    if (alg == SG_ALG_PS256)
        MUST(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
    MUST(EVP_DigestSign(signing, der, &length, input, signing_input.length) == 1);
    EVP_MD_CTX_free(signing);
    EVP_PKEY_free(key);
    if (keys[alg].coordinate > 0)
        return raw_signature(signature, der, length, keys[alg].coordinate);
    memcpy(signature, der, length);
    return length;
}

char *jwt_token_of(enum sg_alg alg, const char *header_json, const char *claims_json)
{
    char *header = jwt_base64url(header_json, strlen(header_json));
    char *claims = jwt_base64url(claims_json, strlen(claims_json));
    char *token = append(NULL, "%s.%s", header, claims);
    unsigned char signature[512];
    const size_t length = jwt_signature(signature, alg, sg_text_of(token));
    char *encoded = jwt_base64url(signature, length);

    token = append(token, ".%s", encoded);
    free(header);
    free(claims);
    free(encoded);
    return token;
}

char *jwt_header_json(enum sg_alg alg)
{
    return append(NULL, "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"%s\"}", keys[alg].kid,
                  sg_alg_name(alg));
}

char *jwt_token(enum sg_alg alg, const struct jwt_claims *claims)
{
    char *header = jwt_header_json(alg);
    char *json = jwt_claims_json(claims);
    char *token = jwt_token_of(alg, header, json);

    free(header);
    free(json);
    return token;
}
