/*
 * plan.c - which way leads to keys: AWS's standard order over the environment and a profile. The
 * first way that is named is the one; if it fails, none behind it is tried, since those would be
 * another identity's keys.
 */
#include "aws/provider.h"

#include <stdlib.h>

struct planner {
    struct sg_plan *plan;
    struct sg_profile *profiles;
    struct sg_problems *problems;
    const char *visited[SG_HOPS_MAX]; /* profiles whose role is to be assumed, outermost first */
    size_t visited_count;
    bool named; /* our configuration names the profile: the environment's keys don't count */
};

static void clear_hop(struct sg_hop *hop)
{
    free(hop->role_arn);
    free(hop->external_id);
    free(hop->session_name);
    *hop = (struct sg_hop){.duration_s = 0};
}

void sg_plan_clear(struct sg_plan *plan)
{
    sg_credentials_clear(&plan->keys);
    free(plan->command);
    free(plan->token_file);
    free(plan->region);
    free(plan->metadata_endpoint);
    free(plan->metadata_mode);
    clear_hop(&plan->web);
    for (size_t i = 0; i < plan->hop_count; i++)
        clear_hop(&plan->hops[i]);
    sg_buffer_clear(&plan->words);
    *plan = (struct sg_plan){.way = SG_WAY_NONE};
}

static bool copy(char **into, const char *text)
{
    if (text == NULL)
        return true;
    *into = sg_text_dup(sg_text_of(text));
    return *into != NULL;
}

static struct sg_profile *find(const struct planner *planner, const char *name)
{
    for (struct sg_profile *at = planner->profiles; at != NULL; at = at->next) {
        if (!at->of_services && strcmp(at->name, name) == 0)
            return at;
    }
    return NULL;
}

static int refuse(const struct planner *planner, const struct sg_profile *profile, const char *why)
{
    sg_problem(planner->problems, profile->file, 0, "profile %s: %s", profile->name, why);
    return SG_E_INVALID;
}

/* ---- ways that a profile names without a role ---- */

static int plan_static(struct planner *planner, const struct sg_profile *profile)
{
    struct sg_plan *plan = planner->plan;

    if (profile->aws_secret_access_key == NULL)
        return refuse(planner, profile, "aws_access_key_id needs aws_secret_access_key beside it");
    if (!copy(&plan->keys.access_key_id, profile->aws_access_key_id) ||
        !copy(&plan->keys.secret_access_key, profile->aws_secret_access_key) ||
        !copy(&plan->keys.session_token, profile->aws_session_token))
        return SG_E_MEMORY;
    plan->way = SG_WAY_KEYS;
    sg_buffer_addf(&plan->words, "profile %s of %s", profile->name, profile->file);
    return SG_OK;
}

static int plan_identity(struct planner *planner, const struct sg_profile *profile)
{
    struct sg_plan *plan = planner->plan;

    if (profile->role_arn == NULL)
        return refuse(planner, profile, "web_identity_token_file needs role_arn beside it");
    if (!copy(&plan->token_file, profile->web_identity_token_file) ||
        !copy(&plan->web.role_arn, profile->role_arn) ||
        !copy(&plan->web.session_name, profile->role_session_name))
        return SG_E_MEMORY;
    plan->way = SG_WAY_WEB_IDENTITY;
    sg_buffer_addf(&plan->words, "profile %s of %s, web identity token file %s, role %s",
                   profile->name, profile->file, plan->token_file, plan->web.role_arn);
    return SG_OK;
}

static int plan_process(struct planner *planner, const struct sg_profile *profile)
{
    if (!copy(&planner->plan->command, profile->credential_process))
        return SG_E_MEMORY;
    planner->plan->way = SG_WAY_PROCESS;
    sg_buffer_addf(&planner->plan->words, "credential_process of profile %s of %s", profile->name,
                   profile->file);
    return SG_OK;
}

