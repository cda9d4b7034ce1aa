/*
 * The control endpoints under /_sandbox/, for tests; see README. Not AWS's, and not signed: the
 * sandbox listens on loopback alone.
 */
#include <string.h>

#include "document.h"
#include "iam.h"
#include "mint.h"
#include "queue.h"

static void fail(struct sb_answer *answer, const char *why)
{
    struct json_object *body = json_object_new_object();

    sb_add_string(body, "error", why);
    sb_answer_json(answer, 400, body);
}

static void done(struct sb_answer *answer)
{
    struct json_object *body = json_object_new_object();

    json_object_object_add(body, "ok", json_object_new_boolean(true));
    sb_answer_json(answer, 200, body);
}

static void health(struct sb_sandbox *box, const struct sb_request *request,
                   struct sb_answer *answer)
{
    (void)box;
    (void)request;
    done(answer);
}

static void show_calls(struct sb_sandbox *box, const struct sb_request *request,
                       struct sb_answer *answer)
{
    struct json_object *body = json_object_new_object();

    (void)request;
    json_object_object_add(body, "actions", json_object_get(box->actions));
    json_object_object_add(body, "paths", json_object_get(box->paths));
    json_object_object_add(body, "codes", json_object_get(box->codes));
    json_object_object_add(body, "dropped", json_object_new_int64(box->dropped));
    sb_answer_json(answer, 200, body);
}

static void reset_calls(struct sb_sandbox *box, const struct sb_request *request,
                        struct sb_answer *answer)
{
    struct json_object **counters[] = {&box->actions, &box->paths, &box->codes};
    size_t i;

    (void)request;
    for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        json_object_put(*counters[i]);
        *counters[i] = json_object_new_object();
    }
    box->dropped = 0;
    done(answer);
}

static void show_faults(struct sb_sandbox *box, const struct sb_request *request,
                        struct sb_answer *answer)
{
    struct json_object *body = sb_faults_json(&box->faults);

    (void)request;
    json_object_object_add(body, "clock_offset_ms", json_object_new_int64(box->clock_offset_ms));
    sb_answer_json(answer, 200, body);
}

/* The clock is no fault of the list: it is split off first. */
static void set_faults(struct sb_sandbox *box, const struct sb_request *request,
                       struct sb_answer *answer)
{
    struct sb_form form = {0};
    const char *why = NULL;
    int64_t offset_ms = box->clock_offset_ms;
    size_t i;

    for (i = 0; i < request->form.count; i++) {
        const struct sb_field *field = &request->form.fields[i];

        if (strcmp(field->name, "clock_offset_ms") != 0)
            sb_form_add(&form, field->name, field->value);
        else if (sb_integer(&offset_ms, field->value, -1000000000000, 1000000000000) != 0)
            why = "clock_offset_ms: expected milliseconds";
    }
    if (why == NULL)
        why = sb_faults_set(&box->faults, &form);
    sb_form_free(&form);
    if (why != NULL) {
        fail(answer, why);
        return;
    }
    box->clock_offset_ms = offset_ms;
    show_faults(box, request, answer);
}

static void add_kids(struct json_object *list, const struct sb_account *account)
{
    json_object_array_add(list, json_object_new_string(sb_keys_kid(account->keys, "RS256")));
    json_object_array_add(list, json_object_new_string(sb_keys_kid(account->keys, "ES384")));
}

static void rotate_keys(struct sb_sandbox *box, const struct sb_request *request,
                        struct sb_answer *answer)
{
    const char *only = sb_form_get(&request->form, "account");
    bool keep = strcmp(sb_form_get_or(&request->form, "keep", "1"), "0") != 0;
    bool same_kid = strcmp(sb_form_get_or(&request->form, "same_kid", "0"), "1") == 0;
    struct json_object *body;
    struct json_object *kids;
    struct sb_account *account;

