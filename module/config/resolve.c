/*
 * resolve.c - labels become pointers, and what no single key can tell is
 * checked: keys that need or exclude each other, and rules that could never be
 * decided.
 */
#include "base/date.h"
#include "config/alg.h"
#include "config/reading.h"
#include "session/session.h"

/* Keys of another account's role would show other roles, or none. */
static void check_assumed(struct sg_reading *reading, const struct sg_draft_account *draft,
                          const char *file)
{
    const struct sg_account *it = &draft->it;
    struct sg_role_arn role;

    if (it->assume_role == NULL && it->external_id != NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has external_id, which only assume_role needs", it->label);
    if (it->assume_role == NULL || !sg_role_arn_parse(&role, sg_text_of(it->assume_role), true))
        return;
    if (!sg_text_equal(role.account, sg_text_of(it->id)) ||
        !sg_text_equal(role.partition, sg_text_of(it->partition)))
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] assumes a role of another account or partition: %s; expected one "
                   "of id = %s, partition = %s",
                   it->label, it->assume_role, it->id, it->partition);
}

/* https://HOST/ACCOUNT/NAME, which SQS calls a queue by. */
static bool is_queue(struct sg_text url)
{
    struct sg_text part;

    for (int slashes = 0; slashes < 3; slashes++) {
        if (!sg_text_cut(&part, &url, '/'))
            return false;
    }
    return sg_text_cut(&part, &url, '/') && part.length > 0 && url.length > 0 &&
           memchr(url.data, '/', url.length) == NULL && memchr(url.data, '?', url.length) == NULL &&
           memchr(url.data, '#', url.length) == NULL;
}

static void check_events(struct sg_reading *reading, const struct sg_draft_account *draft,
                         const char *file)
{
    const struct sg_account *it = &draft->it;

    if (it->events_queue == NULL)
        return;
    if (it->source != SG_SOURCE_IAM || it->id[0] == '\0')
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has events_queue, which needs source = iam and an id: events name "
                   "the account that they are about",
                   it->label);
    if (!is_queue(sg_text_of(it->events_queue)))
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has events_queue = %s; expected the URL of a queue, such as "
                   "https://sqs.us-east-1.amazonaws.com/123456789012/stsgate-events",
                   it->label, it->events_queue);
}

static void check_account(struct sg_reading *reading, const struct sg_draft_account *draft,
                          const char *file)
{
    const struct sg_account *it = &draft->it;

    if (it->source == SG_SOURCE_FILE && it->folder == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has source = file and lacks folder; expected an absolute path",
                   it->label);
    if (it->source == SG_SOURCE_IAM && it->folder != NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has a folder, which only source = file reads", it->label);
    if (it->source == SG_SOURCE_FILE && it->extra_policies != NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has extra_policies beside source = file; put them into its folder",
                   it->label);
    if (it->policies == SG_POLICIES_INLINE && it->discover == SG_DISCOVER_SWEEP)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has policies = inline with discover = sweep, which tells all that "
                   "there are; expected discover = on-demand",
                   it->label);
    if (it->max_stale_ms < it->refresh_ms)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has max_stale below refresh: it would be stale between reads; "
                   "expected several times refresh",
                   it->label);
    if (it->settled_ms < it->settle_ms)
        sg_problem(reading->problems, file, draft->line,
                   "[account %s] has settled below settle; expected at least as much", it->label);
    check_assumed(reading, draft, file);
    check_events(reading, draft, file);
}

static void check_jwt_issuer(struct sg_reading *reading, const struct sg_draft_issuer *draft,
                             const char *file)
{
    const struct sg_issuer *it = &draft->it;
    bool secret = (it->algorithms & SG_ALGS_SECRET) != 0;

    if (it->algorithms == 0)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] lacks algorithms; expected those that its keys sign with, such as "
                   "ES256",
                   it->label);
    if (secret && (it->algorithms & ~SG_ALGS_SECRET) != 0)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] mixes HS* with public-key algorithms: a public key could be taken "
                   "for a secret; expected one kind",
                   it->label);
    if (secret && it->keys == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has HS* and lacks keys; expected a file with the secret",
                   it->label);
    if (it->issue_time_claim == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] lacks issue_time; expected session:CLAIM when the claim is the "
                   "session's own issue time, token:CLAIM when a refresh renews it",
                   it->label);
}

