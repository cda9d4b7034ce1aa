/*
 * IAM's actions on a role's inline policies: where a revocation lives.
 */
#include <ctype.h>
#include <string.h>

#include "actions.h"
#include "iam.h"

enum { MAX_INLINE = 10240 }; /* characters without blanks, all inline policies of a role together */

static size_t without_blanks(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += !isspace((unsigned char)*text);
    return count;
}

static size_t inline_size(const struct sb_role *role, const char *except)
{
    const struct sb_document *document;
    size_t size = 0;

    for (document = role->inline_policies; document != NULL; document = document->next) {
        if (strcmp(document->name, except) != 0)
            size += without_blanks(document->text);
    }
    return size;
}

int sb_put_role_policy(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    const char *name = sb_need(call, "PolicyName");
    const char *text = sb_form_get(&call->request->form, "PolicyDocument");
    struct json_object *parsed;

    if (role == NULL || name == NULL)
        return -1;
    if (strncmp(role->path, "/aws-reserved/", 14) == 0 ||
        strncmp(role->path, "/aws-service-role/", 18) == 0)
        return sb_fail(
            call, 400, "UnmodifiableEntity",
            "Cannot perform the operation on the protected role '%s' - this role is only "
            "modifiable by AWS",
            role->name);
    parsed = sb_called_document(call, "PolicyDocument", false);
    if (parsed == NULL)
        return -1;
    if (inline_size(role, name) + without_blanks(text) > MAX_INLINE) {
        json_object_put(parsed);
        return sb_fail(call, 409, "LimitExceeded",
                       "Maximum policy size of %d bytes exceeded for role %s", MAX_INLINE,
                       role->name);
    }
    sb_document_put(&role->inline_policies, name, text, parsed, sb_now_ms(call->box));
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}

int sb_get_role_policy(struct sb_call *call)
{
    const struct sb_role *role = sb_called_role(call);
    const char *name = sb_need(call, "PolicyName");
    const struct sb_document *document;

    if (role == NULL || name == NULL)
        return -1;
    document = sb_document_find(role->inline_policies, name);
    if (document == NULL)
        return sb_fail_missing(call, "role policy", name);
    call->result = json_object_new_object();
    sb_add_string(call->result, "RoleName", role->name);
    sb_add_string(call->result, "PolicyName", document->name);
    sb_add_encoded(call->result, "PolicyDocument", document->text);
    return 0;
}

int sb_list_role_policies(struct sb_call *call)
{
    const struct sb_role *role = sb_called_role(call);
    const struct sb_document *document;
    struct json_object *names;
    struct sb_page page;
    int64_t position = 0;

    if (role == NULL || sb_page_begin(call, &page) != 0)
        return -1;
    call->result = json_object_new_object();
    names = json_object_new_array();
    for (document = role->inline_policies; document != NULL; document = document->next) {
        if (sb_page_take(&page, ++position))
            json_object_array_add(names, json_object_new_string(document->name));
    }
    json_object_object_add(call->result, "PolicyNames", names);
    sb_page_end(&page, call->result);
    return 0;
}

int sb_delete_role_policy(struct sb_call *call)
{
    struct sb_role *role = sb_called_role(call);
    const char *name = sb_need(call, "PolicyName");

    if (role == NULL || name == NULL)
        return -1;
    if (!sb_document_remove(&role->inline_policies, name))
        return sb_fail_missing(call, "role policy", name);
    sb_role_publish(role, sb_enforced_ms(call->box));
    return 0;
}
