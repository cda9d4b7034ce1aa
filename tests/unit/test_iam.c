/*
 * test_iam.c - what IAM's answers mean. Above all: what is not a whole answer is never an empty
 * one, in XML as in JSON.
 */
#include "aws/iam.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define XML_NS " xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\""
#define XML_ROLE                                                                                   \
    "<Path>/</Path><RoleName>app</RoleName><RoleId>AROAEXAMPLE</RoleId>"                           \
    "<Arn>arn:aws:iam::123456789012:role/app</Arn><CreateDate>2025-02-10T15:03:30Z</CreateDate>"
#define XML_DETAILS(roles, rest)                                                                   \
    "<GetAccountAuthorizationDetailsResponse" XML_NS "><GetAccountAuthorizationDetailsResult>"     \
    "<RoleDetailList>" roles "</RoleDetailList>" rest                                              \
    "</GetAccountAuthorizationDetailsResult><ResponseMetadata><RequestId>x</RequestId>"            \
    "</ResponseMetadata></GetAccountAuthorizationDetailsResponse>"
#define XML_INLINE                                                                                 \
    "<RolePolicyList><member><PolicyName>one</PolicyName><PolicyDocument>%7B%7D"                   \
    "</PolicyDocument></member></RolePolicyList>"
#define JSON_ROLE                                                                                  \
    "\"Path\":\"/\",\"RoleName\":\"app\",\"RoleId\":\"AROAEXAMPLE\","                              \
    "\"Arn\":\"arn:aws:iam::123456789012:role/app\",\"CreateDate\":1.73919981E9,\"Tags\":null"
#define JSON_DETAILS(roles, rest)                                                                  \
    "{\"GetAccountAuthorizationDetailsResponse\":{\"GetAccountAuthorizationDetailsResult\":{"      \
    "\"RoleDetailList\":" roles rest "}}}"

#define CREATED_MS INT64_C(1739199810000)

struct seen {
    unsigned roles, managed, names;
    bool whole;
    size_t inlines, attached;
    int64_t created_ms;
    char arn[128], boundary[128], document[64], managed_document[64], name[64];
};

static bool see_role(void *payload, const struct sg_iam_role *role)
{
    struct seen *seen = payload;

    seen->roles++;
    seen->whole = role->whole;
    seen->inlines = role->inline_count;
    seen->attached = role->attached_count;
    seen->created_ms = role->created_ms;
    (void)sg_text_copy(seen->arn, sizeof seen->arn, role->arn);
    (void)sg_text_copy(seen->boundary, sizeof seen->boundary, role->boundary);
    if (role->inline_count > 0)
        (void)sg_text_copy(seen->document, sizeof seen->document,
                           role->inline_policies[0].document);
    return true;
}

static bool see_managed(void *payload, const struct sg_iam_managed *managed)
{
    struct seen *seen = payload;

    seen->managed++;
    (void)sg_text_copy(seen->managed_document, sizeof seen->managed_document, managed->document);
    return true;
}

static bool see_name(void *payload, struct sg_text name)
{
    struct seen *seen = payload;

    seen->names++;
    (void)sg_text_copy(seen->name, sizeof seen->name, name);
    return true;
}

/* Bodies that are about something else do not all say IsTruncated. */
static struct sg_iam_page page = {.may_omit = true};

static int details(struct seen *seen, const char *body)
{
    const struct sg_iam_sink sink = {.role = see_role, .managed = see_managed, .payload = seen};

    *seen = (struct seen){0};
    return sg_iam_read_details(&page, sg_text_of(body), &sink);
}

static int names(struct seen *seen, const char *body)
{
    *seen = (struct seen){0};
    return sg_iam_read_names(&page, sg_text_of(body), see_name, seen);
}

/* ---- users and groups ---- */

#define XML_USER                                                                                   \
    "<Path>/</Path><UserName>bob</UserName><UserId>AIDAEXAMPLE</UserId>"                           \
    "<Arn>arn:aws:iam::123456789012:user/bob</Arn><CreateDate>2025-02-10T15:03:30Z</CreateDate>"

