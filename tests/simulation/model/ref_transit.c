/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_transit.h. */
#include "tests/simulation/model/ref_transit.h"

#include "actors/ledger/reservation.h"
#include "actors/ledger/transit.h"
#include "runtime/base/array.h"
#include "schemas/ledger.h"
#include "schemas/wallet.h"
#include "tests/simulation/model/ref_groups.h"
#include "tests/simulation/model/ref_halves.h"
#include "tests/simulation/model/ref_total.h"
#include "tests/simulation/verdict.h"

/* The newest of this id and home: two shards may be asked at once for transfers to each other. */
struct ref_moving *ref_transit_moving(const struct reference *r, struct id128 id, uint16_t home)
{
    for (uint32_t i = r->moving_count; i > 0; i--)
        if (id128_equal(r->movings[i - 1].id, id) && r->movings[i - 1].home == home)
            return &r->movings[i - 1];
    return NULL;
}

static uint16_t first_slot(const struct reference *r)
{
    return r->slots->ranges[r->shard].first;
}

struct ref_account *ref_transit_account(const struct reference *r, struct id128 id, uint16_t shard)
{
    struct ref_account *a = reference_account(r, id);
    if (a == NULL || reference_home(r, id) != shard || shard != r->shard)
        broken("a transfer between shards names an account that is not in this one");
    return a;
}

struct ref_account *ref_transit_with(struct reference *r, struct id128 tenant, uint16_t currency,
                                     uint16_t peer)
{
    struct id128 id = transit_id(first_slot(r), peer, tenant, currency);
    for (uint32_t i = 0; i < r->transit_count; i++)
        if (id128_equal(r->transits[i].id, id))
            return &r->transits[i];
    array_reserve(r->transits, r->transit_cap, r->transit_count + 1);
    struct ref_account *a = &r->transits[r->transit_count++];
    *a = (struct ref_account){.id = id, .tenant = tenant, .currency = currency, .peer = peer};
    return a;
}

struct ref_account *ref_transit_of(struct reference *r, const struct ref_account *own,
                                   uint16_t peer)
{
    return ref_transit_with(r, own->tenant, own->currency, peer);
}

u128 *ref_transit_pending(struct ref_account *a, bool credits)
{
    return credits ? &a->now.credits_pending : &a->now.debits_pending;
}

u128 *ref_transit_posted(struct ref_account *a, bool credits)
{
    return credits ? &a->now.credits_posted : &a->now.debits_posted;
}

/* The account of the shard where it was asked for. */
static struct id128 moving_own(const struct ref_moving *c)
{
    return c->credits ? c->credit : c->debit;
}

static struct id128 moving_other(const struct ref_moving *c)
{
    return c->credits ? c->debit : c->credit;
}

/* The part of a closing transfer that is kept aside closes its account. */
static bool moving_closes(const struct ref_moving *c, bool credits)
{
    return (c->flags & (credits ? TRANSFER_FLAGS_CLOSING_CREDIT : TRANSFER_FLAGS_CLOSING_DEBIT)) !=
           0;
}

static void moving_kept(struct reference *r, const struct transfer_reserved *e, uint64_t time_ns,
                        struct ref_effects *f)
{
    struct ref_moving *before = ref_transit_moving(r, e->id, r->shard);
    if (before != NULL && before->state != REF_MOVING_RELEASED)
        broken("money is kept aside twice for one transfer");
    bool credits = e->side == CROSSING_SIDE_CREDIT;
    if (e->slot != first_slot(r) || e->peer == r->shard)
        broken("money is kept aside at the wrong end of a transfer");
    struct ref_account *own =
        ref_transit_account(r, credits ? e->credit_account_id : e->debit_account_id, r->shard);
    struct ref_account *transit = ref_transit_of(r, own, e->peer);
    const u128 kept = e->has_pending_id ? 0 : e->amount;
    reference_add(ref_transit_pending(own, credits), kept);
    reference_add(ref_transit_pending(transit, !credits), kept);
    if (e->has_pending_id) /* within what is held: limits may have changed since */
        reference_check_status(own, !credits);
    else
        reference_check_end(own, !credits);
    reference_version_without_entry(own);
    array_reserve(r->movings, r->moving_cap, r->moving_count + 1);
    r->movings[r->moving_count++] = (struct ref_moving){
        .id = e->id,
        .debit = e->debit_account_id,
        .credit = e->credit_account_id,
        .tenant = own->tenant,
        .reverses = e->has_reverses_id ? e->reverses_id : ID128_ZERO,
        .currency = e->currency,
        .kept = kept,
        .most = e->amount,
        .flags = e->flags,
        .pending = e->has_pending_id ? e->pending_id : ID128_ZERO,
        .has_timeout = e->has_timeout_s,
        .timeout_s = e->timeout_s,
        .home = r->shard,
        .decider = e->peer,
        .reasoned = (e->marks & TOKEN_MARKS_REASONED) != 0,
        .managed = (e->flags & TRANSFER_FLAGS_MANAGED) != 0,
        .credits = credits,
    };
    struct ref_moving *c = &r->movings[r->moving_count - 1];
    if (moving_closes(c, credits))
        reference_close(own, true);
    if (e->has_pending_id)
        ref_halves_ask(r, c, time_ns);
    if (credits) {
        f->passing.awaited = e->amount;
    } else if (c->managed) {
        f->passing.kept_of = own->id;
        f->passing.kept = e->amount;
    }
}

