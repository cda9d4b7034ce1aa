/*
 * iam_read.c - what IAM's answers hold. Each reader asks for the answer's own result element, so
 * that a page that is no answer at all (a proxy's, an error with status 200) is never an empty one.
 */
#include "aws/iam.h"

#include "base/buffer.h"
#include "base/date.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Texts of one role or policy, one after the other; offsets until they are handed out. */
struct range {
    size_t at, length;
};

struct part {
    struct range name, document;
    bool has_name, has_document;
};

#define PARTS_MAX 4096 /* of one role; IAM allows far fewer */

/* Roles, users and groups are told alike, but for these names. */
enum kind { ROLE, USER, GROUP };

static const struct kind_names {
    const char *details, *name, *id, *policies;
} kinds[] = {
    [ROLE] = {"RoleDetailList", "RoleName", "RoleId", "RolePolicyList"},
    [USER] = {"UserDetailList", "UserName", "UserId", "UserPolicyList"},
    [GROUP] = {"GroupDetailList", "GroupName", "GroupId", "GroupPolicyList"},
};

struct reader {
    const struct sg_iam_sink *sink;
    struct sg_iam_page *page;
    struct sg_buffer texts;
    struct range arn, name, role_id, boundary, version, version_document;
    struct part *inlines;
    size_t inline_count;
    struct range *attached, *groups;
    size_t attached_count, group_count;
    int64_t created_ms;
    bool has_created, damaged; /* damaged: a part of this role could not be read */
    bool version_is_default, has_default_document;
    bool boundary_told;              /* something stands below PermissionsBoundary */
    size_t attached_told, member_of; /* entries of the lists, whatever they hold */
    bool groups_told;                /* GroupList was there */
    struct range default_document;
    bool result_seen, list_seen; /* the elements without which this is not the answer */
    bool marker_seen, truncation_told, truncation_unclear;
    size_t roles;
    int error;
};

static struct range keep(struct reader *reader, struct sg_text text)
{
    const struct range range = {reader->texts.length, text.length};

    sg_buffer_add_text(&reader->texts, text);
    if (reader->texts.failed)
        reader->error = SG_E_MEMORY;
    return range;
}

static struct sg_text text_at(const struct reader *reader, struct range range)
{
    if (range.length == 0)
        return (struct sg_text){0};
    return (struct sg_text){reader->texts.data + range.at, range.length};
}

static void *grow(void *items, size_t count, size_t size)
{
    /* Doubles at each power of two. */
    if (count == 0 || (count & (count - 1)) == 0)
        return reallocarray(items, count == 0 ? 1 : count * 2, size);
    return items;
}

static void begin_item(struct reader *reader)
{
    reader->texts.length = 0;
    reader->arn = reader->name = reader->role_id = reader->boundary = (struct range){0};
    reader->version = reader->version_document = reader->default_document = (struct range){0};
    reader->inline_count = reader->attached_count = 0;
    reader->created_ms = 0;
    reader->has_created = reader->damaged = false;
    reader->version_is_default = reader->has_default_document = false;
    reader->boundary_told = false;
    reader->attached_told = reader->member_of = reader->group_count = 0;
    reader->groups_told = false;
}

static struct part *add_inline(struct reader *reader)
{
    if (reader->inline_count == PARTS_MAX) {
        reader->damaged = true;
        return NULL;
    }
    struct part *longer = grow(reader->inlines, reader->inline_count, sizeof *longer);
    if (longer == NULL) {
        reader->error = SG_E_MEMORY;
        return NULL;
    }
    reader->inlines = longer;
    reader->inlines[reader->inline_count] = (struct part){0};
    return &reader->inlines[reader->inline_count++];
}

static void add_text(struct reader *reader, struct range **list, size_t *count, struct sg_text text)
{
    if (*count == PARTS_MAX || text.length == 0) {
        reader->damaged = true;
        return;
    }
    struct range *longer = grow(*list, *count, sizeof *longer);
    if (longer == NULL) {
        reader->error = SG_E_MEMORY;
        return;
    }
    *list = longer;
    longer[(*count)++] = keep(reader, text);
}