struct seen_users {
    unsigned roles, users, groups;
    bool whole, groups_told;
    size_t inlines, attached, member_of;
    char arn[128], name[64], id[64], group[64];
};

static bool count_role(void *payload, const struct sg_iam_role *role)
{
    (void)role;
    ((struct seen_users *)payload)->roles++;
    return true;
}

static bool see_user(void *payload, const struct sg_iam_role *user)
{
    struct seen_users *seen = payload;

    seen->users++;
    seen->whole = user->whole;
    seen->groups_told = user->groups_told;
    seen->inlines = user->inline_count;
    seen->attached = user->attached_count;
    seen->member_of = user->group_count;
    (void)sg_text_copy(seen->arn, sizeof seen->arn, user->arn);
    (void)sg_text_copy(seen->id, sizeof seen->id, user->role_id);
    if (user->group_count > 0)
        (void)sg_text_copy(seen->group, sizeof seen->group, user->groups[0]);
    return true;
}

static bool see_group(void *payload, const struct sg_iam_role *group)
{
    struct seen_users *seen = payload;

    seen->groups++;
    seen->whole = group->whole;
    seen->inlines = group->inline_count;
    (void)sg_text_copy(seen->name, sizeof seen->name, group->name);
    return true;
}

static const struct sg_iam_page omitting = {.may_omit = true};

static int read_users(struct seen_users *seen, const char *body)
{
    const struct sg_iam_sink sink = {
        .role = count_role, .payload = seen, .user = see_user, .group = see_group};
    struct sg_iam_page of_users = omitting;

    *seen = (struct seen_users){0};
    return sg_iam_read_details(&of_users, sg_text_of(body), &sink);
}

static void user_is_read_with_his_groups_and_is_no_role(void **state)
{
    struct seen_users seen;

    (void)state;
    assert_int_equal(
        read_users(&seen, XML_DETAILS("", "<UserDetailList><member>" XML_USER
                                          "<GroupList><member>Ops</member></GroupList>"
                                          "<UserPolicyList><member><PolicyName>one</PolicyName>"
                                          "<PolicyDocument>%7B%7D</PolicyDocument></member>"
                                          "</UserPolicyList></member></UserDetailList>")),
        SG_OK);
    assert_int_equal(seen.users, 1);
    assert_int_equal(seen.roles, 0);
    assert_true(seen.whole && seen.groups_told);
    assert_int_equal(seen.inlines, 1);
    assert_int_equal(seen.member_of, 1);
    assert_string_equal(seen.group, "Ops");
    assert_string_equal(seen.id, "AIDAEXAMPLE");
}

static void user_without_a_list_of_groups_is_not_one_without_groups(void **state)
{
    struct seen_users seen;

    (void)state;
    assert_int_equal(read_users(&seen, XML_DETAILS("", "<UserDetailList><member>" XML_USER
                                                       "</member></UserDetailList>")),
                     SG_OK);
    assert_false(seen.groups_told);
    assert_int_equal(read_users(&seen, XML_DETAILS("", "<UserDetailList><member>" XML_USER
                                                       "<GroupList><member></member></GroupList>"
                                                       "</member></UserDetailList>")),
                     SG_OK);
    assert_false(seen.whole);
    assert_int_equal(read_users(&seen, XML_DETAILS("", "<UserDetailList><member>" XML_USER
                                                       "<GroupList/></member></UserDetailList>")),
                     SG_OK);
    assert_true(seen.whole && seen.groups_told);
    assert_int_equal(seen.member_of, 0);
}

