/*
 * flat.c - walks compiled statements and checks them. Must never follow an
 * offset that has not been checked: a damaged store is refused here, whole.
 */
#include "policy/values.h"

#define FLAGS_ALL                                                                                  \
    (SG_STATEMENT_ENFORCED | SG_STATEMENT_UNCONDITIONAL | SG_STATEMENT_SIMPLE |                    \
     SG_STATEMENT_CONSTANT_KEYS | SG_STATEMENT_COVERS_MINT | SG_STATEMENT_COVERS_READ |            \
     SG_STATEMENT_INDETERMINATE | SG_STATEMENT_FROM_IAM | SG_STATEMENT_GONE_ONCE |                 \
     SG_STATEMENT_RATCHETED | SG_STATEMENT_HELD)

_Static_assert(sizeof(struct sg_statement) % 8 == 0, "statements follow each other 8-aligned");
_Static_assert(sizeof(struct sg_flat_tests) == 8 && sizeof(struct sg_test) == 16 &&
                   sizeof(struct sg_ip_range) == 24,
               "tests and their values are 8-aligned");

static uint16_t read_u16(const char *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static const char *bytes_of(const struct sg_statement *statement)
{
    return (const char *)statement;
}

const struct sg_statement *sg_statement_next(struct sg_text run, size_t *at)
{
    if (*at > run.length || run.length - *at < sizeof(struct sg_statement))
        return NULL;
    if (((uintptr_t)run.data + *at) % 8 != 0)
        return NULL;

    const struct sg_statement *statement = (const void *)(run.data + *at);
    if (statement->size < sizeof *statement || statement->size % 8 != 0 ||
        statement->size > run.length - *at)
        return NULL;
    *at += statement->size;
    return statement;
}

/* --- checks --- */

/* [at, at + length) lies behind the header and inside the statement. */
static bool inside(const struct sg_statement *statement, size_t at, size_t length)
{
    return at >= sizeof *statement && at <= statement->size && length <= statement->size - at;
}

static bool text_valid(const struct sg_statement *statement, uint16_t at, uint16_t length)
{
    return at == 0 ? length == 0 : inside(statement, at, length);
}

static bool notes_valid(const struct sg_statement *statement)
{
    const size_t at = statement->notes_at;

    return at == 0 || (inside(statement, at, 2) &&
                       inside(statement, at + 2, read_u16(bytes_of(statement) + at)));
}

/* `count` texts from `at` on, before `end`; their own end, or 0. */
static size_t texts_end(const struct sg_statement *statement, size_t at, size_t end, uint16_t count)
{
    for (; count > 0; count--) {
        if (at > end || end - at < 2)
            return 0;
        const uint16_t length = read_u16(bytes_of(statement) + at);
        at += 2;
        if (length > end - at)
            return 0;
        at += length;
    }
    return at;
}

static bool list_valid(const struct sg_statement *statement, uint16_t at)
{
    if (at == 0)
        return true;
    return inside(statement, at, 2) && texts_end(statement, at + (size_t)2, statement->size,
                                                 read_u16(bytes_of(statement) + at)) != 0;
}

/* Values of one kind each, and nothing but them from `at` to `end`. */
static bool values_valid(const struct sg_statement *statement, const struct sg_test *test,
                         size_t at, size_t end)
{
    const struct sg_date_range *dates = (const void *)(bytes_of(statement) + at);
    const struct sg_ip_range *addresses = (const void *)(bytes_of(statement) + at);
    bool valid = true;

    switch (sg_operator_family(test->op)) {
    case SG_FAMILY_DATE:
        if (end - at != test->values * sizeof *dates)
            return false;
        for (uint16_t i = 0; i < test->values; i++)
            valid = valid && dates[i].low_ms <= dates[i].high_ms;
        return valid;
    case SG_FAMILY_IP:
        if (end - at != test->values * sizeof *addresses)
            return false;
        for (uint16_t i = 0; i < test->values; i++)
            valid = valid && sg_ip_range_valid(&addresses[i]);
        return valid;
    case SG_FAMILY_STRING:
    case SG_FAMILY_NUMERIC:
    case SG_FAMILY_BOOL:
    case SG_FAMILY_BINARY:
    case SG_FAMILY_ARN:
    case SG_FAMILY_NULL:
        break;
    }
    const size_t texts = texts_end(statement, at, end, test->values);
    return texts != 0 && sg_pad8(texts) == end;
}

/* The key's number and the key's name must say the same: the name is what others see. */
static bool test_valid(const struct sg_statement *statement, const struct sg_test *test, size_t at)
{
    const size_t name = sg_pad8(test->name_length);

    if (test->op >= SG_OPERATOR_COUNT || test->quantifier >= SG_QUANTIFIERS ||
        (test->flags & ~(SG_TEST_IF_EXISTS | SG_TEST_VARIABLES)) != 0 ||
        test->key >= SG_KEY_COUNT || test->reserved[0] != 0 || test->reserved[1] != 0 ||
        test->reserved[2] != 0)
        return false;
    if (test->size % 8 != 0 || !inside(statement, at, test->size) ||
        test->size < sizeof *test + name)
        return false;
    return sg_key_find(sg_test_name(test)) == (enum sg_key)test->key &&
           values_valid(statement, test, at + sizeof *test + name, at + test->size);
}

static bool tests_valid(const struct sg_statement *statement)
{
    size_t at = statement->tests_at;

    if (at == 0)
        return true;
    if (at % 8 != 0 || !inside(statement, at, sizeof(struct sg_flat_tests)))
        return false;

    const struct sg_flat_tests *tests = (const void *)(bytes_of(statement) + at);
    if (tests->reserved[0] != 0 || tests->reserved[1] != 0 || tests->reserved[2] != 0)
        return false;
    at += sizeof *tests;
    for (uint16_t left = tests->count; left > 0; left--) {
        const struct sg_test *test = (const void *)(bytes_of(statement) + at);

        if (!inside(statement, at, sizeof *test) || !test_valid(statement, test, at))
            return false;
        at += test->size;
    }
    return true;
}

/* What the flags promise must be there: a simple statement has its cutoff, a list left out covers
 * everything. */
static bool flags_valid(const struct sg_statement *statement)
{
    const uint16_t flags = statement->flags, scope = statement->scope;

    if ((flags & ~FLAGS_ALL) != 0 || (scope & ~SG_SCOPE_ALL) != 0 ||
        statement->origin > SG_POLICY_EXTRA)
        return false;
    if (statement->reserved != 0 || statement->reserved2[0] != 0 || statement->reserved2[1] != 0 ||
        statement->reserved2[2] != 0)
        return false;
    if (statement->actions_at == 0 && (scope & SG_SCOPE_ANY_ACTION) == 0)
        return false;
    if (statement->resources_at == 0 && (scope & SG_SCOPE_ANY_RESOURCE) == 0)
        return false;
    return (flags & SG_STATEMENT_SIMPLE) == 0 || statement->cutoff_ms != SG_CUTOFF_NONE;
}

static bool statement_valid(const struct sg_statement *statement)
{
    return flags_valid(statement) &&
           text_valid(statement, statement->policy_at, statement->policy_length) &&
           text_valid(statement, statement->sid_at, statement->sid_length) &&
           notes_valid(statement) && list_valid(statement, statement->actions_at) &&
           list_valid(statement, statement->resources_at) && tests_valid(statement);
}

bool sg_statement_run_valid(struct sg_text run)
{
    size_t at = 0;
    const struct sg_statement *statement;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (!statement_valid(statement))
            return false;
    }
    return at == run.length;
}