/* ISO 8601 in XML, seconds since 1970 as a number in JSON. */
static bool read_time(int64_t *ms, struct sg_text text)
{
    char copy[40], *end;

    if (sg_date_parse_rfc3339(ms, text))
        return true;
    if (!sg_text_copy(copy, sizeof copy, text) || copy[0] == '\0' ||
        strspn(copy, "0123456789.eE+") != text.length)
        return false;
    errno = 0;
    const double seconds = strtod(copy, &end);
    if (*end != '\0' || errno != 0 || !(seconds >= 0 && seconds < 1e12))
        return false;
    *ms = (int64_t)(seconds * 1000);
    return true;
}

static bool give_out(struct reader *reader, enum kind kind, const struct sg_iam_role *role)
{
    const struct sg_iam_sink *sink = reader->sink;
    bool (*const calls[])(void *payload, const struct sg_iam_role *role) = {
        [ROLE] = sink->role, [USER] = sink->user, [GROUP] = sink->group};

    if (calls[kind] == NULL || calls[kind](sink->payload, role))
        return true;
    reader->error = SG_E_MEMORY;
    return false;
}

static bool hand_out_role(struct reader *reader, enum kind kind)
{
    struct sg_iam_role role = {
        .arn = text_at(reader, reader->arn),
        .name = text_at(reader, reader->name),
        .role_id = text_at(reader, reader->role_id),
        .boundary = text_at(reader, reader->boundary),
        .created_ms = reader->created_ms,
        .inline_count = reader->inline_count,
        .attached_count = reader->attached_count,
        .groups_told = reader->groups_told,
        .group_count = reader->group_count,
    };
    bool good = false;

    role.inline_policies = sg_alloc(reader->inline_count + 1, sizeof *role.inline_policies);
    role.attached = sg_alloc(reader->attached_count + 1, sizeof *role.attached);
    role.groups = sg_alloc(reader->group_count + 1, sizeof *role.groups);
    if (role.inline_policies == NULL || role.attached == NULL || role.groups == NULL) {
        reader->error = SG_E_MEMORY;
        goto out;
    }
    role.whole =
        !reader->damaged && reader->has_created && role.arn.length > 0 && role.name.length > 0 &&
        role.role_id.length > 0 && reader->boundary_told == (role.boundary.length > 0) &&
        reader->attached_told == reader->attached_count && reader->member_of == reader->group_count;
    for (size_t i = 0; i < reader->inline_count; i++) {
        const struct part *part = &reader->inlines[i];
        role.whole = role.whole && part->has_name && part->has_document;
        role.inline_policies[i] =
            (struct sg_iam_document){text_at(reader, part->name), text_at(reader, part->document)};
    }
    for (size_t i = 0; i < reader->attached_count; i++)
        role.attached[i] = text_at(reader, reader->attached[i]);
    for (size_t i = 0; i < reader->group_count; i++)
        role.groups[i] = text_at(reader, reader->groups[i]);
    reader->roles++;
    good = give_out(reader, kind, &role);
out:
    free(role.inline_policies);
    free(role.attached);
    free(role.groups);
    return good;
}

static bool hand_out_managed(struct reader *reader)
{
    const struct sg_iam_managed managed = {
        .arn = text_at(reader, reader->arn),
        .document = text_at(reader, reader->default_document),
    };

    /* One without its document is as good as not told: whoever needs it asks for it. */
    if (managed.arn.length == 0 || !reader->has_default_document || reader->sink->managed == NULL)
        return true;
    if (reader->sink->managed(reader->sink->payload, &managed))
        return true;
    reader->error = SG_E_MEMORY;
    return false;
}

