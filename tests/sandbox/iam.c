/*
 * What IAM's handlers share; see iam.h. A marker is the base64url of a position, so that pages stay
 * whole while roles come and go between them.
 */
#include "iam.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "document.h"

struct sb_role *sb_called_role(struct sb_call *call)
{
    const char *name = sb_need(call, "RoleName");
    struct sb_role *role;

    if (name == NULL)
        return NULL;
    role = sb_role_find(call->caller.account, name);
    if (role == NULL)
        (void)sb_fail_missing(call, "role", name);
    return role;
}

struct sb_policy *sb_called_policy(struct sb_call *call)
{
    const char *arn = sb_need(call, "PolicyArn");
    struct sb_policy *policy;

    if (arn == NULL)
        return NULL;
    policy = sb_policy_find(call->box->world, call->caller.account, arn);
    if (policy == NULL)
        (void)sb_fail(call, 404, "NoSuchEntity", "Policy %s does not exist or is not attachable.",
                      arn);
    return policy;
}

struct json_object *sb_called_document(struct sb_call *call, const char *field, bool trust)
{
    const char *text = sb_need(call, field);
    const char *why = NULL;
    struct json_object *document;

    if (text == NULL)
        return NULL;
    document = sb_document_parse(text, trust, &why);
    if (document == NULL)
        (void)sb_fail(call, 400, "MalformedPolicyDocument", "%s", why);
    return document;
}

static char *marker_of(int64_t position)
{
    char *text = sb_format("at:%" PRId64, position);
    char *marker = sb_base64url((const unsigned char *)text, strlen(text));

    free(text);
    return marker;
}

/* Markers are compared by making them again: none but our own is accepted. */
static int read_marker(struct sb_call *call, int64_t *position, const char *marker)
{
    unsigned char bytes[256];
    char *again;
    char *padded;
    int length;
    bool own = false;

    if (strlen(marker) < 64) {
        padded = sb_copy(marker);
        while (strlen(padded) % 4 != 0) {
            char *longer = sb_format("%s=", padded);

            free(padded);
            padded = longer;
        }
        length = EVP_DecodeBlock(bytes, (const unsigned char *)padded, (int)strlen(padded));
        free(padded);
        if (length > 3) {
            bytes[length] = '\0'; /* DecodeBlock counts the padding as zero bytes */
            own = sb_integer(position, (const char *)bytes + 3, 0, INT64_MAX) == 0;
        }
    }
    again = marker_of(*position);
    own = own && strcmp(again, marker) == 0;
    free(again);
    if (own)
        return 0;
    return sb_fail(call, 400, "ValidationError", "Invalid Marker.");
}

int sb_page_begin(struct sb_call *call, struct sb_page *page)
{
    const char *marker = sb_form_get(&call->request->form, "Marker");
    int64_t limit = call->box->faults.page_size;

    memset(page, 0, sizeof(*page));
    if (sb_number(call, &page->left, "MaxItems", 100, 1, 1000) != 0)
        return -1;
    if (limit > 0 && limit < page->left &&
        sb_faults_touch(&call->box->faults, call->action, call->service))
        page->left = limit;
    if (marker == NULL)
        return 0;
    return read_marker(call, &page->after, marker);
}

bool sb_page_take(struct sb_page *page, int64_t position)
{
    if (position <= page->after || page->truncated)
        return false;
    if (page->left == 0) {
        page->truncated = true;
        return false;
    }
    page->left--;
    page->last = position;
    return true;
}

void sb_page_end(const struct sb_page *page, struct json_object *result)
{
    char *marker;

    json_object_object_add(result, "IsTruncated", json_object_new_boolean(page->truncated));
    if (!page->truncated) {
        json_object_object_add(result, "Marker", NULL);
        return;
    }
    marker = marker_of(page->last);
    sb_add_string(result, "Marker", marker);
    free(marker);
}

void sb_add_string(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, value != NULL ? json_object_new_string(value) : NULL);
}

void sb_add_encoded(struct json_object *object, const char *name, const char *document)
{
    char *encoded = sb_percent_encode(document);

    sb_add_string(object, name, encoded);
    free(encoded);
}

void sb_add_instant(struct json_object *object, const char *name, int64_t time_ms)
{
    json_object_object_add(object, name, json_object_new_int64(time_ms / 1000));
}

struct json_object *sb_role_json(const struct sb_role *role)
{
    struct json_object *object = json_object_new_object();

    sb_add_string(object, "Path", role->path);
    sb_add_string(object, "RoleName", role->name);
    sb_add_string(object, "RoleId", role->id);
    sb_add_string(object, "Arn", role->arn);
    sb_add_instant(object, "CreateDate", role->created_ms);
    sb_add_encoded(object, "AssumeRolePolicyDocument", role->trust_text);
    sb_add_string(object, "Description", role->description[0] != '\0' ? role->description : NULL);
    json_object_object_add(object, "MaxSessionDuration",
                           json_object_new_int64(role->max_session_s));
    return object;
}

struct json_object *sb_attached_json(const struct sb_policy *policy)
{
    struct json_object *object = json_object_new_object();

    sb_add_string(object, "PolicyName", policy->name);
    sb_add_string(object, "PolicyArn", policy->arn);
    return object;
}

struct json_object *sb_boundary_json(const struct sb_policy *policy)
{
    struct json_object *object;

    if (policy == NULL)
        return NULL;
    object = json_object_new_object();
    sb_add_string(object, "PermissionsBoundaryType", "PermissionsBoundaryPolicy");
    sb_add_string(object, "PermissionsBoundaryArn", policy->arn);
    return object;
}

int64_t sb_policy_uses(const struct sb_account *account, const struct sb_policy *policy,
                       bool boundary)
{
    const struct sb_user *user;
    const struct sb_group *group;
    int64_t uses = 0;
    size_t i;

    for (i = 0; i < account->role_count; i++) {
        const struct sb_role *role = account->roles[i];
        const struct sb_attachment *attachment;

        uses += boundary && role->boundary == policy;
        for (attachment = role->attachments; !boundary && attachment != NULL;
             attachment = attachment->next)
            uses += attachment->policy == policy;
    }
    for (user = account->world->users; user != NULL; user = user->next) {
        if (user->account == account && !user->deleted)
            uses += boundary ? user->boundary == policy : sb_bag_attaches(&user->bag, policy);
    }
    for (group = account->groups; group != NULL; group = group->next)
        uses += !boundary && sb_bag_attaches(&group->bag, policy);
    return uses;
}