static void group_is_read_with_its_policies(void **state)
{
    struct seen_users seen;

    (void)state;
    assert_int_equal(
        read_users(&seen, XML_DETAILS("", "<GroupDetailList><member><Path>/</Path>"
                                          "<GroupName>Ops</GroupName><GroupId>AGPAEXAMPLE</GroupId>"
                                          "<Arn>arn:aws:iam::123456789012:group/Ops</Arn>"
                                          "<CreateDate>2025-02-10T15:03:30Z</CreateDate>"
                                          "<GroupPolicyList><member><PolicyName>one</PolicyName>"
                                          "<PolicyDocument>%7B%7D</PolicyDocument></member>"
                                          "</GroupPolicyList></member></GroupDetailList>")),
        SG_OK);
    assert_int_equal(seen.groups, 1);
    assert_int_equal(seen.users + seen.roles, 0);
    assert_true(seen.whole);
    assert_int_equal(seen.inlines, 1);
    assert_string_equal(seen.name, "Ops");
}

static void answer_about_a_role_is_none_about_a_user(void **state)
{
    const char *role = "<GetRoleResponse" XML_NS "><GetRoleResult><Role>" XML_ROLE
                       "</Role></GetRoleResult></GetRoleResponse>";
    const char *user = "<GetUserResponse" XML_NS "><GetUserResult><User>" XML_USER
                       "</User></GetUserResult></GetUserResponse>";
    struct seen_users seen = {0};
    const struct sg_iam_sink sink = {.role = count_role, .payload = &seen, .user = see_user};

    (void)state;
    assert_int_equal(sg_iam_read_user(sg_text_of(role), &sink), SG_E_INVALID);
    assert_int_equal(sg_iam_read_role(sg_text_of(user), &sink), SG_E_INVALID);
    assert_int_equal(seen.roles + seen.users, 0);
    assert_int_equal(sg_iam_read_user(sg_text_of(user), &sink), SG_OK);
    assert_true(seen.whole);
    assert_string_equal(seen.arn, "arn:aws:iam::123456789012:user/bob");
}

#define XML_NAMES(action, list)                                                                    \
    "<" action "Response" XML_NS "><" action "Result>" list                                        \
    "<IsTruncated>false</IsTruncated></" action "Result></" action "Response>"

static int names_of(struct seen *seen, const char *action, const char *body)
{
    struct sg_iam_page strict = {.may_omit = false};

    *seen = (struct seen){0};
    return sg_iam_read_names_of(&strict, sg_text_of(body), action, see_name, seen);
}

static void list_of_another_call_is_no_empty_list(void **state)
{
    const char *groups = XML_NAMES("ListGroupsForUser", "<Groups><member><Path>/</Path>"
                                                        "<GroupName>Ops</GroupName></member>"
                                                        "</Groups>");
    const char *policies = XML_NAMES("ListUserPolicies", "<PolicyNames/>");
    struct seen seen;

    (void)state;
    assert_int_equal(names_of(&seen, "ListGroupsForUser", groups), SG_OK);
    assert_int_equal(seen.names, 1);
    assert_string_equal(seen.name, "Ops");
    assert_int_equal(names_of(&seen, "ListUserPolicies", policies), SG_OK);
    assert_int_equal(names_of(&seen, "ListGroupsForUser", policies), SG_E_INVALID);
    assert_int_equal(names_of(&seen, "ListRolePolicies", policies), SG_E_INVALID);
    assert_int_equal(names_of(&seen, "ListGroupPolicies", policies), SG_E_INVALID);
    assert_int_equal(names_of(&seen, "ListUserPolicies", groups), SG_E_INVALID);
    assert_int_equal(names_of(&seen, "ListGroupsForUser", XML_NAMES("ListGroupsForUser", "")),
                     SG_E_INVALID);
    assert_int_equal(names_of(&seen, "ListGroupsForUser",
                              XML_NAMES("ListGroupsForUser",
                                        "<Groups><member><Path>/</Path></member></Groups>")),
                     SG_E_INVALID);
}

/* ---- GetAccountAuthorizationDetails ---- */