/* The leaves directly below a role, wherever the role stands. */
static void take_role_leaf(struct reader *reader, enum kind kind, struct sg_text name,
                           struct sg_text text)
{
    if (sg_text_equal(name, SG_TEXT("Arn")))
        reader->arn = keep(reader, text);
    else if (sg_text_equal(name, sg_text_of(kinds[kind].name)))
        reader->name = keep(reader, text);
    else if (sg_text_equal(name, sg_text_of(kinds[kind].id)))
        reader->role_id = keep(reader, text);
    else if (sg_text_equal(name, SG_TEXT("CreateDate")))
        reader->has_created = read_time(&reader->created_ms, text);
}

/* A boundary that is there but does not say which policy it is makes the role incomplete. */
static void take_boundary(struct reader *reader, const struct sg_step *step)
{
    if (!sg_text_equal(step->path[step->depth - 2], SG_TEXT("PermissionsBoundary")))
        return;
    reader->boundary_told = true;
    if (step->leaving && sg_step_is(step, "PermissionsBoundary", "PermissionsBoundaryArn"))
        reader->boundary = keep(reader, step->text);
}

static void take_page(struct reader *reader, const struct sg_step *step)
{
    const struct sg_text name = step->path[step->depth - 1];

    if (!step->leaving || step->depth != 3 || reader->page == NULL)
        return;
    if (sg_text_equal(name, SG_TEXT("IsTruncated"))) {
        const struct sg_text told = sg_text_trim(step->text);

        reader->truncation_told = told.length > 0;
        reader->page->truncated = sg_text_equal_nocase(told, SG_TEXT("true"));
        reader->truncation_unclear = told.length > 0 && !reader->page->truncated &&
                                     !sg_text_equal_nocase(told, SG_TEXT("false"));
    }
    if (sg_text_equal(name, SG_TEXT("Marker")))
        reader->marker_seen =
            sg_text_copy(reader->page->marker, sizeof reader->page->marker, step->text) &&
            step->text.length > 0;
}

/* Half a list must not pass for a whole one, whatever the other half was lost to. */
static bool page_is_clear(const struct reader *reader)
{
    if (reader->page == NULL)
        return true;
    return !reader->truncation_unclear &&
           (reader->truncation_told || (reader->page->may_omit && !reader->marker_seen)) &&
           (!reader->page->truncated || reader->marker_seen);
}

/* path[0] RESPONSE, path[1] RESULT; `list` (may be NULL) must stand in it. */
static void note_shape(struct reader *reader, const struct sg_step *step, const char *result,
                       const char *list)
{
    if (step->leaving)
        return;
    if (step->depth == 2 && sg_text_equal(step->path[1], sg_text_of(result)))
        reader->result_seen = true;
    if (step->depth == 3 && list != NULL && sg_text_equal(step->path[1], sg_text_of(result)) &&
        sg_text_equal(step->path[2], sg_text_of(list)))
        reader->list_seen = true;
}

static int run(struct reader *reader, struct sg_text body,
               bool (*step)(void *payload, const struct sg_step *step), void *payload)
{
    int error = sg_answer_walk(body, (struct sg_walk){step, payload});

    if (reader->error != SG_OK)
        error = reader->error;
    if (error == SG_OK && (!reader->result_seen || !reader->list_seen))
        error = SG_E_INVALID;
    if (error == SG_OK && !page_is_clear(reader))
        error = SG_E_INVALID;
    sg_buffer_clear(&reader->texts);
    free(reader->inlines);
    free(reader->attached);
    free(reader->groups);
    return error;
}

/* ---- GetAccountAuthorizationDetails ---- */

/* path: Response Result UserDetailList member GroupList [member] */
static void take_group(struct reader *reader, const struct sg_step *step)
{
    if (!sg_text_equal(step->path[4], SG_TEXT("GroupList")))
        return;
    if (step->depth == 5)
        reader->groups_told = true;
    if (step->depth == 6 && !step->leaving && sg_step_is(step, "GroupList", "member"))
        reader->member_of++;
    if (step->depth == 6 && step->leaving && sg_step_is(step, "GroupList", "member"))
        add_text(reader, &reader->groups, &reader->group_count, step->text);
}

