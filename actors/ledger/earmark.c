/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/earmark.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

struct earmark *earmark_get(struct turn *t, struct earmarks *e, struct id128 account_id,
                            uint16_t currency)
{
    uint32_t before = e->accounts.count;
    uint32_t place = id_places_put(t, &e->accounts, account_id);
    if (e->cap < e->accounts.cap) {
        const struct earmark *old = e->all;
        e->cap = e->accounts.cap;
        e->all = turn_alloc(t, e->cap * sizeof *e->all);
        if (before > 0)
            memcpy(e->all, old, before * sizeof *e->all);
    }
    check(place < e->cap);
    e->all[place].currency = currency;
    return &e->all[place];
}

static u128 earmarks_of(const struct earmarks *e, struct id128 account_id, bool credit)
{
    uint32_t place = id_places_find(&e->accounts, account_id);
    if (place == ID_PLACES_NONE)
        return 0;
    check(place < e->cap);
    return credit ? e->all[place].credits : e->all[place].debits;
}

u128 earmarks_sum_of(const struct earmarks *e, struct id128 totals_id)
{
    for (uint32_t i = 0; e != NULL && i < e->sum_count; i++)
        if (id128_equal(e->sums[i].totals_id, totals_id))
            return e->sums[i].amount;
    return 0;
}

void earmarks_spare(const struct earmarks *e, struct posting *p)
{
    p->debits_kept = p->credits_kept = p->sums_kept = 0;
    if (e == NULL || e->accounts.count == 0 || MUTANT(SPEND_EARMARKED))
        return;
    check(e->sum_count > 0);
    if (p->debit != NULL)
        p->debits_kept = earmarks_of(e, p->debit_id, false);
    if (p->credit != NULL)
        p->credits_kept = earmarks_of(e, p->credit_id, true);
    p->sums_kept = earmarks_sum_of(e, p->totals_id);
}

static u128 *earmarks_sum(struct turn *t, struct earmarks *e, struct id128 totals_id)
{
    for (uint32_t i = 0; i < e->sum_count; i++)
        if (id128_equal(e->sums[i].totals_id, totals_id))
            return &e->sums[i].amount;
    if (e->sum_count == e->sum_cap) {
        const struct earmark_sum *old = e->sums;
        e->sum_cap = 2 * e->sum_cap + 4;
        e->sums = turn_alloc(t, e->sum_cap * sizeof *e->sums);
        if (e->sum_count > 0)
            memcpy(e->sums, old, e->sum_count * sizeof *e->sums);
    }
    check(e->sum_count < e->sum_cap);
    e->sums[e->sum_count] = (struct earmark_sum){.totals_id = totals_id};
    return &e->sums[e->sum_count++].amount;
}

static void earmark_more(u128 *sum, u128 amount)
{
    bool fits = u128_add(*sum, amount, sum);
    check(fits); /* posting_check() looked at it with what was there before */
}

void earmarks_add(struct turn *t, struct earmarks *e, const struct posting *p)
{
    uint16_t currency = p->transfer.currency;
    check(p->debit != NULL || p->credit != NULL);
    if (p->debit != NULL)
        earmark_more(&earmark_get(t, e, p->debit_id, currency)->debits, p->amount);
    if (p->credit != NULL)
        earmark_more(&earmark_get(t, e, p->credit_id, currency)->credits, p->amount);
    earmark_more(earmarks_sum(t, e, p->totals_id), p->amount);
}