void ref_transit_let_go(struct reference *r, struct ref_moving *c)
{
    struct ref_account *own = ref_transit_account(r, moving_own(c), c->home);
    reference_take(ref_transit_pending(own, c->credits), c->kept);
    reference_take(ref_transit_pending(ref_transit_of(r, own, c->decider), !c->credits), c->kept);
}

static void moving_released(struct reference *r, const struct transfer_released *e,
                            struct ref_effects *f)
{
    for (uint32_t i = 0; i < r->moving_count; i++) {
        struct ref_moving *c = &r->movings[i];
        if (c->state == REF_MOVING_DONE || c->state == REF_MOVING_RELEASED ||
            !id128_equal(c->id, e->id) || !id128_equal(moving_own(c), e->account_id))
            continue;
        if (c->state == REF_MOVING_DECIDED)
            broken("a transfer that was made in one shard is refused in the other");
        ref_transit_let_go(r, c);
        reference_version_without_entry(reference_account(r, moving_own(c)));
        if (moving_closes(c, c->credits))
            reference_close(reference_account(r, moving_own(c)), false);
        if (!id128_is_zero(c->pending))
            ref_halves_refused(r, c);
        c->state = REF_MOVING_RELEASED;
        if (c->credits) {
            f->passing.not_coming = c->kept;
        } else if (c->managed) {
            f->passing.let_go_of = c->debit;
            f->passing.let_go = c->kept;
        }
        return;
    }
    broken("something is let go that was not kept aside");
}

/* The transfer that it reverses is at home where it is decided, and reversed by no other. */
static void moving_reverses(struct reference *r, const struct ref_moving *c, uint64_t effective_ns)
{
    struct ref_transfer *t = reference_transfer(r, c->decider, c->reverses);
    struct ref_moving *way = t == NULL ? ref_transit_moving(r, c->reverses, c->decider) : NULL;
    if (t == NULL && (way == NULL || way->state != REF_MOVING_DECIDED))
        broken("a transfer is reversed that was not made");
    bool *reversed = t != NULL ? &t->reversed : &way->reversed;
    if (*reversed)
        broken("a transfer between shards is reversed twice");
    *reversed = true;
    struct id128 debit = t != NULL ? t->debit : way->debit;
    struct id128 credit = t != NULL ? t->credit : way->credit;
    if (c->amount != (t != NULL ? t->amount : way->amount) || !id128_equal(debit, c->credit) ||
        !id128_equal(credit, c->debit))
        broken("a reversal between shards does not move back what was moved");
    if (effective_ns < (t != NULL ? t->effective_ns : way->effective_ns))
        broken("a reversal between shards counts before what it moves back");
    if (c->managed || ((t != NULL ? t->flags : 0) & TRANSFER_FLAGS_MANAGED) != 0)
        broken("the ledger reverses what a service moved between shards");
}

bool ref_transit_reverses(const struct reference *r, struct id128 id, struct id128 reversal_id)
{
    for (uint32_t i = r->moving_count; i > 0; i--) {
        const struct ref_moving *c = &r->movings[i - 1];
        if (c->decider == r->shard && c->state == REF_MOVING_DECIDED &&
            id128_equal(c->id, reversal_id) && id128_equal(c->reverses, id))
            return true;
    }
    return false;
}

