/*
 * merge.c - how one role's record follows from the last one. Must never drop a revocation that
 * one read alone did not show, or that a ratchet holds, nor give a statement an earlier first sight
 * or a later last one than AWS's answers prove.
 */
#include "agent/merge_tell.h"

#include "base/date.h"

#include <stdio.h>

#define YOUNG_CUTOFF_MS (5 * SG_MINUTE_MS)
#define FLAGS_OF_AGENT                                                                             \
    (unsigned)(SG_STATEMENT_FROM_IAM | SG_STATEMENT_GONE_ONCE | SG_STATEMENT_RATCHETED |           \
               SG_STATEMENT_HELD)

struct merge {
    struct sg_buffer statements;
    struct sg_merged *merged;
    const struct sg_record *previous; /* of the same role; NULL: none */
    const struct sg_reading *reading;
    const struct sg_log *log;
    const char *where;
};

static bool same(const struct sg_statement *a, const struct sg_statement *b)
{
    return memcmp(a->identity, b->identity, sizeof a->identity) == 0;
}

static const struct sg_statement *find(struct sg_text run, const struct sg_statement *wanted)
{
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (same(statement, wanted))
            return statement;
    }
    return NULL;
}

/* ---- what the log tells ---- */

/* The latest date that the role's policies name now; of the part that was read. */
static int64_t cutoff_now(const struct merge *merge)
{
    int64_t own_ms = sg_merge_greatest_cutoff(SG_CUTOFF_NONE, merge->reading->extras);
    const struct sg_statement *statement;
    size_t at = 0;

    if (!merge->reading->extras_only)
        return sg_merge_greatest_cutoff(own_ms, merge->reading->statements);
    while ((statement = sg_statement_next(merge->previous->statements, &at)) != NULL) {
        if (statement->origin != SG_POLICY_EXTRA && sg_statement_counts(statement) &&
            statement->cutoff_ms > own_ms)
            own_ms = statement->cutoff_ms;
    }
    return own_ms;
}

/* Its policy still names a date, an earlier one. */
static bool moved_back(const struct merge *merge, const struct sg_statement *gone)
{
    const struct sg_statement *statement;
    size_t at = 0;
    const struct sg_text run =
        gone->origin == SG_POLICY_EXTRA ? merge->reading->extras : merge->reading->statements;

    if (gone->cutoff_ms == SG_CUTOFF_NONE)
        return false;
    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (sg_statement_counts(statement) && statement->origin == gone->origin &&
            statement->cutoff_ms != SG_CUTOFF_NONE && statement->cutoff_ms < gone->cutoff_ms &&
            sg_text_equal(sg_statement_policy(statement), sg_statement_policy(gone)))
            return true;
    }
    return false;
}

/* Whoever takes a fresh cutoff away is likely to be the one that it is for. One without a date is
 * as old as its first sight. */
static bool is_young(const struct merge *merge, const struct sg_statement *gone)
{
    const int64_t since_ms =
        gone->cutoff_ms != SG_CUTOFF_NONE ? gone->cutoff_ms : gone->first_seen_ms;
    const int64_t seen_ms = gone->last_seen_ms != 0 ? gone->last_seen_ms : merge->reading->aws_ms;

    return since_ms > seen_ms - YOUNG_CUTOFF_MS;
}

static void tell_loosened(const struct merge *merge, const struct sg_statement *gone, bool kept)
{
    const char *what = moved_back(merge, gone) ? "moved-back" : "gone";
    const bool young = is_young(merge, gone);
    char words[128], date[SG_DATE_SIZE] = "";

    (void)snprintf(words, sizeof words, "%s%s%s%s", what,
                   young ? " alarm=cutoff-younger-than-5m" : "", kept ? " ratchet=kept-until-" : "",
                   kept ? sg_date_format(date, gone->kept_until_ms) : "");
    sg_merge_tell(merge->log, young ? SG_LOG_WARNING : SG_LOG_NOTICE, merge->where, words,
                  gone->cutoff_ms, cutoff_now(merge), gone);
}

