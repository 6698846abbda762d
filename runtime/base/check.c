/* SPDX-License-Identifier: Apache-2.0 */
/* Stops the process when an invariant is broken. */
#include "runtime/base/check.h"
#include "runtime/base/check_catcher.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *expression, const char *file, int line)
{
    check_throw(expression, file, line);
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
    fflush(stderr);
    abort();
}