static void a_role_is_read_with_all_that_hangs_on_it_from_xml(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(
        details(&seen,
                XML_DETAILS(
                    "<member>" XML_ROLE XML_INLINE
                    "<AttachedManagedPolicies><member><PolicyName>m</PolicyName><PolicyArn>"
                    "arn:aws:iam::aws:policy/M</PolicyArn></member></AttachedManagedPolicies>"
                    "<PermissionsBoundary><PermissionsBoundaryType>Policy"
                    "</PermissionsBoundaryType><PermissionsBoundaryArn>arn:b"
                    "</PermissionsBoundaryArn></PermissionsBoundary></member>",
                    "<Policies><member><Arn>arn:b</Arn><PolicyVersionList><member>"
                    "<Document>old</Document><IsDefaultVersion>false</IsDefaultVersion></member>"
                    "<member><IsDefaultVersion>true</IsDefaultVersion><Document>new</Document>"
                    "</member></PolicyVersionList></member></Policies>"
                    "<IsTruncated>false</IsTruncated>")),
        SG_OK);
    assert_int_equal(seen.roles, 1);
    assert_true(seen.whole);
    assert_int_equal(seen.inlines, 1);
    assert_int_equal(seen.attached, 1);
    assert_int_equal(seen.created_ms, CREATED_MS);
    assert_string_equal(seen.arn, "arn:aws:iam::123456789012:role/app");
    assert_string_equal(seen.boundary, "arn:b");
    assert_string_equal(seen.document, "%7B%7D");
    assert_int_equal(seen.managed, 1);
    assert_string_equal(seen.managed_document, "new");
    assert_false(page.truncated);
}

static void a_role_is_read_with_all_that_hangs_on_it_from_json(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(
        details(&seen,
                JSON_DETAILS("[{" JSON_ROLE ",\"RolePolicyList\":[{\"PolicyName\":\"one\","
                             "\"PolicyDocument\":\"{\\\"a\\\":1}\"}],\"AttachedManagedPolicies\":"
                             "[{\"PolicyArn\":\"arn:m\"}],\"PermissionsBoundary\":"
                             "{\"PermissionsBoundaryArn\":\"arn:b\"}}]",
                             ",\"Policies\":[{\"Arn\":\"arn:m\",\"PolicyVersionList\":[{"
                             "\"Document\":\"new\",\"IsDefaultVersion\":true}]}],"
                             "\"IsTruncated\":false,\"Marker\":null")),
        SG_OK);
    assert_int_equal(seen.roles, 1);
    assert_true(seen.whole);
    assert_int_equal(seen.inlines, 1);
    assert_int_equal(seen.attached, 1);
    assert_int_equal(seen.created_ms, CREATED_MS);
    assert_string_equal(seen.boundary, "arn:b");
    assert_string_equal(seen.document, "{\"a\":1}");
    assert_string_equal(seen.managed_document, "new");
}

static void an_account_without_roles_is_an_answer(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, XML_DETAILS("", "<IsTruncated>false</IsTruncated>")), SG_OK);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"IsTruncated\":false")), SG_OK);
    assert_int_equal(seen.roles, 0);
}

static void only_is_truncated_says_that_there_is_more(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, XML_DETAILS("", "<IsTruncated>true</IsTruncated>"
                                                    "<Marker>m/+=</Marker>")),
                     SG_OK);
    assert_true(page.truncated);
    assert_string_equal(page.marker, "m/+=");
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"IsTruncated\":true,\"Marker\":\"n\"")),
                     SG_OK);
    assert_true(page.truncated);
    assert_string_equal(page.marker, "n");
}

static void more_without_a_marker_is_no_answer(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, XML_DETAILS("", "<IsTruncated>true</IsTruncated>")),
                     SG_E_INVALID);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"IsTruncated\":true,\"Marker\":null")),
                     SG_E_INVALID);
}

static void a_page_that_does_not_say_clearly_whether_it_is_the_last_is_no_answer(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, XML_DETAILS("", "<IsTruncated>1</IsTruncated>")), SG_E_INVALID);
    assert_int_equal(details(&seen, XML_DETAILS("", "<Marker>m</Marker>")), SG_E_INVALID);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"IsTruncated\":\"yes\"")), SG_E_INVALID);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"IsTruncated\":null,\"Marker\":\"m\"")),
                     SG_E_INVALID);
}

