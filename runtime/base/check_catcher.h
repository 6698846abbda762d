/* SPDX-License-Identifier: Apache-2.0 */
/* Where a check that fails jumps to instead of ending the process, with what failed. For work on
 * what the world may have spoilt, that owns nothing which the jump would lose: replay onto states
 * from the views. */
#ifndef BASE_CHECK_CATCHER_H
#define BASE_CHECK_CATCHER_H

#include <setjmp.h>

struct check_catcher {
    jmp_buf at; /* with CHECK_CAUGHT */
    const char *expression, *file;
    int line;
};

#define CHECK_CAUGHT 2

/* Of this thread, from now on; NULL: none, as after a jump. Returns the one before. */
struct check_catcher *check_catch(struct check_catcher *catcher);

/* For check_failed(): jumps, if this thread has a catcher. */
void check_throw(const char *expression, const char *file, int line);

#endif
