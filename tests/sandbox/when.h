/*
 * Instants as policy documents write them.
 */
#ifndef SB_WHEN_H
#define SB_WHEN_H

#include <stdint.h>

struct sb_when {
    int64_t seconds; /* since 1970 UTC */
    int32_t nanos;
};

/*
 * YYYY[-MM[-DD]], YYYY-MM-DDThh:mm[:ss[.f{1,9}]] with Z, an offset, or no zone (UTC); all digits
 * are epoch seconds. 0 or -1.
 */
int sb_when_parse(struct sb_when *when, const char *text);
int sb_when_compare(const struct sb_when *left, const struct sb_when *right);

#endif