/* path: Response Result RoleDetailList member X [member Y] */
static void take_detail(struct reader *reader, enum kind kind, const struct sg_step *step)
{
    const struct sg_text *path = step->path;
    const char *policies = kinds[kind].policies;
    struct part *part =
        reader->inline_count > 0 ? &reader->inlines[reader->inline_count - 1] : NULL;

    if (step->depth == 5 && step->leaving)
        take_role_leaf(reader, kind, path[4], step->text);
    if (step->depth >= 5 && kind == USER)
        take_group(reader, step);
    if (step->depth == 6 && !step->leaving && sg_step_is(step, policies, "member"))
        (void)add_inline(reader);
    if (step->depth == 7 && step->leaving && part != NULL &&
        sg_text_equal(path[4], sg_text_of(policies))) {
        if (sg_step_is(step, "member", "PolicyName")) {
            part->name = keep(reader, step->text);
            part->has_name = step->text.length > 0;
        }
        if (sg_step_is(step, "member", "PolicyDocument")) {
            part->document = keep(reader, step->text);
            part->has_document = step->text.length > 0;
        }
    }
    if (step->depth == 6 && !step->leaving && sg_step_is(step, "AttachedManagedPolicies", "member"))
        reader->attached_told++;
    if (step->depth == 7 && step->leaving && sg_step_is(step, "member", "PolicyArn") &&
        sg_text_equal(path[4], SG_TEXT("AttachedManagedPolicies")))
        add_text(reader, &reader->attached, &reader->attached_count, step->text);
    if (step->depth == 6)
        take_boundary(reader, step);
}

/* path: Response Result Policies member X [PolicyVersionList member Y] */
static void take_managed(struct reader *reader, const struct sg_step *step)
{
    if (step->depth == 5 && step->leaving && sg_step_is(step, "member", "Arn"))
        reader->arn = keep(reader, step->text);
    if (step->depth == 6 && !step->leaving) {
        reader->version_is_default = false;
        reader->version_document = (struct range){0};
    }
    if (step->depth == 7 && step->leaving && sg_step_is(step, "member", "IsDefaultVersion"))
        reader->version_is_default = sg_text_equal_nocase(step->text, SG_TEXT("true"));
    if (step->depth == 7 && step->leaving && sg_step_is(step, "member", "Document"))
        reader->version_document = keep(reader, step->text);
    if (step->depth == 6 && step->leaving && sg_step_is(step, "PolicyVersionList", "member") &&
        reader->version_is_default && reader->version_document.length > 0) {
        reader->default_document = reader->version_document;
        reader->has_default_document = true;
    }
}

static bool details_step(void *payload, const struct sg_step *step)
{
    struct reader *reader = payload;

    note_shape(reader, step, "GetAccountAuthorizationDetailsResult", "RoleDetailList");
    take_page(reader, step);
    if (step->depth < 4 || !sg_text_equal(step->path[3], SG_TEXT("member")))
        return true;
    const bool managed = sg_text_equal(step->path[2], SG_TEXT("Policies"));
    if (step->depth == 4 && !step->leaving)
        begin_item(reader);
    for (unsigned kind = ROLE; kind <= GROUP; kind++) {
        if (!sg_text_equal(step->path[2], sg_text_of(kinds[kind].details)))
            continue;
        take_detail(reader, (enum kind)kind, step);
        if (step->depth == 4 && step->leaving)
            return hand_out_role(reader, (enum kind)kind);
    }
    if (managed)
        take_managed(reader, step);
    if (step->depth == 4 && step->leaving && managed)
        return hand_out_managed(reader);
    return reader->error == SG_OK;
}

int sg_iam_read_details(struct sg_iam_page *page, struct sg_text body,
                        const struct sg_iam_sink *sink)
{
    struct reader reader = {.sink = sink, .page = page};

    *page = (struct sg_iam_page){.may_omit = page->may_omit};
    return run(&reader, body, details_step, &reader);
}

