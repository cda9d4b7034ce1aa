/*
 * Tokens of a test's own making, good and bad.
 */
#ifndef SB_MINT_H
#define SB_MINT_H

#include "sandbox.h"

/* The compact token that wish asks for (README: mint), or NULL and *why. */
char *sb_mint(struct sb_sandbox *box, struct json_object *wish, const char **why);

#endif
