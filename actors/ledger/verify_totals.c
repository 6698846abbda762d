/* SPDX-License-Identifier: Apache-2.0 */
/* Of each currency one line, found by looking through those there are: they are few. */
#include "actors/ledger/verify_totals.h"

#include "actors/ledger/ledger_totals.h"
#include "runtime/base/check.h"
#include "schemas/common.h"

static struct verify_total *total_of(struct verify_info *info, uint16_t currency)
{
    for (uint32_t i = 0; i < info->totals_count; i++)
        if (info->totals[i].currency == currency)
            return &info->totals[i];
    struct verify_total *total = &info->totals[info->totals_count++];
    check(currency != 0);
    *total = (struct verify_total){.currency = currency};
    return total;
}

/* Less what is on accounts of money in transit: turnover of no account of a client's. */
static void add_to(u128 *sum, u128 more, u128 in_transit)
{
    check(in_transit <= more);
    more -= in_transit;
    bool fits = u128_add(*sum, more, sum);
    check(fits);
}

static bool add_of_ledger(void *context, struct id128 id, const void *state)
{
    const struct ledger_totals *l = state;
    (void)id;
    struct verify_total *total = total_of(context, l->currency);
    total->accounts += l->account_count;
    total->transfers += l->transfer_count;
    add_to(&total->debits_posted, l->debits_posted, l->transit_debits_posted);
    add_to(&total->credits_posted, l->credits_posted, l->transit_credits_posted);
    add_to(&total->debits_pending, l->debits_pending, l->transit_debits_pending);
    add_to(&total->credits_pending, l->credits_pending, l->transit_credits_pending);
    return true;
}

void verify_totals(struct registry *r, struct verify_info *info)
{
    registry_each(r, KIND_LEDGER_TOTALS, add_of_ledger, info);
}
