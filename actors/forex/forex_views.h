/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of what became of pairs. */
#ifndef FOREX_FOREX_VIEWS_H
#define FOREX_FOREX_VIEWS_H

#include "runtime/actor/domain.h"

void pair_project_changed(struct projection *to, const void *event, uint64_t time_ns);

#endif