static void what_is_not_this_answer_is_never_an_empty_one(void **state)
{
    static const char *const others[] = {
        "",
        " ",
        "{}",
        "[]",
        "null",
        "<html><body>Sign in</body></html>",
        "<GetAccountAuthorizationDetailsResponse/>",
        "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult/>"
        "</GetAccountAuthorizationDetailsResponse>",
        "{\"GetAccountAuthorizationDetailsResponse\":{\"GetAccountAuthorizationDetailsResult\":{"
        "\"IsTruncated\":false}}}",
        "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
        "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames/>"
        "</ListRolePoliciesResult></ListRolePoliciesResponse>",
        "<RoleDetailList/>",
    };
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_not_equal(details(&seen, others[i]), SG_OK);
}

static void a_cut_answer_is_no_answer(void **state)
{
    static const char *const bodies[] = {
        XML_DETAILS("<member>" XML_ROLE XML_INLINE "</member>", "<IsTruncated>false</IsTruncated>"),
        JSON_DETAILS("[{" JSON_ROLE "}]", ",\"IsTruncated\":false"),
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct seen seen;
        const struct sg_iam_sink sink = {
            .role = see_role, .managed = see_managed, .payload = &seen};

        for (size_t length = 0; length < strlen(bodies[i]); length++) {
            seen = (struct seen){0};
            assert_int_not_equal(
                sg_iam_read_details(&page, (struct sg_text){bodies[i], length}, &sink), SG_OK);
        }
    }
}

static void a_role_that_lacks_a_part_is_not_whole(void **state)
{
    static const char *const bodies[] = {
        XML_DETAILS("<member><RoleName>app</RoleName></member>", ""),
        XML_DETAILS("<member>" XML_ROLE "<RolePolicyList><member><PolicyName>x</PolicyName>"
                    "</member></RolePolicyList></member>",
                    ""),
        XML_DETAILS("<member>" XML_ROLE "<RolePolicyList><member><PolicyName>x</PolicyName>"
                    "<PolicyDocument/></member></RolePolicyList></member>",
                    ""),
        XML_DETAILS("<member>" XML_ROLE "<AttachedManagedPolicies><member><PolicyArn/></member>"
                    "</AttachedManagedPolicies></member>",
                    ""),
        XML_DETAILS("<member>" XML_ROLE "<PermissionsBoundary><PermissionsBoundaryArn/>"
                    "</PermissionsBoundary></member>",
                    ""),
        XML_DETAILS("<member>" XML_ROLE "<PermissionsBoundary><PermissionsBoundaryType>Policy"
                    "</PermissionsBoundaryType></PermissionsBoundary></member>",
                    ""),
        XML_DETAILS("<member>" XML_ROLE "<AttachedManagedPolicies><member><PolicyName>m"
                    "</PolicyName></member></AttachedManagedPolicies></member>",
                    ""),
        JSON_DETAILS("[{" JSON_ROLE ",\"AttachedManagedPolicies\":[null]}]", ""),
        JSON_DETAILS("[{" JSON_ROLE ",\"AttachedManagedPolicies\":[{\"PolicyArn\":\"arn:m\"},"
                     "{\"PolicyArn\":null}]}]",
                     ""),
        JSON_DETAILS("[{\"RoleName\":\"app\",\"RoleId\":\"A\",\"Arn\":\"arn\","
                     "\"CreateDate\":\"yesterday\"}]",
                     ""),
    };
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(details(&seen, bodies[i]), SG_OK);
        assert_int_equal(seen.roles, 1);
        assert_false(seen.whole);
    }
}

