/*
 * roles.c - `stsgatectl roles`: what the store holds of each role, as readers
 * see it.
 */
#include "base/buffer.h"
#include "base/date.h"
#include "ctl/ctl.h"
#include "store/store.h"

#include <json-c/json.h>
#include <stdio.h>

struct listing {
    const struct ctl *ctl;
    const struct sg_account *account;
    const char *pattern; /* NULL: all */
    struct json_object *roles;
    size_t shown;
};

static void add_flag(struct json_object *one, const char *name,
                     const struct sg_statement *statement, unsigned flag)
{
    json_object_object_add(one, name, json_object_new_boolean((statement->flags & flag) != 0));
}

static int64_t or_none(int64_t ms)
{
    return ms == 0 ? INT64_MIN : ms;
}

static void add_statements(struct json_object *role, const struct sg_record *record)
{
    struct json_object *list = json_object_new_array();
    const struct sg_statement *statement;
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        struct json_object *one = json_object_new_object();
        struct sg_buffer text = {0};

        sg_statement_describe(&text, statement);
        ctl_json_text(one, "text", sg_buffer_text(&text));
        ctl_json_text(one, "policy", sg_statement_policy(statement));
        ctl_json_text(one, "note", sg_statement_notes(statement));
        ctl_json_date(one, "cutoff", statement->cutoff_ms);
        ctl_json_date(one, "first_seen", statement->first_seen_ms);
        add_flag(one, "enforced", statement, SG_STATEMENT_ENFORCED);
        add_flag(one, "indeterminate", statement, SG_STATEMENT_INDETERMINATE);
        add_flag(one, "from_iam", statement, SG_STATEMENT_FROM_IAM);
        add_flag(one, "ratcheted", statement, SG_STATEMENT_RATCHETED);
        ctl_json_date(one, "last_seen", or_none(statement->last_seen_ms));
        ctl_json_date(one, "kept_until", or_none(statement->kept_until_ms));
        json_object_array_add(list, one);
        sg_buffer_clear(&text);
    }
    json_object_object_add(role, "statements", list);
}

/* It is not in IAM any more, as far as one read or more can tell. */
static void print_absence(const struct sg_statement *statement)
{
    char seen[SG_DATE_SIZE], kept[SG_DATE_SIZE];

    if ((statement->flags & (SG_STATEMENT_GONE_ONCE | SG_STATEMENT_RATCHETED)) == 0)
        return;
    printf("      gone; last seen %s", statement->last_seen_ms == 0
                                           ? "before stsgated started"
                                           : sg_date_format(seen, statement->last_seen_ms));
    if ((statement->flags & SG_STATEMENT_RATCHETED) != 0)
        printf("; kept until %s, or stsgatectl lift",
               sg_date_format(kept, statement->kept_until_ms));
    else
        printf("; the next read decides");
    putchar('\n');
}

static void print_statements(const struct ctl *ctl, const struct sg_record *record)
{
    const struct sg_statement *statement;
    char date[SG_DATE_SIZE];
    size_t at = 0;

    while ((statement = sg_statement_next(record->statements, &at)) != NULL) {
        struct sg_text notes = sg_statement_notes(statement);
        struct sg_buffer text = {0};

        sg_statement_describe(&text, statement);
        fputs("    ", stdout);
        if ((statement->flags & SG_STATEMENT_ENFORCED) != 0)
            ctl_paint(ctl, CTL_RED, "enforced");
        else
            fputs("listed only", stdout);
        if ((statement->flags & SG_STATEMENT_INDETERMINATE) != 0)
            ctl_paint(ctl, CTL_YELLOW, ", indeterminate");
        if ((statement->flags & SG_STATEMENT_RATCHETED) != 0)
            ctl_paint(ctl, CTL_YELLOW, ", ratcheted");
        printf(": %s; first seen %s\n", text.data == NULL ? "" : text.data,
               sg_date_format(date, statement->first_seen_ms));
        print_absence(statement);
        if (notes.length > 0)
            printf("      note: %.*s\n", SG_TEXT_ARG(notes));
        sg_buffer_clear(&text);
    }
}

