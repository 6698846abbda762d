/* SPDX-License-Identifier: Apache-2.0 */
/* How a part of payd says why it cannot be made. */
#ifndef BIN_PAYD_FAIL_H
#define BIN_PAYD_FAIL_H

#include <stdbool.h>
#include <stdio.h>

/* Prints why payd cannot go on; reason may be NULL. Always false. */
static inline bool payd_fail(const char *what, const char *reason)
{
    fprintf(stderr, "payd: %s%s%s\n", what, reason != NULL && reason[0] != '\0' ? ": " : "",
            reason != NULL ? reason : "");
    return false;
}

#endif
