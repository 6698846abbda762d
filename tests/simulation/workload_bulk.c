/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of transfers over several shards, some of them in chains, again while they are under way,
 * and beside others under the same id. */
#include "tests/simulation/workload.h"

#include <string.h>

#include "schemas/result.h"

#define CODE 7
#define LATELY 4 /* requests */
#define HELD_TRIED 60

/* Those that no parcel has a place for: their homes make them. */
static uint32_t flags_listed(struct run *run)
{
    static const uint32_t kinds[] = {
        TRANSFER_FLAGS_PENDING,
        TRANSFER_FLAGS_PENDING,
        TRANSFER_FLAGS_BALANCING_DEBIT,
        TRANSFER_FLAGS_BALANCING_CREDIT,
        TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_BALANCING_DEBIT,
        TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_BALANCING_CREDIT,
        TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_CLOSING_DEBIT,
        TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_CLOSING_CREDIT,
        TRANSFER_FLAGS_CLOSING_CREDIT, /* of no kind at all */
    };
    bool closes = workload_chance(run, 8);
    return kinds[rng_below(&run->rng, closes ? array_len(kinds) : 6)];
}

/* A post or void of a pending transfer, wherever it is. */
static bool resolve_listed(struct run *run, struct transfer_spec *s)
{
    const struct reference *r = &run->reference;
    for (int i = 0; i < HELD_TRIED && r->transfer_count > 0; i++) {
        const struct ref_transfer *t = &r->transfers[rng_below(&run->rng, r->transfer_count)];
        bool managed = (t->flags & TRANSFER_FLAGS_MANAGED) != 0;
        if (t->kind != REF_PENDING || !t->open || (managed && !workload_chance(run, 4)))
            continue;
        *s = (struct transfer_spec){
            .id = workload_new_id(run, run_home(run, t->debit)),
            .debit_account_id = workload_chance(run, 3) ? ID128_ZERO : t->debit,
            .pending_id = t->id,
            .flags =
                workload_chance(run, 3) ? TRANSFER_FLAGS_VOID_PENDING : TRANSFER_FLAGS_POST_PENDING,
        };
        if (s->flags == TRANSFER_FLAGS_POST_PENDING && workload_chance(run, 3)) {
            s->has_amount = true;
            s->amount = workload_part(run, t->amount);
            s->flags |= workload_chance(run, 2) ? TRANSFER_FLAGS_KEEP_REMAINDER : 0u;
        }
        return true;
    }
    return false;
}

/* Some are of a kind that does not cross in a chain. */
static uint32_t flags_across(struct run *run, bool last, bool chains)
{
    uint32_t flags = 0;
    if (!chains && workload_chance(run, 2))
        return flags_listed(run);
    if (workload_chance(run, 16))
        flags |= workload_chance(run, 2) ? TRANSFER_FLAGS_PENDING : TRANSFER_FLAGS_BALANCING_DEBIT;
    if (chains && !workload_chance(run, 3) && (!last || workload_chance(run, 30)))
        flags |= TRANSFER_FLAGS_LINKED;
    return flags;
}

/* Most of what the account of the one before has: both together are too much for it. */
static void spend_again(struct run *run, struct transfer_spec *s,
                        const struct transfer_spec *before)
{
    const struct ref_account *a = reference_account(&run->reference, before->debit_account_id);
    if (a == NULL || !workload_chance(run, 3) || a->currency != s->currency ||
        id128_equal(a->id, s->credit_account_id))
        return;
    u128 out = a->now.debits_posted + a->now.debits_pending;
    s->debit_account_id = a->id;
    if (a->now.credits_posted > out)
        s->amount = a->now.credits_posted - out - (a->now.credits_posted - out) / 3;
}

