/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the ledger about transfers. */
#include "tests/simulation/workload.h"

#include "runtime/base/time.h"
#include "tests/simulation/model/ref_halves.h"
#include "tests/single_transfer.h"

#define CODE 7
#define LIST_LIMIT 1000 /* the largest page */
#define LEGS_MAX 6
#define HELD_TRIED 8

/* --- transfers -------------------------------------------------------------------------------- */

static bool belong_together(const struct run *run, const struct ref_account *debit,
                            const struct ref_account *credit)
{
    return debit != credit && debit->currency == credit->currency &&
           run_home(run, debit->id) == run_home(run, credit->id);
}

/* Two accounts, most of the time of one currency and in one shard. */
static bool two_accounts(struct run *run, const struct ref_account **debit,
                         const struct ref_account **credit)
{
    *debit = workload_account(run);
    *credit = workload_account(run);
    if (*debit == NULL)
        return false;
    bool crosses = rng_chance(&run->rng, run->swarm.crossing_ppm);
    for (int i = 0; i < 12 && !crosses && !belong_together(run, *debit, *credit); i++)
        *credit = workload_account(run);
    return *debit != *credit || workload_chance(run, 10);
}

/* The same in this shard, most of the time. */
static bool two_accounts_in(struct run *run, uint16_t shard, const struct ref_account **debit,
                            const struct ref_account **credit)
{
    bool two = two_accounts(run, debit, credit);
    for (int i = 0; i < 8 && two && run_home(run, (*debit)->id) != shard; i++)
        two = two_accounts(run, debit, credit);
    return two;
}

/* One to which its id leads. */
static const struct ref_transfer *a_transfer(struct run *run, enum ref_transfer_kind kind,
                                             bool open)
{
    const struct reference *r = &run->reference;
    bool any = workload_chance(run, 8), of_services = workload_chance(run, 4);
    for (int i = 0; i < 60 && r->transfer_count > 0; i++) {
        const struct ref_transfer *t = &r->transfers[rng_below(&run->rng, r->transfer_count)];
        bool managed = (t->flags & TRANSFER_FLAGS_MANAGED) != 0;
        if (t->kind == kind && (!open || t->open || any) && (!managed || of_services) &&
            workload_found_in(run, t->id, KIND_TRANSFER) == t->shard)
            return t;
    }
    return NULL;
}

/* At times what is kept aside comes to where something is kept aside already: on both sides or one.
 */
static void beside_held(struct run *run, const struct ref_account **debit,
                        const struct ref_account **credit)
{
    bool wanted = run->swarm.edge_ppm > 0 && workload_chance(run, 2);
    for (int i = 0; i < HELD_TRIED && wanted; i++) {
        const struct ref_transfer *t = a_transfer(run, REF_PENDING, true);
        if (t == NULL)
            return;
        const struct ref_account *from = reference_account(&run->reference, t->debit);
        const struct ref_account *to = reference_account(&run->reference, t->credit);
        if (from == NULL || to == NULL || !id128_equal(to->tenant, (*debit)->tenant) ||
            t->shard != run_home(run, (*debit)->id))
            continue;
        bool one = belong_together(run, *debit, to) && workload_chance(run, 2);
        *debit = one ? *debit : from;
        *credit = to;
        return;
    }
}

static void transfer_between(struct run *run, struct request *q, const struct ref_account *debit,
                             const struct ref_account *credit, uint32_t flags)
{
    bool pending = (flags & TRANSFER_FLAGS_PENDING) != 0;
    struct transfer_create *c = &q->body.transfer_create;
    q->type = &transfer_create_type;
    q->who = workload_bookkeeper(run);
    workload_reason(run, &c->has_reason, &c->reason);
    c->has_transfer_id = !workload_chance(run, 4);
    c->transfer_id = workload_new_id(run, run_home(run, debit->id));
    c->debit_account_id = debit->id;
    c->has_credit_account_id = true;
    c->credit_account_id = credit->id;
    c->has_amount = true;
    c->amount = workload_moved(run, workload_amount(run), debit->id, credit->id, pending);
    c->currency = debit->currency;
    c->has_code = workload_chance(run, 8);
    c->code = c->has_code ? CODE : 0;
    c->has_flags = true;
    c->flags = flags;
    c->has_description = workload_chance(run, 6);
    c->description = slice_of("For something");
    uint64_t opened = workload_earliest(run, debit->id, credit->id);
    c->has_effective_time = workload_effective(run, 5, opened, opened, &c->effective_time);
    c->has_timeout_s = pending && !workload_chance(run, 4);
    if (c->has_timeout_s)
        c->timeout_s = workload_expiry_s(run);
    const uint32_t balancing = TRANSFER_FLAGS_BALANCING_DEBIT | TRANSFER_FLAGS_BALANCING_CREDIT;
    q->expects = (struct request_expects){.posted = !pending,
                                          .pending = pending,
                                          .from = debit->id,
                                          .to = credit->id,
                                          .amount_known = (flags & balancing) == 0,
                                          .amount = c->amount};
}

