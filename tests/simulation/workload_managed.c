/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger is asked of things that wallets, holds and payments made. None of it may succeed:
 * answers_check_record() finds a request of the ledger that moves what is managed. */
#include "tests/simulation/workload.h"

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