/* ---- GetRole, GetUser ---- */

static bool one_step(struct reader *reader, enum kind kind, const struct sg_step *step)
{
    const char *element = kind == USER ? "User" : "Role";

    note_shape(reader, step, kind == USER ? "GetUserResult" : "GetRoleResult", element);
    if (step->depth < 3 || !sg_text_equal(step->path[2], sg_text_of(element)))
        return true;
    if (step->depth == 3 && !step->leaving)
        begin_item(reader);
    if (step->depth == 4 && step->leaving)
        take_role_leaf(reader, kind, step->path[3], step->text);
    if (step->depth == 5)
        take_boundary(reader, step);
    if (step->depth == 3 && step->leaving)
        return hand_out_role(reader, kind);
    return reader->error == SG_OK;
}

static bool role_step(void *payload, const struct sg_step *step)
{
    return one_step(payload, ROLE, step);
}

static bool user_step(void *payload, const struct sg_step *step)
{
    return one_step(payload, USER, step);
}

int sg_iam_read_user(struct sg_text body, const struct sg_iam_sink *sink)
{
    struct reader reader = {.sink = sink};
    const int error = run(&reader, body, user_step, &reader);

    return error == SG_OK && reader.roles != 1 ? SG_E_INVALID : error;
}

int sg_iam_read_role(struct sg_text body, const struct sg_iam_sink *sink)
{
    struct reader reader = {.sink = sink};
    const int error = run(&reader, body, role_step, &reader);

    return error == SG_OK && reader.roles != 1 ? SG_E_INVALID : error;
}

/* ---- lists and single values ---- */

struct name_reader {
    struct reader reader;
    char result[64]; /* "ListUserPoliciesResult"; empty: of one of a role's two lists */
    bool (*name)(void *payload, struct sg_text name);
    void *payload;
    size_t told, named; /* entries; those that said their name */
};

static void note_lists(struct name_reader *names, const struct sg_step *step)
{
    struct reader *reader = &names->reader;

    if (names->result[0] == '\0') {
        note_shape(reader, step, "ListRolePoliciesResult", "PolicyNames");
        note_shape(reader, step, "ListAttachedRolePoliciesResult", "AttachedPolicies");
        return;
    }
    note_shape(reader, step, names->result,
               strncmp(names->result, "ListAttached", 12) == 0    ? "AttachedPolicies"
               : strncmp(names->result, "ListGroupsFor", 13) == 0 ? "Groups"
                                                                  : "PolicyNames");
}

static bool names_step(void *payload, const struct sg_step *step)
{
    struct name_reader *names = payload;
    struct reader *reader = &names->reader;

    note_lists(names, step);
    take_page(reader, step);
    if (step->depth == 4 && !step->leaving &&
        (sg_step_is(step, "PolicyNames", "member") ||
         sg_step_is(step, "AttachedPolicies", "member") || sg_step_is(step, "Groups", "member")))
        names->told++;
    const bool leaf = step->leaving && step->text.length > 0;
    const bool plain = step->depth == 4 && sg_step_is(step, "PolicyNames", "member");
    const bool attached = step->depth == 5 && sg_step_is(step, "member", "PolicyArn") &&
                          sg_text_equal(step->path[2], SG_TEXT("AttachedPolicies"));
    const bool group = step->depth == 5 && sg_step_is(step, "member", "GroupName") &&
                       sg_text_equal(step->path[2], SG_TEXT("Groups"));
    if (!leaf || (!plain && !attached && !group))
        return true;
    names->named++;
    if (names->name(names->payload, step->text))
        return true;
    reader->error = SG_E_MEMORY;
    return false;
}

