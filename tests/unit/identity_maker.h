/*
 * identity_maker.h - signed GetCallerIdentity requests in each form, with signatures that are only
 * of the right shape: nothing offline can tell. For other tests too.
 */
#ifndef SG_TESTS_IDENTITY_MAKER_H
#define SG_TESTS_IDENTITY_MAKER_H

#include "base/buffer.h"
#include "config/config.h"

#define ID_ACCOUNT   "123456789012"
#define ID_KEY       "ASIARZPUZDIKFJKRENE2" /* encodes ID_ACCOUNT */
#define ID_OTHER_KEY "ASIARZPUZDIKFIAAAAAB" /* another session of it */
#define ID_FOREIGN   "ASIATCH6YDSYVJKRENE2" /* of account 210987654321 */
#define ID_DATE      "20261124T100000Z"
#define ID_DATE_MS   INT64_C(1795514400000)
#define ID_TOKEN     "IQoJb3JpZ2luX2VjEXAMPLE/abc+def=="
#define ID_TOKEN_URL "IQoJb3JpZ2luX2VjEXAMPLE%2Fabc%2Bdef%3D%3D"
#define ID_SIGNATURE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_BIND      "payments.example.com"

/* A presigned URL as aws-cli makes it. */
extern const char identity_url[];
/* The headers of a POST, without and with a companion; and the companion's own headers. */
extern const char identity_headers[];
extern const char identity_companion_headers[];
#define ID_POST_URL       "https://sts.us-east-1.amazonaws.com/"
#define ID_POST_BODY      "Action=GetCallerIdentity&Version=2011-06-15"
#define ID_COMPANION_URL  "https://iam.amazonaws.com/"
#define ID_COMPANION_BODY "Action=GetRole&RoleName=payments-writer&Version=2010-05-08"

/* Each gives a text that the caller frees. */
char *identity_token_of(const char *url);
char *identity_post_of(const char *url, const char *body, const char *headers);
/* A whole POST's headers around a companion of these parts; NULL part: left out. */
char *identity_headers_with(const char *method, const char *url, const char *headers,
                            const char *body);
/* `text` with the first `find`, which must be there, replaced. */
char *identity_changed(const char *text, const char *find, const char *with);

struct identity_service {
    struct sg_account account;
    struct sg_issuer issuer;
    const struct sg_issuer *accept[1];
    struct sg_service service;
};
void identity_service_init(struct identity_service *all);

#endif