static bool transfer_with(struct run *run, struct request *q, uint32_t flags)
{
    const struct ref_account *debit, *credit;
    if (!two_accounts(run, &debit, &credit))
        return false;
    if ((flags & TRANSFER_FLAGS_PENDING) != 0)
        beside_held(run, &debit, &credit);
    transfer_between(run, q, debit, credit, flags);
    return true;
}

/* Of one tenant and currency, in two shards. */
static bool transfer_across_with(struct run *run, struct request *q, uint32_t flags)
{
    const struct ref_account *debit = workload_account(run);
    for (int i = 0; i < 40 && debit != NULL && run->swarm.shards > 1; i++) {
        const struct ref_account *credit = workload_account(run);
        if (credit->currency == debit->currency && id128_equal(credit->tenant, debit->tenant) &&
            run_home(run, credit->id) != run_home(run, debit->id)) {
            transfer_between(run, q, debit, credit, flags);
            return true;
        }
    }
    return false;
}

static bool transfer_across(struct run *run, struct request *q)
{
    const uint32_t flags[] = {0, TRANSFER_FLAGS_PENDING, TRANSFER_FLAGS_BALANCING_DEBIT,
                              TRANSFER_FLAGS_BALANCING_CREDIT};
    return transfer_across_with(run, q, flags[rng_below(&run->rng, array_len(flags))]);
}

static bool make_transfer(struct run *run, struct request *q)
{
    return (workload_chance(run, 2) && transfer_across_with(run, q, 0)) || transfer_with(run, q, 0);
}

static bool transfer_held(struct run *run, struct request *q)
{
    return (workload_chance(run, 2) && transfer_across_with(run, q, TRANSFER_FLAGS_PENDING)) ||
           transfer_with(run, q, TRANSFER_FLAGS_PENDING);
}

static bool transfer_balancing(struct run *run, struct request *q)
{
    uint32_t side =
        workload_chance(run, 2) ? TRANSFER_FLAGS_BALANCING_DEBIT : TRANSFER_FLAGS_BALANCING_CREDIT;
    side |= workload_chance(run, 3) ? TRANSFER_FLAGS_PENDING : 0u;
    return (workload_chance(run, 2) && transfer_across_with(run, q, side)) ||
           transfer_with(run, q, side);
}

static bool transfer_closing(struct run *run, struct request *q)
{
    if (!workload_chance(run, 4))
        return false;
    uint32_t side =
        workload_chance(run, 2) ? TRANSFER_FLAGS_CLOSING_DEBIT : TRANSFER_FLAGS_CLOSING_CREDIT;
    side |= TRANSFER_FLAGS_PENDING;
    return (workload_chance(run, 2) && transfer_across_with(run, q, side)) ||
           transfer_with(run, q, side);
}

/* What cannot be resolved: no transfer at all, the transfer itself, one that was never pending, one
 * between others or in another currency; or which is not found, for it is asked for anywhere. */
static void resolves_another(struct run *run, struct transfer_create *c)
{
    const struct ref_transfer *t = a_transfer(run, REF_POSTED, false);
    switch (rng_below(&run->rng, 6)) {
    case 5:
        c->debit_account_id = (struct id128){0, 0};
        c->has_credit_account_id = workload_chance(run, 2);
        break;
    case 4:
        c->currency = workload_currencies[c->currency == workload_currencies[0]];
        break;
    case 3:
        if (t != NULL)
            c->credit_account_id = t->credit;
        break;
    case 0:
        c->pending_id = (struct id128){UINT64_MAX, UINT64_MAX};
        break;
    case 1:
        c->has_transfer_id = true;
        c->pending_id = c->transfer_id;
        break;
    default:
        if (t != NULL && t->shard == run_home(run, c->debit_account_id))
            c->pending_id = t->id;
    }
}

