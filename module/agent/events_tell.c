/*
 * events_tell.c - what an event says that a policy denies, told to the roles that it bears on at
 * once. Must never loosen, and never take for a policy what IAM would not: a read comes anyway.
 */
#include "agent/events_queue.h"

/* An event may be that much older than the last read and still tighten: AWS's answers and its
 * events tell whole seconds. What has been undone since goes with the next two reads. */
#define LATE_MS INT64_C(10000)

struct telling {
    struct sg_events *events;
    struct sg_agent_account *account;
    enum sg_policy_origin origin;
    struct sg_text policy;
    const char *id; /* of the event */
    int64_t at_ms;
};

/* What a read has told since is not overruled by an event that comes late. */
static bool is_news(const struct telling *telling, const struct sg_role *role)
{
    const int64_t read_ms =
        role->read_aws_ms != 0 ? role->read_aws_ms : telling->account->complete_aws_ms;

    return telling->at_ms > read_ms - LATE_MS;
}

static void tell_role(const struct telling *telling, struct sg_role *role,
                      const struct sg_buffer *statements)
{
    if (is_news(telling, role) &&
        sg_account_tighten(telling->account, role, sg_buffer_text(statements)) == SG_OK)
        sg_hold_late(telling->events, telling->account, role,
                     &(struct sg_told_policy){telling->origin, telling->policy, telling->id,
                                              telling->at_ms});
}

/* A document that can't be read as a policy revokes nobody before IAM itself has shown it. */
static bool compile(struct sg_buffer *statements, struct sg_text document,
                    enum sg_policy_origin origin, struct sg_text name)
{
    struct sg_problems problems = {0};
    const bool good = document.length > 0 &&
                      sg_policy_compile(statements, document, origin, name, &problems) == SG_OK &&
                      problems.count == 0;

    sg_problems_clear(&problems);
    return good;
}

/* ---- managed policies ---- */

static bool hangs_at(const struct sg_role *role, struct sg_text arn)
{
    return sg_role_has_hung(role, SG_POLICY_ATTACHED, arn) ||
           sg_role_has_hung(role, SG_POLICY_BOUNDARY, arn);
}

bool sg_events_hangs(const struct sg_agent_account *account, struct sg_text arn)
{
    for (const struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        if (hangs_at(role, arn))
            return true;
    }
    return false;
}

static void tell_place(struct telling *telling, struct sg_role *role,
                       const struct sg_managed *managed, enum sg_policy_origin origin)
{
    telling->origin = origin;
    if (sg_role_has_hung(role, origin, telling->policy))
        tell_role(telling, role,
                  origin == SG_POLICY_BOUNDARY ? &managed->boundary : &managed->attached);
}

void sg_events_tell_policy(struct sg_events *events, struct sg_agent_account *account,
                           const struct sg_managed *managed, const char *id, int64_t at_ms)
{
    struct telling telling = {.events = events,
                              .account = account,
                              .policy = sg_text_of(managed->arn),
                              .id = id,
                              .at_ms = at_ms};

    for (struct sg_role *role = sg_roles_first(&account->roles); role != NULL;
         role = sg_roles_next(&account->roles, role)) {
        tell_place(&telling, role, managed, SG_POLICY_ATTACHED);
        tell_place(&telling, role, managed, SG_POLICY_BOUNDARY);
    }
    if (account->dirty)
        (void)sg_publish_account(account);
}

static void take_document(struct sg_events *events, struct sg_agent_account *account,
                          const struct sg_event *event)
{
    char arn[SG_ARN_MAX + 1];
    struct sg_managed fresh = {.arn = arn, .known = true, .aws_ms = event->at_ms};
    const struct sg_text document = sg_buffer_text(&event->document);
    const struct sg_text name = sg_text_of(event->policy);

    if (sg_text_copy(arn, sizeof arn, name) &&
        compile(&fresh.attached, document, SG_POLICY_ATTACHED, name) &&
        compile(&fresh.boundary, document, SG_POLICY_BOUNDARY, name)) {
        sg_hung_remember(&account->told, &fresh, sg_now_ms(account->agent));
        sg_events_tell_policy(events, account, &fresh, event->id, event->at_ms);
    }
    sg_buffer_clear(&fresh.attached);
    sg_buffer_clear(&fresh.boundary);
}

/* ---- one role ---- */

static void take_hung(struct telling *telling, struct sg_role *role)
{
    const struct sg_managed *managed = sg_managed_find(&telling->account->told, telling->policy);

    sg_role_add_hung(role, telling->origin, telling->policy);
    if (managed != NULL)
        tell_place(telling, role, managed, telling->origin);
}

static void take_inline(const struct telling *telling, struct sg_role *role,
                        struct sg_text document)
{
    struct sg_buffer statements = {0};

    if (compile(&statements, document, SG_POLICY_INLINE, telling->policy))
        tell_role(telling, role, &statements);
    sg_buffer_clear(&statements);
}

void sg_events_tell(struct sg_events *events, struct sg_agent_account *account,
                    const struct sg_event *event, struct sg_role *role)
{
    struct telling telling = {.events = events,
                              .account = account,
                              .origin = event->origin,
                              .id = event->id,
                              .at_ms = event->at_ms};

    if (role == NULL) {
        take_document(events, account, event);
        return;
    }
    telling.policy = sg_text_of(event->hangs[0] != '\0' ? event->hangs : event->policy);
    if (event->hangs[0] != '\0')
        take_hung(&telling, role);
    else
        take_inline(&telling, role, sg_buffer_text(&event->document));
    if (account->dirty)
        (void)sg_publish_account(account);
}
