/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: a bar on stderr while something takes long; silent unless that is a terminal. */
#ifndef PAYCTL_PAYCTL_PROGRESS_H
#define PAYCTL_PAYCTL_PROGRESS_H

#include <stdint.h>

/* `done` of `total` (0: not known); what is counted: "batches". */
void progress_show(const char *what, uint64_t done, uint64_t total);
void progress_clear(void);

#endif
