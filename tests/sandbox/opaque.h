/*
 * Session tokens as AWS makes them: opaque, but for what stands in clear in their protobuf. The
 * creation time stands there without being signed.
 */
#ifndef SB_OPAQUE_H
#define SB_OPAQUE_H

#include <stdbool.h>
#include <stdint.h>

/* How lax STS is with tokens that were altered. Strict refuses all. */
enum sb_lax { SB_STRICT = 0, SB_LAX_ALTERED, SB_LAX_DUPLICATED };

/* A token of type 33 of about 1060 characters. */
char *sb_opaque_token(const char *account, int64_t issued_ms);
/* Whether `token` passes for `ours`; NULL: no. */
bool sb_opaque_fits(const char *ours, const char *token, enum sb_lax lax);

#endif
