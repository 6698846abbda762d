/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions over several shards, again while they are under way, and shown meanwhile. */
#include "tests/simulation/workload.h"

#include <string.h>

#define LEGS_MAX 6
#define UNHEARD_CURRENCY 840

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

static void leg_holds(struct run *run, struct transaction_leg *leg)
{
    leg->has_flags = true;
    leg->flags = TRANSFER_FLAGS_PENDING;
    leg->has_timeout_s = workload_chance(run, 2);
    leg->timeout_s = leg->has_timeout_s ? workload_expiry_s(run) : 0;
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

/* Two shards of which one hears nothing from the other, if there are. */
static bool find_deaf(const struct run *run, uint16_t *from, uint16_t *to)
{
    for (*from = 0; *from < run->swarm.shards; (*from)++)
        for (*to = 0; *to < run->swarm.shards; (*to)++)
            if (network_is_deaf(&run->network, *from, *to))
                return true;
    return false;
}

bool workload_deaf(const struct run *run)
{
    uint16_t from, to;
    return run->swarm.shards > 2 && find_deaf(run, &from, &to);
}

/* Does nothing stand against what comes and goes there? */
static bool takes_all(const struct ref_account *a)
{
    const uint32_t harmless = ACCOUNT_FLAGS_LINKED | ACCOUNT_FLAGS_HISTORY | ACCOUNT_FLAGS_IMPORTED;
    return (a->flags & ~harmless) == 0 && !a->debit_max.given && !a->credit_max.given &&
           !a->credit_min.given;
}

static const struct ref_account *account_of(struct run *run, uint16_t shard, struct id128 tenant)
{
    const struct reference *r = &run->reference;
    uint64_t first = r->account_count > 0 ? rng_below(&run->rng, r->account_count) : 0;
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct ref_account *a = &r->accounts[(first + i) % r->account_count];
        if (id128_equal(a->tenant, tenant) && a->currency == UNHEARD_CURRENCY && takes_all(a) &&
            run_home(run, a->id) == shard)
            return a;
    }
    return NULL;
}

static struct transaction_leg leg_between(const struct ref_account *debit,
                                          const struct ref_account *credit)
{
    return (struct transaction_leg){.debit_account_id = debit->id,
                                    .credit_account_id = credit->id,
                                    .has_amount = true,
                                    .amount = 1,
                                    .currency = debit->currency};
}

/* What is held comes from a shard that hears of the decision to one that does not; else what that
 * needs is opened. */
static bool held_unheard(struct run *run, struct request *q)
{
    uint16_t shards[3]; /* home; the one that does not hear; the one that decides */
    const struct ref_account *accounts[3];
    struct transaction_create *c = &q->body.transaction_create;
    if (!find_deaf(run, &shards[2], &shards[1]))
        return false;
    shards[0] = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    while (shards[0] == shards[1] || shards[0] == shards[2])
        shards[0] = (uint16_t)((shards[0] + 1) % run->swarm.shards);
    q->who = workload_clerk(run);
    q->expects = workload_unknown;
    for (int i = 0; i < 3; i++) {
        accounts[i] = account_of(run, shards[i], q->who.tenant_id);
        if (accounts[i] != NULL)
            continue;
        q->type = &account_create_type;
        q->body.account_create = (struct account_create){
            .has_account_id = true,
            .account_id = workload_new_id(run, shards[i]),
            .currency = UNHEARD_CURRENCY,
            .code = 1,
        };
        return true;
    }
    q->type = &transaction_create_type;
    *c = (struct transaction_create){.legs = q->items.legs, .legs_count = 2};
    c->has_transaction_id = true;
    c->transaction_id = workload_new_id(run, shards[0]);
    q->items.legs[0] = leg_between(accounts[0], accounts[1]);
    q->items.legs[1] = leg_between(accounts[0], accounts[2]);
    leg_holds(run, &q->items.legs[0]);
    return true;
}

/* Little of it, some of which is held: each transfer of that is shown where it is at home. */
bool workload_transaction_held(struct run *run, struct request *q)
{
    struct transaction_create *c = &q->body.transaction_create;
    if (workload_deaf(run) && !workload_chance(run, 3))
        return held_unheard(run, q);
    if (!workload_transaction_across(run, q))
        return false;
    if (c->legs_count > 3)
        c->legs_count = 2 + (uint32_t)rng_below(&run->rng, 2);
    for (uint32_t i = 0; i < c->legs_count; i++) {
        q->items.legs[i].amount = 1 + rng_below(&run->rng, 20);
        if (i + 1 == c->legs_count || workload_chance(run, 2))
            leg_holds(run, &q->items.legs[i]);
    }
    q->expects = workload_unknown;
    return true;
}

/* One that is held at its home, where it ends before the other shard has heard of it. */
bool workload_held_ends(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = r->half_count; i-- > 0;) {
        const struct ref_half *h = &r->halves[i];
        const struct ref_transfer *t = reference_transfer(r, h->home, h->id);
        if (!h->coming || t == NULL || !t->open || t->resolving)
            continue;
        q->type = &transfer_void_type;
        q->who = workload_operator();
        q->body.transfer_void.transfer_id = h->id;
        q->expects = workload_unknown;
        if (workload_chance(run, 16)) {
            q->type = &transfer_post_type;
            q->body.transfer_post = (struct transfer_post){.transfer_id = h->id};
        }
        return true;
    }
    return workload_transaction_held(run, q);
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
