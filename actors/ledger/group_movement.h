/* SPDX-License-Identifier: Apache-2.0 */
/* Group movement: what the events of groups do to accounts and totals. Apply functions only. */
#ifndef LEDGER_GROUP_MOVEMENT_H
#define LEDGER_GROUP_MOVEMENT_H

#include "runtime/actor/domain.h"

void group_reserved_apply(struct registry *r, const void *event, uint64_t time_ns);
void group_released_apply(struct registry *r, const void *event, uint64_t time_ns);
void leg_posted_apply(struct registry *r, const void *event, uint64_t time_ns);

#endif