    if (sb_account_find(box->world, only) == NULL) {
        fail(answer, "no such account");
        return;
    }
    body = json_object_new_object();
    kids = json_object_new_array();
    for (account = box->world->accounts; account != NULL; account = account->next) {
        if (only != NULL && strcmp(account->id, only) != 0)
            continue;
        sb_keys_rotate(account->keys, keep, same_kid);
        add_kids(kids, account);
    }
    json_object_object_add(body, "kids", kids);
    sb_answer_json(answer, 200, body);
}

static void mint(struct sb_sandbox *box, const struct sb_request *request, struct sb_answer *answer)
{
    struct json_object *wish = NULL;
    struct json_object *body;
    const char *why = "the body must be one JSON object";
    char *token = NULL;

    if (request->body.length > 0)
        wish = json_tokener_parse(request->body.bytes);
    if (json_object_is_type(wish, json_type_object))
        token = sb_mint(box, wish, &why);
    json_object_put(wish);
    if (token == NULL) {
        fail(answer, why);
        return;
    }
    body = json_object_new_object();
    sb_add_string(body, "token", token);
    sb_wipe_string(token);
    sb_answer_json(answer, 200, body);
}

/* Epoch seconds; absent: fallback. */
static int read_instant(int64_t *time_ms, const struct sb_request *request, const char *name,
                        int64_t fallback_ms)
{
    const char *text = sb_form_get(&request->form, name);
    int64_t seconds;

    *time_ms = fallback_ms;
    if (text == NULL)
        return 0;
    if (sb_integer(&seconds, text, 0, 1000000000000) != 0)
        return -1;
    *time_ms = seconds * 1000;
    return 0;
}

static char *optional(const struct sb_request *request, const char *name)
{
    const char *value = sb_form_get(&request->form, name);

    return value != NULL ? sb_copy(value) : NULL;
}

static void make_session(struct sb_sandbox *box, const struct sb_request *request,
                         struct sb_answer *answer)
{
    struct sb_role *role = sb_role_by_arn(box->world, sb_form_get_or(&request->form, "role", ""));
    const char *user_name = sb_form_get(&request->form, "user");
    struct sb_user *user = user_name == NULL ? NULL : sb_user_find(box->world->accounts, user_name);
    const char *name = sb_form_get_or(&request->form, "name", "session");
    struct json_object *body;
    struct sb_session *session;
    int64_t issued_ms;
    int64_t expires_ms;

    if (role == NULL && user == NULL) {
        fail(answer, "role: no role of that ARN; user: no user of that name");
        return;
    }
    if (read_instant(&issued_ms, request, "issued", sb_now_ms(box)) != 0 ||
        read_instant(&expires_ms, request, "expires", issued_ms + 3600000) != 0) {
        fail(answer, "issued, expires: expected epoch seconds");
        return;
    }
    if (user != NULL) {
        session = sb_user_session(user, NULL, issued_ms, expires_ms);
    } else {
        session = sb_session_add(box->world, role, name, issued_ms, expires_ms);
        session->source_identity = optional(request, "source_identity");
        session->identity_store_user_id = optional(request, "identity_store_user_id");
        session->tags = json_object_get(role->tags);
    }
    body = json_object_new_object();
    sb_add_string(body, "AccessKeyId", session->access_key);
    sb_add_string(body, "SecretAccessKey", session->secret);
    sb_add_string(body, "SessionToken", session->token);
    sb_add_instant(body, "Expiration", session->expires_ms);
    sb_answer_json(answer, 200, body);
}

struct bulk {
    struct sb_account *account;
    const char *prefix, *path, *policy, *trust;
    int64_t count, start;
};