static void nothing_of_one_role_goes_over_to_the_next(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, XML_DETAILS("<member>" XML_ROLE XML_INLINE "</member>"
                                                "<member><RoleName>b</RoleName></member>",
                                                "")),
                     SG_OK);
    assert_int_equal(seen.roles, 2);
    assert_false(seen.whole);
    assert_int_equal(seen.inlines, 0);
    assert_string_equal(seen.arn, "");
}

/* ---- XML's traps ---- */

static void a_document_type_is_refused(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, "<!DOCTYPE a [<!ENTITY x \"y\">]>" XML_DETAILS("", "")),
                     SG_E_INVALID);
    assert_int_equal(
        details(&seen, "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">" XML_DETAILS("", "")),
        SG_E_INVALID);
}

static void depth_is_limited(void **state)
{
    struct sg_buffer xml = {0};
    struct seen seen;

    (void)state;
    for (int i = 0; i < 1000; i++)
        sg_buffer_add_text(&xml, SG_TEXT("<a>"));
    assert_int_equal(details(&seen, xml.data), SG_E_LIMIT);
    sg_buffer_clear(&xml);
}

static void a_duplicate_member_is_refused(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"RoleDetailList\":[]")), SG_E_INVALID);
}

/* ---- the small answers ---- */

static void lists_are_read(void **state)
{
    struct seen seen;

    (void)state;
    assert_int_equal(names(&seen, "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames>"
                                  "<member>a</member><member>b</member></PolicyNames>"
                                  "<IsTruncated>false</IsTruncated></ListRolePoliciesResult>"
                                  "</ListRolePoliciesResponse>"),
                     SG_OK);
    assert_int_equal(seen.names, 2);
    assert_int_equal(names(&seen, "{\"ListAttachedRolePoliciesResponse\":{"
                                  "\"ListAttachedRolePoliciesResult\":{\"AttachedPolicies\":[{"
                                  "\"PolicyArn\":\"arn:m\",\"PolicyName\":\"m\"}],"
                                  "\"IsTruncated\":false}}}"),
                     SG_OK);
    assert_int_equal(seen.names, 1);
    assert_string_equal(seen.name, "arn:m");
    assert_int_equal(names(&seen, "{\"ListRolePoliciesResponse\":{\"ListRolePoliciesResult\":{}}}"),
                     SG_E_INVALID);
}

static void a_list_with_an_entry_that_has_no_name_is_no_list(void **state)
{
    static const char *const bodies[] = {
        "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>a</member><member/>"
        "</PolicyNames></ListRolePoliciesResult></ListRolePoliciesResponse>",
        "{\"ListRolePoliciesResponse\":{\"ListRolePoliciesResult\":{\"PolicyNames\":[null]}}}",
        "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies>"
        "<member><PolicyName>m</PolicyName></member></AttachedPolicies>"
        "</ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>",
        "{\"ListAttachedRolePoliciesResponse\":{\"ListAttachedRolePoliciesResult\":{"
        "\"AttachedPolicies\":[{\"PolicyArn\":\"arn:m\"},{\"PolicyName\":\"m\"}]}}}",
    };
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_int_equal(names(&seen, bodies[i]), SG_E_INVALID);
}

static void documents_and_versions_are_read(void **state)
{
    struct sg_buffer value = {0}, policy_id = {0};

    (void)state;
    assert_int_equal(
        sg_iam_read_document(&value, SG_TEXT("<GetRolePolicyResponse><GetRolePolicyResult>"
                                             "<PolicyDocument>%7B%7D</PolicyDocument>"
                                             "</GetRolePolicyResult></GetRolePolicyResponse>")),
        SG_OK);
    assert_string_equal(value.data, "%7B%7D");
    assert_int_equal(sg_iam_read_document(&value, SG_TEXT("<GetRolePolicyResponse>"
                                                          "<GetRolePolicyResult><PolicyDocument/>"
                                                          "</GetRolePolicyResult>"
                                                          "</GetRolePolicyResponse>")),
                     SG_E_INVALID);
    assert_int_equal(sg_iam_read_default_version(
                         &value, &policy_id,
                         SG_TEXT("{\"GetPolicyResponse\":{\"GetPolicyResult\":{\"Policy\":"
                                 "{\"DefaultVersionId\":\"v7\",\"PolicyId\":\"ANPA1\"}}}}")),
                     SG_OK);
    assert_string_equal(value.data, "v7");
    assert_string_equal(policy_id.data, "ANPA1");
    assert_int_equal(sg_iam_read_default_version(
                         &value, &policy_id,
                         SG_TEXT("{\"GetPolicyResponse\":{\"GetPolicyResult\":{\"Policy\":"
                                 "{\"DefaultVersionId\":\"v8\"}}}}")),
                     SG_OK);
    assert_int_equal(policy_id.length, 0);
    sg_buffer_clear(&value);
    sg_buffer_clear(&policy_id);
}