/* From any account to another, of a chain at times on with what the one before brought. */
static bool make_item_across(struct run *run, struct transfer_spec *s,
                             const struct transfer_spec *before, uint32_t flags)
{
    struct transaction_leg leg, last = {.amount = 0};
    if (flags != 0 && (flags & TRANSFER_FLAGS_LINKED) == 0 && before == NULL &&
        workload_chance(run, 3) && resolve_listed(run, s))
        return true;
    if (before != NULL)
        last.credit_account_id = before->credit_account_id;
    if (!workload_leg_across(run, &leg, before != NULL ? &last : NULL))
        return false;
    *s = (struct transfer_spec){
        .id = workload_new_id(run, run_home(run, leg.debit_account_id)),
        .debit_account_id = leg.debit_account_id,
        .credit_account_id = leg.credit_account_id,
        .has_amount = true,
        .amount = workload_chance(run, 30) ? 0 : leg.amount,
        .currency = leg.currency,
        .code = CODE,
        .flags = flags,
        .has_description = workload_chance(run, 6),
        .description = slice_of("One of many"),
        .has_timeout_s = (flags & TRANSFER_FLAGS_PENDING) != 0 && workload_chance(run, 2),
        .timeout_s = workload_expiry_s(run),
    };
    workload_reason(run, &s->has_reason, &s->reason);
    if ((flags & TRANSFER_FLAGS_BALANCING_DEBIT) != 0)
        s->has_amount = !workload_chance(run, 2);
    uint64_t opened = workload_earliest(run, leg.debit_account_id, leg.credit_account_id);
    s->has_effective_time = workload_effective(run, 8, opened, opened, &s->effective_time);
    return true;
}

static struct transfer_create single_of(struct run *run, const struct transfer_spec *s)
{
    bool resolves = !id128_is_zero(s->pending_id);
    return (struct transfer_create){
        .has_transfer_id = !workload_chance(run, 5),
        .transfer_id = s->id,
        .debit_account_id = s->debit_account_id,
        .has_credit_account_id = !resolves,
        .credit_account_id = s->credit_account_id,
        .has_pending_id = resolves,
        .pending_id = s->pending_id,
        .has_amount = s->has_amount,
        .amount = s->amount,
        .currency = s->currency,
        .has_code = !resolves,
        .code = s->code,
        .has_timeout_s = s->has_timeout_s,
        .timeout_s = s->timeout_s,
        .has_flags = s->flags != 0,
        .flags = s->flags,
        .has_effective_time = s->has_effective_time,
        .effective_time = s->effective_time,
        .has_reason = s->has_reason,
        .reason = s->reason,
        .has_description = s->has_description,
        .description = s->description,
    };
}

static void bulk_of(struct run *run, struct request *q, const struct transfer_spec *items,
                    uint32_t count)
{
    bool compact = workload_chance(run, 2);
    q->who = workload_bookkeeper(run);
    q->expects = workload_unknown;
    q->type = compact ? &transfers_create_type : &transfers_batch_type;
    for (uint32_t i = 0; i < count && compact; i++)
        q->items.transfers[i] = items[i];
    for (uint32_t i = 0; i < count && !compact; i++)
        q->items.singles[i] = single_of(run, &items[i]);
    if (compact)
        q->body.transfers_create = (struct transfers_create){q->items.transfers, count};
    else
        q->body.transfers_batch = (struct transfers_batch){q->items.singles, count};
}

bool workload_bulk_across(struct run *run, struct request *q)
{
    if (workload_account(run) == NULL || run->swarm.shards == 1)
        return false;
    struct transfer_spec items[REQUEST_ITEMS_MAX];
    uint32_t count = 1 + (uint32_t)rng_below(&run->rng, run->swarm.items_max);
    bool chains = workload_chance(run, 2);
    for (uint32_t i = 0; i < count; i++) {
        const struct transfer_spec *before =
            i > 0 && (items[i - 1].flags & TRANSFER_FLAGS_LINKED) != 0 ? &items[i - 1] : NULL;
        if (!make_item_across(run, &items[i], before, flags_across(run, i + 1 == count, chains)))
            return false;
        if (i > 0 && workload_chance(run, 20))
            items[i].id = items[i - 1].id;
        if (i > 0)
            spend_again(run, &items[i], &items[i - 1]);
    }
    bulk_of(run, q, items, count);
    return true;
}

