/* SPDX-License-Identifier: Apache-2.0 */
/* Of each currency one line, found by looking through those there are: they are few. A sum over
 * tenants or shards may be more than 128 bits hold although each of them fits: it is left out of
 * the line, and the verification passes. */
#include "actors/ledger/verify_totals.h"

#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/turnover.h"
#include "runtime/base/check.h"
#include "schemas/common.h"

static struct verify_total *total_of(struct verify_info *info, uint16_t currency)
{
    for (uint32_t i = 0; i < info->totals_count; i++)
        if (info->totals[i].currency == currency)
            return &info->totals[i];
    struct verify_total *total = &info->totals[info->totals_count++];
    check(currency != 0);
    *total = (struct verify_total){.currency = currency,
                                   .has_debits_posted = true,
                                   .has_credits_posted = true,
                                   .has_debits_pending = true,
                                   .has_credits_pending = true};
    return total;
}

static void total_add_posted(struct verify_total *to, const struct ledger_totals *l)
{
    check(to->currency == l->currency);
    struct turnover sum = {to->debits_posted, to->credits_posted, to->transit_debits_posted,
                           to->transit_credits_posted};
    const struct turnover more = turnover_posted(l);
    bool fits = to->has_debits_posted && turnover_add(&sum, &more);
    to->has_debits_posted = to->has_credits_posted = fits;
    to->debits_posted = sum.debits;
    to->credits_posted = sum.credits;
    to->transit_debits_posted = sum.transit_debits;
    to->transit_credits_posted = sum.transit_credits;
}

static void total_add_pending(struct verify_total *to, const struct ledger_totals *l)
{
    check(to->currency == l->currency);
    struct turnover sum = {to->debits_pending, to->credits_pending, to->transit_debits_pending,
                           to->transit_credits_pending};
    const struct turnover more = turnover_pending(l);
    bool fits = to->has_debits_pending && turnover_add(&sum, &more);
    to->has_debits_pending = to->has_credits_pending = fits;
    to->debits_pending = sum.debits;
    to->credits_pending = sum.credits;
    to->transit_debits_pending = sum.transit_debits;
    to->transit_credits_pending = sum.transit_credits;
}

static bool total_add(void *context, struct id128 id, const void *state)
{
    const struct ledger_totals *l = state;
    (void)id;
    struct verify_total *total = total_of(context, l->currency);
    total->accounts += l->account_count;
    total->transfers += l->transfer_count;
    total_add_posted(total, l);
    total_add_pending(total, l);
    return true;
}

void verify_totals(struct registry *r, struct verify_info *info)
{
    check(info->totals != NULL);
    registry_each(r, KIND_LEDGER_TOTALS, total_add, info);
}
