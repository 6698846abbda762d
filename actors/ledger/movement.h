/* SPDX-License-Identifier: Apache-2.0 */
/* Movement: what the events of transfers do to accounts, holds and totals. Apply functions only;
 * sums are checked although posting_check() already made sure of them. */
#ifndef LEDGER_MOVEMENT_H
#define LEDGER_MOVEMENT_H

#include "runtime/actor/domain.h"

void transfer_posted_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_pending_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_resolved_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_expired_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_reserved_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_released_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_crossed_apply(struct registry *r, const void *event, uint64_t time_ns);
void leg_held_apply(struct registry *r, const void *event, uint64_t time_ns);
void transfer_half_ended_apply(struct registry *r, const void *event, uint64_t time_ns);

/* For events that are only kept: refusals, notes, transactions. */
void event_kept_apply(struct registry *r, const void *event, uint64_t time_ns);

#endif
