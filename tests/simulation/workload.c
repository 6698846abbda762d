/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations share, and the choice among them. */
#include "tests/simulation/workload.h"

#include <string.h>

#include "actors/common/owner_id.h"
#include "actors/forex/pair.h"
#include "actors/wallet/owner.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/currency.h"
#include "tests/simulation/model/ref_halves.h"
#include "tests/simulation/model/ref_total.h"
#include "tests/simulation/verdict.h"

#define OWNERS_MAX 12
#define PAYERS_TRIED 8
#define PAYEES_TRIED 12
#define THINGS_TRIED 16
#define CHOICES_MAX 40
#define WALLETS_MIN 3   /* soon, where they are in focus */
#define FOCUS_FACTOR 12 /* operations of the group in focus are so much likelier */
#define FOLLOW_FACTOR 8 /* and those of a hold or payment, while there is one, or that make one */

const uint16_t workload_currencies[SWARM_CURRENCIES_MAX] = {840, 392, 978}; /* USD, JPY, EUR */

static struct principal workload_somebody(const struct run *run, const char *subject)
{
    const struct run_tenant *t = &run->tenants[run->acting];
    struct principal who = {.tenant = t->name, .subject = slice_of(subject)};
    who.client = who.subject;
    who.token_id = (struct id128){0, run->request_count % 3}; /* two tokens, or none */
    principal_identify(&who);
    check(id128_equal(who.tenant_id, t->id));
    return who;
}

struct principal workload_owner(const struct run *run, uint32_t n)
{
    static const char *const names[OWNERS_MAX] = {"ada",  "bob",  "cleo", "dan", "eve", "fay",
                                                  "gus",  "hana", "ivo",  "jo",  "kim", "lea"};
    return workload_somebody(run, names[n % OWNERS_MAX]);
}

struct principal workload_clerk(const struct run *run)
{
    struct principal who = workload_somebody(run, "clerk");
    who.any_owner = true;
    return who;
}

struct principal workload_bookkeeper(struct run *run)
{
    struct principal who = workload_clerk(run);
    who.adjusts = workload_chance(run, 2);
    return who;
}

void workload_reason(struct run *run, bool *given, struct slice *reason)
{
    *given = !workload_chance(run, 4);
    *reason = slice_of("A mistake");
}

struct principal workload_operator(void)
{
    struct principal who = {.tenant = slice_of("operator"), .subject = slice_of("somebody")};
    who.client = who.subject;
    who.any_owner = who.operator = true;
    principal_identify(&who);
    return who;
}

struct principal workload_principal(struct run *run, struct id128 owner_id)
{
    if (workload_chance(run, 4))
        return workload_clerk(run);
    if (workload_chance(run, 20))
        return workload_owner(run, (uint32_t)rng_below(&run->rng, OWNERS_MAX));
    for (uint32_t i = 0; i < OWNERS_MAX; i++) {
        struct principal who = workload_owner(run, i);
        if (id128_equal(who.subject_id, owner_id))
            return who;
    }
    return workload_clerk(run);
}

bool workload_chance(struct run *run, uint32_t one_in)
{
    return rng_below(&run->rng, one_in) == 0;
}

/* Through which the money of wallets comes and goes; NULL if there is none yet. */
static const struct ref_account *workload_clearing(const struct run *run,
                                                   const struct ref_account *beside)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; beside != NULL && i < r->account_count; i++) {
        const struct ref_account *a = &r->accounts[i];
        if ((a->flags & ACCOUNT_FLAGS_MANAGED) != 0 && a->currency == beside->currency &&
            id128_equal(a->tenant, beside->tenant) &&
            reference_home(r, a->id) == reference_home(r, beside->id) &&
            reference_wallet(r, a->id) == NULL)
            return a;
    }
    return NULL;
}

u128 workload_rest(const struct run *run, const struct ref_account *a)
{
    const struct reference *r = &run->reference;
    const struct ref_total t = ref_total_of(r, a->tenant, a->currency, reference_home(r, a->id));
    return U128_MAX - t.counters.debits_posted - t.counters.debits_pending;
}

