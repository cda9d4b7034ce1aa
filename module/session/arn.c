/*
 * arn.c - parses the ARN forms that name a role or a user, byte by byte against
 * IAM's alphabets. Must never accept a second spelling of one of them, nor take
 * one for the other: what it returns is what records are found by and patterns
 * are compared with.
 */
#include "session/arn.h"

#define ACCOUNT_LENGTH     12
#define SESSION_NAME_MIN   2
#define SESSION_NAME_MAX   64
#define PARTITION_NAME_MAX 32

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* [\w+=,.@-], where \w is ASCII's: letters, digits and underscore. */
static bool is_name_char(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '+' ||
           c == '=' || c == ',' || c == '.' || c == '@' || c == '-';
}

static bool name_valid(struct sg_text name, size_t least, size_t most)
{
    if (name.length < least || name.length > most)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        if (!is_name_char(name.data[i]))
            return false;
    }
    return true;
}

bool sg_session_name_valid(struct sg_text name)
{
    return name_valid(name, SESSION_NAME_MIN, SESSION_NAME_MAX);
}

bool sg_account_id_valid(struct sg_text id)
{
    if (id.length != ACCOUNT_LENGTH)
        return false;
    for (size_t i = 0; i < id.length; i++) {
        if (!is_digit(id.data[i]))
            return false;
    }
    return true;
}

bool sg_partition_valid(struct sg_text partition)
{
    if (partition.length == 0 || partition.length > PARTITION_NAME_MAX ||
        !is_lower(partition.data[0]))
        return false;
    for (size_t i = 1; i < partition.length; i++) {
        const char c = partition.data[i];

        if (!is_lower(c) && !is_digit(c) && c != '-')
            return false;
    }
    return true;
}

/*
 * "/" or "/x/y/". IAM's own pattern is any of 0x21..0x7e between slashes; wildcards
 * and empty elements are left out, since a pattern could then mean two roles.
 */
static bool path_valid(struct sg_text path)
{
    if (path.length == 0 || path.length > SG_ROLE_PATH_MAX || path.data[0] != '/' ||
        path.data[path.length - 1] != '/')
        return false;
    for (size_t i = 1; i < path.length; i++) {
        const char c = path.data[i];

        if (c < 0x21 || c > 0x7e || c == '*' || c == '?')
            return false;
        if (c == '/' && path.data[i - 1] == '/')
            return false;
    }
    return true;
}

/* arn:PARTITION:SERVICE::ACCOUNT:REST */
static bool take_head(struct sg_role_arn *arn, struct sg_text *text, struct sg_text service,
                      bool allow_no_account)
{
    struct sg_text part;

    if (text->length > SG_ARN_MAX)
        return false;
    if (!sg_text_cut(&part, text, ':') || !sg_text_equal(part, SG_TEXT("arn")))
        return false;
    if (!sg_text_cut(&arn->partition, text, ':') || !sg_partition_valid(arn->partition))
        return false;
    if (!sg_text_cut(&part, text, ':') || !sg_text_equal(part, service))
        return false;
    if (!sg_text_cut(&part, text, ':') ||
        part.length != 0) /* region: IAM and its roles have none */
        return false;
    if (!sg_text_cut(&arn->account, text, ':'))
        return false;
    return sg_account_id_valid(arn->account) || (allow_no_account && arn->account.length == 0);
}

/* KIND/PATH/NAME in IAM's own ARNs. */
static bool parse_named(struct sg_role_arn *arn, struct sg_text text, struct sg_text prefix,
                        bool allow_no_account)
{
    struct sg_role_arn parsed = {0};
    size_t name_at;

    *arn = (struct sg_role_arn){0};
    if (!take_head(&parsed, &text, SG_TEXT("iam"), allow_no_account))
        return false;
    if (!sg_text_starts(text, prefix) || text.length <= prefix.length ||
        text.data[prefix.length] != '/')
        return false;
    text.data += prefix.length;
    text.length -= prefix.length;

    name_at = text.length;
    while (text.data[name_at - 1] != '/') /* stops at the slash that stands first */
        name_at--;
    parsed.path = (struct sg_text){text.data, name_at};
    parsed.name = (struct sg_text){text.data + name_at, text.length - name_at};
    if (!path_valid(parsed.path) || !name_valid(parsed.name, 1, SG_ROLE_NAME_MAX))
        return false;
    *arn = parsed;
    return true;
}

bool sg_role_arn_parse(struct sg_role_arn *arn, struct sg_text text, bool allow_no_account)
{
    return parse_named(arn, text, SG_TEXT("role"), allow_no_account);
}

bool sg_user_arn_parse(struct sg_role_arn *arn, struct sg_text text)
{
    arn->user = parse_named(arn, text, SG_TEXT("user"), false);
    return arn->user;
}

bool sg_assumed_role_arn_parse(struct sg_role_arn *arn, struct sg_text *session_name,
                               struct sg_text text, bool allow_no_account)
{
    struct sg_role_arn parsed = {0};
    struct sg_text kind;

    *arn = (struct sg_role_arn){0};
    *session_name = (struct sg_text){0};
    if (!take_head(&parsed, &text, SG_TEXT("sts"), allow_no_account))
        return false;
    if (!sg_text_cut(&kind, &text, '/') || !sg_text_equal(kind, SG_TEXT("assumed-role")))
        return false;
    if (!sg_text_cut(&parsed.name, &text, '/') || !name_valid(parsed.name, 1, SG_ROLE_NAME_MAX) ||
        !sg_session_name_valid(text))
        return false;
    *arn = parsed;
    *session_name = text;
    return true;
}

bool sg_role_name_fold(char folded[static SG_ROLE_NAME_MAX + 1], struct sg_text name)
{
    folded[0] = '\0';
    if (!name_valid(name, 1, SG_ROLE_NAME_MAX))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.data[i];

        folded[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    folded[name.length] = '\0';
    return true;
}

bool sg_principal_key(char key[static SG_PRINCIPAL_KEY_MAX + 1], bool user, struct sg_text name)
{
    const size_t length = user ? strlen(SG_USER_KEY_PREFIX) : 0;
    char folded[SG_ROLE_NAME_MAX + 1];

    key[0] = '\0';
    if (!sg_role_name_fold(folded, name))
        return false;
    memcpy(key, SG_USER_KEY_PREFIX, length);
    memcpy(key + length, folded, name.length + 1);
    return true;
}

bool sg_principal_fold(char key[static SG_PRINCIPAL_KEY_MAX + 1], struct sg_text name)
{
    const struct sg_text prefix = SG_TEXT(SG_USER_KEY_PREFIX);

    if (!sg_text_starts(name, prefix))
        return sg_principal_key(key, false, name);
    return sg_principal_key(
        key, true, (struct sg_text){name.data + prefix.length, name.length - prefix.length});
}

bool sg_key_is_user(const char *key)
{
    return strncmp(key, SG_USER_KEY_PREFIX, strlen(SG_USER_KEY_PREFIX)) == 0;
}

const char *sg_key_name_of(const char *key)
{
    return sg_key_is_user(key) ? key + strlen(SG_USER_KEY_PREFIX) : key;
}
