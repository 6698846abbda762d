/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer row: a transfer as the row of its view, whichever event or state it is made from. What
 * clients see of it, struct transfer_info, is filled from the row. */
#ifndef LEDGER_TRANSFER_ROW_H
#define LEDGER_TRANSFER_ROW_H

#include <stdint.h>

#include "actors/ledger/manager.h"
#include "actors/ledger/pending_transfer.h"
#include "schemas/ledger.h"

/* Of events, with the time they were recorded. Without the tenant; shard and position are zero. */
struct transfers_row transfer_row_of_posted(const struct transfer_posted *e, uint64_t time_ns);
struct transfers_row transfer_row_of_resolved(const struct transfer_resolved *e, uint64_t time_ns);
struct transfers_row transfer_row_of_crossed(const struct transfer_crossed *e, uint64_t time_ns);

/* Of a transfer of a group, when that was decided. */
struct transfers_row transfer_row_of_leg(const struct leg_posted *e);
struct transfers_row transfer_row_of_held(const struct leg_held *e);

/* Of a pending transfer as it is now; shard and position are zero. */
struct transfers_row transfer_row_of_pending(struct id128 id, const struct pending_transfer *h);

/* `memory` is for the manager's id, if it has one. */
struct transfer_info transfer_row_info(const struct transfers_row *row,
                                       char memory[MANAGER_TEXT_MAX]);

#endif