u128 workload_edge(struct run *run, const struct ref_account *from, const struct ref_account *to,
                   bool pending)
{
    static const struct ref_counters nothing;
    const struct ref_counters *d = from == NULL ? &nothing : &from->now;
    const struct ref_counters *c = to == NULL ? &nothing : &to->now;
    const u128 sums[] = {pending ? d->debits_pending : 0,
                         pending ? c->credits_pending : 0,
                         d->debits_posted,
                         c->credits_posted,
                         d->debits_posted + d->debits_pending,
                         c->credits_posted + c->credits_pending};
    if (from != NULL && workload_chance(run, 6))
        return workload_rest(run, from);
    /* Of credits it is seldom the first that does not fit. */
    size_t credits = workload_chance(run, 2) ? 1 + 2 * rng_below(&run->rng, 3) : array_len(sums);
    u128 before = 0, edge = U128_MAX;
    uint32_t count = 0;
    for (size_t i = 0; i < array_len(sums); i++) {
        if (sums[i] <= before)
            continue;
        before = sums[i];
        if (rng_below(&run->rng, ++count) == 0 || i == credits)
            edge = U128_MAX - sums[i];
        if (i == credits)
            break;
    }
    return edge + (count > 0 && !workload_chance(run, 6));
}

u128 workload_moved(struct run *run, u128 amount, struct id128 from, struct id128 to, bool pending)
{
    const struct ref_account *debit = reference_account(&run->reference, from);
    const struct ref_account *credit = reference_account(&run->reference, to);
    bool promised = run->swarm.edge_ppm > 0 && credit != NULL && credit->now.credits_pending > 0;
    if (!rng_chance(&run->rng, run->swarm.edge_ppm) && !(promised && workload_chance(run, 4)))
        return amount;
    return workload_edge(run, debit == NULL ? workload_clearing(run, credit) : debit,
                         credit == NULL ? workload_clearing(run, debit) : credit, pending);
}

u128 workload_amount(struct run *run)
{
    return (u128)(1 + rng_below(&run->rng, run->swarm.amount_max)) << run->swarm.amount_shift;
}

u128 workload_part(struct run *run, u128 left)
{
    return 1 + rng_below(&run->rng, left < UINT64_MAX / 2 ? (uint64_t)left + 2 : UINT64_MAX / 2);
}

struct decimal workload_decimal(u128 minor, uint16_t currency)
{
    const struct currency *c = currency_by_number(currency);
    check(c != NULL);
    return (struct decimal){minor, c->decimals};
}

struct metadata workload_pairs(struct run *run)
{
    static struct metadata_pair pairs[] = {
        {{"order", 5}, {"17", 2}}, {{"order", 5}, {"18", 2}}, {{"table", 5}, {"7", 1}}};
    return (struct metadata){&pairs[rng_below(&run->rng, array_len(pairs))], 1};
}

uint16_t workload_currency(struct run *run)
{
    return workload_currencies[rng_below(&run->rng, run->swarm.currencies)];
}

/* Of about now by the client's clock, or one that is wrong, or has no time at all. */
static struct id128 workload_id_of(struct run *run, uint16_t slot)
{
    static const uint64_t wrong_ms[] = {1500, 5000, 60000, 700000, 3600000, 86400000};
    uint64_t random = rng_next(&run->rng), ms = run_wall_ns(run) / NS_PER_MS;
    uint64_t by_ms = rng_below(&run->rng, wrong_ms[rng_below(&run->rng, array_len(wrong_ms))]);
    if (workload_chance(run, 12))
        return (struct id128){rng_next(&run->rng) >> 1 << (random & 1), random << 16 | slot};
    if (workload_chance(run, 4))
        ms = random % 2 == 0 ? ms + by_ms : ms - by_ms;
    return id128_make(ms, random, slot);
}

struct id128 workload_id_in(struct run *run, uint16_t shard)
{
    const struct slot_range range = run->reference.slots->ranges[shard];
    return workload_id_of(run, slot_range_pick(range, (uint16_t)rng_next(&run->rng)));
}

struct id128 workload_new_id(struct run *run, uint16_t shard)
{
    uint16_t shards = run->swarm.shards;
    if (shards > 1 && rng_chance(&run->rng, run->swarm.crossing_ppm))
        shard = (uint16_t)rng_below(&run->rng, shards);
    return workload_id_in(run, shard);
}

