/*
 * values.h - values of the typed operators: numbers, addresses, instants, and
 * texts with policy variables. For the files of this folder. No allocation.
 */
#ifndef SG_POLICY_VALUES_H
#define SG_POLICY_VALUES_H

#include "policy/flat.h"
#include "policy/truth.h"
#include "policy/wildcard.h"

/* --- number.c: decimal numbers of any length, compared exactly --- */

bool sg_number_valid(struct sg_text text); /* "-12", "1.50"; no exponent */
/* -1, 0, 1; both valid. */
int sg_number_compare(struct sg_text a, struct sg_text b);

/* --- address.c: IP addresses and ranges --- */

/* "203.0.113.0/24", "2001:db8::/32", or one address: all its bits count. */
bool sg_ip_range_parse(struct sg_ip_range *range, struct sg_text text);
bool sg_ip_range_valid(const struct sg_ip_range *range);
/* An address of the other family is in no range. */
bool sg_ip_range_holds(const struct sg_ip_range *range, const struct sg_ip_range *address);

/* --- date_test.c --- */

/* The whole milliseconds that a date of IAM lies at, or between. */
bool sg_instant_parse(struct sg_interval *instant, struct sg_text text);
enum sg_truth sg_instant_in(const struct sg_date_range *ranges, uint16_t count,
                            struct sg_interval instant);

/* --- variable.c: ${key}, ${key, 'default'}, ${*} --- */

/* A piece of a text with variables. */
struct sg_piece {
    struct sg_text text; /* as it stands; VARIABLE: the key's name */
    struct sg_text otherwise;
    enum { SG_PIECE_LITERAL, SG_PIECE_ESCAPED, SG_PIECE_VARIABLE } kind;
    bool has_otherwise;
};
/* Takes the next piece off; false at the end. What is no variable although it begins like one is
 * LITERAL and sets *broken. */
bool sg_piece_next(struct sg_piece *piece, struct sg_text *rest, bool *broken);

#define SG_UNITS_MAX 2048
struct sg_units {
    size_t length;
    uint16_t units[SG_UNITS_MAX];
};
/*
 * Puts the request's values in. `wild`: `*` and `?` of the text are wildcards; those of a value
 * never are. TRUE; FALSE where a variable has no value and no default (the text then matches
 * nothing); or unknown, as it is too for one that grows too long. What is unknown stands in *units
 * as a `*` then: a text that does not match even so is none that the real value could make.
 */
enum sg_truth sg_units_expand(struct sg_units *units, struct sg_text text, bool wild,
                              const struct sg_policy_request *request);

/* --- evaluate.c --- */

/* The request's values of a key. TRUE: *values says all there is, be it that it is absent; else
 * unknown. */
enum sg_truth sg_values_ask(struct sg_key_values *values, const struct sg_policy_request *request,
                            enum sg_key key, struct sg_text name);
enum sg_truth sg_test_evaluate(const struct sg_test *test, const struct sg_policy_request *request);

#endif
