/*
 * caller_read.c - STS's and IAM's answers about a signed request, read strictly: each element once,
 * at its place, and all of one account. What an answer does not say in so many words is not known.
 */
#include "agent/caller.h"

#include <stdio.h>

struct identity {
    char arn[256], user_id[128], account[16];
    unsigned seen;
    bool good;
};

static bool take_step(void *payload, const struct sg_step *step)
{
    static const char *const names[] = {"Arn", "UserId", "Account"};
    struct identity *identity = payload;
    char *const fields[] = {identity->arn, identity->user_id, identity->account};
    const size_t sizes[] = {sizeof(identity->arn), sizeof(identity->user_id),
                            sizeof(identity->account)};

    if (step->depth == 1 && !sg_text_equal(step->path[0], SG_TEXT("GetCallerIdentityResponse")))
        return false;
    if (!step->leaving || step->depth != 3 ||
        !sg_text_equal(step->path[1], SG_TEXT("GetCallerIdentityResult")))
        return true;
    for (size_t i = 0; i < 3; i++) {
        if (!sg_text_equal(step->path[2], sg_text_of(names[i])))
            continue;
        if ((identity->seen & 1u << i) != 0 || !sg_text_copy(fields[i], sizes[i], step->text))
            return false;
        identity->seen |= 1u << i;
    }
    return true;
}

/* AROA...:SESSION, with the session of the ARN. */
static bool take_role_id(struct sg_identity_answer *answer, struct sg_text user_id,
                         struct sg_text session)
{
    struct sg_text role_id;

    return sg_text_cut(&role_id, &user_id, ':') && sg_text_equal(user_id, session) &&
           sg_text_starts(role_id, SG_TEXT("AROA")) &&
           sg_text_copy(answer->role_id, sizeof(answer->role_id), role_id);
}

static bool is_of_account(const struct sg_role_arn *arn, const struct sg_account *account)
{
    return sg_text_equal(arn->account, sg_text_of(account->id)) &&
           sg_text_equal(arn->partition, sg_text_of(account->partition));
}

/* A session of a role, or a user's: his ARN, and his id (AIDA...) alone. Anybody else's policies
 * are not told: a federated user's are those of the user who called, whom STS does not name. */
static int take_principal(struct sg_identity_answer *answer, const struct identity *identity,
                          const struct sg_account *account)
{
    struct sg_role_arn arn;
    struct sg_text session = {0};
    bool good;

    if (sg_assumed_role_arn_parse(&arn, &session, sg_text_of(identity->arn), false)) {
        good = take_role_id(answer, sg_text_of(identity->user_id), session);
    } else if (sg_user_arn_parse(&arn, sg_text_of(identity->arn))) {
        good =
            sg_text_starts(sg_text_of(identity->user_id), SG_TEXT("AIDA")) &&
            sg_text_copy(answer->role_id, sizeof(answer->role_id), sg_text_of(identity->user_id));
    } else {
        answer->head.status = SG_IDENTITY_NO_ROLE;
        return SG_OK;
    }
    return good && is_of_account(&arn, account) &&
                   sg_text_copy(answer->account, sizeof(answer->account), arn.account) &&
                   sg_text_copy(answer->role_name, sizeof(answer->role_name), arn.name) &&
                   sg_text_copy(answer->session_name, sizeof(answer->session_name), session)
               ? SG_OK
               : SG_E_INVALID;
}

int sg_caller_read(struct sg_identity_answer *answer, struct sg_text body,
                   const struct sg_account *account)
{
    struct identity identity = {.seen = 0};
    int error = sg_answer_walk(body, (struct sg_walk){take_step, &identity});

    if (error != SG_OK)
        return error;
    if (identity.seen != 7 || strcmp(identity.account, account->id) != 0)
        return SG_E_INVALID;
    error = take_principal(answer, &identity, account);
    if (error != SG_OK || answer->head.status != 0)
        return error;
    /* No gate would take what is not of these alphabets. */
    struct sg_identity_answer whole = *answer;
    whole.head.magic = SG_ASK_MAGIC;
    whole.date_ms = 1;
    return sg_identity_answer_valid(&whole) ? SG_OK : SG_E_INVALID;
}

struct comparison {
    const struct sg_identity_answer *answer;
    const struct sg_account *account;
    bool same;
};

static bool compare_role(void *payload, const struct sg_iam_role *role)
{
    struct comparison *comparison = payload;
    const struct sg_identity_answer *answer = comparison->answer;
    char folded[SG_ROLE_NAME_MAX + 1], expected[SG_ROLE_NAME_MAX + 1];
    struct sg_role_arn arn;

    comparison->same = sg_text_equal(role->role_id, sg_text_of(answer->role_id)) &&
                       sg_role_arn_parse(&arn, role->arn, false) &&
                       sg_text_equal(arn.account, sg_text_of(comparison->account->id)) &&
                       sg_text_equal(arn.partition, sg_text_of(comparison->account->partition)) &&
                       sg_role_name_fold(folded, arn.name) &&
                       sg_role_name_fold(expected, sg_text_of(answer->role_name)) &&
                       strcmp(folded, expected) == 0;
    return true;
}

int sg_caller_read_role(bool *same, struct sg_text body, const struct sg_identity_answer *answer,
                        const struct sg_account *account)
{
    struct comparison comparison = {answer, account, false};
    const struct sg_iam_sink sink = {.role = compare_role, .payload = &comparison};
    const int error = sg_iam_read_role(body, &sink);

    *same = error == SG_OK && comparison.same;
    return error;
}