uint16_t workload_shard(struct run *run)
{
    if (run->swarm.shards > 1 && workload_chance(run, 3))
        return (uint16_t)rng_below(&run->rng, run->swarm.shards);
    return run_home(run, run->tenants[run->acting].id);
}

uint32_t workload_expiry_s(struct run *run)
{
    return 1 + (uint32_t)rng_below(&run->rng, run->swarm.expiry_s_max);
}

static bool workload_acts(struct run *run, struct id128 tenant)
{
    return id128_equal(run->tenants[run->acting].id, tenant);
}

static bool take_any(struct run *run)
{
    return rng_chance(&run->rng, run->swarm.crossing_ppm);
}

const struct ref_account *workload_account(struct run *run)
{
    const struct reference *r = &run->reference;
    const struct ref_account *a = NULL;
    for (int i = 0; i < THINGS_TRIED && r->account_count > 0; i++) {
        a = &r->accounts[rng_below(&run->rng, r->account_count)];
        bool wanted = (a->flags & ACCOUNT_FLAGS_MANAGED) == 0 || workload_chance(run, 4);
        if ((wanted && workload_acts(run, a->tenant)) || take_any(run))
            break;
    }
    return a;
}

const struct ref_wallet *workload_wallet(struct run *run)
{
    const struct reference *r = &run->reference;
    const struct ref_wallet *w = NULL;
    for (int i = 0; i < THINGS_TRIED && r->wallet_count > 0; i++) {
        w = &r->wallets[rng_below(&run->rng, r->wallet_count)];
        if (workload_acts(run, w->tenant) || take_any(run))
            break;
    }
    return w;
}

const struct ref_wallet *workload_promised(struct run *run)
{
    const struct reference *r = &run->reference;
    const struct ref_wallet *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->wallet_count; i++) {
        const struct ref_wallet *w = &r->wallets[i];
        if (workload_acts(run, w->tenant) && reference_account(r, w->id)->now.credits_pending > 0 &&
            rng_below(&run->rng, ++count) == 0)
            found = w;
    }
    return found;
}

u128 workload_available(const struct run *run, const struct ref_wallet *w)
{
    const struct ref_counters *c = &reference_account(&run->reference, w->id)->now;
    u128 spent = c->debits_posted + c->debits_pending;
    return c->credits_posted > spent ? c->credits_posted - spent : 0;
}

/* The least that does not fit; 0: everything does. */
static u128 workload_least_beyond(struct run *run, const struct ref_wallet *to)
{
    const struct ref_counters *c = &reference_account(&run->reference, to->id)->now;
    bool beside_promises = c->credits_pending > 0 && !workload_chance(run, 3);
    u128 sum = c->credits_posted + (beside_promises ? c->credits_pending : 0);
    return U128_MAX - sum + 1;
}

/* Of a promised one, what is beyond all it will have. */
static bool workload_fits_pair(struct run *run, bool has, const struct workload_pair *pair)
{
    const struct reference *r = &run->reference;
    u128 available = workload_available(run, pair->from);
    if (has || pair->amount == 0)
        return pair->amount != 0 && pair->amount <= available;
    return reference_account(r, pair->to->id)->now.credits_pending > 0 &&
           pair->amount > available &&
           pair->amount <= workload_rest(run, reference_account(r, pair->from->id)) / 2;
}

bool workload_overfull(struct run *run, bool has, struct workload_pair *found)
{
    const struct reference *r = &run->reference;
    uint32_t count = 0;
    if (run->swarm.edge_ppm == 0 || run->swarm.shards == 1)
        return false;
    for (uint32_t i = 0; i < r->wallet_count * r->wallet_count; i++) {
        struct workload_pair pair = {.from = &r->wallets[i / r->wallet_count],
                                     .to = &r->wallets[i % r->wallet_count]};
        const struct ref_wallet *from = pair.from, *to = pair.to;
        if (!workload_acts(run, from->tenant) || !id128_equal(from->tenant, to->tenant) ||
            from->currency != to->currency || from->status != WALLET_STATUS_ACTIVE ||
            to->status != WALLET_STATUS_ACTIVE || from->per_transaction.given ||
            from->per_day.given || run_home(run, from->id) == run_home(run, to->id))
            continue;
        pair.amount = workload_least_beyond(run, to);
        if (workload_fits_pair(run, has, &pair) && rng_below(&run->rng, ++count) == 0)
            *found = pair;
    }
    return count > 0;
}