/* --- reading --- */

static struct sg_text text_at(const struct sg_statement *statement, uint16_t at, uint16_t length)
{
    return (struct sg_text){at == 0 ? NULL : bytes_of(statement) + at, length};
}

struct sg_text sg_statement_policy(const struct sg_statement *statement)
{
    return text_at(statement, statement->policy_at, statement->policy_length);
}

struct sg_text sg_statement_sid(const struct sg_statement *statement)
{
    return text_at(statement, statement->sid_at, statement->sid_length);
}

struct sg_text sg_statement_notes(const struct sg_statement *statement)
{
    const uint16_t at = statement->notes_at;

    if (at == 0)
        return (struct sg_text){NULL, 0};
    return (struct sg_text){bytes_of(statement) + at + 2, read_u16(bytes_of(statement) + at)};
}

struct sg_flat_list sg_flat_list_at(const struct sg_statement *statement, uint16_t at)
{
    if (at == 0)
        return (struct sg_flat_list){NULL, 0};
    return (struct sg_flat_list){bytes_of(statement) + at + 2, read_u16(bytes_of(statement) + at)};
}

bool sg_flat_list_next(struct sg_text *text, struct sg_flat_list *list)
{
    if (list->left == 0)
        return false;
    *text = (struct sg_text){list->next + 2, read_u16(list->next)};
    list->next += 2 + text->length;
    list->left--;
    return true;
}

const struct sg_test *sg_flat_tests_at(uint16_t *count, const struct sg_statement *statement)
{
    *count = 0;
    if (statement->tests_at == 0)
        return NULL;

    const struct sg_flat_tests *tests = (const void *)(bytes_of(statement) + statement->tests_at);
    *count = tests->count;
    return (const void *)(tests + 1);
}