static void check_web_identity_issuer(struct sg_reading *reading, struct sg_draft_issuer *draft,
                                      const char *file)
{
    struct sg_issuer *it = &draft->it;
    const unsigned its_own = SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384);

    if ((it->algorithms & ~its_own) != 0)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has algorithms that sts:GetWebIdentityToken does not use; expected "
                   "RS256, ES384 or both",
                   it->label);
    if (it->algorithms == 0)
        it->algorithms = its_own;
    if (draft->account == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] lacks account; expected the label of the [account] whose STS it is",
                   it->label);
    if (it->issue_time_claim != NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has issue_time, which only kind = jwt reads", it->label);
}

/* What would be forged or sent anyway can bind nothing, and no header may have two meanings. */
static bool may_bind(const struct sg_issuer *it)
{
    static const char *const taken[] = {"host",           "authorization",  "content-type",
                                        "content-length", "accept",         "user-agent",
                                        "connection",     "accept-encoding"};
    const struct sg_text name = sg_text_of(it->bind_header);
    const struct sg_text prefixes[] = {SG_TEXT("x-amz-"), sg_text_of(it->companion_header)};

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (sg_text_equal_nocase(name, sg_text_of(taken[i])))
            return false;
    }
    for (size_t i = 0; i < 2; i++) {
        if (sg_text_starts_nocase(name, prefixes[i]))
            return false;
    }
    return true;
}

static void check_caller_identity_issuer(struct sg_reading *reading, struct sg_draft_issuer *draft,
                                         const char *file)
{
    struct sg_issuer *it = &draft->it;

    if (it->forms == 0)
        it->forms = SG_FORM_URL | SG_FORM_POST | SG_FORM_COMPANION;
    if (draft->account == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] lacks account; expected the label of the [account] whose sessions "
                   "may sign",
                   it->label);
    if (it->bind_header == NULL || it->bind_value == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] lacks %s; expected the signed header that binds a request to this "
                   "gateway, or whoever is shown one elsewhere could present it here",
                   it->label, it->bind_header == NULL ? "bind_header" : "bind_value");
    else if (!may_bind(it))
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has bind_header = %s, which has a meaning already; expected a "
                   "header of your own, such as X-K8s-Aws-Id",
                   it->label, it->bind_header);
    if (it->url != NULL || it->keys != NULL || it->jwks != NULL || it->algorithms != 0 ||
        it->issue_time_claim != NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has url, keys, jwks, algorithms or issue_time, which are for JWTs",
                   it->label);
}

static void resolve_issuer(struct sg_reading *reading, struct sg_draft_issuer *draft,
                           const char *file)
{
    struct sg_config *config = reading->config;
    struct sg_issuer *it = &draft->it;

    if (it->kind == SG_ISSUER_WEB_IDENTITY)
        check_web_identity_issuer(reading, draft, file);
    else if (it->kind == SG_ISSUER_JWT)
        check_jwt_issuer(reading, draft, file);
    else if (it->kind == SG_ISSUER_CALLER_IDENTITY)
        check_caller_identity_issuer(reading, draft, file);
    if (it->kind != SG_ISSUER_CALLER_IDENTITY && it->url == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] lacks url; expected the issuer's iss, byte for byte", it->label);
    if (it->kind != SG_ISSUER_CALLER_IDENTITY &&
        (it->bind_header != NULL || it->bind_value != NULL || it->forms != 0 ||
         it->allow_long_term))
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has bind_header, bind_value, forms or allow_long_term, which only "
                   "kind = aws-caller-identity reads",
                   it->label);
    if (it->kind != SG_ISSUER_CALLER_IDENTITY && it->opaque_time)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has opaque_time, which only kind = aws-caller-identity reads",
                   it->label);
    if (it->keys != NULL && it->jwks != NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has both keys and jwks; expected one", it->label);
    if (draft->account == NULL)
        return;
    for (size_t i = 0; i < config->account_count; i++) {
        if (strcmp(config->accounts[i].label, draft->account) == 0)
            it->account = &config->accounts[i];
    }
    if (it->account == NULL)
        sg_problem(reading->problems, file, draft->line,
                   "[issuer %s] has account = %s, and there is no [account %s]", it->label,
                   draft->account, draft->account);
}