/* Most of the time one between two shards with which something can still be done. */
static const struct ref_transfer *transfer_of(struct run *run, enum ref_transfer_kind kind,
                                              bool open)
{
    const struct reference *r = &run->reference;
    const struct ref_transfer *found = NULL, *cut = NULL;
    uint32_t count = 0;
    bool across = run->swarm.shards > 1 && !workload_chance(run, 4);
    for (uint32_t i = 0; i < r->transfer_count && across; i++) {
        const struct ref_transfer *t = &r->transfers[i];
        bool left = kind == REF_PENDING ? t->open && !t->resolving : !t->reversed;
        const struct ref_account *debit = reference_account(r, t->debit);
        if (t->kind == kind && left && run_home(run, t->debit) != run_home(run, t->credit) &&
            id128_equal(debit->tenant, run->tenants[run->acting].id) &&
            workload_found_in(run, t->id, KIND_TRANSFER) == t->shard &&
            rng_below(&run->rng, ++count) == 0) {
            found = t;
            cut = workload_cut(run, t->debit, t->credit) ? t : cut;
        }
    }
    found = cut != NULL ? cut : found;
    return found != NULL ? found : a_transfer(run, kind, open);
}

bool workload_resolving(struct run *run, struct request *q)
{
    const struct ref_transfer *t = transfer_of(run, REF_PENDING, workload_chance(run, 2));
    if (t == NULL)
        return false;
    struct transfer_create *c = &q->body.transfer_create;
    q->type = &transfer_create_type;
    q->who = workload_bookkeeper(run);
    c->has_transfer_id = workload_chance(run, 2);
    c->transfer_id = workload_new_id(run, run_home(run, t->id));
    c->debit_account_id = t->debit;
    c->has_credit_account_id = true;
    c->credit_account_id = t->credit;
    c->has_pending_id = true;
    c->pending_id = t->id;
    c->currency = t->currency;
    c->has_code = true;
    c->code = 0; /* as it is */
    c->has_flags = true;
    c->flags = workload_chance(run, 2) ? TRANSFER_FLAGS_VOID_PENDING : TRANSFER_FLAGS_POST_PENDING;
    c->has_amount = workload_chance(run, 2);
    c->amount = c->has_amount ? workload_part(run, t->held) : 0;
    uint64_t opened = workload_earliest(run, t->debit, t->credit);
    c->has_effective_time = workload_effective(run, 3, opened, t->effective_ns, &c->effective_time);
    workload_reason(run, &c->has_reason, &c->reason);
    q->expects = (struct request_expects){.resolved = 1, .resolved_id = t->id};
    if (workload_chance(run, 6))
        resolves_another(run, c);
    return true;
}

/* An id that is in use: with other content, or the same once more. */
static bool transfer_again(struct run *run, struct request *q)
{
    const struct ref_transfer *t = a_transfer(run, REF_POSTED, false);
    if (t == NULL || !transfer_with(run, q, 0))
        return false;
    struct transfer_create *c = &q->body.transfer_create;
    c->has_transfer_id = true;
    c->transfer_id = t->id;
    if (run_home(run, c->debit_account_id) != t->shard || workload_chance(run, 2)) {
        c->debit_account_id = t->debit;
        c->credit_account_id = t->credit;
        c->amount = t->amount;
        c->currency = t->currency;
    }
    q->expects = (struct request_expects){.posted = 0}; /* nothing moves */
    return true;
}

/* The id of a transfer, for accounts in shards that know nothing of that one: another transfer. The
 * id goes on leading to the first, which is at home there and seen by the same. */