static void moving_decided(struct reference *r, struct ref_moving *c,
                           const struct transfer_crossed *e, uint64_t time_ns)
{
    struct ref_account *own = ref_transit_account(r, moving_other(c), c->decider);
    const struct ref_wallet *giver = c->credits ? reference_wallet(r, c->debit) : NULL;
    if (giver != NULL && giver->status != WALLET_STATUS_ACTIVE)
        broken("a payment is refunded from a wallet that is frozen or closed");
    if (c->state != REF_MOVING_KEPT)
        broken("a transfer between shards is decided twice");
    const struct ref_moving *back = ref_transit_moving(r, e->id, c->decider);
    if (back != NULL && (back->state == REF_MOVING_DECIDED || back->state == REF_MOVING_DONE))
        broken("two transfers of one id are made");
    if (e->amount > c->most || e->flags != c->flags || !id128_is_zero(c->pending))
        broken("more is decided than was kept aside, or something else");
    bool holds = (c->flags & TRANSFER_FLAGS_PENDING) != 0;
    u128 *(*counter)(struct ref_account *, bool) = holds ? ref_transit_pending : ref_transit_posted;
    reference_add(counter(own, !c->credits), e->amount);
    reference_add(counter(ref_transit_of(r, own, c->home), c->credits), e->amount);
    reference_check_end(own, c->credits);
    reference_next_version(own);
    if (moving_closes(c, !c->credits))
        reference_close(own, true);
    if (holds)
        ref_halves_begin(r, c, e->amount);
    c->state = REF_MOVING_DECIDED;
    r->decisions++;
    c->amount = e->amount;
    c->decided_ns = time_ns;
    c->effective_ns = e->has_effective_time ? e->effective_time : time_ns;
    if (!id128_equal(c->reverses, e->reverses_id))
        broken("a transfer between shards is decided as the reversal of another");
    if (!id128_is_zero(c->reverses))
        moving_reverses(r, c, c->effective_ns);
}

/* No rule: it was promised. */
static void moving_followed(struct reference *r, struct ref_moving *c,
                            const struct transfer_crossed *e, struct ref_effects *f)
{
    struct ref_account *own = ref_transit_account(r, moving_own(c), c->home);
    const struct ref_account *other = reference_account(r, moving_other(c));
    if (c->state != REF_MOVING_DECIDED || e->amount != c->amount ||
        e->decided_time != c->decided_ns ||
        (e->has_effective_time && e->effective_time != c->effective_ns))
        broken("what is followed is not what was decided");
    ref_transit_let_go(r, c);
    bool holds = (c->flags & TRANSFER_FLAGS_PENDING) != 0;
    u128 *(*counter)(struct ref_account *, bool) = holds ? ref_transit_pending : ref_transit_posted;
    reference_add(counter(own, c->credits), e->amount);
    reference_add(counter(ref_transit_of(r, own, c->decider), !c->credits), e->amount);
    reference_next_version(own);
    c->state = REF_MOVING_DONE;
    struct ref_transfer *t = reference_add_transfer(r, e->id, holds ? REF_PENDING : REF_POSTED);
    t->effective_ns = c->effective_ns;
    t->debit = c->debit;
    t->credit = c->credit;
    t->currency = e->currency;
    t->flags = e->flags;
    t->amount = e->amount;
    t->reverses = c->reverses;
    t->reversed = c->reversed;
    if (holds) {
        ref_halves_pending(c, t, f);
        return;
    }
    bool adjusted = !c->managed && ((own->flags | other->flags) & ACCOUNT_FLAGS_MANAGED) != 0;
    f->managed += c->managed;
    if (c->credits) {
        f->passing.came = e->amount;
    } else if (c->managed) {
        f->passing.followed_of = c->debit;
        f->passing.followed = e->amount;
    }
    f->adjusted += adjusted;
    f->reasons += adjusted && c->reasoned;
    f->posted++;
    f->posted_from = c->debit;
    f->posted_to = c->credit;
    f->posted_amount += e->amount;
}

static void moving_moved(struct reference *r, const struct transfer_crossed *e, uint64_t time_ns,
                         struct ref_effects *f)
{
    struct ref_moving *c = ref_transit_moving(r, e->id, e->has_decided_time ? r->shard : e->peer);
    if (c == NULL || !id128_equal(c->debit, e->debit_account_id) ||
        !id128_equal(c->credit, e->credit_account_id) || c->currency != e->currency)
        broken("money crosses for which nothing was kept aside");
    if (e->has_decided_time)
        moving_followed(r, c, e, f);
    else
        moving_decided(r, c, e, time_ns);
}

bool ref_transit_decides(const struct reference *r, struct id128 id)
{
    for (uint32_t i = 0; i < r->moving_count; i++) {
        const struct ref_moving *c = &r->movings[i];
        if (id128_equal(c->id, id) && c->state == REF_MOVING_KEPT && c->decider == r->shard)
            return true;
    }
    return false;
}

