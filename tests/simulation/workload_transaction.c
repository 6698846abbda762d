/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions over several shards, again while they are under way, and shown meanwhile. */
#include "tests/simulation/workload.h"

#include <string.h>

#define LEGS_MAX 6

bool workload_leg_across(struct run *run, struct transaction_leg *leg,
                         const struct transaction_leg *before)
{
    const struct ref_account *debit = workload_account(run);
    if (before != NULL && workload_chance(run, 2))
        debit = reference_account(&run->reference, before->credit_account_id);
    for (int i = 0; i < 40 && debit != NULL; i++) {
        const struct ref_account *credit = workload_account(run);
        if (credit == debit || credit->currency != debit->currency ||
            !id128_equal(credit->tenant, debit->tenant))
            continue;
        *leg = (struct transaction_leg){
            .debit_account_id = debit->id,
            .credit_account_id = credit->id,
            .has_amount = true,
            .amount = workload_amount(run),
            .currency = debit->currency,
        };
        return true;
    }
    return false;
}

bool workload_transaction_across(struct run *run, struct request *q)
{
    struct transaction_create *c = &q->body.transaction_create;
    if (workload_account(run) == NULL || run->swarm.shards == 1)
        return false;
    q->type = &transaction_create_type;
    q->who = workload_bookkeeper(run);
    workload_reason(run, &c->has_reason, &c->reason);
    c->legs = q->items.legs;
    c->legs_count = 1 + (uint32_t)rng_below(&run->rng, LEGS_MAX);
    for (uint32_t i = 0; i < c->legs_count; i++)
        if (!workload_leg_across(run, &c->legs[i], i > 0 ? &c->legs[i - 1] : NULL))
            return false;
    c->has_transaction_id = workload_chance(run, 2);
    c->transaction_id = workload_new_id(run, run_home(run, c->legs[0].debit_account_id));
    c->has_description = workload_chance(run, 4);
    c->description = slice_of("Round trip");
    uint64_t now = run_wall_ns(run);
    c->has_effective_time = workload_effective(run, 8, now, now, &c->effective_time);
    q->expects.posted = (int)c->legs_count;
    return true;
}

const struct id128 *workload_transaction_id(const struct request *q)
{
    const union request_body *b = &q->body;
    if (q->type == &transaction_create_type && b->transaction_create.has_transaction_id)
        return &b->transaction_create.transaction_id;
    if (q->type == &transaction_reverse_type && b->transaction_reverse.has_reversal_id)
        return &b->transaction_reverse.reversal_id;
    return NULL;
}

/* A reversal that is under way, once more: the same, in other words, or under another id. */
bool workload_reversal_again(struct run *run, struct request *q)
{
    for (uint32_t i = run->request_count; i-- > 0 && i + 12 > run->request_count;) {
        const struct request *from = run->requests[i];
        const struct transaction_reverse *v = &from->body.transaction_reverse;
        if (from->type != &transaction_reverse_type || workload_chance(run, 3))
            continue;
        q->type = from->type;
        q->who = from->who;
        q->body.transaction_reverse = *v;
        if (workload_chance(run, 3))
            q->body.transaction_reverse.has_reversal_id = false;
        else if (workload_chance(run, 3))
            workload_reason(run, &q->body.transaction_reverse.has_reason,
                            &q->body.transaction_reverse.reason);
        run->requests[i]->expects = workload_unknown; /* it may be this one that makes it */
        q->expects = workload_unknown;
        return true;
    }
    return false;
}

static bool legs_cross(const struct run *run, const struct transaction_create *c)
{
    for (uint32_t i = 0; i < c->legs_count; i++)
        if (run_home(run, c->legs[i].debit_account_id) !=
                run_home(run, c->legs[0].debit_account_id) ||
            run_home(run, c->legs[i].credit_account_id) !=
                run_home(run, c->legs[0].debit_account_id))
            return true;
    return false;
}

/* The newest over shards of those whose id is known, moved back if nobody asked for that; else one
 * that can be. */
bool workload_crossing_reversed(struct run *run, struct request *q)
{
    for (uint32_t i = run->request_count; i-- > 0;) {
        const struct request *from = run->requests[i];
        const struct transaction_create *c = &from->body.transaction_create;
        if (from->type == &transaction_reverse_type)
            break;
        if (from->type != &transaction_create_type || !c->has_transaction_id || !legs_cross(run, c))
            continue;
        const struct ref_transaction *whole = reference_transaction(
            &run->reference, run_home(run, c->transaction_id), c->transaction_id);
        if (whole == NULL || whole->reversed)
            continue;
        struct transaction_reverse *v = &q->body.transaction_reverse;
        q->type = &transaction_reverse_type;
        q->who = from->who;
        v->transaction_id = c->transaction_id;
        v->has_reversal_id = workload_chance(run, 2);
        v->reversal_id = workload_new_id(run, whole->shard);
        workload_reason(run, &v->has_reason, &v->reason);
        q->expects = workload_unknown;
        return true;
    }
    return workload_transaction_across(run, q);
}

/* One that is under way, once more under its id: the same, or in other words. */
bool workload_transaction_again(struct run *run, struct request *q)
{
    for (uint32_t i = run->request_count; i-- > 0 && i + 12 > run->request_count;) {
        const struct request *from = run->requests[i];
        const struct transaction_create *c = &from->body.transaction_create;
        if (from->type != &transaction_create_type || !c->has_transaction_id ||
            workload_chance(run, 3))
            continue;
        q->type = from->type;
        q->who = from->who;
        q->body.transaction_create = *c;
        memcpy(q->items.legs, from->items.legs, c->legs_count * sizeof *c->legs);
        q->body.transaction_create.legs = q->items.legs;
        if (workload_chance(run, 3))
            q->items.legs[0].amount++;
        run->requests[i]->expects = workload_unknown; /* it may be this one that makes it */
        q->expects = workload_unknown;
        return true;
    }
    return false;
}

/* An id that a transaction will have whose request is on its way. */
static const struct id128 *transaction_being_made(struct run *run)
{
    for (uint32_t i = run->request_count; i-- > 0 && i + 8 > run->request_count;) {
        const struct request *q = run->requests[i];
        if (q->type == &transaction_create_type && !q->answered &&
            q->body.transaction_create.has_transaction_id)
            return &q->body.transaction_create.transaction_id;
    }
    return NULL;
}

bool workload_transaction_show(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    const struct id128 *making = transaction_being_made(run);
    if (r->transaction_count == 0 && making == NULL)
        return false;
    q->type = &transaction_get_type;
    q->who = workload_clerk(run);
    bool made = making == NULL || (r->transaction_count > 0 && workload_chance(run, 3));
    q->body.transaction_get.transaction_id =
        made ? r->transactions[rng_below(&run->rng, r->transaction_count)].id : *making;
    return true;
}