/* SG_E_ABSENT: it names none of them. */
static int plan_without_role(struct planner *planner, const struct sg_profile *profile)
{
    if (profile->web_identity_token_file != NULL)
        return plan_identity(planner, profile);
    if (profile->sso_session != NULL || profile->sso_start_url != NULL)
        return refuse(planner, profile,
                      "single sign-on needs a person at a browser, so it is not done here; give "
                      "the agent a role of its own, or a profile whose credential_process is "
                      "`aws configure export-credentials --format process --profile NAME`");
    if (profile->aws_access_key_id != NULL && profile->keys_first)
        return plan_static(planner, profile);
    if (profile->login_session != NULL)
        return refuse(planner, profile,
                      "login_session needs a person, so it is not done here; give the agent a role "
                      "of its own");
    if (profile->credential_process != NULL)
        return plan_process(planner, profile);
    if (profile->aws_access_key_id != NULL)
        return plan_static(planner, profile);
    if (profile->aws_secret_access_key != NULL)
        return refuse(planner, profile, "aws_secret_access_key needs aws_access_key_id beside it");
    return SG_E_ABSENT;
}

static void plan_container(struct sg_plan *plan)
{
    plan->way = SG_WAY_CONTAINER;
    sg_buffer_add_text(&plan->words, SG_TEXT("container"));
}

static void plan_instance(struct sg_plan *plan)
{
    plan->way = SG_WAY_INSTANCE;
    sg_buffer_add_text(&plan->words, SG_TEXT("instance metadata"));
}

/* ---- roles ---- */

static bool has_role(const struct sg_profile *profile)
{
    return profile->role_arn != NULL && profile->web_identity_token_file == NULL;
}

static int plan_role(struct planner *planner, const struct sg_profile *profile);

