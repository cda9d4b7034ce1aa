/*
 * login_url.c - a presigned URL of GetCallerIdentity, as it is or as EKS's clients wrap it.
 */
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "ctl/login.h"

static void add_parameter(struct sg_buffer *query, const char *name, struct sg_text value)
{
    sg_buffer_addf(query, "%s%s=", query->length == 0 ? "" : "&", name);
    sg_percent_encode(query, value, false);
}

static void add_lower(struct sg_buffer *out, const char *name)
{
    for (; *name != 0; name++) {
        const char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        sg_buffer_add(out, &c, 1);
    }
}

/* `host` and the binding, sorted. */
static void add_names(struct sg_buffer *names, const char *bind_header)
{
    struct sg_buffer bind = {0};

    add_lower(&bind, bind_header);
    if (bind.failed)
        names->failed = true;
    else if (strcmp(bind.data, "host") < 0)
        sg_buffer_addf(names, "%s;host", bind.data);
    else
        sg_buffer_addf(names, "host;%s", bind.data);
    sg_buffer_clear(&bind);
}

/* All that is signed. */
static void make_query(struct sg_buffer *query, const struct login *login,
                       const struct sg_aws_host *host, const char *date)
{
    struct sg_buffer scope = {0}, names = {0};

    add_names(&names, login->issuer->bind_header);
    sg_buffer_addf(&scope, "%s/%.8s/%s/sts/aws4_request", login->credentials.access_key_id, date,
                   host->region);
    add_parameter(query, "Action", SG_TEXT("GetCallerIdentity"));
    add_parameter(query, "Version", SG_TEXT("2011-06-15"));
    add_parameter(query, "X-Amz-Algorithm", SG_TEXT("AWS4-HMAC-SHA256"));
    add_parameter(query, "X-Amz-Credential", sg_buffer_text(&scope));
    add_parameter(query, "X-Amz-Date", sg_text_of(date));
    add_parameter(query, "X-Amz-Expires", SG_TEXT("900"));
    if (login->credentials.session_token != NULL)
        add_parameter(query, "X-Amz-Security-Token", sg_text_of(login->credentials.session_token));
    add_parameter(query, "X-Amz-SignedHeaders", sg_buffer_text(&names));
    query->failed = query->failed || scope.failed || names.failed;
    sg_buffer_clear(&scope);
    sg_buffer_clear(&names);
}

static bool make_url(struct sg_buffer *url, const struct login *login,
                     const struct sg_aws_host *host)
{
    const struct sg_header headers[] = {
        {SG_TEXT("Host"), sg_text_of(host->name)},
        {sg_text_of(login->issuer->bind_header), sg_text_of(login->issuer->bind_value)},
    };
    struct sg_buffer query = {0};
    struct sg_sigv4 signature = {.date = ""};
    char date[SG_DATE_SIZE];
    bool good = false;

    if (!sg_date_format_basic(date, login->now_ms))
        return false;
    make_query(&query, login, host, date);
    const struct sg_sigv4_request request = {
        .method = SG_TEXT("GET"),
        .path = SG_TEXT("/"),
        .query = sg_buffer_text(&query),
        .headers = headers,
        .header_count = 2,
        .presigned = true,
        .region = sg_text_of(host->region),
        .service = SG_TEXT("sts"),
        .now_ms = login->now_ms,
    };
    if (!query.failed && sg_sigv4_sign(&signature, &request, &login->credentials) == SG_OK) {
        sg_buffer_addf(url, "https://%s/?%s&X-Amz-Signature=%s", host->name, query.data,
                       signature.signature);
        good = !url->failed;
    }
    sg_sigv4_clear(&signature);
    sg_buffer_wipe(&query);
    return good;
}

bool login_url(struct sg_buffer *token, const struct login *login, const struct sg_aws_host *host)
{
    struct sg_buffer url = {0};
    bool good;

    if (login->form == LOGIN_URL)
        return make_url(token, login, host);
    good = make_url(&url, login, host);
    sg_buffer_add_text(token, SG_TEXT("k8s-aws-v1."));
    if (good)
        sg_base64url_encode(token, (const unsigned char *)url.data, url.length);
    sg_buffer_wipe(&url);
    return good && !token->failed;
}
