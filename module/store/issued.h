/*
 * issued.h - exact issue times: in which second a session was issued, found by its access key id,
 * as CloudTrail's events told the agent. One page beside `now`, of fixed size, mapped read-only by
 * everyone and written in place by the agent alone, a slot at a time under a sequence word.
 *
 * It narrows what a credential that names its access key tells about its issue time. Nothing in it
 * is complete: events come late, get lost, and the oldest entries of a full bucket make room. No
 * access key id and no role name stands in it, only digests of them.
 */
#ifndef SG_STORE_ISSUED_H
#define SG_STORE_ISSUED_H

#include "store/store.h"

#define SG_ACCESS_KEY_ID_MAX 128 /* IAM's API model: 16 to 128 of [A-Za-z0-9_] */

/* ---- reading ---- */

/*
 * When the session was issued that holds `access_key_id` of role `role_key` (case-folded name) in
 * the account of this origin (struct sg_account). CloudTrail tells whole seconds of the call's
 * end, so the interval is two seconds wide. SG_OK; SG_E_ABSENT: not known (yet): ask again at the
 * next check; SG_E_INVALID: there is no page, or it can't be used (logged once). It makes a system
 * call only when the page is not mapped yet or was not looked after for 20 s, takes no lock, and
 * costs about a microsecond.
 */
int sg_store_issued(struct sg_interval *issued, struct sg_store *store, int64_t boot_ms,
                    uint64_t origin, struct sg_text access_key_id, struct sg_text role_key);

/* ---- writing: the agent ---- */

/*
 * Notes an issue time, in whole seconds as told. Of two times for one session the earlier stays,
 * which is the stricter. The page is made when missing. SG_OK; SG_E_INVALID: malformed, or no
 * session of now_ms can be that old or that new; or an error of making the page, named in problems.
 */
int sg_store_issue(struct sg_store_writer *writer, uint64_t origin, struct sg_text access_key_id,
                   struct sg_text role_key, int64_t issued_ms, int64_t now_ms,
                   struct sg_problems *problems);

#endif