static void caller_without_an_account_is_no_answer(void **state)
{
    struct sg_buffer value = {0};

    (void)state;
    assert_int_equal(
        sg_iam_read_caller_account(
            &value, SG_TEXT("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn>"
                            "<Account>123456789012</Account></GetCallerIdentityResult>"
                            "</GetCallerIdentityResponse>")),
        SG_OK);
    assert_string_equal(value.data, "123456789012");
    const struct sg_text bad[] = {
        SG_TEXT("<GetCallerIdentityResponse><GetCallerIdentityResult><Account/>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>"),
        SG_TEXT("{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{}}}"),
        SG_TEXT("{\"GetRoleResponse\":{\"GetRoleResult\":{\"Account\":\"123456789012\"}}}"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sg_iam_read_caller_account(&value, bad[i]), SG_E_INVALID);
    sg_buffer_clear(&value);
}

static void page_that_does_not_say_whether_there_is_more_is_refused(void **state)
{
    struct seen seen = {0};

    (void)state;
    page.may_omit = false;
    assert_int_equal(details(&seen, XML_DETAILS("", "")), SG_E_INVALID);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", "")), SG_E_INVALID);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"IsTruncated\":null")), SG_E_INVALID);
    page.may_omit = true; /* a self-hosted IAM */
    assert_int_equal(details(&seen, JSON_DETAILS("[]", "")), SG_OK);
    assert_false(page.truncated);
    assert_int_equal(details(&seen, JSON_DETAILS("[]", ",\"Marker\":\"m\"")), SG_E_INVALID);
}

/* ---- errors ---- */

static enum sg_iam_outcome outcome(long status, const char *body)
{
    const struct sg_http_answer http = {.status = status, .date_ms = 1, .body = sg_text_of(body)};
    struct sg_iam_answer answer;

    sg_iam_classify(&answer, &http);
    if (answer.outcome != SG_IAM_OK)
        assert_true(answer.message[0] != '\0');
    return answer.outcome;
}

