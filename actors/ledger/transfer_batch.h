/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer batch: many transfers in one turn, in order; linked chains succeed or fail together. */
#ifndef LEDGER_TRANSFER_BATCH_H
#define LEDGER_TRANSFER_BATCH_H

#include "runtime/actor/turn.h"

enum turn_result transfers_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfers_on_batch(struct turn *t, struct id128 self, const struct message *m);

#endif
