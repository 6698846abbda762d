/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer views: the rows that follow from the events of transfers and transactions. */
#ifndef LEDGER_TRANSFER_VIEWS_H
#define LEDGER_TRANSFER_VIEWS_H

#include "runtime/actor/domain.h"

void transfer_posted_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_pending_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_resolved_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_reserved_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_released_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_crossed_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_half_ended_project(struct projection *p, const void *event, uint64_t time_ns);
void group_reserved_project(struct projection *p, const void *event, uint64_t time_ns);
void group_released_project(struct projection *p, const void *event, uint64_t time_ns);
void leg_held_project(struct projection *p, const void *event, uint64_t time_ns);
void leg_posted_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_expired_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_noted_project(struct projection *p, const void *event, uint64_t time_ns);
void transaction_recorded_project(struct projection *p, const void *event, uint64_t time_ns);

#endif
