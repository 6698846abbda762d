/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer crossing: single transfers between accounts of two shards, asked for where the debit
 * account lives. The answer is given when the credit account's shard has decided. */
#ifndef LEDGER_TRANSFER_CROSSING_H
#define LEDGER_TRANSFER_CROSSING_H

#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"

/* Is this one that transfer_cross() makes? */
bool transfer_crosses(struct turn *t, const struct transfer_create *c);

/* Asked for with this. */
enum turn_result transfer_cross(struct turn *t, const struct message *m);

/* Reverses by this posting, of which the debit account lives here. */
enum turn_result reversal_cross(struct turn *t, const struct message *m, const struct posting *p,
                                bool id_chosen);

/* Posts, by what posting_check() found OK, a pending transfer between two shards: at its home. */
enum turn_result post_cross(struct turn *t, const struct message *m, const struct posting *p,
                            const struct transfer_note *note, bool id_chosen);

/* Of a list (listed_transfer.h): true of what transfer_cross_listed() asks another shard for,
 * unless something is against it: *code, and *p is what was looked at. post_cross_listed() is
 * post_cross() of one. Then the list is told what came of it. */
bool transfer_spec_crosses(struct turn *t, const struct transfer_spec *s);
must_check enum presence transfer_cross_listed(struct turn *t, const struct principal *who,
                                               const struct listed_transfer *c, struct posting *p,
                                               uint16_t *code);
void post_cross_listed(struct turn *t, const struct principal *who, const struct listed_transfer *c,
                       const struct posting *p);

/* Tells the list what came of it. */
void crossing_tell_list(struct turn *t, struct id128 list_id, const struct bulk_refusal *outcome);

/* It was asked for before, and is under way: whoever says the same waits for its outcome too. */
enum turn_result crossing_repeat(struct turn *t, const struct transfer_reserved *kept,
                                 const struct transfer_note *note);

enum turn_result transfer_on_token(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_follow(struct turn *t, struct id128 self, const struct message *m);

#endif
