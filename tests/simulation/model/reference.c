/* SPDX-License-Identifier: Apache-2.0 */
/* See reference.h. Sizes are those of one run: arrays are walked. */
#include "tests/simulation/model/reference.h"

#include <stdlib.h>
#include <string.h>

#include "actors/payment/payment.h"
#include "runtime/base/array.h"
#include "runtime/base/time.h"
#include "schemas/ledger.h"
#include "schemas/payment.h"
#include "schemas/wallet.h"
#include "tests/simulation/model/ref_groups.h"
#include "tests/simulation/model/ref_halves.h"
#include "tests/simulation/model/ref_payments.h"
#include "tests/simulation/model/ref_spending.h"
#include "tests/simulation/model/ref_times.h"
#include "tests/simulation/model/ref_transit.h"
#include "tests/simulation/verdict.h"

#define SLOTS_FIRST 256

void reference_init(struct reference *r, const struct slot_map *slots)
{
    *r = (struct reference){.slots = slots, .transfer_slot_count = SLOTS_FIRST};
    r->transfer_slots = calloc(SLOTS_FIRST, sizeof *r->transfer_slots);
    check(r->transfer_slots != NULL);
}

void reference_done(struct reference *r)
{
    for (uint32_t i = 0; i < r->account_count; i++)
        free(r->accounts[i].past);
    free(r->accounts);
    free(r->transfers);
    free(r->transfer_slots);
    free(r->wallets);
    free(r->holds);
    free(r->payments);
    free(r->transactions);
    free(r->halves);
    ref_groups_done(r);
    free(r->movings);
    free(r->transits);
}

/* --- finding ---------------------------------------------------------------------------------- */

uint16_t reference_home(const struct reference *r, struct id128 id)
{
    return slot_map_home(r->slots, id);
}

/* Nothing of another shard may be in this one's journal. */
static void check_home(const struct reference *r, struct id128 id)
{
    if (reference_home(r, id) != r->shard)
        broken("an event of shard %u is about something of shard %u", r->shard,
               reference_home(r, id));
}

