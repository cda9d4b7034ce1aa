/*
 * Which statements of a document apply, and what they say together; see evaluate.h. Conditions are
 * in condition.c. Knows no session and no role: those are put into the question by permit.c.
 */
#include "evaluate.h"

#include <ctype.h>
#include <string.h>

#include "util.h"

static bool same(char left, char right, bool fold)
{
    if (fold)
        return tolower((unsigned char)left) == tolower((unsigned char)right);
    return left == right;
}

bool sb_wildcard(const char *pattern, const char *text, bool fold)
{
    const char *star = NULL;
    const char *resume = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
            continue;
        }
        if (*pattern != '\0' && (*pattern == '?' || same(*pattern, *text, fold))) {
            pattern++;
            text++;
            continue;
        }
        if (star == NULL)
            return false;
        pattern = star + 1;
        text = ++resume;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool any_matches(struct json_object *patterns, const char *text, bool fold)
{
    size_t i;

    if (json_object_is_type(patterns, json_type_string))
        return sb_wildcard(json_object_get_string(patterns), text, fold);
    for (i = 0; i < json_object_array_length(patterns); i++) {
        const char *pattern = json_object_get_string(json_object_array_get_idx(patterns, i));

        if (sb_wildcard(pattern, text, fold))
            return true;
    }
    return false;
}

/* Action/NotAction, Resource/NotResource; with neither (a trust policy's resource) it is covered.
 */
static bool covers(struct json_object *statement, const char *name, const char *inverse,
                   const char *text, bool fold)
{
    struct json_object *patterns;

    if (json_object_object_get_ex(statement, name, &patterns))
        return any_matches(patterns, text, fold);
    if (json_object_object_get_ex(statement, inverse, &patterns))
        return !any_matches(patterns, text, fold);
    return true;
}

static bool names_account(const struct sb_who *who, const char *entry)
{
    char *root = sb_format("arn:aws:iam::%s:root", who->account);
    bool found = strcmp(entry, who->account) == 0 || strcmp(entry, root) == 0;

    free(root);
    return found;
}

static bool names_caller(const struct sb_who *who, const char *entry)
{
    if (strcmp(entry, "*") == 0 || strcmp(entry, who->arn) == 0)
        return true;
    return who->role_arn != NULL && strcmp(entry, who->role_arn) == 0;
}

static bool entry_matches(const struct sb_who *who, struct json_object *entry, bool *direct)
{
    const char *text = json_object_get_string(entry);

    if (text == NULL)
        return false;
    if (names_caller(who, text)) {
        *direct = true;
        return true;
    }
    return names_account(who, text);
}

/* Service and Federated principals are never the caller here. */
static bool principal_matches(const struct sb_who *who, struct json_object *principal, bool *direct)
{
    struct json_object *list;
    bool found = false;
    size_t i;

    if (json_object_is_type(principal, json_type_string))
        return strcmp(json_object_get_string(principal), "*") == 0 &&
               entry_matches(who, principal, direct);
    if (!json_object_object_get_ex(principal, "AWS", &list))
        return false;
    if (json_object_is_type(list, json_type_string))
        return entry_matches(who, list, direct);
    if (!json_object_is_type(list, json_type_array))
        return false;
    for (i = 0; i < json_object_array_length(list); i++)
        found |= entry_matches(who, json_object_array_get_idx(list, i), direct);
    return found;
}

static enum sb_effect evaluate_statement(const struct sb_question *question,
                                         struct json_object *statement, bool *direct)
{
    const char *effect = json_object_get_string(json_object_object_get(statement, "Effect"));
    struct json_object *principal = json_object_object_get(statement, "Principal");
    struct json_object *condition = json_object_object_get(statement, "Condition");
    bool deny = strcmp(effect, "Deny") == 0;

    if (!covers(statement, "Action", "NotAction", question->action, true))
        return SB_IMPLICIT_DENY;
    if (!covers(statement, "Resource", "NotResource", question->resource, false))
        return SB_IMPLICIT_DENY;
    if (principal != NULL && !principal_matches(question->who, principal, direct))
        return SB_IMPLICIT_DENY;
    if (!sb_condition_holds(condition, question->context, deny))
        return SB_IMPLICIT_DENY;
    return deny ? SB_EXPLICIT_DENY : SB_ALLOW;
}

enum sb_effect sb_evaluate(const struct sb_question *question, struct json_object *document,
                           bool *direct)
{
    struct json_object *statements = json_object_object_get(document, "Statement");
    enum sb_effect outcome = SB_IMPLICIT_DENY;
    bool list = json_object_is_type(statements, json_type_array);
    size_t count = list ? json_object_array_length(statements) : 1;
    size_t i;

    if (direct != NULL)
        *direct = false;
    for (i = 0; i < count; i++) {
        bool named = false;
        enum sb_effect effect = evaluate_statement(
            question, list ? json_object_array_get_idx(statements, i) : statements, &named);

        if (effect == SB_EXPLICIT_DENY)
            return SB_EXPLICIT_DENY;
        if (effect != SB_ALLOW)
            continue;
        outcome = SB_ALLOW;
        if (direct != NULL && named)
            *direct = true;
    }
    return outcome;
}

enum sb_effect sb_evaluate_all(const struct sb_question *question, struct json_object *documents)
{
    enum sb_effect outcome = SB_IMPLICIT_DENY;
    size_t i;

    for (i = 0; i < json_object_array_length(documents); i++) {
        enum sb_effect effect =
            sb_evaluate(question, json_object_array_get_idx(documents, i), NULL);

        if (effect == SB_EXPLICIT_DENY)
            return SB_EXPLICIT_DENY;
        if (effect == SB_ALLOW)
            outcome = SB_ALLOW;
    }
    return outcome;
}