static bool show_role(void *payload, struct sg_text partition, struct sg_text account,
                      struct sg_text role_key, const struct sg_record *record)
{
    struct listing *listing = payload;
    struct sg_text name = record->arn.length > 0 ? record->arn : role_key;
    char date[SG_DATE_SIZE];
    struct json_object *role;

    (void)partition;
    if (listing->pattern != NULL && !sg_text_match(sg_text_of(listing->pattern), name, 0, false) &&
        !sg_text_match(sg_text_of(listing->pattern), role_key, 0, true))
        return true;
    listing->shown++;
    if (listing->ctl->json) {
        role = json_object_new_object();
        ctl_json_text(role, "account", sg_text_of(listing->account->label));
        ctl_json_text(role, "account_id", account);
        ctl_json_text(role, "role", name);
        ctl_json_text(role, "role_id", record->role_id);
        json_object_object_add(role, "deleted",
                               json_object_new_boolean(record->state == SG_ROLE_DELETED));
        ctl_json_date(role, "cutoff", record->cutoff_ms);
        ctl_json_date(role, "created", record->created_ms);
        ctl_json_date(role, "stale_since",
                      record->stale_since_ms == 0 ? INT64_MIN : record->stale_since_ms);
        add_statements(role, record);
        json_object_array_add(listing->roles, role);
        return true;
    }
    printf("%.*s", SG_TEXT_ARG(name));
    if (record->state == SG_ROLE_DELETED)
        ctl_paint(listing->ctl, CTL_YELLOW, "  deleted");
    if (record->cutoff_ms != SG_CUTOFF_NONE)
        printf("  cutoff %s", sg_date_format(date, record->cutoff_ms));
    if (record->stale_since_ms != 0)
        printf("  not read since %s", sg_date_format(date, record->stale_since_ms));
    putchar('\n');
    print_statements(listing->ctl, record);
    return true;
}

static int list_accounts(struct listing *listing, const struct sg_config *config,
                         struct sg_store *store, const char *label)
{
    int status = CTL_YES;

    for (size_t i = 0; i < config->account_count; i++) {
        const struct sg_account *account = &config->accounts[i];
        struct sg_slot *slot;
        struct sg_stamp stamp;

        if (label != NULL && strcmp(label, account->label) != 0)
            continue;
        listing->account = account;
        slot = sg_store_slot(store, SG_SLOT_ACCOUNT, sg_text_of(account->label));
        if (slot == NULL)
            return CTL_UNDECIDED;
        sg_store_refresh(store, slot, sg_clock_boot_ms(&sg_clock_system), &stamp);
        if (stamp.generation == 0 || sg_store_each_role(store, slot, show_role, listing) != SG_OK) {
            ctl_error("account %s: no good table in %s; is stsgated running?", account->label,
                      config->state);
            status = CTL_UNDECIDED;
        }
    }
    return status;
}

int ctl_roles(struct ctl *ctl)
{
    const char *label = NULL;
    const struct ctl_option options[] = {{"--account", &label}, {0}};
    struct listing listing = {.ctl = ctl};
    struct sg_problems problems = {0};
    struct sg_store *store = NULL;
    struct sg_config *config;
    int count = ctl_options(ctl, options, 0, 1, "roles [--account LABEL] [PATTERN]");
    int status = CTL_UNDECIDED;

    if (count < 0)
        return CTL_USAGE;
    config = ctl_config(ctl);
    if (config == NULL)
        return CTL_USAGE;
    listing.pattern = count == 1 ? ctl->argv[0] : NULL;
    if (ctl->json)
        listing.roles = json_object_new_array();
    if (sg_store_open(&store, config->state, &config->owners, &sg_clock_system, NULL, &problems) ==
        SG_OK) {
        ctl_print_problems(&problems);
        status = list_accounts(&listing, config, store, label);
    }
    if (ctl->json)
        ctl_print_json(listing.roles);
    else if (listing.shown == 0 && status == CTL_YES)
        puts("no roles");
    sg_problems_clear(&problems);
    sg_store_close(store);
    sg_config_free(config);
    return status;
}
