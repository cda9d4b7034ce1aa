/*
 * lockout_tell.c - a lock-out in words: why, and what to do about it.
 */
#include "base/buffer.h"
#include "base/date.h"
#include "ctl/lockout_probe.h"

#include <json-c/json.h>
#include <stdio.h>

static const char *kind_word(enum sg_issuer_kind kind)
{
    switch (kind) {
    case SG_ISSUER_WEB_IDENTITY:
        return "aws-web-identity";
    case SG_ISSUER_JWT:
        return "jwt";
    case SG_ISSUER_CALLER_IDENTITY:
        break;
    }
    return "aws-caller-identity";
}

static const char *const words[] = {"", "denied", "indeterminate", "key-unknown", "time-unknown"};

static void explain(struct sg_buffer *out, const struct ctl_probe *probe, enum ctl_why why,
                    const struct sg_statement *statement)
{
    const char *kind = kind_word(probe->issuer->kind);
    char date[SG_DATE_SIZE];

    switch (why) {
    case CTL_WHY_NOT:
        break;
    case CTL_WHY_DENIED:
        if (statement->bites_before_ms == INT64_MAX)
            sg_buffer_addf(out, "it denies every session");
        else
            sg_buffer_addf(out, "it denies every session until %s",
                           sg_date_format(date, statement->bites_before_ms));
        break;
    case CTL_WHY_INDETERMINATE:
        sg_buffer_addf(out, "it can't be read, so it counts as matching");
        break;
    case CTL_WHY_KEY:
        sg_buffer_addf(out, "%s does not tell %s, so it counts as matching", kind, probe->key);
        break;
    case CTL_WHY_TIME:
        sg_buffer_addf(out, "%s does not tell whether a session is older", kind);
        break;
    }
}

/* Evidence would settle it, were it another statement. */
static void advise_evidence(struct sg_buffer *out, const struct ctl_probe *probe, enum ctl_why why,
                            const struct sg_statement *statement)
{
    int64_t sure_ms;
    char date[SG_DATE_SIZE];

    if (probe->from_ms != 0) {
        sg_buffer_addf(out, "what is signed from %s on passes",
                       sg_date_format(date, probe->from_ms));
        return;
    }
    if (why == CTL_WHY_TIME && !__builtin_add_overflow(statement->bites_before_ms,
                                                       probe->issuer->longest_session_ms, &sure_ms))
        sg_buffer_addf(out, "every session is younger from %s on; ", sg_date_format(date, sure_ms));
    if (probe->issuer->kind == SG_ISSUER_JWT)
        sg_buffer_addf(out, why == CTL_WHY_TIME ? "give the issuer issue_time = session:CLAIM"
                                                : "name only keys that its tokens tell");
    else if ((statement->flags & SG_STATEMENT_FROM_IAM) == 0)
        sg_buffer_addf(out,
                       "AWS does not know this policy, so a new token proves nothing: attach "
                       "it in IAM%s",
                       why == CTL_WHY_KEY ? ", or name only keys that the credential tells" : "");
    else if ((statement->flags & SG_STATEMENT_CONSTANT_KEYS) == 0)
        sg_buffer_addf(out, "name only keys that stay the same for a session");
    else
        sg_buffer_addf(out, "let it cover %s on every resource, too",
                       probe->issuer->kind == SG_ISSUER_WEB_IDENTITY ? "sts:GetWebIdentityToken"
                                                                     : "iam:GetRole");
}

static void advise(struct sg_buffer *out, const struct ctl_probe *probe, enum ctl_why why,
                   const struct sg_statement *statement)
{
    char date[SG_DATE_SIZE];

    if ((statement->flags & SG_STATEMENT_RATCHETED) != 0)
        sg_buffer_addf(out, "if its removal was meant, stsgatectl lift; else it ends at %s",
                       sg_date_format(date, statement->kept_until_ms));
    else if (why == CTL_WHY_INDETERMINATE)
        sg_buffer_addf(out, "mend the policy, or give the service indeterminate = allow");
    else if (why == CTL_WHY_DENIED)
        sg_buffer_addf(out, "remove it, unless it is to keep everybody out");
    else
        advise_evidence(out, probe, why, statement);
}

void ctl_lockout_tell(const struct ctl_probe *probe, enum ctl_why why,
                      const struct sg_statement *statement, size_t more)
{
    struct sg_buffer text = {0}, reason = {0}, remedy = {0};
    struct json_object *one;

    sg_statement_describe(&text, statement);
    explain(&reason, probe, why, statement);
    advise(&remedy, probe, why, statement);
    if (probe->look->list == NULL) {
        printf("locked out: account %s role %.*s by %.*s: %.*s (issuer %s, service %s",
               probe->look->account->label, SG_TEXT_ARG(probe->role),
               SG_TEXT_ARG(sg_buffer_text(&text)), SG_TEXT_ARG(sg_buffer_text(&reason)),
               probe->issuer->label, probe->service->name);
        if (more > 0)
            printf(" and %zu more", more);
        printf("); %.*s\n", SG_TEXT_ARG(sg_buffer_text(&remedy)));
    } else {
        one = json_object_new_object();
        ctl_json_text(one, "account", sg_text_of(probe->look->account->label));
        ctl_json_text(one, "role", probe->role);
        ctl_json_text(one, "statement", sg_buffer_text(&text));
        ctl_json_text(one, "issuer", sg_text_of(probe->issuer->label));
        ctl_json_text(one, "service", sg_text_of(probe->service->name));
        json_object_object_add(one, "more_services", json_object_new_int64((int64_t)more));
        ctl_json_text(one, "why", sg_text_of(words[why]));
        ctl_json_text(one, "key", sg_text_of(why == CTL_WHY_KEY ? probe->key : ""));
        ctl_json_text(one, "text", sg_buffer_text(&reason));
        ctl_json_text(one, "do", sg_buffer_text(&remedy));
        json_object_array_add(probe->look->list, one);
    }
    sg_buffer_clear(&text);
    sg_buffer_clear(&reason);
    sg_buffer_clear(&remedy);
}
