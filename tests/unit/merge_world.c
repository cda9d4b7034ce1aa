/*
 * merge_world.c - see merge_world.h.
 */
#include "merge_world.h"

static void keep_line(void *context, enum sg_log_level level, const char *line)
{
    struct world *world = context;
    const size_t used = strlen(world->log);

    (void)snprintf(world->log + used, sizeof world->log - used, "%d %s\n", (int)level, line);
}

int64_t ms_of(const char *date)
{
    int64_t ms;

    assert_true(sg_date_parse_iam(&ms, sg_text_of(date)));
    return ms;
}

static void compile(struct sg_buffer *statements, const char *date, enum sg_policy_origin origin)
{
    char document[512];

    (void)snprintf(document, sizeof document,
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":"
                   "[\"*\"],\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{"
                   "\"aws:TokenIssueTime\":\"%s\"}}}]}",
                   date);
    assert_int_equal(
        sg_policy_compile(statements, sg_text_of(document), origin, SG_TEXT("revoke"), NULL),
        SG_OK);
}

void read_role(struct world *world, const char *const *dates, int64_t aws_ms, const char *role_id,
               bool from_iam)
{
    const struct sg_log log = {.write = keep_line, .context = world, .most = SG_LOG_DEBUG};
    struct sg_buffer statements = {0}, extras = {0}, packed = {0};
    struct sg_reading reading = {
        .arn = ARN,
        .role_id = sg_text_of(role_id),
        .aws_ms = aws_ms,
        .began_ms = aws_ms,
        .before_ms = world->before_ms,
        .from_iam = from_iam,
        .extras_only = world->extras_only,
        .extras_again = world->extras_again,
        .ratchet = world->ratchet,
        .longest_session_ms = 12 * SG_HOUR_MS,
    };
    struct sg_record previous;
    const bool known =
        world->packed.length > 0 && sg_record_read(&previous, sg_buffer_text(&world->packed));

    for (; dates != NULL && *dates != NULL; dates++)
        compile(&statements, *dates, SG_POLICY_INLINE);
    if (world->document != NULL)
        assert_int_equal(sg_policy_compile(&statements, sg_text_of(world->document),
                                           SG_POLICY_INLINE, SG_TEXT("more"), NULL),
                         SG_OK);
    if (world->extra != NULL)
        compile(&extras, world->extra, SG_POLICY_EXTRA);
    reading.statements = sg_buffer_text(&statements);
    reading.extras = sg_buffer_text(&extras);
    world->log[0] = '\0';
    assert_int_equal(sg_merge(&packed, &world->merged, known ? &previous : NULL, &reading, &log,
                              "account=prod role=app"),
                     SG_OK);
    take_packed(world, &packed);
    if (!world->extras_only)
        world->before_ms = aws_ms;
    sg_buffer_clear(&statements);
    sg_buffer_clear(&extras);
}

void read_once(struct world *world, const char *date, int64_t aws_ms)
{
    const char *const dates[] = {date, NULL};

    read_role(world, dates, aws_ms, "AROA1", true);
}

struct sg_record record_of(const struct world *world)
{
    struct sg_record record;

    assert_true(sg_record_read(&record, sg_buffer_text(&world->packed)));
    return record;
}

const struct sg_statement *first_of(const struct world *world)
{
    const struct sg_record record = record_of(world);
    size_t at = 0;

    return sg_statement_next(record.statements, &at);
}

void take_packed(struct world *world, struct sg_buffer *packed)
{
    sg_buffer_clear(&world->packed);
    world->packed = *packed;
    *packed = (struct sg_buffer){0};
}

void forget(struct world *world)
{
    sg_buffer_clear(&world->packed);
    *world = (struct world){0};
}

int world_make(void **state)
{
    static struct world world;

    world = (struct world){0};
    *state = &world;
    return 0;
}

int world_clear(void **state)
{
    forget(*state);
    return 0;
}