const struct ref_wallet *workload_payer(struct run *run)
{
    const struct ref_wallet *w = workload_wallet(run);
    for (int i = 0; i < PAYERS_TRIED && w != NULL && workload_available(run, w) == 0; i++)
        w = workload_wallet(run);
    return w;
}

const struct ref_wallet *workload_payee(struct run *run, const struct ref_wallet *from)
{
    const struct ref_wallet *to = workload_wallet(run);
    bool away = run->swarm.shards > 1 && workload_chance(run, 2);
    for (int i = 0; i < PAYEES_TRIED; i++) {
        bool there = away == (run_home(run, to->id) != run_home(run, from->id));
        if (to != from && to->currency == from->currency && there)
            break;
        to = workload_wallet(run);
    }
    return to;
}

u128 workload_payable(struct run *run, const struct ref_wallet *w)
{
    u128 amount = workload_amount(run), most = workload_available(run, w);
    return amount > most && most > 0 && !workload_chance(run, 6) ? 1 + amount % most : amount;
}

bool workload_cut(const struct run *run, struct id128 first, struct id128 second)
{
    const uint64_t *until_ns = run->network.cut_ns, now_ns = run->world.now_ns;
    return now_ns < until_ns[run_home(run, first)] || now_ns < until_ns[run_home(run, second)];
}

/* --- choosing --------------------------------------------------------------------------------- */

static const struct operation *operation_at(uint32_t i, enum swarm_focus *group)
{
    *group = SWARM_LEDGER;
    if (i < account_operation_count)
        return &account_operations[i];
    i -= account_operation_count;
    if (i < ledger_operation_count)
        return &ledger_operations[i];
    i -= ledger_operation_count;
    *group = SWARM_WALLETS;
    if (i < wallet_operation_count)
        return &wallet_operations[i];
    i -= wallet_operation_count;
    *group = SWARM_PAYMENTS;
    if (i < payment_operation_count)
        return &payment_operations[i];
    *group = SWARM_TALLIES;
    i -= payment_operation_count;
    if (i < tally_operation_count)
        return &tally_operations[i];
    *group = SWARM_RATES;
    return &forex_operations[i - tally_operation_count];
}

/* Does it go on with a hold, payment or transfer that is there, or make one if none is? */
static bool operation_follows(const struct operation *o, bool some)
{
    static const char *const on[] = {"capture",
                                     "release",
                                     "hold_longer",
                                     "refund",
                                     "cancel",
                                     "payment_longer",
                                     "payment_more",
                                     "post_held",
                                     "void_held",
                                     "transfer_resolving",
                                     "reverse",
                                     "transaction",
                                     "transaction_reversed",
                                     "payee_closes",
                                     "payee_filled"};
    static const char *const first[] = {"hold", "pay", "authorize"};
    const char *const *names = some ? on : first;
    for (size_t i = 0; i < (some ? array_len(on) : array_len(first)); i++)
        if (strcmp(o->name, names[i]) == 0)
            return true;
    return false;
}

/* Is anything kept aside, or paid and not given back? */
static bool some_open(const struct run *run)
{
    const struct reference *r = &run->reference;
    if (r->transfer_count > 0 && run->swarm.focus == SWARM_LEDGER)
        return true;
    for (uint32_t i = 0; i < r->hold_count; i++)
        if (r->holds[i].remaining > 0)
            return true;
    for (uint32_t i = 0; i < r->payment_count; i++)
        if (r->payments[i].remaining > 0 || r->payments[i].captured > r->payments[i].refunded)
            return true;
    return false;
}

static uint32_t weight_of(const struct swarm *s, uint32_t i, bool some)
{
    enum swarm_focus group;
    const struct operation *o = operation_at(i, &group);
    return s->weights[i] * (group == s->focus ? FOCUS_FACTOR : 1) *
           (operation_follows(o, some) ? FOLLOW_FACTOR : 1);
}

static const struct operation *operation_named(const struct operation *all, const char *name)
{
    while (strcmp(all->name, name) != 0)
        all++;
    return all;
}