static int plan_credential_source(struct planner *planner, const struct sg_profile *profile)
{
    const struct sg_text source = sg_text_of(profile->credential_source);

    if (sg_text_equal(source, SG_TEXT("Environment"))) {
        const int error = sg_plan_environment(planner->plan, planner->problems);
        return error != SG_E_ABSENT
                   ? error
                   : refuse(planner, profile,
                            "credential_source = Environment, but AWS_ACCESS_KEY_ID is not set");
    }
    if (sg_text_equal(source, SG_TEXT("EcsContainer"))) {
        if (!sg_environment_names_container())
            return refuse(planner, profile,
                          "credential_source = EcsContainer, but neither "
                          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor ..._FULL_URI is set");
        plan_container(planner->plan);
        return SG_OK;
    }
    if (sg_text_equal(source, SG_TEXT("Ec2InstanceMetadata"))) {
        plan_instance(planner->plan);
        return SG_OK;
    }
    return refuse(planner, profile,
                  "credential_source must be Environment, EcsContainer or Ec2InstanceMetadata");
}

static int plan_source_profile(struct planner *planner, const struct sg_profile *profile)
{
    const struct sg_profile *source = find(planner, profile->source_profile);

    if (source == NULL)
        return refuse(planner, profile, "its source_profile is in neither of the shared files");
    const bool has_keys =
        source->aws_access_key_id != NULL && source->aws_secret_access_key != NULL;
    if (source == profile)
        return has_keys ? plan_static(planner, source)
                        : refuse(planner, profile,
                                 "it is its own source_profile, but holds no keys to begin with");
    if (has_role(source) && !has_keys)
        return plan_role(planner, source);
    const int error = plan_without_role(planner, source);
    return error != SG_E_ABSENT ? error
                                : refuse(planner, source,
                                         "another profile's source_profile, but it names no way "
                                         "to get keys");
}

static int add_hop(struct planner *planner, const struct sg_profile *profile)
{
    struct sg_plan *plan = planner->plan;
    struct sg_hop *hop = &plan->hops[plan->hop_count];
    uint64_t seconds = 0;

    if (profile->duration_seconds != NULL &&
        (!sg_text_to_uint(&seconds, sg_text_of(profile->duration_seconds), 43200) || seconds < 900))
        return refuse(planner, profile, "duration_seconds must be from 900 to 43200");
    plan->hop_count++; /* visited_count keeps it below SG_HOPS_MAX */
    hop->duration_s = (int64_t)seconds;
    if (!copy(&hop->role_arn, profile->role_arn) ||
        !copy(&hop->external_id, profile->external_id) ||
        !copy(&hop->session_name, profile->role_session_name))
        return SG_E_MEMORY;
    sg_buffer_addf(&plan->words, ", role %s (profile %s)", hop->role_arn, profile->name);
    return SG_OK;
}

/* The innermost source is planned first; this profile's role is assumed on top of it. */
static int plan_role(struct planner *planner, const struct sg_profile *profile)
{
    int error;

    for (size_t i = 0; i < planner->visited_count; i++) {
        if (strcmp(planner->visited[i], profile->name) == 0)
            return refuse(planner, profile, "its source_profile leads back to it: a loop");
    }
    if (planner->visited_count == SG_HOPS_MAX)
        return refuse(planner, profile, "its chain of source_profile is longer than 8 roles");
    planner->visited[planner->visited_count++] = profile->name;
    if (profile->mfa_serial != NULL)
        return refuse(
            planner, profile,
            "mfa_serial needs a person with a device, so this role can't be assumed here");
    if ((profile->source_profile == NULL) == (profile->credential_source == NULL))
        return refuse(planner, profile,
                      "role_arn needs either source_profile or credential_source beside it");
    error = profile->credential_source != NULL ? plan_credential_source(planner, profile)
                                               : plan_source_profile(planner, profile);
    return error == SG_OK ? add_hop(planner, profile) : error;
}

/* ---- the order ---- */

static int plan_profile(struct planner *planner, const struct sg_profile *profile)
{
    int error = SG_E_ABSENT;

    if (profile != NULL &&
        (!copy(&planner->plan->region, profile->region) ||
         !copy(&planner->plan->metadata_endpoint, profile->ec2_metadata_service_endpoint) ||
         !copy(&planner->plan->metadata_mode, profile->ec2_metadata_service_endpoint_mode)))
        return SG_E_MEMORY;
    if (profile != NULL && has_role(profile))
        return plan_role(planner, profile);
    if (!planner->named)
        error = sg_plan_environment_identity(planner->plan, planner->problems);
    if (error == SG_E_ABSENT && profile != NULL)
        error = plan_without_role(planner, profile);
    if (error != SG_E_ABSENT)
        return error;
    if (planner->named)
        return profile == NULL ? SG_E_ABSENT
                               : refuse(planner, profile, "it names no way to get keys");
    if (sg_environment_names_container())
        plan_container(planner->plan);
    else
        plan_instance(planner->plan);
    return SG_OK;
}

static int plan_files(struct planner *planner, const char *name, bool must_be)
{
    int error = sg_profiles_read(&planner->profiles, planner->problems);
    const struct sg_profile *profile = NULL;

    if (error != SG_OK)
        return error;
    profile = find(planner, name);
    if (profile == NULL && must_be) {
        sg_problem(planner->problems, NULL, 0,
                   "no AWS credentials: profile %s is in neither of AWS's shared files", name);
        return SG_E_ABSENT;
    }
    return plan_profile(planner, profile);
}

int sg_plan_make(struct sg_plan *plan, const char *profile, struct sg_problems *problems)
{
    struct planner planner = {.plan = plan, .problems = problems, .named = profile != NULL};
    const char *name = profile != NULL ? profile : sg_environment("AWS_PROFILE");
    int error = SG_E_ABSENT;

    sg_plan_clear(plan);
    if (!planner.named)
        error = sg_plan_environment(plan, problems);
    if (error == SG_E_ABSENT)
        error = plan_files(&planner, name != NULL ? name : "default", name != NULL);
    sg_profiles_free(planner.profiles);
    if (error == SG_OK && plan->words.failed)
        error = SG_E_MEMORY;
    if (error != SG_OK)
        sg_plan_clear(plan);
    return error;
}
