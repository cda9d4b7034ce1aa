/*
 * provider_env.c - keys and web identities that the environment names (AWS SDKs and Tools Reference
 * Guide, "Environment variables support"). Must never tell a variable's value.
 */
#include "aws/provider.h"

#include "base/date.h"

#include <stdlib.h>

const char *sg_environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

bool sg_environment_names_container(void)
{
    return sg_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
           sg_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
}

int sg_plan_environment(struct sg_plan *plan, struct sg_problems *problems)
{
    const char *id = sg_environment("AWS_ACCESS_KEY_ID");
    const char *secret = sg_environment("AWS_SECRET_ACCESS_KEY");
    const char *token = sg_environment("AWS_SESSION_TOKEN");
    const char *expires = sg_environment("AWS_CREDENTIAL_EXPIRATION");
    struct sg_credentials *keys = &plan->keys;

    if (id == NULL)
        return SG_E_ABSENT;
    if (!sg_key_text_take(&keys->access_key_id, sg_text_of(id)) ||
        !sg_key_text_take(&keys->secret_access_key, sg_text_of(secret))) {
        sg_problem(
            problems, NULL, 0,
            "AWS_ACCESS_KEY_ID is set, but it or AWS_SECRET_ACCESS_KEY is empty or malformed");
        return SG_E_INVALID;
    }
    if (token != NULL && !sg_key_text_take(&keys->session_token, sg_text_of(token))) {
        sg_problem(problems, NULL, 0, "AWS_SESSION_TOKEN is malformed");
        return SG_E_INVALID;
    }
    if (expires != NULL && !sg_date_parse_rfc3339(&keys->expires_ms, sg_text_of(expires))) {
        sg_problem(problems, NULL, 0,
                   "AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-11-24T10:00:00Z");
        return SG_E_INVALID;
    }
    plan->way = SG_WAY_KEYS;
    sg_buffer_add_text(&plan->words, SG_TEXT("environment"));
    return SG_OK;
}

static bool take(char **into, const char *value)
{
    if (value == NULL)
        return true;
    *into = sg_text_dup(sg_text_of(value));
    return *into != NULL;
}

int sg_plan_environment_identity(struct sg_plan *plan, struct sg_problems *problems)
{
    const char *file = sg_environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = sg_environment("AWS_ROLE_ARN");

    if (file == NULL)
        return SG_E_ABSENT;
    if (role == NULL) {
        sg_problem(problems, NULL, 0,
                   "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
        return SG_E_INVALID;
    }
    if (!take(&plan->token_file, file) || !take(&plan->web.role_arn, role) ||
        !take(&plan->web.session_name, sg_environment("AWS_ROLE_SESSION_NAME")))
        return SG_E_MEMORY;
    plan->way = SG_WAY_WEB_IDENTITY;
    sg_buffer_addf(&plan->words, "web identity token file %s, role %s", file, role);
    return SG_OK;
}
