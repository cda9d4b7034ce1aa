/*
 * Reads the two forms of AWS Signature Version 4: Authorization header and presigned query; see
 * claim.h. Believes nothing: that is sigv4.c's matter.
 */
#include "claim.h"

#include <string.h>

#include "sandbox.h"

void sb_claim_free(struct sb_claim *claim)
{
    free(claim->key_id);
    free(claim->day);
    free(claim->region);
    free(claim->service);
    free(claim->signed_headers);
    sb_wipe_string(claim->signature);
    memset(claim, 0, sizeof(*claim));
}

/* AKID/20261124/us-east-1/iam/aws4_request */
static int split_credential(struct sb_claim *claim, const char *text)
{
    char **parts[] = {&claim->key_id, &claim->day, &claim->region, &claim->service};
    size_t i;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *stop = strchr(text, '/');

        if (stop == NULL || stop == text)
            return -1;
        *parts[i] = sb_copy_range(text, (size_t)(stop - text));
        text = stop + 1;
    }
    return strcmp(text, "aws4_request") == 0 ? 0 : -1;
}

/* NAME=VALUE of a comma-separated list; NULL when it is not there. The caller frees. */
static char *header_part(const char *header, const char *name)
{
    size_t length = strlen(name);

    while (*header != '\0') {
        size_t item;

        header += strspn(header, ", ");
        item = strcspn(header, ", ");
        if (item > length && strncmp(header, name, length) == 0 && header[length] == '=')
            return sb_copy_range(header + length + 1, item - length - 1);
        header += item;
    }
    return NULL;
}

static int read_header_form(struct sb_claim *claim, const struct sb_request *request)
{
    static const char scheme[] = "AWS4-HMAC-SHA256 ";
    const char *header = sb_form_get(&request->headers, "authorization");
    char *credential;
    int result = -1;

    if (header == NULL || strncmp(header, scheme, sizeof(scheme) - 1) != 0)
        return -1;
    header += sizeof(scheme) - 1;
    credential = header_part(header, "Credential");
    claim->signed_headers = header_part(header, "SignedHeaders");
    claim->signature = header_part(header, "Signature");
    claim->date = sb_form_get(&request->headers, "x-amz-date");
    claim->token = sb_form_get(&request->headers, "x-amz-security-token");
    if (credential != NULL && claim->signed_headers != NULL && claim->signature != NULL &&
        claim->date != NULL)
        result = split_credential(claim, credential);
    free(credential);
    return result;
}

static int read_query_form(struct sb_claim *claim, const struct sb_request *request)
{
    const struct sb_form *query = &request->query;
    const char *credential = sb_form_get(query, "X-Amz-Credential");
    const char *headers = sb_form_get(query, "X-Amz-SignedHeaders");
    const char *signature = sb_form_get(query, "X-Amz-Signature");
    const char *algorithm = sb_form_get(query, "X-Amz-Algorithm");

    claim->presigned = true;
    claim->date = sb_form_get(query, "X-Amz-Date");
    claim->token = sb_form_get(query, "X-Amz-Security-Token");
    if (credential == NULL || headers == NULL || signature == NULL || algorithm == NULL ||
        claim->date == NULL || strcmp(algorithm, "AWS4-HMAC-SHA256") != 0)
        return -1;
    claim->signed_headers = sb_copy(headers);
    claim->signature = sb_copy(signature);
    return split_credential(claim, credential);
}

int sb_claim_read(struct sb_call *call, struct sb_claim *claim)
{
    const struct sb_request *request = call->request;
    int result;

    if (sb_form_get(&request->query, "X-Amz-Signature") != NULL) {
        result = read_query_form(claim, request);
    } else {
        if (sb_form_get(&request->headers, "authorization") == NULL)
            return sb_fail(call, 403, "MissingAuthenticationToken",
                           "Request is missing Authentication Token");
        result = read_header_form(claim, request);
    }
    if (result != 0)
        return sb_fail(call, 400, "IncompleteSignature",
                       "Request must contain a complete AWS4-HMAC-SHA256 credential, signed "
                       "headers, signature and X-Amz-Date.");
    return 0;
}