#define FIND(type, list)                                                                           \
    for (uint32_t i = 0; i < r->list##_count; i++)                                                 \
        if (id128_equal(r->list##s[i].id, id))                                                     \
            return &r->list##s[i];                                                                 \
    return NULL

struct ref_account *reference_account(const struct reference *r, struct id128 id)
{
    FIND(ref_account, account);
}

struct ref_wallet *reference_wallet(const struct reference *r, struct id128 id)
{
    FIND(ref_wallet, wallet);
}

struct ref_hold *reference_hold(const struct reference *r, struct id128 id)
{
    FIND(ref_hold, hold);
}

struct ref_payment *reference_payment(const struct reference *r, struct id128 id)
{
    FIND(ref_payment, payment);
}

static uint32_t *slot_of(const struct reference *r, uint16_t shard, struct id128 id)
{
    uint32_t at = (uint32_t)(id128_hash(id) + shard) & (r->transfer_slot_count - 1);
    for (; r->transfer_slots[at] != 0; at = (at + 1) & (r->transfer_slot_count - 1)) {
        const struct ref_transfer *t = &r->transfers[r->transfer_slots[at] - 1];
        if (t->shard == shard && id128_equal(t->id, id))
            break;
    }
    return &r->transfer_slots[at];
}

struct ref_transfer *reference_transfer(const struct reference *r, uint16_t shard, struct id128 id)
{
    uint32_t number = *slot_of(r, shard, id);
    return number == 0 ? NULL : &r->transfers[number - 1];
}

struct ref_transfer *reference_transfer_of(const struct reference *r, struct id128 id,
                                           struct id128 account_id)
{
    for (uint16_t shard = 0; shard < r->slots->shards; shard++) {
        struct ref_transfer *t = reference_transfer(r, shard, id);
        if (t != NULL && (id128_equal(t->debit, account_id) || id128_equal(t->credit, account_id)))
            return t;
    }
    return NULL;
}

/* In the shard whose event is applied. */
static struct ref_transfer *transfer_here(const struct reference *r, struct id128 id)
{
    return reference_transfer(r, r->shard, id);
}

static void grow_slots(struct reference *r)
{
    if (r->transfer_count * 2 < r->transfer_slot_count)
        return;
    free(r->transfer_slots);
    r->transfer_slot_count *= 2;
    r->transfer_slots = calloc(r->transfer_slot_count, sizeof *r->transfer_slots);
    check(r->transfer_slots != NULL);
    for (uint32_t i = 0; i < r->transfer_count; i++)
        *slot_of(r, r->transfers[i].shard, r->transfers[i].id) = i + 1;
}

struct ref_transfer *reference_add_transfer(struct reference *r, struct id128 id,
                                            enum ref_transfer_kind kind)
{
    if (transfer_here(r, id) != NULL)
        broken("transfer %016llx is resolved twice", (unsigned long long)id.hi);
    array_reserve(r->transfers, r->transfer_cap, r->transfer_count + 1);
    *slot_of(r, r->shard, id) = r->transfer_count + 1;
    struct ref_transfer *t = &r->transfers[r->transfer_count++];
    *t = (struct ref_transfer){.id = id, .kind = kind, .shard = r->shard, .by = r->by};
    grow_slots(r);
    return t;
}

static struct ref_account *account_of(const struct reference *r, struct id128 id)
{
    struct ref_account *a = reference_account(r, id);
    if (a == NULL)
        broken("an event names an account that was never opened");
    check_home(r, id);
    return a;
}

/* --- counters --------------------------------------------------------------------------------- */

void reference_add(u128 *counter, u128 amount)
{
    if (!u128_add(*counter, amount, counter))
        broken("a counter overflows");
}

void reference_take(u128 *counter, u128 amount)
{
    if (!u128_sub(*counter, amount, counter))
        broken("more is released than was pending");
}

static void add_version(struct ref_account *a, bool entry)
{
    array_reserve(a->past, a->past_cap, a->version + 1);
    a->past[a->version++] = (struct ref_version){a->now, entry};
    a->entry_count += entry;
}

void reference_next_version(struct ref_account *a)
{
    add_version(a, true);
}

void reference_version_without_entry(struct ref_account *a)
{
    add_version(a, false);
}

/* Not only the counters: flags, limits or name. */
static void next_changed_version(struct ref_account *a)
{
    reference_next_version(a);
    a->changed_version = a->version;
}

static void check_sides(const struct ref_account *debit, const struct ref_account *credit)
{
    if (debit == credit)
        broken("an account is debited and credited by one transfer");
    if (debit->currency != credit->currency || !id128_equal(debit->tenant, credit->tenant))
        broken("a transfer crosses currencies or tenants");
}

/* New money moves or is held: both accounts must be open for it and stay within their rules. */
static void check_open(const struct ref_account *debit, const struct ref_account *credit)
{
    if (((debit->flags | credit->flags) & ACCOUNT_FLAGS_CLOSED) != 0)
        broken("a closed account was moved");
    if ((debit->flags & ACCOUNT_FLAGS_DEBITS_FROZEN) != 0 ||
        (credit->flags & ACCOUNT_FLAGS_CREDITS_FROZEN) != 0)
        broken("a frozen account was moved");
}

u128 reference_sum(u128 a, u128 b)
{
    return a > U128_MAX - b ? U128_MAX : a + b;
}

static void check_debit_limits(const struct ref_account *debit)
{
    const struct ref_counters *d = &debit->now;
    u128 debits = d->debits_posted + d->debits_pending;
    if ((debit->flags & ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0 &&
        debits > d->credits_posted)
        broken("an account's debits exceed its credits");
    if (debit->debit_max.given &&
        debits > reference_sum(d->credits_posted, debit->debit_max.amount))
        broken("an account's debit balance is beyond its limit");
    if (debit->credit_min.given &&
        reference_sum(debits, debit->credit_min.amount) > d->credits_posted)
        broken("an account's credit balance is below its limit");
}

static void check_credit_limits(const struct ref_account *credit)
{
    const struct ref_counters *c = &credit->now;
    u128 credits = c->credits_posted + c->credits_pending;
    if ((credit->flags & ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS) != 0 &&
        credits > c->debits_posted)
        broken("an account's credits exceed its debits");
    if (credit->credit_max.given &&
        credits > reference_sum(c->debits_posted, credit->credit_max.amount))
        broken("an account's credit balance is beyond its limit");
}

static void check_limits(const struct ref_account *debit, const struct ref_account *credit)
{
    check_debit_limits(debit);
    check_credit_limits(credit);
}

void reference_check_status(const struct ref_account *a, bool debit)
{
    const uint32_t frozen = debit ? ACCOUNT_FLAGS_DEBITS_FROZEN : ACCOUNT_FLAGS_CREDITS_FROZEN;
    if ((a->flags & (frozen | ACCOUNT_FLAGS_CLOSED)) != 0)
        broken("a frozen or closed account was moved");
}

void reference_check_end(const struct ref_account *a, bool debit)
{
    reference_check_status(a, debit);
    if (debit)
        check_debit_limits(a);
    else
        check_credit_limits(a);
}

void reference_close(struct ref_account *a, bool close)
{
    const uint32_t closed = ACCOUNT_FLAGS_CLOSED;
    a->flags = close ? a->flags | closed : a->flags & ~closed;
    a->changed_version = a->version;
}

/* What a closing transfer does when it is held, and takes back when it is not posted. */
static void close_sides(struct ref_account *debit, struct ref_account *credit, uint32_t flags,
                        bool close)
{
    if ((flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0)
        reference_close(debit, close);
    if ((flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0)
        reference_close(credit, close);
}

/* --- events of the ledger --------------------------------------------------------------------- */

static void reference_opened(struct reference *r, const struct account_opened *e, uint64_t time_ns)
{
    uint64_t opened_ns = times_of_account(r, e, time_ns);
    if (reference_account(r, e->account_id) != NULL)
        broken("an account is opened twice");
    check_home(r, e->account_id);
    array_reserve(r->accounts, r->account_cap, r->account_count + 1);
    struct ref_account *a = &r->accounts[r->account_count++];
    *a = (struct ref_account){
        .id = e->account_id,
        .tenant = e->tenant_id,
        .currency = e->currency,
        .flags = e->flags,
        .opened_ns = opened_ns,
        .debit_max = {e->has_debit_balance_max, e->debit_balance_max},
        .credit_max = {e->has_credit_balance_max, e->credit_balance_max},
        .credit_min = {e->has_credit_balance_min, e->credit_balance_min},
    };
    next_changed_version(a);
}

static void reference_updated(struct reference *r, const struct account_updated *e)
{
    struct ref_account *a = account_of(r, e->account_id);
    if ((a->flags & ACCOUNT_FLAGS_MANAGED) != 0 &&
        (e->has_debit_balance_max || e->has_credit_balance_max || e->has_credit_balance_min))
        broken("the ledger limits an account that a service manages");
    a->debit_max = (struct ref_limit){e->has_debit_balance_max, e->debit_balance_max};
    a->credit_max = (struct ref_limit){e->has_credit_balance_max, e->credit_balance_max};
    a->credit_min = (struct ref_limit){e->has_credit_balance_min, e->credit_balance_min};
    next_changed_version(a);
}

static void reference_marked(struct reference *r, const struct account_marked *e)
{
    struct ref_account *a = account_of(r, e->account_id);
    const uint32_t frozen = ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN;
    if (e->change != ENTRY_KIND_UNFROZEN && (a->flags & ~e->flags & frozen) != 0)
        broken("what is frozen is lifted by something that is no unfreeze");
    if (e->change != ENTRY_KIND_FROZEN && (e->flags & ~a->flags & frozen) != 0)
        broken("an account is frozen by something that is no freeze");
    if ((a->flags & ACCOUNT_FLAGS_MANAGED) != 0 && (e->flags & frozen) != 0)
        broken("the ledger freezes an account that a service manages");
    if (((a->flags ^ e->flags) & ACCOUNT_FLAGS_MANAGED) != 0)
        broken("an account changes its manager");
    if ((e->flags & ~a->flags & ACCOUNT_FLAGS_CLOSED) != 0 && ref_transit_keeps(r, a->id))
        broken("an account is closed that keeps something aside for another shard");
    a->flags = e->flags;
    next_changed_version(a);
}

static void reference_posted(struct reference *r, const struct transfer_posted *e, uint64_t time_ns,
                             struct ref_effects *f)
{
    struct ref_account *debit = account_of(r, e->debit_account_id);
    struct ref_account *credit = account_of(r, e->credit_account_id);
    check_sides(debit, credit);
    check_open(debit, credit);
    reference_add(&debit->now.debits_posted, e->amount);
    reference_add(&credit->now.credits_posted, e->amount);
    check_limits(debit, credit);
    reference_next_version(debit);
    reference_next_version(credit);
    const struct times_claim claim = {
        e->has_effective_time, e->effective_time, e->flags, debit, credit, NULL};
    uint64_t effective_ns = times_of_transfer(r, &claim, time_ns);
    struct ref_transfer *t = reference_add_transfer(r, e->id, REF_POSTED);
    t->effective_ns = effective_ns;
    t->debit = debit->id;
    t->credit = credit->id;
    t->currency = e->currency;
    t->flags = e->flags;
    t->amount = e->amount;
    t->reverses = e->reverses_id;
    if ((e->flags & TRANSFER_FLAGS_MANAGED) != 0)
        f->managed++;
    else if (((debit->flags | credit->flags) & ACCOUNT_FLAGS_MANAGED) != 0)
        f->adjusted++;
    if (f->posted++ == 0) {
        f->posted_from = debit->id;
        f->posted_to = credit->id;
    }
    f->posted_amount += e->amount;
}

static void reference_pending(struct reference *r, const struct transfer_pending *e,
                              uint64_t time_ns, struct ref_effects *f)
{
    struct ref_account *debit = account_of(r, e->debit_account_id);
    struct ref_account *credit = account_of(r, e->credit_account_id);
    check_sides(debit, credit);
    check_open(debit, credit);
    reference_add(&debit->now.debits_pending, e->amount);
    reference_add(&credit->now.credits_pending, e->amount);
    check_limits(debit, credit);
    reference_next_version(debit);
    reference_next_version(credit);
    close_sides(debit, credit, e->flags, true);
    const struct times_claim claim = {
        e->has_effective_time, e->effective_time, e->flags, debit, credit, NULL};
    uint64_t effective_ns = times_of_transfer(r, &claim, time_ns);
    struct ref_transfer *t = reference_add_transfer(r, e->id, REF_PENDING);
    t->effective_ns = effective_ns;
    t->debit = debit->id;
    t->credit = credit->id;
    t->currency = e->currency;
    t->flags = e->flags;
    t->amount = t->held = e->amount;
    t->due_ns = e->has_timeout_s ? time_ns + (uint64_t)e->timeout_s * NS_PER_S : 0;
    t->open = true;
    bool managed = (e->flags & TRANSFER_FLAGS_MANAGED) != 0;
    if (!managed && ((debit->flags | credit->flags) & ACCOUNT_FLAGS_MANAGED) != 0)
        broken("the ledger keeps money aside that a service manages");
    f->managed += managed;
    f->pending++;
    f->pending_from = debit->id;
    f->pending_to = credit->id;
    f->pending_amount += e->amount;
}

static struct ref_transfer *open_transfer(const struct reference *r, struct id128 id)
{
    struct ref_transfer *t = transfer_here(r, id);
    if (t == NULL || t->kind != REF_PENDING)
        broken("an event resolves a transfer that was never pending");
    if (!t->open)
        broken("a pending transfer is resolved twice");
    return t;
}

/* `amount` moves, `released` goes back. */
static void reference_resolve(struct reference *r, struct ref_transfer *t, u128 amount,
                              u128 released, bool posts)
{
    struct ref_account *debit = account_of(r, t->debit);
    struct ref_account *credit = account_of(r, t->credit);
    if (t->crosses || amount > t->held || released > t->held - amount)
        broken("a pending transfer gives more than it holds, or without its other half");
    t->held -= amount + released;
    t->posted += amount;
    reference_take(&debit->now.debits_pending, amount + released);
    reference_take(&credit->now.credits_pending, amount + released);
    reference_add(&debit->now.debits_posted, amount);
    reference_add(&credit->now.credits_posted, amount);
    t->open = t->held > 0;
    reference_next_version(debit);
    reference_next_version(credit);
    if (!t->open && !posts)
        close_sides(debit, credit, t->flags, false);
}

static void reference_resolved(struct reference *r, const struct transfer_resolved *e,
                               uint64_t time_ns, struct ref_effects *f)
{
    if (ref_halves_resolved(r, e, time_ns, f))
        return;
    struct ref_transfer *t = open_transfer(r, e->pending_id);
    if (t->due_ns != 0 && time_ns >= t->due_ns)
        broken("a pending transfer is resolved after its time");
    if (((e->flags ^ t->flags) & TRANSFER_FLAGS_MANAGED) != 0)
        broken("a transfer is resolved by another than the one that made it");
    bool posts = (e->flags & TRANSFER_FLAGS_POST_PENDING) != 0;
    if (!posts && e->amount != 0)
        broken("a void moves money");
    reference_resolve(r, t, e->amount, e->released, posts);
    if (t->held != e->remaining)
        broken("what remains of a pending transfer is not what the event says");
    f->managed += (e->flags & TRANSFER_FLAGS_MANAGED) != 0;
    f->resolved++;
    f->resolved_id = e->pending_id;
    f->resolved_amount += e->amount;
    f->released_amount += e->released;
    const struct times_claim claim = {e->has_effective_time,   e->effective_time,        e->flags,
                                      account_of(r, t->debit), account_of(r, t->credit), t};
    uint64_t effective_ns = times_of_transfer(r, &claim, time_ns);
    struct ref_transfer copy = *t;
    t = reference_add_transfer(r, e->id, REF_RESOLVED); /* moves the others */
    t->effective_ns = effective_ns;
    t->debit = copy.debit;
    t->credit = copy.credit;
    t->currency = copy.currency;
    t->flags = e->flags;
    t->amount = e->amount;
}

static void reference_expired(struct reference *r, const struct transfer_expired *e,
                              uint64_t time_ns, struct ref_effects *f)
{
    struct ref_transfer *t = open_transfer(r, e->pending_id);
    if (t->due_ns == 0 || time_ns < t->due_ns)
        broken("a pending transfer expires before its time");
    if (t->crosses)
        ref_halves_end(r, t);
    else
        reference_resolve(r, t, 0, t->held, false);
    t->open = false;
    f->expired++;
}

struct ref_transaction *reference_transaction(const struct reference *r, uint16_t shard,
                                              struct id128 id)
{
    for (uint32_t i = 0; i < r->transaction_count; i++)
        if (r->transactions[i].shard == shard && id128_equal(r->transactions[i].id, id))
            return &r->transactions[i];
    return NULL;
}

static void reference_reversed(struct reference *r, const struct transfer_reversed *e)
{
    struct ref_transaction *whole = reference_transaction(r, r->shard, e->transfer_id);
    if (whole != NULL) {
        if (whole->reversed || reference_transaction(r, r->shard, e->reversal_id) == NULL)
            broken("a transaction is reversed twice, or by nothing");
        whole->reversed = true;
        return;
    }
    if (ref_transit_reverses(r, e->transfer_id, e->reversal_id))
        return;
    struct ref_transfer *t = transfer_here(r, e->transfer_id);
    struct ref_transfer *back = transfer_here(r, e->reversal_id);
    if (t == NULL || back == NULL || t->reversed)
        broken("a transfer is reversed twice, or by nothing");
    if (back->amount != t->amount || !id128_equal(back->debit, t->credit) ||
        !id128_equal(back->credit, t->debit))
        broken("a reversal does not move back what was moved");
    if ((t->flags & TRANSFER_FLAGS_MANAGED) != 0)
        broken("the ledger reverses what a service moved");
    times_of_reversal(t, back);
    t->reversed = true;
}

/* The shard that decides one of another shard's transfers keeps its id as well. */
static void reference_refused(struct reference *r, const struct transfer_refused *e)
{
    if (!ref_transit_decides(r, e->id))
        reference_add_transfer(r, e->id, REF_REFUSED);
}

/* Its transfers are in the same record, before it. */
static void reference_recorded(struct reference *r, const struct transaction_recorded *e)
{
    if (reference_transaction(r, r->shard, e->transaction_id) != NULL)
        broken("a transaction is recorded twice");
    for (uint32_t i = 0; i < e->transfers_count; i++)
        if (!e->transfers[i].has_home && transfer_here(r, e->transfers[i].transfer_id) == NULL)
            broken("a transaction without one of its transfers");
    array_reserve(r->transactions, r->transaction_cap, r->transaction_count + 1);
    r->transactions[r->transaction_count++] =
        (struct ref_transaction){.id = e->transaction_id, .shard = r->shard};
}

/* --- events of wallets and payments ----------------------------------------------------------- */

static void wallet_is_opened(struct reference *r, const struct wallet_opened *e)
{
    if (reference_wallet(r, e->wallet_id) != NULL)
        broken("a wallet is opened twice");
    account_of(r, e->wallet_id);
    for (uint32_t i = 0; i < r->wallet_count; i++)
        if (id128_equal(r->wallets[i].owner, e->owner_id) &&
            r->wallets[i].currency == e->currency && r->wallets[i].status != WALLET_STATUS_CLOSED)
            broken("an owner has two wallets of one currency");
    array_reserve(r->wallets, r->wallet_cap, r->wallet_count + 1);
    r->wallets[r->wallet_count++] = (struct ref_wallet){
        .id = e->wallet_id,
        .tenant = e->tenant_id,
        .owner = e->owner_id,
        .currency = e->currency,
        .status = WALLET_STATUS_ACTIVE,
    };
}

static struct ref_wallet *wallet_of(const struct reference *r, struct id128 id)
{
    struct ref_wallet *w = reference_wallet(r, id);
    if (w == NULL)
        broken("an event names a wallet that was never opened");
    return w;
}

static void hold_is_placed(struct reference *r, const struct wallet_hold_placed *e,
                           uint64_t time_ns)
{
    const struct ref_transfer *t = transfer_here(r, e->hold_id);
    if (t == NULL || t->kind != REF_PENDING || t->amount != e->amount ||
        !id128_equal(t->debit, e->wallet_id))
        broken("a hold without its pending transfer");
    spending_use(wallet_of(r, e->wallet_id), e->amount, time_ns);
    array_reserve(r->holds, r->hold_cap, r->hold_count + 1);
    r->holds[r->hold_count++] = (struct ref_hold){
        .id = e->hold_id,
        .wallet = e->wallet_id,
        .amount = e->amount,
        .remaining = e->amount,
        .created_ns = time_ns,
        .expires_ns = e->expires_at,
    };
}

static struct ref_hold *hold_of(const struct reference *r, struct id128 id)
{
    struct ref_hold *h = reference_hold(r, id);
    if (h == NULL || h->remaining == 0)
        broken("an event uses a hold that is not open");
    return h;
}

static void hold_is_captured(struct reference *r, const struct wallet_hold_captured *e,
                             struct ref_effects *f)
{
    struct ref_hold *h = hold_of(r, e->hold_id);
    if (e->amount > h->remaining || e->released > h->remaining - e->amount)
        broken("a hold gives more than it holds");
    bool promised = spending_promised(r, h, e, f);
    h->captured += e->amount;
    h->remaining -= e->amount + e->released;
    spending_return(wallet_of(r, h->wallet), e->released, h->created_ns);
    if (!promised)
        spending_capture(wallet_of(r, h->wallet), f);
}

static void hold_is_ended(struct reference *r, struct ref_hold *h)
{
    if (h->capturing != 0)
        broken("a hold ends that another shard is asked about");
    spending_return(wallet_of(r, h->wallet), h->remaining, h->created_ns);
    h->remaining = 0;
}

static void hold_is_extended(struct ref_hold *h, const struct wallet_hold_extended *e)
{
    if (h->remaining == 0 || h->capturing != 0 || e->expires_at <= h->expires_ns)
        broken("a hold is extended that is not open, or to an earlier end");
    h->expires_ns = e->expires_at;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void wallet_event(struct reference *r, const struct message_type *type, const void *event,
                         uint64_t time_ns, struct ref_effects *f)
{
    if (type == &wallet_opened_type) {
        wallet_is_opened(r, event);
    } else if (type == &wallet_hold_placed_type) {
        hold_is_placed(r, event, time_ns);
    } else if (type == &wallet_hold_captured_type) {
        hold_is_captured(r, event, f);
    } else if (type == &wallet_hold_released_type) {
        hold_is_ended(r, hold_of(r, ((const struct wallet_hold_released *)event)->hold_id));
    } else if (type == &wallet_hold_expired_type) {
        struct ref_hold *h = hold_of(r, ((const struct wallet_hold_expired *)event)->hold_id);
        if (time_ns < h->expires_ns)
            broken("a hold expires before its time");
        hold_is_ended(r, h);
    } else if (type == &wallet_hold_extended_type) {
        const struct wallet_hold_extended *e = event;
        hold_is_extended(hold_of(r, e->hold_id), e);
    } else {
        spending_event(r, type, event, time_ns, f);
    }
}

void reference_end(struct reference *r, const struct ref_effects *effects)
{
    ref_groups_end(r);
    spending_check_passing(r, &effects->passing);
}

void reference_apply(struct reference *r, uint16_t shard, const struct message_type *type,
                     const void *event, uint64_t time_ns, struct ref_effects *effects)
{
    r->shard = shard;
    r->steps++;
    effects->events++;
    if (type == &account_opened_type) {
        reference_opened(r, event, time_ns);
    } else if (type == &account_marked_type) {
        reference_marked(r, event);
    } else if (type == &account_updated_type) {
        reference_updated(r, event);
    } else if (type == &transfer_posted_type) {
        reference_posted(r, event, time_ns, effects);
    } else if (type == &transfer_pending_type) {
        reference_pending(r, event, time_ns, effects);
    } else if (type == &transfer_resolved_type) {
        reference_resolved(r, event, time_ns, effects);
    } else if (type == &transfer_expired_type) {
        reference_expired(r, event, time_ns, effects);
    } else if (type == &transfer_refused_type) {
        reference_refused(r, event);
    } else if (ref_transit_event(r, type, event, time_ns, effects) ||
               ref_groups_event(r, type, event, time_ns, effects)) {
        return;
    } else if (type == &transfer_reversed_type) {
        reference_reversed(r, event);
    } else if (type == &transfer_noted_type) {
        effects->reasons += ((const struct transfer_noted *)event)->has_reason;
    } else if (type == &transaction_recorded_type) {
        reference_recorded(r, event);
    } else {
        wallet_event(r, type, event, time_ns, effects);
        ref_payments_event(r, type, event, time_ns, effects);
    }
}

uint64_t reference_last_due(const struct reference *r)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < r->transfer_count; i++)
        if (r->transfers[i].open && r->transfers[i].due_ns > last)
            last = r->transfers[i].due_ns;
    for (uint32_t i = 0; i < r->hold_count; i++)
        if (r->holds[i].remaining > 0 && r->holds[i].expires_ns > last)
            last = r->holds[i].expires_ns;
    for (uint32_t i = 0; i < r->payment_count; i++) {
        const struct ref_payment *p = &r->payments[i];
        uint64_t due_ns = p->remaining > 0               ? p->expires_ns
                          : p->declined && !p->forgotten ? p->created_ns + PAYMENT_DECLINED_NS
                                                         : 0;
        if (due_ns > last)
            last = due_ns;
    }
    return last;
}
