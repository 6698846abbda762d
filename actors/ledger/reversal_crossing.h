/* SPDX-License-Identifier: Apache-2.0 */
/* Reversal crossing: what a group (group.h) made over shards is moved back by a group of its own,
 * which is asked for where the first one was. That shard alone knows what was reversed: of the
 * transaction and of each of its transfers, also when one is moved back alone. While a reversal is
 * under way it has their keys, so that no other begins. */
#ifndef LEDGER_REVERSAL_CROSSING_H
#define LEDGER_REVERSAL_CROSSING_H

#include "actors/ledger/group.h"
#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

/* Does a group move the transaction back? */
bool reversal_crosses(struct turn *t, const struct transaction_info *whole);

/* Is something of the transaction being moved back? */
must_check enum presence reversal_find_open(struct turn *t, const struct transaction_info *whole);

/* Moves all of it back, against which nothing is known but what its transfers find. */
enum turn_result reversal_cross_whole(struct turn *t, const struct message *m,
                                      const struct transaction_info *whole, struct id128 tenant_id,
                                      struct id128 reversal_id);

/* The same of one transfer that a group made, by this posting, of which posting_check() has said
 * RESULT_OK. */
enum turn_result reversal_cross_one(struct turn *t, const struct message *m,
                                    const struct transfer_info *info, const struct posting *p,
                                    const struct transfer_note *note);

/* It is asked for again, under its id, while it is under way. */
enum turn_result reversal_repeat_one(struct turn *t, struct id128 reversal_id,
                                     const struct transfer_note *note);

/* Of one transfer: what is shown of it once it is decided; and the answer. */
must_check enum presence reversal_outcome_find(struct turn *t, const struct group_way *w,
                                               const struct group_follow *f,
                                               struct transfer_info *info);
void reversal_conclude(struct turn *t, const struct group_way *w, struct id128 ask,
                       const struct group_follow *f, const struct transfer_info *info);

#endif
