/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a payd that does not run, opened by payctl itself. */
#ifndef PAYCTL_PAYCTL_STORE_H
#define PAYCTL_PAYCTL_STORE_H

#include "bin/payctl/payctl.h"
#include "runtime/store/store.h"

/* Opens the data directory; whoever gets it closes it. Failures are printed, and returned as the
 * exit code. */
int payctl_store_open(struct payctl *p, const char *data, struct store **ret);

#endif