/* NULL, or what is wrong. */
static const char *read_bulk(struct bulk *bulk, const struct sb_sandbox *box,
                             const struct sb_request *request)
{
    const struct sb_form *form = &request->form;

    bulk->account = sb_account_find(box->world, sb_form_get(form, "account"));
    bulk->prefix = sb_form_get_or(form, "prefix", "role-");
    bulk->path = sb_form_get_or(form, "path", "/");
    bulk->policy = sb_form_get(form, "policy");
    bulk->trust = sb_form_get_or(form, "trust",
                                 "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                 "\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}]}");
    if (bulk->account == NULL)
        return "no such account";
    if (sb_integer(&bulk->count, sb_form_get_or(form, "count", "1"), 1, 100000) != 0 ||
        sb_integer(&bulk->start, sb_form_get_or(form, "start", "0"), 0, 999999) != 0)
        return "count: 1 to 100000; start: 0 to 999999";
    return NULL;
}

static int make_one_role(struct sb_sandbox *box, const struct bulk *bulk, int64_t number,
                         struct json_object *trust, struct json_object *policy)
{
    char *name = sb_format("%s%06lld", bulk->prefix, (long long)number);
    struct sb_role *role = NULL;
    int created = 0;

    if (strlen(name) <= 64 && sb_role_find(bulk->account, name) == NULL) {
        role = sb_role_add(box->world, bulk->account, bulk->path, name, bulk->trust,
                           json_object_get(trust));
        role->created_ms = sb_now_ms(box);
        if (policy != NULL)
            sb_document_put(&role->inline_policies, "AWSRevokeOlderSessions", bulk->policy,
                            json_object_get(policy), sb_now_ms(box));
        sb_role_publish(role, sb_now_ms(box));
        created = 1;
    }
    free(name);
    return created;
}

static void make_roles(struct sb_sandbox *box, const struct sb_request *request,
                       struct sb_answer *answer)
{
    struct bulk bulk = {0};
    const char *why = read_bulk(&bulk, box, request);
    struct json_object *trust = NULL;
    struct json_object *policy = NULL;
    struct json_object *body;
    int64_t created = 0;
    int64_t i;

    if (why == NULL)
        trust = sb_document_parse(bulk.trust, true, &why);
    if (why == NULL && bulk.policy != NULL)
        policy = sb_document_parse(bulk.policy, false, &why);
    if (why != NULL) {
        fail(answer, why);
        goto out;
    }
    for (i = 0; i < bulk.count; i++)
        created += make_one_role(box, &bulk, bulk.start + i, trust, policy);
    body = json_object_new_object();
    json_object_object_add(body, "created", json_object_new_int64(created));
    sb_answer_json(answer, 200, body);
out:
    json_object_put(trust);
    json_object_put(policy);
}

static void set_events(struct sb_sandbox *box, const struct sb_request *request,
                       struct sb_answer *answer)
{
    struct json_object *body = json_object_new_object();
    const char *why = sb_events_set(box, &request->form, body);

    if (why == NULL) {
        sb_answer_json(answer, 200, body);
        return;
    }
    json_object_put(body);
    fail(answer, why);
}

int sb_answer_control(struct sb_sandbox *box, const struct sb_request *request,
                      struct sb_answer *answer)
{
    static const struct {
        const char *method;
        const char *path;
        void (*handler)(struct sb_sandbox *, const struct sb_request *, struct sb_answer *);
    } routes[] = {
        {"GET", "health", health},
        {"GET", "calls", show_calls},
        {"POST", "calls/reset", reset_calls},
        {"GET", "faults", show_faults},
        {"POST", "faults", set_faults},
        {"POST", "events", set_events},
        {"POST", "rotate-keys", rotate_keys},
        {"POST", "mint", mint},
        {"POST", "sessions", make_session},
        {"POST", "roles", make_roles},
    };
    size_t i;

    if (strncmp(request->path, "/_sandbox/", 10) != 0)
        return -1;
    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(request->method, routes[i].method) != 0 ||
            strcmp(request->path + 10, routes[i].path) != 0)
            continue;
        routes[i].handler(box, request, answer);
        return 0;
    }
    fail(answer, "no such control endpoint");
    return 0;
}
