/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a payd that does not run, opened by payctl itself, to look: no file is changed. */
#ifndef PAYCTL_PAYCTL_STORE_H
#define PAYCTL_PAYCTL_STORE_H

#include "bin/payctl/payctl.h"
#include "runtime/store/sqlite/store_sqlite.h"

struct payctl_store {
    struct journal_store *journal;
    struct view_store *views;
};

/* Of a store in this directory, to be changed as needed. */
struct store_sqlite_options payctl_store_options(const char *data);

/* Opens the data directory; the caller closes it after PAYCTL_OK. Failures are printed, and
 * returned as the exit code. */
int payctl_store_open(struct payctl *p, const char *data, struct payctl_store *ret);
void payctl_store_close(struct payctl_store *s);

#endif
