/* SPDX-License-Identifier: Apache-2.0 */
/* Beside movement.c the only place where counters change: of all accounts that a group names in
 * this shard, of those of money in transit, and of the totals, so that debits equal credits after
 * each event. */
#include "actors/ledger/group_movement.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/group_share.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transit.h"
#include "runtime/base/u128.h"
#include "schemas/common.h"

static void group_shift(u128 *counter, u128 amount, bool more)
{
    bool fits = more ? u128_add(*counter, amount, counter) : u128_sub(*counter, amount, counter);
    check(fits);
}

/* An account, and the one of money in transit that stands opposite while something is kept aside.
 */
struct shared_sides {
    struct account *own, *transit;
    struct ledger_totals *totals;
};

static struct shared_sides shared_sides_of(struct registry *r, const struct group_share *g,
                                           struct id128 account_id)
{
    const struct account *found = registry_state(r, KIND_ACCOUNT, account_id);
    const struct id128 tenant_id = found->tenant_id;
    const uint16_t currency = found->currency;
    struct id128 id = transit_id(g->slot, g->decider, tenant_id, currency);
    transit_state(r, id, tenant_id, currency); /* it may be made now, and others lie elsewhere */
    const struct shared_sides s = {
        registry_state(r, KIND_ACCOUNT, account_id),
        registry_state(r, KIND_ACCOUNT, id),
        ledger_totals_state(r, tenant_id, currency),
    };
    check(s.own != s.transit);
    return s;
}

/* Begins or ends what an account keeps aside on both sides. */
static void group_share_shift(struct registry *r, const struct group_share *g,
                              const struct group_kept *k, bool more)
{
    const struct shared_sides s = shared_sides_of(r, g, k->account_id);
    u128 both = k->debits;
    group_shift(&both, k->credits, true);
    group_shift(&s.own->debits_pending, k->debits, more);
    group_shift(&s.own->credits_pending, k->credits, more);
    group_shift(&s.transit->credits_pending, k->debits, more);
    group_shift(&s.transit->debits_pending, k->credits, more);
    group_shift(&s.totals->debits_pending, both, more);
    group_shift(&s.totals->credits_pending, both, more);
    group_shift(&s.totals->transit_credits_pending, k->debits, more);
    group_shift(&s.totals->transit_debits_pending, k->credits, more);
    ledger_totals_check(s.totals);
    account_hold_count(s.own, more ? 1 : -1);
    account_hold_count(s.transit, more ? 1 : -1);
    s.own->version++;
    account_assert(s.own);
    account_assert(s.transit);
}

static void group_share_shift_all(struct registry *r, const struct group_share *g, bool more)
{
    for (uint32_t i = 0; i < g->kept_count; i++)
        group_share_shift(r, g, &g->kept[i], more);
    for (uint32_t i = 0; i < g->promised_count; i++) {
        const struct group_promise *p = &g->promised[i];
        group_shift(&ledger_totals_state(r, p->tenant_id, p->currency)->promised, p->amount, more);
    }
}

void group_reserved_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct group_reserved *e = event;
    struct group_share *g = registry_create(r, KIND_GROUP_SHARE, e->share_id);
    check(g->kept == NULL);
    check(e->kept_count <= 2 * e->group.legs_count);
    check(e->home != e->decider);
    g->slot = e->slot;
    g->decider = e->decider;
    g->ask = e->has_ask ? e->ask : ID128_ZERO;
    g->kept_count = e->kept_count;
    g->promised_count = e->promised_count;
    if (e->kept_count > 0) {
        g->kept = registry_alloc(r, e->kept_count * sizeof *g->kept);
        memcpy(g->kept, e->kept, e->kept_count * sizeof *g->kept);
    }
    if (e->promised_count > 0) {
        g->promised = registry_alloc(r, e->promised_count * sizeof *g->promised);
        memcpy(g->promised, e->promised, e->promised_count * sizeof *g->promised);
    }
    group_share_shift_all(r, g, true);
}

void group_released_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct group_released *e = event;
    const struct group_share *g = registry_state(r, KIND_GROUP_SHARE, e->share_id);
    check(g->kept_count <= e->accounts_count);
    group_share_shift_all(r, g, false);
    registry_remove(r, KIND_GROUP_SHARE, e->share_id);
}

/* The account, or the one of money in transit that stands for it. */
static struct id128 leg_account(struct registry *r, const struct leg_posted *e, bool here,
                                struct id128 account_id, uint16_t peer)
{
    if (here)
        return account_id;
    struct id128 id = transit_id(e->slot, peer, e->tenant_id, e->currency);
    transit_state(r, id, e->tenant_id, e->currency);
    return id;
}

/* It is counted where its debit account is. */
void leg_posted_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct leg_posted *e = event;
    bool debit = (e->ends & LEG_ENDS_DEBIT) != 0, credit = (e->ends & LEG_ENDS_CREDIT) != 0;
    bool passes = (e->ends & LEG_ENDS_DECIDED) != 0 && e->debit_peer != e->credit_peer;
    check(e->decided_time != 0);
    check(!id128_equal(e->debit_account_id, e->credit_account_id));
    if (!debit && !credit && !passes)
        return;
    struct id128 debit_id = leg_account(r, e, debit, e->debit_account_id, e->debit_peer);
    struct id128 credit_id = leg_account(r, e, credit, e->credit_account_id, e->credit_peer);
    struct account *from = registry_state(r, KIND_ACCOUNT, debit_id);
    struct account *to = registry_state(r, KIND_ACCOUNT, credit_id);
    struct ledger_totals *l = ledger_totals_made(r, e->tenant_id, e->currency);
    check(from != to);
    check(from->currency == e->currency && to->currency == e->currency);
    group_shift(&from->debits_posted, e->amount, true);
    group_shift(&to->credits_posted, e->amount, true);
    group_shift(&l->debits_posted, e->amount, true);
    group_shift(&l->credits_posted, e->amount, true);
    if (!debit)
        group_shift(&l->transit_debits_posted, e->amount, true);
    if (!credit)
        group_shift(&l->transit_credits_posted, e->amount, true);
    ledger_totals_check(l);
    from->version += debit;
    to->version += credit;
    l->transfer_count += debit;
}
