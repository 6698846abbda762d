/* SPDX-License-Identifier: Apache-2.0 */
/* How a part of payd says why it cannot be made. */
#ifndef BIN_PAYD_FAIL_H
#define BIN_PAYD_FAIL_H

#include <stdbool.h>
#include <stdio.h>

#include "bin/escape.h"

/* Prints why payd cannot go on, in one line, whatever stands in a name or setting; reason may be
 * NULL. Always false. */
static inline bool payd_fail(const char *what, const char *reason)
{
    fputs("payd: ", stderr);
    escape_put(stderr, slice_of(what));
    if (reason != NULL && reason[0] != '\0') {
        fputs(": ", stderr);
        escape_put(stderr, slice_of(reason));
    }
    fputc('\n', stderr);
    return false;
}

#endif
