/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/ledger_totals.h"

#include "actors/ledger/ledger.h"
#include "schemas/operator.h"

static struct verify_total *total_of(struct verify_info *info, uint16_t currency)
{
    for (uint32_t i = 0; i < info->totals_count; i++) {
        if (info->totals[i].currency == currency)
            return &info->totals[i];
    }
    info->totals[info->totals_count] = (struct verify_total){.currency = currency};
    return &info->totals[info->totals_count++];
}

static void add(u128 *sum, u128 amount)
{
    check(u128_add(*sum, amount, sum));
}

static bool add_ledger(void *context, struct id128 id, const void *state)
{
    const struct ledger *l = state;
    (void)id;
    if (l->currency == 0) /* the shard's own actor */
        return true;
    struct verify_total *t = total_of(context, l->currency);
    t->accounts += l->account_count;
    t->transfers += l->transfer_count;
    add(&t->debits_posted, l->debits_posted);
    add(&t->credits_posted, l->credits_posted);
    add(&t->debits_pending, l->debits_pending);
    add(&t->credits_pending, l->credits_pending);
    return true;
}

void ledger_totals(struct registry *r, struct verify_info *info)
{
    registry_each(r, KIND_LEDGER, add_ledger, info);
}
