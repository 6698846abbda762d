/* SPDX-License-Identifier: Apache-2.0 */
/* The files that payd trusts: its data directory and what is in it, the token issuer's keys. Who
 * may write them decides what the books say and whose tokens are let in. */
#ifndef BIN_PAYD_FILES_H
#define BIN_PAYD_FILES_H

#include <stdbool.h>

#include "runtime/base/check.h"

struct payd;

/* Before any of them is opened. false after payd_fail(), if others than their owner may write one
 * of them; a group may if it is that of this process. A data directory that others may look into is
 * logged. What is not there is for whoever opens it to report. */
must_check bool payd_files_safe(struct payd *p);

#endif
