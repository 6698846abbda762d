/* SPDX-License-Identifier: Apache-2.0 */
/* Ref groups: the reference's opinion of transfers that are made together over several shards, or
 * not at all. Each shard before the last keeps aside the most that any first so many of them take
 * from an account, or bring it; the last makes all of its own at one moment; the others then do
 * exactly that, or let go what they kept. */
#ifndef SIMULATION_REF_GROUPS_H
#define SIMULATION_REF_GROUPS_H

#include "runtime/actor/message.h"
#include "tests/simulation/model/reference.h"

void ref_groups_done(struct reference *r);

/* false: it is another event. */
bool ref_groups_event(struct reference *r, const struct message_type *type, const void *event,
                      uint64_t time_ns, struct ref_effects *f);

/* The record whose events came last is at its end: was the whole of a group made in it? */
void ref_groups_end(struct reference *r);

/* Adds what the accounts of money in transit that these two have for each other hold in this
 * currency: what one has decided and the other not followed, modulo 2^128. */
void ref_groups_under_way(const struct reference *r, uint16_t currency, uint16_t decider,
                          uint16_t follower, u128 *debits, u128 *credits);

/* What accounts in this currency will be debited by groups that are decided and not followed there:
 * books of the past have it already. */
u128 ref_groups_to_follow(const struct reference *r, uint16_t currency);

/* What an account keeps aside for groups; whether it does, be it nothing; whether any does. */
u128 ref_groups_kept_of(const struct reference *r, struct id128 account_id, bool credits);
bool ref_groups_keeps(const struct reference *r, struct id128 account_id);
bool ref_groups_open(const struct reference *r);

/* The transfer with this id and account, if it is decided and not followed where it was asked for.
 */
bool ref_groups_decided(const struct reference *r, struct id128 id, struct id128 account_id,
                        struct ref_moving *as);

#endif