bool ref_transit_event(struct reference *r, const struct message_type *type, const void *event,
                       uint64_t time_ns, struct ref_effects *f)
{
    if (type == &transfer_reserved_type)
        moving_kept(r, event, time_ns, f);
    else if (type == &transfer_released_type)
        moving_released(r, event, f);
    else if (type == &transfer_crossed_type)
        moving_moved(r, event, time_ns, f);
    else if (type == &transfer_half_ended_type)
        ref_halves_ended(r, event);
    else
        return false;
    return true;
}

const struct ref_moving *ref_transit_decided(const struct reference *r, struct id128 id,
                                             struct id128 account_id)
{
    for (uint32_t i = 0; i < r->moving_count; i++) {
        const struct ref_moving *c = &r->movings[i];
        if (c->state == REF_MOVING_DECIDED && id128_equal(c->id, id) &&
            (id128_equal(c->debit, account_id) || id128_equal(c->credit, account_id)))
            return c;
    }
    return NULL;
}

bool ref_transit_received(const struct reference *r, struct id128 id, struct id128 account_id)
{
    const struct ref_moving *c = ref_transit_decided(r, id, account_id);
    return c != NULL && id128_equal(moving_other(c), account_id);
}

/* --- what must hold --------------------------------------------------------------------------- */

u128 ref_transit_kept_of(const struct reference *r, struct id128 account_id, bool credits)
{
    u128 sum = ref_groups_kept_of(r, account_id, credits);
    for (uint32_t i = 0; i < r->moving_count; i++)
        if (r->movings[i].state < REF_MOVING_DONE && r->movings[i].credits == credits &&
            id128_equal(moving_own(&r->movings[i]), account_id))
            reference_add(&sum, r->movings[i].kept);
    return sum;
}

static bool is_of_pair(uint16_t a, uint16_t b, uint16_t one, uint16_t other)
{
    return (a == one && b == other) || (a == other && b == one);
}

/* Debits less credits of the accounts of money in transit that two shards have for each other are
 * what is under way between them, less what is under way to where it was asked for. */
static void ref_transit_check_pair(const struct reference *r, uint16_t currency, uint16_t one,
                                   uint16_t other)
{
    u128 debits = 0, credits = 0; /* modulo 2^128 */
    for (uint32_t i = 0; i < r->moving_count; i++) {
        const struct ref_moving *c = &r->movings[i];
        bool moves = (c->flags & TRANSFER_FLAGS_PENDING) == 0;
        if (c->state == REF_MOVING_DECIDED && c->currency == currency && moves &&
            is_of_pair(c->home, c->decider, one, other))
            *(c->credits ? &debits : &credits) += c->amount;
    }
    ref_groups_under_way(r, currency, one, other, &debits, &credits);
    ref_groups_under_way(r, currency, other, one, &debits, &credits);
    for (uint32_t i = 0; i < r->transit_count; i++) {
        const struct ref_account *a = &r->transits[i];
        if (a->currency != currency || !is_of_pair(reference_home(r, a->id), a->peer, one, other))
            continue;
        debits += a->now.debits_posted;
        credits += a->now.credits_posted;
    }
    if (debits != credits)
        broken("what two shards have in transit is not what is decided and not followed");
}

static void ref_transit_check_available(const struct reference *r, uint16_t currency)
{
    const struct ref_total all = ref_total_of(r, ID128_ZERO, currency, r->slots->shards);
    const struct ref_counters *c = &all.counters;
    if (c->credits_posted > reference_sum(c->debits_posted, c->debits_pending))
        broken("more is available than there is");
}

void ref_transit_check(const struct reference *r)
{
    for (uint32_t i = 0; i < r->transit_count; i++) {
        const struct ref_account *a = &r->transits[i];
        ref_transit_check_pair(r, a->currency, reference_home(r, a->id), a->peer);
        ref_transit_check_available(r, a->currency);
    }
    ref_halves_check(r);
}

bool ref_transit_keeps(const struct reference *r, struct id128 account_id)
{
    for (uint32_t i = 0; i < r->moving_count; i++)
        if (r->movings[i].state < REF_MOVING_DONE &&
            id128_equal(moving_own(&r->movings[i]), account_id))
            return true;
    return ref_groups_keeps(r, account_id);
}

bool ref_transit_open(const struct reference *r)
{
    for (uint32_t i = 0; i < r->moving_count; i++)
        if (r->movings[i].state < REF_MOVING_DONE)
            return true;
    return ref_halves_ending(r) || ref_groups_open(r);
}
