/*
 * login.h - private to login_*.c: what a login token is made of.
 */
#ifndef SG_CTL_LOGIN_H
#define SG_CTL_LOGIN_H

#include "aws/credentials.h"
#include "base/buffer.h"
#include "config/config.h"
#include "credential/sts_hosts.h"

enum login_form {
    LOGIN_POST,  /* sts-post-v1., with or without a companion */
    LOGIN_URL,   /* the presigned URL as it is */
    LOGIN_TOKEN, /* k8s-aws-v1. of it, as EKS's clients make it */
};

struct login {
    const struct sg_issuer *issuer;
    enum login_form form;
    struct sg_text role; /* of the companion; empty: none */
    struct sg_text region;
    struct sg_credentials credentials;
    int64_t now_ms;
};

/* LOGIN_URL and LOGIN_TOKEN. False: it could not be made. */
bool login_url(struct sg_buffer *token, const struct login *login, const struct sg_aws_host *host);

#endif