/* As a transfer what a request on its way asks for that chose its id, unless it is a void. */
static bool bulk_under_way(const struct run *run, const struct request *from,
                           struct transfer_create *c)
{
    const struct transfer_post *p = &from->body.transfer_post;
    if (from->answered || workload_chosen_id(from) == NULL)
        return false;
    if (from->type == &transfer_create_type) {
        *c = from->body.transfer_create;
        return c->has_credit_account_id;
    }
    const struct ref_transfer *t =
        from->type == &transfer_post_type
            ? reference_transfer(&run->reference, from->shard, p->transfer_id)
            : NULL;
    if (t == NULL)
        return false;
    *c = (struct transfer_create){.has_transfer_id = true,
                                  .transfer_id = p->posting_id,
                                  .debit_account_id = t->debit,
                                  .has_credit_account_id = true,
                                  .credit_account_id = t->credit,
                                  .has_amount = p->has_amount,
                                  .amount = p->amount.digits,
                                  .currency = t->currency,
                                  .has_pending_id = true,
                                  .pending_id = t->id,
                                  .has_code = true,
                                  .has_flags = true,
                                  .flags = TRANSFER_FLAGS_POST_PENDING,
                                  .has_effective_time = p->has_effective_time,
                                  .effective_time = p->effective_time};
    return true;
}

/* One that was refused for it may be asked again. */
static bool bulk_rival_again(struct run *run, struct request *q)
{
    for (uint32_t i = run->request_count; i-- > 0 && i + 12 > run->request_count;) {
        const struct request *from = run->requests[i];
        if (!from->answered || from->code != RESULT_ID_UNDER_WAY)
            continue;
        workload_copy(q, from);
        q->expects = workload_unknown;
        return true;
    }
    return false;
}

/* The list is at home where the other one is still to be decided: so its first transfer is from
 * there. Of the two under one id at most one is made. */
bool workload_bulk_beside(struct run *run, struct request *q)
{
    if (workload_chance(run, 4) && bulk_rival_again(run, q))
        return true;
    for (uint32_t i = run->request_count; i-- > 0 && i + LATELY > run->request_count;) {
        struct request *from = run->requests[i];
        struct transfer_create c;
        if (!bulk_under_way(run, from, &c))
            continue;
        const struct ref_account *debit = reference_account(&run->reference, c.debit_account_id);
        const struct ref_account *credit = reference_account(&run->reference, c.credit_account_id);
        if (debit == NULL || credit == NULL ||
            run_home(run, debit->id) == run_home(run, credit->id))
            continue;
        const struct transfer_spec first = {.id = workload_new_id(run, run_home(run, credit->id)),
                                            .debit_account_id = credit->id,
                                            .credit_account_id = debit->id,
                                            .amount = workload_amount(run),
                                            .currency = credit->currency,
                                            .code = CODE};
        q->type = &transfers_batch_type;
        q->who = from->who;
        q->expects = from->expects = workload_unknown; /* it may be either that makes it */
        q->items.singles[0] = single_of(run, &first);
        q->items.singles[1] = c;
        q->body.transfers_batch = (struct transfers_batch){q->items.singles, 2};
        return true;
    }
    return false;
}

/* Under the same ids, at times without one of them. */
bool workload_bulk_again(struct run *run, struct request *q)
{
    for (uint32_t i = run->request_count; i-- > 0 && i + 12 > run->request_count;) {
        const struct request *from = run->requests[i];
        bool compact = from->type == &transfers_create_type;
        if ((!compact && from->type != &transfers_batch_type) || workload_chance(run, 3))
            continue;
        q->type = from->type;
        q->who = from->who;
        q->expects = workload_unknown;
        memcpy(&q->items, &from->items, sizeof q->items);
        uint32_t count = compact ? from->body.transfers_create.transfers_count
                                 : from->body.transfers_batch.transfers_count;
        if (count > 1 && workload_chance(run, 4))
            count--;
        if (compact)
            q->body.transfers_create = (struct transfers_create){q->items.transfers, count};
        else
            q->body.transfers_batch = (struct transfers_batch){q->items.singles, count};
        return true;
    }
    return false;
}
