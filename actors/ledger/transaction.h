/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction: what is asked for as one, and whether one that was made is the same. */
#ifndef LEDGER_TRANSACTION_H
#define LEDGER_TRANSACTION_H

#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

#define TRANSACTION_CODE_DEFAULT 1

/* The whole as it is checked before any leg; `earlier`: is its id in use? */
must_check uint16_t transaction_check(const struct transaction_create *c,
                                      struct id128 transaction_id, enum presence earlier);

/* Would this have been asked for as this was made? */
bool transaction_equal(const struct transaction_create *c, const struct transaction_info *made);

/* Of the words alone: each transfer has the reason, the transaction the others. */
bool transaction_words_equal(const struct transfer_note *asked,
                             const struct transaction_info *made);

/* Of the effective time asked for, or none: then each transfer counts from when it was recorded. */
bool transaction_times_equal(bool given, uint64_t time_ns, const struct transaction_info *made);

/* Records it after its transfers, as *info says, and what it reverses. */
void transaction_emit(struct turn *t, struct id128 tenant_id, bool has_metadata,
                      struct transaction_info *info);

#endif
