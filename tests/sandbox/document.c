/*
 * Reading and checking policy documents; see document.h. Refuses what IAM refuses on write, and
 * what this sandbox could not evaluate, so that evaluation never meets it.
 */
#include "document.h"

#include <string.h>

#include "evaluate.h"
#include "when.h"

enum { MAX_DOCUMENT = 131072 };

static const char syntax[] = "Syntax errors in policy.";
static const char legacy[] = "The policy failed legacy parsing";

static const char *check_values(struct json_object *values, bool dates)
{
    size_t i;
    size_t count = 1;
    bool list = json_object_is_type(values, json_type_array);
    struct sb_when when;

    if (list)
        count = json_object_array_length(values);
    for (i = 0; i < count; i++) {
        struct json_object *value = list ? json_object_array_get_idx(values, i) : values;

        if (value == NULL || json_object_is_type(value, json_type_object) ||
            json_object_is_type(value, json_type_array))
            return syntax;
        if (dates && sb_when_parse(&when, json_object_get_string(value)) != 0)
            return legacy;
    }
    return NULL;
}

static const char *check_condition(struct json_object *condition)
{
    if (condition == NULL)
        return NULL;
    if (!json_object_is_type(condition, json_type_object))
        return syntax;
    json_object_object_foreach(condition, operator, keys)
    {
        bool dates = false;

        if (!sb_condition_operator(operator, & dates))
            return "Invalid Condition type, or one that this sandbox does not know.";
        if (!json_object_is_type(keys, json_type_object))
            return syntax;
        json_object_object_foreach(keys, key, values)
        {
            const char *why = check_values(values, dates);

            if (key[0] == '\0')
                return syntax;
            if (why != NULL)
                return why;
        }
    }
    return NULL;
}

static bool is_strings(struct json_object *value)
{
    size_t i;

    if (json_object_is_type(value, json_type_string))
        return true;
    if (!json_object_is_type(value, json_type_array))
        return false;
    for (i = 0; i < json_object_array_length(value); i++) {
        if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
            return false;
    }
    return true;
}

/* Exactly one of the two members, made of strings. */
static bool is_one_of(struct json_object *statement, const char *name, const char *other)
{
    struct json_object *first = json_object_object_get(statement, name);
    struct json_object *second = json_object_object_get(statement, other);

    if ((first == NULL) == (second == NULL))
        return false;
    return is_strings(first != NULL ? first : second);
}

static bool has(struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}

static const char *check_statement(struct json_object *statement, bool trust)
{
    const char *effect;

    if (!json_object_is_type(statement, json_type_object))
        return syntax;
    effect = json_object_get_string(json_object_object_get(statement, "Effect"));
    if (effect == NULL || (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0))
        return syntax;
    if (!is_one_of(statement, "Action", "NotAction"))
        return "Policy statement must contain actions.";
    if (trust && (has(statement, "Resource") || has(statement, "NotResource")))
        return "Has prohibited field Resource";
    if (trust && !has(statement, "Principal"))
        return "Missing required field Principal";
    if (!trust && (has(statement, "Principal") || has(statement, "NotPrincipal")))
        return "Policy document should not specify a principal.";
    if (!trust && !is_one_of(statement, "Resource", "NotResource"))
        return "Policy statement must contain resources.";
    return check_condition(json_object_object_get(statement, "Condition"));
}

static const char *check_document(struct json_object *document, const char *text, bool trust)
{
    struct json_object *statements;
    const char *version;
    const char *why = NULL;
    size_t i;

    if (!json_object_is_type(document, json_type_object))
        return syntax;
    version = json_object_get_string(json_object_object_get(document, "Version"));
    if (version != NULL && strcmp(version, "2012-10-17") != 0 && strcmp(version, "2008-10-17") != 0)
        return syntax;
    if (version != NULL && strcmp(version, "2012-10-17") == 0 && strstr(text, "${") != NULL)
        return "This sandbox does not know policy variables.";
    statements = json_object_object_get(document, "Statement");
    if (json_object_is_type(statements, json_type_object))
        return check_statement(statements, trust);
    if (!json_object_is_type(statements, json_type_array))
        return syntax;
    for (i = 0; why == NULL && i < json_object_array_length(statements); i++)
        why = check_statement(json_object_array_get_idx(statements, i), trust);
    return why;
}

struct json_object *sb_document_parse(const char *text, bool trust, const char **why)
{
    struct json_tokener *tokener = json_tokener_new_ex(32);
    struct json_object *document = NULL;
    size_t length = strlen(text);

    *why = syntax;
    if (tokener == NULL || length == 0 || length > MAX_DOCUMENT)
        goto out;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    document = json_tokener_parse_ex(tokener, text, (int)length + 1);
    if (json_tokener_get_error(tokener) != json_tokener_success || document == NULL)
        goto out;
    *why = check_document(document, text, trust);
out:
    if (tokener != NULL)
        json_tokener_free(tokener);
    if (*why != NULL) {
        json_object_put(document);
        document = NULL;
    }
    return document;
}
