/*
 * http_url.c - where requests may go at all. https is needed wherever somebody else could listen or
 * answer; http is for this machine, and for the link-local addresses at which AWS itself serves
 * credentials to containers and instances.
 */
#include "aws/http.h"

#include <curl/curl.h>
#include <strings.h>

/* Four decimal parts, so that no other spelling of an address (0x7f.1, 2130706433) counts. */
static bool parse_ipv4(uint64_t parts[static 4], const char *host)
{
    struct sg_text digits = sg_text_of(host);
    struct sg_text part;

    for (int i = 0; i < 4; i++) {
        const bool more = sg_text_cut(&part, &digits, '.');

        if (more != (i < 3) || !sg_text_to_uint(&parts[i], part, 255))
            return false;
    }
    return true;
}

/* Names and addresses of this machine: what goes there can't be read or changed on the way. */
static bool host_is_loopback(const char *host)
{
    uint64_t parts[4];

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return parse_ipv4(parts, host) && parts[0] == 127;
}

/* AWS SDKs and Tools Reference Guide, "Container credential provider" and "IMDS credential
 * provider": ECS, EKS Pod Identity, EC2. */
static bool host_serves_metadata(const char *host)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                        "169.254.169.254", "[fd00:ec2::254]"};

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strcasecmp(host, hosts[i]) == 0)
            return true;
    }
    return false;
}

static bool check_parts(CURLU *parsed, const char *url, bool metadata, struct sg_problems *problems)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool good = false;

    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        sg_problem(problems, NULL, 0, "%s is not a URL", url);
        goto out;
    }
    if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK) {
        sg_problem(problems, NULL, 0, "a URL here must not hold a user or password");
        goto out;
    }
    good = strcasecmp(scheme, "https") == 0 ||
           (strcasecmp(scheme, "http") == 0 &&
            (host_is_loopback(host) || (metadata && host_serves_metadata(host))));
    if (!good)
        sg_problem(problems, NULL, 0,
                   "%s: https is needed; http goes to 127.0.0.0/8, [::1] and localhost%s only", url,
                   metadata ? ", and to 169.254.170.2, 169.254.170.23, [fd00:ec2::23], "
                              "169.254.169.254 and [fd00:ec2::254]"
                            : "");
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return good;
}

static bool check(const char *url, bool metadata, struct sg_problems *problems)
{
    CURLU *parsed = curl_url();

    if (parsed == NULL)
        return false;
    const bool good = check_parts(parsed, url, metadata, problems);
    curl_url_cleanup(parsed);
    return good;
}

bool sg_http_url_allowed(const char *url, struct sg_problems *problems)
{
    return check(url, false, problems);
}

bool sg_http_metadata_url_allowed(const char *url, struct sg_problems *problems)
{
    return check(url, true, problems);
}