static const struct operation *ledger_operation(const char *name)
{
    return operation_named(ledger_operations, name);
}

/* What is of interest now: the books of a moment, while something has ended in one shard and not
 * yet in the other; more than a wallet can take, while something is on its way to it; what another
 * shard is asked for while it is cut off. NULL: nothing. */
static const struct operation *workload_timely(struct run *run)
{
    bool cut = false, coming = false;
    for (uint32_t i = 0; i < run->reference.half_count; i++)
        coming |= run->reference.halves[i].coming;
    if (coming && workload_chance(run, 2))
        return ledger_operation("held_ends");
    if (ref_halves_ending(&run->reference) && workload_chance(run, 3))
        return ledger_operation("trial_balance_then");
    if (run->swarm.edge_ppm > 0 && run->swarm.shards > 1 && workload_promised(run) != NULL &&
        workload_chance(run, 6))
        return operation_named(wallet_operations, "wallet_overfilled");
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        cut |= run->world.now_ns < run->network.cut_ns[i];
    if (run->swarm.shards > 2 && workload_chance(run, workload_deaf(run) && !coming ? 2 : 16))
        return ledger_operation("transaction_held");
    if (run->swarm.shards > 1 && workload_chance(run, 12))
        return ledger_operation("transfer_held");
    if (run->swarm.shards == 1)
        return NULL;
    if (!workload_chance(run, cut ? 2 : 12))
        return workload_chance(run, 10) ? ledger_operation("bulk_beside") : NULL;
    if (workload_chance(run, 3))
        return ledger_operation(workload_chance(run, 2) ? "reverse" : "crossing_reversed");
    return ledger_operation("post_held");
}

static const struct operation *workload_choose(struct run *run)
{
    enum swarm_focus group;
    const struct operation *timely = workload_timely(run);
    if (timely != NULL)
        return timely;
    uint32_t count = account_operation_count + ledger_operation_count + wallet_operation_count +
                     payment_operation_count + tally_operation_count + forex_operation_count;
    check(count <= SWARM_OPERATIONS_MAX);
    uint64_t sum = 0;
    bool some = some_open(run);
    for (uint32_t i = 0; i < count; i++)
        sum += weight_of(&run->swarm, i, some);
    if (sum == 0)
        return operation_at(0, &group);
    uint64_t drawn = rng_below(&run->rng, sum);
    uint32_t i = 0;
    while (drawn >= weight_of(&run->swarm, i, some))
        drawn -= weight_of(&run->swarm, i++, some);
    return operation_at(i, &group);
}

static uint32_t own_accounts(struct run *run)
{
    const struct reference *r = &run->reference;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->account_count; i++)
        count += workload_acts(run, r->accounts[i].tenant);
    return count;
}

static uint32_t own_wallets(struct run *run)
{
    const struct reference *r = &run->reference;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->wallet_count; i++)
        count += workload_acts(run, r->wallets[i].tenant);
    return count;
}

/* An owner has one of each currency, and not too many. */
static uint32_t wallets_wanted(const struct run *run)
{
    uint32_t each = run->swarm.currencies;
    if (each > OWNER_WALLETS_MAX)
        each = OWNER_WALLETS_MAX;
    uint32_t most = run->swarm.owners * each;
    return most < WALLETS_MIN ? most : WALLETS_MIN;
}

static bool own_money(struct run *run)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < r->wallet_count; i++)
        if (workload_acts(run, r->wallets[i].tenant) && workload_available(run, &r->wallets[i]) > 0)
            return true;
    return false;
}

static bool few_things(struct run *run)
{
    uint32_t accounts = own_accounts(run);
    if (accounts < 2)
        return true;
    if (run->swarm.focus != SWARM_LEDGER &&
        (own_wallets(run) < wallets_wanted(run) || !own_money(run)))
        return workload_chance(run, 2);
    return accounts < run->swarm.accounts_max && workload_chance(run, 6);
}

/* The first of each list makes what the others need, and wallets need money. */
static const struct operation *workload_found(struct run *run)
{
    if (workload_chance(run, run->swarm.focus == SWARM_LEDGER ? 2 : 6))
        return &account_operations[0];
    return own_wallets(run) >= wallets_wanted(run) ? &wallet_operations[1] : &wallet_operations[0];
}