static bool transfer_twice(struct run *run, struct request *q)
{
    const struct ref_transfer *t = a_transfer(run, REF_POSTED, false);
    const struct ref_account *own = t == NULL ? NULL : reference_account(&run->reference, t->debit);
    bool leads = t != NULL && run_home(run, t->id) == t->shard;
    for (int i = 0; i < 40 && leads && run->swarm.shards > 1; i++) {
        const struct ref_account *debit = workload_account(run), *credit = workload_account(run);
        uint16_t first = run_home(run, t->debit), second = run_home(run, t->credit);
        uint16_t from = run_home(run, debit->id), to = run_home(run, credit->id);
        if (debit == credit || debit->currency != credit->currency ||
            !id128_equal(debit->tenant, credit->tenant) ||
            !id128_equal(debit->tenant, own->tenant) || from == first || from == second ||
            to == first || to == second)
            continue;
        transfer_between(run, q, debit, credit, 0);
        q->body.transfer_create.has_transfer_id = true;
        q->body.transfer_create.transfer_id = t->id;
        q->id_twice = true;
        q->expects.posted = REQUEST_ANY; /* it may be the same a third time */
        return true;
    }
    return false;
}

/* The id of something else: of a transaction, an account, a payment's transfer. */
static bool transfer_with_foreign_id(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (!transfer_with(run, q, 0))
        return false;
    struct transfer_create *c = &q->body.transfer_create;
    uint16_t shard = run_home(run, c->debit_account_id);
    c->has_transfer_id = true;
    c->transfer_id = c->debit_account_id;
    const struct ref_transaction *other =
        r->transaction_count > 0 ? &r->transactions[rng_below(&run->rng, r->transaction_count)]
                                 : NULL;
    const struct ref_payment *payment =
        r->payment_count > 0 ? &r->payments[rng_below(&run->rng, r->payment_count)] : NULL;
    if (other != NULL && other->shard == shard && workload_chance(run, 2))
        c->transfer_id = other->id;
    else if (payment != NULL && run_home(run, payment->id) == shard && workload_chance(run, 2))
        c->transfer_id = payment->id;
    q->expects = (struct request_expects){.posted = REQUEST_ANY}; /* none if it is the same */
    return true;
}

static bool post_held(struct run *run, struct request *q)
{
    if (workload_unmade(run, q, &transfer_post_type))
        return true;
    const struct ref_transfer *t = transfer_of(run, REF_PENDING, true);
    if (t == NULL)
        return false;
    struct transfer_post *p = &q->body.transfer_post;
    q->type = &transfer_post_type;
    q->who = workload_clerk(run);
    p->transfer_id = t->id;
    p->has_amount = workload_chance(run, 2);
    u128 amount = workload_part(run, t->held);
    p->amount = workload_decimal(amount, t->currency);
    p->has_keep_remainder = true;
    p->keep_remainder = workload_chance(run, 2);
    p->has_posting_id = workload_chance(run, 2);
    p->posting_id = workload_new_id(run, t->shard);
    uint64_t opened = workload_earliest(run, t->debit, t->credit);
    p->has_effective_time = workload_effective(run, 2, opened, t->effective_ns, &p->effective_time);
    q->expects = (struct request_expects){
        .resolved = 1, .amount_known = p->has_amount, .amount = amount, .resolved_id = t->id};
    return true;
}

static bool void_held(struct run *run, struct request *q)
{
    if (workload_unmade(run, q, &transfer_void_type))
        return true;
    const struct ref_transfer *t = transfer_of(run, REF_PENDING, true);
    if (t == NULL)
        return false;
    struct transfer_void *v = &q->body.transfer_void;
    q->type = &transfer_void_type;
    q->who = workload_clerk(run);
    v->transfer_id = t->id;
    v->has_posting_id = workload_chance(run, 2);
    v->posting_id = workload_new_id(run, t->shard);
    q->expects = (struct request_expects){
        .resolved = 1, .amount_known = true, .amount = 0, .resolved_id = t->id};
    return true;
}

static void reverses(struct run *run, struct request *q, const struct ref_transfer *t)
{
    struct transfer_reverse *v = &q->body.transfer_reverse;
    q->type = &transfer_reverse_type;
    q->who = workload_bookkeeper(run);
    workload_reason(run, &v->has_reason, &v->reason);
    v->transfer_id = t->id;
    v->has_reversal_id = workload_chance(run, 2);
    v->reversal_id = workload_new_id(run, run_home(run, t->credit));
    uint64_t opened = workload_earliest(run, t->debit, t->credit);
    v->has_effective_time = workload_effective(run, 2, opened, t->effective_ns, &v->effective_time);
    q->expects = (struct request_expects){
        .posted = 1, .from = t->credit, .to = t->debit, .amount_known = true, .amount = t->amount};
}

