/*
 * lockout_probe.h - one question of lockout.c and its answer, for lockout_tell.c to put into words.
 */
#ifndef SG_CTL_LOCKOUT_PROBE_H
#define SG_CTL_LOCKOUT_PROBE_H

#include "ctl/lockout.h"
#include "gate/decide.h"

#define CTL_RESOURCE_MAX 640

struct ctl_look {
    const struct sg_config *config;
    const struct sg_account *account;
    struct json_object *list;
    int64_t aws_now_ms;
};

enum ctl_why { CTL_WHY_NOT, CTL_WHY_DENIED, CTL_WHY_INDETERMINATE, CTL_WHY_KEY, CTL_WHY_TIME };

/* One role, one issuer, one service, and a session that might come. */
struct ctl_probe {
    const struct ctl_look *look;
    const struct sg_record *record;
    const struct sg_issuer *issuer;
    const struct sg_service *service;
    struct sg_session session;
    struct sg_text role; /* ARN, or its name where that is not known */
    enum sg_credential_kind kind;
    char resource[CTL_RESOURCE_MAX];
    char key[80]; /* asked for, and no such credential tells it; empty: none */
    int64_t from_ms;
};

/* more: how many other services it is true of. */
void ctl_lockout_tell(const struct ctl_probe *probe, enum ctl_why why,
                      const struct sg_statement *statement, size_t more);

#endif
