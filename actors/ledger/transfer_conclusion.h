/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer conclusion: the end of every single transfer. */
#ifndef LEDGER_TRANSFER_CONCLUSION_H
#define LEDGER_TRANSFER_CONCLUSION_H

#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"

/* After posting_check() said `code`: emits and shows it, shows the earlier one of the same id, or
 * refuses. */
enum turn_result transfer_conclude(struct turn *t, struct posting *p, uint16_t code,
                                   const struct transfer_note *note, bool id_chosen);

#endif
