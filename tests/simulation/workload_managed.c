/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger is asked of things that wallets, holds and payments made. None of it may succeed
 * but adjustments: answers_check_record() finds a request of the ledger that moves what is
 * managed. */
#include "tests/simulation/workload.h"

#define ACCOUNTS_TRIED 40

/* To post, void or reverse the transfer. */
static void make_resolution(struct run *run, struct request *q, struct id128 transfer)
{
    q->who = workload_clerk(run);
    switch (rng_below(&run->rng, 3)) {
    case 0:
        q->type = &transfer_post_type;
        q->body.transfer_post.transfer_id = transfer;
        q->body.transfer_post.has_keep_remainder = true;
        q->body.transfer_post.keep_remainder = workload_chance(run, 2);
        q->expects.resolved = 1;
        break;
    case 1:
        q->type = &transfer_void_type;
        q->body.transfer_void.transfer_id = transfer;
        q->expects.resolved = 1;
        break;
    default:
        q->type = &transfer_reverse_type;
        q->body.transfer_reverse.transfer_id = transfer;
        q->expects.posted = 1;
    }
}

bool workload_beneath_payment(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (r->payment_count == 0)
        return false;
    const struct ref_payment *p = &r->payments[rng_below(&run->rng, r->payment_count)];
    if (p->started)
        return false; /* its transfer is in two shards, or in none */
    make_resolution(run, q, p->id);
    return true;
}

bool workload_beneath_hold(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (r->hold_count == 0)
        return false;
    make_resolution(run, q, r->holds[rng_below(&run->rng, r->hold_count)].id);
    return true;
}

/* Beside it, and no service's; NULL: not soon found. */
static const struct ref_account *ordinary_beside(struct run *run, const struct ref_account *a)
{
    for (int i = 0; i < ACCOUNTS_TRIED; i++) {
        const struct ref_account *other = workload_account(run);
        if ((other->flags & ACCOUNT_FLAGS_MANAGED) == 0 && other->currency == a->currency &&
            id128_equal(other->tenant, a->tenant) &&
            run_home(run, other->id) == run_home(run, a->id))
            return other;
    }
    return NULL;
}

bool workload_filled(struct run *run, struct request *q)
{
    const struct ref_wallet *w = run->swarm.edge_ppm > 0 ? workload_promised(run) : NULL;
    const struct ref_account *to = w == NULL ? NULL : reference_account(&run->reference, w->id);
    const struct ref_account *from = w == NULL ? NULL : ordinary_beside(run, to);
    if (from == NULL || workload_rest(run, to) < 2)
        return false;
    u128 amount = workload_rest(run, to) / 2;
    q->type = &transfer_create_type;
    q->who = workload_clerk(run);
    q->who.adjusts = true;
    q->body.transfer_create = (struct transfer_create){.debit_account_id = from->id,
                                                       .has_credit_account_id = true,
                                                       .credit_account_id = to->id,
                                                       .has_amount = true,
                                                       .amount = amount,
                                                       .currency = to->currency,
                                                       .has_reason = true,
                                                       .reason = slice_of("To the brim")};
    q->expects = (struct request_expects){
        .posted = 1, .from = from->id, .to = to->id, .amount_known = true, .amount = amount};
    return true;
}