/* ---- what was read ---- */

/* The copy that goes into the record, to be changed; NULL: memory. */
static struct sg_statement *append(struct merge *merge, const struct sg_statement *statement)
{
    const size_t at = merge->statements.length;

    sg_buffer_add(&merge->statements, statement, statement->size);
    if (merge->statements.failed)
        return NULL;
    /* malloc aligns the buffer, sizes are multiples of 8. */
    return (struct sg_statement *)(void *)(merge->statements.data + at);
}

/* Since when it is held over reads that may come from before its removal; 0: it is not. */
static int64_t held_since_ms(const struct merge *merge, const struct sg_statement *before)
{
    if (before == NULL || (before->flags & SG_STATEMENT_HELD) == 0)
        return 0;
    return merge->reading->aws_ms - before->last_seen_ms < YOUNG_CUTOFF_MS ? before->last_seen_ms
                                                                           : 0;
}

/* A statement of this read keeps its first sight only when the run was never broken. */
static bool take_present(struct merge *merge, const struct sg_statement *statement)
{
    const struct sg_statement *before =
        merge->previous == NULL ? NULL : find(merge->previous->statements, statement);
    const bool own = statement->origin == SG_POLICY_EXTRA;
    const unsigned from_iam = merge->reading->from_iam && !own ? SG_STATEMENT_FROM_IAM : 0;
    const int64_t held_ms = held_since_ms(merge, before);
    struct sg_statement *copy = append(merge, statement);

    if (copy == NULL)
        return false;
    copy->flags = (uint16_t)((copy->flags & ~FLAGS_OF_AGENT) | from_iam |
                             (held_ms != 0 ? (unsigned)SG_STATEMENT_HELD : 0U));
    copy->last_seen_ms = held_ms;
    copy->kept_until_ms = 0;
    copy->first_seen_ms = merge->reading->aws_ms;
    if (before != NULL && (before->flags & FLAGS_OF_AGENT) == from_iam &&
        before->first_seen_ms != 0)
        copy->first_seen_ms = before->first_seen_ms;
    if (before != NULL && (before->flags & SG_STATEMENT_RATCHETED) != 0)
        sg_merge_tell(merge->log, SG_LOG_NOTICE, merge->where, "back", before->cutoff_ms,
                      copy->cutoff_ms, copy);
    if (before == NULL && sg_statement_counts(copy)) {
        merge->merged->added++;
        sg_merge_tell(merge->log, SG_LOG_NOTICE, merge->where, "new",
                      merge->previous == NULL
                          ? SG_CUTOFF_NONE
                          : sg_merge_greatest_cutoff(SG_CUTOFF_NONE, merge->previous->statements),
                      copy->cutoff_ms, copy);
    }
    return true;
}

/* ---- what it did not show ---- */

/* A later cutoff for everything has taken its place, and evidence settles that one no sooner. */
static bool is_replaced_in(struct sg_text run, const struct sg_statement *gone, bool from_iam)
{
    const struct sg_statement *statement;
    const bool gone_from_iam = (gone->flags & SG_STATEMENT_FROM_IAM) != 0;
    size_t at = 0;

    if ((gone->flags & SG_STATEMENT_SIMPLE) == 0 || !sg_statement_counts(gone) ||
        (from_iam && !gone_from_iam && gone->first_seen_ms != 0))
        return false;
    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (sg_statement_counts(statement) && (statement->flags & SG_STATEMENT_SIMPLE) != 0 &&
            statement->cutoff_ms >= gone->cutoff_ms)
            return true;
    }
    return false;
}

static bool is_replaced(const struct merge *merge, const struct sg_statement *gone)
{
    const struct sg_reading *reading = merge->reading;
    const bool held = (gone->flags & SG_STATEMENT_HELD) != 0;
    const bool own = gone->origin == SG_POLICY_EXTRA;

    /* Nothing keeps an extra policy, so that it can't stand in for what is to be kept. */
    if ((own || (!held && !reading->ratchet)) && is_replaced_in(reading->extras, gone, false))
        return true;
    return !reading->extras_only && (!held || reading->ratchet) &&
           is_replaced_in(reading->statements, gone, reading->from_iam);
}

