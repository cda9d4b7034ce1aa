/*
 * credentials.c - `stsgatectl credentials`: gets keys for each account as the agent would, asks STS
 * whose they are, and tells where they came from and until when they hold. Must never print one.
 */
#include "aws/sts.h"
#include "base/date.h"
#include "ctl/aws.h"

#include <json-c/json.h>
#include <stdio.h>

struct told {
    const char *label;
    bool good;
    struct sg_provider_state state; /* its texts are the provider's */
    struct sg_sts_answer identity;
    bool done;
    char trouble[600]; /* empty: none */
    int exit;
};

static void take_identity(void *payload, struct sg_sts_answer *answer)
{
    struct told *told = payload;

    told->identity = *answer;
    told->identity.credentials = (struct sg_credentials){.expires_ms = 0};
    told->done = true;
}

static bool ask_identity(struct told *told, struct ctl_aws *aws)
{
    const struct sg_credentials *keys = sg_provider_current(aws->provider);
    struct sg_sts_call *call = NULL;
    const struct sg_sts_request request = {
        .url = aws->sts.url,
        .region = aws->sts.region,
        .now_ms = sg_clock_wall_ms(&sg_clock_system),
        .credentials = keys,
    };

    if (keys == NULL || sg_sts_start(&call, aws->http, &request,
                                     (struct sg_sts_done){take_identity, told}) != SG_OK)
        return false;
    while (!told->done) {
        if (sg_http_wait(aws->http, NULL, 0, 1000) != SG_OK) {
            sg_sts_cancel(call);
            return false;
        }
    }
    return true;
}

/* Keys of another account would read that one's roles under this one's label. */
static void judge_identity(struct told *told, const struct sg_account *account)
{
    const struct sg_sts_answer *identity = &told->identity;
    struct sg_text rest = sg_text_of(identity->arn), part;

    if (identity->outcome != SG_IAM_OK) {
        (void)snprintf(told->trouble, sizeof told->trouble,
                       "STS does not say whose they are: %s%s%s", identity->code,
                       identity->code[0] == '\0' ? "" : ": ", identity->message);
        told->exit = identity->outcome == SG_IAM_DENIED || identity->outcome == SG_IAM_CREDENTIALS
                         ? CTL_NO
                         : CTL_UNDECIDED;
        return;
    }
    for (int i = 0; i < 5; i++)
        (void)sg_text_cut(&part, &rest, ':');
    told->exit = CTL_YES;
    if (account->id[0] == '\0' || sg_text_equal(part, sg_text_of(account->id)))
        return;
    told->exit = CTL_NO;
    (void)snprintf(told->trouble, sizeof told->trouble,
                   "these are of account %.*s, and [account %s] has id = %s: give it a profile or "
                   "assume_role of its own",
                   (int)(part.length < 32 ? part.length : 32), part.data, account->label,
                   account->id);
}

static void print_text(const struct ctl *ctl, const struct told *told)
{
    char date[SG_DATE_SIZE];

    ctl_paint(ctl, CTL_BOLD, told->label);
    printf("\n");
    if (told->state.source[0] != '\0')
        printf("  from   %s\n", told->state.source);
    if (told->identity.arn[0] != '\0')
        printf("  for    %s\n", told->identity.arn);
    if (told->good)
        printf("  until  %s\n", told->state.expires_ms == 0
                                    ? "not said"
                                    : sg_date_format(date, told->state.expires_ms));
    if (told->trouble[0] != '\0') {
        printf("  ");
        ctl_paint(ctl, told->exit == CTL_NO ? CTL_RED : CTL_YELLOW, told->trouble);
        printf("\n");
    }
}

static struct json_object *make_json(const struct told *told)
{
    struct json_object *tree = json_object_new_object();

    ctl_json_text(tree, "account", sg_text_of(told->label));
    ctl_json_text(tree, "source", sg_text_of(told->state.source));
    ctl_json_text(tree, "arn", sg_text_of(told->identity.arn));
    ctl_json_date(tree, "until", told->state.expires_ms == 0 ? INT64_MIN : told->state.expires_ms);
    ctl_json_text(tree, "trouble", sg_text_of(told->trouble));
    return tree;
}

static int tell(const struct ctl *ctl, const struct sg_config *config,
                const struct sg_account *account, struct json_object *list)
{
    struct told told = {.label = account->label, .state = {.source = ""}, .exit = CTL_UNDECIDED};
    struct ctl_aws aws;

    if (!ctl_aws_open(&aws, config, account, true))
        goto out;
    told.good = sg_provider_run(aws.provider, CTL_AWS_DEADLINE_MS) == SG_OK;
    sg_provider_state(&told.state, aws.provider);
    if (!told.good)
        (void)snprintf(told.trouble, sizeof told.trouble, "no credentials: %s", told.state.trouble);
    else if (ask_identity(&told, &aws))
        judge_identity(&told, account);
    else
        (void)snprintf(told.trouble, sizeof told.trouble, "STS could not be asked whose they are");
    if (list != NULL)
        json_object_array_add(list, make_json(&told));
    else
        print_text(ctl, &told);
out:
    ctl_aws_close(&aws);
    return told.exit;
}

static const struct sg_account *find(const struct sg_config *config, const char *label)
{
    for (size_t i = 0; i < config->account_count; i++) {
        if (strcmp(config->accounts[i].label, label) == 0)
            return &config->accounts[i];
    }
    ctl_error("there is no [account %s]", label);
    return NULL;
}

int ctl_credentials(struct ctl *ctl)
{
    const char *label = NULL;
    const struct ctl_option options[] = {{"--account", &label}, {NULL, NULL}};
    struct json_object *list = NULL;
    int worst = CTL_YES;

    if (ctl_options(ctl, options, 0, 0, "credentials [--account LABEL]") < 0)
        return CTL_USAGE;
    struct sg_config *config = ctl_config(ctl);
    if (config == NULL)
        return CTL_NO;
    if (label != NULL && find(config, label) == NULL) {
        worst = CTL_NO;
        goto out;
    }
    if (ctl->json)
        list = json_object_new_array();
    for (size_t i = 0; i < config->account_count; i++) {
        const struct sg_account *account = &config->accounts[i];

        if (account->source != SG_SOURCE_IAM ||
            (label != NULL && strcmp(label, account->label) != 0))
            continue;
        const int exit = tell(ctl, config, account, list);
        if (exit == CTL_UNDECIDED || worst == CTL_YES)
            worst = exit;
    }
    if (list != NULL)
        ctl_print_json(list);
out:
    sg_config_free(config);
    return worst;
}