/* --- where it belongs ------------------------------------------------------------------------- */

/* The id that decides the shard, if it is not named as the target; zero = any will do. */
static struct id128 workload_named(const struct request *q)
{
    const union request_body *b = &q->body;
    const struct transfer_spec *first = &q->items.transfers[0];
    const struct transfer_create *single = &q->items.singles[0];
    if (q->type == &account_create_type && !b->account_create.has_account_id &&
        b->account_create.has_owner)
        return owner_id_of(&q->who, b->account_create.owner);
    if (q->type == &account_create_type)
        return b->account_create.account_id;
    if (q->type == &accounts_create_type)
        return q->items.accounts[0].id;
    if (q->type == &transaction_create_type)
        return b->transaction_create.legs_count > 0 ? q->items.legs[0].debit_account_id
                                                    : ID128_ZERO;
    if (q->type == &transfers_create_type)
        return id128_is_zero(first->debit_account_id) ? first->pending_id
                                                      : first->debit_account_id;
    if (q->type == &transfers_batch_type)
        return id128_is_zero(single->debit_account_id) ? single->pending_id
                                                       : single->debit_account_id;
    if (q->type->target_kind == KIND_PAIR)
        return pair_id((struct pair_name){0}); /* all are in shard 0 */
    if (q->type == &wallet_open_type && b->wallet_open.has_user_id)
        return owner_id_of(&q->who, b->wallet_open.user_id);
    return q->type == &wallet_open_type ? q->who.subject_id : ID128_ZERO;
}

uint16_t workload_found_in(const struct run *run, struct id128 id, uint16_t kind)
{
    const struct reference *r = &run->reference;
    uint16_t home = run_home(run, id);
    for (uint16_t i = 0; kind == KIND_TRANSFER && i < run->swarm.shards; i++) {
        uint16_t shard = (uint16_t)((home + i) % run->swarm.shards);
        if (reference_transfer(r, shard, id) != NULL || reference_transaction(r, shard, id) != NULL)
            return shard;
    }
    return home;
}

/* A reversal is decided where the account is that gives the money back, if it knows of it, or where
 * the group was asked for that made the transfer. */
static uint16_t reversed_in(const struct run *run, uint16_t shard, struct id128 id)
{
    const struct ref_transfer *t = reference_transfer(&run->reference, shard, id);
    for (uint16_t i = 0; i < run->swarm.shards && (t == NULL || !t->grouped); i++) {
        const struct ref_transfer *there = reference_transfer(&run->reference, i, id);
        t = there != NULL && there->grouped ? there : t;
    }
    if (t != NULL && t->grouped)
        return t->shard;
    return t != NULL && t->kind != REF_REFUSED ? run_home(run, t->credit) : shard;
}

void workload_place(const struct run *run, struct request *q)
{
    struct id128 id = workload_named(q);
    bool targets = q->type->target_offset != MESSAGE_NO_OFFSET;
    if (targets)
        memcpy(&id, (const char *)&q->body + q->type->target_offset, sizeof id);
    q->anywhere = !targets && id128_is_zero(id);
    q->shard = workload_found_in(run, id, q->type->target_kind);
    if (q->type == &transfer_reverse_type)
        q->shard = reversed_in(run, q->shard, id);
}

static void workload_draw(struct run *run, struct request *q)
{
    const struct request blank = *q;
    if (rng_chance(&run->rng, run->swarm.changed_ppm) && workload_changed(run, q))
        return;
    *q = blank;
    const struct operation *o = few_things(run) ? workload_found(run) : workload_choose(run);
    for (int i = 0; i < CHOICES_MAX; i++) {
        *q = blank;
        if (o->make(run, q)) {
            workload_place(run, q);
            if (!workload_chosen_elsewhere(run, q))
                return;
        }
        o = i == CHOICES_MAX / 2 ? workload_found(run) : workload_choose(run);
    }
    *q = blank;
    bool made = account_operations[0].make(run, q);
    check(made);
}

void workload_make(struct run *run, struct request *q)
{
    run->acting = (uint32_t)rng_below(&run->rng, run->swarm.tenants);
    workload_draw(run, q);
    workload_place(run, q);
}