static void the_code_decides_not_the_status(void **state)
{
    static const struct {
        const char *code;
        enum sg_iam_outcome outcome;
    } codes[] = {
        {"Throttling", SG_IAM_THROTTLED},
        {"RequestLimitExceeded", SG_IAM_THROTTLED},
        {"ServiceFailure", SG_IAM_TRANSIENT},
        {"ExpiredToken", SG_IAM_CREDENTIALS},
        {"InvalidClientTokenId", SG_IAM_CREDENTIALS},
        {"SignatureDoesNotMatch", SG_IAM_CLOCK},
        {"RequestExpired", SG_IAM_CLOCK},
        {"AccessDenied", SG_IAM_DENIED},
        {"NoSuchEntity", SG_IAM_NO_SUCH_ENTITY},
        {"SomethingNew", SG_IAM_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char xml[256], json[256];

        (void)snprintf(xml, sizeof xml,
                       "<ErrorResponse" XML_NS "><Error><Type>Sender</Type><Code>%s</Code>"
                       "<Message>m</Message></Error></ErrorResponse>",
                       codes[i].code);
        (void)snprintf(json, sizeof json, "{\"Error\":{\"Code\":\"%s\",\"Message\":\"m\"}}",
                       codes[i].code);
        assert_int_equal(outcome(400, xml), codes[i].outcome);
        assert_int_equal(outcome(403, json), codes[i].outcome);
    }
}

static void a_status_without_a_code_is_read_as_itself(void **state)
{
    (void)state;
    assert_int_equal(outcome(503, "<html>"), SG_IAM_TRANSIENT);
    assert_int_equal(outcome(429, ""), SG_IAM_THROTTLED);
    assert_int_equal(outcome(404, ""), SG_IAM_FAILED); /* not "no such role" */
    assert_int_equal(outcome(302, ""), SG_IAM_FAILED);
    assert_int_equal(outcome(204, ""), SG_IAM_FAILED);
}

static void an_answer_without_a_date_is_no_answer(void **state)
{
    struct sg_http_answer http = {.status = 200, .body = SG_TEXT("x")};
    struct sg_iam_answer answer;

    (void)state;
    sg_iam_classify(&answer, &http);
    assert_int_equal(answer.outcome, SG_IAM_FAILED);
    http.status = 404;
    http.body = SG_TEXT("{\"Error\":{\"Code\":\"NoSuchEntity\",\"Message\":\"m\"}}");
    sg_iam_classify(&answer, &http);
    assert_int_equal(answer.outcome, SG_IAM_FAILED);
}

/* ---- where requests may go ---- */

static void only_https_and_loopback_are_gone_to(void **state)
{
    static const char *const allowed[] = {"https://iam.amazonaws.com/", "http://127.0.0.1:8080/",
                                          "http://127.9.9.9/",          "http://localhost:1/x",
                                          "http://[::1]:8080/",         "HTTPS://example.com"};
    static const char *const refused[] = {
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.256/",
        "http://localhost.evil.com",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://user@example.com/",
        "http://user:pw@127.0.0.1/",
        "",
        "example.com",
        "http://169.254.169.254/",
        "http://[::2]/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        assert_true(sg_http_url_allowed(allowed[i], NULL));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(sg_http_url_allowed(refused[i], NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_is_read_with_all_that_hangs_on_it_from_xml),
        cmocka_unit_test(a_role_is_read_with_all_that_hangs_on_it_from_json),
        cmocka_unit_test(an_account_without_roles_is_an_answer),
        cmocka_unit_test(only_is_truncated_says_that_there_is_more),
        cmocka_unit_test(more_without_a_marker_is_no_answer),
        cmocka_unit_test(a_page_that_does_not_say_clearly_whether_it_is_the_last_is_no_answer),
        cmocka_unit_test(what_is_not_this_answer_is_never_an_empty_one),
        cmocka_unit_test(a_cut_answer_is_no_answer),
        cmocka_unit_test(a_role_that_lacks_a_part_is_not_whole),
        cmocka_unit_test(nothing_of_one_role_goes_over_to_the_next),
        cmocka_unit_test(a_document_type_is_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(a_duplicate_member_is_refused),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(a_list_with_an_entry_that_has_no_name_is_no_list),
        cmocka_unit_test(documents_and_versions_are_read),
        cmocka_unit_test(caller_without_an_account_is_no_answer),
        cmocka_unit_test(page_that_does_not_say_whether_there_is_more_is_refused),
        cmocka_unit_test(the_code_decides_not_the_status),
        cmocka_unit_test(a_status_without_a_code_is_read_as_itself),
        cmocka_unit_test(an_answer_without_a_date_is_no_answer),
        cmocka_unit_test(only_https_and_loopback_are_gone_to),
        cmocka_unit_test(user_is_read_with_his_groups_and_is_no_role),
        cmocka_unit_test(user_without_a_list_of_groups_is_not_one_without_groups),
        cmocka_unit_test(group_is_read_with_its_policies),
        cmocka_unit_test(answer_about_a_role_is_none_about_a_user),
        cmocka_unit_test(list_of_another_call_is_no_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
