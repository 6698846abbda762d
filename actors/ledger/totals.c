/* SPDX-License-Identifier: Apache-2.0 */
/* See totals.h. */
#include "actors/ledger/totals.h"

#include "actors/ledger/ledger.h"
#include "runtime/base/check.h"
#include "schemas/common.h"

static struct verify_total *total_of(struct verify_info *info, uint16_t currency)
{
    for (uint32_t i = 0; i < info->totals_count; i++)
        if (info->totals[i].currency == currency)
            return &info->totals[i];
    struct verify_total *total = &info->totals[info->totals_count++];
    *total = (struct verify_total){.currency = currency};
    return total;
}

static void totals_add(u128 *sum, u128 more)
{
    bool fits = u128_add(*sum, more, sum);
    check(fits);
}

static bool add_ledger(void *context, struct id128 id, const void *state)
{
    const struct ledger *l = state;
    (void)id;
    if (l->currency == 0)
        return true; /* the shard's own actor */
    struct verify_total *total = total_of(context, l->currency);
    total->accounts += l->account_count;
    total->transfers += l->transfer_count;
    totals_add(&total->debits_posted, l->debits_posted);
    totals_add(&total->credits_posted, l->credits_posted);
    totals_add(&total->debits_pending, l->debits_pending);
    totals_add(&total->credits_pending, l->credits_pending);
    return true;
}

void ledger_totals(struct registry *r, struct verify_info *info)
{
    registry_each(r, KIND_LEDGER, add_ledger, info);
}
