/*
 * profile_endpoint.c - where AWS's shared files say that a service is asked (AWS SDKs and Tools
 * Reference Guide, "Service-specific endpoints"): the [services] section that the profile names,
 * then the profile itself. Whether they count at all is the caller's to decide: they move the
 * source of trust.
 */
#include "aws/provider.h"

#include <stdlib.h>

static const struct sg_profile *find(const struct sg_profile *profiles, const char *name,
                                     bool of_services)
{
    while (profiles != NULL &&
           (profiles->of_services != of_services || strcmp(profiles->name, name) != 0))
        profiles = profiles->next;
    return profiles;
}

/* The variable comes before the profile's key, whatever either says. */
static bool is_ignored(const struct sg_profile *profile)
{
    const char *said = sg_environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

    if (said == NULL && profile != NULL)
        said = profile->ignore_configured_endpoint_urls;
    return sg_text_equal_nocase(sg_text_of(said), SG_TEXT("true"));
}

static int choose(const char **url, const struct sg_profile *profiles,
                  const struct sg_profile *profile, enum sg_aws_service service,
                  struct sg_problems *problems)
{
    const struct sg_profile *section = NULL;

    if (profile->services != NULL) {
        section = find(profiles, profile->services, true);
        if (section == NULL) {
            sg_problem(problems, profile->file, 0, "profile %s: there is no [services %s]",
                       profile->name, profile->services);
            return SG_E_INVALID;
        }
    }
    *url = section != NULL && section->endpoint_urls[service] != NULL
               ? section->endpoint_urls[service]
               : profile->endpoint_url;
    return SG_OK;
}

int sg_profile_endpoint(char **url, bool *ignored, const char *profile, enum sg_aws_service service,
                        struct sg_problems *problems)
{
    const char *name = profile != NULL ? profile : sg_environment("AWS_PROFILE");
    struct sg_profile *profiles = NULL;
    const char *said = NULL;

    *url = NULL;
    *ignored = false;
    int error = sg_profiles_read(&profiles, problems);
    if (error == SG_OK) {
        const struct sg_profile *found = find(profiles, name != NULL ? name : "default", false);

        *ignored = is_ignored(found);
        if (found != NULL && !*ignored)
            error = choose(&said, profiles, found, service, problems);
    }
    if (error == SG_OK && said != NULL) {
        *url = sg_text_dup(sg_text_of(said));
        error = *url == NULL ? SG_E_MEMORY : SG_OK;
    }
    sg_profiles_free(profiles);
    return error;
}