static bool make_reverse(struct run *run, struct request *q)
{
    if (workload_unmade(run, q, &transfer_reverse_type))
        return true;
    const struct ref_transfer *t = transfer_of(run, REF_POSTED, false);
    if (t == NULL)
        return false;
    reverses(run, q, t);
    return true;
}

/* A transfer that could be the one that another reversal, whose id is given, moved back. */
static bool reverse_another(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    const struct ref_transfer *back = a_transfer(run, REF_POSTED, false), *found = NULL;
    for (int i = 0; i < 60 && back != NULL && id128_is_zero(back->reverses); i++)
        back = a_transfer(run, REF_POSTED, false);
    if (back == NULL || id128_is_zero(back->reverses))
        return false;
    for (uint32_t i = 0; i < r->transfer_count; i++) {
        const struct ref_transfer *t = &r->transfers[i];
        if (t->kind == REF_POSTED && t->amount == back->amount && !t->reversed &&
            id128_equal(t->credit, back->debit) && id128_equal(t->debit, back->credit))
            found = t;
    }
    const struct ref_account *debit = reference_account(r, back->credit);
    const struct ref_account *credit = reference_account(r, back->debit);
    if (found == NULL || workload_chance(run, 4)) { /* one that it could be, for later */
        transfer_between(run, q, debit, credit, 0);
        q->body.transfer_create.amount = q->expects.amount = back->amount;
        return true;
    }
    reverses(run, q, found);
    q->body.transfer_reverse.has_effective_time = false;
    q->body.transfer_reverse.has_reversal_id = true;
    q->body.transfer_reverse.reversal_id = back->id;
    q->expects.posted = REQUEST_ANY;
    return true;
}

/* --- many ------------------------------------------------------------------------------------- */

static uint32_t item_flags(struct run *run, bool last)
{
    uint32_t flags = 0;
    if (workload_chance(run, 4))
        flags |= TRANSFER_FLAGS_PENDING;
    if (workload_chance(run, 8))
        flags |= TRANSFER_FLAGS_BALANCING_DEBIT;
    if (workload_chance(run, 3) && (!last || workload_chance(run, 20)))
        flags |= TRANSFER_FLAGS_LINKED;
    return flags;
}

static const struct ref_account *imported_account(struct run *run)
{
    const struct ref_account *a = workload_account(run);
    for (int i = 0; i < 60 && (a->flags & ACCOUNT_FLAGS_IMPORTED) == 0; i++)
        a = workload_account(run);
    return a;
}

/* Resolves a pending transfer; false: there is none in that shard. */
static bool make_resolution(struct run *run, struct transfer_spec *s, uint16_t shard)
{
    const struct ref_transfer *pending = a_transfer(run, REF_PENDING, true);
    if (pending == NULL || pending->shard != shard || !workload_chance(run, 5))
        return false;
    bool voids = workload_chance(run, 2);
    s->flags = (s->flags & TRANSFER_FLAGS_LINKED) |
               (voids ? TRANSFER_FLAGS_VOID_PENDING : TRANSFER_FLAGS_POST_PENDING);
    s->pending_id = pending->id;
    return true;
}

static void make_item(struct run *run, struct transfer_spec *s, uint16_t shard, bool last)
{
    const struct ref_account *debit, *credit;
    *s = (struct transfer_spec){.id = workload_new_id(run, shard), .flags = item_flags(run, last)};
    if (make_resolution(run, s, shard))
        return;
    if (!two_accounts_in(run, shard, &debit, &credit))
        debit = credit = workload_account(run);
    s->debit_account_id = debit->id;
    s->credit_account_id = credit->id;
    s->has_amount = true;
    s->amount = workload_chance(run, 15) ? 0 : workload_amount(run);
    s->currency = debit->currency;
    s->code = CODE;
    workload_reason(run, &s->has_reason, &s->reason);
    s->has_description = workload_chance(run, 6);
    s->description = slice_of("One of many");
    uint64_t opened = workload_earliest(run, debit->id, credit->id);
    s->has_effective_time = workload_effective(run, 5, opened, opened, &s->effective_time);
    s->has_timeout_s = (s->flags & TRANSFER_FLAGS_PENDING) != 0;
    s->timeout_s = s->has_timeout_s ? workload_expiry_s(run) : 0;
}

