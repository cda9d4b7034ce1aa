/*
 * login_token.c - `stsgatectl login-token`: a signed GetCallerIdentity for an issuer of the
 * configuration, made of the caller's own session and bound to this gateway, in each form that
 * gateways take. For scripts and tests. The token is all that goes to standard output.
 */
#include "aws/sigv4.h"
#include "base/buffer.h"
#include "base/encoding.h"
#include "base/json.h"
#include "credential/sts_hosts.h"
#include "ctl/login.h"
#include "ctl/own.h"
#include "session/arn.h"

#include <stsgate/stsgate.h>

#include <stdio.h>

#define FORM_TYPE   "application/x-www-form-urlencoded; charset=utf-8"
#define STS_BODY    "Action=GetCallerIdentity&Version=2011-06-15"
#define HEADERS_MAX 8

static const char usage[] =
    "login-token --issuer LABEL [--form FORM] [--role NAME] [--region REGION]";

static void add_member(struct sg_buffer *json, const char *name, struct sg_text value)
{
    sg_buffer_addf(json, "%s", json->length == 0 ? "{" : ",");
    sg_json_quote(json, sg_text_of(name));
    sg_buffer_add_text(json, SG_TEXT(":"));
    sg_json_quote(json, value);
}

/* One signed POST: its headers as a JSON object. `more` headers are signed, too. */
static bool sign(struct sg_buffer *json, const struct login *login, const struct sg_aws_host *host,
                 const char *service, struct sg_text body, const struct sg_header *more,
                 size_t more_count)
{
    const struct sg_issuer *issuer = login->issuer;
    struct sg_header headers[HEADERS_MAX] = {
        {SG_TEXT("Host"), sg_text_of(host->name)},
        {SG_TEXT("Content-Type"), SG_TEXT(FORM_TYPE)},
        {sg_text_of(issuer->bind_header), sg_text_of(issuer->bind_value)},
    };
    const struct sg_sigv4_request request = {
        .method = SG_TEXT("POST"),
        .path = SG_TEXT("/"),
        .body = body,
        .headers = headers,
        .header_count = 3 + more_count,
        .region = sg_text_of(host->region),
        .service = sg_text_of(service),
        .now_ms = login->now_ms,
    };
    struct sg_sigv4 signature;

    for (size_t i = 0; i < more_count; i++)
        headers[3 + i] = more[i];
    if (sg_sigv4_sign(&signature, &request, &login->credentials) != SG_OK)
        return false;
    add_member(json, "Authorization", sg_buffer_text(&signature.authorization));
    add_member(json, "X-Amz-Date", sg_text_of(signature.date));
    if (login->credentials.session_token != NULL)
        add_member(json, "X-Amz-Security-Token", sg_text_of(login->credentials.session_token));
    for (size_t i = 0; i < request.header_count; i++) {
        char name[80];

        if (sg_text_copy(name, sizeof(name), headers[i].name))
            add_member(json, name, headers[i].value);
        else
            json->failed = true;
    }
    sg_buffer_add_text(json, SG_TEXT("}"));
    sg_sigv4_clear(&signature);
    return !json->failed;
}

/* As Vault's clients send their fields. */
static void add_field(struct sg_buffer *out, struct sg_text text)
{
    sg_buffer_add_text(out, SG_TEXT("."));
    sg_base64_encode(out, (const unsigned char *)text.data, text.length);
}

/* The four headers of a companion: a GetRole of the session's own role. */
struct companion {
    struct sg_buffer names[4], url, headers, body;
    struct sg_header all[4];
};

static bool make_companion(struct companion *companion, const struct login *login)
{
    static const char *const suffixes[] = {"-Method", "-URL", "-Headers", "-Body"};
    const struct sg_account *account = login->issuer->account;
    struct sg_aws_host host;

    if (!sg_aws_host_of(&host, SG_SIGNED_IAM, sg_text_of(account->partition), login->region))
        return false;
    sg_buffer_addf(&companion->url, "https://%s/", host.name);
    sg_buffer_addf(&companion->body, "Action=GetRole&RoleName=%.*s&Version=2010-05-08",
                   SG_TEXT_ARG(login->role));
    if (companion->url.failed || companion->body.failed ||
        !sign(&companion->headers, login, &host, "iam", sg_buffer_text(&companion->body), NULL, 0))
        return false;
    const struct sg_text values[] = {SG_TEXT("POST"), sg_buffer_text(&companion->url),
                                     sg_buffer_text(&companion->headers),
                                     sg_buffer_text(&companion->body)};
    for (size_t i = 0; i < 4; i++) {
        sg_buffer_addf(&companion->names[i], "%s%s", login->issuer->companion_header, suffixes[i]);
        if (companion->names[i].failed)
            return false;
        companion->all[i] = (struct sg_header){sg_buffer_text(&companion->names[i]), values[i]};
    }
    return true;
}

static void drop_companion(struct companion *companion)
{
    for (size_t i = 0; i < 4; i++)
        sg_buffer_clear(&companion->names[i]);
    sg_buffer_clear(&companion->url);
    sg_buffer_wipe(&companion->headers);
    sg_buffer_clear(&companion->body);
}

