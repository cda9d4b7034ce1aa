/*
 * date.h - instants in text. Milliseconds since 1970 in int64_t throughout,
 * without the C library's calendar (no locale, no zone, no 2038).
 */
#ifndef SG_BASE_DATE_H
#define SG_BASE_DATE_H

#include "base/text.h"

#define SG_DATE_MAX_MS INT64_MAX /* "never": later than any session */

/*
 * A date of an IAM policy (W3C profile of ISO 8601, facts: IAM reference, date condition
 * operators): YYYY[-MM[-DD]], or with Thh:mm[:ss[.f{1,9}]] and Z, +hh:mm, -hh:mm, +hhmm, +hh or no
 * zone (UTC); lower-case t and z; all digits are epoch SECONDS. A fraction finer than 1 ms is
 * rounded UP, so that a cutoff never moves earlier than written. Second 60, hour 24, 10 fraction
 * digits, the basic form and blanks are refused. Years past what fits saturate at SG_DATE_MAX_MS.
 */
bool sg_date_parse_iam(int64_t *ms, struct sg_text text);

/* RFC 3339 date-time, zone required (JWT claims, our own files). A fraction is truncated to ms. */
bool sg_date_parse_rfc3339(int64_t *ms, struct sg_text text);

/* RFC 7231 IMF-fixdate of an HTTP Date header: "Tue, 24 Nov 2026 10:00:00 GMT". */
bool sg_date_parse_http(int64_t *ms, struct sg_text text);

#define SG_DATE_SIZE 32
/* "2026-11-24T10:00:00.000Z"; out-of-range values print as "never" (INT64_MAX) or "long ago"
 * (INT64_MIN or before year 0). */
const char *sg_date_format(char buffer[static SG_DATE_SIZE], int64_t ms);
/* SigV4's "20261124T100000Z"; true when it fits (years 0..9999). */
bool sg_date_format_basic(char buffer[static SG_DATE_SIZE], int64_t ms);

/* "90", "90s", "15m", "12h", "1d", "250ms" -> ms; a bare number is seconds. False on anything else
 * or overflow. */
bool sg_duration_parse(int64_t *ms, struct sg_text text);
/* "12h", "90s", "250ms": the largest unit that is exact. */
const char *sg_duration_format(char buffer[static SG_DATE_SIZE], int64_t ms);

#endif