/*
 * Until the last session that it revoked has ended. Those it could bite were issued before its
 * date, and before this read, which found it gone: a date in the future does not lock a role out
 * for good.
 */
static int64_t kept_until(const struct merge *merge, const struct sg_statement *gone)
{
    const struct sg_reading *reading = merge->reading;
    int64_t until_ms = gone->bites_before_ms;

    if (until_ms > reading->aws_ms)
        until_ms = reading->aws_ms;
    if (__builtin_add_overflow(until_ms, reading->longest_session_ms, &until_ms))
        return INT64_MAX;
    return until_ms;
}

/* Of the operator's own he disposes himself; what only an event told was never AWS's answer. */
static bool ratchet_holds(const struct merge *merge, const struct sg_statement *gone)
{
    const bool held = (gone->flags & SG_STATEMENT_HELD) != 0;

    return (held || (merge->reading->ratchet && gone->first_seen_ms != 0)) &&
           sg_statement_counts(gone) && gone->origin != SG_POLICY_EXTRA;
}

static bool take_gone_once(struct merge *merge, const struct sg_statement *statement)
{
    struct sg_statement *copy = append(merge, statement);

    if (copy == NULL)
        return false;
    copy->flags |= SG_STATEMENT_GONE_ONCE;
    copy->last_seen_ms = merge->reading->before_ms;
    merge->merged->kept_once += sg_statement_counts(copy);
    if (ratchet_holds(merge, copy) && kept_until(merge, copy) > merge->reading->aws_ms) {
        copy->flags |= SG_STATEMENT_RATCHETED;
        copy->kept_until_ms = kept_until(merge, copy);
    }
    return true;
}

/* Absent from a second read, or held by the ratchet for longer. */
static bool take_gone_again(struct merge *merge, const struct sg_statement *statement)
{
    const bool known = (statement->flags & SG_STATEMENT_GONE_ONCE) == 0;
    const bool held = (statement->flags & SG_STATEMENT_HELD) != 0;

    if ((statement->flags & SG_STATEMENT_RATCHETED) != 0 && (merge->reading->ratchet || held) &&
        merge->reading->aws_ms < statement->kept_until_ms) {
        struct sg_statement *copy = append(merge, statement);
        if (copy == NULL)
            return false;
        copy->flags &= (uint16_t)~SG_STATEMENT_GONE_ONCE;
        merge->merged->ratcheted++;
        if (!known)
            tell_loosened(merge, copy, true);
        return true;
    }
    merge->merged->dropped += sg_statement_counts(statement);
    if (!sg_statement_counts(statement))
        return true;
    if (known)
        sg_merge_tell(merge->log, SG_LOG_NOTICE, merge->where, "gone ratchet=over",
                      statement->cutoff_ms, cutoff_now(merge), statement);
    else
        tell_loosened(merge, statement, false);
    return true;
}

static bool take_absent(struct merge *merge, const struct sg_statement *statement)
{
    const struct sg_reading *reading = merge->reading;
    const bool own = statement->origin == SG_POLICY_EXTRA;

    if (find(own ? reading->extras : reading->statements, statement) != NULL)
        return true;
    if (own ? reading->extras_again && (statement->flags & SG_STATEMENT_GONE_ONCE) != 0
            : reading->extras_only)
        return append(merge, statement) != NULL;
    if (is_replaced(merge, statement)) {
        sg_merge_tell(merge->log, SG_LOG_INFO, merge->where, "replaced", statement->cutoff_ms,
                      cutoff_now(merge), statement);
        return true;
    }
    if ((statement->flags & (SG_STATEMENT_GONE_ONCE | SG_STATEMENT_RATCHETED)) != 0)
        return take_gone_again(merge, statement);
    return take_gone_once(merge, statement);
}

