/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses stands in the books of two shards, on their accounts in transit too, so the plain
 * sum of both may be beyond 128 bits where that of the clients' accounts is not. So the two kinds
 * of accounts are added apart, and of those in transit only what one side has more than the other:
 * in each shard that is no more than what its clients' accounts have on the opposite side. */
#include "actors/ledger/turnover.h"

#include "runtime/base/check.h"

struct turnover turnover_pending(const struct ledger_totals *l)
{
    return (struct turnover){l->debits_pending, l->credits_pending, l->transit_debits_pending,
                             l->transit_credits_pending};
}

struct turnover turnover_posted(const struct ledger_totals *l)
{
    return (struct turnover){l->debits_posted, l->credits_posted, l->transit_debits_posted,
                             l->transit_credits_posted};
}

/* The clients' accounts apart from those in transit, of which one side remains at most. */
static struct turnover turnover_split(const struct turnover *s)
{
    check(s->transit_debits <= s->debits);
    check(s->transit_credits <= s->credits);
    u128 both = s->transit_debits < s->transit_credits ? s->transit_debits : s->transit_credits;
    return (struct turnover){s->debits - s->transit_debits, s->credits - s->transit_credits,
                             s->transit_debits - both, s->transit_credits - both};
}

/* What is on its way one way makes up for what is on its way the other. */
static bool turnover_add_transit(struct turnover *a, const struct turnover *b)
{
    check(a->transit_debits == 0 || a->transit_credits == 0);
    check(b->transit_debits == 0 || b->transit_credits == 0);
    if (!u128_add(a->transit_debits, b->transit_debits, &a->transit_debits) ||
        !u128_add(a->transit_credits, b->transit_credits, &a->transit_credits))
        return false;
    u128 both = a->transit_debits < a->transit_credits ? a->transit_debits : a->transit_credits;
    a->transit_debits -= both;
    a->transit_credits -= both;
    return true;
}

bool turnover_add(struct turnover *sum, const struct turnover *more)
{
    struct turnover a = turnover_split(sum);
    const struct turnover b = turnover_split(more);
    bool fits = u128_add(a.debits, b.debits, &a.debits) &&
                u128_add(a.credits, b.credits, &a.credits) && turnover_add_transit(&a, &b) &&
                u128_add(a.debits, a.transit_debits, &a.debits) &&
                u128_add(a.credits, a.transit_credits, &a.credits);
    *sum = fits ? a : (struct turnover){0};
    return fits;
}
