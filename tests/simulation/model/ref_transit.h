/* SPDX-License-Identifier: Apache-2.0 */
/* Ref transit: the reference's opinion of transfers between two shards. What is kept aside in one
 * must be decided in the other before it is followed, once, and with the amount and time decided;
 * what accounts of money in transit hold follows from that. */
#ifndef SIMULATION_REF_TRANSIT_H
#define SIMULATION_REF_TRANSIT_H

#include "runtime/actor/message.h"
#include "tests/simulation/model/reference.h"

/* false: it is another event. */
bool ref_transit_event(struct reference *r, const struct message_type *type, const void *event,
                       uint64_t time_ns, struct ref_effects *f);

/* For the files of this model: the newest with this id and home; the account of the shard whose
 * event is read; its account of money in transit; their counters; what was kept aside is no longer.
 */
struct ref_moving *ref_transit_moving(const struct reference *r, struct id128 id, uint16_t home);
struct ref_account *ref_transit_account(const struct reference *r, struct id128 id, uint16_t shard);
struct ref_account *ref_transit_of(struct reference *r, const struct ref_account *own,
                                   uint16_t peer);
u128 *ref_transit_pending(struct ref_account *a, bool credits);
u128 *ref_transit_posted(struct ref_account *a, bool credits);
void ref_transit_let_go(struct reference *r, struct ref_moving *c);

/* Is a transfer under way with this id that the shard whose event is read decides? */
bool ref_transit_decides(const struct reference *r, struct id128 id);

/* Does the shard whose event is read decide this reversal of this transfer? */
bool ref_transit_reverses(const struct reference *r, struct id128 id, struct id128 reversal_id);

/* The transfer with this id and account, if it is decided and not followed; NULL: there is none. */
const struct ref_moving *ref_transit_decided(const struct reference *r, struct id128 id,
                                             struct id128 account_id);

/* Has the account its part of the transfer with this id, which its other account has not yet? */
bool ref_transit_received(const struct reference *r, struct id128 id, struct id128 account_id);

/* Each pair's accounts of money in transit hold what is under way between them; and what all
 * accounts have available is never more than there is. */
void ref_transit_check(const struct reference *r);

/* What an account keeps aside for transfers to other shards. */
u128 ref_transit_kept_of(const struct reference *r, struct id128 account_id, bool credits);

/* In the shard whose event is read, for this one; made if it is not there. */
struct ref_account *ref_transit_with(struct reference *r, struct id128 tenant, uint16_t currency,
                                     uint16_t peer);

/* Does an account keep anything aside, be it nothing? Does any? */
bool ref_transit_keeps(const struct reference *r, struct id128 account_id);
bool ref_transit_open(const struct reference *r);

#endif