static bool transfer_imported(struct run *run, struct request *q)
{
    const struct ref_account *debit = workload_account(run);
    if (debit == NULL || !transfer_with(run, q, TRANSFER_FLAGS_IMPORTED))
        return false;
    struct transfer_create *c = &q->body.transfer_create;
    debit = imported_account(run);
    const struct ref_account *credit = imported_account(run);
    bool across = workload_chance(run, 3);
    for (int i = 0; i < 20 && !across && !belong_together(run, debit, credit); i++)
        credit = imported_account(run);
    if (!workload_chance(run, 4))
        c->debit_account_id = debit->id;
    if (!workload_chance(run, 4))
        c->credit_account_id = credit->id;
    c->currency = debit->currency;
    c->has_effective_time = !workload_chance(run, 20);
    c->effective_time = workload_imported_at(run);
    if (workload_chance(run, 6)) {
        c->flags |= TRANSFER_FLAGS_PENDING;
        c->has_timeout_s = true;
        c->timeout_s = workload_expiry_s(run);
    }
    q->expects =
        (struct request_expects){REQUEST_ANY, REQUEST_ANY, 0, {0, 0}, {0, 0}, false, 0, {0, 0}};
    return true;
}

/* Makes imports of items: of imported accounts if there are two, for others are younger. */
static void make_imported(struct run *run, struct transfer_spec *items, uint32_t count)
{
    const struct ref_account *debit = imported_account(run), *credit = debit;
    for (int i = 0; i < 20 && !belong_together(run, debit, credit); i++)
        credit = imported_account(run);
    bool two = debit != credit && !workload_chance(run, 8);
    uint64_t time = workload_imported_at(run);
    for (uint32_t i = 0; i < count; i++) {
        struct transfer_spec *s = &items[i];
        if (!workload_chance(run, 20)) /* one that is not like the others is refused */
            s->flags |= TRANSFER_FLAGS_IMPORTED;
        s->has_effective_time = !workload_chance(run, 20);
        s->effective_time = time + i;
        s->has_timeout_s = s->has_timeout_s && workload_chance(run, 8);
        if (two && id128_is_zero(s->pending_id)) {
            s->flags &= ~(uint32_t)TRANSFER_FLAGS_LINKED;
            s->debit_account_id = debit->id;
            s->credit_account_id = credit->id;
            s->currency = debit->currency;
        }
    }
}

static uint32_t make_items(struct run *run, struct request *q, struct transfer_spec *items)
{
    uint32_t count = 1 + (uint32_t)rng_below(&run->rng, run->swarm.items_max);
    uint16_t shard = run_home(run, workload_account(run)->id);
    q->who = workload_bookkeeper(run);
    q->expects = workload_unknown;
    for (uint32_t i = 0; i < count; i++)
        make_item(run, &items[i], shard, i + 1 == count);
    return count;
}

static bool make_bulk(struct run *run, struct request *q)
{
    if (workload_account(run) == NULL)
        return false;
    q->type = &transfers_create_type;
    q->body.transfers_create =
        (struct transfers_create){q->items.transfers, make_items(run, q, q->items.transfers)};
    return true;
}

static bool make_import(struct run *run, struct request *q)
{
    if (!make_bulk(run, q))
        return false;
    make_imported(run, q->items.transfers, q->body.transfers_create.transfers_count);
    return true;
}

/* The item with the fields of a single transfer, some with words. */
static struct transfer_create single_of(struct run *run, const struct transfer_spec *s)
{
    struct transfer_create c = single_transfer(s);
    c.has_description = workload_chance(run, 4);
    c.description = slice_of("One of several");
    return c;
}

static bool make_batch(struct run *run, struct request *q)
{
    if (workload_account(run) == NULL)
        return false;
    struct transfer_spec items[REQUEST_ITEMS_MAX];
    uint32_t count = make_items(run, q, items);
    for (uint32_t i = 0; i < count; i++)
        q->items.singles[i] = single_of(run, &items[i]);
    q->type = &transfers_batch_type;
    q->body.transfers_batch = (struct transfers_batch){q->items.singles, count};
    return true;
}