/* FNV-1a; never 0. Not to keep anybody out, only to notice that a label was given a new meaning. */
static uint64_t origin_of(const struct sg_account *account)
{
    const char *const parts[] = {
        account->source == SG_SOURCE_FILE ? "file" : "iam",
        account->partition,
        account->id,
        account->source == SG_SOURCE_FILE ? account->folder : account->endpoint,
    };
    uint64_t value = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *at = parts[i] == NULL ? "" : parts[i];

        do
            value = (value ^ (unsigned char)*at) * UINT64_C(1099511628211);
        while (*at++ != 0);
    }
    return value == 0 ? 1 : value;
}

static void move_accounts(struct sg_reading *reading, const char *file)
{
    struct sg_config *config = reading->config;

    config->accounts =
        sg_config_keep(reading, sg_alloc(reading->account_count + 1, sizeof(*config->accounts)));
    for (size_t i = 0; config->accounts != NULL && i < reading->account_count; i++) {
        check_account(reading, &reading->accounts[i], file);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(reading->accounts[j].it.label, reading->accounts[i].it.label) == 0)
                sg_problem(reading->problems, file, reading->accounts[i].line,
                           "a second [account %s]; the first is on line %u",
                           reading->accounts[i].it.label, reading->accounts[j].line);
        }
        config->accounts[config->account_count] = reading->accounts[i].it;
        config->accounts[config->account_count].origin = origin_of(&reading->accounts[i].it);
        config->account_count++;
    }
}

/* Whether a pattern could match one of the account's IAM users: `*` does not cross a slash, so that
 * what stands before the first says it. */
static bool names_users(const struct sg_texts *patterns, const struct sg_account *account)
{
    struct sg_buffer prefix = {0};
    bool found = false;

    sg_buffer_addf(&prefix, "arn:%s:iam::%s:user", account->partition, account->id);
    for (size_t i = 0; !prefix.failed && i < patterns->count; i++) {
        struct sg_text rest = sg_text_of(patterns->items[i]), head;

        found = found || (sg_text_cut(&head, &rest, '/') &&
                          sg_text_match(head, sg_buffer_text(&prefix), '/', false));
    }
    found = found || prefix.failed;
    sg_buffer_clear(&prefix);
    return found;
}

/* Users are read where a service lets them in, and nowhere else: it costs calls of IAM. */
static bool note_users(const struct sg_config *config, const struct sg_service *service,
                       const struct sg_issuer *issuer)
{
    if (issuer->kind != SG_ISSUER_CALLER_IDENTITY || issuer->account == NULL ||
        !names_users(&service->allow_roles, issuer->account))
        return false;
    config->accounts[issuer->account - config->accounts].users = true;
    return true;
}

/* How long a session of the account may live: what was loosened is kept for as long. */
static void set_longest_session(const struct sg_config *config, struct sg_account *account)
{
    account->longest_session_ms = account->users ? SG_USER_SESSION_MS : 12 * SG_HOUR_MS;
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct sg_issuer *issuer = &config->issuers[i];

        if (issuer->account == account && issuer->longest_session_ms > account->longest_session_ms)
            account->longest_session_ms = issuer->longest_session_ms;
    }
}

static void move_issuers(struct sg_reading *reading, const char *file)
{
    struct sg_config *config = reading->config;

    config->issuers =
        sg_config_keep(reading, sg_alloc(reading->issuer_count + 1, sizeof(*config->issuers)));
    for (size_t i = 0; config->issuers != NULL && i < reading->issuer_count; i++) {
        struct sg_draft_issuer *draft = &reading->issuers[i];

        resolve_issuer(reading, draft, file);
        for (size_t j = 0; j < i; j++) {
            const struct sg_draft_issuer *other = &reading->issuers[j];

            if (strcmp(other->it.label, draft->it.label) == 0)
                sg_problem(reading->problems, file, draft->line,
                           "a second [issuer %s]; the first is on line %u", draft->it.label,
                           other->line);
            else if (other->it.url != NULL && draft->it.url != NULL &&
                     strcmp(other->it.url, draft->it.url) == 0)
                sg_problem(reading->problems, file, draft->line,
                           "[issuer %s] has the url of [issuer %s]; expected one issuer for a url",
                           draft->it.label, other->it.label);
        }
        config->issuers[config->issuer_count++] = draft->it;
    }
}

/*
 * max_session_age denies on latest alone. A credential that gives an interval may hide a session as
 * old as the issuer's longest, so an age below that would let sessions pass that are older than it
 * says.
 */
