/* SPDX-License-Identifier: Apache-2.0 */
/* One batch of the journal of the payd that runs. */
#ifndef PAYCTL_PAYCTL_BATCH_H
#define PAYCTL_PAYCTL_BATCH_H

#include "bin/payctl/payctl.h"
#include "runtime/journal/batch_copy.h"

struct journal_batch_get;

/* Asks for its pieces, one after another, and puts them together. The copy, zeroed before, is to be
 * dropped in every case. Failures are printed, and returned as the exit code. */
int payctl_batch_take(struct payctl *p, struct journal_batch_get *m, struct batch_copy *c);

#endif
