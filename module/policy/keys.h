/*
 * keys.h - the condition keys of IAM that bear on sessions, and which of them
 * each kind of credential tells: the one table that the compiler, the gate, the
 * tool and the manual share.
 *
 * Sources: IAM reference, global condition keys; STS API reference, GetWebIdentityToken.
 */
#ifndef SG_POLICY_KEYS_H
#define SG_POLICY_KEYS_H

#include "base/text.h"

/* A kind of credential: a column of the table. */
enum sg_credential_kind {
    SG_CREDENTIAL_WEB_IDENTITY,    /* a JWT of sts:GetWebIdentityToken */
    SG_CREDENTIAL_JWT,             /* a session JWT of one's own issuer */
    SG_CREDENTIAL_CALLER_IDENTITY, /* a signed GetCallerIdentity */
};
#define SG_CREDENTIAL_KINDS 3

enum sg_telling {
    SG_TELLS_NOT,       /* unknown */
    SG_TELLS_ABSENT,    /* no session of this kind has it */
    SG_TELLS,           /* always there */
    SG_TELLS_OR_ABSENT, /* the credential has it whenever the session does */
    SG_TELLS_OR_NOT,    /* the credential may have it; without it, unknown */
};

/* Bits. */
enum sg_key_trait {
    SG_KEY_CONSTANT = 1,  /* the same for a session from its first call to its last */
    SG_KEY_PRINCIPAL = 2, /* describes the principal, not the request or the resource */
    SG_KEY_FAMILY = 4,    /* the name is a prefix: aws:PrincipalTag/... */
};

/*
 * X(KEY, name, traits, web identity, session JWT, GetCallerIdentity); C constant, P principal, F
 * family. What is not listed: sg_key_default().
 */
#define SG_KEYS(X)                                                                                 \
    X(TOKEN_ISSUE_TIME, "aws:TokenIssueTime", CP, TELLS, TELLS, TELLS)                             \
    X(CURRENT_TIME, "aws:CurrentTime", 0, TELLS, TELLS, TELLS)                                     \
    X(EPOCH_TIME, "aws:EpochTime", 0, TELLS, TELLS, TELLS)                                         \
    X(USERID, "aws:userid", CP, TELLS_NOT, TELLS_OR_NOT, TELLS)                                    \
    X(USERNAME, "aws:username", CP, TELLS_ABSENT, TELLS_ABSENT, TELLS_OR_ABSENT)                   \
    X(PRINCIPAL_ARN, "aws:PrincipalArn", CP, TELLS, TELLS, TELLS)                                  \
    X(PRINCIPAL_ACCOUNT, "aws:PrincipalAccount", CP, TELLS, TELLS_OR_NOT, TELLS)                   \
    X(PRINCIPAL_TYPE, "aws:PrincipalType", CP, TELLS, TELLS, TELLS)                                \
    X(PRINCIPAL_TAG, "aws:PrincipalTag/", PF, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)               \
    X(PRINCIPAL_ORG_ID, "aws:PrincipalOrgID", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)            \
    X(PRINCIPAL_ORG_PATHS, "aws:PrincipalOrgPaths", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)      \
    X(SOURCE_IDENTITY, "aws:SourceIdentity", CP, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)            \
    X(FEDERATED_PROVIDER, "aws:FederatedProvider", CP, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)      \
    X(STORE_USER_ID, "identitystore:UserId", CP, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)            \
    X(STORE_ARN, "identitystore:IdentityStoreArn", CP, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)      \
    X(MFA_PRESENT, "aws:MultiFactorAuthPresent", P, TELLS_NOT, TELLS_NOT, TELLS_NOT)               \
    X(MFA_AGE, "aws:MultiFactorAuthAge", P, TELLS_NOT, TELLS_NOT, TELLS_NOT)                       \
    X(EC2_VPC, "aws:Ec2InstanceSourceVpc", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)               \
    X(EC2_ADDRESS, "aws:Ec2InstanceSourcePrivateIPv4", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)   \
    X(EC2_INSTANCE, "ec2:SourceInstanceArn", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)             \
    X(EC2_DELIVERY, "ec2:RoleDelivery", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)                  \
    X(LAMBDA_FUNCTION, "lambda:SourceFunctionArn", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)       \
    X(GLUE_SERVICE, "glue:CredentialIssuingService", P, TELLS_OR_ABSENT, TELLS_NOT, TELLS_NOT)     \
    X(IS_SERVICE, "aws:PrincipalIsAWSService", 0, TELLS, TELLS, TELLS)                             \
    X(SERVICE_NAME, "aws:PrincipalServiceName", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)       \
    X(SERVICE_NAMES, "aws:PrincipalServiceNamesList", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT) \
    X(SOURCE_IP, "aws:SourceIp", 0, TELLS_OR_NOT, TELLS_OR_NOT, TELLS_OR_NOT)                      \
    X(SECURE_TRANSPORT, "aws:SecureTransport", 0, TELLS, TELLS, TELLS)                             \
    X(USER_AGENT, "aws:UserAgent", 0, TELLS_OR_NOT, TELLS_OR_NOT, TELLS_OR_NOT)                    \
    X(REFERER, "aws:referer", 0, TELLS_OR_NOT, TELLS_OR_NOT, TELLS_OR_NOT)                         \
    X(VIA_SERVICE, "aws:ViaAWSService", 0, TELLS, TELLS, TELLS)                                    \
    X(CALLED_VIA, "aws:CalledVia", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)                    \
    X(CALLED_VIA_FIRST, "aws:CalledViaFirst", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)         \
    X(CALLED_VIA_LAST, "aws:CalledViaLast", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)           \
    X(SOURCE_ARN, "aws:SourceArn", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)                    \
    X(SOURCE_ACCOUNT, "aws:SourceAccount", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)            \
    X(SOURCE_VPC, "aws:SourceVpc", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)                    \
    X(SOURCE_VPCE, "aws:SourceVpce", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)                  \
    X(VPC_SOURCE_IP, "aws:VpcSourceIp", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)               \
    X(REQUEST_TAG, "aws:RequestTag/", F, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)                 \
    X(TAG_KEYS, "aws:TagKeys", 0, TELLS_ABSENT, TELLS_ABSENT, TELLS_ABSENT)

enum sg_key {
    SG_KEY_OTHER, /* not in the table */
#define SG_KEY_X(key, name, traits, web_identity, jwt, caller_identity) SG_KEY_##key,
    SG_KEYS(SG_KEY_X)
#undef SG_KEY_X
        SG_KEY_COUNT
};

/* By its name, without regard to case. */
enum sg_key sg_key_find(struct sg_text name);
struct sg_text sg_key_name(enum sg_key key); /* as IAM spells it; empty for SG_KEY_OTHER */
unsigned sg_key_traits(enum sg_key key);     /* enum sg_key_trait */

/*
 * What a credential of this kind tells of a key. One that is not in the table: ABSENT where it is
 * another service's than the action's (IAM puts no such key into the request), else NOT.
 */
enum sg_telling sg_key_telling(enum sg_key key, struct sg_text name, enum sg_credential_kind kind,
                               struct sg_text action);

#endif
