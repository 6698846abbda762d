/* SPDX-License-Identifier: Apache-2.0 */
/* One catcher a thread. A jump takes it away: a check that fails on the way ends the process. */
#include "runtime/base/check_catcher.h"

#include <stddef.h>

static _Thread_local struct {
    struct check_catcher *catcher;
} check_thread;

struct check_catcher *check_catch(struct check_catcher *catcher)
{
    struct check_catcher *before = check_thread.catcher;
    check_thread.catcher = catcher;
    return before;
}

void check_throw(const char *expression, const char *file, int line)
{
    struct check_catcher *c = check_catch(NULL);
    if (c == NULL)
        return;
    c->expression = expression;
    c->file = file;
    c->line = line;
    longjmp(c->at, CHECK_CAUGHT);
}
