/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_times.h. Imports of a tenant, currency and shard go forward in time; what was imported
 * before is looked for among all that there is. */
#include "tests/simulation/model/ref_times.h"

#include "tests/simulation/verdict.h"

static bool same_ledger(const struct reference *r, const struct ref_account *a,
                        const struct ref_account *b)
{
    return id128_equal(a->tenant, b->tenant) && a->currency == b->currency &&
           reference_home(r, a->id) == reference_home(r, b->id);
}

uint64_t times_of_account(const struct reference *r, const struct account_opened *e,
                          uint64_t time_ns)
{
    bool imported = (e->flags & ACCOUNT_FLAGS_IMPORTED) != 0;
    const struct ref_account opened = {
        .id = e->account_id, .tenant = e->tenant_id, .currency = e->currency};
    if (imported != e->has_effective_time)
        broken("an account is imported without a time, or has one without being imported");
    if (!imported)
        return time_ns;
    if (e->effective_time >= time_ns)
        broken("an account is imported from the future");
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct ref_account *a = &r->accounts[i];
        if ((a->flags & ACCOUNT_FLAGS_IMPORTED) != 0 && a->opened_ns >= e->effective_time &&
            same_ledger(r, a, &opened))
            broken("accounts are imported in another order than that of their times");
    }
    return e->effective_time;
}

static void check_imported(const struct reference *r, const struct times_claim *c,
                           uint64_t time_ns)
{
    if (!c->given || c->effective_ns >= time_ns)
        broken("a transfer is imported without a time, or from the future");
    if (c->effective_ns <= c->debit->opened_ns || c->effective_ns <= c->credit->opened_ns)
        broken("a transfer is imported from before its accounts");
    for (uint32_t i = 0; i < r->transfer_count; i++) {
        const struct ref_transfer *t = &r->transfers[i];
        if ((t->flags & TRANSFER_FLAGS_IMPORTED) != 0 && t->effective_ns >= c->effective_ns &&
            same_ledger(r, reference_account(r, t->debit), c->debit))
            broken("transfers are imported in another order than that of their times");
    }
}

uint64_t times_of_transfer(const struct reference *r, const struct times_claim *c,
                           uint64_t time_ns)
{
    if (c->given && c->resolves != NULL && c->effective_ns < c->resolves->effective_ns)
        broken("a post or void counts before what it resolves");
    if ((c->flags & TRANSFER_FLAGS_IMPORTED) != 0) {
        check_imported(r, c, time_ns);
        return c->effective_ns;
    }
    if (!c->given)
        return time_ns;
    if (c->effective_ns > time_ns)
        broken("a transfer counts from the future");
    if (c->effective_ns < c->debit->opened_ns || c->effective_ns < c->credit->opened_ns)
        broken("a transfer counts before its accounts were opened");
    return c->effective_ns;
}

void times_of_reversal(const struct ref_transfer *original, const struct ref_transfer *back)
{
    if (back->effective_ns < original->effective_ns)
        broken("a reversal counts before what it moves back");
}
