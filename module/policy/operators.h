/*
 * operators.h - the condition operators of IAM, by name: one table for reading
 * a Condition and for naming a test to people. For the files of this folder.
 *
 * Source: IAM reference, condition operators; multi-valued context keys.
 */
#ifndef SG_POLICY_OPERATORS_H
#define SG_POLICY_OPERATORS_H

#include "base/buffer.h"

enum sg_family {
    SG_FAMILY_STRING,
    SG_FAMILY_NUMERIC,
    SG_FAMILY_DATE,
    SG_FAMILY_BOOL,
    SG_FAMILY_BINARY,
    SG_FAMILY_IP,
    SG_FAMILY_ARN,
    SG_FAMILY_NULL,
};

/* How a value is compared; not all make sense in every family. */
enum sg_relation {
    SG_EQUAL,
    SG_EQUAL_NOCASE,
    SG_LIKE,
    SG_LESS,
    SG_LESS_EQUAL,
    SG_GREATER,
    SG_GREATER_EQUAL,
};

/* X(OPERATOR, name, family, relation, negated) */
#define SG_OPERATORS(X)                                                                            \
    X(STRING_EQUALS, "StringEquals", STRING, EQUAL, 0)                                             \
    X(STRING_NOT_EQUALS, "StringNotEquals", STRING, EQUAL, 1)                                      \
    X(STRING_EQUALS_NOCASE, "StringEqualsIgnoreCase", STRING, EQUAL_NOCASE, 0)                     \
    X(STRING_NOT_EQUALS_NOCASE, "StringNotEqualsIgnoreCase", STRING, EQUAL_NOCASE, 1)              \
    X(STRING_LIKE, "StringLike", STRING, LIKE, 0)                                                  \
    X(STRING_NOT_LIKE, "StringNotLike", STRING, LIKE, 1)                                           \
    X(NUMERIC_EQUALS, "NumericEquals", NUMERIC, EQUAL, 0)                                          \
    X(NUMERIC_NOT_EQUALS, "NumericNotEquals", NUMERIC, EQUAL, 1)                                   \
    X(NUMERIC_LESS, "NumericLessThan", NUMERIC, LESS, 0)                                           \
    X(NUMERIC_LESS_EQUAL, "NumericLessThanEquals", NUMERIC, LESS_EQUAL, 0)                         \
    X(NUMERIC_GREATER, "NumericGreaterThan", NUMERIC, GREATER, 0)                                  \
    X(NUMERIC_GREATER_EQUAL, "NumericGreaterThanEquals", NUMERIC, GREATER_EQUAL, 0)                \
    X(DATE_EQUALS, "DateEquals", DATE, EQUAL, 0)                                                   \
    X(DATE_NOT_EQUALS, "DateNotEquals", DATE, EQUAL, 1)                                            \
    X(DATE_LESS, "DateLessThan", DATE, LESS, 0)                                                    \
    X(DATE_LESS_EQUAL, "DateLessThanEquals", DATE, LESS_EQUAL, 0)                                  \
    X(DATE_GREATER, "DateGreaterThan", DATE, GREATER, 0)                                           \
    X(DATE_GREATER_EQUAL, "DateGreaterThanEquals", DATE, GREATER_EQUAL, 0)                         \
    X(BOOL, "Bool", BOOL, EQUAL, 0)                                                                \
    X(BINARY_EQUALS, "BinaryEquals", BINARY, EQUAL, 0)                                             \
    X(IP_ADDRESS, "IpAddress", IP, EQUAL, 0)                                                       \
    X(NOT_IP_ADDRESS, "NotIpAddress", IP, EQUAL, 1)                                                \
    X(ARN_EQUALS, "ArnEquals", ARN, LIKE, 0)                                                       \
    X(ARN_LIKE, "ArnLike", ARN, LIKE, 0)                                                           \
    X(ARN_NOT_EQUALS, "ArnNotEquals", ARN, LIKE, 1)                                                \
    X(ARN_NOT_LIKE, "ArnNotLike", ARN, LIKE, 1)                                                    \
    X(NULL, "Null", NULL, EQUAL, 0)

enum sg_operator {
#define SG_OPERATOR_X(id, name, family, relation, negated) SG_OPERATOR_##id,
    SG_OPERATORS(SG_OPERATOR_X)
#undef SG_OPERATOR_X
        SG_OPERATOR_COUNT
};

/* What stands before an operator's name: over the values that the request has. */
enum sg_quantifier { SG_ONE_VALUE, SG_FOR_ALL_VALUES, SG_FOR_ANY_VALUE };
#define SG_QUANTIFIERS 3

struct sg_operation {
    enum sg_operator op;
    enum sg_quantifier quantifier;
    bool if_exists;
};

/* "ForAnyValue:StringLikeIfExists", in any case. False: IAM has no such operator. */
bool sg_operation_find(struct sg_operation *operation, struct sg_text name);
/* As IAM spells it. */
void sg_operation_name(struct sg_buffer *out, const struct sg_operation *operation);

enum sg_family sg_operator_family(enum sg_operator op);
enum sg_relation sg_operator_relation(enum sg_operator op);
bool sg_operator_negated(enum sg_operator op);

/* Families whose values may hold policy variables (IAM reference, variables; where you can use
 * them). */
bool sg_family_takes_variables(enum sg_family family);

#endif