static bool make_post(struct sg_buffer *token, const struct login *login,
                      const struct sg_aws_host *host)
{
    struct companion companion = {.names = {{0}}};
    struct sg_buffer headers = {0}, url = {0};
    const bool with = login->role.length > 0;
    bool good = false;

    if ((!with || make_companion(&companion, login)) &&
        sign(&headers, login, host, "sts", SG_TEXT(STS_BODY), companion.all, with ? 4 : 0)) {
        sg_buffer_addf(&url, "https://%s/", host->name);
        sg_buffer_add_text(token, SG_TEXT("sts-post-v1.POST"));
        add_field(token, sg_buffer_text(&url));
        add_field(token, SG_TEXT(STS_BODY));
        add_field(token, sg_buffer_text(&headers));
        good = !url.failed && !token->failed;
    }
    drop_companion(&companion);
    sg_buffer_clear(&url);
    sg_buffer_wipe(&headers);
    return good;
}

static int print_token(const struct login *login)
{
    const struct sg_account *account = login->issuer->account;
    struct sg_buffer token = {0};
    struct sg_aws_host host;
    int status = CTL_UNDECIDED;

    if (!sg_aws_host_of(&host, SG_SIGNED_STS, sg_text_of(account->partition), login->region)) {
        ctl_error("%.*s is no region of partition %s that this version knows",
                  SG_TEXT_ARG(login->region), account->partition);
        return CTL_USAGE;
    }
    if (!(login->form == LOGIN_POST ? make_post(&token, login, &host)
                                    : login_url(&token, login, &host)))
        ctl_error("the token could not be made");
    else if (token.length > STSGATE_CREDENTIAL_MAX)
        ctl_error("the session token is so long that gateways refuse the credential: %zu bytes",
                  token.length);
    else
        status = puts(token.data) < 0 ? CTL_UNDECIDED : CTL_YES;
    sg_buffer_wipe(&token);
    return status;
}

/* Only a session's keys can be told young from old: others are for issuers that take them. */
static int load_keys(struct login *login, const struct sg_config *config)
{
    struct ctl_aws aws = {.http = NULL};
    int status = CTL_UNDECIDED;

    if (ctl_aws_open(&aws, config, login->issuer->account, false))
        status = own_keys(&login->credentials, &aws);
    if (status == CTL_YES && login->credentials.session_token == NULL &&
        !login->issuer->allow_long_term) {
        ctl_error("these are long-term keys, which [issuer %s] does not take (allow_long_term); "
                  "assume a role first",
                  login->issuer->label);
        status = CTL_NO;
    }
    ctl_aws_close(&aws);
    return status;
}

/* The form that is meant, where its name, the role and the issuer go together. */
static bool choose_form(struct login *login, const char *name)
{
    static const struct {
        const char *name;
        enum login_form form;
        unsigned accepted; /* bit of the issuer's forms */
    } forms[] = {
        {"token", LOGIN_TOKEN, SG_FORM_URL},
        {"url", LOGIN_URL, SG_FORM_URL},
        {"post", LOGIN_POST, SG_FORM_POST},
        {"companion", LOGIN_POST, SG_FORM_COMPANION},
    };

    if (name == NULL)
        name = login->role.length > 0 ? "companion" : "post";
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(name, forms[i].name) != 0)
            continue;
        login->form = forms[i].form;
        if ((forms[i].accepted == SG_FORM_COMPANION) != (login->role.length > 0)) {
            ctl_error("--form companion needs --role NAME, and no other form takes it");
            return false;
        }
        if ((login->issuer->forms & forms[i].accepted) != 0)
            return true;
        ctl_error("[issuer %s] does not take --form %s (forms)", login->issuer->label, name);
        return false;
    }
    ctl_error("--form is one of token, url, post, companion");
    return false;
}

int ctl_login_token(struct ctl *ctl)
{
    const char *issuer = NULL, *role = NULL, *region = NULL, *form = NULL;
    const struct ctl_option options[] = {
        {"--issuer", &issuer}, {"--form", &form}, {"--role", &role}, {"--region", &region}, {0}};
    struct login login = {.now_ms = sg_clock_wall_ms(&sg_clock_system)};
    char folded[SG_ROLE_NAME_MAX + 1];
    struct sg_config *config;
    int status = CTL_USAGE;

    if (ctl_options(ctl, options, 0, 0, usage) < 0)
        return CTL_USAGE;
    if (issuer == NULL || (role != NULL && !sg_role_name_fold(folded, sg_text_of(role)))) {
        ctl_error("usage: stsgatectl %s", usage);
        return CTL_USAGE;
    }
    config = ctl_config(ctl);
    if (config == NULL)
        return CTL_USAGE;
    login.issuer = own_issuer(ctl, config, issuer);
    login.role = sg_text_of(role);
    if (login.issuer != NULL && choose_form(&login, form)) {
        login.region = own_region(login.issuer, region);
        status = load_keys(&login, config);
    }
    if (status == CTL_YES)
        status = print_token(&login);
    sg_credentials_clear(&login.credentials);
    sg_config_free(config);
    return status;
}