static void check_session_age(struct sg_reading *reading, const struct sg_draft_service *draft,
                              const struct sg_issuer *issuer, bool users)
{
    bool exact = issuer->kind == SG_ISSUER_JWT && issuer->issue_time == SG_ISSUE_TIME_SESSION;
    int64_t longest_ms = users ? SG_USER_SESSION_MS : issuer->longest_session_ms;
    char age[SG_DATE_SIZE], longest[SG_DATE_SIZE];

    if (longest_ms < issuer->longest_session_ms)
        longest_ms = issuer->longest_session_ms;
    if (draft->it.max_session_age_ms != 0 && users && issuer->allow_long_term) {
        sg_problem(reading->problems, draft->file, draft->line,
                   "max_session_age can't be decided of the long-term keys that [issuer %s] lets "
                   "sign; expected no max_session_age, or allow_long_term = off there",
                   issuer->label);
        return;
    }
    if (exact || draft->it.max_session_age_ms == 0 || draft->it.max_session_age_ms >= longest_ms)
        return;
    sg_problem(reading->problems, draft->file, draft->line,
               "max_session_age = %s can't be decided: credentials of [issuer %s] tell only that a "
               "session is at most %s old; expected at least %s%s",
               sg_duration_format(age, draft->it.max_session_age_ms), issuer->label,
               sg_duration_format(longest, longest_ms), longest,
               users ? ", since allow_roles names IAM users"
                     : ", or a lower longest_session there");
}

static void resolve_service(struct sg_reading *reading, struct sg_draft_service *draft)
{
    struct sg_config *config = reading->config;
    struct sg_service *it = &draft->it;
    bool jwts = false, users;

    it->accept = sg_config_keep(reading, sg_alloc(draft->accept.count + 1, sizeof(*it->accept)));
    for (size_t i = 0; it->accept != NULL && i < draft->accept.count; i++) {
        const struct sg_issuer *found = NULL;

        for (size_t j = 0; j < config->issuer_count; j++) {
            if (strcmp(config->issuers[j].label, draft->accept.items[i]) == 0)
                found = &config->issuers[j];
        }
        if (found == NULL) {
            sg_problem(reading->problems, draft->file, draft->line,
                       "accept = %s, and there is no [issuer %s] in stsgate.conf",
                       draft->accept.items[i], draft->accept.items[i]);
            continue;
        }
        users = note_users(config, it, found);
        check_session_age(reading, draft, found, users);
        if (users && found->account->policies == SG_POLICIES_INLINE)
            sg_problem(reading->problems, draft->file, draft->line,
                       "allow_roles names IAM users of account %s, where policies = inline leaves "
                       "out what their groups deny; expected policies = all there",
                       found->account->label);
        jwts = jwts || found->kind != SG_ISSUER_CALLER_IDENTITY;
        it->accept[it->accept_count++] = found;
    }
    if (it->audience.count == 0 && (jwts || it->accept_count == 0))
        sg_problem(reading->problems, draft->file, draft->line,
                   "[service] lacks audience; expected one or more values of aud");
    if (it->allow_roles.count == 0)
        sg_problem(reading->problems, draft->file, draft->line,
                   "[service] lacks allow_roles; expected role ARN patterns, or permission_set");
    it->cutoffs = sg_config_keep(reading, sg_alloc(draft->cutoff_count + 1, sizeof(*it->cutoffs)));
    for (size_t i = 0; it->cutoffs != NULL && i < draft->cutoff_count; i++)
        it->cutoffs[it->cutoff_count++] = draft->cutoffs[i].it;
}

void sg_config_resolve(struct sg_reading *reading)
{
    struct sg_config *config = reading->config;
    struct sg_buffer file = {0};

    sg_buffer_addf(&file, "%s/stsgate.conf", config->folder);
    move_accounts(reading, file.data == NULL ? "" : file.data);
    move_issuers(reading, file.data == NULL ? "" : file.data);
    sg_buffer_clear(&file);
    config->services =
        sg_config_keep(reading, sg_alloc(reading->service_count + 1, sizeof(*config->services)));
    for (size_t i = 0; config->services != NULL && i < reading->service_count; i++) {
        resolve_service(reading, &reading->services[i]);
        config->services[config->service_count++] = reading->services[i].it;
    }
    for (size_t i = 0; i < config->account_count; i++)
        set_longest_session(config, &config->accounts[i]);
}
