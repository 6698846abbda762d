/* SPDX-License-Identifier: Apache-2.0 */
/* One counter for the day of the newest debit: it begins anew with the first debit of another day.
 */
#include "tests/simulation/model/ref_spending.h"

#include "runtime/base/time.h"
#include "tests/simulation/verdict.h"

void spending_use(struct ref_wallet *w, u128 amount, uint64_t time_ns)
{
    if (w->status != WALLET_STATUS_ACTIVE)
        broken("money of a wallet moves that is frozen or closed");
    if (w->spent_day != time_ns / NS_PER_DAY)
        w->spent = 0;
    w->spent_day = time_ns / NS_PER_DAY;
    w->spent += amount;
    if (w->per_transaction.given && amount > w->per_transaction.amount)
        broken("a debit is beyond the wallet's limit of one transaction");
    if (w->per_day.given && w->spent > w->per_day.amount)
        broken("the debits of a day are beyond the wallet's limit");
}

void spending_return(struct ref_wallet *w, u128 amount, uint64_t since_ns)
{
    if (w->spent_day != since_ns / NS_PER_DAY)
        return;
    if (amount > w->spent)
        broken("more comes back to a wallet than was spent on that day");
    w->spent -= amount;
}

void spending_capture(const struct ref_wallet *w, struct ref_effects *effects)
{
    if (w->status == WALLET_STATUS_CLOSED || w->frozen_for_all)
        broken("something of a wallet is captured that is closed or frozen for all");
    if (w->status == WALLET_STATUS_FROZEN)
        effects->frozen_owner = w->owner;
}

void spending_status_changed(struct ref_wallet *w, const struct wallet_status_changed *e)
{
    bool for_all = e->has_freeze_scope && e->freeze_scope == FREEZE_SCOPE_ALL;
    if (w->status == WALLET_STATUS_CLOSED)
        broken("the status of a closed wallet changes");
    if (w->status == e->status && (!for_all || w->frozen_for_all))
        broken("a wallet is frozen again, and not wider");
    w->status = e->status;
    w->frozen_for_all = for_all;
}

void spending_limits_changed(struct ref_wallet *w, const struct wallet_limits_changed *e)
{
    w->per_transaction = (struct ref_limit){e->has_per_transaction, e->per_transaction};
    w->per_day = (struct ref_limit){e->has_per_day, e->per_day};
    if (w->per_transaction.given && w->per_day.given &&
        w->per_day.amount < w->per_transaction.amount)
        broken("a wallet's day allows less than one transaction");
}
