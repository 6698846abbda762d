/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction crossing: transactions over the accounts of several shards, made by a group. */
#ifndef LEDGER_TRANSACTION_CROSSING_H
#define LEDGER_TRANSACTION_CROSSING_H

#include "actors/ledger/group.h"
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

/* Asked for once more while it is under way. */
enum turn_result transaction_attach(struct turn *t, const struct transaction_create *c,
                                    const struct transaction_begun *begun);

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