/* ---- the whole ---- */

static int take_run(struct merge *merge, struct sg_text run,
                    bool (*take)(struct merge *merge, const struct sg_statement *statement))
{
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(run, &at)) != NULL) {
        if (!take(merge, statement))
            return SG_E_MEMORY;
    }
    return at == run.length ? SG_OK : SG_E_INVALID;
}

static int merge_statements(struct merge *merge)
{
    int error = SG_OK;

    if (!merge->reading->extras_only)
        error = take_run(merge, merge->reading->statements, take_present);
    if (error == SG_OK)
        error = take_run(merge, merge->reading->extras, take_present);
    if (error == SG_OK && merge->previous != NULL)
        error = take_run(merge, merge->previous->statements, take_absent);
    return error;
}

static int pack(struct sg_buffer *packed, const struct sg_record *record)
{
    sg_buffer_clear(packed);
    if (sg_record_write(packed, record))
        return SG_OK;
    return packed->failed ? SG_E_MEMORY : SG_E_LIMIT;
}

/* A role that took another's name inherits nothing. One that looked deleted for a moment does. */
static bool is_same_role(const struct sg_record *previous, const struct sg_reading *reading)
{
    if (reading->extras_only)
        return true;
    if (previous->role_id.length > 0 && reading->role_id.length > 0)
        return sg_text_equal(previous->role_id, reading->role_id);
    return previous->state == SG_ROLE_PRESENT;
}

int sg_merge(struct sg_buffer *packed, struct sg_merged *merged, const struct sg_record *previous,
             const struct sg_reading *reading, const struct sg_log *log, const char *where)
{
    struct merge merge = {.merged = merged, .reading = reading, .log = log, .where = where};
    struct sg_record record = {
        .state = SG_ROLE_PRESENT,
        .created_ms = reading->created_ms,
        .arn = reading->arn,
        .role_id = reading->role_id,
    };

    *merged = (struct sg_merged){0};
    if (previous != NULL && is_same_role(previous, reading))
        merge.previous = previous;
    else if (previous != NULL && previous->role_id.length > 0 && reading->role_id.length > 0)
        sg_log(log, SG_LOG_NOTICE, "%s state=recreated id=%.*s", where,
               SG_TEXT_ARG(reading->role_id));
    if (reading->extras_only) {
        if (previous == NULL)
            return SG_E_INVALID;
        record = *previous;
    }

    int error = merge_statements(&merge);
    if (error == SG_OK) {
        record.statements = sg_buffer_text(&merge.statements);
        error = pack(packed, &record);
    }
    sg_buffer_clear(&merge.statements);
    return error;
}

static bool is_ratcheted(const struct sg_statement *statement)
{
    return (statement->flags & SG_STATEMENT_RATCHETED) != 0;
}

/* What a ratchet holds outlasts an answer that says by mistake that the role is gone. */
int sg_merge_deleted(struct sg_buffer *packed, const struct sg_record *previous)
{
    struct sg_record record = {.state = SG_ROLE_DELETED};
    struct sg_buffer kept = {0};
    const struct sg_statement *statement;
    size_t at = 0;

    if (previous != NULL) {
        record.arn = previous->arn;
        record.role_id = previous->role_id;
        record.created_ms = previous->created_ms;
        while ((statement = sg_statement_next(previous->statements, &at)) != NULL) {
            if (is_ratcheted(statement))
                sg_buffer_add(&kept, statement, statement->size);
        }
    }
    record.statements = sg_buffer_text(&kept);
    const int error = kept.failed ? SG_E_MEMORY : pack(packed, &record);
    sg_buffer_clear(&kept);
    return error;
}

int sg_merge_stale(struct sg_buffer *packed, const struct sg_record *previous, int64_t since_ms)
{
    struct sg_record record = *previous;

    if (record.stale_since_ms == 0)
        record.stale_since_ms = since_ms;
    return pack(packed, &record);
}