/* The id of a transfer of this shard; NULL: not soon found. */
static const struct ref_transfer *any_transfer_in(struct run *run, uint16_t shard)
{
    const struct reference *r = &run->reference;
    for (int i = 0; i < 4 && r->transfer_count > 0; i++) {
        const struct ref_transfer *t = &r->transfers[rng_below(&run->rng, r->transfer_count)];
        if (t->shard == shard)
            return t;
    }
    return NULL;
}

static bool make_transaction(struct run *run, struct request *q)
{
    struct transaction_create *c = &q->body.transaction_create;
    const struct ref_account *debit, *credit;
    if (workload_account(run) == NULL)
        return false;
    if (workload_chance(run, 2) && workload_transaction_across(run, q))
        return true;
    uint16_t shard = run_home(run, workload_account(run)->id);
    q->type = &transaction_create_type;
    q->who = workload_bookkeeper(run);
    workload_reason(run, &c->has_reason, &c->reason);
    c->has_transaction_id = workload_chance(run, 2);
    c->transaction_id = workload_new_id(run, shard);
    const struct ref_transfer *taken = any_transfer_in(run, shard);
    if (taken != NULL && workload_chance(run, 12))
        c->transaction_id = taken->id;
    uint64_t now = run_wall_ns(run);
    c->has_effective_time = workload_effective(run, 6, now, now, &c->effective_time);
    c->legs = q->items.legs;
    c->legs_count = 1 + (uint32_t)rng_below(&run->rng, LEGS_MAX);
    for (uint32_t i = 0; i < c->legs_count; i++) {
        if (!two_accounts_in(run, shard, &debit, &credit))
            return false;
        bool pending = workload_chance(run, 6), balances = workload_chance(run, 8);
        if (pending)
            beside_held(run, &debit, &credit);
        uint32_t flags = (pending ? TRANSFER_FLAGS_PENDING : 0u) |
                         (balances ? TRANSFER_FLAGS_BALANCING_DEBIT : 0u);
        c->legs[i] = (struct transaction_leg){
            .debit_account_id = debit->id,
            .credit_account_id = credit->id,
            .has_amount = true,
            .amount = workload_moved(run, workload_amount(run), debit->id, credit->id, pending),
            .currency = debit->currency,
            .has_flags = flags != 0,
            .flags = flags,
            .has_timeout_s = pending,
            .timeout_s = pending ? workload_expiry_s(run) : 0};
        q->expects.posted += !pending;
        q->expects.pending += pending;
    }
    if (q->expects.pending > 0 && run->swarm.shards > 1) /* some may be at home elsewhere */
        q->expects = (struct request_expects){
            .posted = REQUEST_ANY, .pending = REQUEST_ANY, .resolved = REQUEST_ANY};
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool transfer_show(struct run *run, struct request *q)
{
    const struct transfer_create *making =
        workload_chance(run, 2) ? workload_being_made(run) : NULL;
    const struct ref_transfer *t =
        a_transfer(run, workload_chance(run, 2) ? REF_PENDING : REF_POSTED, false);
    if (t == NULL && making == NULL)
        return false;
    q->type = &transfer_get_type;
    q->who = workload_clerk(run);
    q->body.transfer_get.transfer_id = making != NULL ? making->transfer_id : t->id;
    return true;
}

static bool list_transfers(struct run *run, struct request *q)
{
    q->type = &transfers_list_type;
    q->who = workload_clerk(run);
    q->body.transfers_list.has_limit = workload_chance(run, 2);
    q->body.transfers_list.limit = LIST_LIMIT;
    q->body.transfers_list.has_count = q->body.transfers_list.count = workload_chance(run, 2);
    const struct ref_account *a = workload_account(run);
    if (a != NULL && workload_chance(run, 2)) {
        q->body.transfers_list.has_account_id = true;
        q->body.transfers_list.account_id = a->id;
    }
    return true;
}

static bool transaction_reversed(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (r->transaction_count == 0)
        return false;
    q->type = &transaction_reverse_type;
    q->who = workload_bookkeeper(run);
    struct transaction_reverse *v = &q->body.transaction_reverse;
    workload_reason(run, &v->has_reason, &v->reason);
    const struct ref_transaction *whole = NULL;
    for (int i = 0; i < 12 && (whole == NULL || whole->reversed); i++)
        whole = &r->transactions[rng_below(&run->rng, r->transaction_count)];
    v->transaction_id = whole->id;
    v->has_reversal_id = workload_chance(run, 2);
    v->reversal_id = workload_new_id(run, whole->shard);
    uint64_t now = run_wall_ns(run);
    const struct ref_transfer *t = a_transfer(run, REF_POSTED, false); /* maybe one of its legs */
    v->has_effective_time =
        t != NULL &&
        workload_effective(run, 3, workload_earliest(run, t->debit, t->credit),
                           workload_chance(run, 2) ? t->effective_ns : now, &v->effective_time);
    q->expects = (struct request_expects){.posted = REQUEST_ANY};
    return true;
}

/* Soon after one shard had decided a transfer, which the other then followed or has still to. */
static void while_money_moved(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (ref_halves_ending(r) && !workload_chance(run, 3)) {
        q->who = workload_operator();
        q->body.trial_balance_at.at = run_wall_ns(run);
        return;
    }
    if (r->moving_count == 0 || workload_chance(run, 3))
        return;
    const struct ref_moving *c = &r->movings[rng_below(&run->rng, r->moving_count)];
    if (c->decided_ns == 0)
        return;
    q->who = workload_operator();
    q->body.trial_balance_at.at = c->decided_ns + rng_below(&run->rng, 4 * NS_PER_MS);
}

/* As of any moment up to now: the tenant's, by the time that is recorded. */
static bool trial_balance_then(struct run *run, struct request *q)
{
    uint64_t now = run_wall_ns(run);
    bool long_ago = workload_chance(run, 2);
    q->type = &trial_balance_at_type;
    q->who = workload_clerk(run);
    q->body.trial_balance_at.at =
        now - rng_below(&run->rng, long_ago ? NS_PER_S * 60 : 1 + run->world.now_ns);
    q->body.trial_balance_at.has_time = true;
    q->body.trial_balance_at.time =
        workload_chance(run, 2) ? TIME_AXIS_RECORDED : TIME_AXIS_EFFECTIVE;
    while_money_moved(run, q);
    return true;
}

static bool trial_balance(struct run *run, struct request *q)
{
    q->type = &trial_balance_get_type;
    q->who = workload_chance(run, 3) ? workload_operator() : workload_clerk(run);
    q->body.trial_balance_get.has_shard = workload_chance(run, 4);
    q->body.trial_balance_get.shard = (uint32_t)rng_below(&run->rng, run->swarm.shards + 1u);
    return true;
}

const struct operation ledger_operations[] = {
    {"transfer_closing", transfer_closing},
    {"transfer_held", transfer_held},
    {"transfer_resolving", workload_resolving},
    {"post_held", post_held},
    {"void_held", void_held},
    {"transfer", make_transfer},
    {"transfer_across", transfer_across},
    {"transfer_balancing", transfer_balancing},
    {"transfer_again", transfer_again},
    {"transfer_twice", transfer_twice},
    {"transfer_with_foreign_id", transfer_with_foreign_id},
    {"reverse", make_reverse},
    {"reverse_another", reverse_another},
    {"transaction", make_transaction},
    {"transaction_across", workload_transaction_across},
    {"transaction_again", workload_transaction_again},
    {"transaction_reversed", transaction_reversed},
    {"crossing_reversed", workload_crossing_reversed},
    {"transaction_held", workload_transaction_held},
    {"held_ends", workload_held_ends},
    {"reversal_again", workload_reversal_again},
    {"transaction_show", workload_transaction_show},
    {"trial_balance", trial_balance},
    {"trial_balance_then", trial_balance_then},
    {"import", make_import},
    {"transfer_imported", transfer_imported},
    {"bulk", make_bulk},
    {"batch", make_batch},
    {"bulk_across", workload_bulk_across},
    {"bulk_again", workload_bulk_again},
    {"bulk_beside", workload_bulk_beside},
    {"list_transfers", list_transfers},
    {"transfer_show", transfer_show},
};
const uint32_t ledger_operation_count = array_len(ledger_operations);
