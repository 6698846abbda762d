/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction crossing: transactions over the accounts of several shards, made by a group. */
#ifndef LEDGER_TRANSACTION_CROSSING_H
#define LEDGER_TRANSACTION_CROSSING_H

#include "actors/ledger/group.h"
#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

/* Is this one that transaction_cross() makes? */
bool transaction_crosses(struct turn *t, const struct transaction_create *c);

/* Asked for with this; `earlier`: is its id in use? */
enum turn_result transaction_cross(struct turn *t, const struct message *m, struct id128 id,
                                   enum presence earlier);

/* Is one that was begun still under way? */
must_check enum presence transaction_find_open(struct turn *t,
                                               const struct transaction_begun *begun);

/* As it will be shown if it is made, of one that is under way, and the request that waits for it.
 */
must_check enum presence transaction_find_begun(struct turn *t,
                                                const struct transaction_begun *begun,
                                                struct transaction_info *info, struct id128 *ask);

/* Asked for once more while it is under way, be it the same or another. */
enum turn_result transaction_attach(struct turn *t, struct id128 ask, bool same);

/* What home records of it beside the legs when it sends it on its way; `of_each` is noted of every
 * transfer. */
void transaction_begin(struct turn *t, struct group_way *w, const struct transaction_begun *begun,
                       const struct transfer_note *of_each);

/* Refused by one of its legs, of which a reversal has them in the opposite order. */
enum turn_result transaction_cross_refuse(struct turn *t, const struct group_way *w, uint16_t code);

/* What home shows of one that is decided. */
struct transaction_outcome {
    const struct transaction_begun *begun;
    struct transaction_info info;
};

must_check enum presence transaction_outcome_find(struct turn *t, const struct group_way *w,
                                                  const struct group_follow *f,
                                                  struct transaction_outcome *o);

/* Records it, once its transfers are, or that it is refused, and answers the request. */
void transaction_conclude(struct turn *t, const struct group_way *w, struct id128 ask,
                          const struct group_follow *f, struct transaction_outcome *o);

#endif
