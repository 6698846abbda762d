/* SPDX-License-Identifier: Apache-2.0 */
/* Ref halves: the reference's opinion of pending transfers between two shards. Home and the other
 * shard hold the same, but for a post that is decided and not followed, and for an end that has not
 * come there yet; nothing but its time, a void and posts ends one, one at a time. */
#ifndef SIMULATION_REF_HALVES_H
#define SIMULATION_REF_HALVES_H

#include "schemas/ledger.h"
#include "tests/simulation/model/reference.h"

/* It is decided in the other shard that it is pending, and then so at home. */
void ref_halves_begin(struct reference *r, const struct ref_moving *c, u128 amount);
void ref_halves_pending(const struct ref_moving *c, struct ref_transfer *t, struct ref_effects *f);

/* A post of it is asked for, or refused. */
void ref_halves_ask(struct reference *r, const struct ref_moving *c, uint64_t time_ns);
void ref_halves_refused(struct reference *r, const struct ref_moving *c);

/* It is posted or voided. false: it is not between two shards. */
bool ref_halves_resolved(struct reference *r, const struct transfer_resolved *e, uint64_t time_ns,
                         struct ref_effects *f);

/* All of it goes back: at home, and in the other shard. */
void ref_halves_end(struct reference *r, struct ref_transfer *t);
void ref_halves_ended(struct reference *r, const struct transfer_half_ended *e);

void ref_halves_check(const struct reference *r);

/* Has one ended at home alone? */
bool ref_halves_ending(const struct reference *r);

/* Of a group that is decided: what will be held in the shard of the credit account, and is, once
 * that has followed; and its end, if that comes before. */
void ref_halves_coming(struct reference *r, const struct ref_half *h);
void ref_halves_held(struct reference *r, struct id128 id);
void ref_halves_end_came(struct reference *r, const struct half_end_came *e);

#endif