static int read_names(struct name_reader *names, struct sg_text body)
{
    struct sg_iam_page *page = names->reader.page;

    *page = (struct sg_iam_page){.may_omit = page->may_omit};
    const int error = run(&names->reader, body, names_step, names);
    return error == SG_OK && names->named != names->told ? SG_E_INVALID : error;
}

int sg_iam_read_names(struct sg_iam_page *page, struct sg_text body,
                      bool (*name)(void *payload, struct sg_text name), void *payload)
{
    struct name_reader names = {.reader = {.page = page}, .name = name, .payload = payload};

    return read_names(&names, body);
}

int sg_iam_read_names_of(struct sg_iam_page *page, struct sg_text body, const char *action,
                         bool (*name)(void *payload, struct sg_text name), void *payload)
{
    struct name_reader names = {.reader = {.page = page}, .name = name, .payload = payload};

    (void)snprintf(names.result, sizeof names.result, "%sResult", action);
    return read_names(&names, body);
}

enum value { DOCUMENT, DEFAULT_VERSION, CALLER_ACCOUNT };

struct value_reader {
    struct reader reader;
    struct sg_buffer *out, *policy_id;
    enum value value;
};

static void set_value(struct reader *reader, struct sg_buffer *out, const struct sg_step *step)
{
    sg_buffer_clear(out);
    sg_buffer_add_text(out, step->text);
    if (out->failed)
        reader->error = SG_E_MEMORY;
}

static bool is_wanted(struct value_reader *value, const struct sg_step *step)
{
    struct reader *reader = &value->reader;

    switch (value->value) {
    case DEFAULT_VERSION:
        note_shape(reader, step, "GetPolicyResult", "Policy");
        return step->depth == 4 && sg_step_is(step, "Policy", "DefaultVersionId");
    case CALLER_ACCOUNT:
        note_shape(reader, step, "GetCallerIdentityResult", "Account");
        return step->depth == 3 && sg_step_is(step, "GetCallerIdentityResult", "Account");
    case DOCUMENT:
        break;
    }
    static const char *const inlines[] = {"GetRolePolicyResult", "GetUserPolicyResult",
                                          "GetGroupPolicyResult"};
    bool wanted = step->depth == 4 && sg_step_is(step, "PolicyVersion", "Document");
    note_shape(reader, step, "GetPolicyVersionResult", "PolicyVersion");
    for (size_t i = 0; i < sizeof inlines / sizeof inlines[0]; i++) {
        note_shape(reader, step, inlines[i], "PolicyDocument");
        wanted = wanted || (step->depth == 3 && sg_step_is(step, inlines[i], "PolicyDocument"));
    }
    return wanted;
}

static bool value_step(void *payload, const struct sg_step *step)
{
    struct value_reader *value = payload;

    if (is_wanted(value, step) && step->leaving)
        set_value(&value->reader, value->out, step);
    if (value->policy_id != NULL && step->leaving && step->depth == 4 &&
        sg_step_is(step, "Policy", "PolicyId"))
        set_value(&value->reader, value->policy_id, step);
    return value->reader.error == SG_OK;
}

static int read_value(struct value_reader *value, struct sg_text body)
{
    sg_buffer_clear(value->out);
    if (value->policy_id != NULL)
        sg_buffer_clear(value->policy_id);
    const int error = run(&value->reader, body, value_step, value);
    return error == SG_OK && value->out->length == 0 ? SG_E_INVALID : error;
}

int sg_iam_read_document(struct sg_buffer *document, struct sg_text body)
{
    return read_value(&(struct value_reader){.out = document, .value = DOCUMENT}, body);
}

int sg_iam_read_default_version(struct sg_buffer *version, struct sg_buffer *policy_id,
                                struct sg_text body)
{
    return read_value(
        &(struct value_reader){.out = version, .policy_id = policy_id, .value = DEFAULT_VERSION},
        body);
}

int sg_iam_read_caller_account(struct sg_buffer *account, struct sg_text body)
{
    return read_value(&(struct value_reader){.out = account, .value = CALLER_ACCOUNT}, body);
}
