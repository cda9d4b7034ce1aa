/*
 * fuzz_iam_answer.c - answers of IAM, XML and JSON, through every reader. A role that is handed out
 * as whole must be whole, and a page that says there is more must say where.
 */
#include "aws/iam.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool take_role(void *payload, const struct sg_iam_role *role)
{
    size_t *roles = payload;

    (*roles)++;
    if (!role->whole)
        return true;
    check(role->arn.length > 0 && role->name.length > 0 && role->role_id.length > 0);
    for (size_t i = 0; i < role->inline_count; i++)
        check(role->inline_policies[i].name.length > 0 &&
              role->inline_policies[i].document.length > 0);
    for (size_t i = 0; i < role->attached_count; i++)
        check(role->attached[i].length > 0);
    return true;
}

static bool take_managed(void *payload, const struct sg_iam_managed *managed)
{
    (void)payload;
    check(managed->arn.length > 0 && managed->document.length > 0);
    return true;
}

static bool take_name(void *payload, struct sg_text name)
{
    (void)payload;
    check(name.length > 0);
    return true;
}

static void classify(struct sg_text body)
{
    const struct sg_http_answer http = {.status = 403, .date_ms = 1, .body = body};
    struct sg_iam_answer answer;

    sg_iam_classify(&answer, &http);
    check(answer.outcome != SG_IAM_OK && answer.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text body = {(const char *)data, size};
    static struct sg_iam_page page;
    size_t roles = 0;
    const struct sg_iam_sink sink = {.role = take_role,
                                     .managed = take_managed,
                                     .payload = &roles,
                                     .user = take_role,
                                     .group = take_role};
    struct sg_buffer value = {0};

    if (sg_iam_read_details(&page, body, &sink) == SG_OK)
        check(!page.truncated || page.marker[0] != '\0');
    roles = 0;
    if (sg_iam_read_role(body, &sink) == SG_OK)
        check(roles == 1);
    roles = 0;
    if (sg_iam_read_user(body, &sink) == SG_OK)
        check(roles == 1);
    if (sg_iam_read_names(&page, body, take_name, NULL) == SG_OK)
        check(!page.truncated || page.marker[0] != '\0');
    if (sg_iam_read_document(&value, body) == SG_OK)
        check(value.length > 0);
    if (sg_iam_read_default_version(&value, NULL, body) == SG_OK)
        check(value.length > 0);
    sg_buffer_clear(&value);
    classify(body);
    return 0;
}
